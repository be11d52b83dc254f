#include "analysis/compare/matrix_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "analysis/report/format.hpp"
#include "analysis/report/result.hpp"

namespace seqlab::analysis {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t columns_max = 4;
constexpr std::size_t label_width = 25;
constexpr std::size_t column_width = 24;
constexpr std::size_t findings_shown = 5;

const MetricInfo& info_of(Metric metric) { return metric_list()[static_cast<std::size_t>(metric)]; }

std::string number(double value) {
  const double size = std::abs(value);
  const char* sign = value < 0 ? "-" : "";
  if (size >= 999.5) return sign + human_count(static_cast<std::uint64_t>(std::llround(size)));
  if (size == 0) return "0";
  if (size >= 99.95) return fmt::format("{}{:.0f}", sign, size);
  if (size >= 9.995) return fmt::format("{}{:.1f}", sign, size);
  if (size >= 0.0995) return fmt::format("{}{:.2f}", sign, size);
  return fmt::format("{}{:.2g}", sign, size);
}

std::string time_or_size(double value, const std::string& unit) {
  if (unit == "ms") return human_duration(Duration{std::llround(value * 1e6)});
  return (value < 0 ? "-" : "") + human_bytes(static_cast<std::uint64_t>(std::llround(std::abs(value))));
}

/// Mean and half the width of the interval, as people write them.
std::string with_interval(const Estimate& e, const std::string& unit) {
  const double half = e.low ? (*e.high - *e.low) / 2 : 0;
  if (unit == "ms" || unit == "B/tx") {
    return time_or_size(e.mean, unit) + (half > 0 ? " +-" + time_or_size(half, unit) : "");
  }
  std::string out = number(e.mean) + (half > 0 ? " +-" + number(half) : "");
  if (unit == "tx/s") out += " tx/s";
  if (unit != "tx/s" && unit != "1/tx" && unit != "findings") out += ' ' + unit.substr(0, unit.find('/'));
  return out;
}

const Row* find_row(const Matrix& matrix, std::size_t environment, std::size_t design, Metric metric) {
  const auto at = std::ranges::find_if(matrix.rows, [&](const Row& r) {
    return r.environment == environment && r.design == design && r.metric == metric;
  });
  return at == matrix.rows.end() ? nullptr : &*at;
}

std::string without_trailing_spaces(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

class Table {
 public:
  explicit Table(const MatrixReport& report) : o_(report.options), m_(report.matrix), report_(report) {}

  std::string text() {
    for (std::size_t e = 0; e < o_.environments.size(); ++e) {
      if (e > 0) out_ += '\n';
      environment(e);
    }
    footnotes();
    findings();
    out_ += fmt::format("  wall time      {:.1f} s\n", report_.wall_seconds);
    return out_;
  }

 private:
  void environment(std::size_t e) {
    out_ += fmt::format("{}  {} from {}, {} each, 95 % intervals\n", o_.environments[e], plural(o_.seeds, "seed"),
                        o_.seed, report_.after);
    std::vector<Metric> shown;
    std::string missing;
    for (const MetricInfo& metric : metric_list()) {
      bool any = false;
      for (std::size_t d = 0; d < o_.designs.size(); ++d) {
        const Row* row = find_row(m_, e, d, metric.metric);
        any = any || (row != nullptr && (metric.metric != Metric::outside_model || row->value.mean != 0));
      }
      if (any) {
        shown.push_back(metric.metric);
      } else if (metric.metric != Metric::outside_model) {
        missing += (missing.empty() ? "" : ", ") + std::string{metric.label};
      }
    }
    for (std::size_t first = 0; first < o_.designs.size(); first += columns_max) block(e, first, shown);
    if (!missing.empty()) out_ += fmt::format("  none here has  {}\n", missing);
  }

  void block(std::size_t e, std::size_t first, const std::vector<Metric>& shown) {
    const std::size_t last = std::min(first + columns_max, o_.designs.size());
    std::string line(label_width, ' ');
    for (std::size_t d = first; d < last; ++d) line += fmt::format("{:<{}}", o_.designs[d], column_width);
    out_ += without_trailing_spaces(line);
    for (const Metric metric : shown) {
      std::string values = fmt::format("  {:<{}}", info_of(metric).label, label_width - 2);
      std::string differences(label_width, ' ');
      for (std::size_t d = first; d < last; ++d) {
        const Row* row = find_row(m_, e, d, metric);
        std::string value = "-";
        std::string difference;
        if (row != nullptr) {
          value = (row->at_least ? "> " : "") + with_interval(row->value, row->unit);
          if (row->difference && (row->difference->mean != 0 || row->difference->low != row->difference->high)) {
            difference = (row->at_least ? "> " : "") + std::string{row->difference->mean >= 0 ? "+" : ""} +
                         with_interval(*row->difference, row->unit);
          }
        }
        values += fmt::format("{:<{}}", value, column_width);
        differences += fmt::format("{:<{}}", difference, column_width);
      }
      out_ += without_trailing_spaces(values);
      if (differences.find_first_not_of(' ') != std::string::npos) out_ += without_trailing_spaces(differences);
    }
  }

  void footnotes() {
    if (o_.designs.size() > 1) {
      out_ += fmt::format("  second lines   difference to {}, seed by seed\n", o_.designs.front());
    }
    out_ += "  -              the design has no such thing\n";
    if (std::ranges::any_of(m_.rows, [](const Row& r) { return r.at_least; }))
      out_ += "  >              the run ended first: this long or longer\n";
    out_ +=
        "  outage         a third into the run, the node that would propose next goes off for good\n"
        "  censorship     a third of the nodes less one (at least one), the busiest proposers, leave account 0 out\n";
  }

  void findings() {
    std::size_t shown = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < m_.cells.size(); ++i) {
      const Cell& cell = m_.cells[i];
      const std::string where = fmt::format("{}, seed {}", o_.scenarios[i / o_.seeds].name, o_.seed + i % o_.seeds);
      if (!cell.error.empty()) out_ += fmt::format("  BUG            {}: {}\n", where, cell.error);
      for (const CellFinding& f : cell.findings) {
        if (f.outside_model) continue;
        ++count;
        if (shown == findings_shown) continue;
        ++shown;
        out_ += fmt::format("  VIOLATED       {}, {}: {}: {}\n", where, f.run, f.checker, f.text);
      }
    }
    if (count > shown) out_ += fmt::format("                 and {} more (--json has all)\n", count - shown);
    if (m_.interrupted) out_ += "  INTERRUPTED    not every run was done\n";
  }

  const MatrixOptions& o_;
  const Matrix& m_;
  const MatrixReport& report_;
  std::string out_;
};

Json estimate_json(const std::optional<Estimate>& e) {
  if (!e) return nullptr;
  Json out;
  out["mean"] = e->mean;
  out["low"] = e->low ? Json(*e->low) : Json(nullptr);
  out["high"] = e->high ? Json(*e->high) : Json(nullptr);
  return out;
}

std::string csv_word(const std::string& word) {
  if (word.find_first_of(",\"\n\r") == std::string::npos) return word;
  std::string out = "\"";
  for (const char c : word) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

}  // namespace

std::string to_text(const MatrixReport& report) { return Table(report).text(); }

std::string to_json(const MatrixReport& report) {
  const MatrixOptions& o = report.options;
  Json out;
  out["schema"] = matrix_schema_name;
  out["version"] = version();
  out["designs"] = o.designs;
  out["environments"] = o.environments;
  out["seed"] = o.seed;
  out["seeds"] = o.seeds;
  out["after"] = report.after;
  out["confidence"] = confidence_level;
  out["rows"] = Json::array();
  for (const Row& row : report.matrix.rows) {
    Json one;
    one["design"] = o.designs[row.design];
    one["environment"] = o.environments[row.environment];
    one["metric"] = info_of(row.metric).name;
    one["unit"] = row.unit;
    one.update(estimate_json(row.value));
    one["seeds"] = row.seeds;
    one["at_least"] = row.at_least;
    one["paired_difference"] = estimate_json(row.difference);
    out["rows"].push_back(std::move(one));
  }
  out["findings"] = Json::array();
  out["errors"] = Json::array();
  for (std::size_t i = 0; i < report.matrix.cells.size(); ++i) {
    const Cell& cell = report.matrix.cells[i];
    const std::size_t pair = i / o.seeds;
    Json where;
    where["design"] = o.designs[pair % o.designs.size()];
    where["environment"] = o.environments[pair / o.designs.size()];
    where["seed"] = o.seed + i % o.seeds;
    for (const CellFinding& f : cell.findings) {
      Json one = where;
      one["run"] = f.run;
      one["checker"] = f.checker;
      one["text"] = f.text;
      one["outside_model"] = f.outside_model;
      out["findings"].push_back(std::move(one));
    }
    if (!cell.error.empty()) {
      where["text"] = cell.error;
      out["errors"].push_back(std::move(where));
    }
  }
  out["interrupted"] = report.matrix.interrupted;
  out["exit_code"] = exit_code(report.matrix);
  out["reproduce"] = report.reproduce;
  out["wall_seconds"] = report.wall_seconds;
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string to_csv(const MatrixReport& report) {
  const MatrixOptions& o = report.options;
  std::string out =
      "design,environment,metric,unit,mean,low,high,seeds,at_least,difference_mean,difference_low,difference_high\n";
  const auto three = [](const std::optional<Estimate>& e) {
    if (!e) return std::string{",,"};
    return fmt::format("{},{},{}", e->mean, e->low ? fmt::format("{}", *e->low) : "",
                       e->high ? fmt::format("{}", *e->high) : "");
  };
  for (const Row& row : report.matrix.rows) {
    out += fmt::format("{},{},{},{},{},{},{},{}\n", csv_word(o.designs[row.design]),
                       csv_word(o.environments[row.environment]), info_of(row.metric).name, row.unit, three(row.value),
                       row.seeds, row.at_least ? 1 : 0, three(row.difference));
  }
  return out;
}

namespace {

Json typed(const char* type, const char* text) { return Json{{"type", type}, {"description", text}}; }

/// An object with exactly these properties, all required.
Json closed(Json properties) {
  Json required = Json::array();
  for (const auto& [key, value] : properties.items()) required.push_back(key);
  return Json{{"type", "object"},
              {"properties", std::move(properties)},
              {"required", std::move(required)},
              {"additionalProperties", false}};
}

Json list(Json items) { return Json{{"type", "array"}, {"items", std::move(items)}}; }

Json bound(const char* text) { return Json{{"type", {"number", "null"}}, {"description", text}}; }

}  // namespace

std::string matrix_schema() {
  Json names = Json::array();
  for (const MetricInfo& metric : metric_list()) names.push_back(metric.name);
  Json difference = closed(Json{{"mean", typed("number", "in the row's unit")},
                                {"low", bound("null with one seed")},
                                {"high", bound("likewise")}});
  difference["type"] = Json{"object", "null"};
  difference["description"] =
      "to the first design, seed by seed; null for that design, and where it has no such metric or only a lower bound";
  Json row;
  row["design"] = typed("string", "as given");
  row["environment"] = typed("string", "as given");
  row["metric"] = Json{{"enum", std::move(names)}};
  row["unit"] = typed("string", "ms, tx/s, 1/tx, B/tx, findings, or the money of a layer-1 chain a transaction");
  row["mean"] = typed("number", "over seeds");
  row["low"] = bound("lower end of the confidence interval; null with one seed");
  row["high"] = bound("its upper end");
  row["seeds"] = typed("integer", "runs that have the metric");
  row["at_least"] = typed("boolean", "some run ended before it was known: the truth is `mean` or more");
  row["paired_difference"] = std::move(difference);
  Json finding{{"design", typed("string", "as given")},
               {"environment", typed("string", "as given")},
               {"seed", typed("integer", "of the run")},
               {"run", Json{{"enum", {"as it is", "crash", "censor"}}}},
               {"checker", typed("string", "who found it")},
               {"text", typed("string", "one sentence with the witnesses")},
               {"outside_model", typed("boolean", "the design's promise did not cover it")}};
  Json error{{"design", typed("string", "as given")},
             {"environment", typed("string", "as given")},
             {"seed", typed("integer", "of the run")},
             {"text", typed("string", "what our own code said")}};
  Json p;
  p["schema"] = Json{{"const", matrix_schema_name}};
  p["version"] = typed("string", "of the program");
  p["designs"] = list(typed("string", "the first is what the others are compared with"));
  p["environments"] = list(typed("string", "as given"));
  p["seed"] = typed("integer", "the first");
  p["seeds"] = typed("integer", "how many, one after the other");
  p["after"] = typed("string", "length of each run before it heals");
  p["confidence"] = typed("number", "of every interval by itself");
  p["rows"] = list(closed(std::move(row)));
  p["findings"] = list(closed(std::move(finding)));
  p["errors"] = list(closed(std::move(error)));
  p["interrupted"] = typed("boolean", "not every run was done");
  p["exit_code"] = Json{{"enum", {0, 1, 2, 4}}};
  p["reproduce"] = typed("string", "shell line that repeats it");
  p["wall_seconds"] = typed("number", "real time");
  Json out{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "result of seqlab compare"}};
  out.update(closed(std::move(p)));
  return out.dump(2) + '\n';
}

int exit_code(const Matrix& matrix) {
  const auto any = [&](auto test) { return std::ranges::any_of(matrix.cells, test); };
  if (any([](const Cell& c) { return !c.error.empty(); })) return 4;
  if (any([](const Cell& c) {
        return std::ranges::any_of(c.findings, [](const CellFinding& f) { return !f.outside_model; });
      }))
    return 1;
  return matrix.interrupted ? 2 : 0;
}

}  // namespace seqlab::analysis
