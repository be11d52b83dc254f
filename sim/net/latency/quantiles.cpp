#include "sim/net/latency/quantiles.hpp"

#include <algorithm>
#include <utility>

namespace seqlab::sim {

namespace {
QuantileTable shape_through(Duration p50, Duration p90, Duration p99, Duration max) {
  const Duration least = std::max(p50 / 2, p50 - (p90 - p50));
  const std::pair<std::int64_t, std::int64_t> points[] = {
      {0, ns(least)}, {500'000, ns(p50)}, {900'000, ns(p90)}, {990'000, ns(p99)}, {1'000'000, ns(max)}};
  return QuantileTable::through(points);
}
}  // namespace

QuantilesLatency::QuantilesLatency(Duration p50, Duration p90, Duration p99, Duration max)
    : shape_(shape_through(p50, p90, p99, max)), table_({0, 1}, shape_, 0) {}

}  // namespace seqlab::sim
