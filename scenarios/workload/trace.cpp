#include "scenarios/workload/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "scenarios/spec/units.hpp"

namespace seqlab::scenarios {

namespace {

using Arrival = WorkloadSpec::Arrival;

constexpr std::size_t problems_max = 20;
constexpr std::array<std::string_view, 4> columns = {"time", "account", "bytes", "fee"};
constexpr std::string_view header = "time,account,bytes,fee";

struct Field {
  std::string_view text;
  int column;  // from 1
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

Field trimmed(std::string_view line, std::size_t begin, std::size_t end) {
  while (begin < end && is_space(line[begin])) ++begin;
  while (end > begin && is_space(line[end - 1])) --end;
  return {line.substr(begin, end - begin), static_cast<int>(begin) + 1};
}

std::vector<Field> split(std::string_view line) {
  std::vector<Field> fields;
  std::size_t begin = 0;
  while (true) {
    const std::size_t comma = std::min(line.find(',', begin), line.size());
    fields.push_back(trimmed(line, begin, comma));
    if (comma == line.size()) return fields;
    begin = comma + 1;
  }
}

class Reader {
 public:
  Reader(const std::string& file, std::uint32_t accounts) : file_(file), accounts_(accounts) {}

  void read_line(std::string_view line) {
    ++line_;
    const Field whole = trimmed(line, 0, line.size());
    if (whole.text.empty() || whole.text.front() == '#') return;
    const std::vector<Field> fields = split(line);
    if (!header_seen_) return read_header(whole, fields);
    if (fields.size() != columns.size()) {
      return problem(whole.column, "", fmt::format("{} fields instead of {}", fields.size(), columns.size()),
                     std::string{header});
    }
    Arrival arrival{};
    const auto time = parse_duration(fields[0].text);
    if (!time) {
      problem(fields[0].column, "time", time.error, time.hint);
    } else if (time.value < Duration::zero()) {
      problem(fields[0].column, "time", "is negative", "times count from the start of the workload");
    } else if (time.value < latest_) {
      problem(fields[0].column, "time", fmt::format("{} is earlier than the line before", fields[0].text),
              "arrivals are sorted by time");
    } else {
      arrival.at = latest_ = time.value;
    }
    const std::int64_t account_max = accounts_ == 0 ? 0x3fffffff : std::int64_t{accounts_} - 1;
    constexpr std::int64_t bytes_max = std::numeric_limits<std::uint32_t>::max();
    constexpr std::int64_t fee_max = std::numeric_limits<std::int64_t>::max() / 4;
    arrival.account = static_cast<std::uint32_t>(integer(fields[1], "account", 0, account_max));
    constexpr std::int64_t bytes_min = protocols::transaction_bytes_min;
    arrival.bytes = static_cast<std::uint32_t>(integer(fields[2], "bytes", bytes_min, bytes_max));
    arrival.fee = integer(fields[3], "fee", 0, fee_max);
    arrivals_.push_back(arrival);
  }

  bool full() const { return problems_.size() >= problems_max; }

  std::vector<Arrival> finish() {
    if (!header_seen_ && problems_.empty()) {
      line_ = 0;
      problem(0, "", "holds no arrivals", fmt::format("a first line `{}`, then one arrival a line", header));
    }
    if (!problems_.empty()) throw InputError{std::move(problems_)};
    return std::move(arrivals_);
  }

 private:
  void read_header(const Field& whole, const std::vector<Field>& fields) {
    header_seen_ = true;
    const auto same = [](const Field& field, std::string_view name) { return field.text == name; };
    if (!std::ranges::equal(fields, columns, same)) {
      problem(whole.column, "", "the first line does not name the columns", fmt::format("expected `{}`", header));
    }
  }

  std::int64_t integer(const Field& field, const char* name, std::int64_t min, std::int64_t max) {
    const auto parsed = parse_integer(field.text);
    if (!parsed) {
      problem(field.column, name, parsed.error, parsed.hint);
      return min;
    }
    if (parsed.value < min || parsed.value > max) {
      problem(field.column, name, fmt::format("{} is out of range", parsed.value), fmt::format("{} ... {}", min, max));
      return min;
    }
    return parsed.value;
  }

  void problem(int column, const char* path, std::string text, std::string hint) {
    if (full()) return;
    problems_.push_back({file_, line_, column, path, std::move(text), std::move(hint)});
  }

  const std::string& file_;
  std::uint32_t accounts_;
  int line_ = 0;
  bool header_seen_ = false;
  Duration latest_{};
  std::vector<Arrival> arrivals_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<WorkloadSpec::Arrival> parse_trace(std::string_view text, const std::string& file, std::uint32_t accounts) {
  Reader reader{file, accounts};
  while (!text.empty() && !reader.full()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.read_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return reader.finish();
}

}  // namespace seqlab::scenarios
