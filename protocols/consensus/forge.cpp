#include "protocols/consensus/forge.hpp"

#include <memory>
#include <utility>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

namespace {

/// Another block of the same height that is as valid as the first: swaps neighbours of different senders, so that the
/// nonces of each sender stay in sequence. Where that is impossible the last transaction is left out, and an empty
/// block moves its timestamp.
void vary(Block& block, std::uint64_t salt) {
  auto& txs = block.transactions;
  bool changed = false;
  for (std::size_t i = 1; i < txs.size(); ++i) {
    const bool chosen = (FieldHash<2>{}.add(salt).add(i).finish().lo & 1U) != 0;
    const bool last_chance = !changed && i + 1 == txs.size();
    if ((!chosen && !last_chance) || txs[i - 1].sender == txs[i].sender) continue;
    std::swap(txs[i - 1], txs[i]);
    changed = true;
  }
  if (changed) return;
  if (!txs.empty()) {
    txs.pop_back();
  } else {
    block.timestamp += Duration{static_cast<std::int64_t>(salt % 1'000'000)};
  }
}

MessagePtr forge_vote(sim::MessagePool& pool, const Vote& original, NodeId as, const ForgeChanges& changes,
                      const Signer& signer) {
  Vote vote = original;
  vote.voter = as;
  if (changes.block) vote.block = *changes.block;
  if (changes.height) vote.height = *changes.height;
  if (changes.round) vote.round = *changes.round;
  if (changes.timestamp_shift) vote.timestamp += *changes.timestamp_shift;
  vote.signature = signer.sign(as.value, vote.signed_digest());
  return MessagePtr{pool.make<VoteMessage>(vote)};
}

MessagePtr forge_proposal(sim::MessagePool& pool, const Proposal& original, NodeId as, const ForgeChanges& changes,
                          const Signer& signer) {
  Proposal proposal = original;
  proposal.proposer = as;
  if (changes.height) proposal.height = *changes.height;
  if (changes.round) proposal.round = *changes.round;
  if (changes.valid_round) proposal.valid_round = *changes.valid_round;
  if (changes.timestamp_shift) proposal.timestamp += *changes.timestamp_shift;
  if (original.block != nullptr) {
    Block block = *original.block;
    const bool fresh = proposal.valid_round == no_round;
    const bool other_block =
        changes.height || changes.drop_transactions || changes.salt != 0 ||
        (fresh && (changes.round || changes.timestamp_shift || block.proposer != as || block.round != proposal.round));
    if (other_block) {
      block.height = proposal.height;
      if (fresh) {  // a re-proposed block keeps who made it, and when
        block.proposer = as;
        block.round = proposal.round;
        block.timestamp = proposal.timestamp;
      }
      if (changes.drop_transactions) block.transactions.clear();
      if (changes.salt != 0) vary(block, changes.salt);
      if (fresh) proposal.timestamp = block.timestamp;
      block.bytes = block.compute_bytes();
      block.id = block.compute_id();
      proposal.block = std::make_shared<const Block>(std::move(block));
    }
  }
  proposal.signature = signer.sign(as.value, proposal.signed_digest());
  return MessagePtr{pool.make<ProposalMessage>(std::move(proposal))};
}

std::uint32_t transactions_of(const BlockPtr& block) {
  return block != nullptr ? static_cast<std::uint32_t>(block->transactions.size()) : 0;
}

}  // namespace

MessageFields fields_of(const sim::Message& message) {
  // Every message of this layer is a ConsensusMessage, and its kind names its type.
  const auto& any = static_cast<const ConsensusMessage&>(message);
  MessageFields f;
  f.kind = any.message_kind();
  f.author = any.author;
  f.bytes = any.wire_bytes;
  switch (f.kind) {
    case MessageKind::proposal: {
      const Proposal& p = static_cast<const ProposalMessage&>(message).proposal;
      f.height = p.height;
      f.round = p.round;
      f.valid_round = p.valid_round;
      f.block = p.block != nullptr ? p.block->id : BlockId{};
      f.transactions = transactions_of(p.block);
      break;
    }
    case MessageKind::prevote:
    case MessageKind::precommit:
    case MessageKind::vote:
    case MessageKind::timeout: {
      const Vote& v = static_cast<const VoteMessage&>(message).vote;
      f.height = v.height;
      f.round = v.round;
      f.block = v.block;
      break;
    }
    case MessageKind::status: {
      const Status& s = static_cast<const StatusMessage&>(message).status;
      f.height = s.height;
      f.round = s.round;
      break;
    }
    case MessageKind::votes_request: {
      const VotesRequest& r = static_cast<const VotesRequestMessage&>(message).request;
      f.height = r.height;
      f.round = r.round;
      f.block = r.block;
      break;
    }
    case MessageKind::block_request: {
      const auto& r = static_cast<const BlockRequestMessage&>(message);
      f.height = r.height;
      f.block = r.block;
      break;
    }
    case MessageKind::block_response: {
      const auto& r = static_cast<const BlockResponseMessage&>(message);
      if (r.block == nullptr) break;
      f.height = r.block->height;
      f.block = r.block->id;
      f.transactions = transactions_of(r.block);
      if (!r.commit.signatures.empty()) f.round = r.commit.round;
      break;
    }
    case MessageKind::evidence: {
      const Evidence& e = static_cast<const EvidenceMessage&>(message).evidence;
      f.height = e.first.height;
      f.round = e.first.round;
      f.block = e.first.block;
      break;
    }
    case MessageKind::transaction: {
      const Transaction& tx = static_cast<const TransactionMessage&>(message).transaction;
      f.tx = tx.id;
      f.sender = tx.sender;
      break;
    }
    case MessageKind::transaction_result: {
      const auto& r = static_cast<const TransactionResultMessage&>(message);
      f.tx = r.tx;
      f.height = r.height;
      break;
    }
    case MessageKind::count: break;
  }
  return f;
}

MessagePtr forge(sim::MessagePool& pool, const sim::Message& message, NodeId as, const ForgeChanges& changes,
                 const Signer& signer) {
  SEQLAB_ASSERT(signer.owns(as.value), as.value);
  const auto& any = static_cast<const ConsensusMessage&>(message);
  switch (any.message_kind()) {
    case MessageKind::proposal:
      return forge_proposal(pool, static_cast<const ProposalMessage&>(message).proposal, as, changes, signer);
    case MessageKind::prevote:
    case MessageKind::precommit:
    case MessageKind::vote:
    case MessageKind::timeout:
      return forge_vote(pool, static_cast<const VoteMessage&>(message).vote, as, changes, signer);
    default: return {};
  }
}

}  // namespace seqlab::protocols
