#include "sim/kernel/processes.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"

using namespace seqlab;
using sim::Mailbox;
using sim::Process;
using sim::ProcessKilled;
using sim::Signal;
using sim::Simulation;

TEST_CASE("sleeping processes wake at their virtual time, in order", "[sim][processes]") {
  Simulation world({});
  std::vector<std::string> story;
  world.processes().spawn(no_node, [&](Process& p) {
    story.push_back("a0");
    p.sleep(10ms);
    story.push_back("a10");
    p.sleep(20ms);
    story.push_back("a30");
  });
  world.processes().spawn(no_node, [&](Process& p) {
    story.push_back("b0");
    p.sleep(20ms);
    story.push_back("b20");
  });
  world.run();
  CHECK(story == std::vector<std::string>{"a0", "b0", "a10", "b20", "a30"});
  CHECK(world.now() == SimTime{30ms});
  CHECK(world.processes().running() == 0);
}

TEST_CASE("a mailbox hands items over in order and times out on virtual time", "[sim][processes]") {
  Simulation world({});
  Mailbox<int> box(world);
  std::vector<int> got;
  bool timed_out = false;
  world.processes().spawn(no_node, [&](Process& p) {
    for (int i = 0; i < 3; ++i) got.push_back(box.take(p));
    timed_out = !box.take_until(p, p.now() + 5ms).has_value();
  });
  for (int i = 1; i <= 3; ++i) world.call_at(SimTime{i * 1ms}, [&box, i] { box.put(i); });
  world.run();
  CHECK(got == std::vector<int>{1, 2, 3});
  CHECK(timed_out);
  CHECK(world.now() == SimTime{8ms});
  world.end_processes();
}

TEST_CASE("an item that comes first makes the timeout of that wait stale", "[sim][processes]") {
  Simulation world({});
  Mailbox<int> box(world);
  int waits = 0;
  world.processes().spawn(no_node, [&](Process& p) {
    if (box.take_until(p, SimTime{10ms})) ++waits;
    if (!box.take_until(p, SimTime{50ms})) ++waits;  // must not end at 10 ms
    CHECK(p.now() == SimTime{50ms});
  });
  world.call_at(SimTime{1ms}, [&] { box.put(1); });
  world.run();
  CHECK(waits == 2);
}

TEST_CASE("a signal releases everybody who waits and whoever comes later", "[sim][processes]") {
  Simulation world({});
  Signal ready(world);
  int released = 0;
  for (int i = 0; i < 3; ++i) {
    world.processes().spawn(no_node, [&](Process& p) {
      if (ready.wait(p)) ++released;
    });
  }
  world.call_at(SimTime{1ms}, [&] { ready.raise(); });
  world.call_at(SimTime{2ms}, [&] {
    world.processes().spawn(no_node, [&](Process& p) {
      if (ready.wait(p)) ++released;
    });
  });
  world.run();
  CHECK(released == 4);
}

TEST_CASE("a crash unwinds the processes of that machine only, and its services start again", "[sim][processes]") {
  Simulation world({});
  std::vector<std::string> story;
  struct Guard {
    std::vector<std::string>& story;
    ~Guard() { story.push_back("unwound"); }
  };
  sim::Processes& processes = world.processes();
  processes.spawn_service(NodeId{0}, [&](Process& p) {
    const Guard guard{story};
    story.push_back("start");
    p.sleep(100ms);
    story.push_back("end");
  });
  processes.spawn(NodeId{1}, [&](Process& p) {
    p.sleep(15ms);
    story.push_back("other");
  });
  CHECK(story.empty());
  world.machine_started(NodeId{0});
  world.call_at(SimTime{10ms}, [&] { world.machine_crashed(NodeId{0}); });
  world.call_at(SimTime{20ms}, [&] { world.machine_started(NodeId{0}); });
  world.run();
  CHECK(story == std::vector<std::string>{"start", "unwound", "other", "start", "end", "unwound"});
  CHECK(world.now() == SimTime{120ms});
}

TEST_CASE("a killed process that swallows the kill is killed again at its next wait", "[sim][processes]") {
  Simulation world({});
  int kills = 0;
  world.processes().spawn(NodeId{0}, [&](Process& p) {
    try {
      p.sleep(1s);
    } catch (const ProcessKilled&) {
      ++kills;
    }
    try {
      p.sleep(1s);
    } catch (const ProcessKilled&) {
      ++kills;
      throw;
    }
  });
  world.call_at(SimTime{1ms}, [&] { world.machine_crashed(NodeId{0}); });
  world.run();
  CHECK(kills == 2);
  CHECK(world.processes().running() == 0);
}

TEST_CASE("an exception of a story ends the run and comes out of it", "[sim][processes]") {
  Simulation world({});
  world.processes().spawn(no_node, [](Process& p) {
    p.sleep(1ms);
    throw std::runtime_error("story");
  });
  CHECK_THROWS_WITH(world.run(), "story");
}

TEST_CASE("an exception of an event comes out of run even when a process drives the loop", "[sim][processes]") {
  Simulation world({});
  bool unwound = false;
  world.processes().spawn(no_node, [&](Process& p) {
    struct Guard {
      bool& flag;
      ~Guard() { flag = true; }
    } const guard{unwound};
    p.sleep(1s);
  });
  world.call_at(SimTime{1ms}, [] { throw std::runtime_error("event"); });
  CHECK_THROWS_WITH(world.run(), "event");
  CHECK_FALSE(unwound);
  world.end_processes();
  CHECK(unwound);
}

TEST_CASE("a run can be left and taken up again while processes wait", "[sim][processes]") {
  Simulation world({});
  int steps = 0;
  world.processes().spawn(no_node, [&](Process& p) {
    for (int i = 0; i < 10; ++i) {
      p.sleep(10ms);
      ++steps;
    }
  });
  CHECK(world.run(SimTime{35ms}) == sim::StopReason::time_limit);
  CHECK(steps == 3);
  world.run();
  CHECK(steps == 10);
}

TEST_CASE("two worlds take turns on one thread without noticing each other", "[sim][processes]") {
  const auto play = [](Simulation& world, std::vector<std::int64_t>& times) {
    world.processes().spawn(no_node, [&times](Process& p) {
      for (int i = 1; i <= 5; ++i) {
        p.sleep(Duration{i * 1'000'000});
        times.push_back(ns(p.now()));
      }
    });
  };
  std::vector<std::int64_t> alone;
  {
    Simulation world({});
    play(world, alone);
    world.run();
  }
  Simulation a({});
  Simulation b({});
  std::vector<std::int64_t> times_a;
  std::vector<std::int64_t> times_b;
  play(a, times_a);
  play(b, times_b);
  for (int t = 1; t < 30; ++t) {
    a.run(SimTime{t * 1ms});
    b.run(SimTime{t * 1ms});
  }
  CHECK(times_a == alone);
  CHECK(times_b == alone);
}

TEST_CASE("ten thousand processes wait at once", "[sim][processes]") {
  Simulation world({});
  std::size_t woken = 0;
  for (int i = 0; i < 10'000; ++i) {
    world.processes().spawn(no_node, [&woken, i](Process& p) {
      p.sleep(Duration{1 + i % 100});
      ++woken;
    });
  }
  world.run();
  CHECK(woken == 10'000);
}

TEST_CASE("processes that spawn processes reuse stacks", "[sim][processes]") {
  Simulation world({});
  int depth = 0;
  std::function<void(Process&)> body = [&](Process& p) {
    p.sleep(1us);
    if (++depth < 5'000) p.simulation().processes().spawn(no_node, body);
  };
  world.processes().spawn(no_node, body);
  world.run();
  CHECK(depth == 5'000);
}

TEST_CASE("a service of a machine that started before any process existed starts at once", "[sim][processes]") {
  Simulation world({});
  world.machine_started(NodeId{3});
  int runs = 0;
  world.processes().spawn_service(NodeId{3}, [&](Process&) { ++runs; });
  world.processes().spawn_service(NodeId{4}, [&](Process&) { ++runs; });
  world.run();
  CHECK(runs == 1);
}
