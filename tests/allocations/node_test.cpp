#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/kernel/simulation.hpp"
#include "sim/net/latency/latency_models.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"
#include "tests/support/allocations.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::sim;

namespace {

struct Vote final : Message {
  explicit Vote(std::uint32_t r) : round(r) { wire_bytes = 150; }
  std::uint32_t round;
};

/// Broadcasts, and again whenever it holds a quorum of the round; sets and cancels a timer and writes a log entry for
/// each of its votes.
struct Voter final : NodeHandler {
  void vote() {
    network->broadcast(self, *all, MessagePtr{network->pool().make<Vote>(round)}, mode);
    Node& node = (*nodes)[self];
    node.cancel_timer(timer);
    timer = node.set_timer(1s, round);
    const std::byte entry[64]{};
    const std::uint64_t position = node.disk.append(entry);
    node.disk.mark_synced(position);
    if (position > 20) node.disk.truncate_before(position - 20);
  }
  void on_start(bool) override { vote(); }
  void on_message(NodeId, const MessagePtr& message) override {
    const std::uint32_t of = static_cast<const Vote&>(*message).round;
    if (of == round + 1) ++next;
    if (of != round || ++count < quorum) return;
    ++round;
    count = next;
    next = 0;
    vote();
  }
  void on_timer(std::uint64_t) override {}
  void on_crash() override {}

  Network* network = nullptr;
  Nodes* nodes = nullptr;
  NodeId self;
  const std::vector<NodeId>* all = nullptr;
  Dissemination mode = Dissemination::direct;
  TimerHandle timer = 0;
  std::uint32_t round = 0, count = 0, next = 0, quorum = 0;
};

/// Allocations and deliveries of the last third of a run, when everything has its size.
struct Steady {
  std::uint64_t allocations, deliveries;
};

Steady run_votes(NetworkOptions options, Dissemination mode, Duration span) {
  constexpr std::uint32_t count = 40;
  Simulation simulation({.seed = 3});
  Nodes nodes(simulation);
  std::vector<Voter> voters(count);
  std::vector<NodeId> all;
  for (Voter& voter : voters) all.push_back(nodes.add(voter).id());
  options.latency = make_regions_latency("aws13", {}, {1, 20});
  Network network(simulation, nodes, options);
  for (std::uint32_t i = 0; i < count; ++i) {
    voters[i].network = &network;
    voters[i].nodes = &nodes;
    voters[i].self = all[i];
    voters[i].all = &all;
    voters[i].mode = mode;
    voters[i].quorum = count - 1 - (count - 1) / 3;
  }
  for (const NodeId node : all) nodes.start(node);
  simulation.run(time_zero + 2 * span / 3);
  const tests::Allocations before = tests::allocations();
  const std::uint64_t delivered = network.counters().delivered;
  simulation.run(time_zero + span);
  return {tests::since(before).count, network.counters().delivered - delivered};
}

}  // namespace

TEST_CASE("timers and log entries of a world in its steady state allocate nothing", "[allocations][sim][node]") {
  const Steady plain = run_votes({}, Dissemination::direct, 90s);
  CHECK(plain.deliveries > 100'000);
  // A bucket of the event queue may still meet its largest size now and then; each vote sets a timer and writes a log.
  CHECK(plain.allocations <= 20);
}

TEST_CASE("gossip allocates next to nothing for a message", "[allocations][sim][node]") {
  const Steady gossip = run_votes({}, Dissemination::gossip, 90s);
  CHECK(gossip.deliveries > 50'000);
  CHECK(gossip.allocations <= 40);
}

TEST_CASE("an idle machine with its place in the network costs less than 2 KiB", "[allocations][sim][node]") {
  struct Idle final : NodeHandler {
    void on_start(bool) override {}
    void on_message(NodeId, const MessagePtr&) override {}
    void on_timer(std::uint64_t) override {}
    void on_crash() override {}
  };
  constexpr std::uint32_t count = 10'000;
  Idle idle;
  NetworkOptions options;
  options.latency = make_regions_latency("aws13", {}, {1, 20});
  options.uplink_bps = options.downlink_bps = 1'000'000'000;
  Simulation simulation({.seed = 1});
  const tests::Allocations before = tests::allocations();
  Nodes nodes(simulation);
  for (std::uint32_t i = 0; i < count; ++i) nodes.add(idle);
  Network network(simulation, nodes, options);
  for (std::uint32_t i = 0; i < count; ++i) nodes.start(NodeId{i});
  // What growing vectors freed again is counted too.
  CHECK(tests::since(before).bytes / count < 2'048);
}
