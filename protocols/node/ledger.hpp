// The replicated state: accounts with balances and nonces, changed by executing transactions in order. Double entry:
// every change has its opposite, the sum never moves.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "protocols/types/block.hpp"
#include "protocols/types/transaction.hpp"

namespace seqlab::protocols {

struct LedgerGenesis {
  std::uint32_t accounts = 0;      ///< user accounts 0 ... accounts-1
  Amount balance{1'000'000'000};   ///< of each at the start; accounts * balance is below 2^63
  friend bool operator==(const LedgerGenesis&, const LedgerGenesis&) = default;
};

/// Account of a validator, that earns fees.
constexpr AccountId validator_account(NodeId node) { return AccountId{0x40000000U | node.value}; }

/// Why a balance changed (`balance_moved`).
enum class MoveCause : std::uint8_t { transfer, fee };

class Ledger {
 public:
  /// @pre genesis.accounts < 2^30, genesis.balance >= 0, their product below 2^63
  explicit Ledger(const LedgerGenesis& genesis);

  /// 0 for accounts that do not exist.
  Amount balance(AccountId account) const;
  std::uint64_t next_nonce(AccountId account) const;
  /// Users can send and receive; validators' accounts only earn.
  bool is_user(AccountId account) const { return account.value < users_.size(); }
  /// Executes one transaction; a failed one changes nothing. Any field may hold anything: who calls has checked the
  /// signature and that `id` fits the content, and nothing else.
  TxStatus execute(const Transaction& tx, NodeId proposer);
  /// An item of layer 1: its transaction, if its condition holds.
  TxStatus execute(const ForcedItem& item, NodeId proposer);
  /// Incremental commitment to the whole state; equal states have equal roots whatever the path. Costs two hashes for
  /// each account that changed since it was last asked for.
  StateRoot root();
  /// Sum of all balances; constant.
  Amount total() const;
  /// The same balances, and every sequence of nonces begins at 0 again.
  Ledger without_nonces() const;

  /// Executes on trial: the destructor undoes everything that was executed since. Trials do not nest, and `root()` may
  /// not be asked for meanwhile.
  class Trial {
   public:
    explicit Trial(Ledger& ledger);
    ~Trial();
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

   private:
    Ledger& ledger_;
  };

 private:
  struct Account {
    std::int64_t balance = 0;
    std::uint64_t nonce : 63 = 0;
    std::uint64_t changed : 1 = 0;  ///< listed in changes_
  };
  struct Change {
    std::uint32_t account;
    Account before;
  };
  Account* find(AccountId id);
  const Account* find(AccountId id) const;
  Account& find_or_add(AccountId id);
  /// Remembers what the account was before its first change, or on trial before every change.
  void remember(AccountId id, Account& account);

  Amount genesis_balance_;
  std::vector<Account> users_;
  std::vector<std::pair<std::uint32_t, Account>> earners_;  // sorted by account
  Hash128 root_;                // of the state before changes_
  std::vector<Change> changes_;  // one an account
  std::vector<Change> undo_;     // of the running trial, oldest first
  bool trial_ = false;
};

}  // namespace seqlab::protocols
