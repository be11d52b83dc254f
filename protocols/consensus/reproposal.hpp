// Engines that propose a block again in later rounds: how the record `proposed` says of which round the block is.
// `flags` has 16 bits and rounds have more, so it holds the round modulo 65535, plus one; 0 is a block of the round in
// which it is proposed.
#pragma once

#include <cstdint>

namespace seqlab::protocols {

inline constexpr std::uint32_t reproposal_modulus = 0xffff;

/// `flags` of a proposal in a later round of a block of `first_round`.
constexpr std::uint16_t reproposal_flags(std::uint32_t first_round) {
  return static_cast<std::uint16_t>(first_round % reproposal_modulus + 1);
}

/// The round of the block that was proposed in `round`: the latest one before `round` that the flags fit.
constexpr std::uint32_t first_round_of(std::uint32_t round, std::uint16_t flags) {
  if (flags == 0) return round;
  const std::uint32_t residue = (flags - 1U) % reproposal_modulus;
  const std::uint32_t back = (round % reproposal_modulus + reproposal_modulus - residue) % reproposal_modulus;
  return back <= round ? round - back : round;
}

}  // namespace seqlab::protocols
