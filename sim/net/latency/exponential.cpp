#include "sim/net/latency/exponential.hpp"

namespace seqlab::sim {

ExponentialLatency::ExponentialLatency(Duration floor, Duration mean)
    : TableLatency({{ns(floor), ns(mean)}, QuantileTable::standard_exponential(), QuantileTable::shape_bits}) {}

}  // namespace seqlab::sim
