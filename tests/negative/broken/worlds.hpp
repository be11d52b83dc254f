// Small worlds in which a broken variant and its sound twin meet the same bad luck.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "scenarios/world/run.hpp"
#include "tests/negative/broken/engines.hpp"
#include "tests/negative/broken/rules.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/faults.hpp"

namespace seqlab::tests {

using scenarios::RunOptions;
using scenarios::RunResult;
using scenarios::Scenario;

/// `count` nodes of power 1, every link 20 ms, short timeouts, nobody helps the slow ones out of turn, no healed phase.
inline Scenario small_world(std::uint32_t count) {
  Scenario s;
  s.name = "small";
  s.design.committee.count = count;
  s.design.committee.stake.assign(count, 1);
  auto& t = s.design.parameters.tendermint;
  t.timeout_propose = 300ms;
  t.timeout_propose_delta = 100ms;
  t.timeout_prevote = t.timeout_precommit = 100ms;
  t.timeout_prevote_delta = t.timeout_precommit_delta = 50ms;
  t.timeout_commit = 100ms;
  t.round_skip = protocols::RoundSkip::validity;
  t.gossip_stall = 60s;
  s.environment.network.latency.model = scenarios::LatencySpec::Model::constant;
  s.environment.network.latency.mean = 20ms;
  s.environment.network.delta = 100ms;
  s.environment.machines.start_skew = Duration{};
  s.stop.after = 5s;
  s.stop.healing = Duration{};
  return s;
}

/// All nodes follow `Rules`.
template <class Rules>
RunResult run_with(const Scenario& scenario, std::uint64_t seed = 1) {
  RunOptions options;
  options.make_engine = broken::make_tendermint<Rules>;
  return scenarios::run(scenario, {.seed = seed}, options);
}

/// Nodes that follow `Rules`, but the effects of `who` are rewritten.
template <class Rules = protocols::PaperRules>
RunResult run_rewritten(const Scenario& scenario, std::set<NodeId> who, broken::RewritingEngine::Rewrite rewrite,
                               std::uint64_t seed = 1) {
  RunOptions options;
  options.make_engine = [&](NodeId self, const protocols::Committee& genesis,
                            const protocols::EngineParameters& parameters) -> std::unique_ptr<protocols::Engine> {
    auto inner = broken::make_tendermint<Rules>(self, genesis, parameters);
    if (who.count(self) == 0) return inner;
    return std::make_unique<broken::RewritingEngine>(std::move(inner), rewrite);
  };
  return scenarios::run(scenario, {.seed = seed}, options);
}

/// Names of the checkers that found something.
inline std::set<std::string> fired(const RunResult& result) {
  std::set<std::string> out;
  for (const scenarios::Finding& finding : result.findings) out.insert(finding.checker);
  return out;
}

inline bool fires(const RunResult& result, const std::string& checker) { return fired(result).count(checker) != 0; }

/// All findings, for messages of failed tests.
inline std::string story(const RunResult& result) {
  std::string out = result.reason + "\n";
  for (const scenarios::Finding& f : result.findings) {
    out += std::to_string(ns(f.at) / 1'000'000) + " ms " + f.checker + ": " + f.text + "\n";
  }
  return out;
}

}  // namespace seqlab::tests
