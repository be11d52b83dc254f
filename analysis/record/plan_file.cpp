#include "analysis/record/plan_file.hpp"

#include <fmt/format.h>

#include "analysis/report/format.hpp"
#include "scenarios/plan/plan_text.hpp"
#include "scenarios/spec/diagnostics.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::Field;
using scenarios::Shape;
using scenarios::Value;
using scenarios::Verdict;

Shape<Hash128> hash() {
  Shape<Hash128> out;
  out.form = "32 hexadecimal digits";
  out.schema.add("type", Value::text_of("string"));
  out.write = [](const Hash128& h) -> std::optional<Value> { return Value::text_of(to_hex(h)); };
  out.read = [](const Value& value, Hash128& h, scenarios::Reader& reader) {
    const std::string& t = value.text;
    if (!value.is_scalar() || t.size() != 32 || t.find_first_not_of("0123456789abcdef") != std::string::npos) {
      reader.problem(value, scenarios::describe(value) + " is not a hash", "32 hexadecimal digits");
      return;
    }
    h = {std::stoull(t.substr(0, 16), nullptr, 16), std::stoull(t.substr(16), nullptr, 16)};
  };
  return out;
}

struct Document {
  std::string schema{plan_schema_name};
  PlanFile file;
};

Shape<Document> document_shape() {
  using D = Document;
  using F = PlanFile;
  const Shape<F> scenario = scenarios::object<F>({
      scenarios::field<F>("name", &F::scenario_name, scenarios::text(), "Its name."),
      scenarios::field<F>("file", &F::scenario_file, scenarios::text("a path relative to the plan"),
                          "Where it is, relative to the plan.")
          .must(),
      scenarios::field<F>("hash", &F::scenario_hash, hash(), "Of its meaning when the plan was written.").must(),
  });
  std::vector<std::pair<std::string, Verdict>> verdicts;
  for (const Verdict v : {Verdict::held, Verdict::violated, Verdict::outside_model, Verdict::undecided}) {
    verdicts.emplace_back(word_for(v), v);
  }
  const Shape<F> expect = scenarios::object<F>({
      scenarios::field<F>("digest", &F::digest, hash(), "Of the run.").must(),
      scenarios::field<F>("verdict", &F::verdict, scenarios::choice(std::move(verdicts)), "Of the run.").must(),
      scenarios::field<F>("interrupted", &F::interrupted, scenarios::boolean(), "It did not end by itself."),
  });
  const auto file = [](auto& d) -> auto& { return d.file; };
  std::vector<Field<D>> fields{
      scenarios::field<D>("schema", &D::schema, scenarios::text(), "What this document is.").must(),
      scenarios::field<D>(
          "version", [](auto& d) -> auto& { return d.file.version; }, scenarios::text(), "Of the program."),
      scenarios::field<D>(
          "build", [](auto& d) -> auto& { return d.file.build; }, scenarios::text(), "What the program was made of."),
      scenarios::field<D>("scenario", file, scenario, "What the plan is for.").must(),
  };
  for (const Field<scenarios::Plan>& part : scenarios::plan_fields()) {
    Field<D> whole;
    whole.key = part.key;
    whole.form = part.form;
    whole.doc = part.doc;
    whole.schema = part.schema;
    whole.required = part.required;
    whole.read = [read = part.read](const Value& value, D& d, scenarios::Reader& reader) {
      read(value, d.file.plan, reader);
    };
    whole.write = [write = part.write](const D& d) { return write(d.file.plan); };
    fields.push_back(std::move(whole));
  }
  fields.push_back(scenarios::field<D>("expect", file, expect, "What came out the first time.").must());
  return scenarios::object<D>(std::move(fields));
}

}  // namespace

std::string to_json(const PlanFile& plan) {
  return scenarios::write_json(document_shape().write({std::string{plan_schema_name}, plan}).value_or(Value::map()),
                               118);
}

PlanFile parse_plan(const std::string& text, const std::string& file) {
  std::vector<scenarios::Problem> problems;
  Document document;
  const std::unique_ptr<Value> value = scenarios::read_yaml(text, file, problems);
  if (value != nullptr) {
    const Value* schema = value->find("schema");
    if (schema != nullptr && schema->text != plan_schema_name) {
      scenarios::Reader{problems}.problem_at("schema", schema->at, fmt::format("is `{}`", schema->text.substr(0, 80)),
                                             fmt::format("this program reads {}", plan_schema_name));
    } else {
      scenarios::Reader reader{problems};
      document_shape().read(*value, document, reader);
    }
  }
  for (scenarios::Problem& problem : problems) {
    if (!problem.hint.empty() || problem.line > 1) continue;
    problem.hint = "a plan is the plan.json of a run folder, written by `seqlab run --out`";
  }
  if (!problems.empty()) throw scenarios::InputError(std::move(problems));
  return document.file;
}

}  // namespace seqlab::analysis
