#include "analysis/compare/intervals.hpp"

#include <Eigen/Core>
#include <cmath>

#include "sim/base/assert.hpp"

namespace seqlab::analysis {

namespace {

/// Regularised incomplete beta function I_x(a, b) by Lentz's evaluation of its continued fraction, for
/// x < (a + 1) / (a + b + 2), where it converges fast.
double beta_fraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  constexpr double precise = 1e-15;
  const auto not_zero = [](double v) { return std::abs(v) < tiny ? tiny : v; };
  double c = 1;
  double d = 1 / not_zero(1 - (a + b) * x / (a + 1));
  double value = d;
  for (int i = 1; i <= 1000; ++i) {
    const double m = i;
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / not_zero(1 + even * d);
    c = not_zero(1 + even / c);
    value *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / not_zero(1 + odd * d);
    c = not_zero(1 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1) < precise) break;
  }
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return front * value / a;
}

double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x < (a + 1) / (a + b + 2)) return beta_fraction(a, b, x);
  return 1 - beta_fraction(b, a, 1 - x);
}

}  // namespace

double student_t_quantile(double probability, unsigned degrees) {
  SEQLAB_ASSERT(probability > 0 && probability < 1 && degrees > 0, degrees);
  if (probability < 0.5) return -student_t_quantile(1 - probability, degrees);
  const double n = degrees;
  // P(T > t) = I_{n / (n + t^2)}(n / 2, 1 / 2) / 2 falls with t: bisection.
  const auto above = [n](double t) { return incomplete_beta(n / 2, 0.5, n / (n + t * t)) / 2; };
  double low = 0;
  double high = 1;
  while (above(high) > 1 - probability && high < 1e12) high *= 2;
  for (int i = 0; i < 200 && high - low > 1e-13 * high; ++i) {
    const double middle = (low + high) / 2;
    (above(middle) > 1 - probability ? low : high) = middle;
  }
  return (low + high) / 2;
}

std::optional<Estimate> estimate(std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  const Eigen::Map<const Eigen::ArrayXd> x(values.data(), static_cast<Eigen::Index>(values.size()));
  // From the first value on: equal values have exactly that mean and no spread.
  const double origin = x[0];
  const double shift = (x - origin).mean();
  Estimate out;
  out.mean = origin + shift;
  if (values.size() == 1) return out;
  const auto n = static_cast<double>(values.size());
  const double spread = std::sqrt((x - origin - shift).square().sum() / (n - 1));
  const double half = spread == 0
                          ? 0
                          : student_t_quantile((1 + confidence_level) / 2, static_cast<unsigned>(values.size() - 1)) *
                                spread / std::sqrt(n);
  out.low = out.mean - half;
  out.high = out.mean + half;
  return out;
}

}  // namespace seqlab::analysis
