// Log-normal delays from their median and 90 % quantile, cut at the 0.05 % and 99.95 % quantiles.
#pragma once

#include "sim/net/latency/latency_model.hpp"

namespace seqlab::sim {

class LogNormalLatency final : public LatencyModel {
 public:
  /// @pre 0 < p50 <= p90 <= 36 min
  LogNormalLatency(Duration p50, Duration p90);
  LogNormalLatency(const LogNormalLatency&) = delete;
  LogNormalLatency& operator=(const LogNormalLatency&) = delete;

  Duration delay(NodeId, NodeId, std::uint32_t draw) const override { return Duration{shape_.at(draw)}; }
  Duration min() const override { return Duration{shape_.min()}; }
  Duration max() const override { return Duration{shape_.max()}; }
  const LatencyTable* table() const override { return &table_; }

 private:
  QuantileTable shape_;  // in ns
  LatencyTable table_;
};

}  // namespace seqlab::sim
