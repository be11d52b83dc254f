// Campaigns: what a case is depends on nothing but its name, a file goes on where it ended, reports are well formed.
#include <sqlite3.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "analysis/search/campaign.hpp"
#include "analysis/search/campaign_report.hpp"
#include "analysis/search/campaign_store.hpp"
#include "analysis/search/corpus.hpp"
#include "analysis/search/finding_folder.hpp"
#include "analysis/search/finding_kind.hpp"
#include "analysis/search/statistics.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "tests/negative/broken/rules.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
namespace fs = std::filesystem;

namespace {

/// A folder of this test's own, gone with it.
struct Folder {
  Folder() {
    static int count = 0;
    path =
        fs::temp_directory_path() / ("seqlab-campaign-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    fs::create_directories(path);
  }
  ~Folder() {
    std::error_code error;
    fs::remove_all(path, error);
  }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  fs::path path;
};

Target sound() {
  return {"committee", std::make_shared<const scenarios::Scenario>(fuzz_scenario("tendermint")), nullptr};
}

/// Nobody locks: honest nodes part under some plans.
Target broken() {
  Target t = sound();
  t.make_engine = [](NodeId self, const protocols::Committee&, const protocols::EngineParameters& p) {
    using Core = protocols::BasicTendermint<tests::broken::NoLock>;
    return std::make_unique<protocols::EngineOf<Core>>(Core{self, p.tendermint, p.leaders});
  };
  return t;
}

CampaignOptions options_for(Target target, std::uint64_t cases) {
  CampaignOptions o;
  o.targets.push_back(std::move(target));
  o.strategies = {find_strategy("random")};
  o.cases = cases;
  return o;
}

/// Digest over all cases of a file in order of index, however they were grouped.
struct Stored {
  std::uint64_t cases = 0, held = 0, crashed = 0, events = 0;
  std::set<std::pair<std::uint64_t, std::string>> failures;  ///< (index, digest)
  friend bool operator==(const Stored&, const Stored&) = default;
};

Stored stored_in(const std::string& file) {
  Stored out;
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  const auto each = [&](const char* sql, auto row) {
    sqlite3_stmt* s = nullptr;
    REQUIRE(sqlite3_prepare_v2(db, sql, -1, &s, nullptr) == SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) row(s);
    sqlite3_finalize(s);
  };
  each("select first, count, held, events, crashed from batches order by first", [&](sqlite3_stmt* s) {
    CHECK(static_cast<std::uint64_t>(sqlite3_column_int64(s, 0)) == out.cases);  // no gap, nothing twice
    out.cases += static_cast<std::uint64_t>(sqlite3_column_int64(s, 1));
    out.held += static_cast<std::uint64_t>(sqlite3_column_int64(s, 2));
    out.events += static_cast<std::uint64_t>(sqlite3_column_int64(s, 3));
    out.crashed += static_cast<std::uint64_t>(sqlite3_column_int64(s, 4));
  });
  each("select \"index\", digest from failures", [&](sqlite3_stmt* s) {
    out.failures.emplace(static_cast<std::uint64_t>(sqlite3_column_int64(s, 0)),
                         reinterpret_cast<const char*>(sqlite3_column_text(s, 1)));
  });
  sqlite3_close(db);
  return out;
}

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const scenarios::InputError& error) {
    return scenarios::format(error.problems().front());
  }
  return "accepted";
}

}  // namespace

TEST_CASE("a sound engine is not flagged, and a campaign says what it covered", "[search][campaign]") {
  const CampaignReport r = run_campaign(options_for(sound(), 150));
  CHECK(r.cases == 150);
  CHECK(r.failures.empty());
  CHECK(r.distinct_states > 1000);
  CHECK(r.chance_of_new_state > 0);
  CHECK(r.chance_of_new_state <= 1);
  CHECK(r.excluded_rate == Approx(1 - std::pow(0.05, 1.0 / 150)));
  CHECK(r.rechecked > 0);
  CHECK(r.rechecked < 30);
}

TEST_CASE("threads, groups and kills change nothing", "[search][campaign]") {
  const Folder folder;
  CampaignOptions whole = options_for(broken(), 240);
  whole.file = folder / "whole.sqlite";
  run_campaign(whole);

  CampaignOptions parts = options_for(broken(), 90);
  parts.file = folder / "parts.sqlite";
  parts.jobs = 3;
  CHECK_FALSE(run_campaign(parts).resumed);
  parts.cases = 200;
  CHECK(run_campaign(parts).resumed);
  // Stopped from outside between two groups.
  parts.cases = 240;
  parts.jobs = 2;
  int calls = 0;
  parts.on_progress = [&](const CampaignReport&) { return ++calls < 2; };
  CHECK(run_campaign(parts).interrupted);
  parts.on_progress = nullptr;
  const CampaignReport last = run_campaign(parts);
  CHECK(last.cases == 240);
  const Stored one = stored_in(whole.file);
  CHECK(one.cases == 240);
  CHECK_FALSE(one.failures.empty());
  CHECK(stored_in(parts.file) == one);
}

TEST_CASE("a resumed campaign knows the plans of everything it had found", "[search][campaign]") {
  const Folder folder;
  CampaignOptions o = options_for(broken(), 700);
  o.strategies = {find_strategy("random"), find_strategy("guided")};
  o.file = folder / "c.sqlite";
  const CampaignReport first = run_campaign(o);
  const CampaignReport again = run_campaign(o);
  CHECK(again.resumed);
  CHECK(again.session_cases == 0);
  REQUIRE(again.failures.size() == first.failures.size());
  for (std::size_t i = 0; i < first.failures.size(); ++i) {
    const CampaignFailure& f = again.failures[i];
    CAPTURE(f.strategy, f.index);
    REQUIRE(f.which.scenario != nullptr);
    CHECK(f.which.plan == first.failures[i].which.plan);
    CHECK(f.digest == first.failures[i].digest);
    CHECK(run_case(f.which, o.targets[0]).digest == f.digest);
  }
  // A kind of failure is the stream's that met it first: a learner alone finds its own.
  o.strategies = {find_strategy("guided")};
  o.file = folder / "guided.sqlite";
  run_campaign(o);
  const CampaignReport guided = run_campaign(o);
  REQUIRE_FALSE(guided.failures.empty());
  for (const CampaignFailure& f : guided.failures) {
    REQUIRE(f.which.scenario != nullptr);
    CHECK(run_case(f.which, o.targets[0]).digest == f.digest);
    CHECK(kind_of(run_case(f.which, o.targets[0])) == f.checker);
  }
}

TEST_CASE("shards share the cases out", "[search][campaign]") {
  const Folder folder;
  CampaignOptions whole = options_for(broken(), 120);
  const CampaignReport all = run_campaign(whole);
  std::uint64_t events = 0;
  std::uint64_t failed = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    CampaignOptions part = options_for(broken(), 40);
    part.shard = i;
    part.shards = 3;
    const CampaignReport r = run_campaign(part);
    events += r.events;
    failed += r.failed_cases;
  }
  CHECK(events == all.events);
  CHECK(failed == all.failed_cases);
}

TEST_CASE("a planted bug is found, kept once a kind, and written so that it can be repeated", "[search][campaign]") {
  CampaignOptions o = options_for(broken(), 3000);
  o.until_failure = true;
  const CampaignReport r = run_campaign(o);
  REQUIRE_FALSE(r.failures.empty());
  const CampaignFailure& f = r.failures.front();
  CHECK((f.checker == "agreement" || f.checker == "lock_rule"));
  const CaseResult again = run_case(f.which, o.targets[0]);
  CHECK(again.digest == f.digest);
  CHECK(kind_of(again) == f.checker);

  const Folder folder;
  const std::string at = reproducer_folder(folder / "corpus", f.which, f.checker);
  write_case_folder(at, f.which, again.digest, again.verdict);
  CHECK(at == reproducer_folder(folder / "corpus", f.which, f.checker));
  const Corpus corpus = read_corpus(folder / "corpus", {SEQLAB_LIBRARY_ROOT});
  CHECK(corpus.problems.empty());
  REQUIRE(corpus.entries.size() == 1);
  CHECK(corpus.entries[0].which.plan == f.which.plan);
  CHECK(run_case(corpus.entries[0].which, o.targets[0]).digest == f.digest);

  // A damaged entry is named; the good ones stay.
  fs::create_directories(folder / "corpus/zzz");
  std::ofstream{folder / "corpus/zzz/plan.json"} << "{\"schema\": \"seqlab/plan/v1\",";
  const Corpus mixed = read_corpus(folder / "corpus", {SEQLAB_LIBRARY_ROOT});
  CHECK(mixed.entries.size() == 1);
  REQUIRE_FALSE(mixed.problems.empty());
  CHECK(mixed.problems[0].find("zzz/plan.json") != std::string::npos);
}

TEST_CASE("an exception of ours is a result, and the campaign goes on", "[search][campaign]") {
  // The strategy's probe has a committee of four and works; some of its cases have more.
  Target t = sound();
  t.make_engine = [](NodeId self, const protocols::Committee& genesis,
                     const protocols::EngineParameters& p) -> std::unique_ptr<protocols::Engine> {
    if (genesis.size() > 4) throw std::runtime_error("no engine for n4 today");
    return protocols::find_engine("tendermint")->make(self, genesis, p);
  };
  const Folder folder;
  CampaignOptions o = options_for(t, 60);
  o.file = folder / "c.sqlite";
  const CampaignReport r = run_campaign(o);
  CHECK(r.cases == 60);
  const auto strategy = find_strategy("random")->make(sound(), o.seed);
  std::uint64_t large = 0;
  for (std::uint64_t i = 0; i < 60; ++i) large += strategy->make(i).scenario->design.committee.count > 4 ? 1U : 0U;
  REQUIRE(large > 5);
  REQUIRE(large < 40);
  CHECK(r.failed_cases == large);
  REQUIRE(r.failures.size() == 1);
  const CampaignFailure& f = r.failures.front();
  CHECK(f.checker == "crash");
  CHECK(f.text == "no engine for n4 today");
  CHECK(f.count == large);
  CHECK(f.which.scenario->design.committee.count > 4);
  REQUIRE(r.streams.size() == 1);
  CHECK(r.streams[0].cases == 60);
  CHECK(r.streams[0].failures == large);
  // The rows say the same, and the cases after each crash were run.
  const Stored rows = stored_in(o.file);
  CHECK(rows.cases == 60);
  CHECK(rows.held == 60 - large);
  CHECK(rows.crashed == large);
  CHECK(rows.failures.size() == large);
  CHECK(rows.events == r.events);
  CHECK(rows.events > 0);

  CampaignStory story;
  story.report = &r;
  CHECK(exit_code(story) == 4);
  CHECK(verdict_of(story) == "crashed");
}

TEST_CASE("a file that is not this campaign's is refused and left alone", "[search][campaign]") {
  const Folder folder;
  CampaignOptions o = options_for(sound(), 20);
  o.file = folder / "c.sqlite";
  run_campaign(o);
  const auto size = fs::file_size(o.file);

  CampaignOptions other = o;
  other.seed = 2;
  CHECK(refusal([&] { run_campaign(other); }).find("its seed is 1, not 2") != std::string::npos);
  other = o;
  other.shards = 2;
  CHECK(refusal([&] { run_campaign(other); }).find("shard") != std::string::npos);
  other = o;
  scenarios::Scenario changed = *o.targets[0].scenario;
  changed.design.committee.stake[0] = 2;
  other.targets[0].scenario = std::make_shared<const scenarios::Scenario>(changed);
  CHECK(refusal([&] { run_campaign(other); }).find("targets") != std::string::npos);
  CHECK(fs::file_size(o.file) == size);

  other = o;
  other.file = folder / "garbage.sqlite";
  std::ofstream{other.file} << "this is not a database, and it is long enough to be looked at as one .............";
  CHECK(refusal([&] { run_campaign(other); }).find("not a campaign file") != std::string::npos);
  other.file = folder / "nowhere/c.sqlite";
  CHECK(refusal([&] { run_campaign(other); }).find("cannot open") != std::string::npos);
  // Cut short: some pages are gone.
  fs::copy_file(o.file, folder / "cut.sqlite");
  fs::resize_file(folder / "cut.sqlite", size / 2);
  other.file = folder / "cut.sqlite";
  CHECK(refusal([&] { run_campaign(other); }) != "accepted");
}

TEST_CASE("two processes do not share a file", "[search][campaign]") {
  const Folder folder;
  const CampaignStore first{folder / "c.sqlite", {{"seed", "1"}}, {}};
  CHECK(refusal([&] { CampaignStore second(folder / "c.sqlite", {{"seed", "1"}}, {}); }).find("another process") !=
        std::string::npos);
}

TEST_CASE("failures that differ in numbers alone are of one kind", "[search][campaign]") {
  CHECK(shape_of("n3 committed 1fa2 at height 12") == shape_of("n1 committed 9c00 at height 7"));
  CHECK(shape_of("n3 committed 1fa2") != shape_of("n3 proposed 1fa2"));
  CHECK(shape_of("n0, n1 and n2 stand still") == shape_of("n3 stand still"));
  CHECK(shape_of("n0, n1, n2, n3 and n4 stand still") == shape_of("n3 stand still"));
  CHECK(shape_of("nothing in the last 1.5 s of 30") == shape_of("nothing in the last 2 s of 4"));
  // An enumeration of other things is no list of nodes.
  CHECK(shape_of("a in round 0, b in round 2") == "a in round #, b in round #");
}

TEST_CASE("statistics of what was not run", "[search][campaign]") {
  CHECK(excluded_rate_95(0, 0) == 1.0);
  CHECK(excluded_rate_95(300, 0) == Approx(0.00993).epsilon(0.01));  // the rule of three
  CHECK(excluded_rate_95(10, 1) == Approx(0.3942).epsilon(0.001));   // Clopper and Pearson, one-sided 95 %
  CHECK(excluded_rate_95(10, 10) == 1.0);
  StateCensus census;
  const std::uint64_t a[] = {1, 2};
  const std::uint64_t b[] = {2, 3};
  CHECK(census.chance_of_new() == 1.0);
  CHECK(census.add(a) == 2);
  CHECK(census.add(b) == 1);
  CHECK(census.chance_of_new() == 1.0);  // 1 and 3 were seen by one case each
  CHECK(census.add(a) == 0);
  CHECK(census.distinct() == 3);
  CHECK(census.chance_of_new() == Approx(1.0 / 3));  // only 3 is still rare
}

TEST_CASE("reports for machines are well formed", "[search][campaign]") {
  CampaignOptions o = options_for(broken(), 400);
  const CampaignReport r = run_campaign(o);
  REQUIRE_FALSE(r.failures.empty());
  CampaignStory story;
  story.report = &r;
  for (const CampaignFailure& f : r.failures) {
    story.failures.push_back({&f, "corpus/x/plan.json", 3, 3, "", "seqlab replay corpus/x"});
  }
  story.again = "seqlab fuzz";
  CHECK(exit_code(story) == 1);
  const auto json = nlohmann::json::parse(to_json(story));
  for (const char* key : {"seed", "strategies", "cases", "cases_per_second", "distinct_states", "findings", "sometimes",
                          "excluded_rate_95", "verdict"}) {
    CAPTURE(key);
    CHECK(json.contains(key));
  }
  CHECK(json["verdict"] == "violated");
  CHECK(json["strategies"]["random"]["cases"] == 400);
  CHECK(json["findings"][0]["interventions"]["found"] == 3);
  const auto sarif = nlohmann::json::parse(to_sarif(story));
  CHECK(sarif["runs"][0]["results"].size() == r.failures.size());
  const std::string junit = to_junit(story);
  CHECK(junit.find("<testcase classname=\"committee\" name=\"random\"") != std::string::npos);
  CHECK(junit.find("<failure type=") != std::string::npos);
  CHECK(to_github_annotations(story).find("::error file=corpus/x/plan.json,line=1,title=") == 0);
  CHECK(to_text(story, false).find("VIOLATED  committee  seed 1") == 0);
  CHECK(to_markdown(story).find("| committee | random | 400 |") != std::string::npos);
}
