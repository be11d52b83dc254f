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
  users_.assign(genesis.accounts, Account{genesis.balance.value, 0});
  // Not a sum over all accounts: starting from the genesis' own digest leaves as much information and costs nothing.
  root_ = FieldHash<3>{}.add(hash_domain("ledger")).add(genesis.accounts).add(genesis.balance).finish();
}

const Ledger::Account* Ledger::find(AccountId id) const {
  if (id.value < users_.size()) return &users_[id.value];
  const auto at = std::ranges::lower_bound(earners_, id.value, {}, &std::pair<std::uint32_t, Account>::first);
  return at != earners_.end() && at->first == id.value ? &at->second : nullptr;
}

Ledger::Account* Ledger::find(AccountId id) { return const_cast<Account*>(std::as_const(*this).find(id)); }

Ledger::Account& Ledger::touch(AccountId id) {
  Account* account = find(id);
  if (account == nullptr) {
    const auto at = std::ranges::lower_bound(earners_, id.value, {}, &std::pair<std::uint32_t, Account>::first);
    account = &earners_.insert(at, {id.value, Account{}})->second;
  }
  changes_.push_back({id.value, *account});
  return *account;
}

Amount Ledger::balance(AccountId account) const {
  const Account* a = find(account);
  return Amount{a == nullptr ? 0 : a->balance};
}

std::uint64_t Ledger::next_nonce(AccountId account) const {
  const Account* a = find(account);
  return a == nullptr ? 0 : a->nonce;
}

TxStatus Ledger::execute(const Transaction& tx, NodeId proposer) {
  if (!is_user(tx.sender) || !is_user(tx.receiver)) return TxStatus::unknown_account;
  const Account& payer = users_[tx.sender.value];
  if (tx.nonce != payer.nonce) return TxStatus::bad_nonce;
  // Nobody can pay a negative amount; and a sum that no balance can reach is more than the payer has.
  if (tx.amount.value < 0 || tx.fee.value < 0) return TxStatus::insufficient_funds;
  if (static_cast<Int128>(tx.amount.value) + tx.fee.value > payer.balance) return TxStatus::insufficient_funds;

  Account& from = touch(tx.sender);
  from.balance -= tx.amount.value + tx.fee.value;
  ++from.nonce;
  // No balance can overflow: each is at most the total, which fits.
  if (tx.amount.value != 0) touch(tx.receiver).balance += tx.amount.value;
  if (tx.fee.value != 0) touch(validator_account(proposer)).balance += tx.fee.value;
  return TxStatus::ok;
}

StateRoot Ledger::root() const {
  SEQLAB_ASSERT(!trial_);
  if (changes_.empty()) return root_;
  // The first change of an account holds what the root knows of it; the account itself holds what it is now.
  std::ranges::stable_sort(changes_, {}, &Change::account);
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const Change& change = changes_[i];
    if (i > 0 && changes_[i - 1].account == change.account) continue;
    const Account& now = *find(AccountId{change.account});
    const Account before_genesis{genesis_balance_.value, 0};
    const Account never_seen{};
    // An account in its first state adds nothing, so that genesis needs no walk over all accounts.
    const Account& first = is_user(AccountId{change.account}) ? before_genesis : never_seen;
    const auto add = [&](const Account& a, bool positive) {
      if (a.balance == first.balance && a.nonce == first.nonce) return;
      const Hash128 h = contribution(change.account, a.balance, a.nonce);
      root_.hi = positive ? root_.hi + h.hi : root_.hi - h.hi;
      root_.lo = positive ? root_.lo + h.lo : root_.lo - h.lo;
    };
    add(change.before, false);
    add(now, true);
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

Ledger::Trial::Trial(Ledger& ledger) : ledger_(ledger) {
  SEQLAB_ASSERT(!ledger.trial_);
  ledger.trial_ = true;
  ledger.trial_begin_ = ledger.changes_.size();
}

Ledger::Trial::~Trial() {
  auto& changes = ledger_.changes_;
  while (changes.size() > ledger_.trial_begin_) {
    *ledger_.find(AccountId{changes.back().account}) = changes.back().before;
    changes.pop_back();
  }
  ledger_.trial_ = false;
}

}  // namespace seqlab::protocols
