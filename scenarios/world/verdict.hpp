// What a run means: were its findings inside the declared model, and was the expectation met.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"
#include "scenarios/spec/scenario.hpp"
#include "scenarios/world/run.hpp"
#include "sim/kernel/simulation.hpp"

namespace seqlab::scenarios {

/// What the scenario promises before it runs.
struct Model {
  std::uint32_t node_count = 0;
  bool byzantine_tolerant = true;   ///< false: no corrupt node with power over the order is tolerated (centralised)
  NodeId sequencer{no_node};        ///< the one node that orders, if there is such a one
  /// Clocks may differ by this much before liveness is no longer promised; 0 = clocks do not matter.
  Duration clock_bound{};
  /// By how much they differ from the start (skew and drift of two machines over the whole run).
  Duration clock_spread{};
};

/// The model of a scenario: promises of its engine, its clocks.
Model model_of(const Scenario& scenario);

/// Watches whether a run leaves the declared model.
///
/// - Safety is promised while the power of nodes that are corrupt, or whose disk was wiped or rolled back (they have
///   forgotten what they signed), is at most F = (total - 1) div 3 in every committee in force. Crashes, partitions
///   that never heal, lost messages and late ones take nothing from it.
/// - Liveness of the healed core is promised on top of it while clocks stay within their bound.
class ModelMonitor final : public sim::RecordObserver {
 public:
  explicit ModelMonitor(const Model& model);
  explicit ModelMonitor(const Scenario& scenario) : ModelMonitor(model_of(scenario)) {}
  static sim::KindMask kinds() {
    return Roster::kinds() | sim::mask_of(RecordKind::clock_jumped);
  }
  void on_record(const Record& record) override;

  struct Breach {
    SimTime at{};
    std::string text;   ///< completes "the run left the model: ..."
  };
  /// When and how safety ceased to be promised.
  const std::optional<Breach>& safety() const { return safety_; }
  /// Likewise liveness, for reasons of its own.
  const std::optional<Breach>& liveness() const { return liveness_; }
  /// Weighs what the last records changed; `judge` does it.
  void settle();

 private:
  Model model_;
  Roster roster_;
  std::vector<NodeId> faulty_;          ///< sorted
  std::vector<std::int64_t> clock_ns_;  ///< sum of the jumps of each node
  bool stale_ = false;                  ///< the committee or the faulty nodes changed; not weighed yet
  SimTime stale_since_{};
  std::uint64_t weighed_ = 0;           ///< last height whose committee was weighed
  std::optional<Breach> safety_, liveness_;
};

/// Judges a run: fills `verdict`, `reason`, `as_expected` and marks the findings that the model does not cover
/// (`outside_model`), from `findings`, `accused`, `liveness`, `metrics`, `commits_safety` and `stopped`.
///
/// violated: a finding inside the model. outside_model: findings, all of them outside. undecided: no finding, but the
/// run was interrupted, or nothing was committed, or the healed phase could not be judged. held: the rest.
/// As expected: the verdict is the one that the scenario names (held if it names none), and the slowest live honest
/// node had the expected commits at the end of the safety phase.
void judge(const Scenario& scenario, ModelMonitor& monitor, RunResult& result);

std::string_view name_of(Verdict verdict);

}  // namespace seqlab::scenarios
