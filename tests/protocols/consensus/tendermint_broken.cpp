// The seams: a replica with one wrong decision is a few lines in a test, and the wrong decision shows. The sound twin
// runs the same script.
#include "protocols/consensus/tendermint/tendermint_handlers.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tendermint_subject.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

enum class Fault : std::uint8_t {
  none, no_lock, unlock_on_nil, small_quorum, no_persist, forget_lock, constant_timeouts, no_skip, anything_valid,
  early_updates, propose_locked, no_commit_check, blind_prevote
};

/// All faults in one type, chosen by `fault`: each instantiation of the handlers takes a compiler a while.
struct Planted : PaperRules {
  inline static Fault fault = Fault::none;

  static Power quorum(const Committee& c) {
    return fault == Fault::small_quorum ? 2 * c.max_faulty() + 1 : PaperRules::quorum(c);
  }
  static const Committee& committee_of(const ChainView& chain, Height h) {
    const bool early = fault == Fault::early_updates && h > chain.height() && h.value > 2;
    return PaperRules::committee_of(chain, early ? next(h) : h);
  }
  static Duration timeout(Duration initial, Duration delta, Round round) {
    return fault == Fault::constant_timeouts ? initial : PaperRules::timeout(initial, delta, round);
  }
  static bool skip_round(RoundSkip rule, const RoundPower& seen, Power quorum, Power validity) {
    return fault != Fault::no_skip && PaperRules::skip_round(rule, seen, quorum, validity);
  }
  static PrevoteChoice prevote(const PrevoteContext& c) {
    if (fault == Fault::blind_prevote) return c.valid ? PrevoteChoice::block : PrevoteChoice::nil;
    return PaperRules::prevote(c);
  }
  static bool block_is_valid(bool header_fits, bool application_accepts) {
    return fault == Fault::anything_valid || PaperRules::block_is_valid(header_fits, application_accepts);
  }
  static LockedValue lock_on_polka(LockedValue before, Round round, BlockId block) {
    return fault == Fault::no_lock ? before : PaperRules::lock_on_polka(before, round, block);
  }
  static LockedValue lock_on_nil_polka(LockedValue before, Round round) {
    return fault == Fault::unlock_on_nil ? LockedValue{} : PaperRules::lock_on_nil_polka(before, round);
  }
  static ProposalChoice proposal_value(const LockedValue& locked, const LockedValue& valid) {
    if (fault == Fault::propose_locked) return {locked.block, locked.round};
    return PaperRules::proposal_value(locked, valid);
  }
  static bool persist_before_send(Statement statement) {
    return fault != Fault::no_persist && PaperRules::persist_before_send(statement);
  }
  static RestoredState restore(std::span<const SafetyRecord> records) {
    RestoredState s = PaperRules::restore(records);
    if (fault == Fault::forget_lock) s.locked = {};
    return s;
  }
  static Reject check_commit(const Commit& commit, Height height, BlockId block, const Committee& committee,
                             Power quorum, Signatures& signatures) {
    if (fault == Fault::no_commit_check) return Reject::none;
    return PaperRules::check_commit(commit, height, block, committee, quorum, signatures);
  }
};
using Broken = BasicTendermint<Planted>;
using BrokenSubject = BasicSubject<Broken>;

/// What `script` gives with the fault in place.
template <class Script>
auto with(Fault fault, Script&& script) {
  struct Restore {
    ~Restore() { Planted::fault = Fault::none; }
  } restore;
  Planted::fault = fault;
  return script();
}

std::optional<BlockId> prevote_for_other_after_lock() {
  BrokenSubject s;
  const BlockPtr a = s.block(0, 1);
  s.propose(0, a);
  s.prevotes({0, 1}, 0, a->id);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  s.propose(1, s.block(1, 2));
  return s.prevoted(1);
}

std::size_t conflicts_after_crash() {
  BrokenSubject s;
  s.propose(0, s.block(0, 1));
  s.net.crash(s.self);
  s.net.start(s.self);
  s.time_out(propose_timer);
  return s.net.conflicts.size();
}

}  // namespace

TEST_CASE("planted: a replica that does not lock votes for whatever comes next", "[tendermint][seam]") {
  CHECK(with(Fault::none, prevote_for_other_after_lock) == nil);
  CHECK(with(Fault::no_lock, prevote_for_other_after_lock) != nil);
  CHECK(with(Fault::blind_prevote, prevote_for_other_after_lock) != nil);
}

TEST_CASE("planted: unlocking on a nil polka frees the replica", "[tendermint][seam]") {
  const auto locked_after_nil = [] {
    BrokenSubject s;
    const BlockPtr a = s.block(0, 1);
    s.propose(0, a);
    s.prevotes({0, 1}, 0, a->id);
    s.precommits({0, 1}, 0, nil);
    s.time_out(precommit_timer);
    s.time_out(propose_timer);
    s.prevotes({0, 1}, 1, nil);
    return s.core().locked();
  };
  CHECK(with(Fault::none, locked_after_nil) != LockedValue{});
  CHECK(with(Fault::unlock_on_nil, locked_after_nil) == LockedValue{});
}

TEST_CASE("planted: 2f + 1 of five is no quorum", "[tendermint][seam]") {
  const auto decided = [] {
    BrokenSubject s{4, {}, equal_committee(5)};
    const BlockPtr a = s.block(0);
    s.propose(0, a);
    s.precommits({0, 1, 2}, 0, a->id);
    return s.net.chain(s.self).height() == Height{1};
  };
  CHECK(!with(Fault::none, decided));
  CHECK(with(Fault::small_quorum, decided));
}

TEST_CASE("planted: a vote that leaves before it is durable is contradicted after a crash", "[tendermint][seam]") {
  CHECK(with(Fault::none, conflicts_after_crash) == 0);
  CHECK(with(Fault::no_persist, conflicts_after_crash) == 1);
}

TEST_CASE("planted: a lock that is not restored", "[tendermint][seam]") {
  const auto lock_after_crash = [] {
    BrokenSubject s;
    const BlockPtr a = s.block(0, 1);
    s.propose(0, a);
    s.prevotes({0, 1}, 0, a->id);
    s.net.crash(s.self);
    s.net.start(s.self);
    return s.core().locked();
  };
  CHECK(with(Fault::none, lock_after_crash) != LockedValue{});
  CHECK(with(Fault::forget_lock, lock_after_crash) == LockedValue{});
}

TEST_CASE("planted: constant timeouts never reach a delay above them", "[tendermint][seam]") {
  TendermintOptions o;
  o.message_delay = 100s;
  const auto decides = [&] {
    EngineHarness net{equal_committee(4), 4, make_tendermint<Broken>(o), 4s};
    net.start_all();
    return net.run_to_height(1, 3000s);
  };
  CHECK(with(Fault::none, decides));
  CHECK(!with(Fault::constant_timeouts, decides));
}

TEST_CASE("planted: without skipping a replica stays behind by rounds", "[tendermint][seam]") {
  const auto round = [] {
    BrokenSubject s;
    s.prevotes({0, 1, 2}, 2, nil);
    return s.core().round();
  };
  CHECK(with(Fault::none, round) == Round{2});
  CHECK(with(Fault::no_skip, round) == Round{0});
}

TEST_CASE("planted: votes for invalid blocks", "[tendermint][seam]") {
  const auto prevote = [] {
    BrokenSubject s;
    s.net.valid = [](const Block&) { return false; };
    s.propose(0, s.block(0));
    return s.prevoted(0);
  };
  CHECK(with(Fault::none, prevote) == nil);
  CHECK(with(Fault::anything_valid, prevote) != nil);
}

TEST_CASE("planted: an update that holds a height too early splits the committees", "[tendermint][seam]") {
  const std::vector<std::pair<Height, ValidatorUpdate>> updates{{Height{3}, Validator{NodeId{0}, 0}}};
  const auto votes_in_4 = [&] {
    EngineHarness net{equal_committee(4), 4, make_tendermint<Broken>(), 100ms, updates};
    net.start_all();
    net.run_to_height(6, 30s);
    return std::ranges::any_of(net.votes_by(NodeId{0}, VoteType::prevote),
                               [](const Vote& v) { return v.height == Height{4}; });
  };
  CHECK(with(Fault::none, votes_in_4));
  CHECK(!with(Fault::early_updates, votes_in_4));
}

TEST_CASE("planted: proposing the locked value instead of the valid one hides a polka", "[tendermint][seam]") {
  const auto proposed = [] {
    BrokenSubject s{1};
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
  CHECK(with(Fault::none, proposed));
  CHECK(!with(Fault::propose_locked, proposed));
}

TEST_CASE("planted: a commit that is not checked lets a lying peer write the chain", "[tendermint][seam]") {
  const auto fooled = [] {
    BrokenSubject s;
    s.net.deliver(NodeId{1}, s.self, MessagePtr{s.net.pool.make<StatusMessage>(
                                         Status{.node = NodeId{1}, .height = Height{9}})});
    const BlockPtr a = s.block(0, 5);
    Commit c;
    c.height = Height{1};
    c.block = a->id;
    c.signatures.push_back({NodeId{1}, {}, {}});
    s.net.deliver(NodeId{1}, s.self, MessagePtr{s.net.pool.make<BlockResponseMessage>(NodeId{1}, a, c)});
    return s.net.chain(s.self).height() == Height{1};
  };
  CHECK(!with(Fault::none, fooled));
  CHECK(with(Fault::no_commit_check, fooled));
}
