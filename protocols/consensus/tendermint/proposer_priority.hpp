// Who proposes: CometBFT's weighted round robin, bit for bit (types/validator_set.go). Pure integer arithmetic.
//
// Every validator has a signed priority. One step adds its power to each, picks the largest (ties: the lower node) and
// takes the total power from it. The set of height 1 has made one step from zero, that of height h + 1 is that of
// height h with the validator changes applied and one more step. The proposer of round r is found by r more steps on a
// copy, so rounds of different heights interact.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

class ProposerPriority {
 public:
  ProposerPriority() = default;
  /// The state of height 1: everybody joins at once, then one step.
  explicit ProposerPriority(const Committee& genesis);

  /// To the next height: joiners, leavers and changed powers from `now` to `next`, then one step. @pre next not empty
  void advance(const Committee& now, const Committee& next);
  /// The given number of steps after one rescaling and centring. @pre times > 0
  void increment(const Committee& committee, std::uint32_t times);

  /// Index of the member chosen by the last step.
  std::uint32_t proposer() const { return proposer_; }
  const std::vector<std::int64_t>& priorities() const { return priorities_; }  ///< by index in the committee

  /// Indices of the proposers of rounds 1 ... `rounds` of this height (round 0 is `proposer()`).
  std::vector<std::uint32_t> proposers_of_rounds(const Committee& committee, std::uint32_t rounds) const;

  friend bool operator==(const ProposerPriority&, const ProposerPriority&) = default;
  void hash_into(HashBuilder& h) const;

 private:
  void rescale_and_centre(const Committee& committee);
  void step(const Committee& committee);

  std::vector<std::int64_t> priorities_;
  std::uint32_t proposer_ = 0;
};

}  // namespace seqlab::protocols
