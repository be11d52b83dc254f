// Speculation (I10), for engines that deliver speculatively: a client may rely on the first certificate.
//
// - Taken back: an honest node takes a speculative block back only if its leader signed two blocks for that round. The
//   proof is in the records: a second block that the leader sent, one of that round that an honest node proposed again,
//   or evidence that an honest node reported. It may come up later in the run.
// - Not silently: a node whose final block is not its speculative one has taken that back before.
// - Tail protection: once honest nodes with more than F of the power have voted for an honest leader's fresh block in
//   its own round, no other block becomes final at its height, unless an epoch ended below it.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class Speculation final : public Checker {
 public:
  explicit Speculation(const CheckerContext& context)
      : fits_(context.engine.speculative), roster_(context.node_count), speculative_(context.node_count) {}
  std::string_view name() const override { return "speculation"; }
  sim::KindMask kinds() const override {
    if (!fits_) return 0;
    return Roster::kinds() | sim::mask_of(RecordKind::proposed, RecordKind::voted, RecordKind::reverted,
                                          RecordKind::evidence, RecordKind::epoch_entered);
  }
  void on_record(const Record& record) override;
  void finish(SimTime end) override;

 private:
  /// A block that was proposed, by the round for which its leader made it.
  struct Fresh {
    Hash128 id;
    std::uint32_t round = 0;
    NodeId leader{no_node};  ///< nobody: known from a proposal of somebody else
    NodeSet voters;          ///< honest ones, in `round`
    Power power = 0;
    bool protects = false;
  };
  struct Height {
    std::vector<Fresh> blocks;
    bool judged = false;  ///< a lost block was reported
  };
  struct Promise {
    std::uint64_t height = 0;
    Hash128 id;
  };
  struct Revert {
    SimTime at{};
    NodeId node;
    std::uint64_t height = 0;
    std::uint32_t round = 0;
    NodeId leader{no_node};
    Hash128 id;
  };

  void on_proposed(const Record& record);
  void note_block(std::uint32_t round, Hash128 id, NodeId leader);
  void on_voted(const Record& record);
  void on_committed(const Record& record);
  void on_reverted(const Record& record);
  void on_epoch(const Record& record);
  bool given_up(std::uint64_t height, std::uint32_t round) const;

  bool fits_;
  Roster roster_;
  HeightWindow<Height> heights_;
  std::vector<std::vector<Promise>> speculative_;  ///< by node: not yet final, by height
  std::map<std::uint32_t, std::vector<std::pair<Hash128, NodeId>>> signed_;  ///< blocks by round, and whose they are
  std::set<std::uint32_t> equivocated_;            ///< rounds of which two blocks exist, or of which there is evidence
  std::set<std::pair<std::uint64_t, std::uint32_t>> epochs_;  ///< first height and round of each
  std::vector<Revert> reverts_;                    ///< that wait for a proof

  static constexpr std::size_t rounds_max = 4096;  ///< the latest ones; nobody proposes a block again after so long
  static constexpr std::size_t signers_max = 16;
};

}  // namespace seqlab::scenarios
