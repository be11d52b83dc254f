// How the rollup's data get to layer 1: who writes them, how much at a time, in which form, and how patiently.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::protocols {

/// In which form data go to the chain.
enum class RelayFormat : std::uint8_t {
  chain,     ///< the chain's usual one: a bundle on Arweave, an inscription on Bitcoin, blobs on Ethereum
  calldata,  ///< Ethereum: in ordinary transactions
  blobs,
};

/// What a writer knows after a crash.
enum class RelayJournal : std::uint8_t {
  prepared,  ///< what it is about to send is on its disk first (Astria: fresh, started, prepared)
  cursor,    ///< only the last block that was confirmed (Warp's syncer): a crash may send twice, readers drop copies
};

/// Whether each copy of a batch has an identifier of its own.
enum class OuterId : std::uint8_t { random, deterministic };

/// When a relayer that missed its quota pays no penalty.
enum class Excuse : std::uint8_t {
  none,     ///< never
  report,   ///< when it says that the bundler was down
  sampled,  ///< when it says so and as many of the other relayers as the quorum asks for could not reach it either
};

/// The service that takes data for Arweave and posts them in bundles of many users.
struct BundlerOptions {
  Duration receipt_after{500'000'000};   ///< until it answers
  Duration post_after{30'000'000'000};   ///< until it posts what it took
  sim::Ratio loss{0, 1};                 ///< of what it took and gave a receipt for
  sim::Ratio duplication{0, 1};          ///< of what it posts
  friend bool operator==(const BundlerOptions&, const BundlerOptions&) = default;
};

struct RelayOptions {
  std::string policy = "none";
  std::vector<NodeId> nodes;                  ///< who writes, in the order of turns or of backups
  std::uint32_t batch_bytes = 1U << 20U;      ///< a batch leaves when it has so many
  Duration batch_time{10'000'000'000};        ///< or when its first block waited for so long
  std::uint32_t in_flight = 32;               ///< batches sent and not yet confirmed
  std::uint32_t confirmations = 0;            ///< L1 blocks, its own counted, until a batch is done; 0: final there
  RelayFormat format = RelayFormat::chain;
  RelayJournal journal = RelayJournal::prepared;
  OuterId outer_id = OuterId::deterministic;
  std::uint32_t channel_timeout = 50;         ///< L1 blocks from its first frame within which the last must come
  Duration retry_first{100'000'000};          ///< after a refusal; doubles up to `retry_max` (Astria)
  Duration retry_max{12'000'000'000};
  Duration lost_after{};                      ///< what nobody knows after so long is sent again; 0: see lost_after_of
  Duration bump_after{};                      ///< what waits for so long offers more; 0: see bump_after_of
  std::uint32_t bump_percent = 125;           ///< of what it offered before
  std::int64_t price_max = 0;                 ///< a unit, in millionths of the chain's base unit; 0: any
  std::uint64_t backlog_bytes = 128ULL << 20U;  ///< unwritten blocks of a node at which it admits nothing more
  Duration turn{1'800'000'000'000};           ///< rotating: length of a turn
  std::uint32_t quota = 1;                    ///< rotating: blocks that a turn has to write if there are so many
  std::int64_t reward = 1;                    ///< rotating: for each block written
  std::int64_t penalty = 10;                  ///< rotating: for a missed quota
  Excuse excuse = Excuse::sampled;
  sim::Ratio excuse_quorum{1, 2};             ///< of the other relayers
  Duration backup_after{600'000'000'000};     ///< primary_backup: backup k takes over after k of these without progress
  BundlerOptions bundler;
  friend bool operator==(const RelayOptions&, const RelayOptions&) = default;
};

}  // namespace seqlab::protocols
