// Users of the bridge: each locks money on layer 1, waits until it is minted on the rollup, burns it there with an
// ordinary transaction, waits until that is proven and its delay is over, has it released, and begins anew.
//
// Each has an account that nobody else uses, and reads layer 1 and the rollup as the node beside him does.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "protocols/crypto/signatures.hpp"
#include "protocols/l1/l1.hpp"
#include "protocols/node/sequencer.hpp"
#include "scenarios/spec/scenario.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::scenarios {

class BridgeUsers final : public sim::RecordObserver {
 public:
  /// Adds `scenario.environment.workload.bridge.users` machines. Everything passed in outlives the users; processes
  /// must have ended before they go. @pre the design has a bridge, sequencers is not empty
  BridgeUsers(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network, protocols::L1& l1,
              protocols::Signatures& signatures, const Scenario& scenario,
              std::span<protocols::SequencerNode* const> sequencers);
  ~BridgeUsers();

  static sim::KindMask kinds() {
    return sim::mask_of(sim::RecordKind::bridge_minted, sim::RecordKind::bridge_burnt,
                        sim::RecordKind::escrow_released);
  }
  /// What layer 1 and the near nodes tell about their money.
  void on_record(const sim::Record& record) override;
  void start();

 private:
  class User;
  std::vector<std::unique_ptr<User>> users_;
};

}  // namespace seqlab::scenarios
