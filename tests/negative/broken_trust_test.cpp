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
  const RunResult result = run_rewritten(equivocators(nodes({0})), {NodeId{1}, NodeId{2}, NodeId{3}},
                                         broken::hide_evidence());
  INFO(story(result));
  CHECK(fires(result, "evidence"));
}
