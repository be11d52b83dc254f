#include "scenarios/world/faults.hpp"

#include <algorithm>
#include <optional>
#include <variant>

#include "protocols/l1/contracts.hpp"
#include "protocols/l1/registry_owner.hpp"

namespace seqlab::scenarios {

FaultDriver::FaultDriver(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network, protocols::L1* l1,
                         const std::unique_ptr<protocols::Relay>& relay, std::span<const FaultSpec> faults)
    : simulation_(simulation),
      nodes_(nodes),
      network_(network),
      l1_(l1),
      relay_(relay),
      faults_(faults),
      matches_(faults.size()) {}

void FaultDriver::start() {
  sim::KindMask kinds = 0;
  for (const FaultSpec& fault : faults_) {
    if (fault.when.on) kinds |= sim::mask_of(fault.when.on->record);
    if (!fault.when.at) continue;
    simulation_.call_at(time_zero + *fault.when.at, [this, &fault] {
      if (!stopped_) strike(fault);
    });
  }
  if (kinds != 0) simulation_.records().subscribe(*this, kinds);
}

void FaultDriver::on_record(const sim::Record& record) {
  if (stopped_) return;
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    if (!faults_[i].when.on) continue;
    const Trigger::Point& point = *faults_[i].when.on;
    if (record.kind != point.record || (point.node && *point.node != record.node) ||
        (point.height && *point.height != record.height) || (point.round && *point.round != record.round) ||
        (point.detail && *point.detail != record.detail)) {
      continue;
    }
    if (++matches_[i] == point.nth) strike(faults_[i]);
  }
}

void FaultDriver::strike(const FaultSpec& fault) {
  const bool ends = fault.lasts >= Duration::zero();
  const auto afterwards = [this, &fault](auto action) {
    simulation_.call_at(simulation_.now() + fault.lasts, [this, action] {
      if (!stopped_) action();
    });
  };
  if (const auto* crash = std::get_if<fault::Crash>(&fault.what)) {
    for (const NodeId node : crash->nodes) {
      nodes_.crash(node, crash->disk);
      if (ends) afterwards([this, node] { nodes_.start(node); });
    }
  } else if (const auto* pause = std::get_if<fault::Pause>(&fault.what)) {
    for (const NodeId node : pause->nodes) {
      nodes_.pause(node);
      if (ends) afterwards([this, node] { nodes_.resume(node); });
    }
  } else if (const auto* partition = std::get_if<fault::Partition>(&fault.what)) {
    const sim::PartitionId id = network_.partition(partition->groups, partition->one_way);
    if (ends) afterwards([this, id] { network_.heal(id); });
  } else if (const auto* trouble = std::get_if<fault::L1>(&fault.what)) {
    if (l1_ == nullptr) return;
    // Records can be the trigger, and L1 emits records: it acts in an event of its own.
    simulation_.call_at(simulation_.now(), [this, trouble] {
      if (!stopped_) strike_l1(*trouble, true);
    });
    if (ends) afterwards([this, trouble] { strike_l1(*trouble, false); });
  } else if (const auto* writing = std::get_if<fault::Relay>(&fault.what)) {
    if (relay_ == nullptr) return;
    simulation_.call_at(simulation_.now(), [this, writing] {
      if (!stopped_) strike_relay(*writing, true);
    });
    if (ends) afterwards([this, writing] { strike_relay(*writing, false); });
  } else {
    const auto& jump = std::get<fault::ClockJump>(fault.what);
    for (const NodeId node : jump.nodes) nodes_.jump_clock(node, jump.step);
  }
}

namespace {

template <class T>
void begin_or_end(std::vector<const T*>& active, const T& trouble, bool on) {
  std::erase(active, &trouble);
  if (on) active.push_back(&trouble);
}

/// The strongest of those that are active and that `holds` for, as `value` has it; `none` without any.
template <class T, class Value, class Holds, class Strength>
Value strongest(const std::vector<const T*>& active, Value none, Holds holds, Strength value) {
  for (const T* trouble : active) {
    if (holds(*trouble)) none = std::max<Value>(none, value(*trouble));
  }
  return none;
}

bool concerns(const std::vector<NodeId>& nodes, NodeId node) { return std::ranges::find(nodes, node) != nodes.end(); }

}  // namespace

/// Troubles of one kind can overlap: what holds is what those say that have not ended.
void FaultDriver::strike_l1(const fault::L1& trouble, bool on) {
  using Kind = fault::L1::Kind;
  if (trouble.kind == Kind::reorganise) {
    if (!on) return;
    if (!trouble.lose) {
      l1_->reorganise(trouble.depth);
    } else {
      l1_->reorganise(trouble.depth, [kind = *trouble.lose](const protocols::L1Transaction& tx) {
        return tx.kind == kind;
      });
    }
    return;
  }
  begin_or_end(l1_troubles_, trouble, on);
  if (trouble.kind == Kind::demand && trouble.percent > 100) hinder(sim::DaHindrance::price, on);
  if (trouble.kind == Kind::censor && trouble.percent > 0) hinder(sim::DaHindrance::censorship, on);
  const auto any = [this](Kind kind, std::optional<NodeId> node = std::nullopt) {
    return std::ranges::any_of(l1_troubles_, [&](const fault::L1* t) {
      return t->kind == kind && (!node || concerns(t->nodes, *node));
    });
  };
  const auto latest = [this](Kind kind) -> const fault::L1* {
    const auto at = std::find_if(l1_troubles_.rbegin(), l1_troubles_.rend(),
                                 [kind](const fault::L1* t) { return t->kind == kind; });
    return at == l1_troubles_.rend() ? nullptr : *at;
  };
  switch (trouble.kind) {
    case Kind::reorganise: break;
    case Kind::hide:
    case Kind::lag:
      for (const NodeId node : trouble.nodes) {
        const Duration extra = strongest(
            l1_troubles_, Duration{},
            [node](const fault::L1& t) {
              return (t.kind == Kind::hide || t.kind == Kind::lag) && concerns(t.nodes, node);
            },
            [](const fault::L1& t) { return t.by; });
        l1_->delay_view(node, extra, any(Kind::hide, node));
      }
      break;
    case Kind::lie:
      for (const NodeId node : trouble.nodes) l1_->lie_to(node, any(Kind::lie, node));
      break;
    case Kind::halt: l1_->halt(any(Kind::halt)); break;
    case Kind::demand: {
      const fault::L1* now = latest(Kind::demand);
      l1_->set_demand(now == nullptr ? 100 : now->percent);
      break;
    }
    case Kind::censor: {
      const fault::L1* now = latest(Kind::censor);
      if (now == nullptr) {
        l1_->censor({}, nullptr);
      } else {
        l1_->censor(
            sim::Ratio{std::min(now->percent, 100U), 100},
            [kind = now->transactions](const protocols::L1Transaction& tx) { return !kind || tx.kind == *kind; });
      }
      break;
    }
  }
}

/// Who judges relayers goes by records, and neither prices nor what is lost have any of their own.
void FaultDriver::hinder(sim::DaHindrance what, bool on) {
  if (relay_ == nullptr) return;
  simulation_.emit({.kind = sim::RecordKind::da_hindered,
                    .detail = static_cast<std::uint8_t>(what),
                    .flags = static_cast<std::uint16_t>(on ? 1 : 0)});
}

void FaultDriver::strike_relay(const fault::Relay& trouble, bool on) {
  using Kind = fault::Relay::Kind;
  begin_or_end(relay_troubles_, trouble, on);
  if (trouble.kind == Kind::lose && trouble.percent > 0) hinder(sim::DaHindrance::loss, on);
  if (trouble.kind == Kind::delay) hinder(sim::DaHindrance::delay, on);
  const auto is = [](Kind kind) { return [kind](const fault::Relay& t) { return t.kind == kind; }; };
  const auto any = [this](Kind kind, std::optional<NodeId> node = std::nullopt) {
    return std::ranges::any_of(relay_troubles_, [&](const fault::Relay* t) {
      return t->kind == kind && (!node || concerns(t->nodes, *node));
    });
  };
  protocols::Bundler& bundler = relay_->bundler();
  switch (trouble.kind) {
    case Kind::outage: bundler.set_down(any(Kind::outage)); break;
    case Kind::lose:
      bundler.set_loss(strongest(relay_troubles_, 0U, is(Kind::lose),
                                 [](const fault::Relay& t) { return std::min(t.percent, 100U); }));
      break;
    case Kind::delay:
      bundler.set_delay(
          strongest(relay_troubles_, Duration{}, is(Kind::delay), [](const fault::Relay& t) { return t.by; }));
      break;
    case Kind::duplicate: bundler.set_twice(any(Kind::duplicate)); break;
    case Kind::idle:
    case Kind::abuse:
      for (const NodeId node : trouble.nodes) {
        const bool abuses = any(Kind::abuse, node);
        relay_->relayer(node).be_idle(abuses || any(Kind::idle, node), abuses);
      }
      break;
    case Kind::defy:
      for (const NodeId node : trouble.nodes) {
        simulation_.emit({.kind = sim::RecordKind::registry_defied,
                          .flags = static_cast<std::uint16_t>(any(Kind::defy, node) ? 1 : 0),
                          .node = node});
        relay_->relayer(node).be_defiant(any(Kind::defy, node));
        if (!on || l1_->view(node).tip()->contracts == nullptr) continue;
        // It asks for the turn besides, as anybody can.
        protocols::RegistryData wish;
        wish.node = node;
        wish.turn = l1_->view(node).tip()->contracts->registry->turn() + 1;
        l1_->submit(protocols::registry_call(*l1_, node, wish, wishes_++));
      }
      break;
  }
}

void FaultDriver::stop() {
  stopped_ = true;
  while (!relay_troubles_.empty()) strike_relay(*relay_troubles_.back(), false);
  while (!l1_troubles_.empty()) strike_l1(*l1_troubles_.back(), false);
}

}  // namespace seqlab::scenarios
