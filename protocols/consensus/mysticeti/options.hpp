#pragma once

#include <cstdint>

#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct MysticetiOptions {
  std::uint32_t leaders = 1;         ///< leader slots a round, at most one a member
  std::uint32_t wave_length = 3;     ///< rounds from a leader to the round that decides about it, at least 3
  Duration leader_timeout = 2s;      ///< how long a validator waits for the leaders of the round before
  Duration min_round_delay{};        ///< least time between two vertices of one validator
  std::uint32_t gc_depth = 50;       ///< a leader orders vertices of so many rounds before it, older ones are lost
  bool recover_own_round = true;     ///< with an empty log, ask a quorum for one's own last vertex before the first one
  Duration fetch_delay = 100ms;      ///< how long a missing ancestor may be under way before it is asked for
  Duration sync_timeout = 1s;        ///< when a question without an answer is asked again
  std::uint32_t sync_window = 8;     ///< committed blocks that are asked for at once
  friend bool operator==(const MysticetiOptions&, const MysticetiOptions&) = default;
};

}  // namespace seqlab::protocols
