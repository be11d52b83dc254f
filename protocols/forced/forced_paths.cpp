#include "protocols/forced/forced_paths.hpp"

#include <array>

#include "protocols/forced/arweave_sync.hpp"
#include "protocols/forced/citrea_queue.hpp"
#include "protocols/forced/delayed_inbox.hpp"
#include "protocols/forced/deposits.hpp"
#include "protocols/forced/due_queue.hpp"
#include "protocols/l1/contracts.hpp"

namespace seqlab::protocols {

namespace {

constexpr std::array entries{
    ForcedPathEntry{"arweave_sync", "every L1 block in turn, first in a block, when it is deep and old enough (Warp)",
                    [](const ForcedOptions& o) -> std::unique_ptr<ForcedPath> {
                      return std::make_unique<ArweaveSync>(o.arweave_sync);
                    }},
    ForcedPathEntry{"citrea_queue", "final Bitcoin blocks, a queue, so many items a block, a cut-off (Citrea)",
                    [](const ForcedOptions& o) -> std::unique_ptr<ForcedPath> {
                      return std::make_unique<CitreaQueue>(o.citrea_queue);
                    }},
    ForcedPathEntry{"delayed_inbox", "a pointer over a queue, a deadline that shortens, calls on L1 (Arbitrum)",
                    [](const ForcedOptions& o) -> std::unique_ptr<ForcedPath> {
                      return std::make_unique<DelayedInbox>(o.delayed_inbox);
                    }},
    ForcedPathEntry{"deposits", "each block names an origin; its first block holds the deposits there (OP Stack)",
                    [](const ForcedOptions& o) -> std::unique_ptr<ForcedPath> {
                      return std::make_unique<Deposits>(o.deposits);
                    }},
    ForcedPathEntry{"due_queue", "a queue; what is due goes into the next block, up to a cap (Taiko)",
                    [](const ForcedOptions& o) -> std::unique_ptr<ForcedPath> {
                      return std::make_unique<DueQueue>(o.due_queue);
                    }},
};

}  // namespace

std::span<const ForcedPathEntry> forced_paths() { return entries; }

const ForcedPathEntry* find_forced_path(std::string_view name) {
  for (const ForcedPathEntry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::vector<ForcedItem> forced_items(const L1Block& block, std::uint64_t position) {
  std::vector<ForcedItem> items;
  for (const L1TransactionPtr& tx : block.transactions) {
    if (!brings_item(block, *tx)) continue;
    if (tx->kind == L1TxKind::escrow) {
      items.push_back({.id = tx->id,
                       .position = position++,
                       .l1_height = block.height,
                       .l1_timestamp = block.timestamp,
                       .transaction = *block.contracts->mint(tx->id)});
      continue;
    }
    const auto* data = dynamic_cast<const ForcedData*>(tx->data.get());
    if (data == nullptr) continue;
    items.push_back({.id = tx->id,
                     .position = position++,
                     .l1_height = block.height,
                     .l1_timestamp = block.timestamp,
                     .transaction = data->transaction,
                     .condition = data->condition});
  }
  return items;
}

}  // namespace seqlab::protocols
