// Decisions that all chained engines of the HotStuff family share, each a pure function. An engine's rules derive from
// `ChainedRules` and say the rest: may_vote, lock_on, commits, commit_depth, and what its pacemaker does. The handlers
// (chained.hpp) are written once over a `Rules` type. A test that needs a replica with one wrong decision derives from
// an engine's rules, hides that one function, and instantiates the handlers with it:
//
//   struct NoConsecutiveRounds : JolteonRules {
//     static bool commits(std::span<const Round>) { return true; }
//   };
//   using Broken = BasicChained<NoConsecutiveRounds>;    // with chained_handlers.hpp included
#pragma once

#include <algorithm>
#include <span>

#include "protocols/consensus/chained/block_tree.hpp"
#include "protocols/consensus/chained/certificates.hpp"
#include "protocols/consensus/chained/options.hpp"
#include "protocols/consensus/chained/safety_record.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// A certified block, as locks see it.
struct Certified {
  Round round{};
  BlockId block{};
};

/// What a replica knows of a proposal when it decides about its vote.
struct VoteContext {
  Round round{};                    ///< of the proposal
  Round justify_round{};            ///< of the certificate that its block carries for its parent
  Round tc_round = no_round;        ///< of the TC that came along
  Round tc_high_round = no_round;   ///< highest QC round that a signer of it signed
  bool extends_lock = false;        ///< the block descends from the locked one
};

struct ChainedRules {
  /// Least power that is "2f + 1" and "f + 1".
  static Power quorum(const Committee& committee) { return committee.quorum(); }
  static Power validity(const Committee& committee) { return committee.validity(); }

  static Reject check_quorum_cert(const QuorumCert& cert, const Committee& committee, Power quorum,
                                  Signatures& signatures) {
    return protocols::check_quorum_cert(cert, committee, quorum, signatures);
  }
  static Reject check_timeout_cert(const TimeoutCert& cert, const Committee& committee, Power quorum,
                                   Signatures& signatures) {
    return protocols::check_timeout_cert(cert, committee, quorum, signatures);
  }
  /// Votes and certificates of another epoch do not count: their block's branch was abandoned with it.
  static bool counts(Epoch signed_in, Epoch current) { return signed_in == current; }
  /// Highest QC round that a TC vouches for: over what its signers signed, not of what came along (J7).
  static Round high_round_of(const TimeoutCert& cert, Round /*attached*/) { return highest_signed_round(cert); }

  /// The round of a proposal is open: the round before was certified or timed out (J3).
  static bool justified(const VoteContext& c) {
    return c.justify_round == previous(c.round) || c.tc_round == previous(c.round);
  }
  /// The certificate that a leader builds on: the highest that it knows.
  static QuorumCertPtr proposal_parent(const QuorumCertPtr& high_qc, const BlockTree& /*above the committed head*/) {
    return high_qc;
  }

  /// After voting in `round`, or giving it up, a replica does not vote in it any more.
  static SafetyState after_vote(SafetyState s, Round round) {
    s.voted = std::max(s.voted, round);
    return s;
  }
  static SafetyState after_timeout(SafetyState s, Round round) {
    s.voted = std::max(s.voted, round);
    s.timed_out = std::max(s.timed_out, round);
    return s;
  }
  /// Whether a statement waits for its record to be durable.
  static bool persist_before_send(ChainedStatement) { return true; }
  /// What a restarted replica goes on from: the newest record has it all.
  static SafetyState restore(std::span<const ChainedRecord> records) {
    return records.empty() ? SafetyState{} : records.back().safety;
  }

  /// Rounds are opened by certificates; a replica tells everybody when it gives one up. If true: it tells the next
  /// leader alone and enters the next round by itself.
  template <class Options>
  static bool sends_new_view(const Options&) {
    return false;
  }
  /// How long a leader waits for higher certificates before it proposes in a round that a TC opened.
  template <class Options>
  static Duration leader_wait(const Options&) {
    return Duration{};
  }
};

}  // namespace seqlab::protocols
