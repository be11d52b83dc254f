// What MonadBFT proves things with, beyond quorum certificates: tips, no-endorsement certificates (NEC) and timeout
// certificates (TC) in groups. All are shared by pointer and never change.
//
// A tip is the header of a fresh block signed by the leader of its round, with the certificate that lets it stand on an
// older QC. The header is represented by the whole block; whoever holds a tip reads header fields only, and counts the
// transactions as unknown until the block itself has come (BranchStore). Sizes on the wire are those of a header.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <vector>

#include "protocols/consensus/chained/certificates.hpp"

namespace seqlab::protocols {

struct SignerSignature {
  NodeId voter{no_node};
  Signature signature{};
  friend bool operator==(const SignerSignature&, const SignerSignature&) = default;
};

/// "I do not have the block of the tip that the last round's TC names": a quorum of these lets the leader of `round`
/// build on that tip's own QC instead of proposing it again.
struct NoEndorsementCert {
  Epoch epoch{};
  Round round{};
  Round tip_qc_round{};                         ///< of the QC that the tip stands on
  std::vector<SignerSignature> signatures{};    ///< sorted by voter, distinct
};
using NoEndorsementCertPtr = std::shared_ptr<const NoEndorsementCert>;

struct MonadTimeoutCert;
using MonadTimeoutCertPtr = std::shared_ptr<const MonadTimeoutCert>;

struct Tip {
  BlockPtr block{};
  Signature signature{};                 ///< of the leader of `block->round` under its proposal
  NoEndorsementCertPtr nec{};            ///< at most one of these, only if the QC is not of the round before
  MonadTimeoutCertPtr no_tip{};          ///< a TC that names a QC
};
using TipPtr = std::shared_ptr<const Tip>;

/// Timeouts that report the same rounds, under one multi-signature.
struct TimeoutGroup {
  Round high_qc_round{};
  Round high_tip_round = no_round;       ///< none: the signers sent a QC
  std::vector<SignerSignature> signers{};  ///< sorted by voter, distinct
  friend bool operator==(const TimeoutGroup&, const TimeoutGroup&) = default;
};

struct MonadTimeoutCert {
  Epoch epoch{};
  Round round{};
  std::vector<TimeoutGroup> groups{};    ///< sorted by (tip round, QC round)
  QuorumCertPtr high_qc{};               ///< the highest-ranked that a timeout carried: this or
  TipPtr high_tip{};                     ///< this, never both
};

/// How high a QC or a tip ranks: by the QC's round or the tip's block round, a QC before a tip of the same round,
/// among tips of one round by their QC.
struct ExtendRank {
  Round round{};
  bool is_qc = false;
  Round qc_round{};
  friend auto operator<=>(const ExtendRank&, const ExtendRank&) = default;
};
inline ExtendRank rank_of(Round high_qc_round, Round high_tip_round) {
  const bool is_qc = high_tip_round == no_round;
  return {is_qc ? high_qc_round : high_tip_round, is_qc, high_qc_round};
}

Hash128 no_endorsement_digest(Epoch epoch, Round round, Round tip_qc_round);
/// What the leader of the block's round signs when it proposes it, fresh.
Hash128 fresh_digest(const Block& block);

/// A quorum of distinct members said so, every signature good.
/// @return none, or the first fault: malformed, not_a_member, bad_certificate, bad_signature
Reject check_no_endorsement_cert(const NoEndorsementCert& cert, const Committee& committee, Power quorum,
                                 Signatures& signatures);

/// Groups well formed (rounds below the TC's, a tip above its QC), signers sorted, members, in one group only, together
/// at least `quorum`. Signatures are not looked at.
Reject check_timeout_groups(const MonadTimeoutCert& cert, const Committee& committee, Power quorum);
/// Every signature over its group's rounds.
Reject check_timeout_signatures(const MonadTimeoutCert& cert, Signatures& signatures);
/// Highest rank that a group reports. @pre there is a group
ExtendRank highest_rank(const MonadTimeoutCert& cert);

std::uint32_t encoded_bytes(const Tip& tip);
std::uint32_t encoded_bytes(const MonadTimeoutCert& cert);
/// Signatures that a receiver has to check.
std::uint64_t signature_count(const TipPtr& tip);
std::uint64_t signature_count(const MonadTimeoutCertPtr& cert);

void hash_cert(const TipPtr& tip, HashBuilder& h);
void hash_cert(const MonadTimeoutCertPtr& cert, HashBuilder& h);
void hash_cert(const NoEndorsementCertPtr& cert, HashBuilder& h);

}  // namespace seqlab::protocols
