#include "protocols/l1/contracts.hpp"

#include <algorithm>

namespace seqlab::protocols {

using sim::Record;
using sim::RecordKind;

namespace {

bool concerns(const ContractState& state, const L1Transaction& tx) {
  switch (tx.kind) {
    case L1TxKind::registry: return state.registry.has_value();
    case L1TxKind::escrow:
    case L1TxKind::proof: return state.escrow.has_value();
    default: return false;
  }
}

}  // namespace

Contracts::Contracts(const RegistryOptions& registry, const BridgeOptions& bridge, AccountId bridge_account,
                     Signatures& signatures)
    : lag_(registry.lag), bridge_account_(bridge_account), signatures_(signatures) {
  auto state = std::make_shared<ContractState>();
  if (registry.exists()) state->registry.emplace(registry);
  if (bridge.escrow) state->escrow.emplace(bridge);
  genesis_ = std::move(state);
}

std::shared_ptr<const ContractState> Contracts::after(const std::shared_ptr<const ContractState>& before,
                                                      const L1Block& block) const {
  const bool calls = std::ranges::any_of(
      block.transactions, [&](const L1TransactionPtr& tx) { return concerns(*before, *tx); });
  if (!calls && before->events.empty() && before->mints.empty()) return before;
  auto state = std::make_shared<ContractState>(*before);
  state->events.clear();
  state->mints.clear();
  for (const L1TransactionPtr& tx : block.transactions) {
    if (!concerns(*state, *tx)) continue;
    if (tx->kind == L1TxKind::registry) on_registry(*state, block, *tx);
    if (tx->kind == L1TxKind::escrow) on_escrow(*state, block, *tx);
    if (tx->kind == L1TxKind::proof) on_proof(*state, block, *tx);
  }
  return state;
}

void Contracts::on_registry(ContractState& state, const L1Block& block, const L1Transaction& tx) const {
  const auto* data = dynamic_cast<const RegistryData*>(tx.data.get());
  if (data == nullptr) return;
  const RegistryReject why = change(*state.registry, *data, tx.author, block.height);
  state.events.push_back({tx.id,
                          {.kind = RecordKind::registry_set,
                           .flags = static_cast<std::uint16_t>(why),
                           .node = data->node,
                           .peer = tx.author,
                           .round = static_cast<std::uint32_t>(data->action),
                           .a = data->turn,
                           .b = block.height + lag_}});
}

void Contracts::on_escrow(ContractState& state, const L1Block& block, const L1Transaction& tx) const {
  const auto* data = dynamic_cast<const EscrowData*>(tx.data.get());
  if (data == nullptr) return;
  const bool deposit = data->what == EscrowData::What::deposit;
  const std::uint64_t number = state.escrow->deposits();
  const EscrowReject why =
      deposit ? state.escrow->deposit(*data) : release(*state.escrow, *data, block.height);
  const bool done = why == EscrowReject::none;
  if (done && deposit) state.mints.emplace_back(tx.id, mint(*data, number));
  Record record{.kind = deposit ? RecordKind::escrow_locked : RecordKind::escrow_released,
                .round = data->account.value,
                .a = static_cast<std::uint64_t>(data->amount.value),
                .b = deposit ? number : data->nonce};
  if (!done) {
    record.kind = RecordKind::escrow_refused;
    record.flags = static_cast<std::uint16_t>(why);
  }
  state.events.push_back({tx.id, record, done});
}

void Contracts::on_proof(ContractState& state, const L1Block& block, const L1Transaction& tx) const {
  const auto* data = dynamic_cast<const ProofData*>(tx.data.get());
  if (data == nullptr || !state.escrow->settle(*data, block.height)) return;
  state.events.push_back(
      {tx.id, {.kind = RecordKind::escrow_settled, .a = state.escrow->proven().value}, true});
}

Transaction Contracts::mint(const EscrowData& deposit, std::uint64_t number) const {
  Transaction tx;
  tx.sender = bridge_account_;
  tx.receiver = deposit.account;
  tx.nonce = number;
  tx.amount = deposit.amount;
  tx.bytes = transaction_bytes_min;
  tx.id = tx.compute_id();
  tx.signature = signatures_.sign(account_key(tx.sender.value), tx.id);
  return tx;
}

NodeId entitled_next(const L1Block& tip) { return tip.contracts->registry->entitled(tip.height + 1); }

bool brings_item(const L1Block& block, const L1Transaction& transaction) {
  if (transaction.kind == L1TxKind::forced) return true;
  return transaction.kind == L1TxKind::escrow && block.contracts != nullptr &&
         block.contracts->mint(transaction.id) != nullptr;
}

}  // namespace seqlab::protocols
