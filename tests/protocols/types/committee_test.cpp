#include "protocols/types/committee.hpp"

#include <algorithm>

#include "sim/base/assert.hpp"
#include "sim/random/stream.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {
Committee of_powers(std::initializer_list<Power> powers) {
  std::vector<Validator> validators;
  for (const Power p : powers) validators.push_back({NodeId{static_cast<std::uint32_t>(validators.size())}, p});
  return Committee{validators};
}
}  // namespace

TEST_CASE("quorums of equal stake are the textbook's 2f + 1 and f + 1", "[types][committee]") {
  for (const std::int64_t f : {1, 2, 3, 5, 33}) {
    std::vector<Validator> validators;
    for (std::uint32_t i = 0; i < 3 * f + 1; ++i) validators.push_back({NodeId{i}, 1});
    const Committee committee{validators};
    CHECK(committee.max_faulty() == f);
    CHECK(committee.quorum() == 2 * f + 1);
    CHECK(committee.validity() == f + 1);
  }
}

TEST_CASE("for each residue of the total a quorum is 2F + 1, 2F + 2, 2F + 3", "[types][committee]") {
  for (const Power f : {Power{1}, Power{7}, Power{1} << 40}) {
    CHECK(of_powers({3 * f + 1}).quorum() == 2 * f + 1);
    CHECK(of_powers({3 * f + 2}).quorum() == 2 * f + 2);
    CHECK(of_powers({3 * f + 3}).quorum() == 2 * f + 3);
    CHECK(of_powers({3 * f + 3}).max_faulty() == f);
    CHECK(of_powers({3 * f + 3}).validity() == f + 1);
  }
}

TEST_CASE("two quorums share more than F, and the honest stake is a quorum", "[types][committee]") {
  for (Power total = 1; total < 300; ++total) {
    const Committee c = of_powers({total});
    CHECK(3 * c.quorum() > 2 * total);
    CHECK(3 * (c.quorum() - 1) <= 2 * total);
    CHECK(2 * c.quorum() - total > c.max_faulty());
    CHECK(total - c.max_faulty() >= c.quorum());
    CHECK(total - c.quorum() + 1 == c.validity());  // the least set that blocks a quorum
  }
}

TEST_CASE("the largest allowed total does not overflow", "[types][committee]") {
  const Power total = (Power{1} << 60) - 1;
  const Committee c = of_powers({total / 2, total - total / 2});
  CHECK(c.total() == total);
  CHECK(c.quorum() == 768614336404564650 + 1);
  CHECK_THROWS_AS(of_powers({total, 1}), InternalError);
  CHECK_THROWS_AS(of_powers({-1}), InternalError);
}

TEST_CASE("a committee is sorted, has no member without power, and a later entry wins", "[types][committee]") {
  const Committee c{{{NodeId{7}, 3}, {NodeId{2}, 5}, {NodeId{7}, 4}, {NodeId{9}, 0}, {NodeId{2}, 6}, {NodeId{4}, 1}}};
  const std::vector<Validator> expected = {{NodeId{2}, 6}, {NodeId{4}, 1}, {NodeId{7}, 4}};
  CHECK(std::ranges::equal(c.validators(), expected));
  CHECK(c.total() == 11);
  CHECK(c.index_of(NodeId{4}) == 1);
  CHECK(c.index_of(NodeId{9}) == -1);
  CHECK(c.index_of(NodeId{0}) == -1);
  CHECK(c.power_of(NodeId{7}) == 4);
  CHECK(c.power_of(NodeId{8}) == 0);
}

TEST_CASE("updates change, add and remove members, and the digest tells committees apart", "[types][committee]") {
  const Committee before = of_powers({10, 20, 30});
  const std::vector<ValidatorUpdate> updates = {{NodeId{1}, 0}, {NodeId{5}, 7}, {NodeId{0}, 11}};
  const Committee after = before.with(updates);
  CHECK(after == Committee{{{NodeId{0}, 11}, {NodeId{2}, 30}, {NodeId{5}, 7}}});
  CHECK(after.hash() != before.hash());
  CHECK(after.hash() == Committee{{{NodeId{5}, 7}, {NodeId{2}, 30}, {NodeId{0}, 11}}}.hash());
  CHECK(before.with({}) == before);
  CHECK(Committee{}.hash() != before.hash());
  CHECK(Committee{}.hash() == Committee{std::vector<Validator>{}}.hash());
}

TEST_CASE("positions agree with a linear search, for dense and for sparse committees", "[types][committee]") {
  sim::Stream luck{11, "test.committee"};
  for (int i = 0; i < 200; ++i) {
    std::vector<Validator> validators;
    const auto count = 1 + luck.below(40);
    const auto range = 1 + luck.below(80);
    for (std::uint64_t k = 0; k < count; ++k) {
      const auto node = static_cast<std::uint32_t>(luck.below(range));
      const auto power = static_cast<Power>(luck.below(5));
      validators.push_back({NodeId{node}, power});
    }
    const Committee c{validators};
    for (std::uint32_t node = 0; node < range + 2; ++node) {
      const auto members = c.validators();
      const auto at = std::ranges::find(members, NodeId{node}, &Validator::node);
      const std::int32_t expected = at == members.end() ? -1 : static_cast<std::int32_t>(at - members.begin());
      CHECK(c.index_of(NodeId{node}) == expected);
    }
  }
}
