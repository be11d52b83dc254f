// The parts of the engine by themselves: vote sets, records of the log, evidence, certificates, forging.
#include "protocols/consensus/certificates.hpp"
#include "protocols/consensus/engines.hpp"
#include "protocols/consensus/forge.hpp"
#include "protocols/consensus/tendermint/evidence_pool.hpp"
#include "protocols/consensus/tendermint/safety_record.hpp"
#include "protocols/consensus/tendermint/vote_set.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tendermint_subject.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {
constexpr BlockId a{1, 1};
constexpr BlockId b{2, 2};
}  // namespace

TEST_CASE("an equivocator counts once for any value, and for its second value only when that is claimed",
          "[tendermint][votes]") {
  const Committee committee = committee_of({1, 2, 4, 8});
  EngineHarness net{committee, 4, make_tendermint()};
  const auto vote = [&](std::uint32_t from, BlockId block) {
    return net.vote(NodeId{from}, VoteType::prevote, Height{1}, Round{0}, block);
  };
  VoteSet votes;
  const auto add = [&](std::uint32_t from, BlockId block) {
    return votes.add(from, committee[from].power, vote(from, block), committee.size());
  };
  CHECK(add(0, a) == VoteSet::Added::fresh);
  CHECK(add(0, a) == VoteSet::Added::duplicate);
  CHECK(add(3, b) == VoteSet::Added::fresh);
  CHECK(add(3, a) == VoteSet::Added::conflict);
  CHECK(add(3, a) == VoteSet::Added::duplicate);
  CHECK(add(3, nil) == VoteSet::Added::conflict);  // a third value proves nothing more
  CHECK(votes.any() == 9);
  CHECK(votes.power_for(a) == 1);
  CHECK(votes.power_for(b) == 8);
  CHECK(votes.majority(9) == nil);
  CHECK(votes.seconds().size() == 1);
  votes.claim(a, committee);
  CHECK(votes.power_for(a) == 9);
  CHECK(votes.power_for(b) == 8);
  CHECK(votes.any() == 9);
  CHECK(votes.majority(9) == a);
  CHECK(add(1, b) == VoteSet::Added::fresh);
  CHECK(add(1, a) == VoteSet::Added::recounted);
  CHECK(votes.last_power() == 11);
  std::vector<std::uint32_t> for_a;
  votes.for_each_vote_for(a, [&](std::uint32_t i, const MessagePtr&) { for_a.push_back(i); });
  CHECK(for_a == std::vector<std::uint32_t>{0, 1, 3});
  CHECK(votes.bitmap() == std::vector<std::uint64_t>{0b1011});
}

TEST_CASE("quorums of every residue are exact in the votes that it takes", "[tendermint][votes]") {
  // S = 3F + 1, 3F + 2, 3F + 3: Q = 2F + 1, 2F + 2, 2F + 3; V = F + 1.
  for (Power f = 0; f < 5; ++f) {
    for (Power extra = 1; extra <= 3; ++extra) {
      const auto n = static_cast<std::uint32_t>(3 * f + extra);
      if (n < 4) continue;
      Subject s{n - 1, {}, equal_committee(n)};
      const BlockPtr block = s.block(0);
      s.propose(0, block);
      const auto needed = static_cast<std::uint32_t>(2 * f + extra);
      for (std::uint32_t i = 0; i + 1 < needed; ++i) {
        CHECK(!s.precommitted(0));
        s.prevotes({i}, 0, block->id);  // the own one counts as well
      }
      CHECK(s.precommitted(0) == block->id);
    }
  }
}

TEST_CASE("power counts, not heads", "[tendermint][votes]") {
  Subject s{3, {}, committee_of({10, 1, 1, 1})};
  const BlockPtr block = s.net.block(s.self, s.proposer(0), Round{0}, 1);
  s.propose(0, block);
  s.prevotes({1, 2}, 0, block->id);
  CHECK(!s.precommitted(0));
  s.prevotes({0}, 0, block->id);
  CHECK(s.precommitted(0) == block->id);
}

TEST_CASE("a safety record comes back from the log as it was, a damaged one not at all", "[tendermint][log]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  Block block = *net.block(NodeId{0}, NodeId{0}, Round{0}, 3);
  Vote v1;
  v1.voter = NodeId{2};
  v1.type = VoteType::prevote;
  Vote v2 = v1;
  v2.block = a;
  block.evidence.push_back(double_vote_evidence(v1, v2));
  block.last_commit.signatures.push_back({NodeId{1}, at_ns(7), Signature{9}});
  block.bytes = block.compute_bytes();
  block.id = block.compute_id();
  const SafetyRecord record{.statement = Statement::precommit,
                            .height = Height{5},
                            .round = Round{2},
                            .block = a,
                            .proposal_valid_round = Round{1},
                            .timestamp = at_ns(-3),
                            .signature = Signature{77},
                            .locked = {Round{2}, a},
                            .valid = {Round{2}, b},
                            .body = std::make_shared<const Block>(block)};
  const std::vector<std::byte> bytes = encode(record);
  const auto back = decode(bytes);
  REQUIRE(back);
  CHECK(back->statement == record.statement);
  CHECK(back->height == record.height);
  CHECK(back->round == record.round);
  CHECK(back->block == record.block);
  CHECK(back->proposal_valid_round == record.proposal_valid_round);
  CHECK(back->timestamp == record.timestamp);
  CHECK(back->signature == record.signature);
  CHECK(back->locked == record.locked);
  CHECK(back->valid == record.valid);
  REQUIRE(back->body);
  CHECK(*back->body == block);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) CHECK(!decode(std::span{bytes.data(), cut}));
}

TEST_CASE("evidence has one form whoever saw which vote first", "[tendermint][evidence]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  const auto vote = [&](BlockId block, Duration time) {
    return VoteSet::vote_in(net.vote(NodeId{1}, VoteType::precommit, Height{1}, Round{0}, block, time));
  };
  const Vote one = vote(a, 1ms);
  const Vote two = vote(nil, 2ms);
  CHECK(double_vote_evidence(one, two) == double_vote_evidence(two, one));
  const HarnessChain& chain = net.chain(NodeId{0});
  CHECK(EvidencePool::check(double_vote_evidence(one, two), chain, *net.signatures) == Reject::none);

  Evidence e = double_vote_evidence(one, two);
  e.offender = NodeId{2};
  CHECK(EvidencePool::check(e, chain, *net.signatures) == Reject::malformed);
  e = double_vote_evidence(one, two);
  std::swap(e.first, e.second);
  CHECK(EvidencePool::check(e, chain, *net.signatures) == Reject::malformed);
  e = double_vote_evidence(one, one);
  CHECK(EvidencePool::check(e, chain, *net.signatures) == Reject::malformed);
  e = double_vote_evidence(one, two);
  e.second.signature.handle ^= 1U;
  CHECK(EvidencePool::check(e, chain, *net.signatures) == Reject::bad_signature);
  Vote stranger_a = one;
  Vote stranger_b = two;
  stranger_a.voter = stranger_b.voter = NodeId{9};
  CHECK(EvidencePool::check(double_vote_evidence(stranger_a, stranger_b), chain, *net.signatures) ==
        Reject::not_a_member);
}

TEST_CASE("evidence expires only when it is too old by blocks and by time", "[tendermint][evidence]") {
  TendermintOptions options;
  options.evidence_age_blocks = 10;
  options.evidence_age = 1h;
  Evidence e;
  e.first.height = Height{5};
  const auto expired = [&](std::uint64_t height, Duration age) {
    return EvidencePool::expired(e, at_ns(0), {Height{height}, at_ns(0) + age}, options);
  };
  CHECK(!expired(15, 2h));
  CHECK(!expired(16, 1h));
  CHECK(expired(16, 1h + 1ns));
  CHECK(EvidencePool::expired(e, SimTime::min(), {Height{100}, time_never}, options));
}

TEST_CASE("a commit needs a quorum of distinct members and good signatures under the very block",
          "[tendermint][certificates]") {
  const Committee committee = committee_of({3, 1, 1, 1, 1});
  EngineHarness net{committee, 5, make_tendermint()};
  const auto commit = [&](std::vector<std::uint32_t> voters) {
    Commit c;
    c.height = Height{1};
    c.round = Round{0};
    c.block = a;
    for (const std::uint32_t v : voters) {
      const Vote vote = VoteSet::vote_in(net.vote(NodeId{v}, VoteType::precommit, Height{1}, Round{0}, a));
      c.signatures.push_back({vote.voter, vote.timestamp, vote.signature});
    }
    return c;
  };
  const auto check = [&](const Commit& c) {
    return check_commit(c, Height{1}, a, committee, committee.quorum(), *net.signatures);
  };
  CHECK(committee.quorum() == 5);
  CHECK(check(commit({0, 1, 2})) == Reject::none);
  CHECK(check(commit({0, 1})) == Reject::bad_certificate);
  CHECK(check(commit({1, 2, 3, 4})) == Reject::bad_certificate);
  CHECK(check(commit({0, 1, 1})) == Reject::malformed);
  CHECK(check(commit({1, 0, 2})) == Reject::malformed);
  CHECK(check(commit({0, 1, 2, 7})) == Reject::not_a_member);
  Commit c = commit({0, 1, 2});
  c.block = b;
  CHECK(check(c) == Reject::malformed);
  c = commit({0, 1, 2});
  c.round = Round{1};
  CHECK(check(c) == Reject::bad_signature);
  c = commit({0, 1, 2});
  c.type = VoteType::prevote;
  CHECK(check(c) == Reject::malformed);
  c = commit({0, 1, 2});
  c.signatures.edit()[1].signature.handle = 0;
  CHECK(check(c) == Reject::bad_signature);
}

TEST_CASE("the weighted median stays between honest times while less than a third lies", "[tendermint][certificates]") {
  const Committee committee = committee_of({1, 1, 1, 1});
  const auto median = [&](std::vector<std::int64_t> times) {
    Commit c;
    for (std::uint32_t i = 0; i < times.size(); ++i) c.signatures.push_back({NodeId{i}, at_ns(times[i]), {}});
    return ns(weighted_median(c, committee));
  };
  CHECK(median({10, 20, 30}) == 10);       // total 3, half rounds down to 1: CometBFT's rule
  CHECK(median({10, 20, 30, 40}) == 20);
  CHECK(median({10, 20, 1'000'000}) == 10);
  CHECK(median({-1'000'000, 20, 30, 31}) == 20);
  const Committee weighted = committee_of({1, 5, 1});
  Commit c;
  c.signatures = {{NodeId{0}, at_ns(1), {}}, {NodeId{1}, at_ns(50), {}}, {NodeId{2}, at_ns(9), {}}};
  CHECK(ns(weighted_median(c, weighted)) == 50);
}

TEST_CASE("a forged vote or proposal is well signed by the forger, says what was asked, and is another one",
          "[messages][forge]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  const Signer signer{*net.signatures, {1}};
  const MessagePtr vote = net.vote(NodeId{1}, VoteType::prevote, Height{4}, Round{1}, a);
  const MessagePtr forged = forge(net.pool, *vote, NodeId{1}, {.block = BlockId{}, .height = {}, .round = Round{2},
                                  .valid_round = {}, .timestamp_shift = 5ns}, signer);
  const Vote& v = VoteSet::vote_in(forged);
  CHECK(v.block == nil);
  CHECK(v.round == Round{2});
  CHECK(v.timestamp == VoteSet::vote_in(vote).timestamp + 5ns);
  CHECK(net.signatures->verify(1, v.signed_digest(), v.signature));

  Block with = *net.block(NodeId{0}, NodeId{1}, Round{0}, 1);
  for (const std::uint32_t sender : {1U, 1U, 2U, 3U}) {
    Transaction tx = EngineHarness::transaction(sender);
    tx.sender = AccountId{sender};
    with.transactions.push_back(tx);
  }
  with.bytes = with.compute_bytes();
  with.id = with.compute_id();
  const MessagePtr proposal = net.proposal(NodeId{1}, Height{1}, Round{0}, std::make_shared<const Block>(with));
  std::vector<BlockId> seen{with.id};
  for (const std::uint64_t salt : {1ULL, 2ULL}) {
    ForgeChanges changes;
    changes.salt = salt;
    const MessagePtr other = forge(net.pool, *proposal, NodeId{1}, changes, signer);
    const Proposal& p = static_cast<const ProposalMessage&>(*other).proposal;
    CHECK(p.block->id == p.block->compute_id());
    CHECK(p.block->bytes == p.block->compute_bytes());
    CHECK(p.block->transactions.size() == 5);
    CHECK(net.signatures->verify(1, p.signed_digest(), p.signature));
    CHECK(p.block->id != with.id);
    seen.push_back(p.block->id);
  }
  ForgeChanges empty;
  empty.drop_transactions = true;
  const MessagePtr bare = forge(net.pool, *proposal, NodeId{1}, empty, signer);
  CHECK(static_cast<const ProposalMessage&>(*bare).proposal.block->transactions.empty());
  ForgeChanges salt_only;
  salt_only.salt = 9;
  const MessagePtr later = forge(net.pool, *bare, NodeId{1}, salt_only, signer);
  const Proposal& moved = static_cast<const ProposalMessage&>(*later).proposal;
  CHECK(moved.timestamp == moved.block->timestamp);
  CHECK(moved.block->id != static_cast<const ProposalMessage&>(*bare).proposal.block->id);

  const MessagePtr response{net.pool.make<BlockResponseMessage>(NodeId{1}, nullptr, Commit{})};
  CHECK(!forge(net.pool, *response, NodeId{1}, {}, signer));
}

TEST_CASE("fields of a message are those of its content", "[messages]") {
  EngineHarness net{equal_committee(4), 4, make_tendermint()};
  const MessageFields vote = fields_of(*net.vote(NodeId{2}, VoteType::precommit, Height{4}, Round{1}, a));
  CHECK(vote.kind == MessageKind::precommit);
  CHECK(vote.author == NodeId{2});
  CHECK(vote.height == Height{4});
  CHECK(vote.round == Round{1});
  CHECK(vote.block == a);
  CHECK(vote.bytes == 184);
  const BlockPtr block = net.block(NodeId{0}, NodeId{1}, Round{0}, 1);
  const MessageFields proposal = fields_of(*net.proposal(NodeId{1}, Height{1}, Round{3}, block, Round{2}));
  CHECK(proposal.kind == MessageKind::proposal);
  CHECK(proposal.valid_round == Round{2});
  CHECK(proposal.transactions == 1);
  CHECK(proposal.block == block->id);
  CHECK(proposal.bytes == 400 + block->bytes);
}

TEST_CASE("engines are found by name, an unknown one is not", "[engines]") {
  REQUIRE(find_engine("tendermint") != nullptr);
  REQUIRE(find_engine("centralised") != nullptr);
  CHECK(find_engine("raft") == nullptr);
  CHECK(engines().size() >= 9);
  for (const EngineEntry& e : engines()) {
    CHECK(find_engine(e.name) == &e);
    CHECK(e.make(NodeId{0}, equal_committee(4), {}) != nullptr);
  }
}
