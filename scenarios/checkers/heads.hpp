// Heads and derivation (H1 ... H4, R8): what a node reads back from layer 1 is what the sequencers ordered, its heads
// stand in their order, and they go back only when L1 does.
#pragma once

#include <deque>
#include <map>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// - H1: settled <= committed, and nothing is committed that no honest sequencer has ordered (but for blocks made by
///   the rule of a window, from the first of which on the two chains are two).
/// - H2: the settled head never goes back; the committed head does only at the instant at which the node's view of
///   L1 gives up blocks, or at its first look after it was off when that happened.
/// - H3, H4: a derived block has the id that honest nodes committed at its height, and the state that they computed;
///   two readers settle the same block at a height.
/// - R8: no honest node sends two commitments of one index with different roots; an accepted one has one root.
class Heads final : public Checker {
 public:
  explicit Heads(const CheckerContext& context) : settles_(context.settles), roster_(context.node_count) {}
  std::string_view name() const override { return "heads"; }
  sim::KindMask kinds() const override {
    if (!settles_) return 0;
    return Roster::kinds() | sim::mask_of(RecordKind::executed, RecordKind::l1_seen, RecordKind::head,
                                          RecordKind::derived, RecordKind::derived_state, RecordKind::commitment);
  }
  void on_record(const Record& record) override;
  void finish(SimTime end) override;

 private:
  struct Ordered {
    Hash128 id, state;
    bool has_id = false, has_state = false;
  };
  struct Reader {
    std::uint64_t committed = 0, settled = 0;
    SimTime gave_up{Duration{-1}};   ///< when its view last went back, as far as it could look
    bool missed = false;             ///< it went back while the reader was off, who will see it when it looks next
    std::uint64_t parted = 0;        ///< height of the first block made by rule, 0: none
    std::map<std::uint64_t, std::pair<Hash128, SimTime>> unknown;   ///< derived before any honest node ordered it
    std::map<std::uint64_t, Hash128> unknown_state;
  };
  Ordered* ordered(std::uint64_t height);
  void compare(NodeId node, std::uint64_t height, Hash128 id, SimTime at);
  void prune();

  bool settles_;
  Roster roster_;
  std::uint64_t first_ = 1;            ///< height of ordered_.front()
  std::deque<Ordered> ordered_;        ///< by height; what every reader has settled is gone
  std::map<NodeId, Reader> readers_;
  std::map<std::uint64_t, std::pair<Hash128, NodeId>> settled_;   ///< by height, what the first reader settled there
  std::map<std::uint32_t, std::pair<Hash128, NodeId>> roots_;     ///< of commitments that honest nodes sent
  std::map<std::uint32_t, Hash128> accepted_;
};

}  // namespace seqlab::scenarios
