#include "analysis/search/finding_folder.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <utility>

#include "analysis/record/output_file.hpp"
#include "analysis/record/plan_file.hpp"
#include "analysis/report/format.hpp"
#include "analysis/search/story.hpp"
#include "scenarios/spec/diagnostics.hpp"
#include "scenarios/spec/parse.hpp"
#include "scenarios/spec/table.hpp"

namespace seqlab::analysis {

namespace fs = std::filesystem;

namespace {

using scenarios::Scenario;
using scenarios::Value;

bool same(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.text != b.text || a.keys.size() != b.keys.size() || a.items.size() != b.items.size())
    return false;
  for (std::size_t i = 0; i < a.keys.size(); ++i) {
    if (a.keys[i].text != b.keys[i].text) return false;
  }
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(a.items[i], b.items[i])) return false;
  }
  return true;
}

/// What `value` has that `usual` has not, or has otherwise.
Value difference(const Value& value, const Value& usual) {
  Value out = Value::map();
  for (std::size_t i = 0; i < value.keys.size(); ++i) {
    const Value* other = usual.find(value.keys[i].text);
    if (other != nullptr && same(value.items[i], *other)) continue;
    const bool descend = other != nullptr && value.items[i].is_map() && other->is_map();
    // Which model it is decides which keys mean something.
    const Value* model = value.items[i].find("model");
    if (descend && model == nullptr) {
      out.add(value.keys[i].text, difference(value.items[i], *other));
    } else {
      out.add(value.keys[i].text, value.items[i]);
    }
  }
  return out;
}

std::string comment(const std::string& text) {
  std::string out;
  std::size_t width = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find_first_of(" \n", begin);
    if (end == std::string::npos) end = text.size();
    const bool line_end = end < text.size() && text[end] == '\n';
    if (width != 0 && width + 1 + end - begin > 115) {
      out += '\n';
      width = 0;
    }
    if (width != 0) out += ' ';
    out += text.substr(begin, end - begin);
    width += (width != 0 ? 1 : 0) + end - begin;
    if (line_end) {
      out += '\n';
      width = 0;
    }
    begin = end + 1;
  }
  return out;
}

std::string list_of(const scenarios::Plan& plan) {
  std::string out;
  for (const scenarios::Intervention& intervention : plan.interventions) out += "- " + describe(intervention) + "\n";
  return out;
}

}  // namespace

Tale tell(const Case& which, const Target& target, const scenarios::Finding& finding) {
  Story story{which.scenario->design.committee.count};
  scenarios::RunOptions options;
  options.observers.emplace_back(&story, Story::kinds());
  if (target.make_engine) options.make_engine = target.make_engine;
  if (target.make_forced) options.make_forced = target.make_forced;
  scenarios::Finding about = finding;
  try {
    scenarios::run(*which.scenario, which.plan, options);
  } catch (const std::exception&) {
    about.at = SimTime::max();  // it ended here
  }
  return {story.paragraph(about), story.diagram(about)};
}

std::string to_short_yaml(const Scenario& scenario) {
  const std::string full = scenarios::to_yaml(scenario);
  try {
    const scenarios::Library nowhere;
    const Scenario usual = scenarios::parse_scenario(
        fmt::format("schema: {}\nname: usual\ndesign: {{engine: {}, committee: {{count: {}}}}}\n",
                    scenarios::scenario_schema_name, scenario.design.engine, scenario.design.committee.count),
        "usual.yaml", nowhere);
    const auto shape = scenarios::scenario_shape();
    const Value whole = shape.write(scenario).value_or(Value::map());
    const Value plain = shape.write(usual).value_or(Value::map());
    Value out = Value::map();
    // These are what a reader looks for, whatever the defaults are.
    if (const Value* name = whole.find("schema")) out.add("schema", *name);
    if (const Value* name = whole.find("name")) out.add("name", *name);
    Value rest = difference(whole, plain);
    for (std::size_t i = 0; i < rest.keys.size(); ++i) {
      const std::string& key = rest.keys[i].text;
      if (key == "schema" || key == "name") continue;
      if (key == "design") {
        Value design = Value::map();
        if (rest.items[i].find("engine") == nullptr) design.add("engine", Value::plain(scenario.design.engine));
        Value committee = Value::map();
        committee.add("count", Value::plain(std::to_string(scenario.design.committee.count)));
        for (std::size_t k = 0; k < rest.items[i].keys.size(); ++k) {
          if (rest.items[i].keys[k].text != "committee") {
            design.add(rest.items[i].keys[k].text, rest.items[i].items[k]);
            continue;
          }
          const Value& members = rest.items[i].items[k];
          for (std::size_t m = 0; m < members.keys.size(); ++m) {
            if (members.keys[m].text != "count") committee.add(members.keys[m].text, members.items[m]);
          }
        }
        design.add("committee", std::move(committee));
        out.add("design", std::move(design));
        continue;
      }
      out.add(key, std::move(rest.items[i]));
    }
    const std::string text = full.substr(0, full.find("schema:")) + scenarios::write_yaml(out);
    if (scenarios::parse_scenario(text, "short.yaml", nowhere) == scenarios::parse_scenario(full, "full.yaml", nowhere))
      return text;
  } catch (const scenarios::InputError&) {
    // What the short form cannot say the long one can.
  }
  return full;
}

void write_case_folder(const std::string& folder, const Case& which, Hash128 digest, scenarios::Verdict verdict) {
  std::error_code error;
  if (fs::exists(folder, error) && (!fs::is_directory(folder, error) || !fs::is_empty(folder, error))) {
    throw scenarios::InputError(
        scenarios::Problem{folder, 0, 0, {}, "exists and is not an empty folder", "name another folder with --out"});
  }
  fs::create_directories(folder, error);
  if (error) throw_file_error(folder, "cannot make the folder", error.value());

  const fs::path path(folder);
  const std::string yaml = to_short_yaml(*which.scenario);
  write_file((path / "scenario.yaml").string(), yaml);
  PlanFile plan;
  plan.plan = which.plan;
  plan.scenario_file = "scenario.yaml";
  plan.scenario_name = which.scenario->name;
  plan.scenario_hash = scenarios::scenario_hash(*which.scenario);
  plan.version = version();
  plan.build = build_id();
  plan.digest = digest;
  plan.verdict = verdict;
  write_file((path / "plan.json").string(), to_json(plan));
}

void write_finding_folder(const std::string& folder, const Shrunk& shrunk, const Target& target, const Tale& tale,
                          const std::string& program) {
  const Case& c = shrunk.smallest;
  Scenario scenario = *c.scenario;
  const std::string sizes = size_line(shrunk.before, shrunk.after);
  scenario.name = fmt::format("{}-{}", target.name.empty() ? scenario.name : target.name, shrunk.kind.checker);
  for (char& letter : scenario.name) letter = letter == '_' || letter == ' ' ? '-' : letter;
  scenario.description = comment(
      fmt::format("Shows, with the plan beside it, how {} breaks: {}\nShrunk: {}. Repeat it with `{} replay {}`.",
                  shrunk.kind.checker, shrunk.finding.text, sizes, program, shell_word(folder)));
  const std::string name = scenario.name;
  write_case_folder(folder, {std::make_shared<const Scenario>(std::move(scenario)), c.plan}, shrunk.result.digest,
                    shrunk.result.verdict);

  std::string story = fmt::format("# {}\n\n{}\n\n", name, sizes);
  story += fmt::format("**{}**: {}\n\n{}\n\n```mermaid\n{}```\n", shrunk.kind.checker, shrunk.finding.text,
                       tale.paragraph, tale.diagram);
  if (!c.plan.interventions.empty()) story += "\nWhat is done to the run:\n\n" + list_of(c.plan);
  if (!c.plan.corrupt.empty()) story += fmt::format("\nCorrupt: {}.\n", scenarios::node_names(c.plan.corrupt));
  story += fmt::format("\nRepeat it: `{} replay {}`\n", program, shell_word(folder));
  write_file((fs::path(folder) / "story.md").string(), story);
}

}  // namespace seqlab::analysis
