// One node's own picture of a layer-1 chain: the blocks that reached it, the branch it believes in. Nodes differ.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "protocols/l1/block.hpp"

namespace seqlab::protocols {

class L1View {
 public:
  /// @param keep  so many blocks of the believed branch stay readable
  L1View(L1BlockPtr genesis, std::uint32_t keep) : keep_(keep) { chain_.push_back(std::move(genesis)); }

  const L1BlockPtr& tip() const { return chain_.back(); }
  std::uint64_t height() const { return chain_.back()->height; }
  std::uint64_t first() const { return chain_.front()->height; }
  /// The believed block of a height; null if it is above the tip or no longer kept.
  L1BlockPtr block(std::uint64_t height) const;
  /// Blocks on top of it: 0 for the tip. @pre height <= height()
  std::uint64_t depth(std::uint64_t height) const { return chain_.back()->height - height; }
  /// Height of the last block that the chain's own rule calls final, as far as this node has heard.
  std::uint64_t final_height() const { return final_; }

  /// Follows the longest branch; of two equal ones the one it saw first.
  /// @param find  gives a block that a peer would hand over, null if nobody has it
  /// @return blocks of the old branch that were given up; -1 if nothing changed
  std::int64_t receive(const L1BlockPtr& block, const std::function<L1BlockPtr(const Hash128&)>& find);
  void set_final(std::uint64_t height) { final_ = std::max(final_, height); }

 private:
  std::uint32_t keep_;
  std::uint64_t final_ = 0;
  std::deque<L1BlockPtr> chain_;  ///< the believed branch, consecutive heights
};

}  // namespace seqlab::protocols
