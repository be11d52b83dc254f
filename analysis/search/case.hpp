// One case of a search: a scenario and a plan for it, and what running it shows.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/world/run.hpp"

namespace seqlab::analysis {

struct Probe;

/// What a search runs on: the scenario that it varies, and the code that it is about.
struct Target {
  std::string name;                                    ///< of the scenario or the engine
  std::shared_ptr<const scenarios::Scenario> scenario;
  /// Replaces the engine of all nodes: tests and the zoo plant broken variants here. Empty: the design's own. Called by
  /// several threads at once.
  std::function<std::unique_ptr<protocols::Engine>(NodeId, const protocols::Committee&,
                                                   const protocols::EngineParameters&)>
      make_engine;
  /// Replaces how all nodes read layer 1, likewise.
  std::function<std::unique_ptr<protocols::ForcedPath>(const protocols::ForcedOptions&)> make_forced{};
  /// Replaces the decisions of the relayers, likewise. Null: the honest ones.
  std::shared_ptr<const protocols::RelayRules> relay_rules{};
  /// What its sound runs are made of, where somebody has looked: strategies then need not look again. See probe.hpp.
  std::shared_ptr<const Probe> seen{};
};

/// A small committee of that engine in which little time passes between two rounds: what `seqlab fuzz --engine` varies.
/// Stops after a few heights; has a healing phase. @throws InputError for an unknown engine
scenarios::Scenario fuzz_scenario(std::string_view engine);

struct Case {
  std::shared_ptr<const scenarios::Scenario> scenario;
  scenarios::Plan plan;
};

/// What a search wants to know of one run.
struct CaseResult {
  scenarios::Verdict verdict = scenarios::Verdict::undecided;
  Hash128 digest;
  std::uint64_t events = 0;
  std::vector<scenarios::Finding> findings;  ///< those inside the model; empty: nothing wrong
  /// Abstract states of the protocol that were visited: hashes, sorted, no repetitions (see coverage.hpp).
  std::vector<std::uint64_t> states;
  std::uint64_t goals = 0;                   ///< bit i: the i-th of `Goal` was reached (see coverage.hpp)
  /// How near the run came to a violation, the larger the nearer: for guidance.
  std::uint32_t nearness = 0;
  std::string error;                         ///< an exception of our own code; everything else is empty then
  /// It took more than `CaseLimits::events_max`. What was seen until then is in the result, and the same every time.
  bool cut_off = false;
  bool interrupted = false;                  ///< by `CaseLimits::goes_on`: says nothing, counts as not run
};

/// What ends a case that does not end by itself.
struct CaseLimits {
  std::uint64_t events_max = 0;              ///< 0: no limit. Looked at now and then, always at the same events
  std::function<bool()> goes_on{};           ///< asked now and then, by the thread that runs the case; may be empty
};
/// A bound that no sound case of the target comes near: far more than the scenario needs as it is.
CaseLimits limits_of(const Target& target);

/// Runs the case. Never throws for what happens inside the run: a failure of ours is a result.
CaseResult run_case(const Case& which, const Target& target, const CaseLimits& limits = {});

/// Whether a result is what searches look for: a finding inside the model, or a failure of ours.
bool is_failure(const CaseResult& result);
/// Name of the checker of the first finding ("crash" for a failure of ours, empty if none).
std::string kind_of(const CaseResult& result);

}  // namespace seqlab::analysis
