#include "sim/net/latency/normal.hpp"

namespace seqlab::sim {

NormalLatency::NormalLatency(Duration mean, Duration sd)
    : TableLatency({{ns(mean), ns(sd)}, QuantileTable::standard_normal(), QuantileTable::shape_bits}) {}

}  // namespace seqlab::sim
