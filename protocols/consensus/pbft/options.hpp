// Parameters of PBFT (Castro and Liskov, OSDI 1999), one block a sequence number.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct PbftOptions {
  Duration block_interval = 1s;            ///< least time between two proposals of a primary, positive
  Duration view_timeout = 4s;              ///< without progress for so long: view change; doubles with each in a row
  Duration view_timeout_max = 64s;         ///< where the doubling ends
  Duration retransmit = 2s;                ///< without progress for so long: say again what was said
  std::uint32_t checkpoint_interval = 16;  ///< K: a checkpoint every so many blocks
  std::uint32_t window = 32;               ///< L: so far beyond the last stable checkpoint blocks are ordered, >= 2 K
  bool create_empty_blocks = true;
  std::vector<NodeId> fixed_leaders{};  ///< instead, in turn; set by plans and tests
  friend bool operator==(const PbftOptions&, const PbftOptions&) = default;
};

}  // namespace seqlab::protocols
