// Chained engines with one wrong decision each, and corrupt leaders that need more than a script. The numbers are those
// of the bug collection that the names come from.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "protocols/consensus/certificates.hpp"
#include "protocols/consensus/chained/chained_handlers.hpp"
#include "protocols/consensus/engines.hpp"
#include "protocols/consensus/hotstuff/hotstuff.hpp"
#include "protocols/consensus/jolteon/jolteon.hpp"
#include "tests/negative/broken/engines.hpp"

namespace seqlab::tests::broken {

/// Z13: two certificates in a row commit, whatever their rounds.
struct CommitsAcrossRounds : JolteonRules {
  static bool commits(std::span<const Round>) { return true; }
};

/// Z15: safeNode without its liveness branch.
struct NeverLeavesLock : HotStuffRules {
  static bool may_vote(const SafetyState& s, const VoteContext& c) { return c.round > s.voted && c.extends_lock; }
};

/// A HotStuff vote that does not look at the lock.
struct HotStuffIgnoresLock : HotStuffRules {
  static bool may_vote(const SafetyState& s, const VoteContext& c) { return c.round > s.voted; }
};

/// A Jolteon vote after a TC that does not look at the certificate that the block builds on.
struct JolteonIgnoresTc : JolteonRules {
  static bool may_vote(const SafetyState& s, const VoteContext& c) { return c.round > s.voted; }
};

/// Z19: signatures are counted, signers are not.
struct CountsSignatures : JolteonRules {
  static Reject check_quorum_cert(const QuorumCert& cert, const Committee& committee, Power quorum,
                                  Signatures& signatures) {
    Power power = 0;
    for (const CommitSignature& s : cert.signatures) {
      power += committee.power_of(s.voter);
      if (!signatures.verify(s.voter.value, vote_of(cert, s).signed_digest(), s.signature)) {
        return Reject::bad_signature;
      }
    }
    return power >= quorum ? Reject::none : Reject::bad_certificate;
  }
};

/// Z36: "2f + 1" with f = (n - 1) / 3, where n is not 3f + 1.
struct ChainedQuorumOffByOne : JolteonRules {
  static Power quorum(const Committee& committee) { return 2 * committee.max_faulty() + 1; }
};

/// Z37: what is said is written down later.
struct ChainedVoteNotDurable : JolteonRules {
  static bool persist_before_send(ChainedStatement) { return false; }
};

/// Z03: the last voted round is not restored.
struct ForgetsVotedRound : JolteonRules {
  static SafetyState restore(std::span<const ChainedRecord> records) {
    SafetyState s = JolteonRules::restore(records);
    s.voted = Round{0};
    return s;
  }
};

/// A certificate is what its signers make it, whichever epoch they signed it in.
template <class Base>
struct CountsOtherEpochs : Base {
  static bool counts(Epoch, Epoch) { return true; }
};

/// J7: believes the certificate that came with a TC, not what its signers signed.
struct TrustsAttachedQc : JolteonRules {
  static Round high_round_of(const TimeoutCert&, Round attached) { return attached; }
};

/// Z16: a HotStuff-2 leader that does not wait for the locks of the others.
struct DoesNotWait : HotStuff2Rules {
  static Duration leader_wait(const Options&) { return Duration{}; }
};

/// A HotStuff-2 vote that does not look at the lock.
struct HotStuff2IgnoresLock : HotStuff2Rules {
  static bool may_vote(const SafetyState& s, const VoteContext& c) { return c.round > s.voted; }
};

inline HotStuffOptions chained_options(const HotStuffRules*, const EngineParameters& p) {
  HotStuffOptions o = p.hotstuff;
  o.chained.leader.fixed = p.leaders;
  return o;
}
inline JolteonOptions chained_options(const JolteonRules*, const EngineParameters& p) {
  JolteonOptions o = p.jolteon;
  o.chained.leader.fixed = p.leaders;
  return o;
}

/// As the list of engines makes them, but with these decisions.
template <class Rules>
std::unique_ptr<Engine> make_chained(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  using Core = BasicChained<Rules>;
  const Rules* tag = nullptr;
  return std::make_unique<EngineOf<Core>>(Core{self, chained_options(tag, p)});
}

// ---- corrupt leaders ------------------------------------------------------------------------------------------------

/// `back` certificates below the highest, or as far as the tree goes.
inline QuorumCertPtr older(const QuorumCertPtr& high_qc, const BlockTree& tree, std::uint32_t back) {
  QuorumCertPtr qc = high_qc;
  for (std::uint32_t i = 0; i < back; ++i) {
    const BlockPtr block = tree.block(qc->block);
    if (block == nullptr) break;
    qc = parent_cert(block);
  }
  return qc;
}

/// Z26: builds on an ancestor instead of what it got the votes for.
template <class Base, std::uint32_t back>
struct Forks : Base {
  static QuorumCertPtr proposal_parent(const QuorumCertPtr& high_qc, const BlockTree& tree) {
    return older(high_qc, tree, back);
  }
  static bool may_vote(const SafetyState& s, const VoteContext& c) { return c.round > s.voted; }
};

/// Changes the proposals that leave the node and signs them again.
inline RewritingEngine::Rewrite change_proposals(std::function<void(Block& block, TimeoutCertPtr& tc)> change) {
  return [change = std::move(change)](Effect&& effect, const EngineView& view, Outbox& out) {
    auto* broadcast = std::get_if<effect::Broadcast>(&effect);
    if (broadcast != nullptr) {
      const auto* body = dynamic_cast<const ChainedProposalMessage*>(broadcast->message.get());
      if (body != nullptr && body->author == view.self) {
        Block block = *body->proposal.block;
        TimeoutCertPtr tc = body->tc;
        change(block, tc);
        block.bytes = block.compute_bytes();
        block.id = block.compute_id();
        Proposal p = body->proposal;
        p.block = std::make_shared<const Block>(std::move(block));
        p.signature = view.signatures.sign(view.self.value, p.signed_digest());
        broadcast->message = out.make<ChainedProposalMessage>(body->epoch, std::move(p), tc, body->committed);
      }
    }
    out.add(std::move(effect));
  };
}

}  // namespace seqlab::tests::broken
