#include "protocols/forced/forced_paths.hpp"

#include <array>

#include "protocols/l1/data.hpp"

namespace seqlab::protocols {

namespace {

constexpr std::array entries{
    ForcedPathEntry{"arweave_sync", "every L1 block in turn, first in a block, when it is deep and old enough (Warp)",
                    [](const ForcedOptions& o) -> std::unique_ptr<ForcedPath> {
                      return std::make_unique<ArweaveSync>(o.arweave_sync);
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
    if (tx->kind != L1TxKind::forced) continue;
    const auto* data = dynamic_cast<const ForcedData*>(tx->data.get());
    if (data == nullptr) continue;
    items.push_back({.id = tx->id,
                     .position = position++,
                     .l1_height = block.height,
                     .l1_timestamp = block.timestamp,
                     .transaction = data->transaction});
  }
  return items;
}

}  // namespace seqlab::protocols
