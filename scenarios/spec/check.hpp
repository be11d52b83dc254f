// What a scenario means as a whole: refuses the impossible, so that building a world from what remains cannot fail.
#pragma once

#include "scenarios/spec/scenario.hpp"
#include "scenarios/spec/value.hpp"

namespace seqlab::scenarios {

/// Adds what is impossible to `problems`, at the place in `root` (the decoded tree) where it was written. Parts that
/// have problems already are not judged again.
void check_scenario(const Scenario& scenario, const Value& root, std::vector<Problem>& problems);

}  // namespace seqlab::scenarios
