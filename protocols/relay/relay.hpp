// Everything by which one design writes its data to layer 1, in one world: relayers, the bundler, and who tells what
// came of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocols/node/sequencer.hpp"
#include "protocols/relay/da_watch.hpp"
#include "protocols/relay/relayer.hpp"

namespace seqlab::protocols {

class Gateway;

class Relay final : public sim::RecordObserver, public L1Watcher {
 public:
  /// @param nodes  the sequencer nodes, by number; they, `l1`, `options` and `rules` outlive it
  /// @param old_core  writes its own lines until it hands over, and outlives it; null: there was none
  /// @param import    what the nodes start from then: their relayers wait until it is open. Null: from the beginning
  /// @param registry  by which the batches of some count and those of others do not; outlives it. Null: all count
  /// @pre the policy exists, its nodes do
  Relay(sim::Simulation& simulation, sim::Nodes& machines, L1& l1, const RelayOptions& options,
        const RelayRules& rules, std::span<SequencerNode* const> nodes, Gateway* old_core = nullptr,
        const CoreImport* import = nullptr, const RegistryRules* registry = nullptr);
  ~Relay();

  /// Spawns the services. Before the machines start.
  void start();
  void on_record(const sim::Record& record) override;
  void on_l1_head(NodeId node, const L1View& view, std::uint64_t given_up) override;

  Bundler& bundler() { return bundler_; }
  Relayer& relayer(NodeId node) { return *relayers_[node.value]; }
  /// Of the old core; null if there was none.
  Relayer* old_writer() { return old_core_ != no_node ? relayers_[old_core_.value].get() : nullptr; }

 private:
  Bundler bundler_;
  DaWatch watch_;
  RelayContext context_;
  std::optional<RelayContext> old_context_;         ///< one writer, whatever the committee's policy
  sim::Simulation& simulation_;
  NodeId old_core_{no_node};
  std::vector<std::unique_ptr<RelaySource>> sources_;
  std::vector<std::unique_ptr<Relayer>> relayers_;  ///< by node, the old core's after them
};

}  // namespace seqlab::protocols
