// Small scenarios for tests, made in code, and an observer that keeps what happened.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "scenarios/world/run.hpp"

namespace seqlab::tests {

using scenarios::Scenario;
using sim::Record;
using sim::RecordKind;

/// `count` equal validators, constant delay, no clients, no skew, no healing phase: exact arithmetic.
inline Scenario quiet_world(std::uint32_t count, Duration delay) {
  Scenario s;
  s.name = "test";
  s.design.committee.count = count;
  s.design.committee.stake.assign(count, 1);
  s.environment.network.latency.model = scenarios::LatencySpec::Model::constant;
  s.environment.network.latency.mean = delay;
  s.environment.machines.start_skew = Duration::zero();
  s.stop.healing = Duration::zero();
  return s;
}

/// Keeps the records of some kinds.
class Kept final : public sim::RecordObserver {
 public:
  void on_record(const Record& record) override { records.push_back(record); }
  std::vector<Record> of(RecordKind kind) const {
    std::vector<Record> some;
    for (const Record& r : records) {
      if (r.kind == kind) some.push_back(r);
    }
    return some;
  }
  /// The first record that `matches`, or null.
  const Record* first(const std::function<bool(const Record&)>& matches) const {
    for (const Record& r : records) {
      if (matches(r)) return &r;
    }
    return nullptr;
  }
  std::vector<Record> records;
};

inline scenarios::RunResult run_and_keep(const Scenario& s, Kept& kept, sim::KindMask kinds, std::uint64_t seed = 1) {
  scenarios::RunOptions options;
  options.observers.push_back({&kept, kinds});
  return scenarios::run(s, {.seed = seed}, options);
}

}  // namespace seqlab::tests
