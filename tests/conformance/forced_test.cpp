// Every engine with every way of reading layer 1: nodes whose views differ go on, agree about what they take over, and
// whoever lags is not left behind for ever.
#include "protocols/forced/forced_paths.hpp"
#include "tests/conformance/engines.hpp"

using namespace seqlab;
using namespace seqlab::tests;

namespace {

/// Blocks of L1 about every two seconds, which nodes see a fifth of a second later or so, and users who write there.
Scenario world_with_l1(const EngineEntry& engine, std::string_view policy) {
  Scenario s = world_of(engine, 4);
  if (engine.hurry != nullptr) engine.hurry(s.design.parameters, network_delta);
  s.design.l1 = policy == "citrea_queue" ? "bitcoin" : policy == "arweave_sync" ? "arweave" : "ethereum";
  s.environment.l1.interval = 2s;
  s.environment.l1.view_p50 = 200ms;
  s.environment.l1.view_p95 = 500ms;
  s.environment.l1.fork = sim::Ratio{0, 1};
  s.design.forced.policy = policy;
  s.design.forced.arweave_sync = {.depth = 3, .age = 0s};
  s.design.forced.deposits.confirmations = 3;
  s.design.forced.delayed_inbox.delay_blocks = 12;
  s.design.forced.delayed_inbox.delay = 20s;
  s.design.forced.delayed_inbox.queue.lag = 3;
  s.design.forced.due_queue.due_blocks = 12;
  s.design.forced.due_queue.queue.lag = 3;
  s.design.forced.citrea_queue.depth = 4;
  s.environment.workload.accounts = 8;
  s.environment.workload.forced.users = 2;
  s.environment.workload.forced.rate_per_1000s = 200;
  s.stop.after = 240s;
  return s;
}

scenarios::FaultSpec lagging(NodeId node, Duration by, Duration from, Duration lasts) {
  scenarios::FaultSpec fault;
  fault.when = at(from);
  fault.lasts = lasts;
  fault.what = scenarios::fault::L1{
      .kind = scenarios::fault::L1::Kind::lag, .nodes = {node}, .depth = 1, .by = by, .percent = 100};
  return fault;
}

struct Seen {
  std::uint64_t executed = 0;
  std::uint64_t ref_last = 0;
  std::vector<std::uint64_t> heights;
};
Seen seen(const Kept& kept) {
  Seen out;
  out.heights.resize(4);
  for (const Record& r : kept.records) {
    if (r.kind == RecordKind::l1_ref) out.ref_last = std::max<std::uint64_t>(out.ref_last, r.round);
    if (r.kind == RecordKind::l1_ref) out.heights[r.node.value] = std::max(out.heights[r.node.value], r.height);
    if (r.kind == RecordKind::forced_done && r.node == NodeId{0} && r.detail == 0) ++out.executed;
  }
  return out;
}

}  // namespace

TEST_CASE("nodes whose views of layer 1 differ go on together", "[conformance][forced]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    for (const protocols::ForcedPathEntry& policy : protocols::forced_paths()) {
      CAPTURE(policy.name);
      // Refused as a design: whoever has seen more than the one sequencer stops at its blocks.
      Scenario s = world_with_l1(engine, policy.name);
      add_traffic(s);
      s.environment.faults.push_back(lagging(NodeId{2}, 5s, 30s, 60s));
      s.environment.faults.push_back(lagging(NodeId{3}, 9s, 60s, 60s));
      Kept kept;
      const RunResult result = run_and_keep(
          s, kept, sim::mask_of(RecordKind::l1_ref, RecordKind::forced_done, RecordKind::l1_mined), 3);
      INFO(story_of(result));
      const Seen told = seen(kept);
      CAPTURE(told.executed, told.heights, told.ref_last);
      CHECK(result.findings.empty());
      CHECK(told.executed >= 10);
      const std::uint64_t tip = kept.of(RecordKind::l1_mined).back().height;
      CHECK(told.ref_last + 12 >= tip);  // the rollup keeps up with L1
      // Nobody is left behind: what all have at the end is nearly what the first one has.
      const auto [least, most] = std::ranges::minmax(told.heights);
      CHECK(least + std::max<std::uint64_t>(5, most / 10) >= most);
    }
  }
}

TEST_CASE("items at the bottom of a block have their effect, and everybody agrees about it", "[conformance][forced]") {
  SEQLAB_FOR_EACH_ENGINE(engine) {
    Scenario s = world_with_l1(engine, "due_queue");
    s.design.forced.due_queue.queue.place = protocols::QueueOptions::Place::bottom;
    add_traffic(s);
    s.environment.faults.push_back(lagging(NodeId{2}, 5s, 30s, 60s));
    Kept kept;
    const auto kinds = sim::mask_of(RecordKind::l1_ref, RecordKind::forced_done, RecordKind::forced_first);
    const RunResult result = run_and_keep(s, kept, kinds, 3);
    INFO(story_of(result));
    CHECK(result.findings.empty());
    CHECK(seen(kept).executed >= 10);
    // Where order can matter every node says what it would have been first.
    CHECK(kept.of(RecordKind::forced_first).size() == kept.of(RecordKind::forced_done).size());
  }
}
