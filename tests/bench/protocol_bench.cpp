// Whole runs: protocol, network, digest and all checkers, as `seqlab run` has them.
#include <fmt/format.h>

#include <array>

#include "scenarios/world/run.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/worlds.hpp"

namespace seqlab::bench {

scenarios::Scenario tendermint_scenario(std::uint32_t validators, std::uint64_t height) {
  scenarios::Scenario scenario;
  scenario.name = "bench";
  scenario.design.engine = "tendermint";
  scenario.design.committee.count = validators;
  scenario.design.committee.stake.assign(validators, 100);
  scenario.environment.network.latency.model = scenarios::LatencySpec::Model::regions;
  scenario.environment.network.latency.matrix = "aws13";
  scenario.environment.network.latency.jitter = {1, 20};
  scenario.stop.after = 3600s;
  scenario.stop.height = height;
  scenario.stop.healing_blocks = 1;
  return scenario;
}

namespace {

struct Size {
  std::uint32_t validators;
  std::uint64_t height;
};
// As many messages that a run lasts long enough to be measured, as few that it can be repeated.
constexpr std::array<Size, 4> sizes{{{4, 200}, {10, 100}, {100, 10}, {1000, 2}}};

void tendermint_benchmark(benchmark::State& state, Size size) {
  const scenarios::Scenario scenario = tendermint_scenario(size.validators, size.height);
  std::uint64_t delivered = 0;
  std::uint64_t events = 0;
  std::uint64_t seed = 0;
  for (auto _ : state) {
    const scenarios::RunResult result = scenarios::run(scenario, {.seed = ++seed});
    if (result.verdict != scenarios::Verdict::held) {
      state.SkipWithError(fmt::format("seed {}: {}", seed, result.reason).c_str());
      break;
    }
    delivered += result.messages.delivered;
    events += result.events;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(delivered));
  state.counters["events"] = static_cast<double>(events);
}

/// A world of four validators that ends before anything happens in it.
void build_benchmark(benchmark::State& state) {
  scenarios::Scenario scenario = tendermint_scenario(4, 0);
  scenario.environment.machines.start_skew = 0ns;  // the nodes do start, with their engines
  scenario.stop.after = 0ns;
  scenario.stop.healing = 0ns;
  std::uint64_t seed = 0;
  for (auto _ : state) benchmark::DoNotOptimize(scenarios::run(scenario, {.seed = ++seed}));
  state.SetItemsProcessed(state.iterations());
}

std::string name(std::uint32_t validators) { return fmt::format("tendermint/{}", validators); }

}  // namespace

Summary register_protocol() {
  for (const Size& size : sizes) {
    auto* registered = benchmark::RegisterBenchmark(name(size.validators).c_str(), tendermint_benchmark, size);
    if (size.validators >= 1000) registered->Iterations(1)->Repetitions(3);
  }
  benchmark::RegisterBenchmark("world/4", build_benchmark);
  return [](const Results& results, std::vector<Row>& rows) {
    for (const Size& size : sizes) {
      ratio_row(results, rows, fmt::format("Tendermint: n = {}, digest, all checkers, per message", size.validators),
                name(size.validators), bare_loop(128), size.validators == 100 ? 5 : 0);
    }
    const std::string small = name(10) + "/event";
    for (const std::uint32_t validators : {100U, 1000U}) {
      const std::string large = name(validators) + "/event";
      if (!results.has(small) || !results.has(large)) continue;
      rows.push_back({.what = fmt::format("Tendermint: cost per event, n = {} against n = 10", validators),
                      .measured = results.median(large),
                      .unit = "ns",
                      .low = results.min(large),
                      .high = results.max(large),
                      .bare = results.median(small),
                      .ratio = results.median(large) / results.median(small),
                      .target = validators == 1000 ? 2.0 : 0.0,
                      .target_is_ratio = true});
    }
    plain_row(results, rows, "building and tearing down a world of 4 validators", "world/4", "us", 1000, 60);
  };
}

}  // namespace seqlab::bench
