#include "analysis/search/strategies/twins.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "analysis/search/strategies/troubles.hpp"
#include "scenarios/world/environment.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::Plan;
using scenarios::Scenario;

constexpr std::size_t blocks_max = 5;
constexpr std::size_t twins_max = 2;
/// How late what does not pass is, in rounds; 0: lost. An engine that repeats nothing of its own stands still in a
/// round that is cut for good.
constexpr std::array<std::int64_t, 3> holds{0, 1, 6};

/// Whether nodes differ in nothing but their stake.
bool interchangeable(const Scenario& s, const Probe& seen) {
  const scenarios::NetworkSpec& network = s.environment.network;
  return seen.leaders_obey && network.links.empty() &&
         network.latency.model != scenarios::LatencySpec::Model::regions &&
         s.environment.machines.regions.empty() && s.environment.faults.empty() && s.environment.adversaries.empty() &&
         s.design.committee.changes.empty();
}

/// As many of the last nodes as F allows, two at most. Nobody where scripts own nodes, or the engine bears no liars.
std::vector<NodeId> twins_of(const Scenario& s) {
  std::vector<NodeId> out;
  if (!s.environment.adversaries.empty() || !scenarios::promises_of(s).byzantine_tolerant) return out;
  const auto& stake = s.design.committee.stake;
  scenarios::Power total = 0;
  for (const auto power : stake) total += power;
  scenarios::Power left = total > 0 ? (total - 1) / 3 : 0;
  for (std::uint32_t i = s.design.committee.count; i-- > 0 && out.size() < twins_max;) {
    if (stake[i] == 0 || stake[i] > left) continue;
    left -= stake[i];
    out.insert(out.begin(), NodeId{i});
  }
  return out;
}

TwinsOptions options_for(const Scenario& s, const Probe& seen) {
  TwinsOptions o;
  o.corrupt = twins_of(s);
  std::vector<NodeId> honest;
  for (std::uint32_t i = 0; i < s.design.committee.count; ++i) {
    if (std::ranges::find(o.corrupt, NodeId{i}) == o.corrupt.end()) honest.push_back(NodeId{i});
  }
  // In larger committees honest nodes move in blocks.
  o.honest.resize(std::min(honest.size(), blocks_max));
  for (std::size_t i = 0; i < honest.size(); ++i) o.honest[i % blocks_max].push_back(honest[i]);
  const bool same = interchangeable(s, seen);
  std::vector<std::vector<scenarios::Power>> known;
  const auto class_of = [&](const std::vector<NodeId>& nodes) {
    std::vector<scenarios::Power> powers;
    for (const NodeId node : nodes) powers.push_back(s.design.committee.stake[node.value]);
    auto at = same ? std::ranges::find(known, powers) : known.end();
    if (at == known.end()) at = known.insert(known.end(), powers);
    return static_cast<std::uint32_t>(at - known.begin());
  };
  for (const auto& block : o.honest) o.class_of_honest.push_back(class_of(block));
  known.clear();
  for (const NodeId node : o.corrupt) o.class_of_corrupt.push_back(class_of({node}));
  o.rounds = seen.rounds_restart ? 4 : 8;
  o.phases = o.corrupt.size() < twins_max ? static_cast<std::uint32_t>(1 + seen.votes.size()) : 1;
  o.holds = holds.size();
  o.leaders = seen.leaders_obey;
  return o;
}

class Twins final : public Strategy {
 public:
  Twins(const Target& target, std::uint64_t seed)
      : seed_(seed),
        key_(sim::stream_key(seed, sim::purpose_key("search.twins.order"), 0)),
        seen_(probe(target)),
        options_(options_for(*target.scenario, seen_)),
        space_(options_) {
    auto scenario = std::make_shared<Scenario>(*target.scenario);
    // Clocks that differ make the two machines of a node propose different blocks.
    auto& skew = scenario->environment.machines.clock_skew_max;
    if (skew == Duration{}) skew = 1ms;
    // Where rounds begin anew with each height, so does the scenario.
    if (seen_.rounds_restart && scenario->stop.height > 2) scenario->stop.height = 2;
    scenario_ = std::move(scenario);
    if (!options_.leaders) return;
    Plan fair;
    fair.corrupt = options_.corrupt;
    fair.leaders.resize((seen_.rounds_restart ? 0 : seen_.round_first) + space_.rounds(), NodeId{0});
    Troubles::add_fair_leaders(*scenario_, fair);
    schedule_ = std::move(fair.leaders);
  }

  std::optional<std::uint64_t> size() const override {
    if (space_.size() > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
    return static_cast<std::uint64_t>(space_.size());
  }

  Case make(std::uint64_t index) const override {
    const std::vector<TwinsRound> rounds = space_.at(shuffled(index, space_.size(), key_));
    Plan plan;
    plan.seed = sim::Stream{seed_, "search.twins", index}.next64();
    plan.corrupt = options_.corrupt;
    plan.twins = options_.corrupt;
    const std::uint32_t first = seen_.rounds_restart ? 0 : seen_.round_first;
    plan.leaders = schedule_;
    for (std::uint32_t i = 0; i < rounds.size(); ++i) {
      const TwinsRound& round = rounds[i];
      if (options_.leaders) plan.leaders[(first + i) % plan.leaders.size()] = round.leader;
      if (round.groups.size() < 2) continue;
      scenarios::RoundSplit split;
      split.round = seen_.round_first + i;
      split.groups = round.groups;
      split.hold = seen_.round_time * holds[round.hold];
      if (round.phase > 0) split.message = seen_.votes[round.phase - 1];
      plan.interventions.push_back(std::move(split));
    }
    return {scenario_, std::move(plan)};
  }

 private:
  std::uint64_t seed_;
  std::uint64_t key_;
  Probe seen_;
  TwinsOptions options_;
  TwinsSpace space_;
  std::shared_ptr<const Scenario> scenario_;
  std::vector<NodeId> schedule_;  // those of the scenario, then everybody honest
};

}  // namespace

std::unique_ptr<Strategy> make_twins(const Target& target, std::uint64_t seed) {
  return std::make_unique<Twins>(target, seed);
}

}  // namespace seqlab::analysis
