#include "analysis/search/exploration.hpp"

#include <fmt/format.h>

#include <ctime>

#include "protocols/consensus/engines.hpp"
#include "scenarios/explore/explore.hpp"
#include "scenarios/world/environment.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::Corruption;
using scenarios::ExploreOptions;

struct Setting {
  std::vector<protocols::Power> powers;
  std::vector<scenarios::CorruptNode> corrupt;
  std::uint32_t crashes = 0;
};

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::string describe(const Setting& s, std::int32_t round_max) {
  std::string out = fmt::format("powers {}", fmt::join(s.powers, " "));
  for (const scenarios::CorruptNode& c : s.corrupt) {
    out += fmt::format(", {} {}", scenarios::node_name(c.node),
                       c.how == Corruption::twins     ? "runs twice"
                       : c.how == Corruption::forging ? "forges"
                                                      : "is silent");
  }
  if (s.crashes > 0) out += fmt::format(", {} crash", s.crashes);
  return out + fmt::format(", rounds up to {}", round_max);
}

}  // namespace

std::vector<Exploration> explore_target(const Target& target, const ExplorationLimits& limits) {
  const scenarios::Scenario& scenario = *target.scenario;
  const protocols::EngineEntry* entry = protocols::find_engine(scenario.design.engine);
  SEQLAB_ASSERT(entry != nullptr, scenario.design.engine);
  const protocols::EnginePromises promises = scenarios::promises_of(scenario);

  std::vector<Setting> settings{
      {{1, 1, 2}, {{NodeId{0}, Corruption::forging}}, 0},
      {{1, 1, 2}, {{NodeId{1}, Corruption::forging}}, 0},
      {{1, 1, 1, 1}, {{NodeId{3}, Corruption::twins}}, 0},
      {{1, 1, 2}, {}, 1},
  };
  if (promises.clock_driven) settings.clear();
  // An engine that tolerates nobody is held to crashes alone.
  if (!promises.byzantine_tolerant && !settings.empty()) settings.erase(settings.begin(), settings.begin() + 3);

  std::vector<Exploration> out;
  for (const Setting& setting : settings) {
    ExploreOptions o;
    std::vector<protocols::Validator> members;
    for (const protocols::Power power : setting.powers) {
      members.push_back({NodeId{static_cast<std::uint32_t>(members.size())}, power});
    }
    o.committee = protocols::Committee{std::move(members)};
    const protocols::EngineParameters& parameters = scenario.design.parameters;
    o.make_engine = [&](NodeId self, const protocols::Committee& genesis) {
      return target.make_engine ? target.make_engine(self, genesis, parameters)
                                : entry->make(self, genesis, parameters);
    };
    o.promises = promises;
    o.corrupt = setting.corrupt;
    o.bounds.round_max = static_cast<std::int32_t>(promises.leaders_in_a_row) + 1;
    // Helpers of the slow (asking again, catching up) have long timers: they never get their turn.
    o.bounds.timer_delay_max = 8 * scenario.environment.network.delta;
    o.bounds.timers_max = 3;
    o.bounds.crashes_max = setting.crashes;
    o.bounds.states_max = std::max<std::uint64_t>(limits.states_max / settings.size(), 1);
    o.bounds.memory_bytes_max = std::uint64_t{4} << 30U;
    if (limits.on_progress) {
      o.on_progress = [&](const scenarios::ExploreProgress&) { return limits.on_progress(); };
    }
    const double before = cpu_seconds();
    const scenarios::ExploreResult r = scenarios::explore(o);
    Exploration e;
    e.target = target.name;
    e.committee = describe(setting, o.bounds.round_max);
    e.states = r.states;
    e.transitions = r.transitions;
    e.abstract_states = r.abstract_states;
    e.depth = r.depth;
    e.complete = r.complete;
    e.stopped = r.stopped;
    e.cpu_seconds = cpu_seconds() - before;
    if (r.violation) {
      e.checker = r.violation->finding.checker;
      e.text = r.violation->finding.text;
      for (const scenarios::ExploreStep& step : r.violation->steps) e.steps.push_back(step.text);
    }
    out.push_back(std::move(e));
    if (limits.on_progress && !limits.on_progress()) break;
  }
  return out;
}

}  // namespace seqlab::analysis
