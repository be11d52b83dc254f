#include "scenarios/checkers/certified_commit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scenarios/checkers/one_vote.hpp"

namespace seqlab::scenarios {

void CertifiedCommit::on_record(const Record& record) {
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::validator:
      votes_.recount(roster_, record.height);
      known_ = {};
      break;
    case RecordKind::voted:
      votes_.add(roster_, record);
      break;
    case RecordKind::certificate_signers:
      signers_.add(record);
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

void CertifiedCommit::on_certified(const Record& record) {
  const NodeSet* signers = signers_.of(record);
  if (record.height <= votes_.base()) return;
  const auto type = static_cast<VoteType>(record.detail);
  const Power quorum = roster_.powers().quorum(record.height);
  Power power = 0;
  if (signers == nullptr) {
    power = votes_.power(record.height, record.round, type, record.id());
    if (power >= quorum) return;
  } else {
    Certificate certificate{record.height, record.round, record.detail, record.id(), *signers};
    if (std::ranges::find(known_, certificate) != known_.end()) return;
    // Touching the book drops the heights that all have finished, perhaps this one.
    votes_.add_all(roster_, *signers & roster_.corrupt(), record);
    if (record.height <= votes_.base()) return;
    const NodeSet unsent = report_unsent(*signers, record);
    power = roster_.powers().of(*signers - unsent, record.height);
    if (power >= quorum) {
      if (unsent.empty()) {
        known_[known_next_] = std::move(certificate);
        known_next_ = (known_next_ + 1) % known_.size();
      }
      return;
    }
  }
  report(record.at, {record.node},
         fmt::format("{} took {}s of {} out of {} as a certificate for {} in height {} round {}; it needs {}",
                     node_name(record.node), vote_name(type), power, roster_.powers().total(record.height),
                     value_name(record.id()), record.height, record.round, quorum));
}

NodeSet CertifiedCommit::report_unsent(const NodeSet& signers, const Record& certified) {
  const auto type = static_cast<VoteType>(certified.detail);
  const Tally* votes = votes_.find(certified.height, certified.round, type, certified.id());
  NodeSet unsent = signers - roster_.corrupt();
  if (votes != nullptr) unsent = unsent - votes->voters;
  unsent.for_each([&](NodeId signer) {
    report(certified.at, {certified.node, signer},
           fmt::format("{} counted a {} of {} for {} in height {} round {} that was never sent",
                       node_name(certified.node), vote_name(type), node_name(signer), value_name(certified.id()),
                       certified.height, certified.round));
  });
  return unsent;
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
