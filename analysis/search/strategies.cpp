#include "analysis/search/strategy.hpp"

#include <array>

#include "analysis/search/strategies/random.hpp"

namespace seqlab::analysis {

namespace {

constexpr std::array list{
    StrategyEntry{"random", "swarm: faults of every kind, switched on and off per run, and the scenario's parameters",
                  4, false, make_random},
};

}  // namespace

std::span<const StrategyEntry> strategies() { return list; }

const StrategyEntry* find_strategy(std::string_view name) {
  for (const StrategyEntry& entry : strategies()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace seqlab::analysis
