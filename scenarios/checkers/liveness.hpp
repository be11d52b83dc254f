// Liveness (V1, V4): after a safety phase in which anything may happen, all faults end and a healed core of nodes is
// judged by what it does.
//
// - progress: every core member commits `healing_blocks` heights above the highest that any honest node had.
// - excused: nothing was promised: the core has no quorum, lacks the one node that orders, or had forked before.
// - lasso: no progress, and what the core does repeats itself. Each round of the height where it hangs is reduced to
//   who proposed and, per core member, which steps it entered and what it voted for: nothing, nil, its own lock,
//   somebody else's lock, something else. Times, round numbers and block ids are left out. Three repetitions in a row
//   count if each holds a proposal of every core member with power (so that the rotation has come round), if they do
//   not take longer and longer (growing timeouts may yet succeed), and if they last longer than it takes to ask
//   everybody for what is missing.
// - suspected: no progress within the bound and no cycle proven. Too few rounds for a verdict, although the core is
//   visibly at work, leave it open (`not_checked`).
#pragma once

#include <map>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

class LivenessChecker final : public Checker {
 public:
  explicit LivenessChecker(const CheckerContext& context);
  std::string_view name() const override { return "liveness"; }
  sim::KindMask kinds() const override {
    return Roster::kinds() | sim::mask_of(RecordKind::healing_started, RecordKind::core_member,
                                          RecordKind::round_entered, RecordKind::step_entered, RecordKind::proposed,
                                          RecordKind::voted, RecordKind::locked);
  }
  void on_record(const Record& record) override;
  void finish(SimTime end) override;
  Liveness liveness() const override { return liveness_; }

 private:
  /// Where a node is, from its records; kept from the start of the run.
  struct Position {
    std::uint64_t height = 0;  ///< that it decides
    std::uint32_t round = 0;
    Hash128 lock;              ///< at that height
    bool known = false;
    bool core = false;
    SimTime committed_at{};
  };
  /// What the core did in one round that is not over for everybody.
  struct Round {
    SimTime entered_at{};               ///< by the first member
    std::vector<std::uint64_t> deeds;   ///< by position in `core_`; 0 = was not in it
    std::vector<NodeId> proposers;      ///< sorted
    bool belated = false;               ///< somebody catches up alone in it, or came to the height after it began
  };
  /// A round that every member has left, in the abstract.
  struct Symbol {
    std::uint64_t hash = 0;
    SimTime at{};
    std::vector<NodeId> proposers;
  };

  void note_position(const Record& record);
  void begin(SimTime at);
  void judge(const Record& record);
  void follow(std::uint64_t height);
  void add_deed(const Record& record, std::uint64_t deed);
  std::uint64_t target_class(const Position& mine, Hash128 id) const;
  void close_rounds(SimTime at);
  /// Whether the last 3 * `period` symbols are three equal parts, none of them slower than those before.
  bool is_cycle(std::size_t period, SimTime end) const;
  /// Rounds after which a sound core must have decided, generously: twice (every faulty leader in a row and two more).
  std::uint64_t rounds_needed() const;
  bool promised(std::uint64_t height) const;
  std::uint64_t longest_run_of_leaders(std::uint64_t height) const;
  std::vector<NodeId> missing() const;
  void decide(Liveness verdict, SimTime at, std::string text);

  CheckerContext context_;
  Roster roster_;
  std::vector<Position> positions_;
  Liveness liveness_ = Liveness::not_checked;
  bool healed_ = false;   ///< healing_started was seen
  bool judging_ = false;  ///< and the core is complete
  bool forked_ = false;   ///< honest nodes have disagreed
  HeightWindow<Hash128> decided_;

  SimTime healed_at_{};
  SimTime active_at_{};                ///< last time that a core member entered a round or step, or committed
  Duration round_max_{};               ///< longest round seen in the healed phase
  std::uint64_t start_ = 0, goal_ = 0; ///< highest honest height at the healing; height that everybody must reach
  std::vector<NodeId> core_;           ///< sorted
  std::uint64_t height_ = 0;           ///< the height that the core hangs at: the highest that a member decides
  std::uint64_t rounds_seen_ = 0;      ///< rounds there that a member entered, but belated ones
  std::map<std::uint32_t, Round> open_;
  std::vector<Symbol> symbols_;
};

}  // namespace seqlab::scenarios
