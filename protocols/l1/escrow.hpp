// The bridge's escrow on layer 1: what users lock there is minted on the rollup, what they burn there is released. A
// regular value, the state after one L1 block.
//
//   deposit    locks an amount; it gets the next number, and the contract writes the rollup's minting transaction for
//              it: from the bridge's account, with that number as its nonce, so that no deposit is minted twice
//   proof      a valid one that follows on what is proven brings the burns of its blocks: now they are settled
//   release    pays a settled burn out, once, from `delay` L1 blocks after the proof's own on
//
// Source: the OP Stack's bridge (deposits in order, withdrawals proven, then finalised after a delay) with validity
// proofs in the place of output roots. Deviations: the bridge's account on the rollup is funded at genesis instead of
// making money, and the contract signs for it; a proof hands over the list of burns instead of a root over them;
// anybody's proof counts if it is valid, without its commitments.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "protocols/l1/data.hpp"

namespace seqlab::protocols {

struct BridgeOptions {
  bool escrow = false;          ///< whether there is one
  std::uint32_t delay = 10;     ///< L1 blocks from the one that proves a burn to the first that may release it
  friend bool operator==(const BridgeOptions&, const BridgeOptions&) = default;
};

/// Why a transaction does nothing to the escrow. Ordinary: anybody can write to layer 1.
enum class EscrowReject : std::uint8_t {
  none,
  no_amount,    ///< not positive
  not_settled,  ///< no such burn is proven, or it was released before
  early,        ///< its delay is not over
  wrong_amount, ///< not what was burnt
  no_funds,     ///< the escrow has less than that
};

class Escrow {
 public:
  Escrow() = default;
  explicit Escrow(const BridgeOptions& options) : delay_(options.delay) {}

  EscrowReject deposit(const EscrowData& data);
  EscrowReject release(const EscrowData& data, std::uint64_t height);
  /// A proof in the L1 block `height`. @return whether it brought the proven height up
  bool settle(const ProofData& proof, std::uint64_t height);
  /// Whether the release would be refused in the L1 block `height`.
  EscrowReject check(const EscrowData& data, std::uint64_t height) const;

  Amount balance() const { return balance_; }
  std::uint64_t deposits() const { return deposits_; }
  /// Rollup height up to which burns are settled.
  Height proven() const { return proven_; }

  friend bool operator==(const Escrow&, const Escrow&) = default;

 private:
  struct Settled {
    Amount amount{};
    std::uint64_t at = 0;   ///< L1 height
    friend bool operator==(const Settled&, const Settled&) = default;
  };
  struct Waiting {
    std::uint32_t first = 0, last = 0;
    Height height{};
    std::vector<Burn> burns{};
    friend bool operator==(const Waiting&, const Waiting&) = default;
  };
  bool follow(const Waiting& proof, std::uint64_t height);

  std::uint32_t delay_ = 0;
  Amount balance_{};
  std::uint64_t deposits_ = 0;
  std::uint32_t last_ = 0;        ///< last commitment that is proven
  Height proven_{};
  std::vector<Waiting> waiting_{};   ///< proofs with a gap before them
  std::map<std::pair<std::uint32_t, std::uint64_t>, Settled> open_{};   ///< by account and nonce of the burn
};

}  // namespace seqlab::protocols
