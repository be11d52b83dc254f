// Parameters of Streamlet (Chan and Shi, "Streamlet: Textbook Streamlined Blockchains", AFT 2020).
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

/// Who leads an epoch: members in turn, or one drawn from a hash of the epoch, in proportion to power.
enum class EpochLeaders : std::uint8_t { round_robin, hash };

struct StreamletOptions {
  Duration delta = 1s;   ///< Delta: the delay that the network is assumed to keep; an epoch is twice as long
  bool echo = true;      ///< relay every message that is new to all others (the paper's implicit echo)
  EpochLeaders leaders = EpochLeaders::round_robin;
  std::vector<NodeId> fixed_leaders{};  ///< instead, in turn; set by plans and tests
  friend bool operator==(const StreamletOptions&, const StreamletOptions&) = default;
};

}  // namespace seqlab::protocols
