// The strategy `explore`: small committees of a target's engine, all interleavings up to a bound (scenarios/explore).
// It chooses no cases, so it stands beside the strategies and not among them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "analysis/search/case.hpp"

namespace seqlab::analysis {

inline constexpr const char* explore_name = "explore";
inline constexpr const char* explore_text =
    "every interleaving of a committee of three or four, up to a round, over copies of the engines";

struct Exploration {
  std::string target;
  std::string committee;      ///< "powers 1 1 2, n0 forges, rounds up to 2"
  std::uint64_t states = 0, transitions = 0, abstract_states = 0;
  std::uint32_t depth = 0;
  bool complete = false;      ///< everything within the bounds was looked at
  std::string stopped;        ///< why it ended
  double cpu_seconds = 0;
  std::string checker, text;  ///< of a violation; "" = none
  std::vector<std::string> steps;  ///< that lead to it; no shorter sequence does
};

struct ExplorationLimits {
  std::uint64_t states_max = 1'000'000;       ///< of all committees together
  std::function<bool()> on_progress;          ///< false ends it
};

/// One after another: three nodes of which either light one forges, four of which one runs twice, three of which one
/// may crash once. Nothing for engines whose rounds follow a clock, since the explorer has none. What is found depends
/// on `states_max` alone, unless somebody interrupts.
std::vector<Exploration> explore_target(const Target& target, const ExplorationLimits& limits);

}  // namespace seqlab::analysis
