// Transactions that wait for a block: bounded, without duplicates, nonces of one sender in sequence.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocols/types/transaction.hpp"

namespace seqlab::protocols {

struct MempoolOptions {
  std::uint32_t max_transactions = 5000;
  std::uint64_t max_bytes = 64ULL << 20U;
  std::uint32_t max_transaction_bytes = 1U << 20U;
  std::uint32_t cache = 10'000;          ///< remembered ids of what was seen, so that it is not admitted twice
  std::uint32_t max_nonce_gap = 64;      ///< how far ahead of the next expected nonce a transaction may be
  bool evict_lowest_fee = false;         ///< when full: make room for a better-paying one instead of refusing
  friend bool operator==(const MempoolOptions&, const MempoolOptions&) = default;
};

class Ledger;
enum class LeaderOrder : std::uint8_t;
struct BlockLimits;

class Mempool {
 public:
  explicit Mempool(const MempoolOptions& options);
  ~Mempool();
  Mempool(Mempool&&) noexcept;
  Mempool& operator=(Mempool&&) noexcept;

  /// @param evicted  receives what had to leave for it
  AdmitError admit(const Transaction& tx, const Ledger& ledger, std::vector<Transaction>& evicted);
  /// Takes nothing out: the transactions for a block, in the leader's order, within the limits.
  std::vector<Transaction> select(const Ledger& ledger, LeaderOrder order, const BlockLimits& limits) const;
  /// Removes what a committed block contains, and what its nonces made obsolete.
  void on_committed(std::span<const Transaction> included, const Ledger& ledger);
  std::size_t size() const;
  std::uint64_t bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace seqlab::protocols
