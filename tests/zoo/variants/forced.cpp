#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "tests/negative/broken/forced.hpp"
#include "sim/base/assert.hpp"
#include "tests/zoo/entries.hpp"

namespace seqlab::zoo {

namespace {

namespace broken = seqlab::tests::broken;
using protocols::ForcedOptions;
using protocols::ForcedPath;
using scenarios::Scenario;

/// A rollup block every second, an L1 block every two, two minutes; three users who write to layer 1.
void small(Scenario& s) {
  s.design.l1 = "ethereum";
  s.design.parameters.tendermint.timeout_commit = 1s;
  s.design.parameters.tendermint.skip_timeout_commit = false;
  s.environment.l1.interval = 2s;
  s.environment.l1.view_p50 = 200ms;
  s.environment.l1.view_p95 = 500ms;
  s.environment.l1.fork = sim::Ratio{0, 1};
  s.design.forced.policy = "due_queue";
  s.design.forced.due_queue.due_blocks = 8;
  s.design.forced.due_queue.queue.lag = 3;
  s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::none;
  s.environment.workload.accounts = 8;
  s.environment.workload.forced.users = 3;
  s.environment.workload.forced.rate_per_1000s = 300;
  s.stop.height = 0;
  s.stop.after = 120s;
}
void deadlines(Scenario& s) {
  small(s);
  s.design.forced.due_queue.queue.at_deadline = true;
  s.environment.workload.forced.burst = 4;
}
/// A proposer that owns what the items count on. It is there in the sound twin as well.
void pool(Scenario& s) {
  small(s);
  s.environment.workload.forced.counts_on = 0;
  scenarios::AdversarySpec drains;
  drains.script = "drain_before_forced";
  drains.file = SEQLAB_SOURCE_DIR "/scenarios/adversaries/drain_before_forced.lua";
  std::ifstream in{drains.file};
  drains.source.assign(std::istreambuf_iterator<char>{in}, {});
  SEQLAB_ASSERT(!drains.source.empty(), drains.file);
  drains.nodes = {NodeId{1}};
  drains.power.accounts = {0, 1};
  s.environment.adversaries.push_back(std::move(drains));
}

template <class Policy>
std::unique_ptr<ForcedPath> due_queue(const ForcedOptions& options) {
  return std::make_unique<Policy>(options.due_queue);
}

constexpr std::array list{
    Entry{"Z63", "the head of the queue is due so long after the one before it was done", "tendermint", Kind::safety,
          nullptr, deadlines, nullptr, due_queue<broken::Throttled>},
    Entry{"Z66", "forced items come after whatever the proposer puts into the block", "tendermint", Kind::safety,
          nullptr, pool, nullptr, due_queue<broken::Trailing>},
};

}  // namespace

std::span<const Entry> forced_entries() { return list; }

}  // namespace seqlab::zoo
