#include "scenarios/world/faults.hpp"

#include <algorithm>
#include <variant>

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

void FaultDriver::strike_l1(const fault::L1& trouble, bool on) {
  using Kind = fault::L1::Kind;
  switch (trouble.kind) {
    case Kind::reorganise:
      if (on) l1_->reorganise(trouble.depth);
      break;
    case Kind::hide:
    case Kind::lag:
      for (const NodeId node : trouble.nodes) {
        l1_->delay_view(node, on ? trouble.by : Duration{}, on && trouble.kind == Kind::hide);
      }
      break;
    case Kind::lie:
      for (const NodeId node : trouble.nodes) l1_->lie_to(node, on);
      break;
    case Kind::halt: l1_->halt(on); break;
    case Kind::demand: l1_->set_demand(on ? trouble.percent : 100); break;
    case Kind::censor:
      l1_->censor(
          on ? sim::Ratio{std::min(trouble.percent, 100U), 100} : sim::Ratio{},
          [kind = trouble.transactions](const protocols::L1Transaction& tx) { return !kind || tx.kind == *kind; });
      break;
  }
}

void FaultDriver::strike_relay(const fault::Relay& trouble, bool on) {
  using Kind = fault::Relay::Kind;
  protocols::Bundler& bundler = relay_->bundler();
  switch (trouble.kind) {
    case Kind::outage: bundler.set_down(on); break;
    case Kind::lose: bundler.set_loss(on ? std::min(trouble.percent, 100U) : 0); break;
    case Kind::delay: bundler.set_delay(on ? trouble.by : Duration{}); break;
    case Kind::duplicate: bundler.set_twice(on); break;
    case Kind::idle:
    case Kind::abuse:
      for (const NodeId node : trouble.nodes) relay_->relayer(node).be_idle(on, on && trouble.kind == Kind::abuse);
      break;
  }
}

void FaultDriver::stop() {
  stopped_ = true;
  if (relay_ != nullptr) {
    for (const FaultSpec& fault : faults_) {
      if (const auto* trouble = std::get_if<fault::Relay>(&fault.what)) strike_relay(*trouble, false);
    }
  }
  if (l1_ == nullptr) return;
  for (const FaultSpec& fault : faults_) {
    if (const auto* trouble = std::get_if<fault::L1>(&fault.what)) strike_l1(*trouble, false);
  }
}

}  // namespace seqlab::scenarios
