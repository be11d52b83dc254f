// Validity (S3, S4): written from the records, not from any node's code. A committed block was signed as a proposal by
// somebody for that height (unless the engine makes blocks of what many proposed); its transactions were submitted by
// clients; none is executed twice; nonces of one account run 0, 1, 2, ...
#pragma once

#include <unordered_map>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// Transactions are judged once a chain (by whichever honest node comes first to each position); that all nodes execute
/// the same is `identical_execution`. Remembers submitted transactions until they execute.
class Validity final : public Checker {
 public:
  explicit Validity(const CheckerContext& context)
      : proposals_(context.engine.commits_proposals), roster_(context.node_count), heads_(context.node_count) {
    if (context.migrates) old_core_ = NodeId{context.node_count};
  }
  std::string_view name() const override { return "validity"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::proposed, RecordKind::tx_submitted, RecordKind::tx_included);
  }
  void on_record(const Record& record) override;

 private:
  struct Block {
    std::vector<Hash128> proposed;  // sorted
    Hash128 id;                     // of the first commit
    bool committed = false;
    std::uint32_t judged = 0;       // transactions looked at
  };
  struct Head {
    std::uint64_t height = 0;
    Hash128 id;
  };
  struct Submitted {
    std::uint32_t account = 0;
    std::uint64_t nonce = 0;
  };
  void on_committed(const Record& record);
  void on_included(const Record& record);

  bool proposals_;  // what commits was proposed as it is; if not, its transactions alone are judged
  NodeId old_core_{no_node};  // what it executed is the beginning of the history
  Roster roster_;
  HeightWindow<Block> blocks_;
  std::vector<Head> heads_;  // by node: its last final commit
  // Only looked up, never walked.
  std::unordered_map<Hash128, Submitted> submitted_;
  std::unordered_map<std::uint32_t, std::uint64_t> next_nonce_;
};

}  // namespace seqlab::scenarios
