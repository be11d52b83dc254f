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

std::uint32_t transactions_of(const BlockPtr& block) {
  return block != nullptr ? static_cast<std::uint32_t>(block->transactions.size()) : 0;
}

// The id stands for the content of a block. One that claims a wrong id is told apart by its size at most: receivers
// compute both before they believe either.
void add(HashBuilder& h, const BlockPtr& block) {
  h.add(block != nullptr);
  if (block != nullptr) h.add(block->id).add(block->bytes);
}

void add(HashBuilder& h, const std::vector<std::uint64_t>& bits) {
  h.add(bits.size());
  for (const std::uint64_t word : bits) h.add(word);
}

void add(HashBuilder& h, const Commit& commit) {
  h.add(commit.height).add(commit.round).add(commit.block).add(commit.type).add(commit.signatures.size());
  for (const CommitSignature& s : commit.signatures) h.add(s.voter).add(ns(s.timestamp)).add(s.signature.handle);
  h.add(commit.descendants.size());
  for (const BlockPtr& block : commit.descendants) add(h, block);
  if (commit.epoch != Epoch{}) h.add(hash_domain("epoch")).add(commit.epoch);
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
    case MessageKind::new_view: return "new_view";
    case MessageKind::certificate: return "certificate";
    case MessageKind::no_endorsement: return "no_endorsement";
    case MessageKind::recovery: return "recovery";
    case MessageKind::view_change: return "view_change";
    case MessageKind::checkpoint: return "checkpoint";
    case MessageKind::vertex: return "vertex";
    case MessageKind::vertex_request: return "vertex_request";
    case MessageKind::vertex_response: return "vertex_response";
    case MessageKind::handover: return "handover";
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

void ProposalMessage::fill(MessageFields& f) const {
  f.height = proposal.height;
  f.round = proposal.round;
  f.valid_round = proposal.valid_round;
  f.block = proposal.block != nullptr ? proposal.block->id : BlockId{};
  f.transactions = transactions_of(proposal.block);
}

bool ProposalMessage::content_into(HashBuilder& h) const {
  const Proposal& p = proposal;
  h.add(kind).add(p.height).add(p.round).add(p.valid_round).add(p.proposer).add(ns(p.timestamp));
  h.add(p.signature.handle);
  add(h, p.block);
  return true;
}

sim::Record ProposalMessage::statement() const {
  sim::Record record{.kind = sim::RecordKind::proposed,
                     .flags = static_cast<std::uint16_t>(proposal.valid_round.value + 1),
                     .peer = author,
                     .round = static_cast<std::uint32_t>(proposal.round.value),
                     .height = proposal.height.value};
  return proposal.block != nullptr ? record.with_id(proposal.block->id) : record;
}

std::uint64_t ProposalMessage::signature_count() const {
  if (proposal.block == nullptr) return 1;
  return 1 + proposal.block->last_commit.signatures.size() + 2 * proposal.block->evidence.size();
}

VoteMessage::VoteMessage(const Vote& v) : ConsensusMessage(kind_of(v.type), MessageClass::consensus), vote(v) {
  author = vote.voter;
  wire_bytes = vote_wire_bytes + (vote.epoch != Epoch{} ? epoch_bytes : 0);
}

void VoteMessage::fill(MessageFields& f) const {
  f.height = vote.height;
  f.round = vote.round;
  f.block = vote.block;
}

bool VoteMessage::content_into(HashBuilder& h) const {
  h.add(kind);
  vote.hash_into(h);
  return true;
}

sim::Record VoteMessage::statement() const {
  sim::Record record{.kind = sim::RecordKind::voted,
                     .detail = static_cast<std::uint8_t>(vote.type),
                     .round = static_cast<std::uint32_t>(vote.round.value),
                     .height = vote.height.value};
  return record.with_id(vote.block);
}

StatusMessage::StatusMessage(Status s)
    : ConsensusMessage(MessageKind::status, MessageClass::sync), status(std::move(s)) {
  author = status.node;
  wire_bytes = status_wire_bytes + bitmap_bytes(status.prevotes) + bitmap_bytes(status.precommits);
}

void StatusMessage::fill(MessageFields& f) const {
  f.height = status.height;
  f.round = status.round;
}

bool StatusMessage::content_into(HashBuilder& h) const {
  h.add(kind).add(status.node).add(status.height).add(status.round).add(status.step).add(status.proposal_round);
  add(h, status.prevotes);
  add(h, status.precommits);
  return true;
}

VotesRequestMessage::VotesRequestMessage(VotesRequest r)
    : ConsensusMessage(MessageKind::votes_request, MessageClass::sync), request(std::move(r)) {
  author = request.node;
  wire_bytes = votes_request_wire_bytes + bitmap_bytes(request.have);
}

void VotesRequestMessage::fill(MessageFields& f) const {
  f.height = request.height;
  f.round = request.round;
  f.block = request.block;
}

bool VotesRequestMessage::content_into(HashBuilder& h) const {
  h.add(kind).add(request.node).add(request.height).add(request.round).add(request.type).add(request.block);
  add(h, request.have);
  return true;
}

BlockRequestMessage::BlockRequestMessage(NodeId node, Height h, BlockId b)
    : ConsensusMessage(MessageKind::block_request, MessageClass::sync), height(h), block(b) {
  author = node;
  wire_bytes = block_request_wire_bytes;
}

void BlockRequestMessage::fill(MessageFields& f) const {
  f.height = height;
  f.block = block;
}

bool BlockRequestMessage::content_into(HashBuilder& h) const {
  h.add(kind).add(author).add(height).add(block);
  return true;
}

BlockResponseMessage::BlockResponseMessage(NodeId node, BlockPtr b, Commit c)
    : ConsensusMessage(MessageKind::block_response, MessageClass::sync), block(std::move(b)), commit(std::move(c)) {
  author = node;
  wire_bytes = plus(block_response_wire_bytes, plus(block != nullptr ? block->bytes : 0, encoded_bytes(commit)));
}

void BlockResponseMessage::fill(MessageFields& f) const {
  if (block == nullptr) return;
  f.height = block->height;
  f.block = block->id;
  f.transactions = transactions_of(block);
  if (!commit.signatures.empty()) f.round = commit.round;
}

bool BlockResponseMessage::content_into(HashBuilder& h) const {
  h.add(kind).add(author);
  add(h, block);
  add(h, commit);
  return true;
}

EvidenceMessage::EvidenceMessage(NodeId node, Evidence e)
    : ConsensusMessage(MessageKind::evidence, MessageClass::sync), evidence(std::move(e)) {
  author = node;
  wire_bytes = evidence_wire_bytes;
}

void EvidenceMessage::fill(MessageFields& f) const {
  f.height = evidence.first.height;
  f.round = evidence.first.round;
  f.block = evidence.first.block;
}

bool EvidenceMessage::content_into(HashBuilder& h) const {
  h.add(kind).add(author).add(evidence.kind).add(evidence.offender);
  evidence.first.hash_into(h);
  evidence.second.hash_into(h);
  return true;
}

TransactionMessage::TransactionMessage(const Transaction& tx)
    : ConsensusMessage(MessageKind::transaction, MessageClass::transaction), transaction(tx) {
  author = transaction.client;
  wire_bytes = plus(transaction_wire_bytes, transaction.bytes);
}

AdmitError TransactionMessage::flaw(Signatures& signatures) const {
  if (!flaw_.value.known) {
    AdmitError error = AdmitError::malformed;
    if (transaction.well_formed()) {
      const bool good = signatures.verify(account_key(transaction.sender.value), transaction.id, transaction.signature);
      error = good ? AdmitError::none : AdmitError::bad_signature;
    }
    flaw_.value = {true, error};
  }
  return flaw_.value.error;
}

void TransactionMessage::fill(MessageFields& f) const {
  f.tx = transaction.id;
  f.sender = transaction.sender;
}

bool TransactionMessage::content_into(HashBuilder& h) const {
  h.add(kind).add(transaction.id).add(transaction.signature.handle);
  return true;
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

void TransactionResultMessage::fill(MessageFields& f) const {
  f.tx = tx;
  f.height = height;
}

bool TransactionResultMessage::content_into(HashBuilder& h) const {
  h.add(kind).add(author).add(tx).add(outcome).add(height).add(detail);
  return true;
}

}  // namespace seqlab::protocols
