// Decisions and parts of the chained engines, each by itself.
#include <array>
#include <numeric>

#include "protocols/consensus/chained/block_tree.hpp"
#include "protocols/consensus/chained/branch_store.hpp"
#include "protocols/consensus/chained/collectors.hpp"
#include "protocols/consensus/chained/leader_schedule.hpp"
#include "protocols/consensus/chained/safety_record.hpp"
#include "protocols/consensus/hotstuff/rules.hpp"
#include "protocols/consensus/jolteon/rules.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

BlockId id(std::uint64_t n) { return {1, n}; }

/// A block on `parent` (null: genesis) of that round.
BlockPtr child(const BlockPtr& parent, std::int32_t round, std::uint64_t mark = 0) {
  Block b;
  b.height = parent != nullptr ? next(parent->height) : Height{1};
  b.round = Round{round};
  b.timestamp = at_ns(1000 * round + static_cast<std::int64_t>(mark));
  if (parent != nullptr) {
    b.parent = parent->id;
    b.last_commit.height = parent->height;
    b.last_commit.round = parent->round;
    b.last_commit.block = parent->id;
    b.last_commit.type = VoteType::vote;
  }
  b.bytes = b.compute_bytes();
  b.id = b.compute_id();
  return std::make_shared<const Block>(std::move(b));
}

Vote vote(NodeId voter, Round round, BlockId block) {
  Vote v;
  v.height = Height{1};
  v.round = round;
  v.type = VoteType::vote;
  v.voter = voter;
  v.block = block;
  return v;
}

TimeoutCert tc_of(Signatures& signatures, std::vector<std::pair<std::uint32_t, std::int32_t>> signers,
                  std::int32_t round) {
  TimeoutCert tc{.epoch = Epoch{0}, .round = Round{round}, .signatures = {}, .high_qc = nullptr};
  for (const auto& [node, high] : signers) {
    const Hash128 digest = timeout_digest(Epoch{0}, Round{round}, Round{high});
    tc.signatures.push_back({NodeId{node}, Round{high}, no_round, signatures.sign(node, digest)});
  }
  tc.high_qc = std::make_shared<const QuorumCert>();
  return tc;
}

}  // namespace

//   genesis <- B1 <- B2        QC(B2) is known to the replicas that timed out in round 3
//               ^- B4          proposed on the older QC(B1): unsafe
TEST_CASE("a timeout certificate does not excuse building on an old certificate", "[jolteon][rules]") {
  const SafetyState s{.voted = Round{3}, .locked = Round{2}};
  VoteContext c{.round = Round{4}, .justify_round = Round{1}, .tc_round = Round{3}, .tc_high_round = Round{2}};
  CHECK_FALSE(JolteonRules::may_vote(s, c));
  c.justify_round = Round{2};
  CHECK(JolteonRules::may_vote(s, c));
  c.tc_round = Round{2};
  CHECK_FALSE(JolteonRules::may_vote(s, c));  // of another round than the one before
  c.justify_round = Round{3};
  c.tc_round = c.tc_high_round = no_round;
  CHECK(JolteonRules::may_vote(s, c));
  CHECK_FALSE(JolteonRules::may_vote({.voted = Round{4}, .locked = Round{2}}, c));
}

TEST_CASE("HotStuff votes for what extends its lock, or shows a later certificate", "[hotstuff][rules]") {
  const SafetyState s{.voted = Round{5}, .locked = Round{3}};
  CHECK(HotStuffRules::may_vote(s, {.round = Round{6}, .justify_round = Round{2}, .extends_lock = true}));
  CHECK(HotStuffRules::may_vote(s, {.round = Round{6}, .justify_round = Round{4}}));
  CHECK_FALSE(HotStuffRules::may_vote(s, {.round = Round{6}, .justify_round = Round{3}}));
  CHECK_FALSE(HotStuffRules::may_vote(s, {.round = Round{5}, .justify_round = Round{4}, .extends_lock = true}));
  // HotStuff-2 compares by rank alone, and an equal one is enough.
  CHECK(HotStuff2Rules::may_vote(s, {.round = Round{6}, .justify_round = Round{3}}));
  CHECK_FALSE(HotStuff2Rules::may_vote(s, {.round = Round{6}, .justify_round = Round{2}, .extends_lock = true}));
}

TEST_CASE("certificates of consecutive rounds commit, others do not", "[hotstuff][jolteon][rules]") {
  const auto rounds = [](std::vector<std::int32_t> r) {
    std::vector<Round> out;
    for (const std::int32_t x : r) out.push_back(Round{x});
    return out;
  };
  CHECK(HotStuffRules::commits(rounds({7, 6, 5})));
  CHECK_FALSE(HotStuffRules::commits(rounds({7, 6, 4})));
  CHECK_FALSE(HotStuffRules::commits(rounds({8, 6, 5})));
  CHECK(JolteonRules::commits(rounds({7, 6})));
  CHECK_FALSE(JolteonRules::commits(rounds({7, 5})));
}

TEST_CASE("a TC is checked by its signatures", "[chained][certificates]") {
  const auto signatures = make_signatures(SignatureBackend::ideal, 7);
  const Committee four = equal_committee(4);
  const auto check = [&](const TimeoutCert& tc) { return check_timeout_cert(tc, four, four.quorum(), *signatures); };
  TimeoutCert good = tc_of(*signatures, {{0, 1}, {1, 3}, {3, 2}}, 5);
  CHECK(check(good) == Reject::none);
  CHECK(highest_signed_round(good) == Round{3});
  CHECK(check(tc_of(*signatures, {{0, 1}, {1, 3}}, 5)) == Reject::bad_certificate);
  CHECK(check(tc_of(*signatures, {{0, 1}, {0, 1}, {1, 3}}, 5)) == Reject::malformed);
  CHECK(check(tc_of(*signatures, {{0, 1}, {1, 3}, {7, 2}}, 5)) == Reject::not_a_member);
  CHECK(check(tc_of(*signatures, {{0, 1}, {1, 5}, {3, 2}}, 5)) == Reject::malformed);  // a QC of the same round
  good.signatures[1].high_qc_round = Round{2};  // not what n1 signed
  CHECK(check(good) == Reject::bad_signature);
}

TEST_CASE("votes count once a member, for the first value", "[chained][collectors]") {
  const Committee committee = committee_of({1, 1, 1, 3});
  VoteCollector votes;
  votes.clear(Round{1});
  CHECK(votes.add(0, 1, vote(NodeId{0}, Round{1}, id(1)), 4) == Collected::counted);
  CHECK(votes.add(0, 1, vote(NodeId{0}, Round{1}, id(1)), 4) == Collected::duplicate);
  CHECK(votes.add(0, 1, vote(NodeId{0}, Round{1}, id(2)), 4) == Collected::conflict);
  CHECK(votes.vote_of(0, NodeId{0}).block == id(1));
  CHECK(votes.add(1, 1, vote(NodeId{1}, Round{1}, id(2)), 4) == Collected::counted);
  CHECK(votes.add(3, 3, vote(NodeId{3}, Round{1}, id(1)), 4) == Collected::counted);
  CHECK(votes.last().power == 4);
  CHECK(votes.power() == 5);
  const QuorumCertPtr qc = votes.certificate(id(1), committee);
  REQUIRE(qc->signatures.size() == 2);
  CHECK(qc->signatures[0].voter == NodeId{0});
  CHECK(qc->signatures[1].voter == NodeId{3});
}

TEST_CASE("rounds of collectors are kept sorted and dropped from below", "[chained][collectors]") {
  Rounds<VoteCollector> rounds;
  rounds.open(Round{5}).add(0, 1, vote(NodeId{0}, Round{5}, id(1)), 4);
  rounds.open(Round{3});
  CHECK(rounds.live().size() == 2);
  CHECK(rounds.live().front().round == Round{3});
  rounds.drop_below(Round{5});
  CHECK(rounds.find(Round{3}) == nullptr);
  REQUIRE(rounds.find(Round{5}) != nullptr);
  CHECK(rounds.find(Round{5})->power() == 1);
  rounds.drop_below(Round{6});
  CHECK(rounds.open(Round{7}).power() == 0);  // memory is used again, votes are not
}

TEST_CASE("the tree says what is missing, and forgets what the head rules out", "[chained][tree]") {
  BlockTree tree;
  tree.reset({});
  const BlockPtr a1 = child(nullptr, 1);
  const BlockPtr a2 = child(a1, 2);
  const BlockPtr a3 = child(a2, 3);
  const BlockPtr b1 = child(nullptr, 4);
  const BlockPtr b2 = child(b1, 5);
  tree.insert(a3, {});
  BlockTree::Missing missing;
  CHECK(tree.link(a3->id, a3->height, &missing) == BlockTree::Link::missing);
  CHECK(missing.block == a2->id);
  CHECK(missing.child->id == a3->id);
  for (const BlockPtr& b : {a1, a2, b1, b2}) tree.insert(b, {});
  CHECK(tree.link(a3->id, a3->height) == BlockTree::Link::connected);
  CHECK(tree.branch(a3->id, a3->height)->size() == 3);
  CHECK(tree.extends(a3->id, a1->id));
  CHECK_FALSE(tree.extends(b2->id, a1->id));
  tree.advance_root(*a1);
  CHECK(tree.entries().size() == 2);
  CHECK(tree.find(b2->id) == nullptr);
  CHECK(tree.link(b2->id, b2->height) == BlockTree::Link::missing);
  tree.insert(b2, {});
  CHECK(tree.link(b2->id, b2->height) == BlockTree::Link::foreign);
  CHECK(tree.insert(b1, {}) == nullptr);  // below the head
}

TEST_CASE("the tree is bounded beside its working branch", "[chained][tree]") {
  BlockTree tree;
  tree.reset({});
  BlockPtr tip;
  for (std::int32_t r = 1; r <= 100; ++r) {
    tip = child(tip, 2 * r);
    tree.insert(tip, tip->id);
    tree.insert(child(nullptr, 2 * r + 1), tip->id);
  }
  CHECK(tree.entries().size() == 100 + BlockTree::spare_max);
  CHECK(tree.branch(tip->id, tip->height)->size() == 100);
}

TEST_CASE("leaders by stake get rounds in proportion, and any round can be asked for", "[chained][leaders]") {
  const Committee committee = committee_of({10, 30, 20});
  LeaderOptions options;
  options.election = LeaderElection::stake;
  LeaderSchedule schedule;
  schedule.start_epoch(committee, Round{1}, options);
  std::array<int, 3> led{};
  std::vector<NodeId> leaders;
  for (std::int32_t r = 1; r <= 600; ++r) {
    leaders.push_back(schedule.leader(Round{r}));
    ++led[leaders.back().value];
  }
  CHECK(led == std::array<int, 3>{100, 300, 200});
  for (const std::int32_t r : {600, 1, 77, 76, 345}) CHECK(schedule.leader(Round{r}) == leaders[r - 1]);
}

TEST_CASE("reputation looks at committed blocks before the lag alone", "[chained][leaders]") {
  const Committee committee = equal_committee(4);
  LeaderOptions options;
  options.election = LeaderElection::reputation;
  LeaderSchedule one;
  one.start_epoch(committee, Round{1}, options);
  LeaderSchedule other = one;
  Block b;
  QuorumCert cert;
  cert.signatures = {{NodeId{0}, {}, {}}, {NodeId{1}, {}, {}}, {NodeId{2}, {}, {}}};
  for (std::int32_t r = 1; r <= 20; ++r) {
    b.round = Round{r};
    b.proposer = NodeId{static_cast<std::uint32_t>(r % 3)};
    one.on_committed(b, cert);
    if (r <= 17) other.on_committed(b, cert);
  }
  // Who knows three more blocks names the same leaders for rounds at least `lag` after the older one's last block.
  int silent = 0;
  for (std::int32_t r = 19; r <= 21; ++r) CHECK(one.leader(Round{r}) == other.leader(Round{r}));
  for (std::int32_t r = 25; r < 425; ++r) silent += one.leader(Round{r}) == NodeId{3} ? 1 : 0;
  CHECK(silent < 10);  // weight 1 of 298
}

TEST_CASE("timers grow with rounds since the last commit, up to a bound", "[chained][pacemaker]") {
  PacemakerOptions o;
  CHECK(round_timeout(o, 0) == 1s);
  CHECK(round_timeout(o, 3) == 1s);
  CHECK(round_timeout(o, 4) == 1200ms);
  CHECK(round_timeout(o, 5) == 1440ms);
  CHECK(round_timeout(o, 9) == Duration{2'985'984'000});
  CHECK(round_timeout(o, 1000) == round_timeout(o, 9));
  o.growth_percent = 100;
  CHECK(round_timeout(o, 1000) == 1s);
}

TEST_CASE("safety records come back as they were, damaged ones do not", "[chained][log]") {
  const auto signatures = make_signatures(SignatureBackend::ideal, 7);
  const BlockPtr block = child(child(nullptr, 1), 2);
  ChainedRecord r{.statement = ChainedStatement::vote,
                  .epoch = Epoch{3},
                  .height = block->height,
                  .round = Round{2},
                  .block = block->id,
                  .timestamp = at_ns(5),
                  .signature = {77},
                  .safety = {Round{2}, Round{1}, Round{0}, Round{1}, block->parent},
                  .high_qc = parent_cert(block),
                  .tc = std::make_shared<const TimeoutCert>(tc_of(*signatures, {{0, 0}, {1, 0}, {2, 0}}, 1)),
                  .body = block};
  const std::vector<std::byte> bytes = encode(r);
  const auto back = decode_chained(bytes);
  REQUIRE(back);
  CHECK(back->statement == r.statement);
  CHECK(back->epoch == r.epoch);
  CHECK(back->safety == r.safety);
  CHECK(same_cert(back->high_qc, r.high_qc));
  CHECK(same_cert(back->tc, r.tc));
  CHECK(*back->body == *block);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) CHECK_FALSE(decode_chained(std::span{bytes}.first(cut)));
}
