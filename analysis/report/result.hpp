// What a run meant, as one value. Renderers below turn it into text, JSON, SQLite rows and trace events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/world/run.hpp"

namespace seqlab::analysis {

/// Names of the documents that seqlab writes. A change of meaning changes the number.
inline constexpr const char* result_schema_name = "seqlab/result/v1";
inline constexpr const char* plan_schema_name = "seqlab/plan/v1";
/// File of a run folder with what the scripts printed; not there if they printed nothing.
inline constexpr const char* script_log_name = "script.log";

/// Version of this program.
std::string version();
/// What the program was made of: a hash of the sources and the compiler, as in "sources 0123456789ab, GNU 12.2.0".
/// Results do not contain it, so that those of different builds can be compared; plans do.
std::string build_id();

struct Report {
  scenarios::RunResult result;
  std::uint32_t sequencer_count = 0;                 ///< nodes 0 ... are sequencers, later ones clients
  std::string l1;                                    ///< the design's layer-1 chain, "" = none
  std::optional<scenarios::Verdict> expected;        ///< from the scenario's `expect:`
  Hash128 scenario_hash;
  std::string version;
  std::vector<std::string> script_logs;              ///< what the scripts printed, in the order of result.budgets
  bool verified = false;                             ///< ran twice, records equal
  double wall_seconds = 0;                           ///< of the run alone
  std::uint64_t peak_rss_bytes = 0;                  ///< of the process so far
  std::string run_folder;                            ///< "" = none was written
  std::string reproduce;                             ///< shell line that repeats this run
  std::vector<std::string> next;                     ///< shell lines worth trying now
};

/// 0 held (or the verdict that the scenario expects), 1 violated or not as expected, 2 undecided or outside the model.
int exit_code(const Report& report);

/// Verdict first, then at most 25 lines. `colour` paints the verdict with ANSI codes.
std::string to_text(const Report& report, bool colour);
/// The verdict line alone (`--quiet`); followed by the reproduce line if the run was not as it should be.
std::string to_brief_text(const Report& report, bool colour);
/// One JSON object, indented, with a final newline. Described by `result_schema()`.
std::string to_json(const Report& report);
/// JSON Schema (draft-07) of what `to_json` writes.
std::string result_schema();

}  // namespace seqlab::analysis
