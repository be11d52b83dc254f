// Parameters of the rotating single sequencer.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct RotatingOptions {
  Duration slot = 2s;                  ///< time between two blocks of an operator
  std::uint32_t epoch_slots = 16;      ///< slots between two hand-overs
  std::uint32_t handover_slots = 4;    ///< window: the last slots of an epoch, in which the next operator begins
  Duration buffer = 4s;                ///< it begins after so long even without the end marker of the incumbent
  std::uint32_t inactive_slots = 3;    ///< slots without a block after which a backup takes over; 0: none does
  bool create_empty_blocks = true;
  std::vector<NodeId> fixed_leaders{};  ///< instead, in turn; set by plans and tests
  friend bool operator==(const RotatingOptions&, const RotatingOptions&) = default;
};

}  // namespace seqlab::protocols
