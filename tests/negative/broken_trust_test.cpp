// Corrupt nodes at and above the bound: what the model promises, and whom the votes convict.
#include "tests/negative/broken/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using protocols::PaperRules;
using scenarios::Verdict;

namespace {

Scenario equivocators(std::vector<NodeId> who) {
  Scenario s = small_world(4);
  s.design.parameters.tendermint.gossip_stall = 2s;
  s.stop.after = 10s;
  corrupt(s, "equivocate", std::move(who));
  return s;
}

}  // namespace

TEST_CASE("Z01: two equivocators of four break agreement, outside the model, and are convicted",
          "[negative][accountability]") {
  const RunResult result = run_with<PaperRules>(equivocators(nodes({0, 1})));
  INFO(story(result));
  CHECK(fires(result, "agreement"));
  CHECK(result.verdict == Verdict::outside_model);
  CHECK(result.accused == nodes({0, 1}));
}

TEST_CASE("Z01: one equivocator of four breaks nothing and is reported", "[negative][accountability]") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Scenario s = equivocators(nodes({0}));
    const RunResult result = run_with<PaperRules>(s, seed);
    INFO(story(result));
    CHECK(result.findings.empty());
    CHECK(result.verdict == Verdict::held);
    CHECK(result.metrics.evidence > 0);
  }
}

TEST_CASE("nodes that see double votes and say nothing", "[negative][evidence]") {
  // n0 tells everybody its vote and nil as well
  Scenario s = small_world(4);
  s.environment.network.latency.mean = 400ms;
  s.design.parameters.tendermint.timeout_propose = 3s;
  s.stop.after = 10s;
  corrupt_with(s, R"lua(
    return {
      api = 1,
      kinds = { on_send = { "prevote", "precommit" } },
      on_send = function(ctx, msg)
        if not msg.is_nil then ctx:send(ctx.peers, ctx:forge(msg, { nil_vote = true })) end
        return ctx.pass
      end,
    }
  )lua", nodes({0}));
  const RunResult broken = run_rewritten(s, {NodeId{1}, NodeId{2}, NodeId{3}}, broken::hide_evidence());
  INFO(story(broken));
  CHECK(fired(broken) == std::set<std::string>{"evidence"});

  const RunResult twin = run_with<PaperRules>(s);
  INFO(story(twin));
  CHECK(twin.findings.empty());
  CHECK(twin.metrics.evidence > 0);
}

TEST_CASE("one corrupt node of four, whatever it does, gives no finding", "[negative]") {
  for (const std::string script : {"amnesia", "censor_sender", "double_sign_after_restart", "equivocate",
                                   "future_round_flood", "lying_sync_peer", "random_byzantine", "replay_flood",
                                   "stale_proposer", "timestamp_skew", "withhold_votes"}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      Scenario s = small_world(4);
      s.design.parameters.tendermint.gossip_stall = 1s;
      s.environment.network.latency.model = scenarios::LatencySpec::Model::exponential;
      s.environment.network.latency.mean = 15ms;
      s.environment.network.latency.floor = 5ms;
      s.environment.network.loss = sim::Ratio{1, 50};
      s.environment.machines.start_skew = 50ms;
      s.environment.faults = {
          crash(on_vote(1, sim::VoteType::precommit, 3, 0), nodes({1}), 300ms),
          split(at(2s), nodes({0, 1}), nodes({2, 3}), 1s),
          crash(at(4s), nodes({0}), 500ms),
      };
      s.stop.after = 8s;
      s.stop.healing = 60s;
      corrupt(s, script, nodes({2}));
      const RunResult result = run_with<PaperRules>(s, seed);
      INFO(script << " seed " << seed << "\n" << story(result));
      CHECK(result.findings.empty());
      CHECK(result.verdict == Verdict::held);
    }
  }
}
