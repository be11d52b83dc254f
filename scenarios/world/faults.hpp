// Faults of a scenario: at a time, or at a semantic point (the nth record that matches).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "scenarios/spec/scenario.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"

namespace seqlab::scenarios {

/// Strikes at once when its record is emitted: a node can crash between any two effects. Subscribe it after every
/// observer that judges, so that they have seen the record that pulled the trigger.
class FaultDriver final : public sim::RecordObserver {
 public:
  FaultDriver(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network, std::span<const FaultSpec> faults);

  /// Schedules the timed ones and arms the others.
  void start();
  /// From now on nothing strikes any more, and partitions are nobody's to heal (healing phase).
  void stop() { stopped_ = true; }

  void on_record(const sim::Record& record) override;

 private:
  void strike(const FaultSpec& fault);

  sim::Simulation& simulation_;
  sim::Nodes& nodes_;
  sim::Network& network_;
  std::span<const FaultSpec> faults_;
  std::vector<std::uint32_t> matches_;  ///< by fault
  bool stopped_ = false;
};

}  // namespace seqlab::scenarios
