// The network between machines: latency, jitter, bandwidth queues, loss, duplication, reordering, partitions, global
// stabilisation time, and the one place where an adversary may touch a message in flight.
//
// The way of a message: [uplink queue] -> partition? lost? -> delay -> adversary? -> [downlink queue] -> receiver up?
// -> handler. A message whose sender is down, or went down while it waited in the uplink, is lost. A broadcast is one
// body and one flight with a count, however many receivers it has. Draws belong to (sender, number of the message among
// the sender's, receiver): neither another node nor another draw moves anybody's luck.
//
// Most messages of most worlds meet nothing of that but a delay; for those there is a short way (Network::scatter).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/kernel/simulation.hpp"
#include "sim/net/access_link.hpp"
#include "sim/net/fifo_links.hpp"
#include "sim/net/gossip.hpp"
#include "sim/net/latency/latency_model.hpp"
#include "sim/net/luck.hpp"
#include "sim/net/message.hpp"
#include "sim/net/partitions.hpp"
#include "sim/node/node.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::sim {

/// What an adversary does to one message on one link.
struct LinkVerdict {
  bool drop = false;
  Duration extra_delay{};  ///< added to the drawn delay; the world has already checked it against the granted bound
  Duration duplicate_after{-1};  ///< not negative: the message arrives once more, so much later
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
  std::shared_ptr<const LatencyModel> latency{};
  Ratio loss{};
  Ratio duplication{};
  Ratio reordering{};                ///< probability that a message is held back by `reordering_delay`
  Duration reordering_delay{};
  /// A link never lets a message overtake an earlier one (TCP), the queues of the access links apart, where class
  /// `consensus` goes first. Costs at most 64 B for each link in use.
  bool fifo_links = false;
  std::uint64_t uplink_bps = 0;      ///< per node, bits per second; 0 = unlimited
  std::uint64_t downlink_bps = 0;
  Duration queue_limit = Duration::max();  ///< a message that would wait longer in an up- or downlink queue is dropped
  std::uint32_t message_overhead_bytes = 0;
  /// Before `stabilises_at` messages suffer `loss_before` and a delay of up to `delay_before` more, but what is not
  /// lost arrives by `stabilises_at + delta` (at the receiver's downlink, if that has a rate), whatever latency,
  /// reordering or an adversary say. Zero: the network is stable from the start.
  SimTime stabilises_at{};
  Ratio loss_before{};
  Duration delay_before{};
  Duration delta{};
  std::uint32_t gossip_degree = 8;   ///< neighbours in the overlay of `Dissemination::gossip`
  std::vector<LinkOverride> overrides{};
};

enum class Dissemination : std::uint8_t { direct, gossip };

/// sent + copies that the network made = delivered + dropped + gossip copies ignored + in flight
struct NetworkCounters {
  std::uint64_t sent = 0;        ///< one a receiver (a broadcast to k others counts k); forwarding of gossip included
  std::uint64_t delivered = 0;   ///< calls of a handler
  std::uint64_t dropped = 0;     ///< every DropReason except `duplicate`
  std::uint64_t duplicates = 0;  ///< gossip copies that a receiver ignored and duplicated messages that it got twice
  std::uint64_t bytes = 0;       ///< of what was sent, overhead included
};

class Network final : public DeliverySink, public EventTarget {
 public:
  Network(Simulation& simulation, Nodes& nodes, NetworkOptions options);
  ~Network();

  MessagePool& pool() { return pool_; }

  /// One receiver. `extra` is a delay that the sender chose (a corrupt node that holds a message back).
  /// A message to oneself is an event of the same instant and no traffic: neither counted nor recorded.
  void send(NodeId from, NodeId to, const MessagePtr& message, Duration extra = {});
  /// To all of `to` except `from`. `gossip` floods an overlay of `gossip_degree` seeded neighbours among `to`; every
  /// node forwards what it sees for the first time and its handler gets each message once, from `from`. (Records and
  /// adversaries see the hops: `peer` of a drop is who forwarded.) Draws are cheapest if `to` is sorted.
  void broadcast(NodeId from, std::span<const NodeId> to, const MessagePtr& message,
                 Dissemination mode = Dissemination::direct);

  /// Splits: messages between different groups are lost (at send and in flight), `one_way` = only those from the
  /// first group to the others. Nodes in no group reach everybody. @return a number from 1 on
  PartitionId partition(std::span<const std::vector<NodeId>> groups, bool one_way = false);
  /// No effect if it has healed or never was.
  void heal(PartitionId id);
  void heal_all();
  bool connected(NodeId from, NodeId to) const;

  /// From now on the healed phase of a liveness check: no loss, no duplication, no adversary, no partition, no full
  /// queues, and stable even before `stabilises_at`. Delays, reordering and bandwidth stay.
  void make_reliable();

  /// Ask `adversary` about messages sent by or sent to `node` (`no_node`: about all). Several are asked in the order of
  /// their first call until one drops the message; their delays add up.
  void watch(LinkAdversary& adversary, NodeId node);

  const NetworkCounters& counters() const { return counters_; }
  const NetworkOptions& options() const { return options_; }

  void on_delivery(NodeId to, std::uint32_t slot) override;
  void on_event(std::uint32_t arg) override;

 private:
  /// What a flight is, if it is not just a message on its way.
  enum class Way : std::uint8_t { plain, to_self, duplicate, gossip };
  /// One message in flight to one or many receivers.
  struct Flight {
    MessagePtr body;
    NodeId from;                    // of this hop
    std::uint32_t references = 0;   // copies on their way, plus one while it is being sent
    std::uint32_t plain_epoch = 0;  // `epoch` if nothing else needs a look at arrival, else `never`
    std::uint32_t epoch = 0;        // of the partitions, when it was sent
    std::uint32_t detail = 0;       // gossip: flood; to_self: incarnation
    Way way = Way::plain;
    bool arrived = false;           // held by a paused machine: no partition can cut it any more
  };
  /// What scatter needs to know of a receiver, in one load.
  struct Place {
    std::uint16_t region = 0;
    std::uint16_t special = 0;  // bits below: its messages cannot take the short way
  };
  struct Sender {
    std::uint64_t key = 0;   // of its latency draws
    std::uint64_t sent = 0;  // messages so far
  };
  static constexpr std::uint16_t watched = 1;      // by the adversary
  static constexpr std::uint16_t partitioned = 2;  // in a group of an active partition
  static constexpr std::uint16_t overridden = 4;   // has links with rules of their own, as a sender
  static constexpr std::uint32_t never = 0xffffffffU;
  static constexpr std::uint32_t downlink_bit = 0x80000000U;  // of a delivery's slot: it has reached the downlink

  // sending
  bool may_send(NodeId from, std::span<const NodeId> to, const MessagePtr& message);
  std::uint32_t take_off(NodeId from, const MessagePtr& message, Way way, std::uint32_t detail);
  void scatter(NodeId from, std::span<const NodeId> to, NodeId except, std::uint32_t slot, Duration extra);
  void depart(const Copy& copy);
  void launch(const Copy& copy);
  void schedule(SimTime at, NodeId to, std::uint32_t slot);
  Duration delay_of(const Copy& copy, const LinkOverride* rules, Luck& luck);
  const LinkOverride* rules_of(NodeId from, NodeId to) const;
  bool stable() const { return reliable_ || simulation_.now() >= options_.stabilises_at; }

  // arriving
  void arrive(NodeId to, std::uint32_t slot);
  void hand_over(NodeId to, std::uint32_t slot);
  void receive_gossip(NodeId to, std::uint32_t slot);
  std::uint32_t split(std::uint32_t slot);
  MessagePtr land(std::uint32_t slot);
  void drop(NodeId to, std::uint32_t slot, DropReason reason);
  void record_sent(NodeId from, NodeId to, const Message& message);
  void record_delivered(NodeId to, NodeId from, const Message& message);
  void record_drop(NodeId to, NodeId from, const Message& message, DropReason reason);

  // access links
  void enqueue(AccessLink& link, std::uint32_t arg, std::uint64_t bps, const Copy& copy);
  void advance(AccessLink& link, std::uint32_t arg);
  void purge_uplink(NodeId node);
  std::uint64_t bytes_of(const Message& message) const {
    return std::uint64_t{message.wire_bytes} + options_.message_overhead_bytes;
  }

  void grow();
  void mark_places();
  void decide_short_way();

  Simulation& simulation_;
  Nodes& nodes_;
  NetworkOptions options_;
  NetworkCounters counters_;
  std::uint32_t target_ = 0;
  const LatencyTable* table_ = nullptr;
  bool short_way_ = true;  // nothing but delays, once the network is stable
  bool reliable_ = false;
  bool watches_all_ = false;  // somebody does
  struct Watcher {
    LinkAdversary* adversary;
    bool all = false;
    std::vector<bool> nodes;  // by node
    bool wants(NodeId node) const { return all || (node.value < nodes.size() && nodes[node.value]); }
  };
  std::vector<Watcher> watchers_;
  std::uint64_t sequence_ = 0;
  MessagePool pool_;
  std::vector<Flight> flights_;
  std::vector<std::uint32_t> free_flights_;
  std::vector<Place> places_;    // by node
  std::vector<Sender> senders_;  // by node
  Partitions partitions_;
  Gossip gossip_;
  FifoLinks fifo_;
  std::vector<AccessLink> uplinks_;  // by node, empty without a rate
  std::vector<AccessLink> downlinks_;
  Luck luck_latency_, luck_loss_, luck_loss_before_, luck_delay_before_, luck_reordering_, luck_duplication_,
      luck_duplicate_latency_;
};

}  // namespace seqlab::sim
