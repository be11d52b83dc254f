// Runs of a world written by hand: one line a record, so that a test reads like the story it tells.
//
//   committee n0..n3 1            voting power 1 each, from height 1
//   power n4 = 2 from h7          a change
//   corrupt n3
//   propose n0 h1 r0 A            signer, height, round, block (any word; `nil` is nil)
//   prevote n0 n1 n2 h1 r0 A      one record a node
//   precommit n0..n2 h1 r0 A
//   lock n0 h1 r0 A
//   certificate n0 h1 r0 precommit A by n0 n1 n2
//   commit n0 n1 h1 r0 A on G     `on`: parent
//   commit n0 h1 r0 A on G level soft
//   execute n0 h1 S1
//   submit tx1 account 7 nonce 0
//   include n0 h1 tx1 tx2         in this order from index 0
//   include n0 h1 tx1 failed
//   confirm n0 h1 tx1             a client was told by n0
//   round n0..n3 h1 r1
//   step n0 h1 r1 2
//   evidence n1 against n3 h1 r0 double_vote
//   sent n3 prevote seq 9 / delivered n0 from n3 prevote seq 9 / rejected n0 from n3 prevote h1 r0
//   crash n1 / start n1 / restart n1 / wipe n1 / rollback n1 / jump n1 700
//   heal / core n0 n1 n2
//   wait 250                      milliseconds; every line takes one by itself
//
// Text after # is a comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/checkers/checker.hpp"

namespace seqlab::tests {

/// The block, transaction or state that a word of a table stands for.
Hash128 named(std::string_view word);

struct Table {
  std::vector<sim::Record> records;
  SimTime end{};
};

/// @throws std::runtime_error naming the line that it cannot read
Table parse_table(std::string_view text);

struct Judged {
  std::vector<scenarios::Finding> findings;
  scenarios::Liveness liveness = scenarios::Liveness::not_checked;
  std::vector<NodeId> accused;
  /// Text of the first finding, "" if there is none.
  std::string first() const { return findings.empty() ? std::string{} : findings.front().text; }
  bool silent() const { return findings.empty(); }
};

/// What the named checker makes of a run, reading only the kinds that it asked for.
Judged run_checker(std::string_view checker, const scenarios::CheckerContext& context, std::string_view table);
/// Of four nodes that vote.
Judged run_checker(std::string_view checker, std::string_view table);

}  // namespace seqlab::tests
