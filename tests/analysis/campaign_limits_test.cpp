// Cases that do not end by themselves: they are cut off at the same event every time, and a campaign that is stopped in
// the middle of one goes on as if it had stopped before it.
#include <atomic>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "analysis/search/campaign.hpp"
#include "analysis/search/campaign_report.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
namespace fs = std::filesystem;

namespace {

/// A committee that goes on and on: some hundred thousand events a case.
CampaignOptions long_cases(std::uint64_t cases) {
  scenarios::Scenario s = fuzz_scenario("tendermint");
  s.stop.height = 0;
  s.stop.after = 600s;
  s.stop.healing = Duration{};
  CampaignOptions o;
  o.targets.push_back({"committee", std::make_shared<const scenarios::Scenario>(s), nullptr});
  o.strategies = {find_strategy("pct")};
  o.cases = cases;
  return o;
}

std::string campaign_file(const char* name) {
  const fs::path at = fs::temp_directory_path() / ("seqlab-limits-" + std::to_string(::getpid()) + "-" + name);
  fs::remove(at);
  return at.string();
}

}  // namespace

TEST_CASE("a case that does not end is cut off, and said to be", "[search][campaign]") {
  CampaignOptions o = long_cases(60);
  auto longer = *o.targets[0].scenario;
  longer.stop.after = 1200s;
  o.targets[0].scenario = std::make_shared<const scenarios::Scenario>(longer);
  o.events_max = 100'000;
  o.file = campaign_file("cut.sqlite");
  const CampaignReport r = run_campaign(o);
  CHECK(r.cases == 60);
  CHECK(r.cut_off > 20);
  CHECK(r.rechecked > 0);  // cut off at the same event: the digests are equal
  // What was cut off says nothing about how often a case fails.
  const double decided = static_cast<double>(60 - r.cut_off);
  CHECK(std::abs(r.excluded_rate - (1 - std::pow(0.05, 1 / decided))) < 1e-9);
  for (const CampaignFailure& f : r.failures) CHECK(f.checker != "determinism");

  CampaignStory story;
  story.report = &r;
  CHECK(to_text(story, false).find("cut off") != std::string::npos);
  CHECK(nlohmann::json::parse(to_json(story))["cut_off"] == r.cut_off);
  CHECK(run_campaign(o).cut_off == r.cut_off);  // from the file
  fs::remove(o.file);

  const CaseResult one = run_case(find_strategy("pct")->make(o.targets[0], 1)->make(0), o.targets[0], {100'000, {}});
  CHECK(one.cut_off);
  CHECK(one.events < 200'000);
}

TEST_CASE("the bound is far from what a sound committee needs", "[search][campaign]") {
  CampaignOptions o = long_cases(1);
  const CaseLimits limits = limits_of(o.targets[0]);
  const CaseResult plain = run_case({o.targets[0].scenario, {}}, o.targets[0], limits);
  CHECK_FALSE(plain.cut_off);
  CHECK(limits.events_max >= 20'000'000);
  CHECK(limits.events_max >= 200 * plain.events);
}

TEST_CASE("a campaign stops inside a case, which is run again when it goes on", "[search][campaign]") {
  for (const std::uint32_t jobs : {1U, 3U}) {
    CAPTURE(jobs);
    CampaignOptions o = long_cases(8);
    o.events_max = 200'000;
    const CampaignReport whole = run_campaign(o);

    o.jobs = jobs;
    o.file = campaign_file("stopped.sqlite");
    std::atomic<int> asked{0};
    o.stops = [&asked] { return ++asked > 7; };
    const CampaignReport part = run_campaign(o);
    CHECK(part.interrupted);
    CHECK(part.cases < 8);
    o.stops = nullptr;
    const CampaignReport rest = run_campaign(o);
    CHECK(rest.resumed);
    CHECK(rest.cases == 8);
    CHECK(rest.events == whole.events);
    CHECK(rest.distinct_states == whole.distinct_states);
    fs::remove(o.file);
  }
}

TEST_CASE("a limit of time holds inside a case", "[search][campaign]") {
  CampaignOptions o = long_cases(0);
  auto s = *o.targets[0].scenario;
  s.stop.after = 4'000s;
  o.targets[0].scenario = std::make_shared<const scenarios::Scenario>(s);
  o.events_max = ~std::uint64_t{0};
  o.seconds = 0.01;
  const CampaignReport r = run_campaign(o);
  CHECK(r.cases == 0);
  CHECK_FALSE(r.interrupted);
}
