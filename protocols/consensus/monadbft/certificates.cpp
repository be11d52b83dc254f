#include "protocols/consensus/monadbft/certificates.hpp"

#include <algorithm>

#include "protocols/consensus/messages.hpp"

namespace seqlab::protocols {

namespace {

// Multi-signatures: one aggregate and a bit a member.
constexpr std::uint32_t aggregate_bytes = 96;
std::uint32_t multi_signature_bytes(std::size_t signers) {
  return aggregate_bytes + static_cast<std::uint32_t>((signers + 7) / 8);
}
std::uint32_t plus(std::uint32_t a, std::uint32_t b) { return a + b < a ? ~std::uint32_t{0} : a + b; }

Reject check_signers(const std::vector<SignerSignature>& signers, const Committee& committee, Power& power) {
  NodeId last = no_node;
  for (const SignerSignature& s : signers) {
    if (last != no_node && s.voter <= last) return Reject::malformed;
    last = s.voter;
    const Power p = committee.power_of(s.voter);
    if (p == 0) return Reject::not_a_member;
    power += p;
  }
  return Reject::none;
}

void hash_signers(const std::vector<SignerSignature>& signers, HashBuilder& h) {
  h.add(signers.size());
  for (const SignerSignature& s : signers) h.add(s.voter).add(s.signature.handle);
}

}  // namespace

Hash128 no_endorsement_digest(Epoch epoch, Round round, Round tip_qc_round) {
  return FieldHash<4>{}.add(hash_domain("no_endorsement")).add(epoch).add(round).add(tip_qc_round).finish();
}

Hash128 fresh_digest(const Block& b) { return Proposal::digest_of(b.height, b.round, no_round, b.id, b.timestamp); }

Reject check_no_endorsement_cert(const NoEndorsementCert& cert, const Committee& committee, Power quorum,
                                 Signatures& signatures) {
  Power power = 0;
  if (const Reject why = check_signers(cert.signatures, committee, power); why != Reject::none) return why;
  if (power < quorum) return Reject::bad_certificate;
  const Hash128 digest = no_endorsement_digest(cert.epoch, cert.round, cert.tip_qc_round);
  for (const SignerSignature& s : cert.signatures) {
    if (!signatures.verify(s.voter.value, digest, s.signature)) return Reject::bad_signature;
  }
  return Reject::none;
}

Reject check_timeout_groups(const MonadTimeoutCert& cert, const Committee& committee, Power quorum) {
  if (cert.round.value < 1 || cert.groups.empty()) return Reject::malformed;
  Power power = 0;
  std::vector<NodeId> all;
  for (const TimeoutGroup& g : cert.groups) {
    const bool has_tip = g.high_tip_round != no_round;
    if (g.high_qc_round >= cert.round || g.signers.empty()) return Reject::malformed;
    if (has_tip && (g.high_tip_round <= g.high_qc_round || g.high_tip_round > cert.round)) return Reject::malformed;
    if (const Reject why = check_signers(g.signers, committee, power); why != Reject::none) return why;
    for (const SignerSignature& s : g.signers) all.push_back(s.voter);
  }
  std::ranges::sort(all);
  if (std::ranges::adjacent_find(all) != all.end()) return Reject::malformed;  // one signer in two groups
  return power < quorum ? Reject::bad_certificate : Reject::none;
}

Reject check_timeout_signatures(const MonadTimeoutCert& cert, Signatures& signatures) {
  for (const TimeoutGroup& g : cert.groups) {
    const Hash128 digest = timeout_digest(cert.epoch, cert.round, g.high_qc_round, g.high_tip_round);
    for (const SignerSignature& s : g.signers) {
      if (!signatures.verify(s.voter.value, digest, s.signature)) return Reject::bad_signature;
    }
  }
  return Reject::none;
}

ExtendRank highest_rank(const MonadTimeoutCert& cert) {
  ExtendRank highest = rank_of(cert.groups.front().high_qc_round, cert.groups.front().high_tip_round);
  for (const TimeoutGroup& g : cert.groups) highest = std::max(highest, rank_of(g.high_qc_round, g.high_tip_round));
  return highest;
}

std::uint32_t encoded_bytes(const Tip& tip) {
  if (tip.block == nullptr) return 0;  // hostile
  std::uint32_t bytes = plus(block_header_bytes + signature_bytes, encoded_bytes(tip.block->last_commit));
  if (tip.nec != nullptr) bytes = plus(bytes, 12 + multi_signature_bytes(tip.nec->signatures.size()));
  if (tip.no_tip != nullptr) bytes = plus(bytes, encoded_bytes(*tip.no_tip));
  return bytes;
}

std::uint32_t encoded_bytes(const MonadTimeoutCert& cert) {
  std::uint32_t bytes = 8;
  for (const TimeoutGroup& g : cert.groups) bytes = plus(bytes, 8 + multi_signature_bytes(g.signers.size()));
  if (cert.high_qc != nullptr) bytes = plus(bytes, encoded_bytes(*cert.high_qc));
  if (cert.high_tip != nullptr) bytes = plus(bytes, encoded_bytes(*cert.high_tip));
  return bytes;
}

std::uint64_t signature_count(const TipPtr& tip) {
  if (tip == nullptr || tip->block == nullptr) return 0;
  std::uint64_t count = 1 + tip->block->last_commit.signatures.size() + signature_count(tip->no_tip);
  if (tip->nec != nullptr) count += tip->nec->signatures.size();
  return count;
}

std::uint64_t signature_count(const MonadTimeoutCertPtr& cert) {
  if (cert == nullptr) return 0;
  std::uint64_t count = signature_count(cert->high_tip);
  if (cert->high_qc != nullptr) count += cert->high_qc->signatures.size();
  for (const TimeoutGroup& g : cert->groups) count += g.signers.size();
  return count;
}

void hash_cert(const NoEndorsementCertPtr& cert, HashBuilder& h) {
  h.add(cert != nullptr);
  if (cert == nullptr) return;
  h.add(cert->epoch).add(cert->round).add(cert->tip_qc_round);
  hash_signers(cert->signatures, h);
}

void hash_cert(const TipPtr& tip, HashBuilder& h) {
  h.add(tip != nullptr);
  if (tip == nullptr) return;
  h.add(tip->block != nullptr ? tip->block->id : BlockId{}).add(tip->signature.handle);
  hash_cert(tip->nec, h);
  hash_cert(tip->no_tip, h);
}

void hash_cert(const MonadTimeoutCertPtr& cert, HashBuilder& h) {
  h.add(cert != nullptr);
  if (cert == nullptr) return;
  h.add(cert->epoch).add(cert->round).add(cert->groups.size());
  for (const TimeoutGroup& g : cert->groups) {
    h.add(g.high_qc_round).add(g.high_tip_round);
    hash_signers(g.signers, h);
  }
  hash_cert(cert->high_qc, h);
  hash_cert(cert->high_tip, h);
}

}  // namespace seqlab::protocols
