// The votes of one (height, round, type): one a validator, with running sums of power. This is the hot path of a run,
// so adding a vote is a few loads and adds; the bodies are shared with everybody else who holds them.
//
// An equivocator's first vote counts. A second one for another value is kept, as proof and because somebody may have
// counted it: it counts as well once that value is claimed to have a quorum (by a proposal that refers to it). "Any"
// sums count each validator once.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "protocols/consensus/messages.hpp"
#include "protocols/types/committee.hpp"
#include "sim/net/message.hpp"

namespace seqlab::protocols {

class VoteSet {
 public:
  enum class Added : std::uint8_t {
    fresh,       ///< counted
    duplicate,   ///< nothing new
    conflict,    ///< another value than the first vote of this validator; kept if it is the first such
    recounted,   ///< a conflicting vote that counts because its value is claimed
  };

  /// @param message  a VoteMessage of this set's height, round and type, by the validator of `index`
  /// @param members  size of the committee
  Added add(std::uint32_t index, Power power, const MessagePtr& message, std::size_t members) {
    if (votes_.empty()) votes_.resize(members);
    MessagePtr& slot = votes_[index];
    const Vote& vote = vote_in(message);
    if (slot) return add_second(index, power, vote_in(slot), message);
    slot = message;
    any_ += power;
    ++count_;
    count_for(vote.block, power);
    return Added::fresh;
  }

  bool empty() const { return count_ == 0; }
  std::uint32_t count() const { return count_; }
  Power any() const { return any_; }                        ///< power of distinct voters
  Power power_for(BlockId block) const;                     ///< {} = nil
  /// Power of the value that was just voted for when `add` returned `fresh` or `recounted`.
  Power last_power() const { return last_power_; }
  /// A non-nil value with at least `quorum`, or {}. (More than one exists only above the fault bound.)
  BlockId majority(Power quorum) const;
  bool one_value_only() const { return others_.empty() && nil_ == 0; }

  const Vote* vote_of(std::uint32_t index) const {
    return index < votes_.size() && votes_[index] ? &vote_in(votes_[index]) : nullptr;
  }
  const MessagePtr& message_of(std::uint32_t index) const { return votes_[index]; }
  std::size_t slots() const { return votes_.size(); }  ///< members, or 0 while empty
  /// Conflicting votes that are kept: at most one a validator, sorted by index.
  const std::vector<std::pair<std::uint32_t, MessagePtr>>& seconds() const { return seconds_; }

  /// From now on conflicting votes for `block` count; those already here at once. Bounded by the caller.
  void claim(BlockId block, const Committee& committee);

  /// Calls f(index, message) for each vote that counts for `block`, in order of index.
  template <class F>
  void for_each_vote_for(BlockId block, F&& f) const {
    std::size_t second = 0;
    for (std::uint32_t i = 0; i < votes_.size(); ++i) {
      while (second < seconds_.size() && seconds_[second].first < i) ++second;
      if (votes_[i] && vote_in(votes_[i]).block == block) {
        f(i, votes_[i]);
      } else if (second < seconds_.size() && seconds_[second].first == i &&
                 vote_in(seconds_[second].second).block == block && is_claimed(block)) {
        f(i, seconds_[second].second);
      }
    }
  }
  /// Bit i: a vote of validator i is held.
  std::vector<std::uint64_t> bitmap() const;

  /// Empty again; keeps its memory.
  void clear();

  friend bool operator==(const VoteSet& a, const VoteSet& b);
  void hash_into(HashBuilder& h) const;

  static const Vote& vote_in(const MessagePtr& m) { return static_cast<const VoteMessage&>(*m).vote; }

 private:
  struct Tally {
    BlockId block;
    Power power = 0;
    friend bool operator==(const Tally&, const Tally&) = default;
  };

  void count_for(BlockId block, Power power) {
    Power* tally = &nil_;
    if (block) {
      if (!lead_.block) lead_.block = block;
      tally = block == lead_.block ? &lead_.power : other(block);
    }
    *tally += power;
    last_power_ = *tally;
  }
  Power* other(BlockId block);
  Added add_second(std::uint32_t index, Power power, const Vote& first, const MessagePtr& message);
  bool is_claimed(BlockId block) const;

  std::vector<MessagePtr> votes_;  // by index; empty until the first vote
  Power any_ = 0;
  Power nil_ = 0;
  Power last_power_ = 0;           // derived from the last call
  Tally lead_;                     // first value that anybody voted for
  std::uint32_t count_ = 0;
  std::vector<Tally> others_;
  std::vector<std::pair<std::uint32_t, MessagePtr>> seconds_;
  std::vector<BlockId> claimed_;
};

}  // namespace seqlab::protocols
