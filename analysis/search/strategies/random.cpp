#include "analysis/search/strategies/random.hpp"

#include <algorithm>

#include "analysis/search/probe.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::FaultSpec;
using scenarios::MessageIntervention;
using scenarios::MessagePoint;
using scenarios::Plan;
using scenarios::Scenario;
using sim::Stream;
namespace act = scenarios::act;
namespace fault = scenarios::fault;

template <class T>
const T& pick(const std::vector<T>& items, Stream& luck) {
  return items[luck.below(items.size())];
}

class Random final : public Strategy {
 public:
  Random(const Target& target, std::uint64_t seed) : base_(target.scenario), seed_(seed), probe_(probe(target)) {}

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
    const bool own = s.environment.adversaries.empty() && s.environment.faults.empty();
    if (own && luck.chance({1, 3})) {
      // Sizes around the thresholds: 3F+1, 3F+2, 3F+3.
      const std::uint32_t count = static_cast<std::uint32_t>(luck.between(4, 7));
      s.design.committee.count = count;
      s.design.committee.stake.assign(count, 1);
    }
    if (own && luck.chance({1, 4})) {
      for (auto& stake : s.design.committee.stake) stake = luck.between(1, 3);
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
    s.environment.machines.start_skew = probe_.round_time * luck.between(0, 8) / 2;
    if (luck.chance({1, 4})) s.environment.machines.disk_sync = Duration{luck.between(0, ns(probe_.round_time) / 4)};
    if (luck.chance({1, 4})) s.environment.machines.clock_drift_ppm_max = luck.between(0, 20'000);
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
    give_away(s, plan, luck);
    const std::uint64_t drops = how_many(24);
    for (std::uint64_t i = 0; i < drops; ++i)
      plan.interventions.push_back(MessageIntervention{some_copy(count, luck), act::Drop{}});
    const std::uint64_t delays = how_many(24);
    for (std::uint64_t i = 0; i < delays; ++i) {
      plan.interventions.push_back(MessageIntervention{some_copy(count, luck), act::Delay{some_time(8, luck)}});
    }
    const std::uint64_t repeats = how_many(6);
    for (std::uint64_t i = 0; i < repeats; ++i) {
      plan.interventions.push_back(MessageIntervention{some_copy(count, luck), act::Duplicate{some_time(8, luck)}});
    }
    const std::uint64_t splits = how_many(5);
    for (std::uint64_t i = 0; i < splits; ++i) plan.interventions.push_back(some_partition(count, luck));
    const std::uint64_t crashes = how_many(4);
    for (std::uint64_t i = 0; i < crashes; ++i) plan.interventions.push_back(some_crash(count, plan, luck));
    const std::uint64_t pauses = how_many(3);
    for (std::uint64_t i = 0; i < pauses; ++i) {
      FaultSpec pause;
      pause.when.at = some_time(40, luck);
      pause.lasts = some_time(12, luck);
      pause.what = fault::Pause{{some_node(count, luck)}};
      plan.interventions.push_back(pause);
    }
    for (const NodeId node : plan.corrupt) lies(node, count, plan, luck);
  }

  /// At most F of the power goes to the plan. Nobody if scripts own nodes already.
  void give_away(const Scenario& s, Plan& plan, Stream& luck) const {
    if (!s.environment.adversaries.empty() || !luck.chance({2, 3})) return;
    const auto& stake = s.design.committee.stake;
    scenarios::Power total = 0;
    for (const auto power : stake) total += power;
    scenarios::Power left = total > 0 ? (total - 1) / 3 : 0;
    for (std::uint32_t tries = 0; tries < s.design.committee.count; ++tries) {
      const NodeId node = some_node(s.design.committee.count, luck);
      if (stake[node.value] == 0 || stake[node.value] > left) continue;
      if (std::ranges::find(plan.corrupt, node) != plan.corrupt.end()) continue;
      left -= stake[node.value];
      plan.corrupt.push_back(node);
    }
    std::ranges::sort(plan.corrupt);
    if (!plan.corrupt.empty() && luck.chance({1, 4})) plan.twins = plan.corrupt;
  }

  void lies(NodeId node, std::uint32_t count, Plan& plan, Stream& luck) const {
    if (probe_.statements.empty()) return;
    const std::uint64_t lies = luck.below(12);
    for (std::uint64_t i = 0; i < lies; ++i) {
      MessagePoint at = some_copy(count, luck);
      at.from = node;
      at.message = pick(probe_.statements, luck);
      act::Forge forge{.as = node, .to = {}, .keep = luck.chance({1, 2}), .after = {}, .changes = {}};
      if (luck.chance({1, 4})) forge.after = some_time(4, luck);
      switch (luck.below(5)) {
        case 0: forge.changes.block = protocols::BlockId{}; break;
        case 1: forge.changes.drop_transactions = true; break;
        case 2: forge.changes.round = protocols::Round{static_cast<std::int32_t>(luck.below(4))}; break;
        default: forge.changes.salt = 1 + luck.below(3); break;
      }
      plan.interventions.push_back(MessageIntervention{at, forge});
    }
    const std::uint64_t silences = luck.below(4);
    for (std::uint64_t i = 0; i < silences; ++i) {
      MessagePoint at = some_copy(count, luck);
      at.from = node;
      plan.interventions.push_back(MessageIntervention{at, act::Drop{}});
    }
  }

  MessagePoint some_copy(std::uint32_t count, Stream& luck) const {
    MessagePoint at;
    if (luck.chance({7, 8}) && !probe_.kinds.empty()) at.message = pick(probe_.kinds, luck);
    if (luck.chance({7, 8})) at.from = some_node(count, luck);
    if (luck.chance({3, 4})) at.to = some_node(count, luck);
    if (luck.chance({1, 2})) at.height = 1 + luck.below(4);
    if (luck.chance({3, 4})) at.round = static_cast<std::uint32_t>(luck.below(6));
    if (luck.chance({1, 4})) at.nth = static_cast<std::uint32_t>(1 + luck.below(4));
    if (luck.chance({1, 3})) at.count = static_cast<std::uint32_t>(luck.below(4));
    return at;
  }

  FaultSpec some_partition(std::uint32_t count, Stream& luck) const {
    FaultSpec split;
    split.when.at = some_time(40, luck);
    split.lasts = some_time(16, luck);
    fault::Partition what;
    what.groups.resize(2);
    for (std::uint32_t i = 0; i < count; ++i) what.groups[luck.below(2)].push_back(NodeId{i});
    std::erase_if(what.groups, [](const auto& group) { return group.empty(); });
    if (what.groups.size() == 2) what.one_way = luck.chance({1, 4});
    split.what = std::move(what);
    return split;
  }

  FaultSpec some_crash(std::uint32_t count, const Plan& plan, Stream& luck) const {
    FaultSpec crash;
    const NodeId node = some_node(count, luck);
    if (luck.chance({1, 3}) || probe_.points.empty()) {
      crash.when.at = some_time(40, luck);
    } else {
      scenarios::Trigger::Point point;
      point.record = pick(probe_.points, luck);
      point.node = node;
      point.nth = static_cast<std::uint32_t>(1 + luck.below(12));
      crash.when.on = point;
    }
    crash.lasts = some_time(16, luck);
    fault::Crash what{{node}, sim::DiskFault::unsynced_lost};
    if (luck.chance({1, 4})) what.disk = sim::DiskFault::torn_tail;
    // A lost disk is a Byzantine fault: only of those who are corrupt anyway.
    const bool corrupt = std::ranges::find(plan.corrupt, node) != plan.corrupt.end();
    if (corrupt && luck.chance({1, 2})) what.disk = sim::DiskFault::wiped;
    crash.what = what;
    return crash;
  }

  static NodeId some_node(std::uint32_t count, Stream& luck) {
    return NodeId{static_cast<std::uint32_t>(luck.below(count))};
  }
  /// Up to so many rounds, in eighths.
  Duration some_time(std::uint64_t rounds, Stream& luck) const {
    return std::max(probe_.round_time * static_cast<std::int64_t>(1 + luck.below(8 * rounds)) / 8, Duration{1us});
  }

  std::shared_ptr<const Scenario> base_;
  std::uint64_t seed_;
  Probe probe_;
};

}  // namespace

std::unique_ptr<Strategy> make_random(const Target& target, std::uint64_t seed) {
  return std::make_unique<Random>(target, seed);
}

}  // namespace seqlab::analysis
