#include "scenarios/checkers/sort_keys.hpp"

#include <fmt/format.h>

namespace seqlab::scenarios {

std::string SortKeysChecker::text(const Key& key) {
  return fmt::format("{},{},{}", key.first, key.second, key.third);
}

void SortKeysChecker::on_record(const Record& r) {
  roster_.observe(r);
  if (!roster_.honest(r.node)) return;
  State& s = nodes_[r.node.value];
  switch (r.kind) {
    case RecordKind::disk_lost:
      if (roster_.forgetful(r.node)) {
        s = State{};
        s.forgetful = true;
        for (std::size_t at = r.node.value; at < contracts_.size(); at += nodes_.size()) contracts_[at] = {};
      }
      return;
    case RecordKind::l1_ref: s.l1_height = r.round; return;
    case RecordKind::keyed: {
      if (r.height != s.height) {
        s.height = r.height;
        s.index = 0;
      }
      const bool from_l1 = r.detail != 0;
      const Key key{r.a, from_l1 ? 0 : r.height, r.b};
      if (key <= s.last && s.last != Key{}) {
        report(r.at, {r.node},
               fmt::format("{} gave key {} after key {}", node_name(r.node), text(key), text(s.last)));
      }
      if (!from_l1) {
        if (r.b != s.index || (s.l1_height != 0 && r.a != s.l1_height)) {
          report(r.at, {r.node},
                 fmt::format("{} gave key {} to item {} of height {}, where the last L1 height is {}",
                             node_name(r.node), text(key), s.index, r.height, s.l1_height));
        }
        ++s.index;
      } else if (s.l1_height != 0 && r.a > s.l1_height) {
        report(r.at, {r.node},
               fmt::format("{} gave key {} to an item of an L1 block that is not named yet", node_name(r.node),
                           text(key)));
      }
      s.last = key;
      s.contract = r.peer.value;
      return;
    }
    case RecordKind::key_linked: {
      constexpr std::uint32_t near = 1U << 20U;
      const std::size_t place = s.contract * nodes_.size() + r.node.value;
      if (s.contract < near && place >= contracts_.size()) contracts_.resize((s.contract + 1) * nodes_.size());
      Key& known = s.contract < near ? contracts_[place] : s.far_contracts[s.contract];
      const bool fresh = known == Key{};
      const Key named{r.a, r.b, r.round};
      const bool right = fresh ? (r.flags == 0 || s.forgetful || migrates_) : r.flags != 0 && named == known;
      if (!right) {
        report(r.at, {r.node},
               fmt::format("{} linked key {} of contract {} to {}, the key before it is {}", node_name(r.node),
                           text(s.last), s.contract, r.flags == 0 ? "nothing" : text(named),
                           fresh ? "none" : text(known)));
      }
      known = s.last;
      return;
    }
    default: return;
  }
}

}  // namespace seqlab::scenarios
