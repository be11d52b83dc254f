// The committed chain of one node: blocks, the commits that made them final, committees by height. Models files that
// are written with the block; what survives a crash is decided by the node (see SequencerNode).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>

#include "protocols/consensus/engine.hpp"
#include "protocols/types/block.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

class ChainStore final : public ChainView {
 public:
  /// @param genesis      committee of the first heights; outlives the store, which keeps no copy
  /// @param keep_blocks  how many blocks stay readable, 0 = all
  /// @param change_lag   executing height h changes the committee from h + change_lag on; at least 1
  ChainStore(const Committee& genesis, StateRoot state, std::uint64_t keep_blocks, std::uint32_t change_lag = 2);

  Height height() const override { return height_; }
  BlockPtr block(Height h) const override;
  const Commit* commit(Height h) const override;
  const Committee& committee(Height h) const override;
  StateRoot state() const override { return state_; }

  /// Height of the first block that is still here; height() + 1 if there is none.
  Height first() const { return Height{height_.value + 1 - blocks_.size()}; }

  /// @param after    state root after the block
  /// @param updates  hold from `change_lag` heights later
  /// @pre block->height == height() + 1
  void append(BlockPtr block, Commit commit, StateRoot after, std::span<const ValidatorUpdate> updates);
  /// Back to genesis.
  void clear(StateRoot state);

 private:
  struct Epoch {
    Height from;
    const Committee* committee;
    std::shared_ptr<const Committee> owned;  // null for genesis
  };
  const Committee* genesis_;
  std::uint64_t keep_blocks_;
  std::uint32_t change_lag_;
  Height height_{};
  StateRoot state_;
  std::deque<BlockPtr> blocks_;
  /// The commit of the last block; those of earlier blocks are inside their successors. A block that carries none, or
  /// one for something else, leaves its parent's here; so does a block that is not among the descendants that committed
  /// its parent. (Where a parent's commit took descendants that are on the chain, what is left is its certificate.)
  Commit last_commit_;
  std::map<Height, Commit> loose_commits_;
  std::deque<Epoch> epochs_;
};

}  // namespace seqlab::protocols
