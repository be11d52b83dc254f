#include "scenarios/spec/trace.hpp"

#include "scenarios/spec/units.hpp"

namespace seqlab::scenarios {

std::string format_trace(const std::vector<WorkloadSpec::Arrival>& trace) {
  if (trace.empty()) return {};
  std::string out = "time,account,bytes,fee\n";
  for (const WorkloadSpec::Arrival& arrival : trace) {
    out += format_duration(arrival.at) + ',' + std::to_string(arrival.account) + ',' + std::to_string(arrival.bytes) +
           ',' + std::to_string(arrival.fee) + '\n';
  }
  return out;
}

}  // namespace seqlab::scenarios
