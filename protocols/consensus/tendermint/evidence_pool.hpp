// Proofs of double votes: found or received, waiting for a block, committed. One offence is (offender, height, round,
// type); it is punished once, however many pairs of votes prove it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/tendermint/options.hpp"
#include "protocols/types/block.hpp"

namespace seqlab::protocols {

/// The proof in the one form in which everybody writes it (the vote with the lower block first), so that two witnesses
/// hold the same evidence whatever they saw first. @pre same voter, height, round and type; different blocks
Evidence double_vote_evidence(const Vote& a, const Vote& b);

class EvidencePool {
 public:
  /// What decides about age: the height and the time of the block before the one that is decided.
  struct Clock {
    Height height{};
    SimTime time{};
  };

  /// Whether the proof stands by itself: two good signatures of one member of that height's committee under different
  /// values of one (height, round, type), in canonical form. @pre evidence.first.height <= chain.height() + 1
  static Reject check(const Evidence& evidence, const ChainView& chain, Signatures& signatures);
  /// Too old: by height and by time, both.
  static bool expired(const Evidence& evidence, SimTime block_time, const Clock& now, const TendermintOptions& options);

  bool knows(const Evidence& evidence) const;
  bool committed(const Evidence& evidence) const;
  /// @return false if the offence is known already. @pre check(evidence) == none
  bool add(const Evidence& evidence);
  /// Pending proofs, oldest offence first, at most `most`.
  std::vector<Evidence> pending(std::size_t most) const;
  /// Takes over what a committed block contains; drops what is expired by then.
  void on_committed(const Block& block, const ChainView& chain, const Clock& now, const TendermintOptions& options);

  friend bool operator==(const EvidencePool&, const EvidencePool&) = default;
  void hash_into(HashBuilder& h) const;

 private:
  struct Key {
    Height height{};
    Round round{};
    VoteType type{};
    NodeId offender;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Committed {
    Key key;
    SimTime time{};   ///< of the block of the offence's height
    friend bool operator==(const Committed&, const Committed&) = default;
  };
  static Key key_of(const Evidence& evidence);

  std::vector<Evidence> pending_;      // sorted by key
  std::vector<Committed> committed_;   // sorted by key
};

}  // namespace seqlab::protocols
