#include "protocols/l1/profile.hpp"

#include <array>

namespace seqlab::protocols {

namespace {

using Kind = FeeMarketOptions::Kind;
using namespace std::chrono_literals;

// Base unit: a millionth of an AR. Interval: the mean of 47,790 blocks, above the target of 120 s; a verifiable delay
// ticks about once a second. Forks of one or two blocks are common, deeper than 18 needs people.
constexpr L1Profile arweave{
    .name = "arweave",
    .text = "Arweave: a block about every 129 s, data for ever, no contracts; final by depth",
    .fee_unit = "uAR",
    .pace = L1Profile::Pace::race,
    .interval = 129s,
    .grid = 1s,
    .fork = {1, 50},
    .fork_deeper = {1, 20},
    .finality = L1Profile::Finality::depth,
    .finality_depth = 50,
    .timestamp_error = 5s,
    .view_p50 = 5s,
    .view_p95 = 30s,
    .spread = 30s,
    .capacity = {std::uint64_t{1} << 40U, 0},  // format 2: the data are outside of the block
    .transaction_max = {std::uint64_t{1} << 31U, 0},
    .transactions_max = 1000,
    .first_height = 1'344'906,
    .fees = {{.kind = Kind::flat, .level = 1'400, .wander_percent = 5, .wander_blocks = 50, .wander_factor_max = 4},
             {}},
};

// Base unit: a satoshi. Units: virtual bytes.
constexpr L1Profile bitcoin{
    .name = "bitcoin",
    .text = "Bitcoin: a block about every 10 min, room by the highest fee, no contracts; final by depth",
    .fee_unit = "sat",
    .pace = L1Profile::Pace::race,
    .interval = 600s,
    .fork = {3, 10'000},
    .fork_deeper = {1, 17},
    .finality = L1Profile::Finality::depth,
    .finality_depth = 6,
    .timestamp_error = 60s,
    .view_p50 = 1s,
    .view_p95 = 6s,
    .spread = 5s,
    .capacity = {1'000'000, 0},
    .transaction_max = {100'000, 0},
    .first_height = 880'000,
    .fees = {{.kind = Kind::auction,
              .level = 5'000'000,
              .floor = 1'000'000,
              .wander_percent = 20,
              .wander_blocks = 1,
              .wander_factor_max = 20,
              .noise_percent = 40},
             {}},
};

// Base unit: a gwei. Units: gas and blob gas, blobs as since January 2026 (14 target, 21 at most).
constexpr L1Profile ethereum{
    .name = "ethereum",
    .text = "Ethereum: a slot every 12 s, contracts and blobs; final by a vote after two epochs",
    .fee_unit = "gwei",
    .pace = L1Profile::Pace::slots,
    .interval = 12s,
    .miss = {3, 1000},
    .miss_again = {1, 5},
    .fork = {118, 100'000},  // half of the rivals lose, and what the majority had first stays: 0.059 % are taken back
    .fork_deeper = {4, 1410},
    .finality = L1Profile::Finality::epochs,
    .finality_depth = 64,
    .epoch_slots = 32,
    .view_p50 = 1900ms,
    .view_p95 = 3300ms,
    .spread = 2s,
    .capacity = {45'000'000, 21 * 131'072},
    .transaction_max = {16'777'216, 6 * 131'072},
    .has_nonces = true,
    .first_height = 24'000'000,
    .fees = {{.kind = Kind::base_fee,
              .level = 1'000'000,
              .floor = 1'000,
              .wander_percent = 3,
              .wander_blocks = 5,
              .wander_factor_max = 30,
              .noise_percent = 60,
              .target = 22'500'000,
              .limit = 45'000'000},
             {.kind = Kind::blobs,
              .level = 60'000,
              .floor = 1'000,
              .wander_percent = 3,
              .wander_blocks = 5,
              .wander_factor_max = 100,
              .noise_percent = 60,
              .target = 14 * 131'072,
              .limit = 21 * 131'072,
              .update_fraction = 11'684'671}},
};

constexpr std::array profiles{arweave, bitcoin, ethereum};

}  // namespace

std::span<const L1Profile> l1_profiles() { return profiles; }

const L1Profile* find_l1_profile(std::string_view name) {
  for (const L1Profile& profile : profiles) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

}  // namespace seqlab::protocols
