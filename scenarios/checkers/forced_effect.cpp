#include "scenarios/checkers/forced_effect.hpp"

#include <fmt/format.h>

namespace seqlab::scenarios {

using protocols::ForcedStatus;

void ForcedEffect::on_record(const Record& record) {
  roster_.observe(record);
  if (!roster_.honest(record.node)) return;
  if (record.kind == RecordKind::forced_done) {
    done_[record.node.value] = record;
    return;
  }
  if (record.kind != RecordKind::forced_first) return;
  const Record& done = done_[record.node.value];
  if (done.id() != record.id() || done.height != record.height) return;
  const auto first = static_cast<ForcedStatus>(record.detail);
  const auto became = static_cast<ForcedStatus>(done.detail);
  if (first != ForcedStatus::executed || became == ForcedStatus::executed) return;
  if (!reported_.insert(record.id()).second) return;
  report(
      record.at, {record.node},
      fmt::format("item {} at position {} has no effect in block {}; before the transactions that the proposer chose "
                  "it would have had",
                  short_hex(record.id()), record.round, record.height));
}

}  // namespace seqlab::scenarios
