// Counters and integer histograms, filled from records.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "protocols/consensus/messages.hpp"
#include "sim/kernel/time.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::scenarios {

/// Log-linear buckets (64 a power of two): quantiles within 1.6 %, mergeable, exact counts.
class Histogram {
 public:
  /// Negative values count as 0, but `min` and `sum` have them as they are.
  void add(std::int64_t value);
  void merge(const Histogram& other);
  std::uint64_t count() const { return count_; }
  std::int64_t min() const { return count_ == 0 ? 0 : min_; }
  std::int64_t max() const { return count_ == 0 ? 0 : max_; }
  std::int64_t sum() const { return sum_; }
  /// Least recorded value v such that at least `ppm` millionths of the values are <= v, rounded up to its bucket's
  /// top, never above max(). 0 if empty.
  std::int64_t quantile(std::uint32_t ppm) const;
  friend bool operator==(const Histogram&, const Histogram&) = default;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::int64_t min_ = 0, max_ = 0, sum_ = 0;
};

struct Metrics {
  std::uint64_t commits_min = 0;   ///< height of the slowest honest node that is up at the end
  std::uint64_t commits_max = 0;
  std::uint64_t rounds_max = 0;    ///< highest round that an honest node entered, at any height
  Histogram commit_latency;        ///< ns from the first proposal of a block to its commit, per honest node
  Histogram block_interval;        ///< ns between commits of consecutive heights at one honest node
  Histogram tx_latency;            ///< ns from first submission to confirmation at the client
  /// Admitted and refused: once a node that was asked. Included: once a position of the chain.
  std::uint64_t tx_submitted = 0, tx_admitted = 0, tx_refused = 0, tx_included = 0, tx_confirmed = 0, tx_retried = 0;
  std::uint64_t evidence = 0;      ///< distinct offences reported
  std::uint64_t crashes = 0, partitions = 0;  ///< in the safety phase
  std::uint64_t da_sent = 0, da_posted = 0, da_confirmed = 0;  ///< batches: sendings, readable on layer 1, done with
  std::uint64_t da_copies = 0;     ///< blocks that were readable on layer 1 when another copy of them came
  std::int64_t da_bytes = 0;       ///< paid for on layer 1
  std::int64_t da_fees = 0;        ///< in the chain's base unit
  Histogram da_latency;            ///< ns from the first final commit of a block until it is readable on layer 1
  std::uint64_t forced_sent = 0, forced_done = 0;  ///< forced items: by users; by a first honest node
  Histogram forced_latency;        ///< ns from one to the other
  /// Messages sent, a broadcast counted once.
  std::array<std::uint64_t, static_cast<std::size_t>(protocols::MessageKind::count)> messages_by_kind{};
};

/// Observer that fills Metrics.
class MetricsObserver final : public sim::RecordObserver {
 public:
  /// @param with_da  somebody writes the blocks to layer 1
  explicit MetricsObserver(std::uint32_t node_count, bool with_da = false);
  ~MetricsObserver();
  static sim::KindMask kinds();
  void on_record(const sim::Record& record) override;
  Metrics finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace seqlab::scenarios
