// The same vote rounds as the bare loop through the whole kernel: simulation, network with a matrix and jitter,
// machines, pooled messages; with records off and with the digest of every record.
#include <fmt/format.h>

#include <array>
#include <memory>
#include <vector>

#include "sim/kernel/simulation.hpp"
#include "sim/net/latency/latency_models.hpp"
#include "sim/net/network.hpp"
#include "tests/bench/bench.hpp"

namespace seqlab::bench {

namespace {

struct Vote final : sim::Message {
  explicit Vote(std::uint32_t round) : round(round) { wire_bytes = 150; }
  std::uint32_t round;
};

class VotingWorld {
 public:
  VotingWorld(std::uint32_t nodes, sim::RecordLog::Mode records)
      : simulation_({.seed = 1, .permute_instants = false, .records = records}), machines_(simulation_) {
    sim::NetworkOptions options;
    options.latency = sim::make_regions_latency("aws13", {}, {1, 20});
    network_ = std::make_unique<sim::Network>(simulation_, machines_, std::move(options));
    for (std::uint32_t i = 0; i < nodes; ++i) {
      everybody_.push_back(NodeId{i});
      voters_.push_back(std::make_unique<Voter>(*this, nodes));
      voters_.back()->self = machines_.add(*voters_.back()).id();
    }
    for (const NodeId node : everybody_) machines_.start(node);
  }
  /// @return messages delivered
  std::uint64_t run(std::uint64_t events) {
    const std::uint64_t before = network_->counters().delivered;
    simulation_.run(time_never, events);
    return network_->counters().delivered - before;
  }

 private:
  struct Voter final : sim::NodeHandler {
    static constexpr std::uint32_t window = 64;
    Voter(VotingWorld& world, std::uint32_t nodes) : world(world), quorum(nodes - (nodes - 1) / 3) {}
    void on_start(bool) override { vote(); }
    void on_message(NodeId, const sim::MessagePtr& message) override {
      const std::uint32_t of = static_cast<const Vote&>(*message).round;
      if (of < round) return;
      ++votes[of % window];
      while (votes[round % window] >= quorum) {
        votes[round % window] = 0;
        ++round;
        vote();
      }
    }
    void on_timer(std::uint64_t) override {}
    void on_crash() override {}
    void vote() {
      ++votes[round % window];
      const sim::MessagePtr message{world.network_->pool().make<Vote>(round)};
      world.network_->broadcast(self, world.everybody_, message);
    }
    VotingWorld& world;
    NodeId self;
    std::uint32_t quorum;
    std::uint32_t round = 0;
    std::array<std::uint32_t, window> votes{};
  };

  sim::Simulation simulation_;
  sim::Nodes machines_;
  std::unique_ptr<sim::Network> network_;
  std::vector<NodeId> everybody_;
  std::vector<std::unique_ptr<Voter>> voters_;
};

void kernel_benchmark(benchmark::State& state, std::uint32_t nodes, sim::RecordLog::Mode records) {
  VotingWorld world{nodes, records};
  const std::uint64_t chunk = std::uint64_t{4} * nodes * nodes;
  world.run(chunk);
  std::uint64_t delivered = 0;
  for (auto _ : state) delivered += world.run(chunk);
  state.SetItemsProcessed(static_cast<std::int64_t>(delivered));
}

constexpr std::array<std::uint32_t, 3> sizes{16, 128, 512};

}  // namespace

Summary register_kernel() {
  for (const std::uint32_t nodes : sizes) {
    benchmark::RegisterBenchmark(fmt::format("kernel/off/{}", nodes).c_str(), kernel_benchmark, nodes,
                                 sim::RecordLog::Mode::off);
    benchmark::RegisterBenchmark(fmt::format("kernel/digest/{}", nodes).c_str(), kernel_benchmark, nodes,
                                 sim::RecordLog::Mode::digest);
  }
  return [](const Results& results, std::vector<Row>& rows) {
    for (const std::uint32_t nodes : sizes) {
      // The targets are stated for 128 nodes.
      ratio_row(results, rows, fmt::format("kernel: all-to-all votes, n = {}, records off", nodes),
                fmt::format("kernel/off/{}", nodes), bare_loop(nodes), nodes == 128 ? 2 : 0);
      ratio_row(results, rows, fmt::format("kernel: all-to-all votes, n = {}, digest on", nodes),
                fmt::format("kernel/digest/{}", nodes), bare_loop(nodes), nodes == 128 ? 3 : 0);
    }
  };
}

}  // namespace seqlab::bench
