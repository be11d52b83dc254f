#include "analysis/record/plan_file.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;

namespace {

PlanFile sample_plan() {
  PlanFile plan;
  plan.plan.seed = 18'446'744'073'709'551'615U;
  plan.scenario_file = "scenario.yaml";
  plan.scenario_name = "equivocating-leader";
  plan.scenario_hash = Hash128{0x0fU, 0xf000000000000000U};
  plan.version = "0.1.0";
  plan.build = "sources 0123456789ab, GNU 12.2.0";
  plan.digest = Hash128{1, 2};
  plan.verdict = scenarios::Verdict::outside_model;
  return plan;
}

std::vector<scenarios::Problem> problems_of(const std::string& text) {
  try {
    parse_plan(text, "x/plan.json");
  } catch (const scenarios::InputError& error) {
    return error.problems();
  }
  return {};
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("a plan comes back from its file as it was written", "[analysis][plan]") {
  const PlanFile plan = sample_plan();
  const PlanFile read = parse_plan(to_json(plan), "plan.json");
  CHECK(read.plan == plan.plan);
  CHECK(read.scenario_file == plan.scenario_file);
  CHECK(read.scenario_name == plan.scenario_name);
  CHECK(read.scenario_hash == plan.scenario_hash);
  CHECK(read.version == plan.version);
  CHECK(read.build == plan.build);
  CHECK(read.digest == plan.digest);
  CHECK(read.verdict == plan.verdict);
  CHECK_FALSE(read.interrupted);
}

TEST_CASE("text that is not JSON is refused with line and column", "[analysis][plan]") {
  const auto problems = problems_of("{\n  \"schema\": ,\n}");
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].file == "x/plan.json");
  CHECK(problems[0].line == 2);
  CHECK(problems_of("").size() == 1);
  CHECK(problems_of("[1, 2").size() == 1);
  CHECK(problems_of("[]").size() == 1);
  CHECK(problems_of("null").size() == 1);
}

TEST_CASE("everything that is wrong with a plan is told at once", "[analysis][plan]") {
  std::string text = to_json(sample_plan());
  text = replaced(text, "18446744073709551615", "-1");
  text = replaced(text, "\"outside_model\"", "\"fine\"");
  text = replaced(text, "0000000000000001000000000000000", "xyz");
  const auto problems = problems_of(text);
  REQUIRE(problems.size() == 3);
  CHECK(problems[0].path == "seed");
  CHECK(problems[1].path == "expect.digest");
  CHECK(problems[1].line > 1);
  CHECK(problems[2].path == "expect.verdict");
}

TEST_CASE("a plan of another schema or with an empty intervention is refused, not guessed at", "[analysis][plan]") {
  const auto other = problems_of(replaced(to_json(sample_plan()), "seqlab/plan/v1", "seqlab/plan/v9"));
  REQUIRE(other.size() == 1);
  CHECK(other[0].path == "schema");
  const auto with = problems_of(replaced(to_json(sample_plan()), "\"interventions\": []", "\"interventions\": [{}]"));
  REQUIRE(with.size() == 1);
  CHECK(with[0].path == "interventions[0]");
}
