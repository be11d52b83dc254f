// Arbitrum's way of reading Ethereum: a queue of messages, the delayed inbox, of which each block consumes a prefix. A
// message is due when it is as old as the delay, and from then on anybody may call L1 to have it taken. The delay is
// the least of `delay_blocks` and of a buffer that shrinks by what earlier messages waited beyond a threshold, one
// message late, and recovers slowly: who censors for long is forced ever sooner.
// Source: Nitro contracts, Bridge, SequencerInbox, DelayBuffer. Deviations: the rule about being due is a rule of
// validity here, as in designs where a committee orders; a call on L1 binds the first block whose reference covers it.
#pragma once

#include "protocols/forced/prefix_queue.hpp"

namespace seqlab::protocols {

/// The buffer of delays. Heights and delays in L1 blocks.
struct DelayBuffer {
  std::uint64_t buffer = 0;
  std::uint64_t block = 0;   ///< of the message before
  std::uint64_t delay = 0;   ///< that it waited
  friend bool operator==(const DelayBuffer&, const DelayBuffer&) = default;

  /// The buffer once a message of L1 block `posted` is looked at: what the one before waited is charged now.
  std::uint64_t charged(std::uint64_t posted, const DelayedInboxOptions& options) const;
  /// A message of L1 block `posted` is consumed or forced at L1 block `now`. @pre now >= posted
  void consume(std::uint64_t posted, std::uint64_t now, const DelayedInboxOptions& options);
};

/// Whether a call on L1 in block `now`, of that time, may force a message posted at `posted`.
bool may_force(const DelayBuffer& buffer, std::uint64_t posted, SimTime posted_time, std::uint64_t now,
               SimTime now_time, const DelayedInboxOptions& options);

DelayBuffer delay_buffer_of(const ExternalState& state);

class DelayedInbox : public PrefixQueue {
 public:
  explicit DelayedInbox(const DelayedInboxOptions& options) : PrefixQueue(options.queue), inbox_(options) {}
  ExternalState genesis(const L1View& own) const override;

 protected:
  std::size_t due(const ExternalState& before, const std::vector<ForcedItem>& queue, const L1View& own,
                  const L1Ref& ref) const override;
  std::uint64_t delay_max() const override { return inbox_.delay_blocks; }
  void consumed(ExternalState& state, const ForcedItem& item, const L1Ref& ref) const override;

  DelayedInboxOptions inbox_;
};

}  // namespace seqlab::protocols
