// Broken engines whose shortest counterexample the explorer finds, with the sound twin under the same bounds.
#include "scenarios/explore/explore.hpp"
#include "tests/negative/broken/rules.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/exploring.hpp"

namespace seqlab::tests {

using protocols::BasicTendermint;
using protocols::Tendermint;
using scenarios::explore;

namespace {

template <class Rules>
ExploreOptions with_forger(std::vector<protocols::Power> powers, std::int32_t round_max) {
  ExploreOptions options = exploring<BasicTendermint<Rules>>(std::move(powers), round_max);
  options.corrupt = {{NodeId{0}, Corruption::forging}};
  return options;
}

/// The same bounds, the paper's rules, as deep as the counterexample was.
void check_sound_twin(const ExploreOptions& broken, std::size_t depth) {
  ExploreOptions options = broken;
  options.make_engine = exploring<Tendermint>({1}, 0).make_engine;
  options.bounds.depth_max = static_cast<std::uint32_t>(depth);
  const ExploreResult result = explore(options);
  INFO(story(result));
  CHECK_FALSE(result.violation);
  CHECK(result.unconfirmed == 0);
}

}  // namespace

TEST_CASE("exploring finds a vote that a crash makes forgotten", "[negative][explore]") {
  ExploreOptions options = exploring<BasicTendermint<broken::VoteNotDurable>>({1, 1, 1, 1}, 0);
  options.bounds.crashes_max = 1;
  const ExploreResult result = explore(options);
  INFO(story(result));
  REQUIRE(result.violation);
  CHECK(result.violation->finding.checker == "one_vote");
  CHECK(result.violation->steps.size() == 4);  // vote, crash, restart, vote
  check_sound_twin(options, 4);
}

TEST_CASE("exploring finds a quorum that is off by one", "[negative][explore]") {
  const ExploreOptions options = with_forger<broken::QuorumOffByOne>({1, 1, 1, 1, 1}, 0);
  const ExploreResult result = explore(options);
  INFO(story(result));
  REQUIRE(result.violation);
  CHECK(result.violation->finding.checker == "certified_commit");
  CHECK(result.violation->steps.size() == 8);
}

// Weights keep it small: the node of power 2 and one other are a quorum, so that two honest nodes suffice.
TEST_CASE("exploring finds a lock that is missing", "[negative][explore]") {
  const ExploreOptions options = with_forger<broken::NoLock>({1, 1, 2}, 1);
  const ExploreResult result = explore(options);
  INFO(story(result));
  REQUIRE(result.violation);
  CHECK(result.violation->finding.checker == "agreement");
  CHECK(result.violation->steps.size() == 9);
  CHECK(result.unconfirmed == 0);
  check_sound_twin(options, 9);
}

TEST_CASE("exploring finds replicas that prevote whatever is proposed", "[negative][explore]") {
  const ExploreResult result = explore(with_forger<broken::PrevotesAnything>({1, 1, 2}, 1));
  INFO(story(result));
  REQUIRE(result.violation);
  CHECK(result.violation->finding.checker == "agreement");
}

}  // namespace seqlab::tests
