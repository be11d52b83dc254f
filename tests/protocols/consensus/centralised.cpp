// One sequencer and its followers.
#include "protocols/consensus/centralised/centralised.hpp"

#include "protocols/consensus/forge.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

EngineHarness::Make centralised(const CentralisedOptions& options = {}) {
  return [options](NodeId self) { return std::make_unique<EngineOf<Centralised>>(Centralised{self, options}); };
}

}  // namespace

TEST_CASE("followers confirm one delay after the sequencer, with n - 1 messages a block", "[centralised]") {
  EngineHarness net{equal_committee(4), 4, centralised()};
  net.start_all();
  REQUIRE(net.run_to_height(5, 60s));
  CHECK(net.now() == time_zero + 5 * 2s + 100ms);
  CHECK(net.sent.size() == 5 * 3);
  CHECK(net.agree());
  for (const Record& r : net.records) {
    if (r.kind != RecordKind::committed) continue;
    CHECK(r.at == time_zero + Duration{2s} * static_cast<std::int64_t>(r.height) + (r.node == NodeId{0} ? 0ms : 100ms));
  }
}

TEST_CASE("each block is confirmed softly first, then executed", "[centralised]") {
  EngineHarness net{equal_committee(2), 2, centralised()};
  net.start_all();
  REQUIRE(net.run_to_height(2, 60s));
  std::vector<std::uint8_t> levels;
  for (const Record& r : net.records) {
    if (r.kind == RecordKind::committed && r.node == NodeId{1}) levels.push_back(r.detail);
  }
  const auto soft = static_cast<std::uint8_t>(CommitLevel::soft);
  const auto final = static_cast<std::uint8_t>(CommitLevel::final);
  CHECK(levels == std::vector<std::uint8_t>{soft, final, soft, final});
}

TEST_CASE("a follower that was away asks for what it missed", "[centralised]") {
  EngineHarness net{equal_committee(4), 4, centralised()};
  net.start_all();
  REQUIRE(net.run_to_height(1, 60s));
  SECTION("after a gap") {
    net.drop = [](NodeId, NodeId to, const MessagePtr&) { return to == NodeId{2}; };
    net.run_for(60s);
    net.drop = nullptr;
  }
  SECTION("after a crash") {
    net.crash(NodeId{2});
    net.run_for(60s);
    net.start(NodeId{2});
  }
  const std::uint64_t target = net.chain(NodeId{0}).height().value;
  REQUIRE(target > 25);
  REQUIRE(net.run_to_height(target, 10s));
  CHECK(net.agree());
}

TEST_CASE("a follower gets the last block although the sequencer fell silent after it", "[centralised]") {
  EngineHarness net{equal_committee(4), 4, centralised()};
  net.drop = [](NodeId, NodeId to, const MessagePtr& m) {
    return to == NodeId{3} && static_cast<const ConsensusMessage&>(*m).message_kind() == MessageKind::proposal;
  };
  net.start_all();
  net.run_for(5s);
  net.crash(NodeId{0});
  REQUIRE(net.run_until([&] { return net.chain(NodeId{3}).height() == net.chain(NodeId{1}).height(); }, 30s));
  CHECK(net.chain(NodeId{3}).height() == Height{2});
}

TEST_CASE("a sequencer that crashes at any effect never signs two blocks of one height", "[centralised][crash]") {
  std::uint64_t effects = 0;
  {
    EngineHarness net{equal_committee(3), 3, centralised()};
    net.start_all();
    REQUIRE(net.run_to_height(3, 30s));
    effects = net.effects_applied(NodeId{0});
  }
  for (std::uint64_t at = 0; at <= effects; ++at) {
    EngineHarness net{equal_committee(3), 3, centralised()};
    net.mempool[0].push_back(EngineHarness::transaction(1));
    net.crash_at_effect(NodeId{0}, at);
    net.start_all();
    net.run_until([&] { return !net.up(NodeId{0}); }, 30s);
    net.mempool[0].push_back(EngineHarness::transaction(2));  // what it would build now is another block
    net.run_for(500ms);
    net.start(NodeId{0});
    REQUIRE(net.run_to_height(5, 60s));
    CHECK(net.conflicts.empty());
    CHECK(net.agree());
    CHECK(net.reports.empty());
  }
}

TEST_CASE("two signed blocks of one height are evidence for whoever sees both", "[centralised]") {
  EngineHarness net{equal_committee(3), 3, centralised()};
  net.start_all();
  REQUIRE(net.run_to_height(2, 30s));
  const Signer signer{*net.signatures, {0}};
  for (const EngineHarness::Sent& s : net.sent) {
    if (s.to != NodeId{1} || EngineHarness::kind_of(s) != MessageKind::proposal) continue;
    ForgeChanges changes;
    changes.salt = 5;
    const MessagePtr other = forge(net.pool, *s.message, NodeId{0}, changes, signer);
    net.deliver(NodeId{0}, NodeId{1}, other);
    break;
  }
  REQUIRE(net.reports.size() == 1);
  CHECK(net.reports[0].first == NodeId{1});
  CHECK(net.reports[0].second.offender == NodeId{0});
  CHECK(net.reports[0].second.kind == EvidenceKind::double_proposal);
}

TEST_CASE("nobody else's block is followed", "[centralised]") {
  EngineHarness net{equal_committee(3), 3, centralised()};
  net.start_all();
  const BlockPtr block = net.block(NodeId{1}, NodeId{2}, Round{0}, 1);
  net.deliver(NodeId{2}, NodeId{1}, net.proposal(NodeId{2}, Height{1}, Round{0}, block));
  net.deliver(NodeId{2}, NodeId{1}, net.proposal(NodeId{0}, Height{1}, Round{0}, block));  // relayed, foreign proposer
  CHECK(net.chain(NodeId{1}).height() == Height{0});
  CHECK(net.count(RecordKind::message_rejected) == 2);
}

TEST_CASE("the centralised engine is a regular value", "[centralised][value]") {
  EngineHarness net{equal_committee(3), 3, centralised()};
  net.start_all();
  Hash128 last;
  for (int i = 0; i < 5; ++i) {
    net.run_for(2s);
    const auto copy = net.engine(NodeId{1}).clone();
    CHECK(copy->same_state(net.engine(NodeId{1})));
    CHECK(copy->state_hash() == net.engine(NodeId{1}).state_hash());
    CHECK(copy->state_hash() != last);
    last = copy->state_hash();
  }
}
