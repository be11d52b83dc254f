// Plans whose forgeries go by what the liar saw, and splits of several rounds, in whole runs.
#include <algorithm>
#include <map>
#include <set>

#include "scenarios/plan/plan.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;
using namespace seqlab::tests;
using protocols::MessageKind;

namespace {

constexpr NodeId liar{3};

RunResult run_plan(const Plan& plan, const char* engine, Kept& kept) {
  Scenario s = quiet_world(4, 10ms);
  s.design.engine = engine;
  s.stop.after = 10s;
  s.stop.height = 6;
  REQUIRE(problems_of(plan, s).empty());
  RunOptions options;
  options.observers.push_back(
      {&kept, sim::mask_of(RecordKind::voted, RecordKind::proposed, RecordKind::message_dropped)});
  return run(s, plan, options);
}

Intervention forge_every(MessageKind kind, const protocols::ForgeChanges& changes) {
  return MessageIntervention{{.message = kind, .from = liar, .count = 0},
                             act::Forge{.as = liar, .to = {}, .keep = false, .after = {}, .changes = changes}};
}

}  // namespace

TEST_CASE("a liar votes for the block that it made up", "[plan]") {
  // What leaves n3 as its leader's proposal is another block; its votes are for that one in those rounds.
  for (const char* engine : {"tendermint", "jolteon"}) {
    CAPTURE(engine);
    const bool chained = std::string_view{engine} == "jolteon";
    const MessageKind vote = chained ? MessageKind::vote : MessageKind::prevote;
    Plan plan{.seed = 1, .corrupt = {liar}};
    plan.interventions = {forge_every(MessageKind::proposal, {.salt = 1}), forge_every(vote, {.other = 1})};
    Kept kept;
    const RunResult r = run_plan(plan, engine, kept);
    CHECK(r.findings.empty());
    std::map<std::pair<std::uint64_t, std::uint32_t>, Hash128> made_up;
    for (const Record& p : kept.of(RecordKind::proposed)) {
      if (p.node == liar) made_up[{p.height, p.round}] = p.id();
    }
    REQUIRE(!made_up.empty());
    std::size_t stood_by = 0;
    for (const Record& v : kept.of(RecordKind::voted)) {
      const auto at = made_up.find({v.height, v.round});
      if (v.node == liar && at != made_up.end() && at->second == v.id()) ++stood_by;
    }
    CHECK(stood_by > 0);
  }
}

TEST_CASE("a liar builds on the certificate before, and honest nodes go on without it", "[plan]") {
  Plan plan{.seed = 1, .corrupt = {liar}};
  plan.interventions = {forge_every(MessageKind::proposal, {.back = 1})};
  Kept kept;
  const RunResult r = run_plan(plan, "jolteon", kept);
  CHECK(r.findings.empty());
  CHECK(r.commits_safety >= 3);
  // By round: one height less than the others' would have.
  std::set<std::uint64_t> heights;
  bool twice = false;
  for (const Record& p : kept.of(RecordKind::proposed)) twice |= !heights.insert(p.height).second;
  CHECK(twice);
}

TEST_CASE("a split of several rounds holds in each of them and in no other", "[plan]") {
  RoundSplit split;
  split.round = 2;
  split.rounds = 2;
  split.groups = {{{NodeId{0}, false}}, {{NodeId{1}, false}, {NodeId{2}, false}, {NodeId{3}, false}}};
  Kept longer;
  run_plan({.seed = 1, .interventions = {split}}, "jolteon", longer);
  Kept apart;
  RoundSplit first = split;
  first.rounds = 1;
  RoundSplit second = first;
  second.round = 3;
  run_plan({.seed = 1, .interventions = {first, second}}, "jolteon", apart);
  Kept single;
  run_plan({.seed = 1, .interventions = {first}}, "jolteon", single);
  const std::size_t dropped = longer.of(RecordKind::message_dropped).size();
  CHECK(dropped == apart.of(RecordKind::message_dropped).size());
  CHECK(dropped > single.of(RecordKind::message_dropped).size());
}
