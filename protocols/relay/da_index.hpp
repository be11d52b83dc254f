// Which rollup blocks can be read on a layer-1 chain, by one view of it: channels whose frames are all there, within
// the channel timeout. Follows the view through reorganisations. Readers drop copies: a block counts once.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "protocols/l1/data.hpp"
#include "protocols/l1/registry.hpp"
#include "protocols/l1/view.hpp"

namespace seqlab::protocols {

class DaIndex {
 public:
  struct Channel {
    std::shared_ptr<const L1Data> data;     ///< keeps `says`
    const BatchData* says = nullptr;
    NodeId writer{no_node};
    std::vector<std::pair<std::uint32_t, std::uint64_t>> frames;  ///< (frame, L1 height), as they came
    std::uint64_t completed = 0;            ///< L1 height at which it became readable, 0: it is not
    std::uint64_t first = 0;                ///< L1 height of its first frame
  };
  /// Told of every channel that becomes readable or is so no more.
  using Told = std::function<void(const Channel& channel, bool readable)>;
  /// Told of every batch, where there is a registry: whether it counts, or is passed over.
  using Judged = std::function<void(const L1Block& block, NodeId writer, bool counts)>;

  /// @param confirmations    L1 blocks, its own counted, that make a block confirmed; 0: final by the chain's own rule
  /// @param channel_timeout  L1 blocks from the first frame of a channel to its last
  /// @param only             no_node: whoever wrote it; else what others wrote does not count
  /// @param before           only channels of the core that comes after so many blocks of an older one; nothing: all
  /// @param registry         what counts by the registry; outlives the index. Null: there is none
  DaIndex(std::uint32_t confirmations, std::uint32_t channel_timeout, NodeId only = no_node,
          std::optional<std::uint64_t> before = std::nullopt, const RegistryRules* registry = nullptr)
      : confirmations_(confirmations),
        channel_timeout_(channel_timeout),
        only_(only),
        before_(before),
        registry_(registry) {}

  /// Blocks up to this one count as confirmed without being looked for: from before the view's memory.
  void assume(Height last);
  void follow(const L1View& view, const Told& told = nullptr, const Judged& judged = nullptr);

  /// Every block up to it can be read.
  Height readable() const { return readable_; }
  /// Every block up to it is confirmed.
  Height confirmed() const { return confirmed_; }
  /// Goes up whenever `follow` finds the view elsewhere than before. Never 0 after the first time.
  std::uint64_t changes() const { return changes_; }
  /// Null if no frame of it is there.
  const Channel* channel(const Hash128& id) const;
  /// Whether so deep a block of the view, as `follow` saw it last, is confirmed.
  bool is_deep(std::uint64_t l1_height) const;

 private:
  void add(const L1Block& block, const Told& told, const Judged& judged);
  void remove(const L1Block& block, const Told& told);
  void review(Channel& channel, const Told& told);
  void advance();
  void forget(std::uint64_t floor);
  /// L1 height of the first copy of a rollup block, 0: there is none.
  std::uint64_t first_copy(std::uint64_t height) const {
    return height < base_ || height - base_ >= first_copies_.size() ? 0 : first_copies_[height - base_];
  }
  void add_copy(std::uint64_t height, std::uint64_t l1_height);
  void remove_copy(std::uint64_t height, std::uint64_t l1_height);

  std::uint32_t confirmations_;
  std::uint32_t channel_timeout_;
  NodeId only_;
  std::optional<std::uint64_t> before_;
  const RegistryRules* registry_;
  std::deque<L1BlockPtr> seen_;          ///< the branch as far as it was read, those with batches in them and the last
  std::unordered_map<Hash128, Channel> channels_;  ///< only looked up
  std::uint64_t base_ = 1;                  ///< rollup height of the first of `first_copies_`
  std::deque<std::uint64_t> first_copies_;  ///< by rollup height: L1 heights, 0 where there is no copy
  std::map<std::uint64_t, std::vector<std::uint64_t>> more_copies_;  ///< likewise, of later copies, sorted; few
  Height assumed_{}, readable_{}, confirmed_{};
  std::uint64_t changes_ = 0;
  std::uint64_t tip_ = 0;
  std::uint64_t final_ = 0;
};

}  // namespace seqlab::protocols
