// Schedules: who is fast and who is slow. Links or nodes have priorities, which become classes of delay, and at few
// change points two of them swap. (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding
// bugs", ASPLOS 2010; Ozkan et al., "Randomized testing of distributed systems with probabilistic guarantees", OOPSLA
// 2018.) Beside that, uniform order: everything that is under way ties or is drawn anew.
#pragma once

#include <memory>

#include "analysis/search/strategy.hpp"

namespace seqlab::analysis {

std::unique_ptr<Strategy> make_pct(const Target& target, std::uint64_t seed);

}  // namespace seqlab::analysis
