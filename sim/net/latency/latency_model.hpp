// One-way delay between two places, before queueing.
#pragma once

#include <cstdint>
#include <memory>

#include "sim/base/strong.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::sim {

/// Pure: the same arguments give the same delay. `draw` is 32 uniform bits that belong to (message, receiver).
class LatencyModel {
 public:
  virtual ~LatencyModel() = default;
  virtual Duration delay(NodeId from, NodeId to, std::uint32_t draw) const = 0;
  /// No delay of this model is shorter or longer. Used to derive bounds, never for the delay itself.
  virtual Duration min() const = 0;
  virtual Duration max() const = 0;
};

}  // namespace seqlab::sim
