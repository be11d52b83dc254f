#include "scenarios/checkers/registry.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace seqlab::scenarios {

using protocols::RegistryAction;

namespace {

constexpr std::size_t heights_kept = 4096;   ///< who is further behind than that is not judged

std::string whose(NodeId writer) {
  return writer == no_node ? "nobody had the turn" : fmt::format("{} had the turn", node_name(writer));
}

}  // namespace

RegistryChecker::RegistryChecker(const CheckerContext& context)
    : options_(context.registry), roster_(context.node_count), tips_(context.node_count) {
  auto first = std::make_shared<State>();
  first->writers.insert(options_.writers.begin(), options_.writers.end());
  if (!options_.writers.empty()) first->turns.push_back({0, options_.writers.front()});
  first_ = std::move(first);
}

NodeId RegistryChecker::entitled(const State& state, std::uint64_t height) {
  NodeId out = no_node;
  for (const Turn& turn : state.turns) {
    if (turn.from <= height) out = turn.writer;
  }
  return out;
}

RegistryChecker::Block* RegistryChecker::find(const Hash128& id) {
  const auto at = blocks_.find(id);
  return at == blocks_.end() ? nullptr : &at->second;
}

void RegistryChecker::on_record(const Record& record) {
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::l1_mined:
      mined_ = record.id();
      if (record.flags == 0) last_ = mined_;
      return;
    case RecordKind::l1_parent: return on_parent(record);
    case RecordKind::l1_seen:
      if (roster_.knows(record.node)) tips_[record.node.value] = record.id();
      return;
    case RecordKind::registry_set: return on_set(record);
    case RecordKind::registry_defied:
      if (record.flags != 0) {
        defiant_.insert(record.node);
      } else {
        defiant_.erase(record.node);
      }
      return;
    case RecordKind::batch_read: return on_read(record);
    case RecordKind::da_prepared: return on_prepared(record);
    default: return;
  }
}

void RegistryChecker::on_parent(const Record& record) {
  const Block* parent = find(record.id());
  blocks_[mined_] = {record.height, parent == nullptr ? first_ : parent->state, no_node};
  by_height_[record.height].push_back(mined_);
  while (by_height_.size() > heights_kept) {
    for (const Hash128& id : by_height_.begin()->second) blocks_.erase(id);
    by_height_.erase(by_height_.begin());
  }
}

void RegistryChecker::on_set(const Record& record) {
  Block* block = find(last_);
  if (block == nullptr || block->height != record.height) return;
  const State& before = *block->state;
  const auto action = static_cast<RegistryAction>(record.round);
  const bool here = before.writers.count(record.node) != 0;
  const bool fits = action == RegistryAction::add ? !here : here;
  const bool should = record.peer == options_.owner && record.a > before.number && fits;
  const bool did = record.flags == 0;
  if (should != did) {
    report(record.at, {record.peer},
           fmt::format("change {} of the registry, by {} about {} in L1 block {}, {}", record.a, node_name(record.peer),
                       node_name(record.node), record.height,
                       did ? "counts although it must not" : "does not count although it must"));
  }
  if (!should) return;
  auto after = std::make_shared<State>(before);
  after->number = record.a;
  const NodeId last = before.turns.back().writer;
  NodeId next = last;
  if (action == RegistryAction::add) after->writers.insert(record.node);
  if (action == RegistryAction::remove) {
    after->writers.erase(record.node);
    if (last == record.node) next = no_node;
  }
  if (action == RegistryAction::rotate) next = record.node;
  after->turns.push_back({record.height + options_.lag, next});
  block->state = std::move(after);
}

void RegistryChecker::on_read(const Record& record) {
  if (roster_.corrupt(record.peer)) return;
  Block* block = find(record.id());
  if (block == nullptr) return;
  const NodeId holder = entitled(*block->state, block->height);
  const bool taken = record.flags == 0;
  const std::string reader = record.peer == no_node ? "the rollup" : node_name(record.peer);
  if (taken && holder != record.node) {
    report(record.at, {record.peer, record.node},
           fmt::format("{} took a batch of {} in L1 block {}, where {}", reader, node_name(record.node), block->height,
                       whose(holder)));
  }
  if (!taken && holder == record.node) {
    report(record.at, {record.peer, record.node},
           fmt::format("{} passed over a batch of {} in L1 block {}, where it had the turn", reader,
                       node_name(record.node), block->height));
  }
  if (!taken) return;
  if (block->counted != no_node && block->counted != record.node) {
    report(record.at, {block->counted, record.node},
           fmt::format("batches of {} and of {} count in L1 block {}", node_name(block->counted),
                       node_name(record.node), block->height));
  }
  block->counted = record.node;
}

void RegistryChecker::on_prepared(const Record& record) {
  if (!roster_.honest(record.node) || defiant_.count(record.node) != 0) return;
  const Hash128& tip = tips_[record.node.value];
  const Block* block = find(tip);
  if (tip && block == nullptr) return;
  const State& state = block == nullptr ? *first_ : *block->state;
  const std::uint64_t next = block == nullptr ? 0 : block->height + 1;
  const NodeId holder = entitled(state, next);
  if (holder == record.node) return;
  report(record.at, {record.node},
         fmt::format("{} began a batch of {} rollup blocks from {} on when it could see that, in L1 block {}, {}",
                     node_name(record.node), record.round, record.height, next, whose(holder)));
}

}  // namespace seqlab::scenarios
