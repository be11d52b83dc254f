// How a rollup reads layer 1: which L1 block a rollup block names, which forced items it takes from there, and what a
// validator refuses. A policy is a pure function of the chain so far and of one node's own view of L1.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocols/l1/view.hpp"
#include "protocols/types/block.hpp"

namespace seqlab::protocols {

/// Why a validator refuses what a block takes from L1. Ordinary: views differ.
enum class ExternalReject : std::uint8_t {
  none,
  unknown_block,   ///< the validator's own view lacks the L1 block
  missing_block,   ///< the validator has an L1 block that had to be named
  wrong_block,     ///< its view has another block at that height
  immature,        ///< not deep or not old enough
  wrong_height,    ///< skips, or goes back
  wrong_items,     ///< not the items of the L1 block, or not in their order
  overdue,         ///< an item whose deadline has passed was left out
  out_of_time,     ///< the rollup's clock against that of L1
};

/// What all nodes agree on about L1, as part of the rollup's state. A regular value.
struct ExternalState {
  L1Ref last;                     ///< the L1 block named last
  std::uint64_t pointer = 0;      ///< first position of the queue that is not done with
  std::vector<ForcedItem> waiting{};  ///< items of named L1 blocks that are not done with, in order
  SimTime timestamp{};            ///< of the last rollup block
  std::uint64_t buffer = 0;       ///< delay buffer, L1 blocks
  std::uint64_t buffer_block = 0;
  std::uint64_t buffer_delay = 0;
  /// Every item before this L1 block is done with; the first one from there on has this position.
  std::uint64_t scan = 0, scan_position = 0;
  friend bool operator==(const ExternalState&, const ExternalState&) = default;
};

/// The rollup block at hand, as far as a policy may look.
struct BlockFrame {
  Height height{};
  SimTime timestamp{};   ///< zero where the engine's blocks carry no time
  std::uint32_t bytes_left = 0;
  Gas gas_left = 0;
};

class ForcedPath {
 public:
  virtual ~ForcedPath() = default;

  virtual ExternalState genesis(const L1View& own) const = 0;
  /// What an honest proposer puts in.
  virtual External build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const = 0;
  /// What an honest validator thinks of it.
  virtual ExternalReject check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                               const External& external) const = 0;
  /// Whether the block may hold transactions of users besides.
  virtual bool admits_users(const ExternalState& before, const BlockFrame& frame, const External& external) const;
  /// After a block: the same on every node, whatever its view. `statuses[i]` is what became of `external.items[i]`.
  virtual void apply(ExternalState& state, const External& external, SimTime timestamp,
                     std::span<const ForcedStatus> statuses) const = 0;
  /// Whether an item that cannot be executed is done with (`failed`) or dropped untried (`refused`, `removed`,
  /// `deferred`). @param at  the L1 block that the rollup block names
  virtual ForcedStatus status_of(const ForcedItem& item, TxStatus executed, const L1Ref& at) const = 0;

  /// Whether a block's items come before its transactions of users. Where they come after them the proposer chooses the
  /// state that they meet.
  virtual bool items_lead() const { return true; }

  // Engines that make blocks of what many have said (DAG): the author of a vertex says what he would put into a block
  // of his own after what he has committed, and a block takes that of its leader. By then the chain may be further on.

  /// What an honest validator thinks of a vertex. `committed` is the validator's own; the author may be ahead of it, or
  /// behind.
  virtual ExternalReject check_claim(const ExternalState& committed, const L1View& own, const BlockFrame& frame,
                                     const External& claim) const = 0;
  /// The part of a claim that follows what the chain knows; nothing new if none does. Looks at nothing else.
  virtual External follow(const ExternalState& before, const External& claim) const = 0;
};

}  // namespace seqlab::protocols
