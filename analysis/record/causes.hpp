// Why a record is there: what its node was handling, which message that was, what its sender was handling, and so back.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

/// To be subscribed to all kinds. Keeps what can be a cause until the record in question has come.
class Causes final : public sim::RecordObserver {
 public:
  /// @param index  of the record in question, from 0
  explicit Causes(std::uint64_t index) : index_(index) {}
  void on_record(const sim::Record& record) override;
  /// It has come; nothing more is needed.
  bool found() const { return found_; }
  /// Inputs and messages that led to it, the nearest first: a delivery, its sending, what the sender handled then ...
  /// Ends with a start, with a timer (nothing is recorded of it) or after `length_max` steps.
  std::vector<sim::Record> chain(std::size_t length_max = 8) const;
  /// The chain ends at a node that handled nothing that is on record: a timer, or work of its own that was done.
  bool from_timer(std::size_t length_max = 8) const;

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  struct Step {
    sim::Record record;
    std::size_t cause = none;
  };
  std::size_t cause_of(const sim::Record& record) const;

  std::uint64_t index_;
  std::uint64_t seen_ = 0;
  bool found_ = false;
  std::size_t first_ = none;
  std::vector<Step> steps_;
  std::unordered_map<std::uint64_t, std::size_t> sent_;     // by sequence
  std::unordered_map<std::uint32_t, std::size_t> handled_;  // by node: its last input
};

}  // namespace seqlab::analysis
