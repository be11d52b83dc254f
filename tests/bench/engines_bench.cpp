// Every engine at n = 100: protocol, network, digest and all checkers, per delivered message and per event.
#include <fmt/format.h>

#include <string_view>

#include "protocols/consensus/engines.hpp"
#include "scenarios/world/run.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/worlds.hpp"

namespace seqlab::bench {

namespace {

constexpr std::uint32_t validators = 100;

/// Long enough that building the world does not count, short enough to be repeated. Engines whose nodes speak to one
/// leader deliver a hundred times fewer messages a block than those in which all speak to all.
std::uint64_t height_of(std::string_view engine) {
  return engine == "tendermint" || engine == "pbft" || engine == "streamlet" || engine == "mysticeti" ? 10 : 100;
}

std::string name(std::string_view engine) { return fmt::format("engine/{}", engine); }

void engine_benchmark(benchmark::State& state, std::string_view engine) {
  scenarios::Scenario scenario = tendermint_scenario(validators, height_of(engine));
  scenario.design.engine = std::string{engine};
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
    events += result.records;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(delivered));
  state.counters["events"] = static_cast<double>(events);
}

}  // namespace

Summary register_engines() {
  for (const protocols::EngineEntry& engine : protocols::engines()) {
    benchmark::RegisterBenchmark(name(engine.name).c_str(), engine_benchmark, engine.name);
  }
  return [](const Results& results, std::vector<Row>& rows) {
    for (const protocols::EngineEntry& engine : protocols::engines()) {
      ratio_row(results, rows, fmt::format("{}: n = {}, digest, all checkers, per message", engine.name, validators),
                name(engine.name), bare_loop(128), 6);
      // A commit of a node is eight records or so, whatever the number of messages that it took.
      ratio_row(results, rows, "  likewise, per record", name(engine.name) + "/event", bare_loop(128), 0);
    }
  };
}

}  // namespace seqlab::bench
