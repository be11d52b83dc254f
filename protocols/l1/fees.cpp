#include "protocols/l1/fees.hpp"

#include <algorithm>

#include "sim/base/fixed_point.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::protocols {

namespace {

constexpr std::int64_t million = 1'000'000;
constexpr L1Price price_max = L1Price{1} << 50U;
constexpr std::uint64_t wei_per_price = 1'000;  // a price is in millionths of a gwei; 4844's formula counts wei

L1Price clamp_price(Int128 price, L1Price floor) {
  return static_cast<L1Price>(std::clamp<Int128>(price, floor, price_max));
}

}  // namespace

std::uint64_t fake_exponential(std::uint64_t factor, std::uint64_t numerator, std::uint64_t denominator) {
  constexpr Uint128 most = Uint128{1} << 62U;
  Uint128 sum = 0;
  Uint128 term = static_cast<Uint128>(factor) * denominator;
  for (std::uint64_t i = 1; term > 0; ++i) {
    sum += term;
    if (sum / denominator >= most) return static_cast<std::uint64_t>(most);
    term = term * numerator / (static_cast<Uint128>(denominator) * i);
  }
  return static_cast<std::uint64_t>(sum / denominator);
}

FeeMarket::FeeMarket(const FeeMarketOptions& options, std::uint64_t luck_key)
    : options_(&options), key_(luck_key), level_(options.level), base_(options.level), last_(options.level) {
  if (options.kind != FeeMarketOptions::Kind::blobs || options.update_fraction == 0) return;
  // The excess at which the price is the level: by bisection, since the exponential grows with it.
  std::uint64_t low = 0;
  std::uint64_t high = options.update_fraction * 40;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const std::uint64_t wei = fake_exponential(1, middle, options.update_fraction);
    if (wei / wei_per_price < static_cast<std::uint64_t>(options.level)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  excess_ = low;
}

/// Uniform in -million ... million, by the number of the block.
std::int64_t FeeMarket::noise_millionths(std::uint64_t number, std::uint64_t lane) const {
  const std::uint32_t draw = sim::philox(key_, number, lane)[0];
  return static_cast<std::int64_t>(std::uint64_t{draw} * (2 * million + 1) >> 32U) - million;
}

/// What the others would pay at most, taken together, for a place in block `number`.
L1Price FeeMarket::demand(std::uint64_t number, std::uint32_t factor_percent) const {
  const FeeMarketOptions& o = *options_;
  Int128 price = static_cast<Int128>(level_) * factor_percent / 100;
  price += price * noise_millionths(number, 0) / million * o.noise_percent / 100;
  return clamp_price(price, o.floor);
}

L1Price FeeMarket::price(std::uint64_t number, std::uint32_t factor_percent) const {
  switch (options_->kind) {
    case FeeMarketOptions::Kind::none: return 0;
    case FeeMarketOptions::Kind::flat:
    case FeeMarketOptions::Kind::auction: return demand(number, factor_percent);
    case FeeMarketOptions::Kind::base_fee:
    case FeeMarketOptions::Kind::blobs: return base_;
  }
  return 0;
}

void FeeMarket::advance(std::uint64_t number, std::uint64_t own, std::uint32_t factor_percent) {
  const FeeMarketOptions& o = *options_;
  using Kind = FeeMarketOptions::Kind;
  if (o.kind == Kind::none) return;
  const L1Price asked = price(number, factor_percent);
  last_ = asked;
  if (o.kind == Kind::base_fee || o.kind == Kind::blobs) {
    // The others take what is worth it to them: the target at the price of their demand, less when it is dearer.
    const L1Price worth = demand(number, factor_percent);
    const std::uint64_t room = o.limit > own ? o.limit - own : 0;
    const auto others = static_cast<std::uint64_t>(
        std::min<Int128>(static_cast<Int128>(o.target) * worth / std::max<L1Price>(base_, 1), room));
    const std::uint64_t used = std::min(own + others, o.limit);
    if (o.kind == Kind::base_fee) {
      const auto target = static_cast<Int128>(o.target);
      const Int128 change = static_cast<Int128>(base_) * (static_cast<Int128>(used) - target) / target /
                            static_cast<Int128>(o.denominator);
      // EIP-1559: a rise is at least one wei; here one unit of price.
      const bool rises = used > o.target;
      base_ = clamp_price(base_ + (rises ? std::max<Int128>(change, 1) : change), o.floor);
    } else {
      excess_ = excess_ + used > o.target ? excess_ + used - o.target : 0;
      const std::uint64_t wei = fake_exponential(1, excess_, o.update_fraction);
      base_ = clamp_price(static_cast<Int128>(wei / wei_per_price), o.floor);
    }
  }
  if (o.wander_percent != 0 && number % o.wander_blocks == 0) {
    const Int128 step = static_cast<Int128>(level_) * noise_millionths(number, 1) / million * o.wander_percent / 100;
    const L1Price low = std::max<L1Price>(o.level / o.wander_factor_max, o.floor);
    level_ = static_cast<L1Price>(
        std::clamp<Int128>(level_ + step, low, static_cast<Int128>(o.level) * o.wander_factor_max));
  }
}

}  // namespace seqlab::protocols
