// PBFT's decisions, each a pure function: no clock, no I/O, no draws. The handlers (pbft.hpp) are written once over a
// `Rules` type; PbftRules is the paper's. A test that needs one wrong decision derives from it and hides that function.
// Rule names P1 ... P9 are explained in NOTES.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "protocols/consensus/pbft/options.hpp"
#include "protocols/types/block.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// What a view change says of one sequence number: this block was prepared (or committed) in that view.
struct PreparedClaim {
  Height height{};
  Round view{};
  VoteType type = VoteType::prevote;
  BlockId block{};
  friend bool operator==(const PreparedClaim&, const PreparedClaim&) = default;
};

/// What a new view begins with: one entry a sequence number in (checkpoint, highest claim]. A block {} is the null
/// request: nothing can have been decided there, the primary is free.
struct Assignment {
  Height height{};
  BlockId block{};
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

struct PbftRules {
  static Power quorum(const Committee& committee) { return committee.quorum(); }
  static Power validity(const Committee& committee) { return committee.validity(); }
  /// P1. @pre the committee has members
  static NodeId primary(Round view, const Committee& committee) {
    return committee[static_cast<std::size_t>(view.value) % committee.size()].node;
  }
  /// P9: doubles with every view change in a row.
  static Duration timeout(const PbftOptions& options, std::uint32_t failures) {
    const Duration doubled = options.view_timeout * (std::int64_t{1} << std::min(failures, 16U));
    return std::max(options.view_timeout, std::min(doubled, options.view_timeout_max));
  }
  /// P8: of the claims about one sequence number the one of the highest view. @pre not empty
  static const PreparedClaim& choose(std::span<const PreparedClaim> claims) {
    return *std::ranges::max_element(claims, {}, &PreparedClaim::view);
  }
  /// P8: what the view changes oblige the new primary to propose again. `checkpoint`: the highest stable one in them.
  template <class Rules>
  static std::vector<Assignment> new_view(Height checkpoint, std::vector<PreparedClaim> claims) {
    std::erase_if(claims, [&](const PreparedClaim& c) { return c.height <= checkpoint; });
    std::ranges::stable_sort(claims, {}, &PreparedClaim::height);
    std::vector<Assignment> all;
    for (std::size_t i = 0; i < claims.size();) {
      std::size_t end = i;
      while (end < claims.size() && claims[end].height == claims[i].height) ++end;
      for (Height hole = all.empty() ? next(checkpoint) : next(all.back().height); hole < claims[i].height;
           hole = next(hole)) {
        all.push_back({hole, {}});
      }
      all.push_back({claims[i].height, Rules::choose(std::span{claims}.subspan(i, end - i)).block});
      i = end;
    }
    return all;
  }
  /// P9: whether a backup computes the beginning of the new view for itself before it believes it.
  static bool recomputes_new_view() { return true; }
  /// Whether a view change tells what was prepared.
  static bool reports_prepared() { return true; }
  /// Whether a statement waits for the log.
  static bool persist_before_send() { return true; }
};

}  // namespace seqlab::protocols
