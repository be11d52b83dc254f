// Open addressing with linear probing, for the tables of an exploration: a few words an entry, no deletion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace seqlab::scenarios {

/// Spreads the bits of a key (finaliser of splitmix64).
constexpr std::uint64_t spread(std::uint64_t x) {
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

/// From 64-bit keys (any but ~0) to 32-bit values.
class FlatMap {
 public:
  static constexpr std::uint32_t absent = ~std::uint32_t{0};

  FlatMap() : slots_(64) {}

  std::uint32_t find(std::uint64_t key) const {
    for (std::size_t at = spread(key) & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].key == key) return slots_[at].value;
      if (slots_[at].key == no_key) return absent;
    }
  }
  /// @pre the key is not there
  void insert(std::uint64_t key, std::uint32_t value) {
    if (++count_ * 3 > slots_.size() * 2) grow();
    place({key, value});
  }
  std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
  static constexpr std::uint64_t no_key = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = no_key;
    std::uint32_t value = 0;
  };
  void place(Slot slot) {
    std::size_t at = spread(slot.key) & (slots_.size() - 1);
    while (slots_[at].key != no_key) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != no_key) place(slot);
    }
  }
  std::vector<Slot> slots_;
  std::size_t count_ = 0;
};

/// Finds things that are kept elsewhere, by number: the owner hashes and compares.
class IndexTable {
 public:
  static constexpr std::uint32_t absent = ~std::uint32_t{0};

  IndexTable() : slots_(64, absent) {}

  /// @param same  whether the thing of this number is the one that is looked for
  template <class Same>
  std::uint32_t find(std::uint64_t hash, Same&& same) const {
    for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at] == absent || same(slots_[at])) return slots_[at];
    }
  }
  /// @param hash_of  of the thing of a number, for growing
  template <class HashOf>
  void insert(std::uint64_t hash, std::uint32_t number, HashOf&& hash_of) {
    if (++count_ * 3 > slots_.size() * 2) {
      std::vector<std::uint32_t> old(slots_.size() * 2, absent);
      old.swap(slots_);
      for (const std::uint32_t n : old) {
        if (n != absent) place(hash_of(n), n);
      }
    }
    place(hash, number);
  }
  std::size_t bytes() const { return slots_.size() * sizeof(std::uint32_t); }

 private:
  void place(std::uint64_t hash, std::uint32_t number) {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != absent) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = number;
  }
  std::vector<std::uint32_t> slots_;
  std::size_t count_ = 0;
};

}  // namespace seqlab::scenarios
