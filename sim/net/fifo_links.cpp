#include "sim/net/fifo_links.hpp"

namespace seqlab::sim {

std::size_t FifoLinks::find(std::uint64_t key) const {
  std::size_t at = (key * 0x9e3779b97f4a7c15ULL >> 20U) & (slots_.size() - 1);
  while (slots_[at].key != key && slots_[at].key != 0) at = (at + 1) & (slots_.size() - 1);
  return at;
}

SimTime& FifoLinks::last_arrival(NodeId from, NodeId to) {
  if (2 * (used_ + 1) > slots_.size()) {
    std::vector<Slot> old(slots_.empty() ? 64 : 2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != 0) slots_[find(slot.key)] = slot;
    }
  }
  const std::uint64_t key = (static_cast<std::uint64_t>(from.value) << 32U | to.value) + 1;
  Slot& slot = slots_[find(key)];
  if (slot.key == 0) {
    slot.key = key;
    ++used_;
  }
  return slot.last;
}

}  // namespace seqlab::sim
