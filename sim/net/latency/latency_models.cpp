#include "sim/net/latency/latency_models.hpp"

#include <utility>

#include "sim/net/latency/constant.hpp"
#include "sim/net/latency/exponential.hpp"
#include "sim/net/latency/log_normal.hpp"
#include "sim/net/latency/normal.hpp"
#include "sim/net/latency/quantiles.hpp"

namespace seqlab::sim {

std::shared_ptr<const LatencyModel> make_constant_latency(Duration delay) {
  return std::make_shared<ConstantLatency>(delay);
}

std::shared_ptr<const LatencyModel> make_normal_latency(Duration mean, Duration sd) {
  return std::make_shared<NormalLatency>(mean, sd);
}

std::shared_ptr<const LatencyModel> make_quantiles_latency(Duration p50, Duration p90, Duration p99, Duration max) {
  return std::make_shared<QuantilesLatency>(p50, p90, p99, max);
}

std::shared_ptr<const LatencyModel> make_log_normal_latency(Duration p50, Duration p90) {
  return std::make_shared<LogNormalLatency>(p50, p90);
}

std::shared_ptr<const LatencyModel> make_exponential_latency(Duration floor, Duration mean) {
  return std::make_shared<ExponentialLatency>(floor, mean);
}

std::shared_ptr<const LatencyModel> make_regions_latency(std::string_view matrix, std::vector<std::uint16_t> region_of,
                                                         Ratio jitter) {
  return std::make_shared<RegionsLatency>(matrix, std::move(region_of), jitter);
}

}  // namespace seqlab::sim
