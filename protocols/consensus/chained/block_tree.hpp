// Blocks above the last committed one. The tree's root is that block; what does not descend from it goes when the root
// moves. Bounded: `spare_max` blocks off the branch that the engine works on, the oldest rounds go first (a dropped
// block that turns out to be certified comes back by its id). The working branch itself has no bound: each of its
// blocks took a quorum.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocols/types/block.hpp"

namespace seqlab::protocols {

class BlockTree {
 public:
  enum class Validity : std::uint8_t { unknown, asked, valid, invalid };

  struct Entry {
    BlockPtr block;
    Validity validity = Validity::unknown;
    bool persisted = false;  ///< the body is in the log
    friend bool operator==(const Entry& a, const Entry& b) {
      return a.block->id == b.block->id && a.validity == b.validity && a.persisted == b.persisted;
    }
  };
  struct Root {
    Height height{};
    BlockId id{};
    SimTime timestamp{};
    friend bool operator==(const Root&, const Root&) = default;
  };
  /// The first ancestor that is not here.
  struct Missing {
    Height height{};
    BlockId block{};
    BlockPtr child{};  ///< the block that names it; null if it is the asked one itself
  };
  enum class Link : std::uint8_t { connected, missing, foreign };  ///< foreign: does not descend from the root

  static constexpr std::size_t spare_max = 64;

  /// Empties the tree.
  void reset(const Root& root);
  const Root& root() const { return root_; }
  bool empty() const { return entries_.empty(); }
  const std::vector<Entry>& entries() const { return entries_; }

  /// Null if it is not above the root, or not here. Valid until the next change.
  Entry* find(BlockId id);
  const Entry* find(BlockId id) const;
  BlockPtr block(BlockId id) const;
  /// Null if it is not above the root. `keep`: tip of the branch that is never dropped.
  Entry* insert(const BlockPtr& block, BlockId keep);

  /// Whether `tip` (the root or above it) hangs on the root, and if not, what to ask for.
  Link link(BlockId tip, Height height, Missing* missing = nullptr) const;
  /// Blocks above the root up to `tip`, oldest first; empty if it is the root; nothing unless connected.
  std::optional<std::vector<BlockPtr>> branch(BlockId tip, Height height) const;
  /// Whether `ancestor` is `tip` or on its way to the root (the root included), as far as that is known.
  bool extends(BlockId tip, BlockId ancestor) const;

  /// @pre `block` is a child of the root
  void advance_root(const Block& block);

  friend bool operator==(const BlockTree&, const BlockTree&) = default;
  void hash_into(HashBuilder& h) const;

 private:
  void drop_spare(BlockId keep, BlockId fresh);
  /// Position of the block among the first `end` entries, `end` if it is not there.
  std::size_t find_before(std::size_t end, BlockId id) const;
  /// The parent of the entry: parents come before their children. Null if it is not here.
  const Entry* parent_of(const Entry& e) const;

  Root root_;
  std::vector<Entry> entries_;  // sorted by (height, id)
};

}  // namespace seqlab::protocols
