#include "sim/net/network.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"

namespace seqlab::sim {

namespace {

/// Delays are cut here, so that no sum of a few of them overflows.
constexpr Duration delay_max{std::numeric_limits<std::int64_t>::max() / 8};

constexpr Duration clamp_delay(Duration d) { return std::clamp(d, Duration{}, delay_max); }

/// floor(draw / 2^32 * (bound + 1)): uniform in [0, bound].
constexpr Duration uniform_up_to(Duration bound, std::uint32_t draw) {
  return Duration{static_cast<std::int64_t>(static_cast<Int128>(draw) * (ns(bound) + 1) >> 32)};
}

std::vector<LinkOverride> merged(std::vector<LinkOverride> overrides) {
  const auto before = [](const LinkOverride& a, const LinkOverride& b) {
    return std::pair{a.from, a.to} < std::pair{b.from, b.to};
  };
  std::stable_sort(overrides.begin(), overrides.end(), before);
  std::vector<LinkOverride> result;
  for (const LinkOverride& rule : overrides) {
    if (result.empty() || before(result.back(), rule)) {
      result.push_back(rule);
      continue;
    }
    LinkOverride& last = result.back();  // the same link again: what is set later wins
    if (rule.latency >= Duration{}) last.latency = rule.latency;
    if (rule.extra_latency != Duration{}) last.extra_latency = rule.extra_latency;
    if (rule.loss.den != 0) last.loss = rule.loss;
  }
  return result;
}

}  // namespace

// ---- sending --------------------------------------------------------------------------------------------------------

void Network::send(NodeId from, NodeId to, const MessagePtr& message, Duration extra) {
  if (from == to) {
    grow();
    const Node& node = nodes_[from];
    if (!node.up()) return;
    const std::uint32_t slot = take_off(from, message, Way::to_self, node.incarnation());
    simulation_.schedule_delivery(simulation_.now() + clamp_delay(extra), to, slot);
    return;
  }
  const std::span<const NodeId> receivers{&to, 1};
  if (!may_send(from, receivers, message)) return;
  const std::uint32_t slot = take_off(from, message, Way::plain, 0);
  record_sent(from, to, *message);
  scatter(from, receivers, no_node, slot, clamp_delay(extra));
}

void Network::broadcast(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Dissemination mode) {
  if (to.empty() || (to.size() == 1 && to.front() == from)) return;
  if (!may_send(from, to, message)) return;
  record_sent(from, all_nodes, *message);
  if (mode == Dissemination::gossip) {
    const std::uint32_t flood = gossip_.begin(message->sequence, from, to);
    const std::uint32_t slot = take_off(from, message, Way::gossip, flood);
    gossip_.leave(flood);  // the flight holds it now
    scatter(from, gossip_.neighbours(flood, from), no_node, slot, {});
    return;
  }
  const std::uint32_t slot = take_off(from, message, Way::plain, 0);
  scatter(from, to, no_node, slot, {});
}

bool Network::may_send(NodeId from, std::span<const NodeId> to, const MessagePtr& message) {
  grow();
  if (message->sequence == 0) message.mutate().sequence = ++sequence_;
  if (nodes_[from].up()) return true;
  for (const NodeId receiver : to) {
    if (receiver == from) continue;
    ++counters_.sent;
    record_drop(receiver, from, *message, DropReason::sender_down);
  }
  return false;
}

std::uint32_t Network::take_off(NodeId from, const MessagePtr& message, Way way, std::uint32_t detail) {
  std::uint32_t slot = 0;
  if (free_flights_.empty()) {
    slot = static_cast<std::uint32_t>(flights_.size());
    SEQLAB_ASSERT((slot & downlink_bit) == 0);
    flights_.emplace_back();
    free_flights_.reserve(flights_.capacity());  // a landing never allocates
  } else {
    slot = free_flights_.back();
    free_flights_.pop_back();
  }
  Flight& flight = flights_[slot];
  flight.body = message;
  flight.from = from;
  flight.references = 1;
  flight.epoch = partitions_.epoch();
  flight.plain_epoch = way == Way::plain ? flight.epoch : never;
  flight.detail = detail;
  flight.way = way;
  flight.arrived = false;
  partitions_.enter(flight.epoch);
  if (way == Way::gossip) gossip_.enter(detail);
  return slot;
}

/// Sends the flight to every receiver and gives back the reference that take_off made.
void Network::scatter(NodeId from, std::span<const NodeId> to, NodeId except, std::uint32_t slot, Duration extra) {
  const std::uint64_t index = ++senders_[from.value].sent;
  const std::uint64_t bytes = bytes_of(*flights_[slot].body);
  const auto count = static_cast<std::uint64_t>(std::count_if(
      to.begin(), to.end(), [&](NodeId receiver) { return receiver != from && receiver != except; }));
  counters_.sent += count;
  counters_.bytes += count * bytes;
  flights_[slot].references += static_cast<std::uint32_t>(count);

  const bool is_short = short_way_ && places_[from.value].special == 0 && simulation_.now() >= options_.stabilises_at;
  const std::uint32_t incarnation = nodes_[from].incarnation();
  const std::uint64_t key = senders_[from.value].key;
  const LatencyPair* row = table_ != nullptr ? table_->row(places_[from.value].region) : nullptr;
  const SimTime departs = simulation_.now() + extra;
  std::uint32_t lane = never;
  std::array<std::uint32_t, 4> block{};
  for (const NodeId receiver : to) {
    if (receiver == from || receiver == except) continue;
    SEQLAB_ASSERT(receiver.value < places_.size(), receiver.value);
    const Place place = places_[receiver.value];
    if (!is_short || (place.special & (watched | partitioned)) != 0) {
      depart(Copy{from, receiver, slot, incarnation, index, extra});
      continue;
    }
    if (receiver.value / 4 != lane) {
      lane = receiver.value / 4;
      block = philox(key, index, lane);
    }
    const Duration delay = table_->delay(row[place.region], block[receiver.value % 4]);
    simulation_.schedule_delivery(departs + delay, receiver, slot);
  }
  land(slot);
}

// ---- the long way ---------------------------------------------------------------------------------------------------

void Network::depart(const Copy& copy) {
  if (options_.uplink_bps == 0) return launch(copy);
  purge_uplink(copy.from);
  enqueue(uplinks_[copy.from.value], copy.from.value * 2, options_.uplink_bps, copy);
}

void Network::launch(const Copy& copy) {
  const NodeId from = copy.from;
  const NodeId to = copy.to;
  const std::uint32_t slot = copy.slot;
  const std::uint64_t index = copy.index;
  if (partitions_.any_active() && partitions_.separates(from, to)) return drop(to, slot, DropReason::partition);

  const LinkOverride* rules = rules_of(from, to);
  const bool was_stable = stable();
  if (!reliable_) {
    const Ratio loss = rules != nullptr && rules->loss.den != 0 ? rules->loss : options_.loss;
    if (luck_loss_.chance(loss, from, index, to)) return drop(to, slot, DropReason::loss);
    if (!was_stable && luck_loss_before_.chance(options_.loss_before, from, index, to)) {
      return drop(to, slot, DropReason::loss);
    }
  }

  Duration delay = delay_of(copy, rules, luck_latency_);
  if (luck_reordering_.chance(options_.reordering, from, index, to)) delay += clamp_delay(options_.reordering_delay);
  const SimTime departs = simulation_.now() + copy.extra;
  const bool bounded = !was_stable && departs < options_.stabilises_at;
  if (bounded && options_.delay_before > Duration{}) {
    delay += uniform_up_to(options_.delay_before, luck_delay_before_.draw(from, index, to));
  }
  const SimTime bound = bounded ? options_.stabilises_at + options_.delta : time_never;
  SimTime arrival = std::min(departs + delay, bound);

  Duration held_back{};
  Duration repeated_after{-1};
  const bool is_watched = watches_all_ || ((places_[from.value].special | places_[to.value].special) & watched) != 0;
  if (is_watched) {
    for (const Watcher& watcher : watchers_) {
      if (!watcher.wants(from) && !watcher.wants(to)) continue;
      const LinkVerdict verdict = watcher.adversary->on_link(from, to, *flights_[slot].body, arrival);
      if (verdict.drop) return drop(to, slot, DropReason::adversary);
      held_back = clamp_delay(held_back + clamp_delay(verdict.extra_delay));
      arrival = std::min(departs + delay + held_back, bound);
      if (verdict.duplicate_after >= Duration{}) repeated_after = clamp_delay(verdict.duplicate_after);
    }
  }
  const auto in_order = [&](SimTime at) {
    if (!options_.fifo_links) return at;
    SimTime& last = fifo_.last_arrival(from, to);
    // Strictly after the last one, as events of one instant may be permuted, unless that breaks the bound.
    if (last > time_zero) at = std::max(at, std::min(last + Duration{1}, std::max(bound, last)));
    last = at;
    return at;
  };

  const bool by_luck = !reliable_ && luck_duplication_.chance(options_.duplication, from, index, to);
  const bool twice = by_luck || repeated_after >= Duration{};
  const std::uint32_t copy_slot = twice ? split(slot) : 0;
  schedule(in_order(arrival), to, slot);
  if (!twice) return;
  Flight& flight = flights_[copy_slot];
  if (flight.way == Way::plain) {
    flight.way = Way::duplicate;
    flight.plain_epoch = never;
  }
  const SimTime second = repeated_after >= Duration{}
                             ? arrival + repeated_after
                             : departs + delay_of(copy, rules, luck_duplicate_latency_) + held_back;
  schedule(in_order(std::min(second, bound)), to, copy_slot);
}

Duration Network::delay_of(const Copy& copy, const LinkOverride* rules, Luck& luck) {
  Duration delay{};
  if (rules != nullptr && rules->latency >= Duration{}) {
    delay = rules->latency;
  } else {
    const std::uint32_t draw = luck.draw(copy.from, copy.index, copy.to);
    delay = table_ != nullptr
                ? table_->delay(table_->row(places_[copy.from.value].region)[places_[copy.to.value].region], draw)
                : options_.latency->delay(copy.from, copy.to, draw);
  }
  if (rules != nullptr) delay += rules->extra_latency;
  return clamp_delay(delay);
}

const LinkOverride* Network::rules_of(NodeId from, NodeId to) const {
  if ((places_[from.value].special & overridden) == 0) return nullptr;
  const auto& rules = options_.overrides;
  const auto at = std::lower_bound(rules.begin(), rules.end(), std::pair{from, to},
                                   [](const LinkOverride& rule, const std::pair<NodeId, NodeId>& link) {
                                     return std::pair{rule.from, rule.to} < link;
                                   });
  return at != rules.end() && at->from == from && at->to == to ? &*at : nullptr;
}

void Network::schedule(SimTime at, NodeId to, std::uint32_t slot) {
  simulation_.schedule_delivery(at, to, options_.downlink_bps == 0 ? slot : slot | downlink_bit);
}

// ---- arriving -------------------------------------------------------------------------------------------------------

void Network::on_delivery(NodeId to, std::uint32_t slot) {
  if ((slot & downlink_bit) != 0) {
    const std::uint32_t flight = slot & ~downlink_bit;
    const Copy copy{flights_[flight].from, to, flight, 0, 0, {}};
    return enqueue(downlinks_[to.value], to.value * 2 + 1, options_.downlink_bps, copy);
  }
  if (flights_[slot].plain_epoch != partitions_.epoch() || !nodes_.takes_input(to)) return arrive(to, slot);
  hand_over(to, slot);
}

/// Whatever may be special about an arrival.
void Network::arrive(NodeId to, std::uint32_t slot) {
  const Flight& flight = flights_[slot];
  const bool takes_input = nodes_.takes_input(to);
  if (flight.way == Way::to_self) {
    const Node& node = nodes_[to];
    if (!node.up() || node.incarnation() != flight.detail) {
      land(slot);
    } else if (!takes_input) {
      nodes_.hold(to, *this, slot);
    } else {
      const MessagePtr body = land(slot);
      nodes_.deliver(to, to, body);
    }
    return;
  }
  if (!flight.arrived && flight.epoch != partitions_.epoch() &&
      partitions_.separated_since(flight.epoch, flight.from, to)) {
    return drop(to, slot, DropReason::partition);
  }
  if (!takes_input && !nodes_[to].up()) return drop(to, slot, DropReason::receiver_down);
  if (!takes_input) {
    const std::uint32_t held = split(slot);
    land(slot);
    flights_[held].arrived = true;
    flights_[held].plain_epoch = never;
    return nodes_.hold(to, *this, held);
  }
  if (flight.way == Way::gossip) return receive_gossip(to, slot);
  if (flight.way == Way::duplicate) ++counters_.duplicates;
  hand_over(to, slot);
}

void Network::hand_over(NodeId to, std::uint32_t slot) {
  const NodeId from = flights_[slot].from;
  const MessagePtr body = land(slot);
  record_delivered(to, from, *body);
  nodes_.deliver(to, from, body);
}

void Network::receive_gossip(NodeId to, std::uint32_t slot) {
  const std::uint32_t flood = flights_[slot].detail;
  const NodeId forwarder = flights_[slot].from;
  if (!gossip_.see(flood, to)) {
    ++counters_.duplicates;
    record_drop(to, forwarder, *flights_[slot].body, DropReason::duplicate);
    land(slot);
    return;
  }
  const NodeId origin = gossip_.origin(flood);
  const MessagePtr body = flights_[slot].body;
  const std::uint32_t onward = take_off(to, body, Way::gossip, flood);
  land(slot);
  scatter(to, gossip_.neighbours(flood, to), forwarder, onward, {});
  record_delivered(to, origin, *body);
  nodes_.deliver(to, origin, body);
}

/// One more flight of the same message, for one receiver.
std::uint32_t Network::split(std::uint32_t slot) {
  const Flight& flight = flights_[slot];
  const MessagePtr body = flight.body;
  const std::uint32_t epoch = flight.epoch;
  const std::uint32_t copy = take_off(flight.from, body, flight.way, flight.detail);
  // It is as old as what it is a copy of.
  partitions_.leave(flights_[copy].epoch);
  partitions_.enter(epoch);
  flights_[copy].epoch = epoch;
  if (flights_[copy].way == Way::plain) flights_[copy].plain_epoch = epoch;
  return copy;
}

/// One reference less; the last one empties the slot.
MessagePtr Network::land(std::uint32_t slot) {
  Flight& flight = flights_[slot];
  if (--flight.references > 0) return flight.body;
  partitions_.leave(flight.epoch);
  if (flight.way == Way::gossip) gossip_.leave(flight.detail);
  free_flights_.push_back(slot);
  return std::move(flight.body);
}

void Network::drop(NodeId to, std::uint32_t slot, DropReason reason) {
  record_drop(to, flights_[slot].from, *flights_[slot].body, reason);
  land(slot);
}

void Network::record_sent(NodeId from, NodeId to, const Message& message) {
  if (!simulation_.records().wants(RecordKind::message_sent)) return;
  simulation_.emit({.kind = RecordKind::message_sent,
                    .detail = message.kind,
                    .node = from,
                    .peer = to,
                    .a = message.sequence,
                    .b = bytes_of(message)});
}

void Network::record_delivered(NodeId to, NodeId from, const Message& message) {
  ++counters_.delivered;
  if (!simulation_.records().wants(RecordKind::message_delivered)) return;
  simulation_.emit({.kind = RecordKind::message_delivered,
                    .detail = message.kind,
                    .node = to,
                    .peer = from,
                    .a = message.sequence});
}

void Network::record_drop(NodeId to, NodeId from, const Message& message, DropReason reason) {
  if (reason != DropReason::duplicate) ++counters_.dropped;
  simulation_.emit({.kind = RecordKind::message_dropped,
                    .detail = message.kind,
                    .flags = static_cast<std::uint16_t>(reason),
                    .node = to,
                    .peer = from,
                    .a = message.sequence});
}

// ---- access links ---------------------------------------------------------------------------------------------------

void Network::enqueue(AccessLink& link, std::uint32_t arg, std::uint64_t bps, const Copy& copy) {
  const Message& message = *flights_[copy.slot].body;
  const Duration transmission = transmission_time(bytes_of(message), bps);
  const SimTime now = simulation_.now();
  if (!link.busy() && !link.waiting()) {
    link.begin(now, copy, transmission);
    simulation_.schedule(link.busy_until(), target_, arg);
  } else if (!reliable_ && link.wait(now, message.message_class) > options_.queue_limit) {
    drop(copy.to, copy.slot, DropReason::queue_full);
  } else {
    link.push(copy, message.message_class, transmission);
  }
}

void Network::advance(AccessLink& link, std::uint32_t arg) {
  if (!link.waiting()) return;
  const AccessLink::Waiting next = link.pop();
  link.begin(simulation_.now(), next.copy, next.transmission);
  simulation_.schedule(link.busy_until(), target_, arg);
}

/// What a machine had queued before it crashed is lost.
void Network::purge_uplink(NodeId id) {
  AccessLink& link = uplinks_[id.value];
  const Node& node = nodes_[id];
  const auto stale = [&](const Copy& copy) { return !node.up() || copy.incarnation != node.incarnation(); };
  if (!link.busy() || !stale(link.current())) return;
  const Copy cut = link.end();
  drop(cut.to, cut.slot, DropReason::sender_down);
  while (link.waiting()) {
    const Copy waiting = link.pop().copy;
    drop(waiting.to, waiting.slot, DropReason::sender_down);
  }
}

void Network::on_event(std::uint32_t arg) {
  const NodeId node{arg / 2};
  const bool up = arg % 2 == 0;
  AccessLink& link = (up ? uplinks_ : downlinks_)[node.value];
  if (up) purge_uplink(node);
  // After a purge the end of the old transmission still comes; it is not the end of the present one.
  if (!link.busy() || link.busy_until() != simulation_.now()) return;
  const Copy copy = link.end();
  advance(link, arg);
  if (up) {
    launch(copy);
  } else {
    on_delivery(copy.to, copy.slot);
  }
}

// ---- partitions, adversary, healing ---------------------------------------------------------------------------------

PartitionId Network::partition(std::span<const std::vector<NodeId>> groups, bool one_way) {
  const PartitionId id = partitions_.start(groups, one_way);
  mark_places();
  simulation_.emit({.kind = RecordKind::partition_started, .a = id});
  return id;
}

void Network::heal(PartitionId id) {
  if (!partitions_.heal(id)) return;
  mark_places();
  simulation_.emit({.kind = RecordKind::partition_healed, .a = id});
}

void Network::heal_all() {
  for (const PartitionId id : partitions_.active()) heal(id);
}

bool Network::connected(NodeId from, NodeId to) const { return from == to || !partitions_.separates(from, to); }

void Network::make_reliable() {
  heal_all();
  reliable_ = true;
  watches_all_ = false;
  watchers_.clear();
  mark_places();
  decide_short_way();
}

void Network::watch(LinkAdversary& adversary, NodeId node) {
  if (reliable_) return;
  auto watcher = std::ranges::find(watchers_, &adversary, &Watcher::adversary);
  if (watcher == watchers_.end()) watcher = watchers_.insert(watchers_.end(), Watcher{&adversary, false, {}});
  if (node == no_node) {
    watcher->all = true;
    watches_all_ = true;
  } else {
    if (watcher->nodes.size() <= node.value) watcher->nodes.resize(node.value + std::size_t{1});
    watcher->nodes[node.value] = true;
  }
  mark_places();
  decide_short_way();
}

// ---- set-up ---------------------------------------------------------------------------------------------------------

Network::Network(Simulation& simulation, Nodes& nodes, NetworkOptions options)
    : simulation_(simulation),
      nodes_(nodes),
      options_(std::move(options)),
      target_(simulation.add_target(*this)),
      gossip_(simulation.seed(), options_.gossip_degree),
      luck_latency_(simulation.seed(), "net.latency"),
      luck_loss_(simulation.seed(), "net.loss"),
      luck_loss_before_(simulation.seed(), "net.loss_before"),
      luck_delay_before_(simulation.seed(), "net.delay_before"),
      luck_reordering_(simulation.seed(), "net.reordering"),
      luck_duplication_(simulation.seed(), "net.duplication"),
      luck_duplicate_latency_(simulation.seed(), "net.duplicate_latency") {
  SEQLAB_ASSERT(options_.latency != nullptr);
  for (const Ratio p : {options_.loss, options_.loss_before, options_.duplication, options_.reordering}) {
    SEQLAB_ASSERT(p.den > 0 && p.num <= p.den, p.num, p.den);
  }
  table_ = options_.latency->table();
  options_.overrides = merged(std::move(options_.overrides));
  simulation.set_delivery_sink(*this);
  decide_short_way();
  grow();
}

Network::~Network() = default;

void Network::grow() {
  const std::size_t known = places_.size();
  if (known == nodes_.size()) return;
  places_.resize(nodes_.size());
  senders_.resize(nodes_.size());
  for (std::size_t i = known; i < nodes_.size(); ++i) {
    const NodeId node{static_cast<std::uint32_t>(i)};
    senders_[i].key = luck_latency_.key_of(node);
    if (table_ != nullptr) places_[i].region = table_->region_of(node);
  }
  if (options_.uplink_bps != 0) uplinks_.resize(nodes_.size());
  if (options_.downlink_bps != 0) downlinks_.resize(nodes_.size());
  mark_places();
}

void Network::mark_places() {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const NodeId node{static_cast<std::uint32_t>(i)};
    std::uint16_t special = 0;
    for (const Watcher& watcher : watchers_) {
      if (i < watcher.nodes.size() && watcher.nodes[i]) special |= watched;
    }
    if (partitions_.any_active() && partitions_.touches(node)) special |= partitioned;
    places_[i].special = special;
  }
  for (const LinkOverride& rule : options_.overrides) {
    if (rule.from.value < places_.size()) places_[rule.from.value].special |= overridden;
  }
}

void Network::decide_short_way() {
  const bool lossless = reliable_ || (options_.loss.num == 0 && options_.duplication.num == 0);
  short_way_ = table_ != nullptr && lossless && options_.reordering.num == 0 && !options_.fifo_links &&
               options_.uplink_bps == 0 && options_.downlink_bps == 0 && !watches_all_;
}

}  // namespace seqlab::sim
