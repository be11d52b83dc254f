// Small worlds whose blocks are written to layer 1: two rollup blocks a second, an L1 block a second, a minute.
#pragma once

#include <string>

#include "tests/support/worlds.hpp"

namespace seqlab::tests {

inline Scenario relay_world(const std::string& chain, const std::string& policy) {
  Scenario s = quiet_world(4, 10ms);
  s.environment.network.delta = 50ms;
  s.design.parameters.tendermint.timeout_commit = 500ms;
  s.design.parameters.tendermint.skip_timeout_commit = false;
  s.design.l1 = chain;
  protocols::RelayOptions& relay = s.design.relay;
  relay.policy = policy;
  relay.nodes = {NodeId{0}};
  if (policy != "single") relay.nodes = {NodeId{0}, NodeId{1}, NodeId{2}};
  if (policy == "registered") s.design.registry.writers = relay.nodes;  // and n0 has the turn
  relay.batch_time = 2s;
  relay.confirmations = 4;
  relay.lost_after = 10s;
  relay.bump_after = 5s;
  relay.channel_timeout = 40;
  relay.turn = 10s;
  relay.backup_after = 8s;
  relay.bundler.post_after = 1s;
  s.environment.l1.interval = 1s;
  s.environment.l1.view_p50 = 50ms;
  s.environment.l1.view_p95 = 100ms;
  s.stop.after = 60s;
  if (chain == "arweave") {  // where it takes half a minute until the miners have a transaction
    relay.lost_after = 50s;
    relay.turn = 60s;
    s.stop.after = 150s;
  }
  return s;
}

/// What it found, for a test that fails.
inline std::string text_of(const scenarios::RunResult& result) {
  std::string out;
  for (const scenarios::Finding& f : result.findings) {
    out += f.checker + " at " + std::to_string(ns(f.at - time_zero) / 1'000'000) + " ms: " + f.text + "\n";
  }
  return out;
}

/// So many rollup blocks may be on their way at the end of a good run.
inline std::uint64_t on_the_way(const std::string& chain) { return chain == "arweave" ? 110 : 36; }

/// All that relayers say and do, and what layer 1 says of it.
inline constexpr sim::KindMask relay_kinds =
    sim::mask_of(RecordKind::l1_sent, RecordKind::l1_paid, RecordKind::da_turn, RecordKind::da_prepared,
                 RecordKind::da_sent, RecordKind::da_posted, RecordKind::da_block, RecordKind::da_unposted,
                 RecordKind::da_confirmed, RecordKind::da_receipt, RecordKind::da_backlog, RecordKind::da_settled,
                 RecordKind::da_service, RecordKind::committed);

inline scenarios::FaultSpec crash_at(RecordKind record, NodeId node, std::uint32_t nth, Duration lasts,
                                     sim::DiskFault disk = sim::DiskFault::unsynced_lost) {
  scenarios::FaultSpec out;
  scenarios::Trigger::Point point;
  point.record = record;
  point.node = node;
  point.nth = nth;
  out.when.on = point;
  out.lasts = lasts;
  out.what = scenarios::fault::Crash{{node}, disk};
  return out;
}

}  // namespace seqlab::tests
