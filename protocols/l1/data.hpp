// What the rollup's parts write to layer 1, and what others read there. One struct a kind of transaction (L1TxKind).
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/l1/block.hpp"
#include "protocols/types/block.hpp"

namespace seqlab::protocols {

/// L1TxKind::forced: a user's transaction for the rollup, signed as any other.
struct ForcedData final : L1Data {
  Transaction transaction;
  std::optional<Condition> condition{};
};

/// L1TxKind::force_call: asks the inbox contract to take everything before `upto` now.
struct ForceCallData final : L1Data {
  std::uint64_t upto = 0;   ///< first position that stays in the queue
};

/// L1TxKind::batch: one frame of a channel that carries consecutive rollup blocks. A batch that fits into one
/// transaction is a channel of one frame.
struct BatchData final : L1Data {
  Hash128 channel;               ///< hash of its blocks
  std::uint32_t frame = 0;       ///< 0 ... frames-1
  std::uint32_t frames = 1;
  std::vector<BlockPtr> blocks;  ///< of the whole channel: readable when every frame is there
  std::uint64_t before = 0;      ///< blocks of an older core that come before block 1 of this one's writers
};

/// L1TxKind::commitment: root over the ids of the blocks (end of the previous index, last].
struct CommitmentData final : L1Data {
  std::uint32_t index = 0;       ///< from 1, one more each
  Height last{};
  Hash128 root;
  std::vector<CommitSignature> certificate{};  ///< of the committee, where commitments need one
};

/// Money that left the rollup for layer 1: `nonce` of the account's transaction that burnt it names it.
struct Burn {
  Height height{};
  AccountId account{};
  std::uint64_t nonce = 0;
  Amount amount{};
  friend bool operator==(const Burn&, const Burn&) = default;
};

/// L1TxKind::proof: commitments first ... last lead to `state`.
struct ProofData final : L1Data {
  std::uint32_t first = 0, last = 0;
  Height height{};               ///< end of the last one
  StateRoot state;
  bool valid = true;             ///< an invalid one is skipped by whoever verifies
  std::vector<Burn> burns{};     ///< of its blocks, where the design has a bridge
};

enum class RegistryAction : std::uint8_t {
  add,     ///< the node is registered
  remove,  ///< it is no more; if it had the turn, nobody has
  rotate,  ///< it gets the turn
};

/// L1TxKind::registry: a change, number `turn`, that holds from the registry's lag after the block that holds it on.
struct RegistryData final : L1Data {
  RegistryAction action = RegistryAction::rotate;
  NodeId node{no_node};
  std::uint64_t turn = 0;
};

/// L1TxKind::escrow: money locked for an account of the rollup, or to be released for what it burnt there.
struct EscrowData final : L1Data {
  enum class What : std::uint8_t { deposit, release } what = What::deposit;
  AccountId account{};
  Amount amount{};
  std::uint64_t nonce = 0;       ///< release: of the burn
};

}  // namespace seqlab::protocols
