// What a run means: were its findings inside the declared model, and was the expectation met.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"
#include "scenarios/spec/scenario.hpp"
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

struct JudgeInput {
  const Scenario& scenario;
  ModelMonitor& monitor;
  Liveness liveness = Liveness::not_checked;
  std::vector<NodeId> accused;              ///< by the accountability checker
  std::uint64_t commits_min = 0;            ///< of the slowest live honest node at the end of the safety phase
  std::uint64_t commits_max = 0;            ///< of anybody at the end of the run
  sim::StopReason stopped = sim::StopReason::queue_empty;
};

struct Judgement {
  Verdict verdict = Verdict::undecided;
  std::string reason;       ///< one sentence
  bool as_expected = true;  ///< `expect:` was met: its verdict (held, unless it names another) and its commits
};

/// Marks the findings that the model does not cover (`outside_model`) and judges the run.
///
/// violated: a finding inside the model. outside_model: findings, all of them outside. undecided: no finding, but the run
/// was interrupted, or nothing was committed, or the healed phase could not be judged. held: the rest.
Judgement judge(const JudgeInput& input, std::vector<Finding>& findings);

std::string_view name_of(Verdict verdict);

}  // namespace seqlab::scenarios
