// `seqlab compare`: the statistics, what is measured from records, the matrix, its reports.
#include "analysis/compare/matrix.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "analysis/compare/matrix_report.hpp"
#include "protocols/derivation/settlement.hpp"
#include "protocols/l1/block.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/world/run.hpp"
#include "tests/analysis/shell.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using sim::CommitLevel;
using sim::Record;
using sim::RecordKind;

namespace {

const scenarios::Library library{SEQLAB_SOURCE_DIR "/scenarios"};

bool near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance; }

SimTime at_ms(std::int64_t ms) { return time_zero + ms * 1ms; }

/// Records by hand, for a design with three nodes and a client n3.
class Story {
 public:
  Measurement m{3};

  Story& tell(std::int64_t ms, Record r) {
    r.at = at_ms(ms);
    m.on_record(r);
    return *this;
  }
  Story& submitted(std::int64_t ms, std::uint64_t tx, std::uint32_t account = 0, NodeId near = NodeId{0}) {
    return tell(ms,
                Record{.kind = RecordKind::tx_submitted, .node = NodeId{3}, .peer = near, .round = account, .b = tx});
  }
  Story& committed(std::int64_t ms, std::uint32_t node, std::uint64_t height, std::uint64_t block, CommitLevel level) {
    return tell(ms, Record{.kind = RecordKind::committed,
                           .detail = static_cast<std::uint8_t>(level),
                           .node = NodeId{node},
                           .height = height,
                           .b = block});
  }
  Story& included(std::int64_t ms, std::uint32_t node, std::uint64_t height, std::uint64_t tx,
                  std::uint8_t status = 0) {
    return tell(
        ms, Record{.kind = RecordKind::tx_included, .detail = status, .node = NodeId{node}, .height = height, .b = tx});
  }
};

/// The waits that were over, in milliseconds; one that was not counts as -1.
std::vector<std::int64_t> ms_of(const std::vector<Wait>& waits) {
  std::vector<std::int64_t> out;
  for (const Wait& w : waits) out.push_back(w.over ? w.ns / 1'000'000 : -1);
  return out;
}

constexpr const char* fast_environment =
    "network: {latency: {model: constant, mean: 10ms}}\n"
    "workload: {arrivals: poisson, clients: 3, accounts: 6, rate: 40tx/s, retry_after: 1s}\n";

/// A small matrix over files of its own.
struct Small {
  test::Shell shell;
  Small() {
    shell.write("one.yaml", "engine: centralised\ncentralised: {block_interval: 500ms}\ncommittee: {count: 4}\n");
    shell.write("many.yaml",
                "engine: tendermint\ntendermint: {timeout_commit: 200ms, timeout_propose: 500ms}\n"
                "committee: {count: 4}\n");
    shell.write("fast.yaml", fast_environment);
  }
};

const nlohmann::json* row_of(const nlohmann::json& document, const std::string& design, const std::string& metric) {
  for (const nlohmann::json& row : document["rows"]) {
    if (row["design"] == design && row["metric"] == metric) return &row;
  }
  return nullptr;
}

std::string without_wall_time(const std::string& text) {
  std::string out;
  for (const std::string& line : test::lines_of(text)) {
    if (line.find("wall") == std::string::npos) out += line + '\n';
  }
  return out;
}

}  // namespace

// ---- statistics -----------------------------------------------------------------------------------------------------

TEST_CASE("quantiles of Student's t are those of the tables", "[analysis][compare]") {
  CHECK(near(student_t_quantile(0.975, 1), 12.7062, 1e-4));
  CHECK(near(student_t_quantile(0.975, 2), 4.30265, 1e-5));
  CHECK(near(student_t_quantile(0.975, 7), 2.36462, 1e-5));
  CHECK(near(student_t_quantile(0.975, 30), 2.04227, 1e-5));
  CHECK(near(student_t_quantile(0.975, 100'000), 1.95999, 1e-4));
  CHECK(near(student_t_quantile(0.95, 5), 2.01505, 1e-5));
  CHECK(near(student_t_quantile(0.995, 10), 3.16927, 1e-5));
  CHECK(near(student_t_quantile(0.025, 7), -2.36462, 1e-5));
  CHECK(near(student_t_quantile(0.5, 4), 0, 1e-9));
}

TEST_CASE("an interval is mean and t times the standard error", "[analysis][compare]") {
  // 1 ... 5: s = sqrt(2.5), t(4) = 2.776445, half width 1.963243.
  const std::vector<double> values{5, 1, 4, 2, 3};
  const Estimate e = estimate(values).value();
  CHECK(near(e.mean, 3, 1e-12));
  CHECK(near(e.low.value(), 3 - 1.963243, 1e-5));
  CHECK(near(e.high.value(), 3 + 1.963243, 1e-5));
  CHECK_FALSE(estimate({}));
  const std::vector<double> one{7};
  CHECK(estimate(one) == Estimate{7, {}, {}});
  const std::vector<double> equal{0.1, 0.1, 0.1};
  CHECK(estimate(equal) == Estimate{0.1, 0.1, 0.1});
}

TEST_CASE("intervals cover the truth as often as they say", "[analysis][compare]") {
  // Sums of twelve even draws from a linear congruence are near enough to normal.
  std::uint64_t state = 1;
  const auto draw = [&state] {
    double sum = -6;
    for (int i = 0; i < 12; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      sum += static_cast<double>(state >> 11U) * 0x1p-53;
    }
    return sum;
  };
  int covered = 0;
  constexpr int rounds = 4000;
  for (int i = 0; i < rounds; ++i) {
    std::vector<double> values(5);
    for (double& v : values) v = draw();
    const Estimate e = estimate(values).value();
    if (*e.low <= 0 && 0 <= *e.high) ++covered;
  }
  CHECK(near(static_cast<double>(covered) / rounds, 0.95, 0.015));
}

TEST_CASE("a quantile is known unless a wait that goes on could change it", "[analysis][compare]") {
  const auto ms = [](std::int64_t n, bool over = true) { return Wait{n * 1'000'000, over}; };
  CHECK_FALSE(wait_quantile({}, 500'000));
  CHECK(wait_quantile({ms(4), ms(1), ms(3), ms(2)}, 500'000) == Sample{2, false});
  CHECK(wait_quantile({ms(4), ms(1), ms(3), ms(2)}, 990'000) == Sample{4, false});
  CHECK(wait_quantile({ms(1), ms(2), ms(9, false)}, 500'000) == Sample{2, false});  // it lasts longer in any case
  CHECK(wait_quantile({ms(1, false), ms(2), ms(3)}, 500'000) == Sample{2, true});   // it may become the longest
  CHECK(wait_quantile({ms(1), ms(2), ms(9, false)}, 990'000) == Sample{9, true});
  CHECK(wait_max({ms(5), ms(2, false)}) == Sample{5, true});
}

// ---- measurement ----------------------------------------------------------------------------------------------------

TEST_CASE("a transaction is soft and ordered where its user sees it", "[analysis][compare]") {
  Story s;
  s.submitted(100, 1).submitted(150, 2, 5, NodeId{1}).submitted(160, 3);
  s.committed(200, 0, 1, 77, CommitLevel::soft);  // taken back: another block comes at that height
  s.committed(250, 0, 1, 78, CommitLevel::soft);
  s.committed(290, 1, 1, 78, CommitLevel::final).included(290, 1, 1, 1).included(290, 1, 1, 2);
  s.committed(300, 0, 1, 78, CommitLevel::final).included(300, 0, 1, 1).included(300, 0, 1, 2);
  s.committed(400, 0, 2, 79, CommitLevel::final).included(400, 0, 2, 3, 1);  // executed in vain
  s.m.finish(at_ms(1000));
  CHECK(ms_of(s.m.ordered(at_ms(0), at_ms(1000))) == std::vector<std::int64_t>{200, 140, -1});
  CHECK(ms_of(s.m.soft(at_ms(0), at_ms(1000))) == std::vector<std::int64_t>{150, 140, -1});
  CHECK(ms_of(s.m.ordered(at_ms(120), at_ms(155))) == std::vector<std::int64_t>{140});
  CHECK(ms_of(s.m.ordered_anywhere(at_ms(0), at_ms(1000), 5)) == std::vector<std::int64_t>{140});
  CHECK_FALSE(s.m.settled(at_ms(0), at_ms(1000)));
  CHECK_FALSE(s.m.l1_cost());
}

TEST_CASE("corrupt nodes order nothing, and what comes after the healing does not count", "[analysis][compare]") {
  Story s;
  s.tell(0, Record{.kind = RecordKind::corrupt, .node = NodeId{2}});
  s.submitted(100, 1).included(200, 2, 1, 1);
  s.tell(500, Record{.kind = RecordKind::healing_started});
  s.included(600, 0, 1, 1);
  s.m.finish(at_ms(9000));
  const std::vector<Wait> waits = s.m.ordered_anywhere(at_ms(0), at_ms(1000), 0);
  REQUIRE(waits.size() == 1);
  CHECK_FALSE(waits[0].over);
  CHECK(waits[0].ns == 400'000'000);
  CHECK(s.m.outage(at_ms(100)) == Sample{400, true});
}

TEST_CASE("an outage is the longest time without an order after the crash", "[analysis][compare]") {
  Story s;
  for (std::uint64_t i = 1; i <= 4; ++i) s.submitted(10, i);
  s.included(100, 0, 1, 1).included(900, 0, 2, 2).included(1600, 0, 3, 3).included(1700, 0, 4, 4);
  s.m.finish(at_ms(2000));
  CHECK(s.m.outage(at_ms(500)) == Sample{700, false});  // not the 800 ms that began before
  CHECK(s.m.outage(at_ms(1650)) == Sample{300, true});  // it goes on when the run ends
  CHECK_FALSE(Measurement{3}.outage(at_ms(0)));
}

TEST_CASE("throughput does not depend on where blocks begin", "[analysis][compare]") {
  Story s;
  for (std::uint64_t i = 1; i <= 30; ++i) s.submitted(10, i);
  for (std::uint64_t i = 1; i <= 30; ++i) s.included(static_cast<std::int64_t>(500 + 1000 * ((i - 1) / 10)), 0, i, i);
  s.m.finish(at_ms(4000));
  CHECK(s.m.ordered_rate(at_ms(0), at_ms(4000)) == 10.0);  // ten a second, at 0.5, 1.5 and 2.5 s
  CHECK(s.m.ordered_rate(at_ms(600), at_ms(4000)) == 10.0);
  CHECK_FALSE(s.m.ordered_rate(at_ms(600), at_ms(1600)));  // one block is no rate
}

TEST_CASE("a transaction is settled when a reader of layer 1 says so of its block", "[analysis][compare]") {
  Story s;
  s.submitted(0, 1).submitted(0, 2).submitted(0, 3);
  s.included(10, 0, 1, 1).included(20, 0, 2, 2).included(30, 0, 3, 3);
  const auto head = [&](std::int64_t ms, protocols::HeadKind kind, std::uint64_t height) {
    s.tell(
        ms,
        Record{
            .kind = RecordKind::head, .detail = static_cast<std::uint8_t>(kind), .node = NodeId{1}, .height = height});
  };
  head(50, protocols::HeadKind::ordered, 3);
  head(60, protocols::HeadKind::committed, 3);
  head(100, protocols::HeadKind::settled, 2);
  s.m.finish(at_ms(1000));
  CHECK(ms_of(s.m.settled(at_ms(0), at_ms(1000)).value()) == std::vector<std::int64_t>{100, 100, -1});
}

TEST_CASE("without readers a block is settled when its DA writer has it deep enough", "[analysis][compare]") {
  Story s;
  s.submitted(0, 1).submitted(0, 2);
  s.included(10, 0, 1, 1).included(20, 0, 4, 2);
  s.tell(300, Record{.kind = RecordKind::da_confirmed, .node = NodeId{1}, .round = 2, .height = 1});
  s.m.finish(at_ms(1000));
  CHECK(ms_of(s.m.settled(at_ms(0), at_ms(1000)).value()) == std::vector<std::int64_t>{300, -1});
}

TEST_CASE("the cost on layer 1 is what the rollup paid for what is written there", "[analysis][compare]") {
  Story s;
  for (std::uint64_t i = 1; i <= 4; ++i) s.submitted(0, i).included(10, 0, i, i);
  const auto paid = [&](protocols::L1TxKind kind, std::int64_t fee) {
    s.tell(50, Record{.kind = RecordKind::l1_paid,
                      .flags = static_cast<std::uint16_t>(kind),
                      .node = NodeId{0},
                      .a = static_cast<std::uint64_t>(fee)});
  };
  paid(protocols::L1TxKind::batch, 500);
  paid(protocols::L1TxKind::batch, -500);  // a reorganisation took it, and it came again at another price
  paid(protocols::L1TxKind::batch, 600);
  paid(protocols::L1TxKind::proof, 300);
  paid(protocols::L1TxKind::forced, 7777);  // a user's
  s.tell(60, Record{.kind = RecordKind::da_block, .node = NodeId{0}, .height = 3});
  s.m.finish(at_ms(100));
  CHECK(s.m.l1_cost() == 300.0);  // the fourth block is not there yet
}

TEST_CASE("a forced item waits from layer 1 until an honest node has done it", "[analysis][compare]") {
  Story s;
  s.tell(100, Record{.kind = RecordKind::forced_sent, .node = NodeId{3}, .b = 9});
  s.tell(200, Record{.kind = RecordKind::forced_sent, .node = NodeId{3}, .b = 10});
  s.tell(700, Record{.kind = RecordKind::forced_done, .node = NodeId{1}, .b = 9});
  s.tell(800, Record{.kind = RecordKind::forced_done, .node = NodeId{0}, .b = 9});
  s.m.finish(at_ms(1000));
  CHECK(ms_of(s.m.forced()) == std::vector<std::int64_t>{600, -1});
}

TEST_CASE("proposers are told by when and how often they proposed", "[analysis][compare]") {
  Story s;
  for (const auto& [ms, node] : {std::pair{10, 2U}, {20, 1U}, {30, 2U}, {40, 0U}, {50, 1U}, {60, 2U}}) {
    s.tell(ms, Record{.kind = RecordKind::proposed, .node = NodeId{node}});
  }
  CHECK(s.m.proposer_after(at_ms(40)) == NodeId{0});
  CHECK(s.m.proposer_after(at_ms(41)) == NodeId{1});
  CHECK_FALSE(s.m.proposer_after(at_ms(61)));
  CHECK(s.m.busiest_proposers(1) == std::vector<NodeId>{NodeId{2}});
  CHECK(s.m.busiest_proposers(2) == std::vector<NodeId>{NodeId{1}, NodeId{2}});
}

// ---- the matrix -----------------------------------------------------------------------------------------------------

TEST_CASE("designs under one seed have the same users", "[analysis][compare]") {
  struct Arrivals final : sim::RecordObserver {
    std::vector<Record> seen;
    void on_record(const Record& r) override { seen.push_back(r); }
  };
  const auto arrivals = [&](const std::string& design, std::uint64_t seed) {
    const scenarios::Scenario s = load_pair(design, "aws5", "10s", library, {});
    Arrivals out;
    scenarios::RunOptions options;
    options.observers.emplace_back(&out, sim::mask_of(RecordKind::tx_submitted));
    scenarios::run(s, scenarios::Plan{seed}, options);
    std::erase_if(out.seen, [](const Record& r) { return r.at >= time_zero + 10s; });
    for (Record& r : out.seen) {  // clients are numbered after the nodes, and their number is part of the id
      r.node = NodeId{r.node.value - s.design.committee.count};
      r.with_id({});
    }
    return out.seen;
  };
  const std::vector<Record> today = arrivals("optimism-today", 3);
  CHECK(today.size() > 300);
  CHECK((today == arrivals("optimism-bft", 3)));
  CHECK((today == arrivals("shared-sequencer", 3)));
  CHECK_FALSE((today == arrivals("optimism-today", 4)));
}

TEST_CASE("every design of the library that has five nodes runs in the five regions", "[analysis][compare]") {
  const scenarios::AdversarySpec censor = censor_of(library);
  for (const char* name :
       {"warp-today", "warp-step-1", "citrea-today", "citrea-bft", "optimism-today", "optimism-rotating",
        "optimism-bft", "arbitrum-like", "based-ethereum", "shared-sequencer"}) {
    INFO(name);
    const Cell cell = run_cell(load_pair(name, "aws5", "30s", library, {}), censor, 1, {});
    CHECK(cell.error.empty());
    CHECK_FALSE(cell.interrupted);
    for (const Metric metric : {Metric::soft_p50, Metric::ordered_p99, Metric::outage, Metric::censorship,
                                Metric::throughput, Metric::messages}) {
      CHECK(cell.samples[static_cast<std::size_t>(metric)].has_value());
    }
    CHECK(cell.samples[static_cast<std::size_t>(Metric::violations)] == Sample{0, false});
    CHECK_FALSE(cell.samples[static_cast<std::size_t>(Metric::forced_p50)].has_value());
  }
}

TEST_CASE("one sequencer that goes off or censors is without remedy, a committee recovers", "[analysis][compare]") {
  const scenarios::AdversarySpec censor = censor_of(library);
  const auto cell = [&](const char* name) {
    return run_cell(load_pair(name, "aws5", "60s", library, {}), censor, 1, {});
  };
  const auto get = [](const Cell& c, Metric m) { return c.samples[static_cast<std::size_t>(m)].value(); };
  const Cell today = cell("optimism-today");
  const Cell bft = cell("optimism-bft");
  CHECK(get(today, Metric::outage).at_least);
  CHECK(get(today, Metric::outage).value > 39'000);
  CHECK(get(today, Metric::censorship).at_least);
  CHECK_FALSE(get(bft, Metric::outage).at_least);
  CHECK(get(bft, Metric::outage).value < 10'000);
  CHECK_FALSE(get(bft, Metric::censorship).at_least);
  CHECK(get(bft, Metric::outage).value > get(bft, Metric::ordered_p50).value);  // a crash is noticed
  CHECK(get(bft, Metric::censorship).value > get(bft, Metric::ordered_p99).value);
}

TEST_CASE("differences are paired by seed, and a metric that is missing stays missing", "[analysis][compare]") {
  MatrixOptions o;
  o.designs = {"a", "b"};
  o.environments = {"e"};
  o.scenarios.resize(2);
  o.seeds = 3;
  std::vector<Cell> cells(6);
  const auto put = [&](std::size_t cell, Metric m, double v, bool at_least = false) {
    cells[cell].samples[static_cast<std::size_t>(m)] = Sample{v, at_least};
  };
  for (std::size_t k = 0; k < 3; ++k) {
    put(k, Metric::soft_p50, 100.0 * static_cast<double>(k));
    put(3 + k, Metric::soft_p50, 100.0 * static_cast<double>(k) + 5);
    put(3 + k, Metric::forced_p50, 1);
    put(k, Metric::outage, 50, k == 0);
    put(3 + k, Metric::outage, 20);
  }
  const std::vector<Row> rows = rows_of(o, cells);
  const auto row = [&](std::size_t design, Metric m) -> const Row* {
    for (const Row& r : rows) {
      if (r.design == design && r.metric == m) return &r;
    }
    return nullptr;
  };
  REQUIRE(row(1, Metric::soft_p50) != nullptr);
  CHECK(row(1, Metric::soft_p50)->value.mean == 105);
  CHECK(row(1, Metric::soft_p50)->difference == Estimate{5, 5, 5});  // exact, although the seeds are far apart
  CHECK_FALSE(row(0, Metric::soft_p50)->difference);
  CHECK(row(0, Metric::forced_p50) == nullptr);
  CHECK_FALSE(row(1, Metric::forced_p50)->difference);
  CHECK(row(0, Metric::outage)->at_least);
  CHECK_FALSE(row(1, Metric::outage)->at_least);
  CHECK_FALSE(row(1, Metric::outage)->difference);  // from an unknown value
  CHECK(rows.size() == 5);
}

TEST_CASE("what our own code throws in a run is a row, not the end", "[analysis][compare]") {
  MatrixOptions o;
  o.designs = {"optimism-today"};
  o.environments = {"aws5"};
  o.scenarios = {load_pair("optimism-today", "aws5", "5s", library, {})};
  o.censor = censor_of(library);
  o.seeds = 2;
  o.go_on = [calls = std::make_shared<int>(0)](std::size_t done) -> bool {
    if (done == 0 && ++*calls == 2) throw std::logic_error("a bug of ours");  // inside the first run
    return true;
  };
  const Matrix matrix = run_matrix(o);
  CHECK(matrix.cells[0].error == "a bug of ours");
  CHECK(matrix.cells[1].error.empty());
  CHECK(exit_code(matrix) == 4);
  REQUIRE_FALSE(matrix.rows.empty());
  CHECK(matrix.rows.front().seeds == 1);
  const MatrixReport report{o, matrix, "5s", "", 0};
  CHECK(to_text(report).find("BUG            optimism-today in aws5, seed 1: a bug of ours") != std::string::npos);
  CHECK(nlohmann::json::parse(to_json(report))["errors"].size() == 1);
}

// ---- the program ----------------------------------------------------------------------------------------------------

TEST_CASE("compare prints one JSON object of its schema, whatever the threads", "[analysis][compare][program]") {
  const Small small;
  const std::string line = "seqlab compare one many --environment fast --seeds 3 --after 10s --csv rows.csv --json";
  const test::Outcome first = small.shell(line + " --jobs 1");
  const std::string csv = read_file(small.shell.path("rows.csv"));
  const test::Outcome second = small.shell(line + " --jobs 2");
  CHECK(first.code == 0);
  CHECK(first.err.empty());
  CHECK(without_wall_time(first.out) == without_wall_time(second.out));
  CHECK(csv == read_file(small.shell.path("rows.csv")));

  const nlohmann::json document = nlohmann::json::parse(first.out);
  const nlohmann::json schema = nlohmann::json::parse(small.shell("seqlab schema --compare").out);
  const auto keys = [](const nlohmann::json& object) {
    std::set<std::string> out;
    for (const auto& [key, value] : object.items()) out.insert(key);
    return out;
  };
  CHECK(document["schema"] == schema["properties"]["schema"]["const"]);
  CHECK(keys(document) == keys(schema["properties"]));
  const nlohmann::json& row_schema = schema["properties"]["rows"]["items"]["properties"];
  REQUIRE(document["rows"].size() > 10);
  for (const nlohmann::json& row : document["rows"]) {
    CHECK(keys(row) == keys(row_schema));
    CHECK(row["low"] <= row["mean"]);
    CHECK(row["mean"] <= row["high"]);
    const nlohmann::json& names = row_schema["metric"]["enum"];
    CHECK(std::find(names.begin(), names.end(), row["metric"]) != names.end());
    CHECK(row["paired_difference"].is_null() ==
          (row["design"] == "one" || row["metric"] == "outage" || row["metric"] == "censorship"));
  }
  REQUIRE(row_of(document, "many", "ordered_p50") != nullptr);
  CHECK(row_of(document, "many", "ordered_p50")->at("unit") == "ms");
  CHECK(row_of(document, "many", "l1_cost") == nullptr);  // no layer 1: absent, not 0
  CHECK(row_of(document, "one", "outage")->at("at_least") == true);

  const std::vector<std::string> lines = test::lines_of(csv);
  CHECK(lines.size() == document["rows"].size() + 1);
  const auto commas = std::count(lines.front().begin(), lines.front().end(), ',');
  for (const std::string& one : lines) CHECK(std::count(one.begin(), one.end(), ',') == commas);
}

TEST_CASE("compare's table has a dash where a design lacks what another has", "[analysis][compare]") {
  MatrixOptions o;
  o.designs = {"a", "b"};
  o.environments = {"e"};
  o.scenarios.resize(2);
  o.scenarios[1].design.l1 = "bitcoin";
  o.seeds = 1;
  Matrix matrix;
  matrix.cells.resize(2);
  matrix.cells[1].samples[static_cast<std::size_t>(Metric::l1_cost)] = Sample{12.5};
  matrix.rows = rows_of(o, matrix.cells);
  const std::string text = to_text({o, matrix, "60s", "", 0});
  CHECK(text.find("  L1 cost a transaction  -                       12.5 sat\n") != std::string::npos);
  CHECK(text.find("none here has  soft confirmation p50") != std::string::npos);
}

TEST_CASE("compare refuses what it cannot run, and names it", "[analysis][compare][program]") {
  const Small small;
  const auto refused = [&](const std::string& arguments, const std::vector<std::string>& parts) {
    const test::Outcome outcome = small.shell("seqlab compare " + arguments);
    INFO(arguments << "\n" << outcome.err);
    CHECK(outcome.code == 3);
    CHECK(outcome.out.empty());
    for (const std::string& part : parts) CHECK(test::contains(outcome.err, part));
  };
  refused("optimism-tody nobody --environment aws5 aws55",
          {"no design `optimism-tody` (did you mean `optimism-today`?", "no design `nobody`",
           "no environment `aws55` (did you mean `aws5`?"});
  refused("one one --environment fast", {"`one` is named twice"});
  refused("one --environment aws5", {"one in aws5: 4 nodes for users in 5 regions"});
  refused(
      "one many --environment fast --set design.committee.count=2 --set environment.faults='[{at: 1s, crash: [n3]}]'",
      {"one in fast", "many in fast", "n3 does not exist"});
  refused("one --environment fast --seeds 0", {"--seeds", "`0`"});
  refused("one --environment fast --jobs none", {"--jobs"});
  refused("one --environment fast --after 10", {"--after", "`10`"});
  refused("one --environment fast --seed 18446744073709551615 --seeds 2", {"--seed"});
  refused("one --environment fast --set nonsense", {"`nonsense` is not an override"});
  refused("one --environment fast --csv no/such/folder/rows.csv", {"no/such/folder/rows.csv"});
  refused("one", {"--environment"});
  small.shell.write("broken.yaml", "engine: tendermint\ncommittee: {count: none}\n");
  refused("broken --environment fast", {"broken.yaml:2", "broken in fast"});
}
