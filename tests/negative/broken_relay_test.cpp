// Relayers that decide one thing wrongly, each caught by the checker whose business it is. The same worlds with honest
// relayers are silent.
#include "tests/negative/broken/relay.hpp"

#include <utility>

#include "tests/support/catch.hpp"
#include "tests/support/relay_worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
namespace fault = scenarios::fault;

namespace {

std::vector<std::string> findings_of(const Scenario& s, const protocols::RelayRules* rules) {
  scenarios::RunOptions options;
  options.relay_rules = rules;
  std::vector<std::string> out;
  for (const scenarios::Finding& f : scenarios::run(s, {.seed = 1}, options).findings) {
    if (std::find(out.begin(), out.end(), f.checker) == out.end()) out.push_back(f.checker);
  }
  return out;
}

bool contains(const std::vector<std::string>& all, const std::string& name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

template <class Rules>
void caught(const Scenario& s, const std::string& checker) {
  const Rules broken;
  const auto found = findings_of(s, &broken);
  CAPTURE(checker, found);
  CHECK(contains(found, checker));
  CHECK(findings_of(s, nullptr) == std::vector<std::string>{});
}

}  // namespace

TEST_CASE("a batch that was not recorded before a crash is sent twice", "[negative][relay]") {
  Scenario s = relay_world("ethereum", "single");
  s.design.relay.batch_time = 500ms;  // shorter than the way to layer 1
  s.environment.faults = {crash_at(RecordKind::da_sent, NodeId{0}, 3, 100ms)};
  caught<broken::RecordedTooLate>(s, "da_once");
}

TEST_CASE("a relayer that starts at the tip leaves a gap", "[negative][relay]") {
  Scenario s = relay_world("ethereum", "single");
  s.environment.faults = {crash_at(RecordKind::da_confirmed, NodeId{0}, 2, 3s)};
  caught<broken::StartsAtTheTip>(s, "da_order");
}

TEST_CASE("a gap that nobody closes is found by the time that passes, too", "[negative][relay]") {
  Scenario s = relay_world("ethereum", "single");
  s.environment.faults = {crash_at(RecordKind::da_confirmed, NodeId{0}, 2, 3s)};
  s.stop.after = 300s;
  s.expect.checkers = {"da_complete"};
  caught<broken::StartsAtTheTip>(s, "da_complete");
}

TEST_CASE("a receipt for what was lost is no batch on layer 1", "[negative][relay]") {
  Scenario s = relay_world("arweave", "single");
  scenarios::FaultSpec lose;
  lose.when.at = 10s;
  lose.lasts = 10s;
  lose.what = fault::Relay{.kind = fault::Relay::Kind::lose};
  s.environment.faults = {lose};
  caught<broken::TrustsReceipts>(s, "da_confirmed");
}

TEST_CASE("blocks that are skipped are seen at once", "[negative][relay]") {
  caught<broken::SkipsBlocks>(relay_world("ethereum", "single"), "da_order");
}

TEST_CASE("later blocks before the older ones are seen at once", "[negative][relay]") {
  caught<broken::LaterFirst>(relay_world("ethereum", "single"), "da_order");
}

namespace {

/// A trouble from the 60th second on, longer than what `da_complete` grants to a relayer without troubles.
template <class Trouble>
scenarios::FaultSpec long_trouble(Trouble what) {
  scenarios::FaultSpec out;
  out.when.at = 60s;
  out.lasts = 800s;
  out.what = std::move(what);
  return out;
}

Scenario long_world(const std::string& chain, scenarios::FaultSpec trouble) {
  Scenario s = relay_world(chain, "single");
  s.design.relay.backlog_bytes = 1ULL << 40U;
  s.environment.faults = {std::move(trouble)};
  s.stop.after = 2000s;
  return s;
}

}  // namespace

TEST_CASE("what waited for a better price is written when it comes, or it is seen", "[negative][relay]") {
  fault::L1 dear{.kind = fault::L1::Kind::demand};
  dear.percent = 1'000'000;
  Scenario s = long_world("ethereum", long_trouble(dear));
  s.design.relay.price_max = 3'000'000;
  caught<broken::ForgetsTheBacklog>(s, "da_order");
}

TEST_CASE("the bound on data does not run while something is in the way, and runs again afterwards",
          "[negative][relay]") {
  fault::L1 dear{.kind = fault::L1::Kind::demand};
  dear.percent = 100'000;
  fault::L1 censor{.kind = fault::L1::Kind::censor};
  fault::Relay lose{.kind = fault::Relay::Kind::lose};
  lose.percent = 100;
  fault::Relay late{.kind = fault::Relay::Kind::delay};
  late.by = 600s;
  const fault::Relay outage{.kind = fault::Relay::Kind::outage};
  const fault::Partition alone{{{NodeId{0}}, {NodeId{1}, NodeId{2}, NodeId{3}}}, false};
  const std::pair<const char*, Scenario> worlds[] = {
      {"dear", long_world("ethereum", long_trouble(dear))},
      {"censored", long_world("ethereum", long_trouble(censor))},
      {"lost", long_world("arweave", long_trouble(lose))},
      {"late", long_world("arweave", long_trouble(late))},
      {"bundler down", long_world("arweave", long_trouble(outage))},
      {"cut off", long_world("ethereum", long_trouble(alone))},
  };
  for (const auto& [name, world] : worlds) {
    CAPTURE(name);
    Scenario s = world;
    s.expect.checkers = {"da_complete"};
    const auto result = scenarios::run(s, {.seed = 1});
    INFO(text_of(result));
    CHECK(result.findings.empty());
    // A gap that was there before is seen once the trouble is over.
    const broken::SkipsBlocks skips;
    CHECK(contains(findings_of(s, &skips), "da_complete"));
  }
}

TEST_CASE("a block that was not final is seen when it is sent, and when it can be read", "[negative][relay]") {
  const broken::WritesUnfinished early;
  const Scenario s = relay_world("ethereum", "single");
  CHECK(contains(findings_of(s, &early), "da_final"));
}

TEST_CASE("who goes on when its turn is over is seen", "[negative][relay]") {
  caught<broken::KeepsItsTurn>(relay_world("ethereum", "rotating"), "da_turns");
}

TEST_CASE("a node that takes transactions whatever is unwritten is seen", "[negative][relay]") {
  Scenario s = relay_world("ethereum", "single");
  s.design.relay.backlog_bytes = 3'000;
  scenarios::FaultSpec idle;
  idle.when.at = 1s;
  idle.lasts = 40s;
  idle.what = fault::Relay{.kind = fault::Relay::Kind::idle, .nodes = {NodeId{0}}};
  s.environment.faults = {idle};
  caught<broken::NoBackPressure>(s, "da_pressure");
}
