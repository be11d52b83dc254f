#include "scenarios/world/environment.hpp"

#include <algorithm>
#include <string>

#include "protocols/l1/profile.hpp"
#include "protocols/relay/batch.hpp"
#include "sim/base/fixed_point.hpp"
#include "sim/net/latency/latency_models.hpp"

namespace seqlab::scenarios {

namespace {

std::uint32_t client_count(const Scenario& s) {
  return s.environment.workload.arrivals == WorkloadSpec::Arrivals::none ? 0 : s.environment.workload.clients;
}

/// Region of every endpoint: nodes in the order of `machines.regions` (or the matrix's own), clients beside their node.
std::vector<std::uint16_t> place(const Scenario& s, std::span<const NodeId> twins) {
  const std::string& matrix = s.environment.network.latency.matrix;
  std::vector<std::uint16_t> cycle;
  for (const std::string& region : s.environment.machines.regions) {
    const auto number = sim::find_region(matrix, region);
    SEQLAB_ASSERT(number.has_value(), matrix, region);
    cycle.push_back(*number);
  }
  if (cycle.empty()) {
    for (const sim::RegionMatrix& m : sim::region_matrices()) {
      if (m.name != matrix) continue;
      for (std::size_t i = 0; i < m.regions.size(); ++i) cycle.push_back(static_cast<std::uint16_t>(i));
    }
  }
  SEQLAB_ASSERT(!cycle.empty(), matrix);
  const std::uint32_t nodes = s.design.committee.count;
  std::vector<std::uint16_t> region_of;
  for (std::uint32_t i = 0; i < nodes; ++i) region_of.push_back(cycle[i % cycle.size()]);
  if (migrates(s)) region_of.push_back(region_of.front());
  for (std::uint32_t c = 0; c < client_count(s); ++c) region_of.push_back(region_of[c % nodes]);
  // Users of layer 1 send nothing over the network, those of the bridge do; their machines come after one another.
  const WorkloadSpec& workload = s.environment.workload;
  if (workload.bridge.users > 0) {
    for (std::uint32_t i = 0; i < workload.forced.users; ++i) region_of.push_back(region_of[i % nodes]);
    for (std::uint32_t i = 0; i < workload.bridge.users; ++i) region_of.push_back(region_of[i % nodes]);
  }
  for (const NodeId twin : twins) region_of.push_back(region_of[twin.value]);
  return region_of;
}

std::shared_ptr<const sim::LatencyModel> latency_model(const Scenario& s, std::span<const NodeId> twins) {
  const LatencySpec& spec = s.environment.network.latency;
  switch (spec.model) {
    case LatencySpec::Model::constant: return sim::make_constant_latency(spec.mean);
    case LatencySpec::Model::normal: return sim::make_normal_latency(spec.mean, spec.sd);
    case LatencySpec::Model::quantiles: return sim::make_quantiles_latency(spec.p50, spec.p90, spec.p99, spec.max);
    case LatencySpec::Model::log_normal: return sim::make_log_normal_latency(spec.p50, spec.p90);
    case LatencySpec::Model::exponential: return sim::make_exponential_latency(spec.floor, spec.mean);
    case LatencySpec::Model::regions: break;
  }
  return sim::make_regions_latency(spec.matrix, place(s, twins), spec.jitter);
}

}  // namespace

sim::NetworkOptions network_options(const Scenario& scenario, std::span<const NodeId> twins) {
  const NetworkSpec& spec = scenario.environment.network;
  sim::NetworkOptions options;
  options.latency = latency_model(scenario, twins);
  options.loss = spec.loss;
  options.duplication = spec.duplication;
  options.reordering = spec.reordering;
  options.reordering_delay = spec.reordering_delay;
  options.fifo_links = spec.fifo_links;
  options.uplink_bps = spec.uplink_bps;
  options.downlink_bps = spec.downlink_bps;
  options.queue_limit = spec.queue_limit;
  options.stabilises_at = time_zero + spec.stabilises_after;
  options.loss_before = spec.loss_before;
  options.delay_before = spec.delay_before;
  options.delta = spec.delta;
  options.gossip_degree = spec.gossip_degree;
  for (const LinkSpec& link : spec.links) {
    options.overrides.push_back({link.from, link.to, link.latency, link.extra_latency, link.loss});
  }
  return options;
}

void set_up_machines(const Scenario& scenario, sim::Simulation& simulation, sim::Nodes& nodes) {
  const MachineSpec& spec = scenario.environment.machines;
  const std::int64_t drift = spec.clock_drift_ppm_max * 1000;
  const std::int64_t skew = ns(spec.clock_skew_max);
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    sim::Node& node = nodes[NodeId{i}];
    if (i < machine_count(scenario)) {
      node.cpu = sim::Cpu{spec.cores};
      node.disk.sync_time = spec.disk_sync;
    }
    if (drift == 0 && skew == 0) continue;
    sim::Stream luck = simulation.stream("machine.clock", i);
    node.clock.drift_ppb = luck.between(-drift, drift);
    node.clock.offset = Duration{luck.between(-skew, skew)};
  }
}

void start_machines(const Scenario& scenario, sim::Simulation& simulation, sim::Nodes& nodes,
                    std::span<const NodeId> sequencers) {
  const std::int64_t skew = ns(scenario.environment.machines.start_skew);
  for (const NodeId node : sequencers) {
    const std::int64_t after = skew == 0 ? 0 : simulation.stream("machine.start", node.value).between(0, skew);
    simulation.call_at(time_zero + Duration{after}, [&nodes, node] { nodes.start(node); });
  }
}

protocols::EnginePromises promises_of(const Scenario& scenario) {
  const protocols::EngineEntry* engine = protocols::find_engine(scenario.design.engine);
  SEQLAB_ASSERT(engine != nullptr, scenario.design.engine);
  return engine->promises(scenario.design.parameters, scenario.environment.network.delta);
}

protocols::L1Profile l1_profile_of(const Scenario& s) {
  const protocols::L1Profile* known = protocols::find_l1_profile(s.design.l1);
  protocols::L1Profile profile;
  if (known == nullptr) return profile;
  profile = *known;
  const L1Spec& spec = s.environment.l1;
  if (spec.interval > Duration::zero()) profile.interval = spec.interval;
  if (spec.miss) profile.miss = *spec.miss;
  if (spec.fork) profile.fork = *spec.fork;
  if (spec.view_p50 > Duration::zero()) profile.view_p50 = spec.view_p50;
  if (spec.view_p95 > Duration::zero()) profile.view_p95 = spec.view_p95;
  profile.view_p95 = std::max(profile.view_p50, profile.view_p95);
  if (spec.finality_depth != 0) profile.finality_depth = spec.finality_depth;
  for (protocols::FeeMarketOptions& fees : profile.fees) {
    fees.level = mul_div_floor(fees.level, spec.demand_percent, 100);
  }
  return profile;
}

/// What the design's relayers promise, on a chain that runs as it is known to.
static void promise_of_relay(const Scenario& scenario, CheckerContext& about) {
  const protocols::RelayOptions& relay = scenario.design.relay;
  if (relay.policy == "none" || protocols::find_l1_profile(scenario.design.l1) == nullptr) return;
  const protocols::L1Profile profile = l1_profile_of(scenario);
  const bool bundled = protocols::BatchFormat{profile, relay.format}.bundled();
  const Duration lost = protocols::lost_after_of(relay, profile);
  const Duration late = profile.interval * relay.channel_timeout / 2;
  about.relay_lost_after = bundled ? lost : std::min(lost, late);
  const Duration posted = bundled ? relay.bundler.receipt_after + relay.bundler.post_after : Duration{};
  about.relay_grace = 5 * profile.interval + profile.spread + posted;
  // A batch fills, is sent, perhaps lost or too cheap, and waits behind others that have to be confirmed first.
  Duration time = 2 * relay.batch_time + 3 * lost + 6 * protocols::bump_after_of(relay, profile) + 2 * posted +
                  2 * profile.spread + relay.retry_max + Duration{60'000'000'000};
  if (relay.bundler.loss.num != 0) time += 5 * lost;
  const auto relayers = static_cast<std::int64_t>(relay.nodes.size());
  if (relay.policy == "rotating") time += relay.turn * (relayers + 1);
  if (relay.policy == "primary_backup") time += relay.backup_after * (relayers + 1);
  std::uint64_t depth = relay.confirmations;
  if (depth == 0) {
    depth =
        profile.finality == protocols::L1Profile::Finality::depth ? profile.finality_depth : 3 * profile.epoch_slots;
  }
  about.relay_blocks = static_cast<std::uint64_t>(ns(time) / ns(profile.interval)) + 2 * depth + 30;
}

CheckerContext checker_context(const Scenario& scenario, const Plan& plan) {
  CheckerContext about;
  about.node_count = scenario.design.committee.count;
  about.engine = promises_of(scenario);
  about.corrupt_nodes = !plan.corrupt.empty() || !scenario.environment.adversaries.empty();
  about.healing_blocks = scenario.stop.healing_blocks;
  about.leaders = plan.leaders;
  about.forced = scenario.design.forced;
  about.migrates = migrates(scenario);
  about.migrates_back = migrates_back(scenario);
  about.sort_keys = scenario.design.sort_keys;
  about.lottery = scenario.environment.workload.lottery;
  about.settles = scenario.design.settlement.policy != protocols::SettlementOptions::Policy::none;
  about.relay = scenario.design.relay;
  about.registry = scenario.design.registry;
  about.bridge = scenario.design.bridge;
  promise_of_relay(scenario, about);
  return about;
}

}  // namespace seqlab::scenarios
