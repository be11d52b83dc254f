#include "protocols/consensus/dag/vertex_store.hpp"

#include "protocols/consensus/mysticeti/rules.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dag_table.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

TEST_CASE("a vertex lacks whom nobody has shown, and the other half of a twin", "[protocols][mysticeti]") {
  test::DagTable<MysticetiRules> table;
  const std::vector<MessagePtr> first = table.round(1, {});
  const MessagePtr twin = table.vertex(2, 1, {}, 7);
  VertexStore store;
  store.reset(Committee{{{NodeId{0}, 1}, {NodeId{1}, 1}, {NodeId{2}, 1}, {NodeId{3}, 1}}}, Round{0});
  for (const std::uint32_t a : {1U, 2U}) store.add(first[a], 1);

  const auto lacks = [&](const std::vector<MessagePtr>& includes) {
    return store.missing(vertex_of(table.vertex(1, 2, includes)));
  };
  const VertexRef zero = vertex_of(first[0]).ref();
  const VertexRef three = vertex_of(first[3]).ref();
  CHECK(lacks({first[1], first[2]}).empty());
  CHECK(lacks({first[3], first[1], first[0], first[2]}) == std::vector{zero, three});
  // The author is here with another vertex than the one that is meant.
  CHECK(lacks({first[1], twin, first[0]}) == std::vector{zero, vertex_of(twin).ref()});
  store.add(twin, 0);
  CHECK(lacks({first[1], twin, first[0]}) == std::vector{zero});
  // Nothing of the round before is here.
  const MessagePtr second = table.vertex(0, 2, {first[0], first[1], first[2]});
  CHECK(store.missing(vertex_of(table.vertex(1, 3, {second, first[1], first[3]}))) ==
        std::vector{three, vertex_of(second).ref()});
}

TEST_CASE("what a vertex leads to further back is found, the first of its author or another",
          "[protocols][mysticeti]") {
  test::DagTable<MysticetiRules> table;
  const std::vector<MessagePtr> first = table.round(1, {});
  const MessagePtr twin = table.vertex(2, 1, {}, 7);
  VertexStore store;
  store.reset(Committee{{{NodeId{0}, 1}, {NodeId{1}, 1}, {NodeId{2}, 1}, {NodeId{3}, 1}}}, Round{0});
  for (const MessagePtr& m : first) store.add(m, 1);
  const VertexPosition twin_at = store.add(twin, 0);
  std::vector<MessagePtr> second;
  for (const std::uint32_t a : {0U, 1U, 2U}) {
    second.push_back(table.vertex(a, 2, {first[0], first[1], first[2]}));
    store.add(second.back(), 1);
  }

  const auto positions = [](const Bits& bits) {
    std::vector<std::uint32_t> out;
    bits.for_each([&](std::uint32_t i) { out.push_back(i); });
    return out;
  };
  const auto of_round_1 = [&](VertexPosition from) {
    std::vector<std::uint32_t> out;
    for (const VertexPosition p : store.unsettled_history(from, Round{0})) {
      if (p.round == Round{1}) out.push_back(p.index);
    }
    return out;
  };
  const VertexPosition plain = store.add(table.vertex(0, 3, {second[0], second[1], second[2], first[3]}), 1);
  const VertexPosition other = store.add(table.vertex(1, 3, {second[1], second[0], second[2], twin}), 1);
  CHECK(of_round_1(plain) == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK(store.unsettled_history(other, Round{0}).size() == 8);
  CHECK(positions(store.ancestors(plain, Round{1})) == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK(positions(store.ancestors(other, Round{1})) == std::vector<std::uint32_t>{0, 1, 2, twin_at.index});
  CHECK(store.round(Round{1})->covered.test(3));
  store.settle({Round{1}, 3});
  CHECK(of_round_1(plain) == std::vector<std::uint32_t>{0, 1, 2});
}
