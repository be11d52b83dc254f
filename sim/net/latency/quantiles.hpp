// Delays through measured quantiles, linear between them. Nothing is known below the median, and real paths have little
// room there: the least delay is as far below p50 as p90 is above it, but at least half of p50.
#pragma once

#include "sim/net/latency/latency_model.hpp"

namespace seqlab::sim {

class QuantilesLatency final : public LatencyModel {
 public:
  /// @pre 0 <= p50 <= p90 <= p99 <= max <= 36 min
  QuantilesLatency(Duration p50, Duration p90, Duration p99, Duration max);
  QuantilesLatency(const QuantilesLatency&) = delete;
  QuantilesLatency& operator=(const QuantilesLatency&) = delete;

  Duration delay(NodeId, NodeId, std::uint32_t draw) const override { return Duration{shape_.at(draw)}; }
  Duration min() const override { return Duration{shape_.min()}; }
  Duration max() const override { return Duration{shape_.max()}; }
  const LatencyTable* table() const override { return &table_; }

 private:
  QuantileTable shape_;  // in ns
  LatencyTable table_;
};

}  // namespace seqlab::sim
