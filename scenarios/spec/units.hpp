// Quantities as people write them: a number with its unit. Strict, exact (integers only, no floating point), and every
// refusal says what would have been accepted. The `format_*` functions write what the `parse_*` functions read back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/base/strong.hpp"
#include "sim/kernel/time.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::scenarios {

/// A value, or why the text is none. `hint` is the accepted form.
template <class T>
struct Parsed {
  T value{};
  std::string error;
  std::string hint;
  explicit operator bool() const { return error.empty(); }
};

inline constexpr std::string_view integer_form = "a whole number, such as 4 or 22_020_096";
inline constexpr std::string_view duration_form = "a number with a unit, such as 800ms, 1.5s, 2m, 1h, 250us or 10ns";
inline constexpr std::string_view size_form = "a number with a unit, such as 22_020_096B, 64KiB, 4MiB, 1GiB or 500KB";
inline constexpr std::string_view rate_form = "a number of transactions a second, such as 100tx/s or 0.5tx/s";
inline constexpr std::string_view bandwidth_form =
    "a number with a unit, such as 1Gbit/s, 100Mbit/s or 64kbit/s, or unlimited";
inline constexpr std::string_view ratio_form = "a part of one, such as 1/200, 2%, 0.005 or 0";
inline constexpr std::string_view ppm_form = "parts per million, such as 50ppm";
inline constexpr std::string_view node_form = "a node name, such as n3";
inline constexpr std::string_view boolean_form = "true or false";

/// Decimal digits, `_` between digits, an optional minus. No leading zeros: octal is not spoken here.
Parsed<std::int64_t> parse_integer(std::string_view text);
/// Likewise, to the end of the unsigned range.
Parsed<std::uint64_t> parse_unsigned(std::string_view text);
Parsed<bool> parse_boolean(std::string_view text);
/// Nanoseconds, exact: `0.5ns` is refused. Within +-10,000 hours.
Parsed<Duration> parse_duration(std::string_view text);
/// Bytes.
Parsed<std::uint64_t> parse_size(std::string_view text);
/// Transactions in 1000 seconds.
Parsed<std::int64_t> parse_rate(std::string_view text);
/// Bits per second; `unlimited` is 0.
Parsed<std::uint64_t> parse_bandwidth(std::string_view text);
/// Within 0 ... 1, in lowest terms (so that 2/400 and 1/200 are one scenario).
Parsed<sim::Ratio> parse_ratio(std::string_view text);
Parsed<std::int64_t> parse_ppm(std::string_view text);

struct NodeRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};
/// `n3` or `n0..n4`, numbers below 100,000.
Parsed<NodeRange> parse_nodes(std::string_view text);

std::string format_duration(Duration value);
std::string format_size(std::uint64_t bytes);
std::string format_rate(std::int64_t per_1000s);
std::string format_bandwidth(std::uint64_t bits_per_second);
std::string format_ratio(sim::Ratio value);
std::string format_ppm(std::int64_t value);
std::string format_node(NodeId node);

}  // namespace seqlab::scenarios
