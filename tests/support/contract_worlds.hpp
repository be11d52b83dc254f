// Small worlds with contracts on layer 1: an L1 block a second, two rollup blocks a second.
#pragma once

#include <utility>

#include "tests/support/faults.hpp"
#include "tests/support/relay_worlds.hpp"

namespace seqlab::tests {

/// Three relayers of whom two are registered; n3 owns the registry and reads layer 1 back, as n2 does. n0 has the turn
/// until n1 gets it after twenty seconds.
inline Scenario registry_world() {
  Scenario s = relay_world("ethereum", "registered");
  s.environment.l1.miss = sim::Ratio{0, 1};
  s.environment.l1.fork = sim::Ratio{0, 1};
  protocols::RegistryOptions& r = s.design.registry;
  r.writers = nodes({0, 1});
  r.owner = NodeId{3};
  r.lag = 3;
  r.changes = {{20s, protocols::RegistryAction::rotate, NodeId{1}}};
  s.design.settlement.policy = protocols::SettlementOptions::Policy::batches;
  s.design.settlement.readers = nodes({2, 3});
  s.stop.after = 80s;
  return s;
}

/// Two users bring money to the rollup and back. A commitment every ten blocks, a proof of it some seconds later, and
/// five more L1 blocks until a release.
inline Scenario bridge_world() {
  Scenario s = relay_world("ethereum", "none");
  s.design.relay = {};
  s.environment.l1.miss = sim::Ratio{0, 1};
  s.environment.l1.fork = sim::Ratio{0, 1};
  s.design.forced.policy = "deposits";
  s.design.forced.deposits.confirmations = 4;
  protocols::SettlementOptions& o = s.design.settlement;
  o.policy = protocols::SettlementOptions::Policy::proofs;
  o.committed_depth = 2;
  o.settled_depth = 4;
  o.commitment_blocks = 10;
  o.proof_delay = 3s;
  o.bump_after = 60s;
  o.readers = nodes({2});
  o.committers = nodes({0});
  o.provers = nodes({1});
  s.design.bridge.escrow = true;
  s.design.bridge.delay = 5;
  scenarios::BridgeWorkload& w = s.environment.workload.bridge;
  w.users = 2;
  w.rate_per_1000s = 200;
  s.environment.workload.retry_after = 5s;
  s.stop.after = 200s;
  return s;
}

template <class Trouble>
scenarios::FaultSpec trouble_at(Duration when, Trouble what, Duration lasts = Duration{-1}) {
  scenarios::FaultSpec out;
  out.when.at = when;
  out.lasts = lasts;
  out.what = std::move(what);
  return out;
}

/// The last `depth` L1 blocks lose, and what they held of a kind is gone for good.
inline scenarios::FaultSpec fork_at(Duration when, std::uint32_t depth,
                                    std::optional<protocols::L1TxKind> lose = std::nullopt) {
  scenarios::fault::L1 fork{.kind = scenarios::fault::L1::Kind::reorganise};
  fork.depth = depth;
  fork.lose = lose;
  return trouble_at(when, fork);
}

/// The relayer writes from then on whether or not it is entitled.
inline scenarios::FaultSpec defies_at(Duration when, std::uint32_t node) {
  return trouble_at(when, scenarios::fault::Relay{.kind = scenarios::fault::Relay::Kind::defy, .nodes = nodes({node})});
}

}  // namespace seqlab::tests
