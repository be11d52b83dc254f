// Exhaustive exploration of a small committee: every order of deliveries, timers and crashes, over copies of the real
// engines, without clock and network. NOTES.md tells the method and why it is sound.
//
// The network is the worst that safety must survive: whatever was said may reach each receiver late, never, in any
// order and more than once. So there is no bound on losses or on messages under way: all of them are covered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocols/consensus/engines.hpp"
#include "protocols/consensus/messages.hpp"
#include "protocols/types/committee.hpp"
#include "scenarios/checkers/checker.hpp"

namespace seqlab::scenarios {

/// What a corrupt node does.
enum class Corruption : std::uint8_t {
  silent,   ///< nothing
  twins,    ///< runs the honest code twice with one key, each half with a payload of its own
  forging   ///< anything in time that `protocols::forge` can make of what has been said: see ExploreOptions::payloads
};
std::string_view name_of(Corruption corruption);

struct CorruptNode {
  NodeId node;
  Corruption how = Corruption::forging;
};

/// Where the exploration ends. What lies behind a bound is not looked at; what was cut is counted.
struct ExploreBounds {
  std::uint64_t heights = 1;           ///< a node that has committed so many stops; at least 1
  std::int32_t round_max = 1;          ///< nobody enters a later one
  Duration timer_delay_max = 30s;      ///< timers that are set for longer never fire
  std::uint32_t timers_max = 0;        ///< firings a node, 0 = any number
  std::uint32_t crashes_max = 0;       ///< of all nodes together; each is followed by a restart from what was persisted
  std::uint32_t depth_max = 0;         ///< steps of all nodes together, 0 = any number
  std::uint64_t states_max = 0;        ///< visited states, 0 = any number
  std::uint64_t transitions_max = 0;   ///< followed transitions, 0 = any number
  std::uint64_t memory_bytes_max = 0;  ///< estimate of what the exploration holds, 0 = any amount
};

struct ExploreProgress {
  std::uint64_t transitions = 0;
  std::uint64_t states = 0;
  std::uint64_t waiting = 0;   ///< states found and not yet looked into
  std::uint32_t depth = 0;     ///< steps to the states that are looked into now
};

struct ExploreOptions {
  protocols::Committee committee;               ///< of nodes 0 ... n-1, at most 16 with twins counted twice
  protocols::EngineFactory make_engine;
  protocols::EnginePromises promises;           ///< what the engine is held to
  std::vector<CorruptNode> corrupt;
  /// Executing `height` returns this change of power.
  std::vector<std::pair<protocols::Height, protocols::ValidatorUpdate>> validator_updates;
  ExploreBounds bounds;
  /// Different blocks that a forging leader proposes in one round.
  std::uint32_t payloads = 2;
  /// A forging node shows each honest node one of its contradicting statements only: the attacks that leave no proof at
  /// any single node, and far fewer states. False: any of them to anybody.
  bool one_face = true;
  /// False: each step of each node leads to a global state of its own, as in a textbook. For measurements and for tests
  /// of the reduction (NOTES.md).
  bool reduce = true;
  /// Called now and then; false interrupts.
  std::function<bool(const ExploreProgress&)> on_progress;
};

/// One step of a counterexample, by meaning. `text` says it in words.
struct ExploreStep {
  enum class Kind : std::uint8_t { deliver, timer, crash, restart };
  Kind kind{};
  NodeId node{no_node};
  std::uint32_t twin = 0;                          ///< 1: the second half of a twin
  NodeId from{no_node};                            ///< deliver: the sender
  protocols::MessageFields message{};              ///< deliver
  std::uint32_t timer = 0;                         ///< timer: the engine's id
  protocols::Height height{};                      ///< the node's, before the step
  protocols::Round round{};
  /// The machine fails before it applies this effect of the step (0: the first), and not at all without.
  std::optional<std::uint32_t> crash_before_effect;
  std::string text;
};

struct ExploreViolation {
  Finding finding;                   ///< of a checker, on the replayed records, at the last step
  std::vector<Finding> others;       ///< what else the checkers found on the way
  std::vector<ExploreStep> steps;    ///< no shorter sequence of steps leads to a violation
  std::vector<sim::Record> records;  ///< of the replay, one millisecond a step
};

/// What the bounds kept from being explored, in distinct steps of single nodes.
struct ExploreCuts {
  std::uint64_t heights = 0;   ///< states of nodes that stopped because they had committed enough
  std::uint64_t rounds = 0;    ///< steps into a round beyond the last one
  std::uint64_t timers = 0;    ///< states of nodes with an armed timer that was not to fire any more
  std::uint64_t slow_timers = 0;  ///< timers set for longer than `timer_delay_max`
  std::uint64_t faces = 0;     ///< deliveries that would have shown a node two faces of a forging one
};

struct ExploreResult {
  /// Everything within heights, round_max, timers and crashes was explored: no limit on work ended the search, and
  /// nobody interrupted it. With a violation: everything shorter than it.
  bool complete = false;
  std::string stopped;               ///< why: "exhausted", "violation", "depth_max", "states_max", ..., "interrupted"
  std::uint64_t transitions = 0;     ///< followed, from one global state to another
  std::uint64_t states = 0;          ///< distinct global states
  std::uint64_t abstract_states = 0; ///< distinct if only heights, rounds, commits and last statements are looked at
  std::uint64_t local_steps = 0;     ///< followed inside single nodes, between global states
  std::uint64_t replica_states = 0;  ///< distinct states of single nodes
  std::uint64_t engine_inputs = 0;   ///< inputs that engines really handled; all other transitions are known from these
  std::uint64_t messages = 0;        ///< distinct ones that were said or forged
  std::uint32_t depth = 0;           ///< most steps to any state that was looked into
  std::uint64_t memory_bytes = 0;    ///< estimate, at the end
  /// Violations that the explorer's own judge suspected and no checker confirmed.
  std::uint64_t unconfirmed = 0;
  ExploreCuts cuts;
  std::optional<ExploreViolation> violation;
};

/// A function of the options alone, but for an interruption.
/// @pre corrupt nodes belong to the committee, and somebody runs an engine
ExploreResult explore(const ExploreOptions& options);

}  // namespace seqlab::scenarios
