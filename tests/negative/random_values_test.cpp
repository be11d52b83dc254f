// The checker of random values: fires on a proposer who chooses places for tickets, silent on luck.
#include "scenarios/checkers/random_values.hpp"

#include "protocols/ordering/sort_keys.hpp"
#include "scenarios/spec/parse.hpp"
#include "scenarios/world/run.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;
using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint32_t contract = 7;
constexpr std::uint64_t places = 10;

/// Blocks of four proposers in turns, told by n0, one ticket each.
struct Story {
  Story() : checker(context()) {
    for (std::uint32_t i = 0; i < 4; ++i) tell({.kind = RecordKind::validator, .node = NodeId{i}, .height = 1, .a = 1});
  }
  static CheckerContext context() {
    CheckerContext about;
    about.node_count = 4;
    about.sort_keys = true;
    about.lottery = {contract, {1, 10}};
    return about;
  }
  void tell(const Record& r) { checker.on_record(r); }
  /// @param chooses  whether the proposer takes a place that wins, if there is one
  void block(std::uint64_t height, std::uint32_t proposer, bool chooses, std::uint32_t of = contract,
             std::uint8_t from_l1 = 0) {
    const Hash128 id{height, 1};
    const Hash128 parent{height - 1, 1};
    std::uint64_t place = height % places;
    for (std::uint64_t at = 0; chooses && at < places; ++at) {
      if (protocols::wins(protocols::random_value(parent, {50, height, at}), {1, 10})) place = at;
    }
    const NodeId by{proposer};
    tell(Record{.kind = RecordKind::proposed, .node = by, .peer = by, .height = height}.with_id(id));
    for (const std::uint32_t node : {0U, 1U}) {  // the second says the same again
      Record committed{.kind = RecordKind::committed, .node = NodeId{node}, .height = height};
      committed.detail = static_cast<std::uint8_t>(sim::CommitLevel::final);
      tell(committed.with_id(id));
      tell(Record{.kind = RecordKind::commit_parent, .node = NodeId{node}, .height = height}.with_id(parent));
      tell({.kind = RecordKind::keyed,
            .detail = from_l1,
            .node = NodeId{node},
            .peer = NodeId{of},
            .height = height,
            .a = 50,
            .b = place});
    }
  }
  RandomValues checker;
};

RunResult run_of(const char* name, std::uint64_t seed) {
  const Scenario s = load_scenario(name, {SEQLAB_LIBRARY_ROOT}, {});
  return run(s, {.seed = seed});
}

}  // namespace

TEST_CASE("random_values is silent on luck and fires on chosen places", "[checkers][random_values]") {
  Story story;
  for (std::uint64_t h = 1; h <= 4000; ++h) story.block(h, h % 4, false);
  CHECK(story.checker.findings().empty());

  Story chosen;
  for (std::uint64_t h = 1; h <= 400; ++h) chosen.block(h, h % 4, h % 4 == 2);
  REQUIRE(chosen.checker.findings().size() == 1);  // once a proposer
  const Finding& finding = chosen.checker.findings().front();
  CHECK(finding.nodes == std::vector{NodeId{2}});
  CHECK(finding.text.find("of 50 tickets in blocks of n2 won, of which 1/10 were to") != std::string::npos);
}

TEST_CASE("random_values says nothing of few tickets, and counts no other items", "[checkers][random_values]") {
  Story few;
  for (std::uint64_t h = 1; h <= 196; ++h) few.block(h, h % 4, h % 4 == 2);  // 49 in n2's blocks
  CHECK(few.checker.findings().empty());
  Story others;
  for (std::uint64_t h = 1; h <= 400; ++h) others.block(h, 2, true, contract + 1);
  for (std::uint64_t h = 401; h <= 800; ++h) others.block(h, 2, true, contract, 1);
  CHECK(others.checker.findings().empty());
}

TEST_CASE("grinding shows with every seed, and a value that takes long to compute ends it",
          "[checkers][random_values][catalogue]") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    const RunResult ground = run_of("warp-grinding", seed);
    CHECK(ground.verdict == Verdict::violated);
    REQUIRE(ground.findings.size() == 1);
    CHECK(ground.findings.front().checker == "random_values");
    REQUIRE(ground.budgets.size() == 1);
    CHECK(ground.budgets.front().reordered > 100);
    CHECK(ground.budgets.front().refused == 0);
    const RunResult delayed = run_of("warp-grinding-delayed", seed);
    CHECK(delayed.verdict == Verdict::held);
  }
}

TEST_CASE("where blocks stand on blocks that are not committed, a delay counts from those",
          "[checkers][random_values]") {
  const auto grinding = [](Duration delay) {
    Scenario s = load_scenario("warp-grinding-delayed", {SEQLAB_LIBRARY_ROOT});
    s.design.engine = "jolteon";
    s.design.random_delay = delay;
    s.environment.workload.rate_per_1000s = 200'000;
    s.environment.workload.accounts = 400;
    s.stop.after = 180s;
    return run(s, {.seed = 1});
  };
  CHECK(grinding(0s).verdict == Verdict::violated);
  CHECK(grinding(10ms).verdict == Verdict::held);
}
