// Faults of a scenario: at a time, or at a semantic point (the nth record that matches).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/l1/l1.hpp"
#include "protocols/relay/relay.hpp"
#include "scenarios/spec/scenario.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"

namespace seqlab::scenarios {

/// Strikes at once when its record is emitted: a node can crash between any two effects. Subscribe it after every
/// observer that judges, so that they have seen the record that pulled the trigger.
class FaultDriver final : public sim::RecordObserver {
 public:
  /// @param l1     null: the world has none, and no fault concerns it
  /// @param relay  looked at when a fault strikes; null: likewise
  FaultDriver(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network, protocols::L1* l1,
              const std::unique_ptr<protocols::Relay>& relay, std::span<const FaultSpec> faults);

  /// Schedules the timed ones and arms the others.
  void start();
  /// From now on nothing strikes any more, trouble on layer 1 ends, and partitions are nobody's to heal: the healing
  /// phase.
  void stop();

  void on_record(const sim::Record& record) override;

 private:
  void strike(const FaultSpec& fault);
  void strike_l1(const fault::L1& trouble, bool on);
  void strike_relay(const fault::Relay& trouble, bool on);
  void hinder(sim::DaHindrance what, bool on);

  sim::Simulation& simulation_;
  sim::Nodes& nodes_;
  sim::Network& network_;
  protocols::L1* l1_;
  const std::unique_ptr<protocols::Relay>& relay_;
  std::span<const FaultSpec> faults_;
  std::vector<std::uint32_t> matches_;  ///< by fault
  std::vector<const fault::L1*> l1_troubles_{};        ///< that have begun and not ended, in order
  std::vector<const fault::Relay*> relay_troubles_{};
  std::uint64_t wishes_ = 0;  ///< changes of the registry that writers asked for out of turn
  bool stopped_ = false;
};

}  // namespace seqlab::scenarios
