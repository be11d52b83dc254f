#include "protocols/node/ledger.hpp"

#include <algorithm>

#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::protocols {

namespace {

/// What one account adds to the root. The root is a sum, so the order of changes leaves no trace in it.
Hash128 contribution(std::uint32_t account, std::int64_t balance, std::uint64_t nonce) {
  return FieldHash<4>{}.add(hash_domain("account")).add(account).add(balance).add(nonce).finish();
}

}  // namespace

Ledger::Ledger(const LedgerGenesis& genesis) : genesis_balance_(genesis.balance) {
  const Int128 total = static_cast<Int128>(genesis.accounts) * genesis.balance.value;
  SEQLAB_ASSERT(genesis.accounts < 0x40000000U && genesis.balance.value >= 0 && total < (Int128{1} << 63),
                genesis.accounts, genesis.balance.value);
  users_.assign(genesis.accounts, Account{genesis.balance.value, 0, 0});
  // Not a sum over all accounts: starting from the genesis' own digest leaves as much information and costs nothing.
  root_ = FieldHash<3>{}.add(hash_domain("ledger")).add(genesis.accounts).add(genesis.balance).finish();
}

const Ledger::Account* Ledger::find(AccountId id) const {
  if (id.value < users_.size()) return &users_[id.value];
  const auto at = std::ranges::lower_bound(earners_, id.value, {}, &std::pair<std::uint32_t, Account>::first);
  return at != earners_.end() && at->first == id.value ? &at->second : nullptr;
}

Ledger::Account* Ledger::find(AccountId id) { return const_cast<Account*>(std::as_const(*this).find(id)); }

Ledger::Account& Ledger::find_or_add(AccountId id) {
  if (id.value < users_.size()) return users_[id.value];
  const auto at = std::ranges::lower_bound(earners_, id.value, {}, &std::pair<std::uint32_t, Account>::first);
  if (at != earners_.end() && at->first == id.value) return at->second;
  return earners_.insert(at, {id.value, Account{}})->second;
}

void Ledger::remember(AccountId id, Account& account) {
  if (trial_) {
    undo_.push_back({id.value, account});
  } else if (account.changed == 0) {
    changes_.push_back({id.value, account});
    account.changed = 1;
  }
}

Amount Ledger::balance(AccountId account) const {
  const Account* a = find(account);
  return Amount{a == nullptr ? 0 : a->balance};
}

std::uint64_t Ledger::next_nonce(AccountId account) const {
  const Account* a = find(account);
  return a == nullptr ? 0 : a->nonce;
}

TxStatus Ledger::execute(const ForcedItem& item, NodeId proposer) {
  const std::optional<Condition>& counts_on = item.condition;
  if (counts_on && balance(counts_on->account) < counts_on->least) return TxStatus::unmet_condition;
  return execute(item.transaction, proposer);
}

TxStatus Ledger::execute(const Transaction& tx, NodeId proposer) {
  if (!is_user(tx.sender) || !is_user(tx.receiver)) return TxStatus::unknown_account;
  const Account& payer = users_[tx.sender.value];
  if (tx.nonce != payer.nonce) return TxStatus::bad_nonce;
  // Nobody can pay a negative amount; and a sum that no balance can reach is more than the payer has.
  if (tx.amount.value < 0 || tx.fee.value < 0) return TxStatus::insufficient_funds;
  if (static_cast<Int128>(tx.amount.value) + tx.fee.value > payer.balance) return TxStatus::insufficient_funds;

  // No balance can overflow: none exceeds the total, which fits.
  Account& from = users_[tx.sender.value];
  remember(tx.sender, from);
  from.balance -= tx.amount.value + tx.fee.value;
  from.nonce = from.nonce + 1;
  if (tx.amount.value != 0) {
    Account& to = users_[tx.receiver.value];
    remember(tx.receiver, to);
    to.balance += tx.amount.value;
  }
  if (tx.fee.value != 0) {
    const AccountId earner = validator_account(proposer);
    Account& to = find_or_add(earner);
    remember(earner, to);
    to.balance += tx.fee.value;
  }
  return TxStatus::ok;
}

StateRoot Ledger::root() {
  SEQLAB_ASSERT(!trial_);
  for (const Change& change : changes_) {
    Account& now = *find(AccountId{change.account});
    // An account in its first state adds nothing, so that genesis needs no walk over all accounts.
    const std::int64_t first = is_user(AccountId{change.account}) ? genesis_balance_.value : 0;
    if (change.before.balance != first || change.before.nonce != 0) {
      const Hash128 h = contribution(change.account, change.before.balance, change.before.nonce);
      root_ = {root_.hi - h.hi, root_.lo - h.lo};
    }
    if (now.balance != first || now.nonce != 0) {
      const Hash128 h = contribution(change.account, now.balance, now.nonce);
      root_ = {root_.hi + h.hi, root_.lo + h.lo};
    }
    now.changed = 0;
  }
  changes_.clear();
  return root_;
}

Amount Ledger::total() const {
  std::int64_t sum = 0;
  for (const Account& a : users_) sum += a.balance;
  for (const auto& [id, a] : earners_) sum += a.balance;
  return Amount{sum};
}

Ledger Ledger::without_nonces() const {
  Ledger out = *this;
  for (std::uint32_t i = 0; i < out.users_.size(); ++i) {
    if (out.users_[i].nonce == 0) continue;
    out.remember(AccountId{i}, out.users_[i]);
    out.users_[i].nonce = 0;
  }
  return out;
}

Ledger::Trial::Trial(Ledger& ledger) : ledger_(ledger) {
  SEQLAB_ASSERT(!ledger.trial_);
  ledger.trial_ = true;
}

Ledger::Trial::~Trial() {
  auto& undo = ledger_.undo_;
  for (; !undo.empty(); undo.pop_back()) *ledger_.find(AccountId{undo.back().account}) = undo.back().before;
  ledger_.trial_ = false;
}

}  // namespace seqlab::protocols
