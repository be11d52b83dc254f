// What two runs have in common if they show the same bug. The only place that knows which words of a checker's text are
// names, numbers and hashes.
#pragma once

#include <string>
#include <string_view>

#include "scenarios/checkers/checker.hpp"

namespace seqlab::analysis {

/// The checker, whether the model covered it, and what the checker said without its numbers, names and hashes.
struct FindingKind {
  std::string checker;  ///< "crash" for an exception of our own code
  std::string shape;    ///< see `shape_of`
  bool outside_model = false;
  friend bool operator==(const FindingKind&, const FindingKind&) = default;
};
FindingKind finding_kind(const scenarios::Finding& finding);

/// "n0 and n1 committed different blocks at height 3": "# committed different blocks at height #".
std::string shape_of(std::string_view text);

}  // namespace seqlab::analysis
