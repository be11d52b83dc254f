#include "protocols/forced/citrea_queue.hpp"

#include <algorithm>
#include <iterator>

namespace seqlab::protocols {

namespace {

QueueOptions queue_of(const CitreaQueueOptions& options) {
  return {.lag = options.depth - 1, .drift = options.drift + options.depth, .cap = options.limit};
}

/// Items that were tried before come first; what is left is a block as others have it.
External without_waiting(const ExternalState& before, const External& external, bool& sound) {
  External rest = external;
  const std::size_t again = std::min(before.waiting.size(), external.items.size());
  sound = again == before.waiting.size() &&
          std::equal(before.waiting.begin(), before.waiting.end(), external.items.begin());
  rest.items.erase(rest.items.begin(), rest.items.begin() + static_cast<std::ptrdiff_t>(again));
  return rest;
}

/// A claim without what its author tries again: the items that end where its pointer stands.
External untried(const External& claim) {
  External out = claim;
  const auto begins = [&](const ForcedItem& item) {
    return item.position + static_cast<std::uint64_t>(claim.items.data() + claim.items.size() - &item) == claim.pointer;
  };
  const auto first = std::ranges::find_if(claim.items, begins);
  out.items.assign(first, claim.items.end());
  return out;
}

}  // namespace

CitreaQueue::CitreaQueue(const CitreaQueueOptions& options) : PrefixQueue(queue_of(options)), citrea_(options) {}

/// Everything that is final and was not tried yet, up to the limit.
std::size_t CitreaQueue::due(const ExternalState&, const std::vector<ForcedItem>& queue, const L1View&,
                             const L1Ref&) const {
  return std::min<std::size_t>(queue.size(), citrea_.limit);
}

External CitreaQueue::build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const {
  External out = PrefixQueue::build(before, own, frame);
  out.items.insert(out.items.begin(), before.waiting.begin(), before.waiting.end());
  return out;
}

ExternalReject CitreaQueue::check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                                  const External& external) const {
  bool sound = false;
  const External rest = without_waiting(before, external, sound);
  if (!sound) return ExternalReject::wrong_items;
  // Not final for this node: it could still go.
  if (external.ref.height > before.last.height && !is_final(external.ref.height, own)) return ExternalReject::immature;
  return PrefixQueue::check(before, own, frame, rest);
}

bool CitreaQueue::is_final(std::uint64_t height, const L1View& own) const {
  return height <= own.height() && own.depth(height) + 1 >= citrea_.depth;
}

void CitreaQueue::apply(ExternalState& state, const External& external, SimTime timestamp,
                        std::span<const ForcedStatus> statuses) const {
  const std::size_t again = std::min(state.waiting.size(), external.items.size());
  std::vector<ForcedItem> left;
  for (std::size_t i = 0; i < external.items.size(); ++i) {
    if (statuses[i] == ForcedStatus::deferred) left.push_back(external.items[i]);
  }
  External fresh = external;
  fresh.items.erase(fresh.items.begin(), fresh.items.begin() + static_cast<std::ptrdiff_t>(again));
  PrefixQueue::apply(state, fresh, timestamp, statuses.subspan(again));
  state.waiting = std::move(left);
}

ForcedStatus CitreaQueue::failed(const ForcedItem&) const {
  return citrea_.on_failure == CitreaQueueOptions::OnFailure::drop ? ForcedStatus::removed : ForcedStatus::deferred;
}

ForcedStatus CitreaQueue::status_of(const ForcedItem& item, TxStatus executed, const L1Ref& at) const {
  if (executed == TxStatus::ok) return ForcedStatus::executed;
  const bool hopeless = executed == TxStatus::bad_signature || executed == TxStatus::unknown_account;
  if (hopeless || at.height >= item.l1_height + citrea_.cut_off) return ForcedStatus::refused;
  return failed(item);
}

ExternalReject CitreaQueue::check_claim(const ExternalState& committed, const L1View& own, const BlockFrame& frame,
                                        const External& claim) const {
  // What the author tried again is what waits where he was; `follow` puts in what waits where the block comes to be.
  const External fresh = untried(claim);
  if (claim.ref.height > committed.last.height && !is_final(claim.ref.height, own)) return ExternalReject::immature;
  return PrefixQueue::check_claim(committed, own, frame, fresh);
}

External CitreaQueue::follow(const ExternalState& before, const External& claim) const {
  const External fresh = untried(claim);
  External out = PrefixQueue::follow(before, fresh);
  out.items.insert(out.items.begin(), before.waiting.begin(), before.waiting.end());
  return out;
}

}  // namespace seqlab::protocols
