// Verdicts: which findings the declared model covers, and what a run without findings is worth.
#include "scenarios/world/verdict.hpp"

#include "tests/negative/record_table.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;
using namespace seqlab::tests;

namespace {

struct Case {
  Scenario scenario;
  Model model;
  RunResult result;

  Case() {
    model.node_count = 4;
    result.liveness = Liveness::progress;
    result.commits_safety = 10;
    result.metrics.commits_max = 10;
    result.stopped = sim::StopReason::time_limit;
  }
  RunResult judged(std::string_view run) {
    ModelMonitor monitor{model};
    for (const sim::Record& record : parse_table(run).records) {
      if ((ModelMonitor::kinds() & sim::mask_of(record.kind)) != 0) monitor.on_record(record);
    }
    judge(scenario, monitor, result);
    return result;
  }
};

Finding finding(std::string checker, std::vector<NodeId> nodes = {NodeId{0}, NodeId{1}},
                SimTime at = at_ns(1'000'000'000)) {
  Finding f;
  f.checker = std::move(checker);
  f.at = at;
  f.nodes = std::move(nodes);
  f.text = "it broke";
  return f;
}

const std::string committee = "committee n0..n3 1\n";

}  // namespace

TEST_CASE("a finding inside the model is a violation", "[scenarios][verdict]") {
  Case c;
  c.result.findings = {finding("agreement")};
  const RunResult j = c.judged(committee + "corrupt n3\n start n0");
  CHECK(j.verdict == Verdict::violated);
  CHECK(j.reason == "agreement: it broke");
  CHECK_FALSE(j.as_expected);
  CHECK_FALSE(c.result.findings[0].outside_model);
}

TEST_CASE("above F agreement is not promised, and accountability still is", "[scenarios][verdict]") {
  Case c;
  c.result.findings = {finding("agreement")};
  c.result.accused = {NodeId{2}, NodeId{3}};
  const RunResult j = c.judged(committee + "corrupt n2 n3");
  CHECK(j.verdict == Verdict::outside_model);
  CHECK(j.reason.find("n2 and n3 are corrupt or without memory and have power 2 of 4, more than F = 1") !=
        std::string::npos);
  CHECK(j.reason.find("the votes convict n2 and n3") != std::string::npos);
  CHECK(c.result.findings[0].outside_model);

  Case d;
  d.result.findings = {finding("agreement"), finding("accountability", {NodeId{0}})};
  const RunResult k = d.judged(committee + "corrupt n2 n3");
  CHECK(k.verdict == Verdict::violated);
  CHECK(k.reason == "accountability: it broke");
}

TEST_CASE("what each honest node keeps by itself is promised at any number of corrupt nodes", "[scenarios][verdict]") {
  for (const std::string checker : {"one_vote", "lock_rule", "no_double_commit", "prefix", "certified_commit",
                                    "identical_execution", "single_signer", "evidence"}) {
    Case c;
    c.result.findings = {finding(checker)};
    INFO(checker);
    CHECK(c.judged(committee + "corrupt n1 n2 n3").verdict == Verdict::violated);
  }
  Case lost;
  lost.result.findings = {finding("durability", {NodeId{0}})};
  CHECK(lost.judged(committee + "corrupt n2 n3").verdict == Verdict::violated);
  Case replaced;
  replaced.result.findings = {finding("durability")};
  CHECK(replaced.judged(committee + "corrupt n2 n3").verdict == Verdict::outside_model);
}

TEST_CASE("disks that forget count as corrupt, crashes and partitions do not", "[scenarios][verdict]") {
  Case wiped;
  wiped.result.findings = {finding("agreement")};
  CHECK(wiped.judged(committee + "corrupt n3\n crash n2\n wipe n2\n restart n2").verdict == Verdict::outside_model);
  Case rolled_back;
  rolled_back.result.findings = {finding("agreement")};
  CHECK(rolled_back.judged(committee + "rollback n1 n2").verdict == Verdict::outside_model);
  Case one;
  one.result.findings = {finding("agreement")};
  CHECK(one.judged(committee + "rollback n1").verdict == Verdict::violated);
  Case crashed;
  crashed.result.findings = {finding("agreement")};
  CHECK(crashed.judged(committee + "crash n1 n2\n unsynced n1 n2\n restart n1 n2").verdict == Verdict::violated);
}

TEST_CASE("what broke before the model was left is a violation", "[scenarios][verdict]") {
  Case c;
  c.result.findings = {finding("agreement", {NodeId{0}, NodeId{1}}, at_ns(2'000'000))};
  CHECK(c.judged(committee + "corrupt n3\n start n0\n wait 100\n wipe n2").verdict == Verdict::violated);
}

TEST_CASE("power is weighed by the committee in force", "[scenarios][verdict]") {
  Case heavy;
  heavy.result.findings = {finding("agreement")};
  CHECK(heavy.judged("committee n0 n1 n2 1\n committee n3 3\n corrupt n3").verdict == Verdict::outside_model);
  Case later;
  later.result.findings = {finding("agreement")};
  CHECK(later.judged(committee + "corrupt n3\n start n0\n power n3 = 9 from h3\n commit n0 h1 r0 A").verdict ==
        Verdict::violated);
  Case now;
  now.result.findings = {finding("agreement")};
  CHECK(now.judged(committee + "corrupt n3\n start n0\n power n3 = 9 from h3\n commit n0 h1 r0 A\n commit n0 h2 r0 B")
            .verdict == Verdict::outside_model);
}

TEST_CASE("where one node orders, its corruption leaves the model and that of a follower does not",
          "[scenarios][verdict]") {
  Case c;
  c.model.byzantine_tolerant = false;
  c.model.sequencer = NodeId{0};
  c.result.findings = {finding("agreement")};
  CHECK(c.judged("corrupt n1").verdict == Verdict::violated);
  CHECK(c.judged("corrupt n0").verdict == Verdict::outside_model);
}

TEST_CASE("liveness is not promised to clocks beyond their bound", "[scenarios][verdict]") {
  Case c;
  c.model.clock_bound = Duration{500ms};
  c.result.liveness = Liveness::suspected;
  c.result.findings = {finding("liveness")};
  CHECK(c.judged(committee + "jump n1 400").verdict == Verdict::violated);
  CHECK(c.judged(committee + "jump n1 400\n jump n1 400").verdict == Verdict::outside_model);
  c.result.findings = {finding("agreement")};
  CHECK(c.judged(committee + "jump n1 4000").verdict == Verdict::violated);
}

TEST_CASE("a scenario's model names its clocks and its sequencer", "[scenarios][verdict]") {
  Scenario scenario;
  scenario.environment.machines.clock_skew_max = 400ms;
  CHECK(model_of(scenario).clock_bound == scenario.design.parameters.tendermint.precision);
  CHECK(model_of(scenario).clock_spread == Duration{800ms});
  CHECK(model_of(scenario).byzantine_tolerant);
  scenario.design.engine = "centralised";
  scenario.design.parameters.centralised.sequencer = NodeId{2};
  CHECK_FALSE(model_of(scenario).byzantine_tolerant);
  CHECK(model_of(scenario).sequencer == NodeId{2});
  CHECK(model_of(scenario).clock_bound == Duration{});
}

TEST_CASE("a run without findings held, if it was worth anything", "[scenarios][verdict]") {
  Case c;
  CHECK(c.judged(committee).verdict == Verdict::held);
  CHECK(c.judged(committee).as_expected);
  c.result.liveness = Liveness::excused;
  CHECK(c.judged(committee).verdict == Verdict::held);
  c.result.metrics.commits_max = 0;
  CHECK(c.judged(committee).verdict == Verdict::undecided);
  c = Case{};
  c.result.stopped = sim::StopReason::interrupted;
  CHECK(c.judged(committee).verdict == Verdict::undecided);
  c = Case{};
  c.result.liveness = Liveness::not_checked;
  CHECK(c.judged(committee).verdict == Verdict::undecided);
  c.scenario.stop.healing = Duration{};
  CHECK(c.judged(committee).verdict == Verdict::held);
  c = Case{};
  c.result.liveness = Liveness::not_checked;
  c.scenario.expect.checkers = {"agreement"};
  CHECK(c.judged(committee).verdict == Verdict::held);
}

TEST_CASE("an expected verdict and expected commits are compared with what came", "[scenarios][verdict]") {
  Case c;
  c.scenario.expect.commits_min = 10;
  CHECK(c.judged(committee).as_expected);
  c.result.commits_safety = 9;
  const RunResult few = c.judged(committee);
  CHECK(few.verdict == Verdict::held);
  CHECK_FALSE(few.as_expected);
  CHECK(few.reason.find("at least 10 commits, the slowest honest node has 9") != std::string::npos);

  Case control;
  control.scenario.expect.verdict = Verdict::outside_model;
  control.result.findings = {finding("agreement")};
  CHECK(control.judged(committee + "corrupt n2 n3").as_expected);
  control.result.findings.clear();
  CHECK_FALSE(control.judged(committee + "corrupt n2 n3").as_expected);
}
