#include <map>
#include <set>

#include "scenarios/explore/explore.hpp"
#include "scenarios/explore/replicas.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/exploring.hpp"

namespace seqlab::tests {

using protocols::Tendermint;
using scenarios::explore;
using scenarios::FlatMap;
using scenarios::ItemSets;

namespace {

ExploreOptions centralised(std::uint32_t count) {
  ExploreOptions options = exploring<Tendermint>(std::vector<protocols::Power>(count, 1), 0);
  const auto* entry = protocols::find_engine("centralised");
  options.make_engine = [entry](NodeId self, const protocols::Committee& genesis) {
    return entry->make(self, genesis, {});
  };
  options.promises = entry->promises({}, 1s);
  return options;
}

}  // namespace

TEST_CASE("a flat map finds what was put in, also after it has grown", "[scenarios][explore]") {
  FlatMap map;
  for (std::uint64_t key = 0; key < 1000; ++key) map.insert(key << 32U | 7, static_cast<std::uint32_t>(key));
  for (std::uint64_t key = 0; key < 1000; ++key) REQUIRE(map.find(key << 32U | 7) == key);
  CHECK(map.find(3) == FlatMap::absent);
}

TEST_CASE("equal sets have one number, however they came about", "[scenarios][explore]") {
  ItemSets sets;
  const std::vector<scenarios::ItemId> odd{1, 3, 5};
  const std::vector<scenarios::ItemId> low{1, 2, 3};
  const std::vector<scenarios::ItemId> all{1, 2, 3, 5};
  const auto a = sets.intern(odd);
  const auto b = sets.intern(low);
  CHECK(sets.unite(a, b) == sets.intern(all));
  CHECK(sets.unite(b, a) == sets.unite(a, b));
  CHECK(sets.unite(a, 0) == a);
  CHECK(sets.contains(a, 5));
  CHECK_FALSE(sets.contains(b, 5));
}

TEST_CASE("four honest nodes of Tendermint agree in every order of one round", "[scenarios][explore]") {
  const ExploreResult result = explore(exploring<Tendermint>({1, 1, 1, 1}, 0));
  INFO(story(result));
  CHECK(result.complete);
  CHECK(result.stopped == "exhausted");
  CHECK_FALSE(result.violation);
  CHECK(result.unconfirmed == 0);
  CHECK(result.cuts.heights > 0);  // nodes did commit
  CHECK(result.cuts.rounds > 0);   // others would have gone to the next round
}

TEST_CASE("the exploration is a function of its options", "[scenarios][explore]") {
  ExploreOptions options = exploring<Tendermint>({1, 1, 2}, 1);
  options.corrupt.push_back({NodeId{0}, Corruption::forging});
  options.bounds.states_max = 2000;
  const ExploreResult a = explore(options);
  const ExploreResult b = explore(options);
  CHECK(a.stopped == "states_max");
  CHECK_FALSE(a.complete);
  CHECK(a.states == b.states);
  CHECK(a.transitions == b.transitions);
  CHECK(a.local_steps == b.local_steps);
  CHECK(a.engine_inputs == b.engine_inputs);
  CHECK(a.abstract_states == b.abstract_states);
  CHECK(a.memory_bytes == b.memory_bytes);
}

// In one round nothing that the abstract states show happens in silence, so both ways must show the same ones.
TEST_CASE("the reduction visits fewer states and shows the same", "[scenarios][explore]") {
  ExploreOptions options = exploring<Tendermint>({1, 1, 1}, 0);
  for (const auto how : {Corruption::silent, Corruption::twins, Corruption::forging}) {
    options.corrupt = {{NodeId{0}, how}};
    options.reduce = true;
    const ExploreResult reduced = explore(options);
    options.reduce = false;
    const ExploreResult full = explore(options);
    INFO(scenarios::name_of(how));
    CHECK(reduced.complete);
    CHECK(full.complete);
    CHECK(reduced.abstract_states == full.abstract_states);
    CHECK(reduced.states <= full.states);
    CHECK(reduced.depth <= full.depth + 1);
  }
}

TEST_CASE("one corrupt node of four finds nothing within a few steps", "[scenarios][explore]") {
  for (const auto how : {Corruption::silent, Corruption::twins, Corruption::forging}) {
    ExploreOptions options = exploring<Tendermint>({1, 1, 1, 1}, 1);
    options.corrupt = {{NodeId{0}, how}};
    options.bounds.depth_max = 8;
    const ExploreResult result = explore(options);
    INFO(story(result));
    CHECK(result.stopped == (how == Corruption::silent ? result.stopped : "depth_max"));
    CHECK_FALSE(result.violation);
    CHECK(result.unconfirmed == 0);
  }
}

TEST_CASE("one corrupt node of four finds nothing in any order of one round", "[scenarios][explore][.slow]") {
  for (const auto how : {Corruption::silent, Corruption::twins, Corruption::forging}) {
    ExploreOptions options = exploring<Tendermint>({1, 1, 1, 1}, 0);
    options.corrupt = {{NodeId{0}, how}};
    const ExploreResult result = explore(options);
    INFO(story(result));
    CHECK(result.complete);
    CHECK_FALSE(result.violation);
    CHECK(result.unconfirmed == 0);
  }
}

TEST_CASE("a sound node may crash anywhere and start again", "[scenarios][explore]") {
  ExploreOptions options = exploring<Tendermint>({1, 1, 1}, 0);
  options.bounds.crashes_max = 1;
  options.bounds.depth_max = 7;
  const ExploreResult result = explore(options);
  INFO(story(result));
  CHECK_FALSE(result.violation);
  CHECK(result.unconfirmed == 0);
  CHECK(result.states > 100);
}

TEST_CASE("followers of one sequencer agree, crash or not", "[scenarios][explore]") {
  ExploreOptions options = centralised(3);
  options.bounds.heights = 2;
  const ExploreResult calm = explore(options);
  INFO(story(calm));
  CHECK(calm.complete);
  CHECK_FALSE(calm.violation);
  CHECK(calm.cuts.heights > 0);

  options.bounds.heights = 1;
  options.bounds.crashes_max = 1;
  options.bounds.depth_max = 9;
  const ExploreResult crashing = explore(options);
  INFO(story(crashing));
  CHECK_FALSE(crashing.violation);
  CHECK(crashing.replica_states > calm.replica_states / 10);
}

// The baseline promises nothing with a corrupt sequencer: two halves of it give the followers different blocks.
TEST_CASE("a sequencer with two halves splits its followers", "[scenarios][explore]") {
  ExploreOptions options = centralised(3);
  options.corrupt = {{NodeId{0}, Corruption::twins}};
  const ExploreResult result = explore(options);
  INFO(story(result));
  REQUIRE(result.violation);
  CHECK(result.violation->finding.checker == "agreement");
  CHECK(result.violation->steps.size() == 4);  // both halves make a block, each follower takes another one
  CHECK(result.unconfirmed == 0);
}

TEST_CASE("limits on work end an exploration, and it says which", "[scenarios][explore]") {
  ExploreOptions options = exploring<Tendermint>({1, 1, 1, 1}, 1);
  const auto stopped_by = [&](auto&& set) {
    ExploreOptions limited = options;
    set(limited);
    const ExploreResult result = explore(limited);
    CHECK_FALSE(result.complete);
    return result.stopped;
  };
  CHECK(stopped_by([](ExploreOptions& o) { o.bounds.states_max = 100; }) == "states_max");
  CHECK(stopped_by([](ExploreOptions& o) { o.bounds.transitions_max = 100; }) == "transitions_max");
  CHECK(stopped_by([](ExploreOptions& o) { o.bounds.memory_bytes_max = 1U << 22U; }) == "memory_bytes_max");
  CHECK(stopped_by([](ExploreOptions& o) { o.bounds.depth_max = 3; }) == "depth_max");
  CHECK(stopped_by([](ExploreOptions& o) {
          o.on_progress = [](const scenarios::ExploreProgress& p) { return p.states == 0; };
        }) == "interrupted");
}

}  // namespace seqlab::tests
