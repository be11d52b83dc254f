#include <array>

#include "tests/negative/broken/engines.hpp"
#include "tests/negative/broken/rules.hpp"
#include "tests/zoo/entries.hpp"

namespace seqlab::zoo {

namespace {

namespace broken = seqlab::tests::broken;
using broken::make_tendermint;
using scenarios::Scenario;

void uneven_power(Scenario& s) { s.design.committee.stake = {1, 1, 1, 3}; }
/// Messages take longer than the first timeouts: only growing ones let a round end.
void slow_network(Scenario& s) {
  s.environment.network.latency.mean = 260ms;
  s.environment.network.delta = 260ms;
}
/// The last node leaves, another has more power from height 4 on.
void changing_committee(Scenario& s) {
  s.stop.height = 8;
  s.design.committee.stake = {2, 2, 2, 3};
  s.design.committee.changes = {{.height = 2, .node = NodeId{3}, .power = 0},
                                {.height = 4, .node = NodeId{0}, .power = 7}};
}

/// Z08 whole: without the rule alone the votes that others pass on let every round end in time.
std::unique_ptr<protocols::Engine> make_free_running(NodeId self, const protocols::Committee& committee,
                                                     const protocols::EngineParameters& p) {
  const protocols::TendermintOptions& t = p.tendermint;
  const Duration round = t.timeout_propose + t.timeout_prevote + t.timeout_precommit;
  return std::make_unique<broken::RewritingEngine>(make_tendermint<broken::NoRoundSkip>(self, committee, p),
                                                   broken::free_running(round));
}

constexpr std::array list{
    Entry{"Z03", "lock forgotten by a restart", "tendermint", Kind::safety, make_tendermint<broken::LockNotRestored>},
    Entry{"Z04", "no lock on a polka", "tendermint", Kind::safety, make_tendermint<broken::NoLock>},
    Entry{"Z06", "a nil polka opens the lock", "tendermint", Kind::safety, make_tendermint<broken::UnlockOnNil>},
    Entry{"Z08", "rounds advance by own timers alone", "tendermint", Kind::liveness,
          make_free_running},
    Entry{"Z09", "timeouts do not grow", "tendermint", Kind::liveness, make_tendermint<broken::ConstantTimeouts>,
          slow_network},
    Entry{"Z36 six", "a quorum of 2f + 1 where n is not 3f + 1", "tendermint", Kind::safety,
          make_tendermint<broken::QuorumOffByOne>, six_nodes},
    Entry{"Z36 power", "members counted, not their power", "tendermint", Kind::safety,
          make_tendermint<broken::HeadsInsteadOfPower>, uneven_power},
    Entry{"Z37", "votes leave before they are durable", "tendermint", Kind::safety,
          make_tendermint<broken::VoteNotDurable>},
    Entry{"Z44", "committee changed one height early", "tendermint", Kind::safety,
          make_tendermint<broken::CommitteeOneHeightEarly>, changing_committee},
};

}  // namespace

std::span<const Entry> tendermint_entries() { return list; }

}  // namespace seqlab::zoo
