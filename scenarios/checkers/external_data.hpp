// External data (X1, X2, X3): what the chain names of layer 1 is there and stays there, comes in order, and was deep
// enough when it was named. Written from the records of blocks and views, not from any policy's code.
//
// What records do not tell is not judged: the age rule of `arweave_sync` and the rules of the clock of `deposits`
// compare header times.
#pragma once

#include <unordered_map>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class ExternalData final : public Checker {
 public:
  explicit ExternalData(const CheckerContext& context);
  std::string_view name() const override { return "external_data"; }
  sim::KindMask kinds() const override {
    if (!reads_) return 0;
    return Roster::kinds() |
           sim::mask_of(RecordKind::l1_mined, RecordKind::l1_parent, RecordKind::l1_seen, RecordKind::l1_ref);
  }
  void on_record(const Record& record) override;
  void finish(SimTime end) override;

 private:
  struct Named {
    std::uint64_t height = 0;      ///< of the rollup
    std::uint64_t l1_height = 0;
    Hash128 id;
    NodeId node{no_node};
    SimTime at{};
  };
  void on_ref(const Record& record);

  bool reads_;
  bool many_decide_;         // what one node names needs others to be believed
  std::uint64_t step_max_;   // L1 blocks that one block may go on; 0: any number
  std::uint64_t depth_;      // on top of a block before it may be named; 0: no such rule
  Roster roster_;
  // What the first honest node told, by height of the rollup: the last one, and those that named another L1 height than
  // the one before them, the first included.
  Named last_;
  std::vector<Named> named_;
  std::vector<std::uint64_t> seen_;       // by node: height of the L1 tip that it believes in
  Hash128 tip_;
  Hash128 mined_;
  std::uint64_t first_ = 0;               // L1 height of the first block that a record told of
  std::unordered_map<Hash128, std::pair<std::uint64_t, Hash128>> parents_;  // height, parent; only looked up
};

}  // namespace seqlab::scenarios
