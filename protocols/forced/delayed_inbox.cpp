#include "protocols/forced/delayed_inbox.hpp"

#include <algorithm>

#include "protocols/l1/data.hpp"

namespace seqlab::protocols {

std::uint64_t DelayBuffer::charged(std::uint64_t posted, const DelayedInboxOptions& options) const {
  const std::uint64_t elapsed = posted > block ? posted - block : 0;
  if (delay > options.buffer_threshold) {
    const std::uint64_t charge = std::min(delay - options.buffer_threshold, elapsed);
    return std::max<std::uint64_t>(options.buffer_threshold, buffer > charge ? buffer - charge : 0);
  }
  if (buffer >= options.buffer_max) return buffer;
  return std::min<std::uint64_t>(options.buffer_max, buffer + elapsed * options.replenish / 10'000);
}

void DelayBuffer::consume(std::uint64_t posted, std::uint64_t now, const DelayedInboxOptions& options) {
  buffer = charged(posted, options);
  block = posted;
  delay = now - posted;
}

namespace {

std::uint64_t delay_of(const DelayBuffer& buffer, std::uint64_t posted, const DelayedInboxOptions& options) {
  if (!options.buffer) return options.delay_blocks;
  return std::min<std::uint64_t>(options.delay_blocks, buffer.charged(posted, options));
}

}  // namespace

bool may_force(const DelayBuffer& buffer, std::uint64_t posted, SimTime posted_time, std::uint64_t now,
               SimTime now_time, const DelayedInboxOptions& options) {
  const std::uint64_t delay = delay_of(buffer, posted, options);
  if (posted + delay >= now) return false;
  // As a time: the whole of it only while the buffer does not shorten the delay.
  return delay < options.delay_blocks || posted_time + options.delay < now_time;
}

DelayBuffer delay_buffer_of(const ExternalState& state) {
  return {state.buffer, state.buffer_block, state.buffer_delay};
}

ExternalState DelayedInbox::genesis(const L1View& own) const {
  ExternalState state = PrefixQueue::genesis(own);
  state.buffer = inbox_.buffer_max;
  state.buffer_block = state.last.height;
  return state;
}

std::size_t DelayedInbox::due(const ExternalState& before, const std::vector<ForcedItem>& queue, const L1View& own,
                              const L1Ref& ref) const {
  DelayBuffer buffer = delay_buffer_of(before);
  std::size_t count = 0;
  while (count < queue.size() && count < options_.cap) {
    const std::uint64_t posted = queue[count].l1_height;
    if (posted + delay_of(buffer, posted, inbox_) > ref.height) break;
    buffer.consume(posted, ref.height, inbox_);
    ++count;
  }
  for (std::uint64_t h = before.last.height + 1; h <= ref.height && !queue.empty(); ++h) {
    const L1BlockPtr block = own.block(h);
    if (block == nullptr) continue;
    for (const L1TransactionPtr& tx : block->transactions) {
      if (tx->kind != L1TxKind::force_call) continue;
      const auto* call = dynamic_cast<const ForceCallData*>(tx->data.get());
      if (call == nullptr || call->upto <= before.pointer || call->upto > before.pointer + queue.size()) continue;
      const ForcedItem& last = queue[call->upto - before.pointer - 1];
      if (!may_force(delay_buffer_of(before), last.l1_height, last.l1_timestamp, h, block->timestamp, inbox_)) continue;
      count = std::max<std::size_t>(count, call->upto - before.pointer);
    }
  }
  return count;
}

void DelayedInbox::consumed(ExternalState& state, const ForcedItem& item, const L1Ref& ref) const {
  DelayBuffer buffer = delay_buffer_of(state);
  buffer.consume(item.l1_height, std::max(ref.height, item.l1_height), inbox_);
  state.buffer = buffer.buffer;
  state.buffer_block = buffer.block;
  state.buffer_delay = buffer.delay;
}

}  // namespace seqlab::protocols
