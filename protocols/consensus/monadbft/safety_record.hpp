// What a replica of MonadBFT writes to its log before it says something. One record a statement, and each holds all
// that decides what may be signed next: the newest one suffices. Older ones are kept for the bodies of blocks that are
// not committed yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocols/consensus/monadbft/messages.hpp"

namespace seqlab::protocols {

enum class MonadStatement : std::uint8_t { none, proposal, vote, timeout, no_endorsement };

/// Rounds never go back, also not when a new epoch begins.
struct MonadSafety {
  Round voted{};          ///< highest round in which it voted, or gave up voting
  Round timed_out{};      ///< highest round of this epoch that it signed a timeout for
  Round proposed{};       ///< highest round that it proposed in
  Round refused{};        ///< highest round in which it sent a no-endorsement ...
  BlockId refused_tip{};  ///< ... for this block
  friend bool operator==(const MonadSafety&, const MonadSafety&) = default;
  void hash_into(HashBuilder& h) const;
};

struct MonadRecord {
  MonadStatement statement = MonadStatement::none;
  Epoch epoch{};
  Round round{};
  MonadSafety safety{};           ///< with this statement made
  TipPtr high_tip{};              ///< likewise; may be null
  QuorumCertPtr high_qc{};
  MonadTimeoutCertPtr last_tc{};  ///< what opened the round, if it was a TC; may be null
  Vote vote{};                    ///< the last one, of type none if there is none; also that of a timeout
  Round high_qc_round{};          ///< of the timeout
  Round high_tip_round = no_round;
  Signature timeout_signature{};
  BlockPtr body{};                ///< of the block that is proposed or voted for; may be null
};

/// Log record type (`effect::Persist::type`) = this + the statement.
inline constexpr std::uint8_t monad_record_type = 0x50;

std::vector<std::byte> encode(const MonadRecord& record);
/// Nothing if the bytes are no such record (a damaged log).
std::optional<MonadRecord> decode_monad(std::span<const std::byte> bytes);

}  // namespace seqlab::protocols
