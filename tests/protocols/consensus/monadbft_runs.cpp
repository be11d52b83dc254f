// What is MonadBFT's own, on the harness: recovery with and without the block, votes that come with timeouts, evidence,
// reverts. Four replicas of power 1 led in turn (n0 leads round 1), links of 20 ms, rounds of 400 ms.
#include <algorithm>
#include <memory>

#include "protocols/consensus/monadbft/monadbft.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

MonadBftOptions unpaced() {
  MonadBftOptions o;
  o.vote_pace = Duration{};
  o.growth_percent = 100;
  o.sync_timeout = 300ms;
  return o;
}

EngineHarness four(const MonadBftOptions& o = unpaced()) {
  return EngineHarness{equal_committee(4), 4,
                       [o](NodeId n) { return std::make_unique<EngineOf<MonadBft>>(MonadBft{n, o}); }, 20ms};
}

bool is_proposal_of(NodeId leader, std::int32_t round, const MessagePtr& m) {
  const auto& any = static_cast<const ConsensusMessage&>(*m);
  return any.message_kind() == MessageKind::proposal && any.author == leader &&
         static_cast<const MonadProposalMessage&>(any).proposal.round == Round{round};
}

const MonadProposalMessage* proposal_in(const EngineHarness& h, std::int32_t round) {
  for (const EngineHarness::Sent& s : h.sent) {
    if (EngineHarness::kind_of(s) != MessageKind::proposal) continue;
    const auto& m = static_cast<const MonadProposalMessage&>(*s.message);
    if (m.proposal.round == Round{round}) return &m;
  }
  return nullptr;
}

void check_sound(const EngineHarness& h) {
  CHECK(h.agree());
  CHECK(h.conflicts.empty());
}

}  // namespace

TEST_CASE("a leader that lacks the block fetches it and proposes it again", "[monadbft][runs]") {
  EngineHarness h = four();
  h.drop = [](NodeId, NodeId to, const MessagePtr& m) {  // round 2 reaches n0 alone
    return is_proposal_of(NodeId{1}, 2, m) && to != NodeId{0};
  };
  h.start_all();
  CHECK(h.run_to_height(6, 10s));
  const auto* again = proposal_in(h, 3);
  const auto* first = proposal_in(h, 2);
  REQUIRE(again != nullptr);
  REQUIRE(first != nullptr);
  CHECK(again->proposal.block->id == first->proposal.block->id);
  CHECK(again->proposal.valid_round == Round{2});
  CHECK(again->last_tc->high_tip->block->id == first->proposal.block->id);
  CHECK(h.count(MessageKind::block_request) >= 1);
  CHECK(h.chain(NodeId{3}).block(Height{2})->id == first->proposal.block->id);
  check_sound(h);
  CHECK(h.evidence.empty());
}

TEST_CASE("a block that a quorum does not have is replaced with their certificate", "[monadbft][runs]") {
  EngineHarness h = four();
  h.drop = [](NodeId from, NodeId, const MessagePtr& m) {  // n1 keeps its block to itself, but tells of the tip
    const MessageKind kind = static_cast<const ConsensusMessage&>(*m).message_kind();
    return from == NodeId{1} && (is_proposal_of(NodeId{1}, 2, m) || kind == MessageKind::block_response);
  };
  h.start_all();
  CHECK(h.run_to_height(6, 10s));
  const auto* fresh = proposal_in(h, 3);
  REQUIRE(fresh != nullptr);
  REQUIRE(fresh->last_tc->high_tip != nullptr);
  CHECK(fresh->proposal.valid_round == no_round);
  REQUIRE(fresh->tip->nec != nullptr);
  CHECK(fresh->tip->nec->round == Round{3});
  CHECK(fresh->tip->nec->signatures.size() == 3);
  CHECK(h.count(MessageKind::recovery) == 3);
  CHECK(h.count(MessageKind::no_endorsement) == 2);  // the leader's own stays at home
  CHECK(h.chain(NodeId{0}).block(Height{2})->id == fresh->proposal.block->id);
  check_sound(h);
}

TEST_CASE("votes that come with timeouts still make the certificate", "[monadbft][runs]") {
  EngineHarness h = four();
  h.drop = [&h](NodeId, NodeId, const MessagePtr& m) {  // all votes of round 2 are lost, until it times out
    const auto& any = static_cast<const ConsensusMessage&>(*m);
    return any.message_kind() == MessageKind::vote && static_cast<const VoteMessage&>(any).vote.round == Round{2} &&
           h.now() < time_zero + 300ms;
  };
  h.start_all();
  CHECK(h.run_to_height(6, 10s));
  const auto* next_block = proposal_in(h, 3);
  REQUIRE(next_block != nullptr);
  CHECK(next_block->last_tc == nullptr);
  CHECK(next_block->proposal.block->last_commit.round == Round{2});
  check_sound(h);
}

TEST_CASE("a tip in a timeout gives an equivocating leader away", "[monadbft][runs][evidence]") {
  EngineHarness h = four();
  for (const std::uint32_t n : {1U, 2U, 3U}) h.start(NodeId{n});
  const auto proposal = [&](std::uint64_t mark) {
    Block b;
    b.height = Height{1};
    b.round = Round{1};
    b.proposer = NodeId{0};
    b.timestamp = at_ns(static_cast<std::int64_t>(mark));
    b.committee_hash = h.committee().hash();
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    auto tip = std::make_shared<Tip>();
    tip->block = std::make_shared<const Block>(b);
    tip->signature = h.signatures->sign(0, fresh_digest(b));
    Proposal p{b.height, b.round, no_round, tip->block, NodeId{0}, b.timestamp, tip->signature};
    return MessagePtr{h.pool.make<MonadProposalMessage>(Epoch{0}, std::move(p), std::move(tip), nullptr, Height{0})};
  };
  h.deliver(NodeId{0}, NodeId{1}, proposal(1));
  h.deliver(NodeId{0}, NodeId{2}, proposal(2));
  h.deliver(NodeId{0}, NodeId{3}, proposal(2));
  CHECK(h.reports.empty());
  CHECK(h.run_to_height(3, 30s));
  REQUIRE_FALSE(h.reports.empty());
  for (const auto& [who, evidence] : h.reports) {
    CHECK(evidence.kind == EvidenceKind::double_proposal);
    CHECK(evidence.offender == NodeId{0});
    CHECK(evidence.first.round == Round{1});
    CHECK(evidence.first.block != evidence.second.block);
  }
  check_sound(h);
}

TEST_CASE("what is told of speculatively becomes final, each block once", "[monadbft][runs]") {
  EngineHarness h = four();
  h.start_all();
  CHECK(h.run_to_height(20, 10s));
  for (std::uint32_t n = 0; n < 4; ++n) {
    std::uint64_t speculative = 0;
    std::uint64_t final = 0;
    for (const Record& r : h.records) {
      if (r.kind != RecordKind::committed || r.node != NodeId{n}) continue;
      std::uint64_t& last = r.detail == static_cast<std::uint8_t>(CommitLevel::final) ? final : speculative;
      CHECK(r.height == last + 1);
      last = r.height;
    }
    CHECK(speculative >= final);
  }
  check_sound(h);
}

TEST_CASE("hostile messages of MonadBFT are refused and change nothing", "[monadbft][runs]") {
  EngineHarness h = four();
  h.start_all();
  CHECK(h.run_to_height(3, 10s));
  const NodeId victim{2};
  const std::unique_ptr<Engine> before = h.engine(victim).clone();
  const Epoch epoch{0};
  const auto deliver = [&](MessagePtr m) { h.deliver(NodeId{3}, victim, m); };
  deliver(MessagePtr{h.pool.make<MonadProposalMessage>(epoch, Proposal{}, nullptr, nullptr, Height{0})});
  deliver(MessagePtr{h.pool.make<MonadTimeoutMessage>(MonadTimeout{}, Height{0})});
  deliver(MessagePtr{h.pool.make<RoundRecoveryMessage>(NodeId{3}, epoch, Round{9}, nullptr, Height{0})});
  deliver(MessagePtr{h.pool.make<NoEndorsementMessage>(NoEndorsement{epoch, Round{9}, Round{1}, NodeId{3}, {}},
                                                       Height{0})});
  const auto no_block_in_it = std::make_shared<const Tip>();
  MonadTimeout no_block{epoch, Round{50}, NodeId{3}, Round{1}, Round{5}, {}, nullptr, no_block_in_it, {}};
  deliver(MessagePtr{h.pool.make<MonadTimeoutMessage>(no_block, Height{0})});
  auto empty_tc = std::make_shared<const MonadTimeoutCert>();
  deliver(MessagePtr{h.pool.make<AdvanceRoundMessage>(NodeId{3}, epoch, RoundCert{nullptr, empty_tc}, Height{0})});
  auto unsigned_qc = std::make_shared<QuorumCert>(*static_cast<const BasicMonadBft<MonadRules>&>(
      h.engine<MonadBft>(victim)).high_qc());
  unsigned_qc->round = Round{1000};
  deliver(MessagePtr{h.pool.make<AdvanceRoundMessage>(NodeId{3}, epoch, RoundCert{unsigned_qc, nullptr}, Height{0})});
  CHECK(before->same_state(h.engine(victim)));
  CHECK(h.run_to_height(8, 10s));
}
