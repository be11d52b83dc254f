#include "sim/net/access_link.hpp"

#include <limits>

#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::sim {

Duration transmission_time(std::uint64_t bytes, std::uint64_t bits_per_second) {
  SEQLAB_ASSERT(bits_per_second > 0);
  const Uint128 bits_ns = static_cast<Uint128>(bytes) * 8'000'000'000U;
  const Uint128 time = (bits_ns + bits_per_second - 1) / bits_per_second;
  constexpr auto time_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max() / 4);
  return Duration{static_cast<std::int64_t>(time < time_max ? static_cast<std::uint64_t>(time) : time_max)};
}

Duration AccessLink::wait(SimTime now, MessageClass message_class) const {
  Duration wait = busy_ ? busy_until_ - now : Duration{};
  for (std::size_t queue = 0; queue <= queue_of(message_class); ++queue) wait += queues_[queue].backlog;
  return wait;
}

void AccessLink::begin(SimTime now, const Copy& copy, Duration transmission) {
  SEQLAB_ASSERT(!busy_);
  busy_ = true;
  busy_until_ = now + transmission;
  current_ = copy;
}

Copy AccessLink::end() {
  SEQLAB_ASSERT(busy_);
  busy_ = false;
  return current_;
}

void AccessLink::push(const Copy& copy, MessageClass message_class, Duration transmission) {
  queues_[queue_of(message_class)].push(Waiting{copy, transmission});
}

AccessLink::Waiting AccessLink::pop() { return queues_[queues_[0].empty() ? 1 : 0].pop(); }

void AccessLink::Ring::push(const Waiting& item) {
  if (size_ == items_.size()) {
    std::vector<Waiting> larger(items_.empty() ? 8 : 2 * items_.size());
    for (std::size_t i = 0; i < size_; ++i) larger[i] = items_[(head_ + i) % items_.size()];
    items_.swap(larger);
    head_ = 0;
  }
  items_[(head_ + size_) % items_.size()] = item;
  ++size_;
  backlog += item.transmission;
}

AccessLink::Waiting AccessLink::Ring::pop() {
  SEQLAB_ASSERT(size_ > 0);
  const Waiting item = items_[head_];
  head_ = (head_ + 1) % items_.size();
  --size_;
  backlog -= item.transmission;
  return item;
}

}  // namespace seqlab::sim
