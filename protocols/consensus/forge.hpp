// Messages seen and changed by an adversary: fields by name, and changed copies signed with keys that it owns.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/consensus/outbox.hpp"

namespace seqlab::protocols {

/// The fields that every message has, filled as far as they exist in this kind.
struct MessageFields {
  MessageKind kind{};
  NodeId author{no_node};
  Height height{};
  Round round{no_round};
  Round valid_round{no_round};
  BlockId block;                       ///< nil = {}
  std::uint32_t bytes = 0;
  std::uint32_t transactions = 0;      ///< in the block that it carries
  TxId tx;                             ///< transaction, transaction_result
  AccountId sender{};                  ///< transaction
};
MessageFields fields_of(const sim::Message& message);

struct ForgeChanges {
  std::optional<BlockId> block;             ///< vote: for this block ({} = nil)
  std::optional<Height> height;
  std::optional<Round> round;
  std::optional<Round> valid_round;
  std::optional<Duration> timestamp_shift;  ///< added to the timestamp
  bool drop_transactions = false;           ///< proposal: another block, empty
  std::uint64_t salt = 0;  ///< proposal: nonzero makes another valid block (other transaction order or,
                           ///< with fewer than two, another timestamp nanosecond)
};

/// A changed copy signed by `as`, or null when this kind of message cannot be forged (it carries no signature of its
/// own author, like block responses). The block of a forged proposal is internally consistent unless `changes` says
/// otherwise. @pre signer.owns(as.value)
MessagePtr forge(sim::MessagePool& pool, const sim::Message& message, NodeId as, const ForgeChanges& changes,
                 const Signer& signer);

}  // namespace seqlab::protocols
