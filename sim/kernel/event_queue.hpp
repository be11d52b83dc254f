// The pending events, in the total order (time, order of push): a monotone radix heap whose lowest entries are kept in
// a short sorted front. No parameter to tune; equal times come out in push order without a sequence number, because
// every move between containers is stable.
//
// Invariant: every entry with time < front_limit_ is in the front, every other one is in bucket bit_width(time ^
// base_), and base_ <= front_limit_. Therefore a push between now and the earliest entry lands in the front, and
// looking at the earliest entry is free (the usual trap of radix heaps).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

namespace seqlab::sim {

/// 16 bytes. What `target` and `arg` mean is the simulation's business.
struct Event {
  std::int64_t at = 0;
  std::uint32_t target = 0;
  std::uint32_t arg = 0;
};

class EventQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  /// @pre event.at >= time of the last popped event, and >= 0; any time up to the largest is fine
  void push(const Event& event) {
    ++size_;
    if (time_of(event) >= front_limit_) {
      push_bucket(event);
    } else {
      push_front(event);
    }
  }

  /// The earliest event. @pre !empty()
  const Event& top() {
    if (head_ == front_.size()) load();
    return front_[head_];
  }

  /// Removes and returns the earliest event. @pre !empty()
  Event pop() {
    if (head_ == front_.size()) load();
    --size_;
    return front_[head_++];
  }

  /// Number of events at the instant of `top()`, in logarithmic time. @pre !empty()
  std::size_t instant_size();
  /// Removes the `index`-th event of that instant; the first one takes its place. @pre index < instant_size()
  Event pop_from_instant(std::size_t index);
  /// Entries for which memory is held, for tests.
  std::size_t capacity() const;

 private:
  static constexpr std::size_t front_small = 32;  // a bucket up to this size is sorted instead of redistributed
  static constexpr std::size_t front_large = 64;  // a front above this size gives its later part back

  // Unsigned, so that the end of a range that reaches the largest time does not overflow.
  static std::uint64_t time_of(const Event& event) { return static_cast<std::uint64_t>(event.at); }
  void push_bucket(const Event& event) {
    const auto bucket = static_cast<std::size_t>(std::bit_width(time_of(event) ^ base_));
    buckets_[bucket].push_back(event);
    occupied_ |= std::uint64_t{1} << bucket;
  }
  void push_front(const Event& event);
  void spill();
  void lower_base(std::uint64_t base);
  void load();

  std::vector<Event> front_;  // sorted from head_ on
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  std::uint64_t base_ = 0;
  std::uint64_t front_limit_ = 0;
  std::uint64_t occupied_ = 0;
  std::array<std::vector<Event>, 64> buckets_;
};

}  // namespace seqlab::sim
