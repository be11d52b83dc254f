// The flat hash table against std::map, under insertions and deletions that collide.
#include "sim/base/flat_table.hpp"

#include <map>

#include "sim/random/stream.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;

TEST_CASE("a flat table holds what a map holds, through collisions and deletions", "[base]") {
  sim::Stream luck{1, "test"};
  FlatTable<std::uint32_t> table;
  std::map<Hash128, std::uint32_t> expected;
  for (std::uint32_t step = 0; step < 200'000; ++step) {
    // Few homes, so that runs grow, wrap around and are torn apart.
    const Hash128 key{luck.below(400) + 1, luck.below(40) * 7};
    const std::uint64_t what = luck.below(3);
    if (what == 0) {
      table.put(key, step);
      expected[key] = step;
    } else if (what == 1) {
      CHECK(table.erase(key) == (expected.erase(key) != 0));
    } else {
      const std::uint32_t* found = table.find(key);
      const auto at = expected.find(key);
      REQUIRE((found != nullptr) == (at != expected.end()));
      if (found != nullptr) CHECK(*found == at->second);
    }
    if (step % 1000 == 0) CHECK(table.size() == expected.size());
  }
  CHECK_FALSE(table.contains({}));
  CHECK_FALSE(table.erase({}));
}
