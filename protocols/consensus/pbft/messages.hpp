// What PBFT says beyond pre-prepares (VotingProposalMessage) and votes: checkpoints, view changes, new views.
#pragma once

#include <vector>

#include "protocols/consensus/messages.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// CHECKPOINT: "my state after `vote.height` is `vote.block`" (a digest), type none, round 0, time 0.
/// With `proof` in answers to those who lag: signatures of a quorum for some checkpoint.
class CheckpointMessage final : public ConsensusMessage {
 public:
  CheckpointMessage(const Vote& vote, Commit proof);
  void fill(MessageFields& fields) const override;
  std::uint64_t signature_count() const override { return 1 + proof.signatures.size(); }
  const Vote vote;
  const Commit proof;
};

/// One element of P: a quorum prepared (type prevote) or committed (precommit) the block.
struct PreparedBlock {
  Commit certificate;
  BlockPtr body;  ///< null where the sender has committed it: ask for it by height
};

/// VIEW-CHANGE.
class ViewChangeMessage final : public ConsensusMessage {
 public:
  struct Content {
    NodeId node{no_node};
    Height era_first{};               ///< first height of the committee that this is about
    Round view{};
    Height executed{};                ///< last block that the sender executed
    Commit checkpoint{};              ///< C, its last stable one; without signatures: the block before the era
    std::vector<PreparedBlock> prepared{};  ///< P, ascending heights above the checkpoint
    Signature signature{};
    Hash128 signed_digest() const;
  };
  explicit ViewChangeMessage(Content content);
  void fill(MessageFields& fields) const override;
  sim::Record statement() const override;
  std::uint64_t signature_count() const override;
  /// Whether signature and certificates are good under `committee`; checked once a run.
  bool is_sound(const Committee& committee, Power quorum, Signatures& signatures) const;
  const Content content;
};

/// NEW-VIEW.
class NewViewMessage final : public ConsensusMessage {
 public:
  struct Content {
    NodeId node{no_node};
    Height era_first{};
    Round view{};
    std::vector<MessagePtr> view_changes{};  ///< V, by node
    std::vector<Vote> assigned{};            ///< O: the primary's prepares in the new view, ascending heights
    std::vector<BlockPtr> bodies{};          ///< of those that the primary has, not committed
    Signature signature{};
    Hash128 signed_digest() const;
  };
  explicit NewViewMessage(Content content);
  void fill(MessageFields& fields) const override;
  std::uint64_t signature_count() const override;
  const Content content;
};

}  // namespace seqlab::protocols
