// The checker of cut-overs: fires on each broken story, silent on the sound one; and every condition of a sound
// cut-over is one whose absence it notices.
#include "scenarios/checkers/migration.hpp"

#include <string>
#include <vector>

#include "scenarios/spec/parse.hpp"
#include "scenarios/world/run.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using scenarios::Migration;
using sim::Record;
using sim::RecordKind;

namespace {

constexpr NodeId old_machine{4};
constexpr NodeId client{5};

/// Which way the cut-over goes, and whether what is ordered is written to layer 1.
struct Kind {
  bool back = false;
  bool writes = false;
};

/// Four nodes, the other core is n4.
struct Story {
  explicit Story(Kind kind = {}) : checker(context(kind)) {
    for (std::uint32_t i = 0; i < 4; ++i) tell({.kind = RecordKind::validator, .node = NodeId{i}, .height = 1, .a = 1});
  }
  static scenarios::CheckerContext context(Kind kind) {
    scenarios::CheckerContext about;
    about.node_count = 4;
    about.migrates = true;
    about.migrates_back = kind.back;
    if (kind.writes) about.relay.policy = "single";
    return about;
  }
  static Hash128 item(int number) { return HashBuilder{"item"}.add(number).finish(); }
  static Hash128 l1(std::uint64_t height, int variant = 0) {
    return HashBuilder{"l1"}.add(height).add(variant).finish();
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
  Story& included(NodeId node, int number, std::uint64_t height) {
    return tell(Record{.kind = RecordKind::tx_included, .node = node, .height = height}.with_id(item(number)));
  }
  Story& accepted(std::uint8_t core, int number) {
    return tell(Record{.kind = RecordKind::tx_accepted, .detail = core, .node = client}.with_id(item(number)));
  }
  Story& named(NodeId node, std::uint64_t height, std::uint32_t l1_height, int variant = 0) {
    return tell(Record{.kind = RecordKind::l1_ref, .node = node, .round = l1_height, .height = height}.with_id(
        l1(l1_height, variant)));
  }
  Story& final(std::uint64_t height) {
    return tell(Record{.kind = RecordKind::l1_final, .height = height}.with_id(l1(height)));
  }
  Story& core(RecordKind kind, std::uint64_t height = 0) { return tell({.kind = kind, .height = height}).wait(); }
  Story& cut_over(std::uint64_t exported) {
    return core(RecordKind::core_stopped, exported).core(RecordKind::core_exported, exported).core(
        RecordKind::core_started, 1);
  }
  struct Key {
    std::uint64_t l1, second, third;
  };
  Story& keyed(NodeId node, std::uint32_t contract, Key key) {
    return tell({.kind = RecordKind::keyed,
                 .node = node,
                 .peer = NodeId{contract},
                 .round = static_cast<std::uint32_t>(node == old_machine ? 0 : key.third),
                 .height = key.second,
                 .a = key.l1,
                 .b = key.third});
  }
  Story& linked(NodeId node, Key key) {
    return tell({.kind = RecordKind::key_linked,
                 .flags = 1,
                 .node = node,
                 .round = static_cast<std::uint32_t>(key.third),
                 .a = key.l1,
                 .b = key.second});
  }
  /// The items with these numbers, from the height of the first on, as one submission.
  Story& posted(NodeId node, std::vector<int> items, std::uint64_t height, std::uint32_t before) {
    const Hash128 id = HashBuilder{"submission"}.add(height).add(before).add(node).finish();
    tell(Record{.kind = RecordKind::da_posted,
                .node = node,
                .round = static_cast<std::uint32_t>(items.size()),
                .height = height}
             .with_id(id));
    for (const int number : items) {
      tell(Record{.kind = RecordKind::da_block, .node = node, .round = before, .height = height++}.with_id(
          item(number)));
    }
    return *this;
  }
  Story& unposted(NodeId node, std::uint32_t blocks, std::uint64_t height, std::uint32_t before) {
    const Hash128 id = HashBuilder{"submission"}.add(height).add(before).add(node).finish();
    return tell(
        Record{.kind = RecordKind::da_unposted, .node = node, .round = blocks, .height = height}.with_id(id));
  }
  Story& sent(NodeId node, std::uint64_t height) {
    return tell({.kind = RecordKind::da_sent, .node = node, .round = 1, .height = height});
  }
  Story& unlinked(NodeId node) { return tell({.kind = RecordKind::key_linked, .node = node}); }
  std::string first() {
    checker.finish(now);
    return checker.findings().empty() ? "" : checker.findings().front().text;
  }
  bool fires(const std::string& with) { return first().find(with) != std::string::npos; }
  Migration checker;
  SimTime now{};
};

constexpr NodeId n0{0}, n1{1};

}  // namespace

TEST_CASE("migration is silent while one history goes over", "[checkers][migration]") {
  Story story;
  story.named(old_machine, 1, 100).keyed(old_machine, 7, {100, 5000, 9}).unlinked(old_machine);
  story.included(old_machine, 1, 2).accepted(0, 1).wait();
  story.keyed(old_machine, 7, {100, 6000, 3}).linked(old_machine, {100, 5000, 9}).included(old_machine, 2, 3);
  story.final(100).cut_over(3).accepted(0, 2);   // an answer on its way
  story.named(n0, 1, 101).named(n1, 1, 101).keyed(n0, 7, {101, 1, 0}).linked(n0, {100, 6000, 3});
  story.keyed(n1, 7, {101, 1, 0}).linked(n1, {100, 6000, 3});   // the same, from another node
  story.included(n0, 3, 1).included(n1, 3, 1).accepted(1, 3).named(n0, 2, 102).final(101).final(102);
  CHECK(story.first().empty());
}

TEST_CASE("migration fires on a lost and on a repeated item", "[checkers][migration]") {
  CHECK(Story().included(old_machine, 1, 1).included(old_machine, 2, 2).cut_over(1).fires("M1"));
  CHECK(Story().included(old_machine, 1, 1).cut_over(1).included(n0, 1, 4).fires("M2"));
  CHECK(Story().cut_over(0).included(n0, 1, 4).included(old_machine, 1, 1).fires("M2"));
  // What did not execute is nobody's.
  Story failed;
  failed.included(old_machine, 1, 1).cut_over(1);
  failed.tell(Record{.kind = RecordKind::tx_included, .detail = 1, .node = n0, .height = 4}.with_id(Story::item(1)));
  CHECK(failed.first().empty());
}

TEST_CASE("migration fires on keys that fall or are not linked", "[checkers][migration]") {
  const auto begun = [] {
    Story story;
    story.keyed(old_machine, 7, {100, 5000, 9}).unlinked(old_machine);
    return story;
  };
  CHECK(begun().keyed(old_machine, 8, {100, 4000, 1}).fires("K1"));
  CHECK(begun().keyed(old_machine, 7, {100, 5001, 1}).unlinked(old_machine).fires("K2"));
  Story falls = begun();
  falls.cut_over(1).keyed(n0, 7, {100, 1, 0});
  falls.checker.finish(falls.now);
  REQUIRE(falls.checker.findings().size() == 2);
  CHECK(falls.checker.findings()[0].text.find("K1") != std::string::npos);
  CHECK(falls.checker.findings()[1].text.find("M3") != std::string::npos);
  CHECK(begun().cut_over(1).keyed(n0, 7, {101, 1, 0}).unlinked(n0).fires("M3, K2"));
}

TEST_CASE("migration fires on a hole, an overlap and a fork at the border", "[checkers][migration]") {
  CHECK(Story().named(old_machine, 1, 100).cut_over(1).named(n0, 1, 102).fires("M4"));
  CHECK(Story().named(old_machine, 1, 100).cut_over(1).named(n0, 1, 100).fires("M4"));
  CHECK(Story().named(old_machine, 1, 100).named(old_machine, 2, 102).fires("M4"));
  CHECK(Story().named(old_machine, 1, 100).cut_over(1).named(n0, 1, 101, 1).final(101).fires("X1"));
  CHECK(Story().final(101).named(old_machine, 1, 100).cut_over(1).named(n0, 1, 101, 1).fires("X1"));
}

TEST_CASE("migration fires on a promise that nobody keeps", "[checkers][migration]") {
  CHECK(Story().accepted(0, 1).fires("M5"));
  CHECK(Story().cut_over(0).accepted(1, 1).fires("M5"));
  CHECK(Story().core(RecordKind::core_stopped).included(old_machine, 1, 1).accepted(0, 1).fires("M5"));
  Story back;
  back.cut_over(0).core(RecordKind::core_rolled_back).included(old_machine, 1, 1).accepted(0, 1);
  CHECK(back.first().empty());
}

TEST_CASE("migration watches the border between two writers", "[checkers][migration]") {
  const auto ordered = [] {
    Story story{{.writes = true}};
    story.included(old_machine, 1, 1).included(old_machine, 2, 2).posted(old_machine, {1, 2}, 1, 0);
    return story;
  };
  Story sound = ordered();
  sound.cut_over(2).sent(n0, 1).posted(n0, {11, 12}, 1, 2).posted(n1, {11, 12}, 1, 2).unposted(n0, 2, 1, 2);
  sound.posted(n0, {11}, 1, 2);   // copies cost money and nothing else
  CHECK(sound.first().empty());
  // What it wrote is not what it ordered; it is written under a number that is another's; or under none that follows.
  CHECK(ordered().included(old_machine, 3, 3).posted(old_machine, {4}, 3, 0).fires("M6"));
  CHECK(ordered().cut_over(2).sent(n0, 1).posted(n0, {11}, 1, 0).fires("M6"));
  CHECK(ordered().cut_over(2).sent(n0, 1).posted(n0, {11}, 1, 1).fires("M6"));
  CHECK(ordered().cut_over(2).sent(n0, 3).posted(n0, {13}, 3, 0).fires("M6"));
  // Lines that are missing when the new writers begin, or that a reorganisation took back for good.
  CHECK(ordered().included(old_machine, 3, 3).cut_over(3).sent(n0, 1).fires("M6"));
  CHECK(ordered().cut_over(2).sent(n0, 1).unposted(old_machine, 2, 1, 0).fires("M6"));
  CHECK(ordered().cut_over(2).sent(n0, 1).sent(old_machine, 2).fires("M6: the old core's writer"));
}

TEST_CASE("migration knows the way back", "[checkers][migration]") {
  const auto begun = [] {
    Story story{{.back = true}};
    story.named(n0, 1, 100).named(n1, 1, 100).keyed(n0, 7, {100, 1, 0}).unlinked(n0).keyed(n1, 7, {100, 1, 0});
    story.included(n0, 1, 1).included(n1, 1, 1).accepted(0, 1).named(n0, 2, 100);
    return story;
  };
  Story sound = begun();
  sound.included(n1, 2, 2).cut_over(2).keyed(old_machine, 7, {100, 5000, 9}).linked(old_machine, {100, 1, 0});
  sound.included(old_machine, 3, 1).accepted(1, 3).named(old_machine, 2, 101).named(old_machine, 3, 102);
  CHECK(sound.first().empty());
  // One node alone knew that it was final.
  CHECK(begun().included(n1, 2, 2).cut_over(1).fires("M1"));
  CHECK(begun().cut_over(1).included(old_machine, 1, 1).fires("M2"));
  CHECK(begun().cut_over(1).keyed(old_machine, 7, {99, 5000, 9}).fires("K1"));
  CHECK(begun().cut_over(1).keyed(old_machine, 7, {100, 5000, 9}).unlinked(old_machine).fires("M3, K2"));
  CHECK(begun().cut_over(1).named(old_machine, 1, 102).fires("M4"));
  CHECK(begun().cut_over(1).accepted(1, 5).fires("M5"));
  CHECK(begun().core(RecordKind::core_stopped).included(n0, 5, 2).accepted(0, 5).fires("M5"));
}

// ---- whole worlds ---------------------------------------------------------------------------------------------------

namespace {

const scenarios::Library library{SEQLAB_SOURCE_DIR "/scenarios"};

/// Every change is a switch of the design, or trouble on the way.
scenarios::RunResult run(const scenarios::Overrides& changes, const std::string& name = "warp-cut-over") {
  const auto scenario = scenarios::load_scenario(name, library, changes);
  return scenarios::run(scenario, {.seed = 1});
}

bool found(const scenarios::RunResult& result, const std::string& checker, const std::string& with = "") {
  for (const scenarios::Finding& finding : result.findings) {
    if (finding.checker == checker && finding.text.find(with) != std::string::npos) return true;
  }
  return false;
}

std::string texts(const scenarios::RunResult& result) {
  std::string out;
  for (const scenarios::Finding& finding : result.findings) out += finding.checker + ": " + finding.text + "\n";
  return out;
}

}  // namespace

TEST_CASE("the sound cut-over keeps every promise, whoever crashes at whichever step", "[checkers][migration]") {
  const std::string step = GENERATE("core_stopped", "core_exported", "core_started");
  const std::string machine = GENERATE("n7", "n0");
  const auto result = run({{"environment.faults",
                            "[{on: {record: " + step + "}, crash: [" + machine + "], for: 40s}]"}});
  CAPTURE(step, machine, texts(result));
  CHECK(result.findings.empty());
  CHECK(result.commits_safety > 50);
}

TEST_CASE("a crash at every step and a cut-over that fails lose nothing", "[checkers][migration]") {
  const auto load = [](const std::string& name) { return scenarios::load_scenario(name, library); };
  const auto crashed = scenarios::run(load("warp-cut-over-crash"), {.seed = 1});
  CAPTURE(texts(crashed));
  CHECK(crashed.findings.empty());
  CHECK(crashed.commits_safety > 50);

  struct Seen final : sim::RecordObserver {
    void on_record(const Record& r) override {
      if (r.kind == RecordKind::core_rolled_back) back = true;
      if (r.kind == RecordKind::committed) ++commits;
      if (r.kind == RecordKind::tx_accepted && back && r.detail == 0) ++accepted_after;
    }
    bool back = false;
    int commits = 0, accepted_after = 0;
  } seen;
  scenarios::RunOptions options;
  options.observers.emplace_back(&seen, sim::all_kinds);
  const auto returned = scenarios::run(load("warp-cut-over-rolls-back"), {.seed = 1}, options);
  CAPTURE(texts(returned));
  CHECK(returned.findings.empty());
  CHECK(seen.back);
  CHECK(seen.commits == 0);
  CHECK(seen.accepted_after > 1000);
}

TEST_CASE("each condition of a sound cut-over is missed by the checker that it is for", "[checkers][migration]") {
  SECTION("the old core stops before the export") {
    const auto result = run({{"design.migration.stop_before_export", "false"}});
    CAPTURE(texts(result));
    CHECK(found(result, "migration", "M1"));
  }
  SECTION("the export is complete") {
    const auto result = run({{"design.migration.complete_export", "false"}});
    CAPTURE(texts(result));
    CHECK(found(result, "migration", "M4"));
  }
  SECTION("an item of the old core is refused by the new one") {
    // Clients whose answer was lost, and who then find only the new core, bring their items there.
    const scenarios::Overrides trouble = {
        {"design.migration.gap", "1s"},
        {"environment.network.loss", "20%"},
        {"environment.workload.accounts", "20000"},
        {"environment.workload.rate", "10tx/s"},
        {"environment.workload.retries_max", "100"},
        {"environment.faults", "[{on: {record: core_stopped}, for: 4m, crash: [n7]}, {on: {record: core_exported}, "
                               "crash: [n7]}]"},
        {"stop.after", "70m"}};
    scenarios::Overrides broken = trouble;
    broken.emplace_back("design.migration.refuse_old_items", "false");
    const auto result = run(broken);
    CAPTURE(texts(result));
    CHECK(found(result, "migration", "M2"));
    const auto sound = run(trouble);
    CAPTURE(texts(sound));
    CHECK(sound.findings.empty());
  }
  SECTION("the block at the border is as deep as any other") {
    const std::string fork = "[{on: {record: core_exported}, l1: {do: reorganise, depth: 10}}]";
    const auto result = run({{"design.migration.wait_for_final_border", "false"}, {"environment.faults", fork}});
    CAPTURE(texts(result));
    CHECK(found(result, "external_data"));
    const auto sound = run({{"environment.faults", fork}});
    CAPTURE(texts(sound));
    CHECK(sound.findings.empty());
  }
  SECTION("the old core's keys have the height that it has taken over") {
    // The next interaction on layer 1 has the key of its own height, ten less.
    const std::string users = "{users: 3, rate: 0.02tx/s}";
    const auto result = run({{"design.migration.stamp", "tip"}, {"environment.workload.forced", users}});
    CAPTURE(texts(result));
    CHECK(found(result, "migration", "K1"));
  }
}

TEST_CASE("the old core's writer hands over, whoever fails at the border", "[checkers][migration]") {
  const std::string where = GENERATE("{record: core_stopped}", "{record: core_exported}", "{record: core_started}",
                                     "{record: da_sent, node: n0, nth: 1}", "{record: da_posted, node: n0, nth: 1}");
  const std::string machine = GENERATE("n7", "n0");
  const auto result = run({{"environment.faults", "[{on: " + where + ", crash: [" + machine + "], for: 3m}]"}},
                          "warp-writers-hand-over");
  CAPTURE(where, machine, texts(result));
  CHECK(result.findings.empty());
  CHECK(result.metrics.da_confirmed > 50);
}

TEST_CASE("each condition of a sound hand-over between writers is missed", "[checkers][migration]") {
  // Who does not know of the other writer takes what that wrote for his own blocks, and begins after as many of these.
  const std::string broken = GENERATE("drain_writer", "hand_over_cursor");
  const auto result =
      run({{"design.migration." + broken, "false"}, {"stop.after", "180m"}}, "warp-writers-hand-over");
  CAPTURE(broken, texts(result));
  CHECK(found(result, "migration", "M6"));
}

TEST_CASE("the way back keeps what was final, whoever crashes at whichever step", "[checkers][migration]") {
  const std::string name = GENERATE("morph-way-back", "morph-emergency");
  const std::string step = GENERATE("core_stopped", "core_exported", "core_started");
  const std::string lost = name == "morph-emergency"
                               ? "{on: {record: committed, node: n0, nth: 1500}, crash: [n0, n1, n2]}, "
                               : "";
  // A validator that somebody switches on again finds that it is no longer its time.
  const auto result = run({{"environment.faults",
                            "[" + lost + "{on: {record: " + step + "}, crash: [n3, n7], for: 40s}]"}},
                          name);
  CAPTURE(name, step, texts(result));
  CHECK(result.findings.empty());
}

TEST_CASE("a way back that fails returns to the committee", "[checkers][migration]") {
  struct Seen final : sim::RecordObserver {
    void on_record(const Record& r) override {
      if (r.kind == RecordKind::core_rolled_back) back = true;
      if (r.kind == RecordKind::tx_accepted && back && r.detail == 0) ++accepted_after;
    }
    bool back = false;
    int accepted_after = 0;
  } seen;
  scenarios::RunOptions options;
  options.observers.emplace_back(&seen, sim::all_kinds);
  const auto scenario = scenarios::load_scenario(
      "morph-way-back", library,
      {{"environment.faults", "[{on: {record: node_started, node: n7}, crash: [n7]}]"},
       {"design.migration.rollback_after", "5m"}});
  const auto result = scenarios::run(scenario, {.seed = 1}, options);
  CAPTURE(texts(result));
  CHECK(result.findings.empty());
  CHECK(seen.back);
  CHECK(seen.accepted_after > 1000);
}

TEST_CASE("each condition of a sound way back is missed by the checker that it is for", "[checkers][migration]") {
  SECTION("the committee is off before anybody reads what it has") {
    // Without keys: their findings would be so many that no other has room.
    const auto result =
        run({{"design.migration.stop_before_export", "false"}, {"design.sort_keys", "false"}}, "morph-way-back");
    CAPTURE(texts(result));
    CHECK(found(result, "migration", "M1"));
  }
  SECTION("all disks are read") {
    // The first node has been away for a while.
    const scenarios::Overrides away = {{"environment.faults", "[{at: 55m, for: 30m, crash: [n0]}]"},
                                       {"design.sort_keys", "false"}};
    scenarios::Overrides broken = away;
    broken.emplace_back("design.migration.complete_export", "false");
    const auto result = run(broken, "morph-way-back");
    CAPTURE(texts(result));
    CHECK(found(result, "migration", "M1"));
    const auto sound = run(away, "morph-way-back");
    CAPTURE(texts(sound));
    CHECK(sound.findings.empty());
  }
}
