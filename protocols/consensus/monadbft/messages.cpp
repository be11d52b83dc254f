#include "protocols/consensus/monadbft/messages.hpp"

#include <algorithm>
#include <utility>

#include "protocols/consensus/forge.hpp"
#include "protocols/consensus/reproposal.hpp"

namespace seqlab::protocols {

using sim::MessageClass;

namespace {

constexpr std::uint32_t timeout_wire_bytes = 152;  // without certificates
constexpr std::uint32_t small_wire_bytes = 64;
constexpr std::uint32_t no_endorsement_wire_bytes = 136;

std::uint32_t plus(std::uint32_t a, std::uint32_t b) { return a + b < a ? ~std::uint32_t{0} : a + b; }
std::uint32_t bytes_of(const QuorumCertPtr& c) { return c != nullptr ? encoded_bytes(*c) : 0; }
std::uint32_t bytes_of(const MonadTimeoutCertPtr& c) { return c != nullptr ? encoded_bytes(*c) : 0; }
std::uint32_t bytes_of(const TipPtr& t) { return t != nullptr ? encoded_bytes(*t) : 0; }
std::uint64_t signers_of(const QuorumCertPtr& c) { return c != nullptr ? c->signatures.size() : 0; }

/// A timeout certificate of the round before the proposal's whose groups have one signer each, always the same. The
/// first reports the certificate of the proposal's block, each other an older one.
MonadTimeoutCertPtr lone_tc(Epoch epoch, const Proposal& proposal, NodeId as, const Signer& signer) {
  MonadTimeoutCert out{epoch, previous(proposal.round), {}, parent_cert(proposal.block), nullptr};
  const std::size_t count = std::max<std::size_t>(out.high_qc->signatures.size(), 1);
  Round reported = out.high_qc->round;
  for (std::size_t i = 0; i < count; ++i, reported = previous(reported)) {
    const Hash128 digest = timeout_digest(epoch, out.round, reported);
    out.groups.push_back({reported, no_round, {{as, signer.sign(as.value, digest)}}});
  }
  std::ranges::sort(out.groups, {}, &TimeoutGroup::high_qc_round);
  return std::make_shared<const MonadTimeoutCert>(std::move(out));
}

}  // namespace

MonadProposalMessage::MonadProposalMessage(Epoch e, Proposal p, TipPtr t, MonadTimeoutCertPtr c, Height h)
    : ChainedProposalMessage(e, std::move(p), nullptr, h), tip(std::move(t)), last_tc(std::move(c)) {
  wire_bytes = plus(wire_bytes, bytes_of(last_tc));
  if (const std::uint32_t more = bytes_of(tip); more > block_header_bytes) {
    wire_bytes = plus(wire_bytes, more - block_header_bytes);  // the header is in the block
  }
}

sim::Record MonadProposalMessage::statement() const {
  sim::Record record = ChainedProposalMessage::statement();
  const bool again = proposal.valid_round.value >= 0;
  record.flags = again ? reproposal_flags(static_cast<std::uint32_t>(proposal.valid_round.value)) : std::uint16_t{0};
  return record;
}

std::uint64_t MonadProposalMessage::signature_count() const {
  const std::uint64_t again = proposal.valid_round != no_round ? 1 : 0;
  return again + protocols::signature_count(tip) + protocols::signature_count(last_tc);
}

MessagePtr MonadProposalMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                                        const Signer& signer) const {
  Proposal copy = changed(as, changes, signer);
  TipPtr forged_tip = tip;
  MonadTimeoutCertPtr reason = last_tc;
  if (tip != nullptr && copy.block != nullptr && copy.block->round == copy.round) {
    NoEndorsementCertPtr nec = tip->nec;
    MonadTimeoutCertPtr no_tip = tip->no_tip;
    if (changes.lowered_tc && last_tc != nullptr) {
      MonadTimeoutCert other = *last_tc;
      other.high_qc = parent_cert(copy.block);
      other.high_tip = nullptr;
      reason = no_tip = std::make_shared<const MonadTimeoutCert>(std::move(other));
      nec = nullptr;
    }
    if (changes.lone_tc && next(copy.block->last_commit.round) < copy.round) {
      reason = no_tip = lone_tc(epoch, copy, as, signer);
      nec = nullptr;
    }
    copy.valid_round = no_round;
    copy.signature = signer.sign(as.value, copy.signed_digest());
    forged_tip = std::make_shared<const Tip>(Tip{copy.block, copy.signature, nec, no_tip});
  }
  return MessagePtr{
      pool.make<MonadProposalMessage>(epoch, std::move(copy), std::move(forged_tip), std::move(reason), committed)};
}

MessagePtr MonadProposalMessage::rebased(sim::MessagePool& pool, const ConsensusMessage& older) const {
  Proposal p = moved(older);
  if (p.block == nullptr) return {};
  return MessagePtr{pool.make<MonadProposalMessage>(epoch, std::move(p), tip, last_tc, committed)};
}

MonadTimeoutMessage::MonadTimeoutMessage(MonadTimeout t, Height c)
    : ConsensusMessage(MessageKind::timeout, MessageClass::consensus), timeout(std::move(t)), committed(c) {
  author = timeout.voter;
  wire_bytes = plus(plus(timeout_wire_bytes, bytes_of(timeout.high_qc)), bytes_of(timeout.high_tip));
  wire_bytes = plus(wire_bytes, plus(bytes_of(timeout.last.qc), bytes_of(timeout.last.tc)));
}

void MonadTimeoutMessage::fill(MessageFields& f) const {
  f.round = timeout.round;
  f.valid_round = timeout.high_tip != nullptr ? timeout.high_tip_round : timeout.high_qc_round;
  if (timeout.high_tip != nullptr && timeout.high_tip->block != nullptr) {
    f.height = timeout.high_tip->block->height;
    f.block = timeout.high_tip->block->id;
  } else if (timeout.high_qc != nullptr) {
    f.height = timeout.high_qc->height;
    f.block = timeout.high_qc->block;
  }
}

sim::Record MonadTimeoutMessage::statement() const {
  MessageFields f;
  fill(f);
  sim::Record record{.kind = sim::RecordKind::voted,
                     .detail = static_cast<std::uint8_t>(VoteType::timeout),
                     .round = static_cast<std::uint32_t>(timeout.round.value),
                     .height = f.height.value};
  return record.with_id(f.block);
}

std::uint64_t MonadTimeoutMessage::signature_count() const {
  return 1 + signers_of(timeout.high_qc) + protocols::signature_count(timeout.high_tip) + signers_of(timeout.last.qc) +
         protocols::signature_count(timeout.last.tc);
}

MessagePtr MonadTimeoutMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                                       const Signer& signer) const {
  MonadTimeout copy = timeout;
  copy.voter = as;
  if (changes.round) copy.round = *changes.round;
  if (changes.valid_round) {
    (copy.high_tip != nullptr ? copy.high_tip_round : copy.high_qc_round) = *changes.valid_round;
  }
  copy.signature = signer.sign(as.value, copy.signed_digest());
  return MessagePtr{pool.make<MonadTimeoutMessage>(std::move(copy), committed)};
}

MessagePtr MonadTimeoutMessage::rebased(sim::MessagePool& pool, const ConsensusMessage& older) const {
  const auto* other = dynamic_cast<const ChainedProposalMessage*>(&older);
  const bool whole = timeout.high_tip != nullptr ? timeout.high_tip->block != nullptr : timeout.high_qc != nullptr;
  if (other == nullptr || other->proposal.block == nullptr || !whole) return {};
  MonadTimeout copy = timeout;
  // What opened the round has to be told once the certificate no longer tells it.
  if (copy.last.qc == nullptr && copy.last.tc == nullptr) {
    copy.last.qc = timeout.high_tip != nullptr ? parent_cert(timeout.high_tip->block) : timeout.high_qc;
  }
  copy.high_tip = nullptr;
  copy.high_tip_round = no_round;
  copy.high_qc = parent_cert(other->proposal.block);
  copy.high_qc_round = copy.high_qc->round;
  return MessagePtr{pool.make<MonadTimeoutMessage>(std::move(copy), committed)};
}

RoundRecoveryMessage::RoundRecoveryMessage(NodeId leader, Epoch e, Round r, MonadTimeoutCertPtr t, Height c)
    : ConsensusMessage(MessageKind::recovery, MessageClass::consensus),
      epoch(e),
      round(r),
      tc(std::move(t)),
      committed(c) {
  author = leader;
  wire_bytes = plus(small_wire_bytes, bytes_of(tc));
}

void RoundRecoveryMessage::fill(MessageFields& f) const {
  f.round = round;
  if (tc == nullptr || tc->high_tip == nullptr || tc->high_tip->block == nullptr) return;
  f.height = tc->high_tip->block->height;
  f.block = tc->high_tip->block->id;
}

std::uint64_t RoundRecoveryMessage::signature_count() const { return protocols::signature_count(tc); }

NoEndorsementMessage::NoEndorsementMessage(NoEndorsement n, Height c)
    : ConsensusMessage(MessageKind::no_endorsement, MessageClass::consensus), no_endorsement(n), committed(c) {
  author = no_endorsement.voter;
  wire_bytes = no_endorsement_wire_bytes;
}

void NoEndorsementMessage::fill(MessageFields& f) const {
  f.round = no_endorsement.round;
  f.valid_round = no_endorsement.tip_qc_round;
}

MessagePtr NoEndorsementMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                                        const Signer& signer) const {
  NoEndorsement copy = no_endorsement;
  copy.voter = as;
  if (changes.round) copy.round = *changes.round;
  if (changes.valid_round) copy.tip_qc_round = *changes.valid_round;
  copy.signature = signer.sign(as.value, copy.signed_digest());
  return MessagePtr{pool.make<NoEndorsementMessage>(copy, committed)};
}

AdvanceRoundMessage::AdvanceRoundMessage(NodeId node, Epoch e, RoundCert c, Height h, bool is_answer)
    : ConsensusMessage(MessageKind::certificate, MessageClass::consensus),
      epoch(e),
      cert(std::move(c)),
      committed(h),
      answer(is_answer) {
  author = node;
  wire_bytes = plus(small_wire_bytes, plus(bytes_of(cert.qc), bytes_of(cert.tc)));
}

void AdvanceRoundMessage::fill(MessageFields& f) const {
  if (cert.qc != nullptr) {
    f.height = cert.qc->height;
    f.block = cert.qc->block;
    f.round = cert.qc->round;
  }
  if (cert.tc != nullptr) f.round = cert.tc->round;
}

std::uint64_t AdvanceRoundMessage::signature_count() const {
  return signers_of(cert.qc) + protocols::signature_count(cert.tc);
}

void hash_monad_content(const MessagePtr& message, HashBuilder& h) {
  h.add(message.get() != nullptr);
  if (!message) return;
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  h.add(any.kind).add(any.author);
  switch (any.message_kind()) {
    case MessageKind::proposal: {
      const auto& m = static_cast<const MonadProposalMessage&>(any);
      h.add(m.epoch).add(m.proposal.signed_digest()).add(m.proposal.signature.handle).add(m.committed);
      hash_cert(m.tip, h);
      hash_cert(m.last_tc, h);
      break;
    }
    case MessageKind::timeout: {
      const auto& m = static_cast<const MonadTimeoutMessage&>(any);
      h.add(m.timeout.signed_digest()).add(m.timeout.signature.handle).add(m.committed);
      hash_cert(m.timeout.high_qc, h);
      hash_cert(m.timeout.high_tip, h);
      hash_cert(m.timeout.last.qc, h);
      hash_cert(m.timeout.last.tc, h);
      break;
    }
    case MessageKind::recovery: {
      const auto& m = static_cast<const RoundRecoveryMessage&>(any);
      h.add(m.epoch).add(m.round).add(m.committed);
      hash_cert(m.tc, h);
      break;
    }
    case MessageKind::certificate: {
      const auto& m = static_cast<const AdvanceRoundMessage&>(any);
      h.add(m.epoch).add(m.committed).add(m.answer);
      hash_cert(m.cert.qc, h);
      hash_cert(m.cert.tc, h);
      break;
    }
    case MessageKind::vote: static_cast<const VoteMessage&>(any).vote.hash_into(h); break;
    default: break;
  }
}

}  // namespace seqlab::protocols
