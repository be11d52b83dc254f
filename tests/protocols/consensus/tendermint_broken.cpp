// The seams: a replica with one wrong decision is a few lines in a test, and the wrong decision shows. The sound twin
// runs the same script.
#include "protocols/consensus/tendermint/tendermint_handlers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tendermint_subject.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

struct NoLock : PaperRules {
  static LockedValue lock_on_polka(LockedValue before, Round, BlockId) { return before; }
};
struct UnlockOnNil : PaperRules {
  static LockedValue lock_on_nil_polka(LockedValue, Round) { return {}; }
};
struct SmallQuorum : PaperRules {
  static Power quorum(const Committee& c) { return 2 * c.max_faulty() + 1; }
};
struct NoPersist : PaperRules {
  static bool persist_before_send(Statement) { return false; }
};
struct ForgetLock : PaperRules {
  static RestoredState restore(std::span<const SafetyRecord> records) {
    RestoredState s = PaperRules::restore(records);
    s.locked = {};
    return s;
  }
};
struct ConstantTimeouts : PaperRules {
  static Duration timeout(Duration initial, Duration, Round) { return initial; }
};
struct NoSkip : PaperRules {
  static bool skip_round(RoundSkip, const RoundPower&, Power, Power) { return false; }
};
struct AnythingValid : PaperRules {
  static bool block_is_valid(bool, bool) { return true; }
};
struct EarlyUpdates : PaperRules {
  static const Committee& committee_of(const ChainView& chain, Height h) {
    return chain.committee(h <= chain.height() || h.value <= 2 ? h : next(h));
  }
};
struct LateLock : PaperRules {
  static ProposalChoice proposal_value(const LockedValue& locked, const LockedValue&) {
    return {locked.block, locked.round};
  }
};
struct NoCommitCheck : PaperRules {
  static Reject check_commit(const Commit&, Height, BlockId, const Committee&, Power, Signatures&) {
    return Reject::none;
  }
};
struct ImpatientPrevote : PaperRules {
  static PrevoteChoice prevote(const PrevoteContext& c) {
    return c.valid ? PrevoteChoice::block : PrevoteChoice::nil;  // no look at the lock, nor at the polka
  }
};

template <class Rules>
std::optional<BlockId> prevote_for_other_after_lock() {
  BasicSubject<BasicTendermint<Rules>> s;
  const BlockPtr a = s.block(0, 1);
  s.propose(0, a);
  s.prevotes({0, 1}, 0, a->id);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  s.propose(1, s.block(1, 2));
  return s.prevoted(1);
}

template <class Rules>
std::size_t conflicts_after_crash() {
  BasicSubject<BasicTendermint<Rules>> s;
  s.propose(0, s.block(0, 1));
  s.net.crash(s.self);
  s.net.start(s.self);
  s.time_out(propose_timer);
  return s.net.conflicts.size();
}

}  // namespace

TEST_CASE("planted: a replica that does not lock votes for whatever comes next", "[tendermint][seam]") {
  CHECK(prevote_for_other_after_lock<PaperRules>() == nil);
  CHECK(prevote_for_other_after_lock<NoLock>() != nil);
  CHECK(prevote_for_other_after_lock<ImpatientPrevote>() != nil);
}

TEST_CASE("planted: unlocking on a nil polka frees the replica", "[tendermint][seam]") {
  const auto locked_after_nil = []<class Rules>(Rules) {
    BasicSubject<BasicTendermint<Rules>> s;
    const BlockPtr a = s.block(0, 1);
    s.propose(0, a);
    s.prevotes({0, 1}, 0, a->id);
    s.precommits({0, 1}, 0, nil);
    s.time_out(precommit_timer);
    s.time_out(propose_timer);
    s.prevotes({0, 1}, 1, nil);
    return s.core().locked();
  };
  CHECK(locked_after_nil(PaperRules{}) != LockedValue{});
  CHECK(locked_after_nil(UnlockOnNil{}) == LockedValue{});
}

TEST_CASE("planted: 2f + 1 of five is no quorum", "[tendermint][seam]") {
  const auto decided = []<class Rules>(Rules) {
    BasicSubject<BasicTendermint<Rules>> s{4, {}, equal_committee(5)};
    const BlockPtr a = s.block(0);
    s.propose(0, a);
    s.precommits({0, 1, 2}, 0, a->id);
    return s.net.chain(s.self).height() == Height{1};
  };
  CHECK(!decided(PaperRules{}));
  CHECK(decided(SmallQuorum{}));
}

TEST_CASE("planted: a vote that leaves before it is durable is contradicted after a crash", "[tendermint][seam]") {
  CHECK(conflicts_after_crash<PaperRules>() == 0);
  CHECK(conflicts_after_crash<NoPersist>() == 1);
}

TEST_CASE("planted: a lock that is not restored", "[tendermint][seam]") {
  const auto lock_after_crash = []<class Rules>(Rules) {
    BasicSubject<BasicTendermint<Rules>> s;
    const BlockPtr a = s.block(0, 1);
    s.propose(0, a);
    s.prevotes({0, 1}, 0, a->id);
    s.net.crash(s.self);
    s.net.start(s.self);
    return s.core().locked();
  };
  CHECK(lock_after_crash(PaperRules{}) != LockedValue{});
  CHECK(lock_after_crash(ForgetLock{}) == LockedValue{});
}

TEST_CASE("planted: constant timeouts never reach a delay above them", "[tendermint][seam]") {
  TendermintOptions o;
  o.message_delay = 100s;
  EngineHarness net{equal_committee(4), 4, make_tendermint<BasicTendermint<ConstantTimeouts>>(o), 4s};
  net.start_all();
  CHECK(!net.run_to_height(1, 3000s));
}

TEST_CASE("planted: without skipping a replica stays behind by rounds", "[tendermint][seam]") {
  const auto round = []<class Rules>(Rules) {
    BasicSubject<BasicTendermint<Rules>> s;
    s.prevotes({0, 1, 2}, 2, nil);
    return s.core().round();
  };
  CHECK(round(PaperRules{}) == Round{2});
  CHECK(round(NoSkip{}) == Round{0});
}

TEST_CASE("planted: votes for invalid blocks", "[tendermint][seam]") {
  const auto prevote = []<class Rules>(Rules) {
    BasicSubject<BasicTendermint<Rules>> s;
    s.net.valid = [](const Block&) { return false; };
    s.propose(0, s.block(0));
    return s.prevoted(0);
  };
  CHECK(prevote(PaperRules{}) == nil);
  CHECK(prevote(AnythingValid{}) != nil);
}

TEST_CASE("planted: an update that holds a height too early splits the committees", "[tendermint][seam]") {
  const std::vector<std::pair<Height, ValidatorUpdate>> updates{{Height{3}, Validator{NodeId{0}, 0}}};
  EngineHarness net{equal_committee(4), 4, make_tendermint<BasicTendermint<EarlyUpdates>>(), 100ms, updates};
  net.start_all();
  net.run_to_height(6, 30s);
  bool voted_in_4 = false;
  for (const Vote& v : net.votes_by(NodeId{0}, VoteType::prevote)) voted_in_4 = voted_in_4 || v.height == Height{4};
  CHECK(!voted_in_4);
}

TEST_CASE("planted: proposing the locked value instead of the valid one hides a polka", "[tendermint][seam]") {
  const auto proposed = []<class Rules>(Rules) {
    BasicSubject<BasicTendermint<Rules>> s{1};
    const BlockPtr a = s.block(0, 1);
    s.propose(0, a);
    s.prevotes({0}, 0, a->id);
    s.prevotes({2}, 0, nil);
    s.time_out(prevote_timer);
    s.prevotes({3}, 0, a->id);  // valid, not locked
    s.precommits({0, 2}, 0, nil);
    s.time_out(precommit_timer);
    s.net.run_for(1ns);
    const auto proposals = s.net.proposals_by(s.self);
    return !proposals.empty() && proposals[0].block->id == a->id;
  };
  CHECK(proposed(PaperRules{}));
  CHECK(!proposed(LateLock{}));
}

TEST_CASE("planted: a commit that is not checked lets a lying peer write the chain", "[tendermint][seam]") {
  const auto fooled = []<class Rules>(Rules) {
    BasicSubject<BasicTendermint<Rules>> s;
    s.net.deliver(NodeId{1}, s.self, MessagePtr{s.net.pool.template make<StatusMessage>(
                                         Status{.node = NodeId{1}, .height = Height{9}})});
    const BlockPtr a = s.block(0, 5);
    Commit c;
    c.height = Height{1};
    c.block = a->id;
    c.signatures.push_back({NodeId{1}, {}, {}});
    s.net.deliver(NodeId{1}, s.self, MessagePtr{s.net.pool.template make<BlockResponseMessage>(NodeId{1}, a, c)});
    return s.net.chain(s.self).height() == Height{1};
  };
  CHECK(!fooled(PaperRules{}));
  CHECK(fooled(NoCommitCheck{}));
}
