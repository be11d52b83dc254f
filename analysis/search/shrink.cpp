#include "analysis/search/shrink.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "analysis/report/format.hpp"
#include "analysis/search/reductions.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/parse.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::Finding;
using scenarios::Intervention;
using scenarios::Plan;
using scenarios::RunResult;
using scenarios::Scenario;
using sim::Record;
using sim::RecordKind;

constexpr std::string_view crash_name = "crash";

/// Which interventions had an effect, and what can stand in an address.
class Witness final : public sim::RecordObserver {
 public:
  explicit Witness(const Case& which) : count_(which.scenario->design.committee.count) {
    fired_.resize(which.plan.interventions.size());
  }
  static sim::KindMask kinds() {
    return sim::mask_of(RecordKind::intervened, RecordKind::message_sent, RecordKind::round_entered);
  }
  void on_record(const Record& record) override {
    if (record.kind == RecordKind::intervened) {
      if (record.a < fired_.size()) fired_[record.a] = true;
    } else if (record.node.value >= count_) {
      return;
    } else if (record.kind == RecordKind::message_sent) {
      sent_ |= std::uint64_t{1} << record.detail;
    } else {
      height_max_ = std::max(height_max_, record.height);
      round_max_ = std::max(round_max_, record.round);
    }
  }

  /// Faults are counted as effective.
  std::vector<bool> fired(const Plan& plan) const {
    std::vector<bool> out = fired_;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (std::holds_alternative<scenarios::FaultSpec>(plan.interventions[i])) out[i] = true;
    }
    return out;
  }
  Vocabulary words() const {
    Vocabulary out{count_, height_max_, round_max_, {}};
    for (std::uint8_t kind = 0; kind < static_cast<std::uint8_t>(protocols::MessageKind::count); ++kind) {
      if ((sent_ >> kind & 1U) != 0) out.kinds.push_back(static_cast<protocols::MessageKind>(kind));
    }
    return out;
  }

 private:
  std::uint32_t count_;
  std::vector<bool> fired_;
  std::uint64_t sent_ = 0;
  std::uint64_t height_max_ = 0;
  std::uint32_t round_max_ = 0;
};

struct Shown {
  RunResult result;
  Finding finding;
  std::vector<bool> fired;
  Vocabulary words;
};

/// Runs it. Nothing if it does not show that kind, or takes more than `events_max`.
std::optional<Shown> show(const Case& which, const Target& target, const FindingKind& kind, std::uint64_t events_max) {
  Witness witness{which};
  scenarios::RunOptions options;
  options.observers.emplace_back(&witness, Witness::kinds());
  options.on_progress = [events_max](SimTime, std::uint64_t events) { return events < events_max; };
  if (target.make_engine) options.make_engine = target.make_engine;
  if (target.make_forced) options.make_forced = target.make_forced;
  Shown out;
  try {
    out.result = scenarios::run(*which.scenario, which.plan, options);
  } catch (const std::exception& error) {
    out.finding = {std::string{crash_name}, {}, {}, error.what(), false};
    if (finding_kind(out.finding) != kind) return std::nullopt;
    out.result.reason = out.finding.text;
    out.result.verdict = scenarios::Verdict::violated;
    out.fired = witness.fired(which.plan);
    out.words = witness.words();
    return out;
  }
  for (const Finding& finding : out.result.findings) {
    if (finding_kind(finding) != kind) continue;
    out.finding = finding;
    out.fired = witness.fired(which.plan);
    out.words = witness.words();
    return out;
  }
  return std::nullopt;
}

/// Whether a file can say it: what a run bears, a reader of scenarios may refuse (an end after a nanosecond).
bool can_be_written(const Scenario& scenario) {
  try {
    const scenarios::Library nowhere;
    scenarios::parse_scenario(scenarios::to_yaml(scenario), "shrunk.yaml", nowhere);
    return true;
  } catch (const scenarios::InputError&) {
    return false;
  }
}

CaseSize size_of(const Case& which, const RunResult& result) {
  return {which.plan.interventions.size() + which.scenario->environment.faults.size() +
              (which.plan.without_scripts ? 0 : which.scenario->environment.adversaries.size()),
          which.scenario->design.committee.count, result.end - time_zero};
}

/// Delta debugging on a list: ever smaller chunks go, then single ones until none of them can.
/// @param without  whether the rest may remain; it then does
template <class T, class Test>
bool reduce(const std::vector<T>& list, Test without) {
  std::vector<T> items = list;
  std::size_t chunk = items.size();
  bool changed = false;
  while (chunk >= 1 && !items.empty()) {
    bool removed = false;
    for (std::size_t begin = 0; begin < items.size();) {
      const std::size_t end = std::min(begin + chunk, items.size());
      std::vector<T> rest(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(begin));
      rest.insert(rest.end(), items.begin() + static_cast<std::ptrdiff_t>(end), items.end());
      if (without(rest)) {
        items = std::move(rest);
        removed = changed = true;
      } else {
        begin = end;
      }
    }
    if (chunk > 1) {
      chunk = (chunk + 1) / 2;
    } else if (!removed) {
      break;
    }
  }
  return changed;
}

class Shrinker {
 public:
  Shrinker(const Case& which, const Target& target, const FindingKind& kind, const ShrinkOptions& options)
      : target_(target), kind_(kind), options_(options) {
    std::optional<Shown> first = run(which);
    if (!first) refuse(which, kind);
    best_ = which;
    written_ = can_be_written(*which.scenario);
    shown_ = std::move(*first);
    out_.before = size_of(best_, shown_.result);
    // What takes many times as long is no smaller case.
    events_max_ = 4 * shown_.result.events + 100'000;
    judge_one();
  }

  Shrunk work() {
    settle();
    time(2);
    constexpr int passes_max = 12;
    bool changed = true;
    for (int pass = 0; pass < passes_max && changed && !spent(); ++pass) {
      changed = false;
      changed |= interventions();
      changed |= nodes();
      changed |= environment();
      changed |= lists();
      changed |= weaker();
      changed |= time(1);
    }
    seed();
    out_.complete = !changed && !spent();
    finish();
    return std::move(out_);
  }

 private:
  [[noreturn]] static void refuse(const Case& which, const FindingKind& kind) {
    throw scenarios::InputError(
        scenarios::Problem{which.scenario->file.empty() ? which.scenario->name : which.scenario->file,
                           0,
                           0,
                           {},
                           fmt::format("the run does not show what is to be shrunk ({}: {})", kind.checker, kind.shape),
                           "repeat the run with `seqlab replay` and look whether it still fails"});
  }

  bool spent() const { return stopped_ || out_.runs >= options_.runs_max; }

  std::optional<Shown> run(const Case& which) {
    ++out_.runs;
    return show(which, target_, kind_, events_max_);
  }

  /// Keeps the candidate if it shows the same.
  bool take(Case candidate, const std::string& what) {
    if (spent()) return false;
    if (!scenarios::problems_of(candidate.plan, *candidate.scenario).empty()) return false;
    std::optional<Shown> shown = run(candidate);
    const bool same_file = candidate.scenario == best_.scenario || !written_;
    if (shown && !same_file && !can_be_written(*candidate.scenario)) shown.reset();
    if (shown) {
      best_ = std::move(candidate);
      shown_ = std::move(*shown);
      const CaseSize size = size_of(best_, shown_.result);
      out_.log.push_back(fmt::format("run {}: {} ({} intervention{}, {} nodes)", out_.runs, what, size.interventions,
                                     size.interventions == 1 ? "" : "s", size.nodes));
    }
    if (options_.on_progress && !options_.on_progress(out_.runs, size_of(best_, shown_.result))) stopped_ = true;
    return shown.has_value();
  }
  bool take(Plan plan, const std::string& what) { return take(Case{best_.scenario, std::move(plan)}, what); }
  bool take(Scenario scenario, const std::string& what) {
    return take(Case{std::make_shared<const Scenario>(std::move(scenario)), best_.plan}, what);
  }
  template <class Change>
  bool with(const std::string& what, Change change) {
    Scenario scenario = *best_.scenario;
    change(scenario);
    return !(scenario == *best_.scenario) && take(std::move(scenario), what);
  }

  /// While searching, only the checker in question judges.
  void judge_one() {
    wanted_ = best_.scenario->expect;
    if (kind_.checker == crash_name) return;
    Scenario scenario = *best_.scenario;
    scenario.expect = {};
    scenario.expect.checkers = {kind_.checker};
    best_.scenario = std::make_shared<const Scenario>(std::move(scenario));
  }

  /// Scripts that do not run are no scripts: their nodes are the plan's. And what has struck nobody can go at once.
  void settle() {
    if (best_.plan.without_scripts && !best_.scenario->environment.adversaries.empty()) {
      Case plain = best_;
      auto scenario = std::make_shared<Scenario>(*best_.scenario);
      for (const scenarios::AdversarySpec& adversary : scenario->environment.adversaries)
        plain.plan.corrupt.insert(plain.plan.corrupt.end(), adversary.nodes.begin(), adversary.nodes.end());
      std::ranges::sort(plain.plan.corrupt);
      plain.plan.corrupt.erase(std::unique(plain.plan.corrupt.begin(), plain.plan.corrupt.end()),
                               plain.plan.corrupt.end());
      plain.plan.without_scripts = false;
      scenario->environment.adversaries.clear();
      plain.scenario = std::move(scenario);
      take(std::move(plain), "the scripts' nodes are the plan's");
    }
    idle();
  }

  bool idle() {
    const std::vector<bool> fired = shown_.fired;
    if (std::ranges::find(fired, false) == fired.end()) return false;
    Plan plan = best_.plan;
    plan.interventions.clear();
    for (std::size_t i = 0; i < fired.size(); ++i) {
      if (fired[i]) plan.interventions.push_back(best_.plan.interventions[i]);
    }
    return take(std::move(plan), "without interventions that strike nobody");
  }

  bool interventions() {
    const auto count = [](std::size_t n) { return fmt::format("without {} intervention{}", n, n == 1 ? "" : "s"); };
    bool changed = reduce(best_.plan.interventions, [&](const std::vector<Intervention>& rest) {
      const std::size_t gone = best_.plan.interventions.size() - rest.size();
      Plan plan = best_.plan;
      plan.interventions = rest;
      return take(std::move(plan), count(gone));
    });
    changed |= reduce(best_.scenario->environment.faults, [&](const std::vector<scenarios::FaultSpec>& rest) {
      return with("without faults of the scenario", [&](Scenario& s) { s.environment.faults = rest; });
    });
    changed |= reduce(best_.scenario->environment.adversaries, [&](const std::vector<scenarios::AdversarySpec>& rest) {
      return with("without a script", [&](Scenario& s) { s.environment.adversaries = rest; });
    });
    return changed | idle();
  }

  bool nodes() {
    std::vector<std::uint32_t> all;
    for (std::uint32_t i = 0; i < best_.scenario->design.committee.count; ++i) all.push_back(i);
    // The case is renumbered with each success: numbers of `rest` are those of `whole`.
    const Case whole = best_;
    const bool changed = reduce(all, [&](const std::vector<std::uint32_t>& rest) {
      if (rest.empty()) return false;
      std::vector<bool> keeps(all.size());
      for (const std::uint32_t i : rest) keeps[i] = true;
      std::optional<Case> fewer = with_nodes(whole, keeps);
      return fewer && take(std::move(*fewer), fmt::format("{} nodes", rest.size()));
    });
    return changed;
  }

  bool environment() {
    bool changed = false;
    // A success changes what remains to be simplified: the list is made anew, but what was refused is not asked again.
    std::vector<std::string> refused;
    for (bool more = true; more && !spent();) {
      more = false;
      for (auto& [what, scenario] : simpler(*best_.scenario)) {
        if (std::ranges::find(refused, what) != refused.end()) continue;
        more = take(std::move(scenario), what);
        if (more) break;
        refused.push_back(what);
      }
      changed |= more;
    }
    return changed;
  }

  /// Corrupt nodes, twins, leaders.
  bool lists() {
    const auto shorter_list = [&](std::vector<NodeId> Plan::*list, const char* what) {
      return reduce(best_.plan.*list, [&](const std::vector<NodeId>& rest) {
        Plan plan = best_.plan;
        plan.*list = rest;
        return take(std::move(plan), what);
      });
    };
    bool changed = shorter_list(&Plan::twins, "fewer twins");
    changed |= shorter_list(&Plan::corrupt, "fewer corrupt nodes");
    changed |= shorter_list(&Plan::leaders, "fewer leaders");
    return changed;
  }

  /// Says less with each intervention that is left.
  bool weaker() {
    bool changed = false;
    for (std::size_t i = 0; i < best_.plan.interventions.size(); ++i) {
      while (weaken(best_.plan.interventions[i], [&](const Intervention& variant) {
        Plan plan = best_.plan;
        plan.interventions[i] = variant;
        return take(std::move(plan), describe(variant));
      })) {
        changed = true;
      }
    }
    for (std::size_t i = 0; i < best_.scenario->environment.faults.size(); ++i) {
      while (weaken(best_.scenario->environment.faults[i], [&](const Intervention& variant) {
        const auto* fault = std::get_if<scenarios::FaultSpec>(&variant);
        return fault != nullptr && with(describe(variant), [&](Scenario& s) { s.environment.faults[i] = *fault; });
      })) {
        changed = true;
      }
    }
    return changed;
  }
  template <class Try>
  bool weaken(const Intervention& intervention, Try attempt) {
    for (const Intervention& variant : simpler(intervention, shown_.words)) {
      if (spent()) return false;
      if (attempt(variant)) return true;
    }
    return false;
  }

  /// @param slack  the safety phase may last so many times what it needs now
  bool time(std::int64_t slack) {
    bool changed = false;
    const bool live = kind_.checker == "liveness";
    if (!live) {
      changed |= with("no healing phase", [](Scenario& s) { s.stop.healing = {}; });
      if (kind_.checker != crash_name) {
        const Duration need = rounded_up(slack * (shown_.finding.at - time_zero) + Duration{1});
        if (need < best_.scenario->stop.after) changed |= until(need);
      }
    }
    if (slack != 1) return changed;
    const auto each = [&](Duration scenarios::StopSpec::*part, const char* what) {
      for (bool more = true; more && !spent();) {
        more = false;
        for (const Duration t : shorter(best_.scenario->stop.*part)) {
          const bool shorter_now =
              with(fmt::format("{} of {} ms", what, ns(t) / 1'000'000), [&](Scenario& s) { s.stop.*part = t; });
          if (!shorter_now) continue;
          changed = more = true;
          break;
        }
      }
    };
    each(&scenarios::StopSpec::after, "a safety phase");
    if (live) each(&scenarios::StopSpec::healing, "a healing phase");
    changed |= with("no height to stop at", [](Scenario& s) { s.stop.height = 0; });
    return changed;
  }
  bool until(Duration end) {
    return with(fmt::format("a safety phase of {} ms", ns(end) / 1'000'000), [&](Scenario& s) { s.stop.after = end; });
  }

  void seed() {
    for (std::uint64_t seed = 1; seed <= 3 && seed < best_.plan.seed; ++seed) {
      Plan plan = best_.plan;
      plan.seed = seed;
      if (take(std::move(plan), fmt::format("seed {}", seed))) return;
    }
  }

  /// With the judges that the scenario wants, if it then still shows the same.
  void finish() {
    Case whole = best_;
    auto scenario = std::make_shared<Scenario>(*best_.scenario);
    scenario->expect.checkers = wanted_.checkers;
    whole.scenario = std::move(scenario);
    if (std::optional<Shown> shown = run(whole)) {
      best_ = std::move(whole);
      shown_ = std::move(*shown);
    }
    out_.smallest = std::move(best_);
    out_.kind = kind_;
    out_.after = size_of(out_.smallest, shown_.result);
    out_.finding = std::move(shown_.finding);
    out_.result = std::move(shown_.result);
  }

  const Target& target_;
  const FindingKind kind_;
  const ShrinkOptions& options_;
  Case best_;
  Shown shown_;
  scenarios::ExpectSpec wanted_;
  Shrunk out_;
  std::uint64_t events_max_ = ~std::uint64_t{0};
  bool written_ = true;     // a file can say what is to be shrunk
  bool stopped_ = false;
};

}  // namespace

std::optional<FindingKind> find_kind(const Case& which, const Target& target, const CaseLimits& limits) {
  scenarios::RunOptions options;
  options.on_progress = [&](SimTime, std::uint64_t events) {
    return (limits.events_max == 0 || events < limits.events_max) && (!limits.goes_on || limits.goes_on());
  };
  if (target.make_engine) options.make_engine = target.make_engine;
  if (target.make_forced) options.make_forced = target.make_forced;
  RunResult result;
  try {
    result = scenarios::run(*which.scenario, which.plan, options);
  } catch (const scenarios::InputError&) {
    throw;
  } catch (const std::exception& error) {
    return finding_kind({std::string{crash_name}, {}, {}, error.what(), false});
  }
  for (const Finding& finding : result.findings) {
    if (!finding.outside_model) return finding_kind(finding);
  }
  if (result.findings.empty()) return std::nullopt;
  return finding_kind(result.findings.front());
}

Shrunk shrink(const Case& which, const Target& target, const FindingKind& kind, const ShrinkOptions& options) {
  return Shrinker(which, target, kind, options).work();
}

std::string size_line(const CaseSize& before, const CaseSize& after) {
  return fmt::format("{} intervention{} -> {}, {} nodes -> {}, {} -> {}", before.interventions,
                     before.interventions == 1 ? "" : "s", after.interventions, before.nodes, after.nodes,
                     human_duration(before.time), human_duration(after.time));
}

}  // namespace seqlab::analysis
