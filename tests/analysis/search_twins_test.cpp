#include <algorithm>
#include <set>
#include <string>

#include "analysis/search/strategies/twins_space.hpp"
#include "analysis/search/strategy.hpp"
#include "analysis/search/twins_json.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using scenarios::Machine;

namespace {

TwinsOptions committee(std::uint32_t honest, std::uint32_t corrupt, std::uint32_t rounds) {
  TwinsOptions o;
  for (std::uint32_t i = 0; i < honest; ++i) o.honest.push_back({NodeId{i}});
  for (std::uint32_t i = 0; i < corrupt; ++i) o.corrupt.push_back(NodeId{honest + i});
  o.class_of_honest.assign(honest, 0);
  o.class_of_corrupt.assign(corrupt, 0);
  o.rounds = rounds;
  return o;
}

/// The names of nodes and machines changed.
struct Renaming {
  std::vector<std::uint32_t> node;  // honest among themselves, corrupt among themselves
  std::vector<bool> swapped;        // by node: its two machines change places
};

/// Every renaming of a committee of interchangeable nodes.
std::vector<Renaming> renamings(std::uint32_t honest, std::uint32_t corrupt) {
  std::vector<Renaming> out;
  std::vector<std::uint32_t> p(honest + corrupt);
  for (std::uint32_t i = 0; i < p.size(); ++i) p[i] = i;
  do {
    bool kinds_stay = true;
    for (std::uint32_t i = 0; i < honest; ++i) kinds_stay &= p[i] < honest;
    if (!kinds_stay) continue;
    for (std::uint32_t swaps = 0; swaps < (1U << corrupt); ++swaps) {
      Renaming r{p, std::vector<bool>(p.size(), false)};
      for (std::uint32_t i = 0; i < corrupt; ++i) r.swapped[honest + i] = (swaps >> i & 1U) != 0;
      out.push_back(r);
    }
  } while (std::next_permutation(p.begin(), p.end()));
  return out;
}

/// The scenario after renaming as text in which the order of groups and machines does not show.
std::string text_of(const std::vector<TwinsRound>& rounds, const Renaming& r) {
  std::string out;
  for (const TwinsRound& round : rounds) {
    std::vector<std::string> groups;
    for (const auto& group : round.groups) {
      std::vector<std::string> names;
      for (const Machine& m : group) {
        const bool twin = m.twin != r.swapped[m.node.value];
        names.push_back(std::to_string(r.node[m.node.value]) + (twin ? "'" : ""));
      }
      std::ranges::sort(names);
      std::string one;
      for (const std::string& name : names) one += name + " ";
      groups.push_back(one);
    }
    std::ranges::sort(groups);
    for (const std::string& group : groups) out += group + "|";
    const std::string leader = round.leader == no_node ? "-" : std::to_string(r.node[round.leader.value]);
    out += leader + "," + std::to_string(round.phase) + "," + std::to_string(round.hold) + ";";
  }
  return out;
}

/// Each scenario of the space in all its names: no name may come twice, and none may be missing.
void check_one_of_each(const TwinsOptions& options) {
  const TwinsSpace space{options};
  const auto honest = static_cast<std::uint32_t>(options.honest.size());
  const std::vector<Renaming> names = renamings(honest, static_cast<std::uint32_t>(options.corrupt.size()));
  std::set<std::string> all;
  std::uint64_t orbits = 0;
  for (Uint128 i = 0; i < space.size(); ++i, ++orbits) {
    const std::vector<TwinsRound> rounds = space.at(i);
    REQUIRE(rounds.size() == options.rounds);
    std::set<std::string> orbit;
    for (const Renaming& r : names) orbit.insert(text_of(rounds, r));
    for (const std::string& one : orbit) REQUIRE(all.insert(one).second);
  }
  CHECK(orbits == static_cast<std::uint64_t>(space.size()));
  CHECK(all.size() == static_cast<std::uint64_t>(space.size_with_names()));
}

Target tendermint() {
  return {"tendermint", std::make_shared<scenarios::Scenario>(fuzz_scenario("tendermint")), {}};
}

std::string problem_of(const std::string& text) {
  try {
    parse_twins_json(text, "x.json");
  } catch (const scenarios::InputError& error) {
    return scenarios::format(error.problems().front());
  }
  return "accepted";
}

}  // namespace

TEST_CASE("Twins scenarios are counted exactly, and each stands for its renamings alone", "[search][twins]") {
  check_one_of_each(committee(3, 1, 1));
  check_one_of_each(committee(3, 1, 2));
  check_one_of_each(committee(2, 2, 1));
  check_one_of_each(committee(4, 0, 2));
  TwinsOptions rich = committee(2, 1, 2);
  rich.groups_max = 3;
  rich.phases = 2;
  rich.holds = 2;
  check_one_of_each(rich);
  rich.leaders = false;
  check_one_of_each(rich);
  TwinsOptions three_groups = committee(4, 1, 1);
  three_groups.groups_max = 3;
  check_one_of_each(three_groups);
}

TEST_CASE("the numbers of small Twins spaces", "[search][twins]") {
  // Three honest nodes: one group, or two in three ways; two machines that each hear any set of the groups.
  const TwinsSpace one{committee(3, 1, 1)};
  CHECK(one.size_with_names() == (1 * 4 + 3 * 16) * 4);
  TwinsOptions named = committee(3, 1, 3);
  named.class_of_honest = {0, 1, 2};
  CHECK(TwinsSpace{named}.size_with_names() == Uint128{208} * 208 * 208);
  CHECK(TwinsSpace{named}.size() > Uint128{208} * 208 * 208 / 2);  // the two machines still look alike
}

TEST_CASE("nodes of different stake keep their names", "[search][twins]") {
  TwinsOptions o = committee(3, 1, 2);
  const Uint128 equal = TwinsSpace{o}.size();
  o.class_of_honest = {0, 0, 1};
  const Uint128 unequal = TwinsSpace{o}.size();
  CHECK(unequal > equal);
  CHECK(unequal < 3 * equal);
}

TEST_CASE("the seeded order has every number once", "[search][twins]") {
  for (const std::uint64_t size : {1U, 2U, 3U, 64U, 65U, 1000U}) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < size; ++i) {
      const auto at = static_cast<std::uint64_t>(shuffled(i, size, 42));
      REQUIRE(at < size);
      REQUIRE(seen.insert(at).second);
    }
  }
  const Uint128 huge = (Uint128{1} << 119U) + 12345;
  std::set<Uint128> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Uint128 at = shuffled(i, huge, 7);
    REQUIRE(at < huge);
    REQUIRE(seen.insert(at).second);
  }
  CHECK(shuffled(5, 1000, 1) != shuffled(5, 1000, 2));
}

TEST_CASE("a Twins campaign knows its size and repeats nothing", "[search][twins]") {
  const Target target = tendermint();
  const auto strategy = find_strategy("twins")->make(target, 3);
  REQUIRE(strategy->size().has_value());
  CHECK(*strategy->size() > 1'000'000'000);
  std::set<std::string> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Case which = strategy->make(i);
    REQUIRE(which.plan.twins == std::vector<NodeId>{NodeId{3}});
    which.plan.seed = 0;
    REQUIRE(seen.insert(to_twins_json({4, {which.plan}})).second);
  }
}

TEST_CASE("Twins scenarios come back from their JSON", "[search][twins]") {
  const Target target = tendermint();
  const auto strategy = find_strategy("twins")->make(target, 9);
  TwinsFile file{4, {}};
  for (std::uint64_t i = 0; i < 20; ++i) file.scenarios.push_back(strategy->make(i).plan);
  const std::string text = to_twins_json(file);
  INFO(text);
  CHECK(parse_twins_json(text, "x.json") == file);
}

TEST_CASE("scenarios of the open Twins simulator are understood", "[search][twins]") {
  const TwinsFile file = parse_twins_json(R"({"num_of_nodes": 4, "num_of_twins": 1, "scenarios": [{
    "round_leaders": {"1": [0, 4], "2": [2]},
    "round_partitions": {"1": [[0, 1, 2], [3, 4]], "2": [[0, 1, 2, 3, 4]]},
    "firewall": {"2": {"2": [1, 3]}}}]})",
                                          "x.json");
  REQUIRE(file.scenarios.size() == 1);
  const scenarios::Plan& plan = file.scenarios[0];
  CHECK(plan.twins == std::vector<NodeId>{NodeId{0}});
  CHECK(plan.leaders == std::vector<NodeId>{NodeId{2}, NodeId{0}});  // round 1 is led by leaders[1 % 2]
  REQUIRE(plan.interventions.size() == 4);
  const auto& split = std::get<scenarios::RoundSplit>(plan.interventions[0]);
  CHECK(split.round == 1);
  CHECK(split.groups[1] == std::vector<Machine>{{NodeId{3}, false}, {NodeId{0}, true}});
  const auto& wall = std::get<scenarios::MessageIntervention>(plan.interventions[3]);
  CHECK(wall.at.from == NodeId{2});
  CHECK(wall.at.to == NodeId{3});
  CHECK(wall.at.round == 2U);
  CHECK(scenarios::problems_of(plan, *tendermint().scenario).empty());
}

TEST_CASE("damaged Twins scenarios are refused with place and reason", "[search][twins]") {
  CHECK(problem_of("{\"num_of_nodes\": 4") != "accepted");
  CHECK(problem_of("[]").find("x.json") == 0);
  CHECK(problem_of("{}").find("`num_of_nodes` is missing") != std::string::npos);
  const auto with = [](const std::string& scenario) {
    return problem_of("{\"num_of_nodes\": 4, \"num_of_twins\": 1, \"scenarios\": [\n" + scenario + "]}");
  };
  CHECK(with(R"({"round_partitions": {"1": [[0, 5]]}})").find("machine 5; there are 0 to 4") != std::string::npos);
  CHECK(with(R"({"round_partitions": {"1": [[0, 5]]}})").find("x.json:2") == 0);
  CHECK(with(R"({"round_partitions": {"one": [[0]]}})").find("`one` is no round") != std::string::npos);
  CHECK(with(R"({"round_partitions": {}, "round_leaders": {"1": [0], "3": [0]}})").find("follow one another") !=
        std::string::npos);
  CHECK(with(R"({"round_partitions": {}, "round_leaders": {"1": [1, 2]}})").find("two leaders") != std::string::npos);
  CHECK(with(R"({"round_partitions": {}, "firewall": {"1": {"0": [2]}}})").find("runs twice") != std::string::npos);
  CHECK(with(R"({"round_partitions": {}, "round_holds": {"1": "5ms"}})").find("not split") != std::string::npos);
  CHECK(with(R"({"round_partition": {}})").find("round_partition") != std::string::npos);
  CHECK(problem_of(R"({"num_of_nodes": 2, "num_of_twins": 3, "scenarios": []})").find("run twice") !=
        std::string::npos);
  CHECK(problem_of(R"({"num_of_nodes": 4, "num_of_twins": 2, "twins": [3, 3], "scenarios": []})").find("run twice") !=
        std::string::npos);
}

TEST_CASE("what has no words in Twins scenarios is not written", "[search][twins]") {
  scenarios::Plan plan;
  plan.interventions.emplace_back(
      scenarios::MessageIntervention{{.from = NodeId{1}}, scenarios::act::Delay{5ms}});
  CHECK_THROWS_AS(to_twins_json({4, {plan}}), scenarios::InputError);
  scenarios::Plan once;
  once.interventions.emplace_back(scenarios::RoundSplit{3, 0, {{{NodeId{0}, false}}}, {}, {}});
  CHECK_THROWS_AS(to_twins_json({4, {once}}), scenarios::InputError);
}
