// The leaderboard: which strategy finds which planted bug, after how many cases and how much CPU time, and how many
// interventions are left when the first find is shrunk. Medians over several seeds. And the other way
// round: the sound twins, searched for false alarms.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/search/campaign.hpp"
#include "analysis/search/finding_folder.hpp"
#include "analysis/search/shrink.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/parse.hpp"
#include "tests/zoo/entries.hpp"

namespace {

using namespace seqlab;
using namespace seqlab::analysis;

struct Detection {
  bool found = false;
  std::uint64_t cases = 0;
  double cpu_seconds = 0;
  std::string checker;
  Case which;
};

Detection detect(const Target& target, const std::vector<const StrategyEntry*>& strategies, std::uint64_t seed,
                 double cpu_limit) {
  CampaignOptions o;
  o.targets = {target};
  o.strategies = strategies;
  o.seed = seed;
  o.until_failure = true;
  o.on_progress = [&](const CampaignReport& r) { return r.cpu_seconds < cpu_limit; };
  const CampaignReport r = run_campaign(o);
  Detection out;
  out.found = !r.failures.empty();
  out.cases = r.cases;
  out.cpu_seconds = r.cpu_seconds;
  if (out.found) {
    out.checker = r.failures.front().checker;
    out.which = r.failures.front().which;
  }
  return out;
}

/// "12 -> 2": interventions before and after shrinking.
/// @param folder  gets what is left, unless it is empty
std::string shrunk(const Detection& d, const Target& target, const std::string& folder) {
  if (!d.found || d.which.scenario == nullptr) return "";
  const std::optional<FindingKind> kind = find_kind(d.which, target);
  if (!kind) return "";
  ShrinkOptions o;
  o.runs_max = 3000;
  const Shrunk s = shrink(d.which, target, *kind, o);
  if (!folder.empty()) write_finding_folder(folder, s, target, tell(s.smallest, target, s.finding));
  return fmt::format("{} -> {}", s.before.interventions, s.after.interventions);
}

template <class T>
T median(std::vector<T> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

[[noreturn]] void refuse(const std::string& what, const std::string& name, const std::vector<std::string>& known) {
  const std::string hint = fmt::format("one of: {}", fmt::join(known, ", "));
  throw scenarios::InputError(scenarios::Problem{name, 0, 0, {}, "there is no such " + what, hint});
}

int run(int argc, char** argv) {
  CLI::App app("planted bugs against search strategies", "zoo");
  std::uint64_t seeds = 10;
  double limit = 0;
  std::uint64_t sound_cases = 0;
  std::uint32_t jobs = 1;
  std::vector<std::string> names;
  std::vector<std::string> only;
  std::string folder;
  bool json = false;
  app.add_option("entry", names, "entries, such as Z04; all without");
  app.add_option("--strategy", only, "strategies or `portfolio`; all without");
  app.add_option("--seeds", seeds, "campaigns of each")->capture_default_str();
  app.add_option("--limit", limit, "CPU seconds of each campaign; 0: 60 for safety, 300 for liveness");
  app.add_option("--sound", sound_cases, "instead: so many cases of the portfolio on each sound twin");
  app.add_option("--jobs", jobs, "threads, with --sound");
  app.add_option("--out", folder, "gets the first find of each entry and strategy, shrunk: plan, scenario, story");
  app.add_flag("--json", json, "one JSON object");
  CLI11_PARSE(app, argc, argv);

  std::vector<const StrategyEntry*> all;
  std::vector<std::string> known{"portfolio"};
  for (const StrategyEntry& s : strategies()) {
    all.push_back(&s);
    known.emplace_back(s.name);
  }
  // Nothing asked for would be nothing missed.
  for (const std::string& name : only) {
    if (std::ranges::find(known, name) == known.end()) refuse("strategy", name, known);
  }
  known.clear();
  for (const zoo::Entry& e : zoo::entries()) known.emplace_back(e.name);
  for (const std::string& name : names) {
    if (std::ranges::none_of(known, [&](const std::string& k) { return k.find(name) == 0; })) {
      refuse("entry", name, known);
    }
  }
  if (seeds == 0) throw scenarios::InputError(scenarios::Problem{"--seeds", 0, 0, {}, "none asked for", "--seeds 1"});
  const auto wanted = [&](const zoo::Entry& e) {
    return names.empty() || std::ranges::any_of(names, [&](const std::string& n) { return e.name.find(n) == 0; });
  };

  if (sound_cases > 0) {
    std::vector<std::string> done;
    bool clean = true;
    for (const zoo::Entry& e : zoo::entries()) {
      if (!wanted(e)) continue;
      CampaignOptions o;
      o.targets = {zoo::sound_twin(e)};
      // Many entries have one twin: the same cases again would say the same.
      const std::string twin = to_hex(scenarios::scenario_hash(*o.targets.front().scenario));
      if (std::ranges::find(done, twin) != done.end()) continue;
      done.push_back(twin);
      o.strategies = all;
      o.cases = sound_cases;
      o.jobs = jobs;
      const CampaignReport r = run_campaign(o);
      clean = clean && r.failures.empty();
      fmt::print("{:<12} {:<12} {:>10} cases, {} failures\n", e.name, e.engine, r.cases, r.failed_cases);
      for (const CampaignFailure& f : r.failures) {
        fmt::print("  {} {}: {}: {}\n", f.strategy, f.index, f.checker, f.text);
      }
      std::fflush(stdout);
    }
    return clean ? 0 : 1;
  }

  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  if (!json)
    fmt::print("{:<12} {:<11} {:<10} {:>7} {:>12} {:>12}  {:<10} {}\n", "entry", "engine", "strategy", "found",
               "cases", "CPU s", "plan", "checker");
  bool every = true;
  for (const zoo::Entry& e : zoo::entries()) {
    if (!wanted(e)) continue;
    const double most = limit > 0 ? limit : e.kind == zoo::Kind::safety ? 60 : 300;
    std::vector<std::pair<std::string, std::vector<const StrategyEntry*>>> columns;
    for (const StrategyEntry* s : all) columns.push_back({std::string{s->name}, {s}});
    columns.push_back({"portfolio", all});
    for (const auto& [name, list] : columns) {
      if (!only.empty() && std::ranges::find(only, name) == only.end()) continue;
      std::vector<std::uint64_t> cases;
      std::vector<double> cpu;
      std::uint64_t found = 0;
      std::string checker;
      std::string plan;
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const Detection d = detect(zoo::target_of(e), list, seed, most);
        found += d.found ? 1U : 0U;
        cases.push_back(d.cases);
        cpu.push_back(d.cpu_seconds);
        if (!plan.empty() || !d.found) continue;
        checker = d.checker;
        const std::string place = folder.empty() ? "" : fmt::format("{}/{}-{}", folder, e.name, name);
        plan = shrunk(d, zoo::target_of(e), place);
      }
      if (name == "portfolio") every = every && found == seeds;
      if (json) {
        rows.push_back({{"entry", e.name},
                        {"engine", e.engine},
                        {"strategy", name},
                        {"found", found},
                        {"seeds", seeds},
                        {"median_cases", median(cases)},
                        {"median_cpu_seconds", median(cpu)},
                        {"interventions", plan},
                        {"checker", checker}});
      } else {
        fmt::print("{:<12} {:<11} {:<10} {:>4}/{:<2} {:>12} {:>12.2f}  {:<10} {}\n", e.name, e.engine, name, found,
                   seeds, median(cases), median(cpu), plan, checker);
        std::fflush(stdout);
      }
    }
  }
  if (json) fmt::print("{}\n", rows.dump(2));
  return every ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const scenarios::InputError& error) {
    for (const scenarios::Problem& problem : error.problems()) fmt::print(stderr, "error: {}\n", format(problem));
    return 3;
  }
}
