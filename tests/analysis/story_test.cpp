// Stories: who did what before a finding, in the words of the protocol.
#include <algorithm>
#include <string>

#include "analysis/search/story.hpp"
#include "scenarios/world/run.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/worlds.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using namespace seqlab::scenarios;
using namespace seqlab::tests;
using protocols::MessageKind;

namespace {

struct Told {
  RunResult result;
  Finding finding;
  std::string paragraph, diagram;
};

/// Two of four nodes have twins, and each half of the rest sees one half of them: they commit different blocks.
Told fork_of_twins(std::size_t lines_max = 40) {
  Scenario s = quiet_world(4, 50ms);
  s.stop.after = 20s;
  s.environment.machines.start_skew = 40ms;
  Plan plan{.seed = 1, .corrupt = {NodeId{2}, NodeId{3}}, .twins = {NodeId{2}, NodeId{3}}, .leaders = {NodeId{3}}};
  const auto machine = [](std::uint32_t n, bool twin = false) { return Machine{NodeId{n}, twin}; };
  plan.interventions = {RoundSplit{
      std::nullopt, 0, {{machine(0), machine(2), machine(3)}, {machine(1), machine(2, true), machine(3, true)}}, {}}};
  Story story{4};
  RunOptions options;
  options.observers.push_back({&story, Story::kinds()});
  Told out;
  out.result = run(s, plan, options);
  const auto found =
      std::ranges::find_if(out.result.findings, [](const Finding& f) { return f.checker == "agreement"; });
  REQUIRE(found != out.result.findings.end());
  out.finding = *found;
  out.paragraph = story.paragraph(*found);
  out.diagram = story.diagram(*found, lines_max);
  return out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the story of a fork names the liars, both blocks and who committed them", "[story]") {
  const Told t = fork_of_twins();
  INFO(t.paragraph);
  INFO(t.diagram);
  CHECK(has(t.paragraph, "In height 1 round 0"));
  CHECK(has(t.paragraph, "n3, which is corrupt, proposed A to n1 and B to n0 and n2"));
  CHECK(has(t.paragraph, "n1 committed A; n0 committed B"));
  CHECK(has(t.paragraph, "n1 and n0 committed different blocks at height 1 (A in round 0, B in round 0)"));
  CHECK(has(t.paragraph, "outside of the model"));
  CHECK(t.diagram.find("sequenceDiagram\n") == 0);
  CHECK(has(t.diagram, "participant n3 as n3 (corrupt)"));
  CHECK(has(t.diagram, "Note over n1: COMMITS A (h1 r0)"));
  CHECK(has(t.diagram, "Note over n0: COMMITS B (h1 r0)"));
  CHECK(has(t.diagram, "proposal A (h1 r0)"));
}

TEST_CASE("a diagram keeps what matters when lines are few", "[story]") {
  const Told t = fork_of_twins(6);
  INFO(t.diagram);
  const auto lines = std::ranges::count(t.diagram, '\n');
  CHECK(lines <= 6 + 4 + 2);
  CHECK(has(t.diagram, "COMMITS A"));
  CHECK(has(t.diagram, "COMMITS B"));
}

TEST_CASE("crashes and lost votes are told", "[story]") {
  Scenario s = quiet_world(4, 50ms);
  s.stop.after = 10s;
  s.stop.height = 2;
  FaultSpec crash;
  crash.when.on = Trigger::Point{.record = RecordKind::voted, .node = NodeId{2}, .height = 1, .nth = 1};
  crash.lasts = 2s;
  crash.what = fault::Crash{{NodeId{2}}, sim::DiskFault::unsynced_lost};
  const Plan plan{
      .seed = 1,
      .interventions = {
          crash, MessageIntervention{
                     {.message = MessageKind::prevote, .from = NodeId{0}, .to = NodeId{1}, .height = 1, .round = 0},
                     act::Drop{}}}};
  Story story{4};
  RunOptions options;
  options.observers.push_back({&story, Story::kinds()});
  const RunResult result = run(s, plan, options);
  const Finding made_up{"agreement", result.end, {NodeId{1}}, "something at height 1", false};
  const std::string text = story.paragraph(made_up);
  INFO(text);
  CHECK(has(text, "n2 crashed"));
  CHECK(has(text, "the prevote of n0 to n1 and n2"));
  const std::string diagram = story.diagram(made_up);
  INFO(diagram);
  CHECK(has(diagram, "Note over n2: crashes"));
  CHECK(has(diagram, "n0--xn1: prevote A (h1 r0), lost: adversary"));
}

TEST_CASE("a story of nothing is short", "[story]") {
  const Story story{4};
  const Finding finding{"liveness", time_zero, {}, "nobody moves", false};
  CHECK(story.paragraph(finding) == "Thus liveness was broken: nobody moves.");
  CHECK(story.diagram(finding) == "sequenceDiagram\n");
}
