// The folder that one run leaves: scenario.yaml with all defaults, plan.json, result.json, run.sqlite, script.log if a
// script printed something, and on request trace.perfetto-trace and records.jsonl. It is written under another name and
// renamed at the end, so that a folder that looks whole is whole.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "analysis/report/result.hpp"
#include "scenarios/plan/plan.hpp"
#include "scenarios/spec/scenario.hpp"

namespace seqlab::analysis {

struct RunFolderOptions {
  std::string path;
  bool trace = false;   ///< trace.perfetto-trace
  bool jsonl = false;   ///< records.jsonl
  bool force = false;   ///< replace an existing run folder (never anything else)
};

class RunFolder {
 public:
  /// Makes `path`.partial and opens its files.
  /// @throws scenarios::InputError if `path` exists and is not empty (and is no run folder or `force` is not set), or
  /// cannot be written
  RunFolder(RunFolderOptions options, const scenarios::Scenario& scenario);
  /// Removes what is unfinished.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// To be handed to the run.
  std::vector<std::pair<sim::RecordObserver*, sim::KindMask>> observers();
  /// Something could not be written: the run may as well stop.
  bool failed() const;
  /// Writes the rest and gives the folder its name. @throws scenarios::InputError
  /// @param plan  what was run
  void finish(const Report& report, const scenarios::Plan& plan);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A folder that `RunFolder` wrote: it holds a plan and a result of ours, and nothing that we do not write.
bool is_run_folder(const std::string& path);

}  // namespace seqlab::analysis
