// Relayers: every policy on every chain gets everything to layer 1, whatever point its machine is switched off at.
#include <set>

#include "protocols/relay/rules.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/relay_worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
namespace fault = scenarios::fault;

namespace {

std::vector<std::string> policies() {
  std::vector<std::string> out;
  for (const protocols::RelayPolicy& policy : protocols::relay_policies()) out.emplace_back(policy.name);
  return out;
}

/// Heights that can be read on layer 1 at the end.
std::set<std::uint64_t> readable(const Kept& kept) {
  std::map<std::uint64_t, int> copies;
  for (const Record& r : kept.records) {
    if (r.kind != RecordKind::da_posted && r.kind != RecordKind::da_unposted) continue;
    for (std::uint64_t h = r.height; h < r.height + r.round; ++h) copies[h] += r.kind == RecordKind::da_posted ? 1 : -1;
  }
  std::set<std::uint64_t> out;
  for (const auto& [height, count] : copies) {
    if (count > 0) out.insert(height);
  }
  return out;
}

}  // namespace

TEST_CASE("every policy writes every block to every chain", "[scenarios][relay]") {
  for (const char* chain : {"ethereum", "arweave", "bitcoin"}) {
    for (const std::string& policy : policies()) {
      CAPTURE(chain, policy);
      Kept kept;
      const auto result = run_and_keep(relay_world(chain, policy), kept, relay_kinds);
      INFO(text_of(result));
      CHECK(result.findings.empty());
      const std::set<std::uint64_t> there = readable(kept);
      REQUIRE(!there.empty());
      CHECK(*there.begin() == 1);
      CHECK(there.size() == *there.rbegin());      // no gap
      CHECK(*there.rbegin() + on_the_way(chain) > result.commits_safety);
      CHECK(!kept.of(RecordKind::da_confirmed).empty());
      CHECK(!kept.of(RecordKind::l1_paid).empty());
    }
  }
}

TEST_CASE("a relayer that is switched off at any step loses nothing and sends nothing twice", "[scenarios][relay]") {
  using sim::DiskFault;
  for (const char* chain : {"ethereum", "arweave", "bitcoin"}) {
    for (const std::string& policy : policies()) {
      for (const RecordKind step : {RecordKind::l1_sent, RecordKind::da_prepared, RecordKind::da_sent,
                                    RecordKind::da_receipt, RecordKind::da_posted, RecordKind::da_block,
                                    RecordKind::da_confirmed, RecordKind::da_turn, RecordKind::l1_seen}) {
        for (const DiskFault disk : {DiskFault::unsynced_lost, DiskFault::torn_tail}) {
          for (std::uint32_t nth = 1; nth <= 3; ++nth) {
            CAPTURE(chain, policy, sim::name_of(step), static_cast<int>(disk), nth);
            Scenario s = relay_world(chain, policy);
            const bool slow_disk = nth == 2;
            if (slow_disk) s.environment.machines.disk_sync = 20ms;
            s.environment.faults = {crash_at(step, NodeId{0}, nth, 3s, disk)};
            Kept kept;
            const auto result = run_and_keep(s, kept, relay_kinds);
            const std::set<std::uint64_t> there = readable(kept);
            const bool whole = !there.empty() && *there.begin() == 1 && there.size() == *there.rbegin() &&
                               *there.rbegin() + on_the_way(chain) > result.commits_safety;
            // Checked by hand: there are hundreds of these.
            if (!result.findings.empty() || !whole) {
              INFO(text_of(result));
              CHECK(result.findings.empty());
              CHECK(whole);
              return;
            }
          }
        }
      }
    }
  }
}

TEST_CASE("a batch that a reorganisation takes back is sent again only if it does not come back",
          "[scenarios][relay]") {
  Scenario s = relay_world("ethereum", "single");
  scenarios::FaultSpec reorganised;
  reorganised.when.at = 20s;
  fault::L1 what;
  what.depth = 3;
  reorganised.what = what;
  s.environment.faults = {reorganised};
  Kept kept;
  const auto result = run_and_keep(s, kept, relay_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  const auto taken_back = kept.of(RecordKind::da_unposted);
  REQUIRE(!taken_back.empty());
  for (const Record& lost : taken_back) {
    // It was in the pool again: it comes as it was.
    CHECK(kept.first([&](const Record& r) {
      return r.kind == RecordKind::da_posted && r.id() == lost.id() && r.at > lost.at;
    }) != nullptr);
    std::size_t sendings = 0;
    for (const Record& r : kept.of(RecordKind::da_sent)) sendings += r.id() == lost.id() ? 1U : 0U;
    CHECK(sendings == 1);
  }
}

TEST_CASE("a batch of many frames comes whole, and what waits for its price offers more", "[scenarios][relay]") {
  for (const char* chain : {"ethereum", "bitcoin"}) {
  Scenario s = relay_world(chain, "single");
  const bool frames = s.design.l1 == "ethereum";
  if (frames) s.design.relay.format = protocols::RelayFormat::calldata;
  s.design.relay.batch_bytes = 1U << 20U;
  s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::constant;
  s.environment.workload.clients = 4;
  s.environment.workload.transaction_bytes = 10'000;
  s.environment.workload.rate_per_1000s = 40'000;
  scenarios::FaultSpec dear;
  dear.when.at = 20s;
  dear.lasts = 20s;
  fault::L1 what;
  what.kind = fault::L1::Kind::demand;
  what.percent = 3'000;
  dear.what = what;
  s.environment.faults = {dear};
  s.stop.after = 90s;
  Kept kept;
  const auto result = run_and_keep(s, kept, relay_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  const auto sent = kept.of(RecordKind::l1_sent);
  const auto batches = kept.of(RecordKind::da_prepared);
  CHECK(sent.size() >= 2 * batches.size());  // many transactions a batch; a commit and a reveal
  // A first-price auction moves at once, a base fee only by an eighth a block.
  if (!frames)
    CHECK(kept.first([](const Record& r) { return r.kind == RecordKind::da_sent && r.flags > 0; }) != nullptr);
  }
}

TEST_CASE("a backup takes over from a primary that is gone, and the next one from it", "[scenarios][relay]") {
  Scenario s = relay_world("ethereum", "primary_backup");
  s.design.committee.count = 7;
  s.design.committee.stake.assign(7, 1);
  scenarios::FaultSpec gone;
  gone.when.at = 15s;
  gone.what = fault::Crash{{NodeId{0}, NodeId{1}}, sim::DiskFault::unsynced_lost};
  s.environment.faults = {gone};
  s.stop.after = 90s;
  Kept kept;
  const auto result = run_and_keep(s, kept, relay_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  std::size_t by_last = 0;
  for (const Record& r : kept.of(RecordKind::da_posted)) by_last += r.node == NodeId{2} ? 1U : 0U;
  CHECK(by_last > 5);  // it stays in office
  const auto there = readable(kept);
  CHECK(there.size() == *there.rbegin());
  CHECK(*there.rbegin() + 30 > result.commits_safety);
}

TEST_CASE("turns are paid for what they wrote, and a lazy one pays", "[scenarios][relay]") {
  Scenario s = relay_world("ethereum", "rotating");
  s.design.relay.penalty = 1000;
  scenarios::FaultSpec lazy;
  lazy.when.at = 1s;
  lazy.lasts = 120s;
  lazy.what = fault::Relay{.kind = fault::Relay::Kind::idle, .nodes = {NodeId{1}}};
  s.environment.faults = {lazy};
  s.stop.after = 90s;
  Kept kept;
  const auto result = run_and_keep(s, kept, relay_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  const auto settled = kept.of(RecordKind::da_settled);
  REQUIRE(settled.size() > 5);
  for (const Record& turn : settled) {
    const auto amount = static_cast<std::int64_t>(turn.a);
    if (turn.node == NodeId{1}) {
      CHECK(amount == -1000);
    } else {
      CHECK(amount > 0);
    }
  }
}

TEST_CASE("an outage of the bundler excuses whom others confirm, and nobody else", "[scenarios][relay]") {
  const auto outcomes = [](protocols::Excuse excuse, fault::Relay what) {
    Scenario s = relay_world("arweave", "rotating");
    s.design.relay.excuse = excuse;
    s.design.relay.quota = 5;
    scenarios::FaultSpec trouble;
    trouble.when.at = 50s;
    trouble.lasts = 140s;
    trouble.what = std::move(what);
    s.environment.faults = {trouble};
    s.stop.after = 400s;
    Kept kept;
    const auto result = run_and_keep(s, kept, relay_kinds);
    std::set<std::uint32_t> flags;
    for (const Record& turn : kept.of(RecordKind::da_settled)) flags.insert(turn.flags);
    return std::pair{flags, result.findings};
  };
  const auto missed = static_cast<std::uint32_t>(protocols::TurnOutcome::missed);
  const auto excused = static_cast<std::uint32_t>(protocols::TurnOutcome::excused);
  const fault::Relay outage{.kind = fault::Relay::Kind::outage};
  const fault::Relay abuse{.kind = fault::Relay::Kind::abuse, .nodes = {NodeId{1}, NodeId{2}}};

  const auto true_one = outcomes(protocols::Excuse::sampled, outage);
  CHECK(true_one.first.count(excused) == 1);
  CHECK(true_one.second.empty());
  const auto false_one = outcomes(protocols::Excuse::sampled, abuse);
  CHECK(false_one.first.count(excused) == 0);
  CHECK(false_one.first.count(missed) == 1);
  CHECK(false_one.second.empty());
  const auto believed = outcomes(protocols::Excuse::report, abuse);
  CHECK(believed.first.count(excused) == 1);
  REQUIRE(!believed.second.empty());
  CHECK(believed.second.front().checker == "da_turns");
}

TEST_CASE("what a bundler loses is sent again, what it posts twice counts once", "[scenarios][relay]") {
  for (const auto kind : {fault::Relay::Kind::lose, fault::Relay::Kind::duplicate, fault::Relay::Kind::delay}) {
    CAPTURE(static_cast<int>(kind));
    Scenario s = relay_world("arweave", "single");
    scenarios::FaultSpec trouble;
    trouble.when.at = 10s;
    trouble.lasts = 10s;
    trouble.what = fault::Relay{.kind = kind, .by = 5s};
    s.environment.faults = {trouble};
    Kept kept;
    const auto result = run_and_keep(s, kept, relay_kinds);
    INFO(text_of(result));
    CHECK(result.findings.empty());
    const auto there = readable(kept);
    CHECK(there.size() == *there.rbegin());
    CHECK(*there.rbegin() + on_the_way("arweave") > result.commits_safety);
  }
}

TEST_CASE("a node whose blocks nobody writes admits nothing until they are written", "[scenarios][relay]") {
  Scenario s = relay_world("ethereum", "single");
  s.design.relay.backlog_bytes = 30'000;
  s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::constant;
  s.environment.workload.clients = 2;
  s.environment.workload.rate_per_1000s = 50'000;
  scenarios::FaultSpec halt;
  halt.when.at = 10s;
  halt.lasts = 20s;
  fault::L1 what;
  what.kind = fault::L1::Kind::halt;
  halt.what = what;
  s.environment.faults = {halt};
  Kept kept;
  const auto result = run_and_keep(s, kept, relay_kinds | sim::mask_of(RecordKind::tx_admitted));
  INFO(text_of(result));
  CHECK(result.findings.empty());
  std::uint64_t closed = 0;
  std::uint64_t opened = 0;
  for (const Record& r : kept.of(RecordKind::da_backlog)) ++(r.flags == 1 ? closed : opened);
  CHECK(closed >= 4);  // every node
  CHECK(opened >= 4);
  bool again = false;
  for (const Record& r : kept.of(RecordKind::tx_admitted)) again = again || r.at > time_zero + 50s;
  CHECK(again);
}

TEST_CASE("one seed gives one digest with relayers of every kind", "[scenarios][relay]") {
  for (const char* chain : {"ethereum", "arweave"}) {
    for (const std::string& policy : policies()) {
      Scenario s = relay_world(chain, policy);
      s.design.relay.outer_id = protocols::OuterId::random;
      s.stop.after = 40s;
      CHECK(scenarios::run(s, {.seed = 5}).digest == scenarios::run(s, {.seed = 5}).digest);
    }
  }
}

TEST_CASE("troubles of one kind that overlap end one by one", "[scenarios][faults]") {
  const auto trouble = [](Duration at, Duration lasts, fault::L1 what) {
    scenarios::FaultSpec out;
    out.when.at = at;
    out.lasts = lasts;
    out.what = what;
    return out;
  };
  Scenario s = relay_world("ethereum", "single");
  fault::L1 halt;
  halt.kind = fault::L1::Kind::halt;
  fault::L1 hide;
  hide.kind = fault::L1::Kind::hide;
  hide.nodes = {NodeId{3}};
  fault::L1 hide_more = hide;
  hide_more.nodes = {NodeId{2}, NodeId{3}};
  s.environment.faults = {trouble(10s, 20s, halt), trouble(15s, 2s, halt), trouble(35s, 15s, hide),
                          trouble(40s, 5s, hide_more)};
  Kept kept;
  run_and_keep(s, kept, sim::mask_of(RecordKind::l1_mined, RecordKind::l1_seen));
  const auto between = [&kept](RecordKind kind, Duration from, Duration to, std::optional<NodeId> node = std::nullopt) {
    std::size_t count = 0;
    for (const Record& r : kept.of(kind)) {
      if (r.at > time_zero + from && r.at < time_zero + to && (!node || r.node == *node)) ++count;
    }
    return count;
  };
  CHECK(between(RecordKind::l1_mined, 10s, 30s) == 0);  // the shorter halt does not end the longer one
  CHECK(between(RecordKind::l1_mined, 30s, 60s) > 20);
  CHECK(between(RecordKind::l1_seen, 36s, 50s, NodeId{3}) == 0);
  CHECK(between(RecordKind::l1_seen, 41s, 45s, NodeId{2}) == 0);
  CHECK(between(RecordKind::l1_seen, 46s, 50s, NodeId{2}) > 0);
  CHECK(between(RecordKind::l1_seen, 50s, 60s, NodeId{3}) > 0);
}
