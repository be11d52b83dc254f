// A set of small numbers: nodes, or positions in a round. The first 128 need no allocation.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/base/hash.hpp"

namespace seqlab::protocols {

class Bits {
 public:
  Bits() = default;
  Bits(const Bits&) = default;
  Bits(Bits&&) noexcept = default;
  Bits& operator=(const Bits& other) {
    low_ = other.low_;
    if (!high_.empty() || !other.high_.empty()) high_ = other.high_;
    return *this;
  }
  Bits& operator=(Bits&&) noexcept = default;
  ~Bits() = default;

  bool test(std::size_t i) const {
    const std::size_t w = i / 64;
    return (word(w) >> (i % 64) & 1U) != 0;
  }
  void set(std::size_t i) { at(i / 64) |= std::uint64_t{1} << (i % 64); }
  void clear() {
    low_ = {};
    high_.clear();
  }
  bool empty() const {
    for (std::size_t w = 0; w < words(); ++w) {
      if (word(w) != 0) return false;
    }
    return true;
  }
  std::uint32_t count() const {
    std::uint32_t sum = 0;
    for (std::size_t w = 0; w < words(); ++w) sum += static_cast<std::uint32_t>(std::popcount(word(w)));
    return sum;
  }
  /// Whether every member is in `other`.
  bool within(const Bits& other) const {
    for (std::size_t w = 0; w < words(); ++w) {
      if ((word(w) & ~other.word(w)) != 0) return false;
    }
    return true;
  }
  Bits& operator|=(const Bits& other) {
    for (std::size_t w = 0; w < other.words(); ++w) {
      if (other.word(w) != 0) at(w) |= other.word(w);
    }
    return *this;
  }
  friend Bits operator&(const Bits& a, const Bits& b) {
    Bits both = a;
    for (std::size_t w = 0; w < both.words(); ++w) both.at(w) &= b.word(w);
    return both;
  }
  /// Members of `a` that are not in `b`.
  friend Bits operator-(const Bits& a, const Bits& b) {
    Bits rest = a;
    for (std::size_t w = 0; w < rest.words(); ++w) rest.at(w) &= ~b.word(w);
    return rest;
  }
  /// Calls `f(i)` for every member, in order.
  template <class F>
  void for_each(F f) const {
    for (std::size_t w = 0; w < words(); ++w) {
      for (std::uint64_t rest = word(w); rest != 0; rest &= rest - 1) {
        f(static_cast<std::uint32_t>(64 * w + static_cast<std::size_t>(std::countr_zero(rest))));
      }
    }
  }
  /// Likewise for every member that is not in `other`.
  template <class F>
  void for_each_without(const Bits& other, F f) const {
    for (std::size_t w = 0; w < words(); ++w) {
      for (std::uint64_t rest = word(w) & ~other.word(w); rest != 0; rest &= rest - 1) {
        f(static_cast<std::uint32_t>(64 * w + static_cast<std::size_t>(std::countr_zero(rest))));
      }
    }
  }
  friend bool operator==(const Bits& a, const Bits& b) { return a.within(b) && b.within(a); }
  void hash_into(HashBuilder& h) const {
    h.add(count());
    for_each([&](std::uint32_t i) { h.add(i); });
  }

 private:
  std::size_t words() const { return low_.size() + high_.size(); }
  std::uint64_t word(std::size_t w) const {
    if (w < low_.size()) return low_[w];
    return w - low_.size() < high_.size() ? high_[w - low_.size()] : 0;
  }
  std::uint64_t& at(std::size_t w) {
    if (w < low_.size()) return low_[w];
    if (high_.size() <= w - low_.size()) high_.resize(w - low_.size() + 1);
    return high_[w - low_.size()];
  }
  std::array<std::uint64_t, 2> low_{};
  std::vector<std::uint64_t> high_;
};

}  // namespace seqlab::protocols
