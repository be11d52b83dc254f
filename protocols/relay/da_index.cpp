#include "protocols/relay/da_index.hpp"

#include <algorithm>

#include "protocols/l1/contracts.hpp"

namespace seqlab::protocols {

void DaIndex::assume(Height last) {
  assumed_ = std::max(assumed_, last);
  readable_ = std::max(readable_, last);
  confirmed_ = std::max(confirmed_, last);
}

const DaIndex::Channel* DaIndex::channel(const Hash128& id) const {
  const auto at = channels_.find(id);
  return at == channels_.end() ? nullptr : &at->second;
}

bool DaIndex::is_deep(std::uint64_t l1_height) const {
  if (confirmations_ == 0) return l1_height <= final_;
  return l1_height + confirmations_ <= tip_ + 1;
}

void DaIndex::follow(const L1View& view, const Told& told, const Judged& judged) {
  // Asked far more often than the view goes on.
  if (!seen_.empty() && seen_.back() == view.tip() && final_ == view.final_height() && tip_ == view.height()) return;
  ++changes_;
  while (!seen_.empty()) {
    const L1BlockPtr& last = seen_.back();
    // Older than what the view keeps: nobody switches that far back.
    if (last->height < view.first()) break;
    const L1BlockPtr now = view.block(last->height);
    if (now != nullptr && now->id == last->id) break;
    remove(*last, told);
    seen_.pop_back();
  }
  std::uint64_t next = view.first();
  if (!seen_.empty()) next = std::max(next, seen_.back()->height + 1);
  for (; next <= view.height(); ++next) {
    const L1BlockPtr block = view.block(next);
    add(*block, told, judged);
    seen_.push_back(block);
  }
  tip_ = view.height();
  final_ = view.final_height();
  advance();
  forget(view.first());
}

void DaIndex::add(const L1Block& block, const Told& told, const Judged& judged) {
  for (const L1TransactionPtr& tx : block.transactions) {
    if (tx->kind != L1TxKind::batch || (only_ != no_node && tx->author != only_)) continue;
    if (registry_ != nullptr) {
      const bool counts = registry_->counts(*block.contracts->registry, tx->author, block.height);
      if (judged) judged(block, tx->author, counts);
      if (!counts) continue;
    }
    const auto* says = dynamic_cast<const BatchData*>(tx->data.get());
    if (says == nullptr || says->frame >= says->frames || says->blocks.empty()) continue;
    if (before_ && says->before != *before_) continue;
    Channel& channel = channels_[says->channel];
    if (channel.says == nullptr) {
      channel.data = tx->data;
      channel.says = says;
      channel.writer = tx->author;
    }
    if (says->frames != channel.says->frames) continue;
    channel.frames.emplace_back(says->frame, block.height);
    review(channel, told);
  }
}

void DaIndex::remove(const L1Block& block, const Told& told) {
  for (const L1TransactionPtr& tx : block.transactions) {
    if (tx->kind != L1TxKind::batch) continue;
    const auto* says = dynamic_cast<const BatchData*>(tx->data.get());
    if (says == nullptr) continue;
    const auto at = channels_.find(says->channel);
    if (at == channels_.end()) continue;
    const auto frame = std::ranges::find(at->second.frames, std::pair{says->frame, block.height});
    if (frame == at->second.frames.end()) continue;
    at->second.frames.erase(frame);
    review(at->second, told);
    if (at->second.frames.empty()) channels_.erase(at);
  }
}

/// Whether every frame is there in time, by the first copy of each.
void DaIndex::review(Channel& channel, const Told& told) {
  std::vector<std::uint64_t> at(channel.says->frames, 0);
  for (const auto& [frame, height] : channel.frames) {
    if (at[frame] == 0 || height < at[frame]) at[frame] = height;
  }
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool whole = true;
  for (const std::uint64_t height : at) {
    if (height == 0) {
      whole = false;
      continue;
    }
    first = first == 0 ? height : std::min(first, height);
    last = std::max(last, height);
  }
  channel.first = first;
  const std::uint64_t completed = whole && last - first <= channel_timeout_ ? last : 0;
  if (completed == channel.completed) return;
  if (channel.completed != 0) {
    for (const BlockPtr& block : channel.says->blocks) {
      const std::uint64_t height = block->height.value;
      remove_copy(height, channel.completed);
      // Looked at again by `advance`.
      const Height before{height - 1};
      readable_ = std::max(assumed_, std::min(readable_, before));
      confirmed_ = std::max(assumed_, std::min(confirmed_, before));
    }
    channel.completed = 0;
    if (told) told(channel, false);
  }
  if (completed != 0) {
    channel.completed = completed;
    for (const BlockPtr& block : channel.says->blocks) {
      if (block->height > assumed_) add_copy(block->height.value, completed);
    }
    if (told) told(channel, true);
  }
}

void DaIndex::advance() {
  while (first_copy(readable_.value + 1) != 0) ++readable_.value;
  while (true) {
    const std::uint64_t next = first_copy(confirmed_.value + 1);
    if (next == 0 || !is_deep(next)) break;
    ++confirmed_.value;
  }
}

void DaIndex::add_copy(std::uint64_t height, std::uint64_t l1_height) {
  constexpr std::uint64_t absurd =
      1U << 22U;  // no chain has so many blocks that wait to be read; a liar may say that his is one
  if (first_copies_.empty()) base_ = assumed_.value + 1;
  if (height < base_ || height - base_ >= absurd) return;
  if (height - base_ >= first_copies_.size()) first_copies_.resize(height - base_ + 1, 0);
  std::uint64_t& first = first_copies_[height - base_];
  if (first == 0) {
    first = l1_height;
    return;
  }
  auto& more = more_copies_[height];
  const std::uint64_t later = std::max(first, l1_height);
  first = std::min(first, l1_height);
  more.insert(std::ranges::upper_bound(more, later), later);
}

void DaIndex::remove_copy(std::uint64_t height, std::uint64_t l1_height) {
  if (first_copy(height) == 0) return;
  std::uint64_t& first = first_copies_[height - base_];
  const auto more = more_copies_.find(height);
  if (more == more_copies_.end()) {
    if (first == l1_height) first = 0;
    return;
  }
  if (first == l1_height) {
    first = more->second.front();
    more->second.erase(more->second.begin());
  } else if (const auto at = std::ranges::find(more->second, l1_height); at != more->second.end()) {
    more->second.erase(at);
  }
  if (more->second.empty()) more_copies_.erase(more);
}

/// What lies before the memory of the view cannot be taken back any more.
void DaIndex::forget(std::uint64_t floor) {
  if (seen_.empty() || seen_.front()->height >= floor) return;
  while (seen_.size() > 1 && seen_.front()->height < floor) {
    for (const L1TransactionPtr& tx : seen_.front()->transactions) {
      const auto* says = dynamic_cast<const BatchData*>(tx->data.get());
      if (says == nullptr) continue;
      const auto at = channels_.find(says->channel);
      if (at == channels_.end()) continue;
      std::erase_if(at->second.frames, [&](const auto& frame) { return frame.second < floor; });
      if (at->second.frames.empty()) channels_.erase(at);
    }
    seen_.pop_front();
  }
  while (!first_copies_.empty() && base_ <= confirmed_.value) {
    const auto more = more_copies_.find(base_);
    const std::uint64_t last = more == more_copies_.end() ? first_copies_.front() : more->second.back();
    if (last >= floor) break;
    if (more != more_copies_.end()) more_copies_.erase(more);
    assumed_ = std::max(assumed_, Height{base_});
    first_copies_.pop_front();
    ++base_;
  }
}

}  // namespace seqlab::protocols
