// Carries out a plan in a world: drops, delays, repeats and forges copies of messages, splits rounds, runs twins.
// (Faults of a plan are the FaultDriver's.)
//
// Copies of a node that the plan owns are looked at as they leave its engine; all others as they enter the network. A
// copy may meet several interventions: any drop loses the original, delays add up, each forgery goes out besides. Of
// one message there go out first the originals, then what goes out besides in the order of the plan, each one message
// to all whom it is for, then delayed and repeated originals. (Where every original has something besides it, that
// goes first.)
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "protocols/node/sequencer.hpp"
#include "scenarios/plan/place.hpp"
#include "scenarios/plan/plan.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/network.hpp"

namespace seqlab::scenarios {

using protocols::MessagePtr;

class PlanDriver final : public sim::LinkAdversary, public protocols::NodeAdversary {
 public:
  /// @param owned     nodes that the plan owns: those of `plan.corrupt`, and of scripts that do not run
  /// @param nodes     by machine; null where no sequencer node runs
  /// @param machines  by machine: whose it is
  PlanDriver(const Plan& plan, sim::Simulation& simulation, sim::Network& network, protocols::Signatures& signatures,
             std::span<protocols::SequencerNode* const> nodes, std::span<const Machine> machines,
             std::span<const NodeId> owned);

  void start();
  /// From now on nothing is done any more (healing phase).
  void stop() { stopped_ = true; }

  sim::LinkVerdict on_link(NodeId from, NodeId to, const sim::Message& message, SimTime planned_arrival) override;
  void on_outgoing(protocols::SequencerNode& node, std::span<const NodeId> to, const MessagePtr& message) override;
  bool on_incoming(protocols::SequencerNode& node, NodeId from, const MessagePtr& message) override;
  void on_build(protocols::SequencerNode&, protocols::Block&) override {}

 private:
  struct Item {
    const MessageIntervention* message;
    std::uint64_t number;       // in the plan, for the record
    std::uint32_t matches = 0;  // so far
  };
  struct Split {
    const RoundSplit* split;
    std::uint64_t number;
    bool told = false;
  };
  /// What goes out besides or instead of one message.
  struct Besides {
    const Item* item;
    std::vector<NodeId> to;
  };
  /// Keeps what forgeries may have to go back to.
  void remember(const protocols::MessageFields& fields, const MessagePtr& message);
  /// The proposal that the changes go by, null if none is known.
  const sim::Message* older_for(const protocols::ForgeChanges& changes, const sim::Message& message) const;
  /// Waits for its time.
  struct Held {
    protocols::SequencerNode* node;
    std::vector<NodeId> to;
    MessagePtr message;
  };

  protocols::SequencerNode* node_at(NodeId machine) const {
    return machine.value < nodes_.size() ? nodes_[machine.value] : nullptr;
  }
  /// Counts a match; whether the intervention applies to this copy.
  static bool applies(Item& item, const protocols::MessageFields& fields, const Place& place, NodeId from, NodeId to);
  /// The split that keeps messages of that kind from passing between the two in that round, or null.
  Split* separating(Machine from, Machine to, protocols::MessageKind kind, const Place& place);
  Machine machine_of(NodeId machine) const {
    return machine.value < machines_.size() ? machines_[machine.value] : Machine{machine, false};
  }
  bool owns(NodeId node) const { return node.value < owned_.size() && owned_[node.value]; }
  void tell(std::uint64_t number, NodeId node, NodeId peer);
  static bool is_besides(const Item& item);
  /// @param to  who would get the original
  void send_besides(protocols::SequencerNode& node, const Item& item, const MessagePtr& message,
                    const std::vector<NodeId>& to);

  sim::Simulation& simulation_;
  sim::Network& network_;
  std::vector<protocols::SequencerNode*> nodes_;  // by machine
  std::vector<Machine> machines_;                 // by machine
  std::vector<bool> owned_;                       // by node
  protocols::Signer signer_;
  std::vector<Item> wire_;      // on what enters the network
  std::vector<Item> leaving_;   // on what owned nodes send
  std::vector<Item> arriving_;  // forgeries by the receiver
  std::vector<Split> splits_;
  std::vector<Held> held_;
  bool remembers_ = false;                             // a forgery goes back to an older proposal
  // Proposals that an owned node has seen or that were forged:
  std::map<protocols::Round, MessagePtr> proposals_;               // the first of each round
  std::map<protocols::Round, std::vector<MessagePtr>> by_round_;   // one of each block
  std::map<protocols::BlockId, MessagePtr> by_block_;
  bool stopped_ = false;
};

}  // namespace seqlab::scenarios
