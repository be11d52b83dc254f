// Certificates of chained engines. A quorum certificate (QC) is a Commit of type `vote` as it stands in
// `block.last_commit`; a timeout certificate (TC) is the word of a quorum that a round is over, with the round of the
// highest QC that each signer knew. Certificates are shared by pointer and never change: engines copy cheaply.
//
// Rounds: the first round is 1; the block before the first one counts as certified in round 0 by the empty Commit. A
// TC's signature covers (epoch, round, high QC round, high tip round); the last one is MonadBFT's, others leave it at
// `no_round`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/messages.hpp"
#include "protocols/types/block.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

using QuorumCert = Commit;
using QuorumCertPtr = std::shared_ptr<const QuorumCert>;

struct TimeoutSignature {
  NodeId voter{no_node};
  Round high_qc_round{};
  Round high_tip_round = no_round;
  Signature signature{};
  friend bool operator==(const TimeoutSignature&, const TimeoutSignature&) = default;
};

struct TimeoutCert {
  Epoch epoch{};
  Round round{};
  std::vector<TimeoutSignature> signatures{};  ///< sorted by voter, distinct
  QuorumCertPtr high_qc{};                     ///< the highest that a signer sent along; never null
};
using TimeoutCertPtr = std::shared_ptr<const TimeoutCert>;

bool same_cert(const QuorumCertPtr& a, const QuorumCertPtr& b);  ///< by content; null only equals null
bool same_cert(const TimeoutCertPtr& a, const TimeoutCertPtr& b);
void hash_cert(const QuorumCertPtr& cert, HashBuilder& h);
void hash_cert(const TimeoutCertPtr& cert, HashBuilder& h);

/// The certificate that `block` carries for its parent, sharing the block's memory.
QuorumCertPtr parent_cert(const BlockPtr& block);
/// What a commit with `descendants` was signed for: the QC of the last of them (the commit's own without any).
QuorumCertPtr signed_cert(const Commit& commit);

/// What a member signs when it gives up `round`.
Hash128 timeout_digest(Epoch epoch, Round round, Round high_qc_round, Round high_tip_round = no_round);

/// Type vote, a block, signers sorted, distinct and members of `committee`, together at least `quorum`, every signature
/// good. @return none, or the first fault: malformed, bad_certificate, not_a_member, bad_signature
Reject check_quorum_cert(const QuorumCert& cert, const Committee& committee, Power quorum, Signatures& signatures);

/// The same for the signatures of a TC, each over its own rounds, all of them below the TC's round. Its `high_qc` is
/// not looked at: see `highest_signed_round`.
Reject check_timeout_cert(const TimeoutCert& cert, const Committee& committee, Power quorum, Signatures& signatures);

/// Greatest QC round that a signer of the TC put its name to. The QC that comes along has to be of that round.
Round highest_signed_round(const TimeoutCert& cert);

/// Links of a commit proof: `commit` is for `block`, its descendants lead from the block's child to the certified one,
/// each names its parent, carries a certificate for it, and has the id of its content. Signatures and the engine's
/// commit rule come on top.
Reject check_descendants(const Block& block, const Commit& commit);

std::uint32_t encoded_bytes(const TimeoutCert& cert);

}  // namespace seqlab::protocols
