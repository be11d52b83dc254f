// Swarm testing: each run switches whole kinds of trouble on or off, then draws how much of each, then the single
// interventions; and it varies the scenario's own parameters. (Groce et al., "Swarm testing", ISSTA 2012.)
#pragma once

#include <memory>

#include "analysis/search/strategy.hpp"

namespace seqlab::analysis {

std::unique_ptr<Strategy> make_random(const Target& target, std::uint64_t seed);

}  // namespace seqlab::analysis
