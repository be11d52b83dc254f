// Identical execution (S11): the same block at the same height gives the same transactions, the same results and the
// same state root at every honest node, also at one that replays.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class IdenticalExecution final : public Checker {
 public:
  explicit IdenticalExecution(const CheckerContext& context)
      : roster_(context.node_count), nodes_(context.node_count) {}
  std::string_view name() const override { return "identical_execution"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::executed, RecordKind::tx_included);
  }
  void on_record(const Record& record) override;

 private:
  /// What came out of executing one block: the first honest node's result is the measure for all.
  struct Outcome {
    NodeId node{no_node};
    Hash128 block;
    Hash128 state;
    NodeId lister{no_node};
    std::uint64_t list = 0;  ///< rolling hash of (transaction, status, index)
    std::uint32_t count = 0;
    bool disputed = false;
  };
  struct Running {
    std::uint64_t height = 0;
    Hash128 block;
    std::uint64_t list = 0;
    std::uint32_t count = 0;
    bool partial = false;  ///< crashed in the middle: its list is not whole
  };
  void close_list(NodeId node, SimTime at);
  Outcome* outcome(std::uint64_t height, Hash128 block);

  Roster roster_;
  std::vector<Running> nodes_;
  HeightWindow<Outcome> outcomes_;
  std::uint64_t archive_floor_ = 0;
};

}  // namespace seqlab::scenarios
