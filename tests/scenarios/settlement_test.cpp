// Committers and provers in small worlds: they keep up with the chain, and pay for each thing once.
#include <map>

#include "protocols/derivation/settlement.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/relay_worlds.hpp"

namespace seqlab::tests {
namespace {

using protocols::CommitmentStage;
using protocols::L1TxKind;
using protocols::SettlementOptions;
namespace fault = scenarios::fault;

constexpr sim::KindMask settlement_kinds =
    sim::mask_of(RecordKind::commitment, RecordKind::proof, RecordKind::l1_sent, RecordKind::l1_included,
                 RecordKind::l1_excluded, RecordKind::node_started);

/// Two rollup blocks a second, an L1 block every ten seconds: a commitment takes six times as long to count as the
/// next one takes to fall due.
Scenario settling_world(const std::string& chain) {
  Scenario s = relay_world(chain, "none");
  s.design.relay = {};
  s.environment.l1.interval = 10s;
  SettlementOptions& o = s.design.settlement;
  o.policy = SettlementOptions::Policy::proofs;
  o.committed_depth = 5;
  o.settled_depth = 5;
  o.commitment_blocks = 20;
  o.proof_delay = 15s;
  o.bump_after = 60s;
  o.backup_after = 200s;
  o.readers = {NodeId{2}};
  o.committers = {NodeId{0}};
  o.provers = {NodeId{1}};
  s.stop.after = 600s;
  return s;
}

/// How often each thing came into the chain, without what was taken back.
std::map<Hash128, int> places(const Kept& kept, L1TxKind kind) {
  std::map<Hash128, int> out;
  for (const Record& r : kept.records) {
    if (r.flags != static_cast<std::uint16_t>(kind)) continue;
    if (r.kind == RecordKind::l1_included) ++out[r.id()];
    if (r.kind == RecordKind::l1_excluded) --out[r.id()];
  }
  std::erase_if(out, [](const auto& entry) { return entry.second == 0; });
  return out;
}

std::uint32_t indexes(const Kept& kept, CommitmentStage stage, NodeId node) {
  std::uint32_t last = 0;
  for (const Record& r : kept.of(RecordKind::commitment)) {
    if (r.node == node && r.flags == static_cast<std::uint16_t>(stage)) last = std::max(last, r.round);
  }
  return last;
}

/// All that fell due is on its way, and each index has one place on layer 1.
void check_thrift(const Kept& kept, const scenarios::RunResult& result) {
  INFO(text_of(result));
  CHECK(result.findings.empty());
  const std::uint32_t sent = indexes(kept, CommitmentStage::sent, NodeId{0});
  CHECK(sent + 1 >= result.commits_safety / 20);
  CHECK(indexes(kept, CommitmentStage::accepted, NodeId{2}) + 20 >= sent);
  const auto commitments = places(kept, L1TxKind::commitment);
  CHECK(commitments.size() <= sent);
  CHECK(commitments.size() + 6 >= sent);  // the last are waiting for a block
  CHECK(!places(kept, L1TxKind::proof).empty());
}

}  // namespace

TEST_CASE("commitments do not wait for each other, and each is paid for once", "[scenarios][settlement]") {
  for (const char* chain : {"bitcoin", "ethereum", "arweave"}) {
    INFO(chain);
    Kept kept;
    const auto result = run_and_keep(settling_world(chain), kept, settlement_kinds);
    check_thrift(kept, result);
  }
}

TEST_CASE("a committer that comes back finds on layer 1 what it sent", "[scenarios][settlement]") {
  for (const char* chain : {"bitcoin", "ethereum", "arweave"}) {
    INFO(chain);
    Scenario s = settling_world(chain);
    s.environment.faults = {crash_at(RecordKind::l1_sent, NodeId{0}, 3, 1s),
                            crash_at(RecordKind::commitment, NodeId{0}, 9, 20s)};
    Kept kept;
    const auto result = run_and_keep(s, kept, settlement_kinds);
    CHECK(kept.of(RecordKind::node_started).size() == 4 + 2);
    check_thrift(kept, result);
  }
}

TEST_CASE("dear times are paid for by replacing, and a fork by sending again in the same place",
          "[scenarios][settlement]") {
  for (const char* chain : {"bitcoin", "ethereum"}) {
    INFO(chain);
    Scenario s = settling_world(chain);
    scenarios::FaultSpec dear;
    dear.when.at = 100s;
    dear.lasts = 150s;
    fault::L1 demand;
    demand.kind = fault::L1::Kind::demand;
    demand.percent = 2'000;
    dear.what = demand;
    scenarios::FaultSpec fork;
    fork.when.at = 400s;
    fault::L1 back;
    back.depth = 3;
    fork.what = back;
    s.environment.faults = {dear, fork};
    Kept kept;
    const auto result = run_and_keep(s, kept, settlement_kinds);
    check_thrift(kept, result);
  }
}

TEST_CASE("a backup proves when the first prover is gone, and not before", "[scenarios][settlement]") {
  Scenario s = settling_world("bitcoin");
  s.design.settlement.provers = {NodeId{1}, NodeId{3}};
  const auto by_backup = [](const Kept& kept) {
    return kept.first([](const Record& r) {
      return r.kind == RecordKind::l1_sent && r.node == NodeId{3} &&
             r.flags == static_cast<std::uint16_t>(L1TxKind::proof);
    });
  };
  Kept calm;
  CHECK(run_and_keep(s, calm, settlement_kinds).findings.empty());
  CHECK(by_backup(calm) == nullptr);

  scenarios::FaultSpec gone;
  gone.when.at = 100s;
  gone.what = fault::Crash{{NodeId{1}}, sim::DiskFault::unsynced_lost};
  s.environment.faults = {gone};
  Kept alone;
  CHECK(run_and_keep(s, alone, settlement_kinds).findings.empty());
  CHECK(by_backup(alone) != nullptr);
}

}  // namespace seqlab::tests
