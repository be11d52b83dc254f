// Lock rule (S7), for engines with prevotes and precommits: an honest node that precommitted v in round r prevotes
// w != v in a later round r' only if more than two thirds prevoted w in some round of [r, r'); and it precommits v in
// round r only if more than two thirds prevoted v in round r.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/signers.hpp"
#include "scenarios/checkers/vote_book.hpp"

namespace seqlab::scenarios {

/// Corrupt nodes may put a signature into circulation that no `voted` record shows (one of them sends for another):
/// what an honest node counted towards a certificate was given.
class LockRule final : public Checker {
 public:
  explicit LockRule(const CheckerContext& context)
      : fits_(context.engine.has_locks), corrupt_nodes_(context.corrupt_nodes), roster_(context.node_count) {}
  std::string_view name() const override { return "lock_rule"; }
  sim::KindMask kinds() const override {
    if (!fits_) return 0;
    sim::KindMask kinds = Roster::kinds() | sim::mask_of(RecordKind::voted);
    if (corrupt_nodes_) kinds |= sim::mask_of(RecordKind::certificate_signers, RecordKind::certified);
    return kinds;
  }
  void on_record(const Record& record) override;

 private:
  struct Precommit {
    NodeId node;
    std::uint32_t round = 0;
    Hash128 id;
  };
  bool fits_;
  bool corrupt_nodes_;
  Roster roster_;
  VoteBook votes_;
  Signers signers_;
  HeightWindow<std::vector<Precommit>> precommits_;  // of honest nodes, for blocks
};

}  // namespace seqlab::scenarios
