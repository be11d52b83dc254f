// The smallest case that still shows what a large one showed. Takes away interventions (delta debugging: A. Zeller,
// R. Hildebrandt, "Simplifying and isolating failure-inducing input", TSE 28(2), 2002), then nodes, clients, time and
// whatever of the environment differs from the plain one, and says less with what remains, until nothing can go. Every
// step is a whole run: nothing is assumed about what an intervention does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/search/case.hpp"
#include "analysis/search/finding_kind.hpp"

namespace seqlab::analysis {

/// Of the first finding inside the model, else of an exception, else of the first finding outside; nothing if nothing
/// was found.
std::optional<FindingKind> find_kind(const Case& which, const Target& target, const CaseLimits& limits = {});

struct CaseSize {
  std::size_t interventions = 0;  ///< of the plan, faults and scripts of the scenario
  std::uint32_t nodes = 0;
  Duration time{};                ///< simulated
  friend bool operator==(const CaseSize&, const CaseSize&) = default;
};

struct ShrinkOptions {
  std::uint64_t runs_max = 20'000;
  /// Called after each run; false ends the search with the smallest case so far.
  std::function<bool(std::uint64_t runs, const CaseSize& smallest)> on_progress;
};

struct Shrunk {
  Case smallest;
  FindingKind kind;
  scenarios::Finding finding;      ///< of the smallest case; of an exception: its text
  scenarios::RunResult result;     ///< likewise
  CaseSize before, after;
  std::uint64_t runs = 0;
  bool complete = false;           ///< nothing can go any more; false: the budget was spent or somebody asked to stop
  std::vector<std::string> log;    ///< one line a step that was possible
};

/// Deterministic. @throws scenarios::InputError if the case does not show that kind of finding
Shrunk shrink(const Case& which, const Target& target, const FindingKind& kind, const ShrinkOptions& options = {});

/// "52 interventions -> 3, 7 nodes -> 4, 60 s -> 13 s".
std::string size_line(const CaseSize& before, const CaseSize& after);

}  // namespace seqlab::analysis
