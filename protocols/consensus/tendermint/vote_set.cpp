#include "protocols/consensus/tendermint/vote_set.hpp"

#include <algorithm>

namespace seqlab::protocols {

Power VoteSet::power_for(BlockId block) const {
  if (!block) return nil_;
  if (block == lead_.block) return lead_.power;
  for (const Tally& t : others_) {
    if (t.block == block) return t.power;
  }
  return 0;
}

BlockId VoteSet::majority(Power quorum) const {
  if (lead_.power >= quorum && lead_.block) return lead_.block;
  for (const Tally& t : others_) {
    if (t.power >= quorum) return t.block;
  }
  return {};
}

Power* VoteSet::other(BlockId block) {
  for (Tally& t : others_) {
    if (t.block == block) return &t.power;
  }
  others_.push_back(Tally{block, 0});
  return &others_.back().power;
}

VoteSet::Added VoteSet::add_second(std::uint32_t index, Power power, const Vote& first, const MessagePtr& message) {
  const Vote& vote = vote_in(message);
  if (first.block == vote.block) return Added::duplicate;
  const auto at = std::ranges::lower_bound(seconds_, index, {}, [](const auto& s) { return s.first; });
  const bool held = at != seconds_.end() && at->first == index;
  const bool claimed = is_claimed(vote.block);
  if (held) {
    const BlockId kept = vote_in(at->second).block;
    if (kept == vote.block) return Added::duplicate;
    if (!claimed || is_claimed(kept)) return Added::conflict;  // one is enough as proof
    at->second = message;
  } else {
    seconds_.insert(at, {index, message});
  }
  if (!claimed) return Added::conflict;
  count_for(vote.block, power);
  return Added::recounted;
}

bool VoteSet::is_claimed(BlockId block) const { return std::ranges::find(claimed_, block) != claimed_.end(); }

void VoteSet::claim(BlockId block, const Committee& committee) {
  if (!block || is_claimed(block)) return;
  claimed_.push_back(block);
  for (const auto& [index, message] : seconds_) {
    if (vote_in(message).block == block) count_for(block, committee[index].power);
  }
}

std::vector<std::uint64_t> VoteSet::bitmap() const {
  std::vector<std::uint64_t> bits((votes_.size() + 63) / 64);
  for (std::size_t i = 0; i < votes_.size(); ++i) {
    if (votes_[i]) bits[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return bits;
}

void VoteSet::clear() {
  votes_.clear();
  any_ = nil_ = last_power_ = 0;
  lead_ = {};
  count_ = 0;
  others_.clear();
  seconds_.clear();
  claimed_.clear();
}

bool operator==(const VoteSet& a, const VoteSet& b) {
  const auto same = [](const MessagePtr& x, const MessagePtr& y) {
    if (x.get() == y.get()) return true;
    return x && y && VoteSet::vote_in(x) == VoteSet::vote_in(y);
  };
  const auto same_second = [&](const auto& x, const auto& y) { return x.first == y.first && same(x.second, y.second); };
  return a.any_ == b.any_ && a.nil_ == b.nil_ && a.lead_ == b.lead_ && a.others_ == b.others_ &&
         a.claimed_ == b.claimed_ && std::ranges::equal(a.votes_, b.votes_, same) &&
         std::ranges::equal(a.seconds_, b.seconds_, same_second);
}

void VoteSet::hash_into(HashBuilder& h) const {
  h.add(votes_.size()).add(any_).add(nil_).add(lead_.block).add(lead_.power).add(others_.size());
  for (const Tally& t : others_) h.add(t.block).add(t.power);
  h.add(count_);
  for (std::uint32_t i = 0; i < votes_.size(); ++i) {
    if (!votes_[i]) continue;
    h.add(i);
    vote_in(votes_[i]).hash_into(h);
  }
  h.add(seconds_.size());
  for (const auto& [index, message] : seconds_) {
    h.add(index);
    vote_in(message).hash_into(h);
  }
  h.add(claimed_.size());
  for (const BlockId& b : claimed_) h.add(b);
}

}  // namespace seqlab::protocols
