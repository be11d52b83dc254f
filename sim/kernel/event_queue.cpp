#include "sim/kernel/event_queue.hpp"

#include <algorithm>

namespace seqlab::sim {

void EventQueue::push_front(const Event& event) {
  // Nearly always at or near the end: a linear walk beats a binary search at this length.
  if (head_ == front_.size() || front_.back().at <= event.at) {
    front_.push_back(event);
    return;
  }
  std::size_t at = front_.size();
  while (at > head_ && front_[at - 1].at > event.at) --at;
  if (at == head_ && head_ > 0) {
    front_[--head_] = event;
    return;
  }
  front_.insert(front_.begin() + static_cast<std::ptrdiff_t>(at), event);
  if (front_.size() - head_ > front_large) spill();
}

void EventQueue::spill() {
  // The later half goes back to the buckets. Equal times must not be torn apart: the cut is moved to a change of time.
  std::size_t cut = head_ + (front_.size() - head_) / 2;
  while (cut < front_.size() && front_[cut].at == front_[cut - 1].at) ++cut;
  if (cut == front_.size()) return;
  front_limit_ = front_[cut].at;
  for (std::size_t i = cut; i < front_.size(); ++i) {
    const auto bucket = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(front_[i].at ^ base_)));
    buckets_[bucket].push_back(front_[i]);
    occupied_ |= std::uint64_t{1} << bucket;
  }
  front_.resize(cut);
}

void EventQueue::load() {
  front_.clear();
  head_ = 0;
  while (front_.empty()) {
    const auto lowest = static_cast<std::size_t>(std::countr_zero(occupied_));
    auto& bucket = buckets_[lowest];
    occupied_ &= ~(std::uint64_t{1} << lowest);
    if (lowest == 0) {
      // All of one instant.
      front_.swap(bucket);
      front_limit_ = base_ + 1;
    } else if (bucket.size() <= front_small) {
      // The bucket holds every entry of its range of times: sort it, and the front now covers that range.
      for (const Event& event : bucket) {
        std::size_t at = front_.size();
        front_.push_back(event);
        while (at > 0 && front_[at - 1].at > event.at) {
          front_[at] = front_[at - 1];
          --at;
        }
        front_[at] = event;
      }
      bucket.clear();
      const std::int64_t width = std::int64_t{1} << (lowest - 1);
      front_limit_ = (base_ & ~(width - 1)) ^ width;
      front_limit_ += width;
    } else {
      base_ = std::min_element(bucket.begin(), bucket.end(), [](const Event& a, const Event& b) {
                return a.at < b.at;
              })->at;
      for (const Event& event : bucket) {
        const auto to = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(event.at ^ base_)));
        buckets_[to].push_back(event);
        occupied_ |= std::uint64_t{1} << to;
      }
      bucket.clear();
    }
  }
}

std::size_t EventQueue::instant_size() {
  // Entries of one instant are all in the front: the front ends at front_limit_ > their time.
  const std::int64_t at = top().at;
  const auto begin = front_.cbegin() + static_cast<std::ptrdiff_t>(head_);
  return static_cast<std::size_t>(
      std::upper_bound(begin, front_.cend(), at, [](std::int64_t t, const Event& e) { return t < e.at; }) - begin);
}

Event EventQueue::pop_from_instant(std::size_t index) {
  const Event chosen = front_[head_ + index];
  front_[head_ + index] = front_[head_];
  ++head_;
  --size_;
  return chosen;
}

}  // namespace seqlab::sim
