#include "scenarios/world/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/world/environment.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::scenarios {

// ---- the model ----------------------------------------------------------------------------------------------------

Model model_of(const Scenario& scenario) {
  Model model;
  model.node_count = scenario.design.committee.count;
  const protocols::EnginePromises promises = promises_of(scenario);
  model.byzantine_tolerant = promises.byzantine_tolerant;
  model.sequencer = promises.sequencer;
  model.clock_bound = promises.clock_bound;
  const MachineSpec& machines = scenario.environment.machines;
  const Duration longest = scenario.stop.after + scenario.stop.healing;
  const std::int64_t drift = mul_div_ceil(ns(longest), machines.clock_drift_ppm_max, 1'000'000);
  model.clock_spread = 2 * (machines.clock_skew_max + Duration{drift});
  return model;
}

ModelMonitor::ModelMonitor(const Model& model)
    : model_(model), roster_(model.node_count), clock_ns_(model.node_count) {
  if (model.clock_bound > Duration{} && model.clock_spread > model.clock_bound) {
    liveness_ = Breach{time_zero, fmt::format("clocks may differ by {} ms, more than the {} ms that the engine takes",
                                              ns(model.clock_spread) / 1'000'000, ns(model.clock_bound) / 1'000'000)};
  }
}

void ModelMonitor::on_record(const Record& record) {
  roster_.observe(record);
  if (!roster_.knows(record.node)) return;
  switch (record.kind) {
    case RecordKind::corrupt:
    case RecordKind::disk_lost:
      if (roster_.reliable(record.node)) return;  // lost what nobody had relied on
      if (const auto at = std::lower_bound(faulty_.begin(), faulty_.end(), record.node);
          at == faulty_.end() || *at != record.node) {
        faulty_.insert(at, record.node);
      }
      [[fallthrough]];
    case RecordKind::validator:
      // Committees are announced one member a record: weighed when something else happens.
      stale_since_ = record.at;
      stale_ = true;
      return;
    case RecordKind::clock_jumped: {
      if (roster_.corrupt(record.node)) break;
      std::int64_t& sum = clock_ns_[record.node.value];
      sum += static_cast<std::int64_t>(record.a);
      const std::int64_t bound = ns(model_.clock_bound);
      if (bound > 0 && !liveness_ && (sum > bound || sum < -bound)) {
        liveness_ = Breach{record.at, fmt::format("the clock of {} was moved by {} ms, more than the {} ms that the "
                                                  "engine takes",
                                                  node_name(record.node), sum / 1'000'000, bound / 1'000'000)};
      }
      break;
    }
    case RecordKind::committed:
      if (roster_.height_max() + 1 > weighed_ && !faulty_.empty() && !stale_) {
        stale_ = true;
        stale_since_ = record.at;
      }
      break;
    default:
      break;
  }
  settle();
}

void ModelMonitor::settle() {
  if (!stale_) return;
  stale_ = false;
  const std::uint64_t height = roster_.height_max() + 1;
  weighed_ = height;
  if (safety_ || faulty_.empty()) return;

  if (!model_.byzantine_tolerant) {
    if (model_.sequencer == no_node || std::binary_search(faulty_.begin(), faulty_.end(), model_.sequencer)) {
      safety_ = Breach{stale_since_, model_.sequencer == no_node
                                         ? fmt::format("{} faulty, and the engine tolerates nobody",
                                                       node_names(faulty_) + (faulty_.size() == 1 ? " is" : " are"))
                                         : fmt::format("{}, the one node that orders, is faulty",
                                                       node_name(model_.sequencer))};
    }
    return;
  }
  Power power = 0;
  for (const NodeId node : faulty_) power += roster_.powers().of(node, height);
  const Power bound = roster_.powers().max_faulty(height);
  if (power <= bound) return;
  safety_ = Breach{stale_since_, fmt::format("{} {} corrupt or without memory and {} power {} of {}, more than F = {}",
                                             node_names(faulty_), faulty_.size() == 1 ? "is" : "are",
                                             faulty_.size() == 1 ? "has" : "have", power,
                                             roster_.powers().total(height), bound)};
}

// ---- the verdict --------------------------------------------------------------------------------------------------

namespace {

/// Properties of many nodes, that fall when too many are faulty. All others are kept by each honest node on its own,
/// whatever the rest does, and accountability is promised exactly for the runs that leave the model.
bool needs_safe_majority(const Finding& finding) {
  for (const char* name : {"agreement", "validity", "speculation", "external_data", "forced_inclusion"}) {
    if (finding.checker == name) return true;
  }
  return finding.checker == "durability" && finding.nodes.size() != 1;
}

const std::string* outside(const Finding& finding, const ModelMonitor& monitor) {
  const bool liveness = finding.checker == "liveness";
  if (liveness && monitor.liveness() && monitor.liveness()->at <= finding.at) return &monitor.liveness()->text;
  if ((liveness || needs_safe_majority(finding)) && monitor.safety() && monitor.safety()->at <= finding.at) {
    return &monitor.safety()->text;
  }
  return nullptr;
}

bool wants_liveness(const Scenario& scenario) {
  const auto& wanted = scenario.expect.checkers;
  return scenario.stop.healing > Duration{} &&
         (wanted.empty() || std::find(wanted.begin(), wanted.end(), "liveness") != wanted.end());
}

}  // namespace

void judge(const Scenario& scenario, ModelMonitor& monitor, RunResult& result) {
  monitor.settle();
  const Finding* inside = nullptr;
  const std::string* why_outside = nullptr;
  for (Finding& finding : result.findings) {
    const std::string* why = outside(finding, monitor);
    finding.outside_model = why != nullptr;
    if (why == nullptr && inside == nullptr) inside = &finding;
    if (why != nullptr && why_outside == nullptr) why_outside = why;
  }

  if (inside != nullptr) {
    result.verdict = Verdict::violated;
    result.reason = fmt::format("{}: {}", inside->checker, inside->text);
  } else if (!result.findings.empty()) {
    result.verdict = Verdict::outside_model;
    const Finding& first = result.findings.front();
    result.reason = fmt::format("{}: {}; not promised, as {}", first.checker, first.text, *why_outside);
    if (!result.accused.empty()) result.reason += fmt::format("; the votes convict {}", node_names(result.accused));
  } else if (result.stopped == sim::StopReason::interrupted) {
    result.verdict = Verdict::undecided;
    result.reason = "interrupted; nothing was found so far";
  } else if (result.metrics.commits_max == 0) {
    result.verdict = Verdict::undecided;
    result.reason = result.liveness == Liveness::excused ? "nothing was committed, and nothing was promised"
                                                         : "nothing was committed";
  } else if (wants_liveness(scenario) && result.liveness == Liveness::not_checked) {
    result.verdict = Verdict::undecided;
    result.reason = "no property broke, but the healed phase was too short to judge progress";
  } else {
    result.verdict = Verdict::held;
    result.reason = result.liveness == Liveness::progress  ? "every property held, and the healed core made progress"
                    : result.liveness == Liveness::excused ? "safety held; progress was not promised to what was left"
                                                           : "every property held";
  }

  result.as_expected = true;
  const ExpectSpec& expect = scenario.expect;
  if (const Verdict wanted = expect.verdict.value_or(Verdict::held); result.verdict != wanted) {
    result.as_expected = false;
    if (expect.verdict) result.reason += fmt::format(" (expected: {})", name_of(wanted));
  }
  if (result.commits_safety < expect.commits_min) {
    result.as_expected = false;
    result.reason += fmt::format(" (expected at least {} commits, the slowest honest node has {})",
                                 expect.commits_min, result.commits_safety);
  }
}

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::held: return "held";
    case Verdict::violated: return "violated";
    case Verdict::outside_model: return "outside_model";
    case Verdict::undecided: return "undecided";
  }
  return "?";
}

}  // namespace seqlab::scenarios
