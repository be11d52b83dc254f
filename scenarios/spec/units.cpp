#include "scenarios/spec/units.hpp"

#include <array>
#include <limits>
#include <numeric>
#include <span>

#include "sim/base/fixed_point.hpp"

namespace seqlab::scenarios {
namespace {

constexpr std::size_t digits_max = 25;  // 10^25 < 2^84: times an hour in nanoseconds (2^42) it still fits 128 bits

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string quote(std::string_view text) {
  constexpr std::size_t shown = 60;
  std::string out = "`";
  out += text.substr(0, shown);
  if (text.size() > shown) out += "...";
  return out + "`";
}

/// A decimal number mantissa / 10^decimals, and the rest of the text behind it.
struct Decimal {
  bool negative = false;
  Uint128 mantissa = 0;
  std::uint32_t decimals = 0;
  std::string_view rest;
  std::string error;
  std::string hint;  ///< if the usual form would not help
};

Decimal scan_decimal(std::string_view text) {
  Decimal out;
  std::string_view left = text;
  if (!left.empty() && left.front() == '-') {
    out.negative = true;
    left.remove_prefix(1);
  }
  std::string whole;
  std::size_t digits = 0;
  bool fraction = false;
  std::size_t i = 0;
  for (; i < left.size(); ++i) {
    const char c = left[i];
    if (is_digit(c)) {
      if (++digits > digits_max) {
        out.error = quote(text) + " has too many digits";
        return out;
      }
      out.mantissa = out.mantissa * 10 + static_cast<unsigned>(c - '0');
      if (fraction) {
        ++out.decimals;
      } else {
        whole += c;
      }
      continue;
    }
    const bool between_digits = i > 0 && is_digit(left[i - 1]) && i + 1 < left.size() && is_digit(left[i + 1]);
    if (c == '_' && between_digits) continue;
    if (c == '.' && !fraction && between_digits) {
      fraction = true;
      continue;
    }
    break;
  }
  if (digits == 0) {
    out.error = quote(text) + " is not a number";
    return out;
  }
  if (whole.size() > 1 && whole.front() == '0') {
    const std::size_t first = whole.find_first_not_of('0');
    out.error = quote(text) + " begins with a zero";
    out.hint = "octal numbers are not used here: write " + (first == std::string::npos ? "0" : whole.substr(first));
    return out;
  }
  out.rest = left.substr(i);
  return out;
}

template <class T>
Parsed<T> refuse(std::string error, std::string_view form) {
  return {.value = {}, .error = std::move(error), .hint = std::string{form}};
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

/// value * factor of the unit, exactly. The result is below `bound`.
Parsed<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units, std::uint64_t bound,
                                     bool negative_allowed, std::string_view form, std::string_view smallest) {
  const Decimal number = scan_decimal(text);
  if (!number.error.empty())
    return refuse<std::uint64_t>(number.error, number.hint.empty() ? form : std::string_view{number.hint});
  if (number.rest.empty()) {
    return refuse<std::uint64_t>(quote(text) + " has no unit", form);
  }
  if (number.negative && !negative_allowed) return refuse<std::uint64_t>(quote(text) + " is negative", form);
  for (const Unit& unit : units) {
    if (number.rest != unit.name) continue;
    Uint128 value = number.mantissa * unit.factor;
    for (std::uint32_t i = 0; i < number.decimals; ++i) {
      if (value % 10 != 0) {
        return refuse<std::uint64_t>(quote(text) + " is not a whole number of " + std::string{smallest}, form);
      }
      value /= 10;
    }
    if (value > bound) return refuse<std::uint64_t>(quote(text) + " is too large", form);
    return {.value = static_cast<std::uint64_t>(value), .error = {}, .hint = {}};
  }
  return refuse<std::uint64_t>(quote(text) + " has the unknown unit " + quote(number.rest), form);
}

constexpr std::array<Unit, 6> time_units{Unit{"ns", 1},
                                         Unit{"us", 1'000},
                                         Unit{"ms", 1'000'000},
                                         Unit{"s", 1'000'000'000},
                                         Unit{"m", 60'000'000'000},
                                         Unit{"h", 3'600'000'000'000}};
constexpr std::array<Unit, 7> size_units{Unit{"B", 1},
                                         Unit{"KB", 1'000},
                                         Unit{"MB", 1'000'000},
                                         Unit{"GB", 1'000'000'000},
                                         Unit{"KiB", 1ULL << 10U},
                                         Unit{"MiB", 1ULL << 20U},
                                         Unit{"GiB", 1ULL << 30U}};
constexpr std::array<Unit, 4> bandwidth_units{Unit{"bit/s", 1}, Unit{"kbit/s", 1'000}, Unit{"Mbit/s", 1'000'000},
                                              Unit{"Gbit/s", 1'000'000'000}};
constexpr std::array<Unit, 1> rate_units{Unit{"tx/s", 1'000}};
constexpr std::array<Unit, 1> ppm_units{Unit{"ppm", 1}};

template <class To>
Parsed<To> convert(const Parsed<std::uint64_t>& from) {
  return {.value = static_cast<To>(from.value), .error = from.error, .hint = from.hint};
}

Parsed<sim::Ratio> reduced(std::string_view text, Uint128 num, Uint128 den) {
  if (den == 0) return refuse<sim::Ratio>(quote(text) + " divides by zero", ratio_form);
  if (num > den) return refuse<sim::Ratio>(quote(text) + " is more than one", ratio_form);
  Uint128 a = num;
  Uint128 b = den;
  while (a != 0) {
    const Uint128 r = b % a;
    b = a;
    a = r;
  }
  num /= b;
  den /= b;
  if (den > std::numeric_limits<std::uint32_t>::max()) {
    return refuse<sim::Ratio>(quote(text) + " is finer than one part in 4,294,967,295", ratio_form);
  }
  return {.value = {static_cast<std::uint32_t>(num), static_cast<std::uint32_t>(den)}, .error = {}, .hint = {}};
}

}  // namespace

Parsed<std::uint64_t> parse_unsigned(std::string_view text) {
  const Decimal number = scan_decimal(text);
  if (!number.error.empty()) {
    return refuse<std::uint64_t>(number.error, number.hint.empty() ? integer_form : std::string_view{number.hint});
  }
  if (number.decimals != 0 || !number.rest.empty())
    return refuse<std::uint64_t>(quote(text) + " is not a whole number", integer_form);
  if (number.negative) return refuse<std::uint64_t>(quote(text) + " is negative", integer_form);
  if (number.mantissa > std::numeric_limits<std::uint64_t>::max())
    return refuse<std::uint64_t>(quote(text) + " is too large", integer_form);
  return {.value = static_cast<std::uint64_t>(number.mantissa), .error = {}, .hint = {}};
}

Parsed<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = !text.empty() && text.front() == '-';
  Parsed<std::uint64_t> magnitude = parse_unsigned(negative ? text.substr(1) : text);
  if (!magnitude) return convert<std::int64_t>(magnitude);
  if (magnitude.value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return refuse<std::int64_t>(quote(text) + " is too large", integer_form);
  }
  const auto value = static_cast<std::int64_t>(magnitude.value);
  return {.value = negative ? -value : value, .error = {}, .hint = {}};
}

Parsed<bool> parse_boolean(std::string_view text) {
  if (text == "true") return {.value = true, .error = {}, .hint = {}};
  if (text == "false") return {.value = false, .error = {}, .hint = {}};
  return refuse<bool>(quote(text) + " is neither true nor false", boolean_form);
}

Parsed<Duration> parse_duration(std::string_view text) {
  constexpr std::uint64_t bound = 36'000'000'000'000'000ULL;  // 10,000 hours
  const Parsed<std::uint64_t> quantity = parse_quantity(text, time_units, bound, true, duration_form, "nanoseconds");
  if (!quantity) return {.value = {}, .error = quantity.error, .hint = quantity.hint};
  const auto value = static_cast<std::int64_t>(quantity.value);
  return {.value = Duration{text.front() == '-' ? -value : value}, .error = {}, .hint = {}};
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  return parse_quantity(text, size_units, 1ULL << 50U, false, size_form, "bytes");
}

Parsed<std::int64_t> parse_rate(std::string_view text) {
  return convert<std::int64_t>(
      parse_quantity(text, rate_units, 1'000'000'000'000ULL, false, rate_form, "transactions in 1000 seconds"));
}

Parsed<std::uint64_t> parse_bandwidth(std::string_view text) {
  if (text == "unlimited") return {.value = 0, .error = {}, .hint = {}};
  Parsed<std::uint64_t> out =
      parse_quantity(text, bandwidth_units, 1'000'000'000'000'000ULL, false, bandwidth_form, "bits per second");
  if (out && out.value == 0) return refuse<std::uint64_t>(quote(text) + " lets nothing through", bandwidth_form);
  return out;
}

Parsed<sim::Ratio> parse_ratio(std::string_view text) {
  const Decimal number = scan_decimal(text);
  if (!number.error.empty()) {
    return refuse<sim::Ratio>(number.error, number.hint.empty() ? ratio_form : std::string_view{number.hint});
  }
  if (number.negative) return refuse<sim::Ratio>(quote(text) + " is negative", ratio_form);
  if (!number.rest.empty() && number.rest.front() == '/' && number.decimals == 0) {
    const Decimal below = scan_decimal(number.rest.substr(1));
    if (!below.error.empty() || !below.rest.empty() || below.decimals != 0 || below.negative) {
      return refuse<sim::Ratio>(quote(text) + " is not a ratio of two whole numbers", ratio_form);
    }
    return reduced(text, number.mantissa, below.mantissa);
  }
  Uint128 den = 1;
  for (std::uint32_t i = 0; i < number.decimals; ++i) den *= 10;
  if (number.rest == "%") return reduced(text, number.mantissa, den * 100);
  if (number.rest.empty()) return reduced(text, number.mantissa, den);
  return refuse<sim::Ratio>(quote(text) + " is not a ratio", ratio_form);
}

Parsed<std::int64_t> parse_ppm(std::string_view text) {
  if (text == "0") return {.value = 0, .error = {}, .hint = {}};
  return convert<std::int64_t>(parse_quantity(text, ppm_units, 1'000'000, false, ppm_form, "parts per million"));
}

Parsed<NodeRange> parse_nodes(std::string_view text) {
  constexpr std::string_view range_form = "a node name, such as n3, or a range, such as n0..n4";
  const auto one = [](std::string_view name, std::uint32_t& out) {
    if (name.size() < 2 || name.size() > 6 || name.front() != 'n') return false;
    out = 0;
    for (const char c : name.substr(1)) {
      if (!is_digit(c)) return false;
      out = out * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return name.size() == 2 || name[1] != '0';
  };
  NodeRange range;
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    if (!one(text, range.first)) return refuse<NodeRange>(quote(text) + " is not a node", range_form);
    range.last = range.first;
  } else {
    if (!one(text.substr(0, dots), range.first) || !one(text.substr(dots + 2), range.last)) {
      return refuse<NodeRange>(quote(text) + " is not a range of nodes", range_form);
    }
    if (range.last < range.first) return refuse<NodeRange>(quote(text) + " runs backwards", range_form);
  }
  return {.value = range, .error = {}, .hint = {}};
}

std::string format_duration(Duration value) {
  const std::int64_t n = ns(value);
  if (n == 0) return "0s";
  const std::uint64_t magnitude = n < 0 ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
  for (std::size_t i = time_units.size(); i-- > 0;) {
    const Unit& unit = time_units[i];
    const bool few_minutes = unit.name == "m" && magnitude < 10 * unit.factor;  // 60s and 120s read better
    if (magnitude % unit.factor == 0 && !few_minutes) {
      return (n < 0 ? "-" : "") + std::to_string(magnitude / unit.factor) + std::string{unit.name};
    }
  }
  return {};  // not reached: every number is a multiple of 1 ns
}

std::string format_size(std::uint64_t bytes) {
  constexpr std::array<Unit, 3> binary{Unit{"GiB", 1ULL << 30U}, Unit{"MiB", 1ULL << 20U}, Unit{"KiB", 1ULL << 10U}};
  for (const Unit& unit : binary) {
    if (bytes != 0 && bytes % unit.factor == 0) return std::to_string(bytes / unit.factor) + std::string{unit.name};
  }
  return std::to_string(bytes) + "B";
}

std::string format_rate(std::int64_t per_1000s) {
  std::string out = std::to_string(per_1000s / 1000);
  std::int64_t rest = per_1000s % 1000;
  if (rest != 0) {
    std::string decimals = std::to_string(1000 + rest).substr(1);
    while (decimals.back() == '0') decimals.pop_back();
    out += '.' + decimals;
  }
  return out + "tx/s";
}

std::string format_bandwidth(std::uint64_t bits_per_second) {
  if (bits_per_second == 0) return "unlimited";
  for (std::size_t i = bandwidth_units.size(); i-- > 0;) {
    const Unit& unit = bandwidth_units[i];
    if (bits_per_second % unit.factor == 0)
      return std::to_string(bits_per_second / unit.factor) + std::string{unit.name};
  }
  return {};  // not reached
}

std::string format_ratio(sim::Ratio value) {
  if (value.num == 0) return "0";
  if (value.num == value.den) return "1";
  return std::to_string(value.num) + "/" + std::to_string(value.den);
}

std::string format_ppm(std::int64_t value) { return std::to_string(value) + "ppm"; }

std::string format_node(NodeId node) { return "n" + std::to_string(node.value); }

}  // namespace seqlab::scenarios
