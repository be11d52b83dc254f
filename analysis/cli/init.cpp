#include <fmt/format.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "analysis/cli/command.hpp"
#include "analysis/record/output_file.hpp"
#include "analysis/report/format.hpp"
#include "scenarios/hooks/lua_bindings.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

namespace {

constexpr const char* first_scenario =
    R"(# The first scenario: four validators, one of them ours, and the attack of first.lua.
# n3 has a quarter of the power, less than a third: whatever it shows to whom, no two blocks of one height can both
# gather a quorum without an honest validator voting twice. Agreement must hold, through a crash and lost messages.
schema: seqlab/scenario/v1
name: first

design:                          # how the sequencer works
  engine: tendermint
  committee: {count: 4, stake: 100}

environment:                     # what happens to it
  network:
    latency: {model: quantiles, p50: 40ms, p90: 75ms, p99: 120ms, max: 300ms}
    loss: 1/200
  workload: {arrivals: poisson, clients: 2, rate: 20tx/s}
  faults:
    - {at: 8s, for: 4s, crash: [n1]}
  adversaries:
    - {script: first.lua, nodes: [n3]}

stop: {after: 20s}
expect: {verdict: held, commits: {min: 5}}
)";

constexpr const char* first_attack =
    R"(-- When our node leads, it shows each half of its peers another block.
---@type seqlab.Adversary
return {
  api = 1,
  on_send = function(ctx, msg)
    if msg.kind ~= "proposal" then return ctx.pass end
    local left, right = ctx:split(ctx.peers)                      -- seeded halves
    ctx:send(left, msg)
    ctx:send(right, ctx:forge(msg, { payload = "another block" }))
    return ctx.drop                                               -- the honest broadcast does not happen
  end,
}
)";

constexpr const char* editor_settings =
    R"({
  "$schema": "https://raw.githubusercontent.com/LuaLS/vscode-lua/master/setting/schema.json",
  "runtime": {"version": "Lua 5.4"},
  "workspace": {"library": ["meta"], "checkThirdParty": false}
}
)";

}  // namespace

int init_command(const InitArguments& a, const Context& context) {
  namespace fs = std::filesystem;
  const fs::path folder(a.folder);
  const std::vector<std::pair<fs::path, std::string>> files{
      {folder / "first.yaml", first_scenario},
      {folder / "first.lua", first_attack},
      {folder / ".luarc.json", editor_settings},
      {folder / "meta" / "seqlab.lua", scenarios::lua_annotations()}};
  std::vector<scenarios::Problem> problems;
  for (const auto& [path, text] : files) {
    std::error_code error;
    if (!fs::exists(fs::symlink_status(path, error))) continue;
    scenarios::Problem problem;
    problem.file = path.string();
    problem.text = "exists and is not overwritten";
    problem.hint = "name another folder: seqlab init DIR";
    problems.push_back(std::move(problem));
  }
  if (!problems.empty()) throw scenarios::InputError(std::move(problems));

  std::string text;
  try {
    for (const auto& [path, content] : files) {
      std::error_code error;
      if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
      if (error) throw_file_error(path.parent_path().string(), "cannot make the folder", error.value());
      write_file(path.string(), content);
      text += fmt::format("wrote {}\n", path.lexically_normal().string());
    }
  } catch (const scenarios::InputError&) {
    // None was there before. Half a start would stand in the way of the next attempt.
    std::error_code error;
    for (const auto& [path, content] : files) fs::remove(path, error);
    throw;
  }
  std::vector<std::string> words{context.program, "run", (folder / "first.yaml").lexically_normal().string()};
  if (!context.library_root.empty()) words.insert(words.end(), {"--library", context.library_root});
  text += fmt::format("next: {}\n", shell_line(words));
  print(text);
  return 0;
}

}  // namespace seqlab::analysis
