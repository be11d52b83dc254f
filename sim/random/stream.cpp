#include "sim/random/stream.hpp"

#include <Random123/philox.h>

#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::sim {

std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t index, std::uint64_t lane) {
  const r123::Philox4x32::ctr_type counter = {
      {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32U), static_cast<std::uint32_t>(lane),
       static_cast<std::uint32_t>(lane >> 32U)}};
  const r123::Philox4x32::key_type k = {{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32U)}};
  const auto out = r123::Philox4x32{}(counter, k);
  return {out[0], out[1], out[2], out[3]};
}

std::uint64_t stream_key(std::uint64_t seed, std::uint64_t purpose, std::uint64_t entity) {
  const auto mixed = philox(seed, purpose, entity);
  return static_cast<std::uint64_t>(mixed[0]) << 32U | mixed[1];
}

void Stream::refill() {
  block_ = philox(key_, index_++, 0);
  left_ = 4;
}

std::uint64_t Stream::below(std::uint64_t bound) {
  SEQLAB_ASSERT(bound > 0);
  // Lemire's multiply-and-shift with rejection of the short first interval.
  std::uint64_t word = next64();
  Uint128 product = static_cast<Uint128>(word) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t threshold = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < threshold) {
      word = next64();
      product = static_cast<Uint128>(word) * bound;
    }
  }
  return static_cast<std::uint64_t>(product >> 64U);
}

std::int64_t Stream::between(std::int64_t low, std::int64_t high) {
  SEQLAB_ASSERT(low <= high, low, high);
  const std::uint64_t width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  if (width == 0) return static_cast<std::int64_t>(next64());
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + below(width));
}

}  // namespace seqlab::sim
