// Decisions of the rotating single sequencer, each a pure function. The handlers (rotating.hpp) are written once over a
// `Rules` type; RotatingRules is the honest one. A test that needs one wrong decision derives from it and hides it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocols/consensus/rotating/options.hpp"
#include "protocols/types/block.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// The right to order: operator of an epoch (rank 0) or one of its backups. Numbered so that later ones are greater;
/// a term is the round of the blocks that it orders.
struct Term {
  std::int64_t epoch = 0;
  std::uint32_t rank = 0;
  static constexpr std::uint32_t ranks = 64;
  Round round() const { return Round{static_cast<std::int32_t>(epoch * ranks + rank)}; }
  static Term of(Round round) {
    return {round.value / static_cast<std::int32_t>(ranks), static_cast<std::uint32_t>(round.value) % ranks};
  }
};

/// What a node has acknowledged at the open height.
struct Acknowledged {
  Round term = no_round;
  BlockPtr block;
};

struct RotatingRules {
  static Power quorum(const Committee& committee) { return committee.quorum(); }
  /// Who has the term: a pure function of the term and the committee. A schedule read from an L1 goes here.
  /// @pre the committee has members
  static NodeId operator_of(Term term, const Committee& committee) {
    return committee[static_cast<std::size_t>(term.epoch + term.rank) % committee.size()].node;
  }
  /// Whether `node` may order in the term of `who`.
  static bool may_sign(NodeId node, NodeId who) { return node == who; }
  /// The term in which the backup of that rank orders.
  static Term backup_term(std::int64_t epoch, std::uint32_t rank) { return {epoch, rank}; }
  /// Whether a new operator asks a quorum for the tail before it orders.
  static bool syncs_tail() { return true; }
  /// R8: whether what one node acknowledged outranks what another did: the later term. A chain derived from an L1 would
  /// come before both.
  static bool outranks(const Acknowledged& a, const Acknowledged& b) { return a.block != nullptr && a.term > b.term; }
  /// Whether a node may acknowledge a block of `term` after `before`, having promised `promised`.
  static bool may_acknowledge(Round term, BlockId block, Round promised, const Acknowledged& before) {
    if (term < promised || term < before.term) return false;
    return term > before.term || before.block == nullptr || before.block->id == block;
  }
  static bool persist_before_send() { return true; }
};

}  // namespace seqlab::protocols
