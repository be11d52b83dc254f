// Where a message belongs: the one reading of `height` and `round` in addresses, for those who carry plans out and
// those who write them down.
#pragma once

#include <cstdint>

#include "protocols/consensus/forge.hpp"
#include "protocols/node/sequencer.hpp"

namespace seqlab::scenarios {

struct Place {
  std::uint64_t height = 0;
  std::uint32_t round = 0;
  bool known = false;  ///< false: of no height and round, and neither is who has it
};

/// @param holder  who sends or receives it; null if that is no sequencer node
inline Place place_of(const protocols::SequencerNode* holder, const protocols::MessageFields& fields) {
  Place place{fields.height.value, static_cast<std::uint32_t>(fields.round.value), true};
  if (fields.round != protocols::no_round) return place;
  const protocols::Engine* engine = holder != nullptr ? holder->engine() : nullptr;
  place.known = engine != nullptr && engine->round() != protocols::no_round;
  if (!place.known) return place;
  if (fields.height == protocols::Height{}) place.height = engine->height().value;
  place.round = static_cast<std::uint32_t>(engine->round().value);
  return place;
}

}  // namespace seqlab::scenarios
