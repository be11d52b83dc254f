// What chained engines say beyond votes (VoteMessage of type `vote`, timestamp = the block's, so that all voters sign
// the same bytes). Every message names its epoch; blocks bind it by their committee hash and parent, timeouts sign it.
// `committed` is the sender's last committed height: a hint that chooses whom to ask, and proves nothing.
#pragma once

#include <cstdint>

#include "protocols/consensus/chained/certificates.hpp"
#include "protocols/consensus/messages.hpp"

namespace seqlab::protocols {

/// A proposal with the reason for its round. `proposal.round` may be later than the block's (MonadBFT proposes blocks
/// again). `checked` covers everything in it against the committee of `epoch`.
class ChainedProposalMessage : public ConsensusMessage {
 public:
  ChainedProposalMessage(Epoch epoch, Proposal proposal, TimeoutCertPtr tc, Height committed);
  void fill(MessageFields& fields) const override;
  sim::Record statement() const override;
  std::uint64_t signature_count() const override;
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;
  MessagePtr rebased(sim::MessagePool& pool, const ConsensusMessage& older) const override;
  const Epoch epoch;
  const Proposal proposal;
  const TimeoutCertPtr tc;  ///< of the round before, if the block's parent was not certified in it; else null
  const Height committed;

 protected:
  /// The proposal with the changes made and signed by `as`: for `forged` of derived messages.
  Proposal changed(NodeId as, const ForgeChanges& changes, const Signer& signer) const;
  /// The proposal with the content of `older`, not signed, for `rebased`; without a block if that cannot be.
  Proposal moved(const ConsensusMessage& older) const;
};

/// "I give up this round", signed, with the highest QC known.
struct Timeout {
  Epoch epoch{};
  Round round{};
  NodeId voter{no_node};
  Round high_qc_round{};
  Round high_tip_round = no_round;
  Signature signature{};
  QuorumCertPtr high_qc{};   ///< of `high_qc_round`; never null
  TimeoutCertPtr last_tc{};  ///< of the round before, if `high_qc` is not of that round
  Hash128 signed_digest() const { return timeout_digest(epoch, round, high_qc_round, high_tip_round); }
};

/// kind `timeout` (to everybody) or `new_view` (to the next leader). Its record: `voted` of type timeout, height and
/// block those of the high QC.
class TimeoutMessage : public ConsensusMessage {
 public:
  TimeoutMessage(Timeout timeout, Height committed, MessageKind kind = MessageKind::timeout);
  void fill(MessageFields& fields) const override;
  sim::Record statement() const override;
  std::uint64_t signature_count() const override;
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;
  /// With the certificate that the block of `older` carries.
  MessagePtr rebased(sim::MessagePool& pool, const ConsensusMessage& older) const override;
  const Timeout timeout;
  const Height committed;
};

/// "This is how far I am": the highest certificates, either may be null. A question at the start; an answer to a peer
/// that shows to be behind, which is not answered in turn: rounds pass while messages fly.
class CertificateMessage final : public ConsensusMessage {
 public:
  CertificateMessage(NodeId node, Epoch epoch, QuorumCertPtr qc, TimeoutCertPtr tc, Height committed,
                     bool answer = false);
  void fill(MessageFields& fields) const override;
  std::uint64_t signature_count() const override;
  const Epoch epoch;
  const QuorumCertPtr qc;
  const TimeoutCertPtr tc;
  const Height committed;
  const bool answer;
};

/// Messages of these kinds by what they say, not by where they are (for == and hashes of engine states).
bool same_chained_content(const MessagePtr& a, const MessagePtr& b);
void hash_chained_content(const MessagePtr& message, HashBuilder& h);

}  // namespace seqlab::protocols
