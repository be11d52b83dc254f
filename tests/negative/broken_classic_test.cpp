// Broken variants of Streamlet, PBFT and the rotating sequencer: the checkers that answer for what is broken fire, and
// the sound engine comes through the same bad luck without a finding.
#include "tests/negative/broken/classic.hpp"

#include "tests/negative/broken/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using scenarios::Verdict;
using sim::VoteType;

namespace {

template <class Rules>
RunResult run_streamlet(const Scenario& scenario) {
  RunOptions options;
  options.make_engine = broken::make_streamlet<Rules>;
  return scenarios::run(scenario, {.seed = 1}, options);
}
/// All nodes follow `Rules`, but n1 follows `Second`.
template <class Rules, class Second = Rules>
RunResult run_pbft(const Scenario& scenario) {
  RunOptions options;
  options.make_engine = [](NodeId self, const protocols::Committee& genesis, const protocols::EngineParameters& p) {
    return self == NodeId{1} ? broken::make_pbft<Second>(self, genesis, p) : broken::make_pbft<Rules>(self, genesis, p);
  };
  return scenarios::run(scenario, {.seed = 1}, options);
}
template <class Rules>
RunResult run_rotating(const Scenario& scenario) {
  RunOptions options;
  options.make_engine = broken::make_rotating<Rules>;
  return scenarios::run(scenario, {.seed = 1}, options);
}

void check_sound(const RunResult& twin) {
  INFO(story(twin));
  CHECK(twin.findings.empty());
  CHECK(twin.verdict == Verdict::held);
}

/// Epochs of 400 ms; the leaders are n0, n1, n2, n3, n0, ... from epoch 1 on, which begins at 0.
Scenario streamlet_world() {
  Scenario s = small_world(4);
  s.design.engine = "streamlet";
  s.design.parameters.streamlet.delta = 200ms;
  s.design.parameters.streamlet.echo = false;
  return s;
}

Scenario pbft_world() {
  Scenario s = small_world(4);
  s.design.engine = "pbft";
  auto& p = s.design.parameters.pbft;
  p.block_interval = 100ms;
  p.view_timeout = 300ms;
  p.retransmit = 60s;
  return s;
}

//   n0 proposes A at 0 ms, all prepare it, and all commit it at 40 ms. n0 alone gets the commits; nobody hears from it.
Scenario one_commits_alone() {
  Scenario s = pbft_world();
  s.environment.faults = {
      cut(at(50ms), nodes({0}), nodes({1, 2, 3})),
      cut(at(50ms), nodes({1}), nodes({2, 3}), 50ms),
      cut(at(50ms), nodes({2}), nodes({1, 3}), 50ms),
      cut(at(50ms), nodes({3}), nodes({1, 2}), 50ms),
  };
  return s;
}

/// Slots of 200 ms, epochs of four; n0 orders in slots 0 to 2, n1 from slot 4 at the latest.
Scenario rotating_world() {
  Scenario s = small_world(4);
  s.design.engine = "rotating";
  auto& r = s.design.parameters.rotating;
  r.slot = 200ms;
  r.epoch_slots = 4;
  r.handover_slots = 1;
  r.buffer = 100ms;
  r.inactive_slots = 0;
  return s;
}

}  // namespace

TEST_CASE("Streamlet: the third of three blocks is not final yet", "[negative][agreement][streamlet]") {
  //  b1 (epoch 1) <- b2 (epoch 2): n3 alone sees it notarised, and is not heard from then on
  //       ^- b3 (epoch 3) <- b5 <- b6 <- b7
  Scenario s = streamlet_world();
  s.environment.faults = {
      cut(at(430ms), nodes({0}), nodes({1, 2}), 200ms),
      cut(at(430ms), nodes({1}), nodes({0, 2}), 200ms),
      cut(at(430ms), nodes({2}), nodes({0, 1}), 200ms),
      cut(at(415ms), nodes({3}), nodes({0, 1, 2})),
  };
  const RunResult broken = run_streamlet<broken::FinalisesTheThird>(s);
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  check_sound(run_streamlet<protocols::StreamletRules>(s));
}

TEST_CASE("Streamlet: a long chain that nobody notarised is worth nothing", "[negative][certified_commit][streamlet]") {
  Scenario s = streamlet_world();
  s.environment.faults = {split(at(0ms), nodes({0, 1}), nodes({2, 3}), 1900ms)};
  const RunResult broken = run_streamlet<broken::LongestReceived>(s);
  INFO(story(broken));
  CHECK(fires(broken, "certified_commit"));
  check_sound(run_streamlet<protocols::StreamletRules>(s));
}

TEST_CASE("Z37: a Streamlet replica that forgets its epoch votes twice in it", "[negative][one_vote][streamlet]") {
  Scenario s = streamlet_world();
  corrupt_with(s, R"(
return {
  api = 1,
  kinds = { on_send = { "proposal" } },
  on_send = function(ctx, msg)
    ctx:send(ctx.peers, ctx:forge(msg, { payload = "another" }), { delay = 200000000 })
    return ctx.pass
  end,
}
)",
               nodes({0}));
  s.environment.faults = {crash(on_record(sim::RecordKind::voted, 2, 1), nodes({2}), 50ms)};
  const RunResult broken = run_streamlet<broken::VotedEpochNotDurable>(s);
  INFO(story(broken));
  CHECK(fires(broken, "one_vote"));
  check_sound(run_streamlet<protocols::StreamletRules>(s));
}

TEST_CASE("PBFT: a view change without prepared certificates forgets what was decided", "[negative][agreement][pbft]") {
  const RunResult broken = run_pbft<broken::PreparedDropped>(one_commits_alone());
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  check_sound(run_pbft<protocols::PbftRules>(one_commits_alone()));
}

TEST_CASE("PBFT: a new view that nobody recomputes may begin with anything", "[negative][agreement][pbft]") {
  const RunResult broken = run_pbft<broken::NewViewBelieved, broken::NewViewForgets>(one_commits_alone());
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  // The same primary among replicas that recompute is passed over.
  check_sound(run_pbft<protocols::PbftRules, broken::NewViewForgetsAlone>(one_commits_alone()));
}

TEST_CASE("PBFT: of two prepared certificates the later view counts", "[negative][pbft][rules]") {
  using protocols::Height;
  using protocols::PreparedClaim;
  using protocols::Round;
  const Hash128 a{1, 1};
  const Hash128 b{2, 2};
  const std::vector<PreparedClaim> claims = {{Height{5}, Round{0}, VoteType::prevote, a},
                                             {Height{5}, Round{1}, VoteType::prevote, b}};
  CHECK(protocols::PbftRules::choose(claims).block == b);
  CHECK(broken::OldestViewWins::choose(claims).block == a);
}

TEST_CASE("rotating: an operator that does not ask for the tail drops it", "[negative][agreement][rotating]") {
  //  n0 orders X at height 3 in slot 2; n2 and n3 acknowledge it, n0 alone hears of that and is not heard any more.
  //  n1, whose turn is next, has never seen X.
  Scenario s = rotating_world();
  s.environment.faults = {
      cut(at(390ms), nodes({0}), nodes({1})),
      cut(at(430ms), nodes({0}), nodes({2, 3})),
      cut(at(390ms), nodes({2}), nodes({1, 3}), 420ms),
      cut(at(390ms), nodes({3}), nodes({1, 2}), 420ms),
  };
  const RunResult broken = run_rotating<broken::TailNotSynced>(s);
  INFO(story(broken));
  CHECK(fires(broken, "agreement"));
  check_sound(run_rotating<protocols::RotatingRules>(s));
}

TEST_CASE("rotating: two signers in one term look like one that lies", "[negative][evidence][rotating]") {
  Scenario s = rotating_world();
  s.design.parameters.rotating.epoch_slots = 40;
  s.design.parameters.rotating.inactive_slots = 2;
  s.environment.faults = {cut(at(150ms), nodes({0}), nodes({1, 2}), 1500ms)};
  const RunResult broken = run_rotating<broken::TwoSigners>(s);
  INFO(story(broken));
  CHECK(fires(broken, "evidence"));
  check_sound(run_rotating<protocols::RotatingRules>(s));
}
