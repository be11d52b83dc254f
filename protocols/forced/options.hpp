// Parameters of the ways in which a rollup takes forced items from layer 1. What each means: the policies' own headers.
#pragma once

#include <cstdint>
#include <string>

#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct ArweaveSyncOptions {
  std::uint32_t depth = 10;      ///< L1 blocks on top of one before it may be named
  Duration age = Duration{1'800'000'000'000};  ///< and its age by the time of the rollup block; not in block 1
  std::uint32_t blocks_max = 1;  ///< L1 blocks taken over by one rollup block
  friend bool operator==(const ArweaveSyncOptions&, const ArweaveSyncOptions&) = default;
};

struct DepositsOptions {
  std::uint32_t confirmations = 4;  ///< L1 blocks on top of one before an honest proposer names it; no validity rule
  Duration max_drift = Duration{1'800'000'000'000};  ///< of the rollup's clock ahead of its origin's
  Duration block_time = Duration{2'000'000'000};     ///< a block so soon after its parent is in time in any case
  std::uint32_t window = 3600;      ///< sequencing window, L1 blocks: what derivation waits for a batch
  friend bool operator==(const DepositsOptions&, const DepositsOptions&) = default;
};

/// In the order of a queue, not later than a deadline.
struct QueueOptions {
  enum class Place : std::uint8_t {
    top,     ///< before the block's transactions of users
    bottom,  ///< after them (decentralised Timeboost)
  };
  std::uint32_t lag = 2;            ///< L1 blocks on top of the reference of an honest proposer
  std::uint32_t drift = 64;         ///< L1 blocks that a reference may be behind a validator's tip
  std::uint32_t cap = 10;           ///< forced items that a block must hold at most
  bool at_deadline = false;         ///< the proposer takes items when they are due, not when it sees them
  Place place = Place::top;         ///< of a block's items
  friend bool operator==(const QueueOptions&, const QueueOptions&) = default;
};

struct DelayedInboxOptions {
  QueueOptions queue{};
  std::uint32_t delay_blocks = 5760;
  Duration delay = Duration{86'400'000'000'000};  ///< the same as a time, for calls on L1
  bool buffer = true;               ///< the delay shrinks while items are late
  std::uint32_t buffer_max = 14'400, buffer_threshold = 150;  ///< L1 blocks
  std::uint32_t replenish = 500;    ///< of elapsed blocks, in basis points
  friend bool operator==(const DelayedInboxOptions&, const DelayedInboxOptions&) = default;
};

struct DueQueueOptions {
  QueueOptions queue{};
  std::uint32_t due_blocks = 48;    ///< 576 s of slots
  std::int64_t fee = 1'000'000;     ///< of one item when nothing waits, gwei
  std::uint32_t fee_double = 50;    ///< items that wait when it is twice that
  std::uint32_t permissionless_after = 160;  ///< so many times due_blocks late: anybody may propose
  friend bool operator==(const DueQueueOptions&, const DueQueueOptions&) = default;
};

struct CitreaQueueOptions {
  enum class OnFailure : std::uint8_t {
    drop,   ///< what cannot be executed when it is fetched is gone
    retry,  ///< it stays and is tried again until the cut-off
  };
  std::uint32_t depth = 6;          ///< confirmations (the block itself among them) that make a Bitcoin block final
  std::uint32_t drift = 12;         ///< Bitcoin blocks that may be final for a validator and not yet named
  std::uint32_t limit = 10;         ///< items tried in one block
  std::uint32_t cut_off = 36;       ///< L1 blocks from the item's own to the last that may be named without it
  OnFailure on_failure = OnFailure::retry;
  friend bool operator==(const CitreaQueueOptions&, const CitreaQueueOptions&) = default;
};

/// A design's policy, and the parameters of all of them.
struct ForcedOptions {
  std::string policy = "none";
  ArweaveSyncOptions arweave_sync{};
  DepositsOptions deposits{};
  DelayedInboxOptions delayed_inbox{};
  DueQueueOptions due_queue{};
  CitreaQueueOptions citrea_queue{};
  friend bool operator==(const ForcedOptions&, const ForcedOptions&) = default;
};

}  // namespace seqlab::protocols
