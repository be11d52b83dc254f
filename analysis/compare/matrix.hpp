// Designs against environments under common random numbers: run k of every design has the same seed, so the same
// arrivals and the same layer-1 blocks; what differs is the design.
//
// Each cell (design, environment, seed) is up to three runs:
//
// 1. as it is: latencies, throughput, messages, cost;
// 2. crash: the same, until at a third of the time the node that would propose next is switched off for good;
// 3. censor: the same, but a third of the nodes less one (at least one), those that proposed most in the first run,
//    leave account 0 out of what they order and pass on. Its client asks node n0 first and then, each time after
//    `workload.retry_after`, the next one.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/compare/intervals.hpp"
#include "analysis/compare/measurement.hpp"
#include "scenarios/spec/parse.hpp"

namespace seqlab::analysis {

enum class Metric : std::uint8_t {
  soft_p50,
  soft_p99,
  ordered_p50,
  ordered_p99,
  settled_p50,
  settled_p99,
  throughput,
  outage,
  censorship,
  forced_p50,
  l1_cost,
  messages,
  bytes,
  violations,
  outside_model
};
inline constexpr std::size_t metric_count = 15;

struct MetricInfo {
  Metric metric{};
  std::string_view name;   ///< in JSON and CSV
  std::string_view label;  ///< in the table
  std::string_view unit;   ///< ms, tx/s, 1/tx, B/tx, findings; of l1_cost: see `unit_of`
  std::string_view text;   ///< what it is
};
/// By number.
std::span<const MetricInfo> metric_list();
/// The unit of a metric of this design: layer-1 chains have their own money.
std::string unit_of(Metric metric, const scenarios::Design& design);

struct CellFinding {
  std::string run;  ///< "as it is", "crash" or "censor"
  std::string checker;
  std::string text;
  bool outside_model = false;
};

/// What came of one seed of one design in one environment. A metric that the design does not have is absent.
struct Cell {
  std::array<std::optional<Sample>, metric_count> samples{};
  std::vector<CellFinding> findings;
  std::string error;  ///< our own code failed; then there are no samples
  bool interrupted = false;
};

struct MatrixOptions {
  std::vector<std::string> designs, environments;  ///< names for the report
  /// One a pair, environment by environment; all of an environment stop at the same time.
  std::vector<scenarios::Scenario> scenarios;
  scenarios::AdversarySpec censor;  ///< without nodes
  std::uint64_t seed = 1;           ///< seeds seed, seed + 1, ...
  std::uint32_t seeds = 8;
  std::uint32_t jobs = 1;  ///< threads; no result depends on it
  /// Called by any thread between runs and now and then within; false ends all.
  std::function<bool(std::size_t cells_done)> go_on;
};

struct Row {
  std::size_t design = 0, environment = 0;
  Metric metric{};
  std::string unit;
  Estimate value;
  std::uint32_t seeds = 0;  ///< that have it
  bool at_least = false;    ///< in some run the end came first: the truth is `mean` or more
  /// Paired by seed with the first design; nothing for that design itself, or where that one has no such metric or
  /// knows it as `at_least` only.
  std::optional<Estimate> difference;
};

struct Matrix {
  std::vector<Cell> cells;  ///< environment by environment, design by design, seed by seed
  std::vector<Row> rows;    ///< in the same order, then by metric
  bool interrupted = false;
};

/// Text of a scenario that is this design in this environment. Names or paths, as after `use:`.
std::string scenario_of(const std::string& design, const std::string& environment, const std::string& after);
/// @throws InputError that names the design and the environment
scenarios::Scenario load_pair(const std::string& design, const std::string& environment, const std::string& after,
                              const scenarios::Library& library, const scenarios::Overrides& overrides);
/// The stock script `censor_sender` against account 0. @throws InputError if the library lacks it
scenarios::AdversarySpec censor_of(const scenarios::Library& library);

/// One cell. Catches what our own code throws.
Cell run_cell(const scenarios::Scenario& scenario, const scenarios::AdversarySpec& censor, std::uint64_t seed,
              const std::function<bool()>& go_on);
Matrix run_matrix(const MatrixOptions& options);
/// @param cells  as in Matrix
std::vector<Row> rows_of(const MatrixOptions& options, const std::vector<Cell>& cells);

}  // namespace seqlab::analysis
