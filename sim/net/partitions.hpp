// Who cannot reach whom, and since when. A message is lost if a partition separated its ends at any moment between its
// sending and its arrival, also if that partition has healed meanwhile.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/base/strong.hpp"

namespace seqlab::sim {

using PartitionId = std::uint32_t;

class Partitions {
 public:
  /// Counts the partitions ever started. A message remembers the epoch it was sent in, and is looked at again at its
  /// arrival only if the epoch has changed: without partitions nothing is ever looked up.
  std::uint32_t epoch() const { return epoch_; }
  bool any_active() const { return active_ > 0; }

  /// @return a number from 1 on
  PartitionId start(std::span<const std::vector<NodeId>> groups, bool one_way);
  /// @return whether it was active
  bool heal(PartitionId id);
  std::vector<PartitionId> active() const;

  /// Whether an active partition has `node` in one of its groups.
  bool touches(NodeId node) const;
  /// Whether an active partition keeps `from` from reaching `to`.
  bool separates(NodeId from, NodeId to) const;
  /// Whether a partition that started after `epoch` kept or keeps `from` from reaching `to`.
  bool separated_since(std::uint32_t epoch, NodeId from, NodeId to) const;

  /// A flight of `epoch` begins / is over. Lets healed partitions be forgotten.
  /// @pre epoch is the present one, or that of another flight that is not over
  void enter(std::uint32_t epoch) { ++in_flight_[epoch - first_]; }
  void leave(std::uint32_t epoch) { --in_flight_[epoch - first_]; }
  std::size_t remembered() const { return partitions_.size(); }

 private:
  struct Partition {
    PartitionId id = 0;
    std::uint32_t epoch = 0;
    bool one_way = false;
    bool active = true;
    std::vector<std::uint16_t> group;  // by node; 0 = in none

    std::uint16_t group_of(NodeId node) const { return node.value < group.size() ? group[node.value] : 0; }
    bool separates(NodeId from, NodeId to) const {
      const std::uint16_t source = group_of(from);
      const std::uint16_t target = group_of(to);
      return source != target && source != 0 && target != 0 && (!one_way || source == 1);
    }
  };
  void forget();

  std::uint32_t epoch_ = 0;
  std::uint32_t active_ = 0;
  std::uint32_t first_ = 0;                   // epoch of in_flight_[0]
  std::vector<std::uint64_t> in_flight_{0};   // messages by epoch
  std::vector<Partition> partitions_;         // in order of start
};

}  // namespace seqlab::sim
