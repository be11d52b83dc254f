#include "scenarios/spec/diagnostics.hpp"

#include <algorithm>
#include <cstddef>

namespace seqlab::scenarios {
namespace {

std::string join(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) {
    if (!out.empty()) out += '\n';
    out += format(problem);
  }
  return out;
}

/// Optimal string alignment distance: insert, remove, replace, swap neighbours.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string format(const Problem& problem) {
  std::string out = problem.file;
  if (problem.line > 0) out += ':' + std::to_string(problem.line) + ':' + std::to_string(problem.column);
  if (!out.empty()) out += ": ";
  if (!problem.path.empty()) out += problem.path + ": ";
  out += problem.text;
  if (!problem.hint.empty()) out += " (" + problem.hint + ")";
  if (!problem.details.empty()) out += '\n' + problem.details;
  return out;
}

InputError::InputError(std::vector<Problem> problems)
    : std::runtime_error(join(problems)), problems_(std::move(problems)) {}

std::string nearest(const std::string& name, const std::vector<std::string>& known) {
  // A name of hundreds of characters resembles nothing, and the distance is quadratic.
  if (name.empty() || name.size() > 100) return {};
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(name.size() / 3, 1) + 1;
  for (const std::string& candidate : known) {
    const std::size_t d = distance(name, candidate);
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace seqlab::scenarios
