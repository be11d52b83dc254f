// Faults and adversaries of a scenario, made in code.
#pragma once

#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/spec/scenario.hpp"
#include "tests/support/catch.hpp"

namespace seqlab::tests {

using scenarios::Scenario;

/// Gives `who` to a script written here.
inline void corrupt_with(Scenario& scenario, const std::string& source, std::vector<NodeId> who) {
  scenarios::AdversarySpec spec;
  spec.script = "inline";
  spec.file = "inline.lua";
  spec.source = source;
  spec.nodes = std::move(who);
  scenario.environment.adversaries.push_back(std::move(spec));
}

/// Gives `who` to a script of the stock.
inline void corrupt(Scenario& scenario, const std::string& script, std::vector<NodeId> who) {
  scenarios::AdversarySpec spec;
  spec.script = script;
  spec.file = std::string{SEQLAB_SOURCE_DIR} + "/scenarios/adversaries/" + script + ".lua";
  std::ifstream in{spec.file};
  REQUIRE(in.good());
  spec.source.assign(std::istreambuf_iterator<char>{in}, {});
  spec.nodes = std::move(who);
  scenario.environment.adversaries.push_back(std::move(spec));
}

// ---- faults ---------------------------------------------------------------------------------------------------------

inline std::vector<NodeId> nodes(std::initializer_list<std::uint32_t> ids) {
  std::vector<NodeId> out;
  for (const std::uint32_t id : ids) out.push_back(NodeId{id});
  return out;
}

inline scenarios::Trigger at(Duration when) {
  scenarios::Trigger trigger;
  trigger.at = when;
  return trigger;
}

/// When `node` has sent its vote in that round.
inline scenarios::Trigger on_vote(std::uint32_t node, sim::VoteType type, std::uint64_t height, std::uint32_t round) {
  scenarios::Trigger trigger;
  scenarios::Trigger::Point& point = *(trigger.on = scenarios::Trigger::Point{});
  point.record = sim::RecordKind::voted;
  point.node = NodeId{node};
  point.height = height;
  point.round = round;
  point.detail = static_cast<std::uint8_t>(type);
  return trigger;
}

inline scenarios::Trigger on_record(sim::RecordKind kind, std::uint32_t node, std::uint64_t height) {
  scenarios::Trigger trigger;
  scenarios::Trigger::Point& point = *(trigger.on = scenarios::Trigger::Point{});
  point.record = kind;
  point.node = NodeId{node};
  point.height = height;
  return trigger;
}

/// As soon as the node runs.
inline scenarios::Trigger on_start(std::uint32_t node) {
  scenarios::Trigger trigger;
  scenarios::Trigger::Point& point = *(trigger.on = scenarios::Trigger::Point{});
  point.record = sim::RecordKind::node_started;
  point.node = NodeId{node};
  return trigger;
}

/// What `from` sends reaches nobody of `to` (also what is under way), the other direction works.
inline scenarios::FaultSpec cut(scenarios::Trigger when, std::vector<NodeId> from, std::vector<NodeId> to,
                                Duration lasts = Duration{-1}) {
  return {.when = std::move(when),
          .lasts = lasts,
          .what = scenarios::fault::Partition{{std::move(from), std::move(to)}, true}};
}

inline scenarios::FaultSpec split(scenarios::Trigger when, std::vector<NodeId> left, std::vector<NodeId> right,
                                  Duration lasts = Duration{-1}) {
  return {.when = std::move(when),
          .lasts = lasts,
          .what = scenarios::fault::Partition{{std::move(left), std::move(right)}, false}};
}

inline scenarios::FaultSpec crash(scenarios::Trigger when, std::vector<NodeId> who, Duration lasts,
                                  sim::DiskFault disk = sim::DiskFault::unsynced_lost) {
  return {.when = std::move(when), .lasts = lasts, .what = scenarios::fault::Crash{std::move(who), disk}};
}

}  // namespace seqlab::tests
