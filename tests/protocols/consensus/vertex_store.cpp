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
