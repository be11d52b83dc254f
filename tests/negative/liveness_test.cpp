// The four verdicts of the liveness checker, on healed phases written by hand.
#include <fmt/format.h>

#include "tests/negative/record_table.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using scenarios::CheckerContext;
using scenarios::Liveness;

namespace {

CheckerContext four() {
  CheckerContext context;
  context.engine.has_locks = true;
  context.node_count = 4;
  context.healing_blocks = 2;
  return context;
}

const std::string start = "committee n0..n3 1\n commit n0..n2 h1 r0 A\n heal\n";

/// Rounds of height 2 in which n(r % 4) proposes and everybody prevotes and precommits nil.
/// `milliseconds` of each round: first + r * growth.
std::string barren_rounds(int count, int first, int growth, const std::string& voters = "n0..n3", int proposers = 4) {
  std::string run;
  for (int r = 0; r < count; ++r) {
    run += fmt::format("round {0} h2 r{1}\n", voters, r);
    if (r % 4 < proposers) run += fmt::format("propose n{} h2 r{} B{}\n", r % 4, r, r);
    run += fmt::format("prevote {0} h2 r{1} nil\nprecommit {0} h2 r{1} nil\nwait {2}\n", voters, r, first + r * growth);
  }
  return run;
}

}  // namespace

TEST_CASE("progress is every core member committing new heights", "[checkers][liveness]") {
  const std::string run = start + "core n0 n1 n2\n round n0..n2 h2 r0\n commit n0..n2 h2 r0 B\n";
  CHECK(run_checker("liveness", four(), run + "commit n0..n2 h3 r0 C").liveness == Liveness::progress);
  CHECK(run_checker("liveness", four(), run + "commit n0 n1 h3 r0 C").liveness == Liveness::not_checked);
}

TEST_CASE("heights that others had before the healing are no progress", "[checkers][liveness]") {
  const std::string run = R"(
    committee n0..n3 1
    commit n0..n2 h1 r0 A
    commit n0..n2 h2 r0 A
    heal
    core n0..n3
    commit n3 h1 r0 A
    commit n3 h2 r0 A
  )";
  CHECK(run_checker("liveness", four(), run).liveness == Liveness::not_checked);
  CHECK(run_checker("liveness", four(), run + "commit n0..n3 h3 r0 A\n commit n0..n3 h4 r0 A").liveness ==
        Liveness::progress);
}

TEST_CASE("without a healed phase nothing is checked", "[checkers][liveness]") {
  CHECK(run_checker("liveness", four(), "committee n0..n3 1\n round n0..n3 h1 r0\n wait 1000000").liveness ==
        Liveness::not_checked);
}

TEST_CASE("a core without a quorum is excused", "[checkers][liveness]") {
  const Judged judged = run_checker("liveness", four(), start + "core n0 n1\n round n0 n1 h2 r0\n wait 500000");
  CHECK(judged.liveness == Liveness::excused);
  CHECK(judged.silent());
}

TEST_CASE("a core is excused where a plan's schedule leaves one of it out", "[checkers][liveness]") {
  const std::string run = start + "core n0 n1 n2\n" + barren_rounds(40, 1000, 0, "n0..n2", 3);
  CheckerContext context = four();
  CHECK(run_checker("liveness", context, run).liveness == Liveness::lasso);
  context.leaders = {NodeId{3}};
  const Judged gone = run_checker("liveness", context, run);
  CHECK(gone.liveness == Liveness::excused);
  CHECK(gone.silent());
  context.leaders = {NodeId{0}, NodeId{3}, NodeId{2}};
  CHECK(run_checker("liveness", context, run).liveness == Liveness::excused);
  context.leaders = {NodeId{0}, NodeId{1}, NodeId{2}, NodeId{3}};
  CHECK(run_checker("liveness", context, run).liveness == Liveness::lasso);
}

TEST_CASE("a plan's schedule must have as many live leaders in a row as the engine needs", "[checkers][liveness]") {
  const std::string run = start + "core n0 n1 n2\n" + barren_rounds(60, 1000, 0, "n0..n2", 3);
  CheckerContext context = four();
  context.engine.leaders_in_a_row = 3;
  context.leaders = {NodeId{0}, NodeId{1}, NodeId{3}, NodeId{2}, NodeId{3}};
  CHECK(run_checker("liveness", context, run).liveness == Liveness::excused);
  context.leaders = {NodeId{0}, NodeId{1}, NodeId{2}, NodeId{3}};
  CHECK(run_checker("liveness", context, run).liveness == Liveness::lasso);
}

TEST_CASE("a core that had forked is excused", "[checkers][liveness]") {
  CHECK(run_checker("liveness", four(),
                    "committee n0..n3 1\n commit n0 h1 r0 A\n commit n1 h1 r0 B\n heal\n core n0..n3\n"
                    "wait 500000")
            .liveness == Liveness::excused);
}

TEST_CASE("a core without the node that orders is excused", "[checkers][liveness]") {
  CheckerContext context = four();
  context.engine.has_certificates = false;
  context.engine.byzantine_tolerant = false;
  context.engine.sequencer = NodeId{3};
  CHECK(run_checker("liveness", context, start + "core n0..n2\n wait 500000").liveness == Liveness::excused);
  CHECK(run_checker("liveness", context, start + "core n0 n3\n wait 500000").liveness == Liveness::suspected);
}

TEST_CASE("rounds that repeat themselves are a lasso", "[checkers][liveness]") {
  const Judged judged = run_checker("liveness", four(), start + "core n0..n3\n" + barren_rounds(13, 1000, 0));
  CHECK(judged.liveness == Liveness::lasso);
  REQUIRE(judged.findings.size() == 1);
  CHECK(judged.first().find("cannot finish height 2: the same 4 rounds have come three times") != std::string::npos);
}

TEST_CASE("less than three repetitions are no lasso", "[checkers][liveness]") {
  CHECK(run_checker("liveness", four(), start + "core n0..n3\n" + barren_rounds(11, 1000, 0)).liveness ==
        Liveness::suspected);
}

TEST_CASE("repetitions that take longer and longer are no lasso", "[checkers][liveness]") {
  CHECK(run_checker("liveness", four(), start + "core n0..n3\n" + barren_rounds(40, 1000, 100)).liveness ==
        Liveness::suspected);
}

TEST_CASE("repetitions that end before everybody could be asked for what is missing are no lasso",
          "[checkers][liveness]") {
  CHECK(run_checker("liveness", four(), start + "core n0..n3\n" + barren_rounds(13, 600, 0)).liveness ==
        Liveness::suspected);
  CHECK(run_checker("liveness", four(), start + "core n0..n3\n" + barren_rounds(13, 700, 0)).liveness ==
        Liveness::lasso);
}

TEST_CASE("rounds before the last member came to the height are no cycle", "[checkers][liveness]") {
  const auto joined_by_the_last = [](int before, int together) {
    std::string run = "committee n0..n3 1\n commit n0..n2 h1 r0 A\n heal\n core n0..n3\n";
    for (int r = 0; r < before; ++r) {
      run += fmt::format("round n0..n2 h2 r{0}\npropose n{1} h2 r{0} B{0}\nwait 1000\n", r, r % 4);
    }
    run += "commit n3 h1 r0 A\n";
    for (int r = before; r < before + together; ++r) {
      run += fmt::format("round n0..n3 h2 r{0}\npropose n{1} h2 r{0} B{0}\nwait 1000\n", r, r % 4);
    }
    return run_checker("liveness", four(), run).liveness;
  };
  CHECK(joined_by_the_last(40, 3) != Liveness::lasso);
  CHECK(joined_by_the_last(40, 15) == Liveness::lasso);
}

TEST_CASE("rounds in which the rotation has not come round are no lasso", "[checkers][liveness]") {
  // n3 never proposes
  CHECK(run_checker("liveness", four(), start + "core n0..n3\n" + barren_rounds(40, 1000, 0, "n0..n3", 3)).liveness ==
        Liveness::suspected);
  // and need not if it is no member of the core
  CHECK(run_checker("liveness", four(), start + "core n0..n2\n" + barren_rounds(40, 1000, 0, "n0..n2", 3)).liveness ==
        Liveness::lasso);
}

TEST_CASE("rounds that a member passes while it catches up are no cycle", "[checkers][liveness]") {
  // n0 to n2 wait in round 60 for n3, which comes through all rounds below at once; then some rounds of them all.
  const auto after_catching_up = [](int rounds, int together) {
    std::string run = "committee n0..n3 1\n commit n0..n3 h1 r0 A\n round n0..n2 h2 r60\n heal\n core n0..n3\n";
    for (int r = 60 - rounds; r < 60; ++r) run += fmt::format("round n3 h2 r{}\n", r);
    for (int r = 60; r < 60 + together; ++r) {
      run += fmt::format("round n0..n3 h2 r{0}\npropose n0..n3 h2 r{0} B{0}\nwait 1000\n", r);
    }
    return run_checker("liveness", four(), run).liveness;
  };
  CHECK(after_catching_up(50, 3) == Liveness::not_checked);
  CHECK(after_catching_up(50, 20) == Liveness::lasso);
}

TEST_CASE("votes for blocks repeat themselves when their relation to the locks does", "[checkers][liveness]") {
  // each round somebody proposes a new block, and n0, which is locked, insists on its own
  std::string run = start + "core n0..n3\n round n0..n3 h2 r0\n propose n0 h2 r0 L\n prevote n0..n3 h2 r0 L\n"
                            "lock n0 h2 r0 L\n precommit n0 h2 r0 L\n precommit n1..n3 h2 r0 nil\n wait 700\n";
  for (int r = 1; r < 18; ++r) {
    run += fmt::format(
        "round n0..n3 h2 r{0}\npropose n{1} h2 r{0} {2}\nprevote n0 h2 r{0} {3}\nprevote n1 n2 h2 r{0} {2}\n"
        "prevote n3 h2 r{0} nil\nprecommit n0..n3 h2 r{0} nil\nwait 700\n",
        r, r % 4, r % 4 == 0 ? std::string{"L"} : fmt::format("B{}", r), r % 4 == 0 ? "L" : "nil");
  }
  CHECK(run_checker("liveness", four(), run).liveness == Liveness::lasso);
}

TEST_CASE("a commit on the way breaks a cycle", "[checkers][liveness]") {
  std::string run = start + "core n0..n3\n" + barren_rounds(9, 1000, 0) + "commit n0..n3 h2 r8 B\n";
  CHECK(run_checker("liveness", four(), run).liveness == Liveness::not_checked);
}

TEST_CASE("many rounds without a commit and without a cycle are suspected", "[checkers][liveness]") {
  // votes that follow no pattern
  std::string run = start + "core n0..n3\n";
  std::uint32_t noise = 1;
  for (int r = 0; r < 30; ++r) {
    noise = noise * 1664525U + 1013904223U;
    run += fmt::format("round n0..n3 h2 r{0}\npropose n{1} h2 r{0} B{0}\n", r, r % 4);
    for (int n = 0; n < 4; ++n) {
      run += fmt::format("prevote n{} h2 r{} {}\n", n, r, (noise >> (8 + n)) % 2 == 0 ? "nil" : fmt::format("B{}", r));
    }
    run += "wait 100\n";
  }
  const Judged judged = run_checker("liveness", four(), run);
  CHECK(judged.liveness == Liveness::suspected);
  CHECK(judged.findings.size() == 1);
}

TEST_CASE("a standstill is suspected after a while, and left open before", "[checkers][liveness]") {
  const std::string run = start + "core n0..n3\n round n0..n3 h2 r0\n";
  CHECK(run_checker("liveness", four(), run + "wait 30000").liveness == Liveness::not_checked);
  CHECK(run_checker("liveness", four(), run + "wait 60000").liveness == Liveness::suspected);
}

TEST_CASE("a member that does not catch up is suspected, one that moves is left open", "[checkers][liveness]") {
  const std::string run = start + "core n0..n3\n commit n0..n2 h2 r0 B\n commit n0..n2 h3 r0 C\n wait 20000\n";
  const Judged judged = run_checker("liveness", four(), run + "commit n0..n2 h4 r0 D");
  CHECK(judged.liveness == Liveness::suspected);
  REQUIRE(judged.findings.size() == 1);
  CHECK(judged.findings[0].nodes == std::vector<NodeId>{NodeId{3}});
  CHECK(run_checker("liveness", four(), run + "commit n3 h1 r0 A").liveness == Liveness::not_checked);
}
