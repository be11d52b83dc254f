#include "scenarios/checkers/speculation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>

#include "protocols/consensus/reproposal.hpp"

namespace seqlab::scenarios {

void Speculation::on_record(const Record& record) {
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::proposed: return on_proposed(record);
    case RecordKind::voted: return on_voted(record);
    case RecordKind::committed: return on_committed(record);
    case RecordKind::reverted: return on_reverted(record);
    case RecordKind::epoch_entered: return on_epoch(record);
    case RecordKind::evidence:
      if (roster_.honest(record.node) &&
          static_cast<sim::EvidenceKind>(record.detail) == sim::EvidenceKind::double_proposal) {
        equivocated_.insert(record.round);
      }
      return;
    case RecordKind::node_crashed:  // a promise from memory ends with it
    case RecordKind::disk_lost:
      if (roster_.knows(record.node)) speculative_[record.node.value].clear();
      return;
    default: return;
  }
}

/// A leader's own block, or one that an honest node proposes again: then the round of the block is known, and that its
/// leader signed it.
void Speculation::on_proposed(const Record& record) {
  const bool fresh = record.flags == 0;
  if (!fresh && !roster_.honest(record.node)) return;
  const std::uint32_t round = fresh ? record.round : protocols::first_round_of(record.round, record.flags);
  note_block(round, record.id(), fresh ? record.node : no_node);
  Height* height = heights_.open(record.height, roster_);
  if (height == nullptr) return;
  for (Fresh& known : height->blocks) {
    if (known.id != record.id()) continue;
    if (fresh && known.leader == no_node) known.leader = record.node;
    return;
  }
  height->blocks.push_back({record.id(), round, fresh ? record.node : no_node, {}, 0, false});
}

/// Anybody may send anything: two blocks of a round convict its leader only if both are known to be the leader's. They
/// may stand at different heights.
void Speculation::note_block(std::uint32_t round, Hash128 id, NodeId leader) {
  auto& signed_in_round = signed_[round];
  if (std::ranges::find(signed_in_round, std::pair{id, leader}) != signed_in_round.end()) return;
  for (const auto& [other, its_leader] : signed_in_round) {
    if (other != id && (leader == no_node || its_leader == no_node || its_leader == leader)) equivocated_.insert(round);
  }
  if (signed_in_round.size() < signers_max) signed_in_round.emplace_back(id, leader);
  if (signed_.size() > rounds_max) signed_.erase(signed_.begin());
}

void Speculation::on_voted(const Record& record) {
  if (static_cast<sim::VoteType>(record.detail) != sim::VoteType::vote || !roster_.reliable(record.node)) return;
  Height* height = heights_.find(record.height);
  if (height == nullptr) return;
  for (Fresh& block : height->blocks) {
    if (block.id != record.id() || block.round != record.round || block.voters.contains(record.node)) continue;
    block.voters.insert(record.node);
    block.power += roster_.powers().of(record.node, record.height);
    block.protects = block.power > roster_.powers().max_faulty(record.height) && roster_.reliable(block.leader);
  }
}

void Speculation::on_committed(const Record& record) {
  if (!roster_.honest(record.node)) return;
  auto& mine = speculative_[record.node.value];
  const auto level = static_cast<sim::CommitLevel>(record.detail);
  if (level == sim::CommitLevel::speculative) {
    mine.push_back({record.height, record.id()});
    return;
  }
  if (level != sim::CommitLevel::final) return;
  for (const Promise& promise : mine) {
    if (promise.height != record.height || promise.id == record.id()) continue;
    report(record.at, {record.node},
           fmt::format("{} told of {} at height {}, and {} became final there before it was taken back",
                       node_name(record.node), short_hex(promise.id), record.height, short_hex(record.id())));
  }
  std::erase_if(mine, [&](const Promise& promise) { return promise.height <= record.height; });

  Height* height = heights_.find(record.height);
  if (height == nullptr || height->judged) return;
  for (const Fresh& block : height->blocks) {
    if (!block.protects || block.id == record.id() || given_up(record.height, block.round)) continue;
    height->judged = true;
    report(record.at, {record.node, block.leader},
           fmt::format("{} committed {} at height {} in place of {}, which {} had proposed in round {} and honest "
                       "nodes of power {} had voted for",
                       node_name(record.node), short_hex(record.id()), record.height, short_hex(block.id),
                       node_name(block.leader), block.round, block.power));
    return;
  }
}

void Speculation::on_reverted(const Record& record) {
  if (!roster_.honest(record.node) ||
      static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::speculative) {
    return;
  }
  auto& mine = speculative_[record.node.value];
  const auto promised = std::ranges::find_if(
      mine, [&](const Promise& p) { return p.height == record.height && p.id == record.id(); });
  if (promised == mine.end()) {
    report(record.at, {record.node},
           fmt::format("{} took {} at height {} back, of which it had not told", node_name(record.node),
                       short_hex(record.id()), record.height));
    return;
  }
  mine.erase(promised);
  Revert revert{record.at, record.node, record.height, 0, no_node, record.id()};
  if (const Height* height = heights_.find(record.height)) {
    for (const Fresh& block : height->blocks) {
      if (block.id != record.id()) continue;
      revert.round = block.round;
      revert.leader = block.leader;
    }
  }
  reverts_.push_back(revert);
}

/// Blocks of earlier rounds above the one that ended the epoch are given up, by everybody. Some may be voted for still,
/// by nodes that have not come so far.
void Speculation::on_epoch(const Record& record) {
  if (roster_.honest(record.node)) epochs_.emplace(record.height, record.round);
}

bool Speculation::given_up(std::uint64_t height, std::uint32_t round) const {
  const auto after = epochs_.upper_bound({height, std::numeric_limits<std::uint32_t>::max()});
  return after != epochs_.begin() && round < std::prev(after)->second;
}

void Speculation::finish(SimTime) {
  for (const Revert& revert : reverts_) {
    const bool known_leader = revert.leader != no_node;
    if (equivocated_.contains(revert.round) && !(known_leader && roster_.reliable(revert.leader))) continue;
    std::vector<NodeId> who{revert.node};
    if (known_leader) who.push_back(revert.leader);
    report(revert.at, std::move(who),
           fmt::format("{} took {} at height {} back, and nothing shows that {} signed two blocks for round {}",
                       node_name(revert.node), short_hex(revert.id), revert.height,
                       known_leader ? node_name(revert.leader) : "its leader", revert.round));
  }
  reverts_.clear();
}

}  // namespace seqlab::scenarios
