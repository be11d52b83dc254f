#include "protocols/forced/arweave_sync.hpp"

#include <algorithm>

#include "protocols/forced/forced_paths.hpp"

namespace seqlab::protocols {

ExternalState ArweaveSync::genesis(const L1View& own) const {
  const std::uint64_t height =
      std::max(own.first(), own.height() - std::min<std::uint64_t>(own.height(), options_.depth));
  const L1BlockPtr block = own.block(height);
  return {.last = {block->height, block->id, block->timestamp}};
}

/// `none` if the block may be named.
ExternalReject ArweaveSync::eligible(const L1Block& l1, const L1View& own, const BlockFrame& frame) const {
  if (own.depth(l1.height) < options_.depth) return ExternalReject::immature;
  if (frame.height == Height{1}) return ExternalReject::none;  // continuity of keys over a migration hangs on it
  const SimTime now = frame.timestamp == SimTime{} ? own.tip()->timestamp : frame.timestamp;
  return now > l1.timestamp + options_.age ? ExternalReject::none : ExternalReject::immature;
}

External ArweaveSync::build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const {
  External out{.ref = before.last, .pointer = before.pointer};
  for (std::uint32_t i = 0; i < options_.blocks_max; ++i) {
    const L1BlockPtr next = own.block(out.ref.height + 1);
    if (next == nullptr || eligible(*next, own, frame) != ExternalReject::none) break;
    for (ForcedItem& item : forced_items(*next, out.pointer)) {
      ++out.pointer;
      out.items.push_back(std::move(item));
    }
    out.ref = {next->height, next->id, next->timestamp};
  }
  return out;
}

ExternalReject ArweaveSync::check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                                  const External& external) const {
  const std::uint64_t from = before.last.height;
  if (external.ref.height == from) {
    if (external.ref != before.last) return ExternalReject::wrong_block;
    const L1BlockPtr next = own.block(from + 1);
    if (next != nullptr && eligible(*next, own, frame) == ExternalReject::none) return ExternalReject::missing_block;
    const bool nothing = external.items.empty() && external.pointer == before.pointer;
    return nothing ? ExternalReject::none : ExternalReject::wrong_items;
  }
  if (external.ref.height < from || external.ref.height - from > options_.blocks_max)
    return ExternalReject::wrong_height;
  std::vector<ForcedItem> items;
  std::uint64_t pointer = before.pointer;
  for (std::uint64_t height = from + 1; height <= external.ref.height; ++height) {
    const L1BlockPtr mine = own.block(height);
    if (mine == nullptr) return ExternalReject::unknown_block;
    if (const ExternalReject why = eligible(*mine, own, frame); why != ExternalReject::none) return why;
    for (ForcedItem& item : forced_items(*mine, pointer)) {
      ++pointer;
      items.push_back(std::move(item));
    }
    if (height != external.ref.height) continue;
    if (mine->id != external.ref.id || mine->timestamp != external.ref.timestamp) return ExternalReject::wrong_block;
  }
  return items == external.items && pointer == external.pointer ? ExternalReject::none : ExternalReject::wrong_items;
}

void ArweaveSync::apply(ExternalState& state, const Block& block, std::span<const ForcedStatus>) const {
  state.last = block.external->ref;
  state.pointer = block.external->pointer;
  state.timestamp = block.timestamp;
}

ForcedStatus ArweaveSync::status_of(const ForcedItem&, TxStatus executed) const {
  return executed == TxStatus::ok ? ForcedStatus::executed : ForcedStatus::failed;
}

}  // namespace seqlab::protocols
