#include "analysis/search/goals.hpp"

#include <array>

#include "analysis/search/layers.hpp"

namespace seqlab::analysis {

namespace {

struct NamedGoal {
  Goal goal;
  std::string_view name;
};

constexpr std::array goals_named{
    NamedGoal{Goal::later_round, "a block committed in a round after the first"},
    NamedGoal{Goal::much_later_round, "a block committed three rounds or more after the first"},
    NamedGoal{Goal::locks_differ, "honest nodes locked on different blocks"},
    NamedGoal{Goal::nil_certificate, "a certificate for nil"},
    NamedGoal{Goal::certificates_differ, "two certificates for different blocks of one height"},
    NamedGoal{Goal::caught_up, "a node learned that it was behind, and caught up"},
    NamedGoal{Goal::crash_survived, "a node crashed and committed again"},
    NamedGoal{Goal::evidence, "evidence against somebody"},
    NamedGoal{Goal::heights_differ, "honest nodes two heights or more apart"},
    NamedGoal{Goal::rounds_differ, "honest nodes two rounds or more apart"},
    NamedGoal{Goal::reverted, "a delivery below final was taken back"},
    NamedGoal{Goal::committee_changed, "the committee changed"},
    NamedGoal{Goal::views_went_back, "a node's view of layer 1 went back"},
    NamedGoal{Goal::views_differ, "a node saw a branch of layer 1 that is not the chain"},
    NamedGoal{Goal::dear, "layer 1 cost eight times its least price"},
    NamedGoal{Goal::excluded, "a transaction was taken out of layer 1 by a fork"},
    NamedGoal{Goal::replaced, "a transaction was replaced before layer 1 had it"},
    NamedGoal{Goal::item_waited, "a forced item waited for half of what it may"},
    NamedGoal{Goal::item_put_off, "a forced item was put off"},
    NamedGoal{Goal::written_twice, "blocks were written to layer 1 that were there already"},
    NamedGoal{Goal::written_ahead, "blocks were written to layer 1 before those below them"},
    NamedGoal{Goal::writer_lost, "a writer went down with data under way"},
    NamedGoal{Goal::head_went_back, "a reader's head went back"},
    NamedGoal{Goal::made_up, "a reader made up blocks that nobody had written"},
    NamedGoal{Goal::lost_in_cut_over, "a machine that is to take over went down while neither core was on"},
    NamedGoal{Goal::rolled_back, "a cut-over was undone"},
};
constexpr std::size_t goal_count = static_cast<std::size_t>(Goal::count);
static_assert(goals_named.size() == goal_count && goal_count <= 64);

/// @pre  the table is in the order of `Goal`, which the compiler checks
consteval std::array<std::string_view, goal_count> names_in_order() {
  std::array<std::string_view, goal_count> out{};
  for (std::size_t i = 0; i < goal_count; ++i) {
    if (goals_named[i].goal != static_cast<Goal>(i)) throw "a goal is not at its place";
    out[i] = goals_named[i].name;
  }
  return out;
}
constexpr std::array<std::string_view, goal_count> names = names_in_order();

}  // namespace

std::span<const std::string_view> goal_names() { return names; }

std::uint64_t goals_within_reach(const scenarios::Scenario& scenario) {
  std::uint64_t out = goals_of_consensus;
  for (const std::unique_ptr<LayerCoverage>& layer : layers_of(scenario)) out |= layer->aims();
  return out;
}

}  // namespace seqlab::analysis
