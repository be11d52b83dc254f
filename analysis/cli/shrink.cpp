#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "analysis/cli/command.hpp"
#include "analysis/cli/progress.hpp"
#include "analysis/cli/recorded.hpp"
#include "analysis/report/format.hpp"
#include "analysis/report/result.hpp"
#include "analysis/search/finding_folder.hpp"
#include "analysis/search/shrink.hpp"
#include "scenarios/plan/recorder.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

namespace {

std::string free_folder(const std::string& base) {
  std::string name = base;
  std::error_code error;
  for (int i = 2; std::filesystem::exists(name, error); ++i) name = fmt::format("{}.{}", base, i);
  return name;
}

/// One object with a final newline; what a finding of `fuzz --json` has, and how far it came.
std::string to_json(const Shrunk& shrunk, const std::string& target, const std::string& folder,
                    const std::string& reproduce) {
  using Json = nlohmann::ordered_json;
  Json remaining = Json::array();
  for (const scenarios::Intervention& intervention : shrunk.smallest.plan.interventions)
    remaining.push_back(describe(intervention));
  const auto both = [](auto before, auto after) { return Json{{"found", before}, {"shrunk", after}}; };
  Json out{{"schema", "seqlab/shrink/v1"},
           {"version", version()},
           {"checker", shrunk.finding.checker},
           {"text", shrunk.finding.text},
           {"target", target},
           {"outside_model", shrunk.kind.outside_model},
           {"digest", to_hex(shrunk.result.digest)},
           {"interventions", both(shrunk.before.interventions, shrunk.after.interventions)},
           {"nodes", both(shrunk.before.nodes, shrunk.after.nodes)},
           {"time_ns", both(ns(shrunk.before.time), ns(shrunk.after.time))}};
  out["remaining"] = std::move(remaining);
  out["runs"] = shrunk.runs;
  out["complete"] = shrunk.complete;
  out["folder"] = folder;
  out["plan"] = (std::filesystem::path(folder) / "plan.json").string();
  out["reproduce"] = reproduce;
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace

int shrink_command(const ShrinkArguments& a, const Context& context) {
  Recorded recorded = load_recorded(a.plan, context);
  Target target;
  target.name = recorded.scenario.name;
  Case which{std::make_shared<const scenarios::Scenario>(std::move(recorded.scenario)), recorded.file.plan};
  target.scenario = which.scenario;

  const std::optional<FindingKind> kind = find_kind(which, target);
  if (!kind) {
    throw scenarios::InputError(scenarios::Problem{recorded.plan_path,
                                                   0,
                                                   0,
                                                   {},
                                                   "nothing is wrong with this run: there is nothing to shrink",
                                                   "shrink takes plans of runs in which a checker found something"});
  }

  // What scripts decide one by one can go one by one.
  const bool scripted = !which.plan.without_scripts && !which.scenario->environment.adversaries.empty();
  if (scripted) {
    scenarios::Decisions decisions;
    scenarios::RunOptions recording;
    recording.decisions = &decisions;
    scenarios::run(*which.scenario, which.plan, recording);
    Case planned{which.scenario, without_scripts(which.plan, decisions)};
    if (find_kind(planned, target) == kind) {
      which = std::move(planned);
    } else {
      fmt::print(stderr, "note: the scripts' decisions do not give the same without them; they stay\n");
    }
  }

  const InterruptGuard interrupt;
  ShrinkOptions options;
  if (a.runs) options.runs_max = *a.runs;
  std::uint64_t told = 0;
  options.on_progress = [&](std::uint64_t runs, const CaseSize& size) {
    if (a.progress && runs >= 2 * told + 500) {
      told = runs;
      fmt::print(stderr, "{} runs: {}, {}\n", runs, plural(size.interventions, "intervention"),
                 plural(size.nodes, "node"));
    }
    return !InterruptGuard::asked();
  };
  const Shrunk shrunk = shrink(which, target, *kind, options);
  const Tale tale = tell(shrunk.smallest, target, shrunk.finding);

  const std::string folder = a.out.empty() ? free_folder(target.name + "-shrunk") : a.out;
  write_finding_folder(folder, shrunk, target, tale, context.program);
  const std::string reproduce = shell_line({context.program, "replay", folder});
  if (a.json) {
    print(to_json(shrunk, target.name, folder, reproduce));
    return 0;
  }
  std::string out = fmt::format("{}: {}\n\n{}\n({}{})\n\n", shrunk.finding.checker, shrunk.finding.text,
                                size_line(shrunk.before, shrunk.after), plural(shrunk.runs, "run"),
                                shrunk.complete ? "" : "; more could go: the budget was spent");
  for (const scenarios::Intervention& intervention : shrunk.smallest.plan.interventions)
    out += "  " + describe(intervention) + "\n";
  out += fmt::format("\n{}\n\nwritten: {} (plan.json, scenario.yaml, story.md)\nreproduce: {}\n", tale.paragraph,
                     folder, reproduce);
  print(out);
  return 0;
}

}  // namespace seqlab::analysis
