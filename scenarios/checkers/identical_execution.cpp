#include "scenarios/checkers/identical_execution.hpp"

#include <fmt/format.h>

namespace seqlab::scenarios {

namespace {

std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  std::uint64_t x = (seed ^ value) * 0x9e3779b97f4a7c15U;
  return x ^ (x >> 29U);
}

}  // namespace

void IdenticalExecution::on_record(const Record& record) {
  const bool commit = record.kind == RecordKind::committed &&
                      static_cast<sim::CommitLevel>(record.detail) == sim::CommitLevel::final;
  if (commit && roster_.honest(record.node)) {
    // The list of the block before is whole only now: results may be reported before or after the state root.
    close_list(record.node, record.at);
  }
  const std::uint64_t height_max = roster_.height_max();
  roster_.observe(record);
  if (!roster_.honest(record.node)) return;
  Running& mine = nodes_[record.node.value];

  if (commit) {
    mine = Running{record.height, record.id(), 0, 0, false};
    if (roster_.height_max() > height_max && record.height % 16 == 0) {
      const std::uint64_t floor = roster_.floor_of_all();
      archive_floor_ = floor < 2 ? 0 : floor - 2;
    }
  } else if (record.kind == RecordKind::node_crashed) {
    mine.partial = true;
  } else if (record.kind == RecordKind::tx_included) {
    if (record.height != mine.height) {
      mine.partial = true;
      return;
    }
    mine.list = mix(mix(mix(mine.list, record.a), record.b), std::uint64_t{record.round} << 8U | record.detail);
    ++mine.count;
  } else if (record.kind == RecordKind::executed) {
    if (record.height != mine.height) return;  // replays an older block: it was compared when it was committed
    Outcome* measure = outcome(mine.height, mine.block);
    if (measure == nullptr) return;
    if (measure->node == no_node) {
      measure->node = record.node;
      measure->state = record.id();
    } else if (measure->state != record.id() && !measure->disputed) {
      measure->disputed = true;
      report(record.at, {measure->node, record.node},
             fmt::format("{} and {} executed block {} of height {} to different states ({} and {})",
                         node_name(measure->node), node_name(record.node), short_hex(mine.block), record.height,
                         short_hex(measure->state), short_hex(record.id())));
    }
  }
}

void IdenticalExecution::close_list(NodeId node, SimTime at) {
  const Running& mine = nodes_[node.value];
  if (mine.partial || mine.count == 0) return;
  Outcome* measure = outcome(mine.height, mine.block);
  if (measure == nullptr) return;
  if (measure->lister == no_node) {
    measure->lister = node;
    measure->list = mine.list;
    measure->count = mine.count;
  } else if ((measure->list != mine.list || measure->count != mine.count) && !measure->disputed) {
    measure->disputed = true;
    report(at, {measure->lister, node},
           fmt::format("{} and {} report different transactions or results for block {} of height {} ({} and {} "
                       "entries)",
                       node_name(measure->lister), node_name(node), short_hex(mine.block), mine.height, measure->count,
                       mine.count));
  }
}

IdenticalExecution::Outcome* IdenticalExecution::outcome(std::uint64_t height, Hash128 block) {
  Outcome* found = outcomes_.open(height, archive_floor_, roster_.height_max());
  if (found == nullptr) return nullptr;
  if (found->node == no_node && found->lister == no_node) found->block = block;
  return found->block == block ? found : nullptr;  // another block: the business of `agreement`
}

}  // namespace seqlab::scenarios
