// When users come who do not know of each other.
#pragma once

#include "sim/base/fixed_point.hpp"
#include "sim/kernel/time.hpp"
#include "sim/random/quantiles.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::scenarios {

inline constexpr std::int64_t thousand_seconds = 1'000'000'000'000;  ///< ns: what rates count in

/// Time until one source of `sources`, which together have the rate, comes again: exponential, one draw.
/// @pre rate_per_1000s > 0
inline Duration poisson_gap(sim::Stream& luck, std::int64_t sources, std::int64_t rate_per_1000s) {
  const std::int64_t draw = sim::QuantileTable::standard_exponential().at(luck.next32());
  const std::int64_t mean = mul_div_floor(thousand_seconds, sources, rate_per_1000s);
  return Duration{mul_div_floor(draw, mean, std::int64_t{1} << sim::QuantileTable::shape_bits)};
}

}  // namespace seqlab::scenarios
