// From text to a scenario and back: one table of keys behind all of it.
#include <nlohmann/json.hpp>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "scenarios/spec/parse.hpp"
#include "scenarios/spec/value.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/golden.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;

namespace {

const Library library{std::string{SEQLAB_SOURCE_DIR} + "/scenarios"};
const std::string head = "schema: seqlab/scenario/v1\n";

Scenario parsed(const std::string& text, const Overrides& overrides = {}) {
  return parse_scenario(head + text, "test.yaml", library, overrides);
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Keys of the document that the schema does not describe; walks both together.
void unknown_keys(const Value& value, const nlohmann::json& schema, const std::string& path,
                  std::vector<std::string>& out) {
  if (schema.contains("anyOf")) {
    for (const auto& option : schema["anyOf"]) {
      if (option.contains("items") || option.contains("properties")) unknown_keys(value, option, path, out);
    }
    return;
  }
  if (value.is_list() && schema.contains("items")) {
    for (const Value& item : value.items) unknown_keys(item, schema["items"], path + "[]", out);
  }
  if (!value.is_map() || !schema.contains("properties")) return;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const std::string& key = value.keys[i].text;
    if (!schema["properties"].contains(key)) {
      out.push_back(path + "." + key);
    } else {
      unknown_keys(value.items[i], schema["properties"][key], path + "." + key, out);
    }
  }
}

void described(const nlohmann::json& schema, const std::string& path, std::vector<std::string>& missing) {
  if (schema.contains("items")) described(schema["items"], path + "[]", missing);
  if (!schema.contains("properties")) return;
  if (schema["additionalProperties"] != false) missing.push_back(path + " is open");
  for (const auto& item : schema["properties"].items()) {
    if (!item.value().contains("description")) missing.push_back(path + "." + item.key());
    described(item.value(), path + "." + item.key(), missing);
  }
}

}  // namespace

TEST_CASE("a scenario without keys has the documented defaults", "[spec]") {
  const Scenario s = parsed("");
  CHECK(s.name == "test");
  CHECK(s.design.engine == "tendermint");
  CHECK(s.design.committee.stake == std::vector<Power>{100, 100, 100, 100});
  CHECK(s.design.parameters.tendermint == protocols::TendermintOptions{});
  CHECK(s.environment == Environment{});
  CHECK(s.stop == StopSpec{});
  CHECK(s.expect == ExpectSpec{});
}

TEST_CASE("every kind of value arrives where it belongs", "[spec]") {
  const Scenario s = parsed(R"(
name: all-kinds
seed: 18446744073709551615
permute_instants: true
design:
  tendermint: {timeout_propose: 1.5s, round_skip: validity, timestamps: bft_time}
  committee: {count: 3, stake: [1, 2, 3], changes: [{height: 5, node: n1, power: 9}]}
  block: {max_bytes: 22_020_096B, max_gas: 1_000_000}
  leader_order: fee
  signatures: real
environment:
  network:
    latency: {model: log_normal, p50: 40ms, p90: 75ms}
    loss: 1/200
    uplink: 1Gbit/s
    links: [{from: n0, to: [n0..n2], latency: 3ms, loss: 0}]
  machines: {clock_drift_max: 50ppm, costs: {sign: 30us}}
  workload: {arrivals: constant, clients: 2, rate: 0.5tx/s, stop_after: 20s}
  faults:
    - {at: 10s, for: 5s, partition: [n0, [n1, n2]], one_way: true}
    - {on: {record: voted, node: n2, height: 4, round: 0, detail: precommit, nth: 2},
       for: 3s, crash: n2, disk: torn_tail}
    - {at: 11s, pause: [n1]}
    - {at: 12s, clock_jump: {nodes: n0..n1, by: -2s}}
stop: {after: 30s, height: 9, healing: 0s}
expect: {checkers: [agreement], commits: {min: 4}, verdict: undecided}
)");
  CHECK(s.seed == std::numeric_limits<std::uint64_t>::max());
  CHECK(s.permute_instants);
  CHECK(s.design.parameters.tendermint.timeout_propose == 1500ms);
  CHECK(s.design.parameters.tendermint.round_skip == protocols::RoundSkip::validity);
  CHECK(s.design.committee.stake == std::vector<Power>{1, 2, 3});
  CHECK(s.design.committee.changes == std::vector<CommitteeSpec::Change>{{5, NodeId{1}, 9}});
  CHECK(s.design.block.max_bytes == 22'020'096);
  CHECK(s.design.signatures == protocols::SignatureBackend::real);
  CHECK(s.environment.network.loss == Ratio{1, 200});
  CHECK(s.environment.network.uplink_bps == 1'000'000'000);
  REQUIRE(s.environment.network.links.size() == 2);  // n0 to itself is no link
  CHECK(s.environment.network.links[1] == LinkSpec{NodeId{0}, NodeId{2}, 3ms, 0ms, Ratio{0, 1}});
  CHECK(s.environment.workload.rate_per_1000s == 500);
  REQUIRE(s.environment.faults.size() == 4);
  const auto& split = std::get<fault::Partition>(s.environment.faults[0].what);
  CHECK(split.one_way);
  CHECK(split.groups == std::vector<std::vector<NodeId>>{{NodeId{0}}, {NodeId{1}, NodeId{2}}});
  const Trigger::Point& point = *s.environment.faults[1].when.on;
  CHECK(point.record == sim::RecordKind::voted);
  CHECK(point.detail == static_cast<std::uint8_t>(sim::VoteType::precommit));
  CHECK(point.nth == 2);
  CHECK(std::get<fault::Crash>(s.environment.faults[1].what).disk == sim::DiskFault::torn_tail);
  CHECK(s.environment.faults[2].lasts == Duration{-1});
  CHECK(std::get<fault::ClockJump>(s.environment.faults[3].what).step == -2s);
  CHECK(s.expect.verdict == Verdict::undecided);

  const Scenario again = parse_scenario(to_yaml(s), "again.yaml", library);
  CHECK(again == s);
  CHECK(to_yaml(again) == to_yaml(s));
  CHECK(scenario_hash(again) == scenario_hash(s));
}

TEST_CASE("scripts, their parameters and traces travel inside what is written", "[spec]") {
  const Scenario s = parsed(R"(
environment:
  workload: {arrivals: trace, clients: 1, trace: "time,account,bytes,fee\n1s,1,250,3\n1.5s,2,300,4\n"}
  adversaries:
    - script: mine
      source: "-- a comment\nreturn {\n  api = 1,\n\n  params = { a = 0, b = '', c = {}, d = false, e = '' },\n\
        \  on_timer = function(ctx) end,\n}\n"
      nodes: [n3]
      params: {a: -7, b: "12", c: [x, "y z"], d: true, e: 10s}
)");
  REQUIRE(s.environment.adversaries.size() == 1);
  const AdversarySpec& mine = s.environment.adversaries[0];
  CHECK(mine.params.at("a") == ParamValue{std::int64_t{-7}});
  CHECK(mine.params.at("b") == ParamValue{std::string{"12"}});
  CHECK(mine.params.at("c") == ParamValue{std::vector<std::string>{"x", "y z"}});
  CHECK(mine.params.at("d") == ParamValue{true});
  CHECK(mine.params.at("e") == ParamValue{std::string{"10s"}});
  REQUIRE(s.environment.workload.trace.size() == 2);
  CHECK(s.environment.workload.trace[1].at == 1500ms);
  CHECK(parse_scenario(to_yaml(s), "elsewhere/run.yaml", library) == s);
}

TEST_CASE("`use` takes over a file, keys beside it win, a latency is replaced as a whole", "[spec]") {
  const Scenario s = parsed(R"(
design: {use: tendermint-cometbft.yaml, committee: {count: 4}, tendermint: {timeout_commit: 2s}}
environment: {use: aws13, network: {latency: {model: constant, mean: 10ms}}}
)");
  CHECK(s.design.committee.stake == std::vector<Power>(4, 100));
  CHECK(s.design.parameters.tendermint.timeout_commit == 2s);
  CHECK(s.design.parameters.tendermint.timeout_propose == 3s);
  CHECK(s.environment.network.latency.model == LatencySpec::Model::constant);
  CHECK(s.environment.network.latency.matrix.empty());
  CHECK(s.environment.network.uplink_bps == 1'000'000'000);
  CHECK(s.environment.workload.clients == 4);
}

TEST_CASE("an override (--set) changes one value, adds keys and entries, and may choose another file", "[spec]") {
  const std::string text = "environment: {use: aws13.yaml, faults: [{at: 3s, crash: [n1]}]}\n";
  const Scenario s = parsed(text, {{"design.committee.count", "7"},
                                   {"environment.faults[0].at", "4s"},
                                   {"environment.faults[1]", "{at: 9s, for: 1s, pause: n0}"},
                                   {"stop.after", "20s"},
                                   {"environment.use", "lan.yaml"},
                                   {"environment.workload.rate", "3tx/s"}});
  CHECK(s.design.committee.stake.size() == 7);
  CHECK(s.environment.faults.size() == 2);
  CHECK(s.environment.faults[0].when.at == Duration{4s});
  CHECK(s.stop.after == 20s);
  CHECK(s.environment.network.latency.model == LatencySpec::Model::quantiles);
  CHECK(s.environment.workload.rate_per_1000s == 3000);
}

TEST_CASE("the hash is of the meaning: no names, files, comments or defaults written out", "[spec]") {
  const Hash128 plain = scenario_hash(parsed("stop: {after: 30s}\n"));
  CHECK(scenario_hash(parsed("# a comment\nname: other\nseed: 7\nstop: {after: 30_000ms, healing: 120s}\n")) == plain);
  CHECK(scenario_hash(parsed("stop: {after: 30s}\ndesign: {centralised: {block_interval: 1s}}\n")) == plain);
  CHECK(scenario_hash(parsed("stop: {after: 31s}\n")) != plain);
  CHECK(scenario_hash(parsed("stop: {after: 30s}\ndesign: {tendermint: {timeout_commit: 2s}}\n")) != plain);
  CHECK(scenario_hash(parsed("stop: {after: 30s}\nexpect: {commits: {min: 1}}\n")) != plain);
  const std::string script =
      "environment: {adversaries: [{script: a, source: 'return {api = 1, on_timer = function() end}', nodes: n0}]}\n";
  const std::string named =
      "environment: {adversaries: [{script: b, source: 'return {api = 1, on_timer = function() end}', nodes: n0}]}\n";
  const std::string changed =
      "environment: {adversaries: [{script: a, source: 'return {api=1, on_timer = function() end}', nodes: n0}]}\n";
  CHECK(scenario_hash(parsed(script)) == scenario_hash(parsed(named)));
  CHECK(scenario_hash(parsed(script)) != scenario_hash(parsed(changed)));
}

TEST_CASE("the comment at the top is kept, the editor's line is not", "[spec]") {
  const std::string text = "# yaml-language-server: $schema=x.json\n# One.\n#\n#   two\n" + head + "# three\n";
  const Scenario s = parse_scenario(text, "c.yaml", library);
  CHECK(s.description == "One.\n\n  two");
  CHECK(parse_scenario(to_yaml(s), "c.yaml", library).description == s.description);
}

TEST_CASE("any text survives writing and reading", "[spec]") {
  const std::string letters = "ab \n\t:#-\"'\\|>[]{},&*!%@`\r\x01~0=\xc3\xa9";
  std::uint64_t state = 7;
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (int k = 0; k < i % 24; ++k) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      const std::size_t at = (state >> 33U) % (letters.size() - 1);
      text += at == letters.size() - 2 ? std::string{"\xc3\xa9"} : std::string{letters[at]};
      if ((state >> 50U) % 4 == 0) text += '\n';
    }
    Value map = Value::map();
    Value inner = Value::map();
    inner.add("text", Value::text_of(text)).add("list", Value::list({Value::text_of(text), Value::plain("3s")}));
    map.add("outer", Value::list({inner, Value::map(), Value::list()})).add("last", Value::text_of(text));
    const std::string yaml = write_yaml(map);
    std::vector<Problem> problems;
    const std::unique_ptr<Value> back = read_yaml(yaml, "t", problems);
    INFO(yaml);
    REQUIRE(back != nullptr);
    CHECK(back->find("last")->text == text);
    CHECK(back->find("outer")->items[0].find("text")->text == text);
    CHECK(back->find("outer")->items[0].find("list")->items[0].text == text);
  }
}

TEST_CASE("every catalogue file parses, travels unchanged, and uses keys of the schema alone", "[spec][catalog]") {
  const nlohmann::json schema = nlohmann::json::parse(scenario_schema());
  const std::vector<CatalogEntry> entries = catalog(library);
  REQUIRE(entries.size() >= 19);
  for (const CatalogEntry& entry : entries) {
    INFO(entry.file);
    const Scenario s = load_scenario(entry.name, library);
    CHECK(s.name == entry.name);
    CHECK(entry.text.size() > 20);
    const std::string text = slurp(entry.file);
    CHECK(text.compare(0, 67, "# yaml-language-server: $schema=../../schema/scenario.schema.json\n#", 67) == 0);
    const Scenario again = parse_scenario(to_yaml(s), "run/scenario.yaml", library);
    CHECK(again == s);
    CHECK(to_yaml(again) == to_yaml(s));
    CHECK(scenario_hash(again) == scenario_hash(s));

    std::vector<Problem> problems;
    std::vector<std::string> unknown;
    unknown_keys(*read_yaml(text, entry.file, problems), schema, "", unknown);
    unknown_keys(*read_yaml(to_yaml(s), entry.file, problems), schema, "", unknown);
    CHECK(unknown == std::vector<std::string>{});
  }
}

TEST_CASE("two catalogue files of one name are an error", "[spec][catalog]") {
  CHECK_THROWS_AS(catalog(Library{"/nonexistent"}), InputError);
}

TEST_CASE("the schema and the reference in the repository are those of the table", "[spec][schema]") {
  CHECK(seqlab::test::golden(library.root + "/schema/scenario.schema.json", scenario_schema()) == scenario_schema());
  CHECK(seqlab::test::golden(library.root + "/schema/reference.md", scenario_reference()) == scenario_reference());
}

TEST_CASE("the schema describes every key once and closes every mapping", "[spec][schema]") {
  const nlohmann::json schema = nlohmann::json::parse(scenario_schema());
  CHECK(schema["$schema"] == "http://json-schema.org/draft-07/schema#");
  std::vector<std::string> missing;
  described(schema, "", missing);
  CHECK(missing == std::vector<std::string>{});
  CHECK(schema["properties"]["design"]["properties"]["tendermint"]["properties"]["timeout_propose"]["default"] == "3s");
  CHECK(schema["properties"]["seed"]["default"] == 1);
}

TEST_CASE("the template of `init` is a scenario", "[spec]") {
  const Scenario s = parse_scenario(scenario_template("my-first"), "my-first.yaml", library);
  CHECK(s.name == "my-first");
  CHECK(s.environment.adversaries.size() == 1);
}
