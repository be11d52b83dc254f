// Broken ways of reading layer 1 in whole worlds: the checkers fire, and the sound policy comes through the same run.
#include <algorithm>
#include <memory>
#include <string>

#include "tests/negative/broken/forced.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/relay_worlds.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using namespace seqlab::tests::broken;
using protocols::ForcedOptions;
using scenarios::RunResult;
using scenarios::Verdict;

namespace {

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

namespace {

/// Items count on the money in account 0, whose owner is a proposer as well.
Scenario pool_world(protocols::QueueOptions::Place place) {
  Scenario s = world("due_queue");
  s.design.forced.due_queue.queue.at_deadline = false;
  s.design.forced.due_queue.queue.place = place;
  s.environment.workload.forced.counts_on = 0;
  s.environment.workload.forced.burst = 1;
  corrupt(s, "drain_before_forced", {NodeId{1}});
  s.environment.adversaries.back().power.accounts = {0, 1};
  return s;
}

std::size_t done_as(const Kept& kept, protocols::ForcedStatus status) {
  std::size_t count = 0;
  for (const Record& r : kept.of(RecordKind::forced_done)) count += r.detail == static_cast<std::uint8_t>(status);
  return count;
}

}  // namespace

TEST_CASE("Z66: included in time and made to fail by what the proposer put before", "[negative][forced]") {
  using Place = protocols::QueueOptions::Place;
  const auto sound_but_for_effect = [](const RunResult& result, const Kept& kept) {
    INFO(text_of(result));
    CHECK(fires(result, "forced_effect"));
    CHECK_FALSE(fires(result, "forced_inclusion"));  // inclusion is beyond reproach
    CHECK(done_as(kept, protocols::ForcedStatus::failed) > 0);
  };
  {
    Kept kept;
    const auto kinds = sim::mask_of(RecordKind::forced_done);
    const RunResult bottom = run_and_keep(pool_world(Place::bottom), kept, kinds, 1);
    sound_but_for_effect(bottom, kept);
  }
  {
    Kept kept;
    const RunResult trailing = run_broken<Trailing, &ForcedOptions::due_queue>(pool_world(Place::top), kept);
    sound_but_for_effect(trailing, kept);
  }
  Kept kept;
  const auto kinds = sim::mask_of(RecordKind::forced_done, RecordKind::forced_first, RecordKind::attack);
  const RunResult top = run_and_keep(pool_world(Place::top), kept, kinds, 1);
  INFO(text_of(top));
  CHECK(top.findings.empty());
  CHECK(done_as(kept, protocols::ForcedStatus::executed) > 20);
  CHECK(done_as(kept, protocols::ForcedStatus::failed) == 0);
  CHECK(kept.of(RecordKind::forced_first).size() == kept.of(RecordKind::forced_done).size());
  CHECK(kept.of(RecordKind::attack).size() > 10);  // it tried
}

TEST_CASE("items that come last are executed on the state that the block's transactions leave", "[negative][forced]") {
  using Place = protocols::QueueOptions::Place;
  Scenario s = pool_world(Place::bottom);
  s.environment.adversaries.clear();
  s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::poisson;
  s.environment.workload.clients = 4;
  s.environment.workload.rate_per_1000s = 5'000;
  s.environment.workload.forced.counts_on.reset();
  check_sound(s);
}

TEST_CASE("a proposer that is lied to about layer 1 convinces nobody who looks for himself", "[negative][forced]") {
  Scenario s = world("deposits");
  s.design.l1 = "arweave";
  s.design.forced.policy = "arweave_sync";
  s.design.forced.arweave_sync.depth = 3;
  s.design.forced.arweave_sync.age = 5s;
  scenarios::FaultSpec lie;
  lie.when = at(30s);
  lie.lasts = 120s;
  lie.what = scenarios::fault::L1{.kind = scenarios::fault::L1::Kind::lie, .nodes = {NodeId{2}}};
  s.environment.faults.push_back(lie);
  Kept kept;
  const RunResult broken = run_broken<Credulous, &ForcedOptions::arweave_sync>(s, kept);
  INFO(text_of(broken));
  CHECK((fires(broken, "external_data") || fires(broken, "forced_inclusion")));
  check_sound(s);
}

TEST_CASE("who leaves due items to the next operator is found", "[negative][forced]") {
  Scenario s = world("due_queue");
  s.design.engine = "rotating";
  auto& r = s.design.parameters.rotating;
  r.slot = 500ms;
  r.epoch_slots = LeavesToTheNext::turn;
  r.handover_slots = 2;
  r.buffer = 500ms;
  Kept kept;
  const RunResult broken = run_broken<LeavesToTheNext, &ForcedOptions::due_queue>(s, kept);
  INFO(text_of(broken));
  CHECK(fires(broken, "forced_inclusion"));
  check_sound(s);
}
