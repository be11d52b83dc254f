// Delays between the regions of the world, from measured matrices (sim/net/latency/data/*.csv, read by the compiler).
//
//   aws13                 one-way delays of 13 zones; jitter is the caller's (CometBFT's own tests use 1/20)
//   aws18_p50, aws18_p90  half the round-trip median or 90 % quantile of 18 regions; jitter is the caller's
//   aws18                 both: the median is half the round-trip median, the 90 % quantile half the round-trip one,
//                         with the tail of a shifted log-normal around and above; a jitter of the caller replaces it
//
// Jitter is normal with a standard deviation of that part of the delay, cut at 3.62 of them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sim/net/latency/latency_model.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::sim {

struct RegionMatrix {
  std::string_view name;
  std::string_view source;                ///< where the numbers come from, one sentence
  std::vector<std::string_view> regions;  ///< in the matrix's own order
};

/// All matrices, in alphabetical order.
std::vector<RegionMatrix> region_matrices();
/// Number of `region` in `matrix`; nothing if either is unknown.
std::optional<std::uint16_t> find_region(std::string_view matrix, std::string_view region);

class RegionsLatency final : public TableLatency {
 public:
  /// @param region_of  region of node i is region_of[i % size]; empty: the matrix's own order
  /// @param jitter     standard deviation as a part of the delay
  /// @pre `matrix` is one of region_matrices(), every region below its number of regions
  RegionsLatency(std::string_view matrix, std::vector<std::uint16_t> region_of, Ratio jitter);
};

}  // namespace seqlab::sim
