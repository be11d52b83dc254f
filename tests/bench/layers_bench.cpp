// What the parts around consensus cost: Warp's second step (13 nodes, 100 tx/s, Arweave) against the same committee
// that orders and does nothing else. And whether memory stays flat over simulated days.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <regex>
#include <string>
#include <vector>

#include "scenarios/spec/parse.hpp"
#include "scenarios/world/run.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/children.hpp"

namespace seqlab::bench {

namespace {

using scenarios::Scenario;

/// Over the thirteen AWS zones; `rate` as a scenario writes it.
Scenario warp_step_2(const std::string& rate, Duration after) {
  Scenario scenario = scenarios::parse_scenario(
      "schema: seqlab/scenario/v1\n"
      "design: {use: warp-step-2}\n"
      "environment:\n"
      "  network: {latency: {model: regions, matrix: aws13, jitter: 1/20}}\n"
      "  workload: {arrivals: poisson, clients: 4, rate: " + rate + ", forced: {users: 2, rate: 0.001tx/s}}\n"
      "stop: {after: 1h, healing: 0s}\n",
      "warp-step-2", {SEQLAB_LIBRARY_ROOT});
  scenario.stop.after = after;
  return scenario;
}

/// The same without layer 1 and what needs it.
Scenario consensus_alone(Scenario scenario) {
  const scenarios::Design bare;
  scenario.design.l1 = bare.l1;
  scenario.design.forced = bare.forced;
  scenario.design.sort_keys = false;
  scenario.design.relay = bare.relay;
  scenario.design.settlement = bare.settlement;
  scenario.environment.workload.forced = {};
  return scenario;
}

/// `count`: blocks that each node committed; 0 if a property broke.
Outcome measured(const Scenario& scenario) {
  return in_child([&](Outcome& out) {
    const scenarios::RunResult result = scenarios::run(scenario, {.seed = 1});
    const bool whole = result.verdict == scenarios::Verdict::held;
    out.count = whole ? static_cast<double>(result.metrics.commits_min) : 0;
    out.value = static_cast<double>(result.events);
  });
}

Row row_of(std::string what, std::vector<double> samples, std::string unit) {
  std::ranges::sort(samples);
  return {.what = std::move(what),
          .measured = samples[samples.size() / 2],
          .unit = std::move(unit),
          .low = samples.front(),
          .high = samples.back()};
}

/// In turns, so that what else runs on the machine meets both alike.
void against_consensus(std::vector<Row>& rows, int repetitions) {
  const Scenario layered = warp_step_2("100tx/s", 1h);
  const Scenario alone = consensus_alone(layered);
  std::vector<double> days, layered_block, alone_block, ratios;
  for (int i = 0; i < repetitions; ++i) {
    const Outcome a = measured(layered);
    const Outcome b = measured(alone);
    if (a.count == 0 || b.count == 0) {
      rows.push_back({.what = "warp-step-2: NOT HELD"});
      return;
    }
    days.push_back(a.seconds * 24);
    layered_block.push_back(a.seconds * 1e6 / a.count);
    alone_block.push_back(b.seconds * 1e6 / b.count);
    ratios.push_back(layered_block.back() / alone_block.back());
  }
  rows.push_back(row_of("warp-step-2: a day at 100 tx/s, by an hour of it, CPU time", days, "s"));
  rows.back().target = 60;
  rows.push_back(row_of("  a block of it, in 13 nodes", layered_block, "us"));
  rows.push_back(row_of("  a block of the same committee without layer 1", alone_block, "us"));
  rows.push_back(row_of("  ratio of the two", ratios, "x"));
  rows.back().target = 1.5;
}

void whole_day(std::vector<Row>& rows) {
  const Outcome day = measured(warp_step_2("100tx/s", 24h));
  rows.push_back({.what = std::string{"warp-step-2: a day at 100 tx/s, "} + (day.count > 0 ? "CPU time" : "NOT HELD"),
                  .measured = day.seconds,
                  .unit = "s",
                  .target = 60});
  rows.push_back({.what = "  peak memory", .measured = day.peak_bytes / 1048576, .unit = "MiB"});
}

/// Peaks of a run of `length` and of one half as long: what is kept for ever is the difference.
void flat_memory(std::vector<Row>& rows, Duration length, const std::string& name) {
  const Outcome half = measured(warp_step_2("0.2tx/s", length / 2));
  const Outcome whole = measured(warp_step_2("0.2tx/s", length));
  rows.push_back({.what = "warp-step-2: peak memory of " + name + " at 0.2 tx/s",
                  .measured = whole.peak_bytes / 1048576,
                  .unit = "MiB"});
  rows.push_back({.what = "  against half of it",
                  .measured = whole.peak_bytes / half.peak_bytes,
                  .unit = "x",
                  .target = 1.1});
  rows.push_back({.what = "  CPU time", .measured = whole.seconds, .unit = "s"});
}

}  // namespace

void measure_layers(std::string_view filter, bool quick, bool days, std::vector<Row>& rows) {
  const std::regex wanted{std::string{filter}};
  const auto chosen = [&](const char* name) {
    if (!std::regex_search(name, wanted)) return false;
    fmt::print(stderr, "  {}\n", name);
    return true;
  };
  if (chosen("layers/ratio")) against_consensus(rows, quick ? 3 : 5);
  if (days && chosen("layers/day")) whole_day(rows);
  if (days && chosen("layers/week")) flat_memory(rows, 7 * 24h, "a week");
}

}  // namespace seqlab::bench
