#include "sim/random/quantiles.hpp"

#include <algorithm>

#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::sim {

namespace {

// ---- fixed-point functions, 52 fractional bits, good to about 2^-46; usable by the compiler ------------------------

constexpr unsigned q = 52;
constexpr std::int64_t one = std::int64_t{1} << q;
constexpr std::int64_t ln_2 = 0xb17217f7d1cf7;               // 0.693147180559945
constexpr std::int64_t log2_e = 0x171547652b82fe;            // 1.442695040888963
constexpr std::int64_t inverse_sqrt_2_pi = 0x662114cf50d94;  // 0.398942280401433

constexpr std::int64_t mul(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<Int128>(a) * b >> q);
}
constexpr std::int64_t div(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>((static_cast<Int128>(a) << q) / b);
}

/// e^x by its series. @pre 0 <= x < 1
constexpr std::int64_t exp_series(std::int64_t x) {
  std::int64_t sum = one;
  std::int64_t term = one;
  for (std::int64_t k = 1; term != 0; ++k) {
    term = mul(term, x) / k;
    sum += term;
  }
  return sum;
}

/// 2^(i / 256).
constexpr std::array<std::int64_t, 256> exp2_steps = [] {
  std::array<std::int64_t, 256> steps{};
  for (std::int64_t i = 0; i < 256; ++i) steps[static_cast<std::size_t>(i)] = exp_series(ln_2 * i / 256);
  return steps;
}();

/// 2^fraction for the 52 low bits of y; the integer part of y is the caller's. Four terms: the rest is below 2^-47.
constexpr std::int64_t exp2_fraction(std::int64_t y) {
  const std::int64_t fraction = y & (one - 1);
  const std::int64_t x = mul(fraction & ((one >> 8) - 1), ln_2);
  const std::int64_t x2 = mul(x, x);
  const std::int64_t series = one + x + x2 / 2 + mul(x2, x) / 6 + mul(x2, x2) / 24;
  return mul(exp2_steps[static_cast<std::size_t>(fraction >> (q - 8))], series);
}

/// e^x. @pre -30 < x < 7
constexpr std::int64_t exp(std::int64_t x) {
  const std::int64_t y = mul(x, log2_e);
  const std::int64_t whole = y >> q;
  const std::int64_t part = exp2_fraction(y);
  return whole >= 0 ? part << whole : part >> -whole;
}

/// log2(a / b), bit by bit, 44 fractional bits. @pre 0 < b <= a < 2^52 b
constexpr std::int64_t log2_ratio(std::int64_t a, std::int64_t b) {
  std::int64_t whole = 0;
  while (a >> whole >= b) ++whole;
  --whole;
  // a / b / 2^whole, in [1, 2)
  auto x = static_cast<std::int64_t>((static_cast<Int128>(a) << (q - static_cast<unsigned>(whole))) / b);
  std::int64_t result = whole << q;
  for (std::int64_t bit = one / 2; bit >= one >> 44; bit /= 2) {
    x = mul(x, x);
    if (x >= 2 * one) {
      x /= 2;
      result += bit;
    }
  }
  return result;
}

// ---- shapes ---------------------------------------------------------------------------------------------------------

constexpr std::size_t cells = QuantileTable::cells;

/// Phi(z) - 1/2 = phi(z) (z + z^3/3 + z^5/15 + ...), all terms positive. @pre 0 <= z < 4
constexpr std::int64_t normal_upper(std::int64_t z, std::int64_t density) {
  const std::int64_t z2 = mul(z, z);
  std::int64_t sum = 0;
  std::int64_t term = z;
  for (std::int64_t k = 3; term != 0; k += 2) {
    sum += term;
    term = mul(term, z2) / k;
  }
  return mul(sum, density);
}

/// Standard normal quantiles at (512 + i) / 1024, i = 0 ... 511, by two Newton steps each from the one before.
constexpr std::array<std::int64_t, cells / 2> normal_half = [] {
  std::array<std::int64_t, cells / 2> half{};
  for (std::size_t i = 1; i < half.size(); ++i) {
    const std::int64_t target = static_cast<std::int64_t>(i) * (one / static_cast<std::int64_t>(cells));
    std::int64_t z = half[i - 1];
    for (int step = 0; step < 5; ++step) {
      const std::int64_t density = mul(inverse_sqrt_2_pi, exp(-mul(z, z) / 2));
      const std::int64_t error = div(target - normal_upper(z, density), density);
      // Halley's correction 1 + z e / 2 makes the long steps of the tail converge as fast as the short ones.
      const std::int64_t correction = error + mul(mul(error, error), z) / 2;
      z += correction;
      if (correction < 64 && correction > -64) break;
    }
    half[i] = z;
  }
  return half;
}();

/// The last value of the normal table, 3.624477181: with it the interpolated table has variance 1 exactly.
constexpr std::int64_t normal_end = 16323194081690454;
/// The last value of the exponential table, 8.769511632: with it the interpolated table has mean 1 exactly.
constexpr std::int64_t exponential_end = 39494369319985744;
constexpr std::int64_t normal_p90 = 5771595153042738;  // 1.281551565544600

constexpr std::int64_t to_shape(std::int64_t value) {
  constexpr unsigned drop = q - QuantileTable::shape_bits;
  return (value + (std::int64_t{1} << (drop - 1))) >> drop;
}

/// Standard normal quantile at i / 1024; the ends are those of the 1/2048 and 1 - 1/2048 quantiles.
constexpr std::int64_t normal_clipped = 14849238723026806;  // 3.297193346
constexpr std::int64_t normal_at(std::size_t i, std::int64_t end) {
  if (i == 0) return -end;
  if (i == cells) return end;
  return i >= cells / 2 ? normal_half[i - cells / 2] : -normal_half[cells / 2 - i];
}

}  // namespace

struct QuantileShapes {
  static constexpr QuantileTable normal() {
    QuantileTable table;
    for (std::size_t i = 0; i <= cells; ++i) table.values_[i] = to_shape(normal_at(i, normal_end));
    return table;
  }
  static constexpr QuantileTable exponential() {
    QuantileTable table;
    for (std::size_t i = 0; i < cells; ++i) {
      table.values_[i] = to_shape(mul(log2_ratio(cells, static_cast<std::int64_t>(cells - i)), ln_2));
    }
    table.values_[cells] = to_shape(exponential_end);
    return table;
  }
  static constexpr QuantileTable tail() {
    QuantileTable table;
    const std::int64_t unit = exp(normal_p90) - one;
    for (std::size_t i = 0; i <= cells; ++i) {
      table.values_[i] = to_shape(div(exp(normal_at(i, normal_clipped)) - one, unit));
    }
    return table;
  }
};

namespace {
constexpr QuantileTable normal_shape = QuantileShapes::normal();
constexpr QuantileTable exponential_shape = QuantileShapes::exponential();
constexpr QuantileTable tail_shape = QuantileShapes::tail();
}  // namespace

const QuantileTable& QuantileTable::standard_normal() { return normal_shape; }
const QuantileTable& QuantileTable::standard_exponential() { return exponential_shape; }
const QuantileTable& QuantileTable::standard_tail() { return tail_shape; }

QuantileTable QuantileTable::scaled(std::int64_t offset, std::int64_t factor) const {
  QuantileTable table;
  constexpr std::int64_t half = std::int64_t{1} << (shape_bits - 1);
  for (std::size_t i = 0; i <= cells; ++i) {
    const Int128 product = static_cast<Int128>(values_[i]) * factor + half;
    table.values_[i] = offset + static_cast<std::int64_t>(product >> shape_bits);
  }
  return table;
}

QuantileTable QuantileTable::through(std::span<const std::pair<std::int64_t, std::int64_t>> points) {
  constexpr std::int64_t million = 1'000'000;
  SEQLAB_ASSERT(points.size() >= 2 && points.front().first == 0 && points.back().first == million, points.size());
  QuantileTable table;
  // Probabilities are counted in parts of 1024 million, so that both the points and i / 1024 are whole numbers. Along a
  // segment the value grows by a whole step and a remainder, carried exactly.
  constexpr auto parts = static_cast<std::int64_t>(cells);
  std::size_t i = 0;
  for (std::size_t next = 1; next < points.size(); ++next) {
    const auto [p0, v0] = points[next - 1];
    const auto [p1, v1] = points[next];
    SEQLAB_ASSERT(p0 <= p1 && 0 <= v0 && v0 <= v1 && v1 <= value_max, p0, p1, v0, v1);
    const std::int64_t width = (p1 - p0) * parts;
    const std::int64_t begin = static_cast<std::int64_t>(i) * million - p0 * parts;
    if (begin >= width) continue;
    const Int128 first = static_cast<Int128>(v1 - v0) * begin;
    auto value = static_cast<std::int64_t>(first / width);
    auto rest = static_cast<std::int64_t>(first % width);
    const std::int64_t step = (v1 - v0) * million / width;
    const std::int64_t step_rest = (v1 - v0) * million % width;
    for (; static_cast<std::int64_t>(i) * million < p1 * parts; ++i) {
      table.values_[i] = v0 + value;
      value += step;
      rest += step_rest;
      if (rest >= width) {
        rest -= width;
        ++value;
      }
    }
  }
  table.values_[cells] = points.back().second;
  return table;
}

QuantileTable QuantileTable::exponential(std::int64_t mean) {
  SEQLAB_ASSERT(0 <= mean && mean <= value_max / 9, mean);
  return exponential_shape.scaled(0, mean);
}

QuantileTable QuantileTable::normal(std::int64_t mean, std::int64_t sd) {
  SEQLAB_ASSERT(sd >= 0 && sd <= value_max / 8 && mean >= -value_max / 2 && mean <= value_max / 2, mean, sd);
  return normal_shape.scaled(mean, sd);
}

QuantileTable QuantileTable::log_normal(std::int64_t median, std::int64_t p90) {
  SEQLAB_ASSERT(0 < median && median <= p90 && p90 <= value_max, median, p90);
  // value(z) = median * 2^(slope z); the product of slope (at most 41 / 1.28) and z needs 7 integer bits.
  const std::int64_t slope = div(log2_ratio(p90, median), normal_p90);
  QuantileTable table;
  for (std::size_t i = 0; i <= cells; ++i) {
    const std::int64_t y = mul(slope, normal_at(i, normal_clipped));
    const std::int64_t whole = y >> q;
    const Int128 value = static_cast<Int128>(median) * exp2_fraction(y);
    Int128 scaled = 0;
    if (whole >= 42) {
      scaled = value_max;
    } else {
      scaled = value >> static_cast<unsigned>(std::min<std::int64_t>(q - whole, 127));
    }
    table.values_[i] = static_cast<std::int64_t>(std::min<Int128>(scaled, value_max));
  }
  return table;
}

}  // namespace seqlab::sim
