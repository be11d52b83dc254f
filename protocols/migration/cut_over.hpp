// The cut-over as its operators go through it: stop the old core, export, start the new one, and go back if that makes
// no block. And the way back from a committee to one service.
//
// The operators' script runs nowhere in particular and does not crash; what it needs of a machine that is down waits
// until that machine is up again. What it knows of the new core is what its nodes have committed.
// Source: Warp's roadmap, step 1, and the tool that writes its genesis files (warp-contracts/sequencer,
// network/*/genesis); Morph, whose contracts went back from a committee to one sequencer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/migration/gateway.hpp"
#include "protocols/relay/relayer.hpp"
#include "sim/kernel/processes.hpp"

namespace seqlab::protocols {

class CutOver final {
 public:
  enum class Phase : std::uint8_t { before, stopped, migrated, rolled_back };

  struct Imports {
    CoreImport& fresh;        ///< what the new core starts from; written here
    CoreImport& committee;    ///< whether the committee's nodes may run; `fresh` itself when they are the new core
  };
  /// All of it outlives the cut-over. @param writer  of the old core, to layer 1; null: nobody writes
  CutOver(const MigrationOptions& options, const SequencerContext& context, Gateway& gateway, Imports imports,
          std::span<SequencerNode* const> sequencers, Relayer* writer);

  void start();
  /// Whether the committee is the one that orders now.
  bool committee_orders() const {
    const bool moved = phase_ == Phase::migrated;
    return is_back() ? phase_ == Phase::before || phase_ == Phase::rolled_back : moved;
  }

 private:
  bool is_back() const { return options_.kind == MigrationOptions::Kind::bft_to_centralised; }
  void run(sim::Process& process);
  void drain_writer(sim::Process& process);
  void stop_old(sim::Process& process);
  void export_old(sim::Process& process);
  void start_new();
  /// Whether any node of the new core has a block.
  bool has_block() const;
  void roll_back(sim::Process& process);
  void start_committee();

  void run_back(sim::Process& process);
  void wait_for_occasion(sim::Process& process) const;
  /// The node whose disk has the longest chain; null if there is none.
  const SequencerNode* furthest() const;
  void stop_committee();
  void export_committee(sim::Process& process);
  void start_gateway();
  void return_to_committee();

  void wait_for_gateway(sim::Process& process) const;

  const MigrationOptions& options_;
  const SequencerContext& context_;
  Gateway& gateway_;
  CoreImport& import_;
  CoreImport& committee_;
  std::vector<SequencerNode*> sequencers_;
  Relayer* writer_;
  Phase phase_ = Phase::before;
};

}  // namespace seqlab::protocols
