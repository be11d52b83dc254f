// Named, counter-based random streams (Random123, Philox4x32-10). A stream is a function of (seed, purpose, entity)
// and its own position, so an added entity or draw moves nobody else's luck.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace seqlab::sim {

/// A probability. @pre den > 0, num <= den
struct Ratio {
  std::uint32_t num = 0;
  std::uint32_t den = 1;
  friend bool operator==(const Ratio&, const Ratio&) = default;
};

/// FNV-1a, at compile time where the name is a literal.
constexpr std::uint64_t purpose_key(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : name) {
    h ^= static_cast<unsigned char>(c);
    h *= 0x100000001b3ULL;
  }
  return h;
}

/// The four 32-bit words of one Philox block. `index` selects the block, `lane` a sub-sequence.
std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t index, std::uint64_t lane);

/// Key of the stream (seed, purpose, entity): feed it to `philox` for draws addressed by meaning instead of order.
std::uint64_t stream_key(std::uint64_t seed, std::uint64_t purpose, std::uint64_t entity);

class Stream {
 public:
  Stream() = default;
  Stream(std::uint64_t seed, std::string_view purpose, std::uint64_t entity = 0)
      : key_(stream_key(seed, purpose_key(purpose), entity)) {}

  std::uint32_t next32() {
    if (left_ == 0) refill();
    return block_[--left_];
  }
  std::uint64_t next64() {
    const std::uint64_t high = next32();
    return high << 32U | next32();
  }
  /// Uniform in [0, bound), unbiased. @pre bound > 0
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [low, high], both included. @pre low <= high
  std::int64_t between(std::int64_t low, std::int64_t high);
  /// True with the given probability.
  bool chance(Ratio p) { return p.num != 0 && below(p.den) < p.num; }

  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      const std::size_t j = below(i);
      std::swap(items[i - 1], items[j]);
    }
  }

 private:
  void refill();

  std::uint64_t key_ = 0;
  std::uint64_t index_ = 0;
  std::uint32_t left_ = 0;
  std::array<std::uint32_t, 4> block_{};
};

}  // namespace seqlab::sim
