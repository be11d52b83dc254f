#include "scenarios/checkers/vote_book.hpp"

#include <algorithm>

namespace seqlab::scenarios {

VoteBook::Added VoteBook::add(const Roster& roster, NodeId node, std::uint64_t height, std::uint32_t round,
                              VoteType type, Hash128 id) {
  if (!roster.knows(node)) return Added::ignored;
  Height* votes = heights_.open(height, roster);
  if (votes == nullptr) return Added::ignored;

  RoundVotes& in_round = (*votes)[key(round, type)];
  Tally& tally = in_round.tallies[id];
  if (tally.voters.contains(node)) return Added::repeated;
  tally.voters.insert(node);
  tally.power += roster.powers().of(node, height);
  if (in_round.voters.contains(node)) return Added::conflicting;
  in_round.voters.insert(node);
  return Added::first;
}

void VoteBook::recount(const Roster& roster, std::uint64_t height) {
  for (std::uint64_t h = std::max(height, heights_.base() + 1); h <= heights_.base() + heights_.size(); ++h) {
    for (auto& [key, in_round] : *heights_.find(h)) {
      for (auto& [id, tally] : in_round.tallies) {
        tally.power = 0;
        for (const NodeId voter : tally.voters.list(roster.size())) tally.power += roster.powers().of(voter, h);
      }
    }
  }
}

const RoundVotes* VoteBook::find(std::uint64_t height, std::uint32_t round, VoteType type) const {
  const Height* votes = heights_.find(height);
  if (votes == nullptr) return nullptr;
  const auto found = votes->find(key(round, type));
  return found == votes->end() ? nullptr : &found->second;
}

const Tally* VoteBook::find(std::uint64_t height, std::uint32_t round, VoteType type, Hash128 id) const {
  const RoundVotes* votes = find(height, round, type);
  if (votes == nullptr) return nullptr;
  const auto found = votes->tallies.find(id);
  return found == votes->tallies.end() ? nullptr : &found->second;
}

const Hash128* VoteBook::other(NodeId node, std::uint64_t height, std::uint32_t round, VoteType type,
                               Hash128 id) const {
  const RoundVotes* votes = find(height, round, type);
  if (votes == nullptr || !votes->voters.contains(node)) return nullptr;
  for (const auto& [voted, tally] : votes->tallies) {
    if (voted != id && tally.voters.contains(node)) return &voted;
  }
  return nullptr;
}

bool VoteBook::polka_between(const Roster& roster, std::uint64_t height, Hash128 id, std::uint32_t from,
                             std::uint32_t before) const {
  const Height* votes = heights_.find(height);
  if (votes == nullptr || from >= before) return false;
  const Power quorum = roster.powers().quorum(height);
  for (auto at = votes->lower_bound(key(from, VoteType::none)); at != votes->end() && round_of(at->first) < before;
       ++at) {
    if (type_of(at->first) != VoteType::prevote) continue;
    const auto tally = at->second.tallies.find(id);
    if (tally != at->second.tallies.end() && tally->second.power >= quorum) return true;
  }
  return false;
}

}  // namespace seqlab::scenarios
