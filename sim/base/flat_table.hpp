// A hash table without nodes: open addressing, linear probing, deletion by shifting back. For look-ups on hot paths; it
// cannot be walked, so no order of its own can leak into a run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/base/hash.hpp"

namespace seqlab {

/// From content hashes, which are spread by themselves, to small values. The nil hash is no key.
template <class Value>
class FlatTable {
 public:
  FlatTable() : slots_(16) {}

  std::size_t size() const { return count_; }
  bool contains(const Hash128& key) const { return find(key) != nullptr; }
  /// Null if the key is not there. Valid until the next change.
  const Value* find(const Hash128& key) const {
    for (std::size_t at = home(key);; at = next(at)) {
      if (slots_[at].key == key) return key ? &slots_[at].value : nullptr;
      if (!slots_[at].key) return nullptr;
    }
  }
  Value* find(const Hash128& key) { return const_cast<Value*>(std::as_const(*this).find(key)); }
  /// Sets the value, whether the key was there or not. @pre key is not nil
  void put(const Hash128& key, const Value& value) {
    if (Value* there = find(key)) {
      *there = value;
      return;
    }
    if (++count_ * 4 > slots_.size() * 3) grow();
    place({key, value});
  }
  /// @return whether it was there
  bool erase(const Hash128& key) {
    if (!key) return false;
    std::size_t hole = home(key);
    while (slots_[hole].key != key) {
      if (!slots_[hole].key) return false;
      hole = next(hole);
    }
    --count_;
    // Whatever probed past the hole comes back into it, unless its home lies behind the hole.
    for (std::size_t at = next(hole); slots_[at].key; at = next(at)) {
      const std::size_t from_home = (at - home(slots_[at].key)) & mask();
      const std::size_t from_hole = (at - hole) & mask();
      if (from_home < from_hole) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    return true;
  }

 private:
  struct Slot {
    Hash128 key;
    Value value{};
  };
  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t home(const Hash128& key) const { return key.lo & mask(); }
  std::size_t next(std::size_t at) const { return (at + 1) & mask(); }
  void place(const Slot& slot) {
    std::size_t at = home(slot.key);
    while (slots_[at].key) at = next(at);
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key) place(slot);
    }
  }

  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace seqlab
