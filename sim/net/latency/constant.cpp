#include "sim/net/latency/constant.hpp"

namespace seqlab::sim {

ConstantLatency::ConstantLatency(Duration delay)
    : TableLatency({{ns(delay), 0}, QuantileTable::standard_normal(), QuantileTable::shape_bits}) {}

}  // namespace seqlab::sim
