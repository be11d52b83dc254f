// The list of policies by which a rollup reads layer 1.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "protocols/forced/forced_path.hpp"
#include "protocols/forced/options.hpp"

namespace seqlab::protocols {

struct ForcedPathEntry {
  std::string_view name;
  std::string_view text;  ///< one line, for `list`
  std::unique_ptr<ForcedPath> (*make)(const ForcedOptions& options);
};

/// All policies but "none".
std::span<const ForcedPathEntry> forced_paths();
/// Null if there is no such policy.
const ForcedPathEntry* find_forced_path(std::string_view name);

/// The forced items of an L1 block, in order, the first of them at `position`.
std::vector<ForcedItem> forced_items(const L1Block& block, std::uint64_t position);

}  // namespace seqlab::protocols
