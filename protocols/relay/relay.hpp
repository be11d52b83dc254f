// Everything by which one design writes its data to layer 1, in one world: relayers, the bundler, and who tells what
// came of it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "protocols/relay/da_watch.hpp"
#include "protocols/relay/relayer.hpp"

namespace seqlab::protocols {

class Relay final : public sim::RecordObserver, public L1Watcher {
 public:
  /// @param nodes  the sequencer nodes, by number; they, `l1`, `options` and `rules` outlive it
  /// @pre the policy exists, its nodes do
  Relay(sim::Simulation& simulation, sim::Nodes& machines, L1& l1, const RelayOptions& options,
        const RelayRules& rules, std::span<SequencerNode* const> nodes);

  static sim::KindMask kinds() { return sim::mask_of(sim::RecordKind::executed); }
  /// Spawns the services. Before the machines start.
  void start();
  void on_record(const sim::Record& record) override;
  void on_l1_head(NodeId node, const L1View& view, std::uint64_t given_up) override;

  Bundler& bundler() { return bundler_; }
  Relayer& relayer(NodeId node) { return *relayers_[node.value]; }

 private:
  Bundler bundler_;
  DaWatch watch_;
  RelayContext context_;
  sim::Simulation& simulation_;
  std::vector<std::unique_ptr<Relayer>> relayers_;  ///< by node
};

}  // namespace seqlab::protocols
