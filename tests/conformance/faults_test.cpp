// Every engine in bad times: nothing breaks, and after the healing it goes on as far as it promises to.
#include "tests/conformance/engines.hpp"

using namespace seqlab;
using namespace seqlab::tests;

namespace {

/// Longest row of live nodes, the first after the last, if the first `faulty` are not.
std::uint32_t live_in_a_row(std::uint32_t n, std::uint32_t faulty) { return faulty == 0 ? ~0U : n - faulty; }

}  // namespace

TEST_CASE("after loss, a partition and crashes the healed network goes on", "[conformance][liveness]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (const std::uint32_t n : {4U, 7U}) {
      for (const std::uint64_t seed : {1U, 2U, 3U}) {
        CAPTURE(n, seed);
        Scenario s = world_of(engine, n);
        add_traffic(s);
        s.environment.network.stabilises_after = 20s;
        s.environment.network.loss_before = {1, 4};
        s.environment.network.delay_before = 500ms;
        s.environment.machines.start_skew = 300ms;
        s.environment.machines.disk_sync = 2ms;
        s.environment.faults = {
            split(at(4s), nodes({0, 1}), nodes({2, 3}), 8s),
            crash(at(6s), nodes({1}), 3s),
            crash(at(13s), nodes({0, 2}), 1s, sim::DiskFault::torn_tail),
            crash(at(18s), nodes({3}), Duration{-1}),
        };
        s.stop.after = 22s;
        s.stop.healing = rounds_of(engine, 20 * n);
        const RunResult result = scenarios::run(s, {seed});
        INFO(story_of(result));
        CHECK(result.findings.empty());
        CHECK(result.verdict == Verdict::held);
        CHECK(result.liveness == Liveness::progress);
      }
    }
  }
}

TEST_CASE("a node that was away while the committee changed comes back", "[conformance][liveness]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (const std::uint64_t seed : {1U, 2U}) {
      CAPTURE(seed);
      Scenario s = world_of(engine, 5);
      add_traffic(s);
      s.design.committee.changes = {{4, NodeId{0}, 2}, {9, NodeId{1}, 2}, {9, NodeId{4}, 0}, {13, NodeId{4}, 3}};
      s.environment.faults = {split(at(3s), nodes({3}), nodes({0, 1, 2, 4}))};
      s.stop.after = rounds_of(engine, 40);
      s.stop.height = 0;
      s.stop.healing = rounds_of(engine, 60);
      const RunResult result = scenarios::run(s, {seed});
      INFO(story_of(result));
      CHECK(result.findings.empty());
      CHECK(result.metrics.commits_max > 16);
      CHECK(result.liveness == Liveness::progress);
    }
  }
}

TEST_CASE("with a third silent the rest goes on as promised", "[conformance][liveness]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    const EnginePromises promises = promises_of(engine);
    if (!promises.byzantine_tolerant) continue;
    for (const std::uint32_t n : {4U, 7U}) {
      CAPTURE(n);
      const std::uint32_t f = (n - 1) / 3;
      Scenario s = world_of(engine, n);
      corrupt(s, "silent", f == 1 ? nodes({0}) : nodes({0, 1}));
      s.environment.faults = {split(at(2s), nodes({0, 1}), nodes({2, 3}), 6s)};
      s.stop.after = 10s;
      s.stop.healing = rounds_of(engine, 20 * n);
      const RunResult result = scenarios::run(s, {.seed = n});
      INFO(story_of(result));
      CHECK(result.findings.empty());
      const bool promised = live_in_a_row(n, f) >= promises.leaders_in_a_row;
      CHECK(result.liveness == (promised ? Liveness::progress : Liveness::excused));
    }
  }
}

TEST_CASE("what liars may do breaks nothing that was promised", "[conformance][byzantine]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    const bool tolerant = promises_of(engine).byzantine_tolerant;
    for (const std::string script : {"equivocate", "random_byzantine", "withhold_votes", "double_sign_after_restart",
                                     "stale_proposer", "replay_flood", "lying_sync_peer"}) {
      for (const std::uint64_t seed : {1U, 2U}) {
        CAPTURE(script, seed);
        Scenario s = world_of(engine, 4);
        add_traffic(s);
        s.environment.network.loss = {1, 20};
        corrupt(s, script, nodes({static_cast<std::uint32_t>(seed) - 1}));
        s.stop.after = 15s;
        s.stop.healing = rounds_of(engine, 80);
        const RunResult result = scenarios::run(s, {seed});
        INFO(story_of(result));
        CHECK(result.verdict != Verdict::violated);
        if (!tolerant) continue;
        CHECK(result.findings.empty());
        CHECK(result.verdict == Verdict::held);
      }
    }
  }
}
