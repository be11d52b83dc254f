#include "scenarios/checkers/certified_commit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/checkers/one_vote.hpp"

namespace seqlab::scenarios {

void CertifiedCommit::on_record(const Record& record) {
  roster_.observe(record);
  if (record.kind != RecordKind::certificate_signer) votes_for_ = nullptr;
  switch (record.kind) {
    case RecordKind::validator:
      votes_.recount(roster_, record.height);
      break;
    case RecordKind::voted:
      votes_.add(roster_, record);
      break;
    case RecordKind::certificate_signer:
      if (roster_.honest(record.node)) on_signer(record);
      break;
    case RecordKind::certified:
      if (roster_.honest(record.node)) on_certified(record);
      break;
    case RecordKind::committed:
      if (roster_.honest(record.node)) on_committed(record);
      break;
    default:
      break;
  }
}

bool CertifiedCommit::same_certificate(const Record& record) const {
  return open_.kind == RecordKind::certificate_signer && open_.node == record.node && open_.height == record.height &&
         open_.round == record.round && open_.detail == record.detail && open_.id() == record.id();
}

void CertifiedCommit::on_signer(const Record& record) {
  if (!same_certificate(record)) {
    open_ = record;
    signers_ = {};
    power_ = 0;
    votes_for_ = nullptr;
  }
  if (record.height <= votes_.base() || signers_.contains(record.peer)) return;
  const auto type = static_cast<VoteType>(record.detail);
  if (votes_for_ == nullptr) votes_for_ = votes_.find(record.height, record.round, type, record.id());
  if (roster_.corrupt(record.peer)) {
    votes_.add(roster_, record.peer, record.height, record.round, type, record.id());
    votes_for_ = nullptr;
  } else if (votes_for_ == nullptr || !votes_for_->voters.contains(record.peer)) {
    report(record.at, {record.node, record.peer},
           fmt::format("{} counted a {} of {} for {} in height {} round {} that was never sent",
                       node_name(record.node), vote_name(type), node_name(record.peer), value_name(record.id()),
                       record.height, record.round));
    return;
  }
  if (roster_.knows(record.peer)) signers_.insert(record.peer);
  power_ += roster_.powers().of(record.peer, record.height);
}

void CertifiedCommit::on_certified(const Record& record) {
  const bool listed = same_certificate(record);
  open_.kind = RecordKind::certified;
  if (record.height <= votes_.base()) return;
  const auto type = static_cast<VoteType>(record.detail);
  const Power power = listed ? power_ : votes_.power(record.height, record.round, type, record.id());
  const Power quorum = roster_.powers().quorum(record.height);
  if (power >= quorum) return;
  report(record.at, {record.node},
         fmt::format("{} took {}s of {} out of {} as a certificate for {} in height {} round {}; it needs {}",
                     node_name(record.node), vote_name(type), power, roster_.powers().total(record.height),
                     value_name(record.id()), record.height, record.round, quorum));
}

void CertifiedCommit::on_committed(const Record& record) {
  if (static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final) return;
  Hash128* sound = sound_.open(record.height, roster_.floor() == 0 ? 0 : roster_.floor() - 1, roster_.height_max());
  if (sound != nullptr && *sound == record.id()) return;
  const auto* votes = votes_.height(record.height);
  if (votes == nullptr && record.height <= votes_.base()) return;  // everybody who counts has long finished it

  const Power quorum = roster_.powers().quorum(record.height);
  Power most = 0;
  if (votes != nullptr) {
    for (const auto& [key, in_round] : *votes) {
      const VoteType type = VoteBook::type_of(key);
      if (type != VoteType::precommit && type != VoteType::vote) continue;
      const auto tally = in_round.tallies.find(record.id());
      if (tally != in_round.tallies.end()) most = std::max(most, tally->second.power);
    }
  }
  if (most >= quorum) {
    if (sound != nullptr) *sound = record.id();
    return;
  }
  report(record.at, {record.node},
         fmt::format("{} committed {} at height {} on votes of {} out of {}; it needs {}", node_name(record.node),
                     short_hex(record.id()), record.height, most, roster_.powers().total(record.height), quorum));
}

}  // namespace seqlab::scenarios
