// Crashes at the moment a message leaves: what was said counts as said.
#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;

TEST_CASE("a machine that is switched off while its message leaves has said it", "[conformance][crash]") {
  for (std::uint32_t nth = 1; nth <= 40; ++nth) {
    CAPTURE(nth);
    Scenario s = quiet_world(4, 20ms);
    s.design.parameters.tendermint.timeout_commit = 100ms;
    scenarios::Trigger when;
    when.on = scenarios::Trigger::Point{};
    when.on->record = RecordKind::message_sent;
    when.on->node = NodeId{1};
    when.on->nth = nth;
    s.environment.faults.push_back(
        {.when = when, .lasts = 500ms, .what = scenarios::fault::Crash{.nodes = {NodeId{1}}}});
    s.stop.after = 10s;
    s.stop.healing = 30s;
    const auto result = scenarios::run(s, {.seed = 1});
    CHECK(result.findings.empty());
    CHECK(result.verdict == scenarios::Verdict::held);
    CHECK(result.metrics.commits_min > 10);
  }
}
