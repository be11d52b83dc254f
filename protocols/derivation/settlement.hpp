// What settles a rollup on layer 1, beside its DA writers: full nodes that read it back (heads), committers that write
// roots over ranges of blocks, provers that prove them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocols/derivation/derivation.hpp"
#include "protocols/l1/l1.hpp"
#include "protocols/node/sequencer.hpp"
#include "sim/kernel/processes.hpp"

namespace seqlab::protocols {

/// How far a block has come, as `head` records say it. Each level implies those before it.
enum class HeadKind : std::uint8_t {
  soft,       ///< somebody who orders has said so (unsafe; soft-confirmed)
  ordered,    ///< final among the sequencers
  committed,  ///< read back from L1 (safe; committed)
  settled,    ///< and final there (finalized; proven)
};

/// `flags` of `commitment` and `proof` records.
enum class CommitmentStage : std::uint16_t {
  sent,      ///< node = author: on its way to L1
  accepted,  ///< node = reader: it counts
};

struct SettlementOptions {
  enum class Policy : std::uint8_t { none, batches, proofs };
  Policy policy = Policy::none;
  std::uint32_t committed_depth = 0;    ///< L1 blocks on top of one before it is read
  std::uint32_t settled_depth = 0;      ///< before what it led to is settled; 0: when the chain calls it final
  std::uint32_t channel_timeout = 50;
  std::uint32_t window = 0;             ///< L1 blocks; 0: none
  std::vector<NodeId> readers{NodeId{0}};      ///< nodes that read L1 back
  std::vector<NodeId> committers{NodeId{0}};   ///< proofs: commitment i is the turn of the (i mod size)th
  std::vector<NodeId> provers{NodeId{0}};  ///< proofs: the first one proves, the others wait `backup_after` longer each
  std::uint64_t commitment_blocks = 1000;      ///< proofs: blocks in a commitment
  std::uint32_t commitment_bytes = 300;
  std::uint32_t proof_bytes = 300'000;
  std::uint32_t proof_commitments_max = 10;    ///< commitments in one proof
  Duration proof_delay = Duration{1'800'000'000'000};  ///< time that proving takes
  Duration backup_after = Duration{3'600'000'000'000}; ///< the next in line acts when nothing came for so long
  std::uint32_t bump_percent = 125;            ///< price of the next attempt, as a part of the last
  Duration bump_after = Duration{3'600'000'000'000};   ///< without a place in a block for so long, offer more
  friend bool operator==(const SettlementOptions&, const SettlementOptions&) = default;
};

class Settlement final : public L1Watcher {
 public:
  /// All of it outlives the settlement. Starts nothing yet. @param sequencers  by node
  /// @param registry  whose batches count besides; null: there is none
  Settlement(const SettlementOptions& options, const SequencerContext& context, L1& l1,
             std::span<SequencerNode* const> sequencers, std::vector<NodeId> writers,
             const RegistryRules* registry = nullptr);
  ~Settlement();

  void start();
  void on_l1_head(NodeId node, const L1View& view, std::uint64_t given_up) override;

  /// What a reader has derived; for tests.
  const Derivation& derivation(NodeId reader) const;

 private:
  struct Reader;
  class Author;
  Reader* reader_of(NodeId node);
  void say_head(Reader& reader, HeadKind kind, std::uint64_t height, BlockId id);

  const SettlementOptions& options_;
  const SequencerContext& context_;
  L1& l1_;
  std::vector<SequencerNode*> sequencers_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<std::unique_ptr<Author>> authors_;
};

}  // namespace seqlab::protocols
