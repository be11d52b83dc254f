// What a campaign may say about cases that it did not run.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace seqlab::analysis {

/// Abstract states seen so far, and how often a case was the only one to see some state.
class StateCensus {
 public:
  /// @param states  of one case, sorted, no repetitions
  /// @return how many of them nobody had seen before; appends those to `fresh` if it is given
  std::uint64_t add(std::span<const std::uint64_t> states, std::vector<std::uint64_t>* fresh = nullptr);
  /// States of an earlier part of the campaign; they count as seen more than once.
  void restore(std::span<const std::uint64_t> states);

  std::uint64_t distinct() const { return seen_.size(); }
  /// Chance that the next case shows a state that none has shown: the part of the cases so far that the others would
  /// not have foreseen (leave one out; Good and Turing's estimate for samples that are sets). 1 before the first case.
  double chance_of_new() const;

 private:
  static constexpr std::uint64_t many = 0;
  std::uint64_t cases_ = 0;
  std::unordered_map<std::uint64_t, std::uint64_t> seen_;    // state -> number of the only case that saw it, or `many`
  std::unordered_map<std::uint64_t, std::uint64_t> owners_;  // case -> states that only it saw
};

/// The least rate of failures that is excluded with 95 % confidence when `failures` of `cases` independent cases failed
/// (Clopper and Pearson's upper bound; 1 - 0.05^(1/n) if none did). 1 without cases.
double excluded_rate_95(std::uint64_t cases, std::uint64_t failures);

}  // namespace seqlab::analysis
