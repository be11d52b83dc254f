#include "analysis/record/plan_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/report/format.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

namespace {

using Json = nlohmann::ordered_json;
using scenarios::Problem;
using scenarios::Verdict;

std::optional<Hash128> parse_hash(const std::string& text) {
  if (text.size() != 32 || text.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return Hash128{std::stoull(text.substr(0, 16), nullptr, 16), std::stoull(text.substr(16), nullptr, 16)};
}

/// Reads the document's keys and collects what is wrong with them.
class Reader {
 public:
  Reader(const Json& document, const std::string& file) : document_(document), file_(file) {}

  const Json* find(const std::string& path, Json::value_t type, const char* form) {
    const Json* at = &document_;
    std::string rest = path;
    while (!rest.empty()) {
      const std::size_t dot = rest.find('.');
      const std::string key = rest.substr(0, dot);
      rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
      if (!at->is_object() || !at->contains(key)) {
        complain(path, "is missing", form);
        return nullptr;
      }
      at = &(*at)[key];
    }
    const bool unsigned_for_integer = type == Json::value_t::number_unsigned && at->is_number_unsigned();
    if (at->type() != type && !unsigned_for_integer) {
      complain(path, "has the wrong type", form);
      return nullptr;
    }
    return at;
  }

  std::string text(const std::string& path, const char* form) {
    const Json* value = find(path, Json::value_t::string, form);
    return value != nullptr ? value->get<std::string>() : std::string{};
  }

  Hash128 hash(const std::string& path) {
    const char* form = "32 hexadecimal digits";
    const Json* value = find(path, Json::value_t::string, form);
    if (value == nullptr) return {};
    const std::optional<Hash128> parsed = parse_hash(value->get<std::string>());
    if (!parsed) complain(path, "is not a hash", form);
    return parsed.value_or(Hash128{});
  }

  void complain(const std::string& path, const std::string& text, const std::string& hint) {
    Problem problem;
    problem.file = file_;
    problem.path = path;
    problem.text = text;
    problem.hint = hint;
    problems_.push_back(std::move(problem));
  }
  void raise_if_any() {
    if (!problems_.empty()) throw scenarios::InputError(std::move(problems_));
  }

 private:
  const Json& document_;
  const std::string& file_;
  std::vector<Problem> problems_;
};

}  // namespace

std::string to_json(const PlanFile& plan) {
  Json out;
  out["schema"] = plan_schema_name;
  out["version"] = plan.version;
  out["build"] = plan.build;
  out["seed"] = plan.plan.seed;
  out["seed_text"] = std::to_string(plan.plan.seed);
  out["scenario"] =
      Json{{"name", plan.scenario_name}, {"file", plan.scenario_file}, {"hash", to_hex(plan.scenario_hash)}};
  out["interventions"] = Json::array();
  out["expect"] =
      Json{{"digest", to_hex(plan.digest)}, {"verdict", word_for(plan.verdict)}, {"interrupted", plan.interrupted}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

PlanFile parse_plan(const std::string& text, const std::string& file) {
  Json document;
  try {
    document = Json::parse(text);
  } catch (const Json::parse_error& error) {
    const std::size_t at = std::min(error.byte == 0 ? 0 : error.byte - 1, text.size());
    Problem problem;
    problem.file = file;
    problem.line = 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    const std::size_t line_start = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    problem.column = static_cast<int>(line_start == std::string::npos ? at + 1 : at - line_start);
    problem.text = "is not JSON";
    problem.hint = "a plan is the plan.json of a run folder, written by `seqlab run --out`";
    throw scenarios::InputError(std::move(problem));
  }

  Reader reader(document, file);
  PlanFile plan;
  const std::string schema = reader.text("schema", plan_schema_name);
  if (!schema.empty() && schema != plan_schema_name) {
    reader.complain("schema", fmt::format("is `{}`", schema), fmt::format("this program reads {}", plan_schema_name));
    reader.raise_if_any();  // nothing else can be judged
  }
  plan.version = reader.text("version", "text");
  if (document.is_object() && document.contains("build")) plan.build = reader.text("build", "text");
  if (const Json* seed =
          reader.find("seed", Json::value_t::number_unsigned, "a whole number from 0 to 18446744073709551615")) {
    plan.plan.seed = seed->get<std::uint64_t>();
  }
  plan.scenario_name = reader.text("scenario.name", "text");
  plan.scenario_file = reader.text("scenario.file", "a path relative to the plan");
  plan.scenario_hash = reader.hash("scenario.hash");
  if (const Json* list = reader.find("interventions", Json::value_t::array, "a list")) {
    if (!list->empty()) {
      reader.complain("interventions", "is not empty",
                      "this version of the program cannot repeat interventions of a search");
    }
  }
  plan.digest = reader.hash("expect.digest");
  const std::string verdict = reader.text("expect.verdict", "held, violated, outside_model or undecided");
  bool known = false;
  for (const Verdict v : {Verdict::held, Verdict::violated, Verdict::outside_model, Verdict::undecided}) {
    if (verdict == word_for(v)) {
      plan.verdict = v;
      known = true;
    }
  }
  if (!known && !verdict.empty()) {
    reader.complain("expect.verdict", fmt::format("is `{}`", verdict), "held, violated, outside_model or undecided");
  }
  if (const Json* interrupted = reader.find("expect.interrupted", Json::value_t::boolean, "true or false")) {
    plan.interrupted = interrupted->get<bool>();
  }
  reader.raise_if_any();
  return plan;
}

}  // namespace seqlab::analysis
