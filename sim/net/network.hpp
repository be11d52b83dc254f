// The network between machines: latency, jitter, bandwidth queues, loss, duplication, reordering, partitions, global
// stabilisation time, and the one place where an adversary may touch a message in flight.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/kernel/simulation.hpp"
#include "sim/net/latency/latency_model.hpp"
#include "sim/net/message.hpp"
#include "sim/node/node.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::sim {

/// What an adversary does to one message on one link.
struct LinkVerdict {
  bool drop = false;
  Duration extra_delay{};  ///< added to the drawn delay; the world has already checked it against the granted bound
};

/// The adversary's hand on the wire. Asked only for links that `watch` named.
class LinkAdversary {
 public:
  virtual LinkVerdict on_link(NodeId from, NodeId to, const Message& message, SimTime planned_arrival) = 0;

 protected:
  ~LinkAdversary() = default;
};

/// Rules of a directed link that differ from the network's own. Unset fields (negative, den 0) keep those.
struct LinkOverride {
  NodeId from;
  NodeId to;
  Duration latency{-1};       ///< replaces the model's delay
  Duration extra_latency{};   ///< added to it
  Ratio loss{0, 0};
};

struct NetworkOptions {
  std::shared_ptr<const LatencyModel> latency;
  Ratio loss;
  Ratio duplication;
  Ratio reordering;                  ///< probability that a message is held back by `reordering_delay`
  Duration reordering_delay{};
  bool fifo_links = false;           ///< a link never lets a message overtake an earlier one (TCP); costs 8 B a link
  std::uint64_t uplink_bps = 0;      ///< per node, bits per second; 0 = unlimited
  std::uint64_t downlink_bps = 0;
  Duration queue_limit = Duration::max();  ///< a message that would wait longer in an up- or downlink queue is dropped
  std::uint32_t message_overhead_bytes = 0;
  /// Before `stabilises_at` messages suffer `loss_before` and a delay of up to `delay_before` more, but what is not
  /// lost arrives by `stabilises_at + delta`.
  SimTime stabilises_at{};
  Ratio loss_before;
  Duration delay_before{};
  Duration delta{};
  std::uint32_t gossip_degree = 8;   ///< neighbours in the overlay of `Dissemination::gossip`
  std::vector<LinkOverride> overrides;
};

enum class Dissemination : std::uint8_t { direct, gossip };

struct NetworkCounters {
  std::uint64_t sent = 0;        ///< one a receiver (a broadcast to k others counts k)
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;     ///< every DropReason except `duplicate`
  std::uint64_t duplicates = 0;  ///< gossip copies and duplicated messages that a receiver ignored or got twice
  std::uint64_t bytes = 0;
};

using PartitionId = std::uint32_t;

class Network final : public DeliverySink {
 public:
  Network(Simulation& simulation, Nodes& nodes, NetworkOptions options);
  ~Network();

  MessagePool& pool() { return pool_; }

  /// One receiver. `extra` is a delay that the sender chose (a corrupt node that holds a message back).
  /// A message to oneself is an event of the same instant and no traffic.
  void send(NodeId from, NodeId to, const MessagePtr& message, Duration extra = {});
  /// To all of `to` except `from`. `gossip` floods an overlay of `gossip_degree` seeded neighbours among `to`; every
  /// node forwards what it sees for the first time and its handler gets each message once.
  void broadcast(NodeId from, std::span<const NodeId> to, const MessagePtr& message,
                 Dissemination mode = Dissemination::direct);

  /// Splits: messages between different groups are lost (at send and in flight), `one_way` = only those from the
  /// first group to the others. Nodes in no group reach everybody.
  PartitionId partition(std::span<const std::vector<NodeId>> groups, bool one_way = false);
  void heal(PartitionId id);
  void heal_all();
  bool connected(NodeId from, NodeId to) const;

  /// From now on the healed phase of a liveness check: no loss, no duplication, no adversary, no partition.
  void make_reliable();

  /// Ask `adversary` about messages sent by or sent to `node` (`no_node`: about all). One adversary a world.
  void watch(LinkAdversary& adversary, NodeId node);

  const NetworkCounters& counters() const { return counters_; }
  const NetworkOptions& options() const { return options_; }

  void on_delivery(NodeId to, std::uint32_t slot) override;

 private:
  struct State;
  Simulation& simulation_;
  Nodes& nodes_;
  NetworkOptions options_;
  NetworkCounters counters_;
  MessagePool pool_;
  std::unique_ptr<State> state_;
};

}  // namespace seqlab::sim
