#include "scenarios/spec/trace.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "scenarios/spec/units.hpp"

namespace seqlab::scenarios {

std::vector<TraceError> parse_trace(std::string_view text, std::vector<WorkloadSpec::Arrival>& trace) {
  constexpr std::string_view form = "at account size fee, such as `1.5s 7 250B 10`";
  constexpr std::size_t errors_max = 10;
  std::vector<TraceError> errors;
  trace.clear();
  int line = 0;
  for (std::size_t begin = 0; begin < text.size() && errors.size() < errors_max;) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view rest = text.substr(begin, end - begin);
    const std::string_view whole = rest;
    begin = end + 1;
    ++line;
    rest = rest.substr(0, rest.find('#'));

    std::array<std::string_view, 4> words;
    std::size_t count = 0;
    while (true) {
      const std::size_t first = rest.find_first_not_of(" \t\r");
      if (first == std::string_view::npos) break;
      rest.remove_prefix(first);
      const std::size_t length = std::min(rest.find_first_of(" \t\r"), rest.size());
      if (count < words.size()) words[count] = rest.substr(0, length);
      ++count;
      rest.remove_prefix(length);
    }
    if (count == 0) continue;
    if (count != words.size()) {
      errors.push_back({line, 1, std::to_string(count) + " fields instead of 4", std::string{form}});
      continue;
    }
    const std::size_t errors_before = errors.size();
    const auto fail = [&](std::string_view word, const std::string& error, const std::string& hint) {
      errors.push_back({line, static_cast<int>(word.data() - whole.data()) + 1, error, hint});
    };
    const Parsed<Duration> at = parse_duration(words[0]);
    const Parsed<std::uint64_t> account = parse_unsigned(words[1]);
    const Parsed<std::uint64_t> bytes = parse_size(words[2]);
    const Parsed<std::int64_t> fee = parse_integer(words[3]);
    if (!at) fail(words[0], at.error, at.hint);
    if (at && at.value < Duration{}) fail(words[0], "an arrival before the beginning", "0s or later");
    if (at && !trace.empty() && at.value < trace.back().at) {
      fail(words[0], "earlier than the arrival before it, at " + format_duration(trace.back().at), "sort the lines by time");
    }
    if (!account) fail(words[1], account.error, account.hint);
    if (account && account.value > std::numeric_limits<std::uint32_t>::max()) fail(words[1], "no such account", "0, 1, 2 and so on");
    if (!bytes) fail(words[2], bytes.error, bytes.hint);
    if (bytes && (bytes.value < 64 || bytes.value > (1U << 30U))) fail(words[2], "a size out of range", "64B ... 1GiB");
    if (!fee) fail(words[3], fee.error, fee.hint);
    if (fee && (fee.value < 0 || fee.value > 1'000'000'000'000)) fail(words[3], "a fee out of range", "0 ... 1000000000000");
    if (errors.size() != errors_before) continue;
    trace.push_back({at.value, static_cast<std::uint32_t>(account.value), static_cast<std::uint32_t>(bytes.value), fee.value});
  }
  return errors;
}

std::string format_trace(const std::vector<WorkloadSpec::Arrival>& trace) {
  std::string out;
  for (const WorkloadSpec::Arrival& arrival : trace) {
    out += format_duration(arrival.at) + ' ' + std::to_string(arrival.account) + ' ' + std::to_string(arrival.bytes) + "B " +
           std::to_string(arrival.fee) + '\n';
  }
  return out;
}

}  // namespace seqlab::scenarios
