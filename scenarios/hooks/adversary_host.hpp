// All adversaries of a world: gives each its hooks and its context, enforces what the scenario grants, and meters what
// was used. An action beyond a grant has no effect, is counted as refused, and the script is told so.
//
// What is free and what is metered:
// - own nodes: everything that their owner could do (send, delay, withhold, forge with their keys, crash with any disk
//   fault, jump the clock, ignore or hold back what is sent to them). Withheld and sent messages are counted.
// - others: delaying a message costs nothing but is bounded by `delay_max`; drops, crashes (with the disk faults of an
//   honest crash) and partitions are counted against the grant. A crashed node may be restarted by whoever crashed it.
// Counts of messages are counts of (message, receiver).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "scenarios/hooks/adversary.hpp"
#include "scenarios/plan/recorder.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/net/network.hpp"
#include "sim/node/node.hpp"

namespace seqlab::scenarios {

class AdversaryHost final : public protocols::NodeAdversary,
                            public sim::LinkAdversary,
                            public sim::RecordObserver,
                            public sim::EventTarget {
 public:
  /// Loads the scripts and takes over their nodes. Must go before the network does: scripts keep messages.
  /// @throws InputError for a script that does not load
  AdversaryHost(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network,
                protocols::Signatures& signatures, std::span<protocols::SequencerNode* const> sequencers,
                const Scenario& scenario);
  ~AdversaryHost();
  AdversaryHost(const AdversaryHost&) = delete;
  AdversaryHost& operator=(const AdversaryHost&) = delete;

  /// Has every decision written down. Before `start`; `recorder` outlives the runs of scripts.
  void record_to(DecisionRecorder& recorder) { recorder_ = &recorder; }
  /// From now on the hooks act. Call it after everybody else has subscribed to the records: a crash at a record happens
  /// while the record is handed out, and observers that come later would see it first.
  void start();
  /// The healing phase: no hook is called any more, corrupt nodes fall silent, partitions end, crashed honest nodes
  /// start again.
  void stop();
  std::vector<BudgetUse> budgets() const;
  /// What script number `index` printed.
  std::string_view log(std::size_t index) const;

  void on_outgoing(protocols::SequencerNode& node, std::span<const NodeId> to, const MessagePtr& message) override;
  bool on_incoming(protocols::SequencerNode& node, NodeId from, const MessagePtr& message) override;
  void on_build(protocols::SequencerNode& node, protocols::Block& draft) override;
  void on_external(protocols::SequencerNode& node, protocols::Height height, protocols::Round round,
                   protocols::External& external) override;
  sim::LinkVerdict on_link(NodeId from, NodeId to, const sim::Message& message, SimTime planned_arrival) override;
  void on_record(const sim::Record& record) override;
  void on_event(std::uint32_t slot) override;

 private:
  class Instance;
  friend class Instance;

  /// Something that an event will do: one slot each, used again.
  struct Task {
    enum class What : std::uint8_t {
      none,
      start,
      timer,
      restart,
      heal,
      send,
      crash,
      partition,
      jump,
      note,
      emit,
      records,
      pay
    };
    What what = What::none;
    std::uint32_t instance = 0;
    NodeId node{no_node};
    std::uint64_t id = 0;
    Duration duration{};
    sim::DiskFault disk{};
    MessagePtr message;
    std::vector<NodeId> to;
    std::vector<std::vector<NodeId>> groups;
    sim::Record record;
  };
  void later(Duration delay, Task task);
  void run(Task& task);

  sim::Simulation& simulation_;
  sim::Nodes& nodes_;
  sim::Network& network_;
  const Scenario& scenario_;
  std::vector<protocols::SequencerNode*> sequencers_;
  std::vector<NodeId> all_;
  std::vector<Instance*> owner_;  // by node; null = honest
  std::vector<std::unique_ptr<Instance>> instances_;
  std::vector<Task> tasks_;
  std::vector<std::uint32_t> free_tasks_;
  std::array<std::vector<Instance*>, sim::record_kind_count> listeners_;
  std::vector<Instance*> link_watchers_;
  std::uint32_t target_ = 0;
  DecisionRecorder* recorder_ = nullptr;
  bool active_ = false;
  bool stopped_ = false;
};

}  // namespace seqlab::scenarios
