// From text to a Scenario. yaml-cpp stays behind this header.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/scenario.hpp"

namespace seqlab::scenarios {

/// Where files named inside scenarios are looked up, besides next to the scenario itself.
struct Library {
  std::string root;  ///< folder that holds catalog/, adversaries/, designs/, environments/ (the source's scenarios/)
};

/// `path=value` overrides, applied before validation; path e.g. design.committee.count, faults[0].at.
using Overrides = std::vector<std::pair<std::string, std::string>>;

/// Reads a catalogue name or a path. @throws InputError with everything that is wrong
Scenario load_scenario(const std::string& name_or_path, const Library& library, const Overrides& overrides = {});
/// As `load_scenario`, from text. `file` is used in messages and to find relative files.
Scenario parse_scenario(std::string_view text, const std::string& file, const Library& library,
                        const Overrides& overrides = {});
/// YAML with all defaults filled in; parses back to an equal scenario. Scripts are embedded, so that a run folder
/// repeats without the files it came from.
std::string to_yaml(const Scenario& scenario);
/// JSON Schema (draft-07) of scenario files.
std::string scenario_schema();
/// The same keys as text for people (Markdown): type, default, one paragraph each.
std::string scenario_reference();
/// What `seqlab init NAME` writes: a small scenario that runs, with a comment at every part.
std::string scenario_template(const std::string& name);
/// Content hash: equal for scenarios that mean the same, whatever file they came from.
Hash128 scenario_hash(const Scenario& scenario);

struct CatalogEntry {
  std::string name;
  std::string file;
  std::string text;  ///< first line of its comment
};
/// Every scenario below `catalog/`, by name. @throws InputError if two share a name
std::vector<CatalogEntry> catalog(const Library& library);

}  // namespace seqlab::scenarios
