// Campaigns on one and on two threads, and how long a large plan takes to shrink. By the clock on the wall.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <regex>

#include "analysis/search/campaign.hpp"
#include "analysis/search/shrink.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/children.hpp"
#include "tests/negative/broken/rules.hpp"

namespace seqlab::bench {

namespace {

using analysis::Case;
using analysis::Target;

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// scripts/bench keeps this process on one core; a child that has threads needs them all.
void use_all_cores() {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int core = 0; core < CPU_SETSIZE; ++core) CPU_SET(core, &all);
  sched_setaffinity(0, sizeof all, &all);
}

/// The whole portfolio, file in memory. @return seconds by the wall
double campaign_seconds(std::uint32_t jobs, std::uint64_t cases) {
  analysis::CampaignOptions options;
  options.targets.push_back(
      {"tendermint", std::make_shared<scenarios::Scenario>(analysis::fuzz_scenario("tendermint")), {}});
  for (const analysis::StrategyEntry& entry : analysis::strategies()) options.strategies.push_back(&entry);
  options.cases = cases;
  options.jobs = jobs;
  return analysis::run_campaign(options).session_seconds;
}

void two_threads(std::vector<Row>& rows) {
  constexpr std::uint64_t cases = 4'000;
  const Outcome outcome = in_child([](Outcome& out) {
    use_all_cores();
    // The best of several, in turns: what else runs on the machine can only take time away.
    out.value = out.count = std::numeric_limits<double>::max();
    for (int i = 0; i < 5; ++i) {
      out.value = std::min(out.value, campaign_seconds(1, cases));
      out.count = std::min(out.count, campaign_seconds(2, cases));
    }
  });
  rows.push_back({.what = "campaign: a case of the portfolio, Tendermint, one thread",
                  .measured = outcome.value * 1e6 / cases,
                  .unit = "us"});
  rows.push_back({.what = "  two threads, as a share of the time of one",
                  .measured = outcome.count / outcome.value,
                  .unit = "x",
                  .target = 1 / 1.9});
}

/// Tendermint without its lock: a case that breaks the rule, with interventions of others on top as long as it does.
Case large_case(const Target& target, std::size_t interventions) {
  const auto strategy = analysis::find_strategy("random")->make(target, 1);
  const auto breaks = [&](const Case& c) { return analysis::kind_of(analysis::run_case(c, target)) == "lock_rule"; };
  std::uint64_t index = 0;
  Case found = strategy->make(index++);
  while (!breaks(found)) found = strategy->make(index++);
  while (found.plan.interventions.size() < interventions) {
    Case more = found;
    const Case other = strategy->make(index++);
    more.plan.interventions.insert(more.plan.interventions.end(), other.plan.interventions.begin(),
                                   other.plan.interventions.end());
    if (problems_of(more.plan, *more.scenario).empty() && breaks(more)) found = std::move(more);
  }
  return found;
}

void shrinking(std::vector<Row>& rows) {
  const Outcome outcome = in_child([](Outcome& out) {
    Target target{"broken", std::make_shared<scenarios::Scenario>(analysis::fuzz_scenario("tendermint")), {}};
    target.make_engine = [](NodeId self, const protocols::Committee&, const protocols::EngineParameters& p) {
      using Core = protocols::BasicTendermint<tests::broken::NoLock>;
      return std::unique_ptr<protocols::Engine>(
          std::make_unique<protocols::EngineOf<Core>>(Core{self, p.tendermint, p.leaders}));
    };
    const Case large = large_case(target, 50);
    const double before = wall_seconds();
    const analysis::Shrunk shrunk = analysis::shrink(large, target, *analysis::find_kind(large, target));
    out.value = wall_seconds() - before;
    out.count = shrunk.complete ? static_cast<double>(shrunk.before.interventions) : 0;
  });
  const std::string what = outcome.count == 0 ? "INCOMPLETE" : fmt::format("{} interventions", outcome.count);
  rows.push_back({.what = "shrinking a plan of " + what, .measured = outcome.value, .unit = "s", .target = 5});
}

}  // namespace

void measure_campaigns(std::string_view filter, std::vector<Row>& rows) {
  const std::regex wanted{std::string{filter}};
  const auto measure = [&](const char* name, void (*work)(std::vector<Row>&)) {
    if (!std::regex_search(name, wanted)) return;
    fmt::print(stderr, "  {}\n", name);
    work(rows);
  };
  measure("campaign/threads", two_threads);
  measure("campaign/shrink", shrinking);
}

}  // namespace seqlab::bench
