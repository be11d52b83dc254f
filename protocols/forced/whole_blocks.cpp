#include "protocols/forced/whole_blocks.hpp"

#include "protocols/forced/forced_paths.hpp"

namespace seqlab::protocols {

External WholeBlocks::build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const {
  External out{.ref = before.last, .pointer = before.pointer};
  for (std::uint32_t i = 0; i < blocks_max_; ++i) {
    const L1BlockPtr next = own.block(out.ref.height + 1);
    if (next == nullptr || !joins(*next, out.ref) || !wanted(*next, own, frame)) break;
    for (ForcedItem& item : forced_items(*next, out.pointer)) {
      ++out.pointer;
      out.items.push_back(std::move(item));
    }
    out.ref = {next->height, next->id, next->timestamp};
  }
  return out;
}

ExternalReject WholeBlocks::check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                                  const External& external) const {
  const std::uint64_t from = before.last.height;
  if (external.ref.height == from) {
    if (external.ref != before.last) return ExternalReject::wrong_block;
    const L1BlockPtr next = own.block(from + 1);
    const bool due = must() && next != nullptr && eligible(*next, own, frame) == ExternalReject::none;
    if (due && joins(*next, before.last)) return ExternalReject::missing_block;
    const bool nothing = external.items.empty() && external.pointer == before.pointer;
    return nothing ? ExternalReject::none : ExternalReject::wrong_items;
  }
  if (external.ref.height < from || external.ref.height - from > blocks_max_) return ExternalReject::wrong_height;
  std::vector<ForcedItem> items;
  std::uint64_t pointer = before.pointer;
  for (std::uint64_t height = from + 1; height <= external.ref.height; ++height) {
    const L1BlockPtr mine = own.block(height);
    if (mine == nullptr) return ExternalReject::unknown_block;
    if (height == from + 1 && !joins(*mine, before.last)) return ExternalReject::wrong_block;
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

void WholeBlocks::apply(ExternalState& state, const External& external, SimTime timestamp,
                        std::span<const ForcedStatus>) const {
  state.last = external.ref;
  state.pointer = external.pointer;
  state.timestamp = timestamp;
}

ForcedStatus WholeBlocks::status_of(const ForcedItem&, TxStatus executed, const L1Ref&) const {
  return executed == TxStatus::ok ? ForcedStatus::executed : ForcedStatus::failed;
}

ExternalReject WholeBlocks::check_claim(const ExternalState& committed, const L1View& own, const BlockFrame& frame,
                                        const External& claim) const {
  if (claim.ref.height <= committed.last.height) return ExternalReject::none;
  const L1BlockPtr mine = own.block(claim.ref.height);
  if (mine == nullptr) return ExternalReject::unknown_block;
  if (mine->id != claim.ref.id || mine->timestamp != claim.ref.timestamp) return ExternalReject::wrong_block;
  if (const ExternalReject why = eligible(*mine, own, frame); why != ExternalReject::none) return why;
  if (claim.items.size() > claim.pointer) return ExternalReject::wrong_items;
  // Its author may have committed what this node has not. If the block that it names is the next one here, its items
  // must be all there; if it is further on, they may have been in the one that the author had before.
  std::vector<ForcedItem> expected = forced_items(*mine, claim.pointer - claim.items.size());
  const bool next_here = claim.ref.height == committed.last.height + 1;
  const bool complete = claim.items == expected;
  return complete || (!next_here && claim.items.empty()) ? ExternalReject::none : ExternalReject::wrong_items;
}

External WholeBlocks::follow(const ExternalState& before, const External& claim) const {
  const bool next = claim.ref.height == before.last.height + 1;
  const bool in_order = claim.pointer == before.pointer + claim.items.size() &&
                        (claim.items.empty() || claim.items.front().position == before.pointer);
  if (next && in_order) return claim;
  return {.ref = before.last, .pointer = before.pointer};
}

}  // namespace seqlab::protocols
