// Contracts and readers of them that decide one thing wrongly, each caught by the checker whose business it is. The
// same worlds with honest ones are silent.
#include <algorithm>
#include <string>

#include "tests/negative/broken/contracts.hpp"
#include "tests/negative/broken/relay.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/contract_worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
namespace fault = scenarios::fault;

namespace {

using scenarios::RunOptions;
using scenarios::RunResult;

bool tells(const RunResult& result, const std::string& checker, const std::string& words) {
  return std::ranges::any_of(result.findings, [&](const scenarios::Finding& f) {
    return f.checker == checker && f.text.find(words) != std::string::npos;
  });
}

void silent(const Scenario& s) {
  const RunResult result = scenarios::run(s, {.seed = 1});
  INFO(text_of(result));
  CHECK(result.findings.empty());
}

void caught(const Scenario& s, const RunOptions& options, const std::string& checker, const std::string& words) {
  const RunResult result = scenarios::run(s, {.seed = 1}, options);
  INFO(text_of(result));
  CAPTURE(checker, words);
  CHECK(tells(result, checker, words));
}

template <class Broken>
RunOptions with_contracts(const Scenario& s) {
  RunOptions options;
  options.make_contracts = [&s](protocols::AccountId bridge, protocols::Signatures& signatures) {
    return std::make_unique<Broken>(s.design.registry, s.design.bridge, bridge, signatures);
  };
  return options;
}

}  // namespace

TEST_CASE("readers that take batches of anybody are seen", "[negative][registry]") {
  Scenario s = registry_world();
  s.environment.faults = {defies_at(40s, 0)};
  const broken::TakesAnybodysBatch rules;
  RunOptions options;
  options.registry_rules = &rules;
  silent(s);
  caught(s, options, "registry", "took a batch of n0");
}

TEST_CASE("readers that refuse the one who has the turn are seen", "[negative][registry]") {
  Scenario s = registry_world();
  const broken::TurnIsStale rules;
  RunOptions options;
  options.registry_rules = &rules;
  silent(s);
  caught(s, options, "registry", "passed over a batch of n1");
}

TEST_CASE("a registry that anybody can change is seen", "[negative][registry]") {
  Scenario s = registry_world();
  s.environment.faults = {defies_at(40s, 0)};
  silent(s);
  caught(s, with_contracts<broken::NoOwner>(s), "registry", "by n0 about n0");
}

TEST_CASE("a relayer that writes when it has not the turn is seen", "[negative][registry]") {
  const Scenario s = registry_world();
  const broken::KeepsItsTurn rules;
  RunOptions options;
  options.relay_rules = &rules;
  caught(s, options, "registry", "n0 began a batch");
}

TEST_CASE("an escrow that pays without a proof is seen", "[negative][bridge]") {
  Scenario s = bridge_world();
  s.environment.workload.bridge.greedy = true;
  silent(s);
  caught(s, with_contracts<broken::PaysWithoutProof>(s), "bridge", "never burnt anything");
  caught(s, with_contracts<broken::PaysWithoutProof>(s), "bridge", "is not proven");
  caught(s, with_contracts<broken::PaysWithoutProof>(s), "bridge", "once more");
  caught(s, with_contracts<broken::PaysWithoutProof>(s), "bridge", "the escrow holds");
}

TEST_CASE("an escrow that pays before the delay is over is seen", "[negative][bridge]") {
  Scenario s = bridge_world();
  RunOptions options;
  options.make_contracts = [&s](protocols::AccountId bridge, protocols::Signatures& signatures) {
    protocols::BridgeOptions hasty = s.design.bridge;
    hasty.delay = 1;
    return std::make_unique<protocols::Contracts>(s.design.registry, hasty, bridge, signatures);
  };
  silent(s);
  caught(s, options, "bridge", "L1 blocks after the proof and not 5");
}

TEST_CASE("an escrow that pays twice is seen", "[negative][bridge]") {
  Scenario s = bridge_world();
  s.environment.workload.bridge.greedy = true;
  caught(s, with_contracts<broken::PaysTwice>(s), "bridge", "once more");
}

TEST_CASE("minting more than was locked is seen", "[negative][bridge]") {
  const Scenario s = bridge_world();
  caught(s, with_contracts<broken::MintsDouble>(s), "bridge", "which is not what layer 1 has locked");
  caught(s, with_contracts<broken::MintsDouble>(s), "bridge", "the escrow holds");
}

TEST_CASE("a deposit that layer 1 takes back after it was minted is seen; deep enough it stays", "[negative][bridge]") {
  Scenario s = bridge_world();
  s.environment.workload.bridge.withdraws = false;
  for (const std::uint32_t nth : {2U, 5U, 8U}) {
    scenarios::FaultSpec fork = fork_at({}, 4, protocols::L1TxKind::escrow);
    fork.when.at.reset();
    fork.when.on = scenarios::Trigger::Point{.record = RecordKind::bridge_minted, .node = NodeId{0}, .nth = nth};
    s.environment.faults.push_back(fork);
  }
  silent(s);
  s.design.forced.deposits.confirmations = 1;
  caught(s, {}, "bridge", "the escrow holds");
}
