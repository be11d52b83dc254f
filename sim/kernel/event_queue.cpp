#include "sim/kernel/event_queue.hpp"

#include <algorithm>

namespace seqlab::sim {

namespace {

bool earlier(const Event& a, const Event& b) { return a.at < b.at; }

}  // namespace

void EventQueue::push_front(const Event& event) {
  if (head_ == front_.size()) {
    // Nothing is left before the limit; start over, or the popped entries would pile up in a long instant.
    front_.clear();
    head_ = 0;
  }
  if (front_.empty() || front_.back().at <= event.at) {
    front_.push_back(event);
    return;
  }
  if (front_.size() - head_ > front_large) {
    spill();
    if (time_of(event) >= front_limit_) {
      push_bucket(event);
    } else {
      push_front(event);
    }
    return;
  }
  // Nearly always at or near the end: a linear walk beats a binary search at this length.
  std::size_t at = front_.size();
  while (at > head_ && front_[at - 1].at > event.at) --at;
  if (at == head_ && head_ > 0) {
    front_[--head_] = event;
    return;
  }
  front_.insert(front_.begin() + static_cast<std::ptrdiff_t>(at), event);
}

void EventQueue::spill() {
  // Gives the later half back to the buckets, cut where the time changes, because equal times must stay together. If
  // the later half is one instant, the cut is at its beginning, where that leaves nothing if all of the front is.
  const auto begin = front_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto middle = begin + (front_.end() - begin) / 2;
  auto cut = std::upper_bound(middle, front_.end(), *middle, earlier);
  if (cut == front_.end()) cut = std::lower_bound(begin, middle, *middle, earlier);
  front_limit_ = time_of(*cut);
  if (front_limit_ < base_) lower_base(front_limit_);
  for (auto entry = cut; entry != front_.end(); ++entry) push_bucket(*entry);
  front_.erase(cut, front_.end());
}

void EventQueue::lower_base(std::uint64_t base) {
  // Somebody looked at the earliest entry, which moved the base there, and then pushed many earlier ones. Let k be the
  // highest bit in which the bases differ: entries that differ from the old base above k do so from the new one, too,
  // all others differ from the new one in k. Nothing was in bucket k: such an entry would be below the old base.
  const auto k = static_cast<std::size_t>(std::bit_width(base_ ^ base));
  for (std::size_t i = 0; i < k; ++i) {
    if (buckets_[i].empty()) continue;
    buckets_[k].insert(buckets_[k].end(), buckets_[i].begin(), buckets_[i].end());
    buckets_[i].clear();
    occupied_ |= std::uint64_t{1} << k;
  }
  occupied_ &= ~((std::uint64_t{1} << k) - 1);
  base_ = base;
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
      const std::uint64_t width = std::uint64_t{1} << (lowest - 1);
      front_limit_ = ((base_ & ~(width - 1)) ^ width) + width;
    } else {
      base_ = time_of(*std::min_element(bucket.begin(), bucket.end(), earlier));
      for (const Event& event : bucket) push_bucket(event);
      bucket.clear();
    }
  }
}

std::size_t EventQueue::instant_size() {
  const Event& first = top();
  // Entries of one instant are all in the front: the front ends at front_limit_ > first.at.
  const auto begin = front_.begin() + static_cast<std::ptrdiff_t>(head_);
  if (begin + 1 == front_.end() || begin[1].at != first.at) return 1;
  return static_cast<std::size_t>(std::upper_bound(begin, front_.end(), first, earlier) - begin);
}

Event EventQueue::pop_from_instant(std::size_t index) {
  const Event chosen = front_[head_ + index];
  for (std::size_t i = head_ + index; i > head_; --i) front_[i] = front_[i - 1];
  ++head_;
  --size_;
  return chosen;
}

std::size_t EventQueue::capacity() const {
  std::size_t total = front_.capacity();
  for (const auto& bucket : buckets_) total += bucket.capacity();
  return total;
}

}  // namespace seqlab::sim
