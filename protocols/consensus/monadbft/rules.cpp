#include "protocols/consensus/monadbft/rules.hpp"

#include <algorithm>

namespace seqlab::protocols {

Reject MonadRules::well_formed_tip(const TipShape& t) {
  if (t.block_round <= t.qc_round || (t.has_nec && t.has_no_tip)) return Reject::malformed;
  const bool follows = t.block_round == next(t.qc_round);
  if (follows != (!t.has_nec && !t.has_no_tip)) return Reject::malformed;
  if (t.has_nec && (t.nec_round != t.block_round || t.nec_tip_qc_round != t.qc_round)) return Reject::malformed;
  const bool no_tip_fits =
      t.no_tip_names_qc && next(t.no_tip_round) == t.block_round && t.no_tip_qc_round == t.qc_round;
  return t.has_no_tip && !no_tip_fits ? Reject::malformed : Reject::none;
}

Reject MonadRules::well_formed(const ProposalShape& p) {
  if (const Reject why = well_formed_tip(p.tip); why != Reject::none) return why;
  const bool fresh = p.round == p.tip.block_round;
  if (p.round < p.tip.block_round) return Reject::malformed;
  if (!p.has_tc) return fresh && p.round == next(p.tip.qc_round) ? Reject::none : Reject::bad_certificate;
  if (next(p.tc_round) != p.round) return Reject::bad_certificate;
  if (!p.tc_tip) {
    return fresh && p.tip.qc_round == p.tc_qc_round && p.tip.has_no_tip ? Reject::none : Reject::bad_certificate;
  }
  if (!fresh) return p.block == p.tc_tip ? Reject::none : Reject::bad_certificate;
  return p.tip.qc_round == p.tc_qc_round && p.tip.has_nec ? Reject::none : Reject::bad_certificate;
}

bool MonadRules::may_vote(const MonadSafety& safety, Round round, BlockId tc_tip) {
  return round > safety.voted && (round != safety.refused || tc_tip == safety.refused_tip);
}

bool MonadRules::votes_for_tip(const MonadSafety& safety, Round round, Round tip_block_round) {
  return safety.refused < round || tip_block_round == round;
}

bool MonadRules::may_propose(const MonadSafety& safety, Round round) {
  return round > safety.proposed && round > safety.voted;
}

LeaderMove MonadRules::leader_move(bool names_tip, bool tip_usable, bool has_nec) {
  if (!names_tip) return LeaderMove::fresh;
  if (tip_usable) return LeaderMove::propose_again;
  return has_nec ? LeaderMove::fresh : LeaderMove::recover;
}

bool MonadRules::sends_no_endorsement(const MonadSafety& safety, const RecoveryContext& c) {
  if (!c.tip || c.has_block || c.tip == c.own_tip) return false;
  return c.round > std::max(safety.refused, safety.voted);
}

MonadRecord MonadRules::restore(std::span<const MonadRecord> records) { return records.back(); }

}  // namespace seqlab::protocols
