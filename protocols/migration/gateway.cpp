#include "protocols/migration/gateway.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "protocols/forced/forced_paths.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::protocols {

using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint32_t mode_cell = 0;
constexpr std::uint64_t poll_token = 0;   // other tokens: so many lines of the log are on the disk

/// 32 bits stand for the hash.
std::uint64_t third_field(const Hash128& item, const Hash128& l1_block) {
  return FieldHash<5>{}.add(hash_domain("sort key")).add(item).add(l1_block).finish().hi >> 32U;
}

}  // namespace

Gateway::Gateway(const SequencerContext& context, const GatewayOptions& options, const CoreImport* import)
    : context_(context),
      options_(options),
      machine_(&context.nodes.add(*this)),
      import_(import),
      ledger_(context.ledger),
      mempool_(context.mempool) {
  SEQLAB_ASSERT(context.l1 != nullptr);
  const L1View& chain = context.l1->chain();
  const std::uint64_t height =
      std::max(chain.first(), chain.height() - std::min<std::uint64_t>(chain.height(), options.depth));
  const L1BlockPtr block = chain.block(height);
  genesis_.last = {block->height, block->id, block->timestamp};
  external_ = genesis_;
}

// ---- the cut-over ---------------------------------------------------------------------------------------------------

void Gateway::stop(bool redirect) {
  stopped_ = true;
  redirects_ = redirect;
  write_mode();
}

void Gateway::resume() {
  stopped_ = false;
  redirects_ = false;
  write_mode();
}

void Gateway::write_mode() {
  const std::array mode = {std::byte{stopped_}, std::byte{redirects_}};
  machine_->disk.put_cell(mode_cell, mode);
  machine_->disk.mark_cell_synced(mode_cell);
}

CoreImport Gateway::export_core(std::uint32_t blocks_behind) const {
  CoreImport out;
  out.ledger = ledger_;
  // Interactions that are written but not yet on the disk are in nobody's answer: they go with the rest.
  std::uint64_t blocks = 0;
  for (const Entry& entry : log_) blocks += entry.block != nullptr ? 1U : 0U;
  const std::uint64_t keep = blocks - std::min<std::uint64_t>(blocks, blocks_behind);
  out.external = genesis_;
  std::uint64_t seen = 0;
  for (const Entry& entry : log_) {
    if (entry.block == nullptr) {
      out.last_keys[entry.transaction.receiver] = entry.key;
      continue;
    }
    if (seen++ == keep) break;
    for (const L1Item& item : items_of(entry)) {
      if (forced_.at(item.item.id) == ForcedStatus::executed) {
        out.last_keys[item.item.transaction.receiver] = item.key;
      }
      ++out.external.pointer;
    }
    out.external.last = {entry.block->height, entry.block->id, entry.block->timestamp};
  }
  return out;
}

// ---- life -----------------------------------------------------------------------------------------------------------

void Gateway::on_start(bool) {
  if (!machine_->up() || !opened()) return;  // switched off again by whoever watched the start; or not its time yet
  const std::uint64_t life = life_;
  admission_closed_ = false;
  if (import_ != nullptr) genesis_ = import_->external;
  log_.resize(std::min<std::size_t>(log_.size(), machine_->disk.read_log().size()));
  if (announced_ > log_.size()) {  // the disk itself fell back
    announced_ = log_.size();
    announced_keys_.clear();
  }
  if (announced_ == 0 && import_ != nullptr) announced_keys_ = import_->last_keys;
  const std::vector<std::byte> mode = machine_->disk.read_cell(mode_cell);
  stopped_ = mode.size() == 2 && mode[0] != std::byte{0};
  redirects_ = mode.size() == 2 && mode[1] != std::byte{0};
  replay();
  machine_->set_timer(options_.poll, poll_token);
  announce(log_.size());
  if (life == life_) take_over_l1();
}

void Gateway::on_crash() { ++life_; }

/// The memory that the log leads to.
void Gateway::replay() {
  ledger_ = import_ != nullptr ? import_->ledger : Ledger{context_.ledger};
  mempool_ = Mempool{context_.mempool};
  external_ = genesis_;
  last_key_ = {};
  if (import_ != nullptr) {
    for (const auto& [contract, key] : import_->last_keys) last_key_ = std::max(last_key_, key);
  }
  forced_.clear();
  std::vector<Evicted> evicted;
  for (std::size_t i = 0; i < log_.size(); ++i) {
    apply(log_[i]);
    if (log_[i].block == nullptr) mempool_.on_committed({&log_[i].transaction, 1}, Height{i + 1}, ledger_, evicted);
  }
}

void Gateway::on_timer(std::uint64_t token) {
  if (!opened()) return;
  if (token == poll_token) {
    machine_->set_timer(options_.poll, poll_token);
    return take_over_l1();
  }
  machine_->disk.mark_synced(first_position_ + token - 1);
  announce(token);
}

// ---- interactions ---------------------------------------------------------------------------------------------------

void Gateway::on_message(NodeId from, const MessagePtr& message) {
  using Outcome = TransactionResultMessage::Outcome;
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  if (any.message_kind() != MessageKind::transaction || !opened()) return;
  const Transaction& tx = static_cast<const TransactionMessage&>(any).transaction;
  if (mempool_.knows(tx.id)) {
    // Asked again. One whose line is not on the disk yet has its answer to come.
    const std::optional<Height> height = mempool_.committed_at(tx.id);
    if (height && height->value <= announced_) {
      return answer(from, tx.id, Outcome::committed, height->value, static_cast<std::uint8_t>(TxStatus::ok));
    }
    if (height || !stopped_) return;
  }
  if (stopped_) {
    const CoreRefusal why = redirects_ ? CoreRefusal::moved : CoreRefusal::stopped;
    return answer(from, tx.id, Outcome::refused, height(), static_cast<std::uint8_t>(why));
  }
  std::vector<Evicted> evicted;
  AdmitError error = AdmitError::malformed;
  if (admission_closed_) {
    error = AdmitError::full;
  } else if (tx.well_formed()) {
    const bool good = context_.signatures.verify(account_key(tx.sender.value), tx.id, tx.signature);
    error = good ? mempool_.admit(tx, ledger_, evicted) : AdmitError::bad_signature;
  }
  if (error != AdmitError::none) {
    Record refused{.kind = RecordKind::tx_refused, .detail = static_cast<std::uint8_t>(error)};
    if (!emit(refused.with_id(tx.id))) return;
    return answer(from, tx.id, Outcome::refused, height(), static_cast<std::uint8_t>(error));
  }
  Record admitted{.kind = RecordKind::tx_admitted};
  if (emit(admitted.with_id(tx.id))) order_waiting();
}

/// Everything whose turn has come by its nonce gets its place.
void Gateway::order_waiting() {
  constexpr BlockLimits everything{std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<Gas>::max()};
  const std::uint64_t life = life_;
  std::vector<Evicted> evicted;
  for (const Transaction& tx : mempool_.select(ledger_, LeaderOrder::arrival, everything)) {
    const L1BlockPtr tip = context_.l1->view(id()).tip();
    const bool finished = options_.stamp == MigrationOptions::Stamp::finished;
    Entry entry{.transaction = tx, .key = {}, .block = nullptr};
    entry.key.l1_height = finished ? external_.last.height : tip->height;
    entry.key.third = third_field(tx.id, finished ? external_.last.id : tip->id);
    const std::int64_t millis = ns(machine_->wall() - time_zero) / 1'000'000;
    entry.key.second = std::max(static_cast<std::uint64_t>(std::max<std::int64_t>(1, millis)), last_key_.second);
    // Two in one millisecond, or a clock that went back: the later one still has the greater key.
    if (entry.key.l1_height == last_key_.l1_height && entry.key <= last_key_) entry.key.second = last_key_.second + 1;
    apply(entry);
    mempool_.on_committed({&tx, 1}, Height{height() + 1}, ledger_, evicted);
    append(std::move(entry));
    if (life != life_) return;
  }
}

// ---- layer 1 --------------------------------------------------------------------------------------------------------

void Gateway::take_over_l1() {
  const std::uint64_t life = life_;
  const L1View& view = context_.l1->view(id());
  while (!stopped_) {
    const L1BlockPtr next = view.block(external_.last.height + 1);
    if (next == nullptr || view.depth(next->height) < options_.depth) return;
    Entry entry{.transaction = {}, .key = {}, .block = next, .position = external_.pointer};
    apply(entry);
    append(std::move(entry));
    if (life != life_) return;
  }
}

std::vector<Gateway::L1Item> Gateway::items_of(const Entry& entry) {
  const L1Block& block = *entry.block;
  std::vector<L1Item> out;
  for (ForcedItem& item : forced_items(block, entry.position)) {
    const SortKey key{block.height, 0, third_field(item.id, block.id)};
    out.push_back({std::move(item), key});
  }
  std::ranges::sort(out, {}, &L1Item::key);
  return out;
}

BlockPtr Gateway::Lines::block(Height h) const {
  if (h == Height{0} || h > height()) return nullptr;
  const Entry& entry = gateway_.log_[h.value - 1];
  auto block = std::make_shared<Block>();
  block->height = h;
  block->proposer = gateway_.id();
  if (entry.block == nullptr) {
    block->id = entry.transaction.id;
    block->timestamp = SimTime{std::chrono::milliseconds{entry.key.second}};
    block->transactions = {entry.transaction};
  } else {
    const L1Block& named = *entry.block;
    block->id = named.id;
    block->timestamp = named.timestamp;
    External external{.ref = {named.height, named.id, named.timestamp}, .pointer = entry.position};
    for (L1Item& item : items_of(entry)) external.items.push_back(std::move(item.item));
    external.pointer += external.items.size();
    block->external = std::move(external);
  }
  block->bytes = block->compute_bytes();
  return block;
}

// ---- the log --------------------------------------------------------------------------------------------------------

void Gateway::apply(const Entry& entry) {
  if (entry.block == nullptr) {
    const TxStatus status = ledger_.execute(entry.transaction, id());
    SEQLAB_ASSERT(status == TxStatus::ok, static_cast<int>(status));
    last_key_ = entry.key;
    return;
  }
  for (const L1Item& item : items_of(entry)) {
    const Transaction& tx = item.item.transaction;
    const bool good =
        tx.well_formed() && context_.signatures.verify(account_key(tx.sender.value), tx.id, tx.signature);
    const bool ok = good && ledger_.execute(item.item, id()) == TxStatus::ok;
    const ForcedStatus status = ok ? ForcedStatus::executed : ForcedStatus::failed;
    forced_[item.item.id] = status;
    if (ok) last_key_ = item.key;
    ++external_.pointer;
  }
  external_.last = {entry.block->height, entry.block->id, entry.block->timestamp};
}

void Gateway::append(Entry entry) {
  log_.push_back(std::move(entry));
  const std::uint64_t number = log_.size();
  const std::uint64_t position = machine_->disk.append(std::as_bytes(std::span{&number, 1}));
  first_position_ = position - (number - 1);
  if (machine_->disk.sync_time > Duration::zero()) {
    machine_->set_real_timer(machine_->disk.sync_time, number);
    return;
  }
  machine_->disk.mark_synced(position);
  announce(number);
}

/// Says what the log holds up to a line, and answers those who wait for it.
void Gateway::announce(std::uint64_t upto) {
  const std::uint64_t life = life_;
  while (announced_ < std::min<std::uint64_t>(upto, log_.size())) {
    const Entry entry = log_[announced_];
    const std::uint64_t height = ++announced_;
    announce(entry, height);
    if (life != life_) return;
  }
}

bool Gateway::announce(const Entry& entry, std::uint64_t height) {
  if (entry.block == nullptr) {
    const Transaction& tx = entry.transaction;
    if (!say_key(entry.key, tx.receiver, false)) return false;
    Record included{.kind = RecordKind::tx_included, .detail = static_cast<std::uint8_t>(TxStatus::ok)};
    included.height = height;
    if (!emit(included.with_id(tx.id))) return false;
    answer(tx.client, tx.id, TransactionResultMessage::Outcome::committed, height,
           static_cast<std::uint8_t>(TxStatus::ok));
    return true;
  }
  const L1Block& block = *entry.block;
  Record named{.kind = RecordKind::l1_ref, .round = static_cast<std::uint32_t>(block.height), .height = height};
  if (!emit(named.with_id(block.id))) return false;
  for (const L1Item& item : items_of(entry)) {
    const ForcedStatus status = forced_.at(item.item.id);
    if (status == ForcedStatus::executed && !say_key(item.key, item.item.transaction.receiver, true)) return false;
    Record done{.kind = RecordKind::forced_done, .detail = static_cast<std::uint8_t>(status)};
    done.round = static_cast<std::uint32_t>(item.item.position);
    done.height = height;
    if (!emit(done.with_id(item.item.id))) return false;
  }
  return true;
}

bool Gateway::say_key(const SortKey& key, AccountId contract, bool from_l1) {
  const auto [last, first] = announced_keys_.try_emplace(contract, key);
  const SortKey before = last->second;
  last->second = key;
  const bool alive = emit({.kind = RecordKind::keyed,
                           .detail = static_cast<std::uint8_t>(from_l1 ? 1 : 0),
                           .peer = NodeId{contract.value},
                           .height = key.second,
                           .a = key.l1_height,
                           .b = key.third});
  if (!alive) return false;
  Record linked{.kind = RecordKind::key_linked, .flags = static_cast<std::uint16_t>(first ? 0 : 1)};
  if (!first) {
    linked.a = before.l1_height;
    linked.b = before.second;
    linked.round = static_cast<std::uint32_t>(before.third);
  }
  return emit(linked);
}

void Gateway::answer(NodeId client, const TxId& tx, TransactionResultMessage::Outcome outcome, std::uint64_t height,
                     std::uint8_t detail) {
  if (client == no_node || client.value >= context_.nodes.size() || client == id()) return;
  context_.network.send(
      id(), client,
      MessagePtr{context_.network.pool().make<TransactionResultMessage>(id(), tx, outcome, Height{height}, detail)});
}

bool Gateway::emit(Record record) {
  const std::uint64_t life = life_;
  record.node = id();
  context_.simulation.emit(record);
  return life == life_;
}

}  // namespace seqlab::protocols
