// Tendermint with one wrong decision each. The numbers are those of the bug collection that the names come from.
#pragma once

#include <memory>

#include "protocols/consensus/engines.hpp"
#include "protocols/consensus/tendermint/tendermint_handlers.hpp"

namespace seqlab::tests::broken {

using namespace seqlab::protocols;

/// Z04: a polka is answered with a precommit, but not remembered as a lock.
struct NoLock : PaperRules {
  static LockedValue lock_on_polka(LockedValue before, Round, BlockId) { return before; }
};

/// Z06: a polka for nil opens the lock, as in old Tendermint.
struct UnlockOnNil : PaperRules {
  static LockedValue lock_on_nil_polka(LockedValue, Round) { return {}; }
};

/// Z03: after a restart the own votes are known, the lock is not.
struct LockNotRestored : PaperRules {
  static RestoredState restore(std::span<const SafetyRecord> records) {
    RestoredState state = PaperRules::restore(records);
    state.locked = {};
    state.valid = {};
    return state;
  }
};

/// Z37: statements leave the node and are never written down.
struct VoteNotDurable : PaperRules {
  static bool persist_before_send(Statement) { return false; }
};

/// Z36: "2f + 1" with f = floor((n - 1) / 3), which is more than two thirds only where n = 3f + 1.
struct QuorumOffByOne : PaperRules {
  static Power quorum(const Committee& committee) { return 2 * committee.max_faulty() + 1; }
};

/// Z36: members are counted, their power is not.
struct HeadsInsteadOfPower : PaperRules {
  static Power quorum(const Committee& committee) {
    return 2 * static_cast<Power>(committee.size()) / 3 + 1;
  }
};

/// Z09: timeouts stay what they are.
struct ConstantTimeouts : PaperRules {
  static Duration timeout(Duration initial, Duration, Round) { return initial; }
};

/// Z08: rounds advance by the own timers alone, and these are constant.
struct NoRoundSkip : ConstantTimeouts {
  static bool skip_round(RoundSkip, const RoundPower&, Power, Power) { return false; }
};

/// Z44: a change of the committee is applied one height early.
struct CommitteeOneHeightEarly : PaperRules {
  static const Committee& committee_of(const ChainView& chain, Height h) { return chain.committee(next(h)); }
};

/// Follows whatever is proposed, lock or not.
struct PrevotesAnything : PaperRules {
  static PrevoteChoice prevote(const PrevoteContext& c) {
    return c.valid ? PrevoteChoice::block : PrevoteChoice::nil;
  }
};

/// As the list of engines makes it, but with these decisions.
template <class Rules>
std::unique_ptr<Engine> make_tendermint(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  using Core = BasicTendermint<Rules>;
  return std::make_unique<EngineOf<Core>>(Core{self, p.tendermint, p.leaders});
}

}  // namespace seqlab::tests::broken
