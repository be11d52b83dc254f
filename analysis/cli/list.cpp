#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "analysis/cli/command.hpp"
#include "analysis/search/exploration.hpp"
#include "analysis/search/strategy.hpp"
#include "protocols/consensus/engines.hpp"
#include "protocols/forced/forced_paths.hpp"
#include "protocols/l1/profile.hpp"
#include "scenarios/adversaries/native/native_adversaries.hpp"
#include "scenarios/checkers/checker.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "sim/net/latency/regions.hpp"

namespace seqlab::analysis {

namespace {

namespace fs = std::filesystem;

struct Entry {
  std::string name;
  std::string text;
};

/// First sentence of the comment at the top of a file; lines for tools ("---@type", "# yaml-language-server:") are
/// skipped.
std::string first_comment(const fs::path& file, std::string_view mark) {
  std::ifstream in(file);
  std::string out;
  std::string line;
  while (std::getline(in, line)) {
    if (line.compare(0, mark.size(), mark) != 0) break;
    const bool for_tools = line.compare(0, mark.size() + 2, std::string{mark} + "-@") == 0 ||
                           line.find("language-server") != std::string::npos;
    const std::size_t at = line.find_first_not_of(" \t", mark.size());
    if (for_tools || at == std::string::npos) continue;
    if (!out.empty()) out += ' ';
    out += line.substr(at);
    std::size_t end = out.find(". ");
    if (end == std::string::npos && out.back() == '.') end = out.size() - 1;
    if (end != std::string::npos) return out.substr(0, end);
  }
  return out;
}

std::vector<Entry> files(const fs::path& folder, std::string_view extension, std::string_view mark) {
  std::vector<Entry> out;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != extension) continue;
    Entry one;
    one.name = entry.path().stem().string();
    one.text = first_comment(entry.path(), mark);
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(), [](const Entry& x, const Entry& y) { return x.name < y.name; });
  return out;
}

std::vector<Entry> entries(const std::string& kind, const scenarios::Library& library) {
  std::vector<Entry> out;
  const fs::path root(library.root);
  const auto add = [&out](std::string_view name, std::string_view text) {
    Entry entry;
    entry.name = name;
    entry.text = text;
    out.push_back(std::move(entry));
  };
  if (kind == "scenarios") {
    for (const scenarios::CatalogEntry& e : scenarios::catalog(library)) add(e.name, e.text);
  } else if (kind == "engines") {
    for (const protocols::EngineEntry& e : protocols::engines()) add(e.name, e.text);
  } else if (kind == "checkers") {
    for (const scenarios::CheckerEntry& e : scenarios::checkers()) add(e.name, e.text);
  } else if (kind == "adversaries") {
    out = files(root / "adversaries", ".lua", "--");
    for (const scenarios::NativeEntry& e : scenarios::native_adversaries())
      add(fmt::format("native:{}", e.name), e.text);
  } else if (kind == "designs") {
    out = files(root / "designs", ".yaml", "#");
  } else if (kind == "environments") {
    out = files(root / "environments", ".yaml", "#");
  } else if (kind == "strategies") {
    for (const StrategyEntry& e : strategies()) add(e.name, e.text);
    add(explore_name, explore_text);
    add("portfolio", "all of them, in fixed shares: the default of `seqlab fuzz`");
  } else if (kind == "layer-1") {
    for (const protocols::L1Profile& p : protocols::l1_profiles()) add(p.name, p.text);
  } else if (kind == "forced") {
    for (const protocols::ForcedPathEntry& p : protocols::forced_paths()) add(p.name, p.text);
  } else if (kind == "matrices") {
    for (const sim::RegionMatrix& m : sim::region_matrices())
      add(m.name, fmt::format("{} regions; {}", m.regions.size(), m.source));
  }
  return out;
}

}  // namespace

std::vector<std::string> list_kinds() {
  return {"scenarios",    "engines", "checkers", "adversaries", "designs",
          "environments", "layer-1", "forced",   "matrices",    "strategies"};
}

int list_command(const ListArguments& a, const Context& context) {
  const std::vector<std::string> all = list_kinds();
  if (!a.what.empty() && std::find(all.begin(), all.end(), a.what) == all.end()) {
    scenarios::Problem problem;
    problem.file = "list";
    problem.text = fmt::format("`{}` cannot be listed", a.what);
    const std::string near = scenarios::nearest(a.what, all);
    problem.hint =
        fmt::format("{}one of {}", near.empty() ? "" : fmt::format("did you mean `{}`? ", near), fmt::join(all, ", "));
    throw scenarios::InputError(std::move(problem));
  }
  const scenarios::Library library = library_of(context);
  const std::vector<std::string> kinds = a.what.empty() ? all : std::vector<std::string>{a.what};

  nlohmann::ordered_json document = nlohmann::ordered_json::object();
  std::string text;
  for (const std::string& kind : kinds) {
    const std::vector<Entry> found = entries(kind, library);
    document[kind] = nlohmann::ordered_json::array();
    std::size_t width = 0;
    for (const Entry& entry : found) {
      width = std::max(width, entry.name.size());
      document[kind].push_back({{"name", entry.name}, {"text", entry.text}});
    }
    if (a.what.empty()) text += kind + '\n';
    for (const Entry& entry : found) {
      std::string line = fmt::format("{}{:<{}}  {}", a.what.empty() ? "  " : "", entry.name, width, entry.text);
      line.erase(line.find_last_not_of(' ') + 1);
      text += line + '\n';
    }
    if (a.what.empty() && kind != kinds.back()) text += '\n';
  }
  print(a.json ? document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n' : text);
  return 0;
}

}  // namespace seqlab::analysis
