// Twins scenarios as JSON, in the form of the open Twins simulator for HotStuff and Streamlet
// (github.com/asonnino/twins-simulator):
//
//   {"num_of_nodes": 4, "num_of_twins": 1, "scenarios": [
//     {"round_leaders": {"1": [0, 4], "2": [1]},
//      "round_partitions": {"1": [[0, 1, 2], [3, 4]], "2": [[0, 1, 2, 3, 4]]},
//      "firewall": {"2": {"1": [0, 2]}}}]}
//
// Machines are numbers: 0 ... n-1 are the nodes, n, n+1 ... the second machines of those that run twice, which are 0,
// 1 ... A leader is a node with all its machines. In the round of a firewall nothing of the first machine reaches the
// others. Groups may overlap. Keys of ours, which may be left out: `twins` says who runs twice, `seed`, and by round
// `round_messages` the kind of message that alone is split, `round_holds` how late what does not pass arrives.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/plan/plan.hpp"

namespace seqlab::analysis {

struct TwinsFile {
  std::uint32_t nodes = 4;
  std::vector<scenarios::Plan> scenarios;
  friend bool operator==(const TwinsFile&, const TwinsFile&) = default;
};

/// Rounds of leaders must follow one another; in engines whose rounds begin anew with each height they count from the
/// first round of height 1. @param file  for messages. @throws InputError with everything that is wrong
TwinsFile parse_twins_json(std::string_view text, const std::string& file);

/// @throws InputError if a plan does what the form has no words for (single messages, faults, splits of one height)
std::string to_twins_json(const TwinsFile& file);

}  // namespace seqlab::analysis
