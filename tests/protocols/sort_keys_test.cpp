// Warp's sort keys: their form, their order as texts, the links, and what a proposer can make of the random values.
#include "protocols/ordering/sort_keys.hpp"

#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

Transaction to(std::uint32_t contract) {
  Transaction tx;
  tx.receiver = AccountId{contract};
  return tx;
}

}  // namespace

TEST_CASE("sort keys have Warp's form and compare as texts", "[ordering][sort_keys]") {
  CHECK(SortKey{100, 200, 0}.text() == "000000000100,0000000000200,00000000");
  CHECK(SortKey{100, 200, 1}.text() == "000000000100,0000000000200,00000001");
  const std::vector<SortKey> rising{{9, 0, 0},  {9, 0, 1}, {9, 2, 0}, {9, 2, 11}, {9, 1'700'000'000'000, 5},
                                    {10, 0, 0}, {10, 3, 2}};
  for (std::size_t i = 1; i < rising.size(); ++i) {
    CHECK(rising[i - 1] < rising[i]);
    CHECK(rising[i - 1].text() < rising[i].text());
  }
}

TEST_CASE("items from layer 1 come first, and each item names the one before it of its contract",
          "[ordering][sort_keys]") {
  SortKeys keys;
  const Transaction a = to(1);
  const Transaction b = to(2);
  const std::vector<KeyedItem> first = keys.order(Height{1}, 50, {}, {&a, &b, &a});
  CHECK(first[0].previous == std::nullopt);
  CHECK(first[1].previous == std::nullopt);
  CHECK(first[2].previous == SortKey{50, 1, 0});
  ForcedItem one;
  one.l1_height = 51;
  one.transaction = a;
  const std::vector<KeyedItem> second = keys.order(Height{2}, 51, {one, one}, {&a});
  CHECK(second[0].key == SortKey{51, 0, 0});
  CHECK(second[0].previous == SortKey{50, 1, 2});
  CHECK(second[1].key == SortKey{51, 0, 1});
  CHECK(second[2].key == SortKey{51, 2, 0});
  CHECK(second[2].previous == SortKey{51, 0, 1});
}

TEST_CASE("milliseconds in the second field come after heights: order over a migration hangs on the L1 height",
          "[ordering][sort_keys]") {
  const SortKey old_core{100, 1'700'000'000'000, 7};
  CHECK(SortKey{100, 1, 0} < old_core);   // the same L1 height: the new core would sort before the old one
  CHECK(old_core < SortKey{101, 1, 0});
}

TEST_CASE("a proposer who may choose among n places wins a lottery with 1 - (1 - p)^n instead of p",
          "[ordering][sort_keys]") {
  // p = 1/16. In 4,000 blocks a sitting place wins 250 times, the best of ten places 1,902 times.
  std::uint64_t sitting = 0;
  std::uint64_t grinding = 0;
  const auto wins = [](Hash128 value) { return (value.lo & 15U) == 0; };
  for (std::uint64_t block = 0; block < 4000; ++block) {
    const BlockId previous = HashBuilder{"block"}.add(block).finish();
    bool any = false;
    for (std::uint64_t place = 0; place < 10; ++place) any = any || wins(random_value(previous, {9, block, place}));
    grinding += any ? 1 : 0;
    sitting += wins(random_value(previous, {9, block, 0})) ? 1 : 0;
  }
  CHECK(sitting > 200);
  CHECK(sitting < 300);
  CHECK(grinding > 1800);
  CHECK(grinding < 2000);
}
