// Citrea's way of reading Bitcoin: a scan of final blocks finds forced transactions; a queue, first in first out; each
// rollup block tries so many. One that cannot be executed when it is tried (a nonce, a balance) is gone with `drop`:
// the rule of the code at work in progress, by which whoever can move the nonce first voids another's item. With
// `retry` it stays and is tried again, until a block names an L1 block `cut_off` after its own: then it is refused,
// for a reason that everybody can check.
// Source: chainwayxyz/citrea, forced transactions (work in progress); documentation for the cut-off.
#pragma once

#include "protocols/forced/prefix_queue.hpp"

namespace seqlab::protocols {

class CitreaQueue : public PrefixQueue {
 public:
  explicit CitreaQueue(const CitreaQueueOptions& options);
  External build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const override;
  ExternalReject check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                       const External& external) const override;
  void apply(ExternalState& state, const External& external, SimTime timestamp,
             std::span<const ForcedStatus> statuses) const override;
  ForcedStatus status_of(const ForcedItem& item, TxStatus executed, const L1Ref& at) const override;
  ExternalReject check_claim(const ExternalState& committed, const L1View& own, const BlockFrame& frame,
                             const External& claim) const override;
  External follow(const ExternalState& before, const External& claim) const override;

 protected:
  std::size_t due(const ExternalState& before, const std::vector<ForcedItem>& queue, const L1View& own,
                  const L1Ref& ref) const override;
  std::uint64_t delay_max() const override { return 0; }
  /// Of an item that could not be executed and is not at its cut-off.
  virtual ForcedStatus failed(const ForcedItem& item) const;

  CitreaQueueOptions citrea_;

 private:
  bool is_final(std::uint64_t height, const L1View& own) const;
};

}  // namespace seqlab::protocols
