#include <fmt/format.h>

#include <cstdio>

#include "analysis/cli/command.hpp"
#include "analysis/cli/execute.hpp"
#include "analysis/cli/recorded.hpp"
#include "analysis/report/format.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::analysis {

int replay_command(const ReplayArguments& a, const Context& context) {
  const Recorded recorded = load_recorded(a.plan, context);
  const PlanFile& plan = recorded.file;
  const std::string& scenario_file = recorded.scenario_path;

  const std::unique_ptr<RunFolder> folder = make_folder(a.folder, recorded.scenario);
  ExecuteOptions options;
  options.folder = folder.get();
  options.progress = a.progress;
  Executed done = execute(recorded.scenario, plan.plan, options);
  Report& report = done.report;
  report.reproduce = shell_line({context.program, "replay", a.plan});
  report.next.push_back(
      shell_line({context.program, "run", scenario_file, "--seed", std::to_string(plan.plan.seed + 1)}));
  report.next.push_back(shell_line({context.program, "check", scenario_file}));

  const bool same_version = plan.version == report.version;
  const bool same_build = plan.build == build_id();
  const bool same_scenario = plan.scenario_hash == report.scenario_hash;
  const bool comparable = !plan.interrupted && report.result.stopped != sim::StopReason::interrupted;
  const bool same = report.result.digest == plan.digest;

  if (!same_version) {
    fmt::print(stderr, "note: recorded by version {} of seqlab, repeated by version {}\n", plan.version,
               report.version);
  }
  if (!same_scenario) {
    fmt::print(stderr, "note: {} does not mean what it meant when the plan was written (hash {}, was {})\n",
               scenario_file, to_hex(report.scenario_hash), to_hex(plan.scenario_hash));
  }
  if (!comparable) fmt::print(stderr, "note: one of the two runs was interrupted; their digests are not compared\n");

  if (folder) {
    report.run_folder = a.folder.out;
    folder->finish(report, plan.plan);
  }
  if (a.json) {
    print(to_json(report));
  } else if (a.quiet) {
    print(to_brief_text(report, paints(context)));
  } else {
    print(to_text(report, paints(context)));
  }
  if (!comparable) return 2;
  if (same) {
    fmt::print(stderr, "replayed: the digest is the recorded one\n");
    return exit_code(report);
  }
  const std::string what =
      fmt::format("the digest is {}, recorded was {} (verdict {}, recorded was {})", to_hex(report.result.digest),
                  to_hex(plan.digest), word_for(report.result.verdict), word_for(plan.verdict));
  if (same_version && same_scenario && same_build) {
    throw InternalError(what + "; program and scenario are the same, so the program is not deterministic");
  }
  if (same_version && !same_build) {
    fmt::print(stderr, "note: recorded by another build ({}), repeated by this one ({})\n",
               plan.build.empty() ? "unknown" : plan.build, build_id());
  }
  fmt::print(stderr, "not repeated: {}\n", what);
  return 1;
}

}  // namespace seqlab::analysis
