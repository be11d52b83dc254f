// Taiko's way: a queue of forced items, each due so long after it was queued; a block holds at least those that are
// due, the oldest first, up to a cap. The fee of an item grows with what waits.
// Source: taiko-mono, ForcedInclusion (Shasta). Deviation: due after 48 L1 blocks, which are 576 s of full slots.
#pragma once

#include "protocols/forced/prefix_queue.hpp"

namespace seqlab::protocols {

class DueQueue : public PrefixQueue {
 public:
  explicit DueQueue(const DueQueueOptions& options) : PrefixQueue(options.queue), due_(options) {}

 protected:
  std::size_t due(const ExternalState& before, const std::vector<ForcedItem>& queue, const L1View& own,
                  const L1Ref& ref) const override;
  std::uint64_t delay_max() const override { return due_.due_blocks; }

  DueQueueOptions due_;
};

/// What an item pays when so many wait: linear.
std::int64_t due_queue_fee(std::uint64_t waiting, const DueQueueOptions& options);
/// Whether anybody may propose, because the oldest item of the queue is so late.
bool is_permissionless(std::uint64_t oldest, std::uint64_t l1_height, const DueQueueOptions& options);

}  // namespace seqlab::protocols
