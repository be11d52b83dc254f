#include "sim/net/latency/latency_model.hpp"

#include <algorithm>
#include <utility>

#include "sim/base/assert.hpp"

namespace seqlab::sim {

LatencyTable::LatencyTable(std::vector<LatencyPair> pairs, std::vector<std::uint16_t> region_of,
                           const QuantileTable& shape, unsigned shape_bits)
    : pairs_(std::move(pairs)), region_of_(std::move(region_of)), shape_bits_(shape_bits), shape_(&shape) {
  while (std::size_t{regions_} * regions_ < pairs_.size()) ++regions_;
  SEQLAB_ASSERT(std::size_t{regions_} * regions_ == pairs_.size(), pairs_.size());
  SEQLAB_ASSERT(!region_of_.empty());
  for (const std::uint16_t region : region_of_) SEQLAB_ASSERT(region < regions_, region, regions_);
  for (const LatencyPair& pair : pairs_) {
    SEQLAB_ASSERT(pair.base >= 0 && pair.base <= QuantileTable::value_max && pair.scale >= 0 &&
                      pair.scale <= QuantileTable::value_max,
                  pair.base, pair.scale);
  }
}

Duration LatencyTable::min() const {
  Duration least = Duration::max();
  for (const LatencyPair& pair : pairs_) least = std::min(least, delay(pair, 0));
  return least;
}

Duration LatencyTable::max() const {
  Duration most{};
  for (const LatencyPair& pair : pairs_) {
    const Int128 chance = static_cast<Int128>(pair.scale) * shape_->max();
    most = std::max(most, Duration{pair.base + static_cast<std::int64_t>(chance >> shape_bits_)});
  }
  return most;
}

}  // namespace seqlab::sim
