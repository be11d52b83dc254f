// The checker of heads and derivation: fires on each broken story, silent on the sound one.
#include "scenarios/checkers/heads.hpp"

#include <vector>

#include "tests/support/catch.hpp"

using namespace seqlab;
using scenarios::Heads;
using sim::Record;
using sim::RecordKind;

namespace {

struct Story {
  Story() : checker(context()) {
    for (std::uint32_t i = 0; i < 4; ++i) tell({.kind = RecordKind::validator, .node = NodeId{i}, .height = 1, .a = 1});
  }
  static scenarios::CheckerContext context() {
    scenarios::CheckerContext about;
    about.node_count = 4;
    about.settles = true;
    return about;
  }
  static Hash128 block(std::uint64_t height, int variant = 0) {
    return HashBuilder{"block"}.add(height).add(variant).finish();
  }
  Story& tell(Record r) {
    r.at = now;
    checker.on_record(r);
    return *this;
  }
  Story& wait() {
    now += std::chrono::seconds{1};
    return *this;
  }
  Story& ordered(std::uint64_t height) {
    for (std::uint32_t i = 0; i < 4; ++i) {
      tell(Record{.kind = RecordKind::committed, .detail = 2, .node = NodeId{i}, .height = height}.with_id(
          block(height)));
      tell(Record{.kind = RecordKind::executed, .node = NodeId{i}, .height = height}.with_id(block(height, 9)));
    }
    return wait();
  }
  Story& derived(std::uint32_t node, std::uint64_t height, int variant = 0, int state = 9, bool empty = false) {
    tell(Record{.kind = RecordKind::derived,
                .flags = static_cast<std::uint16_t>(empty ? 1 : 0),
                .node = NodeId{node},
                .height = height}
             .with_id(block(height, variant)));
    return tell(
        Record{.kind = RecordKind::derived_state, .node = NodeId{node}, .height = height}.with_id(block(height, state)));
  }
  Story& head(std::uint32_t node, std::uint8_t level, std::uint64_t height, int variant = 0) {
    return tell(
        Record{.kind = RecordKind::head, .detail = level, .node = NodeId{node}, .height = height}.with_id(
            block(height, variant)));
  }
  Story& l1_gave_up(std::uint32_t node, std::uint32_t blocks) {
    return tell({.kind = RecordKind::l1_seen, .node = NodeId{node}, .round = blocks, .height = 10});
  }
  Story& commitment(std::uint32_t node, std::uint32_t index, int variant, std::uint16_t stage) {
    return tell(Record{.kind = RecordKind::commitment, .flags = stage, .node = NodeId{node}, .round = index}.with_id(
        block(index, variant)));
  }
  std::string first() {
    checker.finish(now);
    return checker.findings().empty() ? "" : checker.findings().front().text;
  }
  Heads checker;
  SimTime now{};
};

}  // namespace

TEST_CASE("heads is silent while readers follow, go back with layer 1 and come again", "[checkers][heads]") {
  Story story;
  story.derived(0, 1).head(0, 2, 1);          // the reader may be ahead of the records of commits
  story.ordered(1).ordered(2).ordered(3);
  story.derived(0, 2).derived(0, 3).head(0, 2, 3).head(0, 3, 1).wait();
  story.l1_gave_up(0, 2).head(0, 2, 2).derived(0, 3).head(0, 2, 3).wait();
  story.derived(1, 1).head(1, 2, 1).head(1, 3, 1).head(0, 3, 3);
  story.commitment(0, 1, 0, 0).commitment(1, 1, 0, 0).commitment(0, 1, 0, 1).commitment(1, 1, 0, 1);
  CHECK(story.first().empty());
}

TEST_CASE("heads fires on a block or a state that nobody ordered", "[checkers][heads]") {
  CHECK(Story().ordered(1).derived(2, 1, 5).first().find("rebuilt block") != std::string::npos);
  CHECK(Story().derived(2, 1, 5).ordered(1).first().find("but the sequencers ordered") != std::string::npos);
  CHECK(Story().ordered(1).derived(2, 2).first().find("no honest sequencer ordered it") != std::string::npos);
  CHECK(Story().ordered(1).derived(2, 1, 0, 7).first().find("computed state") != std::string::npos);
}

TEST_CASE("heads lets the two chains part where a window ran out", "[checkers][heads]") {
  CHECK(Story().ordered(1).ordered(2).derived(0, 1, 3, 3, true).derived(0, 2, 4, 4).first().empty());
}

TEST_CASE("heads fires on heads that go back by themselves, overtake each other or differ", "[checkers][heads]") {
  CHECK(Story().ordered(1).ordered(2).derived(0, 1).derived(0, 2).head(0, 2, 2).wait().head(0, 2, 1).first().find(
            "and layer 1 had not") != std::string::npos);
  CHECK(Story().l1_gave_up(0, 1).head(0, 3, 5).head(0, 3, 4).first().find("settled height 5") != std::string::npos);
  CHECK(Story().head(0, 2, 5).head(0, 3, 5).wait().l1_gave_up(0, 3).head(0, 3, 4).first().find(
            "the settled head of n0 went from 5 back to 4") != std::string::npos);
  CHECK(Story().head(0, 2, 5).head(1, 2, 5).head(0, 3, 5, 1).head(1, 3, 5, 2).first().find("settled different") !=
        std::string::npos);
}

TEST_CASE("heads fires on two roots for one commitment", "[checkers][heads]") {
  CHECK(Story().commitment(0, 1, 0, 0).commitment(1, 1, 4, 0).first().find("was sent with root") != std::string::npos);
  CHECK(Story().commitment(0, 1, 0, 1).commitment(1, 1, 4, 1).first().find("accepted with two roots") !=
        std::string::npos);
}
