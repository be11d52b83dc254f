#include "protocols/consensus/chained/collectors.hpp"

namespace seqlab::protocols {

Collected VoteCollector::add(std::uint32_t index, Power power, const Vote& vote, std::size_t members) {
  if (slots_.size() < members) slots_.resize(members);
  Slot& slot = slots_[index];
  if (slot.tally != none) {
    last_ = slot.tally;
    return tallies_[slot.tally].block == vote.block ? Collected::duplicate : Collected::conflict;
  }
  std::uint32_t t = 0;
  const auto same = [&](const Tally& x) {
    return x.block == vote.block && x.height == vote.height && x.epoch == vote.epoch;
  };
  while (t < tallies_.size() && !same(tallies_[t])) ++t;
  if (t == tallies_.size()) tallies_.push_back(Tally{vote.block, vote.height, vote.epoch, 0});
  slot = Slot{vote.signature, vote.timestamp, t};
  tallies_[t].power += power;
  total_ += power;
  last_ = t;
  return Collected::counted;
}

Vote VoteCollector::vote_of(std::uint32_t index, NodeId voter) const {
  if (index >= slots_.size() || slots_[index].tally == none) return {};
  const Slot& s = slots_[index];
  const Tally& t = tallies_[s.tally];
  return {t.height, round, VoteType::vote, voter, t.block, s.timestamp, s.signature, t.epoch};
}

QuorumCertPtr VoteCollector::certificate(BlockId block, const Committee& committee) const {
  auto cert = std::make_shared<QuorumCert>();
  // A liar's vote may have come first: for the same block, at a height where it is not.
  std::uint32_t t = 0;
  while (tallies_[t].block != block) ++t;
  for (std::uint32_t i = t + 1; i < tallies_.size(); ++i) {
    if (tallies_[i].block == block && tallies_[i].power > tallies_[t].power) t = i;
  }
  cert->height = tallies_[t].height;
  cert->epoch = tallies_[t].epoch;
  cert->round = round;
  cert->block = block;
  cert->type = VoteType::vote;
  cert->signatures.reserve(slots_.size());
  for (std::uint32_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].tally == t) cert->signatures.push_back({committee[i].node, slots_[i].timestamp, slots_[i].signature});
  }
  return cert;
}

void VoteCollector::clear(Round next) {
  round = next;
  slots_.clear();
  tallies_.clear();
  last_ = 0;
  total_ = 0;
}

bool operator==(const VoteCollector& a, const VoteCollector& b) {
  return a.round == b.round && a.total_ == b.total_ && a.tallies_ == b.tallies_ && a.slots_ == b.slots_;
}

void VoteCollector::hash_into(HashBuilder& h) const {
  h.add(round).add(total_).add(tallies_.size());
  for (const Tally& t : tallies_) {
    h.add(t.block).add(t.height).add(t.power);
    if (t.epoch != Epoch{}) h.add(hash_domain("epoch")).add(t.epoch);
  }
  h.add(slots_.size());
  for (const Slot& s : slots_) h.add(s.signature.handle).add(ns(s.timestamp)).add(s.tally);
}

Collected TimeoutCollector::add(std::uint32_t index, Power power, const Timeout& timeout, std::size_t members) {
  if (slots_.size() < members) slots_.resize(members);
  TimeoutSignature& slot = slots_[index];
  if (slot.voter != no_node) return Collected::duplicate;
  slot = {timeout.voter, timeout.high_qc_round, timeout.high_tip_round, timeout.signature};
  total_ += power;
  if (timeout.high_qc_round > high_round_) {
    high_round_ = timeout.high_qc_round;
    high_qc_ = timeout.high_qc;
  }
  return Collected::counted;
}

TimeoutCertPtr TimeoutCollector::certificate(Epoch epoch) const {
  auto cert = std::make_shared<TimeoutCert>();
  cert->epoch = epoch;
  cert->round = round;
  cert->high_qc = high_qc_;
  cert->signatures.reserve(slots_.size());
  for (const TimeoutSignature& s : slots_) {
    if (s.voter != no_node) cert->signatures.push_back(s);
  }
  return cert;
}

void TimeoutCollector::clear(Round next) {
  round = next;
  slots_.clear();
  total_ = 0;
  high_round_ = no_round;
  high_qc_ = nullptr;
}

bool operator==(const TimeoutCollector& a, const TimeoutCollector& b) {
  return a.round == b.round && a.total_ == b.total_ && a.slots_ == b.slots_ && a.high_round_ == b.high_round_ &&
         same_cert(a.high_qc_, b.high_qc_);
}

void TimeoutCollector::hash_into(HashBuilder& h) const {
  h.add(round).add(total_).add(slots_.size());
  for (const TimeoutSignature& s : slots_) {
    h.add(s.voter).add(s.high_qc_round).add(s.high_tip_round).add(s.signature.handle);
  }
  hash_cert(high_qc_, h);
}

}  // namespace seqlab::protocols
