// THE loop: pop the next event, advance the clock, run it, once. Everything that happens in a world is an event here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/base/assert.hpp"
#include "sim/base/strong.hpp"
#include "sim/kernel/event_queue.hpp"
#include "sim/kernel/time.hpp"
#include "sim/random/stream.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::sim {

class Processes;

/// Receives events that it scheduled for itself. `arg` is its own index for what was meant.
class EventTarget {
 public:
  virtual void on_event(std::uint32_t arg) = 0;

 protected:
  ~EventTarget() = default;
};

/// Receives deliveries: the network. A kind of its own, because most events are deliveries.
class DeliverySink {
 public:
  virtual void on_delivery(NodeId to, std::uint32_t slot) = 0;

 protected:
  ~DeliverySink() = default;
};

struct SimulationOptions {
  std::uint64_t seed = 1;
  bool permute_instants = false;  ///< events of one instant run in a seeded order instead of the order of scheduling
  RecordLog::Mode records = RecordLog::Mode::digest;
};

enum class StopReason : std::uint8_t { queue_empty, time_limit, event_limit, stopped, interrupted };

class Simulation final {
 public:
  explicit Simulation(const SimulationOptions& options);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  SimTime now() const { return now_; }
  std::uint64_t seed() const { return seed_; }
  std::uint64_t events() const { return events_; }
  Stream stream(std::string_view purpose, std::uint64_t entity = 0) const { return Stream{seed_, purpose, entity}; }
  RecordLog& records() { return records_; }
  void emit(Record record) {
    record.at = now_;
    records_.emit(record);
  }
  /// Story-like processes (fibers). Made at first use: a world without them pays nothing.
  Processes& processes();
  /// Called by Nodes: the machine's services start, or its processes unwind.
  void machine_started(NodeId node);
  void machine_crashed(NodeId node);
  /// Whether the machine runs, as far as Nodes told.
  bool machine_is_up(NodeId node) const { return node.value < machine_up_.size() && machine_up_[node.value]; }
  /// Unwinds all processes, while what their stacks refer to still exists. The owner of a world calls it first.
  void end_processes();

  /// @return the number by which `schedule` knows `target`, which must outlive the run
  std::uint32_t add_target(EventTarget& target);
  void set_delivery_sink(DeliverySink& sink) { sink_ = &sink; }

  /// Runs `target.on_event(arg)` at `at`. @pre at >= now()
  void schedule(SimTime at, std::uint32_t target, std::uint32_t arg) { push(at, target, arg); }
  void schedule_delivery(SimTime at, NodeId to, std::uint32_t slot) { push(at, to.value | delivery_bit, slot); }
  /// Runs `action` once at `at`. For set-up and faults; it allocates.
  void call_at(SimTime at, std::function<void()> action);

  /// Runs until nothing is left, `until` is reached (events at `until` itself still run), `max_events` more events
  /// have run, or `stop()` was called. May be called again to go on. Exceptions of handlers come out here.
  StopReason run(SimTime until = time_never, std::uint64_t max_events = ~std::uint64_t{0});
  /// The event that is running is the last one of this `run`.
  void stop() { stop_ = true; }

  /// Called about every 65,536 events with the current time; returning false ends `run` as `interrupted`.
  std::function<bool(SimTime, std::uint64_t)> on_progress;

 private:
  friend class Processes;
  static constexpr std::uint32_t delivery_bit = 0x80000000U;

  void push(SimTime at, std::uint32_t target, std::uint32_t arg) {
    SEQLAB_ASSERT(at >= now_, ns(at), ns(now_));
    queue_.push(Event{ns(at), target, arg});
  }
  /// Pops and runs one event. False when the run is over (`end_` says why).
  bool step();
  void dispatch(const Event& event);

  std::uint64_t seed_;
  SimTime now_{};
  EventQueue queue_;
  bool permute_;
  Stream permutation_;
  bool stop_ = false;
  SimTime until_ = time_never;
  std::uint64_t events_ = 0;
  std::uint64_t events_end_ = ~std::uint64_t{0};
  std::uint64_t next_progress_ = 0;
  StopReason end_ = StopReason::queue_empty;
  DeliverySink* sink_ = nullptr;
  std::vector<EventTarget*> targets_;
  RecordLog records_;
  struct Calls;
  std::unique_ptr<Calls> calls_;
  std::vector<bool> machine_up_;
  std::unique_ptr<Processes> processes_;
};

}  // namespace seqlab::sim
