#include "protocols/consensus/forge.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

namespace {

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
  if (changes.parent_of && older != nullptr) {
    const auto& other = static_cast<const ConsensusMessage&>(*older);
    const MessagePtr moved = static_cast<const ConsensusMessage&>(message).rebased(pool, other);
    if (moved) return static_cast<const ConsensusMessage&>(*moved).forged(pool, as, changes, signer);
  }
  return static_cast<const ConsensusMessage&>(message).forged(pool, as, changes, signer);
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
