// Relayers that decide one thing wrongly, each caught by the checker whose business it is. The same worlds with honest
// relayers are silent.
#include "tests/negative/broken/relay.hpp"

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
