// The rules of Tendermint, one by one, with the lines of the pseudo-code in arXiv 1807.04938.
#include "tests/support/catch.hpp"
#include "tests/support/tendermint_subject.hpp"

using namespace seqlab;
using namespace seqlab::test;
using Step = TendermintStep;

TEST_CASE("T1, L14-19: the proposer of a round proposes a new value when it knows no valid one",
          "[tendermint][rules]") {
  Subject s{0};
  const auto proposals = s.net.proposals_by(NodeId{0});
  REQUIRE(proposals.size() == 1);
  CHECK(proposals[0].round == Round{0});
  CHECK(proposals[0].valid_round == no_round);
  CHECK(proposals[0].block->height == Height{1});
}

TEST_CASE("T1, L15-16: the proposer proposes its valid value with the round of its polka", "[tendermint][rules]") {
  Subject s{1};
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  s.prevotes({0, 2}, 0, a->id);
  REQUIRE(s.precommitted(0) == a->id);
  s.precommits({0, 2}, 0, nil);
  s.time_out(precommit_timer);
  const auto proposals = s.net.proposals_by(NodeId{1});
  REQUIRE(proposals.size() == 1);
  CHECK(proposals[0].round == Round{1});
  CHECK(proposals[0].valid_round == Round{0});
  CHECK(proposals[0].block->id == a->id);
  CHECK(proposals[0].timestamp == a->timestamp);
}

TEST_CASE("T1, L15: it is the valid value that is proposed, not the locked one", "[tendermint][rules]") {
  // Locked on a in round 0, then a polka for b in round 1 that came too late to lock it: b is proposed.
  Subject s{2};
  const BlockPtr a = s.block(0, 1);
  s.propose(0, a);
  s.prevotes({0, 1}, 0, a->id);
  REQUIRE(s.core().locked().block == a->id);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  const BlockPtr b = s.block(1, 2);
  s.propose(1, b);
  CHECK(s.prevoted(1) == nil);
  s.prevotes({0, 1}, 1, nil);           // with the own one a polka for nil
  REQUIRE(s.precommitted(1) == nil);
  s.prevotes({3}, 1, b->id);
  // Two of the voters turn out to have voted for b as well; the proposer of a later round may rely on that.
  s.precommits({0, 1}, 1, nil);
  s.time_out(precommit_timer);
  const auto proposals = s.net.proposals_by(NodeId{2});
  REQUIRE(proposals.size() == 1);
  CHECK(proposals[0].block->id == a->id);  // no polka for b was seen: a is still the valid value
  CHECK(proposals[0].valid_round == Round{0});
}

TEST_CASE("T1, L20: whoever is not the proposer arms timeoutPropose, which grows", "[tendermint][rules]") {
  Subject s{3};
  CHECK(s.net.timer(s.self, propose_timer) == Duration{3s});
  s.time_out(propose_timer);
  s.prevotes({0, 1}, 0, nil);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  REQUIRE(s.core().round() == Round{1});
  CHECK(s.net.timer(s.self, propose_timer) == Duration{3500ms});
}

TEST_CASE("T1: in the paper the proposer arms no timeoutPropose, in CometBFT it does", "[tendermint][rules]") {
  TendermintOptions paper;
  paper.proposer_arms_propose_timeout = false;
  Subject without{0, paper};
  CHECK(!without.net.timer(without.self, propose_timer));
  Subject with{0};
  CHECK(with.net.timer(with.self, propose_timer) == Duration{3s});
}

TEST_CASE("T2, L22-27: a valid fresh proposal gets the prevote of an unlocked replica", "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  CHECK(s.prevoted(0) == a->id);
  CHECK(s.core().step() == Step::prevote);
}

TEST_CASE("T2, L23: an invalid proposal gets nil", "[tendermint][rules]") {
  Subject s;
  s.net.valid = [](const Block&) { return false; };
  s.propose(0, s.block(0));
  CHECK(s.prevoted(0) == nil);
}

TEST_CASE("T2, L23: a header that does not fit the chain is invalid whatever the application says",
          "[tendermint][rules]") {
  const auto prevote_for = [](auto change) {
    Subject s;
    Block b = *s.block(0);
    change(b);
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    s.propose(0, std::make_shared<const Block>(b));
    return s.prevoted(0);
  };
  CHECK(prevote_for([](Block&) {}) != nil);
  CHECK(prevote_for([](Block& b) { b.parent = BlockId{1, 1}; }) == nil);
  CHECK(prevote_for([](Block& b) { b.state_before = StateRoot{1, 1}; }) == nil);
  CHECK(prevote_for([](Block& b) { b.committee_hash = Hash128{1, 1}; }) == nil);
  CHECK(prevote_for([](Block& b) { b.height = Height{2}; }) == nil);
  CHECK(prevote_for([](Block& b) { b.round = Round{1}; }) == nil);
  CHECK(prevote_for([](Block& b) { b.proposer = NodeId{1}; }) == nil);
  CHECK(prevote_for([](Block& b) { b.last_commit.round = Round{1}; }) == nil);
}

TEST_CASE("T2, L23: a locked replica prevotes nil for another fresh value, and for its own one again",
          "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0, 1);
  s.propose(0, a);
  s.prevotes({0, 1}, 0, a->id);
  REQUIRE(s.core().locked() == LockedValue{Round{0}, a->id});
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  const BlockPtr b = s.block(1, 2);
  s.propose(1, b);
  CHECK(s.prevoted(1) == nil);
}

TEST_CASE("T2: a prevote waits for the answer of the application", "[tendermint][rules]") {
  Subject s;
  s.net.answer_validations = false;
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  CHECK(!s.prevoted(0));
  s.net.answer_validation(s.self, a, true);
  CHECK(s.prevoted(0) == a->id);
}

TEST_CASE("T3, L28-33: a re-proposal with its polka unlocks a replica that locked no later", "[tendermint][rules]") {
  // Locked on a in round 0; b got a polka in round 1; b comes back in round 2.
  Subject s;
  const BlockPtr a = s.block(0, 1);
  const BlockPtr b = s.block(1, 2);
  s.propose(0, a);
  s.prevotes({0, 1}, 0, a->id);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  s.propose(1, b);
  REQUIRE(s.prevoted(1) == nil);
  s.prevotes({0, 1}, 1, b->id);                  // two of four: no polka is known here yet
  s.time_out(prevote_timer);
  REQUIRE(s.precommitted(1) == nil);
  s.precommits({0, 1}, 1, nil);
  s.time_out(precommit_timer);
  REQUIRE(s.core().round() == Round{2});

  s.propose(2, b, 1);
  CHECK(!s.prevoted(2));                          // neither L22 nor L28: it waits
  s.prevotes({2}, 1, b->id);                      // the third prevote makes the polka of round 1
  CHECK(s.prevoted(2) == b->id);
}

TEST_CASE("T3, L29: a re-proposal whose polka is older than the lock gets nil", "[tendermint][rules]") {
  // a had a polka in round 0 (not seen here), the replica locks b in round 1; then a comes back with valid round 0.
  Subject s;
  const BlockPtr a = s.block(0, 1);
  const BlockPtr b = s.block(1, 2);
  s.time_out(propose_timer);
  s.prevotes({0, 1}, 0, nil);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  s.propose(1, b);
  s.prevotes({0, 1}, 1, b->id);
  REQUIRE(s.core().locked() == LockedValue{Round{1}, b->id});
  s.precommits({0, 1}, 1, nil);
  s.time_out(precommit_timer);
  s.propose(2, a, 0);
  s.prevotes({2}, 0, a->id);
  CHECK(!s.prevoted(2));
  s.time_out(propose_timer);
  CHECK(s.prevoted(2) == nil);
}

TEST_CASE("T3: a re-proposal without its polka is only left by timeoutPropose", "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0, 1);
  s.time_out(propose_timer);
  s.prevotes({0, 1}, 0, nil);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  s.propose(1, a, 0);
  CHECK(!s.prevoted(1));
  CHECK(s.net.count(MessageKind::votes_request) == 1);  // it asks the proposer for the polka
  s.time_out(propose_timer);
  CHECK(s.prevoted(1) == nil);
}

TEST_CASE("T4, L34: any quorum of prevotes arms timeoutPrevote, once", "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  s.prevotes({0}, 0, a->id);
  CHECK(!s.net.timer(s.self, prevote_timer));
  s.prevotes({1}, 0, nil);
  CHECK(s.net.timer(s.self, prevote_timer) == Duration{1s});
  s.net.run_for(100ms);
  s.prevotes({2}, 0, nil);
  CHECK(s.net.timer(s.self, prevote_timer) == Duration{900ms});  // not armed anew
}

TEST_CASE("T5, L36-43: a polka in step prevote locks and precommits, in step precommit only makes valid",
          "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  s.prevotes({0, 1}, 0, a->id);
  CHECK(s.precommitted(0) == a->id);
  CHECK(s.core().locked() == LockedValue{Round{0}, a->id});
  CHECK(s.core().valid() == LockedValue{Round{0}, a->id});

  Subject late;
  const BlockPtr b = late.block(0);
  late.propose(0, b);
  late.prevotes({0}, 0, b->id);
  late.prevotes({1}, 0, nil);
  late.time_out(prevote_timer);
  REQUIRE(late.precommitted(0) == nil);
  late.prevotes({2}, 0, b->id);
  CHECK(late.core().locked() == LockedValue{});
  CHECK(late.core().valid() == LockedValue{Round{0}, b->id});
}

TEST_CASE("T5: a proposal that comes after its polka and the own nil still becomes valid", "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.time_out(propose_timer);
  REQUIRE(s.prevoted(0) == nil);
  s.prevotes({0, 1, 2}, 0, a->id);
  s.time_out(prevote_timer);
  REQUIRE(s.precommitted(0) == nil);  // C4: the polka is known, the block is not
  s.propose(0, a);
  CHECK(s.core().valid() == LockedValue{Round{0}, a->id});
  CHECK(s.core().locked() == LockedValue{});
}

TEST_CASE("T6, L44-46: a polka for nil makes precommit nil at once and keeps the lock (C5)", "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  s.prevotes({0, 1}, 0, a->id);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  s.time_out(propose_timer);
  REQUIRE(s.prevoted(1) == nil);
  s.prevotes({0, 1}, 1, nil);
  CHECK(s.precommitted(1) == nil);
  CHECK(s.core().locked() == LockedValue{Round{0}, a->id});
}

TEST_CASE("T7, L47: any quorum of precommits arms timeoutPrecommit, also a quorum for nil (C7)",
          "[tendermint][rules]") {
  Subject s;
  s.precommits({0, 1}, 0, nil);
  CHECK(!s.net.timer(s.self, precommit_timer));
  s.precommits({2}, 0, nil);
  CHECK(s.net.timer(s.self, precommit_timer) == Duration{1s});
  CHECK(s.core().round() == Round{0});
}

TEST_CASE("T8, L49-54: a quorum of precommits decides, of whatever round", "[tendermint][rules]") {
  SECTION("of the current round, in whatever step") {
    Subject s;
    const BlockPtr a = s.block(0);
    s.propose(0, a);
    s.precommits({0, 1, 2}, 0, a->id);
    CHECK(s.net.chain(s.self).height() == Height{1});
    CHECK(s.core().height() == Height{2});
    CHECK(s.core().locked() == LockedValue{});
    CHECK(s.core().valid() == LockedValue{});
  }
  SECTION("of an earlier round") {
    Subject s;
    const BlockPtr a = s.block(0);
    s.propose(0, a);
    s.precommits({0}, 0, a->id);
    s.prevotes({0, 1, 2}, 1, nil);
    REQUIRE(s.core().round() == Round{1});
    s.precommits({1, 2}, 0, a->id);
    CHECK(s.net.chain(s.self).height() == Height{1});
  }
  SECTION("of a later round, whose proposal comes last") {
    Subject s;
    const BlockPtr b = s.block(1);
    s.precommits({0, 1, 2}, 1, b->id);
    REQUIRE(s.net.chain(s.self).height() == Height{0});
    s.propose(1, b);
    CHECK(s.net.chain(s.self).height() == Height{1});
    CHECK(s.net.chain(s.self).commit(Height{1})->round == Round{1});
  }
  SECTION("not for an invalid block") {
    Subject s;
    s.net.valid = [](const Block&) { return false; };
    const BlockPtr a = s.block(0);
    s.propose(0, a);
    s.precommits({0, 1, 2}, 0, a->id);
    CHECK(s.net.chain(s.self).height() == Height{0});
  }
}

TEST_CASE("T9, L55: f + 1 senders in a later round pull a replica along in the paper", "[tendermint][rules]") {
  TendermintOptions paper;
  paper.round_skip = RoundSkip::validity;
  Subject s{3, paper};
  s.prevotes({0}, 2, nil);
  CHECK(s.core().round() == Round{0});
  s.precommits({0}, 2, nil);  // the same sender counts once
  CHECK(s.core().round() == Round{0});
  s.precommits({1}, 2, nil);
  CHECK(s.core().round() == Round{2});
}

TEST_CASE("T9: a proposal counts as a message of its sender", "[tendermint][rules]") {
  TendermintOptions paper;
  paper.round_skip = RoundSkip::validity;
  Subject s{3, paper};
  s.propose(1, s.block(1));
  CHECK(s.core().round() == Round{0});
  s.prevotes({0}, 1, nil);
  CHECK(s.core().round() == Round{1});
  CHECK(s.prevoted(1));  // the proposal was there already: the rules of the new round have run
}

TEST_CASE("C1: in CometBFT it takes a quorum of one type to skip", "[tendermint][rules]") {
  Subject s{3};
  s.prevotes({0, 1}, 1, nil);
  s.precommits({2}, 1, nil);
  CHECK(s.core().round() == Round{0});
  s.prevotes({2}, 1, nil);
  CHECK(s.core().round() == Round{1});
}

TEST_CASE("T10, L57-60: timeoutPropose prevotes nil in its own step and round alone", "[tendermint][rules]") {
  Subject s;
  s.time_out(propose_timer);
  CHECK(s.prevoted(0) == nil);

  Subject moved;
  const BlockPtr a = moved.block(0);
  moved.propose(0, a);
  moved.time_out(propose_timer);  // too late
  CHECK(moved.prevoted(0) == a->id);
  CHECK(moved.net.votes_by(moved.self, VoteType::prevote).size() == 1);
}

TEST_CASE("T11, L61-64: timeoutPrevote precommits nil and keeps the lock", "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  s.prevotes({0}, 0, a->id);
  s.prevotes({1}, 0, nil);
  s.time_out(prevote_timer);
  CHECK(s.precommitted(0) == nil);
  CHECK(s.core().step() == Step::precommit);
}

TEST_CASE("T12, L65-67: timeoutPrecommit starts the next round, a stale one does nothing", "[tendermint][rules]") {
  Subject s;
  s.precommits({0, 1, 2}, 0, nil);
  s.prevotes({0, 1, 2}, 1, nil);  // skips to round 1 before the timer fires
  REQUIRE(s.core().round() == Round{1});
  s.time_out(precommit_timer);
  CHECK(s.core().round() == Round{1});
  s.precommits({0, 1, 2}, 1, nil);
  s.time_out(precommit_timer);
  CHECK(s.core().round() == Round{2});
}

TEST_CASE("C3: equal lock round and other value follow the formula", "[tendermint][rules]") {
  // Only with more than a third equivocating; L29 says lockedRound <= vr.
  const PrevoteContext c{.round = Round{2}, .valid_round = Round{1}, .block = BlockId{2, 2},
                         .locked = {Round{1}, BlockId{1, 1}}, .valid = true, .polka_at_valid_round = true};
  CHECK(PaperRules::prevote(c) == PrevoteChoice::block);
}

TEST_CASE("C4: with a polka for an unknown block the replica precommits nil and fetches the block",
          "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.time_out(propose_timer);
  s.prevotes({0, 1, 2}, 0, a->id);
  CHECK(s.net.count(MessageKind::block_request) == 0);  // it may be on its way
  s.time_out(prevote_timer);
  CHECK(s.precommitted(0) == nil);
  REQUIRE(s.net.count(MessageKind::block_request) == 1);
  const auto& request = s.net.sent.back();
  for (const auto& sent : s.net.sent) {
    if (EngineHarness::kind_of(sent) != MessageKind::block_request) continue;
    CHECK(static_cast<const BlockRequestMessage&>(*sent.message).block == a->id);
    s.net.deliver(sent.to, s.self, MessagePtr{s.net.pool.make<BlockResponseMessage>(sent.to, a, Commit{})});
    break;
  }
  CHECK(request.from == s.self);
  CHECK(s.core().valid() == LockedValue{Round{0}, a->id});
}

TEST_CASE("C6: a new polka for the locked value moves the lock forward", "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  s.prevotes({0, 1}, 0, a->id);
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  s.propose(1, a, 0);
  CHECK(s.prevoted(1) == a->id);
  s.prevotes({0, 1}, 1, a->id);
  CHECK(s.precommitted(1) == a->id);
  CHECK(s.core().locked() == LockedValue{Round{1}, a->id});
}

TEST_CASE("C8: timeout_commit counts from the decision", "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  s.precommits({0, 1, 2}, 0, a->id);
  REQUIRE(s.core().height() == Height{2});
  CHECK(s.core().step() == Step::new_height);
  CHECK(s.net.timer(s.self, commit_timer) == Duration{1s});
  s.net.run_for(1s);
  CHECK(s.core().step() == Step::propose);
}

TEST_CASE("C9: late precommits enlarge the commit of the last block; with all of them one may go on at once",
          "[tendermint][rules]") {
  TendermintOptions options;
  options.skip_timeout_commit = true;
  Subject s{1, options};
  const BlockPtr a = s.block(0);
  s.propose(0, a);
  s.prevotes({0, 2, 3}, 0, a->id);
  s.precommits({0, 2}, 0, a->id);
  REQUIRE(s.core().height() == Height{2});
  CHECK(s.core().step() == Step::new_height);
  s.net.deliver(NodeId{3}, s.self, s.net.vote(NodeId{3}, VoteType::precommit, Height{1}, Round{0}, a->id));
  CHECK(s.core().step() == Step::propose);
  // It is the proposer of height 2: its block carries all four signatures. (Its clock must pass the parent's time.)
  CHECK(s.net.timer(s.self, clock_timer) == Duration{1ns});
  s.net.run_for(1ns);
  const auto proposals = s.net.proposals_by(s.self);
  REQUIRE(proposals.size() == 1);
  CHECK(proposals[0].block->last_commit.signatures.size() == 4);
  CHECK(s.net.chain(s.self).commit(Height{1})->signatures.size() == 3);
}

TEST_CASE("C10: malformed and foreign proposals are refused, a second one is ignored and reported",
          "[tendermint][rules]") {
  Subject s;
  const BlockPtr a = s.block(0, 1);
  const BlockPtr b = s.block(0, 2);
  const auto rejects = [&](Reject why) {
    return std::ranges::count_if(s.net.records, [&](const Record& r) {
      return r.kind == RecordKind::message_rejected && r.flags == static_cast<std::uint16_t>(why);
    });
  };
  s.net.deliver(NodeId{0}, s.self, s.net.proposal(NodeId{0}, Height{1}, Round{0}, a, Round{0}));
  CHECK(rejects(Reject::malformed) == 1);
  s.net.deliver(NodeId{1}, s.self, s.net.proposal(NodeId{1}, Height{1}, Round{0}, a));
  CHECK(rejects(Reject::wrong_proposer) == 1);
  Proposal forged{Height{1}, Round{0}, no_round, a, NodeId{0}, a->timestamp, Signature{12345}};
  s.net.deliver(NodeId{0}, s.self, MessagePtr{s.net.pool.make<ProposalMessage>(forged)});
  CHECK(rejects(Reject::bad_signature) == 1);
  CHECK(!s.prevoted(0));

  s.propose(0, a);
  s.propose(0, b);
  CHECK(s.prevoted(0) == a->id);
  REQUIRE(s.net.reports.size() == 1);
  CHECK(s.net.reports[0].second.kind == EvidenceKind::double_proposal);
  CHECK(s.net.reports[0].second.offender == NodeId{0});
}

TEST_CASE("C10: a block whose id or size is not that of its content is refused", "[tendermint][rules]") {
  Subject s;
  Block b = *s.block(0);
  b.timestamp += 1ns;  // the id no longer fits
  const Proposal p0{Height{1}, Round{0}, no_round, std::make_shared<const Block>(b), NodeId{0}, b.timestamp, {}};
  Proposal p = p0;
  p.signature = s.net.signatures->sign(0, p.signed_digest());
  s.net.deliver(NodeId{0}, s.self, MessagePtr{s.net.pool.make<ProposalMessage>(p)});
  CHECK(!s.prevoted(0));
  CHECK(s.net.count(RecordKind::message_rejected) == 1);
}

TEST_CASE("C11: without empty blocks the proposer waits for a transaction, others for a sign of life",
          "[tendermint][rules]") {
  TendermintOptions options;
  options.create_empty_blocks = false;
  EngineHarness net{equal_committee(4), 4, make_tendermint(options)};
  net.start_all();
  net.run_for(20s);
  CHECK(net.least_height() == 1);  // the first block comes anyway
  const std::size_t idle = net.sent.size();
  net.run_for(60s);
  CHECK(net.sent.size() == idle);  // and then there is silence
  net.mempool[1].push_back(EngineHarness::transaction(1));
  net.payload_available(NodeId{1});
  REQUIRE(net.run_to_height(3, 10s));  // the proof block follows the change of the state
  CHECK(net.agree());
  net.run_for(60s);
  CHECK(net.least_height() == 3);
}

TEST_CASE("C11: an empty block comes after the interval, if there is one", "[tendermint][rules]") {
  TendermintOptions options;
  options.create_empty_blocks = false;
  options.create_empty_blocks_interval = 5s;
  EngineHarness net{equal_committee(4), 4, make_tendermint(options)};
  net.start_all();
  net.run_for(20s);
  CHECK(net.least_height() == 4);  // height 1 at 0.3 s, then one in 6.3 s
}

TEST_CASE("C1: votes of far rounds are bounded for each voter", "[tendermint][rules]") {
  Subject s;
  for (const std::int32_t r : {5, 6, 7, 8, 9}) s.prevotes({0}, r, nil);
  CHECK(s.net.count(RecordKind::message_rejected) == 3);
}
