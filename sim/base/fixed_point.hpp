// Integer arithmetic with the rounding in the name. Products are 128 bits wide.
#pragma once

#include <cstdint>

#include "sim/base/assert.hpp"

namespace seqlab {

/// Signed 128-bit integer, for products of two 64-bit quantities.
__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

/// floor(a * b / d). @pre d > 0
constexpr std::int64_t mul_div_floor(std::int64_t a, std::int64_t b, std::int64_t d) {
  const Int128 product = static_cast<Int128>(a) * b;
  Int128 q = product / d;
  if (product % d < 0) --q;
  return static_cast<std::int64_t>(q);
}

/// ceil(a * b / d). @pre d > 0
constexpr std::int64_t mul_div_ceil(std::int64_t a, std::int64_t b, std::int64_t d) {
  const Int128 product = static_cast<Int128>(a) * b;
  Int128 q = product / d;
  if (product % d > 0) ++q;
  return static_cast<std::int64_t>(q);
}

}  // namespace seqlab
