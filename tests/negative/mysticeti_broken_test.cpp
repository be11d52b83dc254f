// Broken variants of Mysticeti: whole worlds where bad luck is enough, DAGs drawn by hand where it takes an author who
// shows everybody something else. The sound engine gets the same and stays silent.
#include <algorithm>
#include <type_traits>
#include <vector>

#include "tests/negative/broken/mysticeti_rules.hpp"
#include "tests/negative/broken/worlds.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dag_table.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using protocols::MysticetiRules;
using scenarios::Verdict;
using test::DagTable;
using test::joined;
using protocols::MessagePtr;
using protocols::Round;

namespace {

Scenario dag_world(std::uint32_t count) {
  Scenario s = small_world(count);
  s.design.engine = "mysticeti";
  s.design.parameters.mysticeti.leader_timeout = 200ms;
  s.design.parameters.mysticeti.sync_timeout = 200ms;
  return s;
}

template <class Rules>
RunResult run_dag(const Scenario& scenario, std::uint64_t seed = 1) {
  RunOptions options;
  options.make_engine = broken::make_mysticeti<Rules>;
  return scenarios::run(scenario, {.seed = seed}, options);
}

void check_sound_dag(const Scenario& s) {
  const RunResult twin = run_dag<MysticetiRules>(s);
  INFO(story(twin));
  CHECK(twin.findings.empty());
  CHECK(twin.verdict == Verdict::held);
}

}  // namespace

TEST_CASE("Z36: a DAG whose quorums do not intersect orders twice", "[negative][mysticeti][agreement]") {
  Scenario s = dag_world(6);
  s.design.parameters.mysticeti.recover_own_round = false;  // each half begins on its own
  s.environment.faults = {split(at(0ms), nodes({0, 1, 2}), nodes({3, 4, 5}))};
  const RunResult broken = run_dag<broken::DagQuorumOffByOne>(s);
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  CHECK(broken.verdict == Verdict::violated);
  s.environment.faults[0].lasts = 2s;
  check_sound_dag(s);
}

TEST_CASE("Z37: an author that forgets its vertex signs another one for the round",
          "[negative][mysticeti][single_signer]") {
  Scenario s = dag_world(4);
  s.design.parameters.mysticeti.recover_own_round = false;
  s.environment.faults = {crash(on_record(sim::RecordKind::proposed, 0, 1), nodes({0}), 10ms)};
  const RunResult broken = run_dag<broken::VertexNotDurable>(s);
  INFO(story(broken));
  CHECK(fires(broken, "single_signer"));
  check_sound_dag(s);
}

TEST_CASE("an author without a log asks a quorum before it signs anything", "[negative][mysticeti][single_signer]") {
  // As above, but a restart with an empty log is taken for a lost disk: its peers tell n0 what it has signed.
  Scenario s = dag_world(4);
  s.environment.faults = {crash(at(200ms), nodes({0}), 100ms)};
  const RunResult result = run_dag<broken::VertexNotDurable>(s);
  INFO(story(result));
  CHECK(result.findings.empty());
  CHECK(result.metrics.commits_min > 20);
}

//   round 2   n0 n1 support n1's vertex L of round 1, n2 does not; n3 signs one vertex that does and one that does not
//   x sees the two that do not first; y sees the three that do, and their certificates
template <class Rules>
void late_blame() {
  constexpr bool sound = std::is_same_v<Rules, MysticetiRules>;
  DagTable<Rules> t;
  const auto r1 = t.round(1, {});
  const auto without = std::vector{r1[0], r1[2], r1[3]};
  const auto v20 = t.vertex(0, 2, r1);
  const auto v21 = t.vertex(1, 2, r1);
  const auto v22 = t.vertex(2, 2, without);
  const auto v23 = t.vertex(3, 2, r1);
  const auto twin = t.vertex(3, 2, without, 1);
  auto later = std::vector<std::vector<MessagePtr>>{t.round(3, {v20, v21, v23}, {0, 1, 2})};
  for (std::int32_t r = 4; r <= 8; ++r) later.push_back(t.round(r, later.back(), {0, 1, 2}));
  t.show(t.x, joined({r1, {v22, twin, v20, v21, v23}, joined(later)}));
  t.show(t.y, joined({r1, {v20, v21, v23}, joined(later), {v22, twin}}));
  REQUIRE(t.height(t.x) >= 2);
  REQUIRE(t.height(t.y) >= 2);
  CHECK(t.fires("agreement") == !sound);
  CHECK(t.harness.agree() == sound);
}

TEST_CASE("a slot that a third blames may be committed by others", "[negative][mysticeti][agreement]") {
  late_blame<broken::SkipsOnValidity>();
  late_blame<MysticetiRules>();
}

//   n3 leads round 3 and signs A and B; everybody in round 4 refers to both, A first. x gets A first, y gets B first.
template <class Rules>
void twins_in_two_orders() {
  constexpr bool sound = std::is_same_v<Rules, MysticetiRules>;
  DagTable<Rules> t;
  const auto r1 = t.round(1, {});
  const auto r2 = t.round(2, r1);
  auto r3 = t.round(3, r2, {0, 1, 2});
  const auto a = t.vertex(3, 3, r2);
  const auto b = t.vertex(3, 3, r2, 1);
  auto later = std::vector<std::vector<MessagePtr>>{t.round(4, joined({r3, {a, b}}), {0, 1, 2})};
  for (std::int32_t r = 5; r <= 8; ++r) later.push_back(t.round(r, later.back(), {0, 1, 2}));
  t.show(t.x, joined({r1, r2, r3, {a, b}, joined(later)}));
  t.show(t.y, joined({r1, r2, r3, {b, a}, joined(later)}));
  REQUIRE(t.height(t.x) >= 3);
  REQUIRE(t.block(t.x, 3)->round == Round{3});
  CHECK(t.block(t.x, 3)->vertices.back() == protocols::vertex_of(a).id);
  CHECK(t.fires("agreement") == !sound);
  // Both saw that n3 signed two vertices.
  REQUIRE(t.harness.reports.size() == 2);
  CHECK(t.harness.reports[0].second == t.harness.reports[1].second);
  CHECK(t.harness.reports[0].second.offender == NodeId{3});
}

TEST_CASE("support goes by the order of references, not of arrivals", "[negative][mysticeti][agreement]") {
  twins_in_two_orders<broken::SupportsFirstArrival>();
  twins_in_two_orders<MysticetiRules>();
}

//   n3's vertex u of round 1 is first referred to in round 7: too old for any leader when gc_depth is 4. y lacks one
//   vertex of round 2 until the end, decides everything at once and has forgotten nothing by then.
template <class Rules>
void late_reference() {
  constexpr bool sound = std::is_same_v<Rules, MysticetiRules>;
  DagTable<Rules> t{{.gc_depth = 4}};
  const auto r1 = t.round(1, {});
  const auto u = r1[3];
  auto later = std::vector<std::vector<MessagePtr>>{t.round(2, {r1[0], r1[1], r1[2]}, {0, 1, 2})};
  for (std::int32_t r = 3; r <= 12; ++r) {
    auto on = later.back();
    if (r == 7) on.push_back(u);
    later.push_back(t.round(r, on, {0, 1, 2}));
  }
  auto all = joined(later);
  t.show(t.x, joined({r1, all}));
  std::rotate(all.begin(), all.begin() + 1, all.end());
  t.show(t.y, joined({r1, all}));
  REQUIRE(t.height(t.x) >= 6);
  REQUIRE(t.height(t.y) == t.height(t.x));
  CHECK(t.fires("agreement") == !sound);
}

TEST_CASE("what a leader orders does not depend on what a replica forgot", "[negative][mysticeti][agreement]") {
  late_reference<broken::OrdersWhatIsLeft>();
  late_reference<MysticetiRules>();
}

TEST_CASE("Z31: replicas that take weak certificates for unique halt on two of them",
          "[negative][mysticeti][liveness]") {
  Scenario s = dag_world(7);
  corrupt(s, "equivocate", nodes({3}));
  s.stop.healing = 120s;
  const RunResult broken = run_dag<broken::WeakCertificates>(s);
  INFO(story(broken));
  CHECK(fires(broken, "liveness"));
  check_sound_dag(s);
}

TEST_CASE("Z32: a clock that runs ahead of what makes a vertex acceptable stops everything",
          "[negative][mysticeti][liveness]") {
  // No two links are alike: the first vertex of somebody else comes alone, and one's own makes two of four.
  Scenario s = dag_world(4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    for (std::uint32_t j = 0; j < 4; ++j) {
      if (i == j) continue;
      scenarios::LinkSpec link;
      link.from = NodeId{i};
      link.to = NodeId{j};
      link.extra_latency = 10ms * (i + j);
      s.environment.network.links.push_back(link);
    }
  }
  s.stop.healing = 120s;
  const RunResult broken = run_dag<broken::ClockRunsAhead>(s);
  INFO(story(broken));
  CHECK(fires(broken, "liveness"));
  check_sound_dag(s);
}
