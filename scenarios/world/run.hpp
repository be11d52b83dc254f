// run(Scenario, Plan) -> RunResult: a pure function. No globals, no real clock, no files.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocols/consensus/engines.hpp"
#include "protocols/forced/forced_path.hpp"
#include "protocols/l1/contracts.hpp"
#include "scenarios/checkers/checker.hpp"
#include "scenarios/plan/plan.hpp"
#include "scenarios/spec/scenario.hpp"
#include "scenarios/world/metrics.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/network.hpp"

namespace seqlab::protocols {
class RelayRules;
}

namespace seqlab::scenarios {

/// What one adversary used of what it was granted. Zero limits mean "not granted".
struct BudgetUse {
  std::string script;
  std::vector<NodeId> nodes;
  Power stake = 0;             ///< of its nodes at genesis
  Power stake_total = 0;
  std::uint64_t forged = 0;    ///< messages it signed that the honest code had not
  std::uint64_t sent = 0;      ///< messages it sent itself
  std::uint64_t withheld = 0;  ///< messages of its own nodes that it kept back
  std::uint64_t reordered = 0; ///< blocks whose transactions it put into another order
  std::uint64_t excluded = 0;  ///< transactions that it left out of a block, each time
  std::uint64_t delayed = 0, dropped = 0;  ///< messages of others
  Duration delay_max{};        ///< the longest delay that it used
  std::uint32_t crashes = 0, partitions = 0;
  Duration partition_time{};
  std::uint64_t refused = 0;   ///< attempts beyond its power
  std::uint64_t hook_calls = 0;
  std::uint64_t instructions = 0;
  PowerSpec granted;
};

struct RunResult {
  std::string scenario;
  std::uint64_t seed = 0;
  Hash128 digest;
  std::uint64_t records = 0;
  Verdict verdict = Verdict::undecided;
  std::string reason;                     ///< one sentence: why this verdict
  bool as_expected = true;                ///< `expect:` was met; false makes a held run exit 1
  std::vector<Finding> findings;
  std::vector<NodeId> accused;            ///< whom the votes convict, if honest nodes committed different blocks
  Liveness liveness = Liveness::not_checked;
  SimTime end{};
  std::uint64_t events = 0;
  sim::NetworkCounters messages;
  Metrics metrics;
  std::uint64_t commits_safety = 0;       ///< height of the slowest live honest node at the end of the safety phase
  std::vector<BudgetUse> budgets;
  sim::StopReason stopped = sim::StopReason::queue_empty;
};

struct Decisions;  // scenarios/plan/recorder.hpp

/// Things around a run that do not change it.
struct RunOptions {
  std::vector<std::pair<sim::RecordObserver*, sim::KindMask>> observers;
  /// Called now and then; false interrupts the run, which is then reported as undecided.
  std::function<bool(SimTime now, std::uint64_t events)> on_progress;
  /// Receives what scripts decide, as interventions of a plan that does the same without them.
  Decisions* decisions = nullptr;
  /// Replaces the engine of some nodes (tests plant broken variants).
  std::function<std::unique_ptr<protocols::Engine>(NodeId, const protocols::Committee&,
                                                     const protocols::EngineParameters&)>
      make_engine;
  /// Replaces the way in which nodes read layer 1, likewise.
  std::function<std::unique_ptr<protocols::ForcedPath>(const protocols::ForcedOptions&)> make_forced{};
  /// Replaces the decisions of the relayers (likewise); outlives the run. Null: the honest ones.
  const protocols::RelayRules* relay_rules = nullptr;
  /// Replaces what readers of layer 1 make of the registry (likewise). Null: the honest rule.
  const protocols::RegistryRules* registry_rules = nullptr;
  /// Replaces the contracts (likewise): what layer 1 does by their rules.
  std::function<std::unique_ptr<protocols::Contracts>(protocols::AccountId bridge, protocols::Signatures&)>
      make_contracts{};
};

RunResult run(const Scenario& scenario, const Plan& plan, const RunOptions& options = {});

}  // namespace seqlab::scenarios
