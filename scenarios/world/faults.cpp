#include "scenarios/world/faults.hpp"

#include <variant>

namespace seqlab::scenarios {

FaultDriver::FaultDriver(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network,
                         std::span<const FaultSpec> faults)
    : simulation_(simulation), nodes_(nodes), network_(network), faults_(faults), matches_(faults.size()) {}

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
  } else {
    const auto& jump = std::get<fault::ClockJump>(fault.what);
    for (const NodeId node : jump.nodes) nodes_.jump_clock(node, jump.step);
  }
}

}  // namespace seqlab::scenarios
