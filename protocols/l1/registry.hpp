// The registry of a rollup's writers on layer 1: which node may write its data in which L1 block. A regular value, the
// state after one L1 block; whoever reads another branch reads another registry.
//
// Source: OP Stack specification, SystemConfig (`batcherHash`, updated by its owner, read from a batch's L1 block).
// Deviations: several writers are registered, of whom at most one has the turn; a change holds from `lag` L1 blocks
// after its own on, where the OP Stack lets it hold from the next L1 origin on.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/l1/data.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct RegistryOptions {
  /// What the owner does, and when he begins to.
  struct Change {
    Duration at{};
    RegistryAction action = RegistryAction::rotate;
    NodeId node{};
    friend bool operator==(const Change&, const Change&) = default;
  };
  std::vector<NodeId> writers{};   ///< registered from the start, the first has the turn; empty: there is no registry
  NodeId owner{0};                 ///< whose transactions change it, and on whose machine he lives
  std::uint32_t lag = 2;           ///< L1 blocks from a change's own to the first one in which it holds; at least 1
  std::vector<Change> changes{};   ///< in order of time
  bool exists() const { return !writers.empty(); }
  friend bool operator==(const RegistryOptions&, const RegistryOptions&) = default;
};

/// Why a change does not count. Ordinary: anybody can write to layer 1.
enum class RegistryReject : std::uint16_t {
  none,
  not_owner,
  old_turn,     ///< another change with this number or a higher one counts already
  registered,   ///< added, and it is there
  unknown,      ///< removed or given the turn, and it is not there
};

class Registry {
 public:
  Registry() = default;
  explicit Registry(const RegistryOptions& options);

  /// A transaction of `author` in the L1 block `height`. Blocks come in order.
  RegistryReject apply(const RegistryData& change, NodeId author, std::uint64_t height);
  /// Who may write in the L1 block `height`; no_node: nobody. @pre height is at least that of the last block read
  NodeId entitled(std::uint64_t height) const;
  /// Number of the last change that counts.
  std::uint64_t turn() const { return turn_; }

  friend bool operator==(const Registry&, const Registry&) = default;

 private:
  struct Turn {
    std::uint64_t from = 0;   ///< L1 height
    NodeId writer{no_node};
    friend bool operator==(const Turn&, const Turn&) = default;
  };
  NodeId owner_{no_node};
  std::uint32_t lag_ = 1;
  std::uint64_t turn_ = 0;
  std::vector<NodeId> writers_{};   ///< registered, sorted
  std::vector<Turn> turns_{};       ///< by `from`: the one that holds, and those to come
};

/// What readers make of the registry. Honest; tests put broken ones in its place.
class RegistryRules {
 public:
  virtual ~RegistryRules() = default;
  /// Whether a batch of `author` in the L1 block counts. @param registry  after that block
  virtual bool counts(const Registry& registry, NodeId author, std::uint64_t height) const {
    return registry.entitled(height) == author;
  }
};

}  // namespace seqlab::protocols
