#include "scenarios/checkers/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace seqlab::scenarios {

using sim::EvidenceKind;

void EvidenceChecker::on_record(const Record& record) {
  roster_.observe(record);
  if (record.kind == RecordKind::voted) {
    votes_.add(roster_, record);
  } else if (record.kind == RecordKind::proposed) {
    if (auto* blocks = proposals_.open(record.height, roster_)) {
      auto& mine = (*blocks)[{record.round, record.node}];
      if (std::find(mine.begin(), mine.end(), record.id()) == mine.end()) mine.push_back(record.id());
    }
  } else if (record.kind == RecordKind::evidence) {
    if (roster_.honest(record.node)) on_evidence(record);
  }
}

void EvidenceChecker::on_evidence(const Record& record) {
  const NodeId offender = record.peer;
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
