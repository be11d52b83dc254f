// Clients: endpoints that submit transactions to the sequencer nodes and wait until they are committed.
//
// Each client owns some accounts (account a belongs to client a % clients), so that the nonces of an account have one
// author. It has two processes: one waits for the next arrival, signs and submits; the other waits for the oldest
// deadline and sends what is unconfirmed by then to the next node. Any number of transactions are on their way at once.
// A transaction that is given up leaves a hole in its account's nonces; the next arrival for that account fills it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocols/crypto/signatures.hpp"
#include "scenarios/spec/scenario.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"

namespace seqlab::scenarios {

/// Where a migration's clients go. Without a service they know the sequencers alone.
struct ClientCores {
  NodeId service{no_node};               ///< the core that is one machine
  bool service_first = true;             ///< it is the old core; else the sequencers are
  std::uint32_t upgraded_percent = 100;  ///< of the clients: they follow a redirect, and try both cores
  bool nonces_restart = false;           ///< the new core counts from 0: who meets it first begins anew
};

class Clients {
 public:
  /// Adds `workload.clients` machines to `nodes`, after those that are there. Client k first turns to
  /// sequencers[k % size] and then, for each retry, to the next one. Everything passed in outlives the clients;
  /// processes must have ended (Simulation::end_processes) before they go.
  /// Accounts in a trace beyond `workload.accounts` count from 0 again.
  /// With two cores all turn to the old one first; those who cannot speak to the new one go on to do so.
  /// Accounts in `taken` have another owner, who alone sends from them.
  /// @pre sequencers is not empty, workload.accounts > 0 if there are clients
  Clients(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network, protocols::Signatures& signatures,
          const WorkloadSpec& workload, std::span<const NodeId> sequencers, const ClientCores& cores = {},
          std::vector<std::uint32_t> taken = {});
  ~Clients();

  /// Powers the machines on and lets the arrivals begin.
  void start();
  std::size_t size() const { return clients_.size(); }
  /// Transactions that were submitted and neither confirmed nor given up.
  std::size_t in_flight() const;

 private:
  class Client;
  struct Shared {
    sim::Simulation& simulation;
    sim::Nodes& nodes;
    sim::Network& network;
    protocols::Signatures& signatures;
    const WorkloadSpec& workload;
    std::vector<NodeId> sequencers;
    ClientCores cores;
    std::vector<std::uint32_t> taken;
    std::uint32_t active = 0;  ///< clients that own an account; only they submit
  };
  Shared shared_;
  std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace seqlab::scenarios
