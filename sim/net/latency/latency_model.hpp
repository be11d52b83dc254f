// One-way delay between two places, before queueing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/base/fixed_point.hpp"
#include "sim/base/strong.hpp"
#include "sim/kernel/time.hpp"
#include "sim/random/quantiles.hpp"

namespace seqlab::sim {

class LatencyTable;

/// Pure: the same arguments give the same delay. `draw` is 32 uniform bits that belong to (message, receiver).
class LatencyModel {
 public:
  virtual ~LatencyModel() = default;
  virtual Duration delay(NodeId from, NodeId to, std::uint32_t draw) const = 0;
  /// No delay of this model is shorter or longer. Used to derive bounds, never for the delay itself.
  virtual Duration min() const = 0;
  virtual Duration max() const = 0;
  /// The model as plain data, with the same delays, if it is one; the network then needs no virtual call per receiver.
  virtual const LatencyTable* table() const { return nullptr; }
};

/// Delay between two regions: `base + scale * shape(draw)`, not below 0. Both in ns.
struct LatencyPair {
  std::int64_t base = 0;
  std::int64_t scale = 0;
  friend bool operator==(const LatencyPair&, const LatencyPair&) = default;
};

/// Regions, a delay for each ordered pair of them, and one shape of chance.
class LatencyTable {
 public:
  /// One region. @param shape  in units of 2^-shape_bits; must live as long as the table
  LatencyTable(LatencyPair pair, const QuantileTable& shape, unsigned shape_bits)
      : LatencyTable({pair}, {0}, shape, shape_bits) {}
  /// @param pairs      row by row: pairs[from * regions + to]
  /// @param region_of  region of node i is region_of[i % size]; not empty
  LatencyTable(std::vector<LatencyPair> pairs, std::vector<std::uint16_t> region_of, const QuantileTable& shape,
               unsigned shape_bits);

  std::uint32_t regions() const { return regions_; }
  std::uint16_t region_of(NodeId node) const { return region_of_[node.value % region_of_.size()]; }
  /// The delays from `region`, by region of the receiver.
  const LatencyPair* row(std::uint16_t region) const { return &pairs_[std::size_t{region} * regions_]; }
  Duration delay(const LatencyPair& pair, std::uint32_t draw) const {
    const Int128 chance = static_cast<Int128>(pair.scale) * shape_->at(draw);
    const std::int64_t sum = pair.base + static_cast<std::int64_t>(chance >> shape_bits_);
    return Duration{sum < 0 ? 0 : sum};
  }
  Duration min() const;
  Duration max() const;

 private:
  std::vector<LatencyPair> pairs_;
  std::vector<std::uint16_t> region_of_;
  std::uint32_t regions_ = 1;
  unsigned shape_bits_;
  const QuantileTable* shape_;
};

/// A model that is its table.
class TableLatency : public LatencyModel {
 public:
  Duration delay(NodeId from, NodeId to, std::uint32_t draw) const final {
    return table_.delay(table_.row(table_.region_of(from))[table_.region_of(to)], draw);
  }
  Duration min() const final { return table_.min(); }
  Duration max() const final { return table_.max(); }
  const LatencyTable* table() const final { return &table_; }

 protected:
  explicit TableLatency(LatencyTable table) : table_(std::move(table)) {}

 private:
  LatencyTable table_;
};

}  // namespace seqlab::sim
