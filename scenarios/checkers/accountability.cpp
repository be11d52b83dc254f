#include "scenarios/checkers/accountability.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "scenarios/checkers/one_vote.hpp"

namespace seqlab::scenarios {

void Accountability::on_record(const Record& record) {
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::validator:
      votes_.recount(roster_, record.height);
      break;
    case RecordKind::voted:
      // Once there is a dispute its height alone matters. Touching the book would drop it when all have finished it.
      if (wanted(record.height)) votes_.add(roster_, record);
      break;
    case RecordKind::certificate_signers:
      signers_.add(record);
      break;
    case RecordKind::certified:
      // A signature of a corrupt node that an honest one accepted was given, whether or not it was ever sent as a vote.
      if (const NodeSet* signers = signers_.of(record);
          signers != nullptr && roster_.honest(record.node) && wanted(record.height)) {
        votes_.add_all(roster_, *signers & roster_.corrupt(), record);
      }
      break;
    case RecordKind::committed: {
      if (disputed_ != 0 || !roster_.honest(record.node) ||
          static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final) {
        break;
      }
      Decided* decided =
          decided_.open(record.height, roster_.floor() == 0 ? 0 : roster_.floor() - 1, roster_.height_max());
      if (decided == nullptr) break;
      if (decided->node == no_node) {
        *decided = Decided{record.id(), record.node};
      } else if (decided->id != record.id()) {
        disputed_ = record.height;
        disputed_at_ = record.at;
        disputants_ = {decided->node, record.node};
      }
      break;
    }
    default:
      break;
  }
}

void Accountability::convict() {
  offences_.clear();
  const auto* votes = votes_.height(disputed_);
  if (votes == nullptr) return;
  std::map<NodeId, Offence> found;

  struct Precommit {
    std::uint32_t round;
    Hash128 id;
  };
  std::map<NodeId, std::vector<Precommit>> locks;
  for (const auto& [key, in_round] : *votes) {
    const std::uint32_t round = VoteBook::round_of(key);
    const VoteType type = VoteBook::type_of(key);
    std::map<NodeId, Hash128> said;
    for (const auto& [id, tally] : in_round.tallies) {
      for (const NodeId voter : tally.voters.list(roster_.size())) {
        const auto [before, fresh] = said.try_emplace(voter, id);
        if (!fresh && type != VoteType::timeout) {
          found.try_emplace(voter, Offence{voter, type, round, round, before->second, id});
        }
        if (type == VoteType::precommit && id) locks[voter].push_back(Precommit{round, id});
      }
    }
  }
  for (const auto& [key, in_round] : *votes) {
    if (VoteBook::type_of(key) != VoteType::prevote) continue;
    const std::uint32_t round = VoteBook::round_of(key);
    for (const auto& [id, tally] : in_round.tallies) {
      if (!id) continue;
      for (const NodeId voter : tally.voters.list(roster_.size())) {
        for (const Precommit& lock : locks[voter]) {
          if (lock.round >= round || lock.id == id) continue;
          if (votes_.polka_between(roster_, disputed_, id, lock.round, round)) continue;
          found.try_emplace(voter, Offence{voter, VoteType::none, lock.round, round, lock.id, id});
        }
      }
    }
  }
  for (const auto& [node, offence] : found) offences_.push_back(offence);
}

void Accountability::finish(SimTime) {
  if (disputed_ == 0) return;
  convict();
  Power power = 0;
  std::vector<NodeId> guilty;
  for (const Offence& o : offences_) {
    if (roster_.reliable(o.node)) {
      report(disputed_at_, {o.node},
             o.type == VoteType::none
                 ? fmt::format("the votes of height {} convict {}, which is honest: it precommitted {} in round {} and "
                               "prevoted {} in round {}",
                               disputed_, node_name(o.node), short_hex(o.first), o.round, short_hex(o.second),
                               o.later_round)
                 : fmt::format("the votes of height {} convict {}, which is honest: its {}s of round {} are {} and {}",
                               disputed_, node_name(o.node), vote_name(o.type), o.round, value_name(o.first),
                               value_name(o.second)));
      continue;
    }
    guilty.push_back(o.node);
    power += roster_.powers().of(o.node, disputed_);
  }
  const Power needed = roster_.powers().max_faulty(disputed_) + 1;
  if (power >= needed) return;
  const std::string who = guilty.empty() ? std::string{"nobody"} : "only " + node_names(guilty);
  report(disputed_at_, guilty,
         fmt::format("{} and {} committed different blocks at height {}, but the votes convict {} (power {} of {}; "
                     "at least {} must be guilty)",
                     node_name(disputants_[0]), node_name(disputants_[1]), disputed_, who, power,
                     roster_.powers().total(disputed_), needed));
}

std::vector<NodeId> Accountability::accused() const {
  std::vector<NodeId> out;
  for (const Offence& o : offences_) out.push_back(o.node);
  return out;
}

}  // namespace seqlab::scenarios
