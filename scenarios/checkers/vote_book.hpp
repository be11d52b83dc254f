// The votes of the open heights, from `voted` records: who voted for what, and how much power that is.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scenarios/checkers/roster.hpp"

namespace seqlab::scenarios {

using sim::VoteType;

/// Votes for one block (or nil) in one round.
struct Tally {
  NodeSet voters;
  Power power = 0;  ///< by the committee of the height
};

/// Votes of one type in one round.
struct RoundVotes {
  NodeSet voters;                    ///< of anything
  std::map<Hash128, Tally> tallies;  ///< by block; {} is nil
};

class VoteBook {
 public:
  enum class Added : std::uint8_t {
    ignored,      ///< finished or absurd height
    first,        ///< the node's first vote of this type in this round
    repeated,     ///< it has said exactly that before
    conflicting,  ///< it has voted for something else
  };

  /// A vote of `node`. O(log rounds) in the open height.
  Added add(const Roster& roster, NodeId node, std::uint64_t height, std::uint32_t round, VoteType type, Hash128 id);
  Added add(const Roster& roster, const Record& voted) {
    return add(roster, voted.node, voted.height, voted.round, static_cast<VoteType>(voted.detail), voted.id());
  }
  /// Votes of `nodes` for what the certificate is for: corrupt nodes' signatures that an honest node accepted.
  void add_all(const Roster& roster, const NodeSet& nodes, const Record& certified) {
    nodes.for_each([&](NodeId node) {
      add(roster, node, certified.height, certified.round, static_cast<VoteType>(certified.detail), certified.id());
    });
  }

  /// The committee from `height` on has changed: weighs the votes that came early again.
  void recount(const Roster& roster, std::uint64_t height);

  const RoundVotes* find(std::uint64_t height, std::uint32_t round, VoteType type) const;
  const Tally* find(std::uint64_t height, std::uint32_t round, VoteType type, Hash128 id) const;
  bool has(NodeId node, std::uint64_t height, std::uint32_t round, VoteType type, Hash128 id) const {
    const Tally* tally = find(height, round, type, id);
    return tally != nullptr && tally->voters.contains(node);
  }
  /// Power behind `id`, 0 if nobody voted so.
  Power power(std::uint64_t height, std::uint32_t round, VoteType type, Hash128 id) const {
    const Tally* tally = find(height, round, type, id);
    return tally == nullptr ? 0 : tally->power;
  }
  /// Something else that `node` voted for in that round; null if nothing.
  const Hash128* other(NodeId node, std::uint64_t height, std::uint32_t round, VoteType type, Hash128 id) const;

  /// All votes of a height: (round, type) -> votes, in order of the round. Null if there are none.
  using Height = std::map<std::uint64_t, RoundVotes>;
  const Height* height(std::uint64_t height) const { return heights_.find(height); }
  static std::uint32_t round_of(std::uint64_t key) { return static_cast<std::uint32_t>(key >> 8U); }
  static VoteType type_of(std::uint64_t key) { return static_cast<VoteType>(key & 0xffU); }
  static std::uint64_t key(std::uint32_t round, VoteType type) {
    return (std::uint64_t{round} << 8U) | static_cast<std::uint64_t>(type);
  }

  /// Whether some round in [from, before) has more than two thirds of prevotes for `id`.
  bool polka_between(const Roster& roster, std::uint64_t height, Hash128 id, std::uint32_t from,
                     std::uint32_t before) const;

  /// Heights that the book still knows are above this one.
  std::uint64_t base() const { return heights_.base(); }
  /// And not further than this above the highest commit.
  static constexpr std::uint64_t ahead = HeightWindow<Height>::ahead;

 private:
  HeightWindow<Height> heights_;
};

}  // namespace seqlab::scenarios
