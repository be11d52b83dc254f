#include "sim/net/latency/log_normal.hpp"

namespace seqlab::sim {

LogNormalLatency::LogNormalLatency(Duration p50, Duration p90)
    : shape_(QuantileTable::log_normal(ns(p50), ns(p90))), table_({0, 1}, shape_, 0) {}

}  // namespace seqlab::sim
