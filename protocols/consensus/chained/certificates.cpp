#include "protocols/consensus/chained/certificates.hpp"

#include <algorithm>

#include "protocols/consensus/certificates.hpp"

namespace seqlab::protocols {

bool same_cert(const QuorumCertPtr& a, const QuorumCertPtr& b) {
  return a.get() == b.get() || (a != nullptr && b != nullptr && *a == *b);
}

bool same_cert(const TimeoutCertPtr& a, const TimeoutCertPtr& b) {
  if (a.get() == b.get()) return true;
  return a != nullptr && b != nullptr && a->epoch == b->epoch && a->round == b->round &&
         a->signatures == b->signatures && same_cert(a->high_qc, b->high_qc);
}

void hash_cert(const QuorumCertPtr& cert, HashBuilder& h) {
  h.add(cert != nullptr);
  if (cert == nullptr) return;
  h.add(cert->height).add(cert->round).add(cert->block).add(cert->signatures.size());
  for (const CommitSignature& s : cert->signatures) h.add(s.voter).add(s.signature.handle);
  if (cert->epoch != Epoch{}) h.add(hash_domain("epoch")).add(cert->epoch);
}

void hash_cert(const TimeoutCertPtr& cert, HashBuilder& h) {
  h.add(cert != nullptr);
  if (cert == nullptr) return;
  h.add(cert->epoch).add(cert->round).add(cert->signatures.size());
  for (const TimeoutSignature& s : cert->signatures) {
    h.add(s.voter).add(s.high_qc_round).add(s.high_tip_round).add(s.signature.handle);
  }
  hash_cert(cert->high_qc, h);
}

QuorumCertPtr parent_cert(const BlockPtr& block) { return {block, &block->last_commit}; }

QuorumCertPtr signed_cert(const Commit& commit) {
  auto cert = std::make_shared<QuorumCert>();
  cert->height = commit.descendants.empty() ? commit.height : commit.descendants.back()->height;
  cert->block = commit.descendants.empty() ? commit.block : commit.descendants.back()->id;
  cert->round = commit.round;
  cert->type = commit.type;
  cert->signatures = commit.signatures;
  cert->epoch = commit.epoch;
  return cert;
}

Hash128 timeout_digest(Epoch epoch, Round round, Round high_qc_round, Round high_tip_round) {
  return FieldHash<5>{}
      .add(hash_domain("timeout"))
      .add(epoch)
      .add(round)
      .add(high_qc_round)
      .add(high_tip_round)
      .finish();
}

namespace {

/// Sorted, distinct, members, enough: what comes before the costly part.
template <class List>
Reject check_signers(const List& signers, const Committee& committee, Power quorum) {
  Power power = 0;
  NodeId last = no_node;
  for (const auto& s : signers) {
    if (last != no_node && s.voter <= last) return Reject::malformed;
    last = s.voter;
    const Power p = committee.power_of(s.voter);
    if (p == 0) return Reject::not_a_member;
    power += p;
  }
  return power < quorum ? Reject::bad_certificate : Reject::none;
}

}  // namespace

Reject check_quorum_cert(const QuorumCert& cert, const Committee& committee, Power quorum, Signatures& signatures) {
  if (cert.type != VoteType::vote || !cert.block || cert.round.value < 1 || cert.height.value < 1 ||
      !cert.descendants.empty()) {
    return Reject::malformed;
  }
  if (const Reject why = check_signers(cert.signatures, committee, quorum); why != Reject::none) return why;
  for (const CommitSignature& s : cert.signatures) {
    if (!signatures.verify(s.voter.value, vote_of(cert, s).signed_digest(), s.signature)) return Reject::bad_signature;
  }
  return Reject::none;
}

Reject check_timeout_cert(const TimeoutCert& cert, const Committee& committee, Power quorum, Signatures& signatures) {
  if (cert.round.value < 1 || cert.high_qc == nullptr) return Reject::malformed;
  if (const Reject why = check_signers(cert.signatures, committee, quorum); why != Reject::none) return why;
  for (const TimeoutSignature& s : cert.signatures) {
    if (s.high_qc_round >= cert.round || s.high_tip_round > cert.round) return Reject::malformed;
    const Hash128 digest = timeout_digest(cert.epoch, cert.round, s.high_qc_round, s.high_tip_round);
    if (!signatures.verify(s.voter.value, digest, s.signature)) return Reject::bad_signature;
  }
  return Reject::none;
}

Round highest_signed_round(const TimeoutCert& cert) {
  Round highest = no_round;
  for (const TimeoutSignature& s : cert.signatures) highest = std::max(highest, s.high_qc_round);
  return highest;
}

Reject check_descendants(const Block& block, const Commit& commit) {
  if (commit.block != block.id || commit.height != block.height || commit.type != VoteType::vote) {
    return Reject::malformed;
  }
  const Block* parent = &block;
  for (const BlockPtr& d : commit.descendants) {
    const bool linked = d != nullptr && d->parent == parent->id && d->height == next(parent->height) &&
                        d->last_commit.block == parent->id && d->last_commit.height == parent->height &&
                        d->id == d->compute_id();
    if (!linked) return Reject::malformed;
    parent = d.get();
  }
  return Reject::none;
}

std::uint32_t encoded_bytes(const TimeoutCert& cert) {
  // A signer's part: node, two rounds, signature.
  const auto signers = static_cast<std::uint32_t>(cert.signatures.size());
  const std::uint32_t qc = cert.high_qc != nullptr ? encoded_bytes(*cert.high_qc) : 0;
  return 4 + 4 + 4 + signers * (4 + 4 + 4 + signature_bytes) + qc;
}

}  // namespace seqlab::protocols
