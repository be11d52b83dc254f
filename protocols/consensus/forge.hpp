// Messages seen and changed by an adversary: fields by name, and changed copies signed with keys that it owns.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/consensus/messages.hpp"

namespace seqlab::protocols {

MessageFields fields_of(const sim::Message& message);

struct ForgeChanges {
  std::optional<BlockId> block{};             ///< vote: for this block ({} = nil)
  std::optional<Height> height{};
  std::optional<Round> round{};
  std::optional<Round> valid_round{};
  std::optional<Duration> timestamp_shift{};  ///< added to the timestamp
  bool drop_transactions = false;           ///< proposal: another block, empty
  std::uint64_t salt = 0;  ///< proposal: nonzero makes another valid block (other transaction order or,
                           ///< with fewer than two, another timestamp nanosecond)
  /// Proposal of a chained engine: in the place of its block the one that the proposal of that round had, with its
  /// parent and certificate (made by the forger, now). Only as far as the forger has seen such a proposal.
  std::optional<Round> parent_of{};
  /// Proposal: the block's certificate for its parent lists one signature as often as it had different ones; the
  /// forger's, if it is among them.
  bool padded = false;
  std::int32_t round_shift = 0;  ///< added to the round, which stays at 0 or above
  /// Proposal or timeout of a chained engine: on (with) the certificate so many before its own. As `parent_of`, only as
  /// far as the forger has seen the proposals between.
  std::uint32_t back = 0;
  /// Vote: for the block of the n-th other proposal of that round (and height, unless it is chained) that the forger
  /// has seen or made, the first after the last again. A voter that signs the block's time takes that over.
  std::uint32_t other = 0;
  /// Proposal of a chained engine: its timeout certificate comes with the certificate of its block.
  bool lowered_tc = false;
  /// Proposal of a chained engine, unless its block's certificate is of the round before: with a timeout certificate
  /// of that round to which nobody but the forger gave signatures, as many as the block's certificate has.
  bool lone_tc = false;
  friend bool operator==(const ForgeChanges&, const ForgeChanges&) = default;
};

/// A changed copy signed by `as`, or null when this kind of message cannot be forged (it carries no signature of its
/// own author, like block responses). The block of a forged proposal is internally consistent unless `changes` says
/// otherwise. @pre signer.owns(as.value)
/// @param older  the proposal that `changes.parent_of`, `back` or `other` goes by; null if there is none
MessagePtr forge(sim::MessagePool& pool, const sim::Message& message, NodeId as, const ForgeChanges& changes,
                 const Signer& signer, const sim::Message* older = nullptr);

/// The block that a proposal carries; null if it carries none, or is none.
const Block* block_of(const sim::Message& message);

/// See `ForgeChanges::padded`.
void pad(Commit& certificate, NodeId as);

/// Another block that is as valid as the first and consistent in itself (its id and size are those of its content).
/// Swaps neighbours of different senders, so that the nonces of each sender stay in sequence; where that is impossible
/// the last transaction is left out, and an empty block moves its timestamp by less than a millisecond.
BlockPtr varied(const Block& block, std::uint64_t salt);

}  // namespace seqlab::protocols
