// Round-aligned small-scope mutation: few process faults and few network faults, each in one round of one height. A
// process fault changes what a corrupt node says to some receivers in that round; a network fault splits the round.
// (Winter et al., "Randomized testing of Byzantine fault tolerant algorithms", OOPSLA 2023: ByzzFuzz.)
//
// Beside single faults there are two kinds that hang together, since faults that are drawn one by one rarely do. A
// habit: a corrupt node makes up a proposal for some, and votes for it. A series: a few nodes, often the leaders, are
// cut off round after round; or each learns what a quorum said, alone, and is then away (a hidden lock). And in some
// cases trouble ends in the midst of things, so that the healing phase begins where the attack stands.
//
// Where the design has layers around consensus, most cases are few faults of those instead.
#pragma once

#include <memory>

#include "analysis/search/strategy.hpp"

namespace seqlab::analysis {

std::unique_ptr<Strategy> make_mutate(const Target& target, std::uint64_t seed);

}  // namespace seqlab::analysis
