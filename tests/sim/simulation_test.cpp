#include "sim/kernel/simulation.hpp"

#include "sim/base/ring.hpp"

#include <stdexcept>
#include <vector>

#include "tests/support/catch.hpp"

using namespace seqlab;
using sim::Simulation;
using sim::StopReason;

namespace {
std::vector<int> order_of_ten(std::uint64_t seed, bool permute) {
  Simulation world({.seed = seed, .permute_instants = permute});
  std::vector<int> order;
  for (int i = 0; i < 10; ++i) world.call_at(at_ns(5), [&order, i] { order.push_back(i); });
  world.run();
  return order;
}
}  // namespace

TEST_CASE("events of one instant run in the order of scheduling", "[sim][kernel]") {
  CHECK(order_of_ten(1, false) == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("a permuted instant is another order, the same for the same seed", "[sim][kernel]") {
  CHECK(order_of_ten(1, true) == order_of_ten(1, true));
  CHECK(order_of_ten(1, true) != order_of_ten(1, false));
  CHECK(order_of_ten(1, true) != order_of_ten(2, true));
}

TEST_CASE("an event at the time limit still runs, later ones wait for the next run", "[sim][kernel]") {
  Simulation world({});
  int ran = 0;
  world.call_at(at_ns(10), [&] { ++ran; });
  world.call_at(at_ns(11), [&] { ++ran; });
  CHECK(world.run(at_ns(10)) == StopReason::time_limit);
  CHECK(ran == 1);
  CHECK(world.now() == at_ns(10));
  CHECK(world.run() == StopReason::queue_empty);
  CHECK(ran == 2);
}

TEST_CASE("a run ends after the event that stopped it, or after its event limit", "[sim][kernel]") {
  Simulation world({});
  int ran = 0;
  for (int i = 1; i <= 4; ++i) {
    world.call_at(at_ns(i), [&world, &ran, i] {
      ++ran;
      if (i == 2) world.stop();
    });
  }
  CHECK(world.run() == StopReason::stopped);
  CHECK(ran == 2);
  CHECK(world.run(time_never, 1) == StopReason::event_limit);
  CHECK(ran == 3);
}

TEST_CASE("an exception of a handler leaves run and the world can still be taken down", "[sim][kernel]") {
  Simulation world({});
  world.call_at(at_ns(1), [] { throw std::runtime_error("handler"); });
  CHECK_THROWS_WITH(world.run(), "handler");
}

TEST_CASE("scheduling into the past is our own bug", "[sim][kernel]") {
  Simulation world({});
  world.call_at(at_ns(5), [&] { world.call_at(at_ns(4), [] {}); });
  CHECK_THROWS_AS(world.run(), InternalError);
}

TEST_CASE("the digest covers every field of every record and their order", "[sim][records]") {
  const auto digest_of = [](std::vector<sim::Record> records) {
    sim::RecordLog log(sim::RecordLog::Mode::digest);
    for (const auto& r : records) log.emit(r);
    return log.digest();
  };
  const sim::Record a{.at = at_ns(1), .kind = sim::RecordKind::voted, .node = NodeId{1}, .height = 2};
  sim::Record b = a;
  b.b = 1;
  CHECK(digest_of({a, b}) == digest_of({a, b}));
  CHECK(digest_of({a, b}) != digest_of({b, a}));
  CHECK(digest_of({a}) != digest_of({b}));
  CHECK(digest_of({a}) != digest_of({a, a}));
}

TEST_CASE("a digest may be read in the middle and goes on", "[sim][records]") {
  sim::RecordLog one(sim::RecordLog::Mode::digest);
  sim::RecordLog two(sim::RecordLog::Mode::digest);
  for (int i = 0; i < 200; ++i) {
    const sim::Record r{.at = at_ns(i)};
    one.emit(r);
    two.emit(r);
    if (i % 7 == 0) static_cast<void>(two.digest());
  }
  CHECK(one.digest() == two.digest());
  CHECK(one.count() == 200);
}

TEST_CASE("streams of different purpose, entity or seed are unrelated, and stable", "[sim][random]") {
  const auto first = [](sim::Stream s) { return s.next64(); };
  CHECK(first(sim::Stream{1, "a", 0}) == first(sim::Stream{1, "a", 0}));
  CHECK(first(sim::Stream{1, "a", 0}) != first(sim::Stream{1, "a", 1}));
  CHECK(first(sim::Stream{1, "a", 0}) != first(sim::Stream{1, "b", 0}));
  CHECK(first(sim::Stream{1, "a", 0}) != first(sim::Stream{2, "a", 0}));
  // Philox4x32-10 known answer of the Random123 distribution: counter and key all zero.
  CHECK(sim::philox(0, 0, 0) == std::array<std::uint32_t, 4>{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U});
}

TEST_CASE("bounded draws stay in bounds and hit every value evenly", "[sim][random]") {
  sim::Stream s{7, "test"};
  std::vector<int> hits(6);
  for (int i = 0; i < 60'000; ++i) ++hits[s.below(6)];
  for (const int h : hits) CHECK(std::abs(h - 10'000) < 500);  // five standard deviations: 456
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t v = s.between(-3, 3);
    CHECK((v >= -3 && v <= 3));
  }
  CHECK(s.between(INT64_MIN, INT64_MAX) != s.between(INT64_MIN, INT64_MAX));
  CHECK_FALSE(s.chance({0, 1}));
  CHECK(s.chance({1, 1}));
}

TEST_CASE("a ring keeps its order while it grows and wraps", "[sim][base]") {
  Ring<int> ring;
  int in = 0;
  int out = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 7; ++i) ring.push_back(in++);
    for (int i = 0; i < 6; ++i) CHECK(ring.pop_front() == out++);
  }
  CHECK(ring.size() == 100);
  CHECK(ring.front() == out);
}
