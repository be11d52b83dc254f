// Forgeries that go by what the forger saw before: certificates some steps back, votes for other proposals, timeout
// certificates with less beside them than their signers knew, or signed by nobody else.
#include <memory>

#include "protocols/consensus/chained/messages.hpp"
#include "protocols/consensus/forge.hpp"
#include "protocols/consensus/monadbft/messages.hpp"
#include "protocols/consensus/monadbft/rules.hpp"
#include "sim/net/message.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

constexpr NodeId liar{2};

struct Parts {
  std::unique_ptr<Signatures> signatures = make_signatures(SignatureBackend::ideal, 1);
  Signer signer{*signatures, {liar.value}};
  sim::MessagePool pool;
};

/// The block of that round, on a certificate of n0, n1 and n2 of another.
BlockPtr block_of_round(std::int32_t round, std::uint64_t height, std::int32_t certified) {
  Block b;
  b.height = Height{height};
  b.round = Round{round};
  b.parent = {static_cast<std::uint64_t>(certified), 7};
  b.proposer = liar;
  b.timestamp = time_zero + Duration{round};
  b.last_commit.height = previous(b.height);
  b.last_commit.round = Round{certified};
  b.last_commit.block = b.parent;
  for (std::uint32_t n = 0; n < 3; ++n) b.last_commit.signatures.push_back({NodeId{n}, time_zero, Signature{n + 1}});
  b.bytes = b.compute_bytes();
  b.id = b.compute_id();
  return std::make_shared<const Block>(std::move(b));
}

Proposal proposal_of(const BlockPtr& block) {
  return {block->height, block->round, no_round, block, liar, block->timestamp, {}};
}

TimeoutCertPtr timeouts_of(std::int32_t round, const BlockPtr& child_of_high) {
  TimeoutCert tc{Epoch{1}, Round{round}, {}, parent_cert(child_of_high)};
  for (std::uint32_t n = 0; n < 3; ++n) {
    tc.signatures.push_back({NodeId{n}, tc.high_qc->round, no_round, Signature{n + 1}});
  }
  return std::make_shared<const TimeoutCert>(std::move(tc));
}

}  // namespace

TEST_CASE("a round is moved from where it is, and never below the first", "[chained][forge]") {
  Parts p;
  const VoteMessage vote{Vote{Height{2}, Round{5}, VoteType::vote, liar, {3, 3}, time_zero, {}}};
  const auto round_of = [&](std::int32_t shift, std::optional<Round> round = {}) {
    const MessagePtr made = forge(p.pool, vote, liar, {.round = round, .round_shift = shift}, p.signer);
    return static_cast<const VoteMessage&>(*made).vote.round;
  };
  CHECK(round_of(2) == Round{7});
  CHECK(round_of(-1) == Round{4});
  CHECK(round_of(-9) == Round{0});
  CHECK(round_of(1, Round{1}) == Round{2});
}

TEST_CASE("a vote for another proposal is as if that one had been voted for", "[chained][forge]") {
  Parts p;
  const BlockPtr other = block_of_round(5, 4, 3);
  const ChainedProposalMessage seen{Epoch{1}, proposal_of(other), nullptr, Height{0}};
  const VoteMessage chained{Vote{Height{2}, Round{5}, VoteType::vote, liar, {3, 3}, time_zero, {}}};
  const MessagePtr made = forge(p.pool, chained, liar, {.other = 1}, p.signer, &seen);
  const Vote& v = static_cast<const VoteMessage&>(*made).vote;
  CHECK(v.block == other->id);
  CHECK(v.height == other->height);
  CHECK(v.round == Round{5});
  CHECK(v.timestamp == other->timestamp);
  CHECK(p.signatures->verify(liar.value, v.signed_digest(), v.signature));

  // A voter of Tendermint signs its own time and the height that it is in.
  const VoteMessage own{Vote{Height{4}, Round{5}, VoteType::prevote, liar, {}, time_zero + 9ms, {}}};
  const MessagePtr for_it = forge(p.pool, own, liar, {.other = 1}, p.signer, &seen);
  const Vote& w = static_cast<const VoteMessage&>(*for_it).vote;
  CHECK(w.block == other->id);
  CHECK(w.timestamp == time_zero + 9ms);
}

TEST_CASE("a lowered timeout certificate keeps its signers and shows the block's certificate", "[chained][forge]") {
  Parts p;
  const BlockPtr old = block_of_round(3, 2, 2);
  const BlockPtr now = block_of_round(6, 4, 4);
  const ChainedProposalMessage older{Epoch{1}, proposal_of(old), nullptr, Height{0}};
  const ChainedProposalMessage message{Epoch{1}, proposal_of(now), timeouts_of(5, now), Height{0}};

  const auto forged = [&](const ForgeChanges& c) {
    const MessagePtr made = forge(p.pool, message, liar, c, p.signer, &older);
    return std::pair{static_cast<const ChainedProposalMessage&>(*made).proposal.block,
                     static_cast<const ChainedProposalMessage&>(*made).tc};
  };
  const auto [plain_block, plain_tc] = forged({.back = 1});
  CHECK(plain_block->last_commit == old->last_commit);
  CHECK(plain_block->round == Round{6});
  CHECK(plain_tc == message.tc);
  const auto [block, tc] = forged({.back = 1, .lowered_tc = true});
  CHECK(tc->signatures == message.tc->signatures);
  CHECK(tc->high_qc->round == Round{2});
  CHECK(*tc->high_qc == block->last_commit);
}

TEST_CASE("a timeout certificate of the forger alone has good signatures and one signer", "[chained][forge]") {
  Parts p;
  const BlockPtr now = block_of_round(6, 4, 3);
  const ChainedProposalMessage message{Epoch{1}, proposal_of(now), nullptr, Height{0}};
  const MessagePtr made = forge(p.pool, message, liar, {.lone_tc = true}, p.signer);
  const TimeoutCertPtr tc = static_cast<const ChainedProposalMessage&>(*made).tc;
  REQUIRE(tc != nullptr);
  CHECK(tc->round == Round{5});
  REQUIRE(tc->signatures.size() == 3);
  for (const TimeoutSignature& s : tc->signatures) {
    CHECK(s.voter == liar);
    CHECK(p.signatures->verify(liar.value, timeout_digest(tc->epoch, tc->round, s.high_qc_round), s.signature));
  }
  // Nothing has to be excused on the certificate of the round before.
  const BlockPtr fresh = block_of_round(6, 4, 5);
  const MessagePtr same = forge(p.pool, ChainedProposalMessage{Epoch{1}, proposal_of(fresh), nullptr, Height{0}}, liar,
                                {.lone_tc = true}, p.signer);
  CHECK(static_cast<const ChainedProposalMessage&>(*same).tc == nullptr);
}

TEST_CASE("MonadBFT: groups of the forger alone stand under its tip, and are refused for their signer",
          "[monadbft][forge]") {
  Parts p;
  const BlockPtr now = block_of_round(6, 4, 3);
  const auto tip = std::make_shared<const Tip>(Tip{now, {}, nullptr, nullptr});
  const MonadProposalMessage message{Epoch{1}, proposal_of(now), tip, nullptr, Height{0}};
  const MessagePtr made = forge(p.pool, message, liar, {.lone_tc = true}, p.signer);
  const auto& forged = static_cast<const MonadProposalMessage&>(*made);
  REQUIRE(forged.last_tc != nullptr);
  CHECK(forged.tip->no_tip == forged.last_tc);
  CHECK(forged.tip->block == forged.proposal.block);
  REQUIRE(forged.last_tc->groups.size() == 3);
  CHECK(check_timeout_signatures(*forged.last_tc, *p.signatures) == Reject::none);
  CHECK(highest_rank(*forged.last_tc) == rank_of(Round{3}, no_round));
  const Committee committee{std::vector<Validator>{{NodeId{0}, 1}, {NodeId{1}, 1}, {NodeId{2}, 1}, {NodeId{3}, 1}}};
  CHECK(check_timeout_groups(*forged.last_tc, committee, committee.quorum()) == Reject::malformed);
}

TEST_CASE("a timeout goes out with an older certificate, and with what then opened its round", "[chained][forge]") {
  Parts p;
  const BlockPtr old = block_of_round(3, 2, 2);
  const BlockPtr high = block_of_round(6, 4, 5);
  const ChainedProposalMessage older{Epoch{1}, proposal_of(old), nullptr, Height{0}};

  Timeout t{Epoch{1}, Round{6}, liar, Round{5}, no_round, {}, parent_cert(high), nullptr};
  const MessagePtr made = forge(p.pool, TimeoutMessage{t, Height{0}}, liar, {.back = 1}, p.signer, &older);
  const Timeout& lower = static_cast<const TimeoutMessage&>(*made).timeout;
  CHECK(lower.high_qc_round == Round{2});
  CHECK(*lower.high_qc == old->last_commit);
  CHECK(p.signatures->verify(liar.value, lower.signed_digest(), lower.signature));

  MonadTimeout m{Epoch{1}, Round{6}, liar, Round{5}, no_round, {}, parent_cert(high), nullptr, {}};
  const MessagePtr monad = forge(p.pool, MonadTimeoutMessage{m, Height{0}}, liar, {.back = 1}, p.signer, &older);
  const MonadTimeout& other = static_cast<const MonadTimeoutMessage&>(*monad).timeout;
  CHECK(other.high_qc_round == Round{2});
  CHECK(*other.high_qc == old->last_commit);
  REQUIRE(other.last.qc != nullptr);
  CHECK(*other.last.qc == high->last_commit);
  CHECK(p.signatures->verify(liar.value, other.signed_digest(), other.signature));
}
