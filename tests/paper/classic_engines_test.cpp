// What the papers of Streamlet and PBFT claim, and the latencies of the rotating sequencer: exact under uniform delay.
#include <map>
#include <set>

#include "sim/trace/record_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using sim::mask_of;
using sim::VoteType;

namespace {

constexpr Duration delta = 100ms;

std::map<std::uint64_t, SimTime> proposal_times(const Kept& kept) {
  std::map<std::uint64_t, SimTime> at;
  for (const Record& r : kept.of(RecordKind::proposed)) at.try_emplace(r.height, r.at);
  return at;
}

Scenario streamlet_world(std::uint32_t n) {
  Scenario s = quiet_world(n, delta);
  s.design.engine = "streamlet";
  s.design.parameters.streamlet.delta = 500ms;
  s.environment.network.delta = 200ms;
  return s;
}

}  // namespace

TEST_CASE("F1: Streamlet notarises after 2 delays and is final 2 Delta + 2 delays after the proposal", "[paper][F1]") {
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    CAPTURE(n);
    Scenario s = streamlet_world(n);
    s.design.parameters.streamlet.echo = false;
    s.stop.height = 6;
    Kept kept;
    const auto result = run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::committed));
    REQUIRE(result.metrics.commits_min >= 6);
    const auto proposed = proposal_times(kept);
    std::size_t commits = 0;
    for (const Record& r : kept.of(RecordKind::committed)) {
      ++commits;
      CHECK(r.at - proposed.at(r.height) == 2 * 500ms + 2 * delta);
    }
    CHECK(commits >= 6 * n);
    for (std::uint64_t h = 2; h <= 6; ++h) CHECK(proposed.at(h) - proposed.at(h - 1) == 2 * 500ms);
  }
}

TEST_CASE("F1: Streamlet sends n(n-1) messages an epoch, and with echo each of them once more by every receiver",
          "[paper][F1]") {
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    for (const bool echo : {false, true}) {
      CAPTURE(n, echo);
      Scenario s = streamlet_world(n);
      s.design.parameters.streamlet.echo = echo;
      s.stop.after = 5 * 1s - 1ms;  // epochs 1 to 5, with all that is said in them
      const auto result = scenarios::run(s, {});
      // One proposal, which is the leader's vote, and the votes of the others; the n-1 receivers of each relay it.
      const std::uint64_t said = n * (n - 1ULL);
      const std::uint64_t relayed = echo ? n * (n - 1ULL) * (n - 1ULL) : 0;
      CHECK(result.messages.sent == 5 * (said + relayed));
      CHECK(result.metrics.commits_min == 4);
    }
  }
}

TEST_CASE("Streamlet: no two conflicting blocks are final, whatever the network does", "[paper][streamlet]") {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    CAPTURE(seed);
    // Delays of up to ten epochs, messages lost, clocks apart by more than an epoch: nothing is promised but safety.
    Scenario s = streamlet_world(4);
    s.environment.network.latency.model = scenarios::LatencySpec::Model::exponential;
    s.environment.network.latency.mean = 2s;
    s.environment.network.loss = {1, 10};
    s.environment.machines.clock_skew_max = 2s;
    s.environment.faults = {crash(at(20s), nodes({1}), 5s), split(at(40s), nodes({0, 1}), nodes({2, 3}), 10s)};
    s.stop.after = 300s;
    const auto result = scenarios::run(s, {seed});
    CHECK(result.findings.empty());
  }
}

TEST_CASE("Streamlet: five honest epochs in a row give a new final block", "[paper][streamlet]") {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    CAPTURE(seed);
    Scenario s = streamlet_world(7);
    s.environment.network.stabilises_after = 20s;
    s.environment.network.loss_before = {2, 5};
    s.environment.network.delay_before = 3s;
    s.environment.network.delta = 200ms;
    s.stop.after = 27s;
    Kept kept;
    run_and_keep(s, kept, mask_of(RecordKind::committed), seed);
    std::map<NodeId, std::uint64_t> before, after;
    for (const Record& r : kept.records) {
      if (r.at < time_zero + 21s) before[r.node] = std::max(before[r.node], r.height);
      after[r.node] = std::max(after[r.node], r.height);
    }
    // Epochs begin at full seconds: those from second 21 to 26 are synchronous.
    std::uint64_t most = 0;
    for (const auto& [node, height] : before) most = std::max(most, height);
    for (std::uint32_t i = 0; i < 7; ++i) CHECK(after[NodeId{i}] > most);
  }
}

TEST_CASE("F1: PBFT under uniform delay prepares after 2, commits after 3 delays", "[paper][F1]") {
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    CAPTURE(n);
    Scenario s = quiet_world(n, delta);
    s.design.engine = "pbft";
    s.stop.height = 6;
    Kept kept;
    const auto result =
        run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::voted, RecordKind::committed));
    REQUIRE(result.metrics.commits_min >= 6);
    const auto proposed = proposal_times(kept);
    for (const Record& r : kept.records) {
      if (r.kind == RecordKind::committed) CHECK(r.at - proposed.at(r.height) == 3 * delta);
      if (r.kind == RecordKind::voted && r.detail == static_cast<std::uint8_t>(VoteType::precommit)) {
        CHECK(r.at - proposed.at(r.height) == 2 * delta);  // the prepared certificate is known
      }
    }
  }
}

TEST_CASE("F1: PBFT sends 2n(n-1) messages a block, and n(n-1) for a checkpoint", "[paper][F1]") {
  for (const std::uint32_t n : {4U, 7U, 10U, 16U}) {
    CAPTURE(n);
    Scenario s = quiet_world(n, delta);
    s.design.engine = "pbft";
    s.design.parameters.pbft.checkpoint_interval = 4;
    s.design.parameters.pbft.window = 8;
    s.stop.after = 5s - 100ms;  // blocks at 0, 1, 2, 3 and 4 s, a checkpoint after the fourth
    const auto result = scenarios::run(s, {});
    REQUIRE(result.metrics.commits_min == 5);
    CHECK(result.messages.sent == 5ULL * 2 * n * (n - 1) + 1ULL * n * (n - 1));
  }
}

TEST_CASE("PBFT: a crashed primary costs one timeout and a view change, and no prepared block", "[paper][pbft]") {
  // n0 crashes when it has committed block 3 for itself; the others have prepared it, n1 leads them on.
  Scenario s = quiet_world(4, delta);
  s.design.engine = "pbft";
  s.environment.faults = {crash(on_record(RecordKind::committed, 0, 3), nodes({0}), Duration{-1})};
  s.stop.after = 20s;
  Kept kept;
  const auto result = run_and_keep(s, kept, mask_of(RecordKind::committed, RecordKind::round_entered));
  CHECK(result.findings.empty());
  SimTime changed{};
  for (const Record& r : kept.records) {
    if (r.kind == RecordKind::round_entered && r.round == 1 && r.node == NodeId{2} && changed == time_zero) {
      changed = r.at;
    }
  }
  // Its block 3 was proposed at 2 s and executed at 2.3 s; then block_interval + view_timeout go by.
  CHECK(changed == time_zero + 2300ms + 1s + 4s);
  // View changes reach n1 after one delay; its pre-prepare for block 4 goes right behind the new view.
  const Record* const fourth = kept.first([](const Record& r) {
    return r.kind == RecordKind::committed && r.height == 4 && r.node == NodeId{2};
  });
  REQUIRE(fourth != nullptr);
  CHECK(fourth->at == changed + delta + 3 * delta);
}

TEST_CASE("rotating: soft after one delay, final after two, one operator after the other", "[paper][rotating]") {
  Scenario s = quiet_world(4, delta);
  s.design.engine = "rotating";
  s.stop.after = 150s;
  Kept kept;
  const auto result = run_and_keep(s, kept, mask_of(RecordKind::proposed, RecordKind::committed));
  CHECK(result.findings.empty());
  const auto proposed = proposal_times(kept);
  std::set<NodeId> operators;
  for (const Record& r : kept.of(RecordKind::proposed)) operators.insert(r.node);
  CHECK(operators.size() == 4);
  for (const Record& r : kept.of(RecordKind::committed)) {
    const Duration took = r.at - proposed.at(r.height);
    const bool soft = r.detail == static_cast<std::uint8_t>(sim::CommitLevel::soft);
    const Record* const block = kept.first([&](const Record& p) {
      return p.kind == RecordKind::proposed && p.height == r.height;
    });
    if (soft) CHECK(took == (block->node == r.node ? Duration{} : delta));
    if (!soft) CHECK(took == 2 * delta);
  }
  // A block every slot, and at the hand-overs at most the first slot of the window is lost to the question.
  CHECK(result.metrics.commits_min >= 150 / 2 - 5 - 2);
}
