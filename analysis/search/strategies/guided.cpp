#include "analysis/search/strategies/guided.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "analysis/search/strategies/mutate.hpp"
#include "analysis/search/strategies/pct.hpp"
#include "analysis/search/strategies/random.hpp"
#include "analysis/search/strategies/troubles.hpp"
#include "analysis/search/strategies/twins.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::FaultSpec;
using scenarios::Intervention;
using scenarios::MessageIntervention;
using scenarios::MessagePoint;
using scenarios::Plan;
using scenarios::RoundSplit;
using scenarios::Scenario;
using sim::Stream;
namespace act = scenarios::act;
namespace fault = scenarios::fault;

constexpr std::size_t corpus_max = 512;
constexpr std::size_t interventions_max = 60;

bool holds_node(const std::vector<NodeId>& nodes, NodeId node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

/// Whether the plan may do that in this scenario.
bool has_right_to(const Intervention& what, const Plan& plan, const Scenario& scenario) {
  // Faults strike the core of before a migration as well.
  const std::uint32_t count =
      std::holds_alternative<FaultSpec>(what) ? scenarios::machine_count(scenario) : scenario.design.committee.count;
  const auto there = [count](NodeId node) { return node.value < count; };
  const auto all_there = [&](const std::vector<NodeId>& nodes) { return std::ranges::all_of(nodes, there); };
  if (const auto* split = std::get_if<RoundSplit>(&what)) {
    for (const auto& group : split->groups) {
      for (const scenarios::Machine& m : group) {
        if (!there(m.node) || (m.twin && !holds_node(plan.twins, m.node))) return false;
      }
    }
    return true;
  }
  if (const auto* fault = std::get_if<FaultSpec>(&what)) {
    if (fault->when.on && fault->when.on->node && !there(*fault->when.on->node)) return false;
    if (const auto* pause = std::get_if<fault::Pause>(&fault->what)) return all_there(pause->nodes);
    if (const auto* jump = std::get_if<fault::ClockJump>(&fault->what)) return all_there(jump->nodes);
    if (const auto* l1 = std::get_if<fault::L1>(&fault->what)) return all_there(l1->nodes);
    if (const auto* relay = std::get_if<fault::Relay>(&fault->what)) return all_there(relay->nodes);
    if (const auto* partition = std::get_if<fault::Partition>(&fault->what)) {
      return std::ranges::all_of(partition->groups, all_there);
    }
    const auto& crash = std::get<fault::Crash>(fault->what);
    const bool byzantine = crash.disk == sim::DiskFault::wiped || crash.disk == sim::DiskFault::rolled_back;
    return std::ranges::all_of(crash.nodes, [&](NodeId node) {
      return there(node) && (!byzantine || holds_node(plan.corrupt, node));
    });
  }
  const auto& message = std::get<MessageIntervention>(what);
  if ((message.at.from && !there(*message.at.from)) || (message.at.to && !there(*message.at.to))) return false;
  const auto* forge = std::get_if<act::Forge>(&message.what);
  const auto* again = std::get_if<act::Resend>(&message.what);
  if (again != nullptr) return holds_node(plan.corrupt, again->as) && all_there(again->to);
  return forge == nullptr || (holds_node(plan.corrupt, forge->as) && all_there(forge->to));
}

/// The same plan with two nodes in each other's place.
class Swap {
 public:
  Swap(NodeId a, NodeId b) : a_(a), b_(b) {}
  void operator()(NodeId& node) const { node = node == a_ ? b_ : node == b_ ? a_ : node; }
  void operator()(std::optional<NodeId>& node) const {
    if (node) (*this)(*node);
  }
  void operator()(std::vector<NodeId>& nodes) const {
    for (NodeId& node : nodes) (*this)(node);
  }
  void operator()(Intervention& what) const {
    if (auto* split = std::get_if<RoundSplit>(&what)) {
      for (auto& group : split->groups) {
        for (scenarios::Machine& m : group) (*this)(m.node);
      }
    } else if (auto* fault = std::get_if<FaultSpec>(&what)) {
      if (fault->when.on) (*this)(fault->when.on->node);
      if (auto* crash = std::get_if<fault::Crash>(&fault->what)) (*this)(crash->nodes);
      if (auto* pause = std::get_if<fault::Pause>(&fault->what)) (*this)(pause->nodes);
      if (auto* jump = std::get_if<fault::ClockJump>(&fault->what)) (*this)(jump->nodes);
      if (auto* l1 = std::get_if<fault::L1>(&fault->what)) (*this)(l1->nodes);
      if (auto* relay = std::get_if<fault::Relay>(&fault->what)) (*this)(relay->nodes);
      if (auto* partition = std::get_if<fault::Partition>(&fault->what)) {
        for (auto& group : partition->groups) (*this)(group);
      }
    } else {
      auto& message = std::get<MessageIntervention>(what);
      (*this)(message.at.from);
      (*this)(message.at.to);
      if (auto* forge = std::get_if<act::Forge>(&message.what)) {
        (*this)(forge->as);
        (*this)(forge->to);
      } else if (auto* again = std::get_if<act::Resend>(&message.what)) {
        (*this)(again->as);
        (*this)(again->to);
      }
    }
  }
  /// Corrupt nodes stay who they are: only what is done is turned.
  void operator()(Plan& plan) const {
    for (Intervention& what : plan.interventions) (*this)(what);
    (*this)(plan.leaders);
  }

 private:
  NodeId a_;
  NodeId b_;
};

class Guided final : public Strategy {
 public:
  Guided(const Target& target, std::uint64_t seed) : seed_(seed), troubles_(probe(target)) {
    sources_[0] = make_random(target, seed ^ 0x9e37);
    sources_[1] = make_mutate(target, seed ^ 0x9e37);
    sources_[2] = make_twins(target, seed ^ 0x9e37);
    sources_[3] = make_pct(target, seed ^ 0x9e37);
  }

  Case make(std::uint64_t index) const override {
    Stream luck{seed_, "search.guided", index};
    if (corpus_.empty() || luck.chance({1, 4})) return fresh(index, luck);
    const Entry& parent = choose(luck);
    Case out = parent.which;
    Plan& plan = out.plan;
    const std::uint32_t count = out.scenario->design.committee.count;
    // Most children keep the parent's luck: the changes alone make the difference.
    if (luck.chance({1, 4})) plan.seed = luck.next64();
    if (luck.chance({1, 5})) cross(plan, choose(luck).which.plan, count, luck);
    const std::uint64_t changes = std::uint64_t{1} << luck.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) change(plan, *out.scenario, luck);
    std::erase_if(plan.interventions,
                  [&](const Intervention& what) { return !has_right_to(what, plan, *out.scenario); });
    if (plan.interventions.size() > interventions_max) plan.interventions.resize(interventions_max);
    return out;
  }

  void learn(std::span<const Lesson> batch) override {
    for (const Lesson& lesson : batch) {
      const CaseResult& result = *lesson.result;
      ++taught_;
      events_ += result.events;
      bool fresh = false;
      for (const std::uint64_t state : result.states) fresh |= ++seen_[state] == 1;
      const bool near = result.nearness > nearness_seen_;
      nearness_seen_ = std::max(nearness_seen_, result.nearness);
      if (!fresh && !near) continue;
      corpus_.push_back({*lesson.which, result.states, result.nearness, result.events, 0, lesson.index});
    }
    weigh();
  }

 private:
  struct Entry {
    Case which;
    std::vector<std::uint64_t> states;
    std::uint32_t nearness;
    std::uint64_t events;
    std::uint64_t energy;
    std::uint64_t index;
  };

  Case fresh(std::uint64_t index, Stream& luck) const {
    const std::uint64_t source = luck.below(sources_.size());
    std::uint64_t number = index;
    if (const auto size = sources_[source]->size()) number %= *size;
    return sources_[source]->make(number);
  }

  /// With a probability that grows with the energy.
  const Entry& choose(Stream& luck) const {
    std::uint64_t at = luck.below(energy_);
    for (const Entry& entry : corpus_) {
      if (at < entry.energy) return entry;
      at -= entry.energy;
    }
    return corpus_.back();
  }

  /// A plan is worth what its rarest states are, and how near it came; the corpus keeps the worthiest. Its children
  /// take as long as itself: one that takes longer than most is worth less.
  void weigh() {
    const std::uint64_t usual = std::max<std::uint64_t>(events_ / std::max<std::uint64_t>(taught_, 1), 1);
    for (Entry& entry : corpus_) {
      std::uint32_t rarest = ~std::uint32_t{0};
      for (const std::uint64_t state : entry.states) rarest = std::min(rarest, seen_[state]);
      const std::uint64_t rarity = 4096 / std::uint64_t{std::max<std::uint32_t>(rarest, 1)};
      const std::uint64_t worth = rarity + 64 * std::uint64_t{entry.nearness} * entry.nearness /
                                               std::max<std::uint64_t>(nearness_seen_, 1);
      entry.energy = 1 + worth / std::max<std::uint64_t>(entry.events / usual, 1);
    }
    if (corpus_.size() > corpus_max) {
      std::ranges::stable_sort(corpus_, [](const Entry& a, const Entry& b) { return a.energy > b.energy; });
      corpus_.resize(corpus_max);
      std::ranges::sort(corpus_, {}, &Entry::index);
    }
    energy_ = 0;
    for (const Entry& entry : corpus_) energy_ += entry.energy;
  }

  void cross(Plan& plan, const Plan& other, std::uint32_t count, Stream& luck) const {
    // The first part of one, the last part of the other.
    if (!plan.interventions.empty()) plan.interventions.resize(1 + luck.below(plan.interventions.size()));
    const std::size_t from = other.interventions.empty() ? 0 : luck.below(other.interventions.size());
    plan.interventions.insert(plan.interventions.end(),
                              other.interventions.begin() + static_cast<std::ptrdiff_t>(from),
                              other.interventions.end());
    const bool leaders = std::ranges::all_of(other.leaders, [count](NodeId n) { return n.value < count; });
    if (leaders && luck.chance({1, 2})) plan.leaders = other.leaders;
  }

  void change(Plan& plan, const Scenario& scenario, Stream& luck) const {
    const std::uint32_t count = scenario.design.committee.count;
    auto& list = plan.interventions;
    if (luck.chance({1, 12})) return troubles_.add_series(scenario, plan, luck);
    if (!plan.corrupt.empty() && !troubles_.seen().statements.empty() && luck.chance({1, 12})) {
      return troubles_.add_habit(pick(plan.corrupt, luck), count, plan, luck);
    }
    if (list.empty() || luck.chance({1, 4})) {
      list.push_back(troubles_.any(count, plan, luck));
      return;
    }
    const std::size_t at = luck.below(list.size());
    switch (luck.below(8)) {
      case 0: list.erase(list.begin() + static_cast<std::ptrdiff_t>(at)); break;
      case 1: list[at] = troubles_.any(count, plan, luck); break;
      case 2: {
        const NodeId a = Troubles::node(count, luck);
        const NodeId b = Troubles::node(count, luck);
        Swap{a, b}(list[at]);
        break;
      }
      case 3: {
        const NodeId a = Troubles::node(count, luck);
        const NodeId b = Troubles::node(count, luck);
        Swap{a, b}(plan);
        break;
      }
      case 4:
        if (troubles_.seen().leaders_obey) {
          if (plan.leaders.empty()) {
            plan.leaders = Troubles::leaders(1 + luck.below(6), scenario, plan, luck);
          } else {
            const NodeId leader = Troubles::node(count, luck);
            plan.leaders[luck.below(plan.leaders.size())] = leader;
          }
        }
        break;
      default: alter(list[at], count, luck); break;
    }
  }

  /// A step to the side: another round, receiver, time or kind of message.
  void alter(Intervention& what, std::uint32_t count, Stream& luck) const {
    if (auto* split = std::get_if<RoundSplit>(&what)) {
      switch (luck.below(4)) {
        case 0: split->round = near(split->round, luck); break;
        case 1: split->hold = luck.chance({1, 2}) ? Duration{} : troubles_.time(8, luck); break;
        case 2:
          split->message.reset();
          if (!troubles_.seen().votes.empty() && luck.chance({3, 4})) {
            split->message = pick(troubles_.seen().votes, luck);
          }
          break;
        default: {
          // One machine goes to another group.
          if (split->groups.size() < 2) break;
          auto& from = split->groups[luck.below(split->groups.size())];
          auto& to = split->groups[luck.below(split->groups.size())];
          if (from.empty() || &from == &to) break;
          const std::size_t i = luck.below(from.size());
          if (std::ranges::find(to, from[i]) == to.end()) to.push_back(from[i]);
          from.erase(from.begin() + static_cast<std::ptrdiff_t>(i));
          break;
        }
      }
    } else if (auto* fault = std::get_if<FaultSpec>(&what)) {
      if (fault->when.on && luck.chance({1, 2})) {
        if (luck.chance({1, 2}) && !troubles_.seen().points.empty()) {
          fault->when.on->record = pick(troubles_.seen().points, luck);
        } else {
          fault->when.on->nth = static_cast<std::uint32_t>(1 + luck.below(12));
        }
      } else if (luck.chance({1, 2})) {
        fault->lasts = troubles_.lasting(16, luck);
      } else if (fault->when.at) {
        fault->when.at = troubles_.when(luck);
      }
    } else {
      auto& message = std::get<MessageIntervention>(what);
      MessagePoint& p = message.at;
      switch (luck.below(6)) {
        case 0:
          if (p.round) p.round = near(*p.round, luck);
          break;
        case 1: p.to = Troubles::node(count, luck); break;
        case 2: p.to.reset(); break;
        case 3: p.count = static_cast<std::uint32_t>(luck.below(4)); break;
        case 4:
          if (p.height) p.height = troubles_.height(luck);
          break;
        default:
          if (auto* delay = std::get_if<act::Delay>(&message.what)) {
            delay->by = troubles_.time(8, luck);
          } else if (auto* forge = std::get_if<act::Forge>(&message.what)) {
            forge->changes = troubles_.change(p.message.value_or(protocols::MessageKind::proposal), luck);
          } else if (auto* again = std::get_if<act::Resend>(&message.what)) {
            again->after = troubles_.time(16, luck);
          } else if (!std::holds_alternative<act::Duplicate>(message.what)) {
            message.what = act::Delay{troubles_.time(8, luck)};
          }
          break;
      }
    }
  }

  static std::uint32_t near(std::uint32_t round, Stream& luck) {
    return luck.chance({1, 2}) || round == 0 ? round + 1 : round - 1;
  }

  std::uint64_t seed_;
  Troubles troubles_;
  std::array<std::unique_ptr<Strategy>, 4> sources_;
  std::vector<Entry> corpus_;                                // by index
  std::uint64_t energy_ = 0;                                 // of all
  std::unordered_map<std::uint64_t, std::uint32_t> seen_;    // how many runs saw a state; never walked
  std::uint32_t nearness_seen_ = 0;
  std::uint64_t taught_ = 0;
  std::uint64_t events_ = 0;                                 // of all cases it was taught
};

}  // namespace

std::unique_ptr<Strategy> make_guided(const Target& target, std::uint64_t seed) {
  return std::make_unique<Guided>(target, seed);
}

}  // namespace seqlab::analysis
