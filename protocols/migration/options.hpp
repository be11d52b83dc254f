// How a rollup changes its core, that is, who orders: from one service to a committee, or back.
#pragma once

#include <cstdint>

#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

/// Cores of a migration, as records and clients number them.
inline constexpr std::uint8_t old_core = 0;
inline constexpr std::uint8_t new_core = 1;

/// The switches are the conditions under which a cut-over keeps every item, once and in order; each one that is off
/// breaks a promise of its own (see scenarios/checkers/migration.hpp).
struct MigrationOptions {
  enum class Kind : std::uint8_t {
    none,
    centralised_to_bft,  ///< a single service hands over to the committee (Warp, step 1)
    bft_to_centralised,  ///< the committee hands over to a single service (Morph), by plan or because it stands still
  };
  /// Which L1 height the old core puts into its sort keys.
  enum class Stamp : std::uint8_t {
    finished,  ///< of the last L1 block that it has taken over
    tip,       ///< of the tip of its view
  };

  Kind kind = Kind::none;
  Duration at = Duration{3'600'000'000'000};               ///< when the cut-over begins
  Duration gap = Duration{60'000'000'000};                 ///< from the export until the new core is started
  Duration emergency_after{};                              ///< bft_to_centralised: also when the committee has made
                                                           ///< no block for so long; 0: only at `at`
  bool redirect = true;                                    ///< the stopped core says where to go, not just no
  Duration rollback_after = Duration{1'800'000'000'000};   ///< no block of the new core for so long: back; 0: never
  std::uint32_t upgraded_percent = 100;                    ///< clients that can speak to both cores

  bool stop_before_export = true;     ///< off: the old core accepts on during the gap
  Stamp stamp = Stamp::finished;
  bool complete_export = true;        ///< off: L1 cursor and last keys are as they were ten L1 blocks ago
  bool wait_for_final_border = true;  ///< off: the first L1 block of the new core need not be deep when it starts
  bool refuse_old_items = true;       ///< off: nonces begin at 0 in the new core, and nothing else marks an old item
  bool drain_writer = true;           ///< off: the old core's writer to layer 1 stops with what it has written so far
  bool hand_over_cursor = true;       ///< off: the new core's writers do not know that there was another before them
  friend bool operator==(const MigrationOptions&, const MigrationOptions&) = default;
};

}  // namespace seqlab::protocols
