// Contracts of layer 1 in small worlds: what relayers, readers and users make of them, and which ones can be written.
#include <map>
#include <set>

#include "protocols/derivation/settlement.hpp"
#include "protocols/l1/contracts.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/contract_worlds.hpp"

namespace seqlab::tests {
namespace {

namespace fault = scenarios::fault;
using protocols::EscrowReject;
using protocols::RegistryAction;
using protocols::RegistryReject;

constexpr sim::KindMask contract_kinds =
    sim::mask_of(RecordKind::registry_set, RecordKind::batch_read, RecordKind::escrow_locked,
                 RecordKind::escrow_released, RecordKind::escrow_refused, RecordKind::bridge_minted,
                 RecordKind::bridge_burnt, RecordKind::da_block, RecordKind::derived, RecordKind::l1_excluded);

constexpr auto refused(RegistryReject why) { return static_cast<std::uint16_t>(why); }

/// Whose batches count on layer 1, in order, each once in a row.
std::vector<NodeId> writers(const Kept& kept) {
  std::vector<NodeId> out;
  for (const Record& r : kept.of(RecordKind::da_block)) {
    if (out.empty() || out.back() != r.node) out.push_back(r.node);
  }
  return out;
}

std::uint64_t last_derived(const Kept& kept, NodeId reader) {
  std::uint64_t last = 0;
  for (const Record& r : kept.of(RecordKind::derived)) {
    if (r.node == reader) last = std::max(last, r.height);
  }
  return last;
}

std::size_t passed_over(const Kept& kept, NodeId writer) {
  std::size_t out = 0;
  for (const Record& r : kept.of(RecordKind::batch_read)) out += r.node == writer && r.flags != 0 ? 1 : 0;
  return out;
}

std::size_t count_of(const Kept& kept, RecordKind kind, std::uint16_t flags = 0) {
  std::size_t out = 0;
  for (const Record& r : kept.of(kind)) out += r.flags == flags ? 1 : 0;
  return out;
}

std::string refusal(const std::string& design, const std::string& environment = "") {
  const std::string text = "schema: seqlab/scenario/v1\nname: x\ndesign: {committee: {count: 4}, " + design +
                           "}\nenvironment: {" + environment + "}\nstop: {after: 1h}\n";
  try {
    const Scenario s = scenarios::parse_scenario(text, "x.yaml", {SEQLAB_SOURCE_DIR "/scenarios"});
    CHECK(scenarios::parse_scenario(to_yaml(s), "x.yaml", {SEQLAB_SOURCE_DIR "/scenarios"}) == s);
    return "";
  } catch (const scenarios::InputError& error) {
    std::string out;
    for (const scenarios::Problem& problem : error.problems()) out += format(problem) + "\n";
    return out;
  }
}

void says(const std::string& text, const char* what) {
  INFO(text);
  CHECK(text.find(what) != std::string::npos);
}

}  // namespace

// ---- registry -------------------------------------------------------------------------------------------------------

TEST_CASE("whoever has the turn writes, and the next one goes on where he stopped", "[scenarios][registry]") {
  Kept kept;
  const auto result = run_and_keep(registry_world(), kept, contract_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  CHECK(writers(kept) == nodes({0, 1}));
  CHECK(last_derived(kept, NodeId{2}) + on_the_way("ethereum") >= result.commits_safety);
  CHECK(last_derived(kept, NodeId{2}) > 0);
}

TEST_CASE("who goes on without the turn is not read, and cannot change the registry", "[scenarios][registry]") {
  Scenario s = registry_world();
  s.environment.faults = {defies_at(40s, 0), defies_at(45s, 2)};
  Kept kept;
  const auto result = run_and_keep(s, kept, contract_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  CHECK(writers(kept) == nodes({0, 1}));
  CHECK(passed_over(kept, NodeId{0}) > 0);
  CHECK(passed_over(kept, NodeId{2}) > 0);
  CHECK(count_of(kept, RecordKind::registry_set, refused(RegistryReject::not_owner)) == 2);
}

TEST_CASE("a reorganisation takes a rotation back, and it comes again", "[scenarios][registry]") {
  for (const bool lost : {false, true}) {
    CAPTURE(lost);
    Scenario s = registry_world();
    std::optional<protocols::L1TxKind> lose;
    if (lost) lose = protocols::L1TxKind::registry;
    s.environment.faults = {fork_at(24s, 4, lose), fork_at(30s, 3, lose)};
    Kept kept;
    const auto result = run_and_keep(s, kept, contract_kinds);
    INFO(text_of(result));
    CHECK(result.findings.empty());
    CHECK(count_of(kept, RecordKind::registry_set) >= 2);   // once a branch
    CHECK(writers(kept).back() == NodeId{1});
    CHECK(last_derived(kept, NodeId{3}) + on_the_way("ethereum") >= result.commits_safety);
  }
}

TEST_CASE("a new writer whose view lags writes nothing before it sees its turn", "[scenarios][registry]") {
  Scenario s = registry_world();
  fault::L1 hide{.kind = fault::L1::Kind::hide};
  hide.nodes = nodes({1});
  s.environment.faults = {trouble_at(18s, hide, 22s)};
  Kept kept;
  const auto result = run_and_keep(s, kept, contract_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  CHECK(writers(kept) == nodes({0, 1}));
  CHECK(last_derived(kept, NodeId{2}) + on_the_way("ethereum") >= result.commits_safety);
}

TEST_CASE("writers come and go, and nobody writes while nobody has the turn", "[scenarios][registry]") {
  Scenario s = registry_world();
  s.design.registry.changes = {{15s, RegistryAction::remove, NodeId{0}},
                               {30s, RegistryAction::add, NodeId{2}},
                               {30s, RegistryAction::rotate, NodeId{2}},
                               {45s, RegistryAction::add, NodeId{0}},
                               {50s, RegistryAction::rotate, NodeId{0}}};
  s.environment.faults = {crash_at(RecordKind::da_sent, NodeId{0}, 4, 20s)};
  Kept kept;
  const auto result = run_and_keep(s, kept, contract_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  CHECK(writers(kept) == nodes({0, 2, 0}));
  CHECK(count_of(kept, RecordKind::registry_set) == 5);
}

TEST_CASE("the registry is the same with inscriptions and with a bundler", "[scenarios][registry]") {
  for (const char* chain : {"bitcoin", "arweave"}) {
    CAPTURE(chain);
    Scenario s = relay_world(chain, "registered");
    s.design.registry = registry_world().design.registry;
    s.stop.after = 200s;
    s.environment.faults = {defies_at(100s, 0)};
    Kept kept;
    const auto result = run_and_keep(s, kept, contract_kinds);
    INFO(text_of(result));
    CHECK(result.findings.empty());
    CHECK(writers(kept).back() == NodeId{1});
  }
}

TEST_CASE("registries that cannot be are refused with a reason", "[scenarios][spec][registry]") {
  const std::string relay = "l1: ethereum, relay: {policy: registered, nodes: [n0, n1, n2]}, ";
  CHECK(refusal(relay + "registry: {writers: [n0, n1]}").empty());
  CHECK(refusal(relay + "registry: {writers: [n0], owner: n3, lag: 5, changes: [{at: 1m, do: add, node: n1}, "
                        "{at: 1m, do: rotate, node: n1}, {at: 2m, do: remove, node: n0}]}",
                "faults: [{at: 3m, relay: {do: defy, nodes: [n0]}}, {at: 4m, l1: {do: reorganise, lose: registry}}]")
            .empty());
  says(refusal(relay + "sort_keys: false"), "the registry says whose turn it is, and the design has none");
  says(refusal("l1: ethereum, relay: {policy: single, nodes: [n0]}, registry: {writers: [n0]}"),
       "relayers with the policy `single` do not go by it");
  says(refusal("registry: {writers: [n0]}"), "the design has no layer 1");
  says(refusal(relay + "registry: {writers: [n3]}"), "n3 is no relayer: it would write nothing");
  says(refusal(relay + "registry: {writers: [n0], owner: n7}"), "n7 does not exist");
  says(refusal(relay + "registry: {lag: 3}"), "it belongs to writers");
  says(refusal(relay + "registry: {writers: [n0], lag: 0}"), "lag");
  says(refusal(relay + "registry: {writers: [n0], changes: [{at: 1m, do: rotate, node: n1}]}"),
       "n1 is not registered: layer 1 would refuse the change");
  says(refusal(relay + "registry: {writers: [n0], changes: [{at: 1m, do: add, node: n0}]}"),
       "n0 is registered already");
  says(refusal(relay + "registry: {writers: [n0], changes: [{at: 2m, do: add, node: n1}, {at: 1m, do: remove, "
                       "node: n0}]}"),
       "is before the change before it");
  says(refusal(relay + "registry: {writers: [n0], changes: [{at: 2h, do: add, node: n1}]}"), "comes after the end");
  says(refusal("l1: ethereum, relay: {policy: single, nodes: [n0]}",
               "faults: [{at: 1m, relay: {do: defy, nodes: [n0]}}]"),
       "there is no registry to defy");
}

// ---- bridge ---------------------------------------------------------------------------------------------------------

TEST_CASE("money goes to the rollup and comes back, once and in full", "[scenarios][bridge]") {
  Kept kept;
  const auto result = run_and_keep(bridge_world(), kept, contract_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  const std::size_t locked = count_of(kept, RecordKind::escrow_locked);
  const std::size_t released = count_of(kept, RecordKind::escrow_released);
  CHECK(released > 2);
  CHECK(locked >= released);
  CHECK(locked <= released + 2);   // each of two users has at most one under way
  CHECK(kept.of(RecordKind::bridge_burnt).size() >= 4 * released);
  CHECK(count_of(kept, RecordKind::escrow_refused) == 0);
}

TEST_CASE("whoever asks for more gets no more", "[scenarios][bridge]") {
  Scenario s = bridge_world();
  s.environment.workload.bridge.greedy = true;
  Kept kept;
  const auto result = run_and_keep(s, kept, contract_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  std::set<std::pair<std::uint32_t, std::uint64_t>> paid;
  for (const Record& r : kept.of(RecordKind::escrow_released)) CHECK(paid.emplace(r.round, r.b).second);
  CHECK(paid.size() > 2);
  std::size_t refusals = 0;
  for (const Record& r : kept.of(RecordKind::escrow_refused)) {
    ++refusals;
    CHECK(r.flags != 0);
  }
  CHECK(refusals >= 3 * paid.size());
}

TEST_CASE("forks take deposits, proofs and releases back, and nothing is lost", "[scenarios][bridge]") {
  Scenario s = bridge_world();
  for (int i = 1; i <= 20; ++i) s.environment.faults.push_back(fork_at(i * 9s, 3));
  s.stop.after = 300s;
  Kept kept;
  const auto result = run_and_keep(s, kept, contract_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  CHECK(count_of(kept, RecordKind::escrow_locked, 1) > 0);
  CHECK(count_of(kept, RecordKind::escrow_released) > 2);
}

TEST_CASE("nodes and provers that lose power mint and release nothing twice", "[scenarios][bridge]") {
  Scenario s = bridge_world();
  s.environment.faults = {crash_at(RecordKind::bridge_minted, NodeId{0}, 2, 5s),
                          crash_at(RecordKind::bridge_burnt, NodeId{1}, 2, 5s),
                          crash_at(RecordKind::forced_done, NodeId{2}, 3, 5s),
                          crash_at(RecordKind::proof, NodeId{1}, 4, 5s)};
  Kept kept;
  const auto result = run_and_keep(s, kept, contract_kinds);
  INFO(text_of(result));
  CHECK(result.findings.empty());
  CHECK(count_of(kept, RecordKind::escrow_released) > 2);
}

TEST_CASE("bridges that cannot be are refused with a reason", "[scenarios][spec][bridge]") {
  const std::string sound =
      "l1: ethereum, forced: {policy: deposits}, settlement: {policy: proofs}, bridge: {escrow: true, delay: 7}";
  CHECK(refusal(sound).empty());
  CHECK(refusal(sound, "workload: {bridge: {users: 3, rate: 0.1tx/s, greedy: true}}").empty());
  says(refusal("bridge: {escrow: true}"), "the design has no layer 1");
  says(refusal("l1: ethereum, settlement: {policy: proofs}, bridge: {escrow: true}"),
       "deposits are minted in the order of layer 1");
  says(refusal("l1: ethereum, forced: {policy: deposits}, bridge: {escrow: true}"), "releases need proofs");
  says(refusal("bridge: {delay: 7}"), "it belongs to escrow: true");
  says(refusal("l1: ethereum", "workload: {bridge: {users: 3, rate: 0.1tx/s}}"), "the design has no bridge");
  says(refusal(sound, "workload: {bridge: {users: 3}}"), "users without a rate");
  says(refusal(sound, "workload: {bridge: {users: 3, rate: 1tx/s, amount: 500000, withdraws: false}}"),
       "more than the bridge's account can pay out");
  says(refusal(sound, "workload: {bridge: {users: 3, rate: 1tx/s, amount: 0}}"), "amount");
  says(refusal(sound, "faults: [{at: 1m, l1: {do: hide, nodes: [n0], lose: escrow}}]"), "it belongs to reorganise");
}

}  // namespace seqlab::tests
