// Blocks and the commits that make them final. A block is immutable once made and shared by pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "protocols/crypto/signatures.hpp"
#include "protocols/types/committee.hpp"
#include "protocols/types/external.hpp"
#include "protocols/types/ids.hpp"
#include "protocols/types/signature_list.hpp"
#include "protocols/types/transaction.hpp"
#include "sim/kernel/time.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::protocols {

using sim::EvidenceKind;
using sim::VoteType;

/// One signed statement about a block. What is signed: chain, height, round, type, block, timestamp, epoch.
struct Vote {
  Height height{};
  Round round{};
  VoteType type = VoteType::none;
  NodeId voter{no_node};
  BlockId block{};      ///< nil = {}
  SimTime timestamp{};  ///< wall clock of the voter
  Signature signature{};
  Epoch epoch{};        ///< of chained engines; the first one is left out of what is signed, hashed and encoded
  friend bool operator==(const Vote&, const Vote&) = default;
  Hash128 signed_digest() const;
  void hash_into(HashBuilder& h) const;
};

struct Block;
using BlockPtr = std::shared_ptr<const Block>;

/// Why a block is final: signatures of more than two thirds of the power under one block (sorted by voter). In chained
/// engines a certificate on a descendant commits it: then `descendants` leads from the block's child to the certified
/// one (each names its parent and carries its parent's certificate in `last_commit`).
struct Commit {
  Height height{};
  Round round{};
  BlockId block;
  VoteType type = VoteType::precommit;
  SignatureList signatures{};
  std::vector<BlockPtr> descendants{};  ///< oldest first; the last one is what was signed, at `round`
  Epoch epoch{};                        ///< of the votes: says nothing in any other epoch
  friend bool operator==(const Commit&, const Commit&) = default;
};

/// Two statements that one key must not both have signed. Self-contained.
struct Evidence {
  EvidenceKind kind{};
  NodeId offender{no_node};
  Vote first;   ///< for double_proposal: `block`, `height`, `round` of the proposals
  Vote second;
  friend bool operator==(const Evidence&, const Evidence&) = default;
  Hash128 id() const;
};

/// A finding about a value, kept with it. A copy starts without: it may be about to change.
template <class T>
class Kept {
 public:
  Kept() = default;
  Kept(const Kept& /*other*/) noexcept {}
  Kept& operator=(const Kept& /*other*/) noexcept {
    value = T{};
    return *this;
  }
  friend bool operator==(const Kept& /*a*/, const Kept& /*b*/) { return true; }
  mutable T value{};
};

struct Block {
  BlockId id;                 ///< hash of everything below
  Height height{};
  Round round{};              ///< round of the first proposal
  BlockId parent;
  NodeId proposer{no_node};
  SimTime timestamp{};
  StateRoot state_before;     ///< state root after the parent ("app hash"); {} where ordering runs ahead of execution
  Hash128 committee_hash;     ///< of the committee of this height
  std::vector<Transaction> transactions;
  std::vector<Evidence> evidence;
  Commit last_commit;         ///< of the parent; empty at height 1
  /// DAG engines: the vertices whose transactions these are, in order; the last one is the leader that was committed.
  std::vector<Hash128> vertices;
  /// Where the design reads layer 1. In a vertex: what its author has seen there.
  std::optional<External> external;
  std::uint32_t bytes = 0;    ///< encoded size
  friend bool operator==(const Block&, const Block&) = default;

  BlockId compute_id() const;
  std::uint32_t compute_bytes() const;
  /// Whether `id` and `bytes` are those of the content. Found out once for all who share the block.
  /// @pre made: it does not change any more
  bool is_consistent() const;

  /// Whether every transaction is well formed and signed by its sender. Found out once for all who share the block, in
  /// one world: `signatures` are always the same. @pre made
  bool is_authentic(Signatures& signatures) const;

  enum class Consistency : std::uint8_t { unknown, yes, no };
  Kept<Consistency> consistency;   ///< of `is_consistent`
  Kept<Consistency> authenticity;  ///< of `is_authentic`
};

// Encoded sizes, with 32-byte digests as a real chain has them.
inline constexpr std::uint32_t digest_bytes = 32;
inline constexpr std::uint32_t vote_bytes = 8 + 4 + 1 + 4 + digest_bytes + 8 + signature_bytes;
inline constexpr std::uint32_t commit_bytes = 8 + 4 + 1 + digest_bytes + 4;   ///< without signatures
inline constexpr std::uint32_t epoch_bytes = 4;                               ///< of votes and commits after the first
inline constexpr std::uint32_t commit_signature_bytes = 4 + 8 + signature_bytes;
inline constexpr std::uint32_t evidence_bytes = 1 + 4 + 2 * vote_bytes;
inline constexpr std::uint32_t block_header_bytes = 8 + 4 + digest_bytes + 4 + 8 + digest_bytes + digest_bytes + 4 + 4;
inline constexpr std::uint32_t external_bytes = 8 + digest_bytes + 8 + 8 + 4;   ///< without items
inline constexpr std::uint32_t forced_item_bytes = digest_bytes + 8;            ///< names what is on L1 already
/// Encoded size of a commit.
std::uint32_t encoded_bytes(const Commit& commit);

/// What executing a block gave. Validator updates hold from the engine's `change_lag` later (EngineEntry).
struct ExecutionResult {
  StateRoot state;
  std::vector<ValidatorUpdate> validator_updates;
  friend bool operator==(const ExecutionResult&, const ExecutionResult&) = default;
};

}  // namespace seqlab::protocols
