// What a few runs under different seeds say about all runs: means with 95 % confidence intervals.
#pragma once

#include <optional>
#include <span>

namespace seqlab::analysis {

inline constexpr double confidence_level = 0.95;

/// Quantile of Student's t distribution. @param probability  in (0, 1) @param degrees  of freedom, 1 or more
double student_t_quantile(double probability, unsigned degrees);

struct Estimate {
  double mean = 0;
  /// Mean -+ t * s / sqrt(n) of n independent values. One value has no interval.
  std::optional<double> low{}, high{};
  friend bool operator==(const Estimate&, const Estimate&) = default;
};

/// Nothing without values. Values that are all equal have an interval of no width.
///
/// The interval is exact for normal values; means over seeds of medians, rates and counts are near enough for about
/// ten seeds. It is one interval: among twenty of them, one is expected to miss.
std::optional<Estimate> estimate(std::span<const double> values);

}  // namespace seqlab::analysis
