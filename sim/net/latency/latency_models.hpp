// The list of latency models. Each takes plain parameters; what they must satisfy is said at the model.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "sim/net/latency/latency_model.hpp"
#include "sim/net/latency/regions.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::sim {

std::shared_ptr<const LatencyModel> make_constant_latency(Duration delay);
std::shared_ptr<const LatencyModel> make_normal_latency(Duration mean, Duration sd);
std::shared_ptr<const LatencyModel> make_quantiles_latency(Duration p50, Duration p90, Duration p99, Duration max);
std::shared_ptr<const LatencyModel> make_log_normal_latency(Duration p50, Duration p90);
std::shared_ptr<const LatencyModel> make_exponential_latency(Duration floor, Duration mean);
/// @param region_of  region of node i is region_of[i % size] (see find_region); empty: the matrix's own order
std::shared_ptr<const LatencyModel> make_regions_latency(std::string_view matrix, std::vector<std::uint16_t> region_of,
                                                         Ratio jitter);

}  // namespace seqlab::sim
