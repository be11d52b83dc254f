// Transactions that wait for a block: bounded, without duplicates, nonces of one sender in sequence.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocols/types/transaction.hpp"

namespace seqlab::protocols {

struct MempoolOptions {
  std::uint32_t max_transactions = 5000;
  std::uint64_t max_bytes = 64ULL << 20U;
  std::uint32_t max_transaction_bytes = 1U << 20U;
  std::uint32_t cache = 10'000;          ///< remembered ids of what was committed, so that it is not admitted twice
  std::uint32_t max_nonce_gap = 64;      ///< how far ahead of the next expected nonce a transaction may be
  bool evict_lowest_fee = false;         ///< when full: make room for a better-paying one instead of refusing
  friend bool operator==(const MempoolOptions&, const MempoolOptions&) = default;
};

class Ledger;
class TransactionIndex;
enum class LeaderOrder : std::uint8_t;
struct BlockLimits;

/// Why a transaction left without being in a block (`tx_evicted`).
enum class EvictReason : std::uint8_t {
  outbid,        ///< the pool was full and another one pays more for its gas, or the same nonce was offered for more
  old_nonce,     ///< another transaction with its nonce was committed
  out_of_funds,  ///< its sender, or that of one before it, cannot pay any more
};
struct Evicted {
  Transaction transaction;
  EvictReason reason;
};

class Mempool {
 public:
  /// @param shared  where the pools of a world keep what they know of transactions; null: in a place of its own
  explicit Mempool(const MempoolOptions& options, std::shared_ptr<TransactionIndex> shared = nullptr);
  ~Mempool();
  Mempool(Mempool&&) noexcept;
  Mempool& operator=(Mempool&&) noexcept;

  /// Checks everything but the signature, which whoever calls has verified. Only `none` changes the pool.
  ///
  /// The next expected nonce of a sender is the first one that is neither executed nor waiting here. Transactions
  /// ahead of it get at most a quarter of the pool. `ledger` is the one that `on_committed` last saw.
  /// @param evicted  receives what had to leave for it: at most the last transaction of each of some other senders
  AdmitError admit(const Transaction& tx, const Ledger& ledger, std::vector<Evicted>& evicted);
  /// As `admit`, for those whose caller has looked. @pre tx is well formed, and not known here
  AdmitError admit_unknown(const Transaction& tx, const Ledger& ledger, std::vector<Evicted>& evicted);
  /// Whether it waits here or is remembered as committed: then `admit` refuses it as a duplicate.
  bool knows(const TxId& id) const;
  /// Whether it waits here.
  bool waiting(const TxId& id) const;
  /// Height of the block that included it, if that is remembered.
  std::optional<Height> committed_at(const TxId& id) const;
  /// Takes nothing out: the transactions for a block, in the leader's order, within the limits (bytes and gas of the
  /// transactions alone). They all execute: nonces in sequence, each sender can pay from what it has already.
  /// @param ledger  the one that `on_committed` last saw, or a branch ahead of it (on trial)
  std::vector<Transaction> select(const Ledger& ledger, LeaderOrder order, const BlockLimits& limits) const;
  /// Removes what a committed block contains, and what its nonces and payments made obsolete.
  /// @param included  those that executed; one that failed changed nothing and may still find its turn
  /// @param ledger    after the block
  /// @param evicted   receives the obsolete ones
  void on_committed(std::span<const Transaction> included, Height height, const Ledger& ledger,
                    std::vector<Evicted>& evicted);
  std::size_t size() const;
  std::uint64_t bytes() const;
  /// Forgets everything.
  void clear();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace seqlab::protocols
