#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>
#include <tuple>

#include "analysis/cli/command.hpp"
#include "analysis/cli/progress.hpp"
#include "analysis/record/output_file.hpp"
#include "analysis/report/format.hpp"
#include "analysis/search/campaign_report.hpp"
#include "analysis/search/corpus.hpp"
#include "analysis/search/coverage.hpp"
#include "analysis/search/exploration.hpp"
#include "analysis/search/finding_folder.hpp"
#include "analysis/search/shrink.hpp"
#include "analysis/search/twins_json.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/units.hpp"

namespace seqlab::analysis {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& flag, const std::string& text, const std::string& hint) {
  scenarios::Problem problem;
  problem.file = flag;
  problem.text = text;
  problem.hint = hint;
  throw scenarios::InputError(std::move(problem));
}

std::uint64_t whole_number(const std::string& flag, const std::string& word, std::uint64_t low, std::uint64_t high) {
  const scenarios::Parsed<std::uint64_t> number = scenarios::parse_unsigned(word);
  if (!number || number.value < low || number.value > high) {
    refuse(flag, fmt::format("`{}` is no whole number from {} to {}", word.substr(0, 60), low, high), flag + " 1000");
  }
  return number.value;
}

/// "60s", "10m", "1h": real time.
double seconds_of(const std::string& word) {
  const scenarios::Parsed<Duration> time = scenarios::parse_duration(word);
  if (!time || time.value <= Duration{} || time.value > 1000h) {
    refuse("--time", fmt::format("`{}` is no duration from 1ms to 1000h", word.substr(0, 60)), "--time 60s");
  }
  return static_cast<double>(ns(time.value)) * 1e-9;
}

/// @param explores  set if `explore` is among them
std::vector<const StrategyEntry*> strategies_of(const std::vector<std::string>& names, bool& explores) {
  std::vector<const StrategyEntry*> out;
  std::vector<std::string> known{"portfolio", explore_name};
  std::string all = fmt::format("portfolio, {}", explore_name);
  for (const StrategyEntry& entry : strategies()) {
    known.emplace_back(entry.name);
    all += ", " + known.back();
  }
  for (const std::string& name : names) {
    if (name == "portfolio" || name == explore_name) explores = true;
    if (name == explore_name) continue;
    if (name == "portfolio") {
      for (const StrategyEntry& entry : strategies()) {
        if (std::ranges::find(out, &entry) == out.end()) out.push_back(&entry);
      }
      continue;
    }
    const StrategyEntry* entry = find_strategy(name);
    if (entry == nullptr) {
      const std::string close = scenarios::nearest(name, known);
      refuse("--strategy", fmt::format("there is no strategy `{}`", name.substr(0, 60)),
             (close.empty() ? "" : "did you mean `" + close + "`? ") + ("one of: " + all));
    }
    if (std::ranges::find(out, entry) == out.end()) out.push_back(entry);
  }
  return out;
}

std::pair<std::uint32_t, std::uint32_t> shard_of(const std::string& word) {
  const std::size_t slash = word.find('/');
  if (slash == std::string::npos)
    refuse("--shard", fmt::format("`{}` is no shard", word.substr(0, 60)), "--shard 0/4 ... 3/4");
  const auto count = whole_number("--shard", word.substr(slash + 1), 1, 100'000);
  const auto index = whole_number("--shard", word.substr(0, slash), 0, 100'000);
  if (index >= count) {
    refuse("--shard", fmt::format("`{}` names shard {} of {}", word, index, count),
           fmt::format("shards count from 0: the last is {}/{}", count - 1, count));
  }
  return {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(count)};
}

std::vector<Target> targets_of(const FuzzArguments& a, const Context& context) {
  std::vector<Target> targets;
  const scenarios::Overrides overrides = parse_overrides(a.overrides);
  for (const std::string& name : a.scenarios) {
    Target t;
    t.scenario = std::make_shared<const scenarios::Scenario>(
        scenarios::load_scenario(name, library_of(context), overrides));
    t.name = t.scenario->name;
    targets.push_back(std::move(t));
  }
  for (const std::string& engine : a.engines) {
    std::vector<std::string> names;
    if (engine == "all") {
      for (const protocols::EngineEntry& entry : protocols::engines()) names.emplace_back(entry.name);
    } else {
      names.push_back(engine);
    }
    for (const std::string& name : names) {
      scenarios::Scenario s = fuzz_scenario(name);
      if (!overrides.empty())
        s = scenarios::parse_scenario(scenarios::to_yaml(s), name, library_of(context), overrides);
      targets.push_back({s.name, std::make_shared<const scenarios::Scenario>(s), nullptr});
    }
  }
  if (targets.empty())
    refuse("seqlab fuzz", "needs something to search", "a scenario, or --engine NAME (--engine all)");
  return targets;
}

/// The words that start the same campaign again.
std::vector<std::string> words_of(const FuzzArguments& a, const Context& context) {
  std::vector<std::string> words{context.program, "fuzz"};
  const auto add = [&](const char* flag, const std::string& value) {
    words.emplace_back(flag);
    words.push_back(value);
  };
  words.insert(words.end(), a.scenarios.begin(), a.scenarios.end());
  for (const std::string& engine : a.engines) add("--engine", engine);
  for (const std::string& name : a.strategies) add("--strategy", name);
  for (const std::string& word : a.overrides) add("--set", word);
  add("--seed", a.seed);
  if (a.shard != "0/1") add("--shard", a.shard);
  if (!a.time.empty()) add("--time", a.time);
  if (!a.cases.empty()) add("--cases", a.cases);
  if (a.until_failure) words.emplace_back("--until-failure");
  if (!a.twins.empty()) add("--twins", a.twins);
  if (a.jobs != "1") add("--jobs", a.jobs);
  if (a.corpus != FuzzArguments{}.corpus) add("--corpus", a.corpus);
  if (!context.library_root.empty()) add("--library", context.library_root);
  return words;
}

/// One line on a terminal, redrawn; nothing else anywhere.
class Line {
 public:
  explicit Line(bool enabled) : enabled_(enabled && ::isatty(STDERR_FILENO) == 1) {}
  ~Line() { clear(); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  void show(const std::string& text) {
    if (!enabled_) return;
    fmt::print(stderr, "\r\033[K{}", text);
    std::fflush(stderr);
    visible_ = true;
  }
  void clear() {
    if (visible_) fmt::print(stderr, "\r\033[K");
    visible_ = false;
  }

 private:
  bool enabled_;
  bool visible_ = false;
};

/// Runs cases that no strategy chose, and counts them: the corpus, a file of Twins scenarios.
class Replay {
 public:
  Replay(std::string strategy, CampaignReport& report, CampaignStory& story)
      : strategy_(std::move(strategy)), report_(report), story_(story) {}

  /// @param name  of the target, in the report. @return whether it failed
  bool operator()(const std::string& name, std::uint64_t index, const Case& which, const Target& target) {
    const auto begin = std::chrono::steady_clock::now();
    const CaseResult result = run_case(which, target, {0, [] { return !InterruptGuard::asked(); }});
    if (result.interrupted) return false;  // and not counted: it was not run
    const bool failed = is_failure(result);
    StreamReport& row = row_of(name);
    row.cpu_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    ++row.cases;
    if (!failed) return false;
    ++row.failures;
    ++report_.failed_cases;
    CampaignFailure f;
    f.target = name;
    f.strategy = strategy_;
    f.index = index;
    f.checker = kind_of(result);
    f.text = result.error.empty() ? result.findings.front().text : result.error;
    f.digest = result.digest;
    f.which = which;
    report_.failures.push_back(std::move(f));
    return true;
  }

 private:
  StreamReport& row_of(const std::string& name) {
    const auto at = std::ranges::find_if(
        story_.replayed, [&](const StreamReport& s) { return s.target == name && s.strategy == strategy_; });
    if (at != story_.replayed.end()) return *at;
    StreamReport row;
    row.target = name;
    row.strategy = strategy_;
    story_.replayed.push_back(std::move(row));
    return story_.replayed.back();
  }

  std::string strategy_;
  CampaignReport& report_;
  CampaignStory& story_;
};

/// Runs what failed before. Failures that are still there join the report. @return their folders
std::vector<std::string> replay_corpus(const Corpus& corpus, CampaignReport& report, CampaignStory& story) {
  std::vector<std::string> folders;
  Replay replay("corpus", report, story);
  std::size_t passed = 0;
  std::size_t number = 0;
  for (const CorpusEntry& entry : corpus.entries) {
    if (InterruptGuard::asked()) break;
    const Target target{entry.which.scenario->name, entry.which.scenario, nullptr};
    if (replay(target.name, number, entry.which, target)) {
      folders.push_back(entry.folder);
    } else if (InterruptGuard::asked()) {
      break;
    } else {
      ++passed;
    }
    ++number;
  }
  if (number > 0) story.corpus.push_back(fmt::format("{} of {} earlier failures pass now", passed, number));
  return folders;
}

/// A file of Twins scenarios and what it is run on: every target, with as many nodes as the file says.
struct TwinsCampaign {
  TwinsFile file;
  std::vector<std::shared_ptr<const scenarios::Scenario>> scenarios;  ///< one a target
};

/// @throws InputError for a file that cannot be read, or says what cannot be done to a target
TwinsCampaign read_twins(const FuzzArguments& a, const CampaignOptions& o, const Context& context) {
  TwinsCampaign out;
  out.file = parse_twins_json(read_file(a.twins), a.twins);
  for (const Target& target : o.targets) {
    auto scenario = std::make_shared<scenarios::Scenario>(*target.scenario);
    if (scenario->design.committee.count != out.file.nodes) {
      scenario->design.committee.count = out.file.nodes;
      scenario->design.committee.stake.assign(out.file.nodes, 1);
      try {
        const std::string& file = scenario->file.empty() ? target.name : scenario->file;
        scenarios::parse_scenario(scenarios::to_yaml(*scenario), file, library_of(context));
      } catch (const scenarios::InputError& bad) {
        refuse(a.twins, fmt::format("{} cannot have {} nodes: {}", target.name, out.file.nodes,
                                    bad.problems().front().text),
               fmt::format("its own committee has {}", target.scenario->design.committee.count));
      }
    }
    for (std::size_t i = 0; i < out.file.scenarios.size(); ++i) {
      if (const auto wrong = scenarios::problems_of(out.file.scenarios[i], *scenario); !wrong.empty()) {
        refuse(a.twins, fmt::format("scenarios[{}]: {}", i, wrong.front()), "see `seqlab fuzz --help`");
      }
    }
    out.scenarios.push_back(std::move(scenario));
  }
  return out;
}

void run_twins(const TwinsCampaign& twins, const CampaignOptions& o, CampaignReport& report, CampaignStory& story) {
  Replay replay("twins file", report, story);
  for (std::size_t t = 0; t < o.targets.size(); ++t) {
    std::size_t done = 0;
    std::size_t failed = 0;
    for (; done < twins.file.scenarios.size(); ++done) {
      if (InterruptGuard::asked() || (o.until_failure && failed > 0)) break;
      const Case which{twins.scenarios[t], twins.file.scenarios[done]};
      if (replay(o.targets[t].name, done, which, o.targets[t])) {
        ++failed;
      } else if (InterruptGuard::asked()) {
        break;
      }
    }
    story.corpus.push_back(
        fmt::format("{}: {} of {} Twins scenarios hold", o.targets[t].name, done - failed, done));
    if (done < twins.file.scenarios.size()) break;
  }
}

/// The first cases of the strategy `twins` on the first target, as JSON.
int write_twins(const FuzzArguments& a, const CampaignOptions& o) {
  if (o.cases == 0) refuse("--write-twins", "needs to know how many", "add --cases N");
  const std::unique_ptr<Strategy> strategy = find_strategy("twins")->make(o.targets.front(), o.seed);
  const std::uint64_t count = std::min(o.cases, strategy->size().value_or(o.cases));
  TwinsFile file;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Case which = strategy->make(i);
    file.nodes = which.scenario->design.committee.count;
    file.scenarios.push_back(which.plan);
  }
  write_file(a.write_twins, to_twins_json(file));
  print(fmt::format("{} of {} Twins scenarios of {} written to {}\n", count,
                    strategy->size() ? human_count(*strategy->size()) : "many", o.targets.front().name, a.write_twins));
  return 0;
}

bool is_violation(const Exploration& e) { return !e.checker.empty(); }

/// The targets whose nodes nobody owns, explored; at most a tenth of the time unless nothing else is asked for.
std::vector<Exploration> explore_engines(const FuzzArguments& a, const CampaignOptions& o, Line& line) {
  std::vector<Exploration> out;
  const bool alone = o.strategies.empty();
  ExplorationLimits limits;
  if (alone && o.cases != 0) limits.states_max = o.cases;
  if (!alone) limits.states_max = o.cases != 0 ? std::clamp<std::uint64_t>(o.cases, 100, 200'000) : 200'000;
  const double share = alone ? 1.0 : 0.1;
  for (const Target& target : o.targets) {
    const scenarios::Environment& env = target.scenario->environment;
    if (!env.adversaries.empty() || !a.scenarios.empty()) continue;  // a scenario has a point of its own
    line.show(fmt::format("exploring {}", target.name));
    const auto begin = std::chrono::steady_clock::now();
    limits.on_progress = [&] {
      const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      const bool in_time = o.seconds <= 0 || took < o.seconds * share / static_cast<double>(o.targets.size());
      return in_time && !InterruptGuard::asked();
    };
    for (Exploration& e : explore_target(target, limits)) out.push_back(std::move(e));
    if (InterruptGuard::asked() || (o.until_failure && std::ranges::any_of(out, is_violation))) break;
  }
  return out;
}

/// What could not be written. One file of several keeps no other from being written, and nothing of the report.
class Unwritten {
 public:
  template <class Write>
  void unless(Write write) {
    try {
      write();
    } catch (const scenarios::InputError& error) {
      problems_.insert(problems_.end(), error.problems().begin(), error.problems().end());
    }
  }
  /// @throws InputError with all of it, if there is any
  void tell() const {
    if (!problems_.empty()) throw scenarios::InputError(problems_);
  }

 private:
  std::vector<scenarios::Problem> problems_;
};

void append_file(const char* path, const std::string& text) {
  std::FILE* const file = std::fopen(path, "ab");
  if (file == nullptr) throw_file_error(path, "cannot append", errno);
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) throw_file_error(path, "cannot append", EIO);
}

/// Shrinks a failure and writes it to the corpus. @throws InputError if that cannot be; `told` has what was known then
void make_small(const CampaignFailure& f, const FuzzArguments& a, const Context& context, ToldFailure& told) {
  constexpr std::uint64_t runs_max = 5000;
  constexpr double seconds_max = 20;
  if (f.which.scenario == nullptr) return;
  told.interventions_found = told.interventions_shrunk = f.which.plan.interventions.size();
  const Target target{f.target, f.which.scenario, nullptr};
  std::string folder;
  std::error_code error;
  const std::optional<FindingKind> kind =
      f.checker == "determinism" ? std::nullopt : find_kind(f.which, target, limits_of(target));
  if (!kind) {
    folder = reproducer_folder(a.corpus, f.which, f.checker);
    if (!fs::exists(folder, error)) {
      const CaseResult result = run_case(f.which, target, limits_of(target));
      write_case_folder(folder, f.which, result.digest, result.verdict);
    }
  } else {
    ShrinkOptions options;
    options.runs_max = runs_max;
    const auto begin = std::chrono::steady_clock::now();
    options.on_progress = [&](std::uint64_t, const CaseSize&) {
      const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
      return took < seconds_max && !InterruptGuard::asked();
    };
    const Shrunk small = shrink(f.which, target, *kind, options);
    told.interventions_shrunk = small.after.interventions;
    told.shrunk = size_line(small.before, small.after);
    folder = reproducer_folder(a.corpus, small.smallest, kind->checker);
    if (!fs::exists(folder, error)) {
      write_finding_folder(folder, small, target, tell(small.smallest, target, small.finding), context.program);
    }
  }
  told.plan = (fs::path(folder) / "plan.json").string();
  told.reproduce = shell_line({context.program, "replay", folder});
}

}  // namespace

int fuzz_command(const FuzzArguments& a, const Context& context) {
  CampaignOptions o;
  o.targets = targets_of(a, context);
  bool explores = false;
  o.strategies = strategies_of(a.strategies.empty() ? std::vector<std::string>{"portfolio"} : a.strategies, explores);
  o.seed = parse_seed(a.seed);
  if (!a.cases.empty()) o.cases = whole_number("--cases", a.cases, 1, 1'000'000'000'000);
  if (!a.time.empty()) o.seconds = seconds_of(a.time);
  o.until_failure = a.until_failure;
  o.jobs = a.jobs == "all" ? std::max(1U, std::thread::hardware_concurrency())
                           : static_cast<std::uint32_t>(whole_number("--jobs", a.jobs, 1, 1024));
  std::tie(o.shard, o.shards) = shard_of(a.shard);
  o.file = a.campaign;
  if (o.cases == 0 && o.seconds == 0 && !o.until_failure) o.seconds = 60;

  if (!a.write_twins.empty()) return write_twins(a, o);

  // What can be wrong with files is found before anything is run.
  std::optional<TwinsCampaign> twins;
  if (!a.twins.empty()) twins = read_twins(a, o, context);
  const Corpus corpus = read_corpus(a.corpus, library_of(context));
  for (const std::string& problem : corpus.problems) fmt::print(stderr, "warning: left out: {}\n", problem);

  CampaignStory story;
  CampaignReport before;  // the corpus
  CampaignReport report;
  std::vector<std::string> corpus_folders;
  std::vector<ToldFailure> shrunk;
  Unwritten unwritten;
  Line line(a.progress && !a.json);
  {
    const InterruptGuard guard;
    corpus_folders = replay_corpus(corpus, before, story);
    const auto found = [&] {
      return before.failed_cases > 0 || report.failed_cases > 0 ||
             std::ranges::any_of(story.explorations, is_violation);
    };
    const auto enough = [&] { return InterruptGuard::asked() || (o.until_failure && found()); };
    if (explores && o.shard != 0) {
      story.notes.emplace_back("shard 0 alone explores: the others would see the same states");
    } else if (explores && !enough()) {
      story.explorations = explore_engines(a, o, line);
    }
    if (o.until_failure && found()) {
      story.notes.emplace_back("no new cases: something had failed before (--until-failure)");
    }
    auto last = std::chrono::steady_clock::now();
    o.on_progress = [&](const CampaignReport& so_far) {
      const auto now = std::chrono::steady_clock::now();
      if (now - last > std::chrono::milliseconds(200)) {
        line.show(progress_line(so_far, o));
        last = now;
      }
      return !InterruptGuard::asked();
    };
    o.stops = [] { return InterruptGuard::asked(); };
    if (!o.strategies.empty() && !enough()) report = run_campaign(o);
    if (twins && !enough()) run_twins(*twins, o, report, story);
    report.seed = o.seed;
    report.goals.resize(goal_names().size());
    report.interrupted = report.interrupted || InterruptGuard::asked();
    line.clear();
    for (std::size_t i = 0; i < report.failures.size(); ++i) {
      line.show(fmt::format("shrinking failure {} of {}", i + 1, report.failures.size()));
      ToldFailure told;
      unwritten.unless([&] { make_small(report.failures[i], a, context, told); });
      shrunk.push_back(std::move(told));
    }
  }
  line.clear();
  report.failures.insert(report.failures.begin(), before.failures.begin(), before.failures.end());
  report.failed_cases += before.failed_cases;

  story.report = &report;
  story.file = a.campaign;
  for (std::size_t i = 0; i < report.failures.size(); ++i) {
    const CampaignFailure& f = report.failures[i];
    ToldFailure told;
    if (i < corpus_folders.size()) {
      told.plan = (fs::path(corpus_folders[i]) / "plan.json").string();
      told.interventions_found = told.interventions_shrunk = f.which.plan.interventions.size();
      told.reproduce = shell_line({context.program, "replay", corpus_folders[i]});
    } else {
      told = std::move(shrunk[i - corpus_folders.size()]);
    }
    told.failure = &f;
    story.failures.push_back(std::move(told));
  }
  std::vector<std::string> words = words_of(a, context);
  story.again = shell_line(words);
  if (!a.campaign.empty()) {
    words.insert(words.end(), {"--campaign", a.campaign});
    if (!report.out_of_cases) story.resume = shell_line(words);
  }

  // The report comes first: what follows may fail without it being lost.
  unwritten.unless([&] {
    print(a.json ? to_json(story) : to_text(story, paints(context)));
    if (a.github && !a.json) print(to_github_annotations(story));
  });
  if (a.github && a.json) fmt::print(stderr, "{}", to_github_annotations(story));
  if (!a.junit.empty()) unwritten.unless([&] { write_file(a.junit, to_junit(story)); });
  if (!a.sarif.empty()) unwritten.unless([&] { write_file(a.sarif, to_sarif(story)); });
  if (const char* summary = a.github ? std::getenv("GITHUB_STEP_SUMMARY") : nullptr;
      summary != nullptr && *summary != '\0') {
    unwritten.unless([&] { append_file(summary, to_markdown(story)); });
  }
  unwritten.tell();
  return exit_code(story);
}

}  // namespace seqlab::analysis
