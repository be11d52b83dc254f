#include "protocols/l1/l1.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "protocols/l1/contracts.hpp"
#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"
#include "sim/random/quantiles.hpp"

namespace seqlab::protocols {

using sim::QuantileTable;
using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint8_t chain_number = 0;   // a world has one layer-1 chain; records leave room for more
constexpr std::uint64_t history = 64;      // blocks from before the beginning, so that depth means something at once
constexpr std::uint32_t event_mine = 0;

/// What a draw is for: a lane of its own each.
enum Luck : std::uint64_t {
  luck_interval,
  luck_miss,
  luck_fork,
  luck_winner,
  luck_deeper,
  luck_time,
  luck_view,
  luck_censor
};

bool happens(std::uint32_t draw, Ratio chance) {
  return chance.num != 0 && (std::uint64_t{draw} * chance.den >> 32U) < chance.num;
}

std::int64_t cost(const L1Transaction& tx, const L1Block& block, const L1Profile& profile) {
  std::int64_t sum = 0;
  for (std::size_t lane = 0; lane < l1_lane_count; ++lane) {
    if (tx.units[lane] == 0) continue;
    // A first-price auction takes what was offered, the others take the price of the block.
    const bool first_price = profile.fees[lane].kind == FeeMarketOptions::Kind::auction;
    const L1Price price = first_price ? tx.price_max[lane] : block.price[lane];
    sum += mul_div_ceil(price, static_cast<std::int64_t>(tx.units[lane]), 1'000'000);
  }
  return sum;
}

}  // namespace

L1::L1(sim::Simulation& simulation, const L1Profile& profile, std::uint32_t observers, std::uint32_t keep,
       const Contracts* contracts)
    : simulation_(simulation),
      profile_(profile),
      contracts_(contracts),
      target_(simulation.add_target(*this)),
      key_(sim::stream_key(simulation.seed(), sim::purpose_key("l1"), sim::purpose_key(profile.name))),
      truth_(nullptr, keep),
      keep_(keep) {
  SEQLAB_ASSERT(keep > history, keep);
  // The chain is older than the world: its last blocks have ages.
  SimTime at = time_zero;
  std::vector<SimTime> times;
  for (std::uint64_t i = 0; i < history; ++i) {
    times.push_back(at);
    at -= profile.pace == L1Profile::Pace::slots ? profile.interval : interval(~i);
  }
  Hash128 parent;
  for (std::uint64_t i = 0; i < history; ++i) {
    auto block = std::make_shared<L1Block>();
    block->height = profile.first_height + i;
    block->parent = parent;
    block->timestamp = block->mined = times[history - 1 - i];
    block->id = HashBuilder{"l1 history"}
                    .add(sim::purpose_key(profile.name))
                    .add(block->height)
                    .add(ns(block->timestamp))
                    .finish();
    parent = block->id;
    if (contracts_ != nullptr) block->contracts = contracts_->genesis();
    if (i == 0) {
      truth_ = L1View{block, keep};
    } else {
      truth_.receive(block, [&](const Hash128& id) { return find(id); });
    }
    known_.push_back(block);
    by_id_.emplace(block->id, std::move(block));
  }
  for (std::size_t lane = 0; lane < l1_lane_count; ++lane) {
    markets_[lane] = FeeMarket{profile.fees[lane], key_ + 1 + lane};
  }
  views_.reserve(observers);
  for (std::uint32_t i = 0; i < observers; ++i) views_.push_back(Observer{.view = truth_});
}

L1::~L1() = default;

std::uint32_t L1::draw(std::uint64_t what, std::uint64_t number, std::uint64_t entity) const {
  return sim::philox(key_, number, what << 40U | entity)[0];
}

Duration L1::interval(std::uint64_t number) const {
  const std::int64_t shape = QuantileTable::standard_exponential().at(draw(luck_interval, number, 0));
  const std::int64_t length = mul_div_floor(shape, ns(profile_.interval), std::int64_t{1} << QuantileTable::shape_bits);
  if (profile_.grid == Duration::zero()) return Duration{std::max<std::int64_t>(length, 1)};
  // Rounded up and half a step back, so that the mean stays.
  const std::int64_t step = ns(profile_.grid);
  return Duration{std::max<std::int64_t>((length + step / 2) / step, 1) * step};
}

void L1::start() {
  next_ = time_zero;
  schedule_next();
}

void L1::schedule_next() {
  ++slot_;
  next_ += profile_.pace == L1Profile::Pace::slots ? profile_.interval : interval(slot_);
  simulation_.schedule(next_, target_, event_mine);
}

void L1::on_event(std::uint32_t arg) {
  if (arg == event_mine) {
    if (!halted_) {
      mine();
    } else if (profile_.pace == L1Profile::Pace::slots) {
      missed_ = true;
      schedule_next();  // slots pass, empty
    } else {
      due_ = true;
    }
    return;
  }
  Delivery delivery = std::exchange(in_flight_[arg - 1], Delivery{});
  free_slots_.push_back(arg - 1);
  show(delivery.node, delivery.block);
}

// ---- blocks ---------------------------------------------------------------------------------------------------------

void L1::mine() {
  const std::uint64_t number = slot_;
  schedule_next();
  if (profile_.pace == L1Profile::Pace::slots) {
    missed_ = happens(draw(luck_miss, number, 0), missed_ ? profile_.miss_again : profile_.miss);
    finalise();
    if (missed_) return;
  }
  const L1BlockPtr tip = truth_.tip();
  if (rival_ != nullptr) {
    const L1BlockPtr rival = std::exchange(rival_, nullptr);
    const bool both = happens(draw(luck_deeper, number, 0), profile_.fork_deeper);
    const bool rival_wins = (draw(luck_winner, number, 0) & 1U) != 0;
    if (both) {
      extend(make_block(tip, 0, true));
      rival_ = make_block(rival, 1, false);
      announce(rival_, false);
    } else if (rival_wins) {
      // What the loser held waits again only when it has lost; the block after this one takes it.
      extend(make_block(rival, 1, false));
    } else {
      extend(make_block(tip, 0, true));
    }
  } else {
    extend(make_block(tip, 0, true));
    if (happens(draw(luck_fork, number, 0), profile_.fork)) {
      rival_ = make_block(tip, 1, false);
      announce(rival_, false);
    }
  }
  for (std::size_t lane = 0; lane < l1_lane_count; ++lane) {
    std::uint64_t own = 0;
    for (const L1TransactionPtr& tx : truth_.tip()->transactions) own += tx->units[lane];
    markets_[lane].advance(number, own, demand_percent_);
  }
  if (profile_.pace == L1Profile::Pace::race) finalise();
}

L1BlockPtr L1::make_block(const L1BlockPtr& parent, std::uint64_t branch, bool fill) const {
  auto block = std::make_shared<L1Block>();
  block->height = parent->height + 1;
  block->parent = parent->id;
  block->mined = simulation_.now();
  Duration error{};
  if (profile_.timestamp_error > Duration::zero()) {
    const std::int64_t span = ns(profile_.timestamp_error);
    error = Duration{mul_div_floor(draw(luck_time, slot_, branch), 2 * span + 1, std::int64_t{1} << 32U) - span};
  }
  block->timestamp = std::max(parent->timestamp + Duration{1'000'000'000}, simulation_.now() + error);
  for (std::size_t lane = 0; lane < l1_lane_count; ++lane) {
    block->price[lane] = markets_[lane].price(slot_, demand_percent_);
  }
  if (fill) block->transactions = select(parent);
  HashBuilder h{"l1 block"};
  h.add(block->height).add(block->parent).add(ns(block->timestamp)).add(branch).add(block->transactions.size());
  for (const L1TransactionPtr& tx : block->transactions) h.add(tx->id);
  block->id = h.finish();
  if (contracts_ != nullptr) block->contracts = contracts_->after(parent->contracts, *block);
  return block;
}

/// What waits, as far as it fits and pays: dearest first, sequences and dependencies in order.
std::vector<L1TransactionPtr> L1::select(const L1BlockPtr& parent) const {
  SEQLAB_ASSERT(parent->id == truth_.tip()->id, parent->height);  // what waits is what the true chain leaves to do
  std::vector<const Waiting*> candidates;
  L1Price price[l1_lane_count];
  for (std::size_t lane = 0; lane < l1_lane_count; ++lane) price[lane] = markets_[lane].price(slot_, demand_percent_);
  const bool censors = censored_ && happens(draw(luck_censor, slot_, 0), censors_);
  for (const Waiting& w : pool_) {
    const L1Transaction& tx = *w.transaction;
    if (w.since > simulation_.now()) continue;
    bool pays = true;
    for (std::size_t lane = 0; lane < l1_lane_count; ++lane) {
      pays = pays && (tx.units[lane] == 0 || tx.price_max[lane] >= price[lane]);
    }
    if (pays && !(censors && censored_(tx))) candidates.push_back(&w);
  }
  std::ranges::stable_sort(candidates, [](const Waiting* a, const Waiting* b) {
    return a->transaction->price_max[0] > b->transaction->price_max[0];
  });
  std::set<Hash128> here;
  std::vector<L1TransactionPtr> out;
  std::uint64_t left[l1_lane_count];
  std::copy(std::begin(profile_.capacity), std::end(profile_.capacity), left);
  std::map<std::uint32_t, std::uint64_t> nonces;
  for (bool progress = true; progress;) {
    progress = false;
    for (const Waiting*& w : candidates) {
      if (w == nullptr) continue;
      const L1Transaction& tx = *w->transaction;
      if (profile_.transactions_max != 0 && out.size() >= profile_.transactions_max) break;
      if (tx.after && here.count(tx.after) == 0 && included_.count(tx.after) == 0) continue;
      if (tx.has_nonce) {
        const auto known = nonces_.find(tx.author.value);
        const std::uint64_t base = known == nonces_.end() ? 0 : known->second;
        const std::uint64_t expected = nonces.try_emplace(tx.author.value, base).first->second;
        if (tx.nonce != expected) continue;
      }
      const bool fits = tx.units[0] <= left[0] && tx.units[1] <= left[1];
      if (!fits) continue;
      for (std::size_t lane = 0; lane < l1_lane_count; ++lane) left[lane] -= tx.units[lane];
      if (tx.has_nonce) ++nonces[tx.author.value];
      here.insert(tx.id);
      out.push_back(w->transaction);
      w = nullptr;
      progress = true;
    }
  }
  return out;
}

void L1::extend(const L1BlockPtr& block, const std::function<bool(const L1Transaction&)>& drop) {
  // Down to where the branches part, newest first.
  std::vector<L1BlockPtr> fresh{block};
  while (true) {
    const L1BlockPtr parent = find(fresh.back()->parent);
    SEQLAB_ASSERT(parent != nullptr, fresh.back()->height);
    const L1BlockPtr ours = truth_.block(parent->height);
    if (ours != nullptr && ours->id == parent->id) break;
    fresh.push_back(parent);
  }
  const std::uint64_t common = fresh.back()->height - 1;
  const std::uint64_t depth = truth_.height() - common;
  for (std::uint64_t h = truth_.height(); h > common; --h) take_back(*truth_.block(h), drop);
  truth_.receive(block, [&](const Hash128& id) { return find(id); });
  announce(block, true);
  if (depth != 0) {
    simulation_.emit(Record{.kind = RecordKind::l1_reorged,
                            .detail = chain_number,
                            .round = static_cast<std::uint32_t>(depth),
                            .height = block->height}
                         .with_id(block->id));
  }
  for (auto b = fresh.rbegin(); b != fresh.rend(); ++b) {
    std::uint32_t index = 0;
    for (const L1TransactionPtr& tx : (*b)->transactions) {
      included_[tx->id] = (*b)->height;
      if (tx->has_nonce) nonces_[tx->author.value] = tx->nonce + 1;
      std::erase_if(pool_, [&](const Waiting& w) {
        const bool same_place = tx->has_nonce && w.transaction->has_nonce && w.transaction->author == tx->author &&
                                w.transaction->nonce == tx->nonce;
        return w.transaction->id == tx->id || same_place;
      });
      simulation_.emit(Record{.kind = RecordKind::l1_included,
                              .detail = chain_number,
                              .flags = static_cast<std::uint16_t>(tx->kind),
                              .node = tx->author,
                              .round = index++,
                              .height = (*b)->height}
                           .with_id(tx->id));
      say_paid(*tx, **b, 1);
      say_events(**b, tx->id, false);
      if (brings_item(**b, *tx)) {
        simulation_.emit(Record{.kind = RecordKind::forced_posted,
                                .detail = chain_number,
                                .round = static_cast<std::uint32_t>(forced_++),
                                .height = (*b)->height}
                             .with_id(tx->id));
      }
    }
  }
}

/// @param sign  -1: its place is gone, and so is what was paid for it
void L1::say_paid(const L1Transaction& tx, const L1Block& block, std::int64_t sign) {
  simulation_.emit({.kind = RecordKind::l1_paid,
                    .detail = chain_number,
                    .flags = static_cast<std::uint16_t>(tx.kind),
                    .node = tx.author,
                    .height = block.height,
                    .a = static_cast<std::uint64_t>(sign * cost(tx, block, profile_)),
                    .b = static_cast<std::uint64_t>(sign * std::int64_t{tx.bytes})});
}

/// What the contracts made of a transaction of the block.
void L1::say_events(const L1Block& block, const Hash128& transaction, bool taken_back) {
  if (block.contracts == nullptr) return;
  for (const ContractState::Event& event : block.contracts->events) {
    if (event.transaction != transaction || (taken_back && !event.moves_money)) continue;
    Record record = event.record;
    record.detail = chain_number;
    record.height = block.height;
    if (taken_back) record.flags = 1;
    simulation_.emit(record);
  }
}

/// A block of the true chain is one no more; its transactions wait again.
void L1::take_back(const L1Block& block, const std::function<bool(const L1Transaction&)>& drop) {
  for (const L1TransactionPtr& tx : block.transactions) {
    included_.erase(tx->id);
    if (brings_item(block, *tx)) --forced_;
    if (tx->has_nonce) {
      std::uint64_t& next = nonces_[tx->author.value];
      next = std::min(next, tx->nonce);
    }
    simulation_.emit(Record{.kind = RecordKind::l1_excluded,
                            .detail = chain_number,
                            .flags = static_cast<std::uint16_t>(tx->kind),
                            .node = tx->author,
                            .height = block.height}
                         .with_id(tx->id));
    say_paid(*tx, block, -1);
    say_events(block, tx->id, true);
    if (drop && drop(*tx)) continue;
    pool_.push_back({tx, simulation_.now(), arrivals_++});
  }
}

void L1::announce(const L1BlockPtr& block, bool canonical) {
  known_.push_back(block);
  by_id_.emplace(block->id, block);
  while (known_.front()->height + keep_ < block->height) {
    for (const L1TransactionPtr& tx : known_.front()->transactions) {
      const auto at = included_.find(tx->id);
      if (at != included_.end() && at->second == known_.front()->height) included_.erase(at);
    }
    by_id_.erase(known_.front()->id);
    known_.pop_front();
  }
  simulation_.emit(Record{.kind = RecordKind::l1_mined,
                          .detail = chain_number,
                          .flags = static_cast<std::uint16_t>(canonical ? 0 : 1),
                          .round = static_cast<std::uint32_t>(block->transactions.size()),
                          .height = block->height}
                       .with_id(block->id));
  simulation_.emit(
      Record{.kind = RecordKind::l1_parent, .detail = chain_number, .height = block->height}.with_id(block->parent));
  // Half of the delays are between 0 and twice the gap to the median, the rest in a tail: see standard_tail.
  const QuantileTable& tail = QuantileTable::standard_tail();
  const std::int64_t spread = ns(profile_.view_p95 - profile_.view_p50);
  for (std::uint32_t i = 0; i < views_.size(); ++i) {
    const std::uint64_t number = block->height * 2 + (canonical ? 0 : 1);
    const std::int64_t shape = tail.at(draw(luck_view, number, i));
    // The 95 % quantile of the shape is 1.6.
    const std::int64_t late = mul_div_floor(shape * 10 / 16, spread, std::int64_t{1} << QuantileTable::shape_bits);
    const Duration delay{std::max<std::int64_t>(ns(profile_.view_p50) + late, 1)};
    if (free_slots_.empty()) {
      free_slots_.push_back(static_cast<std::uint32_t>(in_flight_.size()));
      in_flight_.emplace_back();
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    in_flight_[slot] = {block, NodeId{i}};
    simulation_.schedule(simulation_.now() + delay + views_[i].extra, target_, slot + 1);
  }
}

void L1::finalise() {
  std::uint64_t height = final_;
  if (profile_.finality == L1Profile::Finality::depth) {
    if (truth_.height() + 1 >= truth_.first() + profile_.finality_depth) {
      height = truth_.height() + 1 - profile_.finality_depth;
    }
  } else {
    if (slot_ % profile_.epoch_slots != 1 && final_ != 0) return;  // `slot_` is the next one already
    const std::uint64_t epoch = (slot_ - 1) / profile_.epoch_slots;
    const SimTime until = time_zero + profile_.interval * (static_cast<std::int64_t>(epoch) - 2) * profile_.epoch_slots;
    for (std::uint64_t h = std::max(final_, truth_.first()); h <= truth_.height(); ++h) {
      if (truth_.block(h)->timestamp > until) break;
      height = h;
    }
  }
  if (height <= final_) return;
  final_ = height;
  truth_.set_final(height);
  simulation_.emit(
      Record{.kind = RecordKind::l1_final, .detail = chain_number, .height = height}.with_id(truth_.block(height)->id));
}

// ---- views ----------------------------------------------------------------------------------------------------------

L1BlockPtr L1::find(const Hash128& block) const {
  const auto at = by_id_.find(block);
  return at == by_id_.end() ? nullptr : at->second;
}

void L1::show(NodeId node, const L1BlockPtr& real) {
  Observer& o = views_[node.value];
  if (o.hidden) {
    if (o.missed == nullptr || o.missed->height < real->height) o.missed = real;
    return;
  }
  const L1BlockPtr block = o.lied_to ? forged(node, real) : real;
  const std::int64_t given_up = o.view.receive(block, [&](const Hash128& id) -> L1BlockPtr {
    for (const auto& [of, forgery] : o.forgeries) {
      if (forgery->id == id) return forgery;
    }
    return find(id);
  });
  o.view.set_final(std::min(final_, o.view.height()));
  if (given_up < 0) return;
  simulation_.emit(Record{.kind = RecordKind::l1_seen,
                          .detail = chain_number,
                          .node = node,
                          .round = static_cast<std::uint32_t>(given_up),
                          .height = block->height}
                       .with_id(block->id));
  for (L1Watcher* watcher : watchers_) {
    watcher->on_l1_head(node, o.view, static_cast<std::uint64_t>(given_up));
  }
}

L1BlockPtr L1::forged(NodeId node, const L1BlockPtr& block) {
  Observer& o = views_[node.value];
  auto copy = std::make_shared<L1Block>(*block);
  std::erase_if(copy->transactions, [&](const L1TransactionPtr& tx) { return brings_item(*block, *tx); });
  if (const auto parent = o.forgeries.find(block->parent); parent != o.forgeries.end())
    copy->parent = parent->second->id;
  copy->id = HashBuilder{"l1 lie"}.add(block->id).add(node).finish();
  while (o.forgeries.size() >= 64) {
    const auto oldest = std::ranges::min_element(
        o.forgeries, [](const auto& a, const auto& b) { return a.second->height < b.second->height; });
    o.forgeries.erase(oldest);
  }
  o.forgeries[block->id] = copy;
  return copy;
}

// ---- authors --------------------------------------------------------------------------------------------------------

bool L1::submit(L1TransactionPtr transaction) {
  const L1Transaction& tx = *transaction;
  for (std::size_t lane = 0; lane < l1_lane_count; ++lane) {
    if (tx.units[lane] > profile_.transaction_max[lane]) return false;
  }
  if (tx.has_nonce) {
    const auto known = nonces_.find(tx.author.value);
    if (known != nonces_.end() && tx.nonce < known->second) return false;
    for (const Waiting& w : pool_) {
      const L1Transaction& old = *w.transaction;
      if (!old.has_nonce || old.author != tx.author || old.nonce != tx.nonce) continue;
      if (old.id == tx.id) return false;
      for (std::size_t lane = 0; lane < l1_lane_count; ++lane) {
        if (old.units[lane] == 0) continue;
        if (tx.price_max[lane] < mul_div_ceil(old.price_max[lane], profile_.replacement_percent, 100)) return false;
      }
    }
    std::erase_if(pool_, [&](const Waiting& w) {
      return w.transaction->has_nonce && w.transaction->author == tx.author && w.transaction->nonce == tx.nonce;
    });
  } else {
    if (included_.count(tx.id) != 0) return false;
    for (const Waiting& w : pool_) {
      if (w.transaction->id == tx.id) return false;
    }
  }
  const Record sent{.kind = RecordKind::l1_sent,
                    .detail = chain_number,
                    .flags = static_cast<std::uint16_t>(tx.kind),
                    .node = tx.author,
                    .height = tx.nonce};
  const Hash128 id = tx.id;
  pool_.push_back({std::move(transaction), simulation_.now() + profile_.spread, arrivals_++});
  simulation_.emit(Record{sent}.with_id(id));
  return true;
}

L1Receipt L1::receipt(NodeId author, const Hash128& transaction) const {
  const L1View& view = views_[author.value].view;
  if (const auto at = included_.find(transaction); at != included_.end()) {
    const L1BlockPtr block = view.block(at->second);
    const bool there = block != nullptr && std::ranges::any_of(block->transactions, [&](const L1TransactionPtr& tx) {
                         return tx->id == transaction;
                       });
    if (there) return {.state = L1Receipt::State::included, .height = at->second, .depth = view.depth(at->second)};
    return {.state = L1Receipt::State::waiting};
  }
  for (const Waiting& w : pool_) {
    const L1Transaction& tx = *w.transaction;
    if (tx.id != transaction) continue;
    return {.state = L1Receipt::State::waiting, .nonce = tx.nonce, .price = tx.price_max[0]};
  }
  return {};
}

std::uint64_t L1::next_nonce(NodeId author) const {
  const auto known = nonces_.find(author.value);
  std::uint64_t next = known == nonces_.end() ? 0 : known->second;
  for (const Waiting& w : pool_) {
    if (w.transaction->has_nonce && w.transaction->author == author) next = std::max(next, w.transaction->nonce + 1);
  }
  return next;
}

// ---- trouble --------------------------------------------------------------------------------------------------------

void L1::reorganise(std::uint32_t depth, const std::function<bool(const L1Transaction&)>& drop) {
  std::uint64_t most = truth_.height() - truth_.first();
  if (profile_.finality == L1Profile::Finality::epochs)
    most = std::min(most, truth_.height() - std::max(final_, truth_.first()));
  const std::uint64_t lost = std::min<std::uint64_t>(depth, most);
  if (lost == 0) return;
  rival_ = nullptr;
  const std::uint64_t branch = 2 + simulation_.events();
  L1BlockPtr at = truth_.block(truth_.height() - lost);
  for (std::uint64_t i = 0; i < lost; ++i) {
    at = make_block(at, branch, false);
    announce(at, false);
  }
  // The last block of the new branch holds nothing that the old one held: that goes to the pool only now.
  extend(make_block(at, branch, false), drop);
}

void L1::delay_view(NodeId node, Duration extra, bool hide) {
  Observer& o = views_[node.value];
  o.extra = extra;
  o.hidden = hide;
  if (!hide && o.missed != nullptr) {
    const L1BlockPtr block = std::exchange(o.missed, nullptr);
    show(node, block);
  }
}

void L1::lie_to(NodeId node, bool on) { views_[node.value].lied_to = on; }

void L1::halt(bool on) {
  halted_ = on;
  if (!on && std::exchange(due_, false)) {
    next_ = simulation_.now();
    mine();
  }
}

void L1::censor(Ratio miners, std::function<bool(const L1Transaction&)> what) {
  censors_ = miners;
  censored_ = std::move(what);
}

}  // namespace seqlab::protocols
