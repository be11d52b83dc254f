// Plans as text: JSON with closed keys, read with line and column like a scenario.
#pragma once

#include "scenarios/plan/plan.hpp"
#include "scenarios/spec/shape.hpp"

namespace seqlab::scenarios {

/// Keys of a plan: seed, corrupt, twins, leaders, without_scripts, interventions. For documents that hold one among
/// other keys.
std::vector<Field<Plan>> plan_fields();
Shape<Plan> plan_shape();

/// The plan alone, as JSON, one intervention a line.
std::string to_json(const Plan& plan);
/// @param file  for messages. @throws InputError with everything that is wrong
Plan parse_plan_text(std::string_view text, const std::string& file);

}  // namespace seqlab::scenarios
