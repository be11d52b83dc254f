#include "sim/net/partitions.hpp"

#include <algorithm>
#include <utility>

#include "sim/base/assert.hpp"

namespace seqlab::sim {

PartitionId Partitions::start(std::span<const std::vector<NodeId>> groups, bool one_way) {
  SEQLAB_ASSERT(groups.size() < 0xffff, groups.size());
  forget();
  Partition partition;
  partition.id = partition.epoch = ++epoch_;
  partition.one_way = one_way;
  std::uint32_t nodes = 0;
  for (const auto& group : groups) {
    for (const NodeId node : group) nodes = std::max(nodes, node.value + 1);
  }
  partition.group.assign(nodes, 0);
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (const NodeId node : groups[i]) partition.group[node.value] = static_cast<std::uint16_t>(i + 1);
  }
  const PartitionId id = partition.id;
  partitions_.push_back(std::move(partition));
  in_flight_.push_back(0);
  ++active_;
  return id;
}

bool Partitions::heal(PartitionId id) {
  for (Partition& partition : partitions_) {
    if (partition.id != id || !partition.active) continue;
    partition.active = false;
    --active_;
    forget();
    return true;
  }
  return false;
}

std::vector<PartitionId> Partitions::active() const {
  std::vector<PartitionId> ids;
  for (const Partition& partition : partitions_) {
    if (partition.active) ids.push_back(partition.id);
  }
  return ids;
}

bool Partitions::touches(NodeId node) const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [&](const Partition& p) { return p.active && p.group_of(node) != 0; });
}

bool Partitions::separates(NodeId from, NodeId to) const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [&](const Partition& p) { return p.active && p.separates(from, to); });
}

bool Partitions::separated_since(std::uint32_t epoch, NodeId from, NodeId to) const {
  return std::any_of(partitions_.begin(), partitions_.end(),
                     [&](const Partition& p) { return p.epoch > epoch && p.separates(from, to); });
}

void Partitions::forget() {
  std::size_t gone = 0;
  while (gone + 1 < in_flight_.size() && in_flight_[gone] == 0) ++gone;
  in_flight_.erase(in_flight_.begin(), in_flight_.begin() + static_cast<std::ptrdiff_t>(gone));
  first_ += static_cast<std::uint32_t>(gone);
  // A healed partition matters to messages that were sent before it started, that is, in an earlier epoch.
  std::erase_if(partitions_, [&](const Partition& p) { return !p.active && p.epoch <= first_; });
}

}  // namespace seqlab::sim
