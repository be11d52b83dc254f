#include "analysis/search/coverage.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "analysis/search/campaign.hpp"
#include "analysis/search/layers.hpp"
#include "protocols/derivation/settlement.hpp"
#include "protocols/types/external.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using scenarios::Scenario;
using sim::Record;
using sim::RecordKind;

namespace {

/// A minute of a rollup on a chain with a block a second: forced items, one writer, two readers.
Scenario layered() {
  Scenario s = fuzz_scenario("tendermint");
  s.name = "layered";
  s.design.l1 = "ethereum";
  s.design.parameters.tendermint.timeout_commit = 500ms;
  s.design.parameters.tendermint.skip_timeout_commit = false;
  s.design.forced.policy = "due_queue";
  s.design.forced.due_queue.due_blocks = 8;
  protocols::RelayOptions& relay = s.design.relay;
  relay.policy = "single";
  relay.nodes = {NodeId{0}};
  relay.batch_time = 2s;
  relay.confirmations = 4;
  relay.lost_after = 10s;
  relay.bump_after = 5s;
  s.design.settlement.policy = protocols::SettlementOptions::Policy::batches;
  s.design.settlement.settled_depth = 4;
  s.design.settlement.readers = {NodeId{1}, NodeId{3}};
  s.environment.l1.interval = 1s;
  s.environment.l1.view_p50 = 50ms;
  s.environment.l1.view_p95 = 100ms;
  s.environment.workload.forced.users = 2;
  s.environment.workload.forced.rate_per_1000s = 400'000;
  s.stop.height = 0;
  s.stop.after = 60s;
  s.stop.healing = 0s;
  return s;
}

Target target_of(Scenario s) {
  const std::string name = s.name;
  return {name, std::make_shared<const Scenario>(std::move(s)), nullptr};
}

CampaignOptions guided(const Target& target, std::uint64_t cases, std::uint32_t jobs) {
  CampaignOptions o;
  o.targets = {target};
  o.strategies = {find_strategy("guided")};
  o.seed = 3;
  o.cases = cases;
  o.jobs = jobs;
  return o;
}

/// What one layer says of these records.
std::uint64_t state_after(const Scenario& s, std::size_t layer, const std::vector<Record>& records) {
  const auto layers = layers_of(s);
  for (const Record& r : records) {
    if ((layers.at(layer)->kinds() & sim::mask_of(r.kind)) != 0) layers[layer]->on_record(r);
  }
  return layers.at(layer)->state();
}

Record mined(std::uint64_t height, std::uint16_t flags = 0) {
  Record r{.kind = RecordKind::l1_mined, .flags = flags, .height = height};
  return r.with_id({height, flags});
}
Record seen(std::uint32_t node, std::uint64_t height, std::uint16_t branch = 0) {
  Record r{.kind = RecordKind::l1_seen, .node = NodeId{node}, .height = height};
  return r.with_id({height, branch});
}

}  // namespace

TEST_CASE("a design has the abstract states of its layers, and pays for no others", "[search][coverage]") {
  CHECK(layers_of(fuzz_scenario("tendermint")).empty());
  CHECK(layers_of(layered()).size() == 4);

  const Coverage plain{fuzz_scenario("tendermint")};
  CHECK((plain.kinds() & sim::mask_of(RecordKind::l1_seen, RecordKind::da_sent, RecordKind::head,
                                      RecordKind::forced_done, RecordKind::keyed, RecordKind::tx_accepted)) == 0);
  const Coverage all{layered()};
  CHECK((all.kinds() & sim::mask_of(RecordKind::l1_seen, RecordKind::da_sent, RecordKind::head,
                                    RecordKind::forced_done)) ==
        sim::mask_of(RecordKind::l1_seen, RecordKind::da_sent, RecordKind::head, RecordKind::forced_done));
  CHECK((all.kinds() & sim::mask_of(RecordKind::keyed, RecordKind::tx_accepted)) == 0);
}

TEST_CASE("views of layer 1 tell states apart, whoever has them", "[search][coverage]") {
  const Scenario s = layered();
  const std::vector<Record> chain{mined(1), mined(2), mined(3)};
  const auto with = [&](std::vector<Record> more) {
    std::vector<Record> all = chain;
    all.insert(all.end(), more.begin(), more.end());
    return state_after(s, 0, all);
  };
  const std::uint64_t agreed = with({seen(0, 3), seen(1, 3), seen(2, 3), seen(3, 3)});
  const std::uint64_t one_late = with({seen(0, 3), seen(1, 3), seen(2, 3), seen(3, 1)});
  const std::uint64_t other_late = with({seen(0, 1), seen(1, 3), seen(2, 3), seen(3, 3)});
  const std::uint64_t other_branch = with({seen(0, 3), seen(1, 3), seen(2, 3), seen(3, 3, 1)});
  CHECK(std::set{agreed, one_late, other_branch}.size() == 3);
  CHECK(one_late == other_late);
  Record reorged{.kind = RecordKind::l1_reorged, .round = 2, .height = 3};
  CHECK(with({seen(0, 3), seen(1, 3), seen(2, 3), seen(3, 3), reorged}) != agreed);
}

TEST_CASE("a forced item grows old in classes, and is forgotten once it is done", "[search][coverage]") {
  const Scenario s = layered();
  Record posted{.kind = RecordKind::forced_posted, .height = 10};
  posted = posted.with_id({7, 7});
  const auto aged = [&](std::uint64_t tip) { return state_after(s, 1, {mined(10), posted, mined(tip)}); };
  CHECK(aged(10) == aged(11));  // a quarter of eight blocks
  CHECK(std::set{aged(10), aged(12), aged(14), aged(16), aged(18)}.size() == 5);
  CHECK(aged(100) == aged(200));
  const auto done = [&](std::uint64_t tip) {
    Record r{.kind = RecordKind::forced_done, .node = NodeId{2}, .height = 5};
    r.detail = static_cast<std::uint8_t>(protocols::ForcedStatus::executed);
    return state_after(s, 1, {mined(10), posted, mined(tip), r.with_id({7, 7})});
  };
  CHECK(done(11) == done(30));
  CHECK(done(11) != aged(11));
}

TEST_CASE("the same run has the same states, and layers add theirs to those of consensus", "[search][coverage]") {
  const Target target = target_of(layered());
  const CaseResult one = run_case({target.scenario, {.seed = 5}}, target);
  const CaseResult two = run_case({target.scenario, {.seed = 5}}, target);
  CHECK(one.error.empty());
  CHECK(one.findings.empty());
  CHECK(one.states == two.states);
  CHECK(std::ranges::is_sorted(one.states));
  CHECK(std::ranges::adjacent_find(one.states) == one.states.end());

  Scenario bare = layered();
  bare.design.settlement = {};
  bare.design.relay = {};
  bare.design.forced = {};
  bare.design.l1 = "none";
  bare.environment.workload.forced = {};
  bare.environment.l1 = {};
  const Target without = target_of(bare);
  CHECK(one.states.size() > run_case({without.scenario, {.seed = 5}}, without).states.size() + 40);
}

TEST_CASE("a guided campaign on layers sees many states, as many with one thread as with three",
          "[search][coverage]") {
  const Target target = target_of(layered());
  const CampaignReport one = run_campaign(guided(target, 60, 1));
  const CampaignReport three = run_campaign(guided(target, 60, 3));
  for (const CampaignFailure& f : one.failures) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK(one.failures.empty());
  CHECK(one.cases == 60);
  CHECK(one.distinct_states > 1000);
  CHECK(one.distinct_states == three.distinct_states);
  CHECK(one.events == three.events);
  CHECK(one.goals == three.goals);
}

TEST_CASE("goals are those of the layers that the design has, and a campaign reaches them", "[search][coverage]") {
  CampaignOptions o = guided(target_of(layered()), 150, 1);
  o.strategies.push_back(find_strategy("random"));
  const CampaignReport r = run_campaign(o);
  const auto reached = [&](Goal goal) { return r.goals[static_cast<std::size_t>(goal)]; };
  for (const Goal goal : {Goal::views_went_back, Goal::views_differ, Goal::dear, Goal::excluded, Goal::item_waited,
                          Goal::writer_lost, Goal::head_went_back}) {
    CAPTURE(goal_names()[static_cast<std::size_t>(goal)]);
    CHECK(reached(goal) > 0);
    CHECK(reached(goal) <= r.cases);
    CHECK((r.goals_aimed & goal_mask(goal)) != 0);
  }
  // Nobody hands over here, and a due queue is never throttled.
  CHECK((r.goals_aimed & goal_mask(Goal::rolled_back, Goal::lost_in_cut_over)) == 0);
  CHECK(reached(Goal::item_put_off) == 0);
  CHECK(goals_within_reach(fuzz_scenario("tendermint")) == goals_of_consensus);
}

TEST_CASE("who is switched off by the operators of a cut-over is not lost in it", "[search][coverage]") {
  Scenario s = fuzz_scenario("tendermint");
  s.design.migration.kind = protocols::MigrationOptions::Kind::centralised_to_bft;
  const auto reached = [&](std::uint32_t machine) {
    Coverage coverage{s};
    coverage.on_record({.kind = RecordKind::core_stopped, .node = NodeId{4}});
    coverage.on_record({.kind = RecordKind::node_crashed, .node = NodeId{machine}});
    return (coverage.goals() & goal_mask(Goal::lost_in_cut_over)) != 0;
  };
  CHECK(reached(0));
  CHECK_FALSE(reached(4));
  s.design.migration.kind = protocols::MigrationOptions::Kind::bft_to_centralised;
  CHECK_FALSE(reached(0));
  CHECK(reached(4));
}

TEST_CASE("learners get their first lessons soon", "[search][coverage]") {
  std::uint64_t first = 0;
  for (const std::uint64_t size : {16, 32, 64, 128, 256, 256}) {
    CHECK(batch_size(first) == size);
    first += size;
  }
}
