// What the rest of the world pays for room in a block. A market is a regular value, advanced once a block; its luck is
// addressed by the block's number, so that two designs under one seed meet the same prices.
#pragma once

#include <cstdint>

#include "protocols/l1/block.hpp"

namespace seqlab::protocols {

struct FeeMarketOptions {
  enum class Kind : std::uint8_t {
    none,      ///< the lane does not exist
    flat,      ///< one price
    auction,   ///< first price: each block has a level below which nothing gets in (Bitcoin)
    base_fee,  ///< EIP-1559: up to an eighth a block, from how full the last one was
    blobs,     ///< EIP-4844: exponential in the excess over the target
  };
  Kind kind = Kind::none;
  L1Price level = 0;             ///< where demand settles: the flat price; the median of an auction; the base fee
  L1Price floor = 1;
  std::uint32_t wander_percent =
      0;  ///< the level of demand moves by up to so many hundredths a step of `wander_blocks`
  std::uint32_t wander_blocks = 1;
  std::uint32_t wander_factor_max = 1;  ///< and stays between level / factor and level * factor
  std::uint32_t noise_percent = 0;   ///< each block differs from the level by up to so many hundredths
  std::uint64_t target = 0;      ///< base_fee, blobs: units a block that leave the price where it is
  std::uint64_t limit = 0;       ///< units a block
  std::uint64_t denominator = 8;         ///< base_fee: change of at most 1/denominator
  std::uint64_t update_fraction = 0;     ///< blobs: of EIP-4844
};

class FeeMarket {
 public:
  FeeMarket() = default;
  FeeMarket(const FeeMarketOptions& options, std::uint64_t luck_key);

  /// The least price a unit that gets into block `number`. @param factor_percent  demand as a part of what it would be
  L1Price price(std::uint64_t number, std::uint32_t factor_percent) const;
  /// Block `number` was made with `own` units of the rollup in it, and the demand of the others around it.
  void advance(std::uint64_t number, std::uint64_t own, std::uint32_t factor_percent);
  /// Price of the next block as a fee estimator has it: the last level.
  L1Price estimate() const { return last_; }

  friend bool operator==(const FeeMarket&, const FeeMarket&) = default;

 private:
  L1Price demand(std::uint64_t number, std::uint32_t factor_percent) const;
  std::int64_t noise_millionths(std::uint64_t number, std::uint64_t lane) const;

  const FeeMarketOptions* options_ = nullptr;
  std::uint64_t key_ = 0;
  L1Price level_ = 0;         ///< of demand, wandering
  L1Price base_ = 0;          ///< base_fee, blobs
  std::uint64_t excess_ = 0;  ///< blobs
  L1Price last_ = 0;
};

/// EIP-4844: floor(factor * e^(numerator / denominator)) by Taylor's series in integers; at most 2^62.
std::uint64_t fake_exponential(std::uint64_t factor, std::uint64_t numerator, std::uint64_t denominator);

}  // namespace seqlab::protocols
