// The last arrival on each directed link that was used, for links that keep the order of messages.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/base/strong.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::sim {

class FifoLinks {
 public:
  /// The last arrival on the link; time_zero at first. The reference is good until the next call.
  SimTime& last_arrival(NodeId from, NodeId to);

 private:
  struct Slot {
    std::uint64_t key = 0;  // link + 1; 0 = empty
    SimTime last{};
  };
  std::size_t find(std::uint64_t key) const;

  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  std::size_t used_ = 0;
};

}  // namespace seqlab::sim
