// HotStuff, HotStuff-2, Jolteon and MonadBFT on the harness: committees of several sizes, crashes at every effect, lost
// and repeated messages, changes of the committee.
#include <memory>

#include "protocols/consensus/hotstuff/hotstuff.hpp"
#include "protocols/consensus/jolteon/jolteon.hpp"
#include "protocols/consensus/monadbft/monadbft.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

struct Design {
  const char* name;
  std::function<std::unique_ptr<Engine>(NodeId)> make;
  bool three_chain = false;
};

std::vector<Design> designs() {
  ChainedOptions chained;
  chained.sync_timeout = 300ms;
  HotStuffOptions hotstuff;
  hotstuff.chained = chained;
  HotStuffOptions new_view = hotstuff;
  new_view.round_sync = RoundSync::new_view;
  new_view.chained.pacemaker.growth_percent = 150;
  HotStuffOptions two = hotstuff;
  two.delta = 150ms;
  JolteonOptions jolteon;
  jolteon.chained = chained;
  JolteonOptions by_stake = jolteon;
  by_stake.chained.leader.election = LeaderElection::stake;
  JolteonOptions by_reputation = jolteon;
  by_reputation.chained.leader.election = LeaderElection::reputation;
  MonadBftOptions monadbft;
  monadbft.vote_pace = Duration{};
  monadbft.sync_timeout = 300ms;
  MonadBftOptions paced = monadbft;
  paced.vote_pace = 70ms;
  paced.leader.election = LeaderElection::stake;
  return {
      {"hotstuff", [=](NodeId n) { return std::make_unique<EngineOf<HotStuff>>(HotStuff{n, hotstuff}); }, true},
      {"new_view", [=](NodeId n) { return std::make_unique<EngineOf<HotStuff>>(HotStuff{n, new_view}); }, true},
      {"hotstuff-2", [=](NodeId n) { return std::make_unique<EngineOf<HotStuff2>>(HotStuff2{n, two}); }},
      {"jolteon", [=](NodeId n) { return std::make_unique<EngineOf<Jolteon>>(Jolteon{n, jolteon}); }},
      {"stake", [=](NodeId n) { return std::make_unique<EngineOf<Jolteon>>(Jolteon{n, by_stake}); }},
      {"reputation", [=](NodeId n) { return std::make_unique<EngineOf<Jolteon>>(Jolteon{n, by_reputation}); }},
      {"monadbft", [=](NodeId n) { return std::make_unique<EngineOf<MonadBft>>(MonadBft{n, monadbft}); }},
      {"monadbft paced", [=](NodeId n) { return std::make_unique<EngineOf<MonadBft>>(MonadBft{n, paced}); }},
  };
}

void check_sound(const EngineHarness& h) {
  CHECK(h.agree());
  CHECK(h.conflicts.empty());
  CHECK(h.evidence.empty());
}

}  // namespace

TEST_CASE("chained engines commit in committees of every shape", "[chained][runs]") {
  const std::vector<std::vector<Power>> shapes = {{1},
                                                  {1, 1, 1, 1},
                                                  {1, 1, 1, 1, 1},
                                                  {1, 1, 1, 1, 1, 1},
                                                  {1, 1, 1, 1, 1, 1, 1},
                                                  std::vector<Power>(10, 1),
                                                  std::vector<Power>(31, 1),
                                                  {1, 1, 1, 3},
                                                  {10, 20, 30, 40, 0},
                                                  {1, 1, 100}};
  for (const Design& d : designs()) {
    for (const auto& powers : shapes) {
      CAPTURE(d.name, powers.size(), powers.back());
      EngineHarness h{committee_of(powers), static_cast<std::uint32_t>(powers.size()), d.make, 20ms};
      h.start_all();
      CHECK(h.run_to_height(12, 60s));
      check_sound(h);
    }
  }
}

TEST_CASE("a replica that crashes at any effect comes back and contradicts nobody", "[chained][runs]") {
  for (const Design& d : designs()) {
    for (std::uint64_t count = 0; count < 140; ++count) {
      CAPTURE(d.name, count);
      EngineHarness h{equal_committee(5), 5, d.make, 20ms};
      h.crash_at_effect(NodeId{1}, count);
      h.start_all();
      h.run_until([&] { return !h.up(NodeId{1}); }, 10s);
      h.run_for(700ms);
      h.start(NodeId{1});
      const std::uint64_t there = h.chain(NodeId{0}).height().value;
      CHECK(h.run_to_height(there + 6, 120s));
      check_sound(h);
    }
  }
}

TEST_CASE("everybody crashes at once and goes on", "[chained][runs]") {
  for (const Design& d : designs()) {
    for (std::uint64_t count = 5; count < 100; count += 3) {
      CAPTURE(d.name, count);
      EngineHarness h{equal_committee(4), 4, d.make, 20ms};
      for (std::uint32_t i = 0; i < 4; ++i) h.crash_at_effect(NodeId{i}, count + i);
      h.start_all();
      h.run_for(3s);
      for (std::uint32_t i = 0; i < 4; ++i) {
        h.crash(NodeId{i});
        h.crash_at_effect(NodeId{i}, ~std::uint64_t{0});
      }
      h.start_all();
      std::uint64_t there = 0;
      for (std::uint32_t i = 0; i < 4; ++i) there = std::max(there, h.chain(NodeId{i}).height().value);
      CHECK(h.run_to_height(there + 6, 300s));
      check_sound(h);
    }
  }
}

TEST_CASE("lost messages are made up for", "[chained][runs]") {
  for (const Design& d : designs()) {
    CAPTURE(d.name);
    EngineHarness h{equal_committee(4), 4, d.make, 20ms};
    std::uint64_t turn = 0;
    h.drop = [&](NodeId, NodeId, const MessagePtr&) { return ++turn % 17 == 0; };
    h.start_all();
    h.run_for(40s);
    h.drop = nullptr;
    const std::uint64_t there = h.chain(NodeId{0}).height().value;
    CHECK(there > 10);
    CHECK(h.run_to_height(there + 6, 300s));
    check_sound(h);
  }
}

TEST_CASE("a replica that was away for long asks for what it missed", "[chained][runs]") {
  for (const Design& d : designs()) {
    CAPTURE(d.name);
    EngineHarness h{equal_committee(5), 5, d.make, 20ms};
    h.start_all();
    h.run_for(500ms);
    h.crash(NodeId{2});
    h.run_for(120s);
    const std::uint64_t there = h.chain(NodeId{0}).height().value;
    CHECK(there > h.chain(NodeId{2}).height().value + 20);
    h.start(NodeId{2});
    CHECK(h.run_to_height(there + 6, 120s));
    check_sound(h);
    CHECK(h.count(RecordKind::behind) >= 1);
    CHECK(h.run_until([&] { return h.count(RecordKind::caught_up) >= 1; }, 60s));
  }
}

TEST_CASE("the committee changes where a block says so, epoch after epoch", "[chained][runs][epochs]") {
  const std::vector<std::pair<Height, ValidatorUpdate>> updates = {
      {Height{4}, {NodeId{4}, 1}},  {Height{5}, {NodeId{5}, 2}},  {Height{9}, {NodeId{0}, 0}},
      {Height{14}, {NodeId{5}, 0}}, {Height{20}, {NodeId{0}, 3}}, {Height{20}, {NodeId{1}, 0}}};
  for (const Design& d : designs()) {
    for (const bool restarts : {false, true}) {
      CAPTURE(d.name, restarts);
      EngineHarness h{committee_of({1, 1, 1, 1}), 6, d.make, 20ms, updates};
      h.start_all();
      for (std::uint64_t height = 2; height <= 26; height += 2) {
        REQUIRE(h.run_to_height(height, 120s));
        if (!restarts) continue;
        const NodeId n{static_cast<std::uint32_t>(height / 2 % 6)};
        h.crash(n);
        h.run_for(height % 4 == 0 ? 60ms : 3s);
        h.start(n);
      }
      check_sound(h);
      CHECK(h.count(RecordKind::epoch_entered) >= 5 * 5);
    }
  }
}

TEST_CASE("double proposals and double votes are reported", "[chained][runs][evidence]") {
  JolteonOptions options;
  const auto make = [&](NodeId n) { return std::make_unique<EngineOf<Jolteon>>(Jolteon{n, options}); };
  EngineHarness h{equal_committee(4), 4, make, 20ms};
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
    const auto block = std::make_shared<const Block>(std::move(b));
    Proposal p{block->height, block->round, no_round, block, NodeId{0}, block->timestamp, {}};
    p.signature = h.signatures->sign(0, p.signed_digest());
    return MessagePtr{h.pool.make<ChainedProposalMessage>(Epoch{0}, std::move(p), nullptr, Height{0})};
  };
  const MessagePtr first = proposal(1);
  const MessagePtr second = proposal(2);
  h.deliver(NodeId{0}, NodeId{2}, first);
  CHECK(h.reports.empty());
  h.deliver(NodeId{0}, NodeId{2}, first);
  CHECK(h.reports.empty());
  h.deliver(NodeId{0}, NodeId{2}, second);
  REQUIRE(h.reports.size() == 1);
  CHECK(h.reports[0].second.kind == EvidenceKind::double_proposal);
  CHECK(h.reports[0].second.offender == NodeId{0});

  const BlockId a = static_cast<const ChainedProposalMessage&>(*first).proposal.block->id;
  const BlockId b = static_cast<const ChainedProposalMessage&>(*second).proposal.block->id;
  h.deliver(NodeId{3}, NodeId{1}, h.vote(NodeId{3}, VoteType::vote, Height{1}, Round{1}, a));  // n1 leads round 2
  h.deliver(NodeId{3}, NodeId{1}, h.vote(NodeId{3}, VoteType::vote, Height{1}, Round{1}, b));
  REQUIRE(h.reports.size() == 2);
  CHECK(h.reports[1].second.kind == EvidenceKind::double_vote);
  CHECK(h.reports[1].second.offender == NodeId{3});
}

TEST_CASE("a replica votes once in a round, also for a second proposal after a restart", "[chained][runs]") {
  for (const Design& d : designs()) {
    CAPTURE(d.name);
    EngineHarness h{equal_committee(4), 4, d.make, 20ms};
    h.drop = [](NodeId, NodeId to, const MessagePtr&) { return to == NodeId{1}; };  // no certificate
    h.start_all();
    h.run_for(30ms);
    h.crash(NodeId{0});  // the leader of round 1 forgets everything and proposes another block
    h.mutable_log(NodeId{0}).clear();
    h.run_for(5ms);
    h.crash(NodeId{2});
    h.start(NodeId{2});
    h.start(NodeId{0});
    h.run_for(100ms);
    for (const std::string& conflict : h.conflicts) CHECK(conflict.find("node 2") == std::string::npos);
  }
}

TEST_CASE("copies of chained engines are equal, and hashes agree with that", "[chained][runs][value]") {
  for (const Design& d : designs()) {
    CAPTURE(d.name);
    EngineHarness h{equal_committee(4), 4, d.make, 20ms};
    std::uint64_t turn = 0;
    h.drop = [&](NodeId, NodeId, const MessagePtr&) { return ++turn % 11 == 0; };
    h.start_all();
    for (int step = 0; step < 50; ++step) {
      const std::unique_ptr<Engine> before = h.engine(NodeId{2}).clone();
      CHECK(before->same_state(h.engine(NodeId{2})));
      CHECK(before->state_hash() == h.engine(NodeId{2}).state_hash());
      h.run_for(100ms);
      if (before->same_state(h.engine(NodeId{2}))) {
        CHECK(before->state_hash() == h.engine(NodeId{2}).state_hash());
      } else {
        CHECK(before->state_hash() != h.engine(NodeId{2}).state_hash());
      }
    }
  }
}
