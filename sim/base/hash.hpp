// 128-bit content hashes (XXH3). They stand for collision-resistant digests: the model grants nobody a collision.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace seqlab {

/// 128-bit identifier. All zero means "none" (nil vote, no parent).
struct Hash128 {
  std::uint64_t hi{};
  std::uint64_t lo{};
  friend constexpr auto operator<=>(const Hash128&, const Hash128&) = default;
  constexpr explicit operator bool() const { return (hi | lo) != 0; }
};

Hash128 hash128(std::span<const std::byte> bytes, std::uint64_t seed = 0);
std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// 32 lower-case hex digits, `hi` first.
std::string to_hex(Hash128 id);
/// The first 8 hex digits, for reports.
std::string short_hex(Hash128 id);

/// Collects fields and hashes them once. Every field has a fixed width, so no two field lists collide by
/// concatenation; variable-length data is preceded by its length (`add_bytes`).
class HashBuilder {
 public:
  HashBuilder() { bytes_.reserve(128); }
  explicit HashBuilder(std::string_view domain) : HashBuilder() { add_bytes(std::as_bytes(std::span{domain})); }

  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  HashBuilder& add(T v) {
    const auto wide = static_cast<std::uint64_t>(v);
    append(&wide, sizeof wide);
    return *this;
  }
  HashBuilder& add(Hash128 h) { return add(h.hi).add(h.lo); }
  template <class Tag>
    requires requires(Tag t) { t.value; }
  HashBuilder& add(const Tag& strong) {
    return add(strong.value);
  }
  HashBuilder& add_bytes(std::span<const std::byte> b) {
    add(b.size());
    append(b.data(), b.size());
    return *this;
  }
  Hash128 finish() const { return hash128(bytes_); }

 private:
  void append(const void* data, std::size_t size) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + size);
    if (size != 0) std::memcpy(bytes_.data() + at, data, size);
  }
  std::vector<std::byte> bytes_;
};

/// As HashBuilder for at most `capacity` fixed-width fields (a Hash128 counts two): on the stack, for hot paths. Gives
/// the same digest as a HashBuilder that was given the same fields.
template <std::size_t capacity>
class FieldHash {
 public:
  template <class T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  FieldHash& add(T v) {
    words_[used_++] = static_cast<std::uint64_t>(v);
    return *this;
  }
  FieldHash& add(Hash128 h) { return add(h.hi).add(h.lo); }
  template <class Tag>
    requires requires(Tag t) { t.value; }
  FieldHash& add(const Tag& strong) {
    return add(strong.value);
  }
  Hash128 finish() const { return hash128(std::as_bytes(std::span{words_.data(), used_})); }

 private:
  std::array<std::uint64_t, capacity> words_;
  std::size_t used_ = 0;
};

/// First field of a digest: what kind of thing is hashed, so that two kinds never share a digest. FNV-1a.
constexpr std::uint64_t hash_domain(std::string_view name) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : name) {
    h ^= static_cast<unsigned char>(c);
    h *= 0x100000001b3ULL;
  }
  return h;
}

}  // namespace seqlab

template <>
struct std::hash<seqlab::Hash128> {
  std::size_t operator()(const seqlab::Hash128& h) const noexcept { return h.lo; }
};
