// Broken variants of Tendermint in whole worlds: the checkers that answer for what is broken fire, and the sound engine
// comes through the same bad luck without a finding.
#include "tests/negative/broken/worlds.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using protocols::PaperRules;
using scenarios::Verdict;
using sim::VoteType;

namespace {

void check_sound(const RunResult& twin) {
  INFO(story(twin));
  CHECK(twin.findings.empty());
  CHECK(twin.verdict == Verdict::held);
}

//   n0 proposes A in round 0; n0, n2 and n3 see its polka and precommit; only n0 gets the precommits and commits A.
//   n1 sees two prevotes for A and proposes B in round 1, to n2 and n3.
Scenario one_commits_alone() {
  Scenario s = small_world(4);
  s.environment.faults = {
      cut(at(0ms), nodes({0}), nodes({1})),
      cut(on_vote(0, VoteType::precommit, 1, 0), nodes({0}), nodes({2, 3})),
  };
  return s;
}

//   n0 proposes A in round 0; n0, n1 and n3 precommit it; only n1 commits. Round 1 belongs to n1, which is gone: a
//   polka for nil. n2, which has seen two prevotes for A, proposes B in round 2.
Scenario nil_polka_between() {
  Scenario s = small_world(4);
  s.environment.faults = {
      cut(at(0ms), nodes({0}), nodes({2}), 600ms),
      cut(on_vote(1, VoteType::precommit, 1, 0), nodes({1}), nodes({0, 2, 3})),
  };
  return s;
}

}  // namespace

TEST_CASE("Z04: without locks honest nodes commit different blocks", "[negative][agreement][lock_rule]") {
  const RunResult broken = run_with<broken::NoLock>(one_commits_alone());
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  CHECK(fires(broken, "lock_rule"));
  CHECK(fires(broken, "accountability"));  // the votes convict n2 and n3, which are not corrupt
  CHECK(broken.verdict == Verdict::violated);
  check_sound(run_with<PaperRules>(one_commits_alone()));
}

TEST_CASE("a prevote that ignores the lock breaks agreement the same way", "[negative][agreement][lock_rule]") {
  const RunResult broken = run_with<broken::PrevotesAnything>(one_commits_alone());
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  CHECK(fires(broken, "lock_rule"));
}

TEST_CASE("Z06: a lock that a nil polka opens is none", "[negative][agreement][lock_rule]") {
  const RunResult broken = run_with<broken::UnlockOnNil>(nil_polka_between());
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  CHECK(fires(broken, "lock_rule"));
  check_sound(run_with<PaperRules>(nil_polka_between()));
}

TEST_CASE("Z03: a lock that is not restored after a crash is none", "[negative][agreement][lock_rule]") {
  Scenario s = one_commits_alone();
  s.environment.faults.push_back(crash(on_vote(2, VoteType::precommit, 1, 0), nodes({2}), 50ms));
  s.environment.faults.push_back(crash(on_vote(3, VoteType::precommit, 1, 0), nodes({3}), 50ms));
  const RunResult broken = run_with<broken::LockNotRestored>(s);
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  CHECK(fires(broken, "lock_rule"));
  check_sound(run_with<PaperRules>(s));
}

TEST_CASE("Z37: what is not written down before it is sent is said again differently", "[negative][one_vote]") {
  // Height 2, proposed by n1. n2 gets no proposal and prevotes nil, crashes, and finds the proposal when it is back. n3
  // is cut off, so that the round is still open.
  Scenario s = small_world(4);
  s.design.parameters.tendermint.timeout_prevote = 2s;
  s.environment.faults = {
      cut(on_record(sim::RecordKind::committed, 2, 1), nodes({1}), nodes({2}), 400ms),
      cut(on_record(sim::RecordKind::committed, 3, 1), nodes({3}), nodes({0, 1, 2}), 1500ms),
      crash(on_vote(2, VoteType::prevote, 2, 0), nodes({2}), 20ms),
  };
  const RunResult broken = run_with<broken::VoteNotDurable>(s);
  INFO(story(broken));
  CHECK(fires(broken, "one_vote"));
  check_sound(run_with<PaperRules>(s));
}

TEST_CASE("Z37: a proposer that forgets what it proposed signs another block", "[negative][single_signer]") {
  Scenario s = small_world(4);
  s.environment.faults = {crash(on_record(sim::RecordKind::proposed, 0, 1), nodes({0}), 10ms)};
  const RunResult broken = run_with<broken::VoteNotDurable>(s);
  INFO(story(broken));
  CHECK(fires(broken, "single_signer"));
  check_sound(run_with<PaperRules>(s));
}

TEST_CASE("Z36: quorums that do not intersect", "[negative][agreement][certified_commit]") {
  // 2f + 1 of six are three: each half of the network commits for itself
  Scenario s = small_world(6);
  s.design.parameters.tendermint.gossip_stall = 500ms;
  s.environment.faults = {split(at(0ms), nodes({0, 1, 2}), nodes({3, 4, 5}))};
  const RunResult broken = run_with<broken::QuorumOffByOne>(s);
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  CHECK(fires(broken, "certified_commit"));
  CHECK(fires(broken, "lock_rule"));       // precommits without a polka
  CHECK(fires(broken, "accountability"));  // nobody contradicted himself
  Scenario healed = s;
  healed.environment.faults[0].lasts = 2s;
  check_sound(run_with<PaperRules>(healed));
}

TEST_CASE("Z36: heads are no power", "[negative][certified_commit]") {
  // three of four members with 3 of 6: enough heads, not enough power
  Scenario s = small_world(4);
  s.design.committee.stake = {1, 1, 1, 3};
  s.design.parameters.tendermint.gossip_stall = 500ms;
  s.environment.faults = {split(at(0ms), nodes({0, 1, 2}), nodes({3}), 2s)};
  const RunResult broken = run_with<broken::HeadsInsteadOfPower>(s);
  INFO(story(broken));
  CHECK(fires(broken, "certified_commit"));
  check_sound(run_with<PaperRules>(s));
}

TEST_CASE("Z44: a committee that changes one height early", "[negative]") {
  // executing height 2 gives n4 more power than all others have, from height 4 on
  Scenario s = small_world(5);
  s.design.committee.stake = {1, 1, 1, 1, 0};
  s.design.committee.changes = {{2, NodeId{4}, 12}};
  s.stop.healing = 20s;
  const RunResult broken = run_with<broken::CommitteeOneHeightEarly>(s);
  INFO(story(broken));
  CHECK_FALSE(broken.findings.empty());
  check_sound(run_with<PaperRules>(s));
}

// ---- at the rim -----------------------------------------------------------------------------------------------------

namespace {

Scenario with_traffic() {
  Scenario s = small_world(4);
  s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::constant;
  s.environment.workload.clients = 1;
  s.environment.workload.rate_per_1000s = 50'000;
  s.environment.workload.accounts = 5;
  s.environment.workload.stop_after = 4s;
  return s;
}

}  // namespace

TEST_CASE("sound nodes with traffic give no finding", "[negative]") {
  const RunResult twin = run_with<PaperRules>(with_traffic());
  check_sound(twin);
  CHECK(twin.metrics.tx_confirmed > 100);
  CHECK(twin.metrics.tx_included == twin.metrics.tx_confirmed);
}

TEST_CASE("a node that leaves out a transaction comes to another state", "[negative][identical_execution]") {
  const RunResult broken = run_rewritten(with_traffic(), {NodeId{2}}, broken::alter_commits([](protocols::Block& b) {
                                           if (b.height.value == 5 && !b.transactions.empty())
                                             b.transactions.pop_back();
                                         }));
  INFO(story(broken));
  CHECK(fires(broken, "identical_execution"));
}

TEST_CASE("a node that executes in another order reports another list", "[negative][identical_execution]") {
  const RunResult broken = run_rewritten(with_traffic(), {NodeId{2}}, broken::alter_commits([](protocols::Block& b) {
                                           std::reverse(b.transactions.begin(), b.transactions.end());
                                         }));
  INFO(story(broken));
  CHECK(fires(broken, "identical_execution"));
}

TEST_CASE("blocks that come from nowhere", "[negative][validity][certified_commit]") {
  const auto rename = broken::alter_commits([](protocols::Block& b) {
    if (b.height.value == 3) b.id.lo ^= 1;
  });
  const RunResult broken = run_rewritten(small_world(4), {NodeId{1}}, rename);
  INFO(story(broken));
  CHECK(fires(broken, "validity"));
  CHECK(fires(broken, "certified_commit"));
  CHECK(fires(broken, "agreement"));
}

TEST_CASE("a transaction that nobody signed", "[negative][validity]") {
  // everybody takes it into the block: no state differs, and no block
  const auto insert = broken::alter_commits([](protocols::Block& b) {
    if (b.height.value != 2) return;
    protocols::Transaction tx;
    tx.sender = protocols::AccountId{4};
    tx.receiver = protocols::AccountId{1};
    tx.amount = protocols::Amount{1};
    tx.id = Hash128{1, 2};
    b.transactions.push_back(tx);
  });
  const RunResult broken = run_rewritten(small_world(4), {NodeId{0}, NodeId{1}, NodeId{2}, NodeId{3}}, insert);
  INFO(story(broken));
  CHECK(fired(broken) == std::set<std::string>{"validity"});
}

TEST_CASE("a chain with a foreign parent", "[negative][prefix]") {
  const RunResult broken = run_rewritten(small_world(4), {NodeId{1}}, broken::alter_commits([](protocols::Block& b) {
                                           if (b.height.value == 3) b.parent.lo ^= 1;
                                         }));
  INFO(story(broken));
  CHECK(fires(broken, "prefix"));
}

TEST_CASE("a commit that is announced before it is on the disk", "[negative][no_double_commit][durability]") {
  Scenario s = small_world(4);
  s.environment.machines.disk_sync = 5ms;
  const RunResult twice = run_rewritten(s, {NodeId{1}}, broken::announce_early());
  INFO(story(twice));
  CHECK(fired(twice) == std::set<std::string>{"no_double_commit"});
  check_sound(run_with<PaperRules>(s));

  s.environment.faults = {crash(on_record(sim::RecordKind::committed, 1, 3), nodes({1}), 100ms)};
  const RunResult lost = run_rewritten(s, {NodeId{1}}, broken::announce_early());
  INFO(story(lost));
  CHECK(fires(lost, "durability"));
  check_sound(run_with<PaperRules>(s));
}

TEST_CASE("an accusation out of thin air", "[negative][evidence]") {
  const RunResult broken = run_rewritten(small_world(4), {NodeId{1}}, broken::accuse(NodeId{2}));
  INFO(story(broken));
  CHECK(fired(broken) == std::set<std::string>{"evidence"});
}
