#include "sim/base/hash.hpp"

#include <fmt/format.h>

// Short inputs on hot paths: a call into the shared library costs more than their hash.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace seqlab {

Hash128 hash128(std::span<const std::byte> bytes, std::uint64_t seed) {
  const XXH128_hash_t h = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {h.high64, h.low64};
}

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::string to_hex(Hash128 id) { return fmt::format("{:016x}{:016x}", id.hi, id.lo); }

std::string short_hex(Hash128 id) { return fmt::format("{:08x}", id.hi >> 32U); }

}  // namespace seqlab
