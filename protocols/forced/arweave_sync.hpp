// Warp's way of reading Arweave: the rollup takes over every Arweave block, one after the other, each as soon as it is
// deep and old enough; its interactions are the first thing in the rollup block that names it.
//
// A validator compares with its own download and refuses what it does not have, what differs, and what is missing
// although it has it. So honest nodes disagree for a moment around every Arweave block; rounds fail until more than two
// thirds of the power share a view.
// Source: warp-contracts/sequencer v0.0.89, x/sequencer/proposal. Deviations: `blocks_max`; an age rule for engines
// whose blocks carry no time (then the age is judged by the tip of the validator's own view).
#pragma once

#include "protocols/forced/forced_path.hpp"

namespace seqlab::protocols {

struct ArweaveSyncOptions {
  std::uint32_t depth = 10;      ///< L1 blocks on top of one before it may be named
  Duration age = Duration{1'800'000'000'000};  ///< and its age by the time of the rollup block; not in block 1
  std::uint32_t blocks_max = 1;  ///< L1 blocks taken over by one rollup block
  friend bool operator==(const ArweaveSyncOptions&, const ArweaveSyncOptions&) = default;
};

class ArweaveSync final : public ForcedPath {
 public:
  explicit ArweaveSync(const ArweaveSyncOptions& options) : options_(options) {}

  ExternalState genesis(const L1View& own) const override;
  External build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const override;
  ExternalReject check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                       const External& external) const override;
  void apply(ExternalState& state, const Block& block, std::span<const ForcedStatus> statuses) const override;
  ForcedStatus status_of(const ForcedItem& item, TxStatus executed) const override;

 private:
  ExternalReject eligible(const L1Block& l1, const L1View& own, const BlockFrame& frame) const;

  ArweaveSyncOptions options_;
};

}  // namespace seqlab::protocols
