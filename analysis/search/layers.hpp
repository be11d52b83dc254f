// What a run has covered around consensus: the abstract states of layer 1, forced items, writers, heads, a cut-over and
// sort keys, read from records like those of consensus (see coverage.hpp).
//
// Counts are put into classes (none, one, two, up to four, up to eight ...) and capped, so that a state says what kind
// of situation it is and not when it was. What happened a while ago (a reorganisation, a copy) is forgotten after a few
// blocks of layer 1. Nodes of one duty are interchangeable: their states are sorted.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "analysis/search/goals.hpp"
#include "scenarios/spec/scenario.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

class LayerCoverage {
 public:
  virtual ~LayerCoverage() = default;
  /// Goals that it can tell of, and those that were reached (see goals.hpp).
  virtual std::uint64_t aims() const = 0;
  std::uint64_t goals() const { return goals_; }
  virtual sim::KindMask kinds() const = 0;
  /// @return whether the abstract state may have changed
  virtual bool on_record(const sim::Record& record) = 0;
  virtual std::uint64_t state() = 0;
  /// The same in a few bits, at most 256 values: what it contributes to the state of all layers together.
  virtual std::uint8_t gist() const = 0;
  /// How far it came towards a violation, see `CaseResult::nearness`.
  virtual std::uint32_t nearness() const = 0;

 protected:
  void reach(Goal goal) { goals_ |= goal_mask(goal); }

 private:
  std::uint64_t goals_ = 0;
};

/// One for each layer that the design has: none for a design of consensus alone.
std::vector<std::unique_ptr<LayerCoverage>> layers_of(const scenarios::Scenario& scenario);

/// Sums up fields of an abstract state, in order.
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15U + (a << 6U))) * 0xff51afd7ed558ccdU;
  return x ^ (x >> 32U);
}

}  // namespace seqlab::analysis
