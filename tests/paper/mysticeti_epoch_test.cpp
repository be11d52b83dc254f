// The end of an epoch, seen by one node alone: those who could not decide the last commit by themselves get there too.
#include <map>

#include "tests/support/catch.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using scenarios::MessageIntervention;
using scenarios::Plan;

namespace {

/// n3 is down: nobody else may be missing. The block of round 2 changes the committee, and n0 alone sees the vertices
/// of round 4 that commit it: what is said in that round reaches neither of the others, however often it is said.
Scenario one_leaves(Plan& plan) {
  Scenario s = quiet_world(4, 20ms);
  s.design.engine = "mysticeti";
  s.design.parameters.mysticeti.recover_own_round = false;
  s.design.parameters.mysticeti.leader_timeout = 100ms;
  s.design.parameters.mysticeti.sync_timeout = 100ms;
  s.design.parameters.mysticeti.fetch_delay = 20ms;
  s.design.committee.stake.assign(4, 1);
  s.design.committee.changes = {{2, NodeId{0}, 2}};
  s.environment.faults.push_back(crash(on_start(3), nodes({3}), Duration{-1}));
  s.stop.after = 20s;
  s.stop.height = 0;
  s.stop.healing = Duration{};
  for (const auto& [from, to] : {std::pair{0U, 1U}, {0U, 2U}, {1U, 2U}, {2U, 1U}}) {
    MessageIntervention lost;
    lost.at = {.message = protocols::MessageKind::vertex,
               .from = NodeId{from},
               .to = NodeId{to},
               .round = 4,
               .count = 0};
    lost.what = scenarios::act::Drop{};
    plan.interventions.emplace_back(lost);
  }
  return s;
}

/// Height of each node, and how long the others came to the end of the epoch after the first.
struct Watch final : sim::RecordObserver {
  void on_record(const Record& r) override {
    height[r.node.value] = r.height;
    if (r.height == 2) left.emplace(r.node.value, r.at);
  }
  std::map<std::uint32_t, std::uint64_t> height;
  std::map<std::uint32_t, SimTime> left;
};

scenarios::RunResult watched(const Scenario& s, const Plan& plan, Watch& watch) {
  scenarios::RunOptions options;
  options.observers.emplace_back(&watch, sim::mask_of(RecordKind::committed));
  return scenarios::run(s, plan, options);
}

}  // namespace

TEST_CASE("what one node alone saw of the end of an epoch brings the others there", "[paper][mysticeti]") {
  Plan plan{.seed = 1};
  const Scenario s = one_leaves(plan);
  Watch watch;
  const scenarios::RunResult r = watched(s, plan, watch);
  CHECK(r.findings.empty());
  REQUIRE(watch.left.size() == 3);
  CHECK(watch.left[1] - watch.left[0] > 100ms);  // not by themselves
  CHECK(watch.left[2] - watch.left[0] > 100ms);
  for (const std::uint32_t node : {0U, 1U, 2U}) CHECK(watch.height[node] > 10);
}

TEST_CASE("a crash after the end of an epoch takes nothing of it away", "[paper][mysticeti]") {
  Plan plan{.seed = 1};
  Scenario s = one_leaves(plan);
  s.environment.faults.push_back(crash(on_record(RecordKind::epoch_entered, 0, 3), nodes({0}), 2s));
  Watch watch;
  const scenarios::RunResult r = watched(s, plan, watch);
  CHECK(r.findings.empty());
  REQUIRE(watch.left.size() == 3);
  for (const std::uint32_t node : {0U, 1U, 2U}) CHECK(watch.height[node] > 10);
}
