// Users who go past the sequencer: they write transactions for the rollup to layer 1, watch what becomes of them and,
// where the design has such calls, ask L1 to force what is late.
//
// Each user has one account, which no client uses, and reads L1 and the rollup as the node near him does. He writes a
// burst, waits until all of it is done, and writes the next when its time has come.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "protocols/crypto/signatures.hpp"
#include "protocols/l1/l1.hpp"
#include "protocols/node/sequencer.hpp"
#include "scenarios/spec/scenario.hpp"
#include "sim/node/node.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::scenarios {

/// The account of a user: they come after those of the clients.
inline protocols::AccountId forced_account(const WorkloadSpec& workload, std::uint32_t user) {
  return protocols::AccountId{workload.accounts + user};
}

class ForcedUsers final : public sim::RecordObserver {
 public:
  /// Adds `scenario.environment.workload.forced.users` machines. Everything passed in outlives the users; processes
  /// must have ended before they go. @pre the world has layer 1, sequencers is not empty
  ForcedUsers(sim::Simulation& simulation, sim::Nodes& nodes, protocols::L1& l1, protocols::Signatures& signatures,
              const Scenario& scenario, std::span<protocols::SequencerNode* const> sequencers);
  ~ForcedUsers();

  static sim::KindMask kinds() {
    return sim::mask_of(sim::RecordKind::forced_posted, sim::RecordKind::forced_done);
  }
  /// What L1 and the near nodes tell about items.
  void on_record(const sim::Record& record) override;
  void start();

 private:
  class User;
  std::vector<std::unique_ptr<User>> users_;
};

}  // namespace seqlab::scenarios
