#include <memory>
#include <vector>

#include "sim/net/latency/latency_models.hpp"
#include "sim/net/network.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/catch.hpp"

namespace seqlab {
namespace {

struct Vote final : sim::Message {
  explicit Vote(std::uint32_t round) : round(round) { wire_bytes = 150; }
  std::uint32_t round;
};

/// Machines in rounds: each sends a vote to all and goes on when it has heard two thirds of them.
class Voters {
 public:
  Voters(std::uint32_t count, sim::NetworkOptions options) : machines_(simulation) {
    options.latency = sim::make_regions_latency("aws13", {}, {1, 20});
    network = std::make_unique<sim::Network>(simulation, machines_, std::move(options));
    for (std::uint32_t i = 0; i < count; ++i) {
      all_.push_back(NodeId{i});
      voters_.push_back(std::make_unique<Voter>(*this));
      machines_.add(*voters_.back());
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      voters_[i]->self = NodeId{i};
      machines_.start(NodeId{i});
    }
  }

  sim::Simulation simulation{{.seed = 11}};
  std::unique_ptr<sim::Network> network;

 private:
  struct Voter final : sim::NodeHandler {
    explicit Voter(Voters& world) : world(world) {}
    void on_start(bool) override { vote(); }
    void on_message(NodeId, const sim::MessagePtr& message) override {
      const std::uint32_t of = static_cast<const Vote&>(*message).round;
      if (of < round) return;
      ++heard[of % heard.size()];
      if (3 * heard[round % heard.size()] < 2 * world.all_.size()) return;
      heard[round % heard.size()] = 0;
      ++round;
      vote();
    }
    void on_timer(std::uint64_t) override {}
    void on_crash() override {}
    void vote() {
      const sim::MessagePtr message{world.network->pool().make<Vote>(round)};
      world.network->broadcast(self, world.all_, message);
    }
    Voters& world;
    NodeId self;
    std::uint32_t round = 0;
    std::vector<std::uint32_t> heard = std::vector<std::uint32_t>(64);
  };

  sim::Nodes machines_;
  std::vector<NodeId> all_;
  std::vector<std::unique_ptr<Voter>> voters_;
};

void expect_no_allocations(Voters& world) {
  world.simulation.run(time_never, 1'000'000);
  const std::uint64_t delivered = world.network->counters().delivered;
  const tests::Allocations before = tests::allocations();
  world.simulation.run(time_never, 300'000);
  const tests::Allocations used = tests::since(before);
  const std::uint64_t messages = world.network->counters().delivered - delivered;
  CHECK(messages > 80'000);  // with access links a message is three events
  // Some container may still meet its largest size now and then; a message that allocated would show 10,000 times that.
  CHECK(used.count <= 20);
}

TEST_CASE("a delivered message costs no allocation in the steady state", "[allocations][sim][network]") {
  Voters world{40, {}};
  expect_no_allocations(world);
}

TEST_CASE("loss, duplication, reordering and access links cost no allocation either", "[allocations][sim][network]") {
  sim::NetworkOptions options;
  options.duplication = {1, 50};
  options.reordering = {1, 50};
  options.reordering_delay = 20ms;
  options.loss = {1, 1000};
  options.fifo_links = true;
  options.uplink_bps = 1'000'000'000;
  options.downlink_bps = 1'000'000'000;
  Voters world{40, std::move(options)};
  expect_no_allocations(world);
}

}  // namespace
}  // namespace seqlab
