#include "scenarios/plan/recorder.hpp"

#include <algorithm>

#include "scenarios/plan/place.hpp"
#include "scenarios/spec/table.hpp"

namespace seqlab::scenarios {

using protocols::ForgeChanges;
using sim::Record;

namespace {

constexpr std::uint32_t any_node = 0xffffffffU;
constexpr std::uint64_t any_height = ~std::uint64_t{0};
constexpr std::uint32_t any_round = 0xffffffffU;
/// What an event of the same instant does comes after all that this instant has begun: a plan says "a nanosecond
/// later".
constexpr Duration just_after{1};

bool contains(std::span<const NodeId> list, NodeId node) { return std::ranges::find(list, node) != list.end(); }

/// First `a`, then `b`. False if one forgery cannot say both.
bool compose(ForgeChanges& a, const ForgeChanges& b) {
  if (a.salt != 0 && b.salt != 0) return false;
  if (b.block) a.block = b.block;
  if (b.height) a.height = b.height;
  if (b.round) a.round = b.round;
  if (b.valid_round) a.valid_round = b.valid_round;
  if (b.timestamp_shift) a.timestamp_shift = a.timestamp_shift.value_or(Duration{}) + *b.timestamp_shift;
  a.drop_transactions |= b.drop_transactions;
  a.salt |= b.salt;
  if (b.parent_of) a.parent_of = b.parent_of;
  a.padded |= b.padded;
  a.round_shift += b.round_shift;
  if (b.back != 0) a.back = b.back;
  if (b.other != 0) a.other = b.other;
  a.lowered_tc |= b.lowered_tc;
  a.lone_tc |= b.lone_tc;
  return true;
}

}  // namespace

Plan without_scripts(const Plan& plan, const Decisions& decisions) {
  Plan out = plan;
  out.without_scripts = true;
  out.interventions.insert(out.interventions.end(), decisions.interventions.begin(), decisions.interventions.end());
  return out;
}

DecisionRecorder::DecisionRecorder(sim::Simulation& simulation, std::span<protocols::SequencerNode* const> nodes,
                                   std::span<const NodeId> owned, Decisions& decisions)
    : simulation_(simulation), nodes_(nodes.begin(), nodes.end()), decisions_(decisions) {
  for (const NodeId node : owned) {
    if (owned_.size() <= node.value) owned_.resize(node.value + std::size_t{1});
    owned_[node.value] = true;
  }
}

DecisionRecorder::~DecisionRecorder() { flush_wire(); }

// ---- counting -------------------------------------------------------------------------------------------------------

DecisionRecorder::Copy DecisionRecorder::count(Site site, NodeId from, NodeId to,
                                               const protocols::SequencerNode* holder, const sim::Message& message) {
  const protocols::MessageFields fields = protocols::fields_of(message);
  const Place place = place_of(holder, fields);
  const auto kind = static_cast<std::uint8_t>(fields.kind);
  const auto next = [&](std::uint32_t receiver, std::uint64_t height, std::uint32_t round) {
    return ++counts_[Key{site, kind, from.value, receiver, height, round}];
  };
  // An address without height and round fits every copy of the kind: counted in any case.
  const std::uint32_t one_anywhere = next(to.value, any_height, any_round);
  const std::uint32_t any_anywhere = next(any_node, any_height, any_round);
  Copy copy;
  copy.to_one = {.message = fields.kind, .from = from, .to = to, .nth = one_anywhere};
  copy.to_any = {.message = fields.kind, .from = from, .nth = any_anywhere};
  if (place.known) {
    copy.to_one.nth = next(to.value, place.height, place.round);
    copy.to_any.nth = next(any_node, place.height, place.round);
    copy.to_one.height = copy.to_any.height = place.height;
    copy.to_one.round = copy.to_any.round = place.round;
  }
  return copy;
}

sim::LinkVerdict DecisionRecorder::on_link(NodeId from, NodeId to, const sim::Message& message, SimTime /*arrival*/) {
  if (!owns(from)) last_copy_ = count(Site::wire, from, to, node_at(from), message);
  return {};
}

void DecisionRecorder::on_record(const Record& record) {
  Trigger::Point& p = last_record_ = Trigger::Point{.record = record.kind};
  if (record.node != no_node) p.node = record.node;
  if (!detail_names(record.kind).empty()) p.detail = record.detail;
  const std::uint32_t detail = p.detail ? *p.detail : 256U;
  // Likewise: without a height, any height.
  p.nth = ++record_counts_[RecordKey{record.kind, record.node.value, detail, any_height, any_height}];
  if (record.height == 0) return;
  p.height = record.height;
  p.round = record.round;
  p.nth = ++record_counts_[RecordKey{record.kind, record.node.value, detail, record.height, record.round}];
}

// ---- messages of own nodes ------------------------------------------------------------------------------------------

void DecisionRecorder::leaving(NodeId self, std::span<const NodeId> to, const MessagePtr& message) {
  Known& known = known_[{message.get(), self.value}] = Known{};
  known.message = message;
  known.at = simulation_.now();
  known.to.assign(to.begin(), to.end());
  for (const NodeId receiver : to)
    known.copies.push_back(count(Site::leaving, self, receiver, node_at(self), *message));
  occasion_ = &known;
  self_ = self;
  sent_.clear();
}

void DecisionRecorder::left(bool passes) {
  if (occasion_ == nullptr) return;
  on_occasion(*occasion_, self_, passes);
  occasion_ = nullptr;
  sent_.clear();
}

void DecisionRecorder::arriving(NodeId self, NodeId from, const MessagePtr& message) {
  const Copy copy = count(Site::arriving, from, self, node_at(self), *message);
  Known& known = known_[{message.get(), self.value}] = Known{};
  known.message = message;
  known.at = simulation_.now();
  known.received = true;
  known.to = {self};
  known.copies = {copy};
  occasion_ = &known;
  self_ = self;
}

void DecisionRecorder::arrived(bool shown) {
  if (occasion_ != nullptr && !shown)
    add(occasion_->copies.front().to_one, act::Resend{.as = self_, .to = {}, .keep = false, .after = {}});
  occasion_ = nullptr;
}

void DecisionRecorder::forged(const MessagePtr& made, const MessagePtr& base, NodeId as, const ForgeChanges& changes) {
  Made& m = made_[made.get()] = Made{made, base, as, changes};
  // What a node passes on may be a forgery of another one: to those who got it, it is a message like any other.
  if (known_.count({base.get(), as.value}) != 0) return;
  const auto earlier = made_.find(base.get());
  if (earlier == made_.end() || earlier->first == made.get()) return;
  ForgeChanges both = earlier->second.changes;
  if (!compose(both, changes)) untold("a forgery of a forgery");
  m.base = earlier->second.base;
  m.changes = both;
}

void DecisionRecorder::sent(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Duration delay,
                            bool later) {
  if (to.empty()) return;
  const bool here = occasion_ != nullptr && !occasion_->received && from == self_ && !later;
  if (here) {
    const auto made = made_.find(message.get());
    const bool of_this = message.get() == occasion_->message.get() ||
                         (made != made_.end() && made->second.base.get() == occasion_->message.get());
    if (of_this) {
      sent_.push_back({message, {to.begin(), to.end()}, delay});
      return;
    }
  }
  elsewhere(from, to, message, delay + (later ? just_after : Duration{}));
}

/// A message of another occasion: addressed where it was. The order within an instant is lost with that: what a script
/// sends again between two messages of its node goes out before both in a plan, whose event was scheduled when the old
/// message went, long before the input that the two answer. Where copies draw their delays from one stream, they then
/// draw each other's. To say it, an address would need the occasion as well as the message.
void DecisionRecorder::elsewhere(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Duration after) {
  auto known = known_.find({message.get(), from.value});
  const auto made = known != known_.end() ? made_.end() : made_.find(message.get());
  if (made != made_.end()) {
    known = known_.find({made->second.base.get(), from.value});
  } else {
    // Nodes of one owner tell each other everything.
    for (std::uint32_t i = 0; known == known_.end() && i < owned_.size(); ++i) {
      if (!owned_[i]) continue;
      const auto held = known_.find({message.get(), i});
      if (held != known_.end() && (!held->second.received || !owns(*held->second.copies.front().to_one.from)))
        known = held;
    }
  }
  if (known == known_.end()) {
    untold("a message that its sender had neither sent nor received before");
    return;
  }
  const Known& origin = known->second;
  std::vector<NodeId> receivers(to.begin(), to.end());
  after += simulation_.now() - origin.at;
  const Copy& copy = origin.copies.front();
  const MessagePoint& at = origin.received || origin.to.size() == 1 ? copy.to_one : copy.to_any;
  if (made != made_.end()) {
    add(at, act::Forge{made->second.as, std::move(receivers), true, after, made->second.changes});
  } else {
    add(at, act::Resend{from, std::move(receivers), true, after});
  }
}

void DecisionRecorder::on_occasion(const Known& known, NodeId self, bool passes) {
  if (passes && sent_.empty()) return;
  // What becomes of the original copies.
  std::vector<std::vector<Duration>> originals(known.to.size());
  for (const Sent& s : sent_) {
    if (s.message.get() != known.message.get()) continue;
    for (std::size_t i = 0; i < known.to.size(); ++i) {
      if (contains(s.to, known.to[i])) originals[i].push_back(s.delay);
    }
    std::vector<NodeId> strangers = s.to;
    std::erase_if(strangers, [&](NodeId node) { return contains(known.to, node); });
    if (!strangers.empty()) add(known.copies.front().to_any, act::Resend{self, std::move(strangers), true, s.delay});
  }
  if (passes) {
    for (auto& times : originals) times.push_back(Duration{});
  }
  std::vector<bool> replaced(known.to.size());
  for (const Sent& s : sent_) {
    if (s.message.get() == known.message.get()) continue;
    const Made& made = made_.find(s.message.get())->second;
    std::vector<NodeId> besides;
    std::vector<NodeId> instead;
    for (std::size_t i = 0; i < known.to.size(); ++i) {
      if (!contains(s.to, known.to[i])) continue;
      const bool first = originals[i].empty() && !replaced[i];
      (first ? instead : besides).push_back(known.to[i]);
      if (first) replaced[i] = true;
    }
    add_to(known, instead, act::Forge{made.as, {}, false, s.delay, made.changes});
    add_to(known, besides, act::Forge{made.as, {}, true, s.delay, made.changes});
    std::vector<NodeId> strangers = s.to;
    std::erase_if(strangers, [&](NodeId node) { return contains(known.to, node); });
    if (!strangers.empty())
      add(known.copies.front().to_any, act::Forge{made.as, std::move(strangers), true, s.delay, made.changes});
  }
  std::vector<NodeId> dropped;
  std::map<Duration, std::vector<NodeId>> delayed;
  std::map<Duration, std::vector<NodeId>> repeated;
  for (std::size_t i = 0; i < known.to.size(); ++i) {
    std::vector<Duration>& times = originals[i];
    std::ranges::sort(times);
    if (times.empty() && !replaced[i]) dropped.push_back(known.to[i]);
    if (!times.empty() && times[0] > Duration{}) delayed[times[0]].push_back(known.to[i]);
    if (times.size() > 1) repeated[times[1] - times[0]].push_back(known.to[i]);
    if (times.size() > 2) untold("a message that was sent more than twice");
  }
  add_to(known, dropped, act::Drop{});
  for (const auto& [delay, to] : delayed) add_to(known, to, act::Delay{delay});
  for (const auto& [delay, to] : repeated) add_to(known, to, act::Duplicate{delay});
}

void DecisionRecorder::add(const MessagePoint& at, const Act& what) {
  decisions_.interventions.push_back(MessageIntervention{at, what});
}

void DecisionRecorder::add_to(const Known& known, const std::vector<NodeId>& to, const Act& what) {
  if (to.empty()) return;
  if (to.size() == known.to.size() && to.size() > 1) {
    MessagePoint all = known.copies.front().to_any;
    all.count = static_cast<std::uint32_t>(to.size());
    return add(all, what);
  }
  for (std::size_t i = 0; i < known.to.size(); ++i) {
    if (contains(to, known.to[i])) add(known.copies[i].to_one, what);
  }
}

// ---- messages of others ---------------------------------------------------------------------------------------------

void DecisionRecorder::met(NodeId from, NodeId to, const sim::Message& message, const sim::LinkVerdict& verdict) {
  if (!verdict.drop && verdict.extra_delay == Duration{}) return;
  Act what = act::Drop{};
  if (!verdict.drop) what = act::Delay{verdict.extra_delay};
  if (owns(from)) {
    const auto known = known_.find({&message, from.value});
    const auto at =
        known == known_.end() ? std::vector<NodeId>::const_iterator{} : std::ranges::find(known->second.to, to);
    if (known == known_.end() || at == known->second.to.end()) {
      untold("a message of its own that it met again on the wire");
      return;
    }
    return add(known->second.copies[static_cast<std::size_t>(at - known->second.to.begin())].to_one, what);
  }
  const bool goes_on = wire_.message == &message && wire_.what == what && !wire_.copies.empty() &&
                       wire_.copies.back().to_any.height == last_copy_.to_any.height &&
                       wire_.copies.back().to_any.round == last_copy_.to_any.round &&
                       wire_.copies.back().to_any.from == last_copy_.to_any.from &&
                       wire_.copies.back().to_any.nth + 1 == last_copy_.to_any.nth;
  if (!goes_on) {
    flush_wire();
    wire_.message = &message;
    wire_.what = what;
  }
  wire_.copies.push_back(last_copy_);
}

/// Copies of one message that met the same, one after another.
void DecisionRecorder::flush_wire() {
  if (wire_.copies.size() == 1) {
    add(wire_.copies.front().to_one, wire_.what);
  } else if (!wire_.copies.empty()) {
    MessagePoint all = wire_.copies.front().to_any;
    all.count = static_cast<std::uint32_t>(wire_.copies.size());
    add(all, wire_.what);
  }
  wire_.copies.clear();
}

// ---- faults ---------------------------------------------------------------------------------------------------------

void DecisionRecorder::struck(FaultSpec fault, bool at_record, bool later) {
  if (at_record) {
    fault.when.on = last_record_;
  } else {
    fault.when.at = simulation_.now() - time_zero + (later ? just_after : Duration{});
    if (later && fault.lasts > just_after) fault.lasts -= just_after;
  }
  decisions_.interventions.push_back(std::move(fault));
}

}  // namespace seqlab::scenarios
