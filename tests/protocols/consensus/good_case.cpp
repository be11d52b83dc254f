// Runs in which nothing goes wrong: what is sent, when blocks are decided.
#include "protocols/consensus/tendermint/tendermint.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/engine_harness.hpp"

using namespace seqlab;
using namespace seqlab::test;

namespace {

EngineHarness::Make tendermint(const TendermintOptions& options = {}) {
  return [options](NodeId self) { return std::make_unique<EngineOf<Tendermint>>(Tendermint{self, options}); };
}

}  // namespace

TEST_CASE("a block costs exactly (n-1)(2n+1) messages and three delays", "[tendermint]") {
  for (const std::uint32_t n : {1U, 2U, 4U, 7U, 10U, 16U}) {
    EngineHarness net{equal_committee(n), n, tendermint()};
    net.start_all();
    constexpr std::uint64_t heights = 5;
    REQUIRE(net.run_to_height(heights, 60s));
    CHECK(net.agree());
    CHECK(net.sent.size() == heights * (n - 1) * (2 * n + 1));
    CHECK(net.count(MessageKind::proposal) == heights * (n - 1));
    const Duration period = (n == 1 ? 0ms : 300ms) + 1s;
    CHECK(net.now() == time_zero + period * heights - 1s);
    CHECK(net.conflicts.empty());
    CHECK(net.count(RecordKind::message_rejected) == 0);
  }
}
