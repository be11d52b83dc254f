#include "scenarios/checkers/heads.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/derivation/settlement.hpp"

namespace seqlab::scenarios {

namespace {

using protocols::CommitmentStage;
using protocols::HeadKind;

constexpr std::size_t kept = 100'000;   ///< heights that wait for a reader that does not come

}  // namespace

Heads::Ordered* Heads::ordered(std::uint64_t height) {
  if (height < first_ || height - first_ > 10'000'000) return nullptr;
  while (ordered_.size() <= height - first_) ordered_.emplace_back();
  return &ordered_[height - first_];
}

void Heads::compare(NodeId node, std::uint64_t height, Hash128 id, SimTime at) {
  Ordered* known = ordered(height);
  if (known == nullptr) return;
  if (!known->has_id) {
    readers_[node].unknown[height] = {id, at};
  } else if (known->id != id) {
    report(at, {node},
           fmt::format("{} rebuilt block {} at height {} from layer 1, but the sequencers ordered {}", node_name(node),
                       short_hex(id), height, short_hex(known->id)));
  }
}

void Heads::on_record(const Record& r) {
  roster_.observe(r);
  switch (r.kind) {
    case RecordKind::committed: {
      if (!roster_.honest(r.node) || static_cast<sim::CommitLevel>(r.detail) != sim::CommitLevel::final) return;
      Ordered* known = ordered(r.height);
      if (known == nullptr || known->has_id) return;  // disagreement is the business of `agreement`
      known->id = r.id();
      known->has_id = true;
      for (auto& [node, reader] : readers_) {
        const auto waits = reader.unknown.find(r.height);
        if (waits == reader.unknown.end()) continue;
        const auto [id, at] = waits->second;
        reader.unknown.erase(waits);
        compare(node, r.height, id, at);
      }
      prune();
      return;
    }
    case RecordKind::executed: {
      if (!roster_.honest(r.node)) return;
      Ordered* known = ordered(r.height);
      if (known == nullptr || known->has_state) return;
      known->state = r.id();
      known->has_state = true;
      return;
    }
    case RecordKind::l1_seen: {
      const auto at = readers_.find(r.node);
      if (at == readers_.end()) return;  // it has no head yet that could go back
      Reader& reader = at->second;
      if (r.round > 0 || reader.missed) reader.gave_up = r.at;
      reader.missed = (r.round > 0 || reader.missed) && !roster_.up(r.node);
      return;
    }
    case RecordKind::derived: {
      Reader& reader = readers_[r.node];
      if (!roster_.honest(r.node)) return;
      if (r.flags != 0 && (reader.parted == 0 || r.height < reader.parted)) reader.parted = r.height;
      if (reader.parted != 0 && r.height >= reader.parted) return;
      compare(r.node, r.height, r.id(), r.at);
      return;
    }
    case RecordKind::derived_state: {
      Reader& reader = readers_[r.node];
      if (!roster_.honest(r.node) || (reader.parted != 0 && r.height >= reader.parted)) return;
      const Ordered* known = ordered(r.height);
      if (known == nullptr || !known->has_state || known->state == r.id()) return;
      report(r.at, {r.node},
             fmt::format("{} computed state {} at height {} from layer 1, the sequencers have {}", node_name(r.node),
                         short_hex(r.id()), r.height, short_hex(known->state)));
      return;
    }
    case RecordKind::commitment: {
      if (!roster_.honest(r.node)) return;
      if (r.flags == static_cast<std::uint16_t>(CommitmentStage::sent)) {
        const auto [at, fresh] = roots_.try_emplace(r.round, r.id(), r.node);
        if (!fresh && at->second.first != r.id()) {
          report(r.at, {at->second.second, r.node},
                 fmt::format("commitment {} was sent with root {} by {} and with root {} by {}", r.round,
                             short_hex(at->second.first), node_name(at->second.second), short_hex(r.id()),
                             node_name(r.node)));
        }
      } else {
        const auto [at, fresh] = accepted_.try_emplace(r.round, r.id());
        if (!fresh && at->second != r.id()) {
          report(r.at, {r.node}, fmt::format("commitment {} was accepted with two roots", r.round));
        }
      }
      return;
    }
    case RecordKind::head: break;
    default: return;
  }

  if (!roster_.honest(r.node)) return;
  Reader& reader = readers_[r.node];
  if (r.detail == static_cast<std::uint8_t>(HeadKind::committed)) {
    if (r.height < reader.committed && reader.gave_up != r.at) {
      report(r.at, {r.node},
             fmt::format("the committed head of {} went from {} back to {}, and layer 1 had not", node_name(r.node),
                         reader.committed, r.height));
    }
    if (r.height < reader.parted) reader.parted = 0;
    reader.committed = r.height;
    for (auto* waits : {&reader.unknown}) waits->erase(waits->upper_bound(r.height), waits->end());
  } else if (r.detail == static_cast<std::uint8_t>(HeadKind::settled)) {
    if (r.height < reader.settled) {
      report(
          r.at, {r.node},
          fmt::format("the settled head of {} went from {} back to {}", node_name(r.node), reader.settled, r.height));
    }
    reader.settled = r.height;
    const auto [at, fresh] = settled_.try_emplace(r.height, r.id(), r.node);
    if (!fresh && at->second.first != r.id()) {
      report(r.at, {at->second.second, r.node},
             fmt::format("{} and {} settled different things at height {}", node_name(at->second.second),
                         node_name(r.node), r.height));
    }
    while (settled_.size() > kept) settled_.erase(settled_.begin());
    prune();
  } else {
    return;
  }
  if (reader.settled > reader.committed) {
    report(r.at, {r.node},
           fmt::format("{} has settled height {} and committed only {}", node_name(r.node), reader.settled,
                       reader.committed));
  }
}

void Heads::prune() {
  std::uint64_t low = first_;
  if (!readers_.empty()) {
    low = ~std::uint64_t{0};
    for (const auto& [node, reader] : readers_) {
      if (reader.committed != 0 || reader.settled != 0) low = std::min(low, reader.settled);
    }
    if (low == ~std::uint64_t{0}) low = first_;
  }
  while (ordered_.size() > 1 && (first_ < low || ordered_.size() > kept)) {
    ordered_.pop_front();
    ++first_;
  }
}

void Heads::finish(SimTime end) {
  for (const auto& [node, reader] : readers_) {
    if (reader.unknown.empty() || !roster_.honest(node)) continue;
    const auto& [height, what] = *reader.unknown.begin();
    report(end, {node},
           fmt::format("{} rebuilt block {} at height {} from layer 1, and no honest sequencer ordered it",
                       node_name(node), short_hex(what.first), height));
  }
}

}  // namespace seqlab::scenarios
