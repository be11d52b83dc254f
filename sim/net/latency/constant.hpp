// The same delay for every message.
#pragma once

#include "sim/net/latency/latency_model.hpp"

namespace seqlab::sim {

class ConstantLatency final : public TableLatency {
 public:
  /// @pre 0 <= delay <= 36 min
  explicit ConstantLatency(Duration delay);
};

}  // namespace seqlab::sim
