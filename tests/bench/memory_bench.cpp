// Memory per machine and the large worlds. Each in a child process: the peak of one says nothing about another.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <regex>
#include <vector>

#include "protocols/consensus/tendermint/tendermint.hpp"
#include "scenarios/explore/explore.hpp"
#include "scenarios/world/run.hpp"
#include "sim/kernel/processes.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/latency/latency_models.hpp"
#include "sim/net/network.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/children.hpp"
#include "tests/bench/worlds.hpp"

namespace seqlab::bench {

namespace {

double resident_bytes() {
  long pages = 0;
  long resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// Remembers nothing but how much it got.
struct Listener final : sim::NodeHandler {
  std::uint64_t got = 0;
  void on_start(bool) override {}
  void on_message(NodeId, const sim::MessagePtr&) override { ++got; }
  void on_timer(std::uint64_t) override {}
  void on_crash() override {}
};

struct Rumour final : sim::Message {
  Rumour() { wire_bytes = 1000; }
};

/// Machines that listen.
struct Crowd {
  explicit Crowd(std::uint32_t nodes) : machines(simulation), listeners(nodes) {
    sim::NetworkOptions options;
    options.latency = sim::make_regions_latency("aws13", {}, {1, 20});
    network = std::make_unique<sim::Network>(simulation, machines, std::move(options));
    for (Listener& listener : listeners) everybody.push_back(machines.add(listener).id());
    for (const NodeId node : everybody) machines.start(node);
  }
  sim::Simulation simulation{{.seed = 1}};
  sim::Nodes machines;
  std::vector<Listener> listeners;
  std::unique_ptr<sim::Network> network;
  std::vector<NodeId> everybody;
};

constexpr std::uint32_t crowd_size = 10'000;

void idle_nodes(std::vector<Row>& rows) {
  const Outcome outcome = in_child([](Outcome& out) {
    const double before = resident_bytes();
    Crowd crowd{crowd_size};
    crowd.simulation.run(at_ns(1'000'000'000));
    out.value = resident_bytes() - before;
  });
  rows.push_back({.what = "memory: an idle machine, of 10,000 (handler included)",
                  .measured = outcome.value / crowd_size,
                  .unit = "B",
                  .target = 2048});
}

void gossip(std::vector<Row>& rows) {
  constexpr int rumours = 100;
  const Outcome outcome = in_child([](Outcome& out) {
    Crowd crowd{crowd_size};
    for (int i = 0; i < rumours; ++i) {
      const NodeId from{static_cast<std::uint32_t>(i) * 97 % crowd_size};
      const sim::MessagePtr message{crowd.network->pool().make<Rumour>()};
      crowd.network->broadcast(from, crowd.everybody, message, sim::Dissemination::gossip);
      crowd.simulation.run(at_ns((i + 1) * std::int64_t{1'000'000'000}));
    }
    for (const Listener& listener : crowd.listeners) out.value += static_cast<double>(listener.got);
    out.count = static_cast<double>(crowd.network->counters().sent);
  });
  // A machine that missed a rumour would make the figures those of another load.
  const bool complete = outcome.value == static_cast<double>(rumours) * (crowd_size - 1);
  const std::string what = fmt::format("gossip: 10,000 machines, {} rumours", rumours);
  rows.push_back({.what = what + (complete ? ", CPU time" : ", INCOMPLETE"), .measured = outcome.seconds, .unit = "s"});
  rows.push_back({.what = "  per message sent", .measured = outcome.seconds * 1e9 / outcome.count, .unit = "ns"});
  rows.push_back({.what = "  peak memory", .measured = outcome.peak_bytes / 1048576, .unit = "MiB"});
}

void thousand_validators(std::vector<Row>& rows) {
  const Outcome outcome = in_child([](Outcome& out) {
    scenarios::Scenario scenario = tendermint_scenario(1000, 20);
    const scenarios::RunResult result = scenarios::run(scenario, {.seed = 1});
    if (result.verdict != scenarios::Verdict::held) return;
    out.value = static_cast<double>(result.messages.delivered);
    out.count = static_cast<double>(result.events);
  });
  const bool held = outcome.count > 0;
  rows.push_back({.what = std::string{"Tendermint: 1,000 validators, 20 heights, "} + (held ? "CPU time" : "NOT HELD"),
                  .measured = outcome.seconds,
                  .unit = "s"});
  if (!held) return;
  rows.push_back({.what = "  per delivered message", .measured = outcome.seconds * 1e9 / outcome.value, .unit = "ns"});
  rows.push_back({.what = "  peak memory", .measured = outcome.peak_bytes / 1048576, .unit = "MiB"});
}

/// One round of Tendermint in all orders, one node of `nodes` with two halves.
scenarios::ExploreOptions small_committee(std::uint32_t nodes) {
  scenarios::ExploreOptions options;
  std::vector<protocols::Validator> validators;
  for (std::uint32_t i = 0; i < nodes; ++i) validators.push_back({NodeId{i}, 1});
  options.committee = protocols::Committee{std::move(validators)};
  protocols::EngineParameters parameters;
  parameters.tendermint.timestamps = protocols::Timestamps::none;
  protocols::TendermintOptions& t = parameters.tendermint;
  t.round_skip = protocols::RoundSkip::validity;
  // Helpers of the slow never get their turn: they would ask again for ever, and each answer is a new state.
  t.gossip_stall = t.block_fetch_delay = t.sync_timeout = 60s;
  const auto* engine = protocols::find_engine("tendermint");
  options.make_engine = [engine, parameters](NodeId self, const protocols::Committee& genesis) {
    return engine->make(self, genesis, parameters);
  };
  options.promises = engine->promises(parameters, 1s);
  options.corrupt = {{NodeId{0}, scenarios::Corruption::twins}};
  options.bounds.round_max = 0;
  options.bounds.states_max = 10'000'000;
  return options;
}

void exploration(std::vector<Row>& rows) {
  const auto measure = [&](const std::string& what, const scenarios::ExploreOptions& options) {
    const Outcome outcome = in_child([&](Outcome& out) {
      const scenarios::ExploreResult result = scenarios::explore(options);
      out.value = static_cast<double>(result.transitions);
      out.count = static_cast<double>(result.states);
    });
    rows.push_back({.what = fmt::format("explore: {}, {:.1f} million states", what, outcome.count / 1e6),
                    .measured = outcome.seconds,
                    .unit = "s"});
    rows.push_back({.what = "  per transition",
                    .measured = outcome.seconds * 1e9 / outcome.value,
                    .unit = "ns",
                    .target = 1e9 / 300'000});
    rows.push_back(
        {.what = "  peak memory", .measured = outcome.peak_bytes / 1048576, .unit = "MiB", .target = 4096});
  };
  measure("n = 4, a twin, reduced", small_committee(4));
  scenarios::ExploreOptions every_step = small_committee(4);
  every_step.reduce = false;
  measure("n = 4, a twin, each step", every_step);
}

}  // namespace

void measure_memory(std::string_view filter, std::vector<Row>& rows) {
  const std::regex wanted{std::string{filter}};
  const auto measure = [&](const char* name, void (*work)(std::vector<Row>&)) {
    if (!std::regex_search(name, wanted)) return;
    fmt::print(stderr, "  {}\n", name);
    work(rows);
  };
  measure("memory/idle", idle_nodes);
  measure("large/gossip", gossip);
  measure("large/tendermint", thousand_validators);
  measure("explore", exploration);
}

}  // namespace seqlab::bench
