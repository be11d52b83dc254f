// Parameters of Tendermint and of CometBFT's deviations from the paper (arXiv 1807.04938). Defaults are CometBFT's.
#pragma once

#include <cstdint>

#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::protocols {

enum class RoundSkip : std::uint8_t { validity, quorum };  ///< paper: V of any type (L55); CometBFT: Q of one type
enum class Timestamps : std::uint8_t { none, bft_time, proposer };  ///< PBTS = proposer

struct TendermintOptions {
  Duration timeout_propose = 3s, timeout_propose_delta = 500ms;
  Duration timeout_prevote = 1s, timeout_prevote_delta = 500ms;
  Duration timeout_precommit = 1s, timeout_precommit_delta = 500ms;
  Duration timeout_commit = 1s;
  bool skip_timeout_commit = false;       ///< next height at once when all precommits are in
  RoundSkip round_skip = RoundSkip::quorum;
  bool proposer_arms_propose_timeout = true;  ///< paper: no
  bool create_empty_blocks = true;
  /// With create_empty_blocks = false: an empty block after this anyway; 0 = never.
  Duration create_empty_blocks_interval{};
  Timestamps timestamps = Timestamps::proposer;
  Duration precision = 505ms;
  Duration message_delay = 15s;               ///< grows by 1/10 a round
  std::uint32_t future_rounds = 2;            ///< rounds ahead of the own one whose votes are kept, a peer
  Duration gossip_stall = 2s;                 ///< no step taken for so long: send a status, ask for what is missing
  Duration block_fetch_delay = 500ms;         ///< a quorum names a block that is not here: ask its voters after this
  Duration sync_timeout = 1s;                 ///< a request for a block goes to another peer after one to two of these
  std::uint32_t sync_window = 4;              ///< heights requested at once while catching up, at least 1
  std::uint64_t evidence_age_blocks = 100'000;
  Duration evidence_age = 48h;
  friend bool operator==(const TendermintOptions&, const TendermintOptions&) = default;
};

}  // namespace seqlab::protocols
