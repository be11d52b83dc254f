#include "scenarios/spec/parse.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <tuple>

#include "scenarios/hooks/adversary.hpp"
#include "scenarios/spec/check.hpp"
#include "scenarios/spec/table.hpp"
#include "scenarios/spec/value.hpp"
#include "scenarios/workload/trace.hpp"

namespace seqlab::scenarios {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view flag_name = "--set";

/// Text of a regular file, or why there is none.
struct FileText {
  std::string text;
  std::string error;
};

FileText read_file(const fs::path& path) {
  constexpr std::uintmax_t most = 16U << 20U;
  std::error_code ec;
  const fs::file_status status = fs::status(path, ec);
  if (!fs::exists(status)) return {{}, "no such file"};
  if (fs::is_directory(status)) return {{}, "is a folder"};
  if (!fs::is_regular_file(status)) return {{}, "is no regular file"};
  const std::uintmax_t size = fs::file_size(path, ec);
  if (ec) return {{}, "cannot be read: " + ec.message()};
  if (size > most) return {{}, "is larger than 16 MiB"};
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!in || (size != 0 && !in.read(text.data(), static_cast<std::streamsize>(size)))) return {{}, "cannot be read"};
  return {std::move(text), {}};
}

bool is_file(const fs::path& path) {
  std::error_code ec;
  return fs::is_regular_file(path, ec);
}

bool has_suffix(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

/// A name inside a scenario is short and printable; what is not cannot be a file.
bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 1000 && name.find('\0') == std::string::npos;
}

/// Names (without `suffix`) of the files in a folder, sorted.
std::vector<std::string> files_in(const fs::path& folder, std::string_view suffix) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    const std::string name = it->path().filename().string();
    if (has_suffix(name, suffix)) names.push_back(name.substr(0, name.size() - suffix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Lines of a comment, without `#` and editor directives.
std::vector<std::string> leading_comment(std::string_view text) {
  std::vector<std::string> lines;
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  while (!text.empty() && text.front() == '#') {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(1, end - 1);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    if (line.find("yaml-language-server:") != std::string_view::npos) continue;
    lines.emplace_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  while (!lines.empty() && lines.front().empty()) lines.erase(lines.begin());
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

/// As a reader meets them: file by file, from top to bottom.
std::vector<Problem> in_order(std::vector<Problem> problems) {
  std::vector<std::string> files;
  for (const Problem& p : problems) {
    if (std::find(files.begin(), files.end(), p.file) == files.end()) files.push_back(p.file);
  }
  const auto rank = [&](const Problem& p) { return std::find(files.begin(), files.end(), p.file) - files.begin(); };
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& a, const Problem& b) {
    return std::tuple{rank(a), a.line, a.column} < std::tuple{rank(b), b.line, b.column};
  });
  return problems;
}

/// From text to scenario: overrides, files taken over by `use`, decoding, files named inside, checks.
class Loader {
 public:
  Loader(const std::string& file, const Library& library) : file_(file), library_(library.root), reader_(problems_) {}

  Scenario load(std::string_view text, const Overrides& overrides) {
    root_ = read_yaml(text, file_, problems_);
    if (root_ == nullptr) throw InputError(std::move(problems_));
    if (!root_->is_map()) {
      reader_.problem(*root_, "expected a mapping, found " + describe(*root_),
                      "schema: " + std::string{scenario_schema_name});
      throw InputError(std::move(problems_));
    }
    apply(overrides, true);
    use("design", "designs");
    use("environment", "environments");
    apply(overrides, false);

    Scenario scenario;
    scenario.file = file_;
    scenario.name = fs::path(file_).stem().string();
    scenario.description = joined(leading_comment(text));
    scenario_shape().read(*root_, scenario, reader_);
    CommitteeSpec& committee = scenario.design.committee;
    if (committee.stake.empty()) committee.stake.assign(committee.count, default_stake);
    if (scenario.design.dissemination == sim::Dissemination::gossip &&
        deepest(*root_, "environment.network").find("gossip_degree") == nullptr) {
      NetworkSpec& network = scenario.environment.network;  // the default, in a small committee: everybody
      network.gossip_degree = std::min(network.gossip_degree, std::max(committee.count, 2U) - 1);
    }
    scripts(scenario);
    trace(scenario.environment.workload);
    check_scenario(scenario, *root_, problems_);
    if (problems_.empty()) compile(scenario);
    if (!problems_.empty()) throw InputError(in_order(std::move(problems_)));
    return scenario;
  }

 private:
  fs::path beside(const std::string& name) const { return fs::path(file_).parent_path() / name; }

  // ---- --set ------------------------------------------------------------------------------------------------------

  static bool names_a_file(const std::string& path) { return path == "design.use" || path == "environment.use"; }

  void apply(const Overrides& overrides, bool files) {
    for (const auto& entry : overrides) {
      if (names_a_file(entry.first) == files) apply(entry.first, entry.second);
    }
  }

  void flag_problem(const std::string& path, std::string text, std::string hint) {
    problems_.push_back(Problem{std::string{flag_name}, 0, 0, path, std::move(text), std::move(hint)});
  }

  void apply(const std::string& path, const std::string& text) {
    const std::vector<PathStep> steps = parse_path(path);
    if (steps.empty()) {
      flag_problem(path, "is not the path of a key", "such as design.committee.count or environment.faults[0].at");
      return;
    }
    const std::size_t before = problems_.size();
    std::unique_ptr<Value> value;
    if (text.find_first_not_of(" \t\n") == std::string::npos) {
      flag_problem(path, "has no value", "path=value");
    } else {
      value = read_yaml(text, std::string{flag_name}, problems_, false);
    }
    for (std::size_t i = before; i < problems_.size(); ++i) problems_[i].path = path;
    if (value == nullptr || problems_.size() != before) return;

    Value* at = root_.get();
    for (const PathStep& step : steps) {
      at = step.key.empty() ? item(*at, step.index, path) : member(*at, step.key, path);
      if (at == nullptr) return;
    }
    *at = std::move(*value);
  }

  Value* item(Value& list, std::size_t index, const std::string& path) {
    if (list.kind == Value::Kind::null && index == 0) list.kind = Value::Kind::list;
    if (!list.is_list()) {
      flag_problem(path, "[" + std::to_string(index) + "] of " + describe(list), "only lists have numbered entries");
      return nullptr;
    }
    if (index > list.items.size()) {
      flag_problem(path, "entry " + std::to_string(index) + " of a list of " + std::to_string(list.items.size()),
                   "entries count from 0; the next free one is " + std::to_string(list.items.size()));
      return nullptr;
    }
    if (index == list.items.size()) list.items.push_back(fresh());
    return &list.items[index];
  }

  Value* member(Value& map, const std::string& key, const std::string& path) {
    if (map.kind == Value::Kind::null) map.kind = Value::Kind::map;
    if (!map.is_map()) {
      flag_problem(path, "`" + key + "` of " + describe(map),
                   map.is_list() ? "give the number of an entry, such as [0]" : "it has no keys");
      return nullptr;
    }
    if (map.find(key) == nullptr) {
      map.keys.push_back({key, fresh().at});
      map.items.push_back(fresh());
    }
    return map.find(key);
  }

  static Value fresh() {
    Value value;
    value.at.file = std::make_shared<const std::string>(flag_name);
    return value;
  }

  // ---- use --------------------------------------------------------------------------------------------------------

  void use(const std::string& section, const std::string& folder) {
    Value* own = root_->find(section);
    if (own == nullptr || own->find("use") == nullptr) return;
    const Value name = *own->find("use");
    const auto index = static_cast<std::ptrdiff_t>(own->find("use") - own->items.data());
    own->keys.erase(own->keys.begin() + index);
    own->items.erase(own->items.begin() + index);

    const std::string path = section + ".use";
    if (!name.is_scalar() || !is_file_name(name.text)) {
      reader_.problem_at(path, name.at, "found " + describe(name), "a file name");
      return;
    }
    const fs::path shared = library_ / folder;
    std::string scenario_beside;
    for (const fs::path& candidate :
         {beside(name.text), beside(name.text + ".yaml"), shared / name.text, shared / (name.text + ".yaml")}) {
      if (!is_file(candidate)) continue;
      std::unique_ptr<Value> base = included(path, name, candidate);
      if (base == nullptr) return;
      if (base->find("schema") != nullptr) {  // a scenario that has the name of the design that it uses
        scenario_beside = candidate.string();
        continue;
      }
      merge(*base, std::move(*own));
      *own = std::move(*base);
      return;
    }
    if (!scenario_beside.empty()) {
      reader_.problem_at(path, name.at, "`" + scenario_beside + "` is a whole scenario",
                         "a file with the keys of `" + section + "` alone");
      return;
    }
    const std::vector<std::string> known = files_in(shared, ".yaml");
    const std::string stem = has_suffix(name.text, ".yaml") ? name.text.substr(0, name.text.size() - 5) : name.text;
    const std::string close = nearest(stem, known);
    std::string hint =
        close.empty() ? "looked next to the scenario and in scenarios/" + folder : "did you mean `" + close + ".yaml`?";
    reader_.problem_at(path, name.at, "there is no file `" + name.text.substr(0, 200) + "`", std::move(hint));
  }

  std::unique_ptr<Value> included(const std::string& path, const Value& name, const fs::path& file) {
    const FileText content = read_file(file);
    if (!content.error.empty()) {
      reader_.problem_at(path, name.at, "`" + file.string() + "` " + content.error);
      return nullptr;
    }
    std::unique_ptr<Value> tree = read_yaml(content.text, file.string(), problems_);
    if (tree == nullptr) return nullptr;
    if (!tree->is_map()) {
      reader_.problem_at({}, tree->at, "expected a mapping, found " + describe(*tree));
      return nullptr;
    }
    if (const Value* nested = tree->find("use")) {
      reader_.problem_at("use", nested->at, "a file that is used cannot use another");
      return nullptr;
    }
    return tree;
  }

  /// Keys of `over` win. A mapping with a `model` says what all of its keys mean, so it replaces as a whole.
  static void merge(Value& base, Value over) {
    if (!base.is_map() || !over.is_map() || over.find("model") != nullptr) {
      base = std::move(over);
      return;
    }
    for (std::size_t i = 0; i < over.items.size(); ++i) {
      if (Value* same = base.find(over.keys[i].text)) {
        merge(*same, std::move(over.items[i]));
      } else {
        base.keys.push_back(std::move(over.keys[i]));
        base.items.push_back(std::move(over.items[i]));
      }
    }
  }

  // ---- files named inside -----------------------------------------------------------------------------------------

  void scripts(Scenario& scenario) {
    for (std::size_t i = 0; i < scenario.environment.adversaries.size(); ++i) {
      AdversarySpec& adversary = scenario.environment.adversaries[i];
      if (adversary.script.empty()) continue;                        // was reported as missing
      if (adversary.script.compare(0, 7, "native:") == 0) continue;  // no text: `compile` knows the names
      if (!adversary.source.empty()) {
        adversary.file = adversary.script + " (inside " + file_ + ")";
        continue;
      }
      const std::string path = "environment.adversaries[" + std::to_string(i) + "].script";
      script(adversary, path, deepest(*root_, path));
    }
  }

  void script(AdversarySpec& adversary, const std::string& path, const Value& value) {
    const std::string& name = adversary.script;
    const fs::path stock = library_ / "adversaries";
    std::vector<fs::path> candidates;
    if (is_file_name(name)) {
      const bool as_file = has_suffix(name, ".lua");
      if (as_file) {
        candidates = {beside(name), stock / name};
      } else {
        candidates = {stock / (name + ".lua"), beside(name + ".lua")};
      }
    }
    for (const fs::path& candidate : candidates) {
      if (!is_file(candidate)) continue;
      FileText content = read_file(candidate);
      if (!content.error.empty()) {
        reader_.problem_at(path, value.at, "`" + candidate.string() + "` " + content.error);
      } else if (content.text.empty()) {
        reader_.problem_at(path, value.at, "`" + candidate.string() + "` is empty");
      }
      adversary.source = std::move(content.text);
      adversary.file = candidate.string();
      return;
    }
    const std::vector<std::string> known = files_in(stock, ".lua");
    const std::string close = nearest(name, known);
    std::string hint;
    if (!close.empty()) {
      hint = "did you mean `" + close + "`?";
    } else {
      for (const std::string& k : known) hint += (hint.empty() ? "stock scripts: " : ", ") + k;
    }
    reader_.problem_at(path, value.at, "there is no script `" + name.substr(0, 200) + "`", std::move(hint));
  }

  void trace(WorkloadSpec& workload) {
    if (workload.arrivals != WorkloadSpec::Arrivals::trace || workload.trace_file.empty() || !workload.trace.empty())
      return;
    const std::string path = "environment.workload.trace_file";
    const Value& value = deepest(*root_, path);
    if (deepest(*root_, "environment.workload").find("trace") != nullptr) return;  // given inline
    if (!is_file_name(workload.trace_file)) {
      reader_.problem_at(path, value.at, "found " + describe(value), "a file name");
      return;
    }
    const fs::path file = beside(workload.trace_file);
    const FileText content = read_file(file);
    if (!content.error.empty()) {
      reader_.problem_at(path, value.at, "`" + file.string() + "`: " + content.error);
      return;
    }
    try {
      workload.trace = parse_trace(content.text, file.string());
    } catch (const InputError& error) {
      problems_.insert(problems_.end(), error.problems().begin(), error.problems().end());
    }
  }

  /// A script that does not load is bad input like any other.
  void compile(const Scenario& scenario) {
    for (const AdversarySpec& adversary : scenario.environment.adversaries) {
      try {
        make_adversary(adversary, scenario);
      } catch (const InputError& error) {
        problems_.insert(problems_.end(), error.problems().begin(), error.problems().end());
      }
    }
  }

  std::string file_;
  fs::path library_;
  std::vector<Problem> problems_;
  Reader reader_;
  std::unique_ptr<Value> root_;
};

}  // namespace

Scenario load_scenario(const std::string& name_or_path, const Library& library, const Overrides& overrides) {
  std::string path = name_or_path;
  const bool names_a_path =
      path.find('/') != std::string::npos || has_suffix(path, ".yaml") || has_suffix(path, ".yml");
  if (!names_a_path && !is_file(path)) {
    std::vector<std::string> known;
    path.clear();
    for (CatalogEntry& entry : catalog(library)) {
      if (entry.name == name_or_path) path = entry.file;
      known.push_back(std::move(entry.name));
    }
    if (path.empty()) {
      const std::string close = nearest(name_or_path, known);
      throw InputError(Problem{
          name_or_path.substr(0, 200),
          0,
          0,
          {},
          "there is no such scenario in the catalogue",
          close.empty() ? "`seqlab list` shows all; a file is named by its path" : "did you mean `" + close + "`?"});
    }
  }
  FileText content = read_file(path);
  if (!content.error.empty()) {
    throw InputError(Problem{path, 0, 0, {}, content.error, "a catalogue name or the path of a scenario"});
  }
  return parse_scenario(content.text, path, library, overrides);
}

Scenario parse_scenario(std::string_view text, const std::string& file, const Library& library,
                        const Overrides& overrides) {
  return Loader(file, library).load(text, overrides);
}

std::string to_yaml(const Scenario& scenario) {
  std::string out;
  for (std::size_t begin = 0; begin < scenario.description.size();) {
    const std::size_t end = std::min(scenario.description.find('\n', begin), scenario.description.size());
    out += end == begin ? "#\n" : "# " + scenario.description.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return out + write_yaml(scenario_shape().write(scenario).value_or(Value::map()));
}

std::string scenario_schema() {
  const Shape<Scenario> shape = scenario_shape();
  Value schema = Value::map();
  schema.add("$schema", Value::text_of("http://json-schema.org/draft-07/schema#"));
  schema.add("title", Value::text_of(std::string{scenario_schema_name}));
  for (std::size_t i = 0; i < shape.schema.keys.size(); ++i)
    schema.add(shape.schema.keys[i].text, shape.schema.items[i]);
  return write_json(schema);
}

Hash128 scenario_hash(const Scenario& scenario) {
  Scenario meaning = scenario;
  meaning.name = "scenario";
  meaning.description.clear();
  meaning.seed = 0;  // a run's seed is in its plan
  meaning.environment.workload.trace_file.clear();
  for (AdversarySpec& adversary : meaning.environment.adversaries) adversary.script = "script";
  if (const protocols::EngineEntry* engine = protocols::find_engine(meaning.design.engine)) {
    engine->keep_own(meaning.design.parameters);
  }
  const std::string text = to_yaml(meaning);
  return hash128(std::as_bytes(std::span{text}));
}

std::vector<CatalogEntry> catalog(const Library& library) {
  const fs::path folder = fs::path(library.root) / "catalog";
  std::vector<CatalogEntry> entries;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    if (it->path().extension() != ".yaml" || !is_file(it->path())) continue;
    const FileText content = read_file(it->path());
    const std::vector<std::string> comment = leading_comment(content.text);
    entries.push_back(
        {it->path().stem().string(), it->path().string(), comment.empty() ? std::string{} : comment.front()});
  }
  if (ec) {
    throw InputError(Problem{folder.string(),
                             0,
                             0,
                             {},
                             "the catalogue cannot be read: " + ec.message(),
                             "SEQLAB_LIBRARY names the folder `scenarios`"});
  }
  std::sort(entries.begin(), entries.end(), [](const CatalogEntry& a, const CatalogEntry& b) {
    return a.name != b.name ? a.name < b.name : a.file < b.file;
  });
  std::vector<Problem> problems;
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].name != entries[i - 1].name) continue;
    problems.push_back(
        Problem{entries[i].file, 0, 0, {}, "the name `" + entries[i].name + "` is taken", "by " + entries[i - 1].file});
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return entries;
}

}  // namespace seqlab::scenarios
