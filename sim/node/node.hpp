// A machine of the simulated world: up or down, with a drifting clock, CPU cores, a disk and timers. What runs on it
// is a NodeHandler; this layer knows nothing of its meaning.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/strong.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/kernel/time.hpp"
#include "sim/net/message.hpp"
#include "sim/store/disk.hpp"

namespace seqlab::sim {

/// What a machine runs. Calls are never nested: an input that arises while one is handled comes as a later event.
class NodeHandler {
 public:
  virtual ~NodeHandler() = default;
  /// Power on. `restarted` is false the first time. The disk is readable; everything volatile is gone.
  virtual void on_start(bool restarted) = 0;
  virtual void on_message(NodeId from, const MessagePtr& message) = 0;
  /// A timer of this incarnation fired. `token` is what `Node::set_timer` was given.
  virtual void on_timer(std::uint64_t token) = 0;
  /// Power off, now. Only to drop volatile state; nothing can be sent or written any more.
  virtual void on_crash() = 0;
};

/// Clock of one machine: reads `offset + t * (1 + drift_ppb / 1e9)`, integer, monotone between jumps.
struct LocalClock {
  std::int64_t drift_ppb = 0;  ///< -500'000'000 ... 500'000'000
  Duration offset{};           ///< wall clock only

  /// Wall clock of the machine, rounded down. May jump (`offset` changes).
  SimTime wall(SimTime real) const;
  /// Real duration that passes while this clock advances by `local`, rounded up: after it the clock has advanced by at
  /// least `local`. Cut at 146 years. @pre local >= 0
  Duration real_duration(Duration local) const;
};

/// Cores with one queue: work is taken in order of arrival by the core that is free first.
class Cpu {
 public:
  explicit Cpu(std::uint32_t cores = 1) : free_at_(cores) {}
  /// Books `cost` of work that arrives at `now`; returns when it is done (`now` if the cost is zero and a core idles).
  SimTime run(SimTime now, Duration cost);
  /// All queued work is gone (crash).
  void reset();
  /// All work ever booked, also what a crash cut off.
  Duration busy() const { return busy_; }

 private:
  std::vector<SimTime> free_at_;
  Duration busy_{};
};

using TimerHandle = std::uint64_t;  ///< 0 is "none"

class Nodes;

class Node {
 public:
  NodeId id() const { return id_; }
  bool up() const { return up_; }
  bool paused() const { return paused_; }
  /// Counts power-ons; work of an older incarnation must not act.
  std::uint32_t incarnation() const { return incarnation_; }

  LocalClock clock;
  Cpu cpu;
  Disk disk;

  /// Fires `on_timer(token)` after `local_delay` on this machine's clock. Gone with a crash; held while paused.
  /// @return none if the machine is down
  TimerHandle set_timer(Duration local_delay, std::uint64_t token);
  /// As `set_timer` with the same queue position rules, but not scaled by the clock's drift (device completions).
  TimerHandle set_real_timer(Duration delay, std::uint64_t token);
  /// No effect if it has fired or is none.
  void cancel_timer(TimerHandle handle);
  SimTime wall() const;

 private:
  friend class Nodes;
  /// An input that arrived while the machine was paused.
  struct Held {
    std::uint32_t slot;  // of the delivery, or of the timer
    bool timer;
  };

  NodeId id_;
  std::uint32_t incarnation_ = 0;
  bool up_ = false;
  bool paused_ = false;
  bool draining_ = false;  // an event that hands out what is held is on its way
  Nodes* nodes_ = nullptr;
  std::vector<Held> held_;
};

/// All machines of a world. Emits node_* records.
class Nodes final : public EventTarget {
 public:
  explicit Nodes(Simulation& simulation);
  ~Nodes();

  /// Adds a machine that is off. Ids are given in order from 0. `handler` must outlive the world's run.
  Node& add(NodeHandler& handler, std::uint32_t cores = 1);
  std::size_t size() const { return nodes_.size(); }
  Node& operator[](NodeId id) { return *nodes_[id.value]; }
  const Node& operator[](NodeId id) const { return *nodes_[id.value]; }

  /// Power on at once (no effect if up). Starts the machine's processes again (Simulation::processes()).
  void start(NodeId id);
  /// Power off at once (no effect if down): timers and queued work vanish, processes unwind, unsynced writes are lost.
  /// Must not be called from inside a call of this machine's own handler: schedule an event instead.
  void crash(NodeId id, DiskFault fault = DiskFault::unsynced_lost);
  /// A paused machine keeps its state, handles nothing, and gets everything at once when resumed (SIGSTOP), messages
  /// and timers in the order in which they arrived.
  void pause(NodeId id);
  void resume(NodeId id);
  /// Steps the wall clock.
  void jump_clock(NodeId id, Duration step);

  /// Whether inputs reach the handler now: up, not paused, and nothing older is still held.
  bool takes_input(NodeId id) const { return doors_[id.value].open; }
  /// Hands a message to what the machine runs. Called by the network. @pre takes_input(to)
  void deliver(NodeId to, NodeId from, const MessagePtr& message) {
    doors_[to.value].handler->on_message(from, message);
  }
  /// The machine is up but takes no input: delivery `slot` is repeated by `sink` when it does, or when it crashes.
  void hold(NodeId to, DeliverySink& sink, std::uint32_t slot);

  Simulation& simulation() { return simulation_; }
  void on_event(std::uint32_t arg) override;

 private:
  friend class Node;
  /// A slot belongs to one pending event and is free again when that event has run, fired or cancelled.
  struct TimerSlot {
    std::uint64_t token = 0;
    NodeId node;
    std::uint32_t incarnation = 0;
    std::uint32_t generation = 0;
    bool armed = false;
  };
  /// What a delivery needs of a machine, close together: with 10,000 machines the rest of them is not in the cache.
  struct Door {
    NodeHandler* handler = nullptr;
    bool open = false;
  };
  static constexpr std::uint32_t drain_bit = 0x80000000U;  // of the event's argument: hand out what node `arg` holds

  NodeHandler& handler(const Node& node) { return *doors_[node.id().value].handler; }
  bool& open(const Node& node) { return doors_[node.id().value].open; }
  TimerHandle arm(Node& node, Duration real_delay, std::uint64_t token);
  void cancel(TimerHandle handle);
  void fire(std::uint32_t slot);
  void drain(Node& node);
  void drop_held(Node& node);
  void release(std::uint32_t slot);

  Simulation& simulation_;
  std::uint32_t target_ = 0;
  DeliverySink* sink_ = nullptr;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Door> doors_;  // by node
  std::vector<TimerSlot> timers_;
  std::vector<std::uint32_t> free_timers_;
};

}  // namespace seqlab::sim
