// What policies have in common that take whole L1 blocks over, one after the other: each once, complete, in order.
#pragma once

#include "protocols/forced/forced_path.hpp"

namespace seqlab::protocols {

class WholeBlocks : public ForcedPath {
 public:
  External build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const override;
  ExternalReject check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                       const External& external) const override;
  void apply(ExternalState& state, const External& external, SimTime timestamp,
             std::span<const ForcedStatus> statuses) const override;
  ForcedStatus status_of(const ForcedItem& item, TxStatus executed, const L1Ref& at) const override;
  /// Whoever is ahead of the author has the block already, and who is not looks whether it is complete. A claim names
  /// one L1 block more than its author has; its items are those of that block.
  ExternalReject check_claim(const ExternalState& committed, const L1View& own, const BlockFrame& frame,
                             const External& claim) const override;
  External follow(const ExternalState& before, const External& claim) const override;

 protected:
  /// @param linked  whether the next L1 block must have the last one as its parent, or only its height
  WholeBlocks(std::uint32_t blocks_max, bool linked) : blocks_max_(blocks_max), linked_(linked) {}
  /// Whether a block may name that one after all that is before it; `none` if it may.
  virtual ExternalReject eligible(const L1Block& l1, const L1View& own, const BlockFrame& frame) const = 0;
  /// Whether an honest proposer names it now.
  virtual bool wanted(const L1Block& l1, const L1View& own, const BlockFrame& frame) const = 0;
  /// Whether a block that does not name it, although it may, is refused.
  virtual bool must() const = 0;

 private:
  bool joins(const L1Block& next, const L1Ref& last) const { return !linked_ || next.parent == last.id; }

  std::uint32_t blocks_max_;
  bool linked_;
};

}  // namespace seqlab::protocols
