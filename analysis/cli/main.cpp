// The program: makes sense of the command line, calls the command, turns what came of it into an exit code.
// 0 held (or as expected), 1 violated (or not), 2 undecided or outside the model, 3 bad input, 4 our bug.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>

#include "analysis/cli/command.hpp"
#include "analysis/report/result.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "sim/base/assert.hpp"

namespace {

using namespace seqlab::analysis;
using seqlab::scenarios::InputError;
using seqlab::scenarios::Problem;

constexpr int exit_bad_input = 3;
constexpr int exit_our_bug = 4;

constexpr const char* exit_codes =
    "Exit codes: 0 held or as expected, 1 violated or not as expected, 2 undecided or outside the model,\n"
    "3 bad input, 4 a bug of seqlab.";

struct Arguments {
  Context context;
  std::string colour = "auto";
  bool silent = false;  ///< --no-progress
  RunArguments run;
  ReplayArguments replay;
  ShrinkArguments shrink;
  BisectArguments bisect;
  CheckArguments check;
  ListArguments list;
  SchemaArguments schema;
  InitArguments init;
  FuzzArguments fuzz;
  CompareArguments compare;
};

void add_folder_options(CLI::App& command, FolderArguments& f) {
  command.add_option("--out", f.out, "write a run folder: scenario.yaml, plan.json, result.json, run.sqlite")
      ->type_name("DIR")
      ->check([](const std::string& name) { return name.empty() ? "needs the name of a folder" : ""; });
  command.add_flag("--trace", f.trace, "with --out: also trace.perfetto-trace, for ui.perfetto.dev");
  command.add_flag("--jsonl", f.jsonl, "with --out: also records.jsonl, every record as a line");
  command.add_flag("--force", f.force, "with --out: replace the run folder that is there");
}

void declare(CLI::App& app, Arguments& a) {
  app.description(
      "seqlab runs decentralised rollup sequencers in a simulated world, attacks them, and judges what happened.");
  app.footer(
      std::string{"Examples:\n  seqlab list scenarios\n  seqlab run equivocating-proposer\n  seqlab run --help\n\n"} +
      exit_codes);
  app.set_version_flag("--version", "seqlab " + version() + " (" + build_id() + ")", "print the version");
  app.set_help_flag("-h,--help", "print this help");
  app.add_option("--library", a.context.library_root,
                 "folder with catalog/, adversaries/, designs/ (else SEQLAB_LIBRARY, else the built-in one)")
      ->type_name("DIR");
  app.add_option("--color", a.colour, "auto, always or never")->type_name("WHEN");
  app.fallthrough();

  CLI::App* run = app.add_subcommand("run", "run a scenario and judge it");
  run->add_option("scenario", a.run.scenario, "catalogue name (see `seqlab list scenarios`) or a file")
      ->required()
      ->type_name("SCENARIO");
  run->add_option("--seed", a.run.seed, "instead of the scenario's own")->type_name("N");
  run->add_option("--set", a.run.overrides, "override one value, e.g. design.committee.count=7; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  run->add_flag("--json", a.run.json, "print one JSON object and nothing more (its schema: `seqlab schema --result`)");
  run->add_flag("--quiet", a.run.quiet, "print the verdict, and what a failure needs");
  run->add_flag("--verify", a.run.verify, "run twice at once and name the first record that differs");
  add_folder_options(*run, a.run.folder);
  run->add_flag("--record-plan", a.run.record_plan,
                "with --out: also attack.json, a plan that does without the scripts what they did");
  run->add_flag("--no-progress", a.silent, "show no progress on stderr");
  run->footer(
      std::string{
          "Examples:\n"
          "  seqlab run equivocating-proposer\n"
          "  seqlab run equivocating-proposer --seed 7 --verify --json\n"
          "  seqlab run equivocating-proposer --set environment.network.loss=1/100 --out first-run --trace\n\n"} +
      exit_codes);

  CLI::App* fuzz = app.add_subcommand("fuzz", "search for runs that break a property");
  FuzzArguments& f = a.fuzz;
  fuzz->add_option("scenario", f.scenarios, "catalogue names or files")->type_name("SCENARIO");
  fuzz->add_option("--engine", f.engines, "a small committee of that engine (`all`: of each); repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
  fuzz->add_option("--strategy", f.strategies, "how cases are chosen (see `seqlab list strategies`); repeatable")
      ->type_name("NAME")
      ->allow_extra_args(false);
  fuzz->add_option("--time", f.time, "stop after so long (60s unless something else ends it)")->type_name("TIME");
  fuzz->add_option("--cases", f.cases, "stop after so many cases")->type_name("N");
  fuzz->add_flag("--until-failure", f.until_failure, "stop at the first failure");
  fuzz->add_option("--seed", f.seed, "of the campaign")->type_name("N")->capture_default_str();
  fuzz->add_option("--jobs", f.jobs, "threads (`all`: one a core); no result depends on it")->type_name("N");
  fuzz->add_option("--shard", f.shard, "the i-th of n parts, from 0/n on")->type_name("I/N");
  fuzz->add_option("--set", f.overrides, "override one value of the scenarios; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  fuzz->add_option("--campaign", f.campaign, "keep the campaign in this SQLite file, and go on with it if it is there")
      ->type_name("FILE");
  fuzz->add_option("--corpus", f.corpus, "folder of failures: run first, new ones are written to it")
      ->type_name("DIR")
      ->capture_default_str();
  fuzz->add_option("--twins", f.twins, "run these Twins scenarios (JSON) as well")->type_name("FILE");
  fuzz->add_option("--write-twins", f.write_twins, "write the first --cases of `twins` as JSON instead of running them")
      ->type_name("FILE");
  fuzz->add_option("--junit", f.junit, "write JUnit XML")->type_name("FILE");
  fuzz->add_option("--sarif", f.sarif, "write SARIF")->type_name("FILE");
  fuzz->add_flag("--github", f.github, "print annotations for GitHub, and write its step summary");
  fuzz->add_flag("--json", f.json, "print one JSON object and nothing more");
  fuzz->add_flag("--no-progress", a.silent, "show no progress on stderr");
  fuzz->footer(std::string{"Examples:\n"
                           "  seqlab fuzz --engine tendermint --time 10s\n"
                           "  seqlab fuzz equivocating-proposer --strategy random --cases 100 --jobs all\n"
                           "  seqlab fuzz --engine all --campaign night.sqlite --time 8h --junit night.xml\n\n"} +
               exit_codes);

  CLI::App* compare = app.add_subcommand("compare", "run designs against environments, and print one table");
  CompareArguments& c = a.compare;
  compare
      ->add_option("design", c.designs, "names (see `seqlab list designs`) or files; the first is the measure")
      ->required()
      ->type_name("DESIGN");
  compare->add_option("--environment", c.environments, "names (see `seqlab list environments`) or files")
      ->required()
      ->type_name("ENVIRONMENT");
  compare->add_option("--seeds", c.seeds, "runs of each pair; every design has the same seeds")
      ->type_name("K")
      ->capture_default_str();
  compare->add_option("--seed", c.seed, "the first of them")->type_name("N")->capture_default_str();
  compare->add_option("--after", c.after, "length of each run, virtual time")->type_name("TIME")->capture_default_str();
  compare->add_option("--jobs", c.jobs, "threads (`all`: one a core); no result depends on it")->type_name("N");
  compare->add_option("--set", c.overrides, "override one value of every pair; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  compare->add_option("--csv", c.csv, "write the rows to this file as well")->type_name("FILE");
  compare->add_flag("--json", c.json, "print one JSON object and nothing more (its schema: `seqlab schema --compare`)");
  compare->add_flag("--no-progress", a.silent, "show no progress on stderr");
  compare->footer(
      "Examples:\n"
      "  seqlab compare optimism-today optimism-rotating optimism-bft --environment aws5\n"
      "  seqlab compare tendermint-cometbft mysticeti --environment aws13 lan --seeds 20 --jobs all --csv table.csv\n\n"
      "Exit codes: 0 nothing broke, 1 a property broke within the model, 2 interrupted, 3 bad input,\n"
      "4 a bug of seqlab.");

  CLI::App* check =
      app.add_subcommand("check", "print a scenario with its defaults filled in, or everything that is wrong with it");
  check->add_option("scenario", a.check.scenario, "catalogue name or a file")->required()->type_name("SCENARIO");
  check->add_option("--set", a.check.overrides, "override one value; repeatable")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
  check->footer("Example:\n  seqlab check equivocating-proposer --set design.committee.count=16");

  CLI::App* list = app.add_subcommand("list", "print what there is, with a line about each");
  list->add_option(
          "what", a.list.what,
          "scenarios, engines, checkers, adversaries, designs, environments, matrices or strategies; all without")
      ->type_name("WHAT");
  list->add_flag("--json", a.list.json, "print one JSON object");
  list->footer("Examples:\n  seqlab list\n  seqlab list adversaries");

  CLI::App* schema = app.add_subcommand("schema", "print the JSON Schema of scenario files, for editors");
  CLI::Option* result = schema->add_flag("--result", a.schema.result, "that of `run --json` instead");
  CLI::Option* matrix = schema->add_flag("--compare", a.schema.compare, "that of `compare --json` instead");
  matrix->excludes(result);
  schema->add_flag("--markdown", a.schema.markdown, "the keys of scenario files as text for people")
      ->excludes(result)
      ->excludes(matrix);
  schema->footer("Example:\n  seqlab schema --result");

  CLI::App* init = app.add_subcommand("init", "write a first scenario and a first attack to start from");
  init->add_option("folder", a.init.folder, "where to; made if missing")->type_name("DIR");
  init->footer("Example:\n  seqlab init my-attack");

  CLI::App* replay = app.add_subcommand("replay", "repeat the run of a run folder and compare digests");
  replay->add_option("plan", a.replay.plan, "plan.json of a run folder, or the folder")->required()->type_name("PLAN");
  replay->add_flag("--json", a.replay.json, "print one JSON object and nothing more");
  replay->add_flag("--quiet", a.replay.quiet, "print the verdict, and what a failure needs");
  add_folder_options(*replay, a.replay.folder);
  replay->add_flag("--no-progress", a.silent, "show no progress on stderr");
  replay->footer("Examples:\n  seqlab run equivocating-proposer --out first-run\n  seqlab replay first-run/plan.json");

  CLI::App* shrink = app.add_subcommand("shrink", "make the plan of a failed run as small as it still fails");
  shrink->add_option("plan", a.shrink.plan, "plan.json of a run in which something was found, or its folder")
      ->required()
      ->type_name("PLAN");
  shrink->add_option("--out", a.shrink.out, "write plan.json, scenario.yaml and story.md there (else beside)")
      ->type_name("DIR");
  shrink->add_option("--runs", a.shrink.runs, "stop after so many runs (else 20000)")->type_name("N");
  shrink->add_flag("--json", a.shrink.json, "print one JSON object and nothing more");
  shrink->add_flag("--no-progress", a.silent, "show no progress on stderr");
  shrink->footer("Example:\n  seqlab run above-one-third --out broken\n  seqlab shrink broken --out smallest");

  CLI::App* bisect = app.add_subcommand("bisect", "name the first record in which two runs differ, and its causes");
  bisect->add_option("runs", a.bisect.runs, "two plans or run folders, or one scenario with two seeds")
      ->required()
      ->type_name("RUN");
  bisect->add_option("--seed", a.bisect.seeds, "twice, with one scenario")
      ->type_name("N")
      ->allow_extra_args(false);
  bisect->footer("Examples:\n  seqlab bisect baseline --seed 1 --seed 2\n  seqlab bisect first-run second-run");
}

/// The command in use, or the program itself.
const CLI::App& chosen(const CLI::App& app) {
  const auto commands = app.get_subcommands();
  return commands.empty() ? app : *commands.front();
}

/// What was typed and is unknown, with the nearest name that is known at that place.
std::string explain_unknown(const CLI::App& app) {
  const CLI::App& at = chosen(app);
  std::string out;
  for (const std::string& word : app.remaining(true)) {
    const bool is_option = word.size() > 1 && word[0] == '-';
    std::vector<std::string> known;
    if (is_option) {
      for (const CLI::App* level : {&at, &app}) {
        for (const CLI::Option* option : level->get_options()) {
          for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
        }
        if (level == &app) break;
      }
    } else if (&at == &app) {
      for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        known.push_back(command->get_name());
    }
    const std::string near = seqlab::scenarios::nearest(word.substr(0, word.find('=')), known);
    out += fmt::format("{}: unknown {} `{}`{}\n", &at == &app ? "seqlab" : "seqlab " + at.get_name(),
                       is_option ? "option" : &at == &app ? "command" : "argument", word,
                       near.empty() ? "" : fmt::format("; did you mean `{}`?", near));
  }
  return out;
}

int dispatch(const CLI::App& app, const Arguments& a) {
  const std::string name = chosen(app).get_name();
  if (name == "run") return run_command(a.run, a.context);
  if (name == "fuzz") return fuzz_command(a.fuzz, a.context);
  if (name == "compare") return compare_command(a.compare, a.context);
  if (name == "check") return check_command(a.check, a.context);
  if (name == "list") return list_command(a.list, a.context);
  if (name == "schema") return schema_command(a.schema);
  if (name == "init") return init_command(a.init, a.context);
  if (name == "replay") return replay_command(a.replay, a.context);
  if (name == "shrink") return shrink_command(a.shrink, a.context);
  if (name == "bisect") return bisect_command(a.bisect, a.context);
  throw seqlab::InternalError("command without code: " + name);
}

int run_program(int argc, char** argv) {
  CLI::App app("", "seqlab");
  Arguments a;
  // A script that starts us says how it was called, so that the commands we print work where the user is.
  const char* called = std::getenv("SEQLAB_COMMAND");
  if (called != nullptr && *called != '\0') {
    a.context.program = called;
  } else if (argc > 0) {
    a.context.program = argv[0];
  }
  declare(app, a);
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) {
      fmt::print(stderr, "{}", app.help());
      return exit_bad_input;
    }
  } catch (const CLI::CallForHelp&) {
    print(app.help());
    return 0;
  } catch (const CLI::CallForVersion& text) {
    print(std::string{text.what()} + '\n');
    return 0;
  } catch (const CLI::ParseError& error) {
    const std::string unknown = explain_unknown(app);
    if (!unknown.empty()) {
      fmt::print(stderr, "{}", unknown);
    } else {
      fmt::print(stderr, "seqlab: {}\n", error.what());
    }
    const CLI::App& at = chosen(app);
    fmt::print(stderr, "see `{} {}--help`\n", a.context.program, &at == &app ? "" : at.get_name() + " ");
    return exit_bad_input;
  }
  a.context.colour = parse_colour(a.colour);
  a.run.progress = a.replay.progress = a.fuzz.progress = a.shrink.progress = a.compare.progress =
      !a.silent;
  return dispatch(app, a);
}

}  // namespace

int main(int argc, char** argv) {
  // A file that may not grow is an error to report, not a reason to die.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    return run_program(argc, argv);
  } catch (const InputError& error) {
    for (const Problem& problem : error.problems()) fmt::print(stderr, "error: {}\n", format(problem));
    return exit_bad_input;
  } catch (const std::bad_alloc&) {
    std::fputs("bug: out of memory\n", stderr);
    return exit_our_bug;
  } catch (const std::exception& error) {
    fmt::print(stderr,
               "bug: {}\nThis is a fault of seqlab, not of your scenario: please report the command and these lines.\n",
               error.what());
    return exit_our_bug;
  } catch (...) {
    std::fputs("bug: an exception of an unknown kind\n", stderr);
    return exit_our_bug;
  }
}
