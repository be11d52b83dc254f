#include "analysis/compare/matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "scenarios/spec/table.hpp"
#include "scenarios/world/run.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::RunResult;
using scenarios::Scenario;

constexpr std::uint32_t victim = 0;
constexpr std::uint32_t half_ppm = 500'000, p99_ppm = 990'000;
constexpr std::string_view synthetic_file = "compare";

constexpr std::array<MetricInfo, metric_count> metric_table{{
    {Metric::soft_p50, "soft_p50", "soft confirmation p50", "ms", "submission to the first promise at the user's node"},
    {Metric::soft_p99, "soft_p99", "soft confirmation p99", "ms", "likewise, of 99 in 100 transactions"},
    {Metric::ordered_p50, "ordered_p50", "final order p50", "ms", "submission to the final order at the user's node"},
    {Metric::ordered_p99, "ordered_p99", "final order p99", "ms", "likewise, of 99 in 100 transactions"},
    {Metric::settled_p50, "settled_p50", "settled on L1 p50", "ms", "submission to its block being final on layer 1"},
    {Metric::settled_p99, "settled_p99", "settled on L1 p99", "ms", "likewise, of 99 in 100 transactions"},
    {Metric::throughput, "throughput", "throughput", "tx/s", "transactions that came to have a final place"},
    {Metric::outage, "outage", "outage after a crash", "ms",
     "longest time without a newly ordered transaction after the next proposer was switched off for good"},
    {Metric::censorship, "censorship", "longest censorship", "ms",
     "longest wait of the account that corrupt proposers leave out"},
    {Metric::forced_p50, "forced_p50", "forced item p50", "ms", "an item sent to layer 1 until the rollup has done it"},
    {Metric::l1_cost, "l1_cost", "L1 cost a transaction", "", "fees paid to layer 1 by the rollup"},
    {Metric::messages, "messages", "messages a transaction", "1/tx", "sent between machines, one a receiver"},
    {Metric::bytes, "bytes", "bytes a transaction", "B/tx", "on the wire"},
    {Metric::violations, "violations", "broken properties", "findings", "within what the design promises to survive"},
    {Metric::outside_model, "outside_model", "broken beyond model", "findings",
     "where more was corrupt than the design promises to survive"},
}};

/// One run under observation.
struct Observed {
  explicit Observed(const Scenario& scenario) : measurement(scenario.design.committee.count) {}
  Measurement measurement;
  RunResult result;
};

void observe(Observed& out, const Scenario& scenario, std::uint64_t seed, const std::function<bool()>& go_on) {
  scenarios::RunOptions options;
  options.observers.emplace_back(&out.measurement, Measurement::kinds());
  if (go_on) options.on_progress = [&go_on](SimTime, std::uint64_t) { return go_on(); };
  out.result = scenarios::run(scenario, scenarios::Plan{seed}, options);
  out.measurement.finish(out.result.end);
}

class CellRun {
 public:
  CellRun(const Scenario& scenario, const scenarios::AdversarySpec& censor, std::uint64_t seed,
          const std::function<bool()>& go_on)
      : scenario_(scenario), censor_(censor), seed_(seed), go_on_(go_on), after_(scenario.stop.after) {}

  Cell run() {
    Observed plain(scenario_);
    observe(plain, scenario_, seed_, go_on_);
    if (!take(plain, "as it is")) return std::move(cell_);
    measure(plain);
    if (!crash(plain.measurement) || !censor(plain.measurement)) return std::move(cell_);
    std::uint64_t inside = 0;
    std::uint64_t outside = 0;
    for (const CellFinding& f : cell_.findings) ++(f.outside_model ? outside : inside);
    put(Metric::violations, Sample{static_cast<double>(inside)});
    put(Metric::outside_model, Sample{static_cast<double>(outside)});
    return std::move(cell_);
  }

 private:
  void put(Metric metric, const std::optional<Sample>& sample) {
    cell_.samples[static_cast<std::size_t>(metric)] = sample;
  }

  /// False if the run was interrupted: then the cell says nothing.
  bool take(const Observed& observed, const char* run) {
    for (const scenarios::Finding& f : observed.result.findings) {
      cell_.findings.push_back({run, f.checker, f.text, f.outside_model});
    }
    cell_.interrupted = observed.result.stopped == sim::StopReason::interrupted;
    if (cell_.interrupted) cell_.samples = {};
    return !cell_.interrupted;
  }

  /// The first tenth is warming up; what comes in the last quarter may not be done when the time is over.
  SimTime from() const { return time_zero + after_ / 10; }
  SimTime to() const { return time_zero + after_ * 3 / 4; }

  void measure(const Observed& plain) {
    const Measurement& m = plain.measurement;
    const std::vector<Wait> ordered = m.ordered(from(), to());
    const std::vector<Wait> soft = m.soft(from(), to());
    put(Metric::soft_p50, wait_quantile(soft, half_ppm));
    put(Metric::soft_p99, wait_quantile(soft, p99_ppm));
    put(Metric::ordered_p50, wait_quantile(ordered, half_ppm));
    put(Metric::ordered_p99, wait_quantile(ordered, p99_ppm));
    if (const auto settled = m.settled(from(), to())) {
      put(Metric::settled_p50, wait_quantile(*settled, half_ppm));
      put(Metric::settled_p99, wait_quantile(*settled, p99_ppm));
    }
    put(Metric::forced_p50, wait_quantile(m.forced(), half_ppm));
    if (const std::optional<double> cost = m.l1_cost()) put(Metric::l1_cost, Sample{*cost});
    if (ordered.empty()) return;
    if (const std::optional<double> rate = m.ordered_rate(from(), time_zero + after_)) {
      put(Metric::throughput, Sample{*rate});
    }
    const scenarios::RunResult& r = plain.result;
    if (r.metrics.tx_included == 0) return;
    const auto transactions = static_cast<double>(r.metrics.tx_included);
    put(Metric::messages, Sample{static_cast<double>(r.messages.sent) / transactions});
    put(Metric::bytes, Sample{static_cast<double>(r.messages.bytes) / transactions});
  }

  bool crash(const Measurement& plain) {
    const Duration at = after_ / 3;
    const std::optional<NodeId> next = plain.proposer_after(time_zero + at);
    if (!next || scenario_.design.committee.count < 2) return true;
    Scenario crashed = scenario_;
    scenarios::FaultSpec fault;
    fault.when.at = at;
    fault.what = scenarios::fault::Crash{{*next}, sim::DiskFault::unsynced_lost};
    crashed.environment.faults.push_back(std::move(fault));
    Observed observed(crashed);
    observe(observed, crashed, seed_, go_on_);
    if (!take(observed, "crash")) return false;
    put(Metric::outage, observed.measurement.outage(time_zero + at));
    return true;
  }

  bool censor(const Measurement& plain) {
    const std::uint32_t count = scenario_.design.committee.count;
    const std::vector<NodeId> corrupt = plain.busiest_proposers(std::max(1U, (count - 1) / 3));
    if (corrupt.empty() || count < 2) return true;
    Scenario censored = scenario_;
    censored.environment.adversaries = {censor_};
    censored.environment.adversaries.front().nodes = corrupt;
    Observed observed(censored);
    observe(observed, censored, seed_, go_on_);
    if (!take(observed, "censor")) return false;
    put(Metric::censorship, wait_max(observed.measurement.ordered_anywhere(from(), to(), victim)));
    return true;
  }

  const Scenario& scenario_;
  const scenarios::AdversarySpec& censor_;
  std::uint64_t seed_;
  const std::function<bool()>& go_on_;
  Duration after_;
  Cell cell_;
};

std::string quoted(const std::string& word) {
  return nlohmann::json(word).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::span<const MetricInfo> metric_list() { return metric_table; }

std::string unit_of(Metric metric, const scenarios::Design& design) {
  const MetricInfo& info = metric_table[static_cast<std::size_t>(metric)];
  SEQLAB_ASSERT(info.metric == metric, info.name);
  if (metric != Metric::l1_cost) return std::string{info.unit};
  const protocols::L1Profile* chain = protocols::find_l1_profile(design.l1);
  return fmt::format("{}/tx", chain == nullptr ? "base" : chain->fee_unit);
}

std::string scenario_of(const std::string& design, const std::string& environment, const std::string& after) {
  return fmt::format("schema: {}\ndesign: {{use: {}}}\nenvironment: {{use: {}}}\nstop: {{after: {}}}\n",
                     scenarios::scenario_schema_name, quoted(design), quoted(environment), after);
}

Scenario load_pair(const std::string& design, const std::string& environment, const std::string& after,
                   const scenarios::Library& library, const scenarios::Overrides& overrides) {
  try {
    Scenario scenario = scenarios::parse_scenario(scenario_of(design, environment, after), std::string{synthetic_file},
                                                  library, overrides);
    scenario.name = design + " in " + environment;
    return scenario;
  } catch (const scenarios::InputError& error) {
    std::vector<scenarios::Problem> problems = error.problems();
    for (scenarios::Problem& p : problems) {
      if (p.file == synthetic_file) {  // nobody wrote that file
        p.file = design + " in " + environment;
        p.line = p.column = 0;
      } else {
        p.text += fmt::format(" ({} in {})", design, environment);
      }
    }
    throw scenarios::InputError(std::move(problems));
  }
}

scenarios::AdversarySpec censor_of(const scenarios::Library& library) {
  const std::string text = fmt::format(
      "schema: {}\ndesign: {{committee: {{count: 4}}}}\n"
      "environment: {{adversaries: [{{script: censor_sender, nodes: [n0], params: {{account: {}}}}}]}}\n",
      scenarios::scenario_schema_name, victim);
  scenarios::AdversarySpec censor =
      scenarios::parse_scenario(text, std::string{synthetic_file}, library).environment.adversaries.front();
  censor.nodes.clear();
  return censor;
}

Cell run_cell(const Scenario& scenario, const scenarios::AdversarySpec& censor, std::uint64_t seed,
              const std::function<bool()>& go_on) {
  Cell failed;
  try {
    return CellRun(scenario, censor, seed, go_on).run();
  } catch (const std::exception& error) {
    failed.error = error.what();
  }
  return failed;
}

Matrix run_matrix(const MatrixOptions& o) {
  SEQLAB_ASSERT(o.scenarios.size() == o.designs.size() * o.environments.size(), o.scenarios.size());
  Matrix out;
  out.cells.resize(o.scenarios.size() * o.seeds);
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  std::atomic<bool> ended{false};
  const std::function<bool()> go_on = [&] {
    if (!ended.load(std::memory_order_relaxed) && o.go_on && !o.go_on(done.load(std::memory_order_relaxed)))
      ended.store(true, std::memory_order_relaxed);
    return !ended.load(std::memory_order_relaxed);
  };
  const auto work = [&] {
    while (true) {
      const std::size_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= out.cells.size()) return;
      if (go_on()) {
        out.cells[i] = run_cell(o.scenarios[i / o.seeds], o.censor, o.seed + i % o.seeds, go_on);
      } else {
        out.cells[i].interrupted = true;
      }
      done.fetch_add(1, std::memory_order_relaxed);
    }
  };
  std::vector<std::thread> others;
  for (std::uint32_t i = 1; i < o.jobs && i < out.cells.size(); ++i) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  out.interrupted = std::ranges::any_of(out.cells, [](const Cell& c) { return c.interrupted; });
  out.rows = rows_of(o, out.cells);
  return out;
}

std::vector<Row> rows_of(const MatrixOptions& o, const std::vector<Cell>& cells) {
  std::vector<Row> rows;
  const auto sample = [&](std::size_t pair, std::size_t metric, std::uint32_t k) -> const std::optional<Sample>& {
    return cells[pair * o.seeds + k].samples[metric];
  };
  for (std::size_t pair = 0; pair < o.scenarios.size(); ++pair) {
    const std::size_t design = pair % o.designs.size();
    const std::size_t first = pair - design;
    for (std::size_t metric = 0; metric < metric_count; ++metric) {
      Row row;
      row.design = design;
      row.environment = pair / o.designs.size();
      row.metric = metric_table[metric].metric;
      row.unit = unit_of(row.metric, o.scenarios[pair].design);
      std::vector<double> values;
      std::vector<double> differences;
      bool base_known = unit_of(row.metric, o.scenarios[first].design) == row.unit;
      for (std::uint32_t k = 0; k < o.seeds; ++k) {
        const std::optional<Sample>& own = sample(pair, metric, k);
        const std::optional<Sample>& base = sample(first, metric, k);
        if (base && base->at_least) base_known = false;
        if (!own) continue;
        values.push_back(own->value);
        row.at_least = row.at_least || own->at_least;
        if (base) differences.push_back(own->value - base->value);
      }
      const std::optional<Estimate> value = estimate(values);
      if (!value) continue;
      row.value = *value;
      row.seeds = static_cast<std::uint32_t>(values.size());
      if (design != 0 && base_known) row.difference = estimate(differences);
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace seqlab::analysis
