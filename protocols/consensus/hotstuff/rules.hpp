// What HotStuff and HotStuff-2 decide in their own way. H1 ... H7 and P1 ... P6 are explained in NOTES.md.
#pragma once

#include <span>

#include "protocols/consensus/chained/rules.hpp"
#include "protocols/consensus/hotstuff/options.hpp"

namespace seqlab::protocols {

/// Chained HotStuff: three-chain of consecutive rounds.
struct HotStuffRules : ChainedRules {
  using Options = HotStuffOptions;

  /// H2, safeNode: the block extends the locked one (safety), or its certificate is of a later round than the lock
  /// (liveness).
  static bool may_vote(const SafetyState& s, const VoteContext& c) {
    return c.round > s.voted && (c.extends_lock || c.justify_round > s.locked);
  }
  /// H3 (b): on the parent of the newest certified block.
  static Certified lock_on(const Certified& /*newest*/, const Certified& parent) { return parent; }
  /// H3 (c): three certified blocks of consecutive rounds commit the first.
  static constexpr std::uint32_t commit_depth = 2;
  static bool commits(std::span<const Round> rounds) {
    return rounds[0] == next(rounds[1]) && rounds[1] == next(rounds[2]);
  }
  static bool sends_new_view(const Options& o) { return o.round_sync == RoundSync::new_view; }
  using ChainedRules::leader_wait;
};

/// Pipelined HotStuff-2: two-chain; the leader waits instead of the third phase.
struct HotStuff2Rules : HotStuffRules {
  /// P2: the block's certificate is at least as high as the lock.
  static bool may_vote(const SafetyState& s, const VoteContext& c) {
    return c.round > s.voted && c.justify_round >= s.locked;
  }
  /// P4: on the newest certified block.
  static Certified lock_on(const Certified& newest, const Certified& /*parent*/) { return newest; }
  /// P5
  static constexpr std::uint32_t commit_depth = 1;
  static bool commits(std::span<const Round> rounds) { return rounds[0] == next(rounds[1]); }
  /// P1
  static Duration leader_wait(const Options& o) { return o.delta; }
};

}  // namespace seqlab::protocols
