#include "protocols/forced/arweave_sync.hpp"

#include <algorithm>

namespace seqlab::protocols {

ExternalState ArweaveSync::genesis(const L1View& own) const {
  const std::uint64_t height =
      std::max(own.first(), own.height() - std::min<std::uint64_t>(own.height(), options_.depth));
  const L1BlockPtr block = own.block(height);
  return {.last = {block->height, block->id, block->timestamp}};
}

ExternalReject ArweaveSync::eligible(const L1Block& l1, const L1View& own, const BlockFrame& frame) const {
  if (own.depth(l1.height) < options_.depth) return ExternalReject::immature;
  if (frame.height == Height{1}) return ExternalReject::none;  // continuity of keys over a migration hangs on it
  const SimTime now = frame.timestamp == SimTime{} ? own.tip()->timestamp : frame.timestamp;
  return now > l1.timestamp + options_.age ? ExternalReject::none : ExternalReject::immature;
}

}  // namespace seqlab::protocols
