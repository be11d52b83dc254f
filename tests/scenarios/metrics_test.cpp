#include "scenarios/world/metrics.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "tests/negative/record_table.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;
using namespace seqlab::tests;

namespace {

Metrics metrics_of(std::string_view run, std::uint32_t nodes = 4) {
  MetricsObserver observer{nodes};
  for (const sim::Record& record : parse_table(run).records) {
    if ((MetricsObserver::kinds() & sim::mask_of(record.kind)) != 0) observer.on_record(record);
  }
  return observer.finish();
}

}  // namespace

TEST_CASE("a histogram's quantiles are within a sixty-fourth above the exact ones", "[scenarios][metrics]") {
  // values over many magnitudes, from a fixed recurrence
  std::vector<std::int64_t> values;
  Histogram histogram;
  std::uint64_t x = 12345;
  for (int i = 0; i < 20'000; ++i) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    values.push_back(static_cast<std::int64_t>((x >> 16U) >> (x % 40U)));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  CHECK(histogram.count() == values.size());
  CHECK(histogram.min() == values.front());
  CHECK(histogram.max() == values.back());
  for (const std::uint32_t ppm : {1U, 1'000U, 100'000U, 500'000U, 900'000U, 990'000U, 999'999U, 1'000'000U}) {
    const std::size_t rank = std::max<std::size_t>(1, (values.size() * std::uint64_t{ppm} + 999'999) / 1'000'000);
    const std::int64_t exact = values[rank - 1];
    INFO("ppm " << ppm);
    CHECK(histogram.quantile(ppm) >= exact);
    CHECK(histogram.quantile(ppm) <= std::min(exact + exact / 64, histogram.max()));
  }
}

TEST_CASE("small values and the ends of the range are exact", "[scenarios][metrics]") {
  Histogram histogram;
  for (std::int64_t v = 0; v < 128; ++v) histogram.add(v);
  for (std::int64_t v = 0; v < 128; ++v) {
    CHECK(histogram.quantile(static_cast<std::uint32_t>((v + 1) * 1'000'000 / 128)) == v);
  }
  Histogram extreme;
  extreme.add(std::numeric_limits<std::int64_t>::max());
  CHECK(extreme.quantile(500'000) == std::numeric_limits<std::int64_t>::max());
  extreme.add(-5);
  CHECK(extreme.min() == -5);
  CHECK(extreme.quantile(1) == 0);
}

TEST_CASE("an empty histogram answers zero", "[scenarios][metrics]") {
  const Histogram histogram;
  CHECK(histogram.count() == 0);
  CHECK(histogram.quantile(500'000) == 0);
  CHECK(histogram.min() == 0);
  CHECK(histogram.max() == 0);
}

TEST_CASE("merged histograms equal one that saw everything", "[scenarios][metrics]") {
  Histogram a, b, both, empty;
  for (std::int64_t v = 1; v < 1'000'000'000; v = v * 3 + 1) {
    (v % 2 == 0 ? a : b).add(v);
    both.add(v);
  }
  a.merge(empty);
  a.merge(b);
  CHECK(a == both);
  empty.merge(both);
  CHECK(empty == both);
}

TEST_CASE("commit latency runs from the first proposal of the block, at honest nodes", "[scenarios][metrics]") {
  const Metrics m = metrics_of(R"(
    corrupt n3
    propose n0 h1 r0 A
    wait 98
    propose n1 h1 r1 A
    wait 98
    commit n0 h1 r1 A
    wait 48
    commit n1 h1 r1 A
    commit n3 h1 r1 A
    wait 98
    commit n0 h2 r0 B
  )");
  CHECK(m.commit_latency.count() == 2);
  CHECK(m.commit_latency.min() == 200'000'000);
  CHECK(m.commit_latency.max() == 250'000'000);
  CHECK(m.block_interval.count() == 1);
  CHECK(m.block_interval.max() == 151'000'000);
}

TEST_CASE("commits are those of the slowest live honest node and of the fastest", "[scenarios][metrics]") {
  const std::string run = R"(
    corrupt n3
    commit n0 n1 n2 h1 r0 A
    commit n0 n1 h2 r0 B
    commit n0 h3 r0 C
    commit n3 h9 r0 X
  )";
  CHECK(metrics_of(run).commits_min == 1);
  CHECK(metrics_of(run).commits_max == 3);
  CHECK(metrics_of(run + "crash n2").commits_min == 2);
  CHECK(metrics_of(run + "crash n2\n restart n2").commits_min == 1);
  CHECK(metrics_of(run + "crash n2").crashes == 1);
}

TEST_CASE("counters count what they say", "[scenarios][metrics]") {
  const Metrics m = metrics_of(R"(
    committee n0..n3 1
    submit tx1 account 1 nonce 0
    submit tx2 account 1 nonce 1
    round n0..n3 h1 r4
    commit n0 n1 h1 r4 A
    include n0 n1 h1 tx1 tx2
    confirm n0 h1 tx1
    evidence n0 against n3 h1 r0 double_vote
    evidence n1 against n3 h1 r0 double_vote
    evidence n1 against n3 h1 r1 double_vote
    sent n0 prevote seq 1
    sent n0 prevote seq 2
    sent n0 precommit seq 3
  )");
  CHECK(m.tx_submitted == 2);
  CHECK(m.tx_included == 2);  // positions of the chain, not reports of nodes
  CHECK(m.tx_confirmed == 1);
  CHECK(m.tx_latency.count() == 1);
  CHECK(m.evidence == 2);     // offences, not reports
  CHECK(m.rounds_max == 4);
  CHECK(m.messages_by_kind[static_cast<std::size_t>(protocols::MessageKind::prevote)] == 2);
  CHECK(m.messages_by_kind[static_cast<std::size_t>(protocols::MessageKind::precommit)] == 1);
}
