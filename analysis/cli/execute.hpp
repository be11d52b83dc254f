// One run with everything around it that does not change it: the run folder, progress, interruption, a second run to
// compare with. The only place that reads a real clock.
#pragma once

#include <memory>
#include <optional>

#include "analysis/cli/command.hpp"
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

/// @throws scenarios::InputError if no run folder is asked for: the option has nowhere to put what it is for
void require_folder(const FolderArguments& arguments, const std::string& option);
/// Null if none is asked for. @throws scenarios::InputError if it cannot be made, or if what goes into it is asked for
/// without it
std::unique_ptr<RunFolder> make_folder(const FolderArguments& arguments, const scenarios::Scenario& scenario);

/// Ctrl-C interrupts the run, which is then reported as undecided. @throws what the run throws
Executed execute(const scenarios::Scenario& scenario, const scenarios::Plan& plan, const ExecuteOptions& options);

}  // namespace seqlab::analysis
