#include "analysis/search/strategy.hpp"

#include <array>

#include "analysis/search/strategies/guided.hpp"
#include "analysis/search/strategies/mutate.hpp"
#include "analysis/search/strategies/pct.hpp"
#include "analysis/search/strategies/random.hpp"
#include "analysis/search/strategies/twins.hpp"

namespace seqlab::analysis {

namespace {

constexpr std::array list{
    StrategyEntry{"random", "swarm: faults of every kind, switched on and off per run, and the scenario's parameters",
                  4, false, make_random},
    StrategyEntry{"twins", "corrupt nodes run twice, rounds are split and led in every way: counted, none twice", 4,
                  false, make_twins},
    StrategyEntry{"mutate", "few changed statements of corrupt nodes and few split rounds, each in one round", 4, false,
                  make_mutate},
    StrategyEntry{"pct", "fast and slow links or nodes that swap at few points; and orders drawn evenly", 2, false,
                  make_pct},
    StrategyEntry{"guided", "changes plans that reached rare states of the layers, or came near to a violation", 4,
                  true, make_guided},
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
