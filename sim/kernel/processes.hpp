// Processes: behaviour that reads as a story (sleep, wait, send, retry), each on its own fiber (Boost.Fiber).
//
// A process may belong to a machine; when the machine crashes, the blocking call that the process sits in throws
// ProcessKilled, the stack unwinds, and the machine's start runs its registered processes again. Waits are on virtual
// time, mailboxes and signals only. Woken processes run in the order in which they were woken, before the next event.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sim/base/ring.hpp"
#include "sim/base/strong.hpp"
#include "sim/kernel/simulation.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::sim {

/// Thrown by a blocking call of a process whose machine crashed or whose world ends. Not a std::exception, so that a
/// `catch (const std::exception&)` in a story does not swallow it. Let it pass.
struct ProcessKilled {};

namespace detail {
struct Fiber;
}

class Process;
using ProcessBody = std::function<void(Process&)>;

/// Handle that a running body gets. Only valid inside that body.
class Process {
 public:
  /// Blocks for a virtual duration; zero lets everything that is ready run first. @throws ProcessKilled
  void sleep(Duration duration);
  void sleep_until(SimTime at);
  SimTime now() const;
  NodeId owner() const;
  Simulation& simulation() const;

 private:
  friend class Processes;
  friend class WaitQueue;
  explicit Process(detail::Fiber& fiber) : fiber_(fiber) {}
  detail::Fiber& fiber_;
};

/// Processes that wait for one condition, in order of arrival.
class WaitQueue {
 public:
  explicit WaitQueue(Simulation& simulation) : simulation_(simulation) {}
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;
  ~WaitQueue();
  /// Blocks until woken or until `deadline`. @return false if the deadline came first. @throws ProcessKilled
  bool wait(Process& process, SimTime deadline = time_never);
  /// Wakes the process that waits longest, if any. @return whether there was one
  bool wake_one();
  void wake_all();

 private:
  friend class Processes;
  Simulation& simulation_;
  std::vector<detail::Fiber*> waiting_;
};

/// A value that was put once and is there for everybody who waits for it.
class Signal {
 public:
  explicit Signal(Simulation& simulation) : queue_(simulation) {}
  bool set() const { return set_; }
  void raise() {
    set_ = true;
    queue_.wake_all();
  }
  void clear() { set_ = false; }
  /// @return false if the deadline came first
  bool wait(Process& process, SimTime deadline = time_never) {
    while (!set_) {
      if (!queue_.wait(process, deadline)) return set_;
    }
    return true;
  }

 private:
  WaitQueue queue_;
  bool set_ = false;
};

/// Unbounded queue from anywhere to processes. `put` never blocks. @pre T is default constructible
template <class T>
class Mailbox {
 public:
  explicit Mailbox(Simulation& simulation) : queue_(simulation) {}
  void put(T value) {
    items_.push_back(std::move(value));
    queue_.wake_one();
  }
  /// Blocks for the next item. @throws ProcessKilled
  T take(Process& process) { return *take_until(process, time_never); }
  /// @return nothing if `deadline` came first
  std::optional<T> take_until(Process& process, SimTime deadline) {
    while (items_.empty()) {
      if (!queue_.wait(process, deadline)) return std::nullopt;
    }
    return items_.pop_front();
  }
  bool empty() const { return items_.empty(); }
  std::size_t size() const { return items_.size(); }
  void clear() { items_.clear(); }

 private:
  WaitQueue queue_;
  Ring<T> items_;
};

/// All processes of a world.
class Processes final : public EventTarget {
 public:
  explicit Processes(Simulation& simulation);
  /// Unwinds whatever still runs.
  ~Processes();

  /// Starts `body` now (before the next event) as a process of `owner`, or of the world (`no_node`).
  void spawn(NodeId owner, ProcessBody body);
  /// As `spawn`, now if the machine is up and again each time it starts: a service of the machine.
  void spawn_service(NodeId owner, ProcessBody body);

  std::size_t running() const { return alive_; }
  void on_event(std::uint32_t timer) override;

 private:
  friend class Process;
  friend class WaitQueue;
  friend class Simulation;
  struct Host;
  void on_node_started(NodeId node);
  void on_node_crashed(NodeId node);
  /// Runs the world's loop from the main context until it is over; processes take the loop over while they wait.
  void run_loop();
  void wake(detail::Fiber& fiber, bool timed_out);
  void block(detail::Fiber& fiber);
  void arm(detail::Fiber& fiber, SimTime deadline);

  Simulation& simulation_;
  std::uint32_t target_ = 0;
  std::size_t alive_ = 0;
  std::unique_ptr<Host> host_;
};

}  // namespace seqlab::sim
