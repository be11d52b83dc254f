// "Sometimes" goals: states that a campaign should reach at least now and then. A campaign that never does is weaker
// than its number of cases says.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "scenarios/spec/scenario.hpp"

namespace seqlab::analysis {

enum class Goal : std::uint8_t {
  // consensus
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
  // layer 1
  views_went_back,
  views_differ,
  dear,
  excluded,
  replaced,
  // forced items
  item_waited,
  item_put_off,
  // writers
  written_twice,
  written_ahead,
  writer_lost,
  // readers
  head_went_back,
  made_up,
  // a cut-over
  lost_in_cut_over,
  rolled_back,
  count
};
/// What each of them is, in their order.
std::span<const std::string_view> goal_names();

/// Sets of goals: bit i is the i-th of `Goal`.
template <class... G>
constexpr std::uint64_t goal_mask(G... goals) {
  return (std::uint64_t{0} | ... | (std::uint64_t{1} << static_cast<unsigned>(goals)));
}
inline constexpr std::uint64_t goals_of_consensus = goal_mask(Goal::views_went_back) - 1;
/// Those that a design like this has at all.
std::uint64_t goals_within_reach(const scenarios::Scenario& scenario);

}  // namespace seqlab::analysis
