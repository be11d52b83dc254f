#include <thread>

#include "analysis/record/comparison.hpp"
#include "analysis/record/describe.hpp"
#include "tests/analysis/samples.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using sim::Record;
using sim::RecordKind;

namespace {

std::vector<Record> stream(std::size_t length) {
  std::vector<Record> out;
  for (std::size_t i = 0; i < length; ++i) {
    out.push_back({.at = at_ns(static_cast<std::int64_t>(10 * i)),
                   .kind = RecordKind::round_entered,
                   .node = NodeId{1},
                   .height = i});
  }
  return out;
}

void feed(RecordComparison::Side& side, const std::vector<Record>& records) {
  for (const Record& record : records) side.on_record(record);
  side.end();
}

/// Both sides on threads of their own, with batches of 8 records.
std::optional<Difference> difference_of(const std::vector<Record>& first, const std::vector<Record>& second,
                                        std::uint64_t* compared = nullptr) {
  RecordComparison comparison(8);
  std::thread other([&] { feed(comparison.side(1), second); });
  feed(comparison.side(0), first);
  other.join();
  if (compared != nullptr) *compared = comparison.compared();
  return comparison.difference();
}

}  // namespace

TEST_CASE("equal streams of records compare equal whatever their length", "[analysis][verify]") {
  const std::size_t length = GENERATE(0U, 1U, 7U, 8U, 9U, 16U, 1000U);
  std::uint64_t compared = 0;
  CHECK_FALSE(difference_of(stream(length), stream(length), &compared).has_value());
  CHECK(compared == length);
}

TEST_CASE("the first differing record is named with both sides", "[analysis][verify]") {
  const std::size_t at = GENERATE(0U, 7U, 8U, 100U, 199U);
  const std::vector<Record> first = stream(200);
  std::vector<Record> second = first;
  second[at].kind = RecordKind::step_entered;
  if (at + 20 < second.size()) second[at + 20].height = 0;  // a later one does not matter
  const std::optional<Difference> found = difference_of(first, second);
  REQUIRE(found.has_value());
  CHECK(found->index == at);
  CHECK(found->first == first[at]);
  CHECK(found->second == second[at]);
}

TEST_CASE("a run that ends early differs at its end", "[analysis][verify]") {
  const std::size_t shorter = GENERATE(0U, 5U, 8U, 16U);
  const std::vector<Record> longer = stream(30);
  const std::optional<Difference> found = difference_of(longer, stream(shorter));
  REQUIRE(found.has_value());
  CHECK(found->index == shorter);
  CHECK(found->first == longer[shorter]);
  CHECK_FALSE(found->second.has_value());
  CHECK(difference_of(stream(shorter), longer)->second == longer[shorter]);
}

TEST_CASE("both sides hear of a difference while they still run", "[analysis][verify]") {
  RecordComparison comparison(8);
  std::thread other([&] {
    const std::vector<Record> records(8, Record{});
    for (const Record& record : records) comparison.side(1).on_record(record);
    comparison.side(1).end();
  });
  for (const Record& record : stream(8)) comparison.side(0).on_record(record);
  CHECK(comparison.differs());
  comparison.side(0).end();
  other.join();
}

TEST_CASE("a difference is told with index, time and both records in words", "[analysis][verify]") {
  Difference difference;
  difference.index = 4711;
  difference.first =
      Record{.at = at_ns(12'418'000'000), .kind = RecordKind::voted, .detail = 1, .node = NodeId{3}, .height = 4}
          .with_id(test::block_a);
  CHECK(describe(difference, 4) ==
        "record 4711 differs, at 12.418000000 s\n"
        "  first run:  12.418000000 s  voted  node n3, height 4, round 0, vote prevote, block "
        "1111111111111111aaaaaaaaaaaaaaaa\n"
        "  second run: (no record: the run had ended)");
}

TEST_CASE("every kind of record has words for its fields", "[analysis][record]") {
  for (std::size_t kind = 0; kind < sim::record_kind_count; ++kind) {
    const Record record{.kind = static_cast<RecordKind>(kind), .node = NodeId{1}, .peer = NodeId{2}};
    INFO(sim::record_kind_names[kind]);
    const Fields fields = fields_of(record);
    CHECK_FALSE(fields.list().empty());
    CHECK(describe(record, 4).find(sim::record_kind_names[kind]) != std::string::npos);
  }
}

TEST_CASE("numbers beyond the known words are shown as unknown, not read out of bounds", "[analysis][record]") {
  for (std::size_t kind = 0; kind < sim::record_kind_count; ++kind) {
    const Record record{.kind = static_cast<RecordKind>(kind), .detail = 0xff, .flags = 0xffff, .round = 0xffffffffU,
                        .a = ~std::uint64_t{0}, .b = ~std::uint64_t{0}};
    CHECK_FALSE(describe(record, 4).empty());
  }
}
