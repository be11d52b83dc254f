// Reports of campaigns: whoever found a failure (a strategy, the corpus, a file of Twins scenarios, the explorer),
// every form of the report names it.
#include <nlohmann/json.hpp>
#include <string>

#include "analysis/search/campaign_report.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;

namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

StreamReport row(const std::string& target, const std::string& strategy, std::uint64_t cases, std::uint64_t failures) {
  StreamReport out;
  out.target = target;
  out.strategy = strategy;
  out.cases = cases;
  out.failures = failures;
  return out;
}

/// A campaign of one stream that found nothing.
struct Told {
  CampaignReport report;
  CampaignStory story;

  Told() {
    report.seed = 7;
    report.cases = 40;
    report.goals.resize(12, 1);
    report.streams = {row("committee", "random", 40, 0)};
    story.report = &report;
    story.again = "seqlab fuzz --again";
  }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;

  /// @pre  called for all failures before `tell`
  void fail(const std::string& target, const std::string& strategy, const std::string& text) {
    CampaignFailure f;
    f.target = target;
    f.strategy = strategy;
    f.checker = "agreement";
    f.text = text;
    report.failures.push_back(f);
    ++report.failed_cases;
  }
  void tell() {
    for (const CampaignFailure& f : report.failures) {
      story.failures.push_back({&f, "corpus/" + f.strategy + "/plan.json", 1, 1, "", "seqlab replay " + f.strategy});
    }
  }
  void explore(const std::string& checker) {
    Exploration e;
    e.target = "committee";
    e.committee = "powers 1 1 2, n0 forges";
    e.states = 321;
    if (!checker.empty()) {
      e.checker = checker;
      e.text = "n1 & n2 committed <different> blocks";
      e.steps = {"n0 proposes", "n1 votes"};
    }
    story.explorations.push_back(e);
  }
};

/// Tags of an XML document match; it is of this program's making, so comments and the like need no thought.
bool balanced(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const std::size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    if (xml[at + 1] == '?') continue;
    if (xml[at + 1] == '/') {
      if (open.empty() || open.back() != xml.substr(at + 2, end - at - 2)) return false;
      open.pop_back();
    } else {
      open.push_back(xml.substr(at + 1, xml.find_first_of(" >", at) - at - 1));
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("what the explorer found is in every form of the report", "[search][report]") {
  Told t;
  t.explore("");
  t.explore("agreement");
  CHECK(exit_code(t.story) == 1);

  const std::string junit = to_junit(t.story);
  INFO(junit);
  CHECK(balanced(junit));
  CHECK(junit.find("<testsuites name=\"seqlab fuzz\" tests=\"2\" failures=\"1\"") != std::string::npos);
  CHECK(junit.find("<testcase classname=\"committee\" name=\"explore\"") != std::string::npos);
  CHECK(count_of(junit, "<failure ") == 1);
  CHECK(junit.find("<failure type=\"agreement\" message=\"n1 &amp; n2 committed &lt;different&gt; blocks\">") !=
        std::string::npos);
  CHECK(junit.find("n0 proposes\nn1 votes\nseqlab fuzz --again</failure>") != std::string::npos);
  CHECK(junit.find("642 states, seed 7") != std::string::npos);

  const auto sarif = nlohmann::json::parse(to_sarif(t.story));
  const auto& results = sarif["runs"][0]["results"];
  REQUIRE(results.size() == 1);
  CHECK(results[0]["ruleId"] == "agreement");
  CHECK(results[0]["partialFingerprints"]["seqlab/v1"] == "committee/agreement/# & # committed <different> blocks");
  CHECK(sarif["runs"][0]["tool"]["driver"]["rules"].size() == 1);

  const std::string annotations = to_github_annotations(t.story);
  CHECK(annotations.find("::error title=agreement (committee)::n1 & n2 committed <different> blocks%0A") == 0);
  CHECK(annotations.find("n0 proposes%0An1 votes%0Aseqlab fuzz --again\n") != std::string::npos);
  CHECK(count_of(annotations, "\n") == 1);

  const std::string markdown = to_markdown(t.story);
  CHECK(markdown.find("| committee | explore | 642 states |") != std::string::npos);
  CHECK(markdown.find("**agreement**: n1 & n2") != std::string::npos);
  CHECK(markdown.find("```\nn0 proposes\nn1 votes\n```") != std::string::npos);
}

TEST_CASE("an exploration without a violation is no failure in any form", "[search][report]") {
  Told t;
  t.explore("");
  CHECK(exit_code(t.story) == 0);
  CHECK(to_junit(t.story).find("tests=\"2\" failures=\"0\"") != std::string::npos);
  CHECK(to_junit(t.story).find("<failure ") == std::string::npos);
  CHECK(nlohmann::json::parse(to_sarif(t.story))["runs"][0]["results"].empty());
  CHECK(to_github_annotations(t.story).empty());
  CHECK(to_markdown(t.story).find("**") == std::string::npos);
}

TEST_CASE("failures of the corpus and of a Twins file are test cases of their own", "[search][report]") {
  Told t;
  t.fail("committee", "twins file", "n0 and n1 differ");
  t.fail("an old one", "corpus", "n2 and n3 differ");
  t.tell();
  t.story.replayed = {row("committee", "twins file", 30, 1), row("an old one", "corpus", 1, 1),
                      row("a mended one", "corpus", 1, 0)};
  const std::string junit = to_junit(t.story);
  INFO(junit);
  CHECK(balanced(junit));
  CHECK(junit.find("<testsuites name=\"seqlab fuzz\" tests=\"4\" failures=\"2\"") != std::string::npos);
  CHECK(junit.find("<testsuite name=\"committee\" tests=\"2\" failures=\"1\"") != std::string::npos);
  CHECK(junit.find("<testsuite name=\"an old one\" tests=\"1\" failures=\"1\"") != std::string::npos);
  CHECK(junit.find("<testsuite name=\"a mended one\" tests=\"1\" failures=\"0\"") != std::string::npos);
  CHECK(junit.find("message=\"n0 and n1 differ\"") != std::string::npos);
  CHECK(junit.find("message=\"n2 and n3 differ\"") != std::string::npos);
  CHECK(count_of(junit, "<failure ") == 2);
  CHECK(to_markdown(t.story).find("| committee | twins file | 30 |") != std::string::npos);
  const auto strategies = nlohmann::json::parse(to_json(t.story))["strategies"];
  CHECK(strategies["twins file"]["cases"] == 30);
  CHECK(strategies["corpus"]["cases"] == 2);
  CHECK(strategies["corpus"]["failures"] == 1);
  CHECK(strategies["random"]["cases"] == 40);
}

TEST_CASE("a failure whose stream is in no list is told all the same", "[search][report]") {
  Told t;
  t.fail("committee", "somewhere", "n0 and n1 differ");
  t.tell();
  CHECK(to_junit(t.story).find("name=\"somewhere\"") != std::string::npos);
  CHECK(to_junit(t.story).find("message=\"n0 and n1 differ\"") != std::string::npos);
}

TEST_CASE("what was not done is said", "[search][report]") {
  Told t;
  t.story.notes = {"shard 0 alone explores"};
  CHECK(to_text(t.story, false).find("  note           shard 0 alone explores\n") != std::string::npos);
  CHECK(nlohmann::json::parse(to_json(t.story))["notes"][0] == "shard 0 alone explores");
  CHECK(to_markdown(t.story).find("shard 0 alone explores") != std::string::npos);
}
