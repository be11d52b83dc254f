// Round-aligned small-scope mutation: few process faults and few network faults, each in one round of one height. A
// process fault changes what a corrupt node says to some receivers in that round; a network fault splits the round.
// (Winter et al., "Randomized testing of Byzantine fault tolerant algorithms", OOPSLA 2023: ByzzFuzz.)
#pragma once

#include <memory>

#include "analysis/search/strategy.hpp"

namespace seqlab::analysis {

std::unique_ptr<Strategy> make_mutate(const Target& target, std::uint64_t seed);

}  // namespace seqlab::analysis
