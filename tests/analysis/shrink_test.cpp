// Shrinking: a planted bug that a search found among dozens of interventions comes down to what the bug needs.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "analysis/record/output_file.hpp"
#include "analysis/record/plan_file.hpp"
#include "analysis/search/finding_folder.hpp"
#include "analysis/search/reductions.hpp"
#include "analysis/search/shrink.hpp"
#include "analysis/search/strategies/random.hpp"
#include "protocols/consensus/engine.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/parse.hpp"
#include "tests/negative/broken/rules.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using namespace seqlab::scenarios;

namespace {

template <class Rules>
Target broken() {
  Target target;
  target.name = "broken";
  target.scenario = std::make_shared<const Scenario>(fuzz_scenario("tendermint"));
  target.make_engine = [](NodeId self, const protocols::Committee&,
                          const protocols::EngineParameters& parameters) -> std::unique_ptr<protocols::Engine> {
    using Core = protocols::BasicTendermint<Rules>;
    return std::make_unique<protocols::EngineOf<Core>>(Core{self, parameters.tendermint, parameters.leaders});
  };
  return target;
}

/// A case of the random strategy that breaks `checker`, with interventions of others on top as long as it still does.
Case found_by_search(const Target& target, const std::string& checker, std::size_t interventions, std::uint64_t seed) {
  const auto strategy = make_random(target, seed);
  std::uint64_t i = 0;
  Case c;
  do {
    c = strategy->make(i++);
  } while (kind_of(run_case(c, target)) != checker);
  while (c.plan.interventions.size() < interventions) {
    Case more = c;
    for (const Intervention& other : strategy->make(i++).plan.interventions) more.plan.interventions.push_back(other);
    if (more.plan.interventions.size() == c.plan.interventions.size()) continue;
    if (!problems_of(more.plan, *more.scenario).empty()) continue;
    if (kind_of(run_case(more, target)) == checker) c = std::move(more);
  }
  return c;
}

}  // namespace

TEST_CASE("a planted bug found among fifty interventions comes down to what it needs", "[shrink]") {
  const Target target = broken<tests::broken::NoLock>();
  const Case c = found_by_search(target, "lock_rule", 50, 1);
  const std::optional<FindingKind> kind = find_kind(c, target);
  REQUIRE(kind);
  CHECK(kind->shape ==
        "# precommitted # in height # round # and prevoted # in round # without a polka for it in between");
  const Shrunk shrunk = shrink(c, target, *kind);
  const Plan& plan = shrunk.smallest.plan;

  std::string text = size_line(shrunk.before, shrunk.after) + "\n";
  for (const std::string& line : shrunk.log) text += line + "\n";
  for (const Intervention& i : plan.interventions) text += "  " + describe(i) + "\n";
  INFO(text);
  CHECK(shrunk.complete);
  CHECK(shrunk.before.interventions >= 50);
  // One node has a lock and two others want another block: a single lie, or silence, keeps the first quorum from being
  // seen by everybody. Without any trouble nobody comes to a second round.
  CHECK(plan.interventions.size() <= 2);
  CHECK(shrunk.after.nodes <= 4);
  CHECK(shrunk.after.time < 1s);
  CHECK(shrunk.runs < 1'000);
  CHECK(finding_kind(shrunk.finding) == *kind);

  // It is minimal: with one intervention less nothing is found any more.
  for (std::size_t i = 0; i < plan.interventions.size(); ++i) {
    Case less = shrunk.smallest;
    less.plan.interventions.erase(less.plan.interventions.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK_FALSE(find_kind(less, target) == kind);
  }
  // And it is repeated, by the same steps.
  const Shrunk again = shrink(c, target, *kind);
  CHECK(again.log == shrunk.log);
  CHECK(again.smallest.plan == plan);
  CHECK(again.result.digest == shrunk.result.digest);
}

TEST_CASE("a quorum that is one too small needs no lies of forty to show", "[shrink]") {
  const Target target = broken<tests::broken::QuorumOffByOne>();
  const Case c = found_by_search(target, "certified_commit", 30, 1);
  const auto kind = find_kind(c, target);
  REQUIRE(kind);
  const Shrunk shrunk = shrink(c, target, *kind);
  INFO(size_line(shrunk.before, shrunk.after));
  // The threshold is wrong in any committee but 3F + 1: no trouble at all is needed, and no more than five nodes.
  CHECK(shrunk.smallest.plan.interventions.empty());
  CHECK(shrunk.smallest.plan.corrupt.empty());
  CHECK(shrunk.after.nodes <= 5);
}

TEST_CASE("a sound case refuses to shrink", "[shrink]") {
  Target target;
  target.name = "sound";
  target.scenario = std::make_shared<const Scenario>(fuzz_scenario("tendermint"));
  const Case c{target.scenario, {.seed = 1}};
  CHECK_FALSE(find_kind(c, target));
  CHECK_THROWS_AS(shrink(c, target, {"agreement", "# and # differ", false}), InputError);
}

TEST_CASE("what is left can be written to a file and read again", "[shrink]") {
  // Nothing has to happen before the healing phase, in which timeouts that do not grow never end: no time is too short.
  Target target = broken<tests::broken::ConstantTimeouts>();
  Scenario slow = *target.scenario;
  slow.environment.network.latency.mean = slow.environment.network.delta = 260ms;
  target.scenario = std::make_shared<const Scenario>(slow);
  const Case c{target.scenario, {.seed = 1}};
  const std::optional<FindingKind> kind = find_kind(c, target);
  REQUIRE(kind);
  CHECK(kind->checker == "liveness");
  const Shrunk s = shrink(c, target, *kind);
  CHECK(s.complete);
  CHECK(s.smallest.scenario->stop.after < slow.stop.after);
  CHECK(parse_scenario(to_yaml(*s.smallest.scenario), "shrunk.yaml", Library{}) == *s.smallest.scenario);
}

TEST_CASE("a budget ends the search with what it has", "[shrink]") {
  const Target target = broken<tests::broken::NoLock>();
  const Case c = found_by_search(target, "lock_rule", 50, 1);
  ShrinkOptions options;
  options.runs_max = 6;
  const Shrunk some = shrink(c, target, *find_kind(c, target), options);
  CHECK_FALSE(some.complete);
  CHECK(some.runs <= 7);
  CHECK(some.kind.checker == "lock_rule");
  std::uint64_t asked = 0;
  options = {};
  options.on_progress = [&](std::uint64_t, const CaseSize&) { return ++asked < 3; };
  CHECK_FALSE(shrink(c, target, *find_kind(c, target), options).complete);
  CHECK(asked == 3);
}

TEST_CASE("what a checker says has a shape without names and numbers", "[shrink]") {
  const auto shape = [](const std::string& text) { return finding_kind({"agreement", {}, {}, text, false}).shape; };
  CHECK(shape("n0 and n12 committed different blocks at height 3 (00ab34cd in round 0, deadbeef in round 2)") ==
        "# committed different blocks at height # (# in round #, # in round #)");
  CHECK(shape("n0, n2 and n3 stand still") == shape("n1 stand still"));
  CHECK(shape("n0 voted nil") == shape("n1 voted 0123abcd"));
  CHECK(shape("n0 voted") != shape("n0 committed"));
}

TEST_CASE("without some nodes all others keep their part under new names", "[shrink]") {
  Scenario s = fuzz_scenario("tendermint");
  s.design.committee.stake = {1, 2, 3, 4};
  FaultSpec split;
  split.when.at = 1s;
  split.what = fault::Partition{{{NodeId{0}, NodeId{1}}, {NodeId{2}, NodeId{3}}}, false};
  s.environment.faults = {split};
  Plan plan{.seed = 1, .corrupt = {NodeId{3}}, .twins = {NodeId{3}}, .leaders = {NodeId{1}, NodeId{3}}};
  plan.interventions = {
      MessageIntervention{{.from = NodeId{1}, .to = NodeId{3}}, act::Drop{}},
      MessageIntervention{
          {.from = NodeId{3}, .to = NodeId{2}},
          act::Forge{.as = NodeId{3}, .to = {NodeId{1}, NodeId{0}}, .keep = true, .after = {}, .changes = {}}},
      RoundSplit{1, 0, {{Machine{NodeId{0}}, Machine{NodeId{1}}}, {Machine{NodeId{3}}}}, {}}};
  const std::optional<Case> c = with_nodes({std::make_shared<const Scenario>(s), plan}, {true, false, true, true});
  REQUIRE(c);
  CHECK(c->scenario->design.committee.count == 3);
  CHECK(c->scenario->design.committee.stake == std::vector<Power>{1, 3, 4});
  CHECK(std::get<fault::Partition>(c->scenario->environment.faults[0].what).groups ==
        std::vector<std::vector<NodeId>>{{NodeId{0}}, {NodeId{1}, NodeId{2}}});
  CHECK(c->plan.corrupt == std::vector<NodeId>{NodeId{2}});
  CHECK(c->plan.twins == std::vector<NodeId>{NodeId{2}});
  CHECK(c->plan.leaders == std::vector<NodeId>{NodeId{2}});
  REQUIRE(c->plan.interventions.size() == 2);
  const auto& forged = std::get<MessageIntervention>(c->plan.interventions[0]);
  CHECK(forged.at.from == NodeId{2});
  CHECK(forged.at.to == NodeId{1});
  CHECK(std::get<act::Forge>(forged.what).to == std::vector<NodeId>{NodeId{0}});
  CHECK(problems_of(c->plan, *c->scenario).empty());
  CHECK_FALSE(with_nodes({std::make_shared<const Scenario>(s), plan}, {false, false, false, false}));
}

TEST_CASE("shorter times come to an end, and rounded ones are neat", "[shrink]") {
  for (Duration t : {Duration{1}, Duration{17}, Duration{1234567us}, Duration{30s}}) {
    int steps = 0;
    while (!shorter(t).empty()) {
      const Duration next = shorter(t).back();
      REQUIRE(next < t);
      REQUIRE(++steps < 200);
      t = next;
    }
  }
  CHECK(rounded_up(1234us) == 1300us);
  CHECK(rounded_up(30s) == 30s);
  CHECK(shorter(-1s).empty());
}

TEST_CASE("what is left is a folder that people can read and the program can repeat", "[shrink]") {
  const Target target = broken<tests::broken::NoLock>();
  const Case c = found_by_search(target, "lock_rule", 30, 1);
  const Shrunk shrunk = shrink(c, target, *find_kind(c, target));
  const Tale tale = tell(shrunk.smallest, target, shrunk.finding);
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / "seqlab-shrink-test";
  fs::remove_all(folder);
  write_finding_folder(folder.string(), shrunk, target, tale);

  const PlanFile plan = parse_plan(read_file((folder / "plan.json").string()), "plan.json");
  const std::string yaml = read_file((folder / "scenario.yaml").string());
  INFO(yaml);
  const Scenario scenario = parse_scenario(yaml, "scenario.yaml", {});
  CHECK(plan.plan == shrunk.smallest.plan);
  CHECK(plan.digest == shrunk.result.digest);
  CHECK(plan.scenario_hash == scenario_hash(scenario));
  CHECK(yaml.find("# Shows, with the plan beside it, how lock_rule breaks") == 0);
  CHECK(std::ranges::count(yaml, '\n') < 40);  // what has its default value is not there
  // What was read back is what was shrunk.
  const CaseResult repeated = run_case({std::make_shared<const Scenario>(scenario), plan.plan}, target);
  CHECK(repeated.digest == plan.digest);
  const std::string story = read_file((folder / "story.md").string());
  CHECK(story.find("```mermaid\nsequenceDiagram\n") != std::string::npos);
  CHECK(story.find(size_line(shrunk.before, shrunk.after)) != std::string::npos);

  CHECK_THROWS_AS(write_finding_folder(folder.string(), shrunk, target, tale), InputError);
  fs::remove_all(folder);
}
