#include "protocols/consensus/messages.hpp"

#include <utility>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

using sim::MessageClass;

namespace {

constexpr std::uint32_t vote_wire_bytes = 184;             // a signed prevote or precommit of CometBFT
constexpr std::uint32_t proposal_wire_bytes = 400;         // a proposal, and the part and channel headers of its block
constexpr std::uint32_t status_wire_bytes = 64;
constexpr std::uint32_t votes_request_wire_bytes = 80;
constexpr std::uint32_t block_request_wire_bytes = 72;
constexpr std::uint32_t block_response_wire_bytes = 96;
constexpr std::uint32_t evidence_wire_bytes = 2 * vote_wire_bytes + 72;
constexpr std::uint32_t transaction_wire_bytes = 16;
constexpr std::uint32_t result_wire_bytes = 64;

std::uint32_t bitmap_bytes(const std::vector<std::uint64_t>& bits) {
  return static_cast<std::uint32_t>(bits.size() * sizeof(std::uint64_t));
}

/// Sum of sizes, of which one may be a hostile claim: does not wrap.
std::uint32_t plus(std::uint32_t a, std::uint32_t b) { return a + b < a ? ~std::uint32_t{0} : a + b; }

MessageKind kind_of(VoteType type) {
  switch (type) {
    case VoteType::prevote: return MessageKind::prevote;
    case VoteType::precommit: return MessageKind::precommit;
    case VoteType::timeout: return MessageKind::timeout;
    case VoteType::vote:
    case VoteType::none: break;
  }
  return MessageKind::vote;
}

}  // namespace

std::string_view name_of(MessageKind kind) {
  switch (kind) {
    case MessageKind::proposal: return "proposal";
    case MessageKind::prevote: return "prevote";
    case MessageKind::precommit: return "precommit";
    case MessageKind::vote: return "vote";
    case MessageKind::timeout: return "timeout";
    case MessageKind::status: return "status";
    case MessageKind::votes_request: return "votes_request";
    case MessageKind::block_request: return "block_request";
    case MessageKind::block_response: return "block_response";
    case MessageKind::evidence: return "evidence";
    case MessageKind::transaction: return "transaction";
    case MessageKind::transaction_result: return "transaction_result";
    case MessageKind::count: break;
  }
  SEQLAB_ASSERT(false, static_cast<int>(kind));
  return {};
}

Hash128 Proposal::signed_digest() const {
  return digest_of(height, round, valid_round, block != nullptr ? block->id : BlockId{}, timestamp);
}

Hash128 Proposal::digest_of(Height height, Round round, Round valid_round, BlockId block, SimTime timestamp) {
  return FieldHash<7>{}
      .add(hash_domain("proposal"))
      .add(height)
      .add(round)
      .add(valid_round)
      .add(block)
      .add(ns(timestamp))
      .finish();
}

ProposalMessage::ProposalMessage(Proposal p)
    : ConsensusMessage(MessageKind::proposal, MessageClass::data), proposal(std::move(p)) {
  author = proposal.proposer;
  wire_bytes = plus(proposal_wire_bytes, proposal.block != nullptr ? proposal.block->bytes : 0);
}

VoteMessage::VoteMessage(const Vote& v) : ConsensusMessage(kind_of(v.type), MessageClass::consensus), vote(v) {
  author = vote.voter;
  wire_bytes = vote_wire_bytes;
}

StatusMessage::StatusMessage(Status s)
    : ConsensusMessage(MessageKind::status, MessageClass::sync), status(std::move(s)) {
  author = status.node;
  wire_bytes = status_wire_bytes + bitmap_bytes(status.prevotes) + bitmap_bytes(status.precommits);
}

VotesRequestMessage::VotesRequestMessage(VotesRequest r)
    : ConsensusMessage(MessageKind::votes_request, MessageClass::sync), request(std::move(r)) {
  author = request.node;
  wire_bytes = votes_request_wire_bytes + bitmap_bytes(request.have);
}

BlockRequestMessage::BlockRequestMessage(NodeId node, Height h, BlockId b)
    : ConsensusMessage(MessageKind::block_request, MessageClass::sync), height(h), block(b) {
  author = node;
  wire_bytes = block_request_wire_bytes;
}

BlockResponseMessage::BlockResponseMessage(NodeId node, BlockPtr b, Commit c)
    : ConsensusMessage(MessageKind::block_response, MessageClass::sync), block(std::move(b)), commit(std::move(c)) {
  author = node;
  wire_bytes = plus(block_response_wire_bytes, plus(block != nullptr ? block->bytes : 0, encoded_bytes(commit)));
}

EvidenceMessage::EvidenceMessage(NodeId node, Evidence e)
    : ConsensusMessage(MessageKind::evidence, MessageClass::sync), evidence(std::move(e)) {
  author = node;
  wire_bytes = evidence_wire_bytes;
}

TransactionMessage::TransactionMessage(const Transaction& tx)
    : ConsensusMessage(MessageKind::transaction, MessageClass::transaction), transaction(tx) {
  author = transaction.client;
  wire_bytes = plus(transaction_wire_bytes, transaction.bytes);
}

TransactionResultMessage::TransactionResultMessage(NodeId node, TxId id, Outcome o, Height h, std::uint8_t d)
    : ConsensusMessage(MessageKind::transaction_result, MessageClass::transaction),
      tx(id),
      outcome(o),
      height(h),
      detail(d) {
  author = node;
  wire_bytes = result_wire_bytes;
}

}  // namespace seqlab::protocols
