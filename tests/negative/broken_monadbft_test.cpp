// Broken variants of MonadBFT in whole worlds: the checkers that answer for what is broken fire, and the sound engine
// comes through the same bad luck without a finding. Four nodes, leaders in turn: n0 leads round 1.
#include "tests/negative/broken/monadbft.hpp"
#include "tests/negative/broken/worlds.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using protocols::MonadRules;
using scenarios::Verdict;

namespace {

/// Links of 20 ms, rounds of 400 ms that do not grow.
Scenario monad_world(std::uint32_t count = 4) {
  Scenario s = small_world(count);
  s.design.engine = "monadbft";
  auto& o = s.design.parameters.monadbft;
  o.vote_pace = Duration{};
  o.growth_percent = 100;
  return s;
}

template <class Rules>
RunResult run_monad(const Scenario& scenario, std::uint64_t seed = 1) {
  RunOptions options;
  options.make_engine = broken::make_monadbft<Rules>;
  return scenarios::run(scenario, {seed}, options);
}

void check_sound(const RunResult& twin) {
  INFO(story(twin));
  CHECK(twin.findings.empty());
  CHECK(twin.metrics.commits_min > 3);
}

//   n1 proposes X in round 2; it reaches n0, which votes for it as n1 does: more than F. n2, which leads round 3, and
//   n3 never see it.
Scenario two_voters() {
  Scenario s = monad_world();
  s.environment.faults = {cut(at(0ms), nodes({1}), nodes({2, 3}), 200ms)};
  return s;
}

//   Round 1: n0 is not heard, nor in round 2; the TC names genesis.
//   Round 2: n1 proposes X, which reaches nobody else; its tip is named by the TC.
//   Round 3: n2 lacks X and does not get it; n0, n2 and n3 do not endorse it. n2 proposes Y, which reaches nobody else.
//   Round 4: the TC comes from n0, n1 and n3 and names X. n3 fetches it and proposes it again; n0, n1 and n3 vote. n0
//            alone sees the certificate, and is cut off.
//   Then: the next TC comes from n1, n2 and n3 and names Y, the newer of the two blocks.
Scenario certified_again_and_lost() {
  Scenario s = monad_world();
  s.environment.faults = {
      cut(at(0ms), nodes({0}), nodes({1, 2, 3}), 850ms),    cut(at(425ms), nodes({1}), nodes({0, 2, 3}), 175ms),
      cut(at(850ms), nodes({1}), nodes({2}), 130ms),        cut(at(870ms), nodes({2}), nodes({0, 1, 3}), 510ms),
      cut(at(1290ms), nodes({3}), nodes({2}), 170ms),       cut(at(1325ms), nodes({0}), nodes({1, 2, 3}), 2500ms),
  };
  return s;
}

}  // namespace

TEST_CASE("a leader that needs no no-endorsement drops an honest block", "[negative][monadbft][speculation]") {
  const RunResult broken = run_monad<broken::NeedsNoEndorsement>(two_voters());
  INFO(story(broken));
  CHECK(fires(broken, "speculation"));
  CHECK(broken.verdict == Verdict::violated);
  check_sound(run_monad<MonadRules>(two_voters()));
}

TEST_CASE("another block in place of the one that the TC names drops an honest block",
          "[negative][monadbft][speculation]") {
  // Here the next leader has the block, and builds another one all the same.
  Scenario s = monad_world();
  s.environment.faults = {cut(at(0ms), nodes({1}), nodes({0, 3}), 200ms)};
  const RunResult broken = run_monad<broken::AcceptsAnotherBlock>(s);
  INFO(story(broken));
  CHECK(fires(broken, "speculation"));
  check_sound(run_monad<MonadRules>(s));
}

TEST_CASE("Z03: a tip that is lost at a restart protects nobody", "[negative][monadbft][speculation]") {
  Scenario s = two_voters();
  s.environment.faults.push_back(crash(at(100ms), nodes({0}), 50ms));
  s.environment.faults.push_back(crash(at(100ms), nodes({1}), 50ms));
  const RunResult broken = run_monad<broken::TipNotRestored>(s);
  INFO(story(broken));
  CHECK(fires(broken, "speculation"));
  check_sound(run_monad<MonadRules>(s));
}

TEST_CASE("a first certificate that counts as final breaks agreement", "[negative][monadbft][agreement]") {
  const RunResult broken = run_monad<broken::FinalAtOnce>(certified_again_and_lost());
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  check_sound(run_monad<MonadRules>(certified_again_and_lost()));
}

TEST_CASE("a block that was certified when it was proposed again can be lost without equivocation",
          "[negative][monadbft][speculation]") {
  const RunResult broken = run_monad<broken::SpeculatesOnReproposals>(certified_again_and_lost());
  INFO(story(broken));
  CHECK(fires(broken, "speculation"));
  CHECK_FALSE(fires(broken, "agreement"));
}

TEST_CASE("an equivocating leader can have a speculative block taken back, which convicts it",
          "[negative][monadbft][speculation]") {
  // n0, corrupt, shows A to n1 and n3 and B to n2 in round 1. n1 alone sees the certificate of A, tells of it and is
  // cut off; n2 proposes B again, which is as good as A to everybody else. The sound engine takes A back, and says why.
  Scenario s = monad_world();
  corrupt_with(s, R"(
    return { api = 1, kinds = { on_send = { "proposal" } },
      on_send = function(ctx, msg)
        if msg.round > 1 then return ctx.pass end
        ctx:send({ "n1", "n3" }, msg)
        ctx:send({ "n2" }, ctx:forge(msg, { payload = ctx.rng:bytes(8) }))
        return ctx.drop
      end }
  )",
               nodes({0}));
  s.environment.faults = {cut(at(30ms), nodes({1}), nodes({0, 2, 3}), 2000ms)};
  struct Reverts final : sim::RecordObserver {
    void on_record(const sim::Record& r) override { seen.push_back(r); }
    std::vector<sim::Record> seen;
  } reverts;
  RunOptions options;
  options.observers.push_back({&reverts, sim::mask_of(sim::RecordKind::reverted)});
  const RunResult sound = scenarios::run(s, {1}, options);
  check_sound(sound);
  REQUIRE(reverts.seen.size() == 1);
  CHECK(reverts.seen[0].node == NodeId{1});
  CHECK(reverts.seen[0].height == 1);
  CHECK(sound.metrics.evidence > 0);
}

TEST_CASE("Z37: what MonadBFT does not write down before it is sent is said again differently",
          "[negative][monadbft]") {
  Scenario s = monad_world();
  s.environment.faults = {crash(on_record(sim::RecordKind::proposed, 1, 2), nodes({1}), 10ms)};
  const RunResult broken = run_monad<broken::MonadVoteNotDurable>(s);
  INFO(story(broken));
  CHECK(fires(broken, "single_signer"));
  check_sound(run_monad<MonadRules>(s));
}

TEST_CASE("Z19: a TC that counts a signer in two groups names what one honest node knows",
          "[negative][monadbft][Z19]") {
  const auto signatures = protocols::make_signatures(protocols::SignatureBackend::ideal, 1);
  const protocols::Committee committee{{{NodeId{0}, 1}, {NodeId{1}, 1}, {NodeId{2}, 1}, {NodeId{3}, 1}}};
  protocols::MonadTimeoutCert padded;  // n3 is corrupt; n0 alone joins it, and knows of no tip
  padded.round = protocols::Round{2};
  padded.groups = {{protocols::Round{0}, protocols::no_round, {{NodeId{3}, {}}}},
                   {protocols::Round{1}, protocols::no_round, {{NodeId{0}, {}}, {NodeId{3}, {}}}}};
  for (auto& g : padded.groups) {
    for (auto& s : g.signers) {
      s.signature = signatures->sign(s.voter.value, protocols::timeout_digest(padded.epoch, padded.round,
                                                                              g.high_qc_round, g.high_tip_round));
    }
  }
  CHECK(protocols::check_timeout_signatures(padded, *signatures) == protocols::Reject::none);
  CHECK(broken::CountsSignersTwice::check_timeout_groups(padded, committee, committee.quorum()) ==
        protocols::Reject::none);
  CHECK(MonadRules::check_timeout_groups(padded, committee, committee.quorum()) == protocols::Reject::malformed);
}
