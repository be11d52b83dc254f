// Contracts of layer 1 and readers of them that decide one thing wrongly.
#pragma once

#include "protocols/l1/contracts.hpp"

namespace seqlab::tests::broken {

using protocols::Amount;
using protocols::Contracts;
using protocols::Escrow;
using protocols::EscrowData;
using protocols::EscrowReject;
using protocols::Registry;
using protocols::RegistryReject;
using protocols::RegistryRules;
using protocols::Transaction;

/// Reads whatever looks like a batch.
struct TakesAnybodysBatch final : RegistryRules {
  bool counts(const Registry&, NodeId, std::uint64_t) const override { return true; }
};

/// Goes by who had the turn some blocks ago, as from a cache that is not told of changes.
struct TurnIsStale final : RegistryRules {
  bool counts(const Registry& registry, NodeId author, std::uint64_t height) const override {
    return registry.entitled(height - 8) == author;
  }
};

/// Changes the registry for whoever asks.
struct NoOwner final : Contracts {
  NoOwner(const protocols::RegistryOptions& registry, const protocols::BridgeOptions& bridge,
          protocols::AccountId account, protocols::Signatures& signatures)
      : Contracts(registry, bridge, account, signatures), owner(registry.owner) {}
  RegistryReject change(Registry& registry, const protocols::RegistryData& data, NodeId,
                        std::uint64_t height) const override {
    return registry.apply(data, owner, height);
  }
  NodeId owner;
};

/// Pays to whoever asks, as a bridge that takes an empty proof for a proof.
struct PaysWithoutProof final : Contracts {
  using Contracts::Contracts;
  EscrowReject release(Escrow&, const EscrowData&, std::uint64_t) const override { return EscrowReject::none; }
};

/// Does not remember what it has paid.
struct PaysTwice final : Contracts {
  using Contracts::Contracts;
  EscrowReject release(Escrow& escrow, const EscrowData& data, std::uint64_t height) const override {
    return escrow.check(data, height);
  }
};

/// Mints twice what was locked.
struct MintsDouble final : Contracts {
  using Contracts::Contracts;
  Transaction mint(const EscrowData& deposit, std::uint64_t number) const override {
    EscrowData more = deposit;
    more.amount = Amount{2 * deposit.amount.value};
    return Contracts::mint(more, number);
  }
};

}  // namespace seqlab::tests::broken
