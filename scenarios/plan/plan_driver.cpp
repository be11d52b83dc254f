#include "scenarios/plan/plan_driver.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace seqlab::scenarios {

namespace {

std::vector<std::uint32_t> keys_of(std::span<const NodeId> nodes) {
  std::vector<std::uint32_t> keys;
  for (const NodeId node : nodes) keys.push_back(node.value);
  return keys;
}

bool goes_back(const protocols::ForgeChanges& c) { return c.parent_of || c.back != 0 || c.other != 0; }

}  // namespace

PlanDriver::PlanDriver(const Plan& plan, sim::Simulation& simulation, sim::Network& network,
                       protocols::Signatures& signatures, std::span<protocols::SequencerNode* const> nodes,
                       std::span<const Machine> machines, std::span<const NodeId> owned)
    : simulation_(simulation),
      network_(network),
      nodes_(nodes.begin(), nodes.end()),
      machines_(machines.begin(), machines.end()),
      signer_(signatures, keys_of(owned)) {
  for (const NodeId node : owned) {
    if (owned_.size() <= node.value) owned_.resize(node.value + std::size_t{1});
    owned_[node.value] = true;
  }
  for (std::uint64_t i = 0; i < plan.interventions.size(); ++i) {
    if (const auto* split = std::get_if<RoundSplit>(&plan.interventions[i])) {
      splits_.push_back({split, i});
    } else if (const auto* message = std::get_if<MessageIntervention>(&plan.interventions[i])) {
      const auto* forged = std::get_if<act::Forge>(&message->what);
      const auto* again = std::get_if<act::Resend>(&message->what);
      remembers_ |= forged != nullptr && goes_back(forged->changes);
      const NodeId as = forged != nullptr ? forged->as : again != nullptr ? again->as : no_node;
      const bool passed_on = again != nullptr && message->at.to && owns(*message->at.to) && message->at.from &&
                             !owns(*message->at.from);
      if (as != no_node && (message->at.to == as || passed_on)) {
        arriving_.push_back({message, i});
      } else {
        // An address without a sender may mean owned and honest ones: counted in both places.
        const bool any = !message->at.from;
        if (any || owns(*message->at.from)) leaving_.push_back({message, i});
        if ((any || !owns(*message->at.from)) && as == no_node) wire_.push_back({message, i});
      }
    }
  }
}

void PlanDriver::start() {
  if (!wire_.empty() || !splits_.empty()) network_.watch(*this, no_node);
  if (leaving_.empty() && arriving_.empty()) return;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (owns(machines_[i].node)) nodes_[i]->corrupt(*this);
  }
}

bool PlanDriver::applies(Item& item, const protocols::MessageFields& fields, const Place& place, NodeId from,
                         NodeId to) {
  const MessagePoint& p = item.message->at;
  if ((p.message && *p.message != fields.kind) || (p.from && *p.from != from) || (p.to && *p.to != to)) return false;
  if ((p.height || p.round) && !place.known) return false;
  if ((p.height && *p.height != place.height) || (p.round && *p.round != place.round)) return false;
  const std::uint32_t index = ++item.matches;
  return index >= p.nth && (p.count == 0 || index - p.nth < p.count);
}

PlanDriver::Split* PlanDriver::separating(Machine from, Machine to, protocols::MessageKind kind,
                                          const Place& place) {
  if (!place.known) return nullptr;
  for (Split& s : splits_) {
    const RoundSplit& split = *s.split;
    if (place.round < split.round || place.round - split.round >= split.rounds ||
        (split.height && *split.height != place.height))
      continue;
    if (split.message && *split.message != kind) continue;
    bool from_listed = false;
    bool to_listed = false;
    bool together = false;
    for (const std::vector<Machine>& group : split.groups) {
      const bool has_from = std::ranges::find(group, from) != group.end();
      const bool has_to = std::ranges::find(group, to) != group.end();
      from_listed |= has_from;
      to_listed |= has_to;
      together |= has_from && has_to;
    }
    if (!from_listed || !to_listed || together) continue;
    return &s;
  }
  return nullptr;
}

void PlanDriver::tell(std::uint64_t number, NodeId node, NodeId peer) {
  simulation_.emit({.kind = sim::RecordKind::intervened, .node = node, .peer = peer, .a = number});
}

sim::LinkVerdict PlanDriver::on_link(NodeId from, NodeId to, const sim::Message& message, SimTime /*arrival*/) {
  sim::LinkVerdict verdict;
  if (stopped_) return verdict;
  const Machine sender = machine_of(from);
  const Machine receiver = machine_of(to);
  const protocols::MessageFields fields = protocols::fields_of(message);
  const Place place = place_of(node_at(from), fields);
  if (Split* split = splits_.empty() ? nullptr : separating(sender, receiver, fields.kind, place)) {
    if (!split->told) tell(split->number, sender.node, receiver.node);
    split->told = true;
    verdict.extra_delay = split->split->hold;
    verdict.drop = split->split->hold == Duration{};
  }
  if (owns(sender.node)) return verdict;
  for (Item& item : wire_) {
    if (!applies(item, fields, place, sender.node, receiver.node)) continue;
    tell(item.number, sender.node, receiver.node);
    if (const auto* delay = std::get_if<act::Delay>(&item.message->what)) {
      verdict.extra_delay += delay->by;
    } else if (const auto* twice = std::get_if<act::Duplicate>(&item.message->what)) {
      verdict.duplicate_after = twice->after;
    } else {
      verdict.drop = true;
    }
  }
  return verdict;
}

bool PlanDriver::is_besides(const Item& item) {
  return std::holds_alternative<act::Forge>(item.message->what) ||
         std::holds_alternative<act::Resend>(item.message->what);
}

void PlanDriver::on_outgoing(protocols::SequencerNode& node, std::span<const NodeId> to, const MessagePtr& message) {
  if (stopped_) return node.release(to, message);
  const protocols::MessageFields fields = protocols::fields_of(*message);
  remember(fields, message);
  const Place place = place_of(&node, fields);
  using Late = std::vector<std::pair<Duration, std::vector<NodeId>>>;
  const auto put = [](Late& late, Duration delay, NodeId receiver) {
    auto same = std::ranges::find(late, delay, &Late::value_type::first);
    if (same == late.end()) same = late.insert(late.end(), {delay, {}});
    same->second.push_back(receiver);
  };
  std::vector<NodeId> prompt;  // who gets the original at once
  bool accompanied = true;     // and all of them something besides it
  std::vector<Besides> besides;
  Late late;
  Late repeated;
  for (const NodeId receiver : to) {
    bool dropped = false;
    bool more = false;
    std::optional<Duration> again;
    Duration delay{};
    for (Item& item : leaving_) {
      if (!applies(item, fields, place, node.id(), receiver)) continue;
      tell(item.number, node.id(), receiver);
      if (const auto* later = std::get_if<act::Delay>(&item.message->what)) {
        delay += later->by;
      } else if (const auto* repeat = std::get_if<act::Duplicate>(&item.message->what)) {
        again = repeat->after;
      } else if (is_besides(item)) {
        const auto* forged = std::get_if<act::Forge>(&item.message->what);
        const auto* resent = std::get_if<act::Resend>(&item.message->what);
        dropped |= forged != nullptr ? !forged->keep : !resent->keep;
        more |= (forged != nullptr ? forged->after : resent->after) == Duration{};
        const auto same = std::ranges::find_if(
            besides, [&](const Besides& b) { return b.item->message->what == item.message->what; });
        if (same != besides.end()) {
          same->to.push_back(receiver);
          if (item.number < same->item->number) same->item = &item;
        } else {
          besides.push_back({&item, {receiver}});
        }
      } else {
        dropped = true;
      }
    }
    if (!dropped && delay > Duration{}) put(late, delay, receiver);
    if (!dropped && delay == Duration{}) {
      prompt.push_back(receiver);
      accompanied &= more;
    }
    if (again) put(repeated, delay + *again, receiver);
  }
  if (!prompt.empty() && !accompanied) node.release(prompt, message);
  std::ranges::sort(besides, {}, [](const Besides& b) { return b.item->number; });
  for (const Besides& b : besides) send_besides(node, *b.item, message, b.to);
  if (!prompt.empty() && accompanied) node.release(prompt, message);
  for (const auto& [delay, receivers] : late) node.release(receivers, message, delay);
  for (const auto& [delay, receivers] : repeated) node.release(receivers, message, delay);
}

void PlanDriver::remember(const protocols::MessageFields& fields, const MessagePtr& message) {
  if (!remembers_ || fields.kind != protocols::MessageKind::proposal) return;
  proposals_.try_emplace(fields.round, message);
  const auto [at, fresh] = by_block_.try_emplace(fields.block, message);
  std::vector<MessagePtr>& same_round = by_round_[fields.round];
  const auto has_block = [&](const MessagePtr& m) { return protocols::fields_of(*m).block == fields.block; };
  if (fresh || std::ranges::none_of(same_round, has_block)) same_round.push_back(message);
}

const sim::Message* PlanDriver::older_for(const protocols::ForgeChanges& c, const sim::Message& message) const {
  const protocols::MessageFields fields = protocols::fields_of(message);
  using protocols::MessageKind;
  if (c.other != 0 && (fields.kind == MessageKind::vote || fields.kind == MessageKind::prevote ||
                       fields.kind == MessageKind::precommit)) {
    const auto round = by_round_.find(fields.round);
    if (round == by_round_.end()) return nullptr;
    std::vector<const sim::Message*> others;
    for (const MessagePtr& m : round->second) {
      const protocols::MessageFields there = protocols::fields_of(*m);
      const bool fits = fields.kind == MessageKind::vote || there.height == fields.height;
      if (fits && there.block != fields.block) others.push_back(m.get());
    }
    return others.empty() ? nullptr : others[(c.other - 1) % others.size()];
  }
  if (c.back != 0) {
    const protocols::Block* block = protocols::block_of(message);
    protocols::BlockId id = block != nullptr ? block->parent : fields.block;
    const sim::Message* out = nullptr;
    for (std::uint32_t i = 0; i < c.back; ++i) {
      const auto at = by_block_.find(id);
      if (at == by_block_.end()) break;  // as far as it goes
      out = at->second.get();
      id = protocols::block_of(*out)->parent;
    }
    return out;
  }
  if (!c.parent_of) return nullptr;
  const auto at = proposals_.find(*c.parent_of);
  return at != proposals_.end() ? at->second.get() : nullptr;
}

bool PlanDriver::on_incoming(protocols::SequencerNode& node, NodeId from, const MessagePtr& message) {
  if (stopped_ || (arriving_.empty() && !remembers_)) return true;
  const protocols::MessageFields fields = protocols::fields_of(*message);
  remember(fields, message);
  const Place place = place_of(&node, fields);
  bool shown = true;
  for (Item& item : arriving_) {
    if (!applies(item, fields, place, from, node.id())) continue;
    tell(item.number, from, node.id());
    send_besides(node, item, message, {});
    const auto* forged = std::get_if<act::Forge>(&item.message->what);
    shown &= forged != nullptr ? forged->keep : std::get<act::Resend>(item.message->what).keep;
  }
  return shown;
}

void PlanDriver::send_besides(protocols::SequencerNode& node, const Item& item, const MessagePtr& message,
                              const std::vector<NodeId>& to) {
  MessagePtr out = message;
  protocols::SequencerNode* sender = &node;
  std::vector<NodeId> receivers;
  Duration after{};
  if (const auto* forged = std::get_if<act::Forge>(&item.message->what)) {
    if (!signer_.owns(forged->as.value)) return;
    out = protocols::forge(network_.pool(), *message, forged->as, forged->changes, signer_,
                           remembers_ ? older_for(forged->changes, *message) : nullptr);
    if (!out) return;
    remember(protocols::fields_of(*out), out);
    receivers = forged->to.empty() ? to : forged->to;
    after = forged->after;
  } else {
    const auto& again = std::get<act::Resend>(item.message->what);
    receivers = again.to;
    after = again.after;
    if (again.as != node.id()) sender = node_at(again.as);
  }
  if (receivers.empty() || sender == nullptr) return;
  if (after == Duration{}) return sender->release(receivers, out);
  const std::size_t slot = held_.size();
  held_.push_back({sender, std::move(receivers), std::move(out)});
  simulation_.call_at(simulation_.now() + after, [this, slot] {
    const Held held = std::exchange(held_[slot], Held{});
    if (!stopped_) held.node->release(held.to, held.message);
  });
}

}  // namespace seqlab::scenarios
