// Independent normal delays, clipped at 0 and cut at 3.62 standard deviations; N(250, 50) ms is the default of the
// BFT simulator (DSN 2022). Mean and deviation are kept unless the clipping at 0 comes into play (mean < 3.62 sd).
#pragma once

#include "sim/net/latency/latency_model.hpp"

namespace seqlab::sim {

class NormalLatency final : public TableLatency {
 public:
  /// @pre both in [0, 36 min]
  NormalLatency(Duration mean, Duration sd);
};

}  // namespace seqlab::sim
