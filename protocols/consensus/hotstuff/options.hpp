// Parameters of chained HotStuff (arXiv 1803.05069) and pipelined HotStuff-2 (ePrint 2023/397).
#pragma once

#include <cstdint>

#include "protocols/consensus/chained/options.hpp"

namespace seqlab::protocols {

/// `three_chain`: HotStuff. `two_chain`: HotStuff-2, one phase less; a leader without the certificate of the round
/// before waits for the locks of all honest replicas.
enum class HotStuffChain : std::uint8_t { three_chain, two_chain };

struct HotStuffOptions {
  ChainedOptions chained;
  HotStuffChain chain = HotStuffChain::three_chain;
  RoundSync round_sync = RoundSync::timeout_certificates;
  Duration delta = 500ms;  ///< two_chain: how long such a leader waits; at least the longest delay of a message
  friend bool operator==(const HotStuffOptions&, const HotStuffOptions&) = default;
};

}  // namespace seqlab::protocols
