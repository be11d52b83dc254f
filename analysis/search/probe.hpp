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
  Duration l1_interval{};          ///< between blocks of layer 1; zero: there is none
  Duration round_time{};           ///< end of the safety phase / (rounds entered by a node), at least a microsecond
};

/// A run of the scenario as it is, one with a crashed node, one with losses, so that the messages of the other branches
/// are seen, and one with a leader of our choice. Deterministic.
Probe probe(const Target& target);

}  // namespace seqlab::analysis
