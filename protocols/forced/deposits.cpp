#include "protocols/forced/deposits.hpp"

#include <algorithm>

#include "sim/base/fixed_point.hpp"

namespace seqlab::protocols {

ExternalState Deposits::genesis(const L1View& own) const {
  const std::uint64_t height =
      std::max(own.first(), own.height() - std::min<std::uint64_t>(own.height(), options_.confirmations));
  const L1BlockPtr block = own.block(height);
  return {.last = {block->height, block->id, block->timestamp}};
}

ExternalReject Deposits::eligible(const L1Block& l1, const L1View&, const BlockFrame& frame) const {
  const bool early = frame.timestamp != SimTime{} && frame.timestamp < l1.timestamp;
  return early ? ExternalReject::out_of_time : ExternalReject::none;
}

bool Deposits::wanted(const L1Block& l1, const L1View& own, const BlockFrame& frame) const {
  return own.depth(l1.height) >= options_.confirmations && eligible(l1, own, frame) == ExternalReject::none;
}

bool Deposits::admits_users(const ExternalState& before, const BlockFrame& frame, const External& external) const {
  return frame.timestamp == SimTime{} ||
         frame.timestamp <= latest_with_users(external.ref, before.timestamp, options_);
}

SimTime latest_with_users(const L1Ref& origin, SimTime parent, const DepositsOptions& options) {
  return std::max(origin.timestamp + options.max_drift, parent + options.block_time);
}

bool window_closed(std::uint64_t origin, std::uint64_t l1_height, const DepositsOptions& options) {
  return l1_height > origin + options.window;
}

std::int64_t DepositGasMarket::next(std::int64_t fee, std::uint64_t used) const {
  const auto target = static_cast<std::int64_t>(limit / elasticity);
  const std::int64_t over = static_cast<std::int64_t>(std::min(used, limit)) - target;
  const std::int64_t step = mul_div_floor(fee, over < 0 ? -over : over, target) / denominator;
  return std::max(floor, over < 0 ? fee - step : fee + step);
}

}  // namespace seqlab::protocols
