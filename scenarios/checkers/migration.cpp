#include "scenarios/checkers/migration.hpp"

#include <fmt/format.h>

#include <utility>

namespace seqlab::scenarios {

namespace {

constexpr std::size_t kept = 4096;   ///< L1 heights that wait for their other half

std::string text_of(const std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>& key) {
  return fmt::format("({}, {}, {})", std::get<0>(key), std::get<1>(key), std::get<2>(key));
}

}  // namespace

void Migration::on_record(const Record& r) {
  roster_.observe(r);
  switch (r.kind) {
    case RecordKind::core_stopped:
      stopped_ = true;
      stopped_at_ = r.at;
      return;
    case RecordKind::core_exported:
      exported_ = true;
      exported_height_ = r.height;
      return;
    case RecordKind::core_started: started_ = true; return;
    case RecordKind::core_rolled_back:
      stopped_ = exported_ = started_ = false;
      new_writes_ = miscounts_ = false;
      return;
    case RecordKind::da_sent:
    case RecordKind::da_posted:
    case RecordKind::da_unposted: on_data(r); return;
    case RecordKind::da_block: on_data_block(r); return;
    case RecordKind::tx_included:
      if (is_ours(r.node)) on_included(r);
      return;
    case RecordKind::tx_accepted:
      accepted_.push_back({r.at, r.node, r.detail, r.id()});
      return;
    case RecordKind::l1_ref:
      if (is_ours(r.node)) on_named(r);
      return;
    case RecordKind::l1_final: {
      const auto at = named_.find(r.height);
      if (at == named_.end()) {
        final_[r.height] = r.id();
        if (final_.size() > kept) final_.erase(final_.begin());
        return;
      }
      if (at->second != r.id()) {
        report(r.at, {},
               fmt::format("M4, X1: the history took over block {} of layer 1 at height {}, where {} is final",
                           short_hex(at->second), r.height, short_hex(r.id())));
      }
      named_.erase(at);
      return;
    }
    case RecordKind::keyed:
      if (is_ours(r.node)) on_keyed(r);
      return;
    case RecordKind::key_linked: on_linked(r); return;
    default: return;
  }
}

void Migration::on_included(const Record& r) {
  if (r.detail != 0) return;  // without effect
  const bool old = is_old(r.node);
  if (old && r.node == service_ && writes_) lines_[r.height] = r.id();
  if (!(old ? old_ : new_).try_emplace(r.id(), Executed{r.height, r.at}).second) return;
  if (old) order_.emplace_back(r.id(), r.height);
  const auto& others = old ? new_ : old_;
  const auto at = others.find(r.id());
  if (at == others.end()) return;
  const std::uint64_t first = at->second.height;
  report(r.at, {service_, r.node},
         old ? fmt::format("M2: item {} was executed by the new core at {} and then by the old one at {}",
                           short_hex(r.id()), first, r.height)
             : fmt::format("M2: item {} was executed by the old core at {} and by the new one at {}",
                           short_hex(r.id()), first, r.height));
}

// ---- writers --------------------------------------------------------------------------------------------------------

std::uint64_t Migration::unwritten(std::uint64_t last) const {
  std::uint64_t next = 1;
  for (const auto& [number, written] : written_) {
    if (number != next || number > last || written.copies == 0) break;
    ++next;
  }
  return next > last ? 0 : next;
}

void Migration::on_data(const Record& r) {
  if (r.round == 0 || !is_ours(r.node)) return;
  const bool old = r.node == service_;
  if (r.kind == RecordKind::da_posted) {
    submissions_[r.id()] = {.first = r.height, .blocks = r.round};
    posted_ = r.id();
  } else if (r.kind == RecordKind::da_unposted) {
    const auto at = submissions_.find(r.id());
    if (at == submissions_.end()) return;
    for (std::uint32_t i = 0; i < at->second.blocks; ++i) {
      const auto written = written_.find(at->second.first + i);
      if (written != written_.end() && written->second.copies > 0) --written->second.copies;
    }
    submissions_.erase(at);
  } else if (!old && !new_writes_) {
    new_writes_ = true;
    const std::uint64_t missing = unwritten(exported_height_);
    if (missing == 0) return;
    report(r.at, {service_, r.node},
           fmt::format("M6: {} begins to write to layer 1 when line {} of the old core, of {}, is not to be read there",
                       node_name(r.node), missing, exported_height_));
  } else if (old && new_writes_) {
    report(r.at, {service_},
           fmt::format("M6: the old core's writer sends lines from {} on when the new core's writers have begun",
                       r.height));
  }
}

void Migration::on_data_block(const Record& r) {
  if (!is_ours(r.node)) return;
  const bool old = r.node == service_;
  const std::uint64_t number = r.round + r.height;
  if (const auto at = submissions_.find(posted_); at != submissions_.end() && !at->second.has_before) {
    at->second.has_before = true;
    at->second.first += r.round;
  }
  if (old) {
    const auto line = lines_.find(r.height);
    if (line == lines_.end() || line->second != r.id()) {
      report(r.at, {r.node},
             fmt::format("M6: layer 1 has {} as line {} of the old core, which ordered {}", short_hex(r.id()), r.height,
                         line == lines_.end() ? "nothing there" : short_hex(line->second)));
    }
  } else if (r.round != exported_height_ && !std::exchange(miscounts_, true)) {
    report(r.at, {service_, r.node},
           fmt::format("M6: {} writes block {} of the new core as number {} of the history, and the old core ended "
                       "with {}",
                       node_name(r.node), r.height, number, exported_height_));
  }
  Written& there = written_[number];
  if (there.copies != 0 && there.id != r.id()) {
    report(r.at, {service_, r.node},
           fmt::format("M6: layer 1 has two blocks as number {} of the history, {} and {}, by {}", number,
                       short_hex(there.id), short_hex(r.id()), node_name(r.node)));
    return;
  }
  there.id = r.id();
  ++there.copies;
}

// ---- layer 1 --------------------------------------------------------------------------------------------------------

void Migration::name(std::uint64_t height, Hash128 block, const Record& r) {
  const auto known = final_.find(height);
  if (known == final_.end()) {
    named_[height] = block;
    if (named_.size() > kept) named_.erase(named_.begin());
    return;
  }
  if (known->second != block) {
    report(r.at, {r.node},
           fmt::format("M4, X1: {} took over block {} of layer 1 at height {}, where {} is final", node_name(r.node),
                       short_hex(block), height, short_hex(known->second)));
  }
}

void Migration::on_named(const Record& r) {
  const std::uint64_t l1 = r.round;
  const bool service = r.node == service_;
  const bool old = is_old(r.node);
  if (!service) {
    if (r.height <= committee_height_) return;
    committee_height_ = r.height;
  } else if (writes_) {
    lines_[r.height] = r.id();
  }
  std::uint64_t& last = old ? old_l1_ : new_l1_;
  const char* core = old ? "old" : "new";
  if (last == 0) {
    if (!old && old_l1_ != 0 && l1 != old_l1_ + 1) {
      report(r.at, {service_, r.node},
             fmt::format("M4: the old core ended with height {} of layer 1, and the new one begins with height {}",
                         old_l1_, l1));
    }
  } else if (service ? l1 != last + 1 : l1 < last) {
    report(r.at, {r.node},
           fmt::format("M4: the {} core took over height {} of layer 1 after height {}", core, l1, last));
  }
  if (l1 != last) name(l1, r.id(), r);
  last = l1;
}

// ---- keys -----------------------------------------------------------------------------------------------------------

void Migration::on_keyed(const Record& r) {
  link_due_ = false;
  const bool old = is_old(r.node);
  if (r.node != service_) {
    // Nodes say the same one after the other: the first one to come to an item counts. L1 items open a block.
    const std::tuple place{r.height, r.detail == 0, r.round};
    if (place <= seen_) return;
    seen_ = place;
  }
  const Key key{r.a, r.detail != 0 ? 0 : r.height, r.b};
  if (has_last_ && key <= last_key_) {
    report(r.at, {r.node},
           fmt::format("K1: key {} of {} comes after key {}", text_of(key), node_name(r.node), text_of(last_key_)));
  }
  const auto [contract, first] = contracts_.try_emplace(r.peer, Last{key, old});
  has_before_ = !first;
  border_ = false;
  if (!first) {
    before_ = contract->second.key;
    border_ = contract->second.old && !old;
    if (border_ && key <= before_) {
      report(r.at, {service_, r.node},
             fmt::format("M3: contract {} begins in the new core with key {}, and ended in the old one with {}",
                         r.peer.value, text_of(key), text_of(before_)));
    }
    contract->second = {key, old};
  }
  has_last_ = true;
  last_key_ = key;
  link_due_ = true;
  keyed_by_ = r.node;
  contract_ = r.peer;
}

void Migration::on_linked(const Record& r) {
  if (!link_due_ || r.node != keyed_by_) return;
  link_due_ = false;
  const Key linked{r.a, r.b, r.round};
  const bool has = r.flags != 0;
  if (has == has_before_ && (!has || linked == before_)) return;
  report(r.at, {r.node},
         fmt::format("{}: contract {} links its item to {}, but the one before has {}", border_ ? "M3, K2" : "K2",
                     contract_.value, has ? "key " + text_of(linked) : std::string{"nothing"},
                     has_before_ ? "key " + text_of(before_) : std::string{"no key: there is none"}));
}

// ---- the whole ------------------------------------------------------------------------------------------------------

void Migration::finish(SimTime end) {
  if (exported_ && started_) {
    for (const auto& [id, height] : order_) {
      if (height <= exported_height_ || new_.contains(id)) continue;
      report(end, {service_},
             fmt::format("M1: item {} is lost: the old core executed it as its {}th, and exported {}", short_hex(id),
                         height, exported_height_));
    }
  }
  if (const std::uint64_t missing = started_ && writes_ ? unwritten(exported_height_) : 0; missing != 0) {
    report(end, {service_},
           fmt::format("M6: line {} of the old core, of {}, is not to be read on layer 1", missing, exported_height_));
  }
  for (const Accepted& a : accepted_) {
    const auto old = old_.find(a.id);
    if (a.core != 0) {
      if (!new_.contains(a.id)) {
        report(end, {a.client},
               fmt::format("M5: {} was promised item {} by the new core, which did not execute it",
                           node_name(a.client), short_hex(a.id)));
      }
    } else if (old == old_.end()) {
      report(end, {a.client},
             fmt::format("M5: {} was promised item {} by the old core, which did not execute it", node_name(a.client),
                         short_hex(a.id)));
    } else if (stopped_ && old->second.at > stopped_at_) {
      report(end, {service_, a.client},
             fmt::format("M5: the old core executed item {} after it had stopped, and told {} so", short_hex(a.id),
                         node_name(a.client)));
    }
  }
}

}  // namespace seqlab::scenarios
