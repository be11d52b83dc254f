#include "scenarios/checkers/forced_inclusion.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/l1/block.hpp"

namespace seqlab::scenarios {

using protocols::ForcedStatus;

ForcedInclusion::ForcedInclusion(const CheckerContext& context)
    : options_(context.forced), roster_(context.node_count), telling_(context.node_count) {
  const std::string& policy = options_.policy;
  if (policy == "arweave_sync" || policy == "deposits") rule_ = Rule::whole_blocks;
  if (policy == "delayed_inbox") rule_ = Rule::inbox;
  if (policy == "due_queue") rule_ = Rule::due;
  if (policy == "citrea_queue") rule_ = Rule::citrea;
  buffer_ = options_.delayed_inbox.buffer_max;
  if (context.migrates) old_core_ = NodeId{context.node_count};
}

void ForcedInclusion::on_record(const Record& record) {
  roster_.observe(record);
  switch (record.kind) {
    case RecordKind::forced_posted:
      posted_[record.round] = {record.id(), record.height};
      return;
    case RecordKind::l1_excluded:
      if (record.flags == static_cast<std::uint16_t>(protocols::L1TxKind::forced) ||
          record.flags == static_cast<std::uint16_t>(protocols::L1TxKind::escrow)) {
        std::erase_if(posted_, [&](const auto& p) { return p.second.id == record.id(); });
      }
      return;
    case RecordKind::force_called: return on_call(record);
    default: break;
  }
  if (record.kind == RecordKind::forced_done && old_core_ != no_node && record.node == old_core_) {
    // Another core was there before: what it has done is done, in its own order within one L1 block.
    posted_.erase(record.round);
    finished_.insert(record.id());
    next_ = std::max<std::uint64_t>(next_, std::uint64_t{record.round} + 1);
    return;
  }
  if (!roster_.honest(record.node)) return;
  Told& told = telling_[record.node.value];
  switch (record.kind) {
    case RecordKind::l1_ref: told = {record.height, record.round, {}}; return;
    case RecordKind::forced_done:
      if (told.height == record.height) told.done.push_back({record.round, record.id(), record.detail});
      return;
    case RecordKind::executed:
      if (record.height == judged_ + 1 && told.height == record.height) judge(told, record.node, record.at);
      return;
    default: return;
  }
}

std::uint64_t ForcedInclusion::delay(std::uint64_t height, std::uint64_t& buffer) const {
  const protocols::DelayedInboxOptions& o = options_.delayed_inbox;
  if (!o.buffer) return o.delay_blocks;
  const std::uint64_t elapsed = height - std::min(height, last_posted_);
  const std::uint64_t late = last_waited_ - std::min<std::uint64_t>(last_waited_, o.buffer_threshold);
  if (late > 0) {
    buffer -= std::min(buffer, std::min(late, elapsed));
    buffer = std::max<std::uint64_t>(buffer, o.buffer_threshold);
  } else if (buffer < o.buffer_max) {
    buffer = std::min<std::uint64_t>(o.buffer_max, buffer + elapsed * o.replenish / 10'000);
  }
  return std::min<std::uint64_t>(buffer, o.delay_blocks);
}

std::uint64_t ForcedInclusion::due(std::uint64_t first, std::uint64_t ref) const {
  std::uint64_t count = 0;
  std::uint64_t buffer = buffer_;
  for (auto at = posted_.lower_bound(first); at != posted_.end() && at->second.height <= ref; ++at, ++count) {
    if (at->first != first + count) break;
    std::uint64_t wait = 0;
    // Later ones of the same block are judged by the first: what that one waits is charged with it.
    if (rule_ == Rule::inbox) {
      wait = delay(at->second.height, buffer);
      if (count > 0) wait = options_.delayed_inbox.delay_blocks;
    }
    if (rule_ == Rule::due) wait = options_.due_queue.due_blocks;
    if (at->second.height + wait > ref) break;
  }
  std::uint64_t cap = count;
  if (rule_ == Rule::inbox) cap = options_.delayed_inbox.queue.cap;
  if (rule_ == Rule::due) cap = options_.due_queue.queue.cap;
  if (rule_ == Rule::citrea) cap = options_.citrea_queue.limit;
  return std::min(count, cap);
}

void ForcedInclusion::judge(const Told& told, NodeId node, SimTime at) {
  judged_ = told.height;
  const std::uint64_t first = next_;
  const std::uint64_t must = due(first, told.ref);
  for (const Done& done : told.done) {
    const auto status = static_cast<ForcedStatus>(done.status);
    const auto again = deferred_.find(done.position);
    const bool tried = again != deferred_.end() && again->second.id == done.id;
    const auto posted = posted_.find(done.position);
    if (finished_.count(done.id) != 0) {
      report(at, {node}, fmt::format("item {} at position {} is done again in block {}", short_hex(done.id),
                                     done.position, told.height));
      continue;
    }
    if (!tried && done.position != next_) {
      report(at, {node}, fmt::format("block {} takes the item at position {} where {} is next", told.height,
                                     done.position, next_));
    }
    if (!tried && (posted == posted_.end() || posted->second.id != done.id || posted->second.height > told.ref)) {
      report(at, {node}, fmt::format("block {} takes item {} at position {}, which L1 does not hold there up to {}",
                                     told.height, short_hex(done.id), done.position, told.ref));
    }
    const Posted item = tried ? again->second : posted != posted_.end() ? posted->second : Posted{done.id, told.ref};
    if (status == ForcedStatus::removed) {
      report(at, {node}, fmt::format("item {} at position {} is gone in block {} without having been executed or "
                                     "refused for a reason",
                                     short_hex(done.id), done.position, told.height));
    }
    if (!tried) {
      next_ = std::max(next_, done.position + 1);
      posted_.erase(done.position);
      if (rule_ == Rule::inbox) {
        static_cast<void>(delay(item.height, buffer_));
        last_posted_ = item.height;
        last_waited_ = told.ref - std::min(told.ref, item.height);
      }
    }
    if (status == ForcedStatus::deferred) {
      deferred_[done.position] = item;
      if (told.ref >= item.height + options_.citrea_queue.cut_off) {
        report(at, {node}, fmt::format("item {} of L1 height {} still waits in block {}, which names {}",
                                       short_hex(done.id), item.height, told.height, told.ref));
      }
      continue;
    }
    if (status == ForcedStatus::refused && told.ref < item.height + options_.citrea_queue.cut_off &&
        rule_ == Rule::citrea && tried) {
      report(at, {node}, fmt::format("item {} of L1 height {} is refused in block {}, before its cut-off",
                                     short_hex(done.id), item.height, told.height));
    }
    if (tried) deferred_.erase(again);
    finished_.insert(done.id);
  }
  if (next_ - first < must) {
    report(at, {node},
           fmt::format("block {} names L1 height {} and leaves out item {} at position {}, which was due", told.height,
                       told.ref, short_hex(posted_.at(next_).id), next_));
    if (rule_ == Rule::whole_blocks) next_ = first + must;  // told once
  }
  ref_ = told.ref;
}

/// F3: a call works if and only if the message had waited for longer than the delay.
void ForcedInclusion::on_call(const Record& record) {
  if (rule_ != Rule::inbox || record.round == 0) return;
  const auto item = posted_.find(record.round - 1);
  if (item == posted_.end()) return;
  std::uint64_t buffer = buffer_;
  const std::uint64_t wait = delay(item->second.height, buffer);
  const bool late = item->second.height + wait < record.height;
  if ((record.flags & 1U) != 0 && !late) {
    report(record.at, {}, fmt::format("a call forced the item at position {} at L1 height {}, {} after its own, where "
                                      "{} have to pass",
                                      record.round - 1, record.height, record.height - item->second.height, wait));
  }
}

}  // namespace seqlab::scenarios
