// What a run has covered: abstract states of the protocol, not lines of code.
//
// The abstract state of a node is what its records say about its place: how many heights and rounds it is behind the
// first (capped), its last step, what kind of vote it last gave (for a block or nil), whether it is locked and how that
// block relates to others' (same, other, none), up or down, whether it has ever crashed, whether it relies on a block
// that is not final. The state of consensus is the sorted list of its honest nodes' states (they are interchangeable),
// with whether they rely on the same and whether the last proposal was of a block that had been proposed before, hashed
// to 64 bits. One is noted at every change.
//
// Each layer around consensus that the design has contributes states of its own (see layers.hpp), and all of them
// together one in a few bits each, for what comes at the same time in several.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "analysis/search/goals.hpp"
#include "analysis/search/layers.hpp"
#include "scenarios/spec/scenario.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

class Coverage final : public sim::RecordObserver {
 public:
  explicit Coverage(const scenarios::Scenario& scenario);
  sim::KindMask kinds() const { return kinds_; }
  void on_record(const sim::Record& record) override;

  /// Sorted, without repetitions. To be asked once, at the end.
  std::vector<std::uint64_t> take_states();
  /// Those that were reached.
  std::uint64_t goals() const;
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
    std::uint64_t final_height = 0;
    Hash128 relied{};          // last block of a level below final, while it is not final
  };
  struct Layer {
    std::unique_ptr<LayerCoverage> coverage;
    sim::KindMask kinds = 0;
    std::uint64_t noted = 0;   // last state
  };
  struct Proposed {
    std::uint64_t height = 0;
    std::uint32_t round = 0;   // the first it was proposed in
    Hash128 id{};
  };
  /// @return whether the state of consensus may have changed
  bool on_consensus(const sim::Record& record);
  void note_layers(sim::KindMask kind, const sim::Record& record);
  void note_proposed(const sim::Record& record);
  void note_state();
  void add(std::uint64_t state);
  void reach(Goal goal) { goals_ |= goal_mask(goal); }

  std::vector<Node> nodes_;
  std::vector<Layer> layers_;
  sim::KindMask kinds_ = 0;
  sim::KindMask layer_kinds_ = 0;
  std::uint64_t together_ = 0;  // last state of all layers
  std::array<Proposed, 16> proposed_{};  // the latest blocks, a ring
  std::size_t proposed_next_ = 0;
  bool again_ = false;          // the last proposal was of a block that was proposed before
  std::uint32_t again_certified_ = 0;
  std::vector<std::uint64_t> scratch_;
  std::vector<std::uint64_t> states_;
  std::size_t tidy_at_ = 8192;  // so many states are sorted and their repetitions dropped
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
