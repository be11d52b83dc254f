// Writes down what scripts decide, as interventions of a plan that does the same without them. Addresses are counted
// as the PlanDriver and the FaultDriver count them: copies of the scripts' nodes as they leave or reach these nodes,
// all others as they enter the network, records from the moment when faults are armed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocols/node/sequencer.hpp"
#include "scenarios/plan/plan.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/network.hpp"

namespace seqlab::scenarios {

using protocols::MessagePtr;

/// What scripts decided in a run.
struct Decisions {
  std::vector<Intervention> interventions;      ///< in the order of the decisions
  std::map<std::string, std::uint64_t> untold;  ///< what no intervention can say, and how often it was done
};

/// The plan that does without scripts what they did under `plan`.
Plan without_scripts(const Plan& plan, const Decisions& decisions);

class DecisionRecorder final : public sim::LinkAdversary, public sim::RecordObserver {
 public:
  /// @param nodes  by id; null where no sequencer node runs
  /// @param owned  the scripts' nodes
  DecisionRecorder(sim::Simulation& simulation, std::span<protocols::SequencerNode* const> nodes,
                   std::span<const NodeId> owned, Decisions& decisions);
  /// Writes down what is still open.
  ~DecisionRecorder();

  /// A message is about to leave an own node; what is sent until `left` is sent on its occasion.
  void leaving(NodeId self, std::span<const NodeId> to, const MessagePtr& message);
  void left(bool passes);
  /// Likewise one that reaches an own node.
  void arriving(NodeId self, NodeId from, const MessagePtr& message);
  void arrived(bool shown);

  void forged(const MessagePtr& made, const MessagePtr& base, NodeId as, const protocols::ForgeChanges& changes);
  /// @param later  not now but by an event of this instant
  void sent(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Duration delay, bool later);
  /// What was done to the copy that entered the network last.
  void met(NodeId from, NodeId to, const sim::Message& message, const sim::LinkVerdict& verdict);

  /// A fault that strikes now: at the record that is being handed out (`at_record`), or by an event of this instant
  /// (`later`).
  void struck(FaultSpec fault, bool at_record, bool later);
  void untold(std::string_view what) { ++decisions_.untold[std::string{what}]; }

  /// Counts copies. Register it before everybody else who may drop them.
  sim::LinkVerdict on_link(NodeId from, NodeId to, const sim::Message& message, SimTime planned_arrival) override;
  /// Counts records.
  void on_record(const sim::Record& record) override;

 private:
  enum class Site : std::uint8_t { leaving, arriving, wire };
  /// Address, with what is not named: kind, ends, height and round.
  using Key = std::tuple<Site, std::uint8_t, std::uint32_t, std::uint32_t, std::uint64_t, std::uint32_t>;
  /// One copy at a site: with its receiver, and among all of its sender.
  struct Copy {
    MessagePoint to_one;
    MessagePoint to_any;
  };
  /// A message at an own node: where it can be addressed.
  struct Known {
    MessagePtr message;  // keeps its address from being used again
    SimTime at{};
    bool received = false;
    std::vector<NodeId> to;
    std::vector<Copy> copies;  // by index in `to`
  };
  /// What a forged message was made of.
  struct Made {
    MessagePtr message;
    MessagePtr base;
    NodeId as{no_node};
    protocols::ForgeChanges changes;
  };
  struct Sent {
    MessagePtr message;
    std::vector<NodeId> to;
    Duration delay{};
  };
  using Holding = std::pair<const sim::Message*, std::uint32_t>;
  struct HoldingHash {
    std::size_t operator()(const Holding& h) const {
      return std::hash<const void*>{}(h.first) * 31 + h.second;  // tidy: pointer_key, looked up and never walked
    }
  };
  using Act = decltype(MessageIntervention::what);

  bool owns(NodeId node) const { return node.value < owned_.size() && owned_[node.value]; }
  protocols::SequencerNode* node_at(NodeId node) const {
    return node.value < nodes_.size() ? nodes_[node.value] : nullptr;
  }
  Copy count(Site site, NodeId from, NodeId to, const protocols::SequencerNode* holder, const sim::Message& message);
  void add(const MessagePoint& at, const Act& what);
  /// The copies of `known` to these receivers: one address if they are all of them.
  void add_to(const Known& known, const std::vector<NodeId>& to, const Act& what);
  void on_occasion(const Known& known, NodeId self, bool passes);
  void elsewhere(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Duration after);
  void flush_wire();

  sim::Simulation& simulation_;
  std::vector<protocols::SequencerNode*> nodes_;
  std::vector<bool> owned_;
  Decisions& decisions_;
  std::map<Key, std::uint32_t> counts_;
  /// Looked up and never walked; the messages are kept, so that no address is used twice.
  std::unordered_map<Holding, Known, HoldingHash> known_;
  std::unordered_map<const sim::Message*, Made> made_;  // tidy: pointer_key, likewise

  // The hook that is running.
  const Known* occasion_ = nullptr;
  NodeId self_{no_node};
  std::vector<Sent> sent_;

  // The network.
  Copy last_copy_;
  struct {
    const sim::Message* message = nullptr;
    Act what;
    std::vector<Copy> copies;
  } wire_;

  // Records.
  using RecordKey = std::tuple<sim::RecordKind, std::uint32_t, std::uint32_t, std::uint64_t, std::uint64_t>;
  std::map<RecordKey, std::uint32_t> record_counts_;
  Trigger::Point last_record_;
};

}  // namespace seqlab::scenarios
