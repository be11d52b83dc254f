#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "tests/bench/bench.hpp"

namespace seqlab::bench {

double Results::median(const std::string& name) const {
  std::vector<double> sorted = samples_.at(name);
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
double Results::min(const std::string& name) const {
  return *std::min_element(samples_.at(name).begin(), samples_.at(name).end());
}
double Results::max(const std::string& name) const {
  return *std::max_element(samples_.at(name).begin(), samples_.at(name).end());
}

void ratio_row(const Results& results, std::vector<Row>& rows, std::string what, const std::string& name,
               const std::string& bare, double target) {
  if (!results.has(name)) return;
  Row row{.what = std::move(what), .measured = results.median(name), .unit = "ns"};
  row.low = results.min(name);
  row.high = results.max(name);
  if (results.has(bare)) {
    row.bare = results.median(bare);
    row.ratio = row.measured / row.bare;
    row.target = target;
    row.target_is_ratio = true;
  }
  rows.push_back(row);
}

void plain_row(const Results& results, std::vector<Row>& rows, std::string what, const std::string& name,
               std::string unit, double scale, double target) {
  if (!results.has(name)) return;
  rows.push_back({.what = std::move(what),
                  .measured = results.median(name) / scale,
                  .unit = std::move(unit),
                  .low = results.min(name) / scale,
                  .high = results.max(name) / scale,
                  .target = target});
}

namespace {

/// Keeps each repetition's CPU time per item; shows on stderr what is going on.
class Collector final : public benchmark::BenchmarkReporter {
 public:
  explicit Collector(Results& results) : results_(results) {}
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      const auto rate = run.counters.find("items_per_second");
      if (run.error_occurred || rate == run.counters.end()) {
        const std::string why = run.error_occurred ? run.error_message : "counted nothing";
        fmt::print(stderr, "{}: {}\n", run.benchmark_name(), why);
        failed = true;
        continue;
      }
      const double ns = 1e9 / rate->second;
      results_.add(run.run_name.function_name, ns);
      if (const auto events = run.counters.find("events"); events != run.counters.end()) {
        results_.add(run.run_name.function_name + "/event", run.cpu_accumulated_time * 1e9 / events->second.value);
      }
      fmt::print(stderr, "  {:<44} {:>12.1f} ns\n", run.run_name.function_name, ns);
    }
  }
  bool failed = false;

 private:
  Results& results_;
};

std::string number(double value) {
  if (value >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

void print_table(const std::vector<Row>& rows) {
  fmt::print("{:<58} {:>12} {:>19} {:>6} {:>7} {:>8}\n", "what", "measured", "low ... high", "bare", "ratio",
             "at most");
  for (const Row& row : rows) {
    const std::string range = row.high > row.low ? number(row.low) + " ... " + number(row.high) : "";
    const std::string unit = row.target_is_ratio ? "x" : row.unit;
    const std::string target = row.target == 0 ? "" : number(row.target) + " " + unit;
    fmt::print("{:<58} {:>12} {:>19} {:>6} {:>7} {:>8}  {}\n", row.what, number(row.measured) + " " + row.unit, range,
               row.bare > 0 ? number(row.bare) : "", row.ratio > 0 ? number(row.ratio) : "", target,
               row.target == 0 ? "" : row.ok() ? "ok" : "OVER");
  }
}

void print_json(const std::vector<Row>& rows, const Results& results) {
  nlohmann::ordered_json out;
  out["schema"] = "seqlab/bench/v1";
  for (const Row& row : rows) {
    nlohmann::ordered_json one{{"what", row.what}, {"measured", row.measured}, {"unit", row.unit}};
    if (row.high > row.low) one["low"] = row.low, one["high"] = row.high;
    if (row.bare > 0) one["bare_ns"] = row.bare;
    if (row.ratio > 0) one["ratio"] = row.ratio;
    if (row.target > 0) {
      one["target"] = row.target;
      one["target_is_ratio"] = row.target_is_ratio;
      one["ok"] = row.ok();
    }
    out["rows"].push_back(one);
  }
  for (const auto& [name, samples] : results.samples()) out["ns_per_item"][name] = samples;
  fmt::print("{}\n", out.dump(2));
}

}  // namespace

/// seqlab_bench [--json] [--quick] [--filter=REGEX] [--no-large] [--days] [--benchmark_...]
int run(int argc, char** argv) {
  bool json = false;
  bool quick = false;
  bool large = true;
  bool days = false;
  std::string filter;
  std::vector<std::string> arguments{argv[0]};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--json") {
      json = true;
    } else if (argument == "--quick") {
      quick = true;
    } else if (argument == "--no-large") {
      large = false;
    } else if (argument == "--days") {
      days = true;
    } else if (argument.substr(0, 9) == "--filter=") {
      filter = argument.substr(9);
    } else {
      arguments.emplace_back(argument);
    }
  }
  // Before all else: a child begins with this process's memory.
  std::vector<Row> memory;
  if (large) measure_memory(filter, memory);
  measure_campaigns(filter, memory);
  if (large) measure_layers(filter, quick, days, memory);

  arguments.insert(arguments.begin() + 1, {quick ? "--benchmark_min_time=0.05" : "--benchmark_min_time=0.2",
                                           quick ? "--benchmark_repetitions=3" : "--benchmark_repetitions=9",
                                           "--benchmark_enable_random_interleaving=true"});
  // The yardstick always runs.
  if (!filter.empty()) arguments.push_back("--benchmark_filter=^bare_loop/|" + filter);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 3;

  std::vector<Summary> summaries;
  summaries.push_back(register_queue());
  summaries.push_back(register_kernel());
  summaries.push_back(register_fibers());
  summaries.push_back(register_protocol());
  summaries.push_back(register_engines());
  summaries.push_back(register_scripts());
  summaries.push_back(register_search());

  Results results;
  Collector collector{results};
  benchmark::RunSpecifiedBenchmarks(&collector);

  std::vector<Row> rows;
  for (const Summary& sum_up : summaries) sum_up(results, rows);
  rows.insert(rows.end(), memory.begin(), memory.end());
  if (json) {
    print_json(rows, results);
  } else {
    print_table(rows);
  }
  if (collector.failed) return 4;
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.ok(); }) ? 0 : 1;
}

}  // namespace seqlab::bench

int main(int argc, char** argv) { return seqlab::bench::run(argc, argv); }
