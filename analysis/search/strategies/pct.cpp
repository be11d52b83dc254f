#include "analysis/search/strategies/pct.hpp"

#include <algorithm>
#include <numeric>

#include "analysis/search/strategies/troubles.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::MessageIntervention;
using scenarios::MessagePoint;
using scenarios::Plan;
using scenarios::Scenario;
using sim::Stream;
namespace act = scenarios::act;

constexpr std::uint64_t change_points_max = 6;

class Pct final : public Strategy {
 public:
  Pct(const Target& target, std::uint64_t seed) : seed_(seed), troubles_(probe(target)) {
    auto tied = std::make_shared<Scenario>(*target.scenario);
    tied->permute_instants = true;
    tied_ = tied;
    auto even = std::make_shared<Scenario>(*tied);
    scenarios::LatencySpec& latency = even->environment.network.latency;
    if (latency.model == scenarios::LatencySpec::Model::constant) {
      latency.model = scenarios::LatencySpec::Model::exponential;
      latency.floor = Duration{};
      latency.mean = 3 * latency.mean;
    }
    even_ = even;
  }

  Case make(std::uint64_t index) const override {
    Stream luck{seed_, "search.pct", index};
    Plan plan;
    plan.seed = luck.next64();
    const std::uint32_t count = tied_->design.committee.count;
    const bool even = luck.chance({1, 4});
    if (luck.chance({1, 2})) plan.corrupt = Troubles::corruptible(*tied_, luck);
    if (!plan.corrupt.empty() && luck.chance({1, 2})) plan.twins = plan.corrupt;
    if (!even) priorities(count, plan, luck);
    // A schedule alone shows no bug of recovery: a change point may be a crash.
    const std::uint64_t crashes = luck.chance({1, 2}) ? 1 + luck.below(2) : 0;
    for (std::uint64_t i = 0; i < crashes; ++i) plan.interventions.push_back(troubles_.crash(count, plan, luck));
    if (!plan.corrupt.empty() && !troubles_.seen().statements.empty()) {
      const std::uint64_t lies = luck.below(4);
      for (std::uint64_t i = 0; i < lies; ++i) {
        plan.interventions.push_back(troubles_.lie(pick(plan.corrupt, luck), count, luck));
      }
    }
    return {even ? even_ : tied_, std::move(plan)};
  }

 private:
  struct Line {
    MessagePoint at;
    std::uint32_t priority;   // 0 is the fastest
    std::uint32_t since = 1;  // number of its message from which the priority holds
  };

  void priorities(std::uint32_t count, Plan& plan, Stream& luck) const {
    std::vector<Line> lines;
    const std::uint64_t kind = luck.below(4);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (kind == 0) {
        for (std::uint32_t j = 0; j < count; ++j) {
          if (i != j) lines.push_back({.at = {.from = NodeId{i}, .to = NodeId{j}}, .priority = 0});
        }
      } else if (kind == 1) {
        lines.push_back({.at = {.to = NodeId{i}}, .priority = 0});
      } else if (kind == 2) {
        lines.push_back({.at = {.from = NodeId{i}}, .priority = 0});
      } else {
        for (const protocols::MessageKind message : troubles_.seen().statements) {
          lines.push_back({.at = {.message = message, .to = NodeId{i}}, .priority = 0});
        }
      }
    }
    // Few classes, so that many ties remain; the step between them from a part of a round to several rounds.
    const std::uint64_t classes = 2 + luck.below(4);
    const Duration step = troubles_.time(4, luck);
    for (Line& line : lines) line.priority = static_cast<std::uint32_t>(luck.below(classes));
    const std::uint64_t changes = luck.below(change_points_max + 1);
    for (std::uint64_t i = 0; i < changes; ++i) {
      Line& line = lines[luck.below(lines.size())];
      Line& other = lines[luck.below(lines.size())];
      const auto later = static_cast<std::uint32_t>(1 + luck.below(30));
      end(line, later, step, plan);
      if (&other != &line) end(other, later, step, plan);
      std::swap(line.priority, other.priority);
    }
    for (const Line& line : lines) delay(line, 0, step, plan);
  }
  /// The priority holds for so many messages more, then something else does.
  static void end(Line& line, std::uint32_t messages, Duration step, Plan& plan) {
    delay(line, messages, step, plan);
    line.since += messages;
  }
  static void delay(const Line& line, std::uint32_t messages, Duration step, Plan& plan) {
    if (line.priority == 0) return;
    MessagePoint at = line.at;
    at.nth = line.since;
    at.count = messages;
    plan.interventions.push_back(MessageIntervention{at, act::Delay{step * static_cast<std::int64_t>(line.priority)}});
  }

  std::uint64_t seed_;
  Troubles troubles_;
  std::shared_ptr<const Scenario> tied_;  // all links alike
  std::shared_ptr<const Scenario> even_;  // every delay drawn
};

}  // namespace

std::unique_ptr<Strategy> make_pct(const Target& target, std::uint64_t seed) {
  return std::make_unique<Pct>(target, seed);
}

}  // namespace seqlab::analysis
