#include <algorithm>
#include <set>
#include <string>

#include "analysis/search/coverage.hpp"
#include "analysis/search/probe.hpp"
#include "analysis/search/strategy.hpp"
#include "scenarios/plan/plan_text.hpp"
#include "tests/negative/broken/rules.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;

namespace {

Target target_of(const std::string& engine) {
  return {engine, std::make_shared<scenarios::Scenario>(fuzz_scenario(engine)), {}};
}

/// Runs so many cases and teaches them, in whole batches.
std::vector<std::pair<Case, CaseResult>> campaign(Strategy& strategy, const Target& target, std::uint64_t cases) {
  std::vector<std::pair<Case, CaseResult>> out;
  out.reserve(cases);
  std::size_t taught = 0;
  for (std::uint64_t i = 0; i < cases; ++i) {
    Case which = strategy.make(i);
    CaseResult result = run_case(which, target);
    out.emplace_back(std::move(which), std::move(result));
    if (out.size() - taught < 64) continue;
    std::vector<Strategy::Lesson> batch;
    for (; taught < out.size(); ++taught) batch.push_back({taught, &out[taught].first, &out[taught].second});
    strategy.learn(batch);
  }
  return out;
}

}  // namespace

TEST_CASE("every strategy is a function of seed, number and what it was taught", "[search][strategies]") {
  const Target target = target_of("tendermint");
  for (const StrategyEntry& entry : strategies()) {
    INFO(entry.name);
    const auto one = entry.make(target, 5);
    const auto two = entry.make(target, 5);
    const auto other = entry.make(target, 6);
    const auto first = campaign(*one, target, 130);
    const auto second = campaign(*two, target, 130);
    bool differs = false;
    for (std::size_t i = 0; i < first.size(); ++i) {
      REQUIRE(first[i].first.plan == second[i].first.plan);
      REQUIRE(*first[i].first.scenario == *second[i].first.scenario);
      REQUIRE(first[i].second.digest == second[i].second.digest);
      differs |= !(other->make(i).plan == first[i].first.plan);
    }
    CHECK(differs);
    // Asked in another order, the same comes out.
    CHECK(one->make(129).plan == two->make(129).plan);
    CHECK(one->make(3).plan == two->make(3).plan);
  }
}

TEST_CASE("plans of strategies ask for nothing that they have no right to, and flag no sound engine",
          "[search][strategies]") {
  for (const char* engine : {"tendermint", "centralised"}) {
    const Target target = target_of(engine);
    for (const StrategyEntry& entry : strategies()) {
      const auto strategy = entry.make(target, 17);
      for (const auto& [which, result] : campaign(*strategy, target, 130)) {
        INFO(engine << " " << entry.name << " " << scenarios::to_json(which.plan));
        REQUIRE(scenarios::problems_of(which.plan, *which.scenario).empty());
        REQUIRE(kind_of(result).empty());
      }
    }
  }
}

TEST_CASE("a missing lock is found by every strategy", "[search][strategies]") {
  Target target = target_of("tendermint");
  target.make_engine = [](NodeId self, const protocols::Committee&, const protocols::EngineParameters& p) {
    using Core = protocols::BasicTendermint<tests::broken::NoLock>;
    return std::unique_ptr<protocols::Engine>{
        std::make_unique<protocols::EngineOf<Core>>(Core{self, p.tendermint, p.leaders})};
  };
  for (const StrategyEntry& entry : strategies()) {
    INFO(entry.name);
    const auto strategy = entry.make(target, 1);
    const auto cases = campaign(*strategy, target, 300);
    CHECK(std::ranges::any_of(cases, [](const auto& one) {
      return kind_of(one.second) == "lock_rule" || kind_of(one.second) == "agreement";
    }));
  }
}

TEST_CASE("a probe tells how rounds are counted and whether a plan's leaders lead", "[search][strategies]") {
  const Probe seen = probe(target_of("tendermint"));
  CHECK(seen.rounds_restart);
  CHECK(seen.round_first == 0);
  CHECK(seen.leaders_obey);
  CHECK(seen.votes ==
        std::vector<protocols::MessageKind>{protocols::MessageKind::prevote, protocols::MessageKind::precommit});
  CHECK_FALSE(probe(target_of("centralised")).leaders_obey);
}

TEST_CASE("the guided search keeps what reached new states", "[search][strategies]") {
  const Target target = target_of("tendermint");
  const auto strategy = find_strategy("guided")->make(target, 2);
  Case which = strategy->make(0);
  which.plan.interventions.clear();
  scenarios::RoundSplit mark;
  mark.round = 77;
  mark.groups = {{{NodeId{0}, false}}};
  for (int i = 0; i < 20; ++i) which.plan.interventions.emplace_back(mark);
  CaseResult result;
  result.states = {1, 2, 3};
  const std::vector<Strategy::Lesson> batch{{0, &which, &result}};
  strategy->learn(batch);
  const auto marked = [](const Case& one) {
    return std::ranges::any_of(one.plan.interventions, [](const scenarios::Intervention& what) {
      const auto* split = std::get_if<scenarios::RoundSplit>(&what);
      return split != nullptr && split->round == 77;
    });
  };
  std::uint64_t children = 0;
  for (std::uint64_t i = 256; i < 356; ++i) children += marked(strategy->make(i)) ? 1U : 0U;
  CHECK(children > 50);
  // The same states again are nothing new.
  Case dull = which;
  dull.plan.interventions.clear();
  const std::vector<Strategy::Lesson> again{{256, &dull, &result}};
  strategy->learn(again);
  std::uint64_t still = 0;
  for (std::uint64_t i = 512; i < 612; ++i) still += marked(strategy->make(i)) ? 1U : 0U;
  CHECK(still > 50);
}
