#include "tests/zoo/entries.hpp"

#include <array>
#include <memory>
#include <utility>

#include "tests/negative/broken/rules.hpp"

namespace seqlab::zoo {

namespace {

namespace broken = seqlab::tests::broken;
using analysis::Target;
using scenarios::Scenario;

template <class Rules>
std::unique_ptr<protocols::Engine> tendermint(NodeId self, const protocols::Committee& /*genesis*/,
                                              const protocols::EngineParameters& p) {
  using Core = protocols::BasicTendermint<Rules>;
  return std::make_unique<protocols::EngineOf<Core>>(Core{self, p.tendermint, p.leaders});
}

/// @param change  what the bug needs of the committee; may be null
template <class Rules, void (*change)(Scenario&) = nullptr>
Target tendermint_target() {
  Scenario s = analysis::fuzz_scenario("tendermint");
  if constexpr (change != nullptr) change(s);
  return {s.name, std::make_shared<const Scenario>(std::move(s)), tendermint<Rules>};
}

void resize(Scenario& s, std::uint32_t count) {
  s.design.committee.count = count;
  s.design.committee.stake.assign(count, 1);
}
void six_nodes(Scenario& s) { resize(s, 6); }
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

constexpr std::array list{
    Entry{"Z03", "lock forgotten by a restart", "tendermint", Kind::safety, tendermint_target<broken::LockNotRestored>},
    Entry{"Z04", "no lock on a polka", "tendermint", Kind::safety, tendermint_target<broken::NoLock>},
    Entry{"Z06", "a nil polka opens the lock", "tendermint", Kind::safety, tendermint_target<broken::UnlockOnNil>},
    Entry{"Z08", "rounds advance by own timers alone", "tendermint", Kind::liveness,
          tendermint_target<broken::NoRoundSkip>},
    Entry{"Z09", "timeouts do not grow", "tendermint", Kind::liveness,
          tendermint_target<broken::ConstantTimeouts, slow_network>},
    Entry{"Z36 six", "a quorum of 2f + 1 where n is not 3f + 1", "tendermint", Kind::safety,
          tendermint_target<broken::QuorumOffByOne, six_nodes>},
    Entry{"Z36 power", "members counted, not their power", "tendermint", Kind::safety,
          tendermint_target<broken::HeadsInsteadOfPower, uneven_power>},
    Entry{"Z37", "votes leave before they are durable", "tendermint", Kind::safety,
          tendermint_target<broken::VoteNotDurable>},
    Entry{"Z44", "committee changed one height early", "tendermint", Kind::safety,
          tendermint_target<broken::CommitteeOneHeightEarly, changing_committee>},
};

}  // namespace

std::span<const Entry> entries() { return list; }

analysis::Target sound_twin(const Entry& entry) {
  Target target = entry.target();
  target.make_engine = nullptr;
  return target;
}

}  // namespace seqlab::zoo
