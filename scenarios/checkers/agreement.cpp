#include "scenarios/checkers/agreement.hpp"

#include <fmt/format.h>

namespace seqlab::scenarios {

void Agreement::on_record(const Record& record) {
  const std::uint64_t height_max = roster_.height_max();
  roster_.observe(record);
  if (record.kind != RecordKind::committed || !roster_.honest(record.node) ||
      static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final) {
    return;
  }
  if (roster_.height_max() > height_max && roster_.height_max() % 16 == 0) archive_floor_ = roster_.floor_of_all();
  Decided* decided = decided_.open(record.height, archive_floor_, roster_.height_max());
  if (decided == nullptr) return;  // nobody else can commit there any more, or ever

  if (decided->node == no_node) {
    *decided = Decided{record.id(), record.node, record.round, false};
    return;
  }
  if (decided->id == record.id() || decided->disputed) return;
  decided->disputed = true;
  report(record.at, {decided->node, record.node},
         fmt::format("{} and {} committed different blocks at height {} ({} in round {}, {} in round {})",
                     node_name(decided->node), node_name(record.node), record.height, short_hex(decided->id),
                     decided->round, short_hex(record.id()), record.round));
}

}  // namespace seqlab::scenarios
