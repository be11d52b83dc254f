// Ways of reading layer 1 that decide one thing wrongly. Each is a bug of the zoo, or a rule left out.
#pragma once

#include <algorithm>
#include <vector>

#include "protocols/forced/arweave_sync.hpp"
#include "protocols/forced/citrea_queue.hpp"
#include "protocols/forced/deposits.hpp"
#include "protocols/forced/due_queue.hpp"

namespace seqlab::tests::broken {

using protocols::BlockFrame;
using protocols::External;
using protocols::ExternalReject;
using protocols::ExternalState;
using protocols::ForcedItem;
using protocols::L1Ref;
using protocols::L1View;

/// Z63: the head is due so long after the item before it was done, not after its own time.
class Throttled final : public protocols::DueQueue {
 public:
  using DueQueue::DueQueue;

 protected:
  std::size_t due(const ExternalState& before, const std::vector<ForcedItem>& queue, const L1View&,
                  const L1Ref& ref) const override {
    if (queue.empty()) return 0;
    const std::uint64_t clock = std::max(queue.front().l1_height, before.buffer_block);
    return clock + due_.due_blocks <= ref.height ? 1 : 0;
  }
  void consumed(ExternalState& state, const ForcedItem&, const L1Ref& ref) const override {
    state.buffer_block = ref.height;
  }
};

/// Z67: what is due is judged by each validator's own tip, not by the L1 block that the proposal names.
class OwnTip final : public protocols::DueQueue {
 public:
  using DueQueue::DueQueue;
  ExternalReject check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                       const External& external) const override {
    const ExternalReject sound = DueQueue::check(before, own, frame, external);
    if (sound != ExternalReject::none) return sound;
    const L1Ref tip{own.height(), own.tip()->id, own.tip()->timestamp};
    const std::size_t mine = due(before, queue_at(before, own, own.height()), own, tip);
    return external.items.size() < mine ? ExternalReject::wrong_items : ExternalReject::none;
  }
};

/// Takes over an epoch without its deposits.
class NoDeposits final : public protocols::Deposits {
 public:
  using Deposits::Deposits;
  External build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const override {
    External out = Deposits::build(before, own, frame);
    out.items.clear();
    out.pointer = before.pointer;
    return out;
  }
  ExternalReject check(const ExternalState&, const L1View&, const BlockFrame&,
                       const External&) const override {
    return ExternalReject::none;
  }
};

/// Z66: items come after whatever the proposer puts into the block.
class Trailing final : public protocols::DueQueue {
 public:
  using DueQueue::DueQueue;
  bool items_lead() const override { return false; }
};

/// Believes what a proposer says of layer 1 (lying peers, H.2.14; X5): one node that was lied to is enough.
class Credulous final : public protocols::ArweaveSync {
 public:
  using ArweaveSync::ArweaveSync;
  ExternalReject check(const ExternalState&, const L1View&, const BlockFrame&, const External&) const override {
    return ExternalReject::none;
  }
};

/// Nothing is due in the last blocks of a turn (H.4.30): whoever is about to hand over leaves it to the next operator,
/// who may do likewise. `turn` and `tail` in blocks.
class LeavesToTheNext final : public protocols::DueQueue {
 public:
  using DueQueue::DueQueue;
  static constexpr std::uint64_t turn = 8, tail = 6;
  External build(const ExternalState& before, const L1View& own, const BlockFrame& frame) const override {
    External out = DueQueue::build(before, own, frame);
    if (!hands_over(frame)) return out;
    out.pointer -= out.items.size();
    out.items.clear();
    return out;
  }
  ExternalReject check(const ExternalState& before, const L1View& own, const BlockFrame& frame,
                       const External& external) const override {
    const ExternalReject sound = DueQueue::check(before, own, frame, external);
    return sound == ExternalReject::overdue && hands_over(frame) ? ExternalReject::none : sound;
  }

 private:
  static bool hands_over(const BlockFrame& frame) { return frame.height.value % turn >= turn - tail; }
};

}  // namespace seqlab::tests::broken
