// Engines that stop making progress, in whole worlds: safety phase, healing, verdict.
#include "tests/negative/broken/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using protocols::PaperRules;
using scenarios::Liveness;
using scenarios::Verdict;

namespace {

Scenario healing_world(std::uint32_t count) {
  Scenario s = small_world(count);
  s.stop.after = 3s;
  s.stop.healing = 120s;
  s.design.parameters.tendermint.gossip_stall = 2s;
  return s;
}

}  // namespace

TEST_CASE("Z09: timeouts below the delay that do not grow are a lasso", "[negative][liveness]") {
  Scenario s = healing_world(4);
  s.environment.network.latency.mean = 400ms;  // above timeout_propose
  s.environment.network.delta = 500ms;
  const RunResult broken = run_with<broken::ConstantTimeouts>(s);
  INFO(story(broken));
  CHECK(broken.liveness == Liveness::lasso);
  CHECK(fired(broken) == std::set<std::string>{"liveness"});
  CHECK(broken.verdict == Verdict::violated);

  const RunResult twin = run_with<PaperRules>(s);
  INFO(story(twin));
  CHECK(twin.liveness == Liveness::progress);
  CHECK(twin.verdict == Verdict::held);
}

TEST_CASE("Z08: rounds that advance by own timers alone are a lasso once one node is down", "[negative][liveness]") {
  // n2 begins a second later than the others, two rounds: none of its votes is of the round that they are in, nor the
  // other way round. With n3 up as well three go together without it.
  Scenario all_up = healing_world(4);
  scenarios::FaultSpec late{.when = at(1us), .lasts = 1s, .what = scenarios::fault::Pause{nodes({2})}};
  all_up.environment.faults = {late};
  Scenario one_down = all_up;
  corrupt(one_down, "silent", nodes({3}));
  const auto free_running = broken::free_running(500ms);
  const std::set<NodeId> all{NodeId{0}, NodeId{1}, NodeId{2}, NodeId{3}};

  const RunResult broken = run_rewritten<broken::NoRoundSkip>(one_down, all, free_running);
  INFO(story(broken));
  CHECK(broken.liveness == Liveness::lasso);
  CHECK(fired(broken) == std::set<std::string>{"liveness"});
  CHECK(broken.verdict == Verdict::violated);
  CHECK(broken.metrics.commits_max == 0);

  const RunResult healthy = run_rewritten<broken::NoRoundSkip>(all_up, all, free_running);
  INFO(story(healthy));
  CHECK(healthy.liveness == Liveness::progress);

  for (const Scenario& s : {one_down, all_up}) {
    const RunResult twin = run_with<PaperRules>(s);
    INFO(story(twin));
    CHECK(twin.liveness == Liveness::progress);
    CHECK(twin.verdict == Verdict::held);
  }
}

TEST_CASE("a node that was away for longer than blocks are kept is suspected", "[negative][liveness]") {
  Scenario forgetful = healing_world(4);
  forgetful.environment.faults = {crash(at(200ms), nodes({3}), 2s)};
  forgetful.design.keep_blocks = 3;
  const RunResult stranded = run_with<PaperRules>(forgetful);
  INFO(story(stranded));
  CHECK(stranded.liveness == Liveness::suspected);
  REQUIRE_FALSE(stranded.findings.empty());
  CHECK(stranded.findings.front().nodes == nodes({3}));

  Scenario sound = forgetful;
  sound.design.keep_blocks = 30;
  const RunResult twin = run_with<PaperRules>(sound);
  INFO(story(twin));
  CHECK(twin.liveness == Liveness::progress);
  sound.design.keep_blocks = 0;
  CHECK(run_with<PaperRules>(sound).digest == twin.digest);  // what nobody asks for is not missed
}

TEST_CASE("nodes that fall silent for good are suspected", "[negative][liveness]") {
  const Scenario s = healing_world(4);
  const RunResult broken =
      run_rewritten(s, {NodeId{0}, NodeId{1}, NodeId{2}, NodeId{3}}, broken::mute_from(protocols::Height{6}));
  INFO(story(broken));
  CHECK(broken.liveness == Liveness::suspected);
  CHECK(broken.verdict == Verdict::violated);
  CHECK(run_with<PaperRules>(s).liveness == Liveness::progress);
}

TEST_CASE("one node that cannot follow is suspected although the rest goes on", "[negative][liveness]") {
  // n3 has lost the beginning and is broken: it takes no block from others
  Scenario s = healing_world(4);
  s.environment.faults = {split(at(100ms), nodes({0, 1, 2}), nodes({3}))};
  const auto deaf = [](protocols::Effect&& effect, const protocols::EngineView&, protocols::Outbox& out) {
    using namespace protocols;
    const MessagePtr* message = nullptr;
    if (const auto* send = std::get_if<effect::Send>(&effect)) message = &send->message;
    if (const auto* broadcast = std::get_if<effect::Broadcast>(&effect)) message = &broadcast->message;
    if (message != nullptr) {
      const MessageKind kind = static_cast<const ConsensusMessage&>(**message).message_kind();
      if (kind == MessageKind::block_request || kind == MessageKind::status) return;
    }
    out.add(std::move(effect));
  };
  const RunResult broken = run_rewritten(s, {NodeId{3}}, deaf);
  INFO(story(broken));
  CHECK(broken.liveness == Liveness::suspected);
  REQUIRE_FALSE(broken.findings.empty());
  CHECK(broken.findings.front().nodes == nodes({3}));

  const RunResult twin = run_with<PaperRules>(s);
  INFO(story(twin));
  CHECK(twin.liveness == Liveness::progress);
}

TEST_CASE("a minority is excused, and the healed majority is not", "[negative][liveness]") {
  Scenario half = healing_world(4);
  corrupt(half, "silent", nodes({2, 3}));
  const RunResult excused = run_with<PaperRules>(half);
  INFO(story(excused));
  CHECK(excused.liveness == Liveness::excused);
  CHECK(excused.verdict == Verdict::undecided);  // and nothing was ever committed

  Scenario one = healing_world(4);
  corrupt(one, "silent", nodes({3}));
  const RunResult progress = run_with<PaperRules>(one);
  INFO(story(progress));
  CHECK(progress.liveness == Liveness::progress);
  CHECK(progress.verdict == Verdict::held);
}
