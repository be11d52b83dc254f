#include "sim/node/node.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"
#include "sim/kernel/processes.hpp"

namespace seqlab::sim {

namespace {
constexpr std::int64_t billion = 1'000'000'000;
/// Longest delay of a timer: half of the representable time, so that now + delay cannot overflow.
constexpr Duration delay_max{std::numeric_limits<std::int64_t>::max() / 2};
}  // namespace

// ---- clock and CPU --------------------------------------------------------------------------------------------------

SimTime LocalClock::wall(SimTime real) const {
  if (drift_ppb == 0) return real + offset;
  return at_ns(mul_div_floor(ns(real), billion + drift_ppb, billion)) + offset;
}

Duration LocalClock::real_duration(Duration local) const {
  SEQLAB_ASSERT(local >= Duration{}, ns(local));
  if (drift_ppb == 0) return std::min(local, delay_max);
  const Int128 product = static_cast<Int128>(ns(local)) * billion;
  const Int128 rate = billion + drift_ppb;
  const Int128 real = (product + rate - 1) / rate;
  return real > ns(delay_max) ? delay_max : Duration{static_cast<std::int64_t>(real)};
}

SimTime Cpu::run(SimTime now, Duration cost) {
  const auto core = std::min_element(free_at_.begin(), free_at_.end());  // the first of equals
  const SimTime begin = std::max(now, *core);
  *core = begin + cost;
  busy_ += cost;
  return *core;
}

void Cpu::reset() { std::fill(free_at_.begin(), free_at_.end(), SimTime{}); }

// ---- one machine ----------------------------------------------------------------------------------------------------

TimerHandle Node::set_timer(Duration local_delay, std::uint64_t token) {
  return set_real_timer(clock.real_duration(local_delay), token);
}

TimerHandle Node::set_real_timer(Duration delay, std::uint64_t token) {
  if (!up_) return 0;
  return nodes_->arm(*this, delay, token);
}

void Node::cancel_timer(TimerHandle handle) { nodes_->cancel(handle); }

SimTime Node::wall() const { return clock.wall(nodes_->simulation_.now()); }

// ---- all machines ---------------------------------------------------------------------------------------------------

Nodes::Nodes(Simulation& simulation) : simulation_(simulation), target_(simulation.add_target(*this)) {}
Nodes::~Nodes() = default;

Node& Nodes::add(NodeHandler& handler, std::uint32_t cores) {
  SEQLAB_ASSERT(cores > 0);
  nodes_.push_back(std::make_unique<Node>());
  Node& node = *nodes_.back();
  node.id_ = NodeId{static_cast<std::uint32_t>(nodes_.size() - 1)};
  doors_.push_back(Door{&handler, false});
  node.nodes_ = this;
  if (cores != 1) node.cpu = Cpu{cores};
  return node;
}

void Nodes::start(NodeId id) {
  Node& node = (*this)[id];
  if (node.up_) return;
  const bool restarted = node.incarnation_ > 0;
  ++node.incarnation_;
  node.up_ = true;
  open(node) = true;
  simulation_.emit({.kind = RecordKind::node_started,
                    .detail = static_cast<std::uint8_t>(restarted ? 1 : 0),
                    .node = id,
                    .round = node.incarnation_});
  handler(node).on_start(restarted);
  simulation_.machine_started(id);
}

void Nodes::crash(NodeId id, DiskFault fault) {
  Node& node = (*this)[id];
  if (!node.up_) return;
  node.up_ = false;
  node.paused_ = false;
  open(node) = false;
  simulation_.emit({.kind = RecordKind::node_crashed, .node = id, .round = node.incarnation_});
  drop_held(node);
  node.cpu.reset();

  // A stream for each crash: what one tear draws moves nothing in the next.
  Stream luck = simulation_.stream("node.disk", std::uint64_t{id.value} << 32U | node.incarnation_);
  const std::uint64_t lost = node.disk.crash(fault, luck);
  if (lost > 0 || fault != DiskFault::unsynced_lost) {
    const auto detail = static_cast<std::uint8_t>(fault);
    simulation_.emit({.kind = RecordKind::disk_lost, .detail = detail, .node = id, .a = lost});
  }
  // Stories unwind while what they refer to is still there.
  simulation_.machine_crashed(id);
  handler(node).on_crash();
}

void Nodes::pause(NodeId id) {
  Node& node = (*this)[id];
  if (!node.up_ || node.paused_) return;
  node.paused_ = true;
  open(node) = false;
  simulation_.emit({.kind = RecordKind::node_paused, .node = id});
}

void Nodes::resume(NodeId id) {
  Node& node = (*this)[id];
  if (!node.up_ || !node.paused_) return;
  node.paused_ = false;
  simulation_.emit({.kind = RecordKind::node_resumed, .node = id});
  open(node) = node.held_.empty();
  if (!node.held_.empty() && !node.draining_) {
    node.draining_ = true;
    simulation_.schedule(simulation_.now(), target_, id.value | drain_bit);
  }
}

void Nodes::jump_clock(NodeId id, Duration step) {
  (*this)[id].clock.offset += step;
  simulation_.emit({.kind = RecordKind::clock_jumped, .node = id, .a = static_cast<std::uint64_t>(ns(step))});
}

// ---- what a paused machine has missed -------------------------------------------------------------------------------

void Nodes::hold(NodeId to, DeliverySink& sink, std::uint32_t slot) {
  SEQLAB_ASSERT(sink_ == nullptr || sink_ == &sink);
  sink_ = &sink;
  (*this)[to].held_.push_back(Node::Held{slot, false});
}

void Nodes::drain(Node& node) {
  node.draining_ = false;
  if (!node.up_ || node.paused_) return;
  open(node) = true;
  const std::vector<Node::Held> held = std::exchange(node.held_, {});
  std::size_t i = 0;
  // A handler may pause its own machine (what is left stays, in order) or be crashed (the sink drops what is left).
  for (; i < held.size() && !node.paused_; ++i) {
    if (held[i].timer) {
      fire(held[i].slot);
    } else {
      sink_->on_delivery(node.id_, held[i].slot);
    }
  }
  node.held_.insert(node.held_.begin(), held.begin() + static_cast<std::ptrdiff_t>(i), held.end());
}

void Nodes::drop_held(Node& node) {
  for (const Node::Held& held : std::exchange(node.held_, {})) {
    if (held.timer) {
      release(held.slot);
    } else {
      sink_->on_delivery(node.id_, held.slot);  // counted as dropped: the machine is down
    }
  }
}

// ---- timers ---------------------------------------------------------------------------------------------------------

TimerHandle Nodes::arm(Node& node, Duration real_delay, std::uint64_t token) {
  SEQLAB_ASSERT(real_delay >= Duration{}, ns(real_delay));
  std::uint32_t slot = 0;
  if (free_timers_.empty()) {
    slot = static_cast<std::uint32_t>(timers_.size());
    SEQLAB_ASSERT((slot & drain_bit) == 0);
    timers_.emplace_back();
    free_timers_.reserve(timers_.capacity());  // releasing a slot never allocates
  } else {
    slot = free_timers_.back();
    free_timers_.pop_back();
  }
  TimerSlot& timer = timers_[slot];
  timer.token = token;
  timer.node = node.id_;
  timer.incarnation = node.incarnation_;
  timer.armed = true;
  ++timer.generation;
  simulation_.schedule(simulation_.now() + std::min(real_delay, delay_max), target_, slot);
  return static_cast<TimerHandle>(timer.generation) << 32U | (slot + 1);
}

void Nodes::cancel(TimerHandle handle) {
  const std::uint64_t slot = (handle & 0xffffffffU) - 1;
  if (handle == 0 || slot >= timers_.size()) return;
  TimerSlot& timer = timers_[slot];
  if (timer.generation == handle >> 32U) timer.armed = false;
}

void Nodes::release(std::uint32_t slot) {
  timers_[slot].armed = false;
  free_timers_.push_back(slot);
}

void Nodes::fire(std::uint32_t slot) {
  const TimerSlot timer = timers_[slot];
  Node& node = (*this)[timer.node];
  const bool alive = timer.armed && node.up_ && node.incarnation_ == timer.incarnation;
  if (alive && !open(node)) {
    node.held_.push_back(Node::Held{slot, true});
    return;
  }
  release(slot);
  if (alive) handler(node).on_timer(timer.token);
}

void Nodes::on_event(std::uint32_t arg) {
  if ((arg & drain_bit) != 0) {
    drain((*this)[NodeId{arg & ~drain_bit}]);
  } else {
    fire(arg);
  }
}

}  // namespace seqlab::sim
