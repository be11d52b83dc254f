#include "scenarios/checkers/durability.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/types/transaction.hpp"

namespace seqlab::scenarios {

void Durability::on_record(const Record& record) {
  roster_.observe(record);
  if (record.kind == RecordKind::tx_confirmed) return on_confirmed(record);
  if (!roster_.honest(record.node)) return;
  Chain& chain = nodes_[record.node.value];

  switch (record.kind) {
    case RecordKind::disk_lost:
      if (roster_.forgetful(record.node)) chain = Chain{};
      break;
    case RecordKind::node_crashed:
      if (chain.height == 0) break;
      chain.restarted = true;
      chain.parent_pending = false;
      chain.id_before_crash = chain.id;
      chain.height_before_crash = chain.height;
      break;
    case RecordKind::round_entered:
      if (chain.restarted && record.height <= chain.height) {
        lost(record, fmt::format("{} had committed height {} before its crash and decides height {} again afterwards",
                                 node_name(record.node), chain.height, record.height));
        chain.restarted = false;
      }
      break;
    case RecordKind::committed:
      on_committed(record);
      break;
    case RecordKind::commit_parent:
      if (chain.parent_pending && record.height == chain.height &&
          static_cast<sim::CommitLevel>(record.detail) == sim::CommitLevel::final) {
        chain.parent_pending = false;
        if (record.id() != chain.id_before_crash) {
          lost(record, fmt::format("{} had committed {} at height {} before its crash; its chain has {} there now",
                                   node_name(record.node), short_hex(chain.id_before_crash), chain.height_before_crash,
                                   short_hex(record.id())));
        }
      }
      break;
    case RecordKind::tx_included: {
      if (record.height != chain.height) break;
      Included* block = included_.find(record.height);
      if (block != nullptr && chain.id == block->block && record.round == block->transactions.size()) {
        block->transactions.push_back(record.id());
        // One that failed is committed nowhere yet, or was so before.
        const bool done = static_cast<protocols::TxStatus>(record.detail) == protocols::TxStatus::ok;
        if (done && record.id()) height_of_.put(record.id(), record.height);
      }
      break;
    }
    default:
      break;
  }
}

void Durability::on_committed(const Record& record) {
  if (static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final) return;
  Chain& chain = nodes_[record.node.value];
  if (chain.restarted) {
    chain.restarted = false;
    if (record.height <= chain.height) {
      lost(record, fmt::format("{} had committed height {} before its crash and commits height {} again afterwards{}",
                               node_name(record.node), chain.height, record.height,
                               record.height == chain.height && record.id() != chain.id ? ", with another block" : ""));
    } else {
      chain.parent_pending = record.height == chain.height + 1;
    }
  }
  chain.height = record.height;
  chain.id = record.id();

  const std::uint64_t floor = roster_.height_max() < memory ? 0 : roster_.height_max() - memory;
  for (; pruned_ < floor; ++pruned_) {
    if (const Included* old = included_.find(pruned_ + 1)) {
      for (const Hash128& id : old->transactions) height_of_.erase(id);
    }
  }
  Included* block = included_.open(record.height, floor, roster_.height_max());
  if (block == nullptr) return;
  if (!block->block) block->block = record.id();
  if (block->block != record.id()) fork_ = std::min(fork_, record.height);
  if (block->confirmed_by != no_node && block->confirmed_block != record.id() && !block->reported) {
    block->reported = true;
    report(record.at, {block->confirmed_by, record.node},
           fmt::format("{} told a client that its transaction is in block {} of height {}, but {} committed {} there",
                       node_name(block->confirmed_by), short_hex(block->confirmed_block), record.height,
                       node_name(record.node), short_hex(record.id())));
  }
}

void Durability::on_confirmed(const Record& record) {
  const NodeId by = record.peer;
  if (!roster_.honest(by)) return;
  Included* block = included_.find(record.height);
  if (block == nullptr && record.height <= included_.base()) return;  // told very late
  const std::uint64_t* known = height_of_.find(record.id());
  if (known == nullptr || *known != record.height) {
    if (record.height >= fork_) return;  // perhaps in its own branch
    report(record.at, {by},
           fmt::format("{} told client {} that transaction {} is committed at height {}, where no honest node has it",
                       node_name(by), node_name(record.node), short_hex(record.id()), record.height));
    return;
  }
  if (block != nullptr && block->confirmed_by == no_node && nodes_[by.value].height == record.height) {
    block->confirmed_by = by;
    block->confirmed_block = nodes_[by.value].id;
  }
  confirmed_height_max_ = std::max(confirmed_height_max_, record.height);
}

void Durability::finish(SimTime end) {
  if (confirmed_height_max_ == 0) return;
  std::uint64_t best = 0;
  std::vector<NodeId> honest;
  for (std::uint32_t i = 0; i < roster_.size(); ++i) {
    if (!roster_.honest(NodeId{i})) continue;
    honest.push_back(NodeId{i});
    best = std::max(best, roster_.height(NodeId{i}));
  }
  if (best >= confirmed_height_max_) return;
  report(end, std::move(honest),
         fmt::format("clients were told of transactions at height {}, but no honest node has a chain beyond height {}",
                     confirmed_height_max_, best));
}

void Durability::lost(const Record& record, std::string text) {
  if (roster_.reliable(record.node)) report(record.at, {record.node}, std::move(text));
}

}  // namespace seqlab::scenarios
