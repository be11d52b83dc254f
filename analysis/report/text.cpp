// The report for people.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analysis/report/format.hpp"
#include "analysis/report/result.hpp"
#include "protocols/l1/profile.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::BudgetUse;
using scenarios::Finding;
using scenarios::Histogram;
using scenarios::Verdict;

constexpr std::size_t lines_max = 25;     // after the verdict line
constexpr std::size_t findings_shown = 5;
constexpr std::size_t budgets_shown = 3;

class Lines {
 public:
  void add(std::string_view label, const std::string& text) { rows_.push_back(fmt::format("  {:<15}{}", label, text)); }
  void add_plain(const std::string& text) { rows_.push_back("  " + text); }
  std::size_t size() const { return rows_.size(); }
  std::string join() const {
    std::string out;
    for (const std::string& row : rows_) out += row + '\n';
    return out;
  }

 private:
  std::vector<std::string> rows_;
};

std::string painted(std::string_view word, std::string_view code, bool colour) {
  return colour ? fmt::format("\033[1;{}m{}\033[0m", code, word) : std::string{word};
}

std::string verdict_line(const Report& report, bool colour) {
  const scenarios::RunResult& r = report.result;
  const bool good = exit_code(report) == 0;
  std::string word;
  switch (r.verdict) {
    case Verdict::held: word = good ? "HELD" : "FAIL"; break;
    case Verdict::violated: word = good ? "VIOLATED" : "FAIL"; break;
    case Verdict::outside_model: word = "OUTSIDE MODEL"; break;
    case Verdict::undecided: word = "UNDECIDED"; break;
  }
  const std::string_view code = good ? "32" : exit_code(report) == 1 ? "31" : "33";
  std::string line = fmt::format("{}  {}  seed {}", painted(word, code, colour), r.scenario, r.seed);

  std::vector<std::string> broken;
  for (const Finding& f : r.findings) {
    if (std::find(broken.begin(), broken.end(), f.checker) == broken.end()) broken.push_back(f.checker);
  }
  for (std::size_t i = 0; i < broken.size(); ++i) line += (i == 0 ? "  " : ", ") + broken[i];
  if (report.expected && !(good && r.verdict == Verdict::held)) {
    line +=
        r.as_expected ? std::string{"  (as expected)"} : fmt::format("  (expected: {})", word_for(*report.expected));
  } else if (r.verdict == Verdict::held && !r.as_expected) {
    line += "  (not as expected)";
  }
  return line + '\n';
}

std::string quantiles(const Histogram& h) {
  return fmt::format("p50 {}, p90 {}, p99 {}, max {}", human_duration(Duration{h.quantile(500'000)}),
                     human_duration(Duration{h.quantile(900'000)}), human_duration(Duration{h.quantile(990'000)}),
                     human_duration(Duration{h.max()}));
}

std::string used_of(std::uint64_t used, std::uint64_t granted) {
  return fmt::format("{} of {}", human_count(used), human_count(granted));
}

/// What the script used of what it was granted: nothing unused and ungranted is mentioned.
std::string budget_text(const BudgetUse& b, std::uint32_t sequencer_count) {
  std::vector<std::string> parts;
  if (b.forged != 0) parts.push_back(fmt::format("forged {}", human_count(b.forged)));
  if (b.sent != 0) parts.push_back(fmt::format("sent {}", human_count(b.sent)));
  if (b.withheld != 0) parts.push_back(fmt::format("withheld {}", human_count(b.withheld)));
  if (b.reordered != 0) parts.push_back(fmt::format("reordered {}", plural(b.reordered, "block")));
  if (b.excluded != 0) parts.push_back(fmt::format("left out {}", plural(b.excluded, "transaction")));
  if (b.granted.delay_max != Duration{} || b.delayed != 0) {
    parts.push_back(fmt::format("delayed {} by up to {} of {}", human_count(b.delayed), human_duration(b.delay_max),
                                human_duration(b.granted.delay_max)));
  }
  if (b.granted.drops_max != 0 || b.granted.drop_before_gst || b.dropped != 0) {
    parts.push_back("dropped " + (b.granted.drop_before_gst ? human_count(b.dropped) + " (any before GST)"
                                                            : used_of(b.dropped, b.granted.drops_max)));
  }
  if (b.granted.crashes_max != 0 || b.crashes != 0)
    parts.push_back("crashed " + used_of(b.crashes, b.granted.crashes_max));
  if (b.granted.partitions_max != 0 || b.partitions != 0) {
    parts.push_back(fmt::format("partitioned {} for {} of {}", used_of(b.partitions, b.granted.partitions_max),
                                human_duration(b.partition_time), human_duration(b.granted.partition_max)));
  }
  if (parts.empty()) parts.push_back("did nothing");
  parts.push_back(fmt::format("{} refused", human_count(b.refused)));

  std::string who = b.script;
  if (!b.nodes.empty()) {
    const double share =
        b.stake_total == 0 ? 0 : 100.0 * static_cast<double>(b.stake) / static_cast<double>(b.stake_total);
    const std::string nodes =
        b.nodes.size() <= 6 ? node_list(b.nodes, sequencer_count) : plural(b.nodes.size(), "node");
    who += fmt::format(" on {} ({:.1f} % of stake)", nodes, share);
  }
  return fmt::format("{}: {}", who, fmt::join(parts, ", "));
}

std::string finding_text(const Finding& f) {
  return fmt::format("{}: {}: {}{}", human_time(f.at), f.checker, f.text,
                     f.outside_model ? " (outside the model)" : "");
}

void add_findings(const Report& report, Lines& lines) {
  const auto& findings = report.result.findings;
  const std::size_t shown = std::min(findings.size(), findings_shown);
  for (std::size_t i = 0; i < shown; ++i) {
    std::string text = finding_text(findings[i]);
    if (!findings[i].nodes.empty()) text += fmt::format(" [{}]", node_list(findings[i].nodes, report.sequencer_count));
    lines.add_plain(text);
  }
  if (findings.size() > shown)
    lines.add_plain(fmt::format("... and {} more (--json lists all)", findings.size() - shown));
}

/// How much the scripts printed, and where that can be read.
void add_script_logs(const Report& report, Lines& lines) {
  std::uint64_t count = 0;
  for (const std::string& log : report.script_logs) count += split_lines(log).size();
  if (count == 0) return;
  lines.add("script log", fmt::format("{} printed ({})", plural(count, "line"),
                                      report.run_folder.empty()
                                          ? "--json shows them, --out DIR keeps them"
                                          : shell_word(report.run_folder + "/" + std::string{script_log_name})));
}

/// What was written to layer 1, and what was forced from there: nothing that did not happen is mentioned.
void add_layer1(const Report& report, Lines& lines) {
  const scenarios::Metrics& m = report.result.metrics;
  const protocols::L1Profile* chain = protocols::find_l1_profile(report.l1);
  if (chain == nullptr) return;
  if (m.da_sent != 0) {
    std::string text =
        fmt::format("{} sent, {} readable on {}, {} confirmed", plural(m.da_sent, "submission"),
                    human_count(m.da_posted), chain->name, human_count(m.da_confirmed));
    if (m.da_copies != 0) text += fmt::format(", {} written twice", plural(m.da_copies, "block"));
    lines.add("data", text);
    lines.add(
        "data cost",
        fmt::format("{} {} for {}", human_count(static_cast<std::uint64_t>(std::max<std::int64_t>(m.da_fees, 0))),
                    chain->fee_unit, human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(m.da_bytes, 0)))));
  }
  if (m.da_latency.count() != 0) lines.add("data latency", quantiles(m.da_latency));
  if (m.forced_sent != 0) {
    lines.add("forced", fmt::format("{} sent, {} done{}", plural(m.forced_sent, "item"), human_count(m.forced_done),
                                    m.forced_latency.count() != 0 ? "; " + quantiles(m.forced_latency) : ""));
  }
}

void add_numbers(const Report& report, Lines& lines) {
  const scenarios::RunResult& r = report.result;
  const scenarios::Metrics& m = r.metrics;
  const std::string heights = m.commits_min == m.commits_max
                                  ? human_count(m.commits_max)
                                  : fmt::format("{} to {}", human_count(m.commits_min), human_count(m.commits_max));
  lines.add("commits", fmt::format("{} by each honest node in {} of virtual time, rounds up to {}", heights,
                                   human_time(r.end), m.rounds_max));
  if (m.commit_latency.count() != 0) lines.add("commit latency", quantiles(m.commit_latency));
  if (m.tx_submitted != 0) {
    std::string text =
        fmt::format("{} submitted, {} confirmed", human_count(m.tx_submitted), human_count(m.tx_confirmed));
    if (m.tx_refused != 0) text += fmt::format(", {} refused", human_count(m.tx_refused));
    if (m.tx_retried != 0) text += fmt::format(", {} retried", human_count(m.tx_retried));
    lines.add("transactions", text);
  }
  if (m.tx_latency.count() != 0) lines.add("tx latency", quantiles(m.tx_latency));
  add_layer1(report, lines);
  lines.add("messages", fmt::format("{} sent ({}), {} delivered, {} dropped", human_count(r.messages.sent),
                                    human_bytes(r.messages.bytes), human_count(r.messages.delivered),
                                    human_count(r.messages.dropped)));
  if (m.crashes != 0 || m.partitions != 0 || m.evidence != 0) {
    lines.add("on the way",
              fmt::format("{}, {}, {} reported", m.crashes == 1 ? "1 crash" : human_count(m.crashes) + " crashes",
                          plural(m.partitions, "partition"), plural(m.evidence, "offence")));
  }
  const std::size_t shown = std::min(r.budgets.size(), budgets_shown);
  for (std::size_t i = 0; i < shown; ++i) lines.add("adversary", budget_text(r.budgets[i], report.sequencer_count));
  if (r.budgets.size() > shown) {
    lines.add("", fmt::format("... and {} more adversaries (--json lists all)", r.budgets.size() - shown));
  }
  add_script_logs(report, lines);
  if (!r.accused.empty()) lines.add("accused", node_list(r.accused, report.sequencer_count) + " (by their own votes)");
  lines.add("liveness", std::string{word_for(r.liveness)});
}

void add_identity(const Report& report, Lines& lines) {
  const scenarios::RunResult& r = report.result;
  lines.add("digest", fmt::format("{}  ({} records{})", to_hex(r.digest), human_count(r.records),
                                  report.verified ? ", a second run gave the same" : ""));
  lines.add("seed", std::to_string(r.seed));
  if (!report.run_folder.empty()) lines.add("run folder", report.run_folder);
  lines.add("wall time", fmt::format("{:.3f} s, {} events, peak memory {}", report.wall_seconds, human_count(r.events),
                                     human_bytes(report.peak_rss_bytes)));
}

}  // namespace

int exit_code(const Report& report) {
  const scenarios::RunResult& r = report.result;
  if (r.stopped == sim::StopReason::interrupted) return 2;
  if (report.expected && r.as_expected && r.verdict == *report.expected) return 0;
  switch (r.verdict) {
    case Verdict::held: return r.as_expected && !report.expected ? 0 : 1;
    case Verdict::violated: return 1;
    case Verdict::outside_model: return report.expected ? 1 : 2;
    case Verdict::undecided: return 2;
  }
  return 2;
}

std::string to_text(const Report& report, bool colour) {
  Lines lines;
  if (!report.result.reason.empty()) lines.add_plain(report.result.reason);
  add_findings(report, lines);
  add_numbers(report, lines);
  add_identity(report, lines);
  for (const std::string& command : report.next) {
    if (lines.size() + 2 <= lines_max) lines.add("next", command);
  }
  if (exit_code(report) != 0) lines.add_plain("reproduce: " + report.reproduce);
  return verdict_line(report, colour) + lines.join();
}

std::string to_brief_text(const Report& report, bool colour) {
  std::string out = verdict_line(report, colour);
  if (exit_code(report) != 0) {
    Lines lines;
    add_findings(report, lines);
    lines.add_plain("reproduce: " + report.reproduce);
    out += lines.join();
  }
  return out;
}

}  // namespace seqlab::analysis
