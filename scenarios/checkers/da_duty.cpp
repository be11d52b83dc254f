#include "scenarios/checkers/da_duty.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/relay/rules.hpp"

namespace seqlab::scenarios {

// ---- complete -------------------------------------------------------------------------------------------------------

DaComplete::DaComplete(const CheckerContext& context)
    : bound_(context.relay_blocks),
      roster_(context.node_count),
      relayers_(context.relay.nodes),
      seen_(context.relay.nodes.size(), 0),
      up_(context.relay.nodes.size(), true) {}

sim::KindMask DaComplete::kinds() const {
  return Roster::kinds() | sim::mask_of(RecordKind::l1_seen, RecordKind::l1_reorged, RecordKind::node_paused,
                                        RecordKind::node_resumed, RecordKind::da_service, RecordKind::da_hindered,
                                        RecordKind::da_posted, RecordKind::da_unposted);
}

void DaComplete::on_record(const Record& record) {
  roster_.observe(record);
  const auto relayer = static_cast<std::size_t>(std::ranges::find(relayers_, record.node) - relayers_.begin());
  const bool relays = relayer < relayers_.size();
  const auto trouble = [&] { due_min_ = clock_ + bound_; };
  switch (record.kind) {
    case RecordKind::committed:
      if (!roster_.honest(record.node) || static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final)
        break;
      // Only from then on can one of them write it: until it has the block, time passes for consensus.
      while (relays && known_ < roster_.height(record.node)) {
        if (copies_.count(++known_) == 0) waiting_.push_back({known_, clock_ + bound_});
      }
      break;
    case RecordKind::node_started:
    case RecordKind::node_resumed:
      if (relays) up_[relayer] = true;
      trouble();
      break;
    case RecordKind::node_crashed:
    case RecordKind::node_paused:
      if (relays) up_[relayer] = false;
      trouble();
      break;
    case RecordKind::disk_lost:
    case RecordKind::corrupt:
    case RecordKind::l1_reorged: trouble(); break;
    case RecordKind::da_service:
    case RecordKind::da_hindered:
      in_the_way_ += record.flags == 1 ? 1U : 0U;
      in_the_way_ -= record.flags == 0 && in_the_way_ > 0 ? 1U : 0U;
      trouble();
      break;
    case RecordKind::l1_seen:
      if (!relays || !up_[relayer] || !roster_.honest(record.node)) break;
      if (in_the_way_ > 0) break;
      clock_ = std::max(clock_, ++seen_[relayer]);
      judge(record.at);
      break;
    case RecordKind::da_posted:
      if (!roster_.knows(record.node)) break;  // an older core numbers for itself
      for (std::uint64_t h = record.height; h < record.height + record.round; ++h) {
        again_.erase(h);
        ++copies_[h];
      }
      while (!waiting_.empty() && copies_.count(waiting_.front().height) != 0) waiting_.pop_front();
      break;
    case RecordKind::da_unposted:
      if (!roster_.knows(record.node)) break;
      trouble();
      for (std::uint64_t h = record.height; h < record.height + record.round; ++h) {
        const auto copies = copies_.find(h);
        if (copies == copies_.end() || --copies->second != 0) continue;
        copies_.erase(copies);
        if (waiting_.empty() || h < waiting_.front().height) again_[h] = clock_ + bound_;
      }
      break;
    default: break;
  }
  // Deeper than that nothing is taken back.
  constexpr std::size_t kept = 100'000;
  while (copies_.size() > kept) copies_.erase(copies_.begin());
}

void DaComplete::judge(SimTime at) {
  if (reported_) return;
  std::uint64_t missing = 0;
  if (!again_.empty() && clock_ > std::max(again_.begin()->second, due_min_)) missing = again_.begin()->first;
  if (!waiting_.empty() && clock_ > std::max(waiting_.front().due, due_min_)) missing = waiting_.front().height;
  if (missing == 0) return;
  reported_ = true;  // what comes after it waits as well
  report(at, relayers_,
         fmt::format("block {} is not to be read on layer 1 although relayers have seen {} blocks of it since all was "
                     "well",
                     missing, bound_));
}

// ---- turns ----------------------------------------------------------------------------------------------------------

DaTurns::DaTurns(const CheckerContext& context)
    : relay_(context.relay),
      grace_(context.relay_grace),
      roster_(context.node_count),
      furthest_(context.node_count, 0),
      deadline_(context.node_count),
      down_since_(context.node_count, SimTime{Duration{-1}}) {}

sim::KindMask DaTurns::kinds() const {
  return Roster::kinds() | sim::mask_of(RecordKind::da_turn, RecordKind::da_prepared, RecordKind::da_block,
                                        RecordKind::da_settled, RecordKind::da_service, RecordKind::node_paused);
}

void DaTurns::on_record(const Record& record) {
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::da_service:
      if (record.flags == 1) {
        outages_.push_back({record.at, time_never});
      } else if (!outages_.empty() && outages_.back().to == time_never) {
        outages_.back().to = record.at;
      }
      break;
    case RecordKind::node_crashed:
    case RecordKind::node_started:
    case RecordKind::node_paused:
      if (roster_.knows(record.node)) down_since_[record.node.value] = record.at;
      break;
    case RecordKind::da_turn:
      if (!roster_.honest(record.node)) break;
      if (whose(record.round) != record.node) {
        report(record.at, {record.node},
               fmt::format("{} took turn {}, which is that of {}", node_name(record.node), record.round,
                           node_name(whose(record.round))));
      }
      deadline_[record.node.value] = SimTime{Duration{static_cast<std::int64_t>(record.a)}};
      break;
    case RecordKind::da_prepared: {
      if (!roster_.reliable(record.node) || record.round == 0) break;
      std::uint64_t& furthest = furthest_[record.node.value];
      const std::uint64_t last = record.height + record.round - 1;
      // What it prepared in its turn it may send again later.
      const Duration slack = std::max<Duration>(relay_.turn / 20, relay_.retry_max);
      if (last > furthest && record.at > deadline_[record.node.value] + slack) {
        report(record.at, {record.node},
               fmt::format("{} prepares block {} when its turn is over", node_name(record.node), last));
      }
      furthest = std::max(furthest, last);
      break;
    }
    case RecordKind::da_block: {
      if (!roster_.knows(record.node) || record.height != readable_ + 1) break;
      ++readable_;
      auto turn = static_cast<std::uint64_t>(ns(record.at - time_zero) / ns(relay_.turn));
      if (whose(turn) != record.node && turn > 0 && record.at - begin_of(turn) <= grace_ + relay_.turn / 20) --turn;
      if (whose(turn) == record.node) ++written_[turn];
      break;
    }
    case RecordKind::da_settled: on_settled(record); break;
    default: break;
  }
}

void DaTurns::on_settled(const Record& record) {
  using protocols::TurnOutcome;
  const std::uint64_t turn = record.round;
  const auto outcome = static_cast<TurnOutcome>(record.flags);
  const auto found = written_.find(turn);
  const std::uint64_t wrote = found == written_.end() ? 0 : found->second;
  if (record.height > wrote || whose(turn) != record.node) {
    report(record.at, {record.node},
           fmt::format("turn {} pays {} for {} blocks, and in it {} wrote {}", turn, node_name(record.node),
                       record.height, node_name(whose(turn)), wrote));
  }
  const std::int64_t amount = relay_.reward * static_cast<std::int64_t>(record.height) -
                              (outcome == TurnOutcome::missed ? relay_.penalty : 0);
  if (static_cast<std::int64_t>(record.a) != amount) {
    report(record.at, {record.node},
           fmt::format("turn {} of {} is worth {} and not {}", turn, node_name(record.node), amount,
                       static_cast<std::int64_t>(record.a)));
  }
  const SimTime begin = begin_of(turn);
  const SimTime end = begin_of(turn + 1);
  const bool down_in_it = std::ranges::any_of(outages_, [&](const Down& d) { return d.from < end && d.to > begin; });
  const bool down_all_of_it =
      std::ranges::any_of(outages_, [&](const Down& d) { return d.from <= begin && d.to >= end; });
  if (outcome == TurnOutcome::excused && !down_in_it) {
    report(record.at, {record.node},
           fmt::format("{} pays no penalty for turn {} because the bundler was down, and it was not",
                       node_name(record.node), turn));
  }
  // Who had nothing to write never asked the bundler for anything.
  const bool ran = down_since_[record.node.value] < begin && roster_.up(record.node) && roster_.honest(record.node) &&
                   roster_.height(record.node) > readable_;
  if (outcome == TurnOutcome::missed && down_all_of_it && ran && relay_.excuse != protocols::Excuse::none) {
    report(record.at, {record.node},
           fmt::format("{} pays for turn {}, in all of which the bundler was down", node_name(record.node), turn));
  }
  written_.erase(written_.begin(), written_.upper_bound(turn));
  while (outages_.size() > 1 && outages_.front().to < begin) outages_.pop_front();
}

// ---- pressure -------------------------------------------------------------------------------------------------------

DaPressure::DaPressure(const CheckerContext& context)
    : limit_(context.relay.backlog_bytes), roster_(context.node_count), nodes_(context.node_count) {}

sim::KindMask DaPressure::kinds() const {
  return Roster::kinds() | sim::mask_of(RecordKind::da_backlog, RecordKind::tx_admitted, RecordKind::da_posted,
                                        RecordKind::da_unposted, RecordKind::l1_seen);
}

void DaPressure::on_record(const Record& record) {
  roster_.observe(record);
  const bool posting = record.kind == RecordKind::da_posted || record.kind == RecordKind::da_unposted;
  if (posting && !roster_.knows(record.node)) return;
  if (record.kind == RecordKind::da_posted) {
    for (std::uint64_t h = record.height; h < record.height + record.round; ++h) ++copies_[h];
    while (copies_.count(readable_ + 1) != 0) ++readable_;
    constexpr std::size_t kept = 100'000;
    while (copies_.size() > kept) copies_.erase(copies_.begin());
    return;
  }
  if (record.kind == RecordKind::da_unposted) {
    for (std::uint64_t h = record.height; h < record.height + record.round; ++h) {
      const auto copies = copies_.find(h);
      if (copies == copies_.end() || --copies->second != 0) continue;
      copies_.erase(copies);
      readable_ = std::min(readable_, h - 1);
    }
    return;
  }
  if (!roster_.honest(record.node)) return;
  Node& node = nodes_[record.node.value];
  switch (record.kind) {
    case RecordKind::node_started:
    case RecordKind::node_crashed: node = {}; break;
    case RecordKind::da_backlog: node.closed = record.flags == 1; break;
    case RecordKind::tx_admitted:
      if (node.closed) {
        report(record.at, {record.node},
               fmt::format("{} admits a transaction although it says that too much is unwritten",
                           node_name(record.node)));
      }
      break;
    case RecordKind::l1_seen: {
      // Every block has a header: a lower bound of what it is.
      const std::uint64_t height = roster_.height(record.node);
      const std::uint64_t unwritten = height > readable_ ? height - readable_ : 0;
      const bool must = unwritten * protocols::block_header_bytes > limit_;
      node.too_much = must && !node.closed ? node.too_much + 1 : 0;
      constexpr std::uint32_t patience = 3;
      if (node.too_much == patience) {
        report(record.at, {record.node},
               fmt::format("{} takes transactions with {} unwritten blocks, more than {} bytes", node_name(record.node),
                           unwritten, limit_));
      }
      break;
    }
    default: break;
  }
}

}  // namespace seqlab::scenarios
