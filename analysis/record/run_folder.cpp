#include "analysis/record/run_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string_view>

#include "analysis/record/jsonl_writer.hpp"
#include "analysis/record/output_file.hpp"
#include "analysis/record/perfetto_writer.hpp"
#include "analysis/record/plan_file.hpp"
#include "analysis/record/sqlite_writer.hpp"
#include "analysis/report/format.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/parse.hpp"
#include "sim/net/latency/regions.hpp"

namespace seqlab::analysis {

namespace fs = std::filesystem;

namespace {

constexpr std::array<std::string_view, 9> file_names{
    "scenario.yaml", "plan.json",     "result.json",          "run.sqlite", "run.sqlite-journal",
    "records.jsonl", script_log_name, "attack.json",          "trace.perfetto-trace"};

[[noreturn]] void refuse(const std::string& path, const std::string& text, const std::string& hint) {
  scenarios::Problem problem;
  problem.file = path;
  problem.text = text;
  problem.hint = hint;
  throw scenarios::InputError(std::move(problem));
}

/// Nothing in it but files that we write.
bool holds_only_our_files(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (std::find(file_names.begin(), file_names.end(), entry.path().filename().string()) == file_names.end())
      return false;
  }
  return !error;
}

/// Where the nodes are: node i in element i % size. Empty if the world has no regions.
std::vector<std::string> regions_of(const scenarios::Scenario& scenario) {
  const scenarios::LatencySpec& latency = scenario.environment.network.latency;
  if (latency.model != scenarios::LatencySpec::Model::regions) return {};
  if (!scenario.environment.machines.regions.empty()) return scenario.environment.machines.regions;
  std::vector<std::string> out;
  for (const sim::RegionMatrix& matrix : sim::region_matrices()) {
    if (matrix.name == latency.matrix) out.assign(matrix.regions.begin(), matrix.regions.end());
  }
  return out;
}

/// What the scripts printed, each line behind the script's name.
std::string script_log(const Report& report) {
  std::string out;
  for (std::size_t i = 0; i < report.script_logs.size() && i < report.result.budgets.size(); ++i) {
    const scenarios::BudgetUse& by = report.result.budgets[i];
    const std::string who =
        by.nodes.empty() ? by.script : fmt::format("{} on {}", by.script, node_list(by.nodes, report.sequencer_count));
    for (const std::string_view line : split_lines(report.script_logs[i])) out += fmt::format("{}: {}\n", who, line);
  }
  return out;
}

void remove_our_files(const fs::path& folder) noexcept {
  std::error_code error;
  for (const std::string_view name : file_names) fs::remove(folder / name, error);
  fs::remove(folder, error);
}

}  // namespace

bool is_run_folder(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(fs::path(path) / "plan.json", error) &&
         fs::is_regular_file(fs::path(path) / "result.json", error) && holds_only_our_files(path);
}

struct RunFolder::State {
  RunFolderOptions options;
  const scenarios::Scenario& scenario;
  fs::path final_path, partial;
  std::optional<SqliteWriter> sqlite;
  std::optional<PerfettoWriter> perfetto;
  std::optional<JsonlWriter> jsonl;
  bool finished = false;

  State(RunFolderOptions o, const scenarios::Scenario& s) : options(std::move(o)), scenario(s) {}
  ~State() {
    if (finished) return;
    sqlite.reset();
    perfetto.reset();
    jsonl.reset();
    remove_our_files(partial);
  }
};

RunFolder::RunFolder(RunFolderOptions options, const scenarios::Scenario& scenario) {
  // "runs/x/" means "runs/x".
  while (options.path.size() > 1 && options.path.back() == '/') options.path.pop_back();
  if (options.path.empty()) refuse("--out", "needs the name of a folder", "e.g. --out seqlab-runs/first");
  const fs::path path(options.path);
  const fs::path partial(options.path + ".partial");
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status)) {
    if (!fs::is_directory(status)) refuse(options.path, "exists and is not a folder", "name another folder with --out");
    const bool empty = fs::is_empty(path, error);
    if (error) throw_file_error(options.path, "cannot read", error.value());
    if (!empty && !is_run_folder(options.path)) {
      refuse(options.path, "is not empty and was not written by seqlab", "name another folder with --out");
    }
    if (!empty && !options.force) {
      refuse(options.path, "already holds a run", "name another folder with --out, or replace it with --force");
    }
  } else if (status.type() != fs::file_type::not_found) {
    throw_file_error(options.path, "cannot read", error.value());
  }
  if (fs::exists(partial, error)) {
    // Left over from a run that was killed.
    if (!holds_only_our_files(partial)) {
      refuse(partial.string(), "is in the way and was not written by seqlab", "name another folder with --out");
    }
    remove_our_files(partial);
  }
  if (path.has_parent_path()) {
    fs::create_directories(path.parent_path(), error);
    if (error) throw_file_error(path.parent_path().string(), "cannot make the folder", error.value());
  }
  if (!fs::create_directory(partial, error)) {
    throw_file_error(partial.string(), "cannot make the folder", error ? error.value() : EEXIST);
  }

  state_ = std::make_unique<State>(std::move(options), scenario);
  State& s = *state_;
  s.final_path = path;
  s.partial = partial;
  write_file((partial / "scenario.yaml").string(), scenarios::to_yaml(scenario));
  SqliteOptions sqlite;
  sqlite.client_count = scenario.environment.workload.clients;
  sqlite.regions = regions_of(scenario);
  s.sqlite.emplace((partial / "run.sqlite").string(), std::move(sqlite));
  if (s.options.trace) {
    PerfettoOptions perfetto;
    perfetto.sequencer_count = scenario.design.committee.count;
    perfetto.regions = regions_of(scenario);
    perfetto.gossip = scenario.design.dissemination == sim::Dissemination::gossip;
    s.perfetto.emplace((partial / "trace.perfetto-trace").string(), std::move(perfetto));
  }
  if (s.options.jsonl) s.jsonl.emplace((partial / "records.jsonl").string());
}

RunFolder::~RunFolder() = default;

std::vector<std::pair<sim::RecordObserver*, sim::KindMask>> RunFolder::observers() {
  std::vector<std::pair<sim::RecordObserver*, sim::KindMask>> out;
  out.push_back({&*state_->sqlite, SqliteWriter::kinds()});
  if (state_->perfetto) out.push_back({&*state_->perfetto, PerfettoWriter::kinds()});
  if (state_->jsonl) out.push_back({&*state_->jsonl, JsonlWriter::kinds()});
  return out;
}

bool RunFolder::failed() const {
  return state_->sqlite->failed() || (state_->perfetto && state_->perfetto->failed()) ||
         (state_->jsonl && state_->jsonl->failed());
}

void RunFolder::finish(const Report& report, const scenarios::Plan& done) {
  State& s = *state_;
  s.sqlite->finish(report);
  if (s.perfetto) s.perfetto->finish(report.result.end, report.result.findings);
  if (s.jsonl) s.jsonl->close();

  PlanFile plan;
  plan.plan = done;
  plan.scenario_file = "scenario.yaml";
  plan.scenario_name = report.result.scenario;
  plan.scenario_hash = report.scenario_hash;
  plan.version = report.version;
  plan.build = build_id();
  plan.digest = report.result.digest;
  plan.verdict = report.result.verdict;
  plan.interrupted = report.result.stopped == sim::StopReason::interrupted;
  if (const std::string text = script_log(report); !text.empty()) {
    write_file((s.partial / script_log_name).string(), text);
  }
  write_file((s.partial / "plan.json").string(), to_json(plan));
  write_file((s.partial / "result.json").string(), to_json(report));

  std::error_code error;
  const bool replaces = fs::exists(s.final_path, error) && !fs::is_empty(s.final_path, error);
  const fs::path old(s.options.path + ".replaced");
  if (replaces) {
    if (fs::exists(old, error) && holds_only_our_files(old)) remove_our_files(old);
    fs::rename(s.final_path, old, error);
    if (error) throw_file_error(s.options.path, "cannot replace", error.value());
  }
  fs::rename(s.partial, s.final_path, error);
  if (error) throw_file_error(s.options.path, "cannot rename the finished folder to", error.value());
  s.finished = true;
  if (replaces) remove_our_files(old);
}

}  // namespace seqlab::analysis
