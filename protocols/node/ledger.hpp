// The replicated state: accounts with balances and nonces, changed by executing transactions in order. Double entry:
// every change has its opposite, the sum never moves.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocols/types/block.hpp"
#include "protocols/types/transaction.hpp"

namespace seqlab::protocols {

struct LedgerGenesis {
  std::uint32_t accounts = 0;      ///< user accounts 0 ... accounts-1
  Amount balance{1'000'000'000};   ///< of each at the start
  friend bool operator==(const LedgerGenesis&, const LedgerGenesis&) = default;
};

/// Account of a validator, that earns fees.
constexpr AccountId validator_account(NodeId node) { return AccountId{0x40000000U | node.value}; }

class Ledger {
 public:
  explicit Ledger(const LedgerGenesis& genesis);

  Amount balance(AccountId account) const;
  std::uint64_t next_nonce(AccountId account) const;
  /// Executes one transaction; failed ones change nothing (a wrong nonce or missing funds).
  TxStatus execute(const Transaction& tx, NodeId proposer);
  /// Incremental commitment to the whole state; equal states have equal roots whatever the path.
  StateRoot root() const;
  /// Sum of all balances; constant.
  Amount total() const;

 private:
  struct Account {
    std::int64_t balance = 0;
    std::uint64_t nonce = 0;
  };
  Account& account(AccountId id);
  void rehash(AccountId id, const Account& before, const Account& after);
  std::vector<Account> users_;
  std::vector<std::pair<std::uint32_t, Account>> others_;  // sorted by account
  Hash128 root_;
  Amount total_{};
};

}  // namespace seqlab::protocols
