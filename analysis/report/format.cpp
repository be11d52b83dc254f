#include "analysis/report/format.hpp"

#include <fmt/format.h>

#include <array>

namespace seqlab::analysis {

namespace {

/// Three significant digits of `value` (0 <= value), never more digits than that after the point.
std::string three_digits(double value) {
  if (value >= 99.95) return fmt::format("{:.0f}", value);
  if (value >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

}  // namespace

std::string human_duration(Duration d) {
  const std::int64_t n = ns(d);
  if (n == 0) return "0 s";
  if (n < 0) return "-" + human_duration(-d);
  if (n < 1'000) return fmt::format("{} ns", n);
  if (n < 999'500) return three_digits(static_cast<double>(n) / 1e3) + " us";
  if (n < 999'500'000) return three_digits(static_cast<double>(n) / 1e6) + " ms";
  return three_digits(static_cast<double>(n) / 1e9) + " s";
}

std::string human_time(SimTime t) { return fmt::format("{:.3f} s", static_cast<double>(ns(t)) / 1e9); }

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array units{"B", "KB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{} {}", three_digits(value), units[unit]);
}

std::string human_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t from_end = 3; from_end < digits.size(); from_end += 4) digits.insert(digits.size() - from_end, ",");
  return digits;
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", human_count(count), noun, count == 1 ? "" : "s");
}

std::string node_name(NodeId node, std::uint32_t sequencer_count) {
  if (node == no_node) return "nobody";
  if (node == sim::all_nodes) return "all";
  if (node.value < sequencer_count) return fmt::format("n{}", node.value);
  return fmt::format("c{}", node.value - sequencer_count);
}

std::string node_list(const std::vector<NodeId>& nodes, std::uint32_t sequencer_count) {
  std::string out;
  for (const NodeId node : nodes) {
    if (!out.empty()) out += ", ";
    out += node_name(node, sequencer_count);
  }
  return out;
}

std::string_view word_for(scenarios::Verdict verdict) {
  switch (verdict) {
    case scenarios::Verdict::held: return "held";
    case scenarios::Verdict::violated: return "violated";
    case scenarios::Verdict::outside_model: return "outside_model";
    case scenarios::Verdict::undecided: return "undecided";
  }
  return "undecided";
}

std::string_view word_for(scenarios::Liveness liveness) {
  switch (liveness) {
    case scenarios::Liveness::not_checked: return "not_checked";
    case scenarios::Liveness::progress: return "progress";
    case scenarios::Liveness::excused: return "excused";
    case scenarios::Liveness::lasso: return "lasso";
    case scenarios::Liveness::suspected: return "suspected";
  }
  return "not_checked";
}

std::string_view word_for(scenarios::PowerSpec::Sight sight) {
  switch (sight) {
    case scenarios::PowerSpec::Sight::own: return "own";
    case scenarios::PowerSpec::Sight::headers: return "headers";
    case scenarios::PowerSpec::Sight::all: return "all";
  }
  return "own";
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::string shell_word(std::string_view word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string{word};
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string shell_line(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    out += shell_word(word);
  }
  return out;
}

}  // namespace seqlab::analysis
