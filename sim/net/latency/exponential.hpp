// A floor (propagation) and an exponential delay on top (queues of others), cut at 8.77 means.
#pragma once

#include "sim/net/latency/latency_model.hpp"

namespace seqlab::sim {

class ExponentialLatency final : public TableLatency {
 public:
  /// @param mean  of the part above the floor @pre both in [0, 36 min]
  ExponentialLatency(Duration floor, Duration mean);
};

}  // namespace seqlab::sim
