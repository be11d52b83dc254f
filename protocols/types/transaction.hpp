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
  Signature signature{};
  friend bool operator==(const Transaction&, const Transaction&) = default;

  TxId compute_id() const;
  /// Whether `id` is the hash of the content and every field is in its range: a positive gas, no negative amount or
  /// fee, `bytes` at least `transaction_bytes_min`. Says nothing about the signature.
  bool well_formed() const;
};

/// Encoded size of a transaction that carries no data: its fields and the signature.
inline constexpr std::uint32_t transaction_bytes_min = 4 + 4 + 8 + 8 + 8 + 8 + 4 + signature_bytes;

enum class TxStatus : std::uint8_t {
  ok,
  bad_nonce,
  insufficient_funds,
  bad_signature,
  unknown_account,
  unmet_condition
};
enum class AdmitError : std::uint8_t {
  none, duplicate, old_nonce, nonce_gap, bad_signature, full, too_large, insufficient_funds, malformed, unknown_account
};

}  // namespace seqlab::protocols
