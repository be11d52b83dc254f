// Decisions of Streamlet, PBFT and the rotating sequencer, one by one.
#include <map>

#include "protocols/consensus/pbft/pbft.hpp"
#include "protocols/consensus/rotating/rotating.hpp"
#include "protocols/consensus/streamlet/streamlet.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

const BlockId a{1, 1}, b{2, 2}, c{3, 3};

PreparedClaim claim(std::uint64_t height, std::int32_t view, BlockId block) {
  return {Height{height}, Round{view}, VoteType::prevote, block};
}

EngineHarness::Make make_pbft(const PbftOptions& options = {}) {
  return [options](NodeId self) { return std::make_unique<EngineOf<Pbft>>(Pbft{self, options}); };
}
EngineHarness::Make make_streamlet(const StreamletOptions& options = {}) {
  return [options](NodeId self) { return std::make_unique<EngineOf<Streamlet>>(Streamlet{self, options}); };
}
EngineHarness::Make make_rotating(const RotatingOptions& options = {}) {
  return [options](NodeId self) { return std::make_unique<EngineOf<Rotating>>(Rotating{self, options}); };
}

std::size_t votes_of(const EngineHarness& net, NodeId voter) {
  std::vector<Vote> votes;
  for (const EngineHarness::Sent& s : net.sent) {
    const auto* m = dynamic_cast<const VoteMessage*>(&static_cast<const ConsensusMessage&>(*s.message));
    if (m == nullptr || m->vote.voter != voter || s.from != voter) continue;
    if (std::ranges::find(votes, m->vote) == votes.end()) votes.push_back(m->vote);
  }
  return votes.size();
}

}  // namespace

// ---- Streamlet ------------------------------------------------------------------------------------------------------

TEST_CASE("Streamlet votes once an epoch, in that epoch, on a longest notarised chain", "[streamlet][rules]") {
  const EpochVoteContext good{Round{5}, Round{5}, Round{4}, true, Height{3}, Height{3}, Height{3}};
  CHECK(StreamletRules::may_vote(good));
  EpochVoteContext other = good;
  other.voted_epoch = Round{5};
  CHECK_FALSE(StreamletRules::may_vote(other));
  other = good;
  other.epoch = Round{6};
  CHECK_FALSE(StreamletRules::may_vote(other));
  other = good;
  other.parent_notarised = false;
  CHECK_FALSE(StreamletRules::may_vote(other));
  other = good;
  other.longest_notarised = Height{4};
  CHECK_FALSE(StreamletRules::may_vote(other));
  other = good;
  other.longest_received = Height{9};  // nobody notarised that
  CHECK(StreamletRules::may_vote(other));
}

TEST_CASE("leaders drawn by hash lead as often as their power says", "[streamlet][rules]") {
  const Committee committee = committee_of({1, 2, 3, 4});
  std::map<std::uint32_t, int> turns;
  for (std::int32_t e = 1; e <= 10'000; ++e) {
    ++turns[StreamletRules::leader(EpochLeaders::hash, Round{e}, committee).value];
  }
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(std::abs(turns[i] - 1000 * static_cast<int>(i + 1)) < 150);
  CHECK(StreamletRules::leader(EpochLeaders::round_robin, Round{1}, committee) == NodeId{0});
  CHECK(StreamletRules::leader(EpochLeaders::round_robin, Round{6}, committee) == NodeId{1});
}

TEST_CASE("a Streamlet replica ignores the second proposal of an epoch and reports it", "[streamlet]") {
  EngineHarness net{equal_committee(4), 4, make_streamlet({.delta = 500ms, .echo = false}), 20ms, {}, 1};
  net.start(NodeId{3});
  const auto propose = [&](std::uint64_t mark) {
    Block block = *net.block(NodeId{3}, NodeId{0}, Round{1}, mark);
    block.state_before = {};
    block.committee_hash = net.committee().hash();
    block.bytes = block.compute_bytes();
    block.id = block.compute_id();
    const auto body = std::make_shared<const Block>(block);
    Vote vote{Height{1}, Round{1}, VoteType::vote, NodeId{0}, body->id, net.now(), {}};
    vote.signature = net.signatures->sign(0, vote.signed_digest());
    net.deliver(NodeId{0}, NodeId{3}, MessagePtr{net.pool.make<VotingProposalMessage>(body, vote)});
    return body->id;
  };
  const BlockId first = propose(1);
  CHECK(votes_of(net, NodeId{3}) == 1);
  CHECK(propose(2) != first);
  CHECK(votes_of(net, NodeId{3}) == 1);
  REQUIRE(net.evidence.size() == 1);
  CHECK(net.evidence[0].evidence.kind == EvidenceKind::double_proposal);
  CHECK(net.evidence[0].evidence.offender == NodeId{0});
}

// ---- PBFT -----------------------------------------------------------------------------------------------------------

TEST_CASE("a new view proposes again what was prepared in the highest view, and leaves holes free", "[pbft][rules]") {
  const auto beginning = [](std::uint64_t checkpoint, std::vector<PreparedClaim> claims) {
    return PbftRules::new_view<PbftRules>(Height{checkpoint}, std::move(claims));
  };
  CHECK(beginning(0, {}).empty());
  CHECK(beginning(4, {claim(3, 0, a), claim(4, 7, b)}).empty());  // below the stable checkpoint
  CHECK(beginning(4, {claim(5, 0, a)}) == std::vector<Assignment>{{Height{5}, a}});
  CHECK(beginning(4, {claim(5, 2, b), claim(5, 0, a), claim(5, 1, c)}) == std::vector<Assignment>{{Height{5}, b}});
  CHECK(beginning(4, {claim(7, 0, c), claim(5, 1, a)}) ==
        std::vector<Assignment>{{Height{5}, a}, {Height{6}, {}}, {Height{7}, c}});  // the null request
}

TEST_CASE("patience with primaries doubles up to its bound", "[pbft][rules]") {
  const PbftOptions options{.view_timeout = 4s, .view_timeout_max = 20s};
  CHECK(PbftRules::timeout(options, 0) == 4s);
  CHECK(PbftRules::timeout(options, 1) == 8s);
  CHECK(PbftRules::timeout(options, 2) == 16s);
  CHECK(PbftRules::timeout(options, 3) == 20s);
  CHECK(PbftRules::timeout(options, 1000) == 20s);
  CHECK(PbftRules::timeout({.view_timeout = 8s, .view_timeout_max = 1s}, 5) == 8s);
}

TEST_CASE("checkpoints become stable and move the window", "[pbft]") {
  PbftOptions options;
  options.checkpoint_interval = 4;
  options.window = 8;
  EngineHarness net{equal_committee(4), 4, make_pbft(options), 20ms, {}, 1};
  net.start_all();
  REQUIRE(net.run_to_height(6, 60s));
  CHECK(net.engine<Pbft>(NodeId{2}).stable() == Height{4});
  SECTION("without checkpoints the window closes") {
    net.drop = [](NodeId, NodeId, const MessagePtr& m) {
      const MessageKind kind = static_cast<const ConsensusMessage&>(*m).message_kind();
      return kind == MessageKind::checkpoint || kind == MessageKind::view_change;
    };
    net.run_for(60s);
    CHECK(net.chain(NodeId{0}).height() == Height{12});  // 4 + L
    net.drop = nullptr;
    CHECK(net.run_to_height(20, 120s));
  }
  SECTION("with them it goes on") {
    CHECK(net.run_to_height(30, 120s));
    CHECK(net.engine<Pbft>(NodeId{1}).stable() >= Height{24});
  }
}

TEST_CASE("a third that asks for the next view takes the others along", "[pbft]") {
  EngineHarness net{equal_committee(4), 4, make_pbft(), 20ms, {}, 1};
  net.start_all();
  REQUIRE(net.run_to_height(2, 60s));
  // n2 and n3 do not hear from the primary; n1 does, but has to follow two others.
  net.drop = [](NodeId from, NodeId to, const MessagePtr&) { return from == NodeId{0} && to != NodeId{1}; };
  net.run_for(9s);
  CHECK(net.engine<Pbft>(NodeId{1}).round() >= Round{1});
  CHECK(net.run_to_height(6, 60s));
  CHECK(net.agree());
}

TEST_CASE("a PBFT replica that comes back is in no earlier view than it was, whatever it has forgotten", "[pbft]") {
  EngineHarness net{equal_committee(4), 4, make_pbft(), 20ms, {}, 1};
  net.start_all();
  net.crash(NodeId{0});
  REQUIRE(net.run_to_height(4, 60s));
  REQUIRE(net.engine<Pbft>(NodeId{2}).round() == Round{1});
  for (std::uint32_t i = 1; i < 4; ++i) net.crash(NodeId{i});
  for (std::uint32_t i = 0; i < 4; ++i) net.start(NodeId{i});
  for (std::uint32_t i = 1; i < 4; ++i) {
    CHECK(net.engine<Pbft>(NodeId{i}).round() >= Round{1});
    CHECK_FALSE(net.engine<Pbft>(NodeId{i}).active());
  }
  CHECK(net.run_to_height(8, 120s));
  CHECK(net.agree());
  CHECK(net.conflicts.empty());
}

TEST_CASE("PBFT orders nothing while nothing waits, if told so, and trusts its primary meanwhile", "[pbft]") {
  PbftOptions options;
  options.create_empty_blocks = false;
  EngineHarness net{equal_committee(4), 4, make_pbft(options), 20ms, {}, 1};
  net.start_all();
  net.run_for(60s);
  CHECK(net.chain(NodeId{0}).height() == Height{0});
  CHECK(net.engine<Pbft>(NodeId{3}).round() == Round{0});
  for (std::uint32_t i = 0; i < 4; ++i) {
    net.mempool[i] = {EngineHarness::transaction(1)};
    net.payload_available(NodeId{i});
  }
  CHECK(net.run_to_height(1, 1s));
}

// ---- rotating -------------------------------------------------------------------------------------------------------

TEST_CASE("terms grow with epoch and rank, and name one node each", "[rotating][rules]") {
  const Committee committee = equal_committee(4);
  CHECK(Term{0, 1}.round() > Term{0, 0}.round());
  CHECK(Term{1, 0}.round() > Term{0, Term::ranks - 1}.round());
  CHECK(Term::of(Term{7, 3}.round()).epoch == 7);
  CHECK(Term::of(Term{7, 3}.round()).rank == 3);
  CHECK(RotatingRules::operator_of({5, 0}, committee) == NodeId{1});
  CHECK(RotatingRules::operator_of({5, 3}, committee) == NodeId{0});
}

TEST_CASE("one block a term is acknowledged, none below the promise", "[rotating][rules]") {
  Block content;
  content.id = a;
  const auto block = std::make_shared<const Block>(content);
  const Acknowledged nothing;
  const Acknowledged before{Round{3}, block};
  CHECK(RotatingRules::may_acknowledge(Round{3}, a, Round{3}, nothing));
  CHECK_FALSE(RotatingRules::may_acknowledge(Round{2}, a, Round{3}, nothing));
  CHECK(RotatingRules::may_acknowledge(Round{3}, a, Round{3}, before));
  CHECK_FALSE(RotatingRules::may_acknowledge(Round{3}, b, Round{3}, before));
  CHECK(RotatingRules::may_acknowledge(Round{4}, b, Round{3}, before));
  CHECK(RotatingRules::outranks({Round{4}, block}, before));
  CHECK_FALSE(RotatingRules::outranks({Round{4}, nullptr}, before));
}

TEST_CASE("a new operator proposes the tail of a quorum again", "[rotating]") {
  // n0 orders for 3 slots of 4; its third block reaches n2 and n3, its acknowledgements nobody.
  EngineHarness net{equal_committee(4), 4,
                    make_rotating({.slot = 1s, .epoch_slots = 4, .handover_slots = 1, .buffer = 0s}), 20ms, {}, 1};
  net.start_all();
  REQUIRE(net.run_to_height(2, 10s));
  net.drop = [&](NodeId from, NodeId to, const MessagePtr& m) {
    const auto* ack = dynamic_cast<const VoteMessage*>(&static_cast<const ConsensusMessage&>(*m));
    if (ack != nullptr && ack->vote.round == Term{0, 0}.round()) return true;
    return net.now() < time_zero + 3s ? to == NodeId{1} : from == NodeId{0} || to == NodeId{0};
  };
  net.run_for(1500ms);
  BlockId tail;
  for (const EngineHarness::Sent& s : net.sent) {
    const auto* p = dynamic_cast<const VotingProposalMessage*>(&static_cast<const ConsensusMessage&>(*s.message));
    if (p != nullptr && p->vote.height == Height{3} && p->vote.voter == NodeId{0}) tail = p->block->id;
  }
  REQUIRE(tail != BlockId{});
  const auto reached = [&] { return net.chain(NodeId{1}).height() >= Height{3}; };
  REQUIRE(net.run_until(reached, 10s));
  CHECK(net.chain(NodeId{1}).block(Height{3})->id == tail);
  CHECK(net.chain(NodeId{1}).commit(Height{3})->round == Term{1, 0}.round());
}

TEST_CASE("a silent operator is replaced by a backup, and an operator of another epoch by its end", "[rotating]") {
  EngineHarness net{equal_committee(4), 4, make_rotating({.slot = 1s, .epoch_slots = 40, .inactive_slots = 2}), 20ms,
                    {}, 1};
  net.start_all();
  REQUIRE(net.run_to_height(2, 10s));
  net.crash(NodeId{0});
  const auto goes_on = [&] { return net.chain(NodeId{1}).height() >= Height{6}; };
  CHECK(net.run_until(goes_on, 12s));
  CHECK(net.chain(NodeId{1}).block(Height{6})->proposer == NodeId{1});
  CHECK(Term::of(net.chain(NodeId{1}).block(Height{6})->round).rank == 1);
}
