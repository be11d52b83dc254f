// The effect of forced items (bug zoo, Z66): an item that would have been executed as the first thing of its block is
// executed in it. Inclusion by a deadline says nothing about that: who chooses what comes before an item can make it
// fail, and put everything back afterwards.
//
// The measure is the state that the block began with. What an earlier block moved does not count, nor does what other
// forced items did before it: their order is that of layer 1. Honest nodes tell both outcomes.
#pragma once

#include <set>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class ForcedEffect final : public Checker {
 public:
  explicit ForcedEffect(const CheckerContext& context)
      : reads_(context.forced.policy != "none"), roster_(context.node_count), done_(context.node_count) {}
  std::string_view name() const override { return "forced_effect"; }
  sim::KindMask kinds() const override {
    if (!reads_) return 0;
    return Roster::kinds() | sim::mask_of(RecordKind::forced_done, RecordKind::forced_first);
  }
  void on_record(const Record& record) override;

 private:
  bool reads_;
  Roster roster_;
  std::vector<Record> done_;       // by node: the last one
  std::set<Hash128> reported_;
};

}  // namespace seqlab::scenarios
