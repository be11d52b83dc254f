// Today's single sequencer: one node orders, everybody else follows its signed blocks. A soft confirmation after one
// hop is all that it offers; the baseline of every comparison.
#pragma once

#include "protocols/consensus/engine.hpp"
#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct CentralisedOptions {
  NodeId sequencer{0};
  Duration block_interval = 2s;
  bool create_empty_blocks = true;
  Duration follower_stall = 4s;  ///< a follower that heard nothing for so long asks for what it missed
  friend bool operator==(const CentralisedOptions&, const CentralisedOptions&) = default;
};

}  // namespace seqlab::protocols
