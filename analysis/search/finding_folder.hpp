// What is left of a finding when it has been shrunk: a folder that a person can read and that the program can repeat.
// plan.json (see plan_file.hpp), scenario.yaml with what differs from the defaults, story.md.
#pragma once

#include <string>

#include "analysis/search/shrink.hpp"

namespace seqlab::analysis {

/// A finding in words and as a Mermaid diagram; see story.hpp.
struct Tale {
  std::string paragraph;
  std::string diagram;
};
/// Runs the case once more and tells what happened.
Tale tell(const Case& which, const Target& target, const scenarios::Finding& finding);

/// The scenario as YAML without what has its default value; parses back to an equal scenario.
std::string to_short_yaml(const scenarios::Scenario& scenario);

/// Writes scenario.yaml and plan.json alone: of a case that nobody shrank.
/// @param folder   made if missing; must be empty
/// @param digest   of its run
/// @throws scenarios::InputError if the folder is not empty or cannot be written
void write_case_folder(const std::string& folder, const Case& which, Hash128 digest, scenarios::Verdict verdict);

/// All three.
/// @param program  first word of the commands in the text
/// @throws scenarios::InputError if it is not empty or cannot be written
void write_finding_folder(const std::string& folder, const Shrunk& shrunk, const Target& target, const Tale& tale,
                          const std::string& program = "seqlab");

}  // namespace seqlab::analysis
