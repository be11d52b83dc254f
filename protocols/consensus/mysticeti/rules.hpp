// The decisions of Mysticeti-C (arXiv 2310.14821, sections 3 and 4) as pure functions: no state, no clock. Tests plant
// wrong ones by deriving from this.
#pragma once

#include <cstdint>

#include "protocols/consensus/dag/vertex_store.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

struct MysticetiRules {
  /// Power that makes a quorum; every threshold below is handed this number.
  static Power quorum(const Committee& committee) { return committee.quorum(); }

  /// M1: whether references to authors of so much power in the round before make a vertex acceptable.
  static bool enough_parents(Power power, Power quorum) { return power >= quorum; }
  /// M2: whether vertices of so much power in a round open the next one.
  static bool advances(Power power, Power quorum, const Committee& /*committee*/) { return power >= quorum; }
  /// Section 5 of the reference: nothing is signed for a round at or below the last one.
  static bool may_sign(Round round, Round own_round) { return round > own_round; }
  /// Whether the vertex is on the disk before it leaves.
  static bool writes_before_sending() { return true; }

  /// M5: the vertex of `leader` in the round before that `v` supports: the first one that it refers to. Null: none.
  /// @param here  what this very replica has; must not matter
  static const VertexRef* supported(const Vertex& v, NodeId leader, const VertexStore& /*here*/) {
    return v.parent_of(leader);
  }
  /// M5: whether a vertex of the deciding round that refers to supporters of so much power is a certificate.
  static bool is_certificate(Power supporters, Power quorum, const Committee& /*committee*/) {
    return supporters >= quorum;
  }
  /// M7: direct commit, by the power of the authors of certificates.
  static bool commits(Power certifiers, Power quorum, const Committee& /*committee*/) { return certifiers >= quorum; }
  /// M6: direct skip, by the power of the authors that voted for nothing of the slot.
  static bool skips(Power blamers, Power quorum, const Committee& /*committee*/) { return blamers >= quorum; }
  /// M10: whether two certified vertices of one slot stop the replica. (They prove more than F faults.)
  static bool halts_on_two_certified() { return true; }

  /// M9, M12: vertices up to this round are not ordered by a leader of `leader_round`.
  /// @param forgotten  what this very replica has already thrown away; must not matter
  static Round order_floor(Round leader_round, std::uint32_t gc_depth, Round /*forgotten*/) {
    return Round{leader_round.value - static_cast<std::int32_t>(gc_depth)};
  }
};

}  // namespace seqlab::protocols
