#include "protocols/l1/escrow.hpp"

#include <algorithm>

namespace seqlab::protocols {

namespace {
constexpr std::size_t waiting_max = 1000;                   ///< what strangers can make the contract keep
constexpr std::int64_t locked_max = std::int64_t{1} << 62;  ///< nobody has so much
}  // namespace

EscrowReject Escrow::deposit(const EscrowData& data) {
  if (data.amount.value <= 0 || data.amount.value > locked_max - balance_.value) return EscrowReject::no_amount;
  balance_.value += data.amount.value;
  ++deposits_;
  return EscrowReject::none;
}

EscrowReject Escrow::check(const EscrowData& data, std::uint64_t height) const {
  if (data.amount.value <= 0) return EscrowReject::no_amount;
  const auto at = open_.find({data.account.value, data.nonce});
  if (at == open_.end()) return EscrowReject::not_settled;
  if (height < at->second.at + delay_) return EscrowReject::early;
  if (at->second.amount != data.amount) return EscrowReject::wrong_amount;
  return data.amount > balance_ ? EscrowReject::no_funds : EscrowReject::none;
}

EscrowReject Escrow::release(const EscrowData& data, std::uint64_t height) {
  const EscrowReject why = check(data, height);
  if (why != EscrowReject::none) return why;
  balance_.value -= data.amount.value;
  open_.erase({data.account.value, data.nonce});  // what is proven comes once: it is not settled a second time
  return EscrowReject::none;
}

bool Escrow::settle(const ProofData& proof, std::uint64_t height) {
  if (!proof.valid || proof.height <= proven_ || waiting_.size() >= waiting_max) return false;
  waiting_.push_back({proof.first, proof.last, proof.height, proof.burns});
  bool any = false;
  for (bool progress = true; progress;) {
    progress = false;
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
      if (at->height > proven_ && at->first > last_ + 1) continue;  // a gap
      const Waiting here = std::move(*at);
      waiting_.erase(at);
      any = follow(here, height) || any;
      progress = true;
      break;
    }
  }
  return any;
}

/// @return whether it says something new
bool Escrow::follow(const Waiting& proof, std::uint64_t height) {
  if (proof.height <= proven_ || proof.last <= last_) return false;
  for (const Burn& burn : proof.burns) {
    if (burn.height <= proven_ || burn.height > proof.height) continue;
    open_.try_emplace({burn.account.value, burn.nonce}, Settled{burn.amount, height});
  }
  last_ = proof.last;
  proven_ = proof.height;
  return true;
}

}  // namespace seqlab::protocols
