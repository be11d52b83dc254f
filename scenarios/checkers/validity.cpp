#include "scenarios/checkers/validity.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/types/transaction.hpp"

namespace seqlab::scenarios {

void Validity::on_record(const Record& record) {
  // One height of grace: the last node to commit a height still has to report its transactions.
  const std::uint64_t floor = roster_.floor();
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::proposed: {
      Block* block = blocks_.open(record.height, floor == 0 ? 0 : floor - 1, roster_.height_max());
      if (block == nullptr) break;
      const auto at = std::lower_bound(block->proposed.begin(), block->proposed.end(), record.id());
      if (at == block->proposed.end() || *at != record.id()) block->proposed.insert(at, record.id());
      break;
    }
    case RecordKind::committed:
      if (roster_.honest(record.node) && static_cast<sim::CommitLevel>(record.detail) == sim::CommitLevel::final) {
        on_committed(record);
      }
      break;
    case RecordKind::tx_submitted:
      submitted_.try_emplace(record.id(), Submitted{record.round, record.height});
      break;
    case RecordKind::tx_included:
      if (old_core_ != no_node && record.node == old_core_) {
        // Another core ordered before, and its nonces count here as well.
        const auto at = submitted_.find(record.id());
        if (at != submitted_.end()) next_nonce_[at->second.account] = at->second.nonce + 1;
        break;
      }
      if (roster_.honest(record.node)) on_included(record);
      break;
    default:
      break;
  }
}

void Validity::on_committed(const Record& record) {
  heads_[record.node.value] = Head{record.height, record.id()};
  const std::uint64_t floor = roster_.floor();
  Block* block = blocks_.open(record.height, floor < 2 ? 0 : floor - 2, roster_.height_max());
  if (block == nullptr || (block->committed && block->id == record.id())) return;
  if (proposals_ && !std::binary_search(block->proposed.begin(), block->proposed.end(), record.id())) {
    report(record.at, {record.node},
           fmt::format("{} committed {} at height {}, which nobody proposed for it", node_name(record.node),
                       short_hex(record.id()), record.height));
  }
  if (!block->committed) {
    block->committed = true;
    block->id = record.id();
  }
}

void Validity::on_included(const Record& record) {
  Block* block = blocks_.find(record.height);
  const Head& head = heads_[record.node.value];
  // A node on another branch is the business of `agreement`; what others looked at is done.
  if (block == nullptr || !block->committed || head.height != record.height || head.id != block->id ||
      record.round != block->judged) {
    return;
  }
  ++block->judged;
  const auto status = static_cast<protocols::TxStatus>(record.detail);
  if (status == protocols::TxStatus::bad_signature) {
    report(record.at, {record.node},
           fmt::format("transaction {} in block {} of height {} is not signed by the account that it spends from",
                       short_hex(record.id()), short_hex(block->id), record.height));
  }
  if (status != protocols::TxStatus::ok) return;  // it had no effect

  const auto submitted = submitted_.find(record.id());
  if (submitted == submitted_.end()) {
    report(record.at, {record.node},
           fmt::format("transaction {} in block {} of height {} was executed before, or no client ever submitted it",
                       short_hex(record.id()), short_hex(block->id), record.height));
    return;
  }
  const Submitted tx = submitted->second;
  std::uint64_t& expected = next_nonce_[tx.account];
  if (tx.nonce != expected) {
    report(record.at, {record.node},
           fmt::format("transaction {} of account {} executed at height {} with nonce {} where {} was next",
                       short_hex(record.id()), tx.account, record.height, tx.nonce, expected));
  }
  expected = tx.nonce + 1;
  submitted_.erase(submitted);
}

}  // namespace seqlab::scenarios
