// Cases of a search: chosen, built, run, checked, digested and torn down, as `seqlab fuzz` has them on one core.
#include <fmt/format.h>

#include <array>
#include <memory>

#include "analysis/search/strategy.hpp"
#include "tests/bench/bench.hpp"

namespace seqlab::bench {

namespace {

struct Subject {
  const char* engine;
  const char* strategy;
};
constexpr std::array<Subject, 4> subjects{
    {{"tendermint", "random"}, {"tendermint", "twins"}, {"jolteon", "random"}, {"jolteon", "twins"}}};

std::string name(const Subject& s) { return fmt::format("search/{}/{}", s.engine, s.strategy); }

void search_benchmark(benchmark::State& state, Subject subject) {
  const analysis::Target target{
      subject.engine, std::make_shared<scenarios::Scenario>(analysis::fuzz_scenario(subject.engine)), {}};
  const auto strategy = analysis::find_strategy(subject.strategy)->make(target, 1);
  std::uint64_t events = 0;
  std::uint64_t index = 0;
  for (auto _ : state) {
    const analysis::CaseResult result = analysis::run_case(strategy->make(index++), target);
    if (analysis::is_failure(result)) {
      state.SkipWithError(fmt::format("case {}: {}", index - 1, analysis::kind_of(result)).c_str());
      break;
    }
    events += result.events;
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["events"] = static_cast<double>(events);
}

}  // namespace

Summary register_search() {
  for (const Subject& subject : subjects) {
    if (protocols::find_engine(subject.engine) == nullptr) continue;
    benchmark::RegisterBenchmark(name(subject).c_str(), search_benchmark, subject);
  }
  return [](const Results& results, std::vector<Row>& rows) {
    for (const Subject& subject : subjects) {
      // 2,000 cases a second at least; the aim is 5,000.
      plain_row(results, rows, fmt::format("search: one case of {}, {}, n = 4", subject.strategy, subject.engine),
                name(subject), "us", 1e3, 500);
      ratio_row(results, rows, "  likewise, per event", name(subject) + "/event", bare_loop(16), 0);
    }
  };
}

}  // namespace seqlab::bench
