#include "protocols/forced/prefix_queue.hpp"

#include <algorithm>

#include "protocols/forced/forced_paths.hpp"

namespace seqlab::protocols {

std::vector<ForcedItem> queue_at(const ExternalState& before, const L1View& own, std::uint64_t height) {
  std::vector<ForcedItem> out;
  std::uint64_t position = before.scan_position;
  for (std::uint64_t h = before.scan; h <= height; ++h) {
    const L1BlockPtr block = own.block(h);
    if (block == nullptr || block->transactions.empty()) continue;
    for (ForcedItem& item : forced_items(*block, position)) {
      ++position;
      if (item.position >= before.pointer) out.push_back(std::move(item));
    }
  }
  return out;
}

ExternalState PrefixQueue::genesis(const L1View& own) const {
  const std::uint64_t below = std::min<std::uint64_t>(own.height(), options_.lag);
  const std::uint64_t height = std::max(own.first(), own.height() - below);
  const L1BlockPtr block = own.block(height);
  return {.last = {block->height, block->id, block->timestamp}, .scan = block->height + 1};
}

External PrefixQueue::build(const ExternalState& before, const L1View& own, const BlockFrame&) const {
  External out{.ref = before.last, .pointer = before.pointer};
  if (own.height() >= before.last.height + options_.lag) {
    const L1BlockPtr block = own.block(own.height() - options_.lag);
    if (block != nullptr && block->height > before.last.height) out.ref = {block->height, block->id, block->timestamp};
  }
  std::vector<ForcedItem> queue = queue_at(before, own, out.ref.height);
  const std::size_t must = due(before, queue, own, out.ref);
  const std::size_t takes = options_.at_deadline ? must : std::max<std::size_t>(must, options_.cap);
  if (queue.size() > takes) queue.resize(takes);
  out.pointer += queue.size();
  out.items = std::move(queue);
  return out;
}

/// A prefix of the queue, and not too short.
ExternalReject PrefixQueue::check_items(const ExternalState& before, const L1View& own,
                                        const External& external) const {
  const std::vector<ForcedItem> queue = queue_at(before, own, external.ref.height);
  const std::size_t count = external.items.size();
  if (count > queue.size() || external.pointer != before.pointer + count) return ExternalReject::wrong_items;
  if (!std::equal(external.items.begin(), external.items.end(), queue.begin())) return ExternalReject::wrong_items;
  const std::size_t must = due(before, queue, own, external.ref);
  if (count > std::max<std::size_t>(must, options_.cap)) return ExternalReject::wrong_items;
  return count < must ? ExternalReject::overdue : ExternalReject::none;
}

ExternalReject PrefixQueue::check(const ExternalState& before, const L1View& own, const BlockFrame&,
                                  const External& external) const {
  if (external.ref.height < before.last.height) return ExternalReject::wrong_height;
  if (external.ref.height == before.last.height) {
    if (external.ref != before.last) return ExternalReject::wrong_block;
  } else {
    const L1BlockPtr mine = own.block(external.ref.height);
    if (mine == nullptr) return ExternalReject::unknown_block;
    if (mine->id != external.ref.id || mine->timestamp != external.ref.timestamp) return ExternalReject::wrong_block;
  }
  // Who does not let the reference go on takes the meaning from every deadline.
  if (own.height() > external.ref.height + options_.drift) return ExternalReject::out_of_time;
  return check_items(before, own, external);
}

void PrefixQueue::consumed(ExternalState&, const ForcedItem&, const L1Ref&) const {}

void PrefixQueue::apply(ExternalState& state, const External& external, SimTime timestamp,
                        std::span<const ForcedStatus>) const {
  for (const ForcedItem& item : external.items) {
    consumed(state, item, external.ref);
    if (item.l1_height <= state.scan) continue;
    state.scan = item.l1_height;
    state.scan_position = item.position;  // it is the first of its block: the queue goes in order
  }
  state.last = external.ref;
  state.pointer = external.pointer;
  state.timestamp = timestamp;
  // A block that had room for more has left nothing behind that was due.
  if (external.items.size() < options_.cap && external.ref.height > delay_max()) {
    const std::uint64_t settled = external.ref.height - delay_max();
    const std::uint64_t last = external.items.empty() ? state.scan : external.items.back().l1_height;
    if (settled >= state.scan && settled >= last && state.pointer >= state.scan_position) {
      state.scan = settled + 1;
      state.scan_position = state.pointer;
    }
  }
}

ForcedStatus PrefixQueue::status_of(const ForcedItem&, TxStatus executed, const L1Ref&) const {
  return executed == TxStatus::ok ? ForcedStatus::executed : ForcedStatus::failed;
}

ExternalReject PrefixQueue::check_claim(const ExternalState& committed, const L1View& own, const BlockFrame&,
                                        const External& claim) const {
  if (claim.items.size() > claim.pointer) return ExternalReject::wrong_items;
  const std::uint64_t start = claim.pointer - claim.items.size();
  if (claim.ref.height > committed.last.height) {
    const L1BlockPtr mine = own.block(claim.ref.height);
    if (mine == nullptr) return ExternalReject::unknown_block;
    if (mine->id != claim.ref.id || mine->timestamp != claim.ref.timestamp) return ExternalReject::wrong_block;
  }
  if (own.height() > claim.ref.height + options_.drift) return ExternalReject::out_of_time;
  if (start < committed.pointer) return ExternalReject::none;  // said before what is known by now: `follow` judges
  ExternalState then = committed;
  then.pointer = start;
  return check_items(then, own, claim);
}

External PrefixQueue::follow(const ExternalState& before, const External& claim) const {
  External out{.ref = before.last, .pointer = before.pointer};
  if (claim.ref.height < before.last.height) return out;
  if (claim.ref.height == before.last.height && claim.ref != before.last) return out;
  for (const ForcedItem& item : claim.items) {
    if (item.position < out.pointer) continue;
    if (item.position != out.pointer || item.l1_height > claim.ref.height) break;
    out.items.push_back(item);
    ++out.pointer;
  }
  if (claim.pointer > out.pointer) return {.ref = before.last, .pointer = before.pointer};
  out.ref = claim.ref;
  return out;
}

}  // namespace seqlab::protocols
