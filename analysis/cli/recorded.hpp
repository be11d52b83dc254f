// What plan files and run folders on the command line stand for.
#pragma once

#include <string>

#include "analysis/cli/command.hpp"
#include "analysis/record/plan_file.hpp"

namespace seqlab::analysis {

struct Recorded {
  PlanFile file;
  std::string plan_path;
  std::string scenario_path;
  scenarios::Scenario scenario;
};

/// @param path  a plan.json, or a folder that holds one
/// @throws scenarios::InputError if it cannot be read, or asks for what its scenario does not have
Recorded load_recorded(const std::string& path, const Context& context);

}  // namespace seqlab::analysis
