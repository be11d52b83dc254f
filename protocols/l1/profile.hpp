// What is known about a layer-1 chain: its pace, its forks, its finality, its room and its prices. One value a chain;
// the list is in profile.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocols/l1/fees.hpp"
#include "sim/kernel/time.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::protocols {

using sim::Ratio;

struct L1Profile {
  enum class Pace : std::uint8_t {
    race,   ///< proof of work: exponential intervals
    slots,  ///< one block a slot or none
  };
  enum class Finality : std::uint8_t {
    depth,   ///< a convention: so many blocks on top, its own included
    epochs,  ///< a vote: everything up to the first block of an epoch, two epochs later (Casper FFG)
  };

  std::string_view name;
  std::string_view text;
  std::string_view fee_unit;    ///< what prices and fees are counted in
  Pace pace = Pace::race;
  Duration interval{};          ///< mean of a race, length of a slot
  Duration grid{};              ///< a race: intervals are multiples of it, 0: any
  Ratio miss{};                   ///< slots: chance of an empty slot after a full one
  Ratio miss_again{};             ///< slots: chance of an empty slot after an empty one; misses come in clusters
  Ratio fork{};                   ///< chance that a block gets a rival at its height, which the next block may build on
  Ratio fork_deeper{};            ///< chance that the rival branch gets one more block before it wins, each time again
  Finality finality = Finality::depth;
  std::uint32_t finality_depth = 1;
  std::uint32_t epoch_slots = 32;
  Duration timestamp_error{};   ///< a block's header may differ from the real time by this, drawn, either way
  Duration view_p50{}, view_p95{};  ///< delay until a node has a new block
  Duration spread{};            ///< delay until the miners have a transaction
  std::uint64_t capacity[l1_lane_count] = {0, 0};         ///< units of a lane in one block
  std::uint64_t transaction_max[l1_lane_count] = {0, 0};  ///< units that one transaction may take
  std::uint32_t transactions_max = 0;                     ///< in one block, 0: no such limit
  bool has_nonces = false;      ///< transactions of an author go in sequence, a gap holds up what follows
  std::uint32_t replacement_percent =
      110;  ///< a replacement offers at least this much of the price of what it replaces
  std::uint32_t first_height = 1;
  FeeMarketOptions fees[l1_lane_count] = {};
};

std::span<const L1Profile> l1_profiles();
/// Null if there is no such chain.
const L1Profile* find_l1_profile(std::string_view name);

}  // namespace seqlab::protocols
