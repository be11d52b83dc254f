#include "scenarios/checkers/lock_rule.hpp"

#include <fmt/format.h>

#include "scenarios/checkers/one_vote.hpp"

namespace seqlab::scenarios {

void LockRule::on_record(const Record& record) {
  if (record.kind == RecordKind::certificate_signers) return signers_.add(record);
  if (record.kind == RecordKind::certified) {
    const NodeSet* signers = signers_.of(record);
    if (signers != nullptr && roster_.honest(record.node)) {
      votes_.add_all(roster_, *signers & roster_.corrupt(), record);
    }
    return;
  }
  roster_.observe(record);
  if (record.kind == RecordKind::validator) return votes_.recount(roster_, record.height);
  if (record.kind != RecordKind::voted) return;
  const VoteBook::Added added = votes_.add(roster_, record);
  if (added == VoteBook::Added::ignored || added == VoteBook::Added::repeated) return;
  if (!roster_.reliable(record.node) || !record.id()) return;  // nil is always allowed

  if (static_cast<VoteType>(record.detail) == VoteType::precommit) {
    const Power power = votes_.power(record.height, record.round, VoteType::prevote, record.id());
    if (power < roster_.powers().quorum(record.height)) {
      report(record.at, {record.node},
             fmt::format("{} precommitted {} in height {} round {}, where it has prevotes of {} out of {} only",
                         node_name(record.node), short_hex(record.id()), record.height, record.round, power,
                         roster_.powers().total(record.height)));
    }
    if (auto* list = precommits_.open(record.height, roster_)) {
      list->push_back(Precommit{record.node, record.round, record.id()});
    }
    return;
  }

  if (static_cast<VoteType>(record.detail) != VoteType::prevote || record.round == 0) return;
  const auto* list = precommits_.find(record.height);
  if (list == nullptr) return;
  for (const Precommit& lock : *list) {
    if (lock.node != record.node || lock.round >= record.round || lock.id == record.id()) continue;
    if (votes_.polka_between(roster_, record.height, record.id(), lock.round, record.round)) continue;
    report(record.at, {record.node},
           fmt::format("{} precommitted {} in height {} round {} and prevoted {} in round {} without a polka for it "
                       "in between",
                       node_name(record.node), short_hex(lock.id), record.height, lock.round, short_hex(record.id()),
                       record.round));
    return;
  }
}

}  // namespace seqlab::scenarios
