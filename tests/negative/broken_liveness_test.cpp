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
