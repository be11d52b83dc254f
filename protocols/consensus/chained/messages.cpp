#include "protocols/consensus/chained/messages.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "protocols/consensus/forge.hpp"

namespace seqlab::protocols {

using sim::MessageClass;

namespace {

constexpr std::uint32_t proposal_wire_bytes = 400;  // a signed proposal and the headers around its block
constexpr std::uint32_t timeout_wire_bytes = 152;   // without the certificates
constexpr std::uint32_t certificate_wire_bytes = 64;

std::uint32_t plus(std::uint32_t a, std::uint32_t b) { return a + b < a ? ~std::uint32_t{0} : a + b; }

std::uint32_t bytes_of(const QuorumCertPtr& cert) { return cert != nullptr ? encoded_bytes(*cert) : 0; }
std::uint32_t bytes_of(const TimeoutCertPtr& cert) { return cert != nullptr ? encoded_bytes(*cert) : 0; }

std::uint64_t signers_of(const QuorumCertPtr& cert) { return cert != nullptr ? cert->signatures.size() : 0; }
std::uint64_t signers_of(const TimeoutCertPtr& cert) {
  return cert != nullptr ? cert->signatures.size() + signers_of(cert->high_qc) : 0;
}

}  // namespace

ChainedProposalMessage::ChainedProposalMessage(Epoch e, Proposal p, TimeoutCertPtr t, Height c)
    : ConsensusMessage(MessageKind::proposal, MessageClass::data),
      epoch(e),
      proposal(std::move(p)),
      tc(std::move(t)),
      committed(c) {
  author = proposal.proposer;
  wire_bytes = plus(plus(proposal_wire_bytes, bytes_of(tc)), proposal.block != nullptr ? proposal.block->bytes : 0);
}

void ChainedProposalMessage::fill(MessageFields& f) const {
  f.height = proposal.height;
  f.round = proposal.round;
  f.valid_round = proposal.valid_round;
  if (proposal.block == nullptr) return;
  f.block = proposal.block->id;
  f.transactions = static_cast<std::uint32_t>(proposal.block->transactions.size());
}

sim::Record ChainedProposalMessage::statement() const {
  sim::Record record{.kind = sim::RecordKind::proposed,
                     .flags = static_cast<std::uint16_t>(proposal.valid_round.value + 1),
                     .peer = author,
                     .round = static_cast<std::uint32_t>(proposal.round.value),
                     .height = proposal.height.value};
  return proposal.block != nullptr ? record.with_id(proposal.block->id) : record;
}

std::uint64_t ChainedProposalMessage::signature_count() const {
  if (proposal.block == nullptr) return 1;
  return 1 + proposal.block->last_commit.signatures.size() + signers_of(tc) + 2 * proposal.block->evidence.size();
}

Proposal ChainedProposalMessage::changed(NodeId as, const ForgeChanges& changes, const Signer& signer) const {
  Proposal copy = proposal;
  copy.proposer = as;
  if (changes.height) copy.height = *changes.height;
  if (changes.round) copy.round = *changes.round;
  if (changes.valid_round) copy.valid_round = *changes.valid_round;
  if (changes.timestamp_shift) copy.timestamp += *changes.timestamp_shift;
  const bool fresh = proposal.block != nullptr && proposal.block->round == proposal.round;
  if (fresh) {  // a block that is proposed again keeps who made it, and when
    Block block = *proposal.block;
    block.proposer = as;
    block.height = copy.height;
    block.round = copy.round;
    block.timestamp = copy.timestamp;
    if (changes.drop_transactions) block.transactions.clear();
    if (changes.padded) pad(block.last_commit, as);
    block.bytes = block.compute_bytes();
    block.id = block.compute_id();
    copy.block = changes.salt != 0 ? varied(block, changes.salt) : std::make_shared<const Block>(std::move(block));
    copy.timestamp = copy.block->timestamp;
  }
  copy.signature = signer.sign(as.value, copy.signed_digest());
  return copy;
}

MessagePtr ChainedProposalMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                                          const Signer& signer) const {
  Proposal copy = changed(as, changes, signer);
  TimeoutCertPtr reason = tc;
  const bool fresh = copy.block != nullptr && copy.block->round == copy.round;
  if (fresh && changes.lowered_tc && tc != nullptr) {
    TimeoutCert other = *tc;
    other.high_qc = parent_cert(copy.block);
    reason = std::make_shared<const TimeoutCert>(std::move(other));
  }
  if (fresh && changes.lone_tc && next(copy.block->last_commit.round) < copy.round) {
    const QuorumCertPtr high = parent_cert(copy.block);
    TimeoutCert lone{epoch, previous(copy.round), {}, high};
    const Hash128 digest = timeout_digest(epoch, lone.round, high->round);
    lone.signatures.assign(std::max<std::size_t>(high->signatures.size(), 1),
                           TimeoutSignature{as, high->round, no_round, signer.sign(as.value, digest)});
    reason = std::make_shared<const TimeoutCert>(std::move(lone));
  }
  return MessagePtr{pool.make<ChainedProposalMessage>(epoch, std::move(copy), std::move(reason), committed)};
}

Proposal ChainedProposalMessage::moved(const ConsensusMessage& older) const {
  Proposal copy = proposal;
  copy.block = nullptr;
  const auto* other = dynamic_cast<const ChainedProposalMessage*>(&older);
  const bool fresh = proposal.block != nullptr && proposal.block->round == proposal.round;
  if (!fresh || other == nullptr || other->proposal.block == nullptr) return copy;
  Block block = *other->proposal.block;
  block.proposer = proposal.block->proposer;
  block.round = proposal.block->round;
  block.timestamp = proposal.block->timestamp;
  copy.height = block.height;
  copy.block = std::make_shared<const Block>(std::move(block));  // `changed` gives it its id
  return copy;
}

MessagePtr ChainedProposalMessage::rebased(sim::MessagePool& pool, const ConsensusMessage& older) const {
  Proposal p = moved(older);
  if (p.block == nullptr) return {};
  return MessagePtr{pool.make<ChainedProposalMessage>(epoch, std::move(p), tc, committed)};
}

TimeoutMessage::TimeoutMessage(Timeout t, Height c, MessageKind k)
    : ConsensusMessage(k, MessageClass::consensus), timeout(std::move(t)), committed(c) {
  author = timeout.voter;
  wire_bytes = plus(plus(timeout_wire_bytes, bytes_of(timeout.high_qc)), bytes_of(timeout.last_tc));
}

void TimeoutMessage::fill(MessageFields& f) const {
  f.height = timeout.high_qc != nullptr ? timeout.high_qc->height : Height{};
  f.round = timeout.round;
  f.valid_round = timeout.high_qc_round;
  f.block = timeout.high_qc != nullptr ? timeout.high_qc->block : BlockId{};
}

sim::Record TimeoutMessage::statement() const {
  sim::Record record{.kind = sim::RecordKind::voted,
                     .detail = static_cast<std::uint8_t>(VoteType::timeout),
                     .round = static_cast<std::uint32_t>(timeout.round.value),
                     .height = timeout.high_qc != nullptr ? timeout.high_qc->height.value : 0};
  return timeout.high_qc != nullptr ? record.with_id(timeout.high_qc->block) : record;
}

std::uint64_t TimeoutMessage::signature_count() const {
  return 1 + signers_of(timeout.high_qc) + signers_of(timeout.last_tc);
}

MessagePtr TimeoutMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                                  const Signer& signer) const {
  Timeout copy = timeout;
  copy.voter = as;
  if (changes.round) copy.round = *changes.round;
  if (changes.valid_round) copy.high_qc_round = *changes.valid_round;
  copy.signature = signer.sign(as.value, copy.signed_digest());
  return MessagePtr{pool.make<TimeoutMessage>(std::move(copy), committed, message_kind())};
}

MessagePtr TimeoutMessage::rebased(sim::MessagePool& pool, const ConsensusMessage& older) const {
  const auto* other = dynamic_cast<const ChainedProposalMessage*>(&older);
  if (other == nullptr || other->proposal.block == nullptr) return {};
  Timeout copy = timeout;
  copy.high_qc = parent_cert(other->proposal.block);
  copy.high_qc_round = copy.high_qc->round;
  return MessagePtr{pool.make<TimeoutMessage>(std::move(copy), committed, message_kind())};
}

CertificateMessage::CertificateMessage(NodeId node, Epoch e, QuorumCertPtr q, TimeoutCertPtr t, Height c,
                                       bool is_answer)
    : ConsensusMessage(MessageKind::certificate, MessageClass::consensus),
      epoch(e),
      qc(std::move(q)),
      tc(std::move(t)),
      committed(c),
      answer(is_answer) {
  author = node;
  wire_bytes = plus(plus(certificate_wire_bytes, bytes_of(qc)), bytes_of(tc));
}

void CertificateMessage::fill(MessageFields& f) const {
  if (qc != nullptr) {
    f.height = qc->height;
    f.block = qc->block;
    f.round = qc->round;
  }
  if (tc != nullptr) f.round = tc->round;
}

std::uint64_t CertificateMessage::signature_count() const { return signers_of(qc) + signers_of(tc); }

void hash_chained_content(const MessagePtr& message, HashBuilder& h) {
  h.add(message.get() != nullptr);
  if (!message) return;
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  h.add(any.kind);
  switch (any.message_kind()) {
    case MessageKind::proposal: {
      const auto& m = static_cast<const ChainedProposalMessage&>(any);
      h.add(m.epoch).add(m.proposal.signed_digest()).add(m.proposal.proposer).add(m.proposal.signature.handle);
      h.add(m.committed);
      hash_cert(m.tc, h);
      break;
    }
    case MessageKind::timeout:
    case MessageKind::new_view: {
      const auto& m = static_cast<const TimeoutMessage&>(any);
      h.add(m.timeout.signed_digest()).add(m.timeout.voter).add(m.timeout.signature.handle).add(m.committed);
      hash_cert(m.timeout.high_qc, h);
      hash_cert(m.timeout.last_tc, h);
      break;
    }
    case MessageKind::certificate: {
      const auto& m = static_cast<const CertificateMessage&>(any);
      h.add(m.epoch).add(m.committed).add(m.answer);
      hash_cert(m.qc, h);
      hash_cert(m.tc, h);
      break;
    }
    case MessageKind::vote: static_cast<const VoteMessage&>(any).vote.hash_into(h); break;
    default: break;
  }
}

bool same_chained_content(const MessagePtr& a, const MessagePtr& b) {
  if (a.get() == b.get()) return true;
  if (!a || !b || a->kind != b->kind) return false;
  HashBuilder x;
  HashBuilder y;
  hash_chained_content(a, x);
  hash_chained_content(b, y);
  return x.finish() == y.finish();
}

}  // namespace seqlab::protocols
