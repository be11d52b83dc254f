// Warp's way of reading Arweave: the rollup takes over every Arweave block, one after the other, each as soon as it is
// deep and old enough; its interactions are the first thing in the rollup block that names it.
//
// A validator compares with its own download and refuses what it does not have, what differs, and what is missing
// although it has it. So honest nodes disagree for a moment around every Arweave block; rounds fail until more than two
// thirds of the power share a view.
// Source: warp-contracts/sequencer v0.0.89, x/sequencer/proposal. Deviations: `blocks_max`; an age rule for engines
// whose blocks carry no time (then the age is judged by the tip of the validator's own view).
#pragma once

#include "protocols/forced/options.hpp"
#include "protocols/forced/whole_blocks.hpp"

namespace seqlab::protocols {

class ArweaveSync : public WholeBlocks {
 public:
  explicit ArweaveSync(const ArweaveSyncOptions& options) : WholeBlocks(options.blocks_max, false), options_(options) {}

  ExternalState genesis(const L1View& own) const override;

 protected:
  ExternalReject eligible(const L1Block& l1, const L1View& own, const BlockFrame& frame) const override;
  bool wanted(const L1Block& l1, const L1View& own, const BlockFrame& frame) const override {
    return eligible(l1, own, frame) == ExternalReject::none;
  }
  bool must() const override { return true; }

 private:
  ArweaveSyncOptions options_;
};

}  // namespace seqlab::protocols
