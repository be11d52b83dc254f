#include "analysis/search/reductions.hpp"

#include <algorithm>
#include <string_view>

#include "scenarios/spec/table.hpp"
#include "scenarios/spec/units.hpp"

namespace seqlab::analysis {

namespace {

using scenarios::FaultSpec;
using scenarios::Intervention;
using scenarios::Machine;
using scenarios::MessageIntervention;
using scenarios::MessagePoint;
using scenarios::Plan;
using scenarios::RoundSplit;
using scenarios::Scenario;
using scenarios::Trigger;
using scenarios::Value;
namespace act = scenarios::act;
namespace fault = scenarios::fault;

// ---- one intervention -----------------------------------------------------------------------------------------------

/// Fewer copies first, then exacter ones: an address that fits one copy says what mattered.
std::vector<MessagePoint> simpler(const MessagePoint& p, const Vocabulary& words) {
  std::vector<MessagePoint> out;
  const auto with = [&](auto change) {
    MessagePoint q = p;
    change(q);
    if (q != p) out.push_back(q);
  };
  if (p.count != 1) {
    with([](MessagePoint& q) { q.count = 1; });
    if (p.nth != 1) with([](MessagePoint& q) { q.nth = q.count = 1; });
    if (p.count > 2) with([](MessagePoint& q) { q.count /= 2; });
    if (p.count > 2) with([](MessagePoint& q) { --q.count; });
  }
  if (p.nth > 1) {
    with([](MessagePoint& q) { q.nth = 1; });
    with([](MessagePoint& q) { q.nth /= 2; });
    with([](MessagePoint& q) { --q.nth; });
  }
  // With one field more the copy that counts may be another one of those that remain.
  const auto narrowed = [&](auto set) {
    with([&](MessagePoint& q) {
      set(q);
      q.nth = q.count = 1;
    });
    if (p.nth != 1 || p.count != 1) with(set);
  };
  if (!p.message) {
    for (const protocols::MessageKind kind : words.kinds) narrowed([kind](MessagePoint& q) { q.message = kind; });
  }
  for (std::uint32_t i = 0; i < words.node_count && words.node_count <= 16; ++i) {
    if (!p.from) narrowed([i](MessagePoint& q) { q.from = NodeId{i}; });
    if (!p.to) narrowed([i](MessagePoint& q) { q.to = NodeId{i}; });
  }
  if (!p.height) {
    for (std::uint64_t h = 1; h <= std::min<std::uint64_t>(words.height_max, 8); ++h)
      narrowed([h](MessagePoint& q) { q.height = h; });
  }
  if (!p.round) {
    for (std::uint32_t r = 0; r <= std::min<std::uint32_t>(words.round_max, 8); ++r)
      narrowed([r](MessagePoint& q) { q.round = r; });
  }
  return out;
}

/// Without one of its elements each.
template <class T>
std::vector<std::vector<T>> without_one(const std::vector<T>& list) {
  std::vector<std::vector<T>> out;
  for (std::size_t i = 0; i < list.size(); ++i) {
    out.push_back(list);
    out.back().erase(out.back().begin() + static_cast<std::ptrdiff_t>(i));
  }
  return out;
}

std::vector<protocols::ForgeChanges> simpler(const protocols::ForgeChanges& c) {
  using C = protocols::ForgeChanges;
  std::vector<C> out;
  const auto with = [&](auto change) {
    C d = c;
    change(d);
    if (d != c) out.push_back(d);
  };
  with([](C& d) { d.block.reset(); });
  with([](C& d) { d.height.reset(); });
  with([](C& d) { d.round.reset(); });
  with([](C& d) { d.valid_round.reset(); });
  with([](C& d) { d.timestamp_shift.reset(); });
  with([](C& d) { d.drop_transactions = false; });
  with([](C& d) { d.parent_of.reset(); });
  with([](C& d) { d.padded = false; });
  with([](C& d) { d.salt = 0; });
  with([](C& d) { d.round_shift = 0; });
  with([](C& d) { d.back = 0; });
  with([](C& d) { d.other = 0; });
  with([](C& d) { d.lowered_tc = false; });
  with([](C& d) { d.lone_tc = false; });
  if (c.back > 1) with([](C& d) { --d.back; });
  if (c.other > 1) with([](C& d) { d.other = 1; });
  if (c.salt > 1) with([](C& d) { d.salt = 1; });
  if (c.block && *c.block != protocols::BlockId{}) with([](C& d) { d.block = protocols::BlockId{}; });
  if (c.timestamp_shift && *c.timestamp_shift > Duration{}) {
    for (const Duration t : shorter(*c.timestamp_shift)) with([t](C& d) { d.timestamp_shift = t; });
  }
  return out;
}

std::vector<Intervention> simpler(const MessageIntervention& m, const Vocabulary& words) {
  std::vector<Intervention> out;
  const auto acts = [&](auto what) { out.push_back(MessageIntervention{m.at, what}); };
  if (const auto* delay = std::get_if<act::Delay>(&m.what)) {
    acts(act::Drop{});
    for (const Duration t : shorter(delay->by)) acts(act::Delay{t});
  } else if (const auto* twice = std::get_if<act::Duplicate>(&m.what)) {
    for (const Duration t : shorter(twice->after)) acts(act::Duplicate{t});
  } else if (const auto* lie = std::get_if<act::Forge>(&m.what)) {
    if (!lie->keep) acts(act::Drop{});
    const auto with = [&](auto change) {
      act::Forge other = *lie;
      change(other);
      if (other != *lie) acts(other);
    };
    with([](act::Forge& f) { f.after = {}; });
    for (const auto& to : without_one(lie->to)) {
      if (!to.empty()) with([&](act::Forge& f) { f.to = to; });
    }
    for (const auto& changes : simpler(lie->changes)) with([&](act::Forge& f) { f.changes = changes; });
    for (const Duration t : shorter(lie->after)) with([t](act::Forge& f) { f.after = t; });
  }
  if (const auto* again = std::get_if<act::Resend>(&m.what)) {
    if (!again->keep) acts(act::Drop{});
    const auto with = [&](auto change) {
      act::Resend other = *again;
      change(other);
      if (other != *again) acts(other);
    };
    for (const auto& to : without_one(again->to)) with([&](act::Resend& r) { r.to = to; });
    with([](act::Resend& r) { r.after = {}; });
    for (const Duration t : shorter(again->after)) with([t](act::Resend& r) { r.after = t; });
  }
  for (const MessagePoint& at : simpler(m.at, words)) out.push_back(MessageIntervention{at, m.what});
  return out;
}

std::vector<Intervention> simpler(const RoundSplit& split, const Vocabulary& words) {
  std::vector<Intervention> out;
  const auto with = [&](auto change) {
    RoundSplit other = split;
    change(other);
    if (other != split) out.push_back(other);
  };
  with([](RoundSplit& s) { s.hold = {}; });
  if (!split.height) {
    for (std::uint64_t h = 1; h <= std::min<std::uint64_t>(words.height_max, 8); ++h)
      with([h](RoundSplit& s) { s.height = h; });
  }
  for (const auto& groups : without_one(split.groups)) {
    if (groups.size() >= 2) with([&](RoundSplit& s) { s.groups = groups; });
  }
  // Who is in no group hears everybody.
  for (std::size_t g = 0; g < split.groups.size(); ++g) {
    for (const auto& group : without_one(split.groups[g])) {
      if (!group.empty()) with([&](RoundSplit& s) { s.groups[g] = group; });
    }
  }
  for (const Duration t : shorter(split.hold)) with([t](RoundSplit& s) { s.hold = t; });
  if (split.rounds > 1) {
    with([](RoundSplit& s) { s.rounds = 1; });
    with([](RoundSplit& s) { s.rounds /= 2; });
    with([](RoundSplit& s) { --s.rounds; });
    with([](RoundSplit& s) {
      ++s.round;
      --s.rounds;
    });
  }
  return out;
}

std::vector<Intervention> simpler(const FaultSpec& fault) {
  std::vector<Intervention> out;
  const auto with = [&](auto change) {
    FaultSpec other = fault;
    change(other);
    if (other != fault) out.push_back(other);
  };
  const auto fewer = [&](const std::vector<NodeId>& nodes, auto set) {
    for (const auto& rest : without_one(nodes)) {
      if (!rest.empty()) with([&](FaultSpec& f) { set(f, rest); });
    }
  };
  if (const auto* crash = std::get_if<fault::Crash>(&fault.what)) {
    with([](FaultSpec& f) { std::get<fault::Crash>(f.what).disk = sim::DiskFault::unsynced_lost; });
    fewer(crash->nodes, [](FaultSpec& f, const auto& nodes) { std::get<fault::Crash>(f.what).nodes = nodes; });
  } else if (const auto* pause = std::get_if<fault::Pause>(&fault.what)) {
    fewer(pause->nodes, [](FaultSpec& f, const auto& nodes) { std::get<fault::Pause>(f.what).nodes = nodes; });
  } else if (const auto* jump = std::get_if<fault::ClockJump>(&fault.what)) {
    fewer(jump->nodes, [](FaultSpec& f, const auto& nodes) { std::get<fault::ClockJump>(f.what).nodes = nodes; });
    const Duration size = jump->step < Duration{} ? -jump->step : jump->step;
    for (const Duration t : shorter(size)) {
      const Duration step = jump->step < Duration{} ? -t : t;
      with([step](FaultSpec& f) { std::get<fault::ClockJump>(f.what).step = step; });
    }
  } else if (const auto* l1 = std::get_if<fault::L1>(&fault.what)) {
    fewer(l1->nodes, [](FaultSpec& f, const auto& nodes) { std::get<fault::L1>(f.what).nodes = nodes; });
    for (const Duration t : shorter(l1->by)) with([t](FaultSpec& f) { std::get<fault::L1>(f.what).by = t; });
    if (l1->depth > 1) with([](FaultSpec& f) { --std::get<fault::L1>(f.what).depth; });
  } else if (const auto* relay = std::get_if<fault::Relay>(&fault.what)) {
    fewer(relay->nodes, [](FaultSpec& f, const auto& nodes) { std::get<fault::Relay>(f.what).nodes = nodes; });
    for (const Duration t : shorter(relay->by)) with([t](FaultSpec& f) { std::get<fault::Relay>(f.what).by = t; });
  } else {
    const auto& groups = std::get<fault::Partition>(fault.what).groups;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      for (const auto& group : without_one(groups[g])) {
        if (!group.empty()) with([&](FaultSpec& f) { std::get<fault::Partition>(f.what).groups[g] = group; });
      }
    }
  }
  if (fault.when.on && fault.when.on->nth > 1) {
    with([](FaultSpec& f) { f.when.on->nth = 1; });
    with([](FaultSpec& f) { f.when.on->nth /= 2; });
    with([](FaultSpec& f) { --f.when.on->nth; });
  }
  if (fault.when.at) {
    for (const Duration t : shorter(*fault.when.at)) with([t](FaultSpec& f) { f.when.at = t; });
  }
  for (const Duration t : shorter(fault.lasts)) {
    if (t >= Duration{1us}) with([t](FaultSpec& f) { f.lasts = t; });  // plans know no shorter fault
  }
  return out;
}

// ---- times ----------------------------------------------------------------------------------------------------------

/// The highest power of ten that leaves two digits.
std::int64_t unit_of(std::int64_t n) {
  std::int64_t unit = 1;
  while (n / unit >= 100) unit *= 10;
  return unit;
}

// ---- nodes ----------------------------------------------------------------------------------------------------------

/// Old numbers to new ones.
class Renumbering {
 public:
  explicit Renumbering(const std::vector<bool>& keeps) {
    std::uint32_t next = 0;
    for (const bool keep : keeps) new_.push_back(keep ? NodeId{next++} : no_node);
    count_ = next;
    gone_ = static_cast<std::uint32_t>(keeps.size()) - next;
  }
  std::uint32_t count() const { return count_; }
  /// Clients come after the nodes.
  NodeId operator()(NodeId old) const { return old.value < new_.size() ? new_[old.value] : NodeId{old.value - gone_}; }
  bool rename(NodeId& node) const { return (node = (*this)(node)) != no_node; }
  bool rename(std::optional<NodeId>& node) const { return !node || rename(*node); }
  /// @return false if nobody is left of them
  bool rename(std::vector<NodeId>& nodes) const {
    for (NodeId& node : nodes) node = (*this)(node);
    std::erase(nodes, no_node);
    return !nodes.empty();
  }
  bool rename(std::string& word) const {
    const std::optional<NodeId> node = as_node(word);
    if (!node || node->value >= new_.size()) return true;
    const NodeId other = (*this)(*node);
    if (other != no_node) word = scenarios::node_name(other);
    return other != no_node;
  }

 private:
  static std::optional<NodeId> as_node(const std::string& word) {
    if (word.size() < 2 || word.size() > 6 || word[0] != 'n') return std::nullopt;
    std::uint32_t number = 0;
    for (const char c : std::string_view{word}.substr(1)) {
      if (c < '0' || c > '9') return std::nullopt;
      number = number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return NodeId{number};
  }

  std::vector<NodeId> new_;
  std::uint32_t count_ = 0;
  std::uint32_t gone_ = 0;
};

bool rename(FaultSpec& fault, const Renumbering& to) {
  if (fault.when.on && !to.rename(fault.when.on->node)) return false;
  if (auto* crash = std::get_if<fault::Crash>(&fault.what)) return to.rename(crash->nodes);
  if (auto* pause = std::get_if<fault::Pause>(&fault.what)) return to.rename(pause->nodes);
  if (auto* jump = std::get_if<fault::ClockJump>(&fault.what)) return to.rename(jump->nodes);
  if (auto* l1 = std::get_if<fault::L1>(&fault.what)) return l1->nodes.empty() || to.rename(l1->nodes);
  if (auto* relay = std::get_if<fault::Relay>(&fault.what)) return relay->nodes.empty() || to.rename(relay->nodes);
  auto& groups = std::get<fault::Partition>(fault.what).groups;
  std::erase_if(groups, [&](std::vector<NodeId>& group) { return !to.rename(group); });
  return groups.size() >= 2;
}

bool rename(Intervention& intervention, const Renumbering& to) {
  if (auto* fault = std::get_if<FaultSpec>(&intervention)) return rename(*fault, to);
  if (auto* split = std::get_if<RoundSplit>(&intervention)) {
    std::erase_if(split->groups, [&](std::vector<Machine>& group) {
      std::erase_if(group, [&](Machine& m) { return !to.rename(m.node); });
      return group.empty();
    });
    return split->groups.size() >= 2;
  }
  auto& message = std::get<MessageIntervention>(intervention);
  if (!to.rename(message.at.from) || !to.rename(message.at.to)) return false;
  if (auto* again = std::get_if<act::Resend>(&message.what)) {
    to.rename(again->to);
    return to.rename(again->as);
  }
  auto* lie = std::get_if<act::Forge>(&message.what);
  if (lie == nullptr) return true;
  const bool named = !lie->to.empty();
  return to.rename(lie->as) && (to.rename(lie->to) || !named);
}

void rename(std::map<std::string, scenarios::ParamValue>& params, const Renumbering& to) {
  for (auto& [key, value] : params) {
    if (auto* word = std::get_if<std::string>(&value)) {
      to.rename(*word);
    } else if (auto* words = std::get_if<std::vector<std::string>>(&value)) {
      std::erase_if(*words, [&](std::string& w) { return !to.rename(w); });
    }
  }
}

// ---- parameters -----------------------------------------------------------------------------------------------------

/// The scenario with one parameter of its engine as it is by default, for each that is not: "tendermint.precision".
std::vector<std::pair<std::string, Scenario>> with_default_parameter(const Scenario& scenario) {
  std::vector<std::pair<std::string, Scenario>> out;
  const std::string& engine = scenario.design.engine;
  Scenario plain;
  plain.design.engine = engine;
  const auto shape = scenarios::scenario_shape();
  const auto parameters_of = [&](const Scenario& s) -> Value {
    const std::optional<Value> whole = shape.write(s);
    const Value* design = whole ? whole->find("design") : nullptr;
    const Value* own = design != nullptr ? design->find(engine) : nullptr;
    return own != nullptr && own->is_map() ? *own : Value::map();
  };
  const Value now = parameters_of(scenario);
  const Value usual = parameters_of(plain);
  for (const Value::Key& key : now.keys) {
    const Value* value = usual.find(key.text);
    if (value == nullptr) continue;
    // A document of this one key, read over the scenario, changes it and nothing else.
    Value own = Value::map();
    own.add(key.text, *value);
    Value design = Value::map();
    design.add(engine, std::move(own));
    Value document = Value::map();
    document.add("schema", Value::text_of(std::string{scenarios::scenario_schema_name}));
    document.add("design", std::move(design));
    Scenario other = scenario;
    std::vector<scenarios::Problem> problems;
    scenarios::Reader reader(problems);
    shape.read(document, other, reader);
    if (problems.empty() && !(other == scenario)) out.emplace_back(engine + "." + key.text, std::move(other));
  }
  return out;
}

}  // namespace

std::vector<Intervention> simpler(const Intervention& intervention, const Vocabulary& words) {
  if (const auto* fault = std::get_if<FaultSpec>(&intervention)) return simpler(*fault);
  if (const auto* split = std::get_if<RoundSplit>(&intervention)) return simpler(*split, words);
  return simpler(std::get<MessageIntervention>(intervention), words);
}

std::vector<Duration> shorter(Duration time) {
  std::vector<Duration> out;
  const auto add = [&](Duration t) {
    if (t > Duration{} && t < time && std::ranges::find(out, t) == out.end()) out.push_back(t);
  };
  for (const Duration round : {Duration{1us}, Duration{1ms}, Duration{10ms}, Duration{100ms}, Duration{1s}}) add(round);
  const auto neat = [](std::int64_t n) { return Duration{n / unit_of(n) * unit_of(n)}; };
  const std::int64_t n = ns(time);
  if (n <= 1) return out;
  add(neat(n / 2));
  add(neat(n / 4 * 3));
  add(neat(n));
  return out;
}

Duration rounded_up(Duration time) {
  const std::int64_t unit = unit_of(ns(time));
  return Duration{(ns(time) + unit - 1) / unit * unit};
}

std::optional<Case> with_nodes(const Case& which, const std::vector<bool>& keeps) {
  const Renumbering to{keeps};
  if (to.count() == 0) return std::nullopt;
  Case out{nullptr, which.plan};
  auto scenario = std::make_shared<Scenario>(*which.scenario);
  scenarios::CommitteeSpec& committee = scenario->design.committee;
  committee.count = to.count();
  std::vector<scenarios::Power> stake;
  for (std::size_t i = 0; i < keeps.size(); ++i) {
    if (keeps[i]) stake.push_back(committee.stake[i]);
  }
  if (std::ranges::none_of(stake, [](scenarios::Power power) { return power > 0; })) return std::nullopt;
  committee.stake = std::move(stake);
  std::erase_if(committee.changes, [&](auto& change) { return !to.rename(change.node); });
  scenarios::Environment& around = scenario->environment;
  std::erase_if(around.network.links, [&](auto& link) {
    const bool both = to.rename(link.from) && to.rename(link.to);
    return !both;
  });
  // Whoever writes to layer 1 has to stay: without him nothing is left of what he does wrong.
  std::vector<NodeId>& relayers = scenario->design.relay.nodes;
  const std::size_t relayers_before = relayers.size();
  to.rename(relayers);
  if (relayers.size() != relayers_before) return std::nullopt;
  // Likewise whoever settles, and nobody moves to make room for the machine that orders before a migration.
  protocols::SettlementOptions& settlement = scenario->design.settlement;
  if (settlement.policy != protocols::SettlementOptions::Policy::none) {
    for (std::vector<NodeId>* nodes : {&settlement.readers, &settlement.committers, &settlement.provers}) {
      const std::size_t before = nodes->size();
      to.rename(*nodes);
      if (nodes->size() != before) return std::nullopt;
    }
  }
  // And whoever owns the registry. Those whom it concerns are relayers, who stay.
  if (protocols::RegistryOptions& registry = scenario->design.registry; registry.exists()) {
    to.rename(registry.writers);
    if (!to.rename(registry.owner)) return std::nullopt;
    for (auto& change : registry.changes) to.rename(change.node);
  }
  std::erase_if(around.faults, [&](FaultSpec& fault) { return !rename(fault, to); });
  std::erase_if(around.adversaries, [&](scenarios::AdversarySpec& adversary) {
    const bool owned = !adversary.nodes.empty();
    rename(adversary.params, to);
    return !to.rename(adversary.nodes) && owned;
  });
  Plan& plan = out.plan;
  to.rename(plan.corrupt);
  to.rename(plan.twins);
  to.rename(plan.leaders);
  std::erase_if(plan.interventions, [&](Intervention& intervention) { return !rename(intervention, to); });
  out.scenario = std::move(scenario);
  return out;
}

std::vector<std::pair<std::string, Scenario>> simpler(const Scenario& scenario) {
  std::vector<std::pair<std::string, Scenario>> out;
  const auto with = [&](std::string what, auto change) {
    Scenario other = scenario;
    change(other);
    if (!(other == scenario)) out.emplace_back(std::move(what), std::move(other));
  };
  const Scenario plain;
  const auto& plain_network = plain.environment.network;
  const auto& network = scenario.environment.network;
  const std::uint32_t count = scenario.design.committee.count;

  with("no clients", [](Scenario& s) {
    s.environment.workload.arrivals = scenarios::WorkloadSpec::Arrivals::none;
    s.environment.workload.clients = 0;
    s.environment.workload.trace.clear();
    s.environment.workload.trace_file.clear();
  });
  if (scenario.environment.workload.arrivals != scenarios::WorkloadSpec::Arrivals::none) {
    with("one client", [](Scenario& s) { s.environment.workload.clients = 1; });
    with("one transaction a second", [](Scenario& s) {
      auto& rate = s.environment.workload.rate_per_1000s;
      rate = std::min<std::int64_t>(rate, 1'000'000);
    });
    with("half the transactions", [](Scenario& s) {
      s.environment.workload.rate_per_1000s = std::max<std::int64_t>(s.environment.workload.rate_per_1000s / 2, 1000);
    });
    with("half the trace", [](Scenario& s) {
      auto& trace = s.environment.workload.trace;
      if (trace.size() > 1) trace.resize(trace.size() / 2);
    });
    with("two accounts", [](Scenario& s) { s.environment.workload.accounts = 2; });
  }
  with("equal stake", [count](Scenario& s) { s.design.committee.stake.assign(count, 1); });
  with("no changes of the committee", [](Scenario& s) { s.design.committee.changes.clear(); });
  with("a constant latency", [](Scenario& s) {
    auto& latency = s.environment.network.latency;
    if (latency.model == scenarios::LatencySpec::Model::constant) return;
    const Duration middle = latency.p50 > Duration{} ? latency.p50 : latency.mean + latency.floor;
    latency = {};
    latency.mean = middle > Duration{} ? std::max(rounded_up(middle), Duration{1ms}) : Duration{50ms};
    s.environment.machines.regions.clear();
  });
  if (network.latency.model == scenarios::LatencySpec::Model::constant) {
    for (const Duration t : {Duration{10ms}, Duration{1ms}}) {
      if (t < network.latency.mean) {
        with("a latency of " + scenarios::format_duration(t),
             [t](Scenario& s) { s.environment.network.latency.mean = t; });
      }
    }
  }
  with("no start skew", [](Scenario& s) { s.environment.machines.start_skew = {}; });
  for (const Duration t : shorter(scenario.environment.machines.start_skew)) {
    with("a start skew of " + scenarios::format_duration(t),
         [t](Scenario& s) { s.environment.machines.start_skew = t; });
  }
  with("no loss", [&](Scenario& s) { s.environment.network.loss = plain_network.loss; });
  with("no duplication", [&](Scenario& s) { s.environment.network.duplication = plain_network.duplication; });
  with("no reordering", [&](Scenario& s) {
    s.environment.network.reordering = plain_network.reordering;
    s.environment.network.reordering_delay = {};
  });
  with("a network that is stable from the start", [&](Scenario& s) {
    s.environment.network.stabilises_after = {};
    s.environment.network.loss_before = plain_network.loss_before;
    s.environment.network.delay_before = {};
  });
  with("no bounds of bandwidth", [&](Scenario& s) {
    s.environment.network.uplink_bps = s.environment.network.downlink_bps = 0;
    s.environment.network.queue_limit = plain_network.queue_limit;
  });
  with("links without an order", [](Scenario& s) { s.environment.network.fifo_links = false; });
  with("direct messages", [&](Scenario& s) {
    s.design.dissemination = sim::Dissemination::direct;
    s.environment.network.gossip_degree = plain_network.gossip_degree;
  });
  with("no links of their own", [](Scenario& s) { s.environment.network.links.clear(); });
  with("instant disks", [](Scenario& s) { s.environment.machines.disk_sync = {}; });
  with("true clocks", [](Scenario& s) {
    s.environment.machines.clock_drift_ppm_max = 0;
    s.environment.machines.clock_skew_max = {};
  });
  with("free computing", [](Scenario& s) {
    s.environment.machines.costs = {};
    s.environment.machines.cores = 1;
  });
  with("the usual order of simultaneous events", [](Scenario& s) { s.permute_instants = false; });
  with("ideal signatures", [](Scenario& s) { s.design.signatures = protocols::SignatureBackend::ideal; });
  with("default block limits", [](Scenario& s) { s.design.block = {}; });
  with("default mempools", [](Scenario& s) {
    s.design.mempool = {};
    s.design.leader_order = protocols::LeaderOrder::arrival;
  });
  with("default parameters of the engine", [](Scenario& s) { s.design.parameters = {}; });
  for (auto& [key, other] : with_default_parameter(scenario)) {
    out.emplace_back("the default of " + key, std::move(other));
  }
  with("progress of one block", [](Scenario& s) { s.stop.healing_blocks = 1; });
  return out;
}

}  // namespace seqlab::analysis
