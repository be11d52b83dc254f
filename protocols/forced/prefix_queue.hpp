// What policies have in common that consume one queue of L1 in its order: a rollup block names an L1 block, its
// reference, and moves a pointer over the items of the queue up to there. What must be consumed is a function of the
// reference and of the chain so far, so honest nodes with different tips agree about it.
//
// Items that a block consumes are in it; what else waits is read again from L1. The state keeps from where on.
#pragma once

#include "protocols/forced/forced_path.hpp"
#include "protocols/forced/options.hpp"

namespace seqlab::protocols {

class PrefixQueue : public ForcedPath {
 public:
  ExternalState genesis(const L1View& own) const override;
  External build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const override;
  ExternalReject check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                       const External& external) const override;
  void apply(ExternalState& state, const External& external, SimTime timestamp,
             std::span<const ForcedStatus> statuses) const override;
  ForcedStatus status_of(const ForcedItem& item, TxStatus executed, const L1Ref& at) const override;
  ExternalReject check_claim(const ExternalState& committed, const L1View& own, const BlockFrame& frame,
                             const External& claim) const override;
  External follow(const ExternalState& before, const External& claim) const override;
  bool items_lead() const override { return options_.place == QueueOptions::Place::top; }

 protected:
  explicit PrefixQueue(const QueueOptions& options) : options_(options) {}
  /// How many of `queue`, from its front, a block with that reference must consume. @param own  for calls on L1
  virtual std::size_t due(const ExternalState& before, const std::vector<ForcedItem>& queue, const L1View& own,
                          const L1Ref& ref) const = 0;
  /// L1 blocks after its own at which an item is due at the latest: how far back there may be something.
  virtual std::uint64_t delay_max() const = 0;
  /// An item left the queue in a block with that reference.
  virtual void consumed(ExternalState& state, const ForcedItem& item, const L1Ref& ref) const;

  QueueOptions options_;

 private:
  ExternalReject check_items(const ExternalState& before, const L1View& own, const External& external) const;
};

/// What waits of the queue at an L1 height: items that are not done with, in order.
std::vector<ForcedItem> queue_at(const ExternalState& before, const L1View& own, std::uint64_t height);

}  // namespace seqlab::protocols
