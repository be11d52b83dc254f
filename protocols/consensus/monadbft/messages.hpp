// What MonadBFT says beyond votes (VoteMessage of type `vote`, timestamp = the block's). Every message names its epoch
// and the sender's last committed height (a hint, see chained/messages.hpp).
#pragma once

#include "protocols/consensus/chained/messages.hpp"
#include "protocols/consensus/monadbft/certificates.hpp"

namespace seqlab::protocols {

/// `proposal.round` is the proposal's round, `proposal.valid_round` the block's if that is an earlier one. `tip` is the
/// block with what makes it stand; the proposer of a fresh one signed tip and proposal with the same signature.
class MonadProposalMessage final : public ChainedProposalMessage {
 public:
  /// @param tc  of the round before, null if the block's own QC is of that round
  MonadProposalMessage(Epoch epoch, Proposal proposal, TipPtr tip, MonadTimeoutCertPtr tc, Height committed);
  sim::Record statement() const override;
  std::uint64_t signature_count() const override;
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;
  MessagePtr rebased(sim::MessagePool& pool, const ConsensusMessage& older) const override;
  const TipPtr tip;
  const MonadTimeoutCertPtr last_tc;
};

/// What ended a round. At most one.
struct RoundCert {
  QuorumCertPtr qc{};
  MonadTimeoutCertPtr tc{};
};

struct MonadTimeout {
  Epoch epoch{};
  Round round{};
  NodeId voter{no_node};
  Round high_qc_round{};                 ///< of the QC below: the one sent along, or that of the tip's block
  Round high_tip_round = no_round;
  Signature signature{};
  QuorumCertPtr high_qc{};               ///< this
  TipPtr high_tip{};                     ///< or this
  RoundCert last{};                      ///< of the round before, unless `high_qc_round` is that
  const QuorumCert& extended_qc() const { return high_tip != nullptr ? high_tip->block->last_commit : *high_qc; }
  Hash128 signed_digest() const { return timeout_digest(epoch, round, high_qc_round, high_tip_round); }
};

/// Its record: `voted` of type timeout, height and block those of the tip or of the QC's block.
class MonadTimeoutMessage final : public ConsensusMessage {
 public:
  MonadTimeoutMessage(MonadTimeout timeout, Height committed);
  void fill(MessageFields& fields) const override;
  sim::Record statement() const override;
  std::uint64_t signature_count() const override;
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;
  /// With the certificate that the block of `older` carries, and no tip.
  MessagePtr rebased(sim::MessagePool& pool, const ConsensusMessage& older) const override;
  const MonadTimeout timeout;
  const Height committed;
};

/// "I lead this round and lack the block that I should propose again": who lacks it too answers with a no-endorsement.
class RoundRecoveryMessage final : public ConsensusMessage {
 public:
  RoundRecoveryMessage(NodeId leader, Epoch epoch, Round round, MonadTimeoutCertPtr tc, Height committed);
  void fill(MessageFields& fields) const override;
  std::uint64_t signature_count() const override;
  const Epoch epoch;
  const Round round;
  const MonadTimeoutCertPtr tc;  ///< of the round before; names a tip
  const Height committed;
};

struct NoEndorsement {
  Epoch epoch{};
  Round round{};
  Round tip_qc_round{};
  NodeId voter{no_node};
  Signature signature{};
  Hash128 signed_digest() const { return no_endorsement_digest(epoch, round, tip_qc_round); }
};

class NoEndorsementMessage final : public ConsensusMessage {
 public:
  NoEndorsementMessage(NoEndorsement no_endorsement, Height committed);
  void fill(MessageFields& fields) const override;
  std::uint64_t signature_count() const override { return 1; }
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;
  const NoEndorsement no_endorsement;
  const Height committed;
};

/// The certificate that ended a round, to everybody (a leader's backup QC) or to one who is behind. With both: the
/// highest QC beside the TC.
class AdvanceRoundMessage final : public ConsensusMessage {
 public:
  AdvanceRoundMessage(NodeId node, Epoch epoch, RoundCert cert, Height committed, bool answer = false);
  void fill(MessageFields& fields) const override;
  std::uint64_t signature_count() const override;
  const Epoch epoch;
  const RoundCert cert;
  const Height committed;
  const bool answer;  ///< to a peer that shows to be behind; it is not answered in turn: rounds pass while messages fly
};

/// For hashes of engine states: by what the message says.
void hash_monad_content(const MessagePtr& message, HashBuilder& h);

}  // namespace seqlab::protocols
