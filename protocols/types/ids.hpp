// Domain numbers that must not be mixed up.
#pragma once

#include <cstdint>

#include "sim/base/hash.hpp"
#include "sim/base/strong.hpp"

namespace seqlab::protocols {

using Height = Strong<struct HeightTag, std::uint64_t>;   ///< first block: 1
using Round = Strong<struct RoundTag, std::int32_t>;      ///< -1 means "none"
using Epoch = Strong<struct EpochTag, std::uint32_t>;     ///< committee changes before it (chained engines); first: 0
using Power = std::int64_t;                               ///< voting power (stake); sums are below 2^60
using AccountId = Strong<struct AccountTag, std::uint32_t>;
using Amount = Strong<struct AmountTag, std::int64_t>;    ///< base units
using Gas = std::uint64_t;

inline constexpr Round no_round{-1};

/// Identifies a block by content. `{}` is nil.
using BlockId = Hash128;
using TxId = Hash128;
using StateRoot = Hash128;

}  // namespace seqlab::protocols
