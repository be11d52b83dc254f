// Whole runs of Tendermint without the simulator: lost messages, crashes, lies, changing committees.
#include <set>

#include "tests/support/catch.hpp"
#include "tests/support/tendermint_subject.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

MessageKind kind(const MessagePtr& m) { return static_cast<const ConsensusMessage&>(*m).message_kind(); }
Height height_of(const MessagePtr& m) {
  if (kind(m) == MessageKind::proposal) return static_cast<const ProposalMessage&>(*m).proposal.height;
  return VoteSet::vote_in(m).height;
}
Round round_of(const MessagePtr& m) {
  if (kind(m) == MessageKind::proposal) return static_cast<const ProposalMessage&>(*m).proposal.round;
  return VoteSet::vote_in(m).round;
}

}  // namespace

TEST_CASE("a silent proposer costs timeoutPropose, two delays and timeoutPrecommit", "[tendermint][runs]") {
  // published: the gap is the sum over silent rounds of Tp(r) + 2 d + Tpc(r)
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  for (const std::uint32_t n : {1U, 2U, 3U}) net.start(NodeId{n});
  REQUIRE(net.run_until([&] { return net.chain(NodeId{3}).height() == Height{1}; }, 60s));
  CHECK(net.now() == time_zero + 3s + 200ms + 1s + 300ms);
}

TEST_CASE("three of four go on without the fourth, which is back after a restart", "[tendermint][runs]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  net.start_all();
  REQUIRE(net.run_to_height(2, 10s));
  net.crash(NodeId{2});
  net.run_for(60s);
  REQUIRE(net.least_height() > 10);
  net.start(NodeId{2});
  const std::uint64_t target = net.chain(NodeId{0}).height().value + 5;
  REQUIRE(net.run_to_height(target, 60s));
  CHECK(net.agree());
  CHECK(net.conflicts.empty());
  CHECK(net.count(RecordKind::behind) >= 1);
  CHECK(net.count(RecordKind::caught_up) == net.count(RecordKind::behind));
}

TEST_CASE("a replica that was cut off catches up and votes again", "[tendermint][runs]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  net.start_all();
  REQUIRE(net.run_to_height(2, 10s));
  net.drop = [](NodeId from, NodeId to, const MessagePtr&) { return from == NodeId{1} || to == NodeId{1}; };
  net.run_for(120s);
  CHECK(net.chain(NodeId{1}).height().value <= 3);
  const std::uint64_t reached = net.chain(NodeId{0}).height().value;
  REQUIRE(reached > 20);
  net.drop = nullptr;
  const SimTime healed = net.now();
  REQUIRE(net.run_until([&] { return net.chain(NodeId{1}).height().value >= reached; }, 30s));
  CHECK(net.now() - healed < 10s);  // a window of requests, not one timeout a block
  REQUIRE(net.run_to_height(reached + 4, 30s));
  CHECK(net.agree());
  bool voted = false;
  for (const Vote& v : net.votes_by(NodeId{1}, VoteType::precommit)) {
    voted = voted || (v.height.value > reached && v.block != nil);
  }
  CHECK(voted);
}

TEST_CASE("two halves stop, and go on together when they meet again", "[tendermint][runs]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  net.start_all();
  REQUIRE(net.run_to_height(2, 10s));
  net.drop = [](NodeId from, NodeId to, const MessagePtr&) { return (from.value < 2) != (to.value < 2); };
  net.run_for(5s);
  const std::uint64_t stuck = net.least_height();
  net.run_for(100s);
  CHECK(net.least_height() <= stuck + 1);
  net.drop = nullptr;
  REQUIRE(net.run_to_height(stuck + 5, 120s));
  CHECK(net.agree());
  CHECK(net.conflicts.empty());
}

TEST_CASE("one lost message in five delays blocks but stops nothing", "[tendermint][runs]") {
  for (const std::uint64_t seed : {1ULL, 2ULL, 3ULL}) {
    EngineHarness net{equal_committee(4), 4, make_tendermint()};
    sim::Stream luck{seed, "loss"};
    net.drop = [&](NodeId, NodeId, const MessagePtr&) { return luck.chance({1, 5}); };
    net.start_all();
    REQUIRE(net.run_to_height(10, 600s));
    CHECK(net.agree());
    CHECK(net.conflicts.empty());
  }
}

TEST_CASE("a hidden lock is resolved: the locked replica proposes its value and hands out the polka",
          "[tendermint][runs][hidden-lock]") {
  // Round 0 of n = 4: node 3 is corrupt and says nil; the prevote of node 1 reaches nobody. Node 1 sees three prevotes
  // for the block and locks it, 0 and 2 see no polka and precommit nil.
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  net.drop = [&](NodeId from, NodeId, const MessagePtr& m) {
    return from == NodeId{1} && kind(m) == MessageKind::prevote && height_of(m) == Height{1} &&
           round_of(m) == Round{0} && net.count(MessageKind::votes_request) == 0;
  };
  for (const std::uint32_t n : {0U, 1U, 2U}) net.start(NodeId{n});
  net.run_for(250ms);
  for (const std::uint32_t n : {0U, 2U}) {
    net.deliver(NodeId{3}, NodeId{n}, net.vote(NodeId{3}, VoteType::prevote, Height{1}, Round{0}, nil));
  }
  for (const std::uint32_t n : {0U, 1U, 2U}) {
    net.deliver(NodeId{3}, NodeId{n}, net.vote(NodeId{3}, VoteType::precommit, Height{1}, Round{0}, nil));
  }
  REQUIRE(net.run_until([&] { return net.engine(NodeId{0}).round() == Round{1}; }, 10s));
  REQUIRE(net.engine<Tendermint>(NodeId{1}).locked().round == Round{0});
  REQUIRE(net.engine<Tendermint>(NodeId{0}).locked().round == no_round);
  REQUIRE(net.engine<Tendermint>(NodeId{2}).locked().round == no_round);
  REQUIRE(net.run_until([&] { return net.chain(NodeId{0}).height().value >= 1; }, 120s));
  REQUIRE(net.run_to_height(3, 120s));
  CHECK(net.agree());
  const auto proposals = net.proposals_by(NodeId{0});
  REQUIRE(!proposals.empty());
  // What was locked by one replica only is what everybody decided, proposed again by it with its valid round.
  CHECK(net.chain(NodeId{0}).block(Height{1})->id == proposals[0].block->id);
  const auto again = net.proposals_by(NodeId{1});
  REQUIRE(!again.empty());
  CHECK(again[0].round == Round{1});
  CHECK(again[0].valid_round == Round{0});
  CHECK(net.count(MessageKind::votes_request) >= 1);
  CHECK(net.chain(NodeId{0}).commit(Height{1})->round == Round{1});
}

TEST_CASE("a hidden lock outlives a crash of the only one who has it, and of everybody",
          "[tendermint][crash][hidden-lock]") {
  for (const bool everybody : {false, true}) {
    EngineHarness net{equal_committee(4), 4, make_tendermint()};
    bool restarted = false;
    net.drop = [&](NodeId from, NodeId, const MessagePtr& m) {
      return from == NodeId{1} && kind(m) == MessageKind::prevote && height_of(m) == Height{1} &&
             round_of(m) == Round{0} && !restarted;
    };
    for (const std::uint32_t n : {0U, 1U, 2U}) net.start(NodeId{n});
    net.run_for(250ms);
    for (const std::uint32_t n : {0U, 2U}) {
      net.deliver(NodeId{3}, NodeId{n}, net.vote(NodeId{3}, VoteType::prevote, Height{1}, Round{0}, nil));
    }
    for (const std::uint32_t n : {0U, 1U, 2U}) {
      net.deliver(NodeId{3}, NodeId{n}, net.vote(NodeId{3}, VoteType::precommit, Height{1}, Round{0}, nil));
    }
    REQUIRE(net.run_until([&] { return net.engine(NodeId{1}).round() == Round{1}; }, 10s));
    const LockedValue lock = net.engine<Tendermint>(NodeId{1}).locked();
    REQUIRE(lock.round == Round{0});
    net.run_for(50ms);
    for (const std::uint32_t n : {0U, 1U, 2U}) {
      if (everybody || n == 1) net.crash(NodeId{n});
    }
    net.run_for(100ms);
    restarted = true;
    for (const std::uint32_t n : {0U, 1U, 2U}) net.start(NodeId{n});
    REQUIRE(net.engine<Tendermint>(NodeId{1}).locked() == lock);
    REQUIRE(net.run_until([&] { return net.chain(NodeId{0}).height() >= Height{2}; }, 200s));
    CHECK(net.agree());
    CHECK(net.conflicts.empty());
  }
}

TEST_CASE("a crash between any two effects and a restart leave no contradiction and no gap", "[tendermint][crash]") {
  // In the second world votes of round 0 are lost, so that several rounds, locks and re-proposals lie in between.
  for (const bool rough : {false, true}) {
    std::uint64_t effects = 0;
    {
      EngineHarness net{equal_committee(4), 4, make_tendermint()};
      net.start_all();
      REQUIRE(net.run_to_height(3, 30s));
      effects = net.effects_applied(NodeId{0});
    }
    for (std::uint64_t at = 0; at <= effects + (rough ? 30 : 0); ++at) {
      EngineHarness net{equal_committee(4), 4, make_tendermint()};
      if (rough) {
        net.drop = [](NodeId from, NodeId to, const MessagePtr& m) {
          // Relayed copies get through.
          return kind(m) == MessageKind::prevote && round_of(m) == Round{0} && (from.value + to.value) % 3 != 0 &&
                 VoteSet::vote_in(m).voter == from;
        };
      }
      net.crash_at_effect(NodeId{0}, at);
      net.start_all();
      net.run_until([&] { return !net.up(NodeId{0}); }, 40s);
      net.run_for(300ms);
      net.start(NodeId{0});
      REQUIRE(net.run_to_height(4, 300s));
      CHECK(net.conflicts.empty());
      CHECK(net.agree());
    }
  }
}

TEST_CASE("all replicas crash at once at any moment and go on, also when some had locked", "[tendermint][crash]") {
  for (int moment = 0; moment < 40; ++moment) {
    EngineHarness net{equal_committee(4), 4, make_tendermint()};
    net.start_all();
    net.run_for(Duration{50ms} * moment + 5ms);
    for (std::uint32_t n = 0; n < 4; ++n) net.crash(NodeId{n});
    net.run_for(1s);
    net.start_all();
    REQUIRE(net.run_to_height(4, 120s));
    CHECK(net.agree());
    CHECK(net.conflicts.empty());
  }
}

TEST_CASE("a restarted replica keeps its lock and its block", "[tendermint][crash]") {
  Subject s;
  const BlockPtr block = s.block(0);
  s.propose(0, block);
  s.prevotes({0, 1}, 0, block->id);
  REQUIRE(s.precommitted(0) == block->id);
  const auto before = s.net.votes_by(s.self, VoteType::precommit);
  s.net.crash(s.self);
  s.net.run_for(1s);
  s.net.start(s.self);
  CHECK(s.core().locked() == LockedValue{Round{0}, block->id});
  CHECK(s.core().round() == Round{0});
  CHECK(s.net.votes_by(s.self, VoteType::precommit) == before);  // the identical vote, old timestamp included
  s.precommits({0, 1}, 0, nil);
  s.time_out(precommit_timer);
  const BlockPtr other = s.block(1, 2);
  s.propose(1, other);
  CHECK(s.prevoted(1) == nil);
  s.precommits({2}, 0, block->id);  // two equivocating voters: with the own vote a quorum, and the block is here
  CHECK(s.net.conflicts.empty());
}

TEST_CASE("a log that is ahead of the chain forbids to sign again", "[tendermint][crash]") {
  // The chain was rolled back, the log was not.
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  const SafetyRecord record{.statement = Statement::precommit, .height = Height{3}, .round = Round{1}};
  net.mutable_log(NodeId{0}).push_back({safety_record_type, Height{3}, Round{1}, encode(record)});
  net.start_all();
  REQUIRE(net.run_to_height(6, 60s));
  for (const VoteType type : {VoteType::prevote, VoteType::precommit}) {
    for (const Vote& v : net.votes_by(NodeId{0}, type)) {
      CHECK((v.height.value > 3 || (v.height.value == 3 && v.round.value > 1)));
    }
  }
  CHECK(!net.votes_by(NodeId{0}, VoteType::prevote).empty());
  CHECK(net.proposals_by(NodeId{0}).size() <= 2);
}

TEST_CASE("double votes are reported by all who can know, and punished in a block once", "[tendermint][evidence]") {
  // Node 3 votes for the block and for nil; everybody gets both.
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  bool done = false;
  net.drop = [&](NodeId from, NodeId, const MessagePtr& m) {
    if (from == NodeId{3} && !done && kind(m) == MessageKind::prevote && height_of(m) == Height{2}) {
      done = true;
      for (std::uint32_t to = 0; to < 3; ++to) {
        net.deliver(NodeId{3}, NodeId{to}, net.vote(NodeId{3}, VoteType::prevote, Height{2}, Round{0}, nil));
      }
    }
    return false;
  };
  net.start_all();
  REQUIRE(net.run_to_height(6, 60s));
  REQUIRE(done);
  std::set<std::uint32_t> reporters;
  for (const auto& [node, e] : net.reports) {
    CHECK(e.offender == NodeId{3});
    CHECK(e.kind == EvidenceKind::double_vote);
    reporters.insert(node.value);
  }
  CHECK(reporters.size() == 4);
  std::size_t punished = 0;
  for (std::uint64_t h = 1; h <= 6; ++h) {
    for (const Evidence& e : net.chain(NodeId{0}).block(Height{h})->evidence) {
      ++punished;
      CHECK(e.offender == NodeId{3});
    }
  }
  CHECK(punished == 1);
  CHECK(net.agree());
}

TEST_CASE("one witness is enough: its evidence reaches the others and a block", "[tendermint][evidence]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  net.start_all();
  REQUIRE(net.run_to_height(1, 60s));
  net.run_for(1s + 150ms);  // height 2, after the proposal
  net.deliver(NodeId{3}, NodeId{1}, net.vote(NodeId{3}, VoteType::prevote, Height{2}, Round{0}, BlockId{5, 5}));
  REQUIRE(net.run_to_height(5, 60s));
  std::size_t punished = 0;
  for (std::uint64_t h = 1; h <= 5; ++h) punished += net.chain(NodeId{2}).block(Height{h})->evidence.size();
  CHECK(punished == 1);
}

TEST_CASE("a double precommit that only the next commit shows is found there", "[tendermint][evidence]") {
  // Node 0 gets nil from node 3, the others its precommit for the block: the evidence lies in the commit.
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  net.drop = [&](NodeId from, NodeId to, const MessagePtr& m) {
    if (from != NodeId{3} || to != NodeId{0} || kind(m) != MessageKind::precommit || height_of(m) != Height{1}) {
      return false;
    }
    net.deliver(NodeId{3}, NodeId{0}, net.vote(NodeId{3}, VoteType::precommit, Height{1}, Round{0}, nil));
    return true;
  };
  net.start_all();
  REQUIRE(net.run_to_height(4, 60s));
  CHECK(net.agree());
  CHECK(std::ranges::any_of(net.reports, [](const auto& r) {
    return r.second.offender == NodeId{3} && r.second.first.type == VoteType::precommit;
  }));
}

TEST_CASE("evidence that is forged, repeated or against the innocent makes a block invalid", "[tendermint][evidence]") {
  const auto prevote_for = [](auto change) {
    Subject s;
    Block b = *s.block(0);
    const auto vote = [&](BlockId id) {
      return VoteSet::vote_in(s.net.vote(NodeId{1}, VoteType::prevote, Height{1}, Round{0}, id));
    };
    b.evidence.push_back(double_vote_evidence(vote(nil), vote(BlockId{1, 1})));
    change(b, s);
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    s.propose(0, std::make_shared<const Block>(b));
    return *s.prevoted(0);
  };
  CHECK(prevote_for([](Block&, Subject&) {}) != nil);
  CHECK(prevote_for([](Block& b, Subject&) { b.evidence.push_back(b.evidence[0]); }) == nil);
  CHECK(prevote_for([](Block& b, Subject&) { b.evidence[0].second.signature.handle ^= 2U; }) == nil);
  CHECK(prevote_for([](Block& b, Subject&) { b.evidence[0].offender = NodeId{2}; }) == nil);
  CHECK(prevote_for([](Block& b, Subject& s) {  // the same offence proved by another pair
          const auto vote = [&](BlockId id) {
            return VoteSet::vote_in(s.net.vote(NodeId{1}, VoteType::prevote, Height{1}, Round{0}, id));
          };
          b.evidence.push_back(double_vote_evidence(vote(nil), vote(BlockId{2, 2})));
        }) == nil);
}

TEST_CASE("committees change two heights after the block that ordered it", "[tendermint][committee]") {
  // Executing 3 removes node 0 and gives node 4 power 2: both hold from 5 on.
  EngineHarness net{committee_of({1, 1, 1, 1, 0}), 5, make_tendermint(), 100ms,
                    {{Height{3}, Validator{NodeId{0}, 0}}, {Height{3}, Validator{NodeId{4}, 2}}}};
  net.start_all();
  REQUIRE(net.run_to_height(9, 120s));
  CHECK(net.agree());
  CHECK(net.conflicts.empty());
  const auto heights = [&](std::uint32_t node) {
    std::set<std::uint64_t> out;
    for (const Vote& v : net.votes_by(NodeId{node}, VoteType::precommit)) out.insert(v.height.value);
    return out;
  };
  CHECK(heights(0) == std::set<std::uint64_t>{1, 2, 3, 4});
  CHECK(*heights(4).begin() == 5);
  CHECK(heights(4).contains(9));
  CHECK(net.chain(NodeId{0}).height().value >= 9);  // whoever left goes on following
  for (std::uint64_t h = 5; h <= 9; ++h) {
    for (const CommitSignature& s : net.chain(NodeId{1}).commit(Height{h})->signatures) CHECK(s.voter != NodeId{0});
  }
}

TEST_CASE("a node that never was a member follows and says nothing", "[tendermint][committee]") {
  EngineHarness net{committee_of({1, 1, 1, 1, 0}), 5, make_tendermint()};
  net.start_all();
  REQUIRE(net.run_to_height(3, 30s));
  CHECK(net.votes_by(NodeId{4}, VoteType::prevote).empty());
  CHECK(net.log(NodeId{4}).empty());
}

TEST_CASE("a restart finds the committee and the proposers where they were", "[tendermint][committee]") {
  EngineHarness net{committee_of({3, 1, 2, 5}), 4, make_tendermint(), 100ms,
                    {{Height{2}, Validator{NodeId{1}, 7}}, {Height{5}, Validator{NodeId{3}, 1}}}};
  net.start_all();
  REQUIRE(net.run_to_height(9, 120s));
  net.run_for(500ms);
  std::vector<NodeId> before;
  Tendermint live = net.engine<Tendermint>(NodeId{2});
  for (int r = 0; r < 8; ++r) before.push_back(live.proposer_of(Round{r}));
  const Height at = live.height();
  net.crash(NodeId{2});
  net.start(NodeId{2});
  Tendermint again = net.engine<Tendermint>(NodeId{2});
  REQUIRE(again.height() == at);
  for (int r = 0; r < 8; ++r) CHECK(again.proposer_of(Round{r}) == before[static_cast<std::size_t>(r)]);
}

TEST_CASE("each validator proposes in proportion to its stake", "[tendermint][committee]") {
  EngineHarness net{committee_of({1, 3}), 2, make_tendermint()};
  net.start_all();
  REQUIRE(net.run_to_height(40, 120s));
  CHECK(net.proposals_by(NodeId{0}).size() >= 10);
  int first = 0;
  for (std::uint64_t h = 1; h <= 40; ++h) first += net.chain(NodeId{0}).block(Height{h})->proposer == NodeId{0};
  CHECK(first == 10);
}

TEST_CASE("a lying peer neither fools nor stalls who catches up", "[tendermint][sync]") {
  // Node 3 announces absurd heights and answers requests with nothing, with a foreign block, or with a bad commit.
  for (const int lie : {0, 1, 2, 3}) {
    EngineHarness net{equal_committee(5), 5, make_tendermint()};
    net.start_all();
    REQUIRE(net.run_to_height(1, 10s));
    net.crash(NodeId{4});
    net.run_for(20s);
    net.drop = [&](NodeId from, NodeId to, const MessagePtr& m) {
      if (from != NodeId{3} || to != NodeId{4} || kind(m) == MessageKind::block_request) return false;
      if (kind(m) == MessageKind::block_response) {
        const auto& honest = static_cast<const BlockResponseMessage&>(*m);
        if (lie == 0 || honest.block == nullptr) return true;  // silence
        Block b = *honest.block;
        Commit c = honest.commit;
        if (lie == 1) b.transactions.push_back(EngineHarness::transaction(99));
        if (lie == 2) c.signatures.edit().resize(1);
        if (lie == 3) {
          b.round = Round{7};
          b.id = b.compute_id();
          c.block = b.id;
        }
        net.deliver(NodeId{3}, NodeId{4}, MessagePtr{net.pool.make<BlockResponseMessage>(
                                              NodeId{3}, std::make_shared<const Block>(b), c)});
      }
      Status s{.node = NodeId{3}, .height = Height{1'000'000}, .round = Round{0}};
      net.deliver(NodeId{3}, NodeId{4}, MessagePtr{net.pool.make<StatusMessage>(s)});
      return true;
    };
    net.start(NodeId{4});
    const std::uint64_t target = net.chain(NodeId{0}).height().value;
    REQUIRE(net.run_to_height(target, 60s));
    REQUIRE(net.run_to_height(target + 5, 60s));
    CHECK(net.agree());
    bool votes = false;
    for (const Vote& v : net.votes_by(NodeId{4}, VoteType::precommit)) votes = votes || v.height.value > target;
    CHECK(votes);
  }
}

TEST_CASE("blocks that nobody asked for are not taken", "[tendermint][sync]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  for (const std::uint32_t n : {0U, 1U, 2U}) net.start(NodeId{n});
  REQUIRE(net.run_to_height(3, 30s));
  net.hold = [](NodeId, NodeId to, const MessagePtr&) { return to == NodeId{3}; };
  net.start(NodeId{3});
  const MessagePtr gift{net.pool.make<BlockResponseMessage>(NodeId{0}, net.chain(NodeId{0}).block(Height{1}),
                                                            *net.chain(NodeId{0}).commit(Height{1}))};
  net.deliver(NodeId{0}, NodeId{3}, gift);
  CHECK(net.chain(NodeId{3}).height() == Height{0});
}

TEST_CASE("proposer-based timestamps: an untimely fresh block gets nil, a re-proposed one is not judged again",
          "[tendermint][time]") {
  SECTION("bounds are included, and grow with the round") {
    TendermintOptions o;
    o.precision = 500ms;
    o.message_delay = 10s;
    const auto timely = [&](Duration received, int round) {
      return PaperRules::timely(at_ns(0) + 100s, at_ns(0) + 100s + received, Round{round}, o);
    };
    CHECK(timely(-500ms, 0));
    CHECK(!timely(-500ms - 1ns, 0));
    CHECK(timely(10'500ms, 0));
    CHECK(!timely(10'500ms + 1ns, 0));
    CHECK(timely(11'500ms, 1));
    CHECK(!timely(11'500ms + 1ns, 1));
    CHECK(timely(12'600ms, 2));
    CHECK(!PaperRules::timely(time_never, at_ns(0), Round{0}, o));
    CHECK(!PaperRules::timely(SimTime::min(), at_ns(0), Round{0}, o));
  }
  SECTION("a proposer whose clock is ahead is refused until the next one proposes") {
    EngineHarness net{equal_committee(4), 4, make_tendermint()};
    net.clock_offset[0] = 2s;  // beyond the precision of 505 ms
    net.start_all();
    REQUIRE(net.run_to_height(1, 60s));
    CHECK(net.chain(NodeId{1}).commit(Height{1})->round == Round{1});
    CHECK(net.chain(NodeId{1}).block(Height{1})->proposer == NodeId{1});
  }
  SECTION("a proposer whose clock is behind waits until it has passed the last block") {
    TendermintOptions o;
    o.timeout_commit = 0ms;
    EngineHarness net{equal_committee(4), 4, make_tendermint(o)};
    net.clock_offset[0] = 500ms;
    net.clock_offset[1] = -100ms;
    net.start_all();
    REQUIRE(net.run_to_height(4, 60s));
    for (std::uint64_t h = 2; h <= 4; ++h) {
      CHECK(net.chain(NodeId{2}).block(Height{h})->timestamp > net.chain(NodeId{2}).block(Height{h - 1})->timestamp);
    }
    CHECK(net.chain(NodeId{2}).commit(Height{2})->round == Round{0});
  }
  SECTION("a locked block comes back with its old time, long after it was timely") {
    TendermintOptions o;
    o.message_delay = 1s;
    Subject s{3, o};
    const BlockPtr block = s.block(0);
    s.propose(0, block);
    s.prevotes({0, 1}, 0, block->id);
    s.precommits({0, 1}, 0, nil);
    s.net.run_for(30s);
    REQUIRE(s.core().round() == Round{1});
    s.propose(1, block, 0);
    CHECK((s.prevoted(1) == block->id || s.core().step() != TendermintStep::propose));
    s.prevotes({0, 1}, 1, nil);
    CHECK(s.core().locked().block == block->id);
  }
}

TEST_CASE("BFT time: blocks carry the median of the last commit and rise", "[tendermint][time]") {
  TendermintOptions o;
  o.timestamps = Timestamps::bft_time;
  EngineHarness net{equal_committee(4), 4, make_tendermint(o)};
  net.clock_offset[3] = 1000s;  // one of four cannot drag the median
  net.start_all();
  REQUIRE(net.run_to_height(6, 60s));
  for (std::uint64_t h = 2; h <= 6; ++h) {
    const BlockPtr block = net.chain(NodeId{0}).block(Height{h});
    CHECK(block->timestamp == weighted_median(block->last_commit, equal_committee(4)));
    CHECK(block->timestamp > net.chain(NodeId{0}).block(Height{h - 1})->timestamp);
    CHECK(block->timestamp < at_ns(0) + 100s);
  }
  CHECK(net.chain(NodeId{0}).commit(Height{6})->round == Round{0});
}

TEST_CASE("without timestamps any clock will do", "[tendermint][time]") {
  TendermintOptions o;
  o.timestamps = Timestamps::none;
  EngineHarness net{equal_committee(4), 4, make_tendermint(o)};
  net.clock_offset[0] = 1000s;
  net.clock_offset[1] = -1000s;
  net.start_all();
  REQUIRE(net.run_to_height(5, 20s));
  CHECK(net.chain(NodeId{2}).commit(Height{5})->round == Round{0});
}

TEST_CASE("growing timeouts reach a delay that is longer than all of them", "[tendermint][time]") {
  TendermintOptions o;
  o.message_delay = 100s;
  EngineHarness net{equal_committee(4), 4, make_tendermint(o), 4s};  // a round trip of votes outlasts every timeout
  net.start_all();
  CHECK(net.run_to_height(2, 3000s));
  CHECK(net.agree());
}

TEST_CASE("heights follow each other at once without timeout_commit, and what comes early is kept",
          "[tendermint][runs]") {
  TendermintOptions o;
  o.timeout_commit = 0ms;
  EngineHarness net{equal_committee(4), 4, make_tendermint(o)};
  // Node 3 hears everything later than the others: they are a height ahead when it decides.
  net.start_all();
  REQUIRE(net.run_to_height(20, 20 * 300ms + 1s));
  CHECK(net.sent.size() <= (20 + 1) * 3 * 9);
  CHECK(net.count(MessageKind::status) == 0);
}

TEST_CASE("the state is a regular value: copies are equal, act alike, and differ when one acts",
          "[tendermint][value]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  net.start_all();
  std::set<std::pair<std::uint64_t, std::uint64_t>> hashes;
  for (int i = 0; i < 60; ++i) {
    net.run_for(50ms);
    for (std::uint32_t n = 0; n < 4; ++n) {
      const auto copy = net.engine(NodeId{n}).clone();
      REQUIRE(copy->same_state(net.engine(NodeId{n})));
      REQUIRE(copy->state_hash() == net.engine(NodeId{n}).state_hash());
      const Hash128 before = copy->state_hash();
      Outbox out{net.pool};
      const BlockPtr block = net.block(NodeId{n}, NodeId{1}, Round{1}, 9);
      copy->on_message(NodeId{1}, net.vote(NodeId{1}, VoteType::prevote, net.engine(NodeId{n}).height(), Round{1},
                                           block->id), net.view(NodeId{n}), out);
      CHECK(!copy->same_state(net.engine(NodeId{n})));
      CHECK(copy->state_hash() != before);
      hashes.insert({before.hi, before.lo});
    }
  }
  CHECK(hashes.size() > 40);
}

TEST_CASE("the same inputs give the same states, wherever the bodies lie", "[tendermint][value]") {
  const auto run = [](std::vector<Hash128>& states, std::vector<Record>& records) {
    EngineHarness net{committee_of({1, 2, 3, 4, 5}), 5, make_tendermint()};
    sim::Stream luck{3, "loss"};
    net.drop = [&](NodeId, NodeId, const MessagePtr&) { return luck.chance({1, 7}); };
    net.start_all();
    for (int i = 0; i < 100; ++i) {
      net.run_for(200ms);
      for (std::uint32_t n = 0; n < 5; ++n) states.push_back(net.engine(NodeId{n}).state_hash());
    }
    records = net.records;
  };
  std::vector<Hash128> first;
  std::vector<Hash128> second;
  std::vector<Record> one;
  std::vector<Record> two;
  run(first, one);
  run(second, two);
  CHECK(first == second);
  CHECK(one == two);
}

TEST_CASE("every quorum is recorded with its signers, and they have the power", "[tendermint][records]") {
  EngineHarness net{committee_of({4, 1, 1, 1}), 4, make_tendermint()};
  net.start_all();
  REQUIRE(net.run_to_height(3, 30s));
  Power power = 0;
  std::set<std::uint32_t> signers;
  std::size_t quorums = 0;
  for (const Record& r : net.records) {
    if (r.kind == RecordKind::certificate_signers) {
      CHECK(r.peer == NodeId{0});
      CHECK(r.b == 0);
      for (std::uint32_t i = 0; i < 64; ++i) {
        if ((r.a >> i & 1U) == 0) continue;
        CHECK(signers.insert(i).second);
        power += net.committee().power_of(NodeId{i});
      }
    } else if (r.kind == RecordKind::certified) {
      CHECK(power >= net.committee().quorum());
      ++quorums;
      power = 0;
      signers.clear();
    } else {
      CHECK(signers.empty());  // signers come right before their certificate
    }
  }
  CHECK(quorums >= 3 * 4 * 2 - 2);
  CHECK(net.count(RecordKind::locked) >= 11);
}

