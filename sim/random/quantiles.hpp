// Integer sampling from quantile tables. A table holds the inverse distribution function at 1025 equidistant
// probabilities; a 32-bit draw picks a cell and interpolates inside it, in integers.
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

  /// Through (probability in parts per million, value) points, linear between them.
  /// @pre the first probability is 0, the last 1'000'000, both coordinates non-decreasing
  static QuantileTable through(std::span<const std::pair<std::int64_t, std::int64_t>> points);
  /// Standard exponential, mean `mean`, cut at the 1 - 2^-11 quantile of a cell (7.6 means), mean kept within 0.1 %.
  static QuantileTable exponential(std::int64_t mean);
  /// Normal with the given mean and standard deviation, cut at four standard deviations.
  static QuantileTable normal(std::int64_t mean, std::int64_t sd);
  /// Log-normal from its median and 90 % quantile, cut at the 99.95 % quantile. @pre 0 < median <= p90
  static QuantileTable log_normal(std::int64_t median, std::int64_t p90);

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
  /// Values at i / 1024, i = 0 ... 1024. @pre differences fit 41 bits (36 minutes in ns)
  std::array<std::int64_t, cells + 1> values_{};
};

}  // namespace seqlab::sim
