// Simpler scenarios: parameters of an engine go back to their defaults one by one.
#include <algorithm>
#include <memory>
#include <string>

#include "analysis/search/reductions.hpp"
#include "analysis/search/shrink.hpp"
#include "analysis/search/strategy.hpp"
#include "protocols/consensus/engine.hpp"
#include "tests/negative/broken/rules.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using namespace seqlab::scenarios;

TEST_CASE("one parameter of the engine goes back to its default, and nothing else changes", "[shrink]") {
  Scenario s = fuzz_scenario("tendermint");
  s.design.parameters = {};
  s.design.parameters.tendermint.precision = 7ms;
  s.design.parameters.tendermint.create_empty_blocks = false;
  s.design.parameters.tendermint.future_rounds = 9;
  s.design.committee.stake = {5, 1, 2, 3};
  std::vector<std::string> names;
  for (const auto& [what, other] : simpler(s)) {
    if (what.find("the default of ") != 0) continue;
    names.push_back(what.substr(15));
    CAPTURE(what);
    Scenario expected = s;
    protocols::TendermintOptions& t = expected.design.parameters.tendermint;
    const protocols::TendermintOptions usual;
    if (names.back() == "tendermint.precision") t.precision = usual.precision;
    if (names.back() == "tendermint.create_empty_blocks") t.create_empty_blocks = usual.create_empty_blocks;
    if (names.back() == "tendermint.future_rounds") t.future_rounds = usual.future_rounds;
    CHECK(other == expected);
    CHECK_FALSE(other == s);
  }
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"tendermint.create_empty_blocks", "tendermint.future_rounds",
                                          "tendermint.precision"});
  s.design.parameters = {};
  for (const auto& [what, other] : simpler(s)) CHECK(what.find("the default of ") == std::string::npos);
}

TEST_CASE("a bug that needs one parameter keeps that one alone", "[shrink]") {
  // Nobody locks where evidence is old after 77 blocks; elsewhere the engine is sound.
  Target target;
  target.name = "broken";
  Scenario s = fuzz_scenario("tendermint");
  protocols::TendermintOptions& t = s.design.parameters.tendermint;
  t.evidence_age_blocks = 77;
  t.evidence_age = 3s;
  t.future_rounds = 3;
  target.scenario = std::make_shared<const Scenario>(s);
  target.make_engine = [](NodeId self, const protocols::Committee& genesis,
                          const protocols::EngineParameters& p) -> std::unique_ptr<protocols::Engine> {
    if (p.tendermint.evidence_age_blocks != 77) return protocols::find_engine("tendermint")->make(self, genesis, p);
    using Core = protocols::BasicTendermint<tests::broken::NoLock>;
    return std::make_unique<protocols::EngineOf<Core>>(Core{self, p.tendermint, p.leaders});
  };
  const auto strategy = find_strategy("random")->make(target, 1);
  Case c;
  std::uint64_t i = 0;
  do {
    c = strategy->make(i++);
  } while (kind_of(run_case(c, target)) != "lock_rule" && i < 3000);
  const auto kind = find_kind(c, target);
  REQUIRE(kind);
  const Shrunk small = shrink(c, target, *kind);
  std::string text;
  for (const std::string& line : small.log) text += line + "\n";
  INFO(text);
  const protocols::TendermintOptions& left = small.smallest.scenario->design.parameters.tendermint;
  const protocols::TendermintOptions usual;
  CHECK(left.evidence_age_blocks == 77);
  CHECK(left.evidence_age == usual.evidence_age);
  CHECK(left.future_rounds == usual.future_rounds);
  CHECK(std::ranges::any_of(small.log, [](const std::string& line) {
    return line.find("the default of tendermint.future_rounds") != std::string::npos;
  }));
}

TEST_CASE("who has to do with the registry keeps his part under another number, or stays", "[shrink]") {
  Scenario s = fuzz_scenario("tendermint");
  s.design.committee.count = 5;
  s.design.committee.stake.assign(5, 1);
  s.design.l1 = "ethereum";
  s.design.relay.policy = "registered";
  s.design.relay.nodes = {NodeId{2}, NodeId{3}};
  s.design.registry.writers = {NodeId{2}};
  s.design.registry.owner = NodeId{4};
  s.design.registry.changes = {{std::chrono::seconds{5}, protocols::RegistryAction::add, NodeId{3}}};
  const auto shared = std::make_shared<const Scenario>(s);
  const std::optional<Case> c = with_nodes({shared, {}}, {true, false, true, true, true});
  REQUIRE(c);
  const protocols::RegistryOptions& registry = c->scenario->design.registry;
  CHECK(registry.writers == std::vector<NodeId>{NodeId{1}});
  CHECK(registry.owner == NodeId{3});
  CHECK(registry.changes[0].node == NodeId{2});
  CHECK_FALSE(with_nodes({shared, {}}, {true, true, true, true, false}));  // the owner
  CHECK_FALSE(with_nodes({shared, {}}, {true, true, true, false, true}));  // a relayer
}
