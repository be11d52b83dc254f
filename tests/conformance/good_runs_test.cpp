// Every engine, when nothing or little goes wrong: all agree, what commits was proposed, and it goes on.
#include "tests/conformance/engines.hpp"

using namespace seqlab;
using namespace seqlab::tests;

namespace {

std::uint32_t max_faulty(std::uint32_t n) { return (n - 1) / 3; }

}  // namespace

TEST_CASE("committees of every size agree", "[conformance]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (const std::uint32_t n : {1U, 4U, 5U, 6U, 7U, 10U, 31U}) {
      CAPTURE(n);
      Scenario s = world_of(engine, n);
      add_traffic(s);
      s.stop.height = n > 10 ? 3 : 6;
      s.stop.after = rounds_of(engine, 30);
      const RunResult result = scenarios::run(s, {.seed = n});
      INFO(story_of(result));
      CHECK(result.findings.empty());
      CHECK(result.verdict == Verdict::held);
      CHECK(result.metrics.commits_min >= s.stop.height);
    }
  }
}

TEST_CASE("committees of every size agree without a third of them", "[conformance]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    const EnginePromises promises = promises_of(engine);
    if (!promises.has_certificates) continue;  // promises nothing without whoever orders
    for (const std::uint32_t n : {4U, 5U, 6U, 7U, 10U, 31U}) {
      CAPTURE(n);
      Scenario s = world_of(engine, n);
      // The first ones, whose turn it would be.
      for (std::uint32_t i = 0; i < max_faulty(n); ++i) never_up(s, NodeId{i});
      s.stop.height = 3;
      s.stop.after = rounds_of(engine, 6 * n);
      const RunResult result = scenarios::run(s, {.seed = n});
      INFO(story_of(result));
      CHECK(result.findings.empty());
      if (n - max_faulty(n) >= promises.leaders_in_a_row) CHECK(result.commits_safety >= s.stop.height);
    }
  }
}

TEST_CASE("what comes twice or out of order changes nothing", "[conformance]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      CAPTURE(seed);
      Scenario s = world_of(engine, 4);
      add_traffic(s);
      s.environment.network.duplication = {1, 4};
      s.environment.network.reordering = {1, 4};
      s.environment.network.reordering_delay = 60ms;
      s.stop.height = 8;
      s.stop.after = rounds_of(engine, 60);
      const RunResult result = scenarios::run(s, {seed});
      INFO(story_of(result));
      CHECK(result.findings.empty());
      CHECK(result.metrics.commits_min >= s.stop.height);
    }
  }
}

TEST_CASE("a quorum commits, and one unit of power less does not", "[conformance]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    if (!promises_of(engine).has_certificates) continue;
    for (const protocols::Power total : {16, 17, 18}) {  // 3F + 1, 3F + 2 and 3F + 3 with F = 5
      const protocols::Power quorum = 2 * total / 3 + 1;
      CAPTURE(total, quorum);
      for (const protocols::Power live : {quorum, quorum - 1}) {
        CAPTURE(live);
        Scenario s = world_of(engine, {live - 6, 3, 2, 1, total - live});
        never_up(s, NodeId{4});
        s.stop.height = 2;
        s.stop.after = rounds_of(engine, 40);
        const RunResult result = scenarios::run(s, {});
        INFO(story_of(result));
        CHECK(result.findings.empty());
        if (live == quorum) {
          CHECK(result.commits_safety >= s.stop.height);
        } else {
          CHECK(result.metrics.commits_max == 0);
        }
      }
    }
  }
}

TEST_CASE("the committee changes while it works", "[conformance]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (const std::uint64_t seed : {1U, 2U}) {
      CAPTURE(seed);
      // A follower joins, a weight moves, a validator leaves and is switched off, the power of five becomes ten.
      Scenario s = world_of(engine, {1, 1, 1, 1, 0, 0});
      add_traffic(s);
      s.design.committee.changes = {{2, NodeId{4}, 1}, {4, NodeId{1}, 3}, {6, NodeId{3}, 0}, {8, NodeId{5}, 4}};
      const std::uint64_t gone = 6 + promises_of(engine).change_lag + 2;
      s.environment.faults.push_back(crash(on_record(RecordKind::committed, 3, gone), nodes({3}), Duration{-1}));
      s.stop.height = 16;
      s.stop.after = rounds_of(engine, 120);
      s.stop.healing = rounds_of(engine, 60);
      const RunResult result = scenarios::run(s, {seed});
      INFO(story_of(result));
      CHECK(result.findings.empty());
      CHECK(result.verdict == Verdict::held);
      CHECK(result.commits_safety >= s.stop.height);
      CHECK(result.liveness == Liveness::progress);
    }
  }
}

TEST_CASE("one scenario and seed give one digest", "[conformance]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    Scenario s = world_of(engine, 4);
    add_traffic(s);
    s.environment.network.loss = {1, 20};
    s.environment.faults.push_back(crash(at(3s), nodes({1}), 2s));
    s.stop.after = 15s;
    s.stop.healing = rounds_of(engine, 40);
    const RunResult first = scenarios::run(s, {.seed = 5});
    const RunResult again = scenarios::run(s, {.seed = 5});
    CHECK(first.records > 100);
    CHECK(first.digest == again.digest);
    CHECK(first.records == again.records);
    CHECK(scenarios::run(s, {.seed = 6}).digest != first.digest);
  }
}
