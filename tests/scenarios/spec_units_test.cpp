// Quantities as people write them: exact, strict, and every refusal names what would do.
#include <string>
#include <vector>

#include "scenarios/spec/units.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;

TEST_CASE("durations are exact decimals with a unit", "[spec][units]") {
  const std::vector<std::pair<std::string, std::int64_t>> good{{"800ms", 800'000'000},
                                                               {"1.5s", 1'500'000'000},
                                                               {"2m", 120'000'000'000},
                                                               {"1h", 3'600'000'000'000},
                                                               {"250us", 250'000},
                                                               {"10ns", 10},
                                                               {"0s", 0},
                                                               {"-2s", -2'000'000'000},
                                                               {"0.000000001s", 1},
                                                               {"1_000ms", 1'000'000'000},
                                                               {"0.1us", 100},
                                                               {"10000h", 36'000'000'000'000'000},
                                                               {"1.000000000s", 1'000'000'000}};
  for (const auto& [text, expected] : good) {
    INFO(text);
    const Parsed<Duration> parsed = parse_duration(text);
    CHECK(parsed.error.empty());
    CHECK(ns(parsed.value) == expected);
  }
}

TEST_CASE("what is no duration is refused with a reason", "[spec][units]") {
  const std::vector<std::pair<std::string, std::string>> bad{
      {"800", "`800` has no unit"},
      {"0.5ns", "`0.5ns` is not a whole number of nanoseconds"},
      {"010ms", "`010ms` begins with a zero"},
      {"1e3ms", "`1e3ms` has the unknown unit `e3ms`"},
      {"5sec", "`5sec` has the unknown unit `sec`"},
      {"5 s", "`5 s` has the unknown unit ` s`"},
      {".5s", "`.5s` is not a number"},
      {"1.s", "`1.s` has the unknown unit `.s`"},
      {"1__0s", "`1__0s` has the unknown unit `__0s`"},
      {"_1s", "`_1s` is not a number"},
      {"", "`` is not a number"},
      {"-", "`-` is not a number"},
      {"10001h", "`10001h` is too large"},
      {"99999999999999999999999999h", "`99999999999999999999999999h` has too many digits"},
      {"0x10ms", "`0x10ms` has the unknown unit `x10ms`"},
      {"+1s", "`+1s` is not a number"},
  };
  for (const auto& [text, expected] : bad) CHECK(parse_duration(text).error == expected);
  CHECK(parse_duration("800").hint == "a number with a unit, such as 800ms, 1.5s, 2m, 1h, 250us or 10ns");
  CHECK(parse_duration("010ms").hint == "octal numbers are not used here: write 10");
}

TEST_CASE("sizes, rates and bandwidths carry their unit", "[spec][units]") {
  CHECK(parse_size("4MiB").value == 4U << 20U);
  CHECK(parse_size("64KiB").value == 65'536);
  CHECK(parse_size("500KB").value == 500'000);
  CHECK(parse_size("22_020_096B").value == 22'020'096);
  CHECK(parse_size("0.5KiB").value == 512);
  CHECK(parse_size("0.3B").error == "`0.3B` is not a whole number of bytes");
  CHECK(parse_size("-1B").error == "`-1B` is negative");
  CHECK(parse_rate("100tx/s").value == 100'000);
  CHECK(parse_rate("0.5tx/s").value == 500);
  CHECK(parse_rate("0.0005tx/s").error == "`0.0005tx/s` is not a whole number of transactions in 1000 seconds");
  CHECK(parse_bandwidth("1Gbit/s").value == 1'000'000'000);
  CHECK(parse_bandwidth("100Mbit/s").value == 100'000'000);
  CHECK(parse_bandwidth("unlimited").value == 0);
  CHECK(parse_bandwidth("0bit/s").error == "`0bit/s` lets nothing through");
  CHECK(parse_bandwidth("1GB/s").error == "`1GB/s` has the unknown unit `GB/s`");
  CHECK(parse_ppm("50ppm").value == 50);
  CHECK(parse_ppm("50").error == "`50` has no unit");
}

TEST_CASE("ratios are kept in lowest terms", "[spec][units]") {
  const auto is = [](const char* text, std::uint32_t num, std::uint32_t den) {
    const Parsed<sim::Ratio> parsed = parse_ratio(text);
    return parsed.error.empty() && parsed.value == sim::Ratio{num, den};
  };
  CHECK(is("1/200", 1, 200));
  CHECK(is("2/400", 1, 200));
  CHECK(is("2%", 1, 50));
  CHECK(is("0.5%", 1, 200));
  CHECK(is("0.005", 1, 200));
  CHECK(is("0", 0, 1));
  CHECK(is("0/7", 0, 1));
  CHECK(is("1", 1, 1));
  CHECK(is("100%", 1, 1));
  CHECK(parse_ratio("3/2").error == "`3/2` is more than one");
  CHECK(parse_ratio("1/0").error == "`1/0` divides by zero");
  CHECK(parse_ratio("-1/2").error == "`-1/2` is negative");
  CHECK(parse_ratio("1/2/3").error == "`1/2/3` is not a ratio of two whole numbers");
  CHECK(parse_ratio("1/99999999999").error == "`1/99999999999` is finer than one part in 4,294,967,295");
  CHECK(parse_ratio("half").error == "`half` is not a number");
}

TEST_CASE("integers know neither octal nor fractions, booleans only two words", "[spec][units]") {
  CHECK(parse_integer("22_020_096").value == 22'020'096);
  CHECK(parse_integer("-5").value == -5);
  CHECK(parse_integer("9223372036854775807").value == std::numeric_limits<std::int64_t>::max());
  CHECK(parse_integer("9223372036854775808").error == "`9223372036854775808` is too large");
  CHECK(parse_unsigned("18446744073709551615").value == std::numeric_limits<std::uint64_t>::max());
  CHECK(parse_unsigned("18446744073709551616").error == "`18446744073709551616` is too large");
  CHECK(parse_unsigned("010").hint == "octal numbers are not used here: write 10");
  CHECK(parse_unsigned("00").hint == "octal numbers are not used here: write 0");
  CHECK(parse_unsigned("1e3").error == "`1e3` is not a whole number");
  CHECK(parse_unsigned("1.0").error == "`1.0` is not a whole number");
  CHECK(parse_boolean("true").value);
  for (const char* word : {"yes", "on", "True", "1", ""}) CHECK_FALSE(parse_boolean(word));
}

TEST_CASE("nodes are named n0, n1 and so on, or as ranges", "[spec][units]") {
  CHECK(parse_nodes("n3").value.first == 3);
  CHECK(parse_nodes("n0..n4").value.last == 4);
  for (const char* text : {"3", "n", "n03", "n-1", "N3", "n4..n0", "n0..", "n0...n4", "n0..n4..n5", "n123456"}) {
    INFO(text);
    CHECK_FALSE(parse_nodes(text));
  }
}

TEST_CASE("what is written reads back to the same quantity", "[spec][units]") {
  std::uint64_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const std::uint64_t number = (state >> 20U) >> (i % 44);
    const auto small = static_cast<std::int64_t>(number % 36'000'000'000'000'000ULL);
    CHECK(parse_duration(format_duration(Duration{small})).value == Duration{small});
    CHECK(parse_duration(format_duration(Duration{-small})).value == Duration{-small});
    CHECK(parse_size(format_size(number)).value == number);
    CHECK(parse_bandwidth(format_bandwidth(number)).value == number);
    const auto rate = static_cast<std::int64_t>(number % 1'000'000'000'000ULL);
    CHECK(parse_rate(format_rate(rate)).value == rate);
  }
}
