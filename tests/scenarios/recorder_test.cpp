// What scripts decide, written down: the plan without the scripts does the same.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "scenarios/plan/plan_text.hpp"
#include "scenarios/plan/recorder.hpp"
#include "scenarios/spec/parse.hpp"
#include "scenarios/world/run.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;
using namespace seqlab::tests;

namespace {

struct Twice {
  RunResult scripted, planned;
  Decisions decisions;
  bool same_blocks = false;
  std::string first_difference;
};

std::string text_of(const Record& r) {
  return "n" + std::to_string(r.node.value) + " h" + std::to_string(r.height) + " " + to_hex(r.id()).substr(0, 8) + " at " +
         std::to_string(ns(r.at));
}

Twice with_and_without_scripts(const Scenario& scenario, std::uint64_t seed = 1) {
  Twice out;
  Kept first;
  Kept second;
  RunOptions options;
  options.observers.push_back({&first, sim::mask_of(RecordKind::committed)});
  options.decisions = &out.decisions;
  out.scripted = run(scenario, {.seed = seed}, options);
  const Plan plan = without_scripts({.seed = seed}, out.decisions);
  const auto problems = problems_of(plan, scenario);
  INFO((problems.empty() ? std::string{} : problems.front()));
  REQUIRE(problems.empty());
  RunOptions plain;
  plain.observers.push_back({&second, sim::mask_of(RecordKind::committed)});
  out.planned = run(scenario, plan, plain);
  const auto same = [](const Record& a, const Record& b) {
    return a.node == b.node && a.height == b.height && a.round == b.round && a.id() == b.id();
  };
  const auto [a, b] = std::mismatch(first.records.begin(), first.records.end(), second.records.begin(),
                                    second.records.end(), same);
  out.same_blocks = a == first.records.end() && b == second.records.end();
  if (!out.same_blocks) {
    out.first_difference = a == first.records.end() ? "first ended" : text_of(*a);
    out.first_difference += " / " + (b == second.records.end() ? "second ended" : text_of(*b));
  }
  return out;
}

}  // namespace

TEST_CASE("every attack of the catalogue is repeated by a plan", "[recorder]") {
  const Library library{std::string{SEQLAB_SOURCE_DIR} + "/scenarios"};
  for (const CatalogEntry& entry : catalog(library)) {
    const Scenario scenario = load_scenario(entry.name, library);
    if (scenario.environment.adversaries.empty()) continue;
    const Twice t = with_and_without_scripts(scenario);
    std::string line = entry.name + ": " + std::to_string(t.decisions.interventions.size()) + " " +
                       std::string{t.same_blocks ? "same" : "DIFFERENT " + t.first_difference} +
                       (t.scripted.verdict == t.planned.verdict ? "" : " VERDICT") + " findings " +
                       std::to_string(t.scripted.findings.size()) + " " + std::to_string(t.planned.findings.size());
    for (const auto& [what, count] : t.decisions.untold) line += "; " + what + ": " + std::to_string(count);
    WARN(line);
    CHECK(t.scripted.verdict == t.planned.verdict);
  }
}
