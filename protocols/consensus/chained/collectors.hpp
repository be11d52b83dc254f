// Votes and timeouts on their way to certificates. A collector holds one round: a slot a member and a sum of power a
// value; a vote that completes nothing costs a few loads and adds and allocates nothing once the slots are there. A
// member counts once a round, for the first value that it signed; a second one is equivocation and handed back.
// `Rounds` keeps the few rounds that matter, sorted, and reuses the memory of those that are over.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "protocols/consensus/chained/messages.hpp"

namespace seqlab::protocols {

enum class Collected : std::uint8_t { counted, duplicate, conflict };

class VoteCollector {
 public:
  struct Tally {
    BlockId block{};
    Height height{};
    Epoch epoch{};
    Power power = 0;
    friend bool operator==(const Tally&, const Tally&) = default;
  };

  /// @pre the signature is good, `index` is the voter's, below `members`
  Collected add(std::uint32_t index, Power power, const Vote& vote, std::size_t members);
  /// Of the value that the last `add` named.
  const Tally& last() const { return tallies_[last_]; }
  Power power() const { return total_; }  ///< of all members that voted
  const std::vector<Tally>& tallies() const { return tallies_; }
  /// The vote of a member, type none if there is none.
  Vote vote_of(std::uint32_t index, NodeId voter) const;
  /// All signatures for `block`, at the height that most of the power named. @pre somebody voted for it
  QuorumCertPtr certificate(BlockId block, const Committee& committee) const;

  Round round{};
  void clear(Round next);
  friend bool operator==(const VoteCollector& a, const VoteCollector& b);
  void hash_into(HashBuilder& h) const;

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  struct Slot {
    Signature signature{};
    SimTime timestamp{};
    std::uint32_t tally = none;
    friend bool operator==(const Slot&, const Slot&) = default;
  };
  std::vector<Slot> slots_;
  std::vector<Tally> tallies_;
  std::uint32_t last_ = 0;
  Power total_ = 0;
};

/// Timeouts of one round, each with the QC that came along. A member's first timeout counts, later ones do not.
class TimeoutCollector {
 public:
  /// @pre signature and QC are good
  Collected add(std::uint32_t index, Power power, const Timeout& timeout, std::size_t members);
  Power power() const { return total_; }
  bool has(std::uint32_t index) const { return index < slots_.size() && slots_[index].voter != no_node; }
  /// All signatures so far, with the highest QC among those that came along. @pre not empty
  TimeoutCertPtr certificate(Epoch epoch) const;

  Round round{};
  void clear(Round next);
  friend bool operator==(const TimeoutCollector& a, const TimeoutCollector& b);
  void hash_into(HashBuilder& h) const;

 private:
  std::vector<TimeoutSignature> slots_;
  Power total_ = 0;
  Round high_round_ = no_round;
  QuorumCertPtr high_qc_;
};

template <class Collector>
class Rounds {
 public:
  /// The collector of `round`, made if need be. Valid until the next `open`.
  Collector& open(Round round) {
    auto at = position(round);
    if (at != live_.end() && at->round == round) return *at;
    Collector fresh;
    if (!spare_.empty()) {
      fresh = std::move(spare_.back());
      spare_.pop_back();
    }
    fresh.clear(round);
    return *live_.insert(at, std::move(fresh));
  }
  Collector* find(Round round) {
    auto at = position(round);
    return at != live_.end() && at->round == round ? &*at : nullptr;
  }
  void drop_below(Round round) {
    const auto end = position(round);
    for (auto c = live_.begin(); c != end; ++c) {
      if (spare_.size() < 4) spare_.push_back(std::move(*c));
    }
    live_.erase(live_.begin(), end);
  }
  void clear() { live_.clear(); }
  std::vector<Collector>& live() { return live_; }
  friend bool operator==(const Rounds& a, const Rounds& b) { return a.live_ == b.live_; }
  void hash_into(HashBuilder& h) const {
    h.add(live_.size());
    for (const Collector& c : live_) c.hash_into(h);
  }

 private:
  auto position(Round round) { return std::ranges::lower_bound(live_, round, {}, &Collector::round); }
  std::vector<Collector> live_;   // sorted by round
  std::vector<Collector> spare_;  // memory to use again; no part of the value
};

}  // namespace seqlab::protocols
