#include "analysis/search/case.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "analysis/search/coverage.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

CaseLimits limits_of(const Target& target) {
  constexpr std::uint64_t least = 20'000'000;
  constexpr std::uint64_t times = 200;
  const CaseResult plain = run_case({target.scenario, {}}, target);
  return {std::max(least, times * plain.events), {}};
}

CaseResult run_case(const Case& which, const Target& target, const CaseLimits& limits) {
  CaseResult out;
  bool cut_off = false;
  bool interrupted = false;
  try {
    Coverage coverage{*which.scenario};
    scenarios::RunOptions options;
    options.observers.emplace_back(&coverage, coverage.kinds());
    if (target.make_engine) options.make_engine = target.make_engine;
    if (target.make_forced) options.make_forced = target.make_forced;
    options.relay_rules = target.relay_rules.get();
    options.on_progress = [&](SimTime, std::uint64_t events) {
      cut_off = limits.events_max != 0 && events >= limits.events_max;
      interrupted = !cut_off && limits.goes_on && !limits.goes_on();
      return !cut_off && !interrupted;
    };
    scenarios::RunResult result = scenarios::run(*which.scenario, which.plan, options);
    out.verdict = result.verdict;
    out.digest = result.digest;
    out.events = result.events;
    for (scenarios::Finding& finding : result.findings) {
      if (!finding.outside_model) out.findings.push_back(std::move(finding));
    }
    out.states = coverage.take_states();
    out.goals = coverage.goals();
    out.nearness = coverage.nearness();
    out.cut_off = cut_off;
    out.interrupted = interrupted;
  } catch (const std::exception& error) {
    out = {};
    out.error = error.what();
    if (out.error.empty()) out.error = "an exception without a word";
  }
  return out;
}

bool is_failure(const CaseResult& result) { return !result.findings.empty() || !result.error.empty(); }

std::string kind_of(const CaseResult& result) {
  if (!result.error.empty()) return "crash";
  return result.findings.empty() ? std::string{} : result.findings.front().checker;
}

scenarios::Scenario fuzz_scenario(std::string_view engine) {
  const protocols::EngineEntry* entry_of_engine = protocols::find_engine(engine);
  if (entry_of_engine == nullptr) {
    std::vector<std::string> names;
    std::string all;
    for (const protocols::EngineEntry& entry : protocols::engines()) {
      names.emplace_back(entry.name);
      all += (all.empty() ? "" : ", ") + names.back();
    }
    const std::string close = scenarios::nearest(std::string{engine}, names);
    throw scenarios::InputError(
        scenarios::Problem{"--engine", 0, 0, {}, "there is no engine `" + std::string{engine}.substr(0, 60) + "`",
                           close.empty() ? "one of: " + all : "did you mean `" + close + "`? one of: " + all});
  }
  scenarios::Scenario s;
  s.name = std::string{engine} + "-committee";
  s.description = "Four nodes of the engine, ten milliseconds apart: what `seqlab fuzz --engine` varies.";
  s.permute_instants = true;
  s.design.engine = engine;
  s.design.committee.count = 4;
  s.design.committee.stake.assign(4, 1);
  s.environment.network.latency.model = scenarios::LatencySpec::Model::constant;
  s.environment.network.latency.mean = 10ms;
  s.environment.network.delta = 50ms;
  s.environment.machines.start_skew = 20ms;
  s.environment.workload.accounts = 8;
  s.stop.after = 30s;
  s.stop.height = 4;
  s.stop.healing = 120s;
  s.stop.healing_blocks = 2;
  if (entry_of_engine->hurry != nullptr) entry_of_engine->hurry(s.design.parameters, s.environment.network.delta);
  return s;
}

}  // namespace seqlab::analysis
