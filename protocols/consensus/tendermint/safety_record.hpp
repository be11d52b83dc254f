// What a replica writes to its log before it says something, and how it is read again. One record a statement: the
// statement itself (so that a restarted replica can only repeat it), the lock and the valid value at that time and, the
// first time that one of these values is named, the body of the block and the prevotes that made it so. The first
// statement of a later round has the precommits that ended the one before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocols/types/block.hpp"
#include "protocols/types/ids.hpp"

namespace seqlab::protocols {

/// What a replica says about one round, in the order in which it may; `value_seen` says nothing to others, it only
/// keeps a polka that was seen too late to vote for it.
enum class Statement : std::uint8_t { none, proposal, prevote, precommit, value_seen };

/// lockedValue and lockedRound, or validValue and validRound.
struct LockedValue {
  Round round = no_round;
  BlockId block{};
  friend bool operator==(const LockedValue&, const LockedValue&) = default;
};

/// A precommit as the log keeps it: its height and round are known from where it stands.
struct KeptPrecommit {
  BlockId block{};
  CommitSignature by{};
};

struct SafetyRecord {
  Statement statement = Statement::none;
  Height height{};
  Round round{};
  BlockId block{};                     ///< of the statement; {} = nil
  Round proposal_valid_round = no_round;
  SimTime timestamp{};
  Signature signature{};
  LockedValue locked{};
  LockedValue valid{};
  /// The first time that `valid` is named: the prevotes behind it, for those who have not seen them.
  std::vector<CommitSignature> polka{};
  /// The first statement of a round after the first: the precommits that let this replica into it. Some may have come
  /// to it alone, and then nobody else can follow but by them.
  std::vector<KeptPrecommit> passed{};
  BlockPtr body{};                     ///< may be null
};

/// Where a restarted replica stands in its height.
struct RestoredState {
  Round round{0};
  Statement last = Statement::none;    ///< said in `round`
  LockedValue locked{};
  LockedValue valid{};
};

/// Log record type of a SafetyRecord (`effect::Persist::type` = this + the statement).
inline constexpr std::uint8_t safety_record_type = 0x10;

std::vector<std::byte> encode(const SafetyRecord& record);
/// Nothing if the bytes are no such record (a damaged log).
std::optional<SafetyRecord> decode(std::span<const std::byte> bytes);

}  // namespace seqlab::protocols
