#include "protocols/node/chain_store.hpp"

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

ChainStore::ChainStore(const Committee& genesis, StateRoot state, std::uint64_t keep_blocks,
                       std::uint32_t change_lag)
    : genesis_(&genesis), keep_blocks_(keep_blocks), change_lag_(change_lag) {
  clear(state);
}

void ChainStore::clear(StateRoot state) {
  height_ = Height{0};
  state_ = state;
  blocks_.clear();
  last_commit_ = {};
  loose_commits_.clear();
  epochs_.clear();
  epochs_.push_back({Height{0}, genesis_, nullptr});
}

BlockPtr ChainStore::block(Height h) const {
  if (h > height_ || h < first()) return nullptr;
  return blocks_[h.value - first().value];
}

const Commit* ChainStore::commit(Height h) const {
  if (h > height_ || h < first()) return nullptr;
  if (h == height_) return &last_commit_;
  if (const auto at = loose_commits_.find(h); at != loose_commits_.end()) return &at->second;
  return &blocks_[h.value + 1 - first().value]->last_commit;
}

const Committee& ChainStore::committee(Height h) const {
  // Heights asked for are nearly always the last ones.
  for (std::size_t i = epochs_.size(); i-- > 0;) {
    if (epochs_[i].from <= h) return *epochs_[i].committee;
  }
  return *epochs_.front().committee;
}

void ChainStore::append(BlockPtr block, Commit commit, StateRoot after, std::span<const ValidatorUpdate> updates) {
  SEQLAB_ASSERT(block->height.value == height_.value + 1, block->height.value, height_.value);
  if (!blocks_.empty()) {
    const Commit& carried = block->last_commit;
    const std::vector<BlockPtr>& proof = last_commit_.descendants;
    const bool has_parent_commit = carried.block == blocks_.back()->id && carried.height == height_ &&
                                   !carried.signatures.empty() &&
                                   (proof.empty() || proof.front()->id == block->id);
    if (!has_parent_commit) loose_commits_.emplace(height_, std::move(last_commit_));
  }
  height_ = block->height;
  state_ = after;
  blocks_.push_back(std::move(block));
  last_commit_ = std::move(commit);
  if (!updates.empty()) {
    const Height from{height_.value + change_lag_};
    auto changed = std::make_shared<const Committee>(committee(from).with(updates));
    const Committee* pointer = changed.get();
    epochs_.push_back({from, pointer, std::move(changed)});
  }
  if (keep_blocks_ != 0 && blocks_.size() > keep_blocks_) {
    blocks_.pop_front();
    loose_commits_.erase(loose_commits_.begin(), loose_commits_.lower_bound(first()));
    // Committees of heights that nobody can ask about any more.
    while (epochs_.size() > 1 && epochs_[1].from <= first()) epochs_.pop_front();
  }
}

}  // namespace seqlab::protocols
