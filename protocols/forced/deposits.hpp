// Optimism's way of reading Ethereum: each rollup block names an L1 block, its origin; the first block of an epoch (of
// one origin) holds every deposit of that L1 block, in order. The origin advances by at most one a block and never goes
// back. The rollup's clock is not behind its origin's and at most `max_drift` ahead of it; a block that is later may
// still be made, without transactions of users.
// Source: OP Stack specification, derivation. Deviation: where an engine's blocks carry no time the two rules of the
// clock say nothing.
#pragma once

#include "protocols/forced/options.hpp"
#include "protocols/forced/whole_blocks.hpp"

namespace seqlab::protocols {

class Deposits : public WholeBlocks {
 public:
  explicit Deposits(const DepositsOptions& options) : WholeBlocks(1, true), options_(options) {}

  ExternalState genesis(const L1View& own) const override;
  bool admits_users(const ExternalState& before, const BlockFrame& frame, const External& external) const override;

 protected:
  ExternalReject eligible(const L1Block& l1, const L1View& own, const BlockFrame& frame) const override;
  bool wanted(const L1Block& l1, const L1View& own, const BlockFrame& frame) const override;
  bool must() const override { return false; }

 private:
  DepositsOptions options_;
};

/// Latest time of a block with transactions of users.
SimTime latest_with_users(const L1Ref& origin, SimTime parent, const DepositsOptions& options);
/// Whether derivation gives up waiting for a batch of that epoch and makes blocks of deposits alone.
bool window_closed(std::uint64_t origin, std::uint64_t l1_height, const DepositsOptions& options);

/// The market for the gas of deposits, one step an L1 block. Wei.
struct DepositGasMarket {
  std::uint64_t limit = 20'000'000;   ///< gas of deposits in one L1 block
  std::uint32_t elasticity = 10;      ///< the target is limit / elasticity
  std::uint32_t denominator = 8;
  std::int64_t floor = 1'000'000'000;
  /// Base fee of the next L1 block after one in which deposits took `used`. @pre used <= limit, fee below 2^53
  std::int64_t next(std::int64_t fee, std::uint64_t used) const;
};

}  // namespace seqlab::protocols
