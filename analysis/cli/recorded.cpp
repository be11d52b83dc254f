#include "analysis/cli/recorded.hpp"

#include <filesystem>

#include "analysis/record/output_file.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

Recorded load_recorded(const std::string& path, const Context& context) {
  namespace fs = std::filesystem;
  std::error_code error;
  Recorded out;
  const fs::path plan_path = fs::is_directory(path, error) ? fs::path(path) / "plan.json" : fs::path(path);
  out.plan_path = plan_path.string();
  if (!fs::exists(plan_path, error)) {
    scenarios::Problem problem;
    problem.file = out.plan_path;
    problem.text = "there is no such plan";
    problem.hint = "plan.json of a run folder, or the folder; `seqlab run SCENARIO --out DIR` writes one";
    throw scenarios::InputError(std::move(problem));
  }
  out.file = parse_plan(read_file(out.plan_path), out.plan_path);
  out.scenario_path = (plan_path.parent_path() / out.file.scenario_file).string();
  out.scenario = scenarios::parse_scenario(read_file(out.scenario_path), out.scenario_path, library_of(context));

  std::vector<scenarios::Problem> problems;
  for (const std::string& text : scenarios::problems_of(out.file.plan, out.scenario))
    problems.push_back({out.plan_path, 0, 0, {}, text, {}});
  if (!problems.empty()) throw scenarios::InputError(std::move(problems));
  return out;
}

}  // namespace seqlab::analysis
