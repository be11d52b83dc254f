#include "scenarios/checkers/roster.hpp"

#include <algorithm>

namespace seqlab::scenarios {

using sim::DiskFault;

// ---- powers -------------------------------------------------------------------------------------------------------

void Powers::observe(const Record& record) {
  if (record.node.value >= node_count_) return;
  const std::uint64_t from = record.height;
  const auto power = static_cast<Power>(record.a);

  // Genesis comes as one record a member; later changes copy the committee before them.
  auto at = std::lower_bound(epochs_.begin(), epochs_.end(), from,
                             [](const Epoch& e, std::uint64_t height) { return e.from < height; });
  if (at == epochs_.end() || at->from != from) {
    Epoch fresh;
    fresh.from = from;
    if (at != epochs_.begin()) {
      const Epoch& before = *(at - 1);
      if (before.power[record.node.value] == power) return;  // said again
      fresh.power = before.power;
      fresh.total = before.total;
    } else {
      fresh.power.assign(node_count_, 0);
    }
    at = epochs_.insert(at, std::move(fresh));
  }
  const Power old = at->power[record.node.value];
  for (; at != epochs_.end() && at->power[record.node.value] == old; ++at) {  // later ones inherit it
    at->total += power - old;
    at->power[record.node.value] = power;
  }
}

const Powers::Epoch* Powers::epoch(std::uint64_t height) const {
  if (epochs_.empty()) return nullptr;
  for (std::size_t i = epochs_.size(); i > 0; --i) {
    if (epochs_[i - 1].from <= height) return &epochs_[i - 1];
  }
  return &epochs_.front();
}

Power Powers::of(NodeId node, std::uint64_t height) const {
  const Epoch* e = epoch(height);
  return e == nullptr || node.value >= node_count_ ? 0 : e->power[node.value];
}

Power Powers::of(const NodeSet& nodes, std::uint64_t height) const {
  const Epoch* e = epoch(height);
  if (e == nullptr) return 0;
  Power power = 0;
  nodes.for_each([&](NodeId node) { power += node.value < node_count_ ? e->power[node.value] : 0; });
  return power;
}

Power Powers::total(std::uint64_t height) const {
  const Epoch* e = epoch(height);
  return e == nullptr ? 0 : e->total;
}

Power Powers::max_faulty(std::uint64_t height) const {
  const Power all = total(height);
  return all == 0 ? 0 : (all - 1) / 3;
}

std::uint32_t Powers::members(std::uint64_t height) const {
  const Epoch* e = epoch(height);
  if (e == nullptr) return 0;
  return static_cast<std::uint32_t>(std::count_if(e->power.begin(), e->power.end(), [](Power p) { return p > 0; }));
}

// ---- sets ---------------------------------------------------------------------------------------------------------

std::vector<NodeId> NodeSet::list(std::uint32_t node_count) const {
  std::vector<NodeId> out;
  for (std::uint32_t i = 0; i < node_count; ++i) {
    if (contains(NodeId{i})) out.push_back(NodeId{i});
  }
  return out;
}

// ---- roster -------------------------------------------------------------------------------------------------------

Roster::Roster(std::uint32_t node_count) : nodes_(node_count), powers_(node_count), at_lowest_(node_count) {}

void Roster::on_rare(const Record& record) {
  if (!knows(record.node)) return;
  State& node = nodes_[record.node.value];
  switch (record.kind) {
    case RecordKind::validator:
      powers_.observe(record);
      break;
    case RecordKind::corrupt:
      node.corrupt = true;
      corrupt_.insert(record.node);
      refresh_floor();
      break;
    case RecordKind::node_started:
      if (!node.up) {
        node.up = true;
        refresh_floor();
      }
      break;
    case RecordKind::node_crashed:
      node.up = false;
      refresh_floor();
      break;
    case RecordKind::disk_lost:
      if (const auto fault = static_cast<DiskFault>(record.detail);
          fault == DiskFault::wiped || fault == DiskFault::rolled_back) {
        node.forgetful = true;
        node.height = 0;
        refresh_floor();
      }
      break;
    default:
      break;
  }
}

void Roster::refresh_floor() {
  std::uint64_t lowest = ~std::uint64_t{0};
  std::uint32_t count = 0;
  for (const State& node : nodes_) {
    if (node.corrupt) continue;
    if (!node.up && node.height + patience < height_max_) continue;
    if (node.height < lowest) {
      lowest = node.height;
      count = 0;
    }
    if (node.height == lowest) ++count;
  }
  if (count == 0) {  // nobody is left whose progress counts
    lowest = floor_;
    count = 1;
  }
  lowest_ = lowest;
  at_lowest_ = count;
  floor_ = std::max(floor_, lowest_);
}

std::uint64_t Roster::floor_of_all() const {
  std::uint64_t lowest = height_max_;
  for (const State& node : nodes_) {
    if (!node.corrupt) lowest = std::min(lowest, node.height);
  }
  return lowest;
}

}  // namespace seqlab::scenarios
