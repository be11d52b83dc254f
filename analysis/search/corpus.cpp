#include "analysis/search/corpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "analysis/record/output_file.hpp"
#include "analysis/record/plan_file.hpp"
#include "scenarios/plan/plan_text.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

namespace fs = std::filesystem;

Corpus read_corpus(const std::string& folder, const scenarios::Library& library) {
  Corpus out;
  std::error_code error;
  if (!fs::exists(folder, error)) return out;
  if (!fs::is_directory(folder, error)) {
    scenarios::Problem problem;
    problem.file = folder;
    problem.text = "is not a folder";
    problem.hint = "--corpus takes a folder of cases that failed; it is made if missing";
    throw scenarios::InputError(std::move(problem));
  }
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (fs::exists(entry.path() / "plan.json", error)) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  for (const std::string& name : names) {
    const fs::path at = fs::path(folder) / name;
    try {
      const std::string plan_file = (at / "plan.json").string();
      const PlanFile plan = parse_plan(read_file(plan_file), plan_file);
      const std::string scenario_file = (at / plan.scenario_file).string();
      auto scenario = std::make_shared<const scenarios::Scenario>(
          scenarios::parse_scenario(read_file(scenario_file), scenario_file, library));
      if (const auto wrong = scenarios::problems_of(plan.plan, *scenario); !wrong.empty()) {
        out.problems.push_back(plan_file + ": " + wrong.front());
        continue;
      }
      out.entries.push_back({at.string(), {std::move(scenario), plan.plan}});
    } catch (const scenarios::InputError& bad) {
      for (const scenarios::Problem& problem : bad.problems()) out.problems.push_back(scenarios::format(problem));
    }
  }
  return out;
}

std::string reproducer_folder(const std::string& folder, const Case& which, const std::string& checker) {
  const std::string text = scenarios::to_json(which.plan) + to_hex(scenarios::scenario_hash(*which.scenario));
  const Hash128 name = hash128(std::as_bytes(std::span{text}));
  return (fs::path(folder) / fmt::format("{}-{}", checker, to_hex(name).substr(0, 8))).string();
}

}  // namespace seqlab::analysis
