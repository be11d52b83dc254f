// Broken ways of reading layer 1 in whole worlds: the checkers fire, and the sound policy comes through the same run.
#include <algorithm>
#include <memory>

#include "protocols/forced/citrea_queue.hpp"
#include "protocols/forced/deposits.hpp"
#include "protocols/forced/due_queue.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using protocols::External;
using protocols::ExternalReject;
using protocols::ExternalState;
using protocols::ForcedItem;
using protocols::ForcedOptions;
using protocols::L1Ref;
using protocols::L1View;
using scenarios::RunResult;
using scenarios::Verdict;

namespace {

/// Z63: the head is due so long after the item before it was done, not after its own time.
class Throttled final : public protocols::DueQueue {
 public:
  using DueQueue::DueQueue;

 protected:
  std::size_t due(const ExternalState& before, const std::vector<ForcedItem>& queue, const L1View&,
                  const L1Ref& ref) const override {
    if (queue.empty()) return 0;
    const std::uint64_t clock = std::max(queue.front().l1_height, before.buffer_block);
    return clock + due_.due_blocks <= ref.height ? 1 : 0;
  }
  void consumed(ExternalState& state, const ForcedItem&, const L1Ref& ref) const override {
    state.buffer_block = ref.height;
  }
};

/// Z67: what is due is judged by each validator's own tip, not by the L1 block that the proposal names.
class OwnTip final : public protocols::DueQueue {
 public:
  using DueQueue::DueQueue;
  ExternalReject check(const ExternalState& before, const L1View& own, const protocols::BlockFrame& frame,
                       const External& external) const override {
    const ExternalReject sound = DueQueue::check(before, own, frame, external);
    if (sound != ExternalReject::none) return sound;
    const L1Ref tip{own.height(), own.tip()->id, own.tip()->timestamp};
    const std::size_t mine = due(before, queue_at(before, own, own.height()), own, tip);
    return external.items.size() < mine ? ExternalReject::wrong_items : ExternalReject::none;
  }
};

/// Takes over an epoch without its deposits.
class NoDeposits final : public protocols::Deposits {
 public:
  using Deposits::Deposits;
  External build(const ExternalState& before, const L1View& own, const protocols::BlockFrame& frame) const override {
    External out = Deposits::build(before, own, frame);
    out.items.clear();
    out.pointer = before.pointer;
    return out;
  }
  ExternalReject check(const ExternalState&, const L1View&, const protocols::BlockFrame&,
                       const External&) const override {
    return ExternalReject::none;
  }
};

Scenario world(std::string_view policy) {
  Scenario s = quiet_world(4, 20ms);
  s.design.l1 = policy == "citrea_queue" ? "bitcoin" : "ethereum";
  s.environment.l1.interval = 2s;
  s.environment.l1.view_p50 = 200ms;
  s.environment.l1.view_p95 = 500ms;
  s.environment.l1.fork = sim::Ratio{0, 1};
  s.design.forced.policy = policy;
  s.design.forced.deposits.confirmations = 3;
  s.design.forced.due_queue.due_blocks = 8;
  s.design.forced.due_queue.queue.lag = 3;
  s.design.forced.due_queue.queue.at_deadline = true;
  s.design.forced.citrea_queue.depth = 3;
  s.environment.workload.accounts = 8;
  s.environment.workload.forced.users = 2;
  s.environment.workload.forced.rate_per_1000s = 400;
  s.environment.workload.forced.burst = 4;
  s.stop.after = 200s;
  return s;
}

template <class Policy, auto Options>
RunResult run_broken(const Scenario& s, Kept& kept) {
  scenarios::RunOptions options;
  options.observers.push_back({&kept, sim::mask_of(RecordKind::forced_done, RecordKind::committed)});
  options.make_forced = [](const ForcedOptions& o) { return std::make_unique<Policy>(o.*Options); };
  return scenarios::run(s, {.seed = 1}, options);
}

bool fires(const RunResult& r, std::string_view checker) {
  return std::ranges::any_of(r.findings, [&](const auto& f) { return f.checker == checker; });
}
void check_sound(const Scenario& s) {
  Kept kept;
  const RunResult result = run_and_keep(s, kept, sim::mask_of(RecordKind::forced_done), 1);
  INFO(result.reason);
  CHECK(result.findings.empty());
  CHECK(kept.of(RecordKind::forced_done).size() > 20);
}

}  // namespace

TEST_CASE("Z63: a queue throttled by the clock of the last item breaks the bound of each", "[negative][forced]") {
  Kept kept;
  const RunResult broken = run_broken<Throttled, &ForcedOptions::due_queue>(world("due_queue"), kept);
  INFO(broken.reason);
  CHECK(fires(broken, "forced_inclusion"));
  CHECK(broken.verdict == Verdict::violated);
  check_sound(world("due_queue"));
}

TEST_CASE("Z67: due by one's own tip, honest nodes refuse each other's blocks", "[negative][forced]") {
  Scenario s = world("due_queue");
  s.environment.l1.view_p50 = 1s;
  s.environment.l1.view_p95 = 4s;
  const auto commits = [&](bool sound) {
    Kept kept;
    const auto kinds = sim::mask_of(RecordKind::committed);
    if (sound) {
      run_and_keep(s, kept, kinds, 1);
    } else {
      run_broken<OwnTip, &ForcedOptions::due_queue>(s, kept);
    }
    return kept.of(RecordKind::committed).size();
  };
  const std::size_t sound = commits(true);
  CAPTURE(sound);
  CHECK(commits(false) < sound * 9 / 10);
}

TEST_CASE("an epoch without its deposits is found", "[negative][forced]") {
  Kept kept;
  const RunResult broken = run_broken<NoDeposits, &ForcedOptions::deposits>(world("deposits"), kept);
  CHECK(fires(broken, "forced_inclusion"));
  check_sound(world("deposits"));
}

TEST_CASE("an item that cannot be executed is lost with `drop` and executed with `retry`", "[negative][forced]") {
  using OnFailure = protocols::CitreaQueueOptions::OnFailure;
  Scenario s = world("citrea_queue");
  s.environment.workload.forced.ahead = 1;  // each burst comes before the item that it needs
  s.environment.workload.forced.burst = 1;
  s.design.forced.citrea_queue.on_failure = OnFailure::drop;
  const RunResult drop = scenarios::run(s, {.seed = 1});
  CHECK(fires(drop, "forced_inclusion"));
  s.design.forced.citrea_queue.on_failure = OnFailure::retry;
  check_sound(s);
}

TEST_CASE("L1 taken back deeper than a design waits is found, and not as deep is harmless", "[negative][forced]") {
  for (const std::uint32_t depth : {2U, 6U}) {
    CAPTURE(depth);
    Scenario s = world("deposits");
    scenarios::FaultSpec fault;
    fault.when = at(60s);
    fault.what = scenarios::fault::L1{
        .kind = scenarios::fault::L1::Kind::reorganise, .nodes = {}, .depth = depth, .by = {}};
    s.environment.faults.push_back(fault);
    const RunResult result = scenarios::run(s, {.seed = 1});
    INFO(result.reason);
    CHECK(fires(result, "external_data") == (depth == 6));
  }
}

TEST_CASE("proposers who leave items out are refused", "[negative][forced]") {
  for (const char* script : {"native:omit_forced", "native:old_l1_block"}) {
    CAPTURE(script);
    Scenario s = world("due_queue");
    scenarios::AdversarySpec spec;
    spec.script = script;
    spec.nodes = {NodeId{1}};
    s.environment.adversaries.push_back(spec);
    check_sound(s);
  }
}
