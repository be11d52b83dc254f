// Guided by what was covered: keeps plans that reached new abstract states or came nearer to a violation than others,
// prefers those whose states are rare, and changes and crosses them. New blood comes from the other strategies.
// (Boehme et al., "Coverage-based greybox fuzzing as Markov chain", CCS 2016, for the energy by rarity.)
#pragma once

#include <memory>

#include "analysis/search/strategy.hpp"

namespace seqlab::analysis {

std::unique_ptr<Strategy> make_guided(const Target& target, std::uint64_t seed);

}  // namespace seqlab::analysis
