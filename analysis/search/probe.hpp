// What a target's sound runs are made of: which messages its nodes send, which records they leave, how long a round is.
// Strategies draw their addresses from it, so that they know no engine.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/search/case.hpp"
#include "protocols/consensus/messages.hpp"

namespace seqlab::analysis {

struct Probe {
  /// Kinds of messages between sequencer nodes, those of transactions left out, by number.
  std::vector<protocols::MessageKind> kinds;
  /// Those among them that are signed statements (proposals, votes, timeouts).
  std::vector<protocols::MessageKind> statements;
  /// Those of them that are votes of rounds in which nothing fails, in the order of their phases.
  std::vector<protocols::MessageKind> votes;
  /// Kinds of records after which a fault can strike with effect: persisted, voted, locked, certified, committed ...
  std::vector<sim::RecordKind> points;
  std::uint64_t heights = 0;       ///< committed by the slowest node in the probing runs
  std::uint32_t rounds = 0;        ///< highest round entered
  std::uint32_t rounds_plain = 0;  ///< likewise, when nothing fails
  std::uint32_t round_first = 0;   ///< lowest round entered
  bool rounds_restart = false;     ///< rounds begin anew with each height
  bool leaders_obey = false;       ///< the engine takes the leaders of a plan
  std::vector<NodeId> relayers;    ///< who writes to layer 1; empty: nobody
  bool has_bundler = false;        ///< through a service that can fail
  Duration l1_interval{};          ///< between blocks of layer 1; zero: there is none
  std::uint32_t l1_depth = 1;      ///< blocks of layer 1 that may go without breaking what the design relies on
  bool migrates = false;           ///< after the committee's nodes there is the core that orders before it
  Duration length{};               ///< of the safety phase
  /// Designs with layers around consensus: when something happened there in a run in which nothing fails, by kind of
  /// record. Long runs have few moments at which a fault matters.
  std::vector<std::vector<Duration>> moments;
  /// End of the safety phase / (rounds entered by a node, or blocks where there are no rounds), at least a microsecond.
  Duration round_time{};
};

/// A run of the scenario as it is, one with a crashed node, one with losses, so that the messages of the other branches
/// are seen, and one with a leader of our choice. Deterministic.
/// What is known of the target already is not looked for again.
Probe probe(const Target& target);

}  // namespace seqlab::analysis
