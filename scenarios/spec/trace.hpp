// Traces of transaction arrivals: one a line, `at account size fee`, such as `1.5s 7 250B 10`. `#` begins a comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/spec/scenario.hpp"

namespace seqlab::scenarios {

struct TraceError {
  int line = 0;    ///< from 1
  int column = 0;  ///< from 1
  std::string text;
  std::string hint;
};

/// Arrivals in order of time. Stops after ten errors.
std::vector<TraceError> parse_trace(std::string_view text, std::vector<WorkloadSpec::Arrival>& trace);
/// What `parse_trace` reads back.
std::string format_trace(const std::vector<WorkloadSpec::Arrival>& trace);

}  // namespace seqlab::scenarios
