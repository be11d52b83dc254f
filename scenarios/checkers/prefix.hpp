// Prefix (S2): the heights that an honest node commits are 1, 2, 3, ... without gap, and the parent of each block is
// the block before it.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// After a wiped or rolled-back disk a node may go on from anywhere. Heights that come twice are the business of
/// `no_double_commit`.
class Prefix final : public Checker {
 public:
  explicit Prefix(const CheckerContext& context) : roster_(context.node_count), chains_(context.node_count) {}
  std::string_view name() const override { return "prefix"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::commit_parent, RecordKind::reverted);
  }
  void on_record(const Record& record) override;

 private:
  struct Chain {
    std::array<std::uint64_t, 3> height{};  // by level
    bool anywhere = false;                  // the next commit may be at any height
    Hash128 id, before;                     // of the last final commit and the one before it
    bool before_known = false;
  };
  Roster roster_;
  std::vector<Chain> chains_;
};

}  // namespace seqlab::scenarios
