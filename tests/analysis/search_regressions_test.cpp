// Cases of searches that once broke a sound engine: each stays as a plan.
#include <memory>

#include "analysis/search/case.hpp"
#include "tests/negative/broken/chained.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using protocols::MessageKind;
using scenarios::MessageIntervention;
namespace act = scenarios::act;

// n0 hears no proposal of n1 and may not ask for blocks: it keeps those of n2 and n3, none of which hang on what it
// has, until there are more than a tree holds. Once it may ask, the oldest blocks are what it needs first.
TEST_CASE("who holds many blocks that hang on nothing can still catch up", "[search][chained]") {
  for (const char* engine : {"hotstuff", "jolteon", "monadbft"}) {
    CAPTURE(engine);
    auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario(engine));
    scenarios::Plan plan{.seed = 14382428286730139321U,
                         .corrupt = {NodeId{1}},
                         .leaders = {NodeId{1}, NodeId{1}, NodeId{0}, NodeId{0}, NodeId{2}, NodeId{3}, NodeId{0},
                                     NodeId{2}, NodeId{3}}};
    plan.interventions = {
        MessageIntervention{{.message = MessageKind::block_request, .from = NodeId{0}, .count = 0}, act::Drop{}},
        MessageIntervention{{.message = MessageKind::proposal, .from = NodeId{1}, .to = NodeId{0}, .count = 0},
                            act::Drop{}}};
    const CaseResult result = run_case({scenario, plan}, {engine, scenario, nullptr});
    for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
    CHECK_FALSE(is_failure(result));
  }
}

// n1 alone commits block 3, whose execution ends the epoch. The others hear neither its answers nor its proposals; they
// certify block after block of the branch that ends with the epoch, and their signers are a quorum of the next one.
TEST_CASE("certificates of a branch that was abandoned with its epoch stop nobody", "[search][chained][epochs]") {
  auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario("hotstuff"));
  scenario->permute_instants = false;
  scenario->design.committee.changes = {{.height = 3, .node = NodeId{3}, .power = 2},
                                        {.height = 4, .node = NodeId{3}, .power = 1}};
  scenario->environment.network.latency.mean = 1ms;
  scenario->environment.machines.start_skew = 0s;
  scenario->stop = {.after = 22s, .height = 0, .healing = 7500ms, .healing_blocks = 1};
  scenarios::Plan plan{.seed = 1};
  plan.interventions = {
      MessageIntervention{{.message = MessageKind::block_response,
                           .from = NodeId{1},
                           .height = 3,
                           .round = 5,
                           .count = 0},
                          act::Drop{}},
      MessageIntervention{{.message = MessageKind::proposal, .from = NodeId{1}, .round = 6, .count = 0}, act::Drop{}}};
  const CaseResult sound = run_case({scenario, plan}, {"hotstuff", scenario, nullptr});
  for (const scenarios::Finding& f : sound.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(sound));

  using Broken = tests::broken::CountsOtherEpochs<protocols::HotStuffRules>;
  const CaseResult broken = run_case({scenario, plan}, {"hotstuff", scenario, tests::broken::make_chained<Broken>});
  CHECK(kind_of(broken) == "liveness");
}

// n3 has no power for a block and gets it back. In between three lead in turns, one of whom is gone: never three in a
// row of the others, whom the two-chain rule needs, until the committee changes again, which no block does.
TEST_CASE("nothing is promised by a committee on the way whose leaders never come in a row", "[search][chained]") {
  auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario("jolteon"));
  scenario->permute_instants = false;
  scenario->design.committee.stake = {3, 1, 3, 1};
  scenario->design.committee.changes = {{.height = 1, .node = NodeId{3}, .power = 0},
                                        {.height = 2, .node = NodeId{3}, .power = 2}};
  scenario->environment.network.latency.mean = 1ms;
  scenario->environment.machines.start_skew = 0s;
  scenario->stop = {.after = 1ms, .height = 0, .healing = 60s, .healing_blocks = 2};
  const CaseResult result = run_case({scenario, {.seed = 1, .corrupt = {NodeId{1}}}}, {"jolteon", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// Precommits of round 0 from n0, n2 and n3 came to n1 alone, which lacks the block and gave the round up; it spoke in
// round 1 and was switched off. n0 is gone. n2 and n3 can follow only if n1 still has n0's precommit.
TEST_CASE("what ended a round is there after a restart", "[search][tendermint]") {
  auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario("tendermint"));
  scenario->permute_instants = false;
  scenario->design.parameters.tendermint.timeout_precommit = 100ms;
  scenario->environment.network.latency.mean = 1ms;
  scenario->environment.machines.disk_sync = 9455581ns;
  scenario->environment.machines.start_skew = 30ms;
  scenario->stop = {.after = 250ms, .height = 0, .healing = 45s, .healing_blocks = 1};
  scenarios::FaultSpec crash{.lasts = 1us, .what = scenarios::fault::Crash{{NodeId{1}}}};
  crash.when.at = 210ms;
  scenarios::RoundSplit unheard;
  unheard.height = 1;
  unheard.round = 0;
  unheard.message = MessageKind::precommit;
  for (const std::uint32_t other : {0U, 2U, 3U}) {
    unheard.groups.push_back({{NodeId{1}, false}, {NodeId{other}, false}});
  }
  const scenarios::Plan plan{.seed = 7979098558180531592, .corrupt = {NodeId{0}}, .interventions = {crash, unheard}};
  const CaseResult result = run_case({scenario, plan}, {"tendermint", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// The committee changes and changes back: the third era has the first one's members. n0, which is still in the first,
// proposes on a chain that the others have abandoned; they must not wait for it.
TEST_CASE("certificates of an era that was abandoned bind nobody in a later one", "[search][streamlet][epochs]") {
  auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario("streamlet"));
  scenario->design.committee.changes = {{.height = 1, .node = NodeId{3}, .power = 2},
                                        {.height = 2, .node = NodeId{3}, .power = 1}};
  scenario->environment.network.latency.mean = 1ms;
  scenario->environment.machines.start_skew = 0s;
  scenario->stop = {.after = 3700ms, .height = 0, .healing = 120s, .healing_blocks = 1};
  const auto crash = [](std::uint32_t node, Duration lasts) {
    return scenarios::FaultSpec{.lasts = lasts, .what = scenarios::fault::Crash{{NodeId{node}}}};
  };
  scenarios::FaultSpec first = crash(1, 2500us);
  first.when.on = scenarios::Trigger::Point{.record = sim::RecordKind::persisted, .node = NodeId{1}, .nth = 1};
  scenarios::FaultSpec alone{.lasts = 750ms};
  alone.when.at = 2300ms;
  alone.what = scenarios::fault::Partition{.groups = {{NodeId{0}}, {NodeId{1}, NodeId{2}, NodeId{3}}}};
  scenarios::FaultSpec away = crash(2, 1342857139ns);
  away.when.at = 75ms;
  scenarios::FaultSpec last = crash(0, 18ms);
  last.when.on = scenarios::Trigger::Point{.record = sim::RecordKind::round_entered, .node = NodeId{0}, .nth = 8};
  const scenarios::Plan plan{.seed = 2,
                             .leaders = {NodeId{2}, NodeId{2}, NodeId{1}, NodeId{0}, NodeId{2}, NodeId{3}},
                             .interventions = {first, alone, away, last}};
  const CaseResult result = run_case({scenario, plan}, {"streamlet", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// n0 alone does not hear that block 3, which changes the committee, is final, and asks one after the other for it: the
// first who can answer after the healing does. Until then the others' rounds come again and again.
TEST_CASE("a member that still fetches the last block of its era is waited for", "[search][streamlet]") {
  auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario("streamlet"));
  scenario->permute_instants = false;
  scenario->design.committee.stake = {2, 1, 1, 3};
  scenario->design.committee.changes = {{.height = 3, .node = NodeId{3}, .power = 1}};
  scenario->environment.network.latency.mean = 1ms;
  scenario->environment.machines.start_skew = 1ns;
  scenario->stop = {.after = 30s, .height = 0, .healing = 120s, .healing_blocks = 1};
  scenarios::RoundSplit unheard;
  unheard.round = 4;
  unheard.groups = {{{NodeId{0}, false}}, {{NodeId{1}, false}, {NodeId{2}, false}, {NodeId{3}, false}}};
  const scenarios::Plan plan{.seed = 2, .corrupt = {NodeId{1}}, .interventions = {unheard}};
  const CaseResult result = run_case({scenario, plan}, {"streamlet", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// n0, n1 and n3 certify A; n0 and n1, which write their own block or vote on top of it, start again and n3 is gone.
// The body of A is in their logs with the votes for it, whatever their tips are now, or nobody who signed A has it.
TEST_CASE("a block that was the tip once is there after a restart", "[search][monadbft]") {
  auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario("monadbft"));
  scenario->permute_instants = false;
  scenario->environment.network.latency.mean = 1ms;
  scenario->environment.machines.start_skew = 0s;
  scenario->stop = {.after = 3700us, .height = 0, .healing = 20s, .healing_blocks = 1};
  scenarios::FaultSpec leader{.lasts = 1us, .what = scenarios::fault::Crash{{NodeId{0}}}};
  leader.when.on = scenarios::Trigger::Point{.record = sim::RecordKind::proposed, .node = NodeId{0}, .nth = 1};
  scenarios::FaultSpec voter{.lasts = 1us, .what = scenarios::fault::Crash{{NodeId{1}}}};
  voter.when.at = 3700us;
  scenarios::RoundSplit unheard;
  unheard.round = 2;
  unheard.groups = {{{NodeId{2}, false}}, {{NodeId{0}, false}}};
  const scenarios::Plan plan{.seed = 1,
                             .corrupt = {NodeId{3}},
                             .leaders = {NodeId{0}, NodeId{3}, NodeId{0}, NodeId{1}, NodeId{2}},
                             .interventions = {leader, voter, unheard}};
  const CaseResult result = run_case({scenario, plan}, {"monadbft", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

namespace {

/// A rollup block each half second, a block of layer 1 a second.
std::shared_ptr<scenarios::Scenario> writing(const char* l1) {
  auto s = std::make_shared<scenarios::Scenario>(fuzz_scenario("tendermint"));
  s->design.l1 = l1;
  s->design.parameters.tendermint.timeout_commit = 500ms;
  s->design.parameters.tendermint.skip_timeout_commit = false;
  protocols::RelayOptions& relay = s->design.relay;
  relay.policy = "single";
  relay.nodes = {NodeId{0}};
  relay.batch_time = 1s;
  relay.confirmations = 2;
  relay.lost_after = 2s;
  relay.bump_after = 2s;
  relay.retry_max = 1s;
  relay.bundler.post_after = 1s;
  s->environment.l1.interval = 1s;
  s->environment.l1.view_p50 = 50ms;
  s->environment.l1.view_p95 = 100ms;
  s->stop = {.after = 300s, .height = 0, .healing = 0s, .healing_blocks = 2};
  return s;
}

/// The node hears and reaches nobody for as long as it is at its first height.
scenarios::RoundSplit never_begins(std::uint32_t node) {
  scenarios::RoundSplit split;
  split.height = 1;
  split.rounds = 1000;
  split.groups.resize(2);
  for (std::uint32_t i = 0; i < 4; ++i) split.groups[i == node ? 0 : 1].push_back({NodeId{i}, false});
  return split;
}

}  // namespace

// The only relayer has none of the blocks that the others commit: they are not late on layer 1, consensus is.
TEST_CASE("a relayer owes no block that it does not have", "[search][relay]") {
  const auto scenario = writing("ethereum");
  const CaseResult result =
      run_case({scenario, {.seed = 1, .interventions = {never_begins(0)}}}, {"relay", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// The bundler is down for the whole turn of a relayer that has nothing to write: it asked for nothing, was told
// nothing, and has no excuse.
TEST_CASE("a relayer without blocks has no excuse that the bundler was down", "[search][relay]") {
  const auto scenario = writing("arweave");
  protocols::RelayOptions& relay = scenario->design.relay;
  relay.policy = "rotating";
  relay.nodes = {NodeId{0}, NodeId{1}, NodeId{2}, NodeId{3}};
  relay.turn = 20s;
  relay.quota = 5;
  scenarios::FaultSpec outage;
  outage.when.at = 50s;
  outage.lasts = 90s;
  outage.what = scenarios::fault::Relay{.kind = scenarios::fault::Relay::Kind::outage};
  const CaseResult result =
      run_case({scenario, {.seed = 1, .interventions = {never_begins(3), outage}}}, {"relay", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// Layer 1 takes back four blocks, more than what a reader waits for before it reads and fewer than what it takes for
// settled. It reads the commitments again, with the ids of blocks that are settled long since.
TEST_CASE("a reader keeps the blocks that it may have to read again", "[search][settlement]") {
  const auto scenario = writing("bitcoin");
  scenario->design.relay = {};
  protocols::SettlementOptions& settlement = scenario->design.settlement;
  settlement.policy = protocols::SettlementOptions::Policy::proofs;
  settlement.committed_depth = 3;
  settlement.settled_depth = 5;
  settlement.commitment_blocks = 10;
  settlement.proof_delay = 3s;
  settlement.readers = {NodeId{0}, NodeId{1}};
  scenarios::FaultSpec fork;
  fork.when.at = 100s;
  fork.what = scenarios::fault::L1{.depth = 4};
  const CaseResult result = run_case({scenario, {.seed = 2, .interventions = {fork}}}, {"proofs", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// n1 is off while its view of layer 1 gives blocks up: its head goes back when it looks again, for the same reason.
TEST_CASE("a reader that was off during a reorganisation goes back later", "[search][settlement]") {
  const auto scenario = writing("ethereum");
  protocols::SettlementOptions& settlement = scenario->design.settlement;
  settlement.policy = protocols::SettlementOptions::Policy::batches;
  settlement.settled_depth = 8;
  settlement.readers = {NodeId{1}};
  scenarios::FaultSpec off;
  off.when.at = 60s;
  off.lasts = 1500ms;
  off.what = scenarios::fault::Crash{{NodeId{1}}, sim::DiskFault::unsynced_lost};
  scenarios::FaultSpec fork;
  fork.when.at = 60100ms;
  fork.what = scenarios::fault::L1{.depth = 6};
  const CaseResult result =
      run_case({scenario, {.seed = 1, .interventions = {off, fork}}}, {"batches", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// n3 shows its prevote for A to n0 alone, which locks A, loses power and comes back; n3 is gone. Nobody else can ever
// show the polka: n0 has to have kept it, or it holds to A and the others to their own values for good.
TEST_CASE("a lock that comes back from the log has its polka with it", "[search][tendermint]") {
  auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario("tendermint"));
  protocols::TendermintOptions& o = scenario->design.parameters.tendermint;
  o.timeout_propose = 200ms;
  o.timeout_propose_delta = o.timeout_precommit_delta = 50ms;
  scenario->environment.network.latency.mean = 1ms;
  scenario->environment.network.delta = 50ms;
  scenario->environment.machines.start_skew = 2500us;
  scenario->stop = {.after = 250ms, .height = 0, .healing = 11s, .healing_blocks = 1};
  scenarios::FaultSpec crash;
  crash.when.at = 37ms;
  crash.lasts = 220ms;
  crash.what = scenarios::fault::Crash{{NodeId{0}}, sim::DiskFault::unsynced_lost};
  scenarios::Plan plan{.seed = 9611053156565887534U, .corrupt = {NodeId{3}}};
  plan.interventions = {MessageIntervention{{.message = MessageKind::prevote,
                                             .from = NodeId{3},
                                             .height = 1,
                                             .round = 0,
                                             .nth = 2,
                                             .count = 0},
                                            act::Drop{}},
                        crash};
  const CaseResult result = run_case({scenario, plan}, {"tendermint", scenario, nullptr});
  for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
  CHECK_FALSE(is_failure(result));
}

// The follower was away for longer than a reference to layer 1 may be old. The others have gone on from the blocks that
// it has missed: they are judged by what they say, not by when this node hears of them.
TEST_CASE("who was away for long takes old blocks without waiting for layer 1", "[search][forced]") {
  for (const char* policy : {"citrea_queue", "arweave_sync"}) {
    CAPTURE(policy);
    auto scenario = std::make_shared<scenarios::Scenario>(fuzz_scenario("centralised"));
    scenario->design.parameters.centralised.block_interval = 500ms;
    scenario->design.l1 = std::string_view{policy} == "arweave_sync" ? "arweave" : "bitcoin";
    scenario->design.forced.policy = policy;
    scenario->design.forced.citrea_queue.drift = 6;
    scenario->environment.l1.interval = 1s;
    scenario->environment.l1.view_p50 = 50ms;
    scenario->environment.l1.view_p95 = 100ms;
    scenario->stop = {.after = 60s, .height = 0, .healing = 30s, .healing_blocks = 2};
    scenarios::FaultSpec away;
    away.when.at = 10s;
    away.lasts = 40s;
    away.what = scenarios::fault::Pause{{NodeId{1}}};
    const CaseResult result = run_case({scenario, {.seed = 1, .interventions = {away}}}, {"away", scenario, nullptr});
    for (const scenarios::Finding& f : result.findings) UNSCOPED_INFO(f.checker << ": " << f.text);
    CHECK_FALSE(is_failure(result));
  }
}
