// MonadBFT's decisions one by one, as tables.
#include <algorithm>
#include <memory>

#include "protocols/consensus/monadbft/rules.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

constexpr BlockId block_a{1, 1};
constexpr BlockId block_b{2, 2};

Round r(std::int32_t value) { return Round{value}; }

TipShape on_qc_of_round_before(std::int32_t round) { return {.block_round = r(round), .qc_round = r(round - 1)}; }

// Round 5 after a TC of round 4 that names the tip of A, made in round 4 on QC(3).
ProposalShape after_tip() {
  ProposalShape p;
  p.round = r(5);
  p.has_tc = true;
  p.tc_round = r(4);
  p.tc_tip = block_a;
  p.tc_qc_round = r(3);
  return p;
}

std::unique_ptr<Signatures> keys() { return make_signatures(SignatureBackend::ideal, 3); }

MonadTimeoutCert tc_of(Signatures& signatures, std::vector<TimeoutGroup> groups, std::int32_t round = 7) {
  MonadTimeoutCert tc;
  tc.round = r(round);
  for (TimeoutGroup& g : groups) {
    for (SignerSignature& s : g.signers) {
      s.signature =
          signatures.sign(s.voter.value, timeout_digest(tc.epoch, tc.round, g.high_qc_round, g.high_tip_round));
    }
  }
  tc.groups = std::move(groups);
  return tc;
}

TimeoutGroup group(std::int32_t qc, std::int32_t tip, std::initializer_list<std::uint32_t> signers) {
  TimeoutGroup g{r(qc), r(tip), {}};
  for (const std::uint32_t s : signers) g.signers.push_back({NodeId{s}, {}});
  return g;
}

Committee four() { return Committee{{{NodeId{0}, 1}, {NodeId{1}, 1}, {NodeId{2}, 1}, {NodeId{3}, 1}}}; }

}  // namespace

TEST_CASE("tips and QCs rank by round, a QC first, then by the QC that a tip stands on", "[monadbft][rules]") {
  const ExtendRank qc5 = rank_of(r(5), no_round);
  const ExtendRank qc6 = rank_of(r(6), no_round);
  const ExtendRank tip6_on_5 = rank_of(r(5), r(6));
  const ExtendRank tip6_on_3 = rank_of(r(3), r(6));
  const ExtendRank tip7_on_2 = rank_of(r(2), r(7));
  CHECK(qc5 < tip6_on_3);
  CHECK(tip6_on_3 < tip6_on_5);
  CHECK(tip6_on_5 < qc6);
  CHECK(qc6 < tip7_on_2);
}

TEST_CASE("B3: a block on the QC of the round before needs nothing else", "[monadbft][rules]") {
  ProposalShape p;
  p.round = r(5);
  p.block = block_b;
  p.tip = on_qc_of_round_before(5);
  CHECK(MonadRules::well_formed(p) == Reject::none);
  p.round = r(6);  // proposed later, without a reason
  CHECK(MonadRules::well_formed(p) == Reject::bad_certificate);
  p.round = r(5);
  p.tip.qc_round = r(3);  // skips a round without a certificate
  CHECK(MonadRules::well_formed(p) == Reject::malformed);
  p.tip.qc_round = r(5);
  CHECK(MonadRules::well_formed(p) == Reject::malformed);
  p.tip = on_qc_of_round_before(5);
  p.round = r(4);  // before it was made
  CHECK(MonadRules::well_formed(p) == Reject::malformed);
}

TEST_CASE("B3: after a TC that names a tip that very block comes again", "[monadbft][rules]") {
  ProposalShape p = after_tip();
  p.block = block_a;
  p.tip = on_qc_of_round_before(4);
  CHECK(MonadRules::well_formed(p) == Reject::none);
  p.block = block_b;  // another one that could stand
  CHECK(MonadRules::well_formed(p) == Reject::bad_certificate);
  p.block = block_a;
  p.tc_round = r(3);  // a TC of another round
  CHECK(MonadRules::well_formed(p) == Reject::bad_certificate);
}

TEST_CASE("B3: a fresh block in place of a tip takes a no-endorsement certificate for it", "[monadbft][rules]") {
  ProposalShape p = after_tip();
  p.block = block_b;
  p.tip = {.block_round = r(5), .qc_round = r(3), .has_nec = true, .nec_round = r(5), .nec_tip_qc_round = r(3)};
  CHECK(MonadRules::well_formed(p) == Reject::none);
  ProposalShape without = p;
  without.tip.has_nec = false;
  CHECK(MonadRules::well_formed(without) == Reject::malformed);
  ProposalShape other_round = p;
  other_round.tip.nec_round = r(4);
  CHECK(MonadRules::well_formed(other_round) == Reject::malformed);
  ProposalShape other_qc = p;  // a certificate about another tip
  other_qc.tip.nec_tip_qc_round = r(2);
  CHECK(MonadRules::well_formed(other_qc) == Reject::malformed);
  ProposalShape older_parent = p;
  older_parent.tip.qc_round = older_parent.tip.nec_tip_qc_round = r(2);
  CHECK(MonadRules::well_formed(older_parent) == Reject::bad_certificate);
  ProposalShape no_tip = p;  // a TC that named a QC excuses nothing here
  no_tip.tip = {.block_round = r(5), .qc_round = r(3), .has_no_tip = true, .no_tip_round = r(4),
                .no_tip_names_qc = true, .no_tip_qc_round = r(3)};
  CHECK(MonadRules::well_formed(no_tip) == Reject::bad_certificate);
}

TEST_CASE("B3: after a TC that names a QC a fresh block stands on that QC", "[monadbft][rules]") {
  ProposalShape p = after_tip();
  p.tc_tip = {};
  p.block = block_b;
  p.tip = {.block_round = r(5), .qc_round = r(3), .has_no_tip = true, .no_tip_round = r(4), .no_tip_names_qc = true,
           .no_tip_qc_round = r(3)};
  CHECK(MonadRules::well_formed(p) == Reject::none);
  ProposalShape older = p;
  older.tip.qc_round = older.tip.no_tip_qc_round = r(2);
  CHECK(MonadRules::well_formed(older) == Reject::bad_certificate);
  ProposalShape names_tip = p;
  names_tip.tip.no_tip_names_qc = false;
  CHECK(MonadRules::well_formed(names_tip) == Reject::malformed);
  ProposalShape both = p;
  both.tip.has_nec = true;
  CHECK(MonadRules::well_formed(both) == Reject::malformed);
  ProposalShape again = p;  // an old block is not what the TC named
  again.tip = on_qc_of_round_before(4);
  CHECK(MonadRules::well_formed(again) == Reject::bad_certificate);
}

TEST_CASE("B4: one vote a round, and none against an own no-endorsement", "[monadbft][rules]") {
  MonadSafety s;
  s.voted = r(4);
  CHECK_FALSE(MonadRules::may_vote(s, r(4), {}));
  CHECK(MonadRules::may_vote(s, r(5), {}));
  s.refused = r(5);
  s.refused_tip = block_a;
  CHECK(MonadRules::may_vote(s, r(5), block_a));
  CHECK_FALSE(MonadRules::may_vote(s, r(5), block_b));
  CHECK_FALSE(MonadRules::may_vote(s, r(5), {}));
  CHECK(MonadRules::may_vote(s, r(6), block_b));
}

TEST_CASE("B1, B7: a tip is kept while it is newer than the highest QC, and voted for unless refused",
          "[monadbft][rules]") {
  CHECK(MonadRules::keeps_tip(r(5), r(4)));
  CHECK_FALSE(MonadRules::keeps_tip(r(5), r(5)));
  MonadSafety s;
  CHECK(MonadRules::votes_for_tip(s, r(6), r(5)));
  s.refused = r(6);
  CHECK_FALSE(MonadRules::votes_for_tip(s, r(6), r(5)));
  CHECK(MonadRules::votes_for_tip(s, r(6), r(6)));  // the fresh block that came with the certificate
}

TEST_CASE("B9: a leader proposes once, not after it gave the round up, and by what the TC names", "[monadbft][rules]") {
  MonadSafety s;
  s.proposed = r(4);
  s.voted = r(4);
  CHECK(MonadRules::may_propose(s, r(5)));
  CHECK_FALSE(MonadRules::may_propose(s, r(4)));
  s.voted = r(5);
  CHECK_FALSE(MonadRules::may_propose(s, r(5)));
  CHECK(MonadRules::leader_move(false, false, false) == LeaderMove::fresh);
  CHECK(MonadRules::leader_move(true, true, true) == LeaderMove::propose_again);
  CHECK(MonadRules::leader_move(true, false, true) == LeaderMove::fresh);
  CHECK(MonadRules::leader_move(true, false, false) == LeaderMove::recover);
}

TEST_CASE("B10: only who lacks the block, and has said nothing in the round, does not endorse it",
          "[monadbft][rules]") {
  MonadSafety s;
  s.voted = r(4);
  const RecoveryContext lacks{.round = r(5), .tip = block_a, .own_tip = {}, .has_block = false};
  CHECK(MonadRules::sends_no_endorsement(s, lacks));
  RecoveryContext has = lacks;
  has.has_block = true;
  CHECK_FALSE(MonadRules::sends_no_endorsement(s, has));
  RecoveryContext own = lacks;
  own.own_tip = block_a;
  CHECK_FALSE(MonadRules::sends_no_endorsement(s, own));
  RecoveryContext named_qc = lacks;
  named_qc.tip = {};
  CHECK_FALSE(MonadRules::sends_no_endorsement(s, named_qc));
  MonadSafety voted = s;
  voted.voted = r(5);
  CHECK_FALSE(MonadRules::sends_no_endorsement(voted, lacks));
  MonadSafety refused = s;
  refused.refused = r(5);
  CHECK_FALSE(MonadRules::sends_no_endorsement(refused, lacks));
}

TEST_CASE("B14: certificates of consecutive rounds are final, others are not", "[monadbft][rules]") {
  CHECK(MonadRules::commits(std::vector{r(5), r(4)}));
  CHECK_FALSE(MonadRules::commits(std::vector{r(6), r(4)}));
  CHECK_FALSE(MonadRules::commits(std::vector{r(4), r(4)}));
  CHECK(MonadRules::speculates(r(5), r(5)));
  CHECK_FALSE(MonadRules::speculates(r(6), r(5)));  // proposed again
}

TEST_CASE("a TC counts each signer once, whatever group it stands in", "[monadbft][rules][Z19]") {
  const auto signatures = keys();
  const Committee committee = four();
  const auto check = [&](const MonadTimeoutCert& tc) {
    return MonadRules::check_timeout_groups(tc, committee, committee.quorum());
  };
  const auto sound = tc_of(*signatures, {group(5, -1, {0}), group(4, 6, {1, 3})});
  CHECK(check(sound) == Reject::none);
  CHECK(check_timeout_signatures(sound, *signatures) == Reject::none);
  CHECK(highest_rank(sound) == rank_of(r(4), r(6)));

  const auto padded = tc_of(*signatures, {group(5, -1, {0, 1}), group(4, 6, {1})});
  CHECK(check_timeout_signatures(padded, *signatures) == Reject::none);  // n1 did sign both
  CHECK(check(padded) == Reject::malformed);
  CHECK(check(tc_of(*signatures, {group(5, -1, {0, 1, 1})})) == Reject::malformed);
  CHECK(check(tc_of(*signatures, {group(5, -1, {1, 0, 2})})) == Reject::malformed);  // not sorted
  CHECK(check(tc_of(*signatures, {group(5, -1, {0, 1})})) == Reject::bad_certificate);
  CHECK(check(tc_of(*signatures, {group(5, -1, {0, 1, 9})})) == Reject::not_a_member);
  CHECK(check(tc_of(*signatures, {})) == Reject::malformed);
}

TEST_CASE("a TC's rounds make sense and every signature is over its own group", "[monadbft][rules]") {
  const auto signatures = keys();
  const Committee committee = four();
  const auto check = [&](const MonadTimeoutCert& tc) {
    return MonadRules::check_timeout_groups(tc, committee, committee.quorum());
  };
  CHECK(check(tc_of(*signatures, {group(7, -1, {0, 1, 2})})) == Reject::malformed);  // a QC of the round itself
  CHECK(check(tc_of(*signatures, {group(5, 5, {0, 1, 2})})) == Reject::malformed);   // a tip that should be dropped
  CHECK(check(tc_of(*signatures, {group(5, 8, {0, 1, 2})})) == Reject::malformed);
  CHECK(check(tc_of(*signatures, {group(5, 7, {0, 1, 2})})) == Reject::none);
  auto moved = tc_of(*signatures, {group(5, -1, {0, 1}), group(4, 6, {2})});
  moved.groups[0].signers.push_back(moved.groups[1].signers[0]);
  moved.groups.pop_back();
  CHECK(check(moved) == Reject::none);
  CHECK(check_timeout_signatures(moved, *signatures) == Reject::bad_signature);
}

TEST_CASE("a no-endorsement certificate takes a quorum, not a third", "[monadbft][rules]") {
  const auto signatures = keys();
  const Committee committee = four();
  NoEndorsementCert nec{Epoch{0}, r(5), r(3), {}};
  const auto sign = [&](std::uint32_t who) {
    nec.signatures.push_back({NodeId{who}, signatures->sign(who, no_endorsement_digest(nec.epoch, nec.round, r(3)))});
  };
  sign(0);
  sign(1);
  const auto check = [&] {
    return check_no_endorsement_cert(nec, committee, committee.quorum(), *signatures);
  };
  CHECK(check() == Reject::bad_certificate);
  sign(3);
  CHECK(check() == Reject::none);
  nec.tip_qc_round = r(2);
  CHECK(check() == Reject::bad_signature);
}

TEST_CASE("what is written to the log is read again, tips and certificates included", "[monadbft][rules]") {
  const auto signatures = keys();
  Block block;
  block.height = Height{3};
  block.round = r(7);
  block.proposer = NodeId{2};
  block.bytes = block.compute_bytes();
  block.id = block.compute_id();
  auto no_tip = tc_of(*signatures, {group(5, -1, {0, 1, 2})}, 6);
  no_tip.high_qc = std::make_shared<const QuorumCert>();
  auto tip = std::make_shared<Tip>();
  tip->block = std::make_shared<const Block>(block);
  tip->signature = signatures->sign(2, fresh_digest(block));
  tip->no_tip = std::make_shared<const MonadTimeoutCert>(no_tip);
  auto last = tc_of(*signatures, {group(5, 7, {0, 1, 3})}, 8);
  last.high_tip = tip;
  MonadRecord record{.statement = MonadStatement::timeout, .epoch = Epoch{1}, .round = r(9)};
  record.safety = {r(9), r(9), r(2), r(8), block.id};
  record.high_tip = tip;
  record.high_qc = no_tip.high_qc;
  record.last_tc = std::make_shared<const MonadTimeoutCert>(last);
  record.high_qc_round = r(5);
  record.high_tip_round = r(7);
  record.body = tip->block;
  const std::vector<std::byte> bytes = encode(record);
  const auto back = decode_monad(bytes);
  REQUIRE(back);
  CHECK(encode(*back) == bytes);
  CHECK(back->safety == record.safety);
  CHECK(back->high_tip->block->id == block.id);
  CHECK(back->last_tc->high_tip->no_tip->groups == no_tip.groups);
  for (std::size_t cut = 0; cut < bytes.size(); cut += 7) CHECK_FALSE(decode_monad(std::span{bytes}.first(cut)));
}
