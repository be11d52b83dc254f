// The contracts of the rollup on layer 1: what their state is after an L1 block, and what they said in it. Every block
// carries it, so that who reads a branch reads the state of that branch, as with the state root of a real chain.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "protocols/crypto/signatures.hpp"
#include "protocols/l1/escrow.hpp"
#include "protocols/l1/registry.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::protocols {

/// After one block. Immutable, shared by the blocks in which nothing happens.
struct ContractState {
  std::optional<Registry> registry{};
  std::optional<Escrow> escrow{};

  // Of this block alone.
  /// What a contract made of a transaction, to be told when its block is on the true chain.
  struct Event {
    Hash128 transaction;
    sim::Record record;
    bool moves_money = false;   ///< told again, with flags = 1, when the block is taken back
    friend bool operator==(const Event&, const Event&) = default;
  };
  std::vector<Event> events{};
  /// Transactions that mint the block's deposits on the rollup, by the L1 transaction of the deposit.
  std::vector<std::pair<Hash128, Transaction>> mints{};

  const Transaction* mint(const Hash128& deposit) const {
    for (const auto& [id, transaction] : mints) {
      if (id == deposit) return &transaction;
    }
    return nullptr;
  }
  friend bool operator==(const ContractState&, const ContractState&) = default;
};

/// Honest contracts. Tests put broken ones in their place.
class Contracts {
 public:
  /// `signatures` outlives it. @param bridge_account  of the rollup: what the escrow signs for
  Contracts(const RegistryOptions& registry, const BridgeOptions& bridge, AccountId bridge_account,
            Signatures& signatures);
  virtual ~Contracts() = default;

  const std::shared_ptr<const ContractState>& genesis() const { return genesis_; }
  /// After `block`, whose parent has the state `before`.
  std::shared_ptr<const ContractState> after(const std::shared_ptr<const ContractState>& before,
                                             const L1Block& block) const;

 protected:
  virtual RegistryReject change(Registry& registry, const RegistryData& data, NodeId author,
                                std::uint64_t height) const {
    return registry.apply(data, author, height);
  }
  virtual EscrowReject release(Escrow& escrow, const EscrowData& data, std::uint64_t height) const {
    return escrow.release(data, height);
  }
  /// The rollup's transaction for deposit `number`.
  virtual Transaction mint(const EscrowData& deposit, std::uint64_t number) const;

 private:
  void on_registry(ContractState& state, const L1Block& block, const L1Transaction& tx) const;
  void on_escrow(ContractState& state, const L1Block& block, const L1Transaction& tx) const;
  void on_proof(ContractState& state, const L1Block& block, const L1Transaction& tx) const;

  std::uint32_t lag_;
  AccountId bridge_account_;
  Signatures& signatures_;
  std::shared_ptr<const ContractState> genesis_;
};

/// Who may write to the block after `tip`, as far as its branch says so by now. @pre the world has a registry
NodeId entitled_next(const L1Block& tip);
/// Whether the transaction brings an item to the rollup's queue: a forced one, or a deposit that counts.
bool brings_item(const L1Block& block, const L1Transaction& transaction);

}  // namespace seqlab::protocols
