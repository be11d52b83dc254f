// Twins: corrupt nodes run twice with one key, and every round is split and led as a number says. All scenarios of the
// space of `twins_space.hpp`, in a seeded order, none twice; then the scenario's healing phase asks for progress.
#pragma once

#include <memory>

#include "analysis/search/strategies/twins_space.hpp"
#include "analysis/search/strategy.hpp"

namespace seqlab::analysis {

std::unique_ptr<Strategy> make_twins(const Target& target, std::uint64_t seed);

}  // namespace seqlab::analysis
