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

void trace_certificate(const sim::Record& certified, const SignerSet& signers, Outbox& out) {
  sim::Record record = certified;
  record.kind = sim::RecordKind::certificate_signers;
  for (const SignerSet::Window& window : signers.windows()) {
    record.peer = window.first;
    out.trace(record.with_id(window.nodes));
  }
  out.trace(certified);
}

void trace_certificate(const sim::Record& certified, const Commit& certificate, Outbox& out) {
  if (certificate.signatures.empty()) return out.trace(certified);
  trace_certificate(certified, certificate.signatures.signers(), out);
}

Vote vote_of(const Commit& commit, const CommitSignature& signature) {
  return {.height = commit.height,
          .round = commit.round,
          .type = commit.type,
          .voter = signature.voter,
          .block = commit.block,
          .timestamp = signature.timestamp,
          .signature = signature.signature,
          .epoch = commit.epoch};
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
