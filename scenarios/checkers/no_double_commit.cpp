#include "scenarios/checkers/no_double_commit.hpp"

#include <fmt/format.h>

namespace seqlab::scenarios {

void NoDoubleCommit::on_record(const Record& record) {
  roster_.observe(record);
  if (!roster_.honest(record.node)) return;
  auto& levels = last_[record.node.value];
  switch (record.kind) {
    case RecordKind::disk_lost:
      if (roster_.forgetful(record.node)) levels = {};
      break;
    case RecordKind::node_crashed:
      levels[static_cast<std::size_t>(sim::CommitLevel::soft)] = {};
      levels[static_cast<std::size_t>(sim::CommitLevel::speculative)] = {};
      break;
    case RecordKind::reverted: {
      if (record.detail >= levels.size()) break;
      Last& last = levels[record.detail];
      if (record.height > 0 && record.height <= last.height) last = Last{record.height - 1, {}};
      break;
    }
    case RecordKind::committed: {
      if (record.detail >= levels.size()) break;
      Last& last = levels[record.detail];
      if (record.height > last.height) {
        last = Last{record.height, record.id()};
      } else if (record.height == last.height) {
        report(record.at, {record.node},
               last.id == record.id() || !last.id
                   ? fmt::format("{} committed {} at height {} twice", node_name(record.node), short_hex(last.id),
                                 record.height)
                   : fmt::format("{} committed {} at height {} after {}", node_name(record.node),
                                 short_hex(record.id()), record.height, short_hex(last.id)));
      } else {
        report(record.at, {record.node},
               fmt::format("{} committed {} at height {} although it had come to height {}", node_name(record.node),
                           short_hex(record.id()), record.height, last.height));
      }
      break;
    }
    default:
      break;
  }
}

}  // namespace seqlab::scenarios
