// Certificates whose signers take more than one record, and certificates that many nodes report.
#include <algorithm>

#include "tests/negative/record_table.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::tests;
using scenarios::CheckerContext;

namespace {

CheckerContext nodes(std::uint32_t count) {
  CheckerContext context;
  context.engine.has_locks = true;
  context.node_count = count;
  return context;
}

/// 200 members, a quorum is 134 of them.
const std::string large = "committee n0..n199 1\n prevote n0..n139 h1 r0 A\n prevote n150 h1 r0 nil\n";

}  // namespace

TEST_CASE("a certificate of more than 128 nodes is counted over all of its records", "[checkers][certified_commit]") {
  const CheckerContext context = nodes(200);
  const auto check = [&](const std::string& certificate) {
    return run_checker("certified_commit", context, large + certificate);
  };
  CHECK(check("certificate n0 h1 r0 prevote A by n0..n133").silent());
  CHECK(check("certificate n0 h1 r0 prevote A by n5..n138").silent());
  CHECK_FALSE(check("certificate n0 h1 r0 prevote A by n0..n132").silent());
  CHECK_FALSE(check("certificate n0 h1 r0 prevote A by n0..n127").silent());   // the second record is not there
  CHECK_FALSE(check("certificate n0 h1 r0 prevote A by n128..n139").silent());  // nor the first
  CHECK_FALSE(check("certificate n0 h1 r0 prevote A by n0..n133 n150").silent());
}

TEST_CASE("what a node reports after others is judged by its own signers", "[checkers][certified_commit]") {
  const std::string votes = "committee n0..n3 1\n prevote n0 n1 n2 h1 r0 A\n prevote n3 h1 r0 nil\n";
  const std::string sound = votes + "certificate n0 h1 r0 prevote A by n0 n1 n2\n";
  CHECK(run_checker("certified_commit", sound + "certificate n1 h1 r0 prevote A by n0 n1 n2").silent());
  CHECK_FALSE(run_checker("certified_commit", sound + "certificate n1 h1 r0 prevote A by n0 n1").silent());
  CHECK_FALSE(run_checker("certified_commit", sound + "certificate n1 h1 r0 prevote A by n0 n1 n3").silent());
  CHECK_FALSE(run_checker("certified_commit", sound + "certificate n1 h1 r0 prevote B by n0 n1 n2").silent());
  CHECK_FALSE(run_checker("certified_commit", sound + "certificate n1 h1 r1 prevote A by n0 n1 n2").silent());
  CHECK_FALSE(run_checker("certified_commit", sound + "certificate n1 h1 r0 precommit A by n0 n1 n2").silent());
  // A signer who never voted is one too many even where the others are a quorum: for each who counts him.
  const std::string all = " h1 r0 prevote A by n0 n1 n2 n3\n";
  CHECK(run_checker("certified_commit", votes + "certificate n0" + all + "certificate n1" + all).findings.size() == 2);
}

TEST_CASE("a certificate that was sound is judged again when its committee turns out to be another",
          "[checkers][certified_commit]") {
  const std::string run =
      "committee n0..n3 1\n precommit n0 n1 n2 h3 r0 A\n certificate n0 h3 r0 precommit A by n0 n1 n2\n";
  CHECK(run_checker("certified_commit", run + "certificate n1 h3 r0 precommit A by n0 n1 n2").silent());
  CHECK_FALSE(
      run_checker("certified_commit", run + "power n3 = 9 from h3\n certificate n1 h3 r0 precommit A by n0 n1 n2")
          .silent());
}

TEST_CASE("a certificate that is seen when all have finished its height accuses nobody",
          "[checkers][certified_commit]") {
  // n2 commits by the precommits and sees the prevotes later. The corrupt signer's vote makes the book look at its
  // floor.
  for (const std::string corrupt : {"n0", "n3"}) {
    CAPTURE(corrupt);
    const std::string run = "committee n0..n3 1\n corrupt " + corrupt +
                            "\n prevote n0..n3 h1 r0 A\n precommit n0..n3 h1 r0 A\n commit n0..n3 h1 r0 A\n";
    CHECK(run_checker("certified_commit", run + "certificate n2 h1 r0 prevote A by n0..n3").silent());
    // While one is still at work on the height, it is judged.
    const std::string open = "committee n0..n3 1\n corrupt " + corrupt +
                             "\n prevote n0 n1 n3 h1 r0 A\n precommit n0..n3 h1 r0 A\n commit n0 n1 n3 h1 r0 A\n";
    CHECK_FALSE(run_checker("certified_commit", open + "certificate n1 h1 r0 prevote A by n0..n3").silent());
  }
}

TEST_CASE("signers that a crash cut off from their certificate do not count for a later one",
          "[checkers][certified_commit]") {
  Table table = parse_table(large + "certificate n0 h1 r0 prevote A by n0..n127 n128..n133\n" +
                            "certificate n0 h1 r0 prevote A by n128..n139\n");
  // The first certificate without its end: the node crashed after its signers were recorded.
  const auto end = std::find_if(table.records.begin(), table.records.end(),
                                [](const sim::Record& r) { return r.kind == sim::RecordKind::certified; });
  REQUIRE(end != table.records.end());
  table.records.erase(end);
  CHECK_FALSE(run_checker("certified_commit", nodes(200), table).silent());
}

TEST_CASE("a corrupt signer beyond the first 128 nodes has voted, whether or not it sent its vote",
          "[checkers][lock_rule][certified_commit]") {
  const std::string votes = "committee n0..n199 1\n corrupt n190\n prevote n0..n132 h1 r0 A\n";
  const std::string certificate = "certificate n0 h1 r0 prevote A by n0..n132 n190\n";
  const std::string lock = "precommit n0 h1 r0 A";
  const CheckerContext context = nodes(200);
  CHECK_FALSE(run_checker("lock_rule", context, votes + lock).silent());
  CHECK(run_checker("lock_rule", context, votes + certificate + lock).silent());
  CHECK(run_checker("certified_commit", context, votes + certificate).silent());
  // What a corrupt node says that it has seen proves nothing.
  CHECK_FALSE(run_checker("lock_rule", context,
                          votes + "certificate n190 h1 r0 prevote A by n0..n132 n190\n" + lock).silent());
}
