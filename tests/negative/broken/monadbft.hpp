// MonadBFT with one wrong decision each.
#pragma once

#include <memory>
#include <utility>

#include "protocols/consensus/engines.hpp"
#include "protocols/consensus/monadbft/monadbft_handlers.hpp"

namespace seqlab::tests::broken {

using namespace seqlab::protocols;

/// A leader that lacks the tip's block builds another one at once, and everybody takes it.
struct NeedsNoEndorsement : MonadRules {
  static LeaderMove leader_move(bool names_tip, bool tip_usable, bool) {
    return names_tip && tip_usable ? LeaderMove::propose_again : LeaderMove::fresh;
  }
  static Reject well_formed_tip(const TipShape& t) {
    const bool excused = t.block_round == next(t.qc_round) || t.has_no_tip || t.has_nec;
    return excused ? MonadRules::well_formed_tip(t) : Reject::none;
  }
  static Reject well_formed(const ProposalShape& p) {
    const bool excused = p.tip.block_round == next(p.tip.qc_round) || p.tip.has_no_tip || p.tip.has_nec;
    return excused ? MonadRules::well_formed(p) : Reject::none;
  }
};

/// The first certificate counts as the last word.
struct FinalAtOnce : MonadRules {
  static constexpr std::uint32_t commit_depth = 0;
  static bool commits(std::span<const Round>) { return true; }
};

/// Blocks are told of speculatively in whatever round they are certified.
struct SpeculatesOnReproposals : MonadRules {
  static bool speculates(Round, Round) { return true; }
};

/// Z19: signers of a TC are summed up over its groups, without a look at who they are.
struct CountsSignersTwice : MonadRules {
  static Reject check_timeout_groups(const MonadTimeoutCert& cert, const Committee& committee, Power quorum) {
    Power power = 0;
    for (const TimeoutGroup& g : cert.groups) {
      for (const SignerSignature& s : g.signers) power += committee.power_of(s.voter);
    }
    return power < quorum ? Reject::bad_certificate : Reject::none;
  }
};

/// Z03: after a restart the own votes are known, the tip is not.
struct TipNotRestored : MonadRules {
  static MonadRecord restore(std::span<const MonadRecord> records) {
    MonadRecord last = MonadRules::restore(records);
    last.high_tip = nullptr;
    return last;
  }
};

/// After a TC that names a tip any block will do; leaders take their chance.
struct AcceptsAnotherBlock : NeedsNoEndorsement {
  static LeaderMove leader_move(bool, bool, bool) { return LeaderMove::fresh; }
};

/// Z37: what is said is written down later.
struct MonadVoteNotDurable : MonadRules {
  static bool persist_before_send(MonadStatement) { return false; }
};

/// As the list of engines makes it, but with these decisions.
template <class Rules>
std::unique_ptr<Engine> make_monadbft(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  using Core = BasicMonadBft<Rules>;
  MonadBftOptions o = p.monadbft;
  o.leader.fixed = p.leaders;
  return std::make_unique<EngineOf<Core>>(Core{self, std::move(o)});
}

}  // namespace seqlab::tests::broken
