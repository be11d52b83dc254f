// A proposal that is its author's vote for the block: Streamlet's proposal, PBFT's pre-prepare. One signature, one
// message, and the vote counts like those that come on their own.
#pragma once

#include "protocols/consensus/messages.hpp"
#include "protocols/consensus/outbox.hpp"

namespace seqlab::protocols {

/// The statement of the message is `proposed`. Its author traces the vote (`voted_record`) before it leaves.
class VotingProposalMessage final : public ConsensusMessage {
 public:
  /// @pre block is not null
  VotingProposalMessage(BlockPtr block, const Vote& vote);
  void fill(MessageFields& fields) const override;
  sim::Record statement() const override;
  std::uint64_t signature_count() const override;
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;

  /// Whether signature, id and size are right; checked once a run.
  bool is_sound(Signatures& signatures) const;
  /// Whether the vote is for this very block, by whoever may propose it again.
  bool fits() const;

  const BlockPtr block;
  const Vote vote;
  /// Hash of the committee for which the block's `last_commit` was found good; {} = not checked yet.
  mutable Hash128 last_commit_checked;
};

/// The record `voted` of a vote that leaves inside of a proposal.
sim::Record voted_record(const Vote& vote);

}  // namespace seqlab::protocols
