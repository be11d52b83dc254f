// The yardstick, and the queue by itself.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <queue>

#include "sim/kernel/event_queue.hpp"
#include "tests/bench/bench.hpp"

namespace seqlab::bench {

namespace {

/// The bare loop: n nodes; in each round every one sends a vote to every other and goes on when it holds n - f. Pop
/// from the queue, call the node, draw a delay, push. No network, no records, no message body.
class BareLoop {
 public:
  explicit BareLoop(std::uint32_t nodes) : nodes_(nodes), quorum_(nodes - (nodes - 1) / 3) {
    for (std::uint32_t node = 0; node < nodes; ++node) vote(node, 0);
  }
  void run(std::uint64_t messages) {
    for (std::uint64_t i = 0; i < messages; ++i) {
      const sim::Event event = queue_.pop();
      now_ = event.at;
      on_vote(event.target, event.arg);
    }
  }

 private:
  static constexpr std::uint32_t window = 8;  // rounds that may be under way at once
  struct Node {
    std::uint32_t round = 0;
    std::array<std::uint32_t, window> votes{};
  };

  void on_vote(std::uint32_t self, std::uint32_t round) {
    Node& node = nodes_[self];
    if (round < node.round) return;
    ++node.votes[round % window];
    while (node.votes[node.round % window] >= quorum_) {
      node.votes[node.round % window] = 0;
      ++node.round;
      vote(self, node.round);
    }
  }
  void vote(std::uint32_t self, std::uint32_t round) {
    ++nodes_[self].votes[round % window];
    for (std::uint32_t peer = 0; peer < nodes_.size(); ++peer) {
      if (peer == self) continue;
      const std::uint64_t delay = 50'000'000 + (draws_.next() >> 40U);  // wide area: 50 ms and up to 16.8 ms more
      queue_.push({now_ + static_cast<std::int64_t>(delay), peer, round});
    }
  }

  std::vector<Node> nodes_;
  std::uint32_t quorum_;
  sim::EventQueue queue_;
  Draws draws_{1};
  std::int64_t now_ = 0;
};

void bare_loop_benchmark(benchmark::State& state, std::uint32_t nodes) {
  BareLoop loop{nodes};
  const std::uint64_t chunk = std::uint64_t{4} * nodes * nodes;
  loop.run(chunk);
  for (auto _ : state) loop.run(chunk);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(chunk));
}

/// Delays of the hold model, drawn beforehand: exponential with mean 2^20 ns.
class Delays {
 public:
  Delays() {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      const double u = (static_cast<double>(i) + 0.5) / static_cast<double>(values_.size());
      values_[i] = static_cast<std::int64_t>(-std::log(u) * 1048576.0);
    }
  }
  std::int64_t draw() { return values_[draws_.next() >> 48U]; }

 private:
  std::vector<std::int64_t> values_ = std::vector<std::int64_t>(65536);
  Draws draws_{7};
};

/// What everybody has at hand: time and a sequence number in the library's heap.
class StandardQueue {
 public:
  void push(const sim::Event& event) { heap_.push({event.at, sequence_++, event.target, event.arg}); }
  sim::Event pop() {
    const Entry entry = heap_.top();
    heap_.pop();
    return {entry.at, entry.target, entry.arg};
  }

 private:
  struct Entry {
    std::int64_t at;
    std::uint64_t sequence;
    std::uint32_t target, arg;
    bool operator<(const Entry& o) const { return at != o.at ? at > o.at : sequence > o.sequence; }
  };
  std::priority_queue<Entry> heap_;
  std::uint64_t sequence_ = 0;
};

template <class Queue>
void hold_benchmark(benchmark::State& state, std::size_t pending) {
  Queue queue;
  Delays delays;
  const auto hold = [&] {
    sim::Event event = queue.pop();
    event.at += delays.draw();
    queue.push(event);
  };
  for (std::size_t i = 0; i < pending; ++i) queue.push({delays.draw(), static_cast<std::uint32_t>(i), 0});
  for (std::size_t i = 0; i < 2 * pending; ++i) hold();
  constexpr int chunk = 10'000;
  for (auto _ : state) {
    for (int i = 0; i < chunk; ++i) hold();
  }
  state.SetItemsProcessed(state.iterations() * chunk);
}

constexpr std::array<std::uint32_t, 3> bare_sizes{16, 128, 512};
constexpr std::array<std::size_t, 5> hold_sizes{100, 1'000, 10'000, 100'000, 1'000'000};

std::string hold_name(const char* queue, std::size_t pending) { return fmt::format("hold/{}/{}", queue, pending); }

}  // namespace

std::string bare_loop(std::uint32_t nodes) { return fmt::format("bare_loop/{}", nodes); }

Summary register_queue() {
  for (const std::uint32_t nodes : bare_sizes) {
    benchmark::RegisterBenchmark(bare_loop(nodes).c_str(), bare_loop_benchmark, nodes);
  }
  for (const std::size_t pending : hold_sizes) {
    benchmark::RegisterBenchmark(hold_name("seqlab", pending).c_str(), hold_benchmark<sim::EventQueue>, pending);
    benchmark::RegisterBenchmark(hold_name("std", pending).c_str(), hold_benchmark<StandardQueue>, pending);
  }
  return [](const Results& results, std::vector<Row>& rows) {
    for (const std::uint32_t nodes : bare_sizes) {
      plain_row(results, rows, fmt::format("bare loop: all-to-all votes, n = {}", nodes), bare_loop(nodes));
    }
    for (const std::size_t pending : hold_sizes) {
      const std::string ours = hold_name("seqlab", pending);
      const std::string standard = hold_name("std", pending);
      plain_row(results, rows, fmt::format("event queue: hold, {} pending", pending), ours);
      plain_row(results, rows, fmt::format("  the same, std::priority_queue", pending), standard);
    }
  };
}

}  // namespace seqlab::bench
