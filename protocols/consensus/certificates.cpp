#include "protocols/consensus/certificates.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace seqlab::protocols {

Reject check_commit(const Commit& commit, Height height, BlockId block, const Committee& committee, Power quorum,
                    Signatures& signatures) {
  return check_certificate(commit, VoteType::precommit, height, block, committee, quorum, signatures);
}

Reject check_certificate(const Commit& commit, VoteType type, Height height, BlockId block, const Committee& committee,
                         Power quorum, Signatures& signatures) {
  if (commit.height != height || commit.block != block || !block || commit.type != type ||
      commit.round.value < 0) {
    return Reject::malformed;
  }
  Power power = 0;
  NodeId last = no_node;
  for (const CommitSignature& s : commit.signatures) {
    if (last != no_node && s.voter <= last) return Reject::malformed;
    last = s.voter;
    const Power p = committee.power_of(s.voter);
    if (p == 0) return Reject::not_a_member;
    power += p;
  }
  if (power < quorum) return Reject::bad_certificate;  // counted before the costly part
  for (const CommitSignature& s : commit.signatures) {
    if (!signatures.verify(s.voter.value, vote_of(commit, s).signed_digest(), s.signature)) {
      return Reject::bad_signature;
    }
  }
  return Reject::none;
}

Hash128& SignerSet::other(std::uint32_t number) {
  const auto at = std::ranges::lower_bound(others_, number, {}, &std::pair<std::uint32_t, Hash128>::first);
  if (at != others_.end() && at->first == number) return at->second;
  return others_.insert(at, {number, Hash128{}})->second;
}

void SignerSet::trace(const sim::Record& certified, Outbox& out) const {
  sim::Record signers = certified;
  signers.kind = sim::RecordKind::certificate_signers;
  if (first_) {
    signers.peer = NodeId{0};
    out.trace(signers.with_id(first_));
  }
  for (const auto& [number, window] : others_) {
    signers.peer = NodeId{number * window_nodes};
    out.trace(signers.with_id(window));
  }
  out.trace(certified);
}

void trace_certificate(const sim::Record& certified, const Commit& certificate, Outbox& out) {
  SignerSet signers;
  for (const CommitSignature& s : certificate.signatures) signers.add(s.voter);
  signers.trace(certified, out);
}

Vote vote_of(const Commit& commit, const CommitSignature& signature) {
  return {.height = commit.height,
          .round = commit.round,
          .type = commit.type,
          .voter = signature.voter,
          .block = commit.block,
          .timestamp = signature.timestamp,
          .signature = signature.signature};
}

SimTime weighted_median(const Commit& commit, const Committee& committee) {
  std::vector<std::pair<SimTime, Power>> times;
  times.reserve(commit.signatures.size());
  Power total = 0;
  for (const CommitSignature& s : commit.signatures) {
    const Power p = committee.power_of(s.voter);
    if (p == 0) continue;
    times.emplace_back(s.timestamp, p);
    total += p;
  }
  std::ranges::sort(times);
  Power median = total / 2;
  for (const auto& [time, power] : times) {
    if (median <= power) return time;
    median -= power;
  }
  return time_zero;
}

}  // namespace seqlab::protocols
