// Shrinking: a planted bug that a search found among dozens of interventions comes down to what the bug needs.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "analysis/record/output_file.hpp"
#include "analysis/record/plan_file.hpp"
#include "analysis/search/finding_folder.hpp"
#include "analysis/search/reductions.hpp"
#include "analysis/search/shrink.hpp"
#include "analysis/search/strategies/random.hpp"
#include "protocols/consensus/engine.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/parse.hpp"
#include "tests/negative/broken/rules.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using namespace seqlab::scenarios;

namespace {

template <class Rules>
Target broken() {
  Target target;
  target.name = "broken";
  target.scenario = std::make_shared<const Scenario>(fuzz_scenario("tendermint"));
  target.make_engine = [](NodeId self, const protocols::Committee&, const protocols::EngineParameters& parameters)
      -> std::unique_ptr<protocols::Engine> {
    using Core = protocols::BasicTendermint<Rules>;
    return std::make_unique<protocols::EngineOf<Core>>(Core{self, parameters.tendermint, parameters.leaders});
  };
  return target;
}

/// The first case of the random strategy with at least so many interventions that breaks `checker`.
Case found_by_search(const Target& target, const std::string& checker, std::size_t interventions, std::uint64_t seed) {
  const auto strategy = make_random(target, seed);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    Case c = strategy->make(i);
    if (c.plan.interventions.size() < interventions) continue;
    const CaseResult result = run_case(c, target);
    if (kind_of(result) == checker) return c;
  }
  FAIL("the search found nothing");
  return {};
}

}  // namespace

TEST_CASE("a planted bug shrinks", "[shrink]") {
  const Target target = broken<tests::broken::NoLock>();
  const Case c = found_by_search(target, "agreement", 30, 1);
  const auto kind = find_kind(c, target);
  REQUIRE(kind);
  const Shrunk shrunk = shrink(c, target, *kind);
  std::string text = size_line(shrunk.before, shrunk.after) + " in " + std::to_string(shrunk.runs) + "\n";
  for (const auto& line : shrunk.log) text += line + "\n";
  for (const auto& i : shrunk.smallest.plan.interventions) text += "  " + describe(i) + "\n";
  const Tale tale = tell(shrunk.smallest, target, shrunk.finding);
  text += tale.paragraph + "\n" + tale.diagram + to_short_yaml(*shrunk.smallest.scenario);
  INFO(text);
  CHECK(false);
}
