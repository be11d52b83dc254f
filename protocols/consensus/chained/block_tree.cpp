#include "protocols/consensus/chained/block_tree.hpp"

#include <algorithm>
#include <utility>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

void BlockTree::reset(const Root& root) {
  root_ = root;
  entries_.clear();
}

const BlockTree::Entry* BlockTree::find(BlockId id) const {
  for (std::size_t i = entries_.size(); i-- > 0;) {  // what is asked for is nearly always among the newest
    if (entries_[i].block->id == id) return &entries_[i];
  }
  return nullptr;
}

BlockTree::Entry* BlockTree::find(BlockId id) { return const_cast<Entry*>(std::as_const(*this).find(id)); }

BlockPtr BlockTree::block(BlockId id) const {
  const Entry* e = find(id);
  return e != nullptr ? e->block : nullptr;
}

BlockTree::Entry* BlockTree::insert(const BlockPtr& block, BlockId keep) {
  if (block->height <= root_.height) return nullptr;
  const auto before = [](const Entry& e, const Block& b) {
    return std::pair{e.block->height, e.block->id} < std::pair{b.height, b.id};
  };
  auto at = std::lower_bound(entries_.begin(), entries_.end(), *block, before);
  if (at != entries_.end() && at->block->id == block->id) return &*at;
  entries_.insert(at, Entry{block, Validity::unknown, false});
  if (entries_.size() > spare_max) drop_spare(keep, block->id);
  return find(block->id);
}

void BlockTree::drop_spare(BlockId keep, BlockId fresh) {
  std::vector<BlockId> working;
  for (BlockId id = keep; const Entry* e = find(id); id = e->block->parent) working.push_back(id);
  while (entries_.size() > working.size() + spare_max) {
    auto oldest = entries_.end();
    for (auto e = entries_.begin(); e != entries_.end(); ++e) {
      if (e->block->id == fresh || std::ranges::find(working, e->block->id) != working.end()) continue;
      if (oldest == entries_.end() || e->block->round < oldest->block->round) oldest = e;
    }
    if (oldest == entries_.end()) return;
    entries_.erase(oldest);
  }
}

BlockTree::Link BlockTree::link(BlockId tip, Height height, Missing* missing) const {
  BlockId id = tip;
  BlockPtr child;
  while (true) {
    if (id == root_.id && height == root_.height) return Link::connected;
    if (height <= root_.height) return Link::foreign;
    const Entry* e = find(id);
    if (e == nullptr) {
      if (missing != nullptr) *missing = Missing{height, id, std::move(child)};
      return Link::missing;
    }
    if (e->block->height != height) return Link::foreign;
    child = e->block;
    id = child->parent;
    height = previous(height);
  }
}

std::optional<std::vector<BlockPtr>> BlockTree::branch(BlockId tip, Height height) const {
  if (link(tip, height) != Link::connected) return std::nullopt;
  std::vector<BlockPtr> blocks;
  blocks.reserve(height.value - root_.height.value);
  for (BlockId id = tip; id != root_.id;) {
    blocks.push_back(find(id)->block);
    id = blocks.back()->parent;
  }
  std::ranges::reverse(blocks);
  return blocks;
}

bool BlockTree::extends(BlockId tip, BlockId ancestor) const {
  for (BlockId id = tip;;) {
    if (id == ancestor) return true;
    if (id == root_.id) return false;
    const Entry* e = find(id);
    if (e == nullptr) return false;
    id = e->block->parent;
  }
}

void BlockTree::advance_root(const Block& block) {
  SEQLAB_ASSERT(block.parent == root_.id, block.height.value, root_.height.value);
  root_ = Root{block.height, block.id, block.timestamp};
  // A block stays if its way down ends at the root or at a gap above it. Parents come before their children.
  std::vector<BlockId> foreign;
  std::erase_if(entries_, [&](const Entry& e) {
    const Block& b = *e.block;
    const bool gone = b.height <= root_.height || (b.height == next(root_.height) && b.parent != root_.id) ||
                      std::ranges::find(foreign, b.parent) != foreign.end();
    if (gone && b.height > root_.height) foreign.push_back(b.id);
    return gone;
  });
}

void BlockTree::hash_into(HashBuilder& h) const {
  h.add(root_.height).add(root_.id).add(ns(root_.timestamp)).add(entries_.size());
  for (const Entry& e : entries_) h.add(e.block->id).add(e.validity).add(e.persisted);
}

}  // namespace seqlab::protocols
