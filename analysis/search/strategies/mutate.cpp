#include "analysis/search/strategies/mutate.hpp"

#include <algorithm>

#include "analysis/search/strategies/troubles.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::MessageIntervention;
using scenarios::Plan;
using scenarios::Scenario;
using sim::Stream;
namespace act = scenarios::act;

constexpr std::uint64_t process_faults_max = 4;
constexpr std::uint64_t network_faults_max = 4;

class Mutate final : public Strategy {
 public:
  Mutate(const Target& target, std::uint64_t seed) : seed_(seed), troubles_(probe(target)), base_(target.scenario) {
    auto shortened = std::make_shared<Scenario>(*target.scenario);
    if (troubles_.seen().rounds_restart && shortened->stop.height > 2) shortened->stop.height = 2;
    short_ = std::move(shortened);
  }

  Case make(std::uint64_t index) const override {
    Stream luck{seed_, "search.mutate", index};
    Plan plan;
    plan.seed = luck.next64();
    if (troubles_.layered() && luck.chance({2, 3})) {
      around_consensus(plan, luck);
      return {base_, std::move(plan)};
    }
    const auto& scenario = luck.chance({3, 4}) ? short_ : base_;
    const std::uint32_t count = scenario->design.committee.count;
    plan.corrupt = Troubles::corruptible(*scenario, luck);
    const Probe& seen = troubles_.seen();
    if (!plan.corrupt.empty() && luck.chance({1, 8})) plan.twins = plan.corrupt;
    const bool lies = !plan.corrupt.empty() && !seen.statements.empty();
    const std::uint64_t style = luck.below(troubles_.proposes() ? 10 : 8);
    if (style >= 8) {
      troubles_.add_partial_knowledge(*scenario, plan, luck);
    } else if (style < 3) {
      singly(*scenario, lies, plan, luck);
    } else {
      if (lies && style != 3) troubles_.add_habit(pick(plan.corrupt, luck), count, plan, luck);
      if (style < 6) {
        troubles_.add_series(*scenario, plan, luck);
      } else {
        singly(*scenario, lies && style == 6, plan, luck);
      }
    }
    if (!luck.chance({1, 4})) return {scenario, std::move(plan)};
    // Trouble ends in the midst of things.
    auto cut_short = std::make_shared<Scenario>(*scenario);
    cut_short->stop.after = std::min(cut_short->stop.after, troubles_.time(24, luck));
    return {std::move(cut_short), std::move(plan)};
  }

 private:
  /// Few faults of layer 1, of writers and of machines, whenever something happens there.
  void around_consensus(Plan& plan, Stream& luck) const {
    const Probe& seen = troubles_.seen();
    const std::uint32_t count = base_->design.committee.count;
    const std::uint64_t faults = luck.between(1, network_faults_max);
    for (std::uint64_t i = 0; i < faults; ++i) {
      const std::uint64_t kind = luck.below(8);
      if (kind < 3 && !seen.relayers.empty()) {
        plan.interventions.emplace_back(troubles_.writing(luck));
      } else if (kind < 5 && seen.l1_interval > Duration::zero()) {
        plan.interventions.emplace_back(troubles_.layer_1(count, luck));
      } else if (kind < 7) {
        plan.interventions.emplace_back(troubles_.crash(count, plan, luck));
      } else {
        plan.interventions.emplace_back(troubles_.pause(count, luck));
      }
    }
  }
  /// Few faults that have nothing to do with each other.
  void singly(const Scenario& scenario, bool lies, Plan& plan, Stream& luck) const {
    const std::uint32_t count = scenario.design.committee.count;
    const std::uint64_t process_faults = lies ? luck.below(process_faults_max + 1) : 0;
    const std::uint64_t network_faults = luck.between(process_faults == 0 ? 1 : 0, network_faults_max);
    for (std::uint64_t i = 0; i < network_faults; ++i) plan.interventions.push_back(troubles_.split(count, plan, luck));
    // Corrupt leaders matter more than their share of the rounds.
    if (!plan.corrupt.empty() && troubles_.seen().leaders_obey && luck.chance({1, 2})) {
      plan.leaders = Troubles::leaders(2 + luck.below(4), scenario, plan, luck);
    }
    for (std::uint64_t i = 0; i < process_faults; ++i) process_fault(count, plan, luck);
  }
  /// One statement of one corrupt node in one round, to some receivers: changed, or kept from them.
  void process_fault(std::uint32_t count, Plan& plan, Stream& luck) const {
    const Probe& seen = troubles_.seen();
    const NodeId liar = pick(plan.corrupt, luck);
    scenarios::MessagePoint at;
    at.from = liar;
    at.message = pick(seen.statements, luck);
    if (seen.rounds_restart) at.height = troubles_.height(luck);
    at.round = troubles_.round(luck);
    std::vector<NodeId> others;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (NodeId{i} != liar) others.push_back(NodeId{i});
    }
    const std::vector<NodeId> victims = luck.chance({1, 4}) ? others : some_nodes(others, luck);
    const bool silent = luck.chance({1, 4});
    act::Forge forge{.as = liar, .to = {}, .keep = !silent && luck.chance({1, 4}), .after = {}, .changes = {}};
    if (!silent) forge.changes = troubles_.change(*at.message, luck);
    for (const NodeId victim : victims) {
      at.to = victim;
      if (silent) {
        plan.interventions.push_back(MessageIntervention{at, act::Drop{}});
      } else {
        plan.interventions.push_back(MessageIntervention{at, forge});
      }
    }
  }

  std::uint64_t seed_;
  Troubles troubles_;
  std::shared_ptr<const Scenario> base_;
  std::shared_ptr<const Scenario> short_;  // of few heights
};

}  // namespace

std::unique_ptr<Strategy> make_mutate(const Target& target, std::uint64_t seed) {
  return std::make_unique<Mutate>(target, seed);
}

}  // namespace seqlab::analysis
