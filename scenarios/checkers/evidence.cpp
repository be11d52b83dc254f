#include "scenarios/checkers/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocols/consensus/engine.hpp"
#include "scenarios/checkers/one_vote.hpp"

namespace seqlab::scenarios {

using protocols::MessageKind;
using sim::EvidenceKind;

void EvidenceChecker::on_record(const Record& record) {
  switch (record.kind) {
    case RecordKind::message_delivered:  // the hot one: every message of the run
      if (!statements_.empty()) on_delivered(record);
      return;
    case RecordKind::message_sent:
      // A statement is of the message sent right before it, and a twin's messages come from a machine of its own.
      if (roster_.corrupt(record.node)) {
        last_sent_ = record;
      } else {
        last_sent_.kind = RecordKind::note;
      }
      return;
    case RecordKind::message_rejected:
      on_rejected(record);
      return;
    default:
      break;
  }
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::voted:
      on_voted(record);
      break;
    case RecordKind::proposed:
      if (auto* blocks = proposals_.open(record.height, roster_)) {
        auto& mine = (*blocks)[{record.round, record.node}];
        if (std::find(mine.begin(), mine.end(), record.id()) == mine.end()) mine.push_back(record.id());
      }
      break;
    case RecordKind::evidence:
      if (roster_.honest(record.node)) on_evidence(record);
      break;
    case RecordKind::round_entered:
      if (roster_.honest(record.node)) {
        Witness& witness = witnesses_[record.node.value];
        if (witness.height != record.height) leave_height(witness, record.node, record.at);
        witness.height = record.height;
        witness.round = record.round;
      }
      break;
    case RecordKind::committed:
      if (corrupt_nodes_ && roster_.honest(record.node)) {
        leave_height(witnesses_[record.node.value], record.node, record.at);
        forget_finished();
      }
      break;
    case RecordKind::node_crashed:  // what it had seen is gone
      if (corrupt_nodes_ && roster_.honest(record.node)) witnesses_[record.node.value] = Witness{};
      break;
    default:
      break;
  }
}

void EvidenceChecker::on_voted(const Record& record) {
  votes_.add(roster_, record);
  const Record sent = std::exchange(last_sent_, Record{});
  if (!corrupt_nodes_ || !roster_.corrupt(record.node)) return;
  const auto type = static_cast<VoteType>(record.detail);
  const MessageKind carrier = type == VoteType::prevote ? MessageKind::prevote : MessageKind::precommit;
  if (sent.kind != RecordKind::message_sent || sent.node != record.node || sent.at != record.at ||
      sent.detail != static_cast<std::uint8_t>(carrier) || record.height <= roster_.floor() ||
      record.height > roster_.height_max() + VoteBook::ahead) {
    return;
  }
  const auto [at, fresh] =
      statements_.try_emplace(sent.a, Statement{record.node, record.height, record.round, type, record.id()});
  if (fresh) sequences_[record.height].push_back(sent.a);
}

void EvidenceChecker::on_delivered(const Record& record) {
  if (!roster_.honest(record.node) || !roster_.up(record.node)) return;
  const auto found = statements_.find(record.a);
  if (found == statements_.end()) return;
  const Statement& s = found->second;
  Witness& witness = witnesses_[record.node.value];
  if (witness.height != s.height || s.round > witness.round || roster_.height(record.node) >= s.height ||
      roster_.powers().of(s.offender, s.height) == 0) {
    return;
  }
  for (const Statement& other : witness.got) {
    if (other.offender != s.offender || other.round != s.round || other.type != s.type) continue;
    if (other.id != s.id) witness.offences.push_back(Offence{s.offender, s.height, s.round, s.type, record.at});
    return;
  }
  witness.got.push_back(s);
}

void EvidenceChecker::on_rejected(const Record& record) {
  if (!roster_.honest(record.node) || record.flags == static_cast<std::uint16_t>(protocols::Reject::equivocation))
    return;
  // Whatever the reason: the node may not have counted what it got.
  Witness& witness = witnesses_[record.node.value];
  const auto excused = [&](const auto& entry) {
    const MessageKind carrier = entry.type == VoteType::prevote ? MessageKind::prevote : MessageKind::precommit;
    return entry.height == record.height && entry.round == record.round &&
           record.detail == static_cast<std::uint8_t>(carrier);
  };
  std::erase_if(witness.got, excused);
  std::erase_if(witness.offences, excused);
}

void EvidenceChecker::leave_height(Witness& witness, NodeId node, SimTime at) {
  for (const Offence& offence : witness.offences) {
    const Case of{offence.height, offence.offender};
    if (at - offence.seen_at >= patience && reported_.count(of) == 0) owed_.try_emplace(of, node, offence);
  }
  witness = Witness{};
}

void EvidenceChecker::forget_finished() {
  const std::uint64_t floor = roster_.floor();
  while (!sequences_.empty() && sequences_.begin()->first <= floor) {
    for (const std::uint64_t sequence : sequences_.begin()->second) statements_.erase(sequence);
    sequences_.erase(sequences_.begin());
  }
  while (!reported_.empty() && reported_.begin()->first + VoteBook::ahead <= floor) reported_.erase(reported_.begin());
}

void EvidenceChecker::finish(SimTime end) {
  for (std::uint32_t i = 0; i < witnesses_.size(); ++i) leave_height(witnesses_[i], NodeId{i}, end);
  for (const auto& [of, who] : owed_) {
    const auto& [witness, offence] = who;
    report(offence.seen_at, {witness, offence.offender},
           fmt::format("{} got two different {}s of {} in height {} round {}, and nobody ever reported it",
                       node_name(witness), vote_name(offence.type), node_name(offence.offender), offence.height,
                       offence.round));
  }
}

void EvidenceChecker::on_evidence(const Record& record) {
  const NodeId offender = record.peer;
  reported_.emplace(record.height, offender);
  owed_.erase({record.height, offender});
  if (!roster_.reliable(offender)) return;
  bool guilty = false;
  const auto kind = static_cast<EvidenceKind>(record.detail);
  if (kind == EvidenceKind::double_vote) {
    for (const VoteType type : {VoteType::prevote, VoteType::precommit, VoteType::vote}) {
      const RoundVotes* votes = votes_.find(record.height, record.round, type);
      if (votes == nullptr) continue;
      const auto times = std::count_if(votes->tallies.begin(), votes->tallies.end(),
                                       [&](const auto& entry) { return entry.second.voters.contains(offender); });
      guilty = guilty || times > 1;
    }
  } else if (kind == EvidenceKind::double_proposal) {
    const auto* blocks = proposals_.find(record.height);
    if (blocks != nullptr) {
      const auto mine = blocks->find({record.round, offender});
      guilty = mine != blocks->end() && mine->second.size() > 1;
    }
  }
  if (guilty) return;  // then `one_vote` or `single_signer` has it
  static constexpr std::array<std::string_view, 4> names = {"a double vote", "a double proposal", "amnesia",
                                                            "conflicting certificates"};
  report(record.at, {record.node, offender},
         fmt::format("{} accuses {}, which is honest, of {} in height {} round {}", node_name(record.node),
                     node_name(offender), record.detail < names.size() ? names[record.detail] : "something",
                     record.height, record.round));
}

}  // namespace seqlab::scenarios
