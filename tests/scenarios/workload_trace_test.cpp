#include "scenarios/workload/trace.hpp"

#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::scenarios;

namespace {

std::vector<Problem> problems_in(std::string_view text, std::uint32_t accounts = 0) {
  try {
    parse_trace(text, "t.csv", accounts);
  } catch (const InputError& error) {
    return error.problems();
  }
  return {};
}

}  // namespace

TEST_CASE("a trace is a header and arrivals, with comments, spaces and any line ends", "[workload][trace]") {
  const auto trace = parse_trace(
      "# from the archive\r\ntime,account,bytes,fee\r\n\r\n0ms,17,250,3\r\n 12.5ms , 4,310, 0 \n"
      "# the rest\n2s,4,124,1",
      "t.csv");
  using Arrival = WorkloadSpec::Arrival;
  CHECK(trace == std::vector<Arrival>{{0ms, 17, 250, 3}, {12'500us, 4, 310, 0}, {2s, 4, 124, 1}});
  CHECK(parse_trace("time,account,bytes,fee\n", "t.csv").empty());
}

TEST_CASE("every problem of a trace is named with its place", "[workload][trace]") {
  const auto problems = problems_in(
      "time,account,bytes,fee\n"
      "5ms,1,250,1\n"
      "5,1,250,1\n"
      "1ms,1,250,1\n"
      "6ms,x,250,-1\n"
      "7ms,1,250\n"
      "8ms,99,3,1\n",
      50);
  REQUIRE(problems.size() == 7);
  const auto at = [&](std::size_t i) { return std::tuple{problems[i].line, problems[i].column, problems[i].path}; };
  using Place = std::tuple<int, int, std::string>;
  CHECK(at(0) == Place{3, 1, "time"});     // no unit
  CHECK(at(1) == Place{4, 1, "time"});     // earlier than the one before
  CHECK(at(2) == Place{5, 5, "account"});
  CHECK(at(3) == Place{5, 11, "fee"});
  CHECK(at(4) == Place{6, 1, ""});
  CHECK(at(5) == Place{7, 5, "account"});  // beyond the last
  CHECK(at(6) == Place{7, 8, "bytes"});    // less than an empty transaction
  for (const Problem& p : problems) {
    CHECK(p.file == "t.csv");
    CHECK_FALSE(p.text.empty());
    CHECK_FALSE(p.hint.empty());
  }
}

TEST_CASE("a trace without its header, or without anything, says what is expected", "[workload][trace]") {
  CHECK(problems_in("0ms,1,250,1\n").size() == 1);
  CHECK(problems_in("0ms,1,250,1\n")[0].line == 1);
  CHECK(problems_in("").size() == 1);
  CHECK(problems_in("# nothing\n")[0].line == 0);
}

TEST_CASE("a hopeless trace stops at twenty problems", "[workload][trace]") {
  std::string text = "time,account,bytes,fee\n";
  for (int i = 0; i < 100; ++i) text += "a,b,c,d\n";
  CHECK(problems_in(text).size() == 20);
}

TEST_CASE("numbers that do not fit are refused, whatever their length", "[workload][trace]") {
  for (const std::string line : {"1ms,4294967296,250,1", "1ms,1,4294967296,1", "1ms,1,250,9223372036854775807",
                                 "1ms,1,250,99999999999999999999999", "999999999999h,1,250,1", "-1ms,1,250,1"}) {
    CHECK(problems_in("time,account,bytes,fee\n" + line + "\n").size() == 1);
  }
}
