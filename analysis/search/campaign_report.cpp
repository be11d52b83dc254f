#include "analysis/search/campaign_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/report/format.hpp"
#include "analysis/report/result.hpp"
#include "analysis/search/finding_kind.hpp"
#include "analysis/search/goals.hpp"

namespace seqlab::analysis {

namespace {

using Json = nlohmann::ordered_json;

bool is_ours(const CampaignFailure& f) { return f.checker == "crash" || f.checker == "determinism"; }

double cases_per_second(const CampaignReport& r) {
  return r.session_seconds > 0 ? static_cast<double>(r.session_cases) / r.session_seconds : 0;
}

std::string where(const CampaignFailure& f) { return fmt::format("{}, {} case {}", f.target, f.strategy, f.index); }

/// Streams of one strategy, summed over targets.
std::vector<StreamReport> by_strategy(const std::vector<StreamReport>& streams) {
  std::vector<StreamReport> out;
  for (const StreamReport& s : streams) {
    auto at = std::ranges::find(out, s.strategy, &StreamReport::strategy);
    if (at == out.end()) {
      out.push_back(s);
      continue;
    }
    at->cases += s.cases;
    at->failures += s.failures;
    at->new_states += s.new_states;
    at->cpu_seconds += s.cpu_seconds;
    at->exhausted = at->exhausted && s.exhausted;
  }
  return out;
}

bool aimed(const CampaignReport& r, std::size_t goal) { return (r.goals_aimed >> goal & 1U) != 0; }

/// "tendermint-committee: 4 committees, 1 of them whole, 200,000 states, up to 12 steps deep".
std::string explored_text(const std::vector<Exploration>& all, const std::string& target) {
  std::uint64_t committees = 0;
  std::uint64_t whole = 0;
  std::uint64_t states = 0;
  std::uint32_t depth = 0;
  for (const Exploration& e : all) {
    if (e.target != target) continue;
    ++committees;
    whole += e.complete ? 1U : 0U;
    states += e.states;
    depth = std::max(depth, e.depth);
  }
  return fmt::format("{}: {}, {} of them whole, {} states, up to {} deep", target, plural(committees, "committee"),
                     whole == 0 ? "none" : std::to_string(whole), human_count(states), plural(depth, "step"));
}

/// Everything that was run, by target and strategy: streams, what was replayed, what was explored (states as cases).
std::vector<StreamReport> rows_of(const CampaignStory& story) {
  std::vector<StreamReport> rows = story.report->streams;
  rows.insert(rows.end(), story.replayed.begin(), story.replayed.end());
  const auto row = [&](const std::string& target, std::string_view strategy) -> StreamReport& {
    const auto at = std::ranges::find_if(
        rows, [&](const StreamReport& s) { return s.target == target && s.strategy == strategy; });
    if (at != rows.end()) return *at;
    StreamReport fresh;
    fresh.target = target;
    fresh.strategy = strategy;
    rows.push_back(std::move(fresh));
    return rows.back();
  };
  for (const Exploration& e : story.explorations) {
    StreamReport& s = row(e.target, explore_name);
    s.cases += e.states;
    s.new_states += e.abstract_states;
    s.cpu_seconds += e.cpu_seconds;
    s.failures += e.checker.empty() ? 0U : 1U;
  }
  // A failure has a place whoever found it.
  for (const ToldFailure& t : story.failures) {
    StreamReport& s = row(t.failure->target, t.failure->strategy);
    s.failures = std::max<std::uint64_t>(s.failures, 1);
  }
  return rows;
}

std::string amount_of(const StreamReport& s) {
  return s.strategy == explore_name ? plural(s.cases, "state") : human_count(s.cases);
}

/// A failure or a violation that the explorer found, as the reports for machines tell it.
struct Item {
  std::string checker, text, target, strategy;
  std::string where;      ///< "committee, random case 3"
  std::string plan;       ///< file; "" = there is none
  std::string details;    ///< how it was made small, or the steps that lead to it, a line each
  std::string reproduce;  ///< shell line
};

std::vector<Item> items_of(const CampaignStory& story) {
  std::vector<Item> out;
  for (const ToldFailure& t : story.failures) {
    const CampaignFailure& f = *t.failure;
    out.push_back({f.checker, f.text, f.target, f.strategy, where(f), t.plan, t.shrunk, t.reproduce});
  }
  for (const Exploration& e : story.explorations) {
    if (e.checker.empty()) continue;
    std::string steps;
    for (const std::string& step : e.steps) steps += (steps.empty() ? "" : "\n") + step;
    out.push_back({e.checker, e.text, e.target, explore_name,
                   fmt::format("{}, {}, {}", e.target, e.committee, plural(e.steps.size(), "step")), "", steps,
                   story.again});
  }
  return out;
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default:
        // XML 1.0 has no other control characters.
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
    }
  }
  return out;
}

/// Of a workflow command: '%', CR and LF are escaped in its text, ':' and ',' in its properties too.
std::string workflow(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','))) {
      out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

int exit_code(const CampaignStory& story) {
  const CampaignReport& r = *story.report;
  const bool explored =
      std::ranges::any_of(story.explorations, [](const Exploration& e) { return !e.checker.empty(); });
  if (std::ranges::any_of(r.failures, is_ours)) return 4;
  if (r.failed_cases > 0 || explored) return 1;
  return r.interrupted ? 2 : 0;
}

std::string_view verdict_of(const CampaignStory& story) {
  switch (exit_code(story)) {
    case 0: return "held";
    case 1: return "violated";
    case 2: return "undecided";
    default: return "crashed";
  }
}

std::string to_text(const CampaignStory& story, bool colour) {
  const CampaignReport& r = *story.report;
  const int code = exit_code(story);
  const std::string_view word = code == 0 ? "HELD" : code == 1 ? "VIOLATED" : code == 2 ? "UNDECIDED" : "CRASHED";
  const std::string_view paint = code == 0 ? "32" : code == 2 ? "33" : "31";
  std::string out = colour ? fmt::format("\033[1;{}m{}\033[0m", paint, word) : std::string{word};
  std::string targets;
  const auto name = [&](const std::string& target) {
    if (targets.find(target) == std::string::npos) targets += (targets.empty() ? "" : ", ") + target;
  };
  for (const StreamReport& s : r.streams) name(s.target);
  for (const Exploration& e : story.explorations) name(e.target);
  if (targets.empty()) {
    for (const StreamReport& s : story.replayed) name(s.target);
  }
  out += fmt::format("  {}  seed {}  {} cases in {:.1f} s, {:.0f} a second{}\n", targets, r.seed, human_count(r.cases),
                     r.wall_seconds, cases_per_second(r), r.interrupted ? "  (interrupted)" : "");
  for (const std::string& line : story.corpus) out += fmt::format("  {:<15}{}\n", "corpus", line);
  for (const ToldFailure& t : story.failures) {
    const CampaignFailure& f = *t.failure;
    out += fmt::format("  {:<15}{}\n", f.checker, f.text);
    out += fmt::format("  {:<15}{}{}\n", "", where(f), f.count > 1 ? fmt::format("; {} such cases", f.count) : "");
    if (!t.shrunk.empty()) out += fmt::format("  {:<15}{}\n", "", t.shrunk);
    if (!t.reproduce.empty()) out += fmt::format("  {:<15}{}\n", "reproduce", t.reproduce);
  }
  for (const StreamReport& s : by_strategy(r.streams)) {
    out += fmt::format("  {:<15}{} cases, {:.1f} CPU s, {} new states{}{}\n", s.strategy, human_count(s.cases),
                       s.cpu_seconds, human_count(s.new_states),
                       s.failures > 0 ? fmt::format(", {} failed", human_count(s.failures)) : "",
                       s.exhausted ? ", all there are" : "");
  }
  std::string explored;
  for (const Exploration& e : story.explorations) {
    if (e.target != explored) {
      explored = e.target;
      out += fmt::format("  {:<15}{}\n", explore_name, explored_text(story.explorations, e.target));
    }
    if (e.checker.empty()) continue;
    out += fmt::format("  {:<15}{}; {}, in {}:\n", e.checker, e.text, e.committee, plural(e.steps.size(), "step"));
    for (const std::string& step : e.steps) out += fmt::format("  {:<15}{}\n", "", step);
  }
  if (r.cases > 0) {
    out += fmt::format("  {:<15}{} distinct abstract states; the next case shows a new one with chance {:.2g}\n",
                       "states", human_count(r.distinct_states), r.chance_of_new_state);
    out += fmt::format("  {:<15}{} of the cases run twice, digests equal{}\n", "re-run", human_count(r.rechecked),
                       std::ranges::any_of(r.failures, [](const auto& f) { return f.checker == "determinism"; })
                           ? " but for those above"
                           : "");
    if (r.cut_off > 0) {
      out += fmt::format("  {:<15}{}: more events than a sound one needs, and nothing decided{}\n", "cut off",
                         plural(r.cut_off, "case"),
                         r.cut_off_first.empty() ? "" : fmt::format("; the first is {}", r.cut_off_first));
    }
    out += fmt::format("  {:<15}rates of failing cases above {:.2g} are excluded at 95 %\n", "confidence",
                       r.excluded_rate);
    std::string never;
    for (std::size_t i = 0; i < r.goals.size(); ++i) {
      if (aimed(r, i) && r.goals[i] == 0) never += (never.empty() ? "" : "; ") + std::string{goal_names()[i]};
    }
    if (!never.empty()) out += fmt::format("  {:<15}{}\n", "never reached", never);
  }
  for (const std::string& line : story.notes) out += fmt::format("  {:<15}{}\n", "note", line);
  if (!story.resume.empty()) out += fmt::format("  {:<15}{}\n", "go on", story.resume);
  out += fmt::format("  {:<15}{}\n", "again", story.again);
  return out;
}

std::string to_json(const CampaignStory& story) {
  const CampaignReport& r = *story.report;
  Json out;
  out["schema"] = campaign_schema_name;
  out["version"] = version();
  out["verdict"] = verdict_of(story);
  out["seed"] = r.seed;
  out["interrupted"] = r.interrupted;
  out["resumed"] = r.resumed;
  out["cases"] = r.cases;
  out["cases_per_second"] = cases_per_second(r);
  out["failed_cases"] = r.failed_cases;
  out["wall_seconds"] = r.wall_seconds;
  out["cpu_seconds"] = r.cpu_seconds;
  out["events"] = r.events;
  out["rechecked"] = r.rechecked;
  out["cut_off"] = r.cut_off;
  Json strategies = Json::object();
  for (const StreamReport& s : by_strategy(r.streams)) {
    strategies[s.strategy] = Json{{"cases", s.cases},
                                  {"cpu_seconds", s.cpu_seconds},
                                  {"failures", s.failures},
                                  {"new_states", s.new_states},
                                  {"exhausted", s.exhausted}};
  }
  for (const StreamReport& s : by_strategy(story.replayed)) {
    strategies[s.strategy] = Json{{"cases", s.cases}, {"cpu_seconds", s.cpu_seconds}, {"failures", s.failures}};
  }
  if (!story.explorations.empty()) {
    std::uint64_t states = 0;
    double cpu = 0;
    Json committees = Json::array();
    for (const Exploration& e : story.explorations) {
      states += e.states;
      cpu += e.cpu_seconds;
      committees.push_back(Json{{"target", e.target},
                                {"committee", e.committee},
                                {"states", e.states},
                                {"transitions", e.transitions},
                                {"abstract_states", e.abstract_states},
                                {"depth", e.depth},
                                {"complete", e.complete},
                                {"stopped", e.stopped}});
    }
    strategies[explore_name] = Json{{"cases", states}, {"cpu_seconds", cpu}, {"committees", std::move(committees)}};
  }
  out["strategies"] = std::move(strategies);
  out["distinct_states"] = r.distinct_states;
  out["chance_of_new_state"] = r.chance_of_new_state;
  out["excluded_rate_95"] = r.excluded_rate;
  Json sometimes = Json::object();
  for (std::size_t i = 0; i < r.goals.size(); ++i) {
    if (aimed(r, i)) sometimes[std::string{goal_names()[i]}] = r.goals[i];
  }
  out["sometimes"] = std::move(sometimes);
  Json findings = Json::array();
  for (const ToldFailure& t : story.failures) {
    const CampaignFailure& f = *t.failure;
    findings.push_back(
        Json{{"checker", f.checker},
             {"text", f.text},
             {"target", f.target},
             {"strategy", f.strategy},
             {"index", f.index},
             {"cases", f.count},
             {"plan", t.plan},
             {"interventions", Json{{"found", t.interventions_found}, {"shrunk", t.interventions_shrunk}}},
             {"reproduce", t.reproduce}});
  }
  for (const Exploration& e : story.explorations) {
    if (e.checker.empty()) continue;
    findings.push_back(Json{{"checker", e.checker},
                            {"text", e.text},
                            {"target", e.target},
                            {"strategy", explore_name},
                            {"committee", e.committee},
                            {"steps", e.steps},
                            {"plan", ""},
                            {"interventions", Json{{"found", e.steps.size()}, {"shrunk", e.steps.size()}}},
                            {"reproduce", story.again}});
  }
  out["findings"] = std::move(findings);
  out["notes"] = story.notes;
  out["campaign"] = story.file;
  out["resume"] = story.resume;
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string to_junit(const CampaignStory& story) {
  const std::vector<StreamReport> rows = rows_of(story);
  const std::vector<Item> items = items_of(story);
  const auto failed = [](const StreamReport& s) { return s.failures > 0; };
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format("<testsuites name=\"seqlab fuzz\" tests=\"{}\" failures=\"{}\" time=\"{:.3f}\">\n", rows.size(),
                     std::ranges::count_if(rows, failed), story.report->wall_seconds);
  std::vector<std::string> targets;
  for (const StreamReport& s : rows) {
    if (std::ranges::find(targets, s.target) == targets.end()) targets.push_back(s.target);
  }
  for (const std::string& target : targets) {
    std::size_t tests = 0;
    std::size_t failures = 0;
    double seconds = 0;
    for (const StreamReport& s : rows) {
      if (s.target != target) continue;
      ++tests;
      failures += failed(s) ? 1U : 0U;
      seconds += s.cpu_seconds;
    }
    out += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" time=\"{:.3f}\">\n", xml(target), tests,
                       failures, seconds);
    for (const StreamReport& s : rows) {
      if (s.target != target) continue;
      out += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\">\n", xml(target), xml(s.strategy),
                         s.cpu_seconds);
      for (const Item& item : items) {
        if (item.target != target || item.strategy != s.strategy) continue;
        out += fmt::format("      <failure type=\"{}\" message=\"{}\">{}\n{}\n{}</failure>\n", xml(item.checker),
                           xml(item.text), xml(item.where), xml(item.details), xml(item.reproduce));
      }
      out += fmt::format("      <system-out>{}{}, seed {}</system-out>\n    </testcase>\n", amount_of(s),
                         s.strategy == explore_name ? "" : " cases", story.report->seed);
    }
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

std::string to_sarif(const CampaignStory& story) {
  Json rules = Json::array();
  Json results = Json::array();
  std::vector<std::string> known;
  for (const Item& item : items_of(story)) {
    if (std::ranges::find(known, item.checker) == known.end()) {
      known.push_back(item.checker);
      std::string text = item.checker;
      if (const scenarios::CheckerEntry* entry = scenarios::find_checker(item.checker)) text = entry->text;
      rules.push_back(Json{{"id", item.checker}, {"shortDescription", Json{{"text", text}}}});
    }
    Json result{{"ruleId", item.checker},
                {"level", "error"},
                {"message", Json{{"text", fmt::format("{} ({}). {}", item.text, item.where, item.reproduce)}}},
                {"partialFingerprints", Json{{"seqlab/v1", fmt::format("{}/{}/{}", item.target, item.checker,
                                                                        shape_of(item.text))}}}};
    const std::string file = item.plan.empty() ? "." : item.plan;
    result["locations"] = Json::array({Json{
        {"physicalLocation", Json{{"artifactLocation", Json{{"uri", file}}}, {"region", Json{{"startLine", 1}}}}}}});
    results.push_back(std::move(result));
  }
  Json run{{"tool", Json{{"driver", Json{{"name", "seqlab"}, {"version", version()}, {"rules", std::move(rules)}}}}},
           {"results", std::move(results)}};
  Json out{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}};
  out["runs"] = Json::array({std::move(run)});
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string to_github_annotations(const CampaignStory& story) {
  std::string out;
  for (const Item& item : items_of(story)) {
    std::string properties = "title=" + workflow(fmt::format("{} ({})", item.checker, item.target), true);
    if (!item.plan.empty()) properties = "file=" + workflow(item.plan, true) + ",line=1," + properties;
    std::string text = item.text + "\n";
    if (item.strategy == explore_name) text += item.where + "\n" + item.details + "\n";
    out += fmt::format("::error {}::{}\n", properties, workflow(text + item.reproduce, false));
  }
  return out;
}

std::string to_markdown(const CampaignStory& story) {
  const CampaignReport& r = *story.report;
  std::string out = fmt::format(
      "### seqlab fuzz: {}\n\n{} cases in {:.1f} s, seed {}, {} distinct abstract states. Rates "
      "of failing cases above {:.2g} are excluded at 95 %.\n\n",
      verdict_of(story), human_count(r.cases), r.wall_seconds, r.seed, human_count(r.distinct_states), r.excluded_rate);
  out += "| target | strategy | cases | CPU s | new states | failed |\n| --- | --- | ---: | ---: | ---: | ---: |\n";
  for (const StreamReport& s : rows_of(story)) {
    out += fmt::format("| {} | {} | {} | {:.1f} | {} | {} |\n", s.target, s.strategy, amount_of(s), s.cpu_seconds,
                       human_count(s.new_states), s.failures);
  }
  for (const std::string& line : story.notes) out += fmt::format("\n{}\n", line);
  for (const Item& item : items_of(story)) {
    out += fmt::format("\n**{}**: {} ({})\n", item.checker, item.text, item.where);
    if (!item.details.empty()) {
      const std::string_view fence = item.strategy == explore_name ? "```\n" : "";
      out += fmt::format("\n{}{}\n{}", fence, item.details, fence);
    }
    if (!item.reproduce.empty()) out += fmt::format("\n```sh\n{}\n```\n", item.reproduce);
  }
  return out;
}

std::string progress_line(const CampaignReport& r, const CampaignOptions& o) {
  std::string out = fmt::format("{} cases", human_count(r.cases));
  if (o.cases != 0) out += " of " + human_count(o.cases);
  out += fmt::format(", {:.0f} a second, {:.0f} s", cases_per_second(r), r.session_seconds);
  if (o.seconds > 0) out += fmt::format(" of {:.0f} s", o.seconds);
  out += fmt::format(", {} states", human_count(r.distinct_states));
  if (r.failed_cases > 0) out += fmt::format(", {} failed", human_count(r.failed_cases));
  return out;
}

}  // namespace seqlab::analysis
