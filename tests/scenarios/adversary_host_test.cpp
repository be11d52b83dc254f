// Adversaries in whole worlds: what is granted happens and is metered, what is not has no effect and is counted.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/scenarios/lua_support.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

namespace seqlab::scenarios::test {

using sim::AttackKind;
using sim::Record;
using sim::RecordKind;

namespace {

std::string stock(const std::string& name) {
  std::ifstream in(std::filesystem::path{SEQLAB_SOURCE_DIR} / "scenarios" / "adversaries" / (name + ".lua"));
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Four validators 20 ms apart, of which n3 is run by the script.
Scenario world_with(const std::string& source, const PowerSpec& power = {}) {
  Scenario s = tests::quiet_world(4, 20ms);
  s.stop.after = 12s;
  AdversarySpec spec;
  spec.script = "test.lua";
  spec.file = "test.lua";
  spec.source = source;
  spec.nodes = {NodeId{3}};
  spec.power = power;
  s.environment.adversaries = {spec};
  return s;
}

struct Outcome {
  RunResult result;
  tests::Kept kept;
  const BudgetUse& use() const { return result.budgets.at(0); }
  std::size_t count(RecordKind kind) const { return kept.of(kind).size(); }
  std::size_t attacks(AttackKind kind) const {
    const auto all = kept.of(RecordKind::attack);
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const Record& r) { return r.detail == static_cast<std::uint8_t>(kind); }));
  }
};

Outcome play(const Scenario& scenario, std::uint64_t seed = 1) {
  Outcome out;
  out.result = tests::run_and_keep(scenario, out.kept, sim::all_kinds, seed);
  return out;
}

std::string on_start(const std::string& body) {
  return "return { api = 1, on_start = function(ctx) ctx:after('2s') end, on_timer = function(ctx)\n" + body +
         "\nend }";
}

}  // namespace

TEST_CASE("keys of other nodes do not sign", "[adversary]") {
  const Outcome o =
      play(world_with("return { api = 1, kinds = {on_send = {'prevote'}}, on_send = function(ctx, msg)\n"
                      "  assert(ctx:forge(msg, {as = 'n0', nil_vote = true}) == nil)\n"
                      "  assert(ctx:send('n1', msg, {from = 'n0'}) == false)\n"
                      "end }"));
  CHECK(o.use().hook_calls > 0);
  CHECK(o.use().refused == 2 * o.use().hook_calls);
  CHECK(o.use().forged == 0);
  CHECK(o.use().sent == 0);
  CHECK(o.count(RecordKind::attack) == 0);
}

TEST_CASE("a script pays from accounts that it was granted, and from no other", "[adversary]") {
  Scenario s = world_with(
      on_start("assert(ctx:pay({from = 2, to = 0, amount = 1}) == nil)\n"
               "local paid = ctx:pay({from = 1, to = 0, amount = 5}) ctx:send(ctx.peers, paid)\n"
               "ctx:pay({from = 1, to = 0, amount = 6})"),
      {.accounts = {1}});
  s.environment.workload.accounts = 4;
  const Outcome o = play(s);
  INFO(o.result.reason);
  CHECK(o.result.findings.empty());
  CHECK(o.use().refused == 1);
  CHECK(o.count(RecordKind::tx_submitted) == 2);
  CHECK(o.count(RecordKind::tx_included) == 2 * 4);
}

TEST_CASE("what is withheld and sent is counted a receiver", "[adversary]") {
  const Outcome o =
      play(world_with("return { api = 1, kinds = {on_send = {'prevote'}}, on_send = function(ctx, msg)\n"
                      "  assert(ctx:send({'n0', 'n1'}, msg)) return ctx.drop end }"));
  CHECK(o.use().withheld == 3 * o.use().hook_calls);
  CHECK(o.use().sent == 2 * o.use().hook_calls);
  CHECK(o.use().stake == 1);
  CHECK(o.use().stake_total == 4);
  CHECK(o.use().instructions > 0);
  CHECK(o.attacks(AttackKind::drop) == o.use().hook_calls);
  CHECK(o.attacks(AttackKind::send) == o.use().hook_calls);
}

TEST_CASE("an equivocating proposer is seen, and four nodes still agree", "[adversary]") {
  const Outcome o = play(world_with(stock("equivocate")));
  CHECK(o.use().forged > 0);
  CHECK(o.result.verdict != Verdict::violated);
  CHECK(o.result.metrics.commits_min >= 3);
  const auto proposals = o.kept.of(RecordKind::proposed);
  bool two = false;
  for (const Record& a : proposals) {
    for (const Record& b : proposals) {
      two = two || (a.node == NodeId{3} && b.node == NodeId{3} && a.height == b.height && a.round == b.round &&
                    a.id() != b.id());
    }
  }
  CHECK(two);
}

TEST_CASE("crashes of others are limited, crashes of own nodes are not", "[adversary]") {
  const std::string body =
      "assert(ctx:crash('n0', {restart_after = '100ms', disk = 'wiped'}) == false)\n"
      "assert(ctx:crash('n0', {restart_after = '100ms'}) == true)\n"
      "assert(ctx:crash('n0') == false)\n"  // already down: no charge, no refusal
      "assert(ctx:crash('n1') == false)\n"
      "assert(ctx:crash('n3', {restart_after = '1s', disk = 'wiped'}) == true)";
  const Outcome o = play(world_with(on_start(body), {.crashes_max = 1}));
  CHECK(o.use().crashes == 1);
  CHECK(o.use().refused >= 2);
  const auto crashed = o.kept.of(RecordKind::node_crashed);
  REQUIRE(crashed.size() == 2);
  CHECK(crashed[0].node == NodeId{0});
  CHECK(crashed[0].at == at_ns(2'000'000'000));
  CHECK(crashed[1].node == NodeId{3});
  CHECK(o.attacks(AttackKind::crash) == 2);
  CHECK(o.attacks(AttackKind::restart) == 2);
  const Record* back =
      o.kept.first([](const Record& r) { return r.kind == RecordKind::node_started && r.detail == 1; });
  REQUIRE(back != nullptr);
  CHECK(back->at == at_ns(2'100'000'000));
}

TEST_CASE("partitions are limited in number and time", "[adversary]") {
  const std::string body =
      "local sides = {{'n0', 'n1'}, {'n2', 'n3'}}\n"
      "assert(ctx:partition(sides, '3s') == false)\n"
      "assert(ctx:partition(sides, '1s') == true)\n"
      "assert(ctx:partition(sides, '1500ms') == false)\n"
      "assert(ctx:partition(sides, '1s') == true)\n"
      "assert(ctx:partition(sides, '1ns') == false)";
  const Outcome o = play(world_with(on_start(body), {.partitions_max = 2, .partition_max = 2s}));
  CHECK(o.use().partitions == 2);
  CHECK(o.use().partition_time == 2s);
  CHECK(o.use().refused == 3);
  CHECK(o.count(RecordKind::partition_started) == 2);
  CHECK(o.count(RecordKind::partition_healed) == 2);
}

TEST_CASE("without a grant nothing happens to others", "[adversary]") {
  const Outcome o =
      play(world_with(on_start("assert(not ctx:crash('n0')) assert(not ctx:partition({{'n0'}, {'n1'}}, '1s')) "
                               "assert(not ctx:jump_clock('n0', '1s'))\n"
                               "assert(ctx:jump_clock('n3', '1s'))")));
  CHECK(o.use().refused == 3);
  CHECK(o.count(RecordKind::node_crashed) == 0);
  CHECK(o.count(RecordKind::partition_started) == 0);
  CHECK(o.count(RecordKind::clock_jumped) == 1);
}

TEST_CASE("messages of others are delayed within the bound only", "[adversary]") {
  const auto run = [](const char* delay) {
    return play(world_with(std::string{"return { api = 1, on_link = function(ctx, msg) "
                                       "if msg.from ~= 'n3' and msg.to ~= 'n3' then return '"} +
                               delay + "' end end }",
                           {.sees = PowerSpec::Sight::headers, .delay_max = 50ms}));
  };
  const Outcome within = run("50ms");
  CHECK(within.use().delayed > 0);
  CHECK(within.use().delay_max == 50ms);
  CHECK(within.use().refused == 0);
  const Outcome beyond = run("51ms");
  CHECK(beyond.use().delayed == 0);
  CHECK(beyond.use().refused > 0);
  CHECK(beyond.count(RecordKind::attack) == 0);
}

TEST_CASE("drops of others' messages are limited, but for those before GST if so granted", "[adversary]") {
  const std::string source =
      "return { api = 1, kinds = {on_link = {'prevote'}}, on_link = function(ctx, msg) "
      "if msg.from ~= 'n3' and msg.to ~= 'n3' then return ctx.drop end end }";
  const Outcome limited = play(world_with(source, {.sees = PowerSpec::Sight::headers, .drops_max = 3}));
  CHECK(limited.use().dropped == 3);
  CHECK(limited.use().refused > 0);
  CHECK(limited.result.metrics.commits_min > 0);

  Scenario s = world_with(source, {.sees = PowerSpec::Sight::headers, .drop_before_gst = true});
  s.environment.network.stabilises_after = 5s;
  const Outcome before = play(s);
  CHECK(before.use().dropped > 0);
  for (const Record& r : before.kept.of(RecordKind::attack)) CHECK(r.at < at_ns(5'000'000'000));
  CHECK(before.use().refused > 0);
}

TEST_CASE("a script sees messages and records as far as granted", "[adversary]") {
  const std::string source =
      "return { api = 1, records = {'committed'},\n"
      "on_link = function(ctx, msg) local own = msg.from == 'n3' or msg.to == 'n3'\n"
      "  ctx:note(own and 1 or 2, msg.block == nil and 0 or 1) end,\n"
      "on_record = function(ctx, rec) ctx:note(rec.node == 'n3' and 3 or 4, rec.id == nil and 0 or 1) end }";
  const auto notes = [&](PowerSpec::Sight sight) {
    Scenario s = world_with(source, {.sees = sight});
    s.stop.after = 5s;
    bool seen[5][2] = {};
    for (const Record& r : play(s).kept.of(RecordKind::note)) seen[r.a][r.b] = true;
    std::string out;
    for (int a = 1; a < 5; ++a) out += fmt::format("{}{} ", seen[a][0] ? "-" : "", seen[a][1] ? "id" : "");
    return out;
  };
  CHECK(notes(PowerSpec::Sight::own) == "id  id  ");
  CHECK(notes(PowerSpec::Sight::headers) == "id - id - ");
  CHECK(notes(PowerSpec::Sight::all) == "id id id id ");
}

TEST_CASE("a crash on a record strikes at that very point", "[adversary]") {
  const Outcome o = play(world_with(
      "return { api = 1, records = {'locked'}, on_record = function(ctx, rec)\n"
      "  if rec.node == 'n0' and rec.height == 2 then assert(ctx:crash('n0', {restart_after = '1s'})) end end }",
      {.sees = PowerSpec::Sight::headers, .crashes_max = 1}));
  const auto& all = o.kept.records;
  const auto locked = std::find_if(all.begin(), all.end(), [](const Record& r) {
    return r.kind == RecordKind::locked && r.node == NodeId{0} && r.height == 2;
  });
  REQUIRE(locked != all.end());
  REQUIRE(locked + 1 != all.end());
  CHECK((locked + 1)->kind == RecordKind::node_crashed);
  CHECK((locked + 1)->node == NodeId{0});
  CHECK(o.result.verdict != Verdict::violated);
}

TEST_CASE("other actions on a record follow in the same instant, after it", "[adversary]") {
  const Outcome o = play(world_with(
      "return { api = 1, records = {'committed'}, on_record = function(ctx, rec)\n"
      "  if rec.node == 'n0' and rec.height == 2 then ctx:note(7) ctx:partition({{'n0'}, {'n1'}}, '1s') end end }",
      {.sees = PowerSpec::Sight::headers, .partitions_max = 1, .partition_max = 1s}));
  const auto notes = o.kept.of(RecordKind::note);
  const auto cuts = o.kept.of(RecordKind::partition_started);
  const Record* committed = o.kept.first(
      [](const Record& r) { return r.kind == RecordKind::committed && r.node == NodeId{0} && r.height == 2; });
  REQUIRE(committed != nullptr);
  REQUIRE(notes.size() == 1);
  REQUIRE(cuts.size() == 1);
  CHECK(notes[0].at == committed->at);
  CHECK(cuts[0].at == committed->at);
}

TEST_CASE("a node that its own hook crashes sends nothing more", "[adversary]") {
  const Outcome o =
      play(world_with("local done = false return { api = 1, on_send = function(ctx, msg)\n"
                      "  if not done and msg.height == 2 then done = true assert(ctx:crash(ctx.self, {restart_after = "
                      "'1s'})) end end }"));
  const auto crashed = o.kept.of(RecordKind::node_crashed);
  REQUIRE(crashed.size() == 1);
  const Record* after = o.kept.first([&](const Record& r) {
    return r.kind == RecordKind::message_sent && r.node == NodeId{3} && r.at > crashed[0].at;
  });
  REQUIRE(after != nullptr);
  CHECK(after->at >= crashed[0].at + 1s);
}

TEST_CASE("nothing is done by adversaries once healing starts", "[adversary]") {
  const std::string source =
      "return { api = 1, records = {'committed'}, on_start = function(ctx) ctx:after('100ms') end,\n"
      "on_timer = function(ctx) ctx:note(1) ctx:crash('n0') ctx:partition({{'n0', 'n1'}, {'n2', 'n3'}}, '100s') "
      "ctx:after('100ms') end,\n"
      "on_record = function(ctx) ctx:note(2) end, on_send = function(ctx, msg) ctx:note(3) end, on_link = "
      "function(ctx) ctx:note(4) end }";
  Scenario s =
      world_with(source, {.sees = PowerSpec::Sight::all, .crashes_max = 1, .partitions_max = 1, .partition_max = 100s});
  s.stop.after = 5s;
  s.stop.healing = 60s;
  const Outcome o = play(s);
  const auto healing = o.kept.of(RecordKind::healing_started);
  REQUIRE(healing.size() == 1);
  for (const RecordKind kind : {RecordKind::note, RecordKind::attack}) {
    for (const Record& r : o.kept.of(kind)) CHECK(r.at <= healing[0].at);
  }
  for (const Record& r : o.kept.of(RecordKind::message_sent)) CHECK((r.node != NodeId{3} || r.at <= healing[0].at));
  CHECK(o.result.liveness == Liveness::progress);
}

TEST_CASE("a script error ends the run as bad input", "[adversary]") {
  const auto message = [](const std::string& source) {
    try {
      play(world_with(source, {.sees = PowerSpec::Sight::all}));
    } catch (const InputError& error) {
      return format(error.problems().at(0));
    }
    return std::string{};
  };
  CHECK(contains(message("return { api = 1, on_send = function(ctx, msg)\n local x = nil + 1 end }"), "test.lua:2:1"));
  CHECK(
      contains(message("return { api = 1, on_send = function(ctx, msg) while true do end end }"), "steps in one call"));
  CHECK(contains(message("return { api = 1, records = {'committed'}, on_record = function() error('late') end }"),
                 "late"));
  CHECK(contains(message("return { api = 1, on_build = function() return 5 end }"), "on_build returned a number"));
  CHECK(contains(message(on_start("ctx:after(0)")), "timers for one instant"));
}

TEST_CASE("every stock adversary gives the same digest twice, and never breaks agreement alone of four",
          "[adversary]") {
  const std::string name = GENERATE(
      values<std::string>({"silent", "equivocate", "amnesia", "withhold_votes", "delay_to_bound", "censor_sender",
                           "crash_on_schedule", "partition_at_worst", "double_sign_after_restart", "lying_sync_peer",
                           "split_vote_by_stake", "random_byzantine", "timestamp_skew", "stale_proposer",
                           "future_round_flood", "replay_flood", "native:silent", "native:random_byzantine"}));
  CAPTURE(name);
  const bool is_native = name.rfind("native:", 0) == 0;
  Scenario s = world_with(is_native ? "" : stock(name), {.sees = PowerSpec::Sight::headers,
                                                         .delay_max = 100ms,
                                                         .crashes_max = 2,
                                                         .partitions_max = 2,
                                                         .partition_max = 8s});
  if (is_native) s.environment.adversaries[0].script = name;
  s.environment.workload.arrivals = WorkloadSpec::Arrivals::poisson;
  s.environment.workload.clients = 2;
  s.environment.workload.accounts = 4;
  s.environment.workload.rate_per_1000s = 20'000;
  s.stop.after = 20s;
  // Somebody lags, so that there is catching up to disturb.
  FaultSpec fault;
  fault.when.at = 3s;
  fault.lasts = 6s;
  fault.what = fault::Crash{{NodeId{0}}};
  s.environment.faults = {fault};
  const Outcome first = play(s);
  const Outcome second = play(s);
  CHECK(first.result.digest == second.result.digest);
  for (const Finding& finding : first.result.findings) {
    CAPTURE(finding.checker, finding.text);
    CHECK(finding.checker == "");
  }
  CHECK(first.result.verdict != Verdict::violated);
  CHECK(first.use().hook_calls > 0);
}

}  // namespace seqlab::scenarios::test
