// Published and analytic numbers of MonadBFT. Rows F1 ... as in fidelity_test.cpp: closed forms for uniform delay are
// exact, so are the integers of the 13-zone matrix.
#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using sim::CommitLevel;
using sim::mask_of;

namespace {

constexpr Duration delta = 100ms;
constexpr Duration timer = 800ms;  // 3 delta + pace + delta at Monad's 400 ms, and here without a pace

/// No pace, a timer that never grows: what the closed forms assume.
Scenario monad_world(std::uint32_t count) {
  Scenario s = quiet_world(count, delta);
  s.design.engine = "monadbft";
  auto& o = s.design.parameters.monadbft;
  o.vote_pace = Duration{};
  o.processing = timer - 3 * o.delta;
  o.growth_percent = 100;
  return s;
}

void crash_at_start(Scenario& s, NodeId node) {
  scenarios::Trigger when;
  when.on = scenarios::Trigger::Point{};
  when.on->record = RecordKind::node_started;
  when.on->node = node;
  s.environment.faults.push_back({.when = when, .what = scenarios::fault::Crash{.nodes = {node}}});
}

void in_zones(Scenario& s) {
  s.environment.network.latency = {};
  s.environment.network.latency.model = scenarios::LatencySpec::Model::regions;
  s.environment.network.latency.matrix = "aws13";
  for (const char* zone : {"N_Virginia", "Canada", "N_California", "London", "Oregon", "Ireland", "Frankfurt",
                           "S_Paulo", "Tokyo", "Mumbai", "Sydney", "Seoul", "Singapore"}) {
    s.environment.machines.regions.emplace_back(zone);
  }
}

NodeId leader(std::uint64_t round, std::uint32_t n) { return NodeId{static_cast<std::uint32_t>((round - 1) % n)}; }

const Record& in_round(const std::vector<Record>& proposals, std::uint64_t round) {
  const auto found = std::ranges::find_if(proposals, [&](const Record& r) { return r.round == round; });
  REQUIRE(found != proposals.end());
  return *found;
}

/// Blocks that were proposed and that nobody has as final, up to `height`, by round.
std::set<std::uint32_t> lost_rounds(const Kept& kept, std::uint64_t height) {
  std::set<std::uint32_t> lost;
  for (const Record& p : kept.of(RecordKind::proposed)) {
    if (p.height > height || p.flags != 0) continue;
    const bool final = std::ranges::any_of(kept.records, [&](const Record& r) {
      return r.kind == RecordKind::committed && r.detail == static_cast<std::uint8_t>(CommitLevel::final) &&
             r.id() == p.id();
    });
    if (!final) lost.insert(p.round);
  }
  return lost;
}

}  // namespace

TEST_CASE("F1: MonadBFT makes a block every 2 delays, speculative after 3, final after 5", "[paper][monadbft][F1]") {
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    CAPTURE(n);
    Scenario s = monad_world(n);
    s.stop.height = 12;
    Kept kept;
    run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::committed, RecordKind::reverted));
    const auto proposals = kept.of(RecordKind::proposed);
    for (std::uint64_t h = 1; h <= 10; ++h) {  // block h is of round h
      CHECK(in_round(proposals, h).at == time_zero + (2 * (static_cast<std::int64_t>(h) - 1)) * delta);
      CHECK(in_round(proposals, h).node == leader(h, n));
      CHECK(in_round(proposals, h).height == h);
    }
    std::map<std::uint8_t, std::uint32_t> told;
    for (const Record& r : kept.of(RecordKind::committed)) {
      if (r.height > 10) continue;
      ++told[r.detail];
      const bool final = r.detail == static_cast<std::uint8_t>(CommitLevel::final);
      // The certificate of a round is made by its own leader and by the next one, a delay before all others have it.
      const std::uint64_t certified = final ? r.height + 1 : r.height;
      const bool maker = r.node == leader(certified, n) || r.node == leader(certified + 1, n);
      CHECK(r.at - in_round(proposals, r.height).at == ((final ? 5 : 3) - (maker ? 1 : 0)) * delta);
    }
    CHECK(told[static_cast<std::uint8_t>(CommitLevel::speculative)] == 10 * n);
    CHECK(told[static_cast<std::uint8_t>(CommitLevel::final)] == 10 * n);
    CHECK(kept.of(RecordKind::reverted).empty());
  }
}

TEST_CASE("F1: MonadBFT sends a proposal and 3(n-1) votes and certificates a block", "[paper][monadbft][F1]") {
  constexpr std::uint64_t blocks = 20;
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    CAPTURE(n);
    Scenario s = monad_world(n);
    s.stop.after = 2 * blocks * delta - delta / 2;  // the votes for the last block are on their way
    const auto result = scenarios::run(s, {});
    CHECK(result.messages.sent == blocks * 3 * (n - 1) + (blocks - 1) * (n - 1));
  }
}

TEST_CASE("F3: k crashed leaders in a row cost MonadBFT k timers and k + 3 delays, and no block",
          "[paper][monadbft][F3]") {
  for (const std::uint32_t crashed : {1U, 2U, 3U}) {
    for (const std::uint32_t n : {10U, 16U}) {
      CAPTURE(crashed, n);
      Scenario s = monad_world(n);
      for (std::uint32_t i = 0; i < crashed; ++i) crash_at_start(s, NodeId{4 + i});
      s.stop.height = 8;
      Kept kept;
      run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::committed, RecordKind::reverted));
      const auto proposals = kept.of(RecordKind::proposed);
      // n3 leads round 4 and is the last live one; rounds 5 ... 4 + k have dead leaders.
      const Record& before = in_round(proposals, 4);
      const Record& after = in_round(proposals, 5 + crashed);
      CHECK(after.at - before.at == crashed * timer + (crashed + 3) * delta);
      CHECK(after.height == before.height + 1);
      CHECK(lost_rounds(kept, 7) == std::set<std::uint32_t>{});
      CHECK(kept.of(RecordKind::reverted).empty());
    }
  }
}

TEST_CASE("F4: two live leaders in a row are enough for MonadBFT", "[paper][monadbft][F4]") {
  for (std::uint32_t crashed = 0; crashed < 4; ++crashed) {
    CAPTURE(crashed);
    Scenario s = monad_world(4);
    crash_at_start(s, NodeId{crashed});
    s.stop.after = 60s;
    // Three blocks a cycle: 2 delta, 2 delta and the gap of T + 4 delta. The last cycle is still open.
    const std::int64_t cycles = 60s / (timer + 8 * delta);
    const auto result = scenarios::run(s, {});
    CHECK(result.metrics.commits_max >= static_cast<std::uint64_t>(3 * cycles - 6));
    CHECK(result.metrics.commits_max <= static_cast<std::uint64_t>(3 * cycles + 3));
  }
  // Seven nodes of which every third is dead, and the first: n0 and n3 crashed leaves n1, n2 and n4, n5, n6.
  Scenario s = monad_world(7);
  crash_at_start(s, NodeId{0});
  crash_at_start(s, NodeId{3});
  s.stop.after = 60s;
  CHECK(scenarios::run(s, {}).metrics.commits_max > 0);
}

TEST_CASE("F2: MonadBFT in the 13 zones without a pace", "[paper][monadbft][F2]") {
  Scenario s = monad_world(13);
  in_zones(s);
  s.design.parameters.monadbft.processing = 3s;
  s.stop.after = 75s;
  Kept kept;
  run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::message_sent, RecordKind::message_delivered));
  const auto proposals = kept.of(RecordKind::proposed);  // view v is round v + 1
  REQUIRE(proposals.size() > 410);
  const std::vector<std::int64_t> expected = {0,    143,  294,  462,  625,  795,  962, 1173,
                                              1371, 1535, 1723, 1908, 2095, 2216, 2359};
  for (std::size_t v = 0; v < expected.size(); ++v) {
    CHECK(proposals[v].round == v + 1);
    CHECK(ns(proposals[v].at) == expected[v] * 1'000'000);
  }
  for (std::size_t v = 0; v + 13 < 400; ++v) CHECK(proposals[v + 13].at - proposals[v].at == 2216ms);

  // Arrivals of proposals at everybody; at the proposer itself at once.
  const auto proposal_kind = static_cast<std::uint8_t>(protocols::MessageKind::proposal);
  std::map<std::uint64_t, std::size_t> view_of;  // by sequence number of the message
  std::size_t next_view = 0;
  std::vector<Duration> arrivals(proposals.size());
  for (const Record& r : kept.records) {
    if (r.detail != proposal_kind) continue;
    if (r.kind == RecordKind::message_sent && view_of.count(r.a) == 0) view_of[r.a] = next_view++;
    if (r.kind == RecordKind::message_delivered) arrivals[view_of.at(r.a)] += r.at - time_zero;
  }
  const std::array<std::int64_t, 2> means = {23872, 40918};  // in 1/100 ms: speculative and final
  for (std::size_t k = 1; k <= 2; ++k) {
    Duration sum{};
    for (std::size_t v = 13; v <= 402; ++v) {
      sum += arrivals[v + k] + (proposals[v + k].at - time_zero) - 13 * (proposals[v].at - time_zero);
    }
    constexpr std::int64_t count = 390 * 13;
    CHECK((ns(sum) / 10'000 * 2 + count) / (2 * count) == means[k - 1]);
  }
}

TEST_CASE("the pace of votes sets the pace of blocks", "[paper][monadbft]") {
  // Monad's headline: a block every 400 ms, final after two block times.
  Scenario s = monad_world(13);
  in_zones(s);
  s.design.parameters.monadbft.vote_pace = 400ms;
  s.stop.after = 60s;
  Kept kept;
  const auto result = run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::committed));
  const auto proposals = kept.of(RecordKind::proposed);
  REQUIRE(proposals.size() > 100);
  const Duration period = (proposals[100].at - proposals[22].at) / 78;  // six rotations
  CHECK(period >= 400ms);
  CHECK(period < 480ms);
  Duration late{};
  std::int64_t count = 0;
  for (const Record& r : kept.of(RecordKind::committed)) {
    if (r.detail != static_cast<std::uint8_t>(CommitLevel::final) || r.height < 20 || r.height > 100) continue;
    late += r.at - in_round(proposals, r.height).at;
    ++count;
  }
  // A proposal comes before its votes may be released, and waits. With the votes of round v at time t: proposal v left
  // when the QC of v - 1 was there, at t - pace + delta; the votes of v + 1 follow at t + pace, and their QC reaches
  // everybody at t + pace + 2 delta. That is 2 pace + delta, the headline's 0.8 s and a delivery.
  CHECK(late / count > 800ms);
  CHECK(late / count < 900ms);
  CHECK(result.findings.empty());
}

TEST_CASE("tail forking takes a block from Jolteon and none from MonadBFT", "[paper][monadbft][Z27]") {
  // n2 leads round 3 and hides the votes for the block of round 2 that it is sent.
  const auto lost = [](const char* engine) {
    Scenario s = monad_world(4);
    s.design.engine = engine;
    s.design.parameters.jolteon.chained.pacemaker.growth_percent = 100;
    scenarios::AdversarySpec attack;
    attack.script = "tail_fork";
    attack.file = std::string{SEQLAB_SOURCE_DIR} + "/scenarios/adversaries/tail_fork.lua";
    std::ifstream in{attack.file};
    attack.source.assign(std::istreambuf_iterator<char>{in}, {});
    attack.nodes = {NodeId{2}};
    s.environment.adversaries.push_back(std::move(attack));
    s.stop.after = 60s;
    Kept kept;
    const auto result = run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::committed));
    REQUIRE(result.findings.empty());
    std::set<std::uint32_t> of_honest;
    for (const std::uint32_t round : lost_rounds(kept, result.metrics.commits_min)) {
      if (leader(round, 4) != NodeId{2}) of_honest.insert(round);
    }
    return of_honest;
  };
  const std::set<std::uint32_t> jolteon = lost("jolteon");
  CHECK(jolteon.size() >= 10);
  for (const std::uint32_t round : jolteon) CHECK(leader(round, 4) == NodeId{1});
  CHECK(lost("monadbft").empty());
}
