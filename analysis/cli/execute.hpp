// One run with everything around it that does not change it: the run folder, progress, interruption, a second run to
// compare with. The only place that reads a real clock.
#pragma once

#include <optional>

#include "analysis/record/comparison.hpp"
#include "analysis/record/run_folder.hpp"
#include "analysis/report/result.hpp"

namespace seqlab::analysis {

struct ExecuteOptions {
  bool verify = false;            ///< run twice, in lock step
  bool progress = true;
  RunFolder* folder = nullptr;
  scenarios::Decisions* decisions = nullptr;  ///< receives what scripts decide
};

struct Executed {
  Report report;                          ///< without commands
  std::optional<Difference> difference;   ///< of the two runs
};

/// Ctrl-C interrupts the run, which is then reported as undecided. @throws what the run throws
Executed execute(const scenarios::Scenario& scenario, const scenarios::Plan& plan, const ExecuteOptions& options);

}  // namespace seqlab::analysis
