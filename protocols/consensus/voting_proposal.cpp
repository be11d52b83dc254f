#include "protocols/consensus/voting_proposal.hpp"

#include <memory>
#include <utility>

#include "protocols/consensus/forge.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::protocols {

VotingProposalMessage::VotingProposalMessage(BlockPtr b, const Vote& v)
    : ConsensusMessage(MessageKind::proposal, sim::MessageClass::data), block(std::move(b)), vote(v) {
  SEQLAB_ASSERT(block != nullptr);
  author = vote.voter;
  constexpr std::uint32_t headers = 400;  // as a proposal of Tendermint
  wire_bytes = block->bytes + headers < headers ? ~std::uint32_t{0} : block->bytes + headers;
}

void VotingProposalMessage::fill(MessageFields& f) const {
  f.height = vote.height;
  f.round = vote.round;
  f.block = vote.block;
  f.transactions = static_cast<std::uint32_t>(block->transactions.size());
}

sim::Record VotingProposalMessage::statement() const {
  return sim::Record{.kind = sim::RecordKind::proposed,
                     .peer = author,
                     .round = static_cast<std::uint32_t>(vote.round.value),
                     .height = vote.height.value}
      .with_id(vote.block);
}

std::uint64_t VotingProposalMessage::signature_count() const {
  return 1 + block->last_commit.signatures.size() + 2 * block->evidence.size();
}

MessagePtr VotingProposalMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                                         const Signer& signer) const {
  Vote other = vote;
  other.voter = as;
  if (changes.height) other.height = *changes.height;
  if (changes.round) other.round = *changes.round;
  if (changes.timestamp_shift) other.timestamp += *changes.timestamp_shift;
  BlockPtr made = block;
  const bool own = block->round == vote.round;  // not one that was proposed before
  if (changes.height || changes.drop_transactions || changes.salt != 0 || changes.padded ||
      (own && (changes.round || changes.timestamp_shift || block->proposer != as))) {
    Block copy = *block;
    copy.height = other.height;
    if (own) {
      copy.proposer = as;
      copy.round = other.round;
      if (changes.timestamp_shift) copy.timestamp += *changes.timestamp_shift;
    }
    if (changes.drop_transactions) copy.transactions.clear();
    if (changes.padded) pad(copy.last_commit, as);
    copy.bytes = copy.compute_bytes();
    copy.id = copy.compute_id();
    made = changes.salt != 0 ? varied(copy, changes.salt) : std::make_shared<const Block>(std::move(copy));
  }
  other.block = made->id;
  other.signature = signer.sign(as.value, other.signed_digest());
  return MessagePtr{pool.make<VotingProposalMessage>(std::move(made), other)};
}

bool VotingProposalMessage::is_sound(Signatures& signatures) const {
  if (checked == Checked::not_yet) {
    const bool good = signatures.verify(vote.voter.value, vote.signed_digest(), vote.signature) &&
                      block->is_consistent();
    checked = good ? Checked::good : Checked::bad;
  }
  return checked == Checked::good;
}

bool VotingProposalMessage::fits() const {
  return vote.block == block->id && vote.height == block->height && vote.height.value > 0 && vote.round >= Round{0} &&
         block->round <= vote.round && (block->round != vote.round || block->proposer == vote.voter);
}

sim::Record voted_record(const Vote& vote) {
  return sim::Record{.kind = sim::RecordKind::voted,
                     .detail = static_cast<std::uint8_t>(vote.type),
                     .node = vote.voter,
                     .round = static_cast<std::uint32_t>(vote.round.value),
                     .height = vote.height.value}
      .with_id(vote.block);
}

}  // namespace seqlab::protocols
