// One vote (S6): an honest node votes for at most one value a (height, round, type), including after restarts.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/vote_book.hpp"

namespace seqlab::scenarios {

/// Saying the same again is no offence. A node whose disk was wiped or rolled back cannot keep the promise and is not
/// held to it: it counts as faulty (see ModelMonitor).
class OneVote final : public Checker {
 public:
  explicit OneVote(const CheckerContext& context)
      : fits_(context.engine.has_certificates), roster_(context.node_count) {}
  std::string_view name() const override { return "one_vote"; }
  sim::KindMask kinds() const override {
    return fits_ ? Roster::kinds() | sim::mask_of(RecordKind::voted) : 0;
  }
  void on_record(const Record& record) override;

 private:
  bool fits_;
  Roster roster_;
  VoteBook votes_;
};

/// "prevote", "precommit" ...
std::string_view vote_name(VoteType type);
/// "7c1e03ab", or "nil".
std::string value_name(Hash128 id);

}  // namespace seqlab::scenarios
