// The checker of sort keys: fires on keys that fall, have another form or name the wrong one, silent on Warp's order.
#include "scenarios/checkers/sort_keys.hpp"

#include "tests/support/catch.hpp"

using namespace seqlab;
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
    about.sort_keys = true;
    return about;
  }
  Story& tell(const Record& r) {
    checker.on_record(r);
    return *this;
  }
  Story& l1(std::uint32_t height) { return tell({.kind = RecordKind::l1_ref, .node = NodeId{0}, .round = height}); }
  Story& item(std::uint64_t height, std::uint64_t l1_height, std::uint64_t third, std::uint32_t contract,
              bool from_l1 = false) {
    return tell({.kind = RecordKind::keyed,
                 .detail = static_cast<std::uint8_t>(from_l1 ? 1 : 0),
                 .node = NodeId{0},
                 .peer = NodeId{contract},
                 .round = static_cast<std::uint32_t>(third),
                 .height = height,
                 .a = l1_height,
                 .b = third});
  }
  Story& first() { return tell({.kind = RecordKind::key_linked, .node = NodeId{0}, .height = 1}); }
  Story& after(std::uint64_t l1_height, std::uint64_t second, std::uint32_t third) {
    return tell({.kind = RecordKind::key_linked,
                 .flags = 1,
                 .node = NodeId{0},
                 .round = third,
                 .height = 1,
                 .a = l1_height,
                 .b = second});
  }
  std::string said() const { return checker.findings().empty() ? "" : checker.findings().front().text; }
  scenarios::SortKeysChecker checker;
};

}  // namespace

TEST_CASE("sort_keys is silent on Warp's order", "[checkers][sort_keys]") {
  Story story;
  story.l1(50).item(1, 50, 0, 7).first().item(1, 50, 1, 8).first().item(1, 50, 2, 7).after(50, 1, 0);
  story.l1(51).item(2, 51, 0, 7, true).after(50, 1, 2).item(2, 51, 0, 8).after(50, 1, 1);
  CHECK(story.said().empty());
}

TEST_CASE("sort_keys fires on keys that fall, of another form, and on wrong links", "[checkers][sort_keys]") {
  const auto begun = [] {
    Story story;
    story.l1(50).item(1, 50, 0, 7).first();
    return story;
  };
  CHECK(begun().item(1, 50, 0, 7).said().find("after key") != std::string::npos);
  CHECK(begun().item(1, 50, 2, 7).said().find("to item 1 of height 1") != std::string::npos);   // an index is left out
  CHECK(begun().item(1, 51, 1, 7).said().find("where the last L1 height is 50") != std::string::npos);
  CHECK(begun().item(2, 60, 0, 7, true).said().find("not named yet") != std::string::npos);
  CHECK(begun().item(1, 50, 1, 7).first().said().find("to nothing") != std::string::npos);
  CHECK(begun().item(1, 50, 1, 7).after(50, 1, 1).said().find("the key before it is 50,1,0") != std::string::npos);
  CHECK(begun().item(1, 50, 1, 9).after(50, 1, 0).said().find("the key before it is none") != std::string::npos);
}
