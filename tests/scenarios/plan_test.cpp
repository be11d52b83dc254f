// Plans: each kind of intervention does what its words say, comes back from its text, and garbage is told with a place.
#include <algorithm>
#include <string>

#include "scenarios/plan/plan_text.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;
using namespace seqlab::tests;
using protocols::MessageKind;

namespace {

constexpr auto interesting =
    sim::mask_of(RecordKind::message_dropped, RecordKind::message_delivered, RecordKind::committed,
                 RecordKind::round_entered, RecordKind::voted, RecordKind::proposed, RecordKind::intervened,
                 RecordKind::evidence, RecordKind::node_crashed);

struct Outcome {
  RunResult result;
  Kept kept;
};

Outcome run_plan(const Plan& plan, std::uint32_t count = 4, Duration after = 4s) {
  Scenario s = quiet_world(count, 50ms);
  s.design.parameters.tendermint.timeout_commit = 100ms;
  s.design.parameters.tendermint.skip_timeout_commit = false;
  s.stop.after = after;
  REQUIRE(problems_of(plan, s).empty());
  Outcome out;
  RunOptions options;
  options.observers.push_back({&out.kept, interesting});
  out.result = run(s, plan, options);
  return out;
}

MessagePoint vote_of(std::uint32_t from, std::uint32_t to, MessageKind kind = MessageKind::prevote) {
  return {.message = kind, .from = NodeId{from}, .to = NodeId{to}, .height = 1, .round = 0};
}

std::uint64_t dropped(const Outcome& o) {
  std::uint64_t count = 0;
  for (const Record& r : o.kept.records) count += r.kind == RecordKind::message_dropped ? 1U : 0U;
  return count;
}

bool found(const Outcome& o, const std::string& checker) {
  return std::ranges::any_of(o.result.findings, [&](const Finding& f) { return f.checker == checker; });
}

Plan with(std::vector<Intervention> interventions) { return {.seed = 1, .interventions = std::move(interventions)}; }

}  // namespace

TEST_CASE("an empty plan changes nothing, not even the digest", "[plan]") {
  const Outcome a = run_plan({.seed = 5});
  const Outcome b = run_plan({.seed = 5, .leaders = {}, .interventions = {}});
  CHECK(a.result.digest == b.result.digest);
  CHECK(a.kept.of(RecordKind::intervened).empty());
}

TEST_CASE("a dropped copy is the named one", "[plan]") {
  const Outcome o = run_plan(with({MessageIntervention{vote_of(2, 1), act::Drop{}}}));
  REQUIRE(dropped(o) == 1);
  const Record* drop = o.kept.first([](const Record& r) { return r.kind == RecordKind::message_dropped; });
  CHECK(drop->node == NodeId{1});
  CHECK(drop->peer == NodeId{2});
  CHECK(drop->flags == static_cast<std::uint16_t>(sim::DropReason::adversary));
  const std::vector<Record> told = o.kept.of(RecordKind::intervened);
  REQUIRE(told.size() == 1);
  CHECK(told[0].node == NodeId{2});
  CHECK(told[0].peer == NodeId{1});
  CHECK(o.result.verdict == Verdict::held);
}

TEST_CASE("nth and count choose among copies of one address", "[plan]") {
  MessagePoint every{.message = MessageKind::prevote, .from = NodeId{2}, .to = NodeId{1}, .count = 0};
  const std::uint64_t all = dropped(run_plan(with({MessageIntervention{every, act::Drop{}}})));
  REQUIRE(all > 4);
  every.nth = 3;
  CHECK(dropped(run_plan(with({MessageIntervention{every, act::Drop{}}}))) == all - 2);
  every.count = 2;
  CHECK(dropped(run_plan(with({MessageIntervention{every, act::Drop{}}}))) == 2);
}

TEST_CASE("a delayed copy arrives later by exactly that", "[plan]") {
  const auto arrival = [](const Outcome& o) {
    const Record* r = o.kept.first([](const Record& k) {
      return k.kind == RecordKind::message_delivered && k.node == NodeId{1} && k.peer == NodeId{2} &&
             k.detail == static_cast<std::uint8_t>(MessageKind::prevote);
    });
    REQUIRE(r != nullptr);
    return r->at;
  };
  // Only the second prevote on the link may come before the delayed first one; the delay is shorter than a height.
  const Outcome plain = run_plan(with({}));
  const Outcome late = run_plan(with({MessageIntervention{vote_of(2, 1), act::Delay{20ms}}}));
  CHECK(arrival(late) - arrival(plain) == 20ms);
}

TEST_CASE("a repeated copy arrives twice and harms nobody", "[plan]") {
  const auto count = [](const Outcome& o) {
    return std::ranges::count_if(o.kept.records, [](const Record& k) {
      return k.kind == RecordKind::message_delivered && k.node == NodeId{1} && k.peer == NodeId{2} &&
             k.detail == static_cast<std::uint8_t>(MessageKind::prevote);
    });
  };
  const Outcome twice = run_plan(with({MessageIntervention{vote_of(2, 1), act::Duplicate{15ms}}}));
  CHECK(count(twice) == count(run_plan(with({}))) + 1);
  CHECK(twice.result.verdict == Verdict::held);
}

TEST_CASE("a forged vote is equivocation, which honest nodes report", "[plan]") {
  Plan plan = with({MessageIntervention{vote_of(3, 1), act::Forge{.as = NodeId{3},
                                                                  .to = {},
                                                                  .keep = true,
                                                                  .after = {},
                                                                  .changes = {.block = protocols::BlockId{}}}}});
  plan.corrupt = {NodeId{3}};
  const Outcome o = run_plan(plan);
  const Record* evidence = o.kept.first([](const Record& r) { return r.kind == RecordKind::evidence; });
  REQUIRE(evidence != nullptr);
  CHECK(evidence->peer == NodeId{3});
  CHECK(o.result.verdict == Verdict::held);
}

TEST_CASE("who receives a message can answer with a forged one", "[plan]") {
  MessagePoint received{.message = MessageKind::prevote, .from = NodeId{0}, .to = NodeId{3}, .height = 1, .round = 0};
  Plan plan = with({MessageIntervention{received, act::Forge{.as = NodeId{3},
                                                             .to = {NodeId{1}},
                                                             .keep = true,
                                                             .after = 1ms,
                                                             .changes = {.block = protocols::BlockId{}}}}});
  plan.corrupt = {NodeId{3}};
  const Outcome o = run_plan(plan);
  const Record* nil = o.kept.first([](const Record& r) {
    return r.kind == RecordKind::voted && r.node == NodeId{3} && r.id() == Hash128{};
  });
  REQUIRE(nil != nullptr);
}

TEST_CASE("a split round goes nowhere, the next one decides", "[plan]") {
  const auto machine = [](std::uint32_t n) { return Machine{NodeId{n}, false}; };
  const Outcome o = run_plan(
      with({RoundSplit{1, 0, {{machine(0), machine(1)}, {machine(2), machine(3)}}, 5s}}), 4, 20s);
  const Record* first = o.kept.first([](const Record& r) { return r.kind == RecordKind::committed; });
  REQUIRE(first != nullptr);
  CHECK(first->height == 1);
  CHECK(first->round == 1);
  CHECK(o.result.verdict == Verdict::held);
}

TEST_CASE("a split of one kind of message lets the others pass", "[plan]") {
  const auto machine = [](std::uint32_t n) { return Machine{NodeId{n}, false}; };
  const std::vector<std::vector<Machine>> halves{{machine(0), machine(1)}, {machine(2), machine(3)}};
  const Outcome o = run_plan(with({RoundSplit{1, 0, halves, {}, MessageKind::precommit}}), 4, 20s);
  for (const Record& r : o.kept.of(RecordKind::message_dropped)) {
    CHECK(r.detail == static_cast<std::uint8_t>(MessageKind::precommit));
  }
  CHECK(dropped(o) > 0);
  // Prevotes came through: all precommit the block. Their precommits do not, and nobody decides in that round.
  for (std::uint32_t n = 0; n < 4; ++n) {
    CHECK(o.kept.first([&](const Record& r) {
      return r.kind == RecordKind::voted && r.node == NodeId{n} && r.round == 0 && r.id() != Hash128{} &&
             r.detail == static_cast<std::uint8_t>(sim::VoteType::precommit);
    }) != nullptr);
  }
  CHECK(o.kept.first([](const Record& r) { return r.kind == RecordKind::committed && r.round == 0; }) == nullptr);
}

TEST_CASE("nothing is promised to nodes whom a plan's leaders leave out", "[plan][liveness]") {
  Scenario s = quiet_world(4, 50ms);
  s.stop.after = 4s;
  s.stop.healing = 60s;
  Plan plan = with({});
  plan.corrupt = {NodeId{3}};
  plan.leaders = {NodeId{3}};
  CHECK(run(s, plan).liveness == scenarios::Liveness::excused);
  plan.leaders = {NodeId{3}, NodeId{0}, NodeId{1}, NodeId{2}};
  const RunResult fair = run(s, plan);
  CHECK(fair.liveness == scenarios::Liveness::progress);
  CHECK(fair.verdict == Verdict::held);
}

TEST_CASE("a twin says other things with the same key", "[plan]") {
  Plan plan = with({});
  plan.corrupt = {NodeId{3}};
  plan.twins = {NodeId{3}};
  const auto machine = [](std::uint32_t n, bool twin = false) { return Machine{NodeId{n}, twin}; };
  // The two halves of the committee see different halves of n3.
  for (std::uint32_t round = 0; round < 3; ++round) {
    plan.interventions.push_back(RoundSplit{
        std::nullopt, round, {{machine(0), machine(1), machine(3)}, {machine(2), machine(3, true)}}, {}});
  }
  const Outcome o = run_plan(plan, 4, 30s);
  CHECK_FALSE(found(o, "agreement"));
  CHECK(o.result.verdict == Verdict::held);

  // Two of four are more than F: with overlapping halves the two others part, and the votes name the twins.
  Plan two = with({});
  two.corrupt = {NodeId{2}, NodeId{3}};
  two.twins = {NodeId{2}, NodeId{3}};
  two.leaders = {NodeId{3}};
  two.interventions.push_back(RoundSplit{
      std::nullopt, 0, {{machine(0), machine(2), machine(3)}, {machine(1), machine(2, true), machine(3, true)}}, {}});
  Scenario s = quiet_world(4, 50ms);
  s.stop.after = 20s;
  s.environment.machines.start_skew = 40ms;  // the twins' clocks differ, and so do their blocks
  const RunResult parted = run(s, two);
  CHECK(parted.verdict == Verdict::outside_model);
  CHECK(std::ranges::any_of(parted.findings, [](const Finding& f) { return f.checker == "agreement"; }));
  CHECK(parted.accused == std::vector<NodeId>{NodeId{2}, NodeId{3}});
}

TEST_CASE("leaders of a plan propose", "[plan]") {
  Plan plan = with({});
  plan.leaders = {NodeId{2}, NodeId{1}};
  const Outcome o = run_plan(plan);
  for (const Record& r : o.kept.of(RecordKind::proposed)) {
    CHECK(r.node == NodeId{(r.height + r.round) % 2 == 1 ? 2U : 1U});
  }
}

TEST_CASE("faults of a plan strike like those of a scenario", "[plan]") {
  FaultSpec crash;
  crash.when.on = Trigger::Point{.record = RecordKind::voted, .node = NodeId{2}, .nth = 3};
  crash.lasts = 500ms;
  crash.what = fault::Crash{{NodeId{2}}, sim::DiskFault::unsynced_lost};
  const Outcome o = run_plan(with({crash}));
  CHECK(o.kept.of(RecordKind::node_crashed).size() == 1);
  CHECK(o.result.verdict == Verdict::held);
}

TEST_CASE("every kind of intervention comes back from its text", "[plan]") {
  FaultSpec partition;
  partition.when.at = 3s;
  partition.lasts = 2s;
  partition.what = fault::Partition{{{NodeId{0}}, {NodeId{1}, NodeId{2}}}, true};
  FaultSpec jump;
  jump.when.on = Trigger::Point{.record = RecordKind::committed, .node = NodeId{1}, .height = 4};
  jump.what = fault::ClockJump{{NodeId{1}}, -3s};
  Plan plan{.seed = ~std::uint64_t{0},
            .corrupt = {NodeId{3}},
            .twins = {NodeId{3}},
            .leaders = {NodeId{0}, NodeId{3}},
            .without_scripts = true,
            .interventions = {
                MessageIntervention{{.message = MessageKind::timeout, .nth = 4, .count = 0}, act::Drop{}},
                MessageIntervention{vote_of(1, 2), act::Delay{1500us}},
                MessageIntervention{{.from = NodeId{1}}, act::Duplicate{7ms}},
                MessageIntervention{vote_of(3, 2), act::Forge{.as = NodeId{3},
                                                              .to = {NodeId{0}},
                                                              .keep = true,
                                                              .after = 3ms,
                                                              .changes = {.block = protocols::BlockId{5, 6},
                                                                          .height = protocols::Height{3},
                                                                          .round = protocols::Round{1},
                                                                          .valid_round = protocols::no_round,
                                                                          .timestamp_shift = -5ms,
                                                                          .drop_transactions = true,
                                                                          .salt = 9,
                                                                          .parent_of = protocols::Round{2},
                                                                          .padded = true,
                                                                          .round_shift = -2,
                                                                          .back = 3,
                                                                          .other = 2,
                                                                          .lowered_tc = true,
                                                                          .lone_tc = true}}},
                RoundSplit{7, 2, {{Machine{NodeId{0}, false}}, {Machine{NodeId{3}, true}}}, 2s}, partition, jump,
                RoundSplit{{}, 1, {{Machine{NodeId{0}, false}}}, {}, MessageKind::precommit, 4}}};
  const std::string text = to_json(plan);
  INFO(text);
  CHECK(parse_plan_text(text, "plan.json") == plan);
  for (const Intervention& intervention : plan.interventions) CHECK(describe(intervention).size() > 10);
}

TEST_CASE("a damaged plan is refused with the place and a way out", "[plan]") {
  const auto problem = [](const std::string& text) {
    try {
      parse_plan_text(text, "x/plan.json");
    } catch (const InputError& error) {
      return format(error.problems().front());
    }
    return std::string{"accepted"};
  };
  CHECK(problem("{\"seed\": 1") != "accepted");
  CHECK(problem("{}").find("`seed` is missing") != std::string::npos);
  CHECK(problem("{\"seed\": 1, \"interventions\": [\n{\"drop\": {\"message\": \"prevot\"}}]}").find("x/plan.json:2") ==
        0);
  CHECK(problem("{\"seed\": 1, \"interventions\": [{\"drop\": {\"message\": \"prevot\"}}]}").find("`prevote`") !=
        std::string::npos);
  CHECK(problem("{\"seed\": 1, \"interventions\": [{\"drop\": {}, \"delay\": {}}]}").find("exactly one of") !=
        std::string::npos);
  CHECK(problem("{\"seed\": 1, \"interventions\": [{\"drop\": {}, \"by\": \"3s\"}]}").find("no meaning here") !=
        std::string::npos);
  CHECK(problem("{\"seed\": 1, \"interventions\": [{\"forge\": {}}]}").find("who signs") != std::string::npos);
}

TEST_CASE("a plan that asks for what the scenario has not is told so", "[plan]") {
  const Scenario s = quiet_world(4, 50ms);
  Plan plan =
      with({MessageIntervention{vote_of(7, 1), act::Drop{}},
            MessageIntervention{vote_of(2, 1),
                                act::Forge{.as = NodeId{2}, .to = {}, .keep = false, .after = {}, .changes = {}}},
            RoundSplit{1, 0, {{Machine{NodeId{1}, true}}}, {}}});
  plan.twins = {NodeId{1}};
  const std::vector<std::string> problems = problems_of(plan, s);
  REQUIRE(problems.size() == 3);
  CHECK(problems[0] == "`twins` names n1, which is not in `corrupt`");
  CHECK(problems[1] == "interventions[0] names n7; the scenario has n0 to n3");
  CHECK(problems[2] == "interventions[1] forges as n2, which is not in `corrupt`");
}

TEST_CASE("a scheduled leader who leaves the committee is stood in for, and counts as such", "[plan][liveness]") {
  // n3 is removed; in its turns n0 leads, who is corrupt and gone: three chained leaders are never in a row.
  Scenario s = quiet_world(4, 1ms);
  s.design.engine = "hotstuff";
  s.design.committee.stake = {1, 2, 2, 2};
  s.design.committee.changes = {{2, NodeId{3}, 2}, {5, NodeId{3}, 0}};
  s.stop.after = 12ms;
  s.stop.healing = 60s;
  Plan plan = with({});
  plan.corrupt = {NodeId{0}};
  plan.leaders = {NodeId{2}, NodeId{3}, NodeId{1}};
  const RunResult r = run(s, plan);
  CHECK(r.findings.empty());
  CHECK(r.liveness == scenarios::Liveness::excused);
}
