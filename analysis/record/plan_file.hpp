// plan.json of a run folder: what to repeat, and what came out the first time.
#pragma once

#include <cstdint>
#include <string>

#include "analysis/report/result.hpp"

namespace seqlab::analysis {

struct PlanFile {
  scenarios::Plan plan;
  std::string scenario_file;     ///< relative to the plan's own folder
  std::string scenario_name;
  Hash128 scenario_hash;
  std::string version;           ///< of the program that wrote it
  std::string build;             ///< likewise (`build_id`); "" = not recorded
  Hash128 digest;                ///< that the run had
  scenarios::Verdict verdict = scenarios::Verdict::undecided;
  bool interrupted = false;      ///< the digest is that of an unfinished run and cannot be repeated
};

std::string to_json(const PlanFile& plan);
/// @param file  for messages. @throws scenarios::InputError with everything that is wrong
PlanFile parse_plan(const std::string& text, const std::string& file);

}  // namespace seqlab::analysis
