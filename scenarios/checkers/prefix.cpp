#include "scenarios/checkers/prefix.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace seqlab::scenarios {

using sim::CommitLevel;

void Prefix::on_record(const Record& record) {
  roster_.observe(record);
  if (!roster_.honest(record.node)) return;
  Chain& chain = chains_[record.node.value];
  constexpr auto final_level = static_cast<std::size_t>(CommitLevel::final);

  if (record.kind == RecordKind::disk_lost && roster_.forgetful(record.node)) {
    chain = Chain{};
    chain.anywhere = true;
  } else if (record.kind == RecordKind::node_crashed) {  // promises from memory: they go on from what is final
    chain.height[static_cast<std::size_t>(CommitLevel::soft)] = chain.height[final_level];
    chain.height[static_cast<std::size_t>(CommitLevel::speculative)] = chain.height[final_level];
  } else if (record.kind == RecordKind::reverted && record.detail < final_level) {
    std::uint64_t& last = chain.height[record.detail];
    if (record.height > 0) last = std::min(last, record.height - 1);
  } else if (record.kind == RecordKind::committed && record.detail < chain.height.size()) {
    std::uint64_t& last = chain.height[record.detail];
    if (record.height <= last) return;
    // Levels below final may skip what has become final meanwhile.
    const bool fits = record.height == last + 1 || chain.anywhere ||
                      (record.detail != final_level && record.height <= chain.height[final_level] + 1);
    if (!fits) {
      report(record.at, {record.node},
             fmt::format("{} committed height {} right after height {}", node_name(record.node), record.height, last));
    }
    if (record.detail == final_level) {
      chain.before = chain.id;
      chain.before_known = record.height == last + 1 && last > 0;
      chain.id = record.id();
      chain.anywhere = false;
    }
    last = record.height;
  } else if (record.kind == RecordKind::commit_parent && record.detail == final_level &&
             record.height == chain.height[final_level] &&
             chain.before_known && record.id() != chain.before) {
    report(record.at, {record.node},
           fmt::format("{} committed {} at height {} on parent {}, but its block of height {} is {}",
                       node_name(record.node), short_hex(chain.id), record.height, short_hex(record.id()),
                       record.height - 1, short_hex(chain.before)));
  }
}

}  // namespace seqlab::scenarios
