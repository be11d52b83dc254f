// What all chained engines let one choose: timers, leaders, catching up.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

/// `round_robin`: members in the order of nodes, one a round. `stake`: Tendermint's proposer priority, a share of the
/// rounds exactly as large as the share of power. `reputation`: DiemBFT's, see leader_schedule.hpp.
enum class LeaderElection : std::uint8_t { round_robin, stake, reputation };

struct LeaderOptions {
  LeaderElection election = LeaderElection::round_robin;
  std::uint32_t reputation_window = 10;          ///< committed blocks that are looked at
  std::uint32_t reputation_lag = 4;              ///< and none of the last so many rounds
  std::uint32_t reputation_active_weight = 99;   ///< for who proposed or voted in the window
  std::uint32_t reputation_inactive_weight = 1;  ///< for all others
  /// Set by a plan, no part of a design: round r is led by fixed[r % size]. Empty: the election decides.
  std::vector<NodeId> fixed{};
  friend bool operator==(const LeaderOptions&, const LeaderOptions&) = default;
};

/// Timer of round r: timeout * (growth_percent / 100)^min(k, growth_steps_max), k = rounds since the last committed one
/// beyond `growth_lag`, rounded down to nanoseconds at each step. Defaults are DiemBFT's.
struct PacemakerOptions {
  Duration timeout = 1s;
  std::uint32_t growth_percent = 120;            ///< at least 100
  std::uint32_t growth_steps_max = 6;
  std::uint32_t growth_lag = 3;
  bool join = true;                              ///< give up a round when more than a third of the power has
  friend bool operator==(const PacemakerOptions&, const PacemakerOptions&) = default;
};

struct ChainedOptions {
  LeaderOptions leader;
  PacemakerOptions pacemaker;
  Duration sync_timeout = 1s;                    ///< a request goes to another peer after one to two of these
  std::uint32_t sync_window = 8;                 ///< committed blocks requested at once while catching up, at least 1
  Duration proposal_pause{};                     ///< a leader waits so long in its round before it proposes
  Duration timestamp_bound = 300s;               ///< blocks from farther in the future get no vote
  friend bool operator==(const ChainedOptions&, const ChainedOptions&) = default;
};

/// How replicas get from round to round when nothing is certified. `timeout_certificates`: everybody hears who gives a
/// round up, a quorum of timeouts (TC) ends it. `new_view`: only the next leader hears it, and each replica enters the
/// next round when its own timer says so (HotStuff's pacemaker; then let timers double).
enum class RoundSync : std::uint8_t { timeout_certificates, new_view };

/// Duration of a round's timer `rounds` rounds after the last committed one.
Duration round_timeout(const PacemakerOptions& options, std::int64_t rounds_since_commit);

}  // namespace seqlab::protocols
