#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/kernel/processes.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/latency/latency_models.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::sim;

namespace {

struct Note final : Message {
  explicit Note(std::uint32_t n) : number(n) { wire_bytes = 100; }
  std::uint32_t number;
};

/// Writes down what happens to it.
struct Diary final : NodeHandler {
  explicit Diary(Simulation& s) : simulation(s) {}
  void on_start(bool restarted) override { write(restarted ? "restart" : "start"); }
  void on_message(NodeId from, const MessagePtr& message) override {
    const std::uint32_t number = static_cast<const Note&>(*message).number;
    write("message " + std::to_string(number) + " from " + std::to_string(from.value));
    if (on_input) on_input();
  }
  void on_timer(std::uint64_t token) override {
    write("timer " + std::to_string(token));
    if (on_input) on_input();
  }
  void on_crash() override { write("crash"); }
  void write(std::string what) { entries.emplace_back(ns(simulation.now()), std::move(what)); }

  Simulation& simulation;
  std::vector<std::pair<std::int64_t, std::string>> entries;
  std::function<void()> on_input;
};

using Entries = std::vector<std::pair<std::int64_t, std::string>>;

struct Records final : RecordObserver {
  void on_record(const Record& record) override { all.push_back(record); }
  std::vector<Record> all;
};

struct Machine {
  Machine() : simulation({.seed = 1}), nodes(simulation), diary(simulation), node(nodes.add(diary)) {
    simulation.records().subscribe(records, all_kinds);
    network.emplace(simulation, nodes, NetworkOptions{.latency = make_constant_latency(10ns)});
  }
  Simulation simulation;
  Records records;
  Nodes nodes;
  Diary diary;
  Node& node;
  std::optional<Network> network;
};

}  // namespace

TEST_CASE("timers fire in order of time, then of setting, with their tokens", "[sim][node]") {
  Machine m;
  m.nodes.start(NodeId{0});
  m.node.set_timer(30ns, 3);
  m.node.set_timer(10ns, 1);
  m.node.set_real_timer(10ns, 2);
  m.simulation.run();
  CHECK(m.diary.entries == Entries{{0, "start"}, {10, "timer 1"}, {10, "timer 2"}, {30, "timer 3"}});
}

TEST_CASE("a cancelled timer does not fire, and an old handle cancels nobody else's timer", "[sim][node]") {
  Machine m;
  m.nodes.start(NodeId{0});
  const TimerHandle first = m.node.set_timer(10ns, 1);
  const TimerHandle second = m.node.set_timer(20ns, 2);
  m.node.cancel_timer(first);
  m.node.cancel_timer(first);
  m.node.cancel_timer(0);
  m.simulation.run(at_ns(15));
  const TimerHandle third = m.node.set_timer(20ns, 3);  // in the slot that the first one had
  m.node.cancel_timer(first);
  m.simulation.run();
  CHECK(m.diary.entries == Entries{{0, "start"}, {20, "timer 2"}, {35, "timer 3"}});
  CHECK(first != third);
  m.node.cancel_timer(second);  // has fired
  m.node.cancel_timer(0xdeadbeefULL << 32U | 0xffffU);
}

TEST_CASE("timers die with a crash and do not reach the next incarnation", "[sim][node]") {
  Machine m;
  m.nodes.start(NodeId{0});
  m.node.set_timer(10ns, 1);
  m.simulation.call_at(at_ns(5), [&] {
    m.nodes.crash(NodeId{0});
    CHECK(m.node.set_timer(1ns, 9) == 0);
    m.nodes.start(NodeId{0});
    m.node.set_timer(10ns, 2);
  });
  m.simulation.run();
  CHECK(m.diary.entries == Entries{{0, "start"}, {5, "crash"}, {5, "restart"}, {15, "timer 2"}});
  CHECK(m.node.incarnation() == 2);
}

TEST_CASE("starting an up machine and crashing a down one do nothing", "[sim][node]") {
  Machine m;
  m.nodes.crash(NodeId{0});
  m.nodes.resume(NodeId{0});
  m.nodes.pause(NodeId{0});
  m.nodes.start(NodeId{0});
  m.nodes.start(NodeId{0});
  m.nodes.crash(NodeId{0});
  m.nodes.crash(NodeId{0});
  CHECK(m.diary.entries == Entries{{0, "start"}, {0, "crash"}});
  CHECK(m.records.all.size() == 2);
}

TEST_CASE("a drifting clock reads and waits in its own seconds", "[sim][node]") {
  const LocalClock fast{.drift_ppb = 100'000'000, .offset = 7ns};  // 10 % fast
  CHECK(ns(fast.wall(at_ns(1'000))) == 1'107);
  CHECK(ns(fast.wall(at_ns(1'009))) == 1'116);  // 1109.9 + 7, rounded down
  CHECK(fast.real_duration(1'100ns) == 1'000ns);
  CHECK(fast.real_duration(1'101ns) == 1'001ns);  // 1000.9, rounded up
  const LocalClock slow{.drift_ppb = -500'000'000, .offset = {}};
  CHECK(slow.real_duration(1'000ns) == 2'000ns);
  CHECK(ns(slow.wall(at_ns(3))) == 1);
  // No overflow over the whole range, and always at least the local duration.
  CHECK(slow.real_duration(Duration::max()) > 100h * 24 * 365);
  for (const std::int64_t drift : {-499'999'999LL, -37LL, 1LL, 333'333'333LL}) {
    const LocalClock clock{.drift_ppb = drift, .offset = {}};
    for (const std::int64_t at : {0LL, 1LL, 999'999'937LL, 86'400'000'000'007LL}) {
      for (const std::int64_t local : {1LL, 10LL, 1'000'000'007LL, 31'536'000'000'000'000LL}) {
        const Duration real = clock.real_duration(Duration{local});
        const Duration passed = clock.wall(at_ns(at) + real) - clock.wall(at_ns(at));
        CHECK(ns(passed) >= local);
        CHECK(ns(passed) <= local + 2);
      }
    }
  }
}

TEST_CASE("a timer waits for the machine's own clock, a device for real time", "[sim][node]") {
  Machine m;
  m.node.clock.drift_ppb = -500'000'000;
  m.nodes.start(NodeId{0});
  m.node.set_timer(10ns, 1);
  m.node.set_real_timer(10ns, 2);
  m.simulation.run();
  CHECK(m.diary.entries == Entries{{0, "start"}, {10, "timer 2"}, {20, "timer 1"}});
}

TEST_CASE("a clock jump moves the wall clock, is recorded, and leaves timers alone", "[sim][node]") {
  Machine m;
  m.nodes.start(NodeId{0});
  m.node.set_timer(10ns, 1);
  m.nodes.jump_clock(NodeId{0}, -3s);
  CHECK(m.node.wall() == at_ns(-3'000'000'000));
  m.simulation.run();
  CHECK(m.diary.entries.back() == std::pair<std::int64_t, std::string>{10, "timer 1"});
  const Record& jump = m.records.all[1];
  CHECK(jump.kind == RecordKind::clock_jumped);
  CHECK(static_cast<std::int64_t>(jump.a) == -3'000'000'000);
}

TEST_CASE("cores take work in order of arrival", "[sim][node]") {
  Cpu one;
  CHECK(one.run(at_ns(10), 5ns) == at_ns(15));
  CHECK(one.run(at_ns(11), 5ns) == at_ns(20));
  CHECK(one.run(at_ns(30), 0ns) == at_ns(30));
  CHECK(one.busy() == 10ns);
  Cpu two{2};
  CHECK(two.run(at_ns(0), 10ns) == at_ns(10));
  CHECK(two.run(at_ns(0), 4ns) == at_ns(4));
  CHECK(two.run(at_ns(1), 4ns) == at_ns(8));
  CHECK(two.run(at_ns(1), 4ns) == at_ns(12));
  two.reset();
  CHECK(two.run(at_ns(2), 1ns) == at_ns(3));
}

TEST_CASE("a paused machine gets messages and timers on resumption, in the order in which they came", "[sim][node]") {
  Machine m;
  Diary other(m.simulation);
  m.nodes.add(other);
  m.nodes.start(NodeId{0});
  m.nodes.start(NodeId{1});
  const auto send_at = [&](std::int64_t at, std::uint32_t number) {
    m.simulation.call_at(at_ns(at), [&m, number] {
      m.network->send(NodeId{1}, NodeId{0}, MessagePtr{m.network->pool().make<Note>(number)});
    });
  };
  m.simulation.call_at(at_ns(5), [&] { m.nodes.pause(NodeId{0}); });
  send_at(0, 1);                  // arrives at 10
  m.node.set_timer(12ns, 2);
  send_at(5, 3);                  // 15
  m.node.set_timer(16ns, 4);
  send_at(90, 5);                 // at the instant of the resumption, behind what was held
  m.simulation.call_at(at_ns(100), [&] { m.nodes.resume(NodeId{0}); });
  send_at(95, 6);
  m.simulation.run();
  CHECK(m.diary.entries == Entries{{0, "start"},
                                   {100, "message 1 from 1"},
                                   {100, "timer 2"},
                                   {100, "message 3 from 1"},
                                   {100, "timer 4"},
                                   {100, "message 5 from 1"},
                                   {105, "message 6 from 1"}});
  CHECK(m.network->counters().delivered == 4);
}

TEST_CASE("inputs that were held survive a second pause in the middle, in order", "[sim][node]") {
  Machine m;
  m.nodes.start(NodeId{0});
  for (std::int64_t at = 1; at <= 4; ++at) m.node.set_timer(Duration{at}, static_cast<std::uint64_t>(at));
  m.nodes.pause(NodeId{0});
  int inputs = 0;
  m.diary.on_input = [&] {
    if (++inputs == 2) m.nodes.pause(NodeId{0});
  };
  m.simulation.call_at(at_ns(10), [&] { m.nodes.resume(NodeId{0}); });
  m.simulation.call_at(at_ns(20), [&] { m.nodes.resume(NodeId{0}); });
  m.simulation.run();
  CHECK(m.diary.entries ==
        Entries{{0, "start"}, {10, "timer 1"}, {10, "timer 2"}, {20, "timer 3"}, {20, "timer 4"}});
}

TEST_CASE("what a paused machine held is lost when it crashes", "[sim][node]") {
  Machine m;
  Diary other(m.simulation);
  m.nodes.add(other);
  m.nodes.start(NodeId{0});
  m.nodes.start(NodeId{1});
  m.nodes.pause(NodeId{0});
  m.node.set_timer(5ns, 1);
  m.network->send(NodeId{1}, NodeId{0}, MessagePtr{m.network->pool().make<Note>(7U)});
  m.simulation.run();
  m.nodes.crash(NodeId{0});
  m.nodes.start(NodeId{0});
  m.simulation.run();
  CHECK(m.diary.entries == Entries{{0, "start"}, {10, "crash"}, {10, "restart"}});
  CHECK(m.network->counters().delivered == 0);
  CHECK(m.network->counters().dropped == 1);
  CHECK(m.network->pool().live() == 0);
}

TEST_CASE("a crash is recorded with its incarnation and what the disk lost", "[sim][node]") {
  Machine m;
  m.nodes.start(NodeId{0});
  const std::byte entry[4]{};
  m.node.disk.append(entry);
  m.nodes.crash(NodeId{0});
  m.nodes.start(NodeId{0});
  m.nodes.crash(NodeId{0}, DiskFault::wiped);
  std::vector<std::pair<RecordKind, std::uint64_t>> seen;
  for (const Record& r : m.records.all) seen.emplace_back(r.kind, r.kind == RecordKind::disk_lost ? r.a : r.round);
  CHECK(seen == std::vector<std::pair<RecordKind, std::uint64_t>>{{RecordKind::node_started, 1},
                                                                  {RecordKind::node_crashed, 1},
                                                                  {RecordKind::disk_lost, 1},
                                                                  {RecordKind::node_started, 2},
                                                                  {RecordKind::node_crashed, 2},
                                                                  {RecordKind::disk_lost, 0}});
  CHECK(m.records.all[3].detail == 1);
}

TEST_CASE("a service of a machine dies with it and starts again with it", "[sim][node]") {
  Machine m;
  std::vector<std::int64_t> ticks;
  m.simulation.processes().spawn_service(NodeId{0}, [&](Process& process) {
    while (true) {
      process.sleep(10ns);
      ticks.push_back(ns(process.now()));
    }
  });
  m.simulation.call_at(at_ns(0), [&] { m.nodes.start(NodeId{0}); });
  m.simulation.call_at(at_ns(25), [&] { m.nodes.crash(NodeId{0}); });
  m.simulation.call_at(at_ns(43), [&] { m.nodes.start(NodeId{0}); });
  m.simulation.run(at_ns(70));
  CHECK(ticks == std::vector<std::int64_t>{10, 20, 53, 63});
  m.simulation.end_processes();
}

TEST_CASE("an idle machine costs less than half a kilobyte", "[sim][node]") { CHECK(sizeof(Node) + 8 <= 512); }
