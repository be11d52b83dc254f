// The cut-over as its operators go through it: stop the old core, export, start the new one, and go back if that makes
// no block.
//
// The operators' script runs nowhere in particular and does not crash; what it needs of a machine that is down waits
// until that machine is up again. What it knows of the new core is what its nodes have committed.
// Source: Warp's roadmap, step 1, and the tool that writes its genesis files (warp-contracts/sequencer,
// network/*/genesis).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/migration/gateway.hpp"
#include "sim/kernel/processes.hpp"

namespace seqlab::protocols {

class CutOver final {
 public:
  enum class Phase : std::uint8_t { before, stopped, migrated, rolled_back };

  /// All of it outlives the cut-over. @param import  what the new core's nodes start from; written here
  CutOver(const MigrationOptions& options, const SequencerContext& context, Gateway& gateway, CoreImport& import,
          std::span<SequencerNode* const> sequencers);

  void start();
  Phase phase() const { return phase_; }

 private:
  void run(sim::Process& process);
  void stop_old(sim::Process& process);
  void export_old(sim::Process& process);
  void start_new();
  /// Whether any node of the new core has a block.
  bool has_block() const;
  void roll_back(sim::Process& process);
  void wait_for_gateway(sim::Process& process) const;

  const MigrationOptions& options_;
  const SequencerContext& context_;
  Gateway& gateway_;
  CoreImport& import_;
  std::vector<SequencerNode*> sequencers_;
  Phase phase_ = Phase::before;
};

}  // namespace seqlab::protocols
