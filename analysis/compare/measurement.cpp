#include "analysis/compare/measurement.hpp"

#include <algorithm>

#include "protocols/derivation/settlement.hpp"
#include "protocols/l1/block.hpp"

namespace seqlab::analysis {

using sim::CommitLevel;
using sim::Record;
using sim::RecordKind;

namespace {

double milliseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-6; }

}  // namespace

std::optional<Sample> wait_quantile(std::vector<Wait> waits, std::uint32_t ppm) {
  if (waits.empty()) return std::nullopt;
  std::ranges::stable_sort(waits, {}, &Wait::ns);
  const std::uint64_t scaled = static_cast<std::uint64_t>(waits.size()) * std::min(ppm, 1'000'000U);
  const std::uint64_t rank = std::max<std::uint64_t>(1, (scaled + 999'999) / 1'000'000);
  const std::int64_t value = waits[rank - 1].ns;
  const bool known = std::ranges::all_of(waits, [value](const Wait& w) { return w.over || w.ns > value; });
  return Sample{milliseconds(value), !known};
}

std::optional<Sample> wait_max(const std::vector<Wait>& waits) { return wait_quantile(waits, 1'000'000); }

sim::KindMask Measurement::kinds() {
  return sim::mask_of(RecordKind::corrupt, RecordKind::healing_started, RecordKind::proposed, RecordKind::committed,
                      RecordKind::tx_submitted, RecordKind::tx_included, RecordKind::tx_confirmed, RecordKind::head,
                      RecordKind::da_confirmed, RecordKind::da_block, RecordKind::l1_paid, RecordKind::forced_sent,
                      RecordKind::forced_done);
}

void Measurement::on_record(const Record& r) {
  if (over_) return;
  switch (r.kind) {
    case RecordKind::healing_started:
      end_ = r.at;
      over_ = true;
      break;
    case RecordKind::corrupt:
      if (r.node.value < corrupt_.size()) corrupt_[r.node.value] = true;
      break;
    case RecordKind::proposed: proposals_.push_back({r.at, r.node}); break;
    case RecordKind::committed:
      if (is_honest(r.node)) on_committed(r);
      break;
    case RecordKind::tx_submitted: {
      if (!numbers_.try_emplace(r.id(), transactions_.size()).second) break;  // its nonce was free again
      Tx tx;
      tx.submitted = r.at;
      tx.near = r.peer;
      tx.account = r.round;
      transactions_.push_back(tx);
      break;
    }
    case RecordKind::tx_included:
      if (is_honest(r.node) && static_cast<protocols::TxStatus>(r.detail) == protocols::TxStatus::ok) on_included(r);
      break;
    case RecordKind::tx_confirmed:
      if (Tx* tx = find(r.id()); tx != nullptr) {
        if (!tx->ordered) tx->ordered = r.at;
        if (!tx->soft) tx->soft = r.at;
      }
      break;
    case RecordKind::head: {
      const auto kind = static_cast<protocols::HeadKind>(r.detail);
      if (kind != protocols::HeadKind::committed && kind != protocols::HeadKind::settled) break;
      heads_ = true;
      if (kind == protocols::HeadKind::settled && r.flags == 0) settle_up_to(r.height, r.at);
      break;
    }
    case RecordKind::da_confirmed:
      for (std::uint64_t h = r.height; h < r.height + r.round; ++h) confirmed_.try_emplace(h, r.at);
      break;
    case RecordKind::da_block:
      writes_ = true;
      written_ = std::max(written_, r.height);
      break;
    case RecordKind::l1_paid: {
      const auto kind = static_cast<protocols::L1TxKind>(r.flags);
      const bool by_a_user = kind == protocols::L1TxKind::plain || kind == protocols::L1TxKind::forced ||
                             kind == protocols::L1TxKind::force_call || kind == protocols::L1TxKind::escrow;
      if (!by_a_user) paid_ += static_cast<std::int64_t>(r.a);
      break;
    }
    case RecordKind::forced_sent:
      if (item_numbers_.try_emplace(r.id(), items_.size()).second) items_.push_back({r.at, {}});
      break;
    case RecordKind::forced_done:
      if (const auto at = item_numbers_.find(r.id()); at != item_numbers_.end() && is_honest(r.node)) {
        Item& item = items_[at->second];
        if (!item.done) item.done = r.at;
      }
      break;
    default: break;
  }
}

Measurement::Tx* Measurement::find(const Hash128& id) {
  const auto at = numbers_.find(id);
  return at == numbers_.end() ? nullptr : &transactions_[at->second];
}

void Measurement::on_committed(const Record& r) {
  Reached& node = reached_[r.node.value];
  if (static_cast<CommitLevel>(r.detail) != CommitLevel::final) {
    auto& [block, since] = node.soft.try_emplace(r.height, r.id(), r.at).first->second;
    if (block != r.id()) {  // it took another one back
      block = r.id();
      since = r.at;
    }
    return;
  }
  node.soft_of_last.reset();
  const auto at = node.soft.find(r.height);
  if (at != node.soft.end() && at->second.first == r.id()) node.soft_of_last = at->second.second;
  node.soft.erase(node.soft.begin(), node.soft.upper_bound(r.height));
}

/// Right after the `committed` of its block, by the same node.
void Measurement::on_included(const Record& r) {
  Tx* tx = find(r.id());
  if (tx == nullptr) return;
  if (!tx->anywhere) {
    tx->anywhere = r.at;
    orderings_.push_back(r.at);
    unsettled_[r.height].push_back(static_cast<std::size_t>(tx - transactions_.data()));
    ++included_[r.height];
  }
  if (r.node != tx->near) return;
  if (!tx->ordered) tx->ordered = r.at;
  if (const std::optional<SimTime>& early = reached_[r.node.value].soft_of_last; early) {
    tx->soft = tx->soft ? std::min(*tx->soft, *early) : *early;
  } else if (!tx->soft) {
    tx->soft = r.at;
  }
}

void Measurement::settle_up_to(std::uint64_t height, SimTime at) {
  const auto last = unsettled_.upper_bound(height);
  for (auto it = unsettled_.begin(); it != last; ++it) {
    for (const std::size_t number : it->second) transactions_[number].settled = at;
  }
  unsettled_.erase(unsettled_.begin(), last);
}

void Measurement::finish(SimTime end) {
  if (!over_) end_ = end;
  over_ = true;
  if (heads_) return;
  for (const auto& [height, at] : confirmed_) {
    const auto found = unsettled_.find(height);
    if (found == unsettled_.end()) continue;
    for (const std::size_t number : found->second) transactions_[number].settled = at;
  }
}

std::vector<Wait> Measurement::waits(SimTime from, SimTime to, std::optional<SimTime> Tx::*until) const {
  std::vector<Wait> out;
  for (const Tx& tx : transactions_) {
    if (tx.submitted < from || tx.submitted >= to) continue;
    const std::optional<SimTime>& at = tx.*until;
    out.push_back({ns(at.value_or(end_) - tx.submitted), at.has_value()});
  }
  return out;
}

std::vector<Wait> Measurement::soft(SimTime from, SimTime to) const { return waits(from, to, &Tx::soft); }
std::vector<Wait> Measurement::ordered(SimTime from, SimTime to) const { return waits(from, to, &Tx::ordered); }

std::optional<std::vector<Wait>> Measurement::settled(SimTime from, SimTime to) const {
  if (!heads_ && confirmed_.empty()) return std::nullopt;
  return waits(from, to, &Tx::settled);
}

std::vector<Wait> Measurement::ordered_anywhere(SimTime from, SimTime to, std::uint32_t account) const {
  std::vector<Wait> out;
  for (const Tx& tx : transactions_) {
    if (tx.account != account || tx.submitted < from || tx.submitted >= to) continue;
    out.push_back({ns(tx.anywhere.value_or(end_) - tx.submitted), tx.anywhere.has_value()});
  }
  return out;
}

std::vector<Wait> Measurement::forced() const {
  std::vector<Wait> out;
  for (const Item& item : items_) out.push_back({ns(item.done.value_or(end_) - item.sent), item.done.has_value()});
  return out;
}

std::optional<double> Measurement::ordered_rate(SimTime from, SimTime to) const {
  const auto begin = std::ranges::lower_bound(orderings_, from);
  const auto end = std::ranges::lower_bound(orderings_, to);
  if (begin == end || *begin == *(end - 1)) return std::nullopt;
  const auto after_first = std::ranges::upper_bound(begin, end, *begin);
  return static_cast<double>(end - after_first) / (static_cast<double>(ns(*(end - 1) - *begin)) * 1e-9);
}

std::optional<Sample> Measurement::outage(SimTime from) const {
  if (transactions_.empty() || end_ <= from) return std::nullopt;
  std::int64_t longest = 0;
  SimTime last = from;
  for (const SimTime at : orderings_) {
    if (at < from) continue;
    longest = std::max(longest, ns(at - last));
    last = at;
  }
  const std::int64_t open = ns(end_ - last);
  return Sample{milliseconds(std::max(longest, open)), open > longest};
}

std::optional<NodeId> Measurement::proposer_after(SimTime at) const {
  for (const Proposal& p : proposals_) {
    if (p.at >= at) return p.node;
  }
  return std::nullopt;
}

std::vector<NodeId> Measurement::busiest_proposers(std::size_t count) const {
  std::vector<std::pair<std::uint64_t, NodeId>> counts;
  for (std::uint32_t i = 0; i < corrupt_.size(); ++i) counts.emplace_back(0, NodeId{i});
  for (const Proposal& p : proposals_) {
    if (p.node.value < counts.size()) ++counts[p.node.value].first;
  }
  std::ranges::stable_sort(counts, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<NodeId> out;
  for (const auto& [proposals, node] : counts) {
    if (out.size() < count && proposals > 0) out.push_back(node);
  }
  std::ranges::sort(out);
  return out;
}

std::optional<double> Measurement::l1_cost() const {
  std::uint64_t carried = 0;
  for (const auto& [height, transactions] : included_) {
    if (!writes_ || height <= written_) carried += transactions;
  }
  if (paid_ <= 0 || carried == 0) return std::nullopt;
  return static_cast<double>(paid_) / static_cast<double>(carried);
}

}  // namespace seqlab::analysis
