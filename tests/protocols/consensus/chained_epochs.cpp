// Votes and certificates belong to one epoch. A branch that was abandoned with the last one has certificates as well,
// and their signers may be a quorum of the next: n1 commits block 3 and begins the next epoch, the others certify forty
// blocks more before they hear of it. If those certificates counted, everybody would wait for a block that nobody has.
#include <algorithm>
#include <memory>

#include "protocols/consensus/certificates.hpp"
#include "protocols/consensus/chained/branch_store.hpp"
#include "protocols/consensus/chained/collectors.hpp"
#include "protocols/consensus/hotstuff/hotstuff.hpp"
#include "protocols/consensus/jolteon/jolteon.hpp"
#include "protocols/consensus/jolteon/rules.hpp"
#include "protocols/consensus/log_encoding.hpp"
#include "protocols/consensus/monadbft/messages.hpp"
#include "protocols/consensus/monadbft/monadbft.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

/// Of a block that nobody has, signed by n0 ... n3.
QuorumCert certificate(Signatures& signatures, Height height, Round round, Epoch epoch, BlockId block = {9, 9}) {
  QuorumCert qc{.height = height, .round = round, .block = block, .type = VoteType::vote};
  qc.epoch = epoch;
  std::vector<CommitSignature>& list = qc.signatures.edit();
  for (std::uint32_t n = 0; n < 4; ++n) {
    CommitSignature s{NodeId{n}, time_zero, {}};
    s.signature = signatures.sign(n, vote_of(qc, s).signed_digest());
    list.push_back(s);
  }
  return qc;
}

struct Design {
  const char* name;
  std::function<std::unique_ptr<Engine>(NodeId)> make;
};

std::vector<Design> designs() {
  HotStuffOptions hotstuff;
  JolteonOptions jolteon;
  MonadBftOptions monadbft;
  monadbft.vote_pace = Duration{};
  return {{"hotstuff", [=](NodeId n) { return std::make_unique<EngineOf<HotStuff>>(HotStuff{n, hotstuff}); }},
          {"hotstuff-2", [=](NodeId n) { return std::make_unique<EngineOf<HotStuff2>>(HotStuff2{n, hotstuff}); }},
          {"jolteon", [=](NodeId n) { return std::make_unique<EngineOf<Jolteon>>(Jolteon{n, jolteon}); }},
          {"monadbft", [=](NodeId n) { return std::make_unique<EngineOf<MonadBft>>(MonadBft{n, monadbft}); }}};
}

/// Four replicas in their second epoch that hear nothing but what the test hands them.
struct SecondEpoch {
  EngineHarness h;
  bool monad;
  explicit SecondEpoch(const Design& d)
      : h{equal_committee(4), 4, d.make, 20ms, {{Height{2}, {NodeId{3}, 2}}}},
        monad(std::string_view{d.name} == "monadbft") {
    h.start_all();
    REQUIRE(h.run_to_height(8, 60s));
    REQUIRE(h.count(RecordKind::epoch_entered) == 4);
    h.drop = [](NodeId, NodeId, const MessagePtr&) { return true; };
    h.run_for(50ms);
  }
  Round round(NodeId n) const {
    std::uint32_t last = 0;
    for (const Record& r : h.records) {
      if (r.kind == RecordKind::round_entered && r.node == n) last = r.round;
    }
    return Round{static_cast<std::int32_t>(last)};
  }
  Round round() const {
    Round most{};
    for (std::uint32_t n = 0; n < 4; ++n) most = std::max(most, round(NodeId{n}));
    return most;
  }

  // What can carry a certificate: each says "we are in the round after it", in the second epoch.
  MessagePtr advance(const QuorumCert& qc) {
    auto shared = std::make_shared<const QuorumCert>(qc);
    if (monad) {
      return MessagePtr{h.pool.make<AdvanceRoundMessage>(NodeId{1}, Epoch{1}, RoundCert{shared, nullptr}, Height{8})};
    }
    return MessagePtr{h.pool.make<CertificateMessage>(NodeId{1}, Epoch{1}, shared, nullptr, Height{8})};
  }
  MessagePtr timeout(const QuorumCert& qc) {
    auto shared = std::make_shared<const QuorumCert>(qc);
    if (monad) {
      MonadTimeout t{Epoch{1}, next(qc.round), NodeId{1}, qc.round, no_round, {}, shared, nullptr, {}};
      t.signature = h.signatures->sign(1, t.signed_digest());
      return MessagePtr{h.pool.make<MonadTimeoutMessage>(t, Height{8})};
    }
    Timeout t{Epoch{1}, next(qc.round), NodeId{1}, qc.round, no_round, {}, shared, nullptr};
    t.signature = h.signatures->sign(1, t.signed_digest());
    return MessagePtr{h.pool.make<TimeoutMessage>(t, Height{8})};
  }
  MessagePtr proposal(const QuorumCert& qc) {
    Block b;
    b.height = next(qc.height);
    b.round = next(qc.round);
    b.parent = qc.block;
    b.proposer = NodeId{1};
    b.timestamp = h.now();
    b.committee_hash = h.chain(NodeId{0}).committee(Height{8}).hash();
    b.last_commit = qc;
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    const auto block = std::make_shared<const Block>(std::move(b));
    Proposal p{block->height, block->round, no_round, block, NodeId{1}, block->timestamp, {}};
    p.signature = h.signatures->sign(1, p.signed_digest());
    if (monad) {
      auto tip = std::make_shared<const Tip>(Tip{block, p.signature, nullptr, nullptr});
      return MessagePtr{h.pool.make<MonadProposalMessage>(Epoch{1}, std::move(p), tip, nullptr, Height{8})};
    }
    return MessagePtr{h.pool.make<ChainedProposalMessage>(Epoch{1}, std::move(p), nullptr, Height{8})};
  }
};

}  // namespace

TEST_CASE("a vote and a certificate bind their epoch, and the first one leaves no trace", "[chained][epochs]") {
  Vote first{Height{2}, Round{5}, VoteType::vote, NodeId{1}, {3, 3}, time_zero, {}};
  Vote second = first;
  second.epoch = Epoch{1};
  Vote third = first;
  third.epoch = Epoch{2};
  CHECK(first.signed_digest() != second.signed_digest());
  CHECK(second.signed_digest() != third.signed_digest());
  CHECK(first.signed_digest() == FieldHash<7>{}
                                     .add(hash_domain("vote"))
                                     .add(first.height)
                                     .add(first.round)
                                     .add(first.type)
                                     .add(first.block)
                                     .add(ns(first.timestamp))
                                     .finish());

  const auto signatures = make_signatures(SignatureBackend::ideal, 7);
  std::vector<std::size_t> sizes;
  std::vector<BlockId> ids;
  for (const std::uint32_t e : {0U, 1U, 300U}) {
    Vote v = first;
    v.epoch = Epoch{e};
    Block b;
    b.height = Height{3};
    b.last_commit = certificate(*signatures, Height{2}, Round{5}, Epoch{e});
    for (CommitSignature& s : b.last_commit.signatures.edit()) s.signature = {};  // the epoch alone differs
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    LogWriter w{64};
    w.add(v).add(b);
    const std::vector<std::byte> bytes = w.take();
    LogReader r{bytes};
    Vote vote;
    Block block;
    r.get(vote).get(block);
    CHECK(r.good());
    CHECK(r.at_end());
    CHECK(vote == v);
    CHECK(block == b);
    CHECK(block.is_consistent());
    sizes.push_back(bytes.size());
    ids.push_back(b.id);
    CHECK(b.bytes == block_header_bytes + commit_bytes + 4 * commit_signature_bytes + (e == 0 ? 0 : epoch_bytes));
  }
  CHECK(sizes[1] == sizes[0] + 2 * epoch_bytes);
  CHECK(sizes[2] == sizes[1]);
  CHECK(ids[0] != ids[1]);
  CHECK(ids[1] != ids[2]);
}

TEST_CASE("certificates of another epoch are refused, but for that of the base", "[chained][epochs]") {
  const auto signatures = make_signatures(SignatureBackend::ideal, 7);
  HarnessChain chain{equal_committee(4), {{Height{1}, {NodeId{3}, 2}}}, 1};
  Block b;
  b.height = Height{1};
  b.round = Round{1};
  b.bytes = b.compute_bytes();
  b.id = b.compute_id();
  const auto base = std::make_shared<const Block>(std::move(b));
  const QuorumCert of_base = certificate(*signatures, Height{1}, Round{1}, Epoch{0}, base->id);
  chain.append(base, of_base);
  const EngineView view{NodeId{0}, time_zero, *signatures, chain};
  const CommitRule rule{JolteonRules::commit_depth, &JolteonRules::commits, &JolteonRules::check_quorum_cert,
                        &JolteonRules::quorum, &JolteonRules::counts};
  BranchStore store;
  store.start(NodeId{0}, {}, rule, view);
  REQUIRE(store.epoch().number == Epoch{1});
  REQUIRE(store.epoch().first == Height{2});

  const auto of_epoch = [&](std::uint32_t e) { return certificate(*signatures, Height{43}, Round{81}, Epoch{e}); };
  CHECK(store.check_qc(of_epoch(1), rule, view) == Reject::none);
  CHECK(store.check_qc(of_epoch(0), rule, view) == Reject::bad_certificate);
  CHECK(store.check_qc(of_epoch(2), rule, view) == Reject::bad_certificate);
  QuorumCert relabelled = of_epoch(0);
  relabelled.epoch = Epoch{1};
  CHECK(store.check_qc(relabelled, rule, view) == Reject::bad_signature);
  // It is the epoch that refuses it: its signers are a quorum.
  CommitRule blind = rule;
  blind.counts = [](Epoch, Epoch) { return true; };
  CHECK(store.check_qc(of_epoch(0), blind, view) == Reject::none);

  CHECK(store.check_qc(of_base, rule, view) == Reject::none);
  QuorumCert moved = of_base;
  moved.epoch = Epoch{1};
  CHECK(store.check_qc(moved, rule, view) == Reject::bad_certificate);
}

TEST_CASE("the number of an epoch survives that its beginning is forgotten", "[chained][epochs]") {
  const auto signatures = make_signatures(SignatureBackend::ideal, 7);
  HarnessChain chain{equal_committee(4), {}, 1};  // remembers no other committee
  Block b;
  b.height = Height{1};
  b.round = Round{70};
  b.bytes = b.compute_bytes();
  b.id = b.compute_id();
  const auto head = std::make_shared<const Block>(std::move(b));
  chain.append(head, certificate(*signatures, Height{1}, Round{70}, Epoch{5}, head->id));
  const CommitRule rule{JolteonRules::commit_depth, &JolteonRules::commits, &JolteonRules::check_quorum_cert,
                        &JolteonRules::quorum, &JolteonRules::counts};
  BranchStore store;
  store.start(NodeId{0}, {}, rule, {NodeId{0}, time_zero, *signatures, chain});
  CHECK(store.epoch().number == Epoch{5});
}

TEST_CASE("messages of this epoch do not bring in a certificate of another", "[chained][epochs]") {
  using Carrier = MessagePtr (SecondEpoch::*)(const QuorumCert&);
  for (const Design& d : designs()) {
    for (const Carrier carrier : {&SecondEpoch::advance, &SecondEpoch::timeout, &SecondEpoch::proposal}) {
      CAPTURE(d.name);
      SecondEpoch s{d};
      const NodeId n0{0};
      const Round before = s.round(n0);
      const Round later{before.value + 5};
      for (const std::uint32_t epoch : {0U, 2U}) {
        CAPTURE(epoch);
        const std::size_t refused = s.h.count(RecordKind::message_rejected);
        s.h.deliver(NodeId{1}, n0, (s.*carrier)(certificate(*s.h.signatures, Height{30}, later, Epoch{epoch})));
        CHECK(s.h.count(RecordKind::message_rejected) == refused + 1);
        CHECK(s.round(n0) == before);
      }
      s.h.deliver(NodeId{1}, n0, (s.*carrier)(certificate(*s.h.signatures, Height{30}, later, Epoch{1})));
      CHECK(s.round(n0) == next(later));
    }
  }
}

TEST_CASE("votes of another epoch make no certificate", "[chained][epochs]") {
  for (const Design& d : designs()) {
    CAPTURE(d.name);
    SecondEpoch s{d};
    const Round before = s.round();
    const Round later{before.value + 3};
    const auto vote_in = [&](Epoch epoch) {
      const QuorumCert all = certificate(*s.h.signatures, Height{30}, later, epoch);
      for (const CommitSignature& signature : all.signatures) {
        const MessagePtr vote{s.h.pool.make<VoteMessage>(vote_of(all, signature))};
        for (std::uint32_t to = 0; to < 4; ++to) s.h.deliver(signature.voter, NodeId{to}, vote);
      }
    };
    vote_in(Epoch{0});
    vote_in(Epoch{2});
    CHECK(s.round() == before);
    vote_in(Epoch{1});
    CHECK(s.round() == next(later));
  }
}

TEST_CASE("a vote for the block at a height where it is not spoils no certificate", "[chained][collectors]") {
  const Committee committee = equal_committee(4);
  VoteCollector votes;
  votes.clear(Round{1});
  for (std::uint32_t n = 0; n < 4; ++n) {
    Vote v{Height{n == 0 ? 7U : 1U}, Round{1}, VoteType::vote, NodeId{n}, {1, 1}, time_zero, {}, Epoch{3}};
    CHECK(votes.add(n, 1, v, 4) == Collected::counted);
    CHECK(votes.last().power == (n == 0 ? 1 : static_cast<Power>(n)));
  }
  const QuorumCertPtr qc = votes.certificate({1, 1}, committee);
  CHECK(qc->height == Height{1});
  CHECK(qc->epoch == Epoch{3});
  CHECK(qc->signatures.size() == 3);
}
