#include "protocols/consensus/chained/leader_schedule.hpp"

#include <algorithm>
#include <numeric>

#include "sim/base/fixed_point.hpp"

namespace seqlab::protocols {

Duration round_timeout(const PacemakerOptions& options, std::int64_t rounds_since_commit) {
  constexpr std::int64_t longest = std::int64_t{1} << 56U;  // two years: growth ends there
  const std::int64_t late = rounds_since_commit - options.growth_lag;
  const std::int64_t steps = std::clamp<std::int64_t>(late, 0, options.growth_steps_max);
  std::int64_t t = ns(options.timeout);
  for (std::int64_t i = 0; i < steps && t < longest; ++i) {
    t = static_cast<std::int64_t>(static_cast<Uint128>(t) * options.growth_percent / 100);
  }
  return Duration{std::min(t, longest)};
}

void LeaderSchedule::start_epoch(const Committee& committee, Round first, const LeaderOptions& options) {
  options_ = options;
  committee_ = committee;
  first_ = first;
  at_ = 0;
  if (options_.election == LeaderElection::stake) priority_ = ProposerPriority{committee_};
}

NodeId LeaderSchedule::leader(Round round) {
  if (!options_.fixed.empty() && round.value >= 0) {
    const NodeId named = options_.fixed[static_cast<std::size_t>(round.value) % options_.fixed.size()];
    return committee_.index_of(named) >= 0 ? named : committee_[0].node;
  }
  const auto step = static_cast<std::uint64_t>(std::max(round.value - first_.value, 0));
  switch (options_.election) {
    case LeaderElection::stake: return by_priority(step);
    case LeaderElection::reputation: return by_reputation(round);
    case LeaderElection::round_robin: break;
  }
  return committee_[step % committee_.size()].node;
}

NodeId LeaderSchedule::by_priority(std::uint64_t step) {
  // From zero, priorities come back to where they were after as many steps as there are units of power.
  Power unit = 0;
  for (const Validator& v : committee_.validators()) unit = std::gcd(unit, v.power);
  const std::uint64_t target = step % static_cast<std::uint64_t>(committee_.total() / unit);
  if (target < at_) {
    priority_ = ProposerPriority{committee_};
    at_ = 0;
  }
  if (target > at_) priority_.increment(committee_, static_cast<std::uint32_t>(target - at_));
  at_ = target;
  return committee_[priority_.proposer()].node;
}

NodeId LeaderSchedule::by_reputation(Round round) const {
  std::vector<bool> active(committee_.size());
  const auto mark = [&](NodeId node) {
    if (const std::int32_t i = committee_.index_of(node); i >= 0) active[static_cast<std::size_t>(i)] = true;
  };
  std::uint32_t seen = 0;
  for (std::size_t i = past_.size(); i-- > 0 && seen < options_.reputation_window;) {
    if (past_[i].round.value > round.value - static_cast<std::int64_t>(options_.reputation_lag)) continue;
    ++seen;
    mark(past_[i].proposer);
    for (const NodeId voter : past_[i].voters) mark(voter);
  }
  using Wide = Uint128;
  const auto weight = [&](std::size_t i) {
    const std::uint32_t w = active[i] ? options_.reputation_active_weight : options_.reputation_inactive_weight;
    return static_cast<Wide>(committee_[i].power) * std::max(w, 1U);
  };
  Wide sum = 0;
  for (std::size_t i = 0; i < committee_.size(); ++i) sum += weight(i);
  const Hash128 drawn = FieldHash<4>{}.add(hash_domain("leader")).add(committee_.hash()).add(round).finish();
  Wide left = (static_cast<Wide>(drawn.hi) << 64U | drawn.lo) % sum;
  for (std::size_t i = 0; i < committee_.size(); ++i) {
    if (left < weight(i)) return committee_[i].node;
    left -= weight(i);
  }
  return committee_[0].node;
}

void LeaderSchedule::on_committed(const Block& block, const Commit& cert) {
  if (options_.election != LeaderElection::reputation) return;
  Past& past = past_.emplace_back(Past{block.round, block.proposer, {}});
  for (const CommitSignature& s : cert.signatures) past.voters.push_back(s.voter);
  // As many as the window needs, and those that are too young for it.
  const std::size_t most = std::size_t{options_.reputation_window} + options_.reputation_lag;
  if (past_.size() > most) past_.erase(past_.begin());
}

bool operator==(const LeaderSchedule& a, const LeaderSchedule& b) {
  return a.options_ == b.options_ && a.committee_ == b.committee_ && a.first_ == b.first_ && a.past_ == b.past_;
}

void LeaderSchedule::hash_into(HashBuilder& h) const {
  committee_.hash_into(h);
  h.add(first_).add(past_.size());
  for (const Past& p : past_) {
    h.add(p.round).add(p.proposer).add(p.voters.size());
    for (const NodeId v : p.voters) h.add(v);
  }
}

}  // namespace seqlab::protocols
