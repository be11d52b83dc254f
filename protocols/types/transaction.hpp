// A signed transfer between two accounts, and what became of it.
#pragma once

#include <cstdint>

#include "protocols/crypto/signatures.hpp"
#include "protocols/types/ids.hpp"

namespace seqlab::protocols {

struct Transaction {
  TxId id;                  ///< hash of everything below but the signature
  AccountId sender;
  AccountId receiver;
  std::uint64_t nonce = 0;  ///< position in the sender's sequence, from 0
  Amount amount{};
  Amount fee{};             ///< paid to the proposer's account
  Gas gas = 21'000;
  std::uint32_t bytes = 0;  ///< encoded size, signature included
  NodeId client{no_node};   ///< endpoint to tell when it commits
  Signature signature;
  friend bool operator==(const Transaction&, const Transaction&) = default;

  TxId compute_id() const;
};

enum class TxStatus : std::uint8_t { ok, bad_nonce, insufficient_funds, bad_signature };
enum class AdmitError : std::uint8_t { none, duplicate, old_nonce, nonce_gap, bad_signature, full, too_large, insufficient_funds };

}  // namespace seqlab::protocols
