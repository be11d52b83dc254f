// What a replica of a chained engine writes to its log before it says something, and how it is read again. One record a
// statement; each holds everything that decides what may be signed next, so the newest one suffices for that, and the
// older ones are kept for the bodies of blocks that are not committed yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocols/consensus/chained/certificates.hpp"

namespace seqlab::protocols {

enum class ChainedStatement : std::uint8_t { none, proposal, vote, timeout };

/// The rounds up to which a replica may not speak again, and what it is locked on. Rounds never go back, also not when
/// a new epoch begins.
struct SafetyState {
  Round voted{};          ///< highest round in which it voted, or gave up voting
  Round timed_out{};      ///< highest round that it signed a timeout for
  Round proposed{};       ///< highest round that it proposed in
  Round locked{};         ///< of the certificate for `locked_block`: the engine's lock (one-chain or two-chain)
  BlockId locked_block{};
  friend bool operator==(const SafetyState&, const SafetyState&) = default;
  void hash_into(HashBuilder& h) const;
};

struct ChainedRecord {
  ChainedStatement statement = ChainedStatement::none;
  Epoch epoch{};
  Height height{};             ///< proposal, vote: of the block; timeout: of the high QC's block
  Round round{};
  BlockId block{};
  SimTime timestamp{};
  Signature signature{};
  SafetyState safety{};        ///< with this statement made
  QuorumCertPtr high_qc{};     ///< timeout: the one that was sent along; may be null otherwise
  TimeoutCertPtr tc{};         ///< what opened the round, if it was a TC; may be null
  Round high_tip_round = no_round;
  BlockPtr body{};             ///< of `block`, when it was not written before; may be null
  std::vector<std::byte> extra{};  ///< the engine's own
};

/// Log record type (`effect::Persist::type`) = this + the statement.
inline constexpr std::uint8_t chained_record_type = 0x40;

std::vector<std::byte> encode(const ChainedRecord& record);
/// Nothing if the bytes are no such record (a damaged log).
std::optional<ChainedRecord> decode_chained(std::span<const std::byte> bytes);

}  // namespace seqlab::protocols
