#include <fmt/format.h>

#include <exception>
#include <optional>

#include "analysis/cli/command.hpp"
#include "analysis/cli/recorded.hpp"
#include "analysis/cli/second_run.hpp"
#include "analysis/record/causes.hpp"
#include "analysis/record/comparison.hpp"
#include "analysis/record/describe.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

namespace {

struct Side {
  std::string name;
  scenarios::Scenario scenario;
  scenarios::Plan plan;
};

[[noreturn]] void refuse(const std::string& what, const std::string& text, const std::string& hint) {
  throw scenarios::InputError(scenarios::Problem{what, 0, 0, {}, text, hint});
}

std::vector<Side> sides_of(const BisectArguments& a, const Context& context) {
  std::vector<Side> out;
  if (a.seeds.empty()) {
    if (a.runs.size() != 2)
      refuse("bisect", "needs two runs", "two plans or run folders, or a scenario and --seed twice");
    for (const std::string& path : a.runs) {
      Recorded recorded = load_recorded(path, context);
      out.push_back({path, std::move(recorded.scenario), std::move(recorded.file.plan)});
    }
    return out;
  }
  if (a.seeds.size() != 2 || a.runs.size() != 1)
    refuse("--seed", "needs one scenario and two seeds", "e.g. bisect baseline --seed 1 --seed 2");
  for (const std::string& seed : a.seeds) {
    scenarios::Scenario scenario = scenarios::load_scenario(a.runs.front(), library_of(context));
    out.push_back({a.runs.front() + " with seed " + seed, std::move(scenario), {.seed = parse_seed(seed)}});
  }
  return out;
}

/// The first record in which they differ. @throws what the runs throw
std::optional<Difference> first_difference(const Side& a, const Side& b, std::uint64_t& compared) {
  const InterruptGuard interrupt;
  RecordComparison comparison;
  std::exception_ptr error;
  {
    SecondRun second(b.scenario, b.plan, comparison);
    try {
      scenarios::RunOptions options;
      options.observers.push_back({&comparison.side(0), sim::all_kinds});
      options.on_progress = [&](SimTime, std::uint64_t) { return !InterruptGuard::asked() && !comparison.differs(); };
      scenarios::run(a.scenario, a.plan, options);
    } catch (...) {
      error = std::current_exception();
    }
    comparison.side(0).end();
    try {
      second.join();
    } catch (...) {
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
  compared = comparison.compared();
  if (InterruptGuard::asked() && !comparison.difference()) refuse("bisect", "interrupted", "no difference so far");
  return comparison.difference();
}

/// What led to record `index` of that run, a line each.
std::string causes_in(const Side& side, std::uint64_t index) {
  Causes causes{index};
  scenarios::RunOptions options;
  options.observers.push_back({&causes, sim::all_kinds});
  options.on_progress = [&](SimTime, std::uint64_t) { return !causes.found(); };
  scenarios::run(side.scenario, side.plan, options);
  const std::uint32_t count = side.scenario.design.committee.count;
  std::string out;
  for (const sim::Record& r : causes.chain()) {
    const bool sent = r.kind == sim::RecordKind::message_sent;
    out += fmt::format("    {} {}\n", sent ? "sent by     " : "while handling", describe(r, count));
  }
  if (causes.from_timer()) out += "    on a timer, or when work of its own was done\n";
  return out;
}

}  // namespace

int bisect_command(const BisectArguments& a, const Context& context) {
  const std::vector<Side> sides = sides_of(a, context);
  std::uint64_t compared = 0;
  const std::optional<Difference> difference = first_difference(sides[0], sides[1], compared);
  if (!difference) {
    print(fmt::format("no difference: all {} records are equal\n", compared));
    return 0;
  }
  const std::uint32_t count = sides[0].scenario.design.committee.count;
  std::string out = describe(*difference, count) + "\n\n";
  for (std::size_t i = 0; i < 2; ++i) {
    const std::optional<sim::Record>& record = i == 0 ? difference->first : difference->second;
    out += fmt::format("{} run ({}):\n", i == 0 ? "first" : "second", sides[i].name);
    if (!record) {
      out += "    had ended\n";
      continue;
    }
    out += fmt::format("    {}\n{}", describe(*record, count), causes_in(sides[i], difference->index));
  }
  print(out);
  return 1;
}

}  // namespace seqlab::analysis
