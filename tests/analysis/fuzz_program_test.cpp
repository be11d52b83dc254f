// `fuzz`, `shrink` and `bisect` as processes: what happens to files that are bad or cannot be written, when a search
// ends early, and what the machine-readable answers hold.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "analysis/cli/progress.hpp"
#include "analysis/record/describe.hpp"
#include "analysis/record/plan_file.hpp"
#include "scenarios/spec/parse.hpp"
#include "scenarios/world/run.hpp"
#include "tests/analysis/shell.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using namespace seqlab::analysis::test;
using Json = nlohmann::json;

namespace {

/// Nodes that keep two blocks: who was away can never come back. Found by the first few cases.
const std::string hunt =
    "seqlab fuzz --engine tendermint --set design.keep_blocks=2 --cases 40 --strategy twins --no-progress";

/// Every record of a run.
class Kept final : public sim::RecordObserver {
 public:
  void on_record(const sim::Record& record) override { records.push_back(record); }
  std::vector<sim::Record> records;
};

std::vector<sim::Record> records_of(const scenarios::Scenario& scenario, const scenarios::Plan& plan) {
  Kept kept;
  scenarios::RunOptions options;
  options.observers.push_back({&kept, sim::all_kinds});
  scenarios::run(scenario, plan, options);
  return std::move(kept.records);
}

}  // namespace

TEST_CASE("a bad Twins file is found before anything is run", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const std::string fuzz = "seqlab fuzz --engine tendermint --strategy random --cases 5 --campaign c.sqlite --twins ";
  seqlab.write("cut.json", "{\"num_of_nodes\": 4, \"scenarios\": [");
  // A group of machines that nobody has.
  seqlab.write("strange.json",
               "{\"num_of_nodes\": 4, \"num_of_twins\": 0, \"scenarios\": "
               "[{\"round_leaders\": {\"1\": [0]}, \"round_partitions\": {\"1\": [[0, 1], [2, 9]]}}]}");
  for (const char* file : {"cut.json", "strange.json", "missing.json"}) {
    const Outcome done = seqlab(fuzz + file);
    INFO(done.err);
    CHECK(done.code == 3);
    CHECK(done.out.empty());
    CHECK(contains(done.err, file));
    CHECK_FALSE(seqlab.has("c.sqlite"));
  }
}

TEST_CASE("a file that cannot be written costs neither the report nor the other files", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const Outcome done = seqlab(hunt + " --json --junit nowhere/j.xml --sarif s.json");
  CHECK(done.code == 3);
  CHECK(contains(done.err, "nowhere/j.xml"));
  REQUIRE_FALSE(done.out.empty());
  const Json report = Json::parse(done.out);
  CHECK(report["verdict"] == "violated");
  REQUIRE_FALSE(report["findings"].empty());
  CHECK(seqlab.has(std::string{report["findings"][0]["plan"]}));
  CHECK(Json::parse(read_file(seqlab.path("s.json")))["version"] == "2.1.0");

  // No place for the corpus: what was found is told, without a plan.
  seqlab.write("blocked", "a file");
  const Outcome lost = seqlab(hunt + " --json --corpus blocked/corpus --junit j.xml");
  CHECK(lost.code == 3);
  CHECK(contains(lost.err, "blocked/corpus"));
  const Json told = Json::parse(lost.out);
  CHECK(told["findings"].size() == report["findings"].size());
  CHECK(told["findings"][0]["checker"] == "liveness");
  CHECK(told["findings"][0]["plan"] == "");
  CHECK(contains(read_file(seqlab.path("j.xml")), "<failure type=\"liveness\""));

  const Outcome summary = seqlab("GITHUB_STEP_SUMMARY=blocked/summary.md && export GITHUB_STEP_SUMMARY && " + hunt +
                                 " --github --corpus other");
  CHECK(summary.code == 3);
  CHECK(summary.out.rfind("VIOLATED", 0) == 0);
  CHECK(contains(summary.out, "::error file=other/"));
  CHECK(contains(summary.err, "blocked/summary.md"));
}

TEST_CASE("until-failure runs no new case when an old one still fails", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const Json first = Json::parse(seqlab(hunt + " --json").out);
  REQUIRE(first["cases"] == 40);
  const Outcome again = seqlab(hunt + " --until-failure --json");
  CHECK(again.code == 1);
  const Json report = Json::parse(again.out);
  CHECK(report["cases"] == 0);
  CHECK(report["verdict"] == "violated");
  CHECK(report["strategies"]["corpus"]["cases"] == first["findings"].size());
  REQUIRE(report["notes"].size() == 1);
  CHECK(contains(report["notes"][0], "--until-failure"));
  REQUIRE(report["findings"].size() == first["findings"].size());
  CHECK(report["findings"][0]["strategy"] == "corpus");
  // Nothing in the corpus fails: the search goes on until something does.
  const Json fresh = Json::parse(seqlab(hunt + " --until-failure --corpus empty --json").out);
  CHECK(fresh["cases"] > 0);
  CHECK(fresh["notes"].empty());
}

TEST_CASE("shard 0 explores, the others say that they do not", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const std::string explore = "seqlab fuzz --engine tendermint --strategy explore --cases 400 --json --shard ";
  const Json first = Json::parse(seqlab(explore + "0/2").out);
  CHECK(first["strategies"]["explore"]["cases"] > 0);
  CHECK(first["notes"].empty());
  const Outcome other = seqlab(explore + "1/2");
  CHECK(other.code == 0);
  const Json second = Json::parse(other.out);
  CHECK_FALSE(second["strategies"].contains("explore"));
  REQUIRE(second["notes"].size() == 1);
  CHECK(contains(second["notes"][0], "shard 0"));
}

TEST_CASE("Ctrl-C ends a campaign with the report so far and the line that goes on", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const std::string interrupt = std::string{"timeout --preserve-status --signal=INT 2 "} + SEQLAB_PROGRAM;
  const Outcome done = seqlab(interrupt + " fuzz --engine centralised --strategy random --time 1h --campaign c.sqlite");
  INFO(done.out + done.err);
  CHECK(done.code == 2);
  CHECK(done.out.rfind("UNDECIDED  centralised-committee  seed 1", 0) == 0);
  CHECK(contains(done.out, "(interrupted)"));
  const std::vector<std::string> on = labelled(done.out, "go on");
  REQUIRE(on.size() == 1);
  CHECK(contains(on[0], "--campaign c.sqlite"));
  // The line works, and loses nothing. It would go on for an hour: it is interrupted as well.
  REQUIRE(on[0].rfind("seqlab ", 0) == 0);
  const Outcome more = seqlab(interrupt + on[0].substr(6) + " --json");
  CHECK(more.code == 2);
  const Json report = Json::parse(more.out);
  CHECK(report["resumed"] == true);
  CHECK(report["interrupted"] == true);
  CHECK(report["verdict"] == "undecided");
  const std::vector<std::string> before = labelled(done.out, "random");
  REQUIRE(before.size() == 1);
  std::string digits;
  for (const char c : before[0].substr(0, before[0].find(" cases"))) {
    if (c != ',') digits += c;
  }
  CHECK(report["strategies"]["random"]["cases"].get<std::uint64_t>() > std::stoull(digits));
  CHECK(report["cases"] == report["strategies"]["random"]["cases"]);
}

TEST_CASE("a signal to a process and then to its group is one wish to stop", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome twice = seqlab(std::string{SEQLAB_PROGRAM} +
                               " run small.yaml --set stop.after=900h --quiet --no-progress & p=$!; sleep 1; "
                               "kill -INT $p; sleep 0.02; kill -INT $p; wait $p");
  CHECK(twice.code == 2);
  CHECK(contains(twice.out, "UNDECIDED"));
}

TEST_CASE("a second signal that comes later ends the process", "[analysis][program]") {
  const ::pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const InterruptGuard guard;
    if (InterruptGuard::asked()) ::_exit(1);
    std::raise(SIGINT);
    std::raise(SIGINT);
    if (!InterruptGuard::asked()) ::_exit(2);
    ::usleep(600'000);
    std::raise(SIGINT);
    ::_exit(3);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  INFO(status);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
}

TEST_CASE("fuzz --json holds what its readers count on", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const Json report = Json::parse(seqlab(hunt + " --strategy explore --json").out);
  for (const char* key : {"seed", "cases", "cases_per_second", "distinct_states", "excluded_rate_95"}) {
    CAPTURE(key);
    REQUIRE(report.contains(key));
    CHECK(report[key].is_number());
    CHECK(report[key] > 0);
  }
  CHECK(report["verdict"] == "violated");
  for (const char* name : {"twins", "explore"}) {
    CAPTURE(name);
    CHECK(report["strategies"][name]["cases"] > 0);
    CHECK(report["strategies"][name]["cpu_seconds"].is_number());
  }
  CHECK(report["sometimes"].size() == 12);
  for (const Json& count : report["sometimes"]) CHECK(count.is_number_unsigned());
  REQUIRE_FALSE(report["findings"].empty());
  for (const Json& finding : report["findings"]) {
    for (const char* key : {"checker", "text", "plan", "reproduce"}) {
      CHECK_FALSE(finding[key].get<std::string>().empty());
    }
    CHECK(finding["interventions"]["found"] >= finding["interventions"]["shrunk"]);
  }
}

TEST_CASE("shrink --json prints one object about what is left", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const Json report = Json::parse(seqlab(hunt + " --json").out);
  const std::string found = report["findings"][0]["plan"];
  const Outcome done = seqlab("seqlab shrink " + found + " --runs 60 --out small --json --no-progress");
  INFO(done.out + done.err);
  CHECK(done.code == 0);
  CHECK(done.err.empty());
  const Json small = Json::parse(done.out);
  CHECK(small["checker"] == "liveness");
  CHECK(small["text"].get<std::string>().find("n") != std::string::npos);
  CHECK(small["plan"] == "small/plan.json");
  for (const char* part : {"interventions", "nodes", "time_ns"}) {
    CAPTURE(part);
    CHECK(small[part]["shrunk"] <= small[part]["found"]);
  }
  CHECK(small["runs"] > 0);
  CHECK(small["runs"] <= 61);
  CHECK(small["complete"].is_boolean());
  const PlanFile plan = parse_plan(read_file(seqlab.path("small/plan.json")), "plan.json");
  CHECK(small["remaining"].size() == plan.plan.interventions.size());
  CHECK(small["digest"] == to_hex(plan.digest));
  const Outcome again = seqlab(std::string{small["reproduce"]});
  CHECK(again.code == 1);
  CHECK(contains(again.err, "the digest is the recorded one"));
}

TEST_CASE("bisect names the first record in which two runs part, and why it is there", "[analysis][program][bisect]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  REQUIRE(seqlab("seqlab run small.yaml --out a").code == 0);
  REQUIRE(seqlab("cp -r a b").code == 0);
  CHECK(seqlab("seqlab bisect a b").code == 0);
  CHECK(contains(seqlab("seqlab bisect a b").out, "no difference: all "));

  // The second run is the first but for one vote of height 2, which does not reach n1.
  PlanFile plan = parse_plan(read_file(seqlab.path("b/plan.json")), "plan.json");
  scenarios::MessageIntervention lost;
  lost.at = {.message = protocols::MessageKind::prevote, .from = NodeId{3}, .to = NodeId{1}, .height = 2, .round = 0};
  lost.what = scenarios::act::Drop{};
  plan.plan.interventions.emplace_back(lost);
  seqlab.write("b/plan.json", to_json(plan));
  const Outcome done = seqlab("seqlab bisect a b");
  INFO(done.out);
  CHECK(done.code == 1);

  // The same by hand.
  const scenarios::Scenario scenario =
      scenarios::parse_scenario(read_file(seqlab.path("a/scenario.yaml")), "scenario.yaml", {});
  const std::vector<sim::Record> one = records_of(scenario, {.seed = plan.plan.seed});
  const std::vector<sim::Record> other = records_of(scenario, plan.plan);
  const auto [a, b] = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
  REQUIRE(a != one.end());
  REQUIRE(b != other.end());
  CHECK(b->kind == sim::RecordKind::intervened);
  CHECK(contains(done.out, "record " + std::to_string(a - one.begin()) + " differs"));
  const std::string first = describe(*a, 4);
  const std::string second = describe(*b, 4);
  CHECK(contains(done.out, "first run (a):\n    " + first + "\n"));
  CHECK(contains(done.out, "second run (b):\n    " + second + "\n"));
  CHECK(contains(first, "voted  node n3, height 2, round 0, vote prevote"));
  CHECK(contains(second, "intervened  node n3, peer n1, intervention 0"));
  // n3 votes because a proposal, or the last part of its block, came at that very moment: the input of n3 before it.
  const auto input = std::find_if(std::make_reverse_iterator(b), other.rend(), [&](const sim::Record& r) {
    return r.kind == sim::RecordKind::message_delivered && r.node == NodeId{3};
  });
  REQUIRE(input != other.rend());
  CHECK(input->at == b->at);
  const std::string cause = "    while handling " + describe(*input, 4) + "\n";
  CHECK(contains(done.out, second + "\n" + cause));
  // And that was sent by somebody, named with the record of the sending.
  const auto sending = std::find_if(other.begin(), other.end(), [&](const sim::Record& r) {
    return r.kind == sim::RecordKind::message_sent && r.a == input->a;
  });
  REQUIRE(sending != other.end());
  CHECK(contains(done.out, cause + "    sent by      " + describe(*sending, 4) + "\n"));
}
