// What is simpler than a case: pure functions that say what could go. Whether it may go is for shrink.hpp to find out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/search/case.hpp"
#include "protocols/consensus/messages.hpp"

namespace seqlab::analysis {

/// What can stand in an address of this world.
struct Vocabulary {
  std::uint32_t node_count = 0;
  std::uint64_t height_max = 0;
  std::uint32_t round_max = 0;
  std::vector<protocols::MessageKind> kinds;  ///< that were sent between nodes
};

/// Variants of `intervention` that do less or are said with less, the boldest first: fewer copies, one kind, node,
/// height or round instead of any, silence instead of a lie, smaller groups, shorter times. A chain of them ends.
std::vector<scenarios::Intervention> simpler(const scenarios::Intervention& intervention, const Vocabulary& words);

/// Shorter times, the boldest first: round ones, then half and three quarters of it, then its first two digits.
std::vector<Duration> shorter(Duration time);
/// At least `time`, with two digits that are not zero.
Duration rounded_up(Duration time);

/// The case with the nodes that `keeps` names (by number), renumbered without gaps; what named one of the others is
/// gone. Nothing if no such world exists.
std::optional<Case> with_nodes(const Case& which, const std::vector<bool>& keeps);

/// The scenario with one thing simplified: what was simplified, and how it then is. Things that are simple already are
/// not listed.
std::vector<std::pair<std::string, scenarios::Scenario>> simpler(const scenarios::Scenario& scenario);

}  // namespace seqlab::analysis
