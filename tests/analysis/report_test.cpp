#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "analysis/report/format.hpp"
#include "analysis/report/result.hpp"
#include "tests/analysis/samples.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using scenarios::Verdict;
using Json = nlohmann::json;

TEST_CASE("durations keep three digits and the unit that fits", "[analysis][report]") {
  CHECK(human_duration(0ns) == "0 s");
  CHECK(human_duration(999ns) == "999 ns");
  CHECK(human_duration(1'500ns) == "1.50 us");
  CHECK(human_duration(312ms) == "312 ms");
  CHECK(human_duration(99'949us) == "99.9 ms");
  CHECK(human_duration(99'960us) == "100 ms");
  CHECK(human_duration(999'600us) == "1.00 s");
  CHECK(human_duration(61s) == "61.0 s");
  CHECK(human_duration(-2ms) == "-2.00 ms");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(999'600) == "1.00 MB");
  CHECK(human_count(1'234'567) == "1,234,567");
  CHECK(human_count(123) == "123");
}

TEST_CASE("shell words are quoted when a shell would change them, and only then", "[analysis][report]") {
  CHECK(shell_line({"seqlab", "run", "a/b.yaml", "--set", "stop.after=5s"}) ==
        "seqlab run a/b.yaml --set stop.after=5s");
  CHECK(shell_word("my file.yaml") == "'my file.yaml'");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("faults[0].at=1s") == "'faults[0].at=1s'");
  CHECK(shell_word("") == "''");
  CHECK(shell_word("$HOME") == "'$HOME'");
}

TEST_CASE("the text report of a run that held", "[analysis][report]") {
  CHECK(to_text(test::sample_report(), false) ==
        R"(HELD  equivocating-leader  seed 92
  every checker that applies found nothing, and the healed core made progress
  commits        38 to 40 by each honest node in 61.000 s of virtual time, rounds up to 3
  commit latency p50 300 ms, p90 300 ms, p99 300 ms, max 300 ms
  transactions   1,200 submitted, 1,190 confirmed, 7 retried
  messages       90,000 sent (9.80 MB), 88,000 delivered, 2,000 dropped
  on the way     1 crash, 1 partition, 1 offence reported
  adversary      equivocate on n3 (25.0 % of stake): forged 12, sent 44, withheld 12, )"
        R"(delayed 3 by up to 800 ms of 1.00 s, 0 refused
  liveness       progress
  digest         0123456789abcdeffedcba9876543210  (123,456 records)
  seed           92
  wall time      0.430 s, 1,234,567 events, peak memory 21.0 MB
  next           seqlab run equivocating-leader --seed 92 --out seqlab-runs/equivocating-leader-92 --trace
  next           seqlab run equivocating-leader --seed 93
)");
}

TEST_CASE("the text report of a violation names it first and ends with the line that repeats it",
          "[analysis][report]") {
  const std::string text = to_text(test::violated_report(), false);
  CHECK(text.rfind("FAIL  equivocating-leader  seed 92  agreement\n", 0) == 0);
  CHECK(text.find("  12.418 s: agreement: n0 and n2 committed different blocks at height 41 (7c1e in round 87, 03ab in "
                  "round 88) [n0, n2]\n") != std::string::npos);
  const std::string last = "  reproduce: seqlab run equivocating-leader --seed 92\n";
  CHECK(text.substr(text.size() - last.size()) == last);
}

TEST_CASE("the text report stays below 25 lines after the verdict whatever happened", "[analysis][report]") {
  Report report = test::violated_report();
  report.result.findings.resize(40, report.result.findings.front());
  report.result.budgets.resize(9, report.result.budgets.front());
  report.result.metrics.tx_latency.add(1'000'000);
  report.result.accused = {NodeId{0}};
  report.result.metrics.tx_submitted = report.result.metrics.crashes = 1;
  report.script_logs = {"one\ntwo\n"};
  report.run_folder = "runs/x";
  const std::string text = to_text(report, false);
  CHECK(std::count(text.begin(), text.end(), '\n') <= 26);
  CHECK(text.find("reproduce:") != std::string::npos);
}

TEST_CASE("colour touches the verdict alone", "[analysis][report]") {
  const std::string plain = to_text(test::sample_report(), false);
  const std::string painted = to_text(test::sample_report(), true);
  CHECK(plain.find('\033') == std::string::npos);
  CHECK(painted.rfind("\033[1;32mHELD\033[0m  ", 0) == 0);
  CHECK(painted.substr(painted.find('\n')) == plain.substr(plain.find('\n')));
}

TEST_CASE("exit codes follow verdict and expectation", "[analysis][report]") {
  struct Row {
    Verdict verdict;
    std::optional<Verdict> expected;
    bool as_expected;
    int code;
  };
  const auto [verdict, expected, as_expected, code] = GENERATE(
      Row{Verdict::held, {}, true, 0}, Row{Verdict::held, {}, false, 1}, Row{Verdict::violated, {}, true, 1},
      Row{Verdict::violated, {}, false, 1}, Row{Verdict::outside_model, {}, true, 2},
      Row{Verdict::undecided, {}, true, 2}, Row{Verdict::outside_model, Verdict::outside_model, true, 0},
      Row{Verdict::violated, Verdict::violated, true, 0}, Row{Verdict::held, Verdict::held, true, 0},
      Row{Verdict::held, Verdict::outside_model, false, 1}, Row{Verdict::violated, Verdict::outside_model, false, 1},
      Row{Verdict::undecided, Verdict::held, false, 2}, Row{Verdict::outside_model, Verdict::outside_model, false, 1});
  Report report = test::sample_report();
  report.result.verdict = verdict;
  report.expected = expected;
  report.result.as_expected = as_expected;
  CHECK(exit_code(report) == code);
  report.result.stopped = sim::StopReason::interrupted;
  CHECK(exit_code(report) == 2);
}

namespace {

/// Checks `value` against the part of draft-07 that our schema uses; returns what does not fit.
void validate(const Json& value, const Json& schema, const std::string& path, std::vector<std::string>& problems) {
  const auto is = [&value](const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    return type == "null" && value.is_null();
  };
  for (const auto& [key, rule] : schema.items()) {
    if (key == "type") {
      bool fits = false;
      for (const Json& type : rule.is_array() ? rule : Json::array({rule})) fits = fits || is(type.get<std::string>());
      if (!fits) problems.push_back(path + ": type");
    } else if (key == "const") {
      if (value != rule) problems.push_back(path + ": const");
    } else if (key == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) problems.push_back(path + ": enum");
    } else if (key == "pattern") {
      if (!value.is_string() || !std::regex_search(value.get<std::string>(), std::regex(rule.get<std::string>()))) {
        problems.push_back(path + ": pattern");
      }
    } else if (key == "minimum") {
      if (value.is_number() && value.get<double>() < rule.get<double>()) problems.push_back(path + ": minimum");
    } else if (key == "properties") {
      for (const auto& [name, part] : rule.items()) {
        if (value.is_object() && value.contains(name)) validate(value[name], part, path + "." + name, problems);
      }
    } else if (key == "required") {
      for (const Json& name : rule) {  // says nothing of what is no object: `type` does
        if (value.is_object() && !value.contains(name.get<std::string>())) {
          problems.push_back(path + ": missing " + name.get<std::string>());
        }
      }
    } else if (key == "additionalProperties") {
      if (!value.is_object()) continue;
      for (const auto& [name, part] : value.items()) {
        if (!schema["properties"].contains(name)) problems.push_back(path + ": unknown " + name);
      }
    } else if (key == "items") {
      for (std::size_t i = 0; i < value.size(); ++i)
        validate(value[i], rule, path + "[" + std::to_string(i) + "]", problems);
    } else if (key != "description" && key != "title" && key != "$schema") {
      problems.push_back(path + ": this test does not know the schema's word " + key);
    }
  }
}

std::vector<std::string> problems_of(const std::string& document) {
  std::vector<std::string> problems;
  validate(Json::parse(document), Json::parse(result_schema()), "result", problems);
  return problems;
}

}  // namespace

TEST_CASE("the JSON result fits the schema that the program prints", "[analysis][report]") {
  CHECK(problems_of(to_json(test::sample_report())).empty());
  Report report = test::violated_report();
  report.expected = Verdict::held;
  report.run_folder = "runs/x";
  CHECK(problems_of(to_json(report)).empty());
  CHECK(problems_of(to_json(Report{})).empty());
}

TEST_CASE("a report says what was written to layer 1 and forced from there, and nothing without one",
          "[analysis][report]") {
  Report report = test::sample_report();
  CHECK(Json::parse(to_json(report))["layer1"].is_null());
  report.l1 = "ethereum";
  CHECK(problems_of(to_json(report)).empty());
  CHECK(to_text(report, false).find("ethereum") == std::string::npos);  // nothing was written

  scenarios::Metrics& m = report.result.metrics;
  m.da_sent = 12;
  m.da_posted = 11;
  m.da_confirmed = 9;
  m.da_copies = 2;
  m.da_fees = 3'500'000;
  m.da_bytes = 90'000;
  m.da_latency.add(18'000'000'000);
  m.forced_sent = 4;
  m.forced_done = 3;
  m.forced_latency.add(60'000'000'000);
  CHECK(problems_of(to_json(report)).empty());
  const Json layer1 = Json::parse(to_json(report))["layer1"];
  CHECK(layer1["chain"] == "ethereum");
  CHECK(layer1["batches"] == Json{{"sent", 12}, {"readable", 11}, {"confirmed", 9}});
  CHECK(layer1["copies"] == 2);
  CHECK(layer1["fees"] == 3'500'000);
  CHECK(layer1["fee_unit"] == "gwei");
  CHECK(layer1["bytes"] == 90'000);
  CHECK(layer1["forced"] == Json{{"sent", 4}, {"done", 3}});
  const std::string text = to_text(report, false);
  CHECK(
      text.find("data           12 submissions sent, 11 readable on ethereum, 9 confirmed, 2 blocks written twice\n") !=
      std::string::npos);
  CHECK(text.find("data cost      3,500,000 gwei for 90.0 KB\n") != std::string::npos);
  CHECK(text.find("forced         4 items sent, 3 done; p50 ") != std::string::npos);
}

TEST_CASE("the schema refuses a result that lacks a name, has one more, or the wrong type", "[analysis][report]") {
  Json document = Json::parse(to_json(test::violated_report()));
  SECTION("lacks") { document["messages"].erase("dropped"); }
  SECTION("has one more") { document["surprise"] = 1; }
  SECTION("wrong type") { document["findings"][0]["at_ns"] = "soon"; }
  SECTION("wrong word") { document["verdict"] = "fine"; }
  CHECK(problems_of(document.dump()).size() == 1);
}

TEST_CASE("the JSON result has the names that stay", "[analysis][report]") {
  const Json r = Json::parse(to_json(test::violated_report()));
  CHECK(r["schema"] == "seqlab/result/v1");
  CHECK(r["scenario"] == "equivocating-leader");
  CHECK(r["digest"] == "0123456789abcdeffedcba9876543210");
  CHECK(r["verdict"] == "violated");
  CHECK(r["findings"][0]["checker"] == "agreement");
  CHECK(r["findings"][0]["at_ns"] == 12'418'000'000);
  CHECK(r["findings"][0]["nodes"] == Json::array({"n0", "n2"}));
  CHECK(r["findings"][0]["text"].is_string());
  CHECK(r["sim_time_ns"] == 61'000'000'000);
  CHECK(r["events"] == 1'234'567);
  CHECK(r["messages"]["sent"] == 90'000);
  CHECK(r["messages"]["delivered"] == 88'000);
  CHECK(r["messages"]["dropped"] == 2'000);
  CHECK(r["commits"]["min"] == 38);
  CHECK(r["commits"]["max"] == 40);
  for (const char* quantile : {"p50", "p90", "p99", "max"}) {
    CHECK(r["commit_latency_ns"][quantile] == 300'000'000);
    CHECK(r["tx_latency_ns"][quantile].is_null());
  }
  CHECK(r["adversary_budget"][0]["used"]["forged"] == 12);
  CHECK(r["adversary_budget"][0]["granted"]["delay_max_ns"] == 1'000'000'000);
  CHECK(r["wall_seconds"] == 0.43);
  CHECK(r["peak_rss_bytes"] == 21'000'000);
  CHECK(r["liveness"] == "progress");
  CHECK(r["as_expected"] == true);
}

TEST_CASE("a seed of 64 bits comes through JSON exactly", "[analysis][report]") {
  Report report = test::sample_report();
  report.result.seed = 18'446'744'073'709'551'615U;
  const Json r = Json::parse(to_json(report));
  CHECK(r["seed"].get<std::uint64_t>() == report.result.seed);
  CHECK(r["seed_text"] == "18446744073709551615");
}

TEST_CASE("bytes that are not UTF-8 in a name do not break the JSON result", "[analysis][report]") {
  Report report = test::sample_report();
  report.result.scenario = "caf\xe9";
  CHECK(Json::parse(to_json(report))["scenario"].is_string());
}
