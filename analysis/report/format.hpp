// Numbers, names and commands as people read them. Text only; nothing here is parsed again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/checkers/checker.hpp"
#include "scenarios/spec/scenario.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::analysis {

/// Three significant digits and the unit that fits: "0 s", "312 ms", "1.25 s", "93.1 us".
std::string human_duration(Duration d);
/// A point of virtual time in seconds with three decimals: "12.418 s".
std::string human_time(SimTime t);
/// "999 B", "1.21 KB", "9.80 MB" (powers of 1000).
std::string human_bytes(std::uint64_t bytes);
/// "1,234,567".
std::string human_count(std::uint64_t count);
/// "1 block", "2 blocks".
std::string plural(std::uint64_t count, std::string_view noun);

/// Name of an endpoint as scenarios write it: sequencer nodes "n0" ..., then clients "c0" ...
std::string node_name(NodeId node, std::uint32_t sequencer_count);
std::string node_list(const std::vector<NodeId>& nodes, std::uint32_t sequencer_count);

std::string_view word_for(scenarios::Verdict verdict);
std::string_view word_for(scenarios::Liveness liveness);
std::string_view word_for(scenarios::PowerSpec::Sight sight);

/// The lines of a text, without their ends; a last line without an end counts as well.
std::vector<std::string_view> split_lines(std::string_view text);

/// One word of a POSIX shell command; quoted only if it has to be.
std::string shell_word(std::string_view word);
std::string shell_line(const std::vector<std::string>& words);

}  // namespace seqlab::analysis
