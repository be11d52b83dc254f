#include "analysis/search/strategies/random.hpp"

#include <algorithm>

#include "analysis/search/strategies/troubles.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::MessageIntervention;
using scenarios::Plan;
using scenarios::Scenario;
using sim::Stream;

class Random final : public Strategy {
 public:
  Random(const Target& target, std::uint64_t seed) : base_(target.scenario), seed_(seed), troubles_(probe(target)) {}

  Case make(std::uint64_t index) const override {
    Stream luck{seed_, "search.random", index};
    Plan plan;
    plan.seed = luck.next64();
    auto scenario = std::make_shared<Scenario>(*base_);
    vary(*scenario, luck);
    trouble(*scenario, plan, luck);
    return {std::move(scenario), std::move(plan)};
  }

 private:
  /// The scenario's parameters that are not its point: pace, start, order of instants.
  void vary(Scenario& s, Stream& luck) const {
    const bool own = s.environment.adversaries.empty() && s.environment.faults.empty() &&
                     s.design.relay.nodes.empty() &&
                     s.design.settlement.policy == protocols::SettlementOptions::Policy::none;
    if (own && luck.chance({1, 3})) {
      // Sizes around the thresholds: 3F+1, 3F+2, 3F+3.
      const std::uint32_t count = static_cast<std::uint32_t>(luck.between(4, 7));
      s.design.committee.count = count;
      s.design.committee.stake.assign(count, 1);
    }
    if (own && luck.chance({1, 4})) {
      for (auto& stake : s.design.committee.stake) stake = luck.between(1, 3);
    }
    if (own && s.design.committee.changes.empty() && luck.chance({1, 5})) change_committee(s, luck);
    if (own && s.environment.workload.arrivals == scenarios::WorkloadSpec::Arrivals::none && luck.chance({1, 5})) {
      s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::poisson;
      s.environment.workload.clients = 2;
      s.environment.workload.rate_per_1000s = luck.between(2'000, 40'000);
    }
    auto& latency = s.environment.network.latency;
    if (latency.model == scenarios::LatencySpec::Model::constant) {
      const std::int64_t scale = luck.between(1, 4);
      if (luck.chance({1, 2})) {
        latency.model = scenarios::LatencySpec::Model::exponential;
        latency.floor = latency.mean * scale / 4;
        latency.mean = latency.mean * luck.between(1, 4) / 4;
      } else {
        latency.mean = latency.mean * scale / 2;
      }
    }
    s.permute_instants = luck.chance({1, 2});
    const Duration round = troubles_.seen().round_time;
    s.environment.machines.start_skew = round * luck.between(0, 8) / 2;
    if (luck.chance({1, 4})) s.environment.machines.disk_sync = Duration{luck.between(0, ns(round) / 4)};
    if (luck.chance({1, 4})) s.environment.machines.clock_drift_ppm_max = luck.between(0, drift_ppm_max());
  }

  /// Clocks run for hours where there is a layer 1, and those of machines are corrected: by the end of the run they are
  /// off by a part of its interval, not by the minutes that a wrong pace of a short run would make of it.
  std::int64_t drift_ppm_max() const {
    constexpr std::int64_t most = 20'000;
    const Probe& seen = troubles_.seen();
    if (seen.l1_interval <= Duration::zero() || seen.length <= Duration::zero()) return most;
    return std::clamp<std::int64_t>(mul_div_floor(ns(seen.l1_interval) / 16, 1'000'000, ns(seen.length)), 1, most);
  }

  /// One or two nodes get another power, or none, early enough to matter. Three keep theirs. Powers stay of one size:
  /// who has a hundredth of the others' leads once in hundreds of rounds, and a lock of his waits for that.
  static void change_committee(Scenario& s, Stream& luck) {
    const std::uint64_t changes = 1 + luck.below(2);
    std::uint64_t height = 0;
    scenarios::Power unit = 0;
    for (const scenarios::Power stake : s.design.committee.stake) {
      if (stake > 0) unit = unit == 0 ? stake : std::min(unit, stake);
    }
    for (std::uint64_t i = 0; i < changes; ++i) {
      height += 1 + luck.below(3);
      const NodeId node{s.design.committee.count - 1 - static_cast<std::uint32_t>(i % (s.design.committee.count - 3))};
      const std::int64_t times = luck.between(0, 2);
      s.design.committee.changes.push_back({height, node, times * unit});
    }
    if (s.stop.height != 0) s.stop.height += height + 2;
  }

  void trouble(const Scenario& s, Plan& plan, Stream& luck) const {
    const std::uint32_t count = s.design.committee.count;
    // Each kind is on in half of the runs, and then takes place seldom, now and then or often.
    const auto how_many = [&](std::uint64_t most) -> std::uint64_t {
      if (!luck.chance({1, 2})) return 0;
      const std::uint64_t density = luck.below(3);
      const std::uint64_t cap = density == 0 ? 1 : density == 1 ? std::max<std::uint64_t>(most / 4, 1) : most;
      return 1 + luck.below(cap);
    };
    if (luck.chance({2, 3})) plan.corrupt = Troubles::corruptible(s, luck);
    if (!plan.corrupt.empty() && luck.chance({1, 4})) plan.twins = plan.corrupt;
    if (troubles_.seen().leaders_obey && luck.chance({1, 4})) {
      plan.leaders = Troubles::leaders(1 + luck.below(6), s, plan, luck);
    }
    const auto add = [&](std::uint64_t most, auto&& draw) {
      const std::uint64_t times = how_many(most);
      for (std::uint64_t i = 0; i < times; ++i) plan.interventions.emplace_back(draw());
    };
    add(24, [&] { return troubles_.drop(count, luck); });
    add(24, [&] { return troubles_.delay(count, luck); });
    add(6, [&] { return troubles_.repeat(count, luck); });
    add(5, [&] { return troubles_.partition(count, luck); });
    add(4, [&] { return troubles_.split(count, plan, luck); });
    add(4, [&] { return troubles_.crash(count, plan, luck); });
    add(3, [&] { return troubles_.pause(count, luck); });
    if (troubles_.seen().l1_interval > Duration::zero()) add(4, [&] { return troubles_.layer_1(count, luck); });
    if (luck.chance({1, 8})) troubles_.add_series(s, plan, luck);
    if (!troubles_.seen().relayers.empty()) add(4, [&] { return troubles_.writing(luck); });
    if (troubles_.seen().statements.empty()) return;
    for (const NodeId node : plan.corrupt) {
      const std::uint64_t lies = luck.below(12);
      for (std::uint64_t i = 0; i < lies; ++i) plan.interventions.emplace_back(troubles_.lie(node, count, luck));
      if (luck.chance({1, 4})) troubles_.add_habit(node, count, plan, luck);
      if (luck.chance({1, 4})) plan.interventions.emplace_back(troubles_.pass_on(node, count, luck));
      const std::uint64_t silences = luck.below(4);
      for (std::uint64_t i = 0; i < silences; ++i) {
        MessageIntervention silence = troubles_.drop(count, luck);
        silence.at.from = node;
        plan.interventions.emplace_back(silence);
      }
    }
  }

  std::shared_ptr<const Scenario> base_;
  std::uint64_t seed_;
  Troubles troubles_;
};

}  // namespace

std::unique_ptr<Strategy> make_random(const Target& target, std::uint64_t seed) {
  return std::make_unique<Random>(target, seed);
}

}  // namespace seqlab::analysis
