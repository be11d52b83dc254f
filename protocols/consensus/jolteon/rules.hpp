// What Jolteon decides in its own way. J1 ... J10 are explained in NOTES.md.
#pragma once

#include <span>

#include "protocols/consensus/chained/rules.hpp"
#include "protocols/consensus/jolteon/options.hpp"

namespace seqlab::protocols {

struct JolteonRules : ChainedRules {
  using Options = JolteonOptions;

  /// J4: on the certificate of the round before; or after a TC of that round, on one at least as high as any that a
  /// signer of the TC knew.
  static bool may_vote(const SafetyState& s, const VoteContext& c) {
    if (c.round <= s.voted) return false;
    if (c.justify_round == previous(c.round)) return true;
    return c.tc_round == previous(c.round) && c.justify_round >= c.tc_high_round;
  }
  /// one_chain_round: never reported less in a timeout.
  static Certified lock_on(const Certified& newest, const Certified& /*parent*/) { return newest; }
  /// J5: two certified blocks of consecutive rounds commit the first.
  static constexpr std::uint32_t commit_depth = 1;
  static bool commits(std::span<const Round> rounds) { return rounds[0] == next(rounds[1]); }
};

}  // namespace seqlab::protocols
