// Crashes at every point where one can happen: between any two effects, and at the moment a message leaves.
#include "tests/conformance/engines.hpp"

using namespace seqlab;
using namespace seqlab::tests;

TEST_CASE("a machine that is switched off between any two effects comes back and contradicts nothing",
          "[conformance][crash]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (std::uint32_t victim = 0; victim < 4; ++victim) {
      const NodeId node{victim};
      std::uint64_t crashes = 0;
      for (std::uint64_t effect = 0;; ++effect) {
        CAPTURE(victim, effect);
        test::EngineHarness net = harness_of(engine);
        net.crash_at_effect(node, effect);
        net.start_all();
        const auto met = [&] { return !net.up(node) || net.chain(node).height().value >= 3; };
        REQUIRE(net.run_until(met, rounds_of(engine, 30)));
        if (net.up(node)) break;  // all effects of the first heights have had their turn
        ++crashes;
        net.run_for(500ms);
        net.start(node);
        const bool reached = net.run_to_height(5, rounds_of(engine, 40));
        // Checked by hand: there are thousands of these.
        if (!reached || !net.agree() || !net.conflicts.empty()) {
          CHECK(reached);
          CHECK(net.agree());
          CHECK(net.conflicts == std::vector<std::string>{});
          break;
        }
      }
      CHECK(crashes > 3);
    }
  }
}

TEST_CASE("a power cut that takes all machines at once loses nothing", "[conformance][crash]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (std::int64_t cut = 0; cut < 60; ++cut) {
      CAPTURE(cut);
      test::EngineHarness net = harness_of(engine);
      net.start_all();
      net.run_to_height(1, rounds_of(engine, 20));
      net.run_for(cut * rounds_of(engine, 1) / 100);
      for (std::uint32_t i = 0; i < net.size(); ++i) net.crash(NodeId{i});
      net.run_for(1s);
      net.start_all();
      const std::uint64_t goal = net.least_height() + 3;
      const bool reached = net.run_to_height(goal, rounds_of(engine, 60));
      CHECK(reached);
      CHECK(net.agree());
      CHECK(net.conflicts == std::vector<std::string>{});
      if (!reached) break;
    }
  }
}

TEST_CASE("a machine that is switched off while its message leaves has said it", "[conformance][crash]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (std::uint32_t nth = 1; nth <= 40; ++nth) {
      CAPTURE(nth);
      Scenario s = world_of(engine, 4);
      scenarios::Trigger when;
      when.on = scenarios::Trigger::Point{};
      when.on->record = RecordKind::message_sent;
      when.on->node = NodeId{1};
      when.on->nth = nth;
      s.environment.faults.push_back(
          {.when = when, .lasts = 500ms, .what = scenarios::fault::Crash{.nodes = {NodeId{1}}}});
      s.stop.after = 10s;
      s.stop.healing = rounds_of(engine, 40);
      const RunResult result = scenarios::run(s, {.seed = 1});
      INFO(story_of(result));
      CHECK(result.findings.empty());
      CHECK(result.verdict == Verdict::held);
    }
  }
}
