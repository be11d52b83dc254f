// Commits: made from votes, checked against the committee of their height.
#pragma once

#include "protocols/consensus/engine.hpp"
#include "protocols/types/block.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// Checks that `commit` proves that `block` was decided at `height`: type precommit, signers sorted, distinct and
/// members of `committee` (of that height), together at least `quorum`, every signature good.
/// @return none, or the first fault: malformed, bad_certificate, not_a_member, bad_signature
Reject check_commit(const Commit& commit, Height height, BlockId block, const Committee& committee, Power quorum,
                    Signatures& signatures);

/// The same for votes of another type, and for certificates that do not commit (of a parent, of a prepared block).
Reject check_certificate(const Commit& certificate, VoteType type, Height height, BlockId block,
                         const Committee& committee, Power quorum, Signatures& signatures);

/// The records of a certificate that a replica has seen: one `certificate_signers` for each 128 nodes of which some
/// signed, then `certified` itself.
void trace_certificate(const sim::Record& certified, const SignerSet& signers, Outbox& out);
void trace_certificate(const sim::Record& certified, const Commit& certificate, Outbox& out);

/// The vote that a signature of a commit stands for.
Vote vote_of(const Commit& commit, const CommitSignature& signature);

/// "BFT time": the median of the commit's timestamps, weighted by power; after CometBFT's WeightedMedian.
/// Signers outside of `committee` do not count; time_zero if nobody counts.
SimTime weighted_median(const Commit& commit, const Committee& committee);

}  // namespace seqlab::protocols
