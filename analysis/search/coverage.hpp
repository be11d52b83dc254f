// What a run has covered: abstract states of the protocol, not lines of code.
//
// The abstract state of a node is what its records say about its place: how many heights and rounds it is behind the
// first (capped), its last step, what kind of vote it last gave (for a block or nil), whether it is locked and how that
// block relates to others' (same, other, none), up or down, whether it has ever crashed. The state of the world is the
// sorted list of its honest nodes' states (they are interchangeable), hashed to 64 bits. One is noted at every change.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

/// "Sometimes" goals: states that a campaign should reach at least now and then.
enum class Goal : std::uint8_t {
  later_round,
  much_later_round,
  locks_differ,
  nil_certificate,
  certificates_differ,
  caught_up,
  crash_survived,
  evidence,
  heights_differ,
  rounds_differ,
  reverted,
  committee_changed,
  count
};
/// What each of them is, in their order.
std::span<const std::string_view> goal_names();

class Coverage final : public sim::RecordObserver {
 public:
  explicit Coverage(std::uint32_t node_count);
  static sim::KindMask kinds();
  void on_record(const sim::Record& record) override;

  /// Sorted, without repetitions. To be asked once, at the end.
  std::vector<std::uint64_t> take_states();
  /// Bit i: the i-th goal was reached.
  std::uint64_t goals() const { return goals_; }
  /// How near the run came to a violation; see `CaseResult::nearness`.
  std::uint32_t nearness() const;

 private:
  struct Node {
    std::uint64_t height = 0;
    std::uint32_t round = 0;
    std::uint8_t step = 0;
    std::uint8_t vote = 0;     // VoteType, and whether for nil
    bool up = false;
    bool corrupt = false;
    bool crashed = false;      // at least once
    Hash128 locked{};
    Hash128 committed{};       // last block
  };
  void note_state();
  void reach(Goal goal) { goals_ |= std::uint64_t{1} << static_cast<unsigned>(goal); }

  std::vector<Node> nodes_;
  std::vector<std::uint64_t> scratch_;
  std::vector<std::uint64_t> states_;
  std::uint64_t goals_ = 0;
  bool healing_ = false;
  std::uint32_t rounds_max_ = 0;
  std::uint32_t locks_apart_ = 0;
  std::uint32_t certificates_apart_ = 0;
  struct Certificate {
    std::uint64_t height;
    std::uint32_t round;
    std::uint8_t type;
    Hash128 id;
  };
  std::vector<Certificate> certificates_;
};

}  // namespace seqlab::analysis
