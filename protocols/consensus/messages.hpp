// What consensus engines and sequencer nodes say to each other. Wire sizes are those of CometBFT's encodings where it
// has such a message.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "protocols/types/block.hpp"
#include "sim/net/message.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::protocols {

using sim::MessagePtr;

/// `Message::kind`. Shown in records, metrics, scripts.
enum class MessageKind : std::uint8_t {
  proposal, prevote, precommit, vote, timeout,            // consensus
  status, votes_request, block_request, block_response,   // catch-up
  evidence, transaction, transaction_result,
  // of single engines; kinds keep their numbers
  new_view, certificate, no_endorsement, recovery, view_change, checkpoint, vertex, vertex_request, vertex_response,
  handover,
  count
};
std::string_view name_of(MessageKind kind);

/// Result of checking a message's signatures; kept with the shared body, so that each is checked once a run.
enum class Checked : std::uint8_t { not_yet, good, bad };

/// The fields that every message has, filled as far as they exist in this kind.
struct MessageFields {
  MessageKind kind{};
  NodeId author{no_node};
  Height height{};
  Round round{no_round};
  Round valid_round{no_round};
  BlockId block;                       ///< nil = {}
  std::uint32_t bytes = 0;
  std::uint32_t transactions = 0;      ///< in the block that it carries
  TxId tx;                             ///< transaction, transaction_result
  AccountId sender{};                  ///< transaction
};

struct ForgeChanges;

/// Base of all messages of this layer. An engine's own messages derive from it in the engine's folder; what the node,
/// records, adversaries and searches need to know of them they say themselves.
class ConsensusMessage : public sim::Message {
 public:
  MessageKind message_kind() const { return static_cast<MessageKind>(kind); }
  /// Kind, author and bytes are filled in by `fields_of`.
  virtual void fill(MessageFields& fields) const { (void)fields; }
  /// What the author promises by signing it: a record `proposed` or `voted` without time and node; of kind `note` if it
  /// is no statement that contradicts others.
  virtual sim::Record statement() const { return {.kind = sim::RecordKind::note}; }
  bool is_statement() const { return statement().kind != sim::RecordKind::note; }
  /// How many a receiver has to check before it can use the message, those of a block's transactions apart.
  virtual std::uint64_t signature_count() const { return 0; }
  /// Adds all that a receiver can tell from the message, so that two with equal content are one and the same to it.
  /// @return false if the kind does not say (and adds nothing): each message then counts as different from all others
  virtual bool content_into(HashBuilder& h) const { (void)h; return false; }
  /// A changed copy signed by `as`; null if there is no such thing. See forge.hpp.
  virtual MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes, const Signer& signer) const;
  /// A proposal like this one, but of the block of `older`, for `forged` to sign; null if there is no such thing.
  virtual MessagePtr rebased(sim::MessagePool& pool, const ConsensusMessage& older) const;
  NodeId author{no_node};           ///< who signed the content (a relay may send it)
  mutable Checked checked = Checked::not_yet;

 protected:
  explicit ConsensusMessage(MessageKind k, sim::MessageClass c) {
    kind = static_cast<std::uint8_t>(k);
    message_class = c;
  }
};

struct Proposal {
  Height height{};
  Round round{};
  Round valid_round{no_round};  ///< "POLRound"
  BlockPtr block;
  NodeId proposer{no_node};
  SimTime timestamp{};
  Signature signature;
  Hash128 signed_digest() const;
  static Hash128 digest_of(Height height, Round round, Round valid_round, BlockId block, SimTime timestamp);
  friend bool operator==(const Proposal&, const Proposal&) = default;
};

/// `checked` covers the signature and that the block's id and size are those of its content.
class ProposalMessage final : public ConsensusMessage {
 public:
  explicit ProposalMessage(Proposal p);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  sim::Record statement() const override;
  std::uint64_t signature_count() const override;
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;
  const Proposal proposal;
  /// Hash of the committee for which the block's `last_commit` was found good; {} = not checked yet.
  mutable Hash128 last_commit_checked;
};

/// kind is prevote, precommit, vote or timeout after `vote.type`.
class VoteMessage final : public ConsensusMessage {
 public:
  explicit VoteMessage(const Vote& v);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  sim::Record statement() const override;
  std::uint64_t signature_count() const override { return 1; }
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;
  const Vote vote;
};

/// "This is where I am and what I hold": sent when a node is stuck, answered by what it lacks.
struct Status {
  NodeId node{no_node};
  Height height{};
  Round round{};
  std::uint8_t step = 0;
  Round proposal_round{no_round};        ///< highest round whose proposal is held, no_round if none
  std::vector<std::uint64_t> prevotes{}; ///< bit i: the vote of validator i in `round` is held
  std::vector<std::uint64_t> precommits{};
};

class StatusMessage final : public ConsensusMessage {
 public:
  explicit StatusMessage(Status s);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  const Status status;
};

/// "Send me the votes of this round that I lack": asked of a proposer that refers to a polka one has not seen.
struct VotesRequest {
  NodeId node{no_node};
  Height height{};
  Round round{};
  VoteType type = VoteType::prevote;
  BlockId block{};                   ///< the votes for this block are wanted first
  std::vector<std::uint64_t> have{}; ///< bit i: the vote of validator i is held
};

class VotesRequestMessage final : public ConsensusMessage {
 public:
  explicit VotesRequestMessage(VotesRequest r);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  const VotesRequest request;
};

class BlockRequestMessage final : public ConsensusMessage {
 public:
  /// `block` {}: the committed block of `height`; otherwise that block, committed or not.
  BlockRequestMessage(NodeId node, Height height, BlockId block);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  const Height height;
  const BlockId block;
};

class BlockResponseMessage final : public ConsensusMessage {
 public:
  /// `commit` without signatures: the block is not committed at the sender. `block` null: "I do not have it".
  BlockResponseMessage(NodeId node, BlockPtr block, Commit commit);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  std::uint64_t signature_count() const override { return commit.signatures.size(); }
  const BlockPtr block;
  const Commit commit;
};

class EvidenceMessage final : public ConsensusMessage {
 public:
  EvidenceMessage(NodeId node, Evidence evidence);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  std::uint64_t signature_count() const override { return 2; }
  const Evidence evidence;
};

class TransactionMessage final : public ConsensusMessage {
 public:
  explicit TransactionMessage(const Transaction& tx);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  std::uint64_t signature_count() const override { return 1; }
  /// `malformed`, `bad_signature` or `none`: what can be told without a pool. Found out once for all who receive it, in
  /// one world: `signatures` are always the same.
  AdmitError flaw(Signatures& signatures) const;
  const Transaction transaction;

 private:
  struct Flaw {
    bool known = false;
    AdmitError error = AdmitError::none;
  };
  Kept<Flaw> flaw_;
};

/// From a validator to the client of a transaction.
class TransactionResultMessage final : public ConsensusMessage {
 public:
  enum class Outcome : std::uint8_t { admitted, refused, soft, committed };
  TransactionResultMessage(NodeId node, TxId tx, Outcome outcome, Height height, std::uint8_t detail);
  void fill(MessageFields& fields) const override;
  bool content_into(HashBuilder& h) const override;
  const TxId tx;
  const Outcome outcome;
  const Height height;
  const std::uint8_t detail;  ///< AdmitError if refused, TxStatus if committed
};

}  // namespace seqlab::protocols
