#include "scenarios/checkers/migration.hpp"

#include <fmt/format.h>

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
      return;
    case RecordKind::tx_included:
      if (r.node == old_machine_ || roster_.honest(r.node)) on_included(r);
      return;
    case RecordKind::tx_accepted:
      accepted_.push_back({r.at, r.node, r.detail, r.id()});
      return;
    case RecordKind::l1_ref:
      if (r.node == old_machine_ || roster_.honest(r.node)) on_named(r);
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
      if (r.node == old_machine_ || roster_.honest(r.node)) on_keyed(r);
      return;
    case RecordKind::key_linked: on_linked(r); return;
    default: return;
  }
}

void Migration::on_included(const Record& r) {
  if (r.detail != 0) return;  // without effect
  if (r.node == old_machine_) {
    old_.try_emplace(r.id(), Executed{r.height, r.at});
    order_.emplace_back(r.id(), r.height);
    if (const auto at = new_.find(r.id()); at != new_.end()) {
      report(r.at, {r.node},
             fmt::format("M2: item {} was executed by the new core in block {} and then by the old one",
                         short_hex(r.id()), at->second));
    }
    return;
  }
  if (!new_.try_emplace(r.id(), r.height).second) return;
  if (const auto at = old_.find(r.id()); at != old_.end()) {
    report(r.at, {old_machine_, r.node},
           fmt::format("M2: item {} was executed by the old core as its {}th and by the new one in block {}",
                       short_hex(r.id()), at->second.height, r.height));
  }
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
  if (r.node == old_machine_) {
    if (old_l1_ != 0 && l1 != old_l1_ + 1) {
      report(r.at, {r.node},
             fmt::format("M4: the old core took over height {} of layer 1 after height {}", l1, old_l1_));
    }
    old_l1_ = l1;
    return name(l1, r.id(), r);
  }
  if (r.height <= new_height_) return;
  new_height_ = r.height;
  if (new_l1_ == 0 && old_l1_ != 0 && l1 != old_l1_ + 1) {
    report(r.at, {old_machine_, r.node},
           fmt::format("M4: the old core ended with height {} of layer 1, and the new one begins with height {}",
                       old_l1_, l1));
  } else if (new_l1_ != 0 && l1 < new_l1_) {
    report(r.at, {r.node}, fmt::format("M4: the new core named height {} of layer 1 after height {}", l1, new_l1_));
  }
  if (l1 != new_l1_) name(l1, r.id(), r);
  new_l1_ = l1;
}

// ---- keys -----------------------------------------------------------------------------------------------------------

void Migration::on_keyed(const Record& r) {
  link_due_ = false;
  const bool old = r.node == old_machine_;
  if (!old) {
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
      report(r.at, {old_machine_, r.node},
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
      report(end, {old_machine_},
             fmt::format("M1: item {} is lost: the old core executed it as its {}th, and exported {}", short_hex(id),
                         height, exported_height_));
    }
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
      report(end, {old_machine_, a.client},
             fmt::format("M5: the old core executed item {} after it had stopped, and told {} so", short_hex(a.id),
                         node_name(a.client)));
    }
  }
}

}  // namespace seqlab::scenarios
