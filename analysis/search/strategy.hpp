// How a search chooses its cases. One interface for all; the list is the only place that knows them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "analysis/search/case.hpp"

namespace seqlab::analysis {

/// Chooses cases for one target. Case k of a strategy is a pure function of (target, seed, k) and, for those that
/// learn, of what they were taught before: it depends on no clock, no thread and no other strategy.
class Strategy {
 public:
  virtual ~Strategy() = default;
  /// How many cases there are; none: there is no end. What is beyond is never asked for.
  virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
  /// Called by several threads at once, between two calls of `learn`.
  virtual Case make(std::uint64_t index) const = 0;
  /// One batch of results, in order of `index`. Cases of the next batch may depend on it.
  struct Lesson {
    std::uint64_t index;
    const Case* which;
    const CaseResult* result;
  };
  virtual void learn(std::span<const Lesson> batch) { (void)batch; }
};

struct StrategyEntry {
  std::string_view name;
  std::string_view text;    ///< one line for `list`
  std::uint32_t weight;     ///< share of the cases in the default portfolio
  bool learns;              ///< uses `learn`: its cases come in batches, see `batch_size`
  std::unique_ptr<Strategy> (*make)(const Target& target, std::uint64_t seed);
};

/// Size of the batch that begins with that case: 16, 32, 64 ... 256. Where a case takes long the first lessons come
/// soon, where it is short there are not too many.
constexpr std::uint64_t batch_size(std::uint64_t first) {
  std::uint64_t size = 16;
  for (std::uint64_t begin = 0; size < 256 && begin < first; size *= 2) begin += size;
  return size;
}

/// All strategies that choose cases. (`explore` is no such: it enumerates states, see scenarios/explore.)
std::span<const StrategyEntry> strategies();
/// Null if there is no such strategy.
const StrategyEntry* find_strategy(std::string_view name);

}  // namespace seqlab::analysis
