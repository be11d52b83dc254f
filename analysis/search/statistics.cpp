#include "analysis/search/statistics.hpp"

#include <cmath>

namespace seqlab::analysis {

std::uint64_t StateCensus::add(std::span<const std::uint64_t> states, std::vector<std::uint64_t>* fresh) {
  const std::uint64_t number = ++cases_;
  std::uint64_t news = 0;
  for (const std::uint64_t state : states) {
    const auto [at, inserted] = seen_.try_emplace(state, number);
    if (inserted) {
      ++news;
      if (fresh != nullptr) fresh->push_back(state);
      continue;
    }
    if (at->second == many) continue;
    const auto owner = owners_.find(at->second);
    if (--owner->second == 0) owners_.erase(owner);
    at->second = many;
  }
  if (news > 0) owners_.emplace(number, news);
  return news;
}

void StateCensus::restore(std::span<const std::uint64_t> states) {
  for (const std::uint64_t state : states) seen_.try_emplace(state, many);
}

double StateCensus::chance_of_new() const {
  return cases_ == 0 ? 1.0 : static_cast<double>(owners_.size()) / static_cast<double>(cases_);
}

double excluded_rate_95(std::uint64_t cases, std::uint64_t failures) {
  if (cases == 0 || failures >= cases) return 1.0;
  const double n = static_cast<double>(cases);
  if (failures == 0) return 1.0 - std::pow(0.05, 1.0 / n);
  // The rate at which so few failures would have a chance of 5 %. The sum of the binomial's lower tail falls with the
  // rate: bisection.
  const auto tail = [&](double rate) {
    double sum = 0;
    for (std::uint64_t k = 0; k <= failures; ++k) {
      const double x = static_cast<double>(k);
      sum += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) + x * std::log(rate) +
                      (n - x) * std::log1p(-rate));
    }
    return sum;
  };
  double low = static_cast<double>(failures) / n;
  double high = 1.0;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (tail(middle) > 0.05 ? low : high) = middle;
  }
  return high;
}

}  // namespace seqlab::analysis
