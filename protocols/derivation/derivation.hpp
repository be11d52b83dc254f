// A full node that rebuilds the rollup from layer 1 alone: a pure function of the L1 blocks of one view, block by
// block, that goes back when the view does.
//
// Two ways of settling:
//   batches    the ordered blocks themselves are on L1, as channels of frames (Warp's bundles, Optimism's batches). A
//              block is derived when its channel is complete, it is the next one, and its parent is the derived tip.
//              With a window, an L1 block older than it that no batch came for is followed by empty blocks that hold
//              the forced items of L1 alone: the chain moves on without its sequencers (Optimism).
//   proofs     L1 holds commitments (roots over ranges of block ids) and validity proofs of them (Citrea). The node
//              compares a commitment with the blocks that it has from the sequencers: a root that does not match halts
//              it. A proof that follows on the proven state moves the proven head.
//
// Source: OP Stack specification, derivation; Citrea's documentation of finality and L1 processing. Deviations: a batch
// is made of whole blocks of the sequencers, signatures included, instead of transactions with timestamps; a channel
// bank without a size limit; proofs are not verified but say whether they are valid.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "protocols/forced/forced_path.hpp"
#include "protocols/l1/data.hpp"
#include "protocols/l1/registry.hpp"
#include "protocols/l1/view.hpp"
#include "protocols/node/ledger.hpp"

namespace seqlab::protocols {

struct DerivationOptions {
  enum class Kind : std::uint8_t { batches, proofs };
  Kind kind = Kind::batches;
  std::uint32_t channel_timeout = 50;  ///< L1 blocks between the first and the last frame of a channel
  std::uint32_t window = 0;            ///< batches: L1 blocks that an L1 block waits for its rollup blocks; 0: for ever
  std::vector<NodeId> writers{};       ///< whose batches and commitments count, sorted; empty: anybody's
  std::vector<NodeId> provers{};       ///< likewise of proofs
  friend bool operator==(const DerivationOptions&, const DerivationOptions&) = default;
};

/// Why a full node stops for good (`halted`).
enum class HaltReason : std::uint8_t { wrong_commitment };

/// What reading L1 led to, in order.
struct Derived {
  enum class What : std::uint8_t {
    block,       ///< `height`, `id`, `state` after it; `empty`: no batch, the window ran out
    commitment,  ///< accepted: `index`, `height` of its last block, `id` = root
    proof,       ///< accepted: `index` = first, `height`, `state`
    halt,
    batch,       ///< where there is a registry: of `author`, in the L1 block `height`, `id`; `empty`: it is passed over
  } what{};
  std::uint64_t height = 0;
  std::uint32_t index = 0;
  Hash128 id{};
  StateRoot state{};
  bool empty = false;
  NodeId author{no_node};
};

struct DerivationServices;

/// The rollup's state, by executing its blocks in order: as the sequencers do, but without a mempool or an engine.
class Replica {
 public:
  Replica(const LedgerGenesis& ledger, ExternalState external) : ledger_(ledger), external_(std::move(external)) {}
  /// @return the state root after the block
  /// @param burns  gets what the block pays to the bridge; null: nobody wants to know
  StateRoot execute(const Block& block, const DerivationServices& services, std::vector<Burn>* burns = nullptr);
  const ExternalState& external() const { return external_; }

 private:
  Ledger ledger_;
  ExternalState external_;
};

/// What the derivation needs of the world around it. Pure services.
struct DerivationServices {
  std::function<bool(const Transaction&)> authentic;
  /// Id of a block as the sequencers sent it to this node; nothing if it is not here (yet).
  std::function<std::optional<BlockId>(std::uint64_t height)> local_block;
  const ForcedPath* forced = nullptr;  ///< null: the rollup takes nothing from L1
  const RegistryRules* registry = nullptr;   ///< whose batches count; null: there is no registry
  std::optional<AccountId> bridge{};         ///< what it gets is burnt; nothing: there is none
};

class Derivation {
 public:
  /// @param external  what the rollup knows of L1 at its first block
  Derivation(DerivationOptions options, const LedgerGenesis& ledger, std::uint64_t l1_start,
             ExternalState external = {});

  /// Reads on to `until` of the view (a height; at most its tip), after going back to where the view still agrees.
  /// @return how far the derived head went back: 0 if nothing that was derived is gone
  std::uint64_t advance(const L1View& view, std::uint64_t until, const DerivationServices& services,
                        std::vector<Derived>& out);
  /// Everything up to this L1 height is final and will not be gone back on.
  void finalise(const L1View& view, std::uint64_t l1_height, const DerivationServices& services);

  struct Heads {
    std::uint64_t derived = 0;    ///< batches: last block; proofs: last block that is committed to
    BlockId derived_id{};
    std::uint64_t proven = 0;
    StateRoot proven_state{};
    bool halted = false;
    friend bool operator==(const Heads&, const Heads&) = default;
  };
  const Heads& heads() const { return now_.heads; }
  /// After the L1 block of a height; nothing if it is not kept.
  std::optional<Heads> heads_at(std::uint64_t l1_height) const;
  std::uint64_t l1_height() const { return steps_.empty() ? start_ : steps_.back().height; }

 private:
  struct Channel {
    std::uint64_t first_seen = 0;    ///< L1 height of its first frame
    std::vector<bool> frames;
    std::vector<BlockPtr> blocks;
  };
  struct Commitment {
    std::uint64_t last = 0;
    Hash128 root;
  };
  /// A regular value: everything that L1 has said so far.
  struct State {
    State(const LedgerGenesis& genesis, ExternalState external) : replica(genesis, std::move(external)) {}
    Heads heads;
    Replica replica;
    std::map<Hash128, Channel> channels;
    std::map<std::uint64_t, BlockPtr> early;            ///< blocks of complete channels that come too soon
    std::map<std::uint32_t, Commitment> commitments;    ///< accepted, by index; those that proofs still need
    std::map<std::uint32_t, Commitment> pending;        ///< with a gap before them, or blocks that are not here yet
    std::vector<ProofData> pending_proofs;
    std::uint32_t next_index = 1;
    std::uint64_t origin = 0;                           ///< window: L1 block of the last derived block
    std::deque<L1Ref> later;                            ///< window: the L1 blocks after `origin` so far, in order
    std::vector<ForcedItem> queue;                      ///< window: forced items that no derived block has taken
    std::uint64_t positions = 0;
  };
  struct Step {
    std::uint64_t height;
    Hash128 id;
    Heads after;
  };

  void read(State& state, const L1Block& block, const DerivationServices& services, std::vector<Derived>& out) const;
  void on_batch(State& state, const L1Block& block, const BatchData& batch) const;
  void take_early(State& state, const DerivationServices& services, std::vector<Derived>& out) const;
  void derive(State& state, const Block& block, bool empty, const DerivationServices& services,
              std::vector<Derived>& out) const;
  void fill_window(State& state, const L1Block& block, const DerivationServices& services,
                   std::vector<Derived>& out) const;
  void settle_pending(State& state, const DerivationServices& services, std::vector<Derived>& out) const;
  bool try_commitment(State& state, std::uint32_t index, const Commitment& commitment,
                      const DerivationServices& services, std::vector<Derived>& out) const;
  bool try_proof(State& state, const ProofData& proof, std::vector<Derived>& out) const;

  DerivationOptions options_;
  std::uint64_t start_;
  State base_;               ///< after the L1 block `base_height_`, which is final
  std::uint64_t base_height_;
  State now_;
  std::deque<Step> steps_;   ///< L1 blocks after base_height_, in order
};

/// Root over block ids, as commitments name it.
Hash128 commitment_root(const std::vector<BlockId>& ids);

}  // namespace seqlab::protocols
