// The benchmark of seqlab: one process, thread CPU time, medians of interleaved repetitions, ratios to the bare loop of
// the same run. A group of benchmarks is one file here and one line in main.cpp.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace seqlab::bench {

/// What a benchmark hands over: it calls `state.SetItemsProcessed` with the number of what it counts (messages, calls),
/// and the result is the CPU time of one of them.
class Results {
 public:
  void add(const std::string& name, double ns_per_item) { samples_[name].push_back(ns_per_item); }
  bool has(const std::string& name) const { return samples_.count(name) != 0; }
  /// @pre has(name)
  double median(const std::string& name) const;
  double min(const std::string& name) const;
  double max(const std::string& name) const;
  const std::map<std::string, std::vector<double>>& samples() const { return samples_; }

 private:
  std::map<std::string, std::vector<double>> samples_;
};

/// One line of the final table.
struct Row {
  std::string what;
  double measured = 0;
  std::string unit;        ///< of `measured`: ns, us, B ...
  double low = 0, high = 0;  ///< of the repetitions; both 0 if there was one
  double bare = 0;         ///< ns per message of the bare loop it is compared with; 0 = none
  double ratio = 0;        ///< what the target speaks of, if it is a ratio
  double target = 0;       ///< at most; 0 = only reported
  bool target_is_ratio = false;
  bool ok() const { return target == 0 || (target_is_ratio ? ratio : measured) <= target; }
};

/// Adds rows for what was measured; what was filtered out gives none.
using Summary = std::function<void(const Results&, std::vector<Row>&)>;

/// The groups. Each registers its benchmarks with the library and returns how to sum them up.
Summary register_queue();
Summary register_kernel();
Summary register_fibers();
Summary register_protocol();
Summary register_engines();
Summary register_scripts();
Summary register_search();

/// Memory and large worlds: each in a child process of its own, so that the peak is that world's.
void measure_memory(std::string_view filter, std::vector<Row>& rows);
/// Two threads of a campaign against one, and how long a large plan takes to shrink. Before all else as well.
void measure_campaigns(std::string_view filter, std::vector<Row>& rows);
/// What the parts around consensus cost. `days`: also a whole day and a week of simulated time.
void measure_layers(std::string_view filter, bool quick, bool days, std::vector<Row>& rows);

/// Name of the bare loop's benchmark for n nodes: 16, 128, 512.
std::string bare_loop(std::uint32_t nodes);

/// `name` against its yardstick: measured / bare <= target.
void ratio_row(const Results& results, std::vector<Row>& rows, std::string what, const std::string& name,
               const std::string& bare, double target);
/// `name` by itself, in `unit` of `scale` ns.
void plain_row(const Results& results, std::vector<Row>& rows, std::string what, const std::string& name,
               std::string unit = "ns", double scale = 1, double target = 0);

/// A cheap generator for what is only a load: xorshift64*.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t next() {
    state_ ^= state_ >> 12U;
    state_ ^= state_ << 25U;
    state_ ^= state_ >> 27U;
    return state_ * 0x2545F4914F6CDD1DULL;
  }

 private:
  std::uint64_t state_;
};

}  // namespace seqlab::bench
