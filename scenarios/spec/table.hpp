// The table of all keys of a scenario file.
#pragma once

#include "scenarios/spec/shape.hpp"

namespace seqlab::scenarios {

inline constexpr std::string_view scenario_schema_name = "seqlab/scenario/v1";

/// Every key: type, range, default, one paragraph, and the member it fills. Built anew at each call.
Shape<Scenario> scenario_shape();

/// The committee's stake when the file says nothing.
inline constexpr Power default_stake = 100;

/// One entry of `environment.faults`.
Shape<FaultSpec> fault_shape();

/// Names of the values of `detail` for one kind of record, in order; empty if it has none.
std::vector<std::string> detail_names(sim::RecordKind kind);

}  // namespace seqlab::scenarios
