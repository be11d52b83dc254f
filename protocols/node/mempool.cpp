#include "protocols/node/mempool.hpp"

#include <algorithm>
#include <set>

#include "protocols/node/ledger.hpp"
#include "protocols/node/sequencer.hpp"
#include "protocols/node/transaction_index.hpp"
#include "sim/base/fixed_point.hpp"
#include "sim/base/ring.hpp"

namespace seqlab::protocols {

namespace {

constexpr std::uint32_t none = 0xffffffffU;

/// How well a transaction pays: fee a gas, compared exactly; the earlier arrival wins a tie.
struct Price {
  std::int64_t fee;
  Gas gas;
  std::uint64_t arrival;

  /// More per gas.
  static bool pays_more(std::int64_t fee_a, Gas gas_a, std::int64_t fee_b, Gas gas_b) {
    return static_cast<Uint128>(fee_a) * gas_b > static_cast<Uint128>(fee_b) * gas_a;
  }
  friend bool operator<(const Price& a, const Price& b) {
    if (pays_more(b.fee, b.gas, a.fee, a.gas)) return true;
    if (pays_more(a.fee, a.gas, b.fee, b.gas)) return false;
    return a.arrival > b.arrival;
  }
};

Price price_of(const Transaction& tx, std::uint64_t arrival) { return {tx.fee.value, tx.gas, arrival}; }

/// @pre neither is negative: the sum of two such numbers fits
std::uint64_t cost_of(const Transaction& tx) {
  return static_cast<std::uint64_t>(tx.amount.value) + static_cast<std::uint64_t>(tx.fee.value);
}

}  // namespace

struct Mempool::State {
  /// A waiting transaction; entries are reused.
  struct Entry {
    Transaction transaction;
    std::uint64_t arrival = 0;
    TransactionIndex::Row row = TransactionIndex::none;  ///< held as long as it waits
  };
  struct Waiting {
    std::uint64_t nonce;
    std::uint32_t entry;
  };
  struct Sender {
    AccountId account;
    std::vector<Waiting> queue;  // by nonce
    std::size_t ready = 0;       // so many of them, from the first on, follow what is executed without a hole
    std::size_t stuck = 0;       // the others
    std::uint64_t stuck_bytes = 0;
  };

  /// What is remembered of an id, a word of the index: where it waits (even), or the height at which it was committed
  /// (odd). 0: it is not known.
  static std::uint64_t waits_at(std::uint32_t entry) { return (std::uint64_t{entry} + 1) << 1U; }
  static std::uint64_t committed_in(Height height) { return height.value << 1U | 1U; }
  static bool is_committed(std::uint64_t word) { return (word & 1U) != 0; }

  State(const MempoolOptions& o, std::shared_ptr<TransactionIndex> shared)
      : options(o), index(std::move(shared)), column(index->add_column()) {}
  ~State() {
    clear();
    index->remove_column(column);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  MempoolOptions options;
  std::shared_ptr<TransactionIndex> index;
  std::uint32_t column;  // ours in the index
  std::vector<Entry> entries;
  std::vector<std::uint32_t> free_entries;
  std::vector<Sender> senders;
  std::vector<std::uint32_t> free_senders;
  std::vector<std::uint32_t> sender_of;  // by account, `none` if nothing of it waits; only users' accounts get here
  Ring<TransactionIndex::Row> committed;  // held; oldest first, bounded by options.cache
  /// The last transaction of each sender by price, kept only when the pool evicts.
  std::set<std::pair<Price, std::uint32_t>> tails;
  std::uint64_t bytes = 0;
  std::uint64_t next_arrival = 0;
  std::size_t count = 0;
  std::size_t stuck = 0;  // transactions behind a hole in their sender's nonces
  std::uint64_t stuck_bytes = 0;

  const Transaction& transaction(const Waiting& w) const { return entries[w.entry].transaction; }
  std::uint64_t known(const TxId& id) const {
    const TransactionIndex::Row row = index->find(id);
    return row == TransactionIndex::none ? 0 : index->cell(row, column);
  }

  void clear() {
    for (const Sender& sender : senders) {
      for (const Waiting& w : sender.queue) {
        index->set(entries[w.entry].row, column, 0);
        index->release(entries[w.entry].row);
      }
    }
    while (!committed.empty()) forget_oldest();
    entries.clear();
    free_entries.clear();
    senders.clear();
    free_senders.clear();
    sender_of.clear();
    tails.clear();
    bytes = next_arrival = stuck_bytes = 0;
    count = stuck = 0;
  }
  void forget_oldest() {
    const TransactionIndex::Row row = committed.pop_front();
    if (is_committed(index->cell(row, column))) index->set(row, column, 0);
    index->release(row);
  }

  std::pair<Price, std::uint32_t> tail_of(std::uint32_t sender) const {
    const Waiting& last = senders[sender].queue.back();
    return {price_of(transaction(last), entries[last.entry].arrival), sender};
  }
  void leave_tails(std::uint32_t sender) {
    if (options.evict_lowest_fee && !senders[sender].queue.empty()) tails.erase(tail_of(sender));
  }
  void join_tails(std::uint32_t sender) {
    if (options.evict_lowest_fee && !senders[sender].queue.empty()) tails.insert(tail_of(sender));
  }

  std::uint32_t find_sender(AccountId account) const {
    return account.value < sender_of.size() ? sender_of[account.value] : none;
  }
  std::uint32_t sender_slot(AccountId account) {
    if (account.value >= sender_of.size()) sender_of.resize(account.value + 1, none);
    std::uint32_t& slot = sender_of[account.value];
    if (slot == none) {
      if (free_senders.empty()) {
        free_senders.push_back(static_cast<std::uint32_t>(senders.size()));
        senders.emplace_back();
      }
      slot = free_senders.back();
      free_senders.pop_back();
      senders[slot].account = account;
    }
    return slot;
  }
  void release_if_empty(std::uint32_t sender) {
    if (!senders[sender].queue.empty()) return;
    sender_of[senders[sender].account.value] = none;
    free_senders.push_back(sender);
  }

  /// To be called when a sender's queue has changed; `executed` is its next nonce in the ledger.
  void update_stuck(std::uint32_t slot, std::uint64_t executed) {
    Sender& sender = senders[slot];
    const auto& queue = sender.queue;
    stuck -= sender.stuck;
    stuck_bytes -= sender.stuck_bytes;
    // Nonces are distinct and sorted, so the unbroken run at the head is found by bisection.
    sender.ready = 0;
    for (std::size_t high = queue.size(); sender.ready < high;) {
      const std::size_t middle = sender.ready + (high - sender.ready) / 2;
      if (queue[middle].nonce - executed == middle) sender.ready = middle + 1;
      else high = middle;
    }
    sender.stuck = queue.size() - sender.ready;
    sender.stuck_bytes = 0;
    for (std::size_t i = sender.ready; i < queue.size(); ++i) sender.stuck_bytes += transaction(queue[i]).bytes;
    stuck += sender.stuck;
    stuck_bytes += sender.stuck_bytes;
  }

  void insert(const Transaction& tx, std::uint64_t executed) {
    if (free_entries.empty()) {
      free_entries.push_back(static_cast<std::uint32_t>(entries.size()));
      entries.emplace_back();
    }
    const std::uint32_t entry = free_entries.back();
    free_entries.pop_back();
    entries[entry].transaction = tx;
    entries[entry].arrival = next_arrival++;
    entries[entry].row = index->hold(tx.id);
    index->set(entries[entry].row, column, waits_at(entry));
    const std::uint32_t sender = sender_slot(tx.sender);
    leave_tails(sender);
    auto& queue = senders[sender].queue;
    const auto at = std::ranges::lower_bound(queue, tx.nonce, {}, &Waiting::nonce);
    queue.insert(at, Waiting{tx.nonce, entry});
    join_tails(sender);
    bytes += tx.bytes;
    ++count;
    update_stuck(sender, executed);
  }

  /// Frees the entry; the queue of its sender and what is known of it are the caller's business.
  void free_entry(std::uint32_t entry) {
    index->release(entries[entry].row);
    bytes -= entries[entry].transaction.bytes;
    --count;
    free_entries.push_back(entry);
  }

  /// Takes `length` transactions from position `from` of a sender's queue out, for a reason.
  void evict(std::uint32_t sender, std::size_t from, std::size_t length, EvictReason reason,
             const Ledger& ledger, std::vector<Evicted>& out) {
    leave_tails(sender);
    auto& queue = senders[sender].queue;
    const auto first = queue.begin() + static_cast<std::ptrdiff_t>(from);
    const auto last = first + static_cast<std::ptrdiff_t>(length);
    for (auto at = first; at != last; ++at) {
      out.push_back({transaction(*at), reason});
      index->set(entries[at->entry].row, column, 0);
      free_entry(at->entry);
    }
    queue.erase(first, last);
    join_tails(sender);
    update_stuck(sender, ledger.next_nonce(senders[sender].account));
  }

  void remember_committed(const TxId& id, Height height) {
    const TransactionIndex::Row row = index->hold(id);
    index->set(row, column, committed_in(height));
    committed.push_back(row);
    while (committed.size() > options.cache) forget_oldest();
  }

  /// Which tails leave so that `tx` fits. Empty if not enough of them pay less.
  std::vector<std::uint32_t> make_room(const Transaction& tx) const {
    std::vector<std::uint32_t> victims;
    std::size_t left_count = count;
    std::uint64_t left_bytes = bytes;
    for (const auto& [price, sender] : tails) {
      if (!Price::pays_more(tx.fee.value, tx.gas, price.fee, price.gas)) break;
      if (senders[sender].account == tx.sender) continue;  // it would tear a hole into its own sequence
      victims.push_back(sender);
      --left_count;
      left_bytes -= transaction(senders[sender].queue.back()).bytes;
      if (left_count < options.max_transactions && left_bytes + tx.bytes <= options.max_bytes) return victims;
    }
    return {};
  }
};

Mempool::Mempool(const MempoolOptions& options, std::shared_ptr<TransactionIndex> shared)
    : state_(std::make_unique<State>(options, shared ? std::move(shared) : std::make_shared<TransactionIndex>())) {}
Mempool::~Mempool() = default;
Mempool::Mempool(Mempool&&) noexcept = default;
Mempool& Mempool::operator=(Mempool&&) noexcept = default;

AdmitError Mempool::admit(const Transaction& tx, const Ledger& ledger, std::vector<Evicted>& evicted) {
  if (tx.bytes > state_->options.max_transaction_bytes) return AdmitError::too_large;
  if (!tx.well_formed()) return AdmitError::malformed;
  if (knows(tx.id)) return AdmitError::duplicate;
  return admit_unknown(tx, ledger, evicted);
}

AdmitError Mempool::admit_unknown(const Transaction& tx, const Ledger& ledger, std::vector<Evicted>& evicted) {
  State& s = *state_;
  const MempoolOptions& options = s.options;
  if (tx.bytes > options.max_transaction_bytes) return AdmitError::too_large;
  if (!ledger.is_user(tx.sender) || !ledger.is_user(tx.receiver)) return AdmitError::unknown_account;
  const std::uint64_t executed = ledger.next_nonce(tx.sender);
  if (tx.nonce < executed) return AdmitError::old_nonce;
  if (cost_of(tx) > static_cast<std::uint64_t>(ledger.balance(tx.sender).value)) return AdmitError::insufficient_funds;

  const std::uint32_t found = s.find_sender(tx.sender);
  const std::vector<State::Waiting> nothing;
  const auto& queue = found == none ? nothing : s.senders[found].queue;
  const auto at = std::ranges::lower_bound(queue, tx.nonce, {}, &State::Waiting::nonce);
  if (at != queue.end() && at->nonce == tx.nonce) {
    // The nonce is taken. A better offer for it replaces the old one where fees decide.
    const Transaction& old = s.transaction(*at);
    if (!options.evict_lowest_fee || !Price::pays_more(tx.fee.value, tx.gas, old.fee.value, old.gas) ||
        s.bytes - old.bytes + tx.bytes > options.max_bytes) {
      return AdmitError::duplicate;
    }
    const std::uint32_t sender = found;
    s.evict(sender, static_cast<std::size_t>(at - queue.begin()), 1, EvictReason::outbid, ledger, evicted);
    s.release_if_empty(sender);
    s.insert(tx, executed);
    return AdmitError::none;
  }
  const std::uint64_t expected = executed + (found == none ? 0 : s.senders[found].ready);
  if (tx.nonce > expected) {
    if (tx.nonce - expected > options.max_nonce_gap) return AdmitError::nonce_gap;
    // What waits for a hole to be filled may not fill the pool, or what fills the holes would find no place.
    if (s.stuck >= options.max_transactions / 4 || s.stuck_bytes + tx.bytes > options.max_bytes / 4) {
      return AdmitError::full;
    }
  }

  if (s.count >= options.max_transactions || s.bytes + tx.bytes > options.max_bytes) {
    if (!options.evict_lowest_fee) return AdmitError::full;
    const std::vector<std::uint32_t> victims = s.make_room(tx);
    if (victims.empty()) return AdmitError::full;
    for (const std::uint32_t sender : victims) {
      s.evict(sender, s.senders[sender].queue.size() - 1, 1, EvictReason::outbid, ledger, evicted);
      s.release_if_empty(sender);
    }
  }
  s.insert(tx, executed);
  return AdmitError::none;
}

bool Mempool::knows(const TxId& id) const { return state_->known(id) != 0; }

bool Mempool::waiting(const TxId& id) const {
  const std::uint64_t word = state_->known(id);
  return word != 0 && !State::is_committed(word);
}

std::optional<Height> Mempool::committed_at(const TxId& id) const {
  const std::uint64_t word = state_->known(id);
  if (!State::is_committed(word)) return std::nullopt;
  return Height{word >> 1U};
}

std::vector<Transaction> Mempool::select(const Ledger& ledger, LeaderOrder order, const BlockLimits& limits) const {
  const State& s = *state_;
  /// The next transaction of a sender that may go in.
  struct Head {
    Price price;
    std::uint32_t sender;
    std::uint32_t position;
    std::uint64_t spendable;
  };
  const auto goes_later = [order](const Head& a, const Head& b) {
    if (order == LeaderOrder::fee) return a.price < b.price;
    return a.price.arrival > b.price.arrival;
  };
  std::vector<Head> heads;
  const auto push = [&](Head head) {
    const State::Waiting& w = s.senders[head.sender].queue[head.position];
    head.price = price_of(s.transaction(w), s.entries[w.entry].arrival);
    heads.push_back(head);
    std::ranges::push_heap(heads, goes_later);
  };
  for (std::uint32_t i = 0; i < s.senders.size(); ++i) {
    const State::Sender& sender = s.senders[i];
    if (sender.queue.empty()) continue;
    // A ledger on trial may be ahead of what was committed: what is on a branch already is not chosen again.
    const std::uint64_t nonce = ledger.next_nonce(sender.account);
    std::uint32_t position = 0;
    while (position < sender.queue.size() && sender.queue[position].nonce < nonce) ++position;
    if (position == sender.queue.size() || sender.queue[position].nonce != nonce) continue;
    push({{}, i, position, static_cast<std::uint64_t>(ledger.balance(sender.account).value)});
  }

  std::vector<Transaction> block;
  std::uint64_t bytes = 0;
  Gas gas = 0;
  while (!heads.empty()) {
    std::ranges::pop_heap(heads, goes_later);
    Head head = heads.back();
    heads.pop_back();
    const auto& queue = s.senders[head.sender].queue;
    const Transaction& tx = s.transaction(queue[head.position]);
    // What does not fit, or cannot be paid, ends its sender's turn: the nonces behind it must not overtake.
    if (tx.bytes > limits.max_bytes - bytes || tx.gas > limits.max_gas - gas || cost_of(tx) > head.spendable) continue;
    block.push_back(tx);
    bytes += tx.bytes;
    gas += tx.gas;
    head.spendable -= cost_of(tx);
    ++head.position;
    if (head.position < queue.size() && queue[head.position].nonce == tx.nonce + 1) push(head);
  }
  return block;
}

void Mempool::on_committed(std::span<const Transaction> included, Height height, const Ledger& ledger,
                           std::vector<Evicted>& evicted) {
  State& s = *state_;
  for (std::size_t i = 0; i < included.size(); ++i) {
    s.index->prefetch(included[i].id);
    if (i < s.committed.size()) s.index->prefetch(s.committed[i], s.column);  // will be forgotten for it
  }
  std::vector<std::uint32_t> touched;
  for (const Transaction& tx : included) {
    if (const std::uint32_t sender = s.find_sender(tx.sender); sender != none) touched.push_back(sender);
  }
  std::ranges::sort(touched);
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  // First the ids, so that an included transaction is not taken for one that lost its nonce.
  for (const Transaction& tx : included) s.remember_committed(tx.id, height);
  for (const std::uint32_t sender : touched) {
    s.leave_tails(sender);
    auto& queue = s.senders[sender].queue;
    const std::uint64_t next = ledger.next_nonce(s.senders[sender].account);
    std::size_t gone = 0;
    while (gone < queue.size() && queue[gone].nonce < next) {
      const Transaction& tx = s.transaction(queue[gone]);
      const TransactionIndex::Row row = s.entries[queue[gone].entry].row;
      if (s.index->cell(row, s.column) == State::waits_at(queue[gone].entry)) {
        s.index->set(row, s.column, 0);
        evicted.push_back({tx, EvictReason::old_nonce});
      }
      s.free_entry(queue[gone].entry);
      ++gone;
    }
    queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(gone));
    s.join_tails(sender);
    s.update_stuck(sender, next);
    const auto balance = static_cast<std::uint64_t>(ledger.balance(s.senders[sender].account).value);
    if (!queue.empty() && queue.front().nonce == next && cost_of(s.transaction(queue.front())) > balance) {
      s.evict(sender, 0, queue.size(), EvictReason::out_of_funds, ledger, evicted);
    }
    s.release_if_empty(sender);
  }
}

std::size_t Mempool::size() const { return state_->count; }
std::uint64_t Mempool::bytes() const { return state_->bytes; }
void Mempool::clear() { state_->clear(); }

}  // namespace seqlab::protocols
