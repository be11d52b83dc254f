// Random values (K5): nobody's blocks win lotteries more often than chance lets them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

/// The tickets of a lottery (see `LotterySpec`) are counted by who proposed their block. A proposer whose tickets won
/// more than the odds and six standard errors say, of at least so many that five were to win, has chosen their places.
/// Readers can tell no more: a single ticket at a lucky place is luck. (Six where one lottery would be judged by three:
/// a run looks at all proposers again and again.)
class RandomValues final : public Checker {
 public:
  explicit RandomValues(const CheckerContext& context)
      : lottery_(context.lottery), roster_(context.node_count), proposers_(context.node_count) {}
  std::string_view name() const override { return "random_values"; }
  sim::KindMask kinds() const override {
    if (lottery_.odds.num == 0) return 0;
    return Roster::kinds() | sim::mask_of(RecordKind::proposed, RecordKind::committed, RecordKind::commit_parent,
                                          RecordKind::keyed);
  }
  void on_record(const Record& record) override;

 private:
  struct Proposed {
    Hash128 block;
    NodeId by{no_node};
  };
  struct Proposer {
    std::uint64_t tickets = 0, wins = 0;
    bool found = false;
  };
  bool too_lucky(const Proposer& p) const;

  LotterySpec lottery_;
  Roster roster_;
  std::vector<Proposer> proposers_;
  std::array<Proposed, 64> proposed_{};  ///< the latest ones, a ring
  std::size_t proposed_next_ = 0;
  // The last block whose items are told, by the first honest node that tells them: the others say the same.
  std::uint64_t height_ = 0;
  NodeId teller_{no_node};
  NodeId proposer_{no_node};
  Hash128 parent_;
};

}  // namespace seqlab::scenarios
