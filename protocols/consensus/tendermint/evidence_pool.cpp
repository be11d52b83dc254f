#include "protocols/consensus/tendermint/evidence_pool.hpp"

#include <algorithm>

namespace seqlab::protocols {

namespace {
/// Time of the block of the offence's height; of an offence in the height being decided, the time of the last block.
SimTime time_of(const Evidence& evidence, const ChainView& chain, SimTime fallback) {
  const BlockPtr block = chain.block(evidence.first.height);
  return block != nullptr ? block->timestamp : fallback;
}
}  // namespace

Evidence double_vote_evidence(const Vote& a, const Vote& b) {
  const bool in_order = a.block < b.block;
  return {.kind = EvidenceKind::double_vote,
          .offender = a.voter,
          .first = in_order ? a : b,
          .second = in_order ? b : a};
}

Reject EvidencePool::check(const Evidence& e, const ChainView& chain, Signatures& signatures) {
  const Vote& a = e.first;
  const Vote& b = e.second;
  const bool is_vote = a.type == VoteType::prevote || a.type == VoteType::precommit;
  if (e.kind != EvidenceKind::double_vote || !is_vote || a.type != b.type || a.height != b.height ||
      a.round != b.round || a.voter != e.offender || b.voter != e.offender || !(a.block < b.block) ||
      a.height.value == 0) {
    return Reject::malformed;
  }
  if (a.height.value > chain.height().value + 1) return Reject::far_future;
  if (chain.committee(a.height).power_of(e.offender) == 0) return Reject::not_a_member;
  if (!signatures.verify(e.offender.value, a.signed_digest(), a.signature) ||
      !signatures.verify(e.offender.value, b.signed_digest(), b.signature)) {
    return Reject::bad_signature;
  }
  return Reject::none;
}

bool EvidencePool::expired(const Evidence& evidence, SimTime block_time, const Clock& now,
                           const TendermintOptions& options) {
  const Height h = evidence.first.height;
  const bool old_height = now.height > h && now.height.value - h.value > options.evidence_age_blocks;
  // `now` is the greater one: the difference fits 64 bits without a sign, whatever a hostile proposer got committed.
  const std::uint64_t age = static_cast<std::uint64_t>(ns(now.time)) - static_cast<std::uint64_t>(ns(block_time));
  const bool old_time = now.time > block_time && age > static_cast<std::uint64_t>(ns(options.evidence_age));
  return old_height && old_time;
}

EvidencePool::Key EvidencePool::key_of(const Evidence& e) {
  return {e.first.height, e.first.round, e.first.type, e.offender};
}

bool EvidencePool::committed(const Evidence& evidence) const {
  return std::ranges::binary_search(committed_, key_of(evidence), {}, &Committed::key);
}

bool EvidencePool::knows(const Evidence& evidence) const {
  return committed(evidence) || std::ranges::binary_search(pending_, key_of(evidence), {}, key_of);
}

bool EvidencePool::add(const Evidence& evidence) {
  if (knows(evidence)) return false;
  pending_.insert(std::ranges::lower_bound(pending_, key_of(evidence), {}, key_of), evidence);
  return true;
}

std::vector<Evidence> EvidencePool::pending(std::size_t most) const {
  return {pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(std::min(most, pending_.size()))};
}

void EvidencePool::on_committed(const Block& block, const ChainView& chain, const Clock& now,
                                const TendermintOptions& options) {
  if (block.evidence.empty() && pending_.empty() && committed_.empty()) return;
  for (const Evidence& e : block.evidence) {
    const Key key = key_of(e);
    const auto at = std::ranges::lower_bound(committed_, key, {}, &Committed::key);
    if (at != committed_.end() && at->key == key) continue;
    committed_.insert(at, Committed{key, time_of(e, chain, block.timestamp)});
  }
  std::erase_if(pending_, [&](const Evidence& e) {
    return committed(e) || expired(e, time_of(e, chain, block.timestamp), now, options);
  });
  std::erase_if(committed_, [&](const Committed& c) {
    Evidence e;
    e.first.height = c.key.height;
    return expired(e, c.time, now, options);
  });
}

void EvidencePool::hash_into(HashBuilder& h) const {
  h.add(pending_.size());
  for (const Evidence& e : pending_) {
    h.add(e.kind).add(e.offender);
    e.first.hash_into(h);
    e.second.hash_into(h);
  }
  h.add(committed_.size());
  for (const Committed& c : committed_) {
    h.add(c.key.height).add(c.key.round).add(c.key.type).add(c.key.offender).add(ns(c.time));
  }
}

}  // namespace seqlab::protocols
