// Integer sampling from quantile tables. A table holds the inverse distribution function at 1025 equidistant
// probabilities; a 32-bit draw picks a cell and interpolates inside it, in integers. The interpolation is linear, so a
// table is a distribution of its own, close to the one that it is named after; each maker says how close.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "sim/kernel/time.hpp"

namespace seqlab::sim {

class QuantileTable {
 public:
  static constexpr std::size_t cells = 1024;
  /// The shared shapes below are in units of 2^-24.
  static constexpr unsigned shape_bits = 24;
  /// Values above it are cut to it (36 minutes in ns).
  static constexpr std::int64_t value_max = (std::int64_t{1} << 41) - 1;

  /// Through (probability in parts per million, value) points, linear between them. Quantiles that fall between two
  /// of the 1025 probabilities are blurred over one cell (0.1 % of the probability).
  /// @pre the first probability is 0, the last 1'000'000, both coordinates non-decreasing, values in [0, value_max]
  static QuantileTable through(std::span<const std::pair<std::int64_t, std::int64_t>> points);
  /// Exponential. The mean is kept (to 1 part in 10^6), the standard deviation to 0.1 %, quantiles up to 99 % to 0.1 %,
  /// up to 99.9 % to 1 %; cut at 8.77 means. @pre 0 <= mean <= value_max / 9
  static QuantileTable exponential(std::int64_t mean);
  /// Normal. Mean and standard deviation are kept (to 1 part in 10^6 of the deviation), quantiles from 1 % to 99 % to
  /// 0.001 deviations, from 0.1 % to 99.9 % to 0.02; cut at 3.62 deviations on both sides. May be negative: the caller
  /// clips.
  /// @pre sd >= 0, |mean| + 4 sd <= value_max
  static QuantileTable normal(std::int64_t mean, std::int64_t sd);
  /// Log-normal from its median (kept exactly) and 90 % quantile (to 0.01 % if it is below ten medians, to 0.1 % below
  /// a thousand); cut at the 0.05 % and 99.95 % quantiles and at value_max. @pre 0 < median <= p90 <= value_max
  static QuantileTable log_normal(std::int64_t median, std::int64_t p90);

  /// Standard shapes in units of 2^-shape_bits, computed by the compiler and shared by every world.
  static const QuantileTable& standard_normal();
  static const QuantileTable& standard_exponential();
  /// A tail with median 0 and 90 % quantile 1: a log-normal with sigma 1, shifted. 99 % quantile 3.55, least value
  /// -0.37, largest 10.0.
  static const QuantileTable& standard_tail();

  std::int64_t at(std::uint32_t draw) const {
    const std::size_t cell = draw >> 22U;
    const std::int64_t low = values_[cell];
    const std::int64_t high = values_[cell + 1];
    return low + ((high - low) * static_cast<std::int64_t>(draw & 0x3fffffU) >> 22);
  }
  std::int64_t min() const { return values_.front(); }
  std::int64_t max() const { return values_.back(); }
  friend bool operator==(const QuantileTable&, const QuantileTable&) = default;

 private:
  friend struct QuantileShapes;
  QuantileTable scaled(std::int64_t offset, std::int64_t factor) const;

  /// Values at i / 1024, i = 0 ... 1024. Differences fit 41 bits, so that `at` stays within 64.
  std::array<std::int64_t, cells + 1> values_{};
};

}  // namespace seqlab::sim
