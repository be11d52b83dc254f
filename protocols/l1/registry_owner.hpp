// Who changes the registry: a service on a machine of the rollup that writes each change when its time has come, and
// writes it again if layer 1 has lost it.
#pragma once

#include "protocols/l1/l1.hpp"
#include "protocols/l1/registry.hpp"
#include "sim/kernel/processes.hpp"
#include "sim/node/node.hpp"

namespace seqlab::protocols {

/// What asks the registry for a change, as its owner writes it and anybody can. @param serial  another one each time
L1TransactionPtr registry_call(const L1& l1, NodeId author, const RegistryData& change, std::uint64_t serial);

class RegistryOwner {
 public:
  /// Everything passed in outlives it.
  RegistryOwner(sim::Simulation& simulation, L1& l1, const RegistryOptions& options)
      : simulation_(simulation), l1_(l1), options_(options) {}
  void start();

 private:
  void run(sim::Process& process);
  Hash128 write(std::size_t change);

  sim::Simulation& simulation_;
  L1& l1_;
  const RegistryOptions& options_;
  std::uint64_t attempts_ = 0;
};

}  // namespace seqlab::protocols
