#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "analysis/cli/command.hpp"
#include "analysis/cli/progress.hpp"
#include "analysis/compare/matrix_report.hpp"
#include "analysis/record/output_file.hpp"
#include "analysis/report/format.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/units.hpp"

namespace seqlab::analysis {

namespace {

namespace fs = std::filesystem;
using scenarios::Problem;

Problem problem_with(const std::string& flag, std::string text, std::string hint) {
  Problem problem;
  problem.file = flag;
  problem.text = std::move(text);
  problem.hint = std::move(hint);
  return problem;
}

std::uint64_t whole_number(const std::string& flag, const std::string& word, std::uint64_t low, std::uint64_t high) {
  const scenarios::Parsed<std::uint64_t> number = scenarios::parse_unsigned(word);
  if (number && number.value >= low && number.value <= high) return number.value;
  throw scenarios::InputError(problem_with(
      flag, fmt::format("`{}` is no whole number from {} to {}", word.substr(0, 60), low, high), flag + " 8"));
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// Names that stand for no file of the library's `folder`, nor for one of the user's; and names given twice.
void check_names(const char* what, const std::vector<std::string>& names, const fs::path& folder,
                 std::vector<Problem>& problems) {
  std::vector<std::string> known;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".yaml") known.push_back(it->path().stem().string());
  }
  std::ranges::sort(known);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), name) !=
        names.begin() + static_cast<std::ptrdiff_t>(i)) {
      problems.push_back(
          problem_with("compare", fmt::format("the {} `{}` is named twice", what, name), "once is enough"));
      continue;
    }
    const bool found = name.size() <= 1000 && (is_file(name) || is_file(name + ".yaml") || is_file(folder / name) ||
                                               is_file(folder / (name + ".yaml")));
    if (found) continue;
    const std::string close = scenarios::nearest(name, known);
    problems.push_back(problem_with(
        "compare", fmt::format("there is no {} `{}`", what, name.substr(0, 200)),
        fmt::format("{}one of {}", close.empty() ? "" : "did you mean `" + close + "`? ", fmt::join(known, ", "))));
  }
}

/// Client i is near node i: with fewer nodes than clients, some users would be elsewhere than those of other designs.
void check_places(const std::string& design, const std::string& environment, const scenarios::Scenario& s,
                  std::vector<Problem>& problems) {
  const bool has_places = s.environment.network.latency.model == scenarios::LatencySpec::Model::regions;
  const std::uint32_t clients = s.environment.workload.clients;
  if (!has_places || s.design.committee.count >= clients) return;
  problems.push_back(
      problem_with(design + " in " + environment,
                   fmt::format("{} for users in {}: some would be elsewhere than the users of other designs",
                               plural(s.design.committee.count, "node"), plural(clients, "region")),
                   fmt::format("committee: {{count: {}}} or more; nodes that only follow have stake 0", clients)));
}

/// The words that do the same again.
std::string reproduce(const CompareArguments& a, const Context& context) {
  std::vector<std::string> words{context.program, "compare"};
  words.insert(words.end(), a.designs.begin(), a.designs.end());
  words.emplace_back("--environment");
  words.insert(words.end(), a.environments.begin(), a.environments.end());
  for (const auto& [flag, value] :
       {std::pair{"--seeds", &a.seeds}, std::pair{"--seed", &a.seed}, std::pair{"--after", &a.after}}) {
    words.emplace_back(flag);
    words.push_back(*value);
  }
  for (const std::string& word : a.overrides) {
    words.emplace_back("--set");
    words.push_back(word);
  }
  if (!context.library_root.empty()) {
    words.emplace_back("--library");
    words.push_back(context.library_root);
  }
  return shell_line(words);
}

MatrixOptions options_of(const CompareArguments& a, const Context& context) {
  MatrixOptions o;
  o.designs = a.designs;
  o.environments = a.environments;
  o.seed = parse_seed(a.seed);
  o.seeds = static_cast<std::uint32_t>(whole_number("--seeds", a.seeds, 1, 100'000));
  if (o.seed + (o.seeds - 1) < o.seed) {
    throw scenarios::InputError(
        problem_with("--seed", "the last seed would be beyond 18446744073709551615", "a smaller one"));
  }
  o.jobs = a.jobs == "all" ? std::max(1U, std::thread::hardware_concurrency())
                           : static_cast<std::uint32_t>(whole_number("--jobs", a.jobs, 1, 1024));
  const scenarios::Parsed<Duration> after = scenarios::parse_duration(a.after);
  if (!after || after.value < 1s || after.value > 1000h) {
    throw scenarios::InputError(problem_with(
        "--after", fmt::format("`{}` is no duration from 1s to 1000h", a.after.substr(0, 60)), "--after 60s"));
  }
  const scenarios::Library library = library_of(context);
  const scenarios::Overrides overrides = parse_overrides(a.overrides);
  std::vector<Problem> problems;
  check_names("design", a.designs, fs::path(library.root) / "designs", problems);
  check_names("environment", a.environments, fs::path(library.root) / "environments", problems);
  if (!problems.empty()) throw scenarios::InputError(std::move(problems));
  o.censor = censor_of(library);
  for (const std::string& environment : a.environments) {
    for (const std::string& design : a.designs) {
      try {
        o.scenarios.push_back(load_pair(design, environment, a.after, library, overrides));
        check_places(design, environment, o.scenarios.back(), problems);
      } catch (const scenarios::InputError& error) {
        problems.insert(problems.end(), error.problems().begin(), error.problems().end());
      }
    }
  }
  if (!problems.empty()) throw scenarios::InputError(std::move(problems));
  return o;
}

}  // namespace

int compare_command(const CompareArguments& a, const Context& context) {
  MatrixOptions o = options_of(a, context);
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [begin] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const bool shows = a.progress && ::isatty(STDERR_FILENO) == 1;
  const std::size_t cells = o.scenarios.size() * o.seeds;
  const InterruptGuard guard;
  o.go_on = [&, mine = std::this_thread::get_id()](std::size_t done) {
    if (shows && mine == std::this_thread::get_id() && seconds() > 1) {
      fmt::print(stderr, "\r\033[K{} of {} cells, {:.1f} s", done, cells, seconds());
      std::fflush(stderr);
    }
    return !InterruptGuard::asked();
  };
  // Before the work, so that a file that cannot be written costs no time.
  if (!a.csv.empty()) write_file(a.csv, "");
  const Matrix matrix = run_matrix(o);
  if (shows) fmt::print(stderr, "\r\033[K");
  MatrixReport report{o, matrix, a.after, reproduce(a, context), seconds()};
  if (!a.csv.empty()) write_file(a.csv, to_csv(report));
  print(a.json ? to_json(report) : to_text(report));
  return exit_code(matrix);
}

}  // namespace seqlab::analysis
