// Mysticeti rule by rule, on DAGs drawn by hand and on whole replicas without a simulator.
#include <map>
#include <set>

#include "tests/support/catch.hpp"
#include "tests/support/dag_table.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

using Table = DagTable<MysticetiRules>;
using SlotStatus = LeaderSlot::Status;

EngineHarness replicas(Committee committee, std::uint32_t nodes, const MysticetiOptions& options = {},
                       std::vector<std::pair<Height, ValidatorUpdate>> updates = {}) {
  return EngineHarness(
      std::move(committee), nodes,
      [options](NodeId self) -> std::unique_ptr<Engine> {
        return std::make_unique<EngineOf<Mysticeti>>(Mysticeti{self, options});
      },
      100ms, std::move(updates));
}

/// The vertices that each author signed for each round, in what was sent.
std::map<std::pair<std::uint32_t, std::int32_t>, std::set<Hash128>> signed_vertices(const EngineHarness& h) {
  std::map<std::pair<std::uint32_t, std::int32_t>, std::set<Hash128>> out;
  for (const auto& s : h.sent) {
    if (EngineHarness::kind_of(s) != MessageKind::vertex) continue;
    const Vertex& v = vertex_of(s.message);
    out[{v.author.value, v.round.value}].insert(v.id);
  }
  return out;
}

bool nobody_signed_twice(const EngineHarness& h) {
  for (const auto& [where, ids] : signed_vertices(h)) {
    if (ids.size() > 1) return false;
  }
  return true;
}

Reject last_reject(const EngineHarness& h) {
  for (std::size_t i = h.records.size(); i-- > 0;) {
    if (h.records[i].kind == RecordKind::message_rejected) return static_cast<Reject>(h.records[i].flags);
  }
  return Reject::none;
}

}  // namespace

TEST_CASE("M1: a vertex waits for its ancestors and is accepted with the last of them", "[mysticeti]") {
  Table t;
  const auto r1 = t.round(1, {});
  const auto r2 = t.round(2, r1);
  const auto r3 = t.round(3, r2);
  t.show(t.x, {r3[0], r2[0], r1[0], r1[1]});
  CHECK(t.replica(t.x).suspended() == 2);
  t.show(t.x, {r1[2], r1[3]});
  CHECK(t.replica(t.x).suspended() == 1);  // r3[0] lacks three of round 2
  CHECK(t.replica(t.x).dag().contains(vertex_of(r2[0]).ref()));
  t.show(t.x, {r2[1], r2[2], r2[3]});
  CHECK(t.replica(t.x).suspended() == 0);
  CHECK(t.replica(t.x).dag().contains(vertex_of(r3[0]).ref()));
}

TEST_CASE("M1: a vertex needs two thirds of the round before, of distinct members", "[mysticeti]") {
  Table t;
  const auto r1 = t.round(1, {});
  const auto twin = t.vertex(1, 1, {}, 1);
  t.show(t.x, joined({r1, {twin}}));
  t.show(t.x, {t.vertex(0, 2, {r1[0], r1[1]})});
  CHECK(last_reject(t.harness) == Reject::bad_certificate);
  t.show(t.x, {t.vertex(0, 2, {r1[0], r1[1], twin}, 1)});  // the same author twice
  CHECK(t.replica(t.x).dag().power(Round{2}) == 0);
  t.show(t.x, {t.vertex(0, 2, {r1[0], r1[1], r1[2]}, 2)});
  CHECK(t.replica(t.x).dag().power(Round{2}) == 1);
  t.harness.records.clear();
  t.show(t.x, {t.vertex(4, 1, {})});  // a follower is no member
  CHECK(last_reject(t.harness) == Reject::not_a_member);
}

TEST_CASE("M1: what is not signed by its author, or not consistent in itself, is refused", "[mysticeti]") {
  Table t;
  Vertex v = vertex_of(t.vertex(0, 1, {}));
  v.timestamp += 1ms;  // the signature is for something else
  t.show(t.x, {MessagePtr{t.harness.pool.make<VertexMessage>(v)}});
  CHECK(last_reject(t.harness) == Reject::bad_signature);
  CHECK(t.replica(t.x).dag().power(Round{1}) == 0);

  const auto r1 = t.round(1, {});
  Vertex same = vertex_of(r1[0]);
  same.includes = {vertex_of(r1[1]).ref()};  // of its own round
  CHECK_FALSE(well_formed(same));
  Vertex repeated = vertex_of(t.vertex(0, 2, {r1[0], r1[1], r1[2], r1[0]}));
  CHECK_FALSE(well_formed(repeated));
}

TEST_CASE("M2: vertices of a quorum open the next round, later ones change nothing", "[mysticeti]") {
  Table t;
  const auto r1 = t.round(1, {});
  CHECK(t.replica(t.x).round() == Round{1});
  t.show(t.x, {r1[0], r1[3]});
  CHECK(t.replica(t.x).round() == Round{1});
  t.show(t.x, {r1[1]});
  CHECK(t.replica(t.x).round() == Round{2});
  t.show(t.x, {r1[2]});
  CHECK(t.replica(t.x).round() == Round{2});
}

TEST_CASE("M5, M7: a leader commits when a quorum of its deciding round has seen a quorum vote for it", "[mysticeti]") {
  Table t;
  const auto r1 = t.round(1, {});
  const auto r2 = t.round(2, r1);
  const auto r3 = t.round(3, r2);
  t.show(t.x, joined({r1, r2, {r3[0], r3[1]}}));
  REQUIRE(t.replica(t.x).slot(Round{1}, 0) != nullptr);
  CHECK(t.replica(t.x).slot(Round{1}, 0)->status == SlotStatus::undecided);
  CHECK(t.height(t.x) == 0);
  t.show(t.x, {r3[2]});
  REQUIRE(t.height(t.x) == 1);
  const BlockPtr block = t.block(t.x, 1);
  CHECK(block->round == Round{1});
  CHECK(block->proposer == NodeId{1});
  CHECK(block->vertices == std::vector<Hash128>{vertex_of(r1[1]).id});  // a first vertex has no history
}

TEST_CASE("M6: a leader that a quorum did not refer to is skipped at once, and orders nothing", "[mysticeti]") {
  Table t;
  const auto r1 = t.round(1, {});
  const auto r2 = t.round(2, {r1[0], r1[2], r1[3]}, {0, 2, 3});
  const auto r3 = t.round(3, r2, {0, 2, 3});
  const auto r4 = t.round(4, r3, {0, 2, 3});
  const auto r5 = t.round(5, r4, {0, 2, 3});
  t.show(t.x, joined({r1, {r2[0], r2[1]}}));
  REQUIRE(t.replica(t.x).slot(Round{1}, 0) != nullptr);
  CHECK(t.replica(t.x).slot(Round{1}, 0)->status == SlotStatus::undecided);
  t.show(t.x, {r2[2]});
  CHECK(t.replica(t.x).slot(Round{1}, 0) == nullptr);  // behind
  t.show(t.x, joined({r3, r4, r5}));
  REQUIRE(t.height(t.x) >= 1);
  CHECK(t.block(t.x, 1)->round == Round{2});
}

//   n1 leads round 1. Two of round 2 vote for it, then one certificate c is made by n0, who has seen a third vote.
//   Nothing is decided directly; the next leader behind the wave has c in its history, or has not.
TEST_CASE("M8: an anchor decides earlier slots by the certificates in its history", "[mysticeti]") {
  for (const bool seen : {true, false}) {
    CAPTURE(seen);
    Table t;
    const auto r1 = t.round(1, {});
    const auto without = std::vector{r1[0], r1[2], r1[3]};
    const auto a = t.vertex(0, 2, r1);
    const auto b = t.vertex(1, 2, r1);
    const auto c = t.vertex(2, 2, r1);
    const auto d = t.vertex(3, 2, without);
    // n0 of round 3 has seen all three votes, the others two of them.
    const auto r3 = std::vector{t.vertex(0, 3, {a, b, c}), t.vertex(1, 3, {a, b, d}), t.vertex(2, 3, {b, c, d}),
                                t.vertex(3, 3, {a, c, d})};
    const auto on = seen ? std::vector{r3[0], r3[1], r3[2]} : std::vector{r3[1], r3[2], r3[3]};
    const auto r4 = t.round(4, on);
    const auto r5 = t.round(5, r4);
    const auto r6 = t.round(6, r5);
    t.show(t.x, joined({r1, {a, b, c, d}, r3, r4, r5}));
    const LeaderSlot* slot = t.replica(t.x).slot(Round{1}, 0);
    REQUIRE(slot != nullptr);
    CHECK(slot->status == SlotStatus::undecided);
    t.show(t.x, r6);  // decides round 4, the anchor
    CHECK(t.replica(t.x).slot(Round{1}, 0) == nullptr);
    const auto r7 = t.round(7, r6);
    t.show(t.x, joined({r7, t.round(8, r7)}));
    REQUIRE(t.height(t.x) >= 1);
    CHECK((t.block(t.x, 1)->round == Round{1}) == seen);
  }
}

TEST_CASE("M9: a block holds each unordered ancestor once, by round and author, each transaction once",
          "[mysticeti]") {
  EngineHarness h = replicas(equal_committee(4), 4, {.recover_own_round = false});
  // The same transaction waits at two validators: both propose it.
  h.mempool[0] = {EngineHarness::transaction(1), EngineHarness::transaction(2)};
  h.mempool[3] = {EngineHarness::transaction(2), EngineHarness::transaction(3)};
  h.start_all();
  REQUIRE(h.run_to_height(6, 10s));
  CHECK(h.agree());
  std::set<Hash128> ordered;
  std::multiset<std::uint64_t> executed;
  for (std::uint64_t height = 1; height <= 6; ++height) {
    const BlockPtr block = h.chain(NodeId{0}).block(Height{height});
    std::set<Hash128> here;
    for (const Transaction& tx : block->transactions) {
      CHECK(here.insert(tx.id).second);
      executed.insert(tx.nonce);
    }
    for (const Hash128& vertex : block->vertices) CHECK(ordered.insert(vertex).second);
    CHECK(block->id == block->compute_id());
    CHECK(block->bytes == block->compute_bytes());
  }
  for (const std::uint64_t nonce : {1U, 2U, 3U}) CHECK(executed.count(nonce) >= 1);
}

TEST_CASE("twins are normal input: both are here, one is voted for, and they are evidence once", "[mysticeti]") {
  Table t;
  const auto r1 = t.round(1, {});
  const auto twin = t.vertex(1, 1, {}, 1);
  const auto third = t.vertex(1, 1, {}, 2);
  t.show(t.x, joined({r1, {twin, third}}));
  CHECK(t.replica(t.x).dag().versions(Round{1}, NodeId{1}) == 2);
  CHECK(last_reject(t.harness) == Reject::equivocation);  // nobody refers to the third one
  REQUIRE(t.harness.reports.size() == 1);
  CHECK(t.harness.reports[0].second.kind == EvidenceKind::double_proposal);
  CHECK(t.harness.reports[0].second.offender == NodeId{1});
  CHECK(t.replica(t.x).dag().power(Round{1}) == 4);  // his power counts once
  // A vertex that refers to it brings it in.
  const auto v = t.vertex(0, 2, {r1[0], third, r1[2], r1[3]});
  t.show(t.x, {v, third});
  CHECK(t.replica(t.x).dag().versions(Round{1}, NodeId{1}) == 3);
  CHECK(t.replica(t.x).dag().contains(vertex_of(v).ref()));
}

TEST_CASE("longer waves vote through the first vertex met in a depth-first walk", "[mysticeti]") {
  Table t{{.wave_length = 4}};
  const auto r1 = t.round(1, {});
  const auto twin = t.vertex(1, 1, {}, 1);
  const auto a = t.vertex(0, 2, r1);                                 // votes for r1[1]
  const auto b = t.vertex(2, 2, {r1[0], twin, r1[2], r1[3]});        // votes for the twin
  const auto c = t.vertex(3, 2, {r1[0], r1[2], r1[3]});              // for none
  const auto r3 = std::vector{t.vertex(0, 3, {c, a, b}), t.vertex(2, 3, {c, b, a}), t.vertex(3, 3, {c, a, b})};
  t.show(t.x, joined({r1, {twin}, {a, b, c}, r3}));
  const LeaderSlot* slot = t.replica(t.x).slot(Round{1}, 0);
  REQUIRE(slot != nullptr);
  REQUIRE(slot->candidates.size() == 2);
  for (const LeaderCandidate& candidate : slot->candidates) {
    CHECK(candidate.supporters.count() == (candidate.id == vertex_of(twin).id ? 1 : 2));
  }
  CHECK(slot->blame == 0);  // blames count in the voting round
}

TEST_CASE("suspended vertices are bounded for each author", "[mysticeti]") {
  Table t;
  const auto r1 = t.round(1, {});
  auto last = t.round(2, r1);  // never shown
  for (std::int32_t r = 3; r < 200; ++r) {
    last = t.round(r, last);
    t.show(t.x, {last[0]});
  }
  CHECK(t.replica(t.x).suspended() == mysticeti_limits::suspended_per_author);
  CHECK(last_reject(t.harness) == Reject::far_future);
}

TEST_CASE("a vertex is written with all that it refers to before it leaves", "[mysticeti][durability]") {
  EngineHarness h = replicas(equal_committee(4), 4);
  h.start_all();
  REQUIRE(h.run_to_height(5, 10s));
  std::set<Hash128> written;
  for (const Recovered& r : h.log(NodeId{2})) {
    for (const MessagePtr& m : r.bodies) {
      for (const VertexRef& ref : vertex_of(m).includes) CHECK(written.count(ref.id) == 1);
      written.insert(vertex_of(m).id);
    }
    REQUIRE_FALSE(r.bodies.empty());
    CHECK(vertex_of(r.bodies.back()).author == NodeId{2});
    CHECK(vertex_of(r.bodies.back()).round == r.round);
  }
  CHECK(written.size() > 20);
}

TEST_CASE("a crash between any two effects never makes an author sign a round twice", "[mysticeti][durability]") {
  for (const bool recover : {true, false}) {
    for (std::uint64_t effect = 0; effect < 120; ++effect) {
      CAPTURE(recover, effect);
      EngineHarness h = replicas(equal_committee(4), 4, {.recover_own_round = recover});
      h.start_all();
      h.crash_at_effect(NodeId{1}, effect);
      REQUIRE(h.run_until([&] { return !h.up(NodeId{1}); }, 20s));
      h.run_for(250ms);
      h.start(NodeId{1});
      const std::uint64_t height = h.least_height();
      REQUIRE(h.run_to_height(height + 8, 30s));
      CHECK(h.agree());
      CHECK(nobody_signed_twice(h));
      CHECK(h.evidence.empty());
    }
  }
}

TEST_CASE("all replicas lose power at once and go on from their logs", "[mysticeti][durability]") {
  for (std::uint64_t pause = 0; pause < 10; ++pause) {
    CAPTURE(pause);
    EngineHarness h = replicas(equal_committee(4), 4);
    h.start_all();
    h.run_for(1s + pause * 37ms);
    for (std::uint32_t i = 0; i < 4; ++i) h.crash(NodeId{i});
    h.run_for(1s);  // what was under way is lost
    h.start_all();
    const std::uint64_t height = h.least_height();
    REQUIRE(h.run_to_height(height + 5, 30s));
    CHECK(h.agree());
    CHECK(nobody_signed_twice(h));
  }
}

TEST_CASE("a replica whose disk is gone learns its last round from a quorum", "[mysticeti][durability]") {
  EngineHarness h = replicas(equal_committee(4), 4);
  h.start_all();
  REQUIRE(h.run_to_height(3, 10s));
  h.crash(NodeId{3});
  h.mutable_log(NodeId{3}).clear();
  h.run_for(10ms);  // the others have not moved on
  h.start(NodeId{3});
  REQUIRE(h.run_to_height(12, 30s));
  CHECK(h.agree());
  CHECK(nobody_signed_twice(h));
}

TEST_CASE("a replica that was away catches up, from the DAG or from blocks", "[mysticeti][catch-up]") {
  for (const Duration away : {Duration{500ms}, Duration{3s}, Duration{20s}}) {
    CAPTURE(ns(away));
    EngineHarness h = replicas(equal_committee(4), 4, {.leader_timeout = 200ms, .gc_depth = 10});
    h.start_all();
    REQUIRE(h.run_to_height(3, 10s));
    h.drop = [](NodeId from, NodeId to, const MessagePtr&) { return from == NodeId{2} || to == NodeId{2}; };
    h.run_for(away);
    h.drop = nullptr;
    const std::uint64_t height = h.chain(NodeId{0}).height().value;
    REQUIRE(h.run_to_height(height + 10, 30s));
    CHECK(h.agree());
  }
}

TEST_CASE("blocks count when a third of the power gave the same", "[mysticeti][catch-up]") {
  const Committee committee = equal_committee(4);
  sim::MessagePool pool;
  CommitSync sync;  // keeps messages: goes before their pool
  for (std::uint32_t i = 1; i < 4; ++i) sync.note(NodeId{i}, Height{5});
  const auto asked = sync.ask(NodeId{0}, Height{1}, 2, false, committee);
  CHECK(asked.size() == 4);  // two heights, F + 1 = 2 peers each
  const auto response = [&](NodeId peer, std::uint64_t mark) {
    Block b;
    b.height = Height{1};
    b.round = Round{static_cast<std::int32_t>(mark)};
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    return MessagePtr{pool.make<BlockResponseMessage>(peer, std::make_shared<const Block>(b), Commit{})};
  };
  std::vector<NodeId> peers;
  for (const auto& [peer, height] : asked) {
    if (height == Height{1}) peers.push_back(peer);
  }
  REQUIRE(peers.size() == 2);
  CHECK(sync.answer(peers[0], Height{1}, response(peers[0], 7)));
  CHECK_FALSE(sync.answer(peers[0], Height{1}, response(peers[0], 7)));  // once
  CHECK(sync.agreed(Height{1}, committee) == nullptr);
  CHECK(sync.answer(peers[1], Height{1}, response(peers[1], 8)));        // a lie
  CHECK(sync.agreed(Height{1}, committee) == nullptr);
  const auto more = sync.ask(NodeId{0}, Height{1}, 1, true, committee);
  REQUIRE(more.size() == 1);
  CHECK(sync.answer(more[0].first, Height{1}, response(more[0].first, 7)));
  REQUIRE(sync.agreed(Height{1}, committee) != nullptr);
  CHECK(sync.agreed(Height{1}, committee)->round == Round{7});
}

TEST_CASE("a change of the committee ends the epoch at the block that ordered it", "[mysticeti][epochs]") {
  // The harness changes the committee two heights after the block that ordered it.
  EngineHarness h = replicas(committee_of({1, 1, 1, 1, 0}), 5, {},
                             {{Height{4}, {NodeId{4}, 1}}, {Height{9}, {NodeId{0}, 0}}});
  h.start_all();
  REQUIRE(h.run_to_height(20, 60s));
  CHECK(h.agree());
  CHECK(nobody_signed_twice(h));
  CHECK(h.count(RecordKind::epoch_entered) == 10);
  std::int32_t last = 0;
  for (std::uint64_t height = 1; height <= 20; ++height) {
    const BlockPtr block = h.chain(NodeId{1}).block(Height{height});
    CHECK(block->round.value > last);  // rounds go on growing
    const bool first = height == 6 || height == 11;
    CHECK((block->round.value - last > 5000) == first);
    last = block->round.value;
    if (height >= 11) CHECK(block->proposer != NodeId{0});
    CHECK(block->committee_hash == h.chain(NodeId{1}).committee(Height{height}).hash());
  }
}

TEST_CASE("quorums of vertices count power, not heads", "[mysticeti]") {
  EngineHarness h = replicas(committee_of({1, 1, 1, 4}), 4);
  h.start_all();
  h.drop = [](NodeId from, NodeId to, const MessagePtr&) { return from == NodeId{3} || to == NodeId{3}; };
  h.run_for(10s);
  CHECK(h.least_height() == 0);  // three heads of four, three sevenths of the power
  h.drop = [](NodeId from, NodeId to, const MessagePtr&) { return from == NodeId{0} || to == NodeId{0}; };
  h.run_for(20s);
  CHECK(h.chain(NodeId{3}).height() >= Height{3});
  h.drop = nullptr;
  REQUIRE(h.run_to_height(10, 60s));
  CHECK(h.agree());
}

TEST_CASE("one validator alone keeps a pace of its own", "[mysticeti]") {
  EngineHarness h = replicas(equal_committee(1), 1);
  h.start_all();
  h.run_for(10s);
  CHECK(h.chain(NodeId{0}).height().value > 50);
  CHECK(h.chain(NodeId{0}).height().value < 120);
}

TEST_CASE("a replica is a value: its copy is equal, hashes alike and behaves alike", "[mysticeti]") {
  EngineHarness h = replicas(equal_committee(4), 4);
  h.start_all();
  h.run_for(1250ms);
  Engine& engine = h.engine(NodeId{1});
  const auto copy = engine.clone();
  CHECK(copy->same_state(engine));
  CHECK(copy->state_hash() == engine.state_hash());
  MessagePtr message;
  for (const auto& s : h.sent) {
    if (EngineHarness::kind_of(s) == MessageKind::vertex && s.to == NodeId{1}) message = s.message;  // still under way
  }
  Outbox out{h.pool};
  copy->on_message(NodeId{0}, message, h.view(NodeId{1}), out);
  CHECK_FALSE(copy->same_state(engine));
  CHECK(copy->state_hash() != engine.state_hash());
  Outbox same{h.pool};
  engine.on_message(NodeId{0}, message, h.view(NodeId{1}), same);
  CHECK(copy->same_state(engine));
  CHECK(out.effects().size() == same.effects().size());
}
