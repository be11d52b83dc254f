// Every kind of record that a world can emit, in one place. Checkers, metrics, reports, sinks and the digest read
// records and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "sim/base/hash.hpp"
#include "sim/base/strong.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::sim {

// X(kind, meaning of the fields in use; what is not named is zero)
#define SEQLAB_RECORD_KINDS(X)                                                                                         \
  /* the world */                                                                                                      \
  X(validator, "node, height from which it holds, a = voting power (0 removes it)")                                    \
  X(corrupt, "node: the scenario gave it to an adversary; its promises are not checked")                               \
  X(node_started, "node, detail = 1 after a restart, round = incarnation")                                             \
  X(node_crashed, "node, round = incarnation that ended")                                                              \
  X(node_paused, "node")                                                                                               \
  X(node_resumed, "node")                                                                                              \
  X(disk_lost, "node, detail: see DiskFault, a = records lost")                                                        \
  X(clock_jumped, "node, a = signed step in ns")                                                                       \
  X(partition_started, "a = partition number, node/peer unset")                                                        \
  X(partition_healed, "a = partition number")                                                                          \
  X(stabilised, "global stabilisation time has come, a = delay bound in ns")                                           \
  X(healing_started, "all faults end, the core is about to be judged for progress; a = its power")                     \
  X(core_member, "node belongs to the healed core, a = power")                                                         \
  X(persisted, "node, height, round, detail = engine's record type, a = sequence in its log")                          \
  /* messages */                                                                                                       \
  X(message_sent, "node = sender, peer = receiver or all, detail = message kind, a = sequence, b = wire bytes")        \
  X(message_delivered, "node = receiver, peer = sender, detail = message kind, a = sequence")                          \
  X(message_dropped, "node = receiver, peer = sender, flags = DropReason, detail = message kind, a = sequence")        \
  X(message_rejected, "node = receiver, peer = sender, flags = engine's reason, detail = message kind, height, round") \
  /* consensus: node = who does it */                                                                                  \
  X(round_entered, "node, height, round")                                                                              \
  X(step_entered, "node, height, round, detail = step of the engine")                                                  \
  X(proposed, "node = signer, height, round, peer = sender, id = block, flags = valid round + 1")                      \
  X(voted, "node = signer, height, round, detail = VoteType, id = block or nil")                                       \
  X(locked, "node, height, round, id = block")                                                                         \
  X(certified, "node = who saw it, height, round, detail = VoteType, id = block or nil")                               \
  X(certificate_signers,                                                                                               \
    "right before its `certified`, one for each 128 nodes of which some signed: node = who saw it, height, round, "    \
    "detail = VoteType, peer = first of the 128 nodes, a multiple of 128, a and b = bit set of the signers among "     \
    "them: bit i of a is node peer + i, bit i of b is node peer + 64 + i")                                             \
  X(committed, "node, height, round, detail = CommitLevel, id = block")                                                \
  X(commit_parent, "node, height, id = parent of the block just committed")                                            \
  X(executed, "node, height, id = state root after it")                                                                \
  X(evidence, "node = who reports, peer = offender, height, round, detail = EvidenceKind")                             \
  X(behind, "node, height it is at, a = height it learned of")                                                         \
  X(caught_up, "node, height")                                                                                         \
  /* transactions: id = transaction */                                                                                 \
  X(tx_submitted, "node = client, peer = validator, id, round = sending account, height = nonce")                      \
  X(tx_admitted, "node, id")                                                                                           \
  X(tx_refused, "node, id, detail = AdmitError")                                                                       \
  X(tx_evicted, "node, id, detail = why")                                                                              \
  X(tx_included, "node = who committed it, height, id, round = index in block, detail = TxStatus")                     \
  X(tx_confirmed, "node = client, peer = validator that said so, height, id, flags and round: see elapsed()")          \
  X(tx_retried, "node = client, peer = validator, id, round = attempt")                                                \
  X(balance_moved,                                                                                                     \
    "node = proposer, when it executes its block, height, a = account, b = signed change in base units, detail = "     \
    "cause")                                                                                                           \
  /* adversaries: peer = script number */                                                                              \
  X(attack, "node = corrupt node or none, detail = AttackKind, height, round, a, b: amount used")                      \
  X(note, "node, a, b: a number that a script or a test wants in the trace")                                           \
  /* later additions: kinds keep their numbers */                                                                      \
  X(reverted, "node, height, detail = CommitLevel below final that is taken back, id = block")                         \
  X(epoch_entered, "node, height of its first block, round, a = epoch")                                                \
  X(intervened, "node = whose message or machine, peer = receiver, a = number of the intervention in the plan")        \
  /* layer 1: detail = chain; flags = what a transaction means (L1TxKind) */                                           \
  X(l1_mined, "detail = chain, height, id = block, round = transactions, flags = 1: not on the chain with most work")  \
  X(l1_parent, "right after its l1_mined: detail = chain, height, id = parent")                                        \
  X(l1_reorged, "detail = chain, height and id of the new tip, round = blocks of the old branch that it took back")    \
  X(l1_final, "detail = chain, height, id: final by the chain's own rule")                                             \
  X(l1_seen, "node, detail = chain, height and id of the tip it believes in, round = blocks it gave up for it")        \
  X(l1_sent, "node = author, detail = chain, flags, id = transaction, height = nonce")                                 \
  X(l1_included, "node = author, detail = chain, height, round = index, flags, id = transaction")                      \
  X(l1_excluded, "node = author, detail = chain, height it was in, flags, id = transaction: a reorganisation took it") \
  X(l1_paid,                                                                                                           \
    "node = author, detail = chain, height, flags, a = fee in the chain's base unit, b = bytes; signed: < 0 taken "    \
    "back")                                                                                                            \
  X(l1_ref, "node, height of its block just committed, round = L1 height, id = L1 block that it names")                \
  /* forced items: id = item */                                                                                        \
  X(forced_sent, "node = user, id, detail = chain, round = account, height = nonce")                                   \
  X(forced_posted, "detail = chain, height of the L1 block, round = position in the queue, id")                        \
  X(forced_done, "node, height, round = position in the queue, id, detail = ForcedStatus")                             \
  X(force_called, "detail = chain, height of the L1 block, round = first position not forced, flags = 1: it worked")   \
  /* DA writers: height = first block of the range, round = blocks in it, id = submission */                           \
  X(da_turn, "node = whose turn begins, round = turn, height = first block that it has to write, a = its deadline")    \
  X(da_prepared, "node, height, round, id: in the journal, not yet sent")                                              \
  X(da_sent, "node, height, round, id, flags = attempt")                                                               \
  X(da_posted, "node = writer, height, round, id, detail = chain: readable on L1")                                     \
  X(da_block,                                                                                                          \
    "one a block, after its da_posted: node = writer, height, id = block, round = blocks of an older core that come "  \
    "before its block 1")                                                                                              \
  X(da_unposted, "node = writer, height, round, id, detail = chain: a reorganisation took it back")                    \
  X(da_confirmed, "node, height, round, id: deep enough for the writer, in its journal")                               \
  X(da_receipt, "node, height, round, id, peer = bundler's number: a promise, not yet a fact")                         \
  X(da_backlog, "node, height = blocks not yet written, a = their bytes, flags = 1: admission stops")                  \
  X(commitment, "node = writer, round = index, height = last block, id = root; flags: see CommitmentStage")            \
  X(proof, "node = prover, round = first index, height = last block, id = state root; flags: see CommitmentStage")     \
  /* heads */                                                                                                          \
  X(head, "node, detail = HeadKind, height, id = block, flags = 1: it went back")                                      \
  X(derived, "node, height, id = block rebuilt from L1 alone, flags = 1: empty because a window ran out")              \
  X(derived_state, "right after its derived: node, height, id = state root")                                           \
  X(halted, "node stops for good, height, detail = HaltReason")                                                        \
  /* keys of ordered items (Warp): one pair an item */                                                                 \
  X(keyed, "node, height, round = index, detail = 1: an L1 item, peer = contract, a = L1 height, b = third field")     \
  X(key_linked, "right after its keyed: node, height; flags = 1: a previous key, its fields are a, b and round")       \
  /* hand-over between cores: detail = core */                                                                         \
  X(core_stopped, "detail = core, height of its last block, id = state")                                               \
  X(core_exported, "detail = core, height, id = state, round = L1 height it ends with")                                \
  X(core_started, "detail = core, height of its first block, id = state it imported")                                  \
  X(core_rolled_back, "detail = core that goes on after a failed cut-over, height")                                    \
  X(tx_accepted, "node = client, peer = who answered, detail = core, id = item: a success was promised")               \
  X(tx_redirected, "node = client, peer = who answered, detail = core that it is sent to, id")                         \
  /* DA writers, continued */                                                                                          \
  X(da_service, "peer = bundler's number, flags = 1: from now on it takes nothing, 0: it takes data again")            \
  X(da_settled,                                                                                                        \
    "node = whose turn is over, round = turn, height = blocks credited to it, flags: see TurnOutcome, a = signed "     \
    "amount that it gets")                                                                                             \
  X(da_hindered, "detail: see DaHindrance, flags = 1: from now on it is in the way of data for layer 1, 0: no more")   \
  /* forced items, continued */                                                                                        \
  X(forced_first,                                                                                                      \
    "right after its forced_done, where the order of a block can change what becomes of items: node, height, round "   \
    "= position, id, detail = ForcedStatus that it would have had as the first thing of its block")                    \
  /* contracts of layer 1, right after the l1_included of the transaction; detail = chain, height of its L1 block */   \
  X(registry_set,                                                                                                      \
    "node = whom it is about, peer = author, flags = RegistryReject (0: it counts), round = RegistryAction, a = "      \
    "turn, "                                                                                                           \
    "b = first L1 height at which it holds")                                                                           \
  X(batch_read,                                                                                                        \
    "where there is a registry: node = author of a batch, peer = who reads it (nobody: an observer who knows all), "   \
    "height and id of its L1 block, flags = 1: it is passed over")                                                     \
  X(registry_defied, "node = relayer that writes whether or not it is entitled, flags = 1: from now on, 0: no more")   \
  X(escrow_locked, "round = account, a = amount, b = number of the deposit, flags = 1: taken back")                    \
  X(escrow_settled, "a = last rollup height that is proven, flags = 1: taken back")                                    \
  X(escrow_released, "round = account, a = amount, b = nonce of its burn, flags = 1: taken back")                      \
  X(escrow_refused, "round = account, a = amount, b = nonce, flags = EscrowReject")                                    \
  /* the bridge on the rollup: node, height of the block just committed, round = account, a = amount */                \
  X(bridge_minted, "b = number of the deposit")                                                                        \
  X(bridge_burnt, "b = nonce of the transaction")

enum class RecordKind : std::uint8_t {
#define SEQLAB_X(name, text) name,
  SEQLAB_RECORD_KINDS(SEQLAB_X)
#undef SEQLAB_X
};

inline constexpr std::array record_kind_names = {
#define SEQLAB_X(name, text) std::string_view{#name},
    SEQLAB_RECORD_KINDS(SEQLAB_X)
#undef SEQLAB_X
};
inline constexpr std::size_t record_kind_count = record_kind_names.size();

constexpr std::string_view name_of(RecordKind kind) { return record_kind_names[static_cast<std::size_t>(kind)]; }

/// Receiver of a broadcast in `message_sent`.
inline constexpr NodeId all_nodes{0xfffffffeU};

enum class DropReason : std::uint16_t { loss, partition, receiver_down, sender_down, adversary, queue_full, duplicate };
enum class DiskFault : std::uint8_t { unsynced_lost, torn_tail, wiped, rolled_back };
/// What stands between a relayer and layer 1: a bundler that loses or delays, a price, miners who leave data out.
enum class DaHindrance : std::uint8_t { loss, delay, price, censorship };
enum class VoteType : std::uint8_t { none, prevote, precommit, vote, timeout };
enum class CommitLevel : std::uint8_t { soft, speculative, final };
enum class EvidenceKind : std::uint8_t { double_vote, double_proposal, amnesia, conflicting_certificates };
enum class AttackKind : std::uint8_t {
  forge,
  send,
  drop,
  delay,
  crash,
  restart,
  partition,
  heal,
  reorder,
  exclude,
  receive_drop
};

/// One thing that happened. Fixed size and without padding: its bytes are what the digest hashes.
struct Record {
  SimTime at{};
  RecordKind kind{};
  std::uint8_t detail{};
  std::uint16_t flags{};
  NodeId node{no_node};
  NodeId peer{no_node};
  std::uint32_t round{};
  std::uint64_t height{};
  std::uint64_t a{};  ///< also `id.hi`
  std::uint64_t b{};  ///< also `id.lo`

  Hash128 id() const { return {a, b}; }
  /// tx_confirmed: ns since the first submission, 48 bits of which `flags` are the upper 16. At most 78 hours.
  std::int64_t elapsed() const { return static_cast<std::int64_t>(std::uint64_t{flags} << 32U | round); }
  Record& with_elapsed(Duration d) {
    constexpr std::int64_t longest = (std::int64_t{1} << 48U) - 1;
    const std::int64_t n = ns(d) < 0 ? 0 : ns(d) > longest ? longest : ns(d);
    flags = static_cast<std::uint16_t>(n >> 32U);
    round = static_cast<std::uint32_t>(n);
    return *this;
  }
  Record& with_id(Hash128 id) {
    a = id.hi;
    b = id.lo;
    return *this;
  }
  friend bool operator==(const Record&, const Record&) = default;
};
static_assert(sizeof(Record) == 48 && std::has_unique_object_representations_v<Record>);

}  // namespace seqlab::sim
