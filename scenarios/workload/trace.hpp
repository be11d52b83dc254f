// Arrivals from a file: what really happened somewhere, or what somebody wants to happen.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/scenario.hpp"

namespace seqlab::scenarios {

/// Reads CSV whose first line is `time,account,bytes,fee`, then one arrival a line, by time:
///
///     time,account,bytes,fee
///     0ms,17,250,3
///     12.5ms,4,310,1
///
/// Times carry their unit and count from the start of the workload; bytes are at least those of an empty transaction;
/// fees are base units. Empty lines and lines that begin with `#` are skipped, spaces around fields as well.
/// @param file      for messages only
/// @param accounts  how many accounts there are, 0 = any number is good
/// @throws InputError with everything that is wrong, up to 20 problems
std::vector<WorkloadSpec::Arrival> parse_trace(std::string_view text, const std::string& file,
                                               std::uint32_t accounts = 0);

}  // namespace seqlab::scenarios
