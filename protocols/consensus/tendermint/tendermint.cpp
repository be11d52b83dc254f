#include "protocols/consensus/tendermint/tendermint.hpp"

#include "protocols/consensus/tendermint/tendermint_handlers.hpp"

namespace seqlab::protocols {

void hash_content(const MessagePtr& message, HashBuilder& h) {
  h.add(message.get() != nullptr);
  if (!message) return;
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  h.add(any.kind);
  if (any.message_kind() == MessageKind::proposal) {
    const Proposal& p = static_cast<const ProposalMessage&>(any).proposal;
    h.add(p.height).add(p.round).add(p.valid_round).add(p.block != nullptr ? p.block->id : BlockId{});
    h.add(p.proposer).add(ns(p.timestamp)).add(p.signature.handle);
  } else {
    static_cast<const VoteMessage&>(any).vote.hash_into(h);
  }
}

bool same_content(const MessagePtr& a, const MessagePtr& b) {
  if (a.get() == b.get()) return true;
  if (!a || !b || a->kind != b->kind) return false;
  if (static_cast<const ConsensusMessage&>(*a).message_kind() != MessageKind::proposal) {
    return VoteSet::vote_in(a) == VoteSet::vote_in(b);
  }
  const Proposal& p = static_cast<const ProposalMessage&>(*a).proposal;
  const Proposal& q = static_cast<const ProposalMessage&>(*b).proposal;
  const auto id_of = [](const Proposal& x) { return x.block != nullptr ? x.block->id : BlockId{}; };
  return p.height == q.height && p.round == q.round && p.valid_round == q.valid_round && id_of(p) == id_of(q) &&
         p.proposer == q.proposer && p.timestamp == q.timestamp && p.signature == q.signature;
}

void RoundState::clear() {
  prevotes.clear();
  precommits.clear();
  proposal = {};
  round = Round{0};
  acceptable = timely = polka_handled = prevote_timer = precommit_timer = double_proposal = false;
}

bool operator==(const RoundState& a, const RoundState& b) {
  return a.round == b.round && a.prevotes == b.prevotes && a.precommits == b.precommits &&
         same_content(a.proposal, b.proposal) && a.acceptable == b.acceptable && a.timely == b.timely &&
         a.polka_handled == b.polka_handled && a.prevote_timer == b.prevote_timer &&
         a.precommit_timer == b.precommit_timer && a.double_proposal == b.double_proposal;
}

void RoundState::hash_into(HashBuilder& h) const {
  h.add(round);
  prevotes.hash_into(h);
  precommits.hash_into(h);
  hash_content(proposal, h);
  h.add(acceptable).add(timely).add(polka_handled).add(prevote_timer).add(precommit_timer).add(double_proposal);
}

template class BasicTendermint<PaperRules>;

}  // namespace seqlab::protocols
