#include "protocols/consensus/forge.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "protocols/consensus/chained/messages.hpp"
#include "protocols/consensus/voting_proposal.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::protocols {

namespace {

constexpr std::int64_t round_shift_max = std::int64_t{1} << 30U;  // a shift alone never leaves what a round can be

/// See `ForgeChanges::other`.
void vote_for(const Block& block, const sim::Message& message, ForgeChanges& changes) {
  const auto* body = dynamic_cast<const VoteMessage*>(&message);
  if (body == nullptr) return;
  changes.block = block.id;
  if (body->vote.type != VoteType::vote) return;
  changes.height = block.height;
  changes.timestamp_shift = block.timestamp - body->vote.timestamp;
}

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

}  // namespace

MessageFields fields_of(const sim::Message& message) {
  // Every message of this layer is a ConsensusMessage.
  const auto& any = static_cast<const ConsensusMessage&>(message);
  MessageFields f;
  f.kind = any.message_kind();
  f.author = any.author;
  f.bytes = any.wire_bytes;
  any.fill(f);
  return f;
}

MessagePtr forge(sim::MessagePool& pool, const sim::Message& message, NodeId as, const ForgeChanges& changes,
                 const Signer& signer, const sim::Message* older) {
  SEQLAB_ASSERT(signer.owns(as.value), as.value);
  const auto& any = static_cast<const ConsensusMessage&>(message);
  ForgeChanges all = changes;
  if (changes.round_shift != 0) {
    const Round round = changes.round.value_or(fields_of(message).round);
    if (round != no_round) {
      const std::int64_t moved = std::int64_t{round.value} + changes.round_shift;
      all.round = Round{static_cast<std::int32_t>(std::clamp<std::int64_t>(moved, 0, round_shift_max))};
    }
  }
  const Block* there = older != nullptr ? block_of(*older) : nullptr;
  if (changes.other != 0 && there != nullptr) vote_for(*there, message, all);
  if ((changes.parent_of || changes.back != 0) && older != nullptr) {
    const MessagePtr moved = any.rebased(pool, static_cast<const ConsensusMessage&>(*older));
    if (moved) return static_cast<const ConsensusMessage&>(*moved).forged(pool, as, all, signer);
  }
  return any.forged(pool, as, all, signer);
}

const Block* block_of(const sim::Message& message) {
  if (const auto* chained = dynamic_cast<const ChainedProposalMessage*>(&message)) return chained->proposal.block.get();
  if (const auto* plain = dynamic_cast<const ProposalMessage*>(&message)) return plain->proposal.block.get();
  if (const auto* voting = dynamic_cast<const VotingProposalMessage*>(&message)) return voting->block.get();
  return nullptr;
}

BlockPtr varied(const Block& block, std::uint64_t salt) {
  Block other = block;
  vary(other, salt);
  other.bytes = other.compute_bytes();
  other.id = other.compute_id();
  return std::make_shared<const Block>(std::move(other));
}

void pad(Commit& certificate, NodeId as) {
  if (certificate.signatures.empty()) return;
  std::vector<CommitSignature>& list = certificate.signatures.edit();
  const auto own = std::ranges::find(list, as, &CommitSignature::voter);
  const CommitSignature repeated = own != list.end() ? *own : list.front();
  list.assign(list.size(), repeated);
}

MessagePtr ConsensusMessage::rebased(sim::MessagePool& /*pool*/, const ConsensusMessage& /*older*/) const {
  return {};
}

MessagePtr ConsensusMessage::forged(sim::MessagePool& /*pool*/, NodeId /*as*/, const ForgeChanges& /*changes*/,
                                    const Signer& /*signer*/) const {
  return {};
}

MessagePtr VoteMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                               const Signer& signer) const {
  Vote forged = vote;
  forged.voter = as;
  if (changes.block) forged.block = *changes.block;
  if (changes.height) forged.height = *changes.height;
  if (changes.round) forged.round = *changes.round;
  if (changes.timestamp_shift) forged.timestamp += *changes.timestamp_shift;
  forged.signature = signer.sign(as.value, forged.signed_digest());
  return MessagePtr{pool.make<VoteMessage>(forged)};
}

MessagePtr ProposalMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                                   const Signer& signer) const {
  Proposal copy = proposal;
  copy.proposer = as;
  if (changes.height) copy.height = *changes.height;
  if (changes.round) copy.round = *changes.round;
  if (changes.valid_round) copy.valid_round = *changes.valid_round;
  if (changes.timestamp_shift) copy.timestamp += *changes.timestamp_shift;
  if (proposal.block != nullptr) {
    Block block = *proposal.block;
    const bool fresh = copy.valid_round == no_round;
    const bool other_block =
        changes.height || changes.drop_transactions || changes.salt != 0 || changes.padded ||
        (fresh && (changes.round || changes.timestamp_shift || block.proposer != as || block.round != copy.round));
    if (other_block) {
      block.height = copy.height;
      if (fresh) {  // a re-proposed block keeps who made it, and when
        block.proposer = as;
        block.round = copy.round;
        block.timestamp = copy.timestamp;
      }
      if (changes.drop_transactions) block.transactions.clear();
      if (changes.padded) pad(block.last_commit, as);
      if (changes.salt != 0) vary(block, changes.salt);
      if (fresh) copy.timestamp = block.timestamp;
      block.bytes = block.compute_bytes();
      block.id = block.compute_id();
      copy.block = std::make_shared<const Block>(std::move(block));
    }
  }
  copy.signature = signer.sign(as.value, copy.signed_digest());
  return MessagePtr{pool.make<ProposalMessage>(std::move(copy))};
}

}  // namespace seqlab::protocols
