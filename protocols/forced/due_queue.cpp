#include "protocols/forced/due_queue.hpp"

#include <algorithm>

#include "sim/base/fixed_point.hpp"

namespace seqlab::protocols {

std::size_t DueQueue::due(const ExternalState&, const std::vector<ForcedItem>& queue, const L1View&,
                          const L1Ref& ref) const {
  std::size_t count = 0;
  const std::size_t most = std::min<std::size_t>(queue.size(), options_.cap);
  while (count < most && queue[count].l1_height + due_.due_blocks <= ref.height) ++count;
  return count;
}

std::int64_t due_queue_fee(std::uint64_t waiting, const DueQueueOptions& options) {
  return options.fee + mul_div_floor(options.fee, static_cast<std::int64_t>(waiting), options.fee_double);
}

bool is_permissionless(std::uint64_t oldest, std::uint64_t l1_height, const DueQueueOptions& options) {
  return l1_height > oldest + std::uint64_t{options.permissionless_after} * options.due_blocks;
}

}  // namespace seqlab::protocols
