// Parameters of MonadBFT. Defaults are those of Monad's revisions v0.10 and v0.11, but for the growth of the timer.
#pragma once

#include <cstdint>

#include "protocols/consensus/chained/options.hpp"

namespace seqlab::protocols {

struct MonadBftOptions {
  LeaderOptions leader;
  Duration delta = 100ms;             ///< bound on the delay of a message that the timers are made for
  Duration vote_pace = 400ms;         ///< least time between a replica's votes in consecutive rounds; 0: none
  Duration processing = 100ms;        ///< what a round's timer allows for work
  /// Round timer: 3 delta + vote_pace + processing, times growth_percent / 100 for each round beyond the third since
  /// the last final block, at most `growth_steps_max` times. Monad's does not grow (100).
  std::uint32_t growth_percent = 120;
  std::uint32_t growth_steps_max = 6;
  Duration sync_timeout = 1s;         ///< a request goes to another peer after one to two of these
  std::uint32_t sync_window = 8;      ///< committed blocks requested at once while catching up, at least 1
  friend bool operator==(const MonadBftOptions&, const MonadBftOptions&) = default;

  Duration round_timer() const { return 3 * delta + vote_pace + processing; }
  /// How far a fresh block's timestamp may be from the voter's clock.
  Duration timestamp_tolerance() const { return 5 * delta + vote_pace; }
};

}  // namespace seqlab::protocols
