#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "analysis/cli/command.hpp"
#include "analysis/cli/execute.hpp"
#include "analysis/record/output_file.hpp"
#include "analysis/record/plan_file.hpp"
#include "analysis/report/format.hpp"
#include "scenarios/plan/recorder.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::analysis {

namespace {

/// The words that name this scenario again, with everything that changes its meaning.
std::vector<std::string> scenario_words(const RunArguments& a, const Context& context) {
  std::vector<std::string> words{context.program, "run", a.scenario};
  for (const std::string& override_word : a.overrides) {
    words.push_back("--set");
    words.push_back(override_word);
  }
  if (!context.library_root.empty()) {
    words.push_back("--library");
    words.push_back(context.library_root);
  }
  return words;
}

std::string with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return shell_line(words);
}

/// A folder below seqlab-runs/ that does not exist yet.
std::string free_folder(const std::string& scenario, std::uint64_t seed) {
  const std::string base = fmt::format("seqlab-runs/{}-{}", scenario, seed);
  std::error_code error;
  std::string name = base;
  for (int i = 2; std::filesystem::exists(name, error); ++i) name = fmt::format("{}.{}", base, i);
  return name;
}

void add_commands(Report& report, const RunArguments& a, const Context& context) {
  const std::uint64_t seed = report.result.seed;
  const std::vector<std::string> words = scenario_words(a, context);
  report.reproduce = with(words, {"--seed", std::to_string(seed)});
  if (!a.folder.out.empty()) {
    report.next.push_back(
        shell_line({context.program, "replay", (std::filesystem::path(a.folder.out) / "plan.json").string()}));
  } else {
    report.next.push_back(
        with(words, {"--seed", std::to_string(seed), "--out", free_folder(report.result.scenario, seed), "--trace"}));
  }
  report.next.push_back(with(words, {"--seed", std::to_string(seed + 1)}));
}

/// The plan that does without scripts what they did, with what comes of it: replay and shrink take it.
void write_attack(const std::string& folder, const scenarios::Scenario& scenario, const scenarios::Plan& plan,
                  const scenarios::Decisions& decisions, const Report& report) {
  PlanFile file;
  file.plan = without_scripts(plan, decisions);
  const scenarios::RunResult result = scenarios::run(scenario, file.plan);
  file.scenario_file = "scenario.yaml";
  file.scenario_name = scenario.name;
  file.scenario_hash = report.scenario_hash;
  file.version = report.version;
  file.digest = result.digest;
  file.verdict = result.verdict;
  write_file((std::filesystem::path(folder) / "attack.json").string(), to_json(file));
  fmt::print(stderr, "attack.json: {}; without scripts the verdict is {}\n",
             plural(decisions.interventions.size(), "intervention"), word_for(result.verdict));
  for (const auto& [what, count] : decisions.untold)
    fmt::print(stderr, "note: no intervention says this, so it is not in attack.json: {} ({})\n", what, count);
}

}  // namespace

int run_command(const RunArguments& a, const Context& context) {
  if (a.record_plan) require_folder(a.folder, "--record-plan");
  const scenarios::Overrides overrides = parse_overrides(a.overrides);
  const std::optional<std::uint64_t> seed = a.seed ? std::optional{parse_seed(*a.seed)} : std::nullopt;
  const scenarios::Scenario scenario = scenarios::load_scenario(a.scenario, library_of(context), overrides);
  const scenarios::Plan plan{seed.value_or(scenario.seed)};

  const std::unique_ptr<RunFolder> folder = make_folder(a.folder, scenario);
  ExecuteOptions options;
  options.verify = a.verify;
  options.progress = a.progress;
  options.folder = folder.get();
  scenarios::Decisions decisions;
  if (a.record_plan) options.decisions = &decisions;
  Executed done = execute(scenario, plan, options);
  add_commands(done.report, a, context);

  // A disk that filled up has stopped the first run, which is then another than the second: the disk comes first.
  if (folder && folder->failed()) folder->finish(done.report, plan);
  if (done.difference) {
    throw InternalError(fmt::format("two runs of one scenario and seed differ: {}\n  reproduce: {} --verify",
                                    describe(*done.difference, done.report.sequencer_count), done.report.reproduce));
  }
  if (a.verify && !done.report.verified && done.report.result.stopped != sim::StopReason::interrupted) {
    throw InternalError(fmt::format("two runs gave the same records and different results\n  reproduce: {} --verify",
                                    done.report.reproduce));
  }
  if (folder) {
    done.report.run_folder = a.folder.out;
    folder->finish(done.report, plan);
  }
  if (a.record_plan) write_attack(a.folder.out, scenario, plan, decisions, done.report);
  if (a.json) {
    print(to_json(done.report));
  } else if (a.quiet) {
    print(to_brief_text(done.report, paints(context)));
  } else {
    print(to_text(done.report, paints(context)));
  }
  return exit_code(done.report);
}

}  // namespace seqlab::analysis
