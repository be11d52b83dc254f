#include "protocols/relay/relayer.hpp"

#include <algorithm>
#include <utility>

#include "protocols/l1/contracts.hpp"
#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::protocols {

using namespace std::chrono_literals;
using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint32_t journal_cell = 16;  // beside those of the sequencer
/// After a restart, what nobody knows is given at least so long to turn up (Astria).
constexpr Duration settling = 15s;

}  // namespace

Relayer::Relayer(const RelayContext& context, RelaySource& source, std::optional<std::size_t> place)
    : context_(context),
      source_(source),
      id_(source.id()),
      place_(place),
      changed_(context.simulation),
      luck_(context.simulation.stream("relay", source.id().value)),
      index_(fresh_index()) {}

void Relayer::start() {
  context_.simulation.processes().spawn_service(source_.machine(), [this](sim::Process& process) { run(process); });
}

// ---- the story ------------------------------------------------------------------------------------------------------

void Relayer::run(sim::Process& process) {
  while (!source_.before()) process.sleep(1s);   // its core does not order yet
  recover();
  while (true) {
    next_look_ = time_never;
    if (context_.nodes[id_].paused()) {
      process.sleep(1s);
      continue;
    }
    take_stock();
    watch_backlog();
    if (place_) {
      settle(process);
      take_turn();
      if (!idle_) write(process);
    }
    changed_.wait(process, next_look_);
  }
}

DaIndex Relayer::fresh_index() const {
  const NodeId only = context_.policy.own_copies && place_ ? id_ : no_node;
  return DaIndex{context_.options.confirmations, context_.options.channel_timeout, only, source_.before(),
                 context_.registry};
}

Height Relayer::done() const { return decode_journal(context_.nodes[id_].disk.read_cell(journal_cell)).last; }

/// What the disk says, and what layer 1 has.
void Relayer::recover() {
  incarnation_ = context_.nodes[id_].incarnation();
  index_ = fresh_index();
  under_way_.clear();
  sizes_.clear();
  unwritten_bytes_ = 0;
  closed_ = false;
  acting_ = false;
  waiting_for_ = {};
  turn_ = 0;
  stalled_since_ = now();
  journal_ = {};
  if (place_) {
    const Journal found = decode_journal(context_.nodes[id_].disk.read_cell(journal_cell));
    journal_ = context_.rules.resume(found, source_.chain().height());
    index_.assume(journal_.last);
  }
  index_.follow(context_.l1.view(id_));
  last_readable_ = index_.readable();
  unwritten_from_ = next(last_readable_);
  for (const Batch& batch : journal_.prepared) {
    Sent s{.batch = batch};
    s.blocks = blocks_of(batch);
    // A node that lost its blocks as well gets them again from others, and writes what is then missing.
    if (s.blocks.empty()) break;
    s.transactions = make(batch, s.blocks);
    s.priced_at = now();
    if (context_.format.bundled()) {
      s.retry_at = now();  // the bundler knows what it has by its id: asking is the same as sending again
    } else {
      const bool known = std::ranges::any_of(s.transactions, [this](const L1TransactionPtr& tx) {
        return context_.l1.receipt(id_, tx->id).state != L1Receipt::State::unknown;
      });
      s.sent = known;
      s.sent_at = batch.prepared;
      s.retry_at = std::max(batch.prepared + lost_after_of(context_.options, context_.l1.profile()), now() + settling);
    }
    under_way_.push_back(std::move(s));
  }
  for (const Sent& s : under_way_) {
    if (!s.sent) break;
    Record record = record_of(RecordKind::da_sent, s.batch);  // whether or not it could say so before the power went
    record.flags = static_cast<std::uint16_t>(std::min<std::uint32_t>(s.batch.attempt, 0xffff));
    say(record);
  }
}

/// What has become readable since it looked last.
void Relayer::take_stock() {
  index_.follow(context_.l1.view(id_), [this](const DaIndex::Channel& channel, bool readable) {
    const auto& nodes = context_.options.nodes;
    const auto writer = std::ranges::find(nodes, channel.writer) - nodes.begin();
    if (readable && place_ && static_cast<std::size_t>(writer) < *place_) acting_ = false;
  });
  const Height readable = index_.readable();
  if (readable != last_readable_ || source_.chain().height() <= readable) stalled_since_ = now();
  last_readable_ = readable;
}

/// Confirms what is deep enough, in order, and keeps at the rest.
void Relayer::settle(sim::Process& process) {
  while (!under_way_.empty()) {
    const Sent& front = under_way_.front();
    const Batch batch = front.batch;
    const DaIndex::Channel* channel = index_.channel(batch.id);
    const bool deep = channel != nullptr && channel->completed != 0 && index_.is_deep(channel->completed);
    // Others may have written the same blocks meanwhile. Where transactions have a sequence, ours come in any case.
    // Where there is a registry those may have come to nothing.
    const bool may_be_by_others = context_.format.bundled() || context_.registry != nullptr;
    const bool by_others = !deep && may_be_by_others && batch.last() <= index_.confirmed();
    if (!by_others && !context_.rules.is_done(deep, front.receipt)) break;
    journal_.last = std::max(journal_.last, batch.last());
    under_way_.erase(under_way_.begin());
    save(process);
    if (!by_others) say(record_of(RecordKind::da_confirmed, batch));
  }
  if (under_way_.empty() && index_.confirmed() > journal_.last) {
    journal_.last = index_.confirmed();
    save(process);
  }
  // Who lost the turn leaves what is under way to whoever has it now.
  if (idle_ || (context_.registry != nullptr && !on_duty())) return;
  for (Sent& sent : under_way_) {
    mend(process, sent);
    if (!sent.sent) break;  // a block goes only after every lower one
  }
}

/// Whatever one batch needs now so that it gets there.
void Relayer::mend(sim::Process& process, Sent& sent) {
  const Duration lost_after = lost_after_of(context_.options, context_.l1.profile());
  take_stock();  // a slow disk may have let time pass
  if (!sent.sent) {
    if (now() >= sent.retry_at) send(sent);
    if (!sent.sent) look_at(sent.retry_at);
    return;
  }
  if (sent.readable_at == index_.changes()) return;
  const DaIndex::Channel* channel = index_.channel(sent.batch.id);
  if (channel != nullptr && channel->completed != 0) {  // it only has to get deeper
    sent.readable_at = index_.changes();
    return;
  }
  if (context_.format.bundled()) {
    if (now() - sent.sent_at >= lost_after) return remake(process, sent);
    return look_at(sent.sent_at + lost_after);
  }
  bool unknown = false;
  bool waiting = false;
  for (const L1TransactionPtr& tx : sent.transactions) {
    const L1Receipt::State at = context_.l1.receipt(id_, tx->id).state;
    unknown = unknown || at == L1Receipt::State::unknown;
    waiting = waiting || at == L1Receipt::State::waiting;
  }
  const bool late =
      channel != nullptr && context_.l1.view(id_).height() > channel->first + context_.options.channel_timeout;
  if (late || (!unknown && !waiting && channel != nullptr)) return remake(process, sent);
  if (!unknown && !waiting && context_.registry != nullptr) {  // all of it is there and passed over
    if (sent.batch.last() <= index_.readable()) return;  // others' copies only have to get deeper
    if (now() - sent.sent_at >= lost_after) return remake(process, sent);
    return look_at(sent.sent_at + lost_after);
  }
  if (unknown) {
    if (now() - sent.sent_at < lost_after) return look_at(sent.sent_at + lost_after);
    ++sent.batch.attempt;
    send(sent);
    // Its place in the sequence is taken by something else: it can never come.
    const bool hopeless = std::ranges::any_of(sent.transactions, [this](const L1TransactionPtr& tx) {
      return context_.l1.receipt(id_, tx->id).state == L1Receipt::State::unknown;
    });
    return hopeless ? remake(process, sent) : look_at(sent.sent_at + lost_after);
  }
  const Duration patience = bump_after_of(context_.options, context_.l1.profile());
  if (now() - sent.priced_at >= patience) {
    sent.priced_at = now();
    offer_more(process, sent);
  }
  look_at(sent.priced_at + patience);
}

/// Builds batches from what is final here and sends them, as far as it is this node's turn.
void Relayer::write(sim::Process& process) {
  // Nearly always it is somebody else's turn.
  while (on_duty() && under_way_.size() < Journal::batches_max && (under_way_.empty() || under_way_.back().sent) &&
         on_the_way() < context_.options.in_flight) {
    acting_ = true;
    Sent fresh;
    if (!build(fresh)) return;
    under_way_.push_back(std::move(fresh));
    save(process);
    say(record_of(RecordKind::da_prepared, under_way_.back().batch));
    send(under_way_.back());
  }
  if (!place_ || *place_ == 0 || context_.policy.name != "primary_backup") return;
  const SimTime takes_over = stalled_since_ + context_.options.backup_after * static_cast<std::int64_t>(*place_);
  if (takes_over > now()) look_at(takes_over);
}

/// @return whether there is a batch to send now
bool Relayer::build(Sent& out) {
  const ChainView& chain = source_.chain();
  const Height first = context_.rules.next_block(context_.policy, state());
  const Height last = context_.rules.last_block(chain);
  if (first > last) return false;
  if (first != waiting_for_) {
    waiting_for_ = first;
    waiting_since_ = now();
  }
  std::uint64_t bytes = 0;
  for (Height h = first; h <= last; ++h) {
    const BlockPtr block = context_.rules.block(chain, h);
    if (block == nullptr || (!out.blocks.empty() && bytes + block->bytes > context_.options.batch_bytes)) break;
    bytes += block->bytes;
    out.blocks.push_back(block);
  }
  if (out.blocks.empty()) return false;
  const bool full = out.blocks.back()->height < last || bytes >= context_.options.batch_bytes;
  const SimTime due = waiting_since_ + context_.options.batch_time;
  if (!full && now() < due) {
    look_at(due);
    return false;
  }
  Batch& batch = out.batch;
  if (!price(batch)) return false;  // too dear: looked at again with the next block there
  batch.first = first;
  batch.blocks = static_cast<std::uint32_t>(out.blocks.size());
  batch.prepared = now();
  batch.id = submission_id(out.blocks, salt(batch));
  batch.nonce = free_nonce();
  out.transactions = make(batch, out.blocks);
  out.priced_at = now();
  return true;
}

void Relayer::send(Sent& sent) {
  if (context_.format.bundled()) {
    const auto answer = context_.bundler.upload(
        sent.transactions.front(),
        [this, id = sent.batch.id, life = incarnation_] { on_receipt(id, life); });
    if (answer == Bundler::Answer::down) {
      sent.back_off = std::clamp(2 * sent.back_off, context_.options.retry_first, context_.options.retry_max);
      sent.retry_at = now() + sent.back_off;
      look_at(sent.retry_at);
      if (context_.policy.name == "rotating" && !reported_) {
        reported_ = true;
        context_.report_outage(id_, turn_at(context_.nodes[id_].wall(), context_.options));
      }
      return;
    }
  } else {
    for (const L1TransactionPtr& tx : sent.transactions) {
      context_.l1.submit(tx);
      stay_alive();
    }
  }
  sent.sent = true;
  sent.sent_at = now();
  Record record = record_of(RecordKind::da_sent, sent.batch);
  record.flags = static_cast<std::uint16_t>(std::min<std::uint32_t>(sent.batch.attempt, 0xffff));
  say(record);
  changed_.wake_all();
  look_at(now());
}

/// The same blocks once more, as another submission: the old one came too late, or never will.
void Relayer::remake(sim::Process& process, Sent& sent) {
  Batch batch = sent.batch;
  if (!price(batch)) return;
  ++batch.attempt;
  batch.prepared = now();
  batch.id = submission_id(sent.blocks, salt(batch));
  batch.nonce = free_nonce();
  sent.transactions = make(batch, sent.blocks);
  sent.batch = batch;
  sent.sent = false;
  sent.receipt = false;
  sent.priced_at = sent.retry_at = now();
  sent.back_off = {};
  save(process);
  say(record_of(RecordKind::da_prepared, batch));
  send(sent);
}

/// Replaces what waits by the same for more, if it is the price that it waits for.
void Relayer::offer_more(sim::Process& process, Sent& sent) {
  const auto lane = static_cast<std::size_t>(context_.format.lane());
  Batch dearer = sent.batch;
  const std::uint32_t percent = std::max(context_.options.bump_percent, context_.l1.profile().replacement_percent);
  if (!price(dearer)) return;
  bool too_cheap = false;
  for (std::size_t l = 0; l < l1_lane_count; ++l) {
    const bool first_price = context_.l1.profile().fees[l].kind == FeeMarketOptions::Kind::auction;
    const L1Price estimate = context_.l1.estimate(static_cast<L1Lane>(l));
    // Where all pay the price of the block an offer leaves room for it to rise: enough, until nothing of it is left.
    too_cheap = too_cheap || (first_price ? dearer.price[l] > sent.batch.price[l]
                                          : 10 * estimate > 9 * sent.batch.price[l]);
  }
  if (!too_cheap) return;
  for (std::size_t l = 0; l < l1_lane_count; ++l) {
    const L1Price least = mul_div_ceil(sent.batch.price[l], percent, 100);
    dearer.price[l] = std::max(dearer.price[l], least);
    if (l == lane && context_.options.price_max > 0 && dearer.price[l] > context_.options.price_max) return;
  }
  ++dearer.attempt;
  const std::vector<L1TransactionPtr> better = make(dearer, sent.blocks);
  const std::vector<L1TransactionPtr> old = sent.transactions;
  sent.batch = dearer;
  save(process);
  for (std::size_t i = 0; i < better.size(); ++i) {
    L1TransactionPtr tx = better[i];
    if (tx->after && sent.transactions[i - 1] == old[i - 1]) {
      // What it comes after was included at the old price.
      auto again = std::make_shared<L1Transaction>(*tx);
      again->after = old[i - 1]->id;
      tx = std::move(again);
    }
    const bool taken = context_.l1.submit(tx);
    stay_alive();
    if (taken) sent.transactions[i] = tx;
  }
  sent.sent_at = now();
  Record record = record_of(RecordKind::da_sent, sent.batch);
  record.flags = static_cast<std::uint16_t>(std::min<std::uint32_t>(sent.batch.attempt, 0xffff));
  say(record);
}

// ---- turns and backlog ----------------------------------------------------------------------------------------------

void Relayer::take_turn() {
  if (context_.policy.name != "rotating") return;
  const RelayOptions& o = context_.options;
  const SimTime wall = context_.nodes[id_].wall();
  const std::uint64_t turn = turn_at(wall, o);
  look_at(now() + (turn_begin(turn + 1, o) - wall));
  if (!context_.rules.on_duty(context_.policy, state(), o) || turn_ == turn + 1) return;
  turn_ = turn + 1;
  reported_ = false;
  Record record{.kind = RecordKind::da_turn, .round = static_cast<std::uint32_t>(turn)};
  record.height = context_.rules.next_block(context_.policy, state()).value;
  record.a = static_cast<std::uint64_t>(ns(turn_begin(turn + 1, o) - time_zero));
  say(record);
  if (claims_) {
    reported_ = true;
    context_.report_outage(id_, turn);
  }
}

/// How much of what is final here cannot be read on layer 1. Too much of it, and the node takes nothing new.
void Relayer::watch_backlog() {
  const Height readable = std::min(index_.readable(), source_.chain().height());
  const Height committed = source_.chain().height();
  if (next(readable) < unwritten_from_ || committed.value + 1 < unwritten_from_.value + sizes_.size()) {
    // A reorganisation took something back, or the node lost its chain.
    sizes_.clear();
    unwritten_bytes_ = 0;
    unwritten_from_ = next(readable);
  }
  for (Height h{unwritten_from_.value + sizes_.size()}; h <= committed; ++h) {
    const BlockPtr block = source_.chain().block(h);
    sizes_.push_back(block == nullptr ? 0 : block->bytes);
    unwritten_bytes_ += sizes_.back();
  }
  while (unwritten_from_ <= readable && !sizes_.empty()) {
    unwritten_bytes_ -= sizes_.front();
    sizes_.pop_front();
    ++unwritten_from_.value;
  }
  const bool closed = !context_.rules.admits(unwritten_bytes_, context_.options);
  if (closed == closed_) return;
  closed_ = closed;
  source_.close_admission(closed);
  Record record{.kind = RecordKind::da_backlog, .flags = static_cast<std::uint16_t>(closed ? 1 : 0)};
  record.height = sizes_.size();
  record.a = unwritten_bytes_;
  say(record);
}

// ---- parts ----------------------------------------------------------------------------------------------------------

bool Relayer::on_duty() const {
  return defiant_ || context_.rules.on_duty(context_.policy, state(), context_.options);
}

RelayState Relayer::state() const {
  RelayState s;
  s.place = *place_;
  s.wall = context_.nodes[id_].wall();
  s.committed = source_.chain().height();
  s.done = journal_.last;
  s.taken = under_way_.empty() ? Height{} : under_way_.back().batch.last();
  s.readable = index_.readable();
  s.acting = acting_;
  s.entitled = context_.registry != nullptr && entitled_next(*context_.l1.view(id_).tip()) == id_;
  s.stalled_since = s.wall - (now() - stalled_since_);
  return s;
}

/// Batches that are not to be read on its own view of layer 1.
std::size_t Relayer::on_the_way() const {
  return static_cast<std::size_t>(std::ranges::count_if(under_way_, [this](const Sent& sent) {
    const DaIndex::Channel* channel = index_.channel(sent.batch.id);
    return channel == nullptr || channel->completed == 0;
  }));
}

std::vector<L1TransactionPtr> Relayer::make(const Batch& batch, std::span<const BlockPtr> blocks) const {
  return context_.format.make(batch, blocks, id_, source_.before().value_or(0));
}

/// Empty if the node has not all of them.
std::vector<BlockPtr> Relayer::blocks_of(const Batch& batch) const {
  std::vector<BlockPtr> out;
  if (batch.blocks == 0 || batch.first == Height{} || batch.last() > source_.chain().height()) return out;
  for (Height h = batch.first; h <= batch.last(); ++h) {
    const BlockPtr block = context_.rules.block(source_.chain(), h);
    if (block == nullptr) return {};
    out.push_back(block);
  }
  return out;
}

/// By which one copy differs from another.
std::uint64_t Relayer::salt(const Batch& batch) {
  if (context_.options.outer_id == OuterId::random) return luck_.next64();
  return std::uint64_t{id_.value} << 32U | batch.attempt;
}

std::uint64_t Relayer::free_nonce() const {
  if (context_.format.bundled()) return 0;
  std::uint64_t nonce = context_.l1.next_nonce(id_);
  for (const Sent& s : under_way_) nonce = std::max(nonce, s.batch.nonce + s.transactions.size());
  return nonce;
}

/// Offers twice the estimate, a fifth more where one pays what one offers. @return false if that is too dear
bool Relayer::price(Batch& batch) const {
  const L1Profile& profile = context_.l1.profile();
  for (std::size_t l = 0; l < l1_lane_count; ++l) {
    const L1Price estimate = context_.l1.estimate(static_cast<L1Lane>(l));
    const bool first_price = profile.fees[l].kind == FeeMarketOptions::Kind::auction;
    L1Price offer = first_price ? mul_div_ceil(estimate, 12, 10) : 2 * estimate;
    if (l == static_cast<std::size_t>(context_.format.lane()) && context_.options.price_max > 0) {
      if (estimate > context_.options.price_max) return false;
      offer = std::min(offer, context_.options.price_max);
    }
    batch.price[l] = offer;
  }
  return true;
}

void Relayer::save(sim::Process& process) {
  journal_.prepared.clear();
  if (context_.rules.journal(context_.options) == RelayJournal::prepared) {
    for (const Sent& s : under_way_) journal_.prepared.push_back(s.batch);
  }
  sim::Disk& disk = context_.nodes[id_].disk;
  disk.put_cell(journal_cell, encode(journal_));
  if (disk.sync_time > Duration::zero()) process.sleep(disk.sync_time);
  disk.mark_cell_synced(journal_cell);
}

void Relayer::on_receipt(const Hash128& id, std::uint32_t incarnation) {
  const sim::Node& machine = context_.nodes[id_];
  if (!machine.up() || machine.incarnation() != incarnation) return;
  const auto at = std::ranges::find_if(under_way_, [&](const Sent& s) { return s.batch.id == id; });
  if (at == under_way_.end()) return;
  at->receipt = true;
  Record record = record_of(RecordKind::da_receipt, at->batch);
  record.node = id_;
  record.peer = NodeId{0};
  changed_.wake_all();
  context_.simulation.emit(record);
}

Record Relayer::record_of(RecordKind kind, const Batch& batch) const {
  Record record{.kind = kind, .round = batch.blocks, .height = batch.first.value};
  return record.with_id(batch.id);
}

void Relayer::say(Record record) {
  record.node = id_;
  context_.simulation.emit(record);
  stay_alive();
}

void Relayer::stay_alive() const {
  const sim::Node& machine = context_.nodes[id_];
  if (!machine.up() || machine.incarnation() != incarnation_) throw sim::ProcessKilled{};
}

}  // namespace seqlab::protocols
