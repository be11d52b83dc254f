// Who leads a round. A function of the epoch's committee, the round and (reputation) of what has been committed up to
// some rounds before, so that all replicas that know these commits agree.
//
// Reputation, after DiemBFT: look at the last `window` committed blocks of rounds up to r - lag; members that proposed
// one of them or signed the certificate of one weigh `active`, all others `inactive`; the leader of round r is drawn
// with these weights times the power from a hash of (epoch's committee, r). Replicas that know different commits may
// name different leaders for a while: that costs rounds, never safety.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/consensus/chained/options.hpp"
#include "protocols/consensus/tendermint/proposer_priority.hpp"
#include "protocols/types/block.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

class LeaderSchedule {
 public:
  /// A new epoch, whose first round is `first`.
  void start_epoch(const Committee& committee, Round first, const LeaderOptions& options);
  /// Leader of `round`, at least the epoch's first. `stake` walks there from the last round asked for.
  NodeId leader(Round round);
  /// In height order. `cert` certifies the block.
  void on_committed(const Block& block, const Commit& cert);

  friend bool operator==(const LeaderSchedule& a, const LeaderSchedule& b);
  void hash_into(HashBuilder& h) const;

 private:
  struct Past {
    Round round{};
    NodeId proposer{};
    std::vector<NodeId> voters{};
    friend bool operator==(const Past&, const Past&) = default;
  };
  NodeId by_priority(std::uint64_t step);
  NodeId by_reputation(Round round) const;

  LeaderOptions options_;
  Committee committee_;
  Round first_{1};
  std::vector<Past> past_;       // reputation only, oldest first
  // stake only: a cache, no part of the value
  ProposerPriority priority_;
  std::uint64_t at_ = 0;
};

}  // namespace seqlab::protocols
