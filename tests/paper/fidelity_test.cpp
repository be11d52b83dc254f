// Published and analytic numbers, reproduced. The rows are named F1 ... as in the acceptance suite that they come from:
// closed forms for uniform delay, exact integers for the 13-zone matrix of CometBFT's end-to-end latency emulation.
#include <algorithm>
#include <array>
#include <map>

#include "sim/trace/record_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using sim::mask_of;
using sim::VoteType;

namespace {

constexpr Duration delta = 100ms;

const Record& first_of(const Kept& kept, RecordKind kind, std::uint64_t height) {
  const Record* const found = kept.first([&](const Record& r) { return r.kind == kind && r.height == height; });
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE("F1: Tendermint under uniform delay certifies after 2, commits after 3 delays", "[paper][F1]") {
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    CAPTURE(n);
    Scenario s = quiet_world(n, delta);
    s.stop.height = 6;
    Kept kept;
    const auto result =
        run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::certified, RecordKind::committed));
    REQUIRE(result.metrics.commits_min >= 6);
    for (std::uint64_t h = 1; h <= 6; ++h) {
      const Record& proposal = first_of(kept, RecordKind::proposed, h);
      for (const Record& r : kept.records) {
        if (r.height != h) continue;
        if (r.kind == RecordKind::certified && r.detail == static_cast<std::uint8_t>(VoteType::prevote)) {
          CHECK(r.at - proposal.at == 2 * delta);
        }
        if (r.kind == RecordKind::committed) CHECK(r.at - proposal.at == 3 * delta);
      }
      if (h > 1) {
        CHECK(proposal.at - first_of(kept, RecordKind::proposed, h - 1).at == 3 * delta + 1s);  // timeout_commit 1 s
      }
    }
  }
}

TEST_CASE("F1: Tendermint sends (n-1)(2n+1) messages a block and nothing else", "[paper][F1]") {
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    CAPTURE(n);
    Scenario s = quiet_world(n, delta);
    // Ends while all wait for the timeout after the 5th commit: whole blocks only.
    s.stop.after = 5 * (3 * delta + 1s) - 500ms;
    const auto result = scenarios::run(s, {});
    REQUIRE(result.metrics.commits_min == 5);
    REQUIRE(result.metrics.commits_max == 5);
    CHECK(result.messages.delivered == 5ULL * (n - 1) * (2 * n + 1));
    CHECK(result.messages.sent == result.messages.delivered);
  }
}

TEST_CASE("F1: the centralised sequencer confirms softly after one delay with n-1 messages", "[paper][F1]") {
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    CAPTURE(n);
    Scenario s = quiet_world(n, delta);
    s.design.engine = "centralised";
    s.stop.after = 11s;
    Kept kept;
    const auto result = run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::committed));
    const auto proposals = kept.of(RecordKind::proposed);
    REQUIRE(proposals.size() >= 4);
    for (std::size_t i = 1; i < proposals.size(); ++i) CHECK(proposals[i].at - proposals[i - 1].at == 2s);
    std::size_t followers = 0;
    for (const Record& r : kept.of(RecordKind::committed)) {
      if (r.node == NodeId{0} || r.detail != static_cast<std::uint8_t>(sim::CommitLevel::soft)) continue;
      ++followers;
      CHECK(r.at - first_of(kept, RecordKind::proposed, r.height).at == delta);
    }
    CHECK(followers == proposals.size() * (n - 1));
    CHECK(result.messages.delivered == proposals.size() * (n - 1));
  }
}

TEST_CASE("F2: all-to-all commit times in the 13 zones are exact to the integer", "[paper][F2]") {
  const std::array<const char*, 13> zones = {"N_Virginia", "Canada", "N_California", "London", "Oregon", "Ireland",
                                             "Frankfurt", "S_Paulo", "Tokyo", "Mumbai", "Sydney", "Seoul", "Singapore"};
  struct Row {
    std::int64_t min, median, mean_hundredths, max;  // ms, mean in 1/100 ms
  };
  const std::array<Row, 13> expected = {{{214, 226, 22931, 272}, {219, 226, 23092, 271}, {220, 240, 24338, 280},
                                         {209, 233, 23577, 260}, {221, 236, 23938, 277}, {211, 235, 23831, 266},
                                         {215, 233, 23708, 261}, {257, 281, 28162, 326}, {223, 243, 24208, 274},
                                         {235, 251, 25569, 292}, {246, 265, 26508, 299}, {229, 250, 25277, 288},
                                         {228, 251, 25523, 306}}};
  // PBFT's pre-prepare, prepare and commit travel as proposal, prevote and precommit do.
  for (std::size_t i = 0; i < 2 * zones.size(); ++i) {
    const std::size_t proposer = i % zones.size();
    CAPTURE(zones[proposer], i < zones.size());
    Scenario s = quiet_world(13, delta);
    s.design.engine = i < zones.size() ? "tendermint" : "pbft";
    s.environment.network.latency = {};
    s.environment.network.latency.model = scenarios::LatencySpec::Model::regions;
    s.environment.network.latency.matrix = "aws13";
    // Equal priorities: the lowest node proposes first, so it is put into the zone of interest.
    for (std::size_t z = 0; z < zones.size(); ++z) {
      s.environment.machines.regions.emplace_back(zones[(proposer + z) % zones.size()]);
    }
    s.stop.height = 1;
    Kept kept;
    run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::committed));
    const Record& proposal = first_of(kept, RecordKind::proposed, 1);
    REQUIRE(proposal.node == NodeId{0});
    std::vector<std::int64_t> ms;
    std::int64_t sum = 0;
    for (const Record& r : kept.of(RecordKind::committed)) {
      if (r.height != 1) continue;
      const std::int64_t took = ns(r.at - proposal.at);
      CHECK(took % 1'000'000 == 0);
      ms.push_back(took / 1'000'000);
      sum += took / 1'000'000;
    }
    REQUIRE(ms.size() == 13);
    std::sort(ms.begin(), ms.end());
    const Row& row = expected[proposer];
    CHECK(ms.front() == row.min);
    CHECK(ms[6] == row.median);
    CHECK(ms.back() == row.max);
    CHECK((sum * 100 * 2 + 13) / (2 * 13) == row.mean_hundredths);  // rounded to the nearest hundredth
  }
}

TEST_CASE("F3: k crashed proposers cost the sum of their rounds and no block", "[paper][F3]") {
  for (const std::uint32_t crashed : {1U, 2U, 3U}) {
    CAPTURE(crashed);
    Scenario s = quiet_world(10, delta);
    for (std::uint32_t i = 0; i < crashed; ++i) {
      scenarios::Trigger when;
      when.on = scenarios::Trigger::Point{};
      when.on->record = RecordKind::node_started;
      when.on->node = NodeId{i};
      s.environment.faults.push_back({.when = when, .what = scenarios::fault::Crash{.nodes = {NodeId{i}}}});
    }
    s.stop.height = 1;
    Kept kept;
    const auto result =
        run_and_keep(s, kept, mask_of(RecordKind::round_entered, RecordKind::proposed, RecordKind::committed));
    REQUIRE(result.metrics.commits_max == 1);
    Duration lost{};
    for (std::uint32_t r = 0; r < crashed; ++r) {
      lost += (3s + r * 500ms) + 2 * delta + (1s + r * 500ms);
    }
    const Record* const deciding = kept.first([&](const Record& r) {
      return r.kind == RecordKind::round_entered && r.height == 1 && r.round == crashed;
    });
    REQUIRE(deciding != nullptr);
    CHECK(deciding->at == time_zero + lost);
    CHECK(first_of(kept, RecordKind::committed, 1).at == time_zero + lost + 3 * delta);
  }
}

TEST_CASE("F6: twice the delay gives twice the latency", "[paper][F6]") {
  const auto p50 = [](Duration mean, Duration sd) {
    Scenario s = quiet_world(16, mean);
    s.environment.network.latency.model = scenarios::LatencySpec::Model::normal;
    s.environment.network.latency.sd = sd;
    s.stop.height = 100;
    s.stop.after = 10min;
    return static_cast<double>(scenarios::run(s, {}).metrics.commit_latency.quantile(500'000));
  };
  const double once = p50(250ms, 50ms);
  const double twice = p50(500ms, 100ms);
  CHECK(once > 3 * 250e6 * 0.9);
  CHECK(twice / once == Approx(2.0).epsilon(0.01));
}
