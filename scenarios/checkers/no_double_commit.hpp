// No double commit (I2): an honest node commits a height once a level, whatever crashes in between.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// What was taken back may come again, or something else in its place. A wiped or rolled-back disk starts the count
/// again, and a restart that of the levels below final (they are promises from memory).
class NoDoubleCommit final : public Checker {
 public:
  explicit NoDoubleCommit(const CheckerContext& context) : roster_(context.node_count), last_(context.node_count) {}
  std::string_view name() const override { return "no_double_commit"; }
  sim::KindMask kinds() const override { return Roster::kinds() | sim::mask_of(RecordKind::reverted); }
  void on_record(const Record& record) override;

 private:
  struct Last {
    std::uint64_t height = 0;
    Hash128 id;
  };
  Roster roster_;
  std::vector<std::array<Last, 3>> last_;  // by node and level
};

}  // namespace seqlab::scenarios
