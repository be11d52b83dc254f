// The program as its users meet it: run as a process, judged by exit code, stdout and stderr.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "analysis/record/output_file.hpp"
#include "analysis/report/format.hpp"
#include "analysis/report/result.hpp"
#include "tests/analysis/shell.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::analysis;
using namespace seqlab::analysis::test;
using Json = nlohmann::json;
namespace fs = std::filesystem;

TEST_CASE("a run prints its verdict first and what matters below, on stdout alone", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome done = seqlab("seqlab run small.yaml");
  CHECK(done.code == 0);
  CHECK(done.err.empty());
  CHECK(done.out.rfind("HELD  small  seed 1\n", 0) == 0);
  CHECK(lines_of(done.out).size() <= 26);
  for (const char* label :
       {"commits", "commit latency", "transactions", "messages", "liveness", "digest", "seed", "wall time"}) {
    CHECK(labelled(done.out, label).size() >= 1);
  }
  CHECK(labelled(done.out, "next").size() == 2);
}

TEST_CASE("the next commands that a run prints work", "[analysis][program]") {
  const Shell seqlab;
  // A name that a shell would take apart.
  seqlab.write("it's small.yaml", small_scenario);
  const Outcome first = seqlab("seqlab run \"it's small.yaml\" --set 'stop.after=2s'");
  REQUIRE(first.code == 0);
  const auto next = labelled(first.out, "next");
  REQUIRE(next.size() == 2);
  for (const std::string& line : next) {
    INFO(line);
    const Outcome done = seqlab(line);
    CHECK(done.code == 0);
    CHECK(labelled(done.out, "next").size() == 2);
    for (const std::string& further : labelled(done.out, "next")) {
      INFO(further);
      CHECK(seqlab(further).code == 0);
    }
  }
}

TEST_CASE("run --json prints one object that fits its schema's names, and nothing more", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome done = seqlab("seqlab run small.yaml --json --seed 18446744073709551615");
  CHECK(done.code == 0);
  CHECK(done.err.empty());
  const Json result = Json::parse(done.out);
  const Json schema = Json::parse(seqlab("seqlab schema --result").out);
  for (const Json& name : schema["required"]) CHECK(result.contains(name.get<std::string>()));
  CHECK(result.size() == schema["required"].size());
  CHECK(result["seed"].get<std::uint64_t>() == 18'446'744'073'709'551'615U);
  CHECK(result["commits"]["min"].get<int>() >= 2);
  CHECK(result["messages"]["sent"].get<int>() > 0);
  CHECK(result["commit_latency_ns"]["p50"].get<std::int64_t>() > 0);
}

TEST_CASE("the same seed gives the same digest, another one another", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const auto digest = [&seqlab](const std::string& more) {
    return Json::parse(seqlab("seqlab run small.yaml --json " + more).out)["digest"].get<std::string>();
  };
  CHECK(digest("--seed 5") == digest("--seed 5"));
  CHECK(digest("--seed 5") == digest("--seed 5 --out folder --trace --jsonl"));
  CHECK(digest("--seed 5") != digest("--seed 6"));
}

TEST_CASE("run --verify runs twice and says so", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome done = seqlab("seqlab run small.yaml --verify");
  CHECK(done.code == 0);
  CHECK(contains(done.out, "a second run gave the same"));
  CHECK(Json::parse(seqlab("seqlab run small.yaml --verify --json").out)["verified"] == true);
}

TEST_CASE("a result that is not as expected exits with 1 and ends with the line that repeats it",
          "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome done = seqlab("seqlab run small.yaml --set expect.verdict=violated --seed 3");
  REQUIRE(done.code == 1);
  CHECK(done.out.rfind("FAIL  small  seed 3", 0) == 0);
  const auto lines = lines_of(done.out);
  const std::string start = "  reproduce: ";
  REQUIRE(lines.back().rfind(start, 0) == 0);
  const std::string again = lines.back().substr(start.size());
  CHECK(again == "seqlab run small.yaml --set expect.verdict=violated --seed 3");
  CHECK(seqlab(again).code == 1);
  const Outcome quiet = seqlab("seqlab run small.yaml --quiet --set expect.verdict=violated --seed 3");
  CHECK(quiet.code == 1);
  CHECK(lines_of(quiet.out).size() == 2);
}

TEST_CASE("bad input exits with 3, explains itself on stderr and leaves stdout empty", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  seqlab.write("bad.yaml", "schema: seqlab/scenario/v1\nname: bad\nstop: {after: 800, healng: 1s}\ndesgn: {}\n");
  struct Row {
    const char* line;
    std::vector<const char*> words;  ///< that stderr must have
  };
  const Row row = GENERATE(
      Row{"seqlab run no-such-scenario", {"no-such-scenario"}}, Row{"seqlab run smal.yaml", {"smal.yaml"}},
      Row{"seqlab run bad.yaml", {"bad.yaml:3:", "stop.after", "`healing`", "bad.yaml:4:1", "`design`"}},
      Row{"seqlab check bad.yaml", {"bad.yaml:3:", "bad.yaml:4:"}}, Row{"seqlab run small.yaml --seed -1", {"--seed"}},
      Row{"seqlab run small.yaml --seed 18446744073709551616", {"--seed"}},
      Row{"seqlab run small.yaml --seed 1x", {"--seed"}},
      Row{"seqlab run small.yaml --set stop.after", {"--set", "path=value"}},
      Row{"seqlab run small.yaml --set stop.aftr=1s", {"aftr", "after"}},
      Row{"seqlab run small.yaml --trace", {"--out"}}, Row{"seqlab run", {"scenario"}},
      Row{"seqlab replay nowhere", {"there is no such plan", "--out"}},
      Row{"seqlab", {"run", "list", "replay"}}, Row{"seqlab rum small.yaml", {"`rum`", "`run`"}},
      Row{"seqlab run small.yaml --jsom", {"`--jsom`", "`--json`"}},
      Row{"seqlab --libary x list", {"`--libary`", "`--library`"}}, Row{"seqlab list engnes", {"engnes", "`engines`"}},
      Row{"seqlab run small.yaml --color purple", {"purple"}},
      Row{"seqlab --library /nonexistent list", {"/nonexistent", "catalog"}},
      Row{"seqlab replay nowhere/plan.json", {"nowhere/plan.json"}}, Row{"seqlab replay small.yaml", {"small.yaml:"}},
      Row{"seqlab init /proc/nowhere", {"/proc/nowhere"}},
      Row{"seqlab run small.yaml --out /proc/nowhere/x", {"/proc/nowhere"}},
      Row{"seqlab run small.yaml --out small.yaml", {"small.yaml", "not a folder"}},
      Row{"seqlab run small.yaml --out small.yaml/x", {"small.yaml"}});
  INFO(row.line);
  const Outcome done = seqlab(row.line);
  INFO(done.err);
  CHECK(done.code == 3);
  CHECK(done.out.empty());
  for (const char* word : row.words) CHECK(contains(done.err, word));
}

TEST_CASE("a full standard output is told", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome done = seqlab("seqlab run small.yaml --json >/dev/full");
  CHECK(done.code == 3);
  CHECK(contains(done.err, "standard output"));
}

TEST_CASE("a run folder holds all its files and repeats", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome first = seqlab("seqlab run small.yaml --out runs/a --trace --jsonl --seed 9");
  REQUIRE(first.code == 0);
  for (const char* name :
       {"scenario.yaml", "plan.json", "result.json", "run.sqlite", "trace.perfetto-trace", "records.jsonl"}) {
    CHECK(fs::file_size(seqlab.path(std::string{"runs/a/"} + name)) > 0);
  }
  CHECK_FALSE(seqlab.has("runs/a.partial"));
  const Json result = Json::parse(read_file(seqlab.path("runs/a/result.json")));
  CHECK(contains(first.out, result["digest"].get<std::string>()));
  CHECK(lines_of(read_file(seqlab.path("runs/a/records.jsonl"))).size() == result["records"].get<std::size_t>());

  // It needs nothing but itself.
  fs::remove(seqlab.path("small.yaml"));
  fs::rename(seqlab.path("runs/a"), seqlab.path("elsewhere"));
  const Outcome again = seqlab("seqlab replay elsewhere/plan.json --json");
  CHECK(again.code == 0);
  CHECK(contains(again.err, "the digest is the recorded one"));
  CHECK(Json::parse(again.out)["digest"] == result["digest"]);
  CHECK(seqlab("seqlab replay elsewhere").code == 0);
}

TEST_CASE("a replay that comes out differently says what differs", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  REQUIRE(seqlab("seqlab run small.yaml --out a").code == 0);
  const auto change = [&seqlab](const std::string& file, const std::string& what, const std::string& by) {
    std::string text = read_file(seqlab.path(file));
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    write_file(seqlab.path(file), text.replace(at, what.size(), by));
  };
  const std::string digest = Json::parse(read_file(seqlab.path("a/plan.json")))["expect"]["digest"].get<std::string>();

  SECTION("another digest with the same program and scenario is our bug") {
    change("a/plan.json", digest, std::string(32, '0'));
    const Outcome done = seqlab("seqlab replay a");
    CHECK(done.code == 4);
    CHECK(contains(done.err, digest));
  }
  SECTION("another digest of another build is told, with both builds") {
    change("a/plan.json", build_id(), "sources 0123456789ab, GNU 1.0");
    const Outcome same = seqlab("seqlab replay a");
    CHECK(same.code == 0);
    CHECK_FALSE(contains(same.err, "build"));
    change("a/plan.json", digest, std::string(32, '0'));
    const Outcome other = seqlab("seqlab replay a");
    CHECK(other.code == 1);
    CHECK(contains(other.err, "note: recorded by another build (sources 0123456789ab, GNU 1.0)"));
    CHECK(contains(other.err, "repeated by this one (" + build_id() + ")"));
  }
  SECTION("a plan of before builds were recorded") {
    change("a/plan.json", "  \"build\": \"" + build_id() + "\",\n", "");
    CHECK(seqlab("seqlab replay a").code == 0);
  }
  SECTION("another version of the program") {
    change("a/plan.json", "\"version\": \"" + version() + "\"", "\"version\": \"0.0.1\"");
    const Outcome same = seqlab("seqlab replay a");
    CHECK(same.code == 0);
    CHECK(contains(same.err, "version 0.0.1"));
    change("a/plan.json", digest, std::string(32, '0'));
    CHECK(seqlab("seqlab replay a").code == 1);
  }
  SECTION("another scenario") {
    change("a/scenario.yaml", "mean: 20ms", "mean: 30ms");
    const Outcome done = seqlab("seqlab replay a");
    CHECK(done.code == 1);
    CHECK(contains(done.err, "does not mean what it meant"));
  }
}

TEST_CASE("a folder that holds something is never written to, a run folder only with --force", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  fs::create_directory(seqlab.path("mine"));
  seqlab.write("mine/thesis.txt", "years of work");
  CHECK(seqlab("seqlab run small.yaml --out mine").code == 3);
  CHECK(seqlab("seqlab run small.yaml --out mine --force").code == 3);
  CHECK(read_file(seqlab.path("mine/thesis.txt")) == "years of work");
  CHECK_FALSE(seqlab.has("mine.partial"));

  fs::create_directory(seqlab.path("empty"));
  CHECK(seqlab("seqlab run small.yaml --out empty/").code == 0);
  CHECK(seqlab("seqlab run small.yaml --out empty --seed 2").code == 3);
  CHECK(Json::parse(read_file(seqlab.path("empty/plan.json")))["seed"] == 1);
  CHECK(seqlab("seqlab run small.yaml --out empty --seed 2 --force --jsonl").code == 0);
  CHECK(Json::parse(read_file(seqlab.path("empty/plan.json")))["seed"] == 2);
  CHECK(seqlab.has("empty/records.jsonl"));
  CHECK_FALSE(seqlab.has("empty.replaced"));
  // A note beside the results makes it the user's.
  seqlab.write("empty/notes.txt", "seen");
  CHECK(seqlab("seqlab run small.yaml --out empty --force").code == 3);
}

TEST_CASE("a disk that fills up leaves nothing that looks whole", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  // In 512-byte blocks: nothing, the scenario alone, less than the database.
  const std::string limit = GENERATE("0", "8", "100");
  const Outcome done =
      seqlab("( ulimit -f " + limit +
             "; seqlab run small.yaml --out full --trace --jsonl ) 2>&1 | cat; seqlab list engines >/dev/null");
  INFO(done.out);
  CHECK(contains(done.out, "cannot write"));
  CHECK_FALSE(seqlab.has("full"));
  CHECK_FALSE(seqlab.has("full.partial"));
}

TEST_CASE("a full disk exits with 3", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome done = seqlab("ulimit -f 20; seqlab run small.yaml --out full --jsonl");
  CHECK(done.code == 3);
  CHECK(contains(done.err, "make room"));
  CHECK(done.out.empty());
}

TEST_CASE("Ctrl-C ends a long run with the report so far, undecided", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome done = seqlab(std::string{"timeout --preserve-status --signal=INT 3 "} + SEQLAB_PROGRAM +
                              " run small.yaml --set stop.after=900h --out long --quiet; code=$?; test $code -eq 2");
  INFO(done.err);
  CHECK(done.code == 0);
  CHECK(contains(done.out, "UNDECIDED  small"));
  CHECK(contains(done.err, "of at most"));  // it lasted over a second: progress was shown
  CHECK(contains(done.out, "reproduce: "));
  REQUIRE(seqlab.has("long/plan.json"));
  CHECK(Json::parse(read_file(seqlab.path("long/plan.json")))["expect"]["interrupted"] == true);
  CHECK(Json::parse(read_file(seqlab.path("long/result.json")))["verdict"] == "undecided");
}

TEST_CASE("colour is for terminals, or for who asks", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  CHECK_FALSE(contains(seqlab("seqlab run small.yaml").out, "\033"));
  CHECK(contains(seqlab("seqlab run small.yaml --color always").out, "\033"));
  CHECK(contains(seqlab("NO_COLOR=1 seqlab --color always run small.yaml").out, "\033"));
}

TEST_CASE("check prints a scenario that means the same as the one it read", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  const Outcome done = seqlab("seqlab check small.yaml --set stop.after=3s > full.yaml");
  CHECK(done.code == 0);
  CHECK(contains(read_file(seqlab.path("full.yaml")), "timeout_propose"));
  const Json a = Json::parse(seqlab("seqlab run small.yaml --json --set stop.after=3s").out);
  const Json b = Json::parse(seqlab("seqlab run full.yaml --json").out);
  CHECK(a["digest"] == b["digest"]);
  CHECK(a["scenario_hash"] == b["scenario_hash"]);
}

TEST_CASE("list names everything there is with a line about each", "[analysis][program]") {
  const Shell seqlab;
  const Json all = Json::parse(seqlab("seqlab list --json").out);
  for (const char* kind : {"scenarios", "engines", "checkers", "adversaries", "designs", "environments", "matrices"}) {
    INFO(kind);
    REQUIRE(all[kind].size() >= 1);
    for (const Json& entry : all[kind]) {
      INFO(entry.dump());
      CHECK_FALSE(entry["name"].get<std::string>().empty());
      CHECK_FALSE(entry["text"].get<std::string>().empty());
    }
    const Outcome one = seqlab(std::string{"seqlab list "} + kind);
    CHECK(one.code == 0);
    CHECK(lines_of(one.out).size() == all[kind].size());
    for (const Json& entry : all[kind]) CHECK(contains(one.out, entry["name"].get<std::string>()));
  }
  CHECK(contains(seqlab("seqlab list").out, "equivocating-proposer"));
}

TEST_CASE("schema prints JSON Schema", "[analysis][program]") {
  const Shell seqlab;
  CHECK(Json::parse(seqlab("seqlab schema").out).contains("properties"));
  CHECK(Json::parse(seqlab("seqlab schema --result").out)["properties"].contains("digest"));
  CHECK(seqlab("seqlab schema --markdown").out.rfind("# ", 0) == 0);
}

TEST_CASE("init writes a first attack that runs, and overwrites nothing", "[analysis][program]") {
  const Shell seqlab;
  const Outcome made = seqlab("seqlab init 'my attack'");
  REQUIRE(made.code == 0);
  const auto next = labelled(made.out, "next:");
  REQUIRE(next.size() == 1);
  const Outcome done = seqlab(next[0] + " --json");
  INFO(done.out + done.err);
  CHECK(done.code == 0);
  const Json result = Json::parse(done.out);
  CHECK(result["verdict"] == "held");
  CHECK(result["adversary_budget"][0]["used"]["forged"].get<int>() > 0);
  CHECK(result["adversary_budget"][0]["used"]["refused"] == 0);
  CHECK(contains(read_file(seqlab.path("my attack/meta/seqlab.lua")), "---@meta"));
  CHECK(Json::parse(read_file(seqlab.path("my attack/.luarc.json")))["runtime"]["version"] == "Lua 5.4");

  seqlab.write("my attack/first.lua", "return {} -- mine");
  const Outcome again = seqlab("seqlab init 'my attack'");
  CHECK(again.code == 3);
  CHECK(lines_of(again.err).size() == 4);
  CHECK(read_file(seqlab.path("my attack/first.lua")) == "return {} -- mine");
}

TEST_CASE("the examples in every --help work", "[analysis][program]") {
  for (const char* command : {"", "run", "check", "list", "schema", "init", "replay"}) {
    const Shell seqlab;
    const Outcome help = seqlab(std::string{"seqlab "} + command + " --help");
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    std::size_t examples = 0;
    for (const std::string& line : lines_of(help.out)) {
      if (line.rfind("  seqlab ", 0) != 0) continue;
      ++examples;
      INFO(line);
      const Outcome done = seqlab(line);
      INFO(done.err);
      CHECK(done.code == 0);
    }
    CHECK(examples >= 1);
  }
}

TEST_CASE("the program works from any folder and takes its library from where it is told", "[analysis][program]") {
  const Shell seqlab;
  CHECK(seqlab("cd / && seqlab check equivocating-proposer >/dev/null").code == 0);
  fs::create_directories(seqlab.path("lib/catalog"));
  seqlab.write("lib/catalog/mine.yaml", small_scenario + std::string{"seed: 4\n"});
  CHECK(contains(seqlab("seqlab --library lib list scenarios").out, "mine"));
  CHECK(contains(seqlab("SEQLAB_LIBRARY=lib seqlab list scenarios").out, "mine"));
  CHECK_FALSE(contains(seqlab("SEQLAB_LIBRARY=lib seqlab list scenarios").out, "equivocating-proposer"));
}

TEST_CASE("what a script prints is in the report, in the JSON object and in the run folder", "[analysis][program]") {
  const Shell seqlab;
  seqlab.write("talker.lua",
               "return { api = 1, on_start = function(ctx) print('hello', 7) print('it is', ctx.now) end }\n");
  seqlab.write("small.yaml", std::string{small_scenario} + "expect: {}\n");
  const std::string run =
      "seqlab run small.yaml --set 'environment.adversaries=[{script: talker.lua, nodes: [n3]}]'";
  CHECK(contains(seqlab(run).out, "  script log     2 lines printed (--json shows them, --out DIR keeps them)\n"));
  const Json json = Json::parse(seqlab(run + " --json").out);
  CHECK(json["adversary_budget"][0]["log"] == Json{"hello\t7", "it is\t0"});
  const Outcome kept = seqlab(run + " --out a");
  CHECK(contains(kept.out, "  script log     2 lines printed (a/script.log)\n"));
  CHECK(read_file(seqlab.path("a/script.log")) == "talker.lua on n3: hello\t7\ntalker.lua on n3: it is\t0\n");
  CHECK(seqlab(run + " --out a --force --quiet").code == 0);

  CHECK_FALSE(contains(seqlab("seqlab run small.yaml --out b").out, "script log"));
  CHECK_FALSE(seqlab.has("b/script.log"));
}

TEST_CASE("a run folder without a name is refused", "[analysis][program]") {
  const Shell seqlab;
  const Outcome done = seqlab("seqlab run equivocating-proposer --out ''");
  CHECK(done.code == 3);
  CHECK(contains(done.err, "--out: needs the name of a folder"));
}

TEST_CASE("an init that cannot write leaves nothing in the way of the next one", "[analysis][program]") {
  const Shell seqlab;
  // A full disk, as far as a limit of one block can play it: the annotations do not fit.
  const Outcome done = seqlab("( ulimit -f 8; seqlab init start )");
  CHECK(done.code == 3);
  CHECK_FALSE(seqlab.has("start/first.yaml"));
  CHECK(seqlab("seqlab init start").code == 0);
}

TEST_CASE("the version is printed", "[analysis][program]") {
  const Shell seqlab;
  const Outcome done = seqlab("seqlab --version");
  CHECK(done.code == 0);
  CHECK(done.out == "seqlab " + version() + " (" + build_id() + ")\n");
}

TEST_CASE("fuzz finds, shrinks, keeps and repeats", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const std::string hunt = "seqlab fuzz --engine tendermint --set design.keep_blocks=2 --cases 40 --strategy twins";
  const Outcome found = seqlab(hunt + " --json --junit j.xml --sarif s.json --github --campaign c.sqlite");
  CHECK(found.code == 1);
  const Json result = Json::parse(found.out);
  CHECK(result["verdict"] == "violated");
  CHECK(result["cases"] == 40);
  REQUIRE_FALSE(result["findings"].empty());
  const Json& first = result["findings"][0];
  CHECK(first["checker"] == "liveness");
  CHECK(first["interventions"]["shrunk"] <= first["interventions"]["found"]);
  CHECK(seqlab.has(std::string{first["plan"]}));
  CHECK(contains(found.err, "::error file="));
  CHECK(seqlab.has("j.xml"));
  CHECK(Json::parse(read_file(seqlab.path("s.json")))["version"] == "2.1.0");
  const Outcome again = seqlab(std::string{first["reproduce"]});
  CHECK(again.code == 1);
  CHECK(contains(again.err, "the digest is the recorded one"));

  // Every record of it can be looked at; that folder repeats the finding as well, with all that is done to the run.
  CHECK(seqlab(std::string{first["reproduce"]} + " --out looked-at --jsonl").code == 1);
  CHECK(Json::parse(read_file(seqlab.path("looked-at/plan.json")))["interventions"].size() ==
        first["interventions"]["shrunk"].get<std::size_t>());
  CHECK(fs::file_size(seqlab.path("looked-at/records.jsonl")) > 0);
  const Outcome folder = seqlab("seqlab replay looked-at");
  CHECK(folder.code == 1);
  CHECK(contains(folder.err, "the digest is the recorded one"));
  CHECK(seqlab(std::string{first["reproduce"]} + " --trace").code == 3);  // where to?

  // The corpus is run first; a finished campaign is not run again.
  const Outcome later = seqlab(hunt + " --campaign c.sqlite");
  CHECK(later.code == 1);
  CHECK(contains(later.out, "0 of " + std::to_string(result["findings"].size()) + " earlier failures pass now"));
  // Threads and parts change nothing.
  const Json threads = Json::parse(seqlab(hunt + " --json --corpus other --jobs 3").out);
  CHECK(threads["findings"].size() == result["findings"].size());
  CHECK(threads["distinct_states"] == result["distinct_states"]);
}

TEST_CASE("Twins scenarios are written and run", "[analysis][program][fuzz]") {
  const Shell seqlab;
  CHECK(seqlab("seqlab fuzz --engine jolteon --cases 30 --write-twins t.json").code == 0);
  const Outcome run = seqlab("seqlab fuzz --engine jolteon --strategy random --cases 5 --twins t.json");
  CHECK(run.code == 0);
  CHECK(contains(run.out, "30 of 30 Twins scenarios hold"));
  seqlab.write("bad.json", "{\"num_of_nodes\": 4, \"scenarios\": [{\"round_leaders\": 3}]}");
  const Outcome bad = seqlab("seqlab fuzz --engine jolteon --cases 5 --twins bad.json");
  CHECK(bad.code == 3);
  CHECK(contains(bad.err, "bad.json:1:53: scenarios[0].round_leaders"));
}

TEST_CASE("a campaign survives a kill", "[analysis][program][fuzz]") {
  const Shell seqlab;
  const std::string hunt = "seqlab fuzz --engine centralised --strategy random --campaign c.sqlite --json --cases ";
  // Killed in the middle, then gone on with: the same as in one piece.
  seqlab("( " SEQLAB_PROGRAM
         " fuzz --engine centralised --strategy random --campaign c.sqlite --cases 100000 & p=$!; sleep 0.4; "
         "kill -9 $p; wait $p )");
  const Outcome resumed = seqlab(hunt + "3000");
  CHECK(resumed.code == 0);
  const Json parts = Json::parse(resumed.out);
  const Json whole = Json::parse(seqlab("seqlab fuzz --engine centralised --strategy random --json --cases " +
                                        std::to_string(std::uint64_t{parts["cases"]}))
                                     .out);
  CHECK(parts["cases"] == whole["cases"]);
  CHECK(parts["events"] == whole["events"]);
  CHECK(parts["sometimes"] == whole["sometimes"]);
  CHECK(parts["distinct_states"] == whole["distinct_states"]);
}

TEST_CASE("bad words for fuzz, shrink and bisect exit with 3 and a way out", "[analysis][program][fuzz]") {
  const Shell seqlab;
  seqlab.write("small.yaml", small_scenario);
  REQUIRE(seqlab("seqlab run small.yaml --out a").code == 0);
  seqlab.write("garbage.sqlite", "nothing that a database would begin with, and a good deal longer than a header is");
  struct Row {
    std::string command, word;
  };
  for (const Row& row :
       {Row{"seqlab fuzz", "--engine NAME"}, Row{"seqlab fuzz --engine tendermnt", "tendermint"},
        Row{"seqlab fuzz --engine tendermint --strategy randon", "random"},
        Row{"seqlab fuzz --engine tendermint --time soon", "--time 60s"},
        Row{"seqlab fuzz --engine tendermint --cases 0", "--cases"},
        Row{"seqlab fuzz --engine tendermint --jobs none", "--jobs"},
        Row{"seqlab fuzz --engine tendermint --shard 4/4", "3/4"},
        Row{"seqlab fuzz --engine tendermint --seed x", "x"},
        Row{"seqlab fuzz --engine tendermint --cases 1 --campaign garbage.sqlite", "left alone"},
        Row{"seqlab fuzz --engine tendermint --cases 1 --corpus small.yaml", "small.yaml"},
        Row{"seqlab fuzz nowhere", "nowhere"}, Row{"seqlab shrink a", "nothing is wrong"},
        Row{"seqlab shrink nowhere", "nowhere"}, Row{"seqlab bisect a nowhere", "nowhere"}}) {
    CAPTURE(row.command);
    const Outcome done = seqlab(row.command);
    CHECK(done.code == 3);
    CHECK(done.out.empty());
    CHECK(contains(done.err, row.word));
  }
}
