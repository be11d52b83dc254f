// Forced inclusion (F1 to F6, X4): the items of layer 1 are done in their order, each once, none is passed over, lost
// or invented, each by the deadline of the design. Queue and deadlines are computed again from what L1 told.
#pragma once

#include <map>
#include <set>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class ForcedInclusion final : public Checker {
 public:
  explicit ForcedInclusion(const CheckerContext& context);
  std::string_view name() const override { return "forced_inclusion"; }
  sim::KindMask kinds() const override {
    if (rule_ == Rule::none) return 0;
    return Roster::kinds() |
           sim::mask_of(RecordKind::l1_excluded, RecordKind::forced_posted, RecordKind::forced_done,
                        RecordKind::force_called, RecordKind::l1_ref, RecordKind::executed);
  }
  void on_record(const Record& record) override;

 private:
  enum class Rule : std::uint8_t { none, whole_blocks, inbox, due, citrea };
  struct Posted {
    Hash128 id;
    std::uint64_t height = 0;
  };
  struct Done {
    std::uint64_t position = 0;
    Hash128 id;
    std::uint8_t status = 0;
  };
  struct Told {   // by one node, of the block that it commits
    std::uint64_t height = 0;
    std::uint64_t ref = 0;
    std::vector<Done> done;
  };
  void judge(const Told& told, NodeId node, SimTime at);
  /// How many items from `first` on, of L1 blocks up to `ref`, have to be done by a block that names it.
  std::uint64_t due(std::uint64_t first, std::uint64_t ref) const;
  void on_call(const Record& record);
  /// The delay of an item posted at `height`, after what the items before it waited (D.1).
  std::uint64_t delay(std::uint64_t height, std::uint64_t& buffer) const;

  protocols::ForcedOptions options_;
  Rule rule_ = Rule::none;
  NodeId old_core_{no_node};
  Roster roster_;
  std::map<std::uint64_t, Posted> posted_;   // by position: what L1 holds and is not done
  std::map<std::uint64_t, Posted> deferred_; // tried, and still to be done
  std::vector<Told> telling_;                // by node
  std::uint64_t judged_ = 0;                 // last height
  std::uint64_t ref_ = 0;                    // that it named
  std::uint64_t next_ = 0;                   // position
  std::set<Hash128> finished_;
  // The inbox' buffer, L1 blocks.
  std::uint64_t buffer_ = 0, last_posted_ = 0, last_waited_ = 0;
};

}  // namespace seqlab::scenarios
