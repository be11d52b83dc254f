// MonadBFT's decisions, each a pure function: no clock, no I/O, no draws. The handlers (monadbft.hpp) are written once
// over a `Rules` type; `MonadRules` is the honest one. A test that needs a replica with one wrong decision derives from
// it and hides that function. Rule names B1 ... B16 are explained in NOTES.md.
//
// Rounds of QCs are ranks: the certificate of an epoch's base counts as one of the round before the epoch's first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/consensus/monadbft/certificates.hpp"
#include "protocols/consensus/monadbft/safety_record.hpp"

namespace seqlab::protocols {

/// The rounds of a tip: of its block, of the QC that the block carries, and of the certificate that excuses a gap.
struct TipShape {
  Round block_round{};
  Round qc_round{};
  bool has_nec = false;
  Round nec_round{};
  Round nec_tip_qc_round{};
  bool has_no_tip = false;
  Round no_tip_round{};
  bool no_tip_names_qc = false;  ///< and not a tip
  Round no_tip_qc_round{};
};

/// A proposal and the TC that came with it.
struct ProposalShape {
  Round round{};
  BlockId block{};
  TipShape tip;
  bool has_tc = false;
  Round tc_round{};
  BlockId tc_tip{};        ///< block of the tip that the TC names, {} if it names a QC
  Round tc_qc_round{};     ///< of the QC that it names, or on which its tip stands
};

enum class LeaderMove : std::uint8_t {
  fresh,      ///< build a new block on the QC that the TC names or on which its tip stands
  propose_again,
  recover     ///< ask for the block and for no-endorsements
};

/// What a replica asked for a no-endorsement knows.
struct RecoveryContext {
  Round round{};
  BlockId tip{};            ///< block of the tip that the TC names, {} if it names a QC
  BlockId own_tip{};        ///< of the own high tip
  bool has_block = false;   ///< available, its ancestors too, and not invalid
};

struct MonadRules {
  static constexpr std::uint32_t commit_depth = 1;

  static Power quorum(const Committee& committee) { return committee.quorum(); }
  /// Timeouts of so much power make a replica give up the round: conservative, floor(S / 3) + 1.
  static Power join(const Committee& committee) { return committee.total() / 3 + 1; }
  static Reject check_quorum_cert(const QuorumCert& cert, const Committee& committee, Power quorum,
                                  Signatures& signatures) {
    return protocols::check_quorum_cert(cert, committee, quorum, signatures);
  }
  /// Votes and certificates of another epoch do not count: their block's branch was abandoned with it.
  static bool counts(Epoch signed_in, Epoch current) { return signed_in == current; }
  static Reject check_timeout_groups(const MonadTimeoutCert& cert, const Committee& committee, Power quorum) {
    return protocols::check_timeout_groups(cert, committee, quorum);
  }

  /// B14: the certificate of round k certifies a block whose own certificate is of round k - 1.
  static bool commits(std::span<const Round> rounds) { return rounds[0] == next(rounds[1]); }
  /// B13, for blocks certified in their own round; see NOTES.md.
  static bool speculates(Round qc_round, Round block_round) { return qc_round == block_round; }

  /// B3. @return none, malformed (a tip that cannot stand) or bad_certificate (the round's reason does not fit)
  static Reject well_formed(const ProposalShape& p);
  static Reject well_formed_tip(const TipShape& tip);

  /// B4. @param tc_tip  block of the tip named by the TC that came with the proposal, {} if none
  static bool may_vote(const MonadSafety& safety, Round round, BlockId tc_tip);
  /// B4, B1: a tip is kept while it is newer than the highest QC.
  static bool keeps_tip(Round block_round, Round high_qc_round) { return block_round > high_qc_round; }
  /// B7: whether a replica that gives up `round` votes for its high tip in it.
  static bool votes_for_tip(const MonadSafety& safety, Round round, Round tip_block_round);
  /// B9.
  static bool may_propose(const MonadSafety& safety, Round round);
  static LeaderMove leader_move(bool names_tip, bool tip_usable, bool has_nec);
  /// B10.
  static bool sends_no_endorsement(const MonadSafety& safety, const RecoveryContext& c);

  /// Whether a statement waits for its record to be durable.
  static bool persist_before_send(MonadStatement) { return true; }
  /// What to go on from after a restart: the newest record. @pre not empty
  static MonadRecord restore(std::span<const MonadRecord> records);
};

}  // namespace seqlab::protocols
