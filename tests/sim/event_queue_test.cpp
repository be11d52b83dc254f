#include "sim/kernel/event_queue.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <queue>
#include <vector>

#include "sim/random/stream.hpp"
#include "tests/support/catch.hpp"

namespace seqlab::sim {
namespace {

/// The order that the queue promises, in the most obvious way: time, then a sequence number.
class Model {
 public:
  void push(const Event& event) { heap_.push({event, sequence_++}); }
  Event pop() {
    const Event event = heap_.top().event;
    heap_.pop();
    return event;
  }
  /// The `index`-th event of the earliest instant; the others keep their order.
  Event pop_from_instant(std::size_t index) {
    std::vector<Entry> before;
    for (std::size_t i = 0; i < index; ++i) {
      before.push_back(heap_.top());
      heap_.pop();
    }
    const Event event = pop();
    for (const Entry& entry : before) heap_.push(entry);
    return event;
  }
  std::size_t instant_size() {
    std::vector<Entry> entries;
    while (!heap_.empty() && (entries.empty() || heap_.top().event.at == entries[0].event.at)) {
      entries.push_back(heap_.top());
      heap_.pop();
    }
    for (const Entry& entry : entries) heap_.push(entry);
    return entries.size();
  }
  const Event& top() const { return heap_.top().event; }
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    Event event;
    std::uint64_t sequence;
    bool operator<(const Entry& o) const {
      return event.at != o.event.at ? event.at > o.event.at : sequence > o.sequence;
    }
  };
  std::priority_queue<Entry> heap_;
  std::uint64_t sequence_ = 0;
};

/// Ways in which the times of a world come about. A delay of each kind, from now.
enum class Delays : std::uint32_t { zero, few_ties, short_uniform, wide_area, exponents, far, constant, count };

std::int64_t draw_delay(Delays kind, Stream& stream) {
  switch (kind) {
    case Delays::zero: return 0;
    case Delays::few_ties: return static_cast<std::int64_t>(stream.below(4));
    case Delays::short_uniform: return static_cast<std::int64_t>(stream.below(1000));
    case Delays::wide_area: return 50'000'000 + static_cast<std::int64_t>(stream.below(1U << 24U));
    case Delays::exponents: return std::int64_t{1} << stream.below(40);
    case Delays::far: return 3'600'000'000'000 + static_cast<std::int64_t>(stream.below(1U << 30U));
    default: return 1'000'000;
  }
}

/// Queue and model, compared at each step.
struct Pair {
  EventQueue queue;
  Model model;
  std::int64_t now = 0;
  std::uint32_t pushed = 0;

  void push(std::int64_t at) {
    const Event event{at, pushed, pushed ^ 0x5a5aU};
    ++pushed;
    queue.push(event);
    model.push(event);
  }
  void expect_same(const Event& got, const Event& wanted) {
    // One check an event would dominate the run: only a difference is reported.
    if (got.at != wanted.at || got.target != wanted.target || got.arg != wanted.arg) {
      CAPTURE(got.at, wanted.at, got.target, wanted.target, pushed);
      FAIL("the queue and the model disagree");
    }
    now = got.at;
  }
  void pop() { expect_same(queue.pop(), model.pop()); }
  void peek() {
    const std::int64_t at = now;
    expect_same(queue.top(), model.top());
    now = at;  // looking does not move time: what is pushed next may be earlier than what was seen
  }
  void pop_from_instant(Stream& stream) {
    const std::size_t size = queue.instant_size();
    if (size != model.instant_size()) FAIL("the queue and the model disagree on the size of the instant " << now);
    const std::size_t index = stream.below(size);
    expect_same(queue.pop_from_instant(index), model.pop_from_instant(index));
  }
  void drain() {
    while (!model.empty()) pop();
    REQUIRE(queue.empty());
  }
};

TEST_CASE("the event queue pops what a heap with sequence numbers pops", "[sim][event_queue]") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Stream stream{seed, "test.event_queue"};
    Pair pair;
    // A mode lasts for a while: growing or shrinking, one or all kinds of delays, with or without looking ahead.
    for (int phase = 0; phase < 40; ++phase) {
      const std::uint64_t push_percent = 20 + stream.below(70);
      const std::uint64_t peek_percent = stream.chance({1, 2}) ? stream.below(60) : 0;
      const std::uint64_t burst_max = stream.chance({1, 4}) ? 150 : 1 + stream.below(4);
      const bool from_instant = stream.chance({1, 4});
      const bool mixed = stream.chance({1, 2});
      auto kind = static_cast<Delays>(stream.below(static_cast<std::uint64_t>(Delays::count)));
      for (int step = 0; step < 150; ++step) {
        if (stream.below(100) < peek_percent && !pair.model.empty()) pair.peek();
        if (pair.model.empty() || (pair.model.size() < 4000 && stream.below(100) < push_percent)) {
          const std::uint64_t burst = 1 + stream.below(burst_max);
          if (mixed) kind = static_cast<Delays>(stream.below(static_cast<std::uint64_t>(Delays::count)));
          for (std::uint64_t i = 0; i < burst; ++i) pair.push(pair.now + draw_delay(kind, stream));
        } else if (from_instant && pair.model.size() < 300) {
          pair.pop_from_instant(stream);
        } else {
          pair.pop();
        }
      }
      if (pair.queue.size() != pair.model.size()) FAIL("the sizes differ");
    }
    pair.drain();
  }
}

TEST_CASE("events pushed before a peeked one come first, however many and in whatever order", "[sim][event_queue]") {
  for (const std::int64_t gap : {std::int64_t{100}, std::int64_t{1'000'000}, std::int64_t{50'000'000'000}}) {
    Stream stream{static_cast<std::uint64_t>(gap), "test.event_queue.peek"};
    Pair pair;
    for (int i = 0; i < 200; ++i) pair.push(gap + static_cast<std::int64_t>(stream.below(3)));
    pair.peek();
    for (int i = 0; i < 500; ++i) pair.push(static_cast<std::int64_t>(stream.below(static_cast<std::uint64_t>(gap))));
    pair.peek();
    const auto twice = static_cast<std::uint64_t>(2 * gap);
    for (int i = 0; i < 200; ++i) pair.push(static_cast<std::int64_t>(stream.below(twice)));
    pair.drain();
  }
}

TEST_CASE("equal times come out in the order in which they were pushed", "[sim][event_queue]") {
  Pair pair;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 300; ++i) pair.push(pair.now + 1'000'000);
    for (int i = 0; i < 100; ++i) pair.push(pair.now + (i % 3) * 1'000'000);
    for (int i = 0; i < 200; ++i) pair.pop();
  }
  pair.drain();
}

TEST_CASE("the largest time is a time like any other", "[sim][event_queue]") {
  constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  Pair pair;
  constexpr std::int64_t half = std::int64_t{1} << 62;
  for (const std::int64_t at : {never, never - 1, half, half - 1, std::int64_t{0}, never}) pair.push(at);
  pair.pop();
  pair.peek();
  pair.push(5);
  pair.push(never);
  for (int i = 0; i < 5; ++i) pair.pop();
  pair.push(never);
  for (int i = 0; i < 40; ++i) pair.push(never - (i % 2));
  pair.drain();
}

TEST_CASE("a long instant of events that cause each other needs no memory", "[sim][event_queue]") {
  // Would take 16 bytes an event if the popped ones were kept until the instant is over.
  EventQueue queue;
  queue.push({7, 0, 0});
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const Event event = queue.pop();
    if (event.at != 7 || event.arg != i) FAIL("popped " << event.at << ' ' << event.arg << " instead of " << i);
    queue.push({7, 0, i + 1});
  }
  CHECK(queue.size() == 1);
  CHECK(queue.capacity() < 1000);
}

}  // namespace
}  // namespace seqlab::sim
