#include "analysis/cli/execute.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "analysis/cli/progress.hpp"
#include "analysis/cli/second_run.hpp"
#include "scenarios/spec/parse.hpp"
#include "scenarios/world/world.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::RunOptions;
using scenarios::RunResult;

bool stderr_redraws() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view{terminal} != "dumb";
}

std::uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace

void require_folder(const FolderArguments& arguments, const std::string& option) {
  if (!arguments.out.empty()) return;
  throw scenarios::InputError(scenarios::Problem{option, 0, 0, {}, "needs a run folder", "add --out DIR"});
}

std::unique_ptr<RunFolder> make_folder(const FolderArguments& arguments, const scenarios::Scenario& scenario) {
  if (arguments.trace) require_folder(arguments, "--trace");
  if (arguments.jsonl) require_folder(arguments, "--jsonl");
  if (arguments.force) require_folder(arguments, "--force");
  if (arguments.out.empty()) return nullptr;
  RunFolderOptions options;
  options.path = arguments.out;
  options.trace = arguments.trace;
  options.jsonl = arguments.jsonl;
  options.force = arguments.force;
  return std::make_unique<RunFolder>(std::move(options), scenario);
}

Executed execute(const scenarios::Scenario& scenario, const scenarios::Plan& plan, const ExecuteOptions& options) {
  Executed out;
  Report& report = out.report;
  report.sequencer_count = scenario.design.committee.count;
  if (protocols::find_l1_profile(scenario.design.l1) != nullptr) report.l1 = scenario.design.l1;
  report.expected = scenario.expect.verdict;
  report.scenario_hash = scenarios::scenario_hash(scenario);
  report.version = version();

  const InterruptGuard interrupt;
  Progress progress(time_zero + scenario.stop.after + scenario.stop.healing, options.progress, stderr_redraws());
  const auto begin = std::chrono::steady_clock::now();

  std::optional<RecordComparison> comparison;
  if (options.verify) comparison.emplace();

  RunOptions run_options;
  run_options.decisions = options.decisions;
  if (options.folder != nullptr) run_options.observers = options.folder->observers();
  if (comparison) run_options.observers.push_back({&comparison->side(0), sim::all_kinds});
  run_options.on_progress = [&](SimTime now, std::uint64_t events) {
    progress.show(now, events);
    const bool pointless =
        (options.folder != nullptr && options.folder->failed()) || (comparison && comparison->differs());
    return !InterruptGuard::asked() && !pointless;
  };

  const auto run_once = [&] {
    scenarios::World world(scenario, plan, run_options);
    RunResult result = world.run();
    report.script_logs = world.script_logs();
    return result;
  };

  if (comparison) {
    SecondRun second(scenario, plan, *comparison);
    std::exception_ptr error;
    try {
      report.result = run_once();
    } catch (...) {
      error = std::current_exception();
    }
    comparison->side(0).end();
    progress.clear();
    const RunResult* other = nullptr;
    try {
      other = &second.join();
    } catch (...) {
      if (!error) error = std::current_exception();
    }
    if (error) std::rethrow_exception(error);
    out.difference = comparison->difference();
    // Interrupted, the two stop at different records; that alone says nothing.
    const bool ends_only = out.difference && !(out.difference->first && out.difference->second);
    if (InterruptGuard::asked() && ends_only) out.difference.reset();
    report.verified = !InterruptGuard::asked() && !out.difference && other->digest == report.result.digest &&
                      other->records == report.result.records && other->verdict == report.result.verdict;
  } else {
    report.result = run_once();
    progress.clear();
  }

  report.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  report.peak_rss_bytes = peak_rss_bytes();
  return out;
}

}  // namespace seqlab::analysis
