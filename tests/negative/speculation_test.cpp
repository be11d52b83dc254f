// The checker of speculative finality: what it lets pass and what not, on runs written by hand.
#include "protocols/consensus/reproposal.hpp"
#include "tests/negative/record_table.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::tests;

namespace {

Judged judge(std::string_view table) {
  scenarios::CheckerContext context;
  context.engine.speculative = true;
  context.node_count = 4;
  return run_checker("speculation", context, table);
}

// n0 proposes A in round 1. All vote; n3 alone sees the certificate and tells of A.
const std::string told_of_a = R"(
  committee n0..n3 1
  corrupt n0
  propose n0 h1 r1 A
  vote n0..n3 h1 r1 A
  commit n3 h1 r1 A on nil level speculative
)";

// The same with an honest leader, n1.
const std::string honest_a = R"(
  committee n0..n3 1
  corrupt n0
  propose n1 h1 r1 A
  vote n1 n2 h1 r1 A
)";

}  // namespace

TEST_CASE("a speculative block becomes final", "[negative][speculation]") {
  CHECK(judge(told_of_a + "commit n0..n3 h1 r2 A on nil\n").silent());
  CHECK(judge(honest_a + "commit n1 n2 n3 h1 r2 A on nil\n").silent());
}

TEST_CASE("a speculative block may be taken back if its leader signed two", "[negative][speculation]") {
  const std::string taken_back = told_of_a + "revert n3 h1 A\n  commit n1 n2 n3 h1 r3 B on nil\n";
  CHECK_FALSE(judge(taken_back).silent());
  CHECK(judge(taken_back + "propose n0 h1 r1 B\n").silent());            // the proof may come late
  CHECK(judge(taken_back + "propose n0 h2 r1 B\n").silent());            // at another height
  CHECK(judge(taken_back + "repropose n1 h1 r2 B of r1\n").silent());    // n1 has checked who signed B
  CHECK(judge(taken_back + "evidence n2 against n0 h1 r1 double_proposal\n").silent());
}

TEST_CASE("what proves nothing does not excuse a revert", "[negative][speculation]") {
  const std::string taken_back = told_of_a + "revert n3 h1 A\n";
  CHECK_FALSE(judge(taken_back + "propose n0 h1 r2 B\n").silent());          // another round
  CHECK_FALSE(judge(taken_back + "propose n2 h1 r1 B\n").silent());          // not the leader
  CHECK_FALSE(judge(taken_back + "repropose n0 h1 r2 B of r1\n").silent());  // the word of a corrupt node
  CHECK_FALSE(judge(taken_back + "evidence n0 against n0 h1 r1 double_proposal\n").silent());
  CHECK_FALSE(judge(taken_back + "evidence n2 against n0 h1 r1 double_vote\n").silent());
}

TEST_CASE("an honest leader does not excuse a revert", "[negative][speculation]") {
  const Judged judged = judge(R"(
    committee n0..n3 1
    propose n1 h1 r1 A
    commit n3 h1 r1 A on nil level speculative
    revert n3 h1 A
    propose n1 h1 r1 B
  )");
  REQUIRE(judged.findings.size() == 1);
  CHECK(judged.findings[0].nodes == std::vector{NodeId{3}, NodeId{1}});
}

TEST_CASE("nothing is taken back silently, and nothing that was not told", "[negative][speculation]") {
  CHECK_FALSE(judge(told_of_a + "propose n0 h1 r1 B\n commit n3 h1 r3 B on nil\n").silent());
  CHECK(judge(told_of_a + "propose n0 h1 r1 B\n crash n3\n restart n3\n commit n3 h1 r3 B on nil\n").silent());
  CHECK_FALSE(judge(told_of_a + "propose n0 h1 r1 B\n revert n2 h1 A\n").silent());
  CHECK(judge(told_of_a + "revert n0 h1 A\n").silent());  // n0 is corrupt and may say what it likes
}

TEST_CASE("an honest block with honest votes above F is protected", "[negative][speculation]") {
  const Judged judged = judge(honest_a + "propose n2 h1 r2 B\n commit n3 h1 r3 B on nil\n");
  REQUIRE(judged.findings.size() == 1);
  CHECK(judged.findings[0].nodes == std::vector{NodeId{3}, NodeId{1}});
}

TEST_CASE("what is not protected may be lost", "[negative][speculation]") {
  const std::string lost = "propose n2 h1 r2 B\n commit n1 n2 n3 h1 r3 B on nil\n";
  CHECK(judge(told_of_a + "revert n3 h1 A\n propose n0 h1 r1 B\n" + lost).silent());  // corrupt leader
  CHECK(judge(R"(
    committee n0..n3 1
    corrupt n0
    propose n1 h1 r1 A
    vote n0 n1 h1 r1 A
  )" + lost).silent());                                                               // one honest vote
  CHECK(judge(R"(
    committee n0..n3 1
    propose n1 h1 r1 A
    repropose n2 h1 r2 A of r1
    vote n1..n3 h1 r2 A
  )" + lost).silent());                                                               // votes of a later round
  CHECK(judge(honest_a + "epoch n2 from h1 r2\n" + lost).silent());                   // given up with its epoch
  CHECK(judge(honest_a + "epoch n2 from h1 r2\n vote n3 h1 r1 A\n" + lost).silent());  // by one who does not know yet
  CHECK_FALSE(judge(honest_a + "epoch n2 from h2 r2\n" + lost).silent());             // an epoch above it
  CHECK_FALSE(judge(honest_a + "epoch n2 from h1 r1\n" + lost).silent());             // the block is of that epoch
}

TEST_CASE("a proposal record names the round of a block that is proposed again", "[negative][speculation]") {
  using protocols::first_round_of;
  using protocols::reproposal_flags;
  CHECK(first_round_of(7, 0) == 7);
  for (const std::uint32_t first : {0U, 1U, 6U, 65533U, 65534U, 65535U, 65536U, 200000U}) {
    CAPTURE(first);
    CHECK(reproposal_flags(first) != 0);
    CHECK(first_round_of(first + 1, reproposal_flags(first)) == first);
    CHECK(first_round_of(first + 65534, reproposal_flags(first)) == first);
  }
  CHECK(first_round_of(3, reproposal_flags(9)) == 3);  // nonsense of a corrupt node
}
