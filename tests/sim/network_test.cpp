#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "sim/kernel/simulation.hpp"
#include "sim/net/latency/latency_models.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::sim;

namespace {

struct Text final : Message {
  explicit Text(std::uint64_t n, std::uint32_t bytes = 100, MessageClass c = MessageClass::consensus) : number(n) {
    kind = 5;
    wire_bytes = bytes;
    message_class = c;
  }
  std::uint64_t number;
};

struct Arrival {
  std::int64_t at;
  std::uint32_t from;
  std::uint64_t number;
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

struct Receiver final : NodeHandler {
  explicit Receiver(Simulation& s) : simulation(s) {}
  void on_start(bool) override {}
  void on_message(NodeId from, const MessagePtr& message) override {
    const auto& text = static_cast<const Text&>(*message);
    arrivals.push_back(Arrival{ns(simulation.now()), from.value, text.number});
    if (on_text) on_text(from, message);
  }
  void on_timer(std::uint64_t) override {}
  void on_crash() override {}
  Simulation& simulation;
  std::vector<Arrival> arrivals;
  std::function<void(NodeId, const MessagePtr&)> on_text;
};

struct Records final : RecordObserver {
  void on_record(const Record& record) override { all.push_back(record); }
  std::uint64_t count(RecordKind kind) const {
    return static_cast<std::uint64_t>(
        std::count_if(all.begin(), all.end(), [&](const Record& r) { return r.kind == kind; }));
  }
  std::uint64_t count(DropReason reason) const {
    return static_cast<std::uint64_t>(std::count_if(all.begin(), all.end(), [&](const Record& r) {
      return r.kind == RecordKind::message_dropped && r.flags == static_cast<std::uint16_t>(reason);
    }));
  }
  std::vector<Record> all;
};

struct World {
  explicit World(std::uint32_t count, NetworkOptions options = {}, std::uint64_t seed = 1, bool permute = false)
      : simulation({.seed = seed, .permute_instants = permute}), nodes(simulation) {
    simulation.records().subscribe(records, all_kinds);
    for (std::uint32_t i = 0; i < count; ++i) {
      receivers.push_back(std::make_unique<Receiver>(simulation));
      all.push_back(nodes.add(*receivers.back()).id());
    }
    if (options.latency == nullptr) options.latency = make_constant_latency(10ms);
    network = std::make_unique<Network>(simulation, nodes, std::move(options));
    for (const NodeId node : all) nodes.start(node);
  }
  MessagePtr text(std::uint64_t number, std::uint32_t bytes = 100, MessageClass c = MessageClass::consensus) {
    return MessagePtr{network->pool().make<Text>(number, bytes, c)};
  }
  void at(Duration when, std::function<void()> action) { simulation.call_at(time_zero + when, std::move(action)); }
  const std::vector<Arrival>& arrivals(std::uint32_t node) const { return receivers[node]->arrivals; }
  const NetworkCounters& counters() const { return network->counters(); }

  Simulation simulation;
  Records records;
  Nodes nodes;
  std::vector<std::unique_ptr<Receiver>> receivers;
  std::vector<NodeId> all;
  std::unique_ptr<Network> network;
};

constexpr NodeId n0{0}, n1{1}, n2{2}, n3{3};

std::int64_t ms(std::int64_t n) { return n * 1'000'000; }

using Arrivals = std::vector<Arrival>;

}  // namespace

// ---- plain messages -------------------------------------------------------------------------------------------------

TEST_CASE("a message arrives after the delay of its link and is recorded once at either end", "[sim][network]") {
  World w(3);
  w.network->send(n0, n1, w.text(7, 250));
  w.simulation.run();
  CHECK(w.arrivals(1) == Arrivals{{ms(10), 0, 7}});
  CHECK(w.arrivals(0).empty());
  CHECK(w.arrivals(2).empty());
  const Record sent = w.records.all[3];
  const Record delivered = w.records.all[4];
  CHECK(sent == Record{.at = time_zero,
                       .kind = RecordKind::message_sent,
                       .detail = 5,
                       .node = n0,
                       .peer = n1,
                       .a = 1,
                       .b = 250});
  CHECK(delivered == Record{.at = time_zero + 10ms,
                            .kind = RecordKind::message_delivered,
                            .detail = 5,
                            .node = n1,
                            .peer = n0,
                            .a = 1});
  CHECK(w.counters().sent == 1);
  CHECK(w.counters().delivered == 1);
  CHECK(w.counters().bytes == 250);
  CHECK(w.network->pool().live() == 0);
}

TEST_CASE("a broadcast reaches all but the sender with one body and one record of sending", "[sim][network]") {
  World w(5, {.message_overhead_bytes = 40});
  w.network->broadcast(n2, w.all, w.text(1));
  CHECK(w.network->pool().live() == 1);
  w.simulation.run();
  for (const std::uint32_t i : {0U, 1U, 3U, 4U}) CHECK(w.arrivals(i) == Arrivals{{ms(10), 2, 1}});
  CHECK(w.arrivals(2).empty());
  CHECK(w.records.count(RecordKind::message_sent) == 1);
  CHECK(w.records.all[5].peer == all_nodes);
  CHECK(w.records.all[5].b == 140);
  CHECK(w.records.count(RecordKind::message_delivered) == 4);
  CHECK(w.counters().sent == 4);
  CHECK(w.counters().bytes == 4 * 140);
  CHECK(w.network->pool().live() == 0);
}

TEST_CASE("a message to oneself comes at once, as an event of its own, and is no traffic", "[sim][network]") {
  World w(1);
  bool inside = false;
  w.receivers[0]->on_text = [&](NodeId, const MessagePtr& message) {
    CHECK(!inside);
    inside = true;
    if (static_cast<const Text&>(*message).number < 3) {
      w.network->send(n0, n0, w.text(static_cast<const Text&>(*message).number + 1));
    }
    inside = false;
  };
  w.network->send(n0, n0, w.text(1));
  CHECK(w.arrivals(0).empty());
  w.simulation.run();
  CHECK(w.arrivals(0) == Arrivals{{0, 0, 1}, {0, 0, 2}, {0, 0, 3}});
  CHECK(w.counters().sent == 0);
  CHECK(w.records.count(RecordKind::message_sent) + w.records.count(RecordKind::message_delivered) == 0);
  // It belongs to the incarnation that sent it.
  w.network->send(n0, n0, w.text(9));
  w.nodes.crash(n0);
  w.nodes.start(n0);
  w.simulation.run();
  CHECK(w.arrivals(0).size() == 3);
  CHECK(w.network->pool().live() == 0);
}

TEST_CASE("a delay that the sender chose is added to the way", "[sim][network]") {
  World w(2);
  w.network->send(n0, n1, w.text(1), 30ms);
  w.network->send(n0, n1, w.text(2), -5ms);             // nonsense counts as none
  w.network->send(n0, n1, w.text(3), Duration::max());  // nor does it overflow
  w.simulation.run(time_zero + 1s);
  CHECK(w.arrivals(1) == Arrivals{{ms(10), 0, 2}, {ms(40), 0, 1}});
}

TEST_CASE("messages keep their number when they are sent again", "[sim][network]") {
  World w(3);
  const MessagePtr message = w.text(1);
  w.network->send(n0, n1, message);
  w.network->send(n1, n2, message);
  w.network->send(n0, n1, w.text(2));
  w.simulation.run();
  std::vector<std::uint64_t> numbers;
  for (const Record& r : w.records.all) {
    if (r.kind == RecordKind::message_sent) numbers.push_back(r.a);
  }
  CHECK(numbers == std::vector<std::uint64_t>{1, 1, 2});
}

TEST_CASE("receivers that are down and senders that are down lose messages, each with its reason", "[sim][network]") {
  World w(4);
  w.network->broadcast(n0, w.all, w.text(1));
  w.at(5ms, [&] {
    w.nodes.crash(n1);
    w.nodes.crash(n0);  // what it has sent is on its way
    w.network->send(n0, n2, w.text(2));
    w.network->send(n2, n0, w.text(3));
  });
  w.simulation.run();
  CHECK(w.arrivals(1).empty());
  CHECK(w.arrivals(2) == Arrivals{{ms(10), 0, 1}});
  CHECK(w.arrivals(3) == Arrivals{{ms(10), 0, 1}});
  CHECK(w.records.count(DropReason::receiver_down) == 2);
  CHECK(w.records.count(DropReason::sender_down) == 1);
  CHECK(w.counters().sent == 5);
  CHECK(w.counters().delivered + w.counters().dropped == 5);
}

// ---- draws ----------------------------------------------------------------------------------------------------------

namespace {
/// When the messages of n0 ... n3 among each other arrive, in a world of `count` nodes.
std::map<std::uint64_t, std::vector<Arrival>> arrivals_among_four(std::uint32_t count, NetworkOptions options,
                                                                  const std::function<void(World&)>& prepare = {}) {
  options.latency = make_regions_latency("aws13", {}, {1, 20});
  World w(count, std::move(options));
  if (prepare) prepare(w);
  for (std::uint32_t round = 0; round < 20; ++round) {
    w.at(Duration{ms(500) * round}, [&w, round] {
      for (const NodeId from : w.all) w.network->broadcast(from, w.all, w.text(round * 1000 + from.value));
    });
  }
  w.simulation.run();
  std::map<std::uint64_t, std::vector<Arrival>> result;
  for (std::uint32_t to = 0; to < 4; ++to) {
    for (const Arrival& a : w.arrivals(to)) {
      if (a.from < 4) result[to].push_back(a);
    }
  }
  return result;
}

struct WatchingNobody final : LinkAdversary {
  LinkVerdict on_link(NodeId, NodeId, const Message&, SimTime) override {
    ++asked;
    return {};
  }
  std::uint64_t asked = 0;
};
}  // namespace

TEST_CASE("adding nodes does not change the delays among the others", "[sim][network]") {
  const auto four = arrivals_among_four(4, {});
  CHECK(four.at(0).size() == 60);
  CHECK(four == arrivals_among_four(5, {}));
  CHECK(four == arrivals_among_four(13, {}));
}

TEST_CASE("the long way draws the same delays as the short one", "[sim][network]") {
  const auto plain = arrivals_among_four(7, {});
  CHECK(plain == arrivals_among_four(7, {.reordering = {1, 1}, .reordering_delay = 0ms}));
  CHECK(plain == arrivals_among_four(7, {.duplication = {1, 1'000'000'000}}));
  CHECK(plain == arrivals_among_four(7, {.loss = {1, 1'000'000'000}}));
  CHECK(plain == arrivals_among_four(7, {.fifo_links = true}));
  CHECK(plain == arrivals_among_four(7, {.overrides = {{.from = NodeId{5}, .to = n1, .latency = 1ms}}}));
  const auto partitioned = arrivals_among_four(7, {}, [](World& w) {
    const std::vector<std::vector<NodeId>> groups{{NodeId{5}, n0, n1, n2, n3}, {NodeId{6}}};
    w.network->partition(groups);
  });
  CHECK(plain == partitioned);
  WatchingNobody adversary;
  CHECK(plain == arrivals_among_four(7, {}, [&](World& w) { w.network->watch(adversary, NodeId{2}); }));
  CHECK(adversary.asked == 20U * 12U);  // 6 that n2 sends and 6 that it gets each round
}

TEST_CASE("a model that is not a table gives the network the same delays", "[sim][network]") {
  struct Opaque final : LatencyModel {
    Duration delay(NodeId from, NodeId to, std::uint32_t draw) const override { return inner->delay(from, to, draw); }
    Duration min() const override { return inner->min(); }
    Duration max() const override { return inner->max(); }
    std::shared_ptr<const LatencyModel> inner = make_regions_latency("aws13", {}, {1, 20});
  };
  std::vector<Arrivals> results;
  for (const bool opaque : {false, true}) {
    NetworkOptions options;
    if (opaque) {
      options.latency = std::make_shared<Opaque>();
    } else {
      options.latency = make_regions_latency("aws13", {}, {1, 20});
    }
    World w(9, options);
    for (const NodeId from : w.all) w.network->broadcast(from, w.all, w.text(from.value));
    w.simulation.run();
    results.push_back(w.arrivals(3));
  }
  CHECK(results[0].size() == 8);
  CHECK(results[0] == results[1]);
}

TEST_CASE("the same seed gives the same digest and another seed another one", "[sim][network]") {
  const auto digest = [](std::uint64_t seed) {
    World w(10, {.latency = make_regions_latency("aws18", {}, {}), .loss = {1, 10}, .duplication = {1, 10}}, seed);
    for (const NodeId from : w.all) w.network->broadcast(from, w.all, w.text(from.value));
    w.simulation.run();
    return w.simulation.records().digest();
  };
  CHECK(digest(1) == digest(1));
  CHECK(digest(1) != digest(2));
}

// ---- loss, duplication, reordering, order ---------------------------------------------------------------------------

TEST_CASE("messages are lost and duplicated as often as asked", "[sim][network]") {
  World w(11, {.loss = {1, 5}, .duplication = {1, 4}});
  for (int i = 0; i < 1000; ++i) {
    w.at(Duration{ms(i)}, [&w, i] { w.network->broadcast(n0, w.all, w.text(static_cast<std::uint64_t>(i))); });
  }
  w.simulation.run();
  const NetworkCounters& c = w.counters();
  CHECK(c.sent == 10'000);
  CHECK(std::abs(static_cast<std::int64_t>(c.dropped) - 2'000) < 200);      // 5 sd
  CHECK(std::abs(static_cast<std::int64_t>(c.duplicates) - 2'000) < 200);
  CHECK(c.delivered == c.sent - c.dropped + c.duplicates);
  CHECK(w.records.count(RecordKind::message_delivered) == c.delivered);
  CHECK(w.records.count(DropReason::loss) == c.dropped);
  CHECK(w.network->pool().live() == 0);
  // Loss of one receiver says nothing about the next.
  std::map<std::uint64_t, int> got;
  for (const Arrival& a : w.arrivals(1)) got[a.number] |= 1;
  for (const Arrival& a : w.arrivals(2)) got[a.number] |= 2;
  const auto both = std::count_if(got.begin(), got.end(), [](const auto& g) { return g.second == 3; });
  CHECK(std::abs(both - 640) < 80);
}

TEST_CASE("certain loss loses everything and certain duplication doubles everything", "[sim][network]") {
  World lossy(2, {.loss = {1, 1}});
  World doubling(2, {.latency = make_normal_latency(50ms, 10ms), .duplication = {3, 3}});
  for (std::uint64_t i = 0; i < 50; ++i) {
    lossy.network->send(n0, n1, lossy.text(i));
    doubling.network->send(n0, n1, doubling.text(i));
  }
  lossy.simulation.run();
  doubling.simulation.run();
  CHECK(lossy.arrivals(1).empty());
  CHECK(doubling.arrivals(1).size() == 100);
  CHECK(doubling.counters().duplicates == 50);
  std::set<std::int64_t> times;
  for (const Arrival& a : doubling.arrivals(1)) times.insert(a.at);
  CHECK(times.size() == 100);  // a copy has its own delay
}

TEST_CASE("reordering holds some messages back by its delay", "[sim][network]") {
  World w(2, {.reordering = {1, 2}, .reordering_delay = 7ms});
  for (std::uint64_t i = 0; i < 400; ++i) w.network->send(n0, n1, w.text(i));
  w.simulation.run();
  const auto arrived_at = [&](std::int64_t at) {
    return std::count_if(w.arrivals(1).begin(), w.arrivals(1).end(), [&](const Arrival& a) { return a.at == at; });
  };
  const auto late = arrived_at(ms(17));
  const auto early = arrived_at(ms(10));
  CHECK(late + early == 400);
  CHECK(std::abs(late - 200) < 60);
}

TEST_CASE("a FIFO link never lets a message overtake another, even when instants are permuted", "[sim][network]") {
  const auto in_order = [](bool fifo, bool permute) {
    World w(3, {.latency = make_exponential_latency(1ms, 20ms), .fifo_links = fifo}, 1, permute);
    for (std::uint64_t i = 0; i < 300; ++i) {
      w.at(Duration{ms(static_cast<std::int64_t>(i / 3))}, [&w, i] {
        w.network->send(n0, n2, w.text(i));
        w.network->send(n1, n2, w.text(1000 + i));
      });
    }
    w.simulation.run();
    CHECK(w.arrivals(2).size() == 600);
    std::map<std::uint32_t, std::uint64_t> last;
    bool ordered = true;
    for (const Arrival& a : w.arrivals(2)) {
      ordered = ordered && (last.count(a.from) == 0 || last[a.from] < a.number);
      last[a.from] = a.number;
    }
    return ordered;
  };
  CHECK(!in_order(false, false));
  CHECK(in_order(true, false));
  // With permuted instants sends of one instant run in any order, so only links with distinct send times are judged.
  World w(2, {.fifo_links = true}, 3, true);
  w.at(0ms, [&w] {
    for (std::uint64_t i = 0; i < 100; ++i) w.network->send(n0, n1, w.text(i));
  });
  w.simulation.run();
  REQUIRE(w.arrivals(1).size() == 100);
  for (std::uint64_t i = 0; i < 100; ++i) CHECK(w.arrivals(1)[i].number == i);
}

TEST_CASE("a link can have a latency and a loss of its own, in its own direction", "[sim][network]") {
  World w(3, {.loss = {0, 1},
              .overrides = {{.from = n0, .to = n1, .latency = 3ms},
                            {.from = n0, .to = n2, .extra_latency = 5ms},
                            {.from = n1, .to = n2, .loss = {1, 1}},
                            {.from = n0, .to = n1, .extra_latency = 1ms}}});
  w.network->broadcast(n0, w.all, w.text(1));
  w.network->broadcast(n1, w.all, w.text(2));
  w.network->broadcast(n2, w.all, w.text(3));
  w.simulation.run();
  CHECK(w.arrivals(0) == Arrivals{{ms(10), 1, 2}, {ms(10), 2, 3}});
  CHECK(w.arrivals(1) == Arrivals{{ms(4), 0, 1}, {ms(10), 2, 3}});
  CHECK(w.arrivals(2) == Arrivals{{ms(15), 0, 1}});
}

// ---- bandwidth ------------------------------------------------------------------------------------------------------

TEST_CASE("transmission times are exact and rounded up", "[sim][network]") {
  CHECK(transmission_time(125, 1'000'000'000) == 1us);
  CHECK(transmission_time(1, 3) == Duration{2'666'666'667});
  CHECK(transmission_time(0, 7) == Duration{0});
  CHECK(transmission_time(1ULL << 40U, 8'000'000'000) == Duration{1LL << 40U});
  CHECK(transmission_time(~0ULL, 1) > 1h);
}

TEST_CASE("an uplink sends one message at a time", "[sim][network]") {
  World w(4, {.uplink_bps = 8'000'000, .message_overhead_bytes = 20});  // 1 byte a microsecond
  w.network->broadcast(n0, w.all, w.text(1, 980));                      // 1 ms for each copy
  w.network->send(n1, n0, w.text(2, 1'980));                            // another machine's line is free
  w.simulation.run();
  CHECK(w.arrivals(1) == Arrivals{{ms(11), 0, 1}});
  CHECK(w.arrivals(2) == Arrivals{{ms(12), 0, 1}});
  CHECK(w.arrivals(3) == Arrivals{{ms(13), 0, 1}});
  CHECK(w.arrivals(0) == Arrivals{{ms(12), 1, 2}});
}

TEST_CASE("a downlink receives one message at a time", "[sim][network]") {
  World w(4, {.downlink_bps = 8'000'000});
  for (const NodeId from : {n1, n2, n3}) w.network->send(from, n0, w.text(from.value, 2'000));
  w.network->send(n0, n1, w.text(9, 2'000));
  w.simulation.run();
  CHECK(w.arrivals(0) == Arrivals{{ms(12), 1, 1}, {ms(14), 2, 2}, {ms(16), 3, 3}});
  CHECK(w.arrivals(1) == Arrivals{{ms(12), 0, 9}});
}

TEST_CASE("both lines of a way cost their time", "[sim][network]") {
  World w(2, {.uplink_bps = 8'000'000, .downlink_bps = 4'000'000});
  w.network->send(n0, n1, w.text(1, 1'000));
  w.network->send(n0, n1, w.text(2, 1'000));
  w.simulation.run();
  CHECK(w.arrivals(1) == Arrivals{{ms(1 + 10 + 2), 0, 1}, {ms(1 + 10 + 2 + 2), 0, 2}});
}

TEST_CASE("consensus goes before data in a queue, but not into the middle of a transmission", "[sim][network]") {
  World w(2, {.uplink_bps = 8'000'000});
  w.network->send(n0, n1, w.text(1, 1'000, MessageClass::data));
  w.network->send(n0, n1, w.text(2, 1'000, MessageClass::data));
  w.network->send(n0, n1, w.text(3, 1'000, MessageClass::transaction));
  w.network->send(n0, n1, w.text(4, 1'000, MessageClass::consensus));
  w.network->send(n0, n1, w.text(5, 1'000, MessageClass::sync));
  w.network->send(n0, n1, w.text(6, 1'000, MessageClass::consensus));
  w.simulation.run();
  std::vector<std::uint64_t> order;
  for (const Arrival& a : w.arrivals(1)) order.push_back(a.number);
  CHECK(order == std::vector<std::uint64_t>{1, 4, 6, 2, 3, 5});
}

TEST_CASE("a message that would wait too long in a queue is dropped", "[sim][network]") {
  World w(2, {.uplink_bps = 8'000'000, .queue_limit = 3ms});
  for (std::uint64_t i = 0; i < 6; ++i) w.network->send(n0, n1, w.text(i, 1'000, MessageClass::data));
  w.network->send(n0, n1, w.text(9, 1'000));  // consensus waits for the running transmission only
  w.simulation.run();
  std::vector<std::uint64_t> order;
  for (const Arrival& a : w.arrivals(1)) order.push_back(a.number);
  CHECK(order == std::vector<std::uint64_t>{0, 9, 1, 2, 3});  // 1 ... 3 found 1 ... 3 ms, the next 4 ms
  CHECK(w.records.count(DropReason::queue_full) == 2);
}

TEST_CASE("what a machine had queued is lost when it crashes, what it queues later is not", "[sim][network]") {
  World w(3, {.uplink_bps = 8'000'000});
  for (std::uint64_t i = 0; i < 5; ++i) w.network->send(n0, n1, w.text(i, 1'000));
  w.at(1500us, [&] {
    w.nodes.crash(n0);
    w.nodes.start(n0);
    w.network->send(n0, n1, w.text(10, 1'000));  // the old transmission would have ended within this one
    w.network->send(n0, n1, w.text(11, 1'000));
  });
  w.simulation.run();
  CHECK(w.arrivals(1) == Arrivals{{ms(11), 0, 0}, {12'500'000, 0, 10}, {13'500'000, 0, 11}});
  CHECK(w.records.count(DropReason::sender_down) == 4);
  CHECK(w.network->pool().live() == 0);
}

TEST_CASE("a machine that stays down loses its queue as well", "[sim][network]") {
  World w(3, {.uplink_bps = 8'000'000});
  for (std::uint64_t i = 0; i < 5; ++i) w.network->send(n0, n1, w.text(i, 1'000));
  w.at(1500us, [&] { w.nodes.crash(n0); });
  w.simulation.run();
  CHECK(w.arrivals(1) == Arrivals{{ms(11), 0, 0}});
  CHECK(w.records.count(DropReason::sender_down) == 4);
  CHECK(w.network->pool().live() == 0);
}

// ---- partitions -----------------------------------------------------------------------------------------------------

namespace {
using Groups = std::vector<std::vector<NodeId>>;
}

TEST_CASE("a partition separates its groups and leaves nodes of no group alone", "[sim][network]") {
  World w(5);
  const Groups groups{{n0, n1}, {n2}};
  const PartitionId id = w.network->partition(groups);
  CHECK(!w.network->connected(n0, n2));
  CHECK(!w.network->connected(n2, n1));
  CHECK(w.network->connected(n0, n1));
  CHECK(w.network->connected(n2, n3));
  CHECK(w.network->connected(n2, n2));
  for (const NodeId from : w.all) w.network->broadcast(from, w.all, w.text(from.value));
  w.simulation.run();
  CHECK(w.arrivals(0).size() == 3);
  CHECK(w.arrivals(1).size() == 3);
  CHECK(w.arrivals(2).size() == 2);
  CHECK(w.arrivals(3).size() == 4);
  CHECK(w.records.count(DropReason::partition) == 4);
  CHECK(w.counters().sent == w.counters().delivered + w.counters().dropped);
  w.network->heal(id);
  w.network->heal(id);
  w.network->heal(12'345);
  CHECK(w.network->connected(n0, n2));
  CHECK(w.records.count(RecordKind::partition_started) == 1);
  CHECK(w.records.count(RecordKind::partition_healed) == 1);
}

TEST_CASE("a one-way partition loses only what the first group sends", "[sim][network]") {
  World w(4);
  const Groups groups{{n0}, {n1}, {n2}};
  w.network->partition(groups, true);
  for (const NodeId from : w.all) w.network->broadcast(from, w.all, w.text(from.value));
  w.simulation.run();
  CHECK(w.arrivals(0).size() == 3);
  CHECK(w.arrivals(1).size() == 2);
  CHECK(w.arrivals(2).size() == 2);
  CHECK(w.arrivals(3).size() == 3);
  CHECK(w.network->connected(n1, n2));
  CHECK(!w.network->connected(n0, n1));
  CHECK(w.network->connected(n1, n0));
}

TEST_CASE("a partition loses what is in flight across it, also if it heals before the arrival", "[sim][network]") {
  World w(3);
  const Groups groups{{n0}, {n1}};
  PartitionId id = 0;
  w.at(0ms, [&] { w.network->broadcast(n0, w.all, w.text(1)); });
  w.at(3ms, [&] { id = w.network->partition(groups); });
  w.at(4ms, [&] { w.network->broadcast(n0, w.all, w.text(2)); });
  w.at(6ms, [&] { w.network->heal(id); });
  w.at(7ms, [&] { w.network->broadcast(n0, w.all, w.text(3)); });
  w.simulation.run();
  CHECK(w.arrivals(1) == Arrivals{{ms(17), 0, 3}});
  CHECK(w.arrivals(2).size() == 3);
  CHECK(w.records.count(DropReason::partition) == 2);
}

TEST_CASE("partitions overlap and heal one by one or all at once", "[sim][network]") {
  World w(3);
  const Groups first{{n0}, {n1}};
  const Groups second{{n0}, {n1, n2}};
  const PartitionId a = w.network->partition(first);
  w.network->partition(second);
  w.network->heal(a);
  CHECK(!w.network->connected(n0, n1));
  w.network->heal_all();
  CHECK(w.network->connected(n0, n1));
  CHECK(w.network->connected(n0, n2));
  w.network->send(n0, n1, w.text(1));
  w.simulation.run();
  CHECK(w.arrivals(1).size() == 1);
}

TEST_CASE("healed partitions are forgotten once nothing that they cut is in flight", "[sim][network]") {
  Partitions partitions;
  const Groups groups{{n0}, {n1}};
  partitions.enter(partitions.epoch());
  for (int i = 0; i < 100; ++i) partitions.heal(partitions.start(groups, false));
  CHECK(partitions.remembered() == 100);  // the message of epoch 0 is still on its way
  CHECK(partitions.separated_since(0, n0, n1));
  CHECK(!partitions.separated_since(partitions.epoch(), n0, n1));
  partitions.leave(0);
  partitions.heal(partitions.start(groups, false));
  CHECK(partitions.remembered() <= 1);
}

// ---- global stabilisation time --------------------------------------------------------------------------------------

TEST_CASE("what is not lost before stabilisation arrives by the bound, later messages are plain", "[sim][network]") {
  const auto run = [](bool fifo) {
    World w(5, {.latency = make_exponential_latency(5ms, 60ms),
                .fifo_links = fifo,
                .stabilises_at = time_zero + 1s,
                .loss_before = {1, 3},
                .delay_before = 5s,
                .delta = 100ms});
    for (std::int64_t i = 0; i < 200; ++i) {
      w.at(Duration{ms(10) * i}, [&w, i] { w.network->broadcast(n0, w.all, w.text(static_cast<std::uint64_t>(i))); });
    }
    w.simulation.run();
    std::uint64_t early = 0;
    std::uint64_t late_delayed = 0;
    std::int64_t latest = 0;
    for (std::uint32_t to = 1; to < 5; ++to) {
      for (const Arrival& a : w.arrivals(to)) {
        const std::int64_t sent = ms(10) * static_cast<std::int64_t>(a.number);
        if (sent < ms(1000)) {
          ++early;
          latest = std::max(latest, a.at);
        } else if (a.at - sent > ms(5 + 9 * 60)) {
          ++late_delayed;
        }
      }
    }
    CHECK(latest == ms(1100));  // reached, as 5 s are far more than the rest, and never passed
    CHECK(late_delayed == 0);
    CHECK(w.records.count(DropReason::loss) == 400 - early);
    CHECK(std::abs(static_cast<std::int64_t>(early) - 267) < 50);
    CHECK(w.counters().delivered == early + 400);
  };
  run(false);
  run(true);
}

namespace {
struct Script final : LinkAdversary {
  LinkVerdict on_link(NodeId from, NodeId to, const Message& message, SimTime planned) override {
    asked.push_back(Arrival{ns(planned), from.value, to.value});
    return decide ? decide(from, to, message) : LinkVerdict{};
  }
  std::function<LinkVerdict(NodeId, NodeId, const Message&)> decide;
  Arrivals asked;
};
}  // namespace

TEST_CASE("an adversary cannot delay beyond the bound what was sent before stabilisation", "[sim][network]") {
  World w(2, {.stabilises_at = time_zero + 1s, .delta = 50ms});
  Script script;
  script.decide = [](NodeId, NodeId, const Message&) { return LinkVerdict{false, 10s}; };
  w.network->watch(script, no_node);
  w.network->send(n0, n1, w.text(1));
  w.at(1s, [&] { w.network->send(n0, n1, w.text(2)); });
  w.simulation.run();
  CHECK(w.arrivals(1) == Arrivals{{ms(1050), 0, 1}, {ms(11'010), 0, 2}});
}

// ---- adversary and healing ------------------------------------------------------------------------------------------

TEST_CASE("the adversary is asked about the messages of watched nodes only, and obeyed", "[sim][network]") {
  World w(4);
  Script script;
  script.decide = [](NodeId, NodeId to, const Message&) {
    if (to == n0) return LinkVerdict{true, {}};
    return LinkVerdict{false, to == n1 ? 7ms : 0ms};
  };
  w.network->watch(script, n2);
  for (const NodeId from : w.all) w.network->broadcast(from, w.all, w.text(from.value));
  w.simulation.run();
  const Arrivals links{{ms(10), 0, 2}, {ms(10), 1, 2}, {ms(10), 2, 0}, {ms(10), 2, 1}, {ms(10), 2, 3}, {ms(10), 3, 2}};
  CHECK(script.asked == links);
  CHECK(w.arrivals(0) == Arrivals{{ms(10), 1, 1}, {ms(10), 3, 3}});
  CHECK(w.arrivals(1) == Arrivals{{ms(10), 0, 0}, {ms(10), 3, 3}, {ms(17), 2, 2}});
  CHECK(w.records.count(DropReason::adversary) == 1);
}

TEST_CASE("an adversary may send while it is asked", "[sim][network]") {
  World w(40);
  Script script;
  int budget = 200;
  script.decide = [&](NodeId from, NodeId, const Message&) {
    if (budget-- > 0) w.network->broadcast(from, w.all, w.text(1000 + static_cast<std::uint64_t>(budget)));
    return LinkVerdict{};
  };
  w.network->watch(script, n3);
  w.network->broadcast(n3, w.all, w.text(1));
  w.network->broadcast(n3, w.all, w.text(2), Dissemination::gossip);
  w.simulation.run();
  CHECK(w.counters().sent == w.counters().delivered + w.counters().dropped + w.counters().duplicates);
  CHECK(std::count(w.arrivals(5).begin(), w.arrivals(5).end(), Arrival{ms(10), 3, 1}) == 1);
  CHECK(w.arrivals(5).size() == 202);
  CHECK(w.network->pool().live() == 0);
}

TEST_CASE("a reliable network loses nothing, asks nobody and has no partition", "[sim][network]") {
  World w(4, {.loss = {1, 1},
              .duplication = {1, 1},
              .uplink_bps = 8'000'000,
              .queue_limit = 1ms,
              .stabilises_at = time_zero + 100s,
              .loss_before = {1, 1},
              .delay_before = 50s,
              .delta = 1s,
              .overrides = {{.from = n0, .to = n1, .loss = {1, 1}}}});
  Script script;
  script.decide = [](NodeId, NodeId, const Message&) { return LinkVerdict{true, {}}; };
  w.network->watch(script, no_node);
  const Groups groups{{n0}, {n1, n2}};
  w.network->partition(groups);
  w.network->broadcast(n0, w.all, w.text(1));
  w.at(1s, [&] {
    w.network->make_reliable();
    w.network->watch(script, n0);
    for (std::uint64_t i = 0; i < 10; ++i) w.network->broadcast(n0, w.all, w.text(10 + i, 1'000));
  });
  w.simulation.run();
  for (std::uint32_t to = 1; to < 4; ++to) CHECK(w.arrivals(to).size() == 10);
  CHECK(w.arrivals(3).back().at == ms(1000 + 30 + 10));
  CHECK(script.asked.empty());
  CHECK(w.counters().dropped == 3);
}

// ---- gossip ---------------------------------------------------------------------------------------------------------

TEST_CASE("an overlay is connected, symmetric and of the asked degree", "[sim][gossip]") {
  for (const std::uint32_t size : {2U, 5U, 9U, 10U, 50U, 1000U}) {
    for (const std::uint32_t degree : {1U, 2U, 5U, 8U}) {
      std::vector<NodeId> members;
      for (std::uint32_t i = 0; i < size; ++i) members.push_back(NodeId{3 * i + 1});
      const Overlay overlay(7, members, degree);
      std::set<NodeId> reached{members.front()};
      std::vector<NodeId> pending{members.front()};
      std::uint64_t edges = 0;
      while (!pending.empty()) {
        const NodeId node = pending.back();
        pending.pop_back();
        for (const NodeId other : overlay.neighbours_of(node)) {
          ++edges;
          CHECK(other != node);
          const auto back = overlay.neighbours_of(other);
          CHECK(std::binary_search(back.begin(), back.end(), node));
          if (reached.insert(other).second) pending.push_back(other);
        }
      }
      CHECK(reached.size() == size);
      const double average = static_cast<double>(edges) / size;
      const double asked = std::min<double>(std::max(2U, degree), size - 1);
      CHECK(average <= asked + 0.5);
      if (size >= 50) CHECK(average >= asked - 0.5);  // in a small one many chords join the same two nodes
    }
  }
}

TEST_CASE("one more node changes an overlay only around it", "[sim][gossip]") {
  std::vector<NodeId> members;
  for (std::uint32_t i = 0; i < 400; ++i) members.push_back(NodeId{i});
  const Overlay before(7, members, 8);
  members.push_back(NodeId{400});
  const Overlay after(7, members, 8);
  std::uint32_t changed = 0;
  for (std::uint32_t i = 0; i < 400; ++i) {
    const auto a = before.neighbours_of(NodeId{i});
    const auto b = after.neighbours_of(NodeId{i});
    changed += std::equal(a.begin(), a.end(), b.begin(), b.end()) ? 0 : 1;
  }
  CHECK(changed > 0);
  CHECK(changed < 40);
}

TEST_CASE("gossip reaches everybody once, and the copies are counted as traffic", "[sim][gossip]") {
  World w(200, {.latency = make_normal_latency(50ms, 20ms)});
  for (std::uint64_t i = 0; i < 20; ++i) {
    const NodeId from{static_cast<std::uint32_t>(i * 7)};
    w.network->broadcast(from, w.all, w.text(i), Dissemination::gossip);
  }
  w.simulation.run();
  for (std::uint32_t to = 0; to < 200; ++to) {
    std::set<std::uint64_t> seen;
    for (const Arrival& a : w.arrivals(to)) {
      CHECK(a.from == a.number * 7);  // the origin, not who forwarded
      CHECK(seen.insert(a.number).second);
    }
    const bool is_sender = to % 7 == 0 && to / 7 < 20;
    CHECK(seen.size() == (is_sender ? 19U : 20U));
  }
  const NetworkCounters& c = w.counters();
  CHECK(c.delivered == 20 * 199);
  CHECK(c.sent == c.delivered + c.duplicates);
  CHECK(c.bytes == 100 * c.sent);
  CHECK(c.duplicates > c.delivered * 4);  // 8 neighbours send what one copy of says
  CHECK(c.duplicates < c.delivered * 8);
  CHECK(w.records.count(RecordKind::message_sent) == 20);
  CHECK(w.records.count(RecordKind::message_delivered) == c.delivered);
  CHECK(w.records.count(DropReason::duplicate) == c.duplicates);
  CHECK(c.dropped == 0);
  CHECK(w.network->pool().live() == 0);
}

TEST_CASE("gossip goes round crashed nodes and reaches a paused one when it resumes", "[sim][gossip]") {
  World w(60);
  for (std::uint32_t i = 40; i < 50; ++i) w.nodes.crash(NodeId{i});
  w.nodes.pause(n3);
  w.network->broadcast(n0, w.all, w.text(1), Dissemination::gossip);
  w.at(10s, [&] { w.nodes.resume(n3); });
  w.simulation.run();
  for (std::uint32_t i = 1; i < 60; ++i) {
    if (i == 3) {
      CHECK(w.arrivals(i) == Arrivals{{ms(10'000), 0, 1}});
    } else {
      CHECK(w.arrivals(i).size() == (i >= 40 && i < 50 ? 0U : 1U));
    }
  }
  CHECK(w.network->pool().live() == 0);
}

TEST_CASE("a message sent again while it spreads is handled once, and later anew", "[sim][gossip]") {
  World w(50);
  const MessagePtr message = w.text(1);
  w.network->broadcast(n0, w.all, message, Dissemination::gossip);
  w.at(15ms, [&] { w.network->broadcast(n1, w.all, message, Dissemination::gossip); });
  w.simulation.run();
  for (std::uint32_t i = 2; i < 50; ++i) CHECK(w.arrivals(i).size() == 1);
  w.network->broadcast(n0, w.all, message, Dissemination::gossip);
  w.simulation.run();
  for (std::uint32_t i = 2; i < 50; ++i) CHECK(w.arrivals(i).size() == 2);
}

TEST_CASE("duplication by the network does not make gossip be handled twice", "[sim][gossip]") {
  World w(30, {.duplication = {1, 1}, .fifo_links = true});
  w.network->broadcast(n0, w.all, w.text(1), Dissemination::gossip);
  w.simulation.run();
  for (std::uint32_t i = 1; i < 30; ++i) CHECK(w.arrivals(i).size() == 1);
  CHECK(w.network->pool().live() == 0);
}

TEST_CASE("gossip among some nodes stays among them, in any order of the list", "[sim][gossip]") {
  World w(40);
  std::vector<NodeId> some;
  for (std::uint32_t i = 0; i < 20; ++i) some.push_back(NodeId{38 - 2 * i});
  w.network->broadcast(n0, some, w.text(1), Dissemination::gossip);
  w.network->broadcast(n1, some, w.text(2), Dissemination::gossip);  // not one of them
  w.simulation.run();
  for (std::uint32_t i = 2; i < 40; ++i) CHECK(w.arrivals(i).size() == (i % 2 == 0 ? 2U : 0U));
  CHECK(w.arrivals(0).size() == 1);
  CHECK(w.arrivals(1).empty());
}

TEST_CASE("gossip respects partitions and bandwidth", "[sim][gossip]") {
  World w(30, {.uplink_bps = 8'000'000});
  std::vector<std::vector<NodeId>> groups(2);
  for (std::uint32_t i = 0; i < 30; ++i) groups[i < 12 ? 0 : 1].push_back(NodeId{i});
  w.network->partition(groups);
  w.network->broadcast(n0, w.all, w.text(1, 1'000), Dissemination::gossip);
  w.simulation.run();
  std::set<std::int64_t> first_hop;
  std::uint32_t reached = 0;
  for (std::uint32_t i = 1; i < 30; ++i) {
    if (i >= 12) CHECK(w.arrivals(i).empty());
    reached += w.arrivals(i).empty() ? 0 : 1;
    for (const Arrival& a : w.arrivals(i)) {
      if (a.at < ms(20)) first_hop.insert(a.at);
    }
  }
  CHECK(reached > 0);
  for (const std::int64_t at : first_hop) CHECK(at % ms(1) == 0);  // one copy a millisecond leaves the uplink
  CHECK(w.counters().dropped > 0);
}
