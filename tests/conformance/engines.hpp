// What the conformance suite asks of every entry of the list of engines: nothing here knows one of them by name.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "protocols/consensus/engines.hpp"
#include "scenarios/world/environment.hpp"
#include "scenarios/world/run.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/worlds.hpp"

namespace seqlab::tests {

using protocols::EngineEntry;
using protocols::EnginePromises;
using scenarios::Liveness;
using scenarios::RunResult;
using scenarios::Verdict;

/// Runs what follows once for each engine, as a section of its own.
#define SEQLAB_FOR_EACH_ENGINE(entry)                                  \
  for (const seqlab::protocols::EngineEntry& entry : protocols::engines()) \
  DYNAMIC_SECTION(std::string{entry.name})

/// `stake.size()` nodes, links of 20 ms, delays promised to stay below `network_delta`, default parameters.
inline constexpr Duration network_delta = 100ms;
inline Scenario world_of(const EngineEntry& engine, const std::vector<protocols::Power>& stake) {
  Scenario s = quiet_world(static_cast<std::uint32_t>(stake.size()), 20ms);
  s.design.engine = engine.name;
  s.design.committee.stake = stake;
  s.environment.network.delta = network_delta;
  return s;
}
inline Scenario world_of(const EngineEntry& engine, std::uint32_t count) {
  return world_of(engine, std::vector<protocols::Power>(count, 1));
}
inline EnginePromises promises_of(const EngineEntry& engine) { return engine.promises({}, network_delta); }

/// Long enough for `rounds` rounds in which something went wrong.
inline Duration rounds_of(const EngineEntry& engine, std::int64_t rounds) {
  return rounds * std::max(promises_of(engine).round_bound, Duration{1s});
}

/// A load that every engine has something to order for.
inline void add_traffic(Scenario& s) {
  s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::poisson;
  s.environment.workload.clients = 2;
  s.environment.workload.rate_per_1000s = 4'000;
}

/// Switched off as soon as it starts, for good (until the healing, if there is one).
inline void never_up(Scenario& s, NodeId node) {
  s.environment.faults.push_back(crash(on_start(node.value), {node}, Duration{-1}));
}

inline std::string story_of(const RunResult& result) {
  std::string out = std::string{scenarios::name_of(result.liveness)} + "; " + result.reason + "\n";
  for (const scenarios::Finding& f : result.findings) {
    out += std::to_string(ns(f.at) / 1'000'000) + " ms " + f.checker + ": " + f.text + "\n";
  }
  return out;
}

/// An engine of the list on a harness of four equal nodes.
inline test::EngineHarness harness_of(const EngineEntry& engine, std::uint32_t count = 4) {
  return {test::equal_committee(count), count,
          [&engine, count](NodeId self) { return engine.make(self, test::equal_committee(count), {}); }, 20ms, {},
          promises_of(engine).change_lag};
}

}  // namespace seqlab::tests
