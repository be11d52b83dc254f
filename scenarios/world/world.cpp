#include "scenarios/world/world.hpp"

#include <algorithm>
#include <map>

#include "protocols/forced/forced_paths.hpp"
#include "protocols/l1/registry_owner.hpp"
#include "protocols/migration/border_path.hpp"
#include "protocols/migration/cut_over.hpp"
#include "protocols/relay/relay.hpp"
#include "scenarios/hooks/adversary_host.hpp"
#include "scenarios/plan/plan_driver.hpp"
#include "scenarios/plan/recorder.hpp"
#include "scenarios/world/environment.hpp"
#include "scenarios/world/faults.hpp"
#include "scenarios/world/verdict.hpp"
#include "scenarios/workload/bridge_users.hpp"
#include "scenarios/workload/clients.hpp"
#include "scenarios/workload/forced_users.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::scenarios {

namespace {

using sim::Record;
using sim::RecordKind;

/// Tells when the run has what it waits for: every live honest node at a height (safety phase), or the judgement of the
/// liveness checker (healing phase). Decides nothing itself.
class Milestones final : public sim::RecordObserver {
 public:
  Milestones(sim::Simulation& simulation, sim::Nodes& nodes, std::uint32_t count)
      : simulation_(simulation), nodes_(nodes), heights_(count), counts_for_(count, true) {}

  void exclude(NodeId node) { counts_for_[node.value] = false; }
  void wait_for_height(std::uint64_t height) {
    goal_ = height;
    waiting_ = height != 0;
  }
  /// From now on the run ends as soon as `judge` knows whether the healed core makes progress.
  void wait_for_verdict(const Checker& judge) {
    waiting_ = false;
    judge_ = &judge;
  }

  void on_record(const Record& record) override {
    if (judge_ != nullptr && judge_->liveness() != Liveness::not_checked) simulation_.stop();
    if (record.kind != RecordKind::committed || record.node.value >= heights_.size()) return;
    if (static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final) return;
    heights_[record.node.value] = std::max(heights_[record.node.value], record.height);
    if (!waiting_) return;
    for (std::size_t i = 0; i < heights_.size(); ++i) {
      const bool counts = counts_for_[i] && nodes_[NodeId{static_cast<std::uint32_t>(i)}].up();
      if (counts && heights_[i] < goal_) return;
    }
    waiting_ = false;
    simulation_.stop();
  }

 private:
  sim::Simulation& simulation_;
  sim::Nodes& nodes_;
  std::vector<std::uint64_t> heights_;
  std::uint64_t goal_ = 0;
  std::vector<bool> counts_for_;
  bool waiting_ = false;
  const Checker* judge_ = nullptr;
};

protocols::Committee genesis_committee(const CommitteeSpec& spec) {
  std::vector<protocols::Validator> validators;
  for (std::uint32_t i = 0; i < spec.count; ++i) {
    if (spec.stake[i] > 0) validators.push_back({NodeId{i}, spec.stake[i]});
  }
  return protocols::Committee{std::move(validators)};
}

protocols::SequencerContext make_context(const Scenario& s, sim::Simulation& simulation, sim::Nodes& nodes,
                                         sim::Network& network, protocols::Signatures& signatures) {
  protocols::SequencerContext context{.simulation = simulation,
                                      .nodes = nodes,
                                      .network = network,
                                      .signatures = signatures,
                                      .genesis = genesis_committee(s.design.committee),
                                      .peers = {},
                                      .limits = s.design.block,
                                      .leader_order = s.design.leader_order,
                                      .mempool = s.design.mempool,
                                      .costs = s.environment.machines.costs,
                                      .ledger = {.accounts = bridge_account(s.environment.workload).value +
                                                             (s.design.bridge.escrow ? 1U : 0U)},
                                      .dissemination = s.design.dissemination,
                                      .change_lag = promises_of(s).change_lag,
                                      .relays_transactions = promises_of(s).relays_transactions,
                                      .validator_updates = {},
                                      .keep_blocks = s.design.keep_blocks};
  if (s.design.bridge.escrow) context.bridge = bridge_account(s.environment.workload);
  for (std::uint32_t i = 0; i < s.design.committee.count; ++i) context.peers.push_back(NodeId{i});
  for (const auto& change : s.design.committee.changes) {
    context.validator_updates.push_back({protocols::Height{change.height}, {change.node, change.power}});
  }
  return context;
}

/// Null in designs without any.
std::unique_ptr<protocols::Contracts> make_contracts(const Scenario& s, protocols::Signatures& signatures,
                                                     const RunOptions& options) {
  if (!s.design.registry.exists() && !s.design.bridge.escrow) return nullptr;
  const protocols::AccountId bridge = bridge_account(s.environment.workload);
  if (options.make_contracts) return options.make_contracts(bridge, signatures);
  return std::make_unique<protocols::Contracts>(s.design.registry, s.design.bridge, bridge, signatures);
}

std::unique_ptr<protocols::L1> make_l1(const Scenario& s, sim::Simulation& simulation,
                                       const protocols::L1Profile& profile, const protocols::Contracts* contracts) {
  if (profile.name.empty()) return nullptr;
  const std::uint32_t observers = s.design.committee.count + (migrates(s) ? 1U : 0U);
  return std::make_unique<protocols::L1>(simulation, profile, observers, s.environment.l1.keep_blocks, contracts);
}

std::vector<FaultSpec> faults_of(const Scenario& s, const Plan& plan) {
  std::vector<FaultSpec> faults = s.environment.faults;
  for (const Intervention& intervention : plan.interventions) {
    if (const auto* fault = std::get_if<FaultSpec>(&intervention)) faults.push_back(*fault);
  }
  return faults;
}

}  // namespace

struct World::Parts {
  Parts(const Scenario& s, const Plan& p, const RunOptions& o)
      : scenario(s),
        plan(p),
        options(o),
        simulation({.seed = p.seed, .permute_instants = s.permute_instants}),
        nodes(simulation),
        network(simulation, nodes, network_options(s, p.twins)),
        signatures(protocols::make_signatures(s.design.signatures, p.seed)),
        context(make_context(s, simulation, nodes, network, *signatures)),
        monitor(s),
        metrics(s.design.committee.count, s.design.relay.policy != "none"),
        milestones(simulation, nodes, s.design.committee.count),
        all_faults(faults_of(s, p)),
        l1_profile(l1_profile_of(s)),
        contracts(make_contracts(s, *signatures, o)),
        l1(make_l1(s, simulation, l1_profile, contracts.get())),
        faults(simulation, nodes, network, l1.get(), relay, all_faults) {}
  // Stories refer to clients and nodes: they end before anything else does.
  ~Parts() { simulation.end_processes(); }

  const Scenario& scenario;
  const Plan& plan;
  const RunOptions& options;
  sim::Simulation simulation;
  sim::Nodes nodes;
  sim::Network network;
  std::unique_ptr<protocols::Signatures> signatures;
  protocols::SequencerContext context;
  std::vector<std::unique_ptr<protocols::SequencerNode>> sequencers;
  std::unique_ptr<Clients> clients;
  std::unique_ptr<ForcedUsers> forced_users;
  std::unique_ptr<BridgeUsers> bridge_users;
  std::unique_ptr<DecisionRecorder> recorder;
  std::unique_ptr<AdversaryHost> adversaries;
  std::vector<std::unique_ptr<Checker>> checkers;
  const Checker* liveness = nullptr;  ///< who judges the healing phase; null: there is none
  ModelMonitor monitor;
  MetricsObserver metrics;
  Milestones milestones;
  std::vector<FaultSpec> all_faults;  ///< of the scenario, then of the plan
  protocols::L1Profile l1_profile;
  std::unique_ptr<protocols::Contracts> contracts;  ///< null: the rollup has none there
  std::unique_ptr<protocols::L1> l1;              ///< null: the design has no layer 1
  std::unique_ptr<protocols::ForcedPath> forced;  ///< null: it takes nothing from there
  protocols::CoreImport core_import;                  ///< what the core that takes over starts from
  protocols::CoreImport committee_import;             ///< and the committee, where it is the one that hands over
  std::unique_ptr<protocols::Gateway> gateway;        ///< from whom, or to whom; null: no migration
  std::unique_ptr<protocols::CutOver> cut_over;
  std::unique_ptr<protocols::Settlement> settlement;  ///< null: nothing is read back from there
  protocols::RelayRules relay_rules;              ///< unless the options bring others
  protocols::RegistryRules registry_rules;        ///< likewise
  std::unique_ptr<protocols::RegistryOwner> registry_owner;   ///< null: there is no registry
  std::unique_ptr<protocols::Relay> relay;        ///< null: nobody writes there
  FaultDriver faults;
  std::unique_ptr<PlanDriver> interventions;
  std::vector<bool> corrupt;
  std::uint64_t commits_safety = 0;
  protocols::EngineParameters parameters;  ///< of the design, with the plan's leaders

  void build();
  void watch();
  void announce_committee();
  std::vector<NodeId> owned_by_plan() const;
  sim::StopReason heal();
  RunResult judge(sim::StopReason stopped, bool healed);
};

World::World(const Scenario& scenario, const Plan& plan, const RunOptions& options)
    : parts_(std::make_unique<Parts>(scenario, plan, options)) {
  parts_->build();
}
World::~World() = default;

RunResult World::run() {
  Parts& w = *parts_;
  const StopSpec& stop = w.scenario.stop;
  w.milestones.wait_for_height(stop.height);
  sim::StopReason stopped = w.simulation.run(time_zero + stop.after);
  w.commits_safety = w.metrics.finish().commits_min;
  // A committee that did not come to order has no progress to make.
  const bool orders = w.cut_over == nullptr || w.cut_over->committee_orders();
  const bool heals =
      orders && w.liveness != nullptr && stop.healing > Duration::zero() && stopped != sim::StopReason::interrupted;
  if (heals) stopped = w.heal();
  return w.judge(stopped, heals);
}

void World::Parts::build() {
  const Design& design = scenario.design;
  simulation.on_progress = options.on_progress;

  const protocols::EngineEntry* engine = protocols::find_engine(design.engine);
  SEQLAB_ASSERT(engine != nullptr, design.engine);
  parameters = design.parameters;
  parameters.leaders = plan.leaders;
  context.sort_keys = design.sort_keys;
  if (const protocols::ForcedPathEntry* path = protocols::find_forced_path(design.forced.policy)) {
    forced = options.make_forced ? options.make_forced(design.forced) : path->make(design.forced);
    if (migrates(scenario) && !migrates_back(scenario)) {
      forced = std::make_unique<protocols::BorderPath>(std::move(forced), core_import);
      context.import_from = &core_import;
    }
    context.l1 = l1.get();
    context.forced = forced.get();
    context.external_genesis = forced->genesis(l1->chain());
    if (migrates_back(scenario)) {
      committee_import.open = true;
      committee_import.ledger = protocols::Ledger{context.ledger};
      committee_import.external = context.external_genesis;
      context.import_from = &committee_import;
    }
  }
  const protocols::EngineFactory make_engine = [this, engine](NodeId self, const protocols::Committee& genesis) {
    if (options.make_engine) return options.make_engine(self, genesis, parameters);
    return engine->make(self, genesis, parameters);
  };
  sequencers.reserve(design.committee.count + plan.twins.size());
  std::vector<protocols::SequencerNode*> raw;
  for (std::uint32_t i = 0; i < design.committee.count; ++i) {
    sequencers.push_back(std::make_unique<protocols::SequencerNode>(context, make_engine));
    raw.push_back(sequencers.back().get());
  }
  ClientCores cores;
  if (migrates(scenario)) {
    const protocols::GatewayOptions options{.depth = design.forced.arweave_sync.depth, .stamp = design.migration.stamp};
    const bool back = migrates_back(scenario);
    gateway = std::make_unique<protocols::Gateway>(context, options, back ? &core_import : nullptr);
    cores = {.service = gateway->id(),
             .service_first = !back,
             .upgraded_percent = design.migration.upgraded_percent,
             .nonces_restart = !design.migration.refuse_old_items};
  }
  if (scenario.environment.workload.arrivals != WorkloadSpec::Arrivals::none) {
    std::vector<std::uint32_t> taken;
    for (const AdversarySpec& adversary : scenario.environment.adversaries) {
      taken.insert(taken.end(), adversary.power.accounts.begin(), adversary.power.accounts.end());
    }
    clients = std::make_unique<Clients>(simulation, nodes, network, *signatures, scenario.environment.workload,
                                        context.peers, cores, std::move(taken));
  }
  if (l1 != nullptr && scenario.environment.workload.forced.users > 0) {
    forced_users = std::make_unique<ForcedUsers>(simulation, nodes, *l1, *signatures, scenario, raw);
  }
  if (scenario.environment.workload.bridge.users > 0) {
    bridge_users = std::make_unique<BridgeUsers>(simulation, nodes, network, *l1, *signatures, scenario, raw);
  }
  const protocols::RegistryRules* registry = nullptr;
  if (design.registry.exists()) {
    registry = options.registry_rules != nullptr ? options.registry_rules : &registry_rules;
    registry_owner = std::make_unique<protocols::RegistryOwner>(simulation, *l1, design.registry);
  }
  if (design.settlement.policy != protocols::SettlementOptions::Policy::none) {
    settlement =
        std::make_unique<protocols::Settlement>(design.settlement, context, *l1, raw, design.relay.nodes, registry);
  }
  for (const NodeId node : plan.twins) {
    sequencers.push_back(std::make_unique<protocols::SequencerNode>(context, make_engine, node));
    context.twins.push_back({sequencers.back()->machine(), node});
  }
  if (l1 != nullptr && design.relay.policy != "none") {
    const protocols::RelayRules& rules = options.relay_rules != nullptr ? *options.relay_rules : relay_rules;
    relay = std::make_unique<protocols::Relay>(simulation, nodes, *l1, design.relay, rules,
                                               std::span{raw.data(), design.committee.count}, gateway.get(),
                                               gateway != nullptr ? &core_import : nullptr, registry);
  }
  if (gateway != nullptr) {
    std::vector<protocols::SequencerNode*> machines;  // with twins
    for (const auto& sequencer : sequencers) machines.push_back(sequencer.get());
    protocols::CoreImport& committee = migrates_back(scenario) ? committee_import : core_import;
    cut_over = std::make_unique<protocols::CutOver>(design.migration, context, *gateway,
                                                    protocols::CutOver::Imports{core_import, committee}, machines,
                                                    relay != nullptr ? relay->old_writer() : nullptr);
  }
  set_up_machines(scenario, simulation, nodes);

  watch();
  corrupt.assign(design.committee.count, false);
  announce_committee();
  if (!scenario.environment.adversaries.empty() && !plan.without_scripts) {
    adversaries = std::make_unique<AdversaryHost>(simulation, nodes, network, *signatures, raw, scenario);
    if (options.decisions != nullptr) {
      std::vector<NodeId> owned;
      for (const AdversarySpec& adversary : scenario.environment.adversaries)
        owned.insert(owned.end(), adversary.nodes.begin(), adversary.nodes.end());
      recorder = std::make_unique<DecisionRecorder>(simulation, raw, owned, *options.decisions);
      network.watch(*recorder, no_node);
      adversaries->record_to(*recorder);
    }
  }
  if (const std::vector<NodeId> owned = owned_by_plan(); !owned.empty() || !plan.interventions.empty()) {
    std::vector<protocols::SequencerNode*> machines(nodes.size());
    std::vector<Machine> whose(nodes.size());
    for (std::uint32_t i = 0; i < nodes.size(); ++i) whose[i] = {NodeId{i}, false};
    for (const auto& sequencer : sequencers) {
      const NodeId machine = sequencer->machine();
      machines[machine.value] = sequencer.get();
      whose[machine.value] = {sequencer->id(), machine != sequencer->id()};
    }
    interventions =
        std::make_unique<PlanDriver>(plan, simulation, network, *signatures, machines, whose, owned);
  }

  const Duration gst = scenario.environment.network.stabilises_after;
  if (gst > Duration::zero()) {
    simulation.call_at(time_zero + gst, [this] {
      simulation.emit({.kind = RecordKind::stabilised,
                       .a = static_cast<std::uint64_t>(ns(scenario.environment.network.delta))});
    });
  }
  if (gateway == nullptr || migrates_back(scenario)) {
    start_machines(scenario, simulation, nodes, context.peers);
  } else {
    simulation.call_at(time_zero, [this] { nodes.start(gateway->id()); });
  }
  if (cut_over != nullptr) cut_over->start();
  for (const auto& twin : context.twins) {
    simulation.call_at(time_zero, [this, machine = twin.machine] { nodes.start(machine); });
  }
  if (l1 != nullptr) l1->start();
  if (settlement != nullptr) settlement->start();
  if (relay != nullptr) relay->start();
  if (clients != nullptr) clients->start();
  if (forced_users != nullptr) forced_users->start();
  if (registry_owner != nullptr) registry_owner->start();
  if (bridge_users != nullptr) bridge_users->start();
  if (interventions != nullptr) interventions->start();
  if (adversaries != nullptr) adversaries->start();
  faults.start();
}

/// Corrupt nodes without a script.
std::vector<NodeId> World::Parts::owned_by_plan() const {
  std::vector<NodeId> owned = plan.corrupt;
  if (plan.without_scripts) {
    for (const AdversarySpec& adversary : scenario.environment.adversaries) {
      owned.insert(owned.end(), adversary.nodes.begin(), adversary.nodes.end());
    }
  }
  std::ranges::sort(owned);
  owned.erase(std::unique(owned.begin(), owned.end()), owned.end());
  return owned;
}

/// The order matters: whoever judges sees a record before whoever reacts to it.
void World::Parts::watch() {
  sim::RecordLog& log = simulation.records();
  const CheckerContext about = checker_context(scenario, plan);
  for (const CheckerEntry& entry : seqlab::scenarios::checkers()) {
    const auto& wanted = scenario.expect.checkers;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), entry.name) == wanted.end()) continue;
    if (!entry.fits(about)) continue;
    checkers.push_back(entry.make(about));
    log.subscribe(*checkers.back(), checkers.back()->kinds());
    if (entry.name == "liveness") liveness = checkers.back().get();
  }
  log.subscribe(monitor, ModelMonitor::kinds());
  log.subscribe(metrics, MetricsObserver::kinds());
  for (const auto& [observer, kinds] : options.observers) log.subscribe(*observer, kinds);
  if (forced_users != nullptr) log.subscribe(*forced_users, ForcedUsers::kinds());
  if (bridge_users != nullptr) log.subscribe(*bridge_users, BridgeUsers::kinds());
  log.subscribe(milestones, sim::mask_of(RecordKind::committed, RecordKind::round_entered));
}

void World::Parts::announce_committee() {
  const CommitteeSpec& spec = scenario.design.committee;
  for (std::uint32_t i = 0; i < spec.count; ++i) {
    simulation.emit({.kind = RecordKind::validator,
                     .node = NodeId{i},
                     .height = 1,
                     .a = static_cast<std::uint64_t>(spec.stake[i])});
  }
  for (const auto& change : spec.changes) {
    simulation.emit({.kind = RecordKind::validator,
                     .node = change.node,
                     .height = change.height + context.change_lag,
                     .a = static_cast<std::uint64_t>(change.power)});
  }
  const auto give_away = [this](const std::vector<NodeId>& given) {
    for (const NodeId node : given) {
      if (corrupt[node.value]) continue;
      corrupt[node.value] = true;
      milestones.exclude(node);
      simulation.emit({.kind = RecordKind::corrupt, .node = node});
    }
  };
  for (const AdversarySpec& adversary : scenario.environment.adversaries) give_away(adversary.nodes);
  give_away(plan.corrupt);
}

/// The liveness phase: nothing goes wrong any more, corrupt nodes are gone, and the honest nodes that remain (the core)
/// must make progress. What they cannot do now they can never do.
sim::StopReason World::Parts::heal() {
  faults.stop();
  if (adversaries != nullptr) adversaries->stop();
  if (interventions != nullptr) interventions->stop();
  network.make_reliable();
  for (const auto& twin : context.twins) nodes.crash(twin.machine);

  std::vector<NodeId> core;
  Power power = 0;
  std::vector<Power> latest = scenario.design.committee.stake;
  for (const auto& change : scenario.design.committee.changes) latest[change.node.value] = change.power;
  for (const NodeId node : context.peers) {
    if (corrupt[node.value]) continue;
    core.push_back(node);
    power += latest[node.value];
  }
  simulation.emit({.kind = RecordKind::healing_started, .a = static_cast<std::uint64_t>(power)});
  for (const NodeId node : core) {
    simulation.emit({.kind = RecordKind::core_member,
                     .node = node,
                     .a = static_cast<std::uint64_t>(latest[node.value])});
  }
  for (const NodeId node : context.peers) {
    if (corrupt[node.value]) {
      nodes.crash(node);
    } else {
      nodes.start(node);
      nodes.resume(node);
    }
  }
  if (core.empty()) return sim::StopReason::stopped;
  milestones.wait_for_verdict(*liveness);
  return simulation.run(simulation.now() + scenario.stop.healing);
}

RunResult World::Parts::judge(sim::StopReason stopped, bool healed) {
  RunResult result;
  result.scenario = scenario.name;
  result.seed = plan.seed;
  result.end = simulation.now();
  result.events = simulation.events();
  result.records = simulation.records().count();
  result.digest = simulation.records().digest();
  result.messages = network.counters();
  result.metrics = metrics.finish();
  if (adversaries != nullptr) result.budgets = adversaries->budgets();
  result.stopped = stopped;
  result.commits_safety = commits_safety;
  for (const auto& checker : checkers) {
    checker->finish(result.end);
    for (const Finding& finding : checker->findings()) result.findings.push_back(finding);
    if (healed && checker->liveness() != Liveness::not_checked) result.liveness = checker->liveness();
    if (std::vector<NodeId> accused = checker->accused(); !accused.empty()) result.accused = std::move(accused);
  }
  std::stable_sort(result.findings.begin(), result.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.at < b.at; });
  seqlab::scenarios::judge(scenario, monitor, result);
  return result;
}

std::vector<std::string> World::script_logs() const {
  std::vector<std::string> out;
  if (parts_->adversaries == nullptr) return out;
  for (std::size_t i = 0; i < parts_->scenario.environment.adversaries.size(); ++i) {
    out.emplace_back(parts_->adversaries->log(i));
  }
  return out;
}

sim::Simulation& World::simulation() { return parts_->simulation; }
sim::Network& World::network() { return parts_->network; }
sim::Nodes& World::nodes() { return parts_->nodes; }
protocols::SequencerNode& World::sequencer(NodeId node) { return *parts_->sequencers[node.value]; }

RunResult run(const Scenario& scenario, const Plan& plan, const RunOptions& options) {
  World world(scenario, plan, options);
  return world.run();
}

}  // namespace seqlab::scenarios
