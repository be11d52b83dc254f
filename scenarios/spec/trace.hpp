// Traces of arrivals inside a scenario: the text that scenarios/workload/trace.hpp reads.
#pragma once

#include <string>
#include <vector>

#include "scenarios/spec/scenario.hpp"

namespace seqlab::scenarios {

/// What `parse_trace` reads back; "" for no arrivals.
std::string format_trace(const std::vector<WorkloadSpec::Arrival>& trace);

}  // namespace seqlab::scenarios
