// Blocks and transactions of a layer-1 chain as the rollup sees them: who wrote what, at what price, in which block.
// What nobody here reads (the demand of the rest of the world) is a price, not a transaction; see fees.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocols/types/ids.hpp"
#include "sim/base/strong.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

/// What a transaction means to those who read the chain (`l1_included`).
enum class L1TxKind : std::uint8_t {
  plain,         ///< nothing
  forced,        ///< a user's item for the rollup, past the sequencer
  force_call,    ///< "include the forced items up to this one now", by anybody
  batch,         ///< a piece of the rollup's ordered data
  commit,        ///< first half of an inscription: pays for the second, says nothing
  commitment,    ///< root over a range of rollup blocks
  proof,         ///< validity proof of a range
  registry,      ///< the set or the turn of the sequencers changes
  escrow,        ///< money into or out of the bridge
};
inline constexpr std::size_t l1_tx_kind_count = 9;

/// What a transaction carries, for those who read its kind. Immutable.
struct L1Data {
  virtual ~L1Data() = default;
};

/// What is scarce in a block: each lane has its own capacity and its own price.
enum class L1Lane : std::uint8_t {
  ordinary,  ///< bytes (Arweave), virtual bytes (Bitcoin), gas (Ethereum)
  blobs,     ///< blob gas (Ethereum)
};
inline constexpr std::size_t l1_lane_count = 2;

/// Price of one unit of a lane, in millionths of the chain's base unit (satoshi; gwei; micro-AR).
using L1Price = std::int64_t;

struct L1Transaction {
  Hash128 id;              ///< hash of what it says; a replacement that says the same for more has another one
  NodeId author{no_node};  ///< who signed and pays; no_node: somebody out there
  L1TxKind kind = L1TxKind::plain;
  std::uint64_t nonce = 0;        ///< position in the author's sequence, where the chain has sequences
  bool has_nonce = false;
  Hash128 after;                  ///< must come later in the chain than this one ({}: nothing)
  std::uint64_t units[l1_lane_count] = {0, 0};  ///< what it takes of each lane
  L1Price price_max[l1_lane_count] = {0, 0};    ///< the most it pays a unit
  std::uint32_t bytes = 0;
  std::shared_ptr<const L1Data> data;
};
using L1TransactionPtr = std::shared_ptr<const L1Transaction>;

struct ContractState;

struct L1Block {
  Hash128 id;
  std::uint64_t height = 0;
  Hash128 parent;
  SimTime timestamp{};   ///< what its header says; increases along a chain
  SimTime mined{};       ///< when it really came to be
  L1Price price[l1_lane_count] = {0, 0};  ///< least price that got in
  std::vector<L1TransactionPtr> transactions;
  /// Of the rollup's contracts, after this block; null in worlds without any. See contracts.hpp.
  std::shared_ptr<const ContractState> contracts;
};
using L1BlockPtr = std::shared_ptr<const L1Block>;

}  // namespace seqlab::protocols
