// A cut-over between two cores (M1 ... M6, M8, K1, K2): the history that goes on is the one that was promised.
//
// One core is the machine after the sequencer nodes, the service; the other one is the committee. What the old core
// executed up to its export and what the new one executes from its start are one history. Written from the records
// alone: numbers of cores and the meaning of heights are those of the records' own description.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// Findings begin with the number of the property:
/// - M1 union: what either core accepted is in the history. An item of the old core behind its export is not.
/// - M2 disjoint: no item is executed by both cores.
/// - M3 keys: the first key of a contract in the new core is greater than its last one in the old core, and linked to
///   it.
/// - M4 heights: each core takes over L1 blocks one after the other, the new core from where the old one ended; the
///   block at the border is the one that layer 1 keeps (X1).
/// - M5 clients: the old core promises nothing that it executes after it stopped, unless it was called back; and a
///   promise is about an item that the core really executed.
/// - M6 writers: layer 1 has each line of the old core under its number and nothing else there; the new core's blocks
///   follow, without a hole or an overlap; it begins to write when all of that can be read, and the old core's writer
///   sends nothing after it.
/// M8 is the way back: the same with the service as the new core, but for M6.
/// - K1 keys increase over the whole history. K2: each key is linked to the one before of its contract.
class Migration final : public Checker {
 public:
  explicit Migration(const CheckerContext& context)
      : migrates_(context.migrates),
        back_(context.migrates_back),
        writes_(context.migrates && !context.migrates_back && context.relay.policy != "none"),
        service_(NodeId{context.node_count}),
        roster_(context.node_count) {}
  std::string_view name() const override { return "migration"; }
  sim::KindMask kinds() const override {
    if (!migrates_) return 0;
    sim::KindMask data = 0;
    if (writes_) {
      data = sim::mask_of(RecordKind::da_sent, RecordKind::da_posted, RecordKind::da_block, RecordKind::da_unposted);
    }
    return Roster::kinds() | data |
           sim::mask_of(RecordKind::tx_included, RecordKind::tx_accepted, RecordKind::keyed, RecordKind::key_linked,
                        RecordKind::l1_ref, RecordKind::l1_final, RecordKind::core_stopped, RecordKind::core_exported,
                        RecordKind::core_started, RecordKind::core_rolled_back);
  }
  void on_record(const Record& record) override;
  void finish(SimTime end) override;

 private:
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;   // as the strings compare
  struct Executed {
    std::uint64_t height = 0;
    SimTime at{};
  };
  struct Accepted {
    SimTime at{};
    NodeId client{no_node};
    std::uint8_t core = 0;
    Hash128 id;
  };
  struct Last {
    Key key;
    bool old = true;
  };

  /// One of the two cores, and honest.
  bool is_ours(NodeId node) const { return node == service_ || roster_.honest(node); }
  bool is_old(NodeId node) const { return (node == service_) != back_; }
  void on_included(const Record& record);
  void on_data(const Record& record);
  void on_data_block(const Record& record);
  /// First line of the old core up to `last` that is not to be read on layer 1; 0: there is none.
  std::uint64_t unwritten(std::uint64_t last) const;
  void on_named(const Record& record);
  void on_keyed(const Record& record);
  void on_linked(const Record& record);
  void name(std::uint64_t height, Hash128 block, const Record& record);

  bool migrates_;
  bool back_;     ///< the service is the new core
  bool writes_;   ///< what is ordered goes to layer 1
  NodeId service_;
  Roster roster_;

  bool stopped_ = false, exported_ = false, started_ = false;
  SimTime stopped_at_{};
  std::uint64_t exported_height_ = 0;
  // Only looked up.
  std::unordered_map<Hash128, Executed> old_;
  std::unordered_map<Hash128, Executed> new_;
  std::vector<Accepted> accepted_;
  std::vector<std::pair<Hash128, std::uint64_t>> order_;   ///< the old core's items with their heights

  std::uint64_t old_l1_ = 0, new_l1_ = 0;          ///< the last L1 height that each core took over, 0: none
  std::uint64_t committee_height_ = 0;             ///< of its newest block that named one
  std::map<std::uint64_t, Hash128> named_;         ///< L1 blocks that are not final yet
  std::map<std::uint64_t, Hash128> final_;         ///< and final ones not named yet

  bool has_last_ = false;
  Key last_key_;                                   ///< of the whole history
  std::map<NodeId, Last> contracts_;
  std::tuple<std::uint64_t, bool, std::uint32_t> seen_{};   ///< place of the committee's newest item with a key
  bool link_due_ = false;                          ///< the next link belongs to `keyed_`
  NodeId keyed_by_{no_node};
  NodeId contract_{no_node};
  bool has_before_ = false;
  Key before_;
  bool border_ = false;                            ///< it is the contract's first key in the new core

  // Layer 1. Lines of the old core are numbers of the history, the new core's blocks go on from there.
  struct Written {
    Hash128 id;
    std::uint32_t copies = 0;
  };
  struct Submission {
    std::uint64_t first = 0;                       ///< its first number in the history
    std::uint32_t blocks = 0;
    bool has_before = false;
  };
  std::map<std::uint64_t, Hash128> lines_;         ///< what the old core ordered
  std::map<std::uint64_t, Written> written_;       ///< by number in the history
  std::map<Hash128, Submission> submissions_;
  Hash128 posted_;                                 ///< the blocks that come now belong to it
  bool new_writes_ = false;                        ///< the new core has sent something
  bool miscounts_ = false;                         ///< and under a wrong number
};

}  // namespace seqlab::scenarios
