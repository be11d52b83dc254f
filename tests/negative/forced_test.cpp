// The checkers of layer 1 on runs written by hand: each fires on what breaks its property and is silent on its twin.
#include <functional>
#include <string>
#include <vector>

#include "protocols/l1/block.hpp"
#include "protocols/types/external.hpp"
#include "tests/negative/record_table.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using protocols::ForcedStatus;
using scenarios::CheckerContext;
using sim::Record;
using sim::RecordKind;

namespace {

CheckerContext context_of(std::string_view policy) {
  CheckerContext context;
  context.node_count = 4;
  context.forced.policy = policy;
  context.forced.arweave_sync.depth = 2;
  context.forced.citrea_queue = {.depth = 3, .limit = 2, .cut_off = 8};
  context.forced.delayed_inbox.delay_blocks = 10;
  context.forced.delayed_inbox.buffer = false;
  context.forced.delayed_inbox.queue.cap = 2;
  context.forced.due_queue.due_blocks = 10;
  context.forced.due_queue.queue.cap = 2;
  return context;
}

std::string l1(std::uint64_t height) { return "L" + std::to_string(height); }

/// A run told record by record.
class Run {
 public:
  Run(std::string_view checker, const CheckerContext& context)
      : checker_(scenarios::find_checker(checker)->make(context)) {
    for (std::uint32_t i = 0; i < 4; ++i) {
      say({.kind = RecordKind::validator, .node = NodeId{i}, .height = 1, .a = 1});
    }
  }
  /// Blocks of L1, seen by everybody at once.
  Run& mined(std::uint64_t from, std::uint64_t to, const std::string& branch = "", bool wins = true) {
    for (std::uint64_t h = from; h <= to; ++h) {
      const std::string parent = h == from && !branch.empty() ? l1(h - 1) : l1(h - 1) + (h == from ? "" : branch);
      const auto flags = static_cast<std::uint16_t>(wins ? 0 : 1);
      say(Record{.kind = RecordKind::l1_mined, .flags = flags, .height = h}.with_id(named(l1(h) + branch)));
      say(Record{.kind = RecordKind::l1_parent, .height = h}.with_id(named(parent)));
      if (wins) seen(h);
    }
    return *this;
  }
  Run& seen(std::uint64_t h) {
    for (std::uint32_t i = 0; i < 4; ++i) {
      say(Record{.kind = RecordKind::l1_seen, .node = NodeId{i}, .height = h}.with_id(named(l1(h))));
    }
    return *this;
  }
  Run& posted(std::uint32_t position, std::uint64_t height) {
    return say(Record{.kind = RecordKind::forced_posted, .round = position, .height = height}.with_id(item(position)));
  }
  /// Every node commits a block.
  Run& block(std::uint64_t height, std::uint64_t ref, const std::vector<std::uint32_t>& items,
             ForcedStatus status = ForcedStatus::executed, const std::string& branch = "") {
    for (std::uint32_t n = 0; n < 4; ++n) {
      const NodeId node{n};
      const auto l1_height = static_cast<std::uint32_t>(ref);
      say(Record{.kind = RecordKind::committed, .detail = 1, .node = node, .height = height}.with_id(item(99)));
      say(Record{.kind = RecordKind::l1_ref, .node = node, .round = l1_height, .height = height}.with_id(
          named(l1(ref) + branch)));
      for (const std::uint32_t i : items) {
        say(Record{.kind = RecordKind::forced_done,
                   .detail = static_cast<std::uint8_t>(status),
                   .node = node,
                   .round = i,
                   .height = height}
                .with_id(item(i)));
      }
      say(Record{.kind = RecordKind::executed, .node = node, .height = height}.with_id(item(98)));
    }
    return *this;
  }
  Run& say(Record record) {
    record.at = now_ += 1ms;
    if ((checker_->kinds() >> static_cast<unsigned>(record.kind) & 1U) != 0) checker_->on_record(record);
    return *this;
  }
  std::string verdict() {
    checker_->finish(now_);
    return checker_->findings().empty() ? "" : checker_->findings().front().text;
  }
  static Hash128 item(std::uint32_t position) { return named("item" + std::to_string(position)); }

 private:
  std::shared_ptr<scenarios::Checker> checker_;  // copies go on with the same one
  SimTime now_{};
};

Run external(std::string_view policy) { return Run("external_data", context_of(policy)); }
Run inclusion(std::string_view policy) { return Run("forced_inclusion", context_of(policy)); }
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("external_data: heights go on one by one and never back", "[checkers][external_data]") {
  CHECK(external("deposits").mined(100, 120).block(1, 101, {}).block(2, 101, {}).block(3, 102, {}).verdict() == "");
  CHECK(has(external("deposits").mined(100, 120).block(1, 101, {}).block(2, 103, {}).verdict(), "leaves some out"));
  CHECK(has(external("deposits").mined(100, 120).block(1, 103, {}).block(2, 102, {}).verdict(), "goes back"));
  CHECK(external("due_queue").mined(100, 120).block(1, 101, {}).block(2, 110, {}).verdict() == "");
  CHECK(has(external("due_queue").mined(100, 120).block(1, 110, {}).block(2, 101, {}).verdict(), "goes back"));
}

TEST_CASE("external_data: a block is named when it is deep enough", "[checkers][external_data]") {
  CHECK(external("arweave_sync").mined(100, 103).block(1, 101, {}).verdict() == "");
  CHECK(has(external("arweave_sync").mined(100, 102).block(1, 101, {}).verdict(), "only power 0"));
  CHECK(external("citrea_queue").mined(100, 103).block(1, 101, {}).verdict() == "");
}

TEST_CASE("external_data: what was named is on the chain in the end", "[checkers][external_data]") {
  CHECK(external("deposits").mined(100, 105).block(1, 104, {}).mined(106, 110).verdict() == "");
  // 104 and 105 lose against a branch from 103.
  CHECK(has(external("deposits").mined(100, 105).block(1, 104, {}).mined(104, 110, "b").verdict(), "not on the L1"));
  CHECK(external("deposits").mined(100, 105).block(1, 103, {}).mined(104, 110, "b").verdict() == "");
  CHECK(has(external("deposits").mined(100, 105).block(1, 104, {}, ForcedStatus::executed, "forged").verdict(),
            "not on the L1"));
}

TEST_CASE("forced_inclusion: whole blocks, complete and in order", "[checkers][forced_inclusion]") {
  for (const char* policy : {"arweave_sync", "deposits"}) {
    const auto begin = [&] { return inclusion(policy).posted(0, 101).posted(1, 101).posted(2, 102); };
    CHECK(begin().block(1, 101, {0, 1}).block(2, 102, {2}).verdict() == "");
    CHECK(begin().block(1, 101, {0, 1}, ForcedStatus::failed).verdict() == "");
    CHECK(has(begin().block(1, 101, {0}).verdict(), "leaves out"));
    CHECK(has(begin().block(1, 101, {}).verdict(), "leaves out"));
    CHECK(has(begin().block(1, 101, {1, 0}).verdict(), "where 0 is next"));
    CHECK(has(begin().block(1, 101, {0, 1, 2}).verdict(), "does not hold there"));
    CHECK(has(begin().block(1, 101, {0, 1}).block(2, 102, {1, 2}).verdict(), "done again"));
    CHECK(has(begin().block(1, 101, {0, 1, 7}).verdict(), "where 2 is next"));
  }
}

TEST_CASE("forced_inclusion: what is due of a queue, up to the cap", "[checkers][forced_inclusion]") {
  for (const char* policy : {"delayed_inbox", "due_queue"}) {
    const auto begin = [&] { return inclusion(policy).posted(0, 101).posted(1, 101).posted(2, 101); };
    CHECK(begin().block(1, 110, {}).block(2, 111, {0, 1}).block(3, 112, {2}).verdict() == "");
    CHECK(begin().block(1, 103, {0}).block(2, 111, {1, 2}).verdict() == "");
    CHECK(has(begin().block(1, 111, {}).verdict(), "leaves out"));
    CHECK(has(begin().block(1, 103, {1}).verdict(), "where 0 is next"));
    if (std::string_view{policy} == "due_queue") CHECK(has(begin().block(1, 111, {0}).verdict(), "leaves out"));
  }
}

TEST_CASE("forced_inclusion: a call that came too early must not work", "[checkers][forced_inclusion]") {
  const auto call = [](std::uint64_t height, std::uint16_t worked) {
    return inclusion("delayed_inbox")
        .posted(0, 101)
        .say({.kind = RecordKind::force_called, .flags = worked, .round = 1, .height = height})
        .verdict();
  };
  CHECK(call(112, 1) == "");
  CHECK(has(call(111, 1), "a call forced the item"));
  CHECK(call(111, 0) == "");
}

TEST_CASE("forced_inclusion: an item is never gone without a reason", "[checkers][forced_inclusion]") {
  const auto begin = [] { return inclusion("citrea_queue").posted(0, 101).posted(1, 101); };
  CHECK(begin().block(1, 101, {0, 1}).verdict() == "");
  CHECK(has(begin().block(1, 101, {0, 1}, ForcedStatus::removed).verdict(), "without having been executed"));
  const auto waits = [&] { return begin().block(1, 101, {0, 1}, ForcedStatus::deferred); };
  CHECK(waits().block(2, 108, {0, 1}, ForcedStatus::executed).verdict() == "");
  CHECK(waits().block(2, 109, {0, 1}, ForcedStatus::refused).verdict() == "");
  CHECK(has(waits().block(2, 108, {0, 1}, ForcedStatus::refused).verdict(), "before its cut-off"));
  CHECK(has(waits().block(2, 109, {0, 1}, ForcedStatus::deferred).verdict(), "still waits"));
}

TEST_CASE("forced_effect: what would have been executed first is executed", "[checkers][forced_effect]") {
  const auto told = [](ForcedStatus first, ForcedStatus became) {
    Run run("forced_effect", context_of("due_queue"));
    for (std::uint32_t n = 0; n < 4; ++n) {
      Record record{.kind = RecordKind::forced_done, .node = NodeId{n}, .height = 3};
      record.detail = static_cast<std::uint8_t>(became);
      run.say(record.with_id(Run::item(0)));
      record.kind = RecordKind::forced_first;
      record.detail = static_cast<std::uint8_t>(first);
      run.say(record);
    }
    return run.verdict();
  };
  CHECK(has(told(ForcedStatus::executed, ForcedStatus::failed), "has no effect in block 3"));
  CHECK(has(told(ForcedStatus::executed, ForcedStatus::removed), "has no effect in block 3"));
  CHECK(told(ForcedStatus::executed, ForcedStatus::executed) == "");
  CHECK(told(ForcedStatus::failed, ForcedStatus::failed) == "");
  CHECK(told(ForcedStatus::failed, ForcedStatus::executed) == "");  // somebody paid for him
}

TEST_CASE("a design that reads nothing from layer 1 is not judged", "[checkers][external_data][forced_inclusion]") {
  for (const char* checker : {"external_data", "forced_effect", "forced_inclusion"}) {
    CHECK(scenarios::find_checker(checker)->make(context_of("none"))->kinds() == 0);
    CHECK(scenarios::find_checker(checker)->make(context_of("deposits"))->kinds() != 0);
  }
}
