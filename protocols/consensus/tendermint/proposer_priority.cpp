#include "protocols/consensus/tendermint/proposer_priority.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::protocols {

namespace {

std::int64_t clip(Int128 v) {
  constexpr Int128 least = std::numeric_limits<std::int64_t>::min();
  constexpr Int128 most = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(v, least, most));
}

Int128 floor_div(Int128 a, Int128 d) {
  Int128 q = a / d;
  if (a % d < 0) --q;
  return q;
}

}  // namespace

ProposerPriority::ProposerPriority(const Committee& genesis) { advance(Committee{}, genesis); }

void ProposerPriority::advance(const Committee& now, const Committee& next) {
  SEQLAB_ASSERT(next.size() > 0);
  if (!(now == next)) {
    // A joiner starts below everybody, so that leaving and joining again gains nothing. The total that counts is that
    // after the updates and before the removals, as in computeNewPriorities.
    Power removed = 0;
    for (const Validator& v : now.validators()) {
      if (next.index_of(v.node) < 0) removed += v.power;
    }
    const Int128 total = static_cast<Int128>(next.total()) + removed;
    const std::int64_t joiner = clip(-(total + (total >> 3U)));
    std::vector<std::int64_t> changed;
    changed.reserve(next.size());
    for (const Validator& v : next.validators()) {
      const std::int32_t before = now.index_of(v.node);
      changed.push_back(before < 0 ? joiner : priorities_[static_cast<std::size_t>(before)]);
    }
    priorities_ = std::move(changed);
    rescale_and_centre(next);
  }
  increment(next, 1);
}

void ProposerPriority::increment(const Committee& committee, std::uint32_t times) {
  SEQLAB_ASSERT(times > 0);
  rescale_and_centre(committee);
  for (std::uint32_t i = 0; i < times; ++i) step(committee);
}

std::vector<std::uint32_t> ProposerPriority::proposers_of_rounds(const Committee& committee,
                                                                 std::uint32_t rounds) const {
  std::vector<std::uint32_t> chosen;
  chosen.reserve(rounds);
  ProposerPriority copy = *this;
  if (rounds > 0) copy.rescale_and_centre(committee);
  for (std::uint32_t i = 0; i < rounds; ++i) {
    copy.step(committee);
    chosen.push_back(copy.proposer_);
  }
  return chosen;
}

void ProposerPriority::rescale_and_centre(const Committee& committee) {
  SEQLAB_ASSERT(priorities_.size() == committee.size() && !priorities_.empty());
  const auto [least, most] = std::ranges::minmax_element(priorities_);
  const Int128 spread = static_cast<Int128>(*most) - *least;
  const Int128 window = static_cast<Int128>(committee.total()) * 2;
  if (spread > window) {
    const auto ratio = static_cast<std::int64_t>((spread + window - 1) / window);
    for (std::int64_t& a : priorities_) a /= ratio;  // truncates toward zero
  }
  Int128 sum = 0;
  for (const std::int64_t a : priorities_) sum += a;
  const Int128 average = floor_div(sum, static_cast<Int128>(priorities_.size()));
  for (std::int64_t& a : priorities_) a = clip(a - average);
}

void ProposerPriority::step(const Committee& committee) {
  std::uint32_t best = 0;
  for (std::uint32_t i = 0; i < priorities_.size(); ++i) {
    priorities_[i] = clip(static_cast<Int128>(priorities_[i]) + committee[i].power);
    if (priorities_[i] > priorities_[best]) best = i;  // the committee is sorted by node: the first one wins a tie
  }
  priorities_[best] = clip(static_cast<Int128>(priorities_[best]) - committee.total());
  proposer_ = best;
}

void ProposerPriority::hash_into(HashBuilder& h) const {
  h.add(proposer_).add(priorities_.size());
  for (const std::int64_t a : priorities_) h.add(a);
}

}  // namespace seqlab::protocols
