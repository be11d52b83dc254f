// Broken variants of HotStuff, HotStuff-2 and Jolteon in whole worlds: the checkers that answer for what is broken
// fire, and the sound engine comes through the same bad luck without a finding. Attacks on the sound engine: they cost
// blocks, never agreement.
//
// Leaders take turns: round r belongs to node (r - 1) mod n. A cut leader still hears the others.
#include "tests/negative/broken/chained.hpp"

#include "tests/negative/broken/worlds.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using protocols::HotStuffRules;
using protocols::JolteonRules;
using scenarios::Liveness;
using scenarios::Verdict;
using sim::RecordKind;
using sim::VoteType;

namespace {

/// Links of 20 ms, rounds of 300 ms that do not grow.
Scenario chained_world(std::uint32_t count, const char* engine) {
  Scenario s = small_world(count);
  s.design.engine = engine;
  for (auto* chained : {&s.design.parameters.hotstuff.chained, &s.design.parameters.jolteon.chained}) {
    chained->pacemaker.timeout = 300ms;
    chained->pacemaker.growth_percent = 100;
    chained->sync_timeout = 200ms;
  }
  s.design.parameters.hotstuff.delta = 100ms;
  return s;
}

using Pass = broken::RewritingEngine::Rewrite;

/// All nodes follow `Rules`, but `corrupt` follows `Corrupt` and what it says goes through `rewrite`. (Whoever looks at
/// a message first keeps with it whether its signatures are good: a corrupt engine is as strict there as the others.)
template <class Rules, class Corrupt = Rules>
RunResult run_chained(const Scenario& scenario, NodeId corrupt = no_node, Pass rewrite = nullptr) {
  Scenario s = scenario;
  if (corrupt != no_node) corrupt_with(s, "return { api = 1, on_send = function(ctx) return ctx.pass end }", {corrupt});
  RunOptions options;
  options.make_engine = [&](NodeId self, const protocols::Committee& genesis,
                            const protocols::EngineParameters& parameters) -> std::unique_ptr<protocols::Engine> {
    if (self != corrupt) return broken::make_chained<Rules>(self, genesis, parameters);
    auto bad = broken::make_chained<Corrupt>(self, genesis, parameters);
    if (!rewrite) return bad;
    return std::make_unique<broken::RewritingEngine>(std::move(bad), rewrite);
  };
  return scenarios::run(s, {1}, options);
}

void check_sound(const RunResult& twin) {
  INFO(story(twin));
  CHECK(twin.findings.empty());
  CHECK(twin.verdict == Verdict::held);
}

/// When `node` proposes in that round.
scenarios::Trigger on_proposal(std::uint32_t node, std::uint64_t height, std::uint32_t round) {
  scenarios::Trigger trigger = on_record(RecordKind::proposed, node, height);
  trigger.on->round = round;
  return trigger;
}

}  // namespace

//   1: n0 proposes B1; n1 alone gets its votes, and is cut off.
//   3: n2 proposes B3 on genesis; n3 alone gets its votes, and is cut off; n1 is back.
//   5: n0 proposes B5 on B1 (n1 told of its certificate); n1 gets the votes. Rounds 1 and 5 are no neighbours, but the
//      broken n1 commits B1; it is cut off, n3 is back.
//   7: n2 proposes B7 on B3 (n3 told); n3 gets the votes and commits B3.
TEST_CASE("Z13: a commit rule without consecutive rounds forks without a corrupt node", "[negative][chained]") {
  Scenario s = chained_world(4, "jolteon");
  s.environment.faults = {
      cut(on_proposal(1, 2, 2), nodes({1}), nodes({0, 2, 3}), 645ms),
      cut(on_proposal(3, 2, 4), nodes({3}), nodes({0, 1, 2}), 665ms),
      cut(on_proposal(1, 3, 6), nodes({1}), nodes({0, 2, 3}), 700ms),
  };
  const RunResult broken = run_chained<broken::CommitsAcrossRounds>(s);
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  CHECK(broken.verdict == Verdict::violated);
  check_sound(run_chained<JolteonRules>(s));
}

//   n2 gets the votes of round 2 and is locked on B1; it is cut off, nobody else has that lock. n3 is corrupt and
//   forks: B4 on genesis, which all others may vote for. Then it falls silent, and four of five need n2's vote.
TEST_CASE("Z15: a lock that no certificate opens stops the chain", "[negative][chained][liveness]") {
  Scenario s = chained_world(5, "hotstuff");
  s.stop.after = 2s;
  s.stop.healing = 60s;
  s.environment.faults = {cut(on_proposal(2, 3, 3), nodes({2}), nodes({0, 1, 3, 4}), 680ms)};
  const Pass silent_later = [](protocols::Effect&& effect, const protocols::EngineView& view, protocols::Outbox& out) {
    const bool speech = std::holds_alternative<protocols::effect::Broadcast>(effect) ||
                        std::holds_alternative<protocols::effect::Send>(effect);
    if (speech && view.wall > time_zero + 730ms) return;
    out.add(std::move(effect));
  };
  using Forker = broken::Forks<HotStuffRules, 1>;
  const RunResult broken = run_chained<broken::NeverLeavesLock, Forker>(s, NodeId{3}, silent_later);
  INFO(story(broken));
  CHECK(fired(broken) == std::set<std::string>{"liveness"});
  const RunResult twin = run_chained<HotStuffRules, Forker>(s, NodeId{3}, silent_later);
  check_sound(twin);
  CHECK(twin.liveness == Liveness::progress);
}

//   n3 gets the votes of round 3 and commits B1; it is cut off. n0 leads round 5, is corrupt, and builds on genesis
//   although the others are locked on B1.
TEST_CASE("a HotStuff vote that ignores the lock forks", "[negative][chained]") {
  Scenario s = chained_world(4, "hotstuff");
  s.environment.faults = {cut(on_proposal(3, 4, 4), nodes({3}), nodes({0, 1, 2}), 1s)};
  using Forker = broken::Forks<HotStuffRules, 2>;
  const RunResult broken = run_chained<broken::HotStuffIgnoresLock, Forker>(s, NodeId{0});
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  const RunResult twin = run_chained<HotStuffRules, Forker>(s, NodeId{0});
  check_sound(twin);
}

namespace {

//   n2 gets the votes of round 2 and commits B1; it is cut off. Round 4 belongs to n3, which is corrupt and builds on
//   genesis, with the TC of round 3, whose signers all know the certificate of B1.
Scenario jolteon_fork() {
  Scenario s = chained_world(4, "jolteon");
  s.environment.faults = {cut(on_proposal(2, 3, 3), nodes({2}), nodes({0, 1, 3}), 1s)};
  return s;
}

}  // namespace

TEST_CASE("a Jolteon vote that does not compare with the TC forks", "[negative][chained]") {
  using Forker = broken::Forks<JolteonRules, 1>;
  const RunResult broken = run_chained<broken::JolteonIgnoresTc, Forker>(jolteon_fork(), NodeId{3});
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  check_sound(run_chained<JolteonRules, Forker>(jolteon_fork(), NodeId{3}));
}

TEST_CASE("a TC has to be as high as its signers signed, not as what came along", "[negative][chained]") {
  using Forker = broken::Forks<broken::TrustsAttachedQc, 1>;
  const Pass lowered = broken::change_proposals([](protocols::Block& block, protocols::TimeoutCertPtr& tc) {
    if (tc == nullptr || block.height.value != 1) return;
    auto copy = std::make_shared<protocols::TimeoutCert>(*tc);
    copy->high_qc = std::make_shared<const protocols::QuorumCert>();
    tc = copy;
  });
  const RunResult broken = run_chained<broken::TrustsAttachedQc, Forker>(jolteon_fork(), NodeId{3}, lowered);
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  check_sound(run_chained<JolteonRules, broken::Forks<JolteonRules, 1>>(jolteon_fork(), NodeId{3}, lowered));
}

TEST_CASE("Z19: a certificate with one signer three times", "[negative][chained][certified_commit]") {
  // n1 lists its own vote as often as a quorum has members.
  const Scenario s = chained_world(4, "jolteon");
  const Pass pad = broken::change_proposals([](protocols::Block& block, protocols::TimeoutCertPtr&) {
    std::vector<protocols::CommitSignature>& signatures = block.last_commit.signatures.edit();
    const auto own = std::ranges::find(signatures, NodeId{1}, &protocols::CommitSignature::voter);
    if (own != signatures.end()) signatures.assign(3, protocols::CommitSignature{*own});
  });
  const RunResult broken = run_chained<broken::CountsSignatures>(s, NodeId{1}, pad);
  INFO(story(broken));
  CHECK(fires(broken, "certified_commit"));
  check_sound(run_chained<JolteonRules>(s, NodeId{1}, pad));
}

TEST_CASE("Z36: quorums of chained engines that do not intersect", "[negative][chained][certified_commit]") {
  Scenario s = chained_world(6, "jolteon");
  s.environment.faults = {split(at(0ms), nodes({0, 1, 2}), nodes({3, 4, 5}))};
  const RunResult broken = run_chained<broken::ChainedQuorumOffByOne>(s);
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  CHECK(fires(broken, "certified_commit"));
  Scenario healed = s;
  healed.environment.faults[0].lasts = 2s;
  check_sound(run_chained<JolteonRules>(healed));
}

TEST_CASE("Z37: a chained engine that writes down later what it said", "[negative][chained][single_signer][one_vote]") {
  // n0 proposes and loses its memory of that, n2 votes and loses that; round 1 is still open when they are back.
  Scenario s = chained_world(4, "jolteon");
  s.environment.machines.disk_sync = 5ms;
  s.environment.faults = {
      crash(on_record(RecordKind::proposed, 0, 1), nodes({0}), 30ms),
      crash(on_vote(2, VoteType::vote, 1, 1), nodes({2}), 10ms),
      cut(at(0ms), nodes({1, 2, 3}), nodes({1}), 200ms),  // no certificate yet
  };
  const RunResult broken = run_chained<broken::ChainedVoteNotDurable>(s);
  INFO(story(broken));
  CHECK(fires(broken, "single_signer"));
  CHECK(fires(broken, "one_vote"));
  check_sound(run_chained<JolteonRules>(s));
}

TEST_CASE("Z03: a replica that forgets the round it voted in votes again", "[negative][chained][one_vote]") {
  // n0 is corrupt and sends a second block of round 1 a little later; n2 votes, crashes, and finds the other one.
  Scenario s = chained_world(4, "jolteon");
  corrupt_with(s, R"(
    return { api = 1, kinds = { on_send = { "proposal" } },
      on_send = function(ctx, msg)
        if msg.round > 1 then return ctx.pass end
        ctx:send(ctx.peers, ctx:forge(msg, { payload = ctx.rng:bytes(8) }), { delay = "60ms" })
        return ctx.pass
      end }
  )",
               nodes({0}));
  s.environment.faults = {
      crash(on_vote(2, VoteType::vote, 1, 1), nodes({2}), 20ms),
      cut(at(0ms), nodes({3, 2}), nodes({1}), 200ms),
  };
  const RunResult broken = run_chained<broken::ForgetsVotedRound>(s);
  INFO(story(broken));
  CHECK(fires(broken, "one_vote"));
  check_sound(run_chained<JolteonRules>(s));
}

// ---- attacks on the sound engine ------------------------------------------------------------------------------------

namespace {

template <class Rules, class Corrupt>
std::uint64_t commits_of(const Scenario& s, NodeId corrupt) {
  const RunResult r = run_chained<Rules, Corrupt>(s, corrupt);
  check_sound(r);
  return r.metrics.commits_max;
}

}  // namespace

TEST_CASE("Z26: a HotStuff leader that forks costs two blocks a turn and breaks nothing", "[negative][chained]") {
  Scenario s = chained_world(7, "hotstuff");
  s.design.parameters.hotstuff.round_sync = protocols::RoundSync::new_view;
  const auto honest = commits_of<HotStuffRules, HotStuffRules>(s, NodeId{3});
  const auto forked = commits_of<HotStuffRules, broken::Forks<HotStuffRules, 2>>(s, NodeId{3});
  CAPTURE(honest, forked);
  // Of seven rounds two blocks are overwritten; none of them is a timeout.
  CHECK(honest >= 118);
  CHECK(forked >= honest * 5 / 7 - 8);
  CHECK(forked <= honest * 5 / 7 + 8);
}

TEST_CASE("Z26: with certified rounds a forker only loses its own turn", "[negative][chained]") {
  Scenario s = chained_world(7, "jolteon");
  const auto honest = commits_of<JolteonRules, JolteonRules>(s, NodeId{3});
  const auto forked = commits_of<JolteonRules, broken::Forks<JolteonRules, 1>>(s, NodeId{3});
  CAPTURE(honest, forked);
  CHECK(forked > 0);
  CHECK(forked < honest);  // nobody votes for its block: timers
}

TEST_CASE("Z27: a leader that never received the votes cuts off the tail", "[negative][chained]") {
  for (const char* engine : {"jolteon", "hotstuff"}) {
    CAPTURE(engine);
    Scenario s = chained_world(7, engine);
    const RunResult honest = scenarios::run(s, {1});
    corrupt_with(s, R"(
      return { api = 1, kinds = { on_receive = { "vote" } }, on_receive = function(ctx, msg) return ctx.drop end }
    )",
                 nodes({3}));
    const RunResult attacked = scenarios::run(s, {1});
    check_sound(attacked);
    CAPTURE(honest.metrics.commits_max, attacked.metrics.commits_max);
    // A turn of seven takes 6 * 40 ms and a timer instead of 7 * 40 ms, and one block of it is gone.
    CHECK(attacked.metrics.commits_max < honest.metrics.commits_max * 6 / 7);
    CHECK(attacked.metrics.commits_max > 30);
  }
}

TEST_CASE("Z18: certificates for a part of the replicas hurt doubling timers most", "[negative][chained]") {
  // n3 shows its blocks, and with them the certificates, to half of its peers: those enter the round, the others come
  // by their timers, which double. Timeout certificates bring them together again. Not the full attack, which stops
  // everything for ever; the same idea with one corrupt node.
  const auto commits = [](protocols::RoundSync sync) {
    Scenario s = chained_world(4, "hotstuff");
    s.design.parameters.hotstuff.round_sync = sync;
    s.design.parameters.hotstuff.chained.pacemaker.growth_percent = 200;
    s.design.parameters.hotstuff.chained.pacemaker.growth_steps_max = 12;
    s.stop.after = 120s;
    corrupt_with(s, R"(
      return { api = 1, kinds = { on_send = { "proposal" } },
        on_send = function(ctx, msg)
          local some = ctx:split(ctx.peers)
          ctx:send(some, msg)
          return ctx.drop
        end }
    )",
                 nodes({3}));
    const RunResult r = scenarios::run(s, {1});
    check_sound(r);
    return r.metrics.commits_max;
  };
  const auto certificates = commits(protocols::RoundSync::timeout_certificates);
  const auto timers = commits(protocols::RoundSync::new_view);
  CAPTURE(certificates, timers);
  CHECK(timers > 0);
  CHECK(4 * timers < certificates);
}
