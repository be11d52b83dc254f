// Each checker of safety is shown to fire on a run that breaks its property, and to stay silent on its sound twin. The
// runs are written by hand; runs of broken engines are in the files beside this one.
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

CheckerContext one_orders() {
  CheckerContext context = nodes(3);
  context.engine.has_certificates = false;
  context.engine.byzantine_tolerant = false;
  context.engine.sequencer = NodeId{0};
  return context;
}

// A sound height 1 of four nodes, by way of rounds 0 (no decision) and 1.
constexpr std::string_view sound_run = R"(
  committee n0..n3 1
  submit tx1 account 7 nonce 0
  submit tx2 account 7 nonce 1
  round n0..n3 h1 r0
  propose n0 h1 r0 A
  prevote n0 n1 n2 h1 r0 A
  prevote n3 h1 r0 nil
  certificate n0 h1 r0 prevote A by n0 n1 n2
  lock n0 h1 r0 A
  precommit n0 h1 r0 A
  precommit n1..n3 h1 r0 nil
  round n0..n3 h1 r1
  propose n1 h1 r1 A
  prevote n0..n3 h1 r1 A
  certificate n1 h1 r1 prevote A by n0..n3
  lock n0..n3 h1 r1 A
  precommit n0..n3 h1 r1 A
  certificate n1 h1 r1 precommit A by n1 n2 n3
  commit n0..n3 h1 r1 A on nil
  include n0..n3 h1 tx1 tx2
  execute n0..n3 h1 S1
  confirm n1 h1 tx1
  round n0..n3 h2 r0
  propose n1 h2 r0 B
  prevote n0..n3 h2 r0 B
  precommit n0..n3 h2 r0 B
  commit n0..n3 h2 r0 B on A
  execute n0..n3 h2 S2
)";

}  // namespace

TEST_CASE("no checker finds anything in a sound run", "[checkers]") {
  for (const scenarios::CheckerEntry& entry : scenarios::checkers()) {
    INFO(entry.name);
    CHECK(run_checker(entry.name, sound_run).first() == "");
  }
}

TEST_CASE("an unfit checker wants no records", "[checkers]") {
  for (const scenarios::CheckerEntry& entry : scenarios::checkers()) {
    INFO(entry.name);
    CHECK((entry.make(one_orders())->kinds() != 0) == entry.fits(one_orders()));
  }
  CHECK(scenarios::find_checker("agreement") != nullptr);
  CHECK(scenarios::find_checker("agreemint") == nullptr);
}

TEST_CASE("agreement fires when honest nodes commit different blocks", "[checkers][agreement]") {
  const Judged judged = run_checker("agreement", R"(
    committee n0..n3 1
    commit n0 n1 h1 r0 A
    commit n0 h2 r0 B
    commit n1 h2 r3 C
    commit n2 h1 r0 A
    commit n2 h2 r3 C
  )");
  REQUIRE(judged.findings.size() == 1);  // one a height
  CHECK(judged.first() == "n0 and n1 committed different blocks at height 2 (" + short_hex(named("B")) +
                              " in round 0, " + short_hex(named("C")) + " in round 3)");
  CHECK(judged.findings[0].nodes == std::vector<NodeId>{NodeId{0}, NodeId{1}});
}

TEST_CASE("agreement asks nothing of corrupt nodes and of soft commits", "[checkers][agreement]") {
  CHECK(run_checker("agreement", R"(
    corrupt n3
    commit n0 n1 h1 r0 A
    commit n3 h1 r0 B
    commit n2 h1 r0 B level soft
    commit n2 h1 r0 A
  )").silent());
}

TEST_CASE("agreement reaches a node that was down for a thousand heights and more", "[checkers][agreement]") {
  std::string run = "committee n0..n3 1\ncommit n0..n3 h1 r0 A1\ncrash n3\n";
  for (int h = 2; h < 1500; ++h) run += "commit n0..n2 h" + std::to_string(h) + " r0 A" + std::to_string(h) + "\n";
  run += "restart n3\n";
  CHECK(run_checker("agreement", run + "commit n3 h2 r0 A2\n").silent());
  CHECK(run_checker("agreement", run + "commit n3 h2 r0 X\n").findings.size() == 1);
}

TEST_CASE("no_double_commit fires on a height that comes twice", "[checkers][no_double_commit]") {
  CHECK(run_checker("no_double_commit", "commit n0 h1 r0 A\n commit n0 h1 r0 A").findings.size() == 1);
  CHECK(run_checker("no_double_commit", "commit n0 h1 r0 A\n commit n0 h1 r1 B").findings.size() == 1);
  CHECK(run_checker("no_double_commit", "commit n0 h1 r0 A\n commit n0 h2 r0 B\n crash n0\n restart n0\n"
                                        "commit n0 h1 r0 A").findings.size() == 1);
}

TEST_CASE("no_double_commit forgives a wiped disk, and soft commits that a crash took",
          "[checkers][no_double_commit]") {
  CHECK(run_checker("no_double_commit", "commit n0 h1 r0 A\n crash n0\n wipe n0\n restart n0\n commit n0 h1 r0 A")
            .silent());
  CHECK(run_checker("no_double_commit", "commit n0 h1 r0 A level soft\n crash n0\n restart n0\n"
                                        "commit n0 h1 r0 A level soft\n commit n0 h1 r0 A").silent());
  CHECK_FALSE(run_checker("no_double_commit", "commit n0 h1 r0 A level soft\n commit n0 h1 r0 B level soft").silent());
}

TEST_CASE("prefix fires on gaps and on foreign parents", "[checkers][prefix]") {
  CHECK(run_checker("prefix", "commit n0 h2 r0 B").findings.size() == 1);
  CHECK(run_checker("prefix", "commit n0 h1 r0 A\n commit n0 h3 r0 C").findings.size() == 1);
  CHECK(run_checker("prefix", "commit n0 h1 r0 A on nil\n commit n0 h2 r0 B on X").findings.size() == 1);
  CHECK(run_checker("prefix", "commit n0 h1 r0 A on nil\n commit n0 h2 r0 B on A\n commit n0 h3 r0 C on B").silent());
  CHECK(run_checker("prefix", "commit n0 h1 r0 A\n crash n0\n rollback n0\n restart n0\n commit n0 h7 r0 G on F")
            .silent());
}

TEST_CASE("validity fires on blocks that nobody proposed", "[checkers][validity]") {
  CHECK(run_checker("validity", "propose n0 h1 r0 A\n commit n1 h1 r0 B").findings.size() == 1);
  CHECK(run_checker("validity", "propose n0 h2 r0 A\n commit n1 h1 r0 A").findings.size() == 1);
  CHECK(run_checker("validity", "propose n0 h1 r0 A\n commit n1 h1 r0 A").silent());
}

TEST_CASE("validity fires on transactions that nobody submitted, come twice or out of order", "[checkers][validity]") {
  const std::string before = R"(
    propose n0 h1 r0 A
    submit tx1 account 7 nonce 0
    submit tx2 account 7 nonce 1
    commit n0 n1 h1 r0 A
  )";
  CHECK(run_checker("validity", before + "include n0 n1 h1 tx1 tx2").silent());
  CHECK(run_checker("validity", before + "include n0 n1 h1 tx1 tx9").findings.size() == 1);
  CHECK(run_checker("validity", before + "include n0 n1 h1 tx1 tx1").findings.size() == 1);
  CHECK(run_checker("validity", before + "include n0 n1 h1 tx2").findings.size() == 1);
  CHECK(run_checker("validity", before + "include n0 n1 h1 tx1 tx2 tx2 failed").silent());
  CHECK(run_checker("validity", before + R"(
    include n0 h1 tx1 tx2
    propose n1 h2 r0 B
    commit n0 h2 r0 B
    include n0 h2 tx1
  )").findings.size() == 1);
}

TEST_CASE("certified_commit fires on a commit without a quorum of votes", "[checkers][certified_commit]") {
  CHECK(run_checker("certified_commit", R"(
    committee n0..n3 1
    precommit n0 n1 h1 r0 A
    commit n0 h1 r0 A
  )").findings.size() == 1);
  CHECK(run_checker("certified_commit", R"(
    committee n0..n3 1
    precommit n0 n1 n2 h1 r0 A
    commit n0 h1 r0 A
  )").silent());
  // votes of two rounds do not add up
  CHECK(run_checker("certified_commit", R"(
    committee n0..n3 1
    precommit n0 n1 h1 r0 A
    precommit n2 n3 h1 r1 A
    commit n0 h1 r1 A
  )").findings.size() == 1);
  // nor do prevotes
  CHECK(run_checker("certified_commit", R"(
    committee n0..n3 1
    prevote n0..n3 h1 r0 A
    commit n0 h1 r0 A
  )").findings.size() == 1);
}

TEST_CASE("certified_commit counts power, not heads, by the committee of the height", "[checkers][certified_commit]") {
  constexpr std::string_view weighted = R"(
    committee n0 n1 n2 1
    committee n3 3
    precommit n0 n1 n2 n3 h1 r0 A
    commit n0 h1 r0 A
    power n3 = 9 from h3
  )";
  CHECK(run_checker("certified_commit", weighted).silent());
  const std::string low{weighted};
  CHECK(run_checker("certified_commit", low + "precommit n0 n1 n3 h2 r0 B\n commit n0 h2 r0 B").silent());    // 5 of 6
  CHECK_FALSE(run_checker("certified_commit", low + "precommit n0 n3 h2 r0 B\n commit n0 h2 r0 B").silent());  // 4 of 6
  CHECK(run_checker("certified_commit",
                    low + "commit n1..n3 h1 r0 A\n precommit n0..n3 h2 r0 B\n commit n0..n3 h2 r0 B\n"
                          "precommit n3 h3 r0 C\n commit n0 h3 r0 C").silent());  // 9 of 12
  CHECK_FALSE(run_checker("certified_commit",
                          low + "commit n1..n3 h1 r0 A\n precommit n0..n3 h2 r0 B\n commit n0..n3 h2 r0 B\n"
                                "precommit n0 n1 n2 h3 r0 C\n commit n0 h3 r0 C").silent());  // 3 of 12
}

TEST_CASE("certified_commit weighs votes that came before the committee was known", "[checkers][certified_commit]") {
  CHECK_FALSE(run_checker("certified_commit", R"(
    committee n0..n3 1
    precommit n0 n1 n2 h3 r0 A
    power n3 = 9 from h3
    commit n0 h3 r0 A
  )").silent());
}

TEST_CASE("certified_commit fires on certificates with absent, double or foreign signers",
          "[checkers][certified_commit]") {
  const std::string votes = "committee n0..n3 1\n prevote n0 n1 n2 h1 r0 A\n prevote n3 h1 r0 nil\n";
  CHECK(run_checker("certified_commit", votes + "certificate n0 h1 r0 prevote A by n0 n1 n2").silent());
  CHECK_FALSE(run_checker("certified_commit", votes + "certificate n0 h1 r0 prevote A by n0 n1 n3").silent());
  CHECK_FALSE(run_checker("certified_commit", votes + "certificate n0 h1 r0 prevote A by n0 n1 n1").silent());
  CHECK_FALSE(run_checker("certified_commit", votes + "certificate n0 h1 r0 prevote A by n0 n1").silent());
  CheckerContext five = nodes(5);
  CHECK_FALSE(run_checker("certified_commit", five,
                          votes + "prevote n4 h1 r0 A\n certificate n0 h1 r0 prevote A by n0 n1 n4").silent());
}

TEST_CASE("certified_commit takes a corrupt node's signature for its vote", "[checkers][certified_commit]") {
  const std::string votes = "committee n0..n3 1\n corrupt n3\n precommit n0 n1 h1 r0 A\n";
  CHECK(run_checker("certified_commit", votes + "certificate n0 h1 r0 precommit A by n0 n1 n3\n commit n0 h1 r0 A")
            .silent());
  CHECK_FALSE(run_checker("certified_commit", votes + "commit n0 h1 r0 A").silent());
}

TEST_CASE("one_vote fires on a node that says two things, also across a restart", "[checkers][one_vote]") {
  CHECK(run_checker("one_vote", "prevote n0 h1 r0 A\n prevote n0 h1 r0 B").findings.size() == 1);
  CHECK(run_checker("one_vote", "prevote n0 h1 r0 A\n prevote n0 h1 r0 nil").findings.size() == 1);
  CHECK(run_checker("one_vote", "precommit n0 h1 r2 A\n crash n0\n restart n0\n precommit n0 h1 r2 nil")
            .findings.size() == 1);
  CHECK(run_checker("one_vote", R"(
    prevote n0 h1 r0 A
    precommit n0 h1 r0 B
    prevote n0 h1 r1 B
    crash n0
    restart n0
    prevote n0 h1 r1 B
  )").silent());
}

TEST_CASE("one_vote asks nothing of corrupt nodes and of those that lost their memory", "[checkers][one_vote]") {
  CHECK(run_checker("one_vote", "corrupt n0\n prevote n0 h1 r0 A\n prevote n0 h1 r0 B").silent());
  CHECK(run_checker("one_vote", "prevote n0 h1 r0 A\n crash n0\n wipe n0\n restart n0\n prevote n0 h1 r0 B").silent());
  CHECK_FALSE(run_checker("one_vote", "prevote n0 h1 r0 A\n crash n0\n unsynced n0\n restart n0\n prevote n0 h1 r0 B")
                  .silent());
}

TEST_CASE("one_vote remembers what a node said before it was down while the others went on", "[checkers][one_vote]") {
  std::string run = "committee n0..n3 1\nprevote n3 h1 r0 A\ncrash n3\n";
  for (int h = 1; h < 500; ++h) run += "commit n0..n2 h" + std::to_string(h) + " r0 A" + std::to_string(h) + "\n";
  CHECK_FALSE(run_checker("one_vote", run + "restart n3\n prevote n3 h1 r0 B").silent());
}

TEST_CASE("lock_rule fires on a prevote against the own lock without a later polka", "[checkers][lock_rule]") {
  const std::string locked = R"(
    committee n0..n3 1
    prevote n0..n3 h1 r0 A
    precommit n0 h1 r0 A
    precommit n1 n2 n3 h1 r0 nil
  )";
  CHECK(run_checker("lock_rule", locked + "prevote n0 h1 r1 B").findings.size() == 1);
  CHECK(run_checker("lock_rule", locked + "prevote n0 h1 r1 A\n prevote n0 h1 r2 nil").silent());
  CHECK(run_checker("lock_rule", locked + "prevote n1 h1 r1 B").silent());
  CHECK(run_checker("lock_rule", locked + "prevote n1 n2 n3 h1 r1 B\n prevote n0 h1 r2 B").silent());
  CHECK_FALSE(run_checker("lock_rule", locked + "prevote n1 n2 h1 r1 B\n prevote n0 h1 r2 B").silent());
  // the polka of the very round does not excuse
  CHECK_FALSE(run_checker("lock_rule", locked + "prevote n1 n2 n3 h1 r1 B\n prevote n0 h1 r1 B").silent());
  // locks of one height say nothing about another
  CHECK(run_checker("lock_rule", locked + "prevote n0 h2 r1 B").silent());
}

TEST_CASE("lock_rule looks at every lock, not only at the last", "[checkers][lock_rule]") {
  CHECK_FALSE(run_checker("lock_rule", R"(
    committee n0..n3 1
    prevote n0..n3 h1 r0 A
    precommit n0 h1 r0 A
    prevote n1 n2 n3 h1 r1 B
    precommit n0 h1 r1 B
    prevote n0 h1 r2 A
  )").silent());
}

TEST_CASE("lock_rule fires on a precommit without a polka", "[checkers][lock_rule]") {
  CHECK(run_checker("lock_rule", "committee n0..n3 1\n prevote n0 n1 h1 r0 A\n precommit n0 h1 r0 A").findings.size() ==
        1);
  CHECK(run_checker("lock_rule", "committee n0..n3 1\n prevote n0 n1 n2 h1 r0 A\n precommit n0 h1 r0 A").silent());
  CHECK(run_checker("lock_rule", "committee n0..n3 1\n precommit n0 h1 r0 nil").silent());
}

TEST_CASE("lock_rule takes a corrupt node's signature in a certificate for its vote", "[checkers][lock_rule]") {
  const std::string run = "committee n0..n3 1\n corrupt n3\n prevote n0 n1 h1 r0 A\n";
  CHECK_FALSE(run_checker("lock_rule", run + "precommit n0 h1 r0 A").silent());
  CHECK(run_checker("lock_rule", run + "certificate n0 h1 r0 prevote A by n0 n1 n3\n precommit n0 h1 r0 A").silent());
}

TEST_CASE("single_signer fires on an honest proposer's second block", "[checkers][single_signer]") {
  CHECK(run_checker("single_signer", "propose n0 h1 r0 A\n propose n0 h1 r0 B").findings.size() == 1);
  CHECK(run_checker("single_signer", "propose n0 h1 r0 A\n propose n0 h1 r1 B\n propose n0 h1 r1 B").silent());
  CHECK(run_checker("single_signer", "corrupt n0\n propose n0 h1 r0 A\n propose n0 h1 r0 B").silent());
  CHECK(run_checker("single_signer", one_orders(), "propose n0 h1 r0 A\n propose n0 h1 r1 B").findings.size() == 1);
  CHECK(run_checker("single_signer", one_orders(), "propose n0 h1 r0 A\n propose n0 h2 r0 B").silent());
}

TEST_CASE("identical_execution fires on different states", "[checkers][identical_execution]") {
  CHECK(run_checker("identical_execution", R"(
    commit n0 n1 n2 h1 r0 A
    execute n0 h1 S
    execute n1 h1 S
    execute n2 h1 T
  )").findings.size() == 1);
  // of different blocks: agreement has that
  CHECK(run_checker("identical_execution", "commit n0 h1 r0 A\n execute n0 h1 S\n commit n1 h1 r0 B\n execute n1 h1 T")
            .silent());
  CHECK(run_checker("identical_execution", "corrupt n1\n commit n0 n1 h1 r0 A\n execute n0 h1 S\n execute n1 h1 T")
            .silent());
}

TEST_CASE("identical_execution fires on different results of one block", "[checkers][identical_execution]") {
  const std::string run = "commit n0 n1 h1 r0 A\n include n0 h1 tx1 tx2\n execute n0 n1 h1 S\n";
  CHECK(run_checker("identical_execution", run + "include n1 h1 tx1 tx2\n commit n0 n1 h2 r0 B").silent());
  CHECK_FALSE(run_checker("identical_execution", run + "include n1 h1 tx2 tx1\n commit n0 n1 h2 r0 B").silent());
  CHECK_FALSE(run_checker("identical_execution", run + "include n1 h1 tx1 tx2 failed\n commit n0 n1 h2 r0 B").silent());
  CHECK_FALSE(run_checker("identical_execution", run + "include n1 h1 tx1\n commit n0 n1 h2 r0 B").silent());
}

TEST_CASE("durability fires when a crash takes committed blocks", "[checkers][durability]") {
  const std::string run = "commit n0 h1 r0 A on nil\n commit n0 h2 r0 B on A\n crash n0\n restart n0\n";
  CHECK(run_checker("durability", run + "round n0 h3 r0\n commit n0 h3 r0 C on B").silent());
  CHECK(run_checker("durability", run + "round n0 h2 r0").findings.size() == 1);
  CHECK(run_checker("durability", run + "commit n0 h2 r1 X on A").findings.size() == 1);
  CHECK(run_checker("durability", run + "commit n0 h3 r0 C on X").findings.size() == 1);
  CHECK(run_checker("durability", "commit n0 h1 r0 A\n crash n0\n wipe n0\n restart n0\n round n0 h1 r0").silent());
}

TEST_CASE("durability fires when a client was told something that is not so", "[checkers][durability]") {
  const std::string run = "commit n0 n1 h1 r0 A\n include n0 h1 tx1\n";
  CHECK(run_checker("durability", run + "confirm n0 h1 tx1").silent());
  CHECK(run_checker("durability", run + "confirm n0 h1 tx2").findings.size() == 1);
  CHECK(run_checker("durability", run + "confirm n0 h2 tx1").findings.size() == 1);
  CHECK(run_checker("durability", "corrupt n3\n" + run + "confirm n3 h1 tx2").silent());
  CHECK(run_checker("durability", run + "confirm n0 h1 tx1\n commit n2 h1 r0 B").findings.size() == 1);
}

TEST_CASE("durability leaves to agreement what comes after a fork", "[checkers][durability]") {
  CHECK(run_checker("durability", R"(
    commit n0 h1 r0 A
    include n0 h1 tx1
    commit n1 h1 r0 B
    include n1 h1 tx2
    confirm n1 h1 tx2
  )").silent());
}

TEST_CASE("durability fires when nobody is left who has what clients were told", "[checkers][durability]") {
  const std::string run =
      "commit n0 h1 r0 A\n include n0 h1 tx1\n confirm n0 h1 tx1\n crash n0\n wipe n0\n restart n0\n";
  CHECK(run_checker("durability", run).findings.size() == 1);
  CHECK(run_checker("durability", run + "commit n1 h1 r0 A").silent());
}

// ---- accountability -------------------------------------------------------------------------------------------------

TEST_CASE("accountability is silent while honest nodes agree", "[checkers][accountability]") {
  CHECK(run_checker("accountability", R"(
    committee n0..n3 1
    corrupt n3
    precommit n0..n3 h1 r0 A
    precommit n3 h1 r0 B
    commit n0 n1 n2 h1 r0 A
  )").silent());
}

//   Z01: n2 and n3 precommit A towards n0 and B towards n1.
TEST_CASE("accountability convicts exactly the equivocators", "[checkers][accountability]") {
  const Judged judged = run_checker("accountability", R"(
    committee n0..n3 1
    corrupt n2 n3
    prevote n0 h1 r0 A
    prevote n1 h1 r0 B
    prevote n2 n3 h1 r0 A
    prevote n2 n3 h1 r0 B
    precommit n0 n2 n3 h1 r0 A
    precommit n1 n2 n3 h1 r0 B
    commit n0 h1 r0 A
    commit n1 h1 r0 B
  )");
  CHECK(judged.silent());
  CHECK(judged.accused == std::vector<NodeId>{NodeId{2}, NodeId{3}});
}

//   Z02: nobody says two things in one round; n2 and n3 forget what they precommitted.
TEST_CASE("accountability convicts amnesia from the history of votes", "[checkers][accountability]") {
  const std::string run = R"(
    committee n0..n3 1
    corrupt n2 n3
    prevote n0..n3 h1 r0 A
    precommit n0 n2 n3 h1 r0 A
    precommit n1 h1 r0 nil
    commit n0 h1 r0 A
    prevote n1 n2 n3 h1 r1 B
    precommit n1 n2 n3 h1 r1 B
    commit n1 h1 r1 B
  )";
  const Judged judged = run_checker("accountability", run);
  CHECK(judged.silent());
  CHECK(judged.accused == std::vector<NodeId>{NodeId{2}, NodeId{3}});
}

TEST_CASE("accountability fires when too little power can be convicted", "[checkers][accountability]") {
  // n1 commits on two votes: a broken quorum rule, and nobody contradicted himself
  const Judged judged = run_checker("accountability", R"(
    committee n0..n3 1
    precommit n0 n2 h1 r0 A
    precommit n1 n3 h1 r0 B
    commit n0 h1 r0 A
    commit n1 h1 r0 B
  )");
  REQUIRE(judged.findings.size() == 1);
  CHECK(judged.first().find("convict nobody (power 0 of 4; at least 2") != std::string::npos);
}

TEST_CASE("accountability fires when it would convict an honest node", "[checkers][accountability]") {
  const std::string_view run = R"(
    committee n0..n3 1
    corrupt n3
    precommit n0 n2 n3 h1 r0 A
    precommit n1 n2 n3 h1 r0 B
    commit n0 h1 r0 A
    commit n1 h1 r0 B
  )";
  const Judged judged = run_checker("accountability", run);
  REQUIRE(judged.findings.size() == 2);
  CHECK(judged.first().find("convict n2, which is honest") != std::string::npos);
  // a node that lost its disk did contradict itself
  CHECK(run_checker("accountability", "crash n2\n wipe n2\n restart n2\n" + std::string{run}).silent());
}

TEST_CASE("accountability weighs power as the quorum rule does", "[checkers][accountability]") {
  //   total 6, F = 1: two quorums of 5 share at least 4
  const std::string run = R"(
    committee n0 n1 n2 1
    committee n3 3
    corrupt n3
    precommit n0 n1 n3 h1 r0 A
    precommit n2 n3 h1 r0 B
    commit n0 h1 r0 A
    commit n2 h1 r0 B
  )";
  CHECK(run_checker("accountability", run).silent());
}

TEST_CASE("accountability keeps the votes of the dispute while the run goes on", "[checkers][accountability]") {
  std::string run = R"(
    committee n0..n3 1
    corrupt n2 n3
    precommit n0 n2 n3 h1 r0 A
    precommit n1 n2 n3 h1 r0 B
    commit n0 h1 r0 A
    commit n1 h1 r0 B
  )";
  for (int h = 2; h < 40; ++h) {
    run += "precommit n0..n3 h" + std::to_string(h) + " r0 X\ncommit n0 n1 h" + std::to_string(h) + " r0 X\n";
  }
  CHECK(run_checker("accountability", run).accused == std::vector<NodeId>{NodeId{2}, NodeId{3}});
}

// ---- hostile numbers ------------------------------------------------------------------------------------------------

TEST_CASE("absurd heights, rounds and senders cost nothing and break nothing", "[checkers]") {
  const std::string run = R"(
    committee n0..n3 1
    corrupt n3
    prevote n3 h18446744073709551615 r4294967295 A
    propose n3 h18446744073709551614 r0 A
    precommit n3 h1000000000000 r0 A
    commit n3 h18446744073709551615 r0 A
    evidence n0 against n3 h18446744073709551615 r0 double_vote
    prevote n77 h1 r0 A
    commit n77 h1 r0 A
    certificate n0 h1 r0 prevote nil by n77
  )";
  for (const scenarios::CheckerEntry& entry : scenarios::checkers()) {
    INFO(entry.name);
    const Judged judged = run_checker(entry.name, run);
    CHECK(judged.silent() == (entry.name != "certified_commit"));  // n77 is no member
  }
}

// ---- evidence -------------------------------------------------------------------------------------------------------

TEST_CASE("evidence fires on an accusation without an offence", "[checkers][evidence]") {
  CHECK(run_checker("evidence", "prevote n1 h1 r0 A\n evidence n0 against n1 h1 r0 double_vote").findings.size() == 1);
  CHECK(run_checker("evidence", "prevote n1 h1 r0 A\n prevote n1 h1 r0 B\n evidence n0 against n1 h1 r0 double_vote")
            .silent());
  CHECK(run_checker("evidence", "propose n1 h1 r0 A\n evidence n0 against n1 h1 r0 double_proposal").findings.size() ==
        1);
  CHECK(run_checker("evidence", "corrupt n1\n evidence n0 against n1 h1 r0 double_vote").silent());
  CHECK(run_checker("evidence", "corrupt n0\n evidence n0 against n1 h1 r0 double_vote").silent());
}

TEST_CASE("evidence fires on a double vote that an honest node got and nobody reports", "[checkers][evidence]") {
  const std::string run = R"(
    committee n0..n3 1
    corrupt n3
    round n0..n2 h1 r0
    both n3 prevote seq 7 h1 r0 A
    both n3 prevote seq 8 h1 r0 B
    delivered n0 n1 from n3 prevote seq 7
    delivered n2 from n3 prevote seq 8
  )";
  CHECK(run_checker("evidence", run + "wait 300\n commit n0..n2 h1 r0 A").silent());
  const std::string got = run + "delivered n1 from n3 prevote seq 8\n";
  const Judged judged = run_checker("evidence", got + "wait 300\n commit n0..n2 h1 r0 A");
  REQUIRE(judged.findings.size() == 1);
  CHECK(judged.first() == "n1 got two different prevotes of n3 in height 1 round 0, and nobody ever reported it");
  CHECK(run_checker("evidence", got + "wait 300\n evidence n1 against n3 h1 r0 double_vote\n commit n0..n2 h1 r0 A")
            .silent());
  CHECK(run_checker("evidence", got + "wait 300\n commit n0..n2 h1 r0 A\n evidence n2 against n3 h1 r0 double_vote")
            .silent());
  CHECK_FALSE(run_checker("evidence", got + "wait 300").silent());  // the run ends there
}

TEST_CASE("evidence is not owed for what a twin said from a machine of its own", "[checkers][evidence]") {
  const Judged judged = run_checker("evidence", R"(
    committee n0..n3 1
    corrupt n3
    round n0..n2 h1 r0
    both n3 prevote seq 6 h1 r0 A
    both n3 prevote seq 7 then n4 seq 8 h1 r0 B
    delivered n1 from n3 prevote seq 6
    delivered n1 from n3 prevote seq 7
    wait 300
    commit n0..n2 h1 r0 A
  )");
  CHECK(judged.silent());  // B is in message 8, which n1 never got
}

TEST_CASE("evidence is not owed by a node that could not judge", "[checkers][evidence]") {
  const std::string run = R"(
    committee n0..n3 1
    corrupt n3
    both n3 prevote seq 7 h1 r1 A
    both n3 prevote seq 8 h1 r1 B
  )";
  const std::string got = "delivered n0 from n3 prevote seq 7\n delivered n0 from n3 prevote seq 8\n";
  const std::string after = "wait 300\n commit n0..n2 h1 r1 A";
  CHECK_FALSE(run_checker("evidence", run + "round n0 h1 r1\n" + got + after).silent());
  CHECK(run_checker("evidence", run + got + after).silent());                        // at no height yet
  CHECK(run_checker("evidence", run + "round n0 h1 r0\n" + got + after).silent());   // a round of the future
  CHECK(
      run_checker("evidence", run + "round n0 h1 r1\n" + got + "wait 100\n commit n0..n2 h1 r1 A").silent());  // hurry
  CHECK(run_checker("evidence", run + "round n0 h1 r1\n" + got + "crash n0\n restart n0\n" + after).silent());
  CHECK(run_checker("evidence",
                    run + "round n0 h1 r1\n" + got + "rejected n0 from n3 prevote h1 r1\n" + after).silent());
  CHECK(run_checker("evidence", run + "power n3 = 0 from h1\n round n0 h1 r1\n" + got + after).silent());
}
