// Streamlet's decisions, each a pure function: no clock, no I/O, no draws. The handlers (streamlet.hpp) are written
// once over a `Rules` type; StreamletRules is the paper's. A test that needs one wrong decision derives from it and
// hides that function. Rule names S1 ... S4 are explained in NOTES.md.
#pragma once

#include <cstddef>

#include "protocols/consensus/streamlet/options.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// What a replica knows when it decides about its vote.
struct EpochVoteContext {
  Round epoch;                 ///< of the replica, by its clock
  Round proposal_epoch;
  Round voted_epoch;           ///< last epoch in which it voted, 0 if none
  bool parent_notarised;
  Height parent_height;
  Height longest_notarised;    ///< of all chains seen notarised
  Height longest_received;     ///< of all chains seen
};

struct StreamletRules {
  static Power quorum(const Committee& committee) { return committee.quorum(); }

  /// leader(e): a pure function of epoch and committee. @pre the committee has members, epoch >= 1
  static NodeId leader(EpochLeaders how, Round epoch, const Committee& committee);

  /// S2: the first proposal of the epoch, on the tip of one of the longest notarised chains, once an epoch.
  static bool may_vote(const EpochVoteContext& c) {
    return c.proposal_epoch == c.epoch && c.proposal_epoch > c.voted_epoch && c.parent_notarised &&
           c.parent_height >= c.longest_notarised;
  }

  /// S1: whether a block may become the parent of a proposal.
  static bool extends(bool notarised) { return notarised; }

  /// S4: three adjacent blocks, notarised in consecutive epochs; which of them (0, 1, 2) is final with all before it.
  static std::size_t final_of_three() { return 1; }

  /// Whether a statement waits for the log.
  static bool persist_before_send() { return true; }
  /// The last epoch in which the replica voted, from its log.
  static Round restore(Round voted_epoch) { return voted_epoch; }
};

}  // namespace seqlab::protocols
