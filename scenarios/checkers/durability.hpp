// No loss across crashes: what a node committed, executed or confirmed to a client before a crash is in its chain
// afterwards, and a transaction that a client was told is committed stays in the chain of the honest nodes.
#pragma once

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"
#include "sim/base/flat_table.hpp"

namespace seqlab::scenarios {

/// A node whose disk was wiped or rolled back loses its chain by definition; the clients it had answered are still
/// owed their transactions by the others.
class Durability final : public Checker {
 public:
  explicit Durability(const CheckerContext& context) : roster_(context.node_count), nodes_(context.node_count) {}
  std::string_view name() const override { return "durability"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::round_entered, RecordKind::commit_parent,
                                          RecordKind::tx_included, RecordKind::tx_confirmed);
  }
  void on_record(const Record& record) override;
  void finish(SimTime end) override;

 private:
  struct Chain {
    std::uint64_t height = 0;      ///< last final commit
    Hash128 id;
    bool restarted = false;        ///< crashed since, and has not committed again
    bool parent_pending = false;   ///< its first commit after the crash came, its parent comes next
    Hash128 id_before_crash;
    std::uint64_t height_before_crash = 0;
  };
  /// Blocks that honest nodes included, newest heights only.
  struct Included {
    Hash128 block;                 ///< the first one that was committed there
    std::vector<Hash128> transactions;
    Hash128 confirmed_block;       ///< a client was told about this block
    NodeId confirmed_by{no_node};
    bool reported = false;
  };
  void on_committed(const Record& record);
  void on_confirmed(const Record& record);
  void lost(const Record& record, std::string text);

  Roster roster_;
  std::vector<Chain> nodes_;
  HeightWindow<Included> included_;
  FlatTable<std::uint64_t> height_of_;  // of the transactions in `included_`
  std::uint64_t pruned_ = 0;
  std::uint64_t confirmed_height_max_ = 0;
  std::uint64_t fork_ =
      ~std::uint64_t{0};  ///< least height with two blocks: from there on nodes have transactions of their own

  /// Heights for which included transactions are remembered, so that a client may be told late.
  static constexpr std::uint64_t memory = 256;
};

}  // namespace seqlab::scenarios
