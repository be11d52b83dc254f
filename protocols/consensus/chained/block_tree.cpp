#include "protocols/consensus/chained/block_tree.hpp"

#include <algorithm>
#include <utility>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

void BlockTree::reset(const Root& root) {
  root_ = root;
  entries_.clear();
}

std::size_t BlockTree::find_before(std::size_t end, BlockId id) const {
  for (std::size_t i = end; i-- > 0;) {  // what is asked for is nearly always among the newest
    if (entries_[i].block->id == id) return i;
  }
  return end;
}

const BlockTree::Entry* BlockTree::find(BlockId id) const {
  const std::size_t at = find_before(entries_.size(), id);
  return at != entries_.size() ? &entries_[at] : nullptr;
}

const BlockTree::Entry* BlockTree::parent_of(const Entry& e) const {
  const auto end = static_cast<std::size_t>(&e - entries_.data());
  const std::size_t at = find_before(end, e.block->parent);
  return at != end ? &entries_[at] : nullptr;
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
  if (height == root_.height) return tip == root_.id ? Link::connected : Link::foreign;
  if (height < root_.height) return Link::foreign;
  const Entry* e = find(tip);
  if (e == nullptr) {
    if (missing != nullptr) *missing = Missing{height, tip, nullptr};
    return Link::missing;
  }
  if (e->block->height != height) return Link::foreign;
  while (true) {
    const Block& b = *e->block;
    const Height below = previous(b.height);
    if (below == root_.height) return b.parent == root_.id ? Link::connected : Link::foreign;
    const Entry* parent = parent_of(*e);
    if (parent == nullptr) {
      // One that says of itself that it stands as high as its child, or higher, is not its parent.
      if (find(b.parent) != nullptr) return Link::foreign;
      if (missing != nullptr) *missing = Missing{below, b.parent, e->block};
      return Link::missing;
    }
    if (parent->block->height != below) return Link::foreign;
    e = parent;
  }
}

std::optional<std::vector<BlockPtr>> BlockTree::branch(BlockId tip, Height height) const {
  if (link(tip, height) != Link::connected) return std::nullopt;
  std::vector<BlockPtr> blocks(height.value - root_.height.value);
  const Entry* e = blocks.empty() ? nullptr : find(tip);
  for (std::size_t i = blocks.size(); i-- > 0; e = parent_of(*e)) blocks[i] = e->block;
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
