#include "sim/kernel/processes.hpp"

#include <algorithm>
#include <exception>

#include "sim/base/ring.hpp"
#include "sim/kernel/fiber_host.hpp"

namespace seqlab::sim {

namespace detail {

/// A process: its worker while it runs, and what it waits for.
struct Fiber {
  Processes* processes = nullptr;
  Worker* worker = nullptr;
  ProcessBody body;
  NodeId owner{no_node};
  WaitQueue* waits_in = nullptr;
  std::uint64_t wait = 0;  ///< number of the current wait; a timer of an older one is stale
  bool blocked = false;
  bool queued = false;  ///< in the ready queue
  bool timed_out = false;
  bool killed = false;
};

}  // namespace detail

using detail::Fiber;

// How control moves. There is no loop fiber: whoever has to wait runs the world's loop itself, on its own stack, until
// some process is ready. If that is itself it simply goes on; otherwise it names the other and suspends, one switch.
// The main context does the same in `run_loop`, and gets control back when the run is over.
struct Processes::Host {
  explicit Host(Processes& p) : processes(p), threads(detail::FiberHost::of_this_thread()) {}

  /// Runs ready processes and events until `self` (null: the main context) may go on.
  void loop(detail::Worker* self) {
    for (;;) {
      if (!ready.empty() && !error) {
        Fiber* const next = ready.pop_front();
        next->blocked = false;
        next->queued = false;
        if (next->worker == self) return;
        threads.switch_to(next->worker->context);
        if (self != nullptr) return;  // a worker is entered only because its process is ready, or to quit
        continue;                     // the main context is entered when the run is over
      }
      if (self == nullptr) {
        if (over || draining || !step()) return;
      } else if (over || draining || !step()) {
        over = true;
        threads.switch_to(threads.main());
        return;
      }
    }
  }

  /// False when the run is over. An exception of a handler is kept for the main context: it must not unwind the stack
  /// of whichever process happened to run the loop.
  bool step() {
    try {
      return processes.simulation_.step();
    } catch (...) {
      error = std::current_exception();
      return false;
    }
  }

  Fiber* take_fiber() {
    if (!free.empty()) {
      Fiber* const fiber = free.back();
      free.pop_back();
      return fiber;
    }
    fibers.push_back(std::make_unique<Fiber>());
    return fibers.back().get();
  }

  struct Timer {
    Fiber* fiber = nullptr;
    std::uint64_t wait = 0;
  };
  struct Service {
    NodeId owner;
    ProcessBody body;
  };

  Processes& processes;
  detail::FiberHost& threads;
  Ring<Fiber*> ready;
  std::vector<Fiber*> alive;  // in order of creation
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> free;
  std::vector<Timer> timers;
  std::vector<std::uint32_t> free_timers;
  std::vector<Service> services;
  std::exception_ptr error;
  bool over = false;
  bool draining = false;
};

Processes::Processes(Simulation& simulation)
    : simulation_(simulation), target_(simulation.add_target(*this)), host_(std::make_unique<Host>(*this)) {}

Processes::~Processes() {
  host_->draining = true;
  host_->error = nullptr;
  while (!host_->alive.empty()) {
    for (Fiber* fiber : std::vector<Fiber*>(host_->alive)) {
      fiber->killed = true;
      if (fiber->blocked) wake(*fiber, false);
    }
    host_->loop(nullptr);
  }
}

void Processes::run_loop() {
  host_->over = false;
  host_->loop(nullptr);
  if (host_->error) std::rethrow_exception(std::exchange(host_->error, nullptr));
}

void Processes::spawn(NodeId owner, ProcessBody body) {
  Host& host = *host_;
  Fiber* const fiber = host.take_fiber();
  const std::uint64_t last_wait = fiber->wait;
  *fiber = Fiber{};
  fiber->wait = last_wait + 1;  // timers of the slot's former process stay stale
  fiber->processes = this;
  fiber->owner = owner;
  fiber->body = std::move(body);
  fiber->worker = host.threads.acquire();
  fiber->worker->job = [this, fiber] {
    detail::Worker* const worker = fiber->worker;
    if (!fiber->killed) {
      try {
        Process process(*fiber);
        fiber->body(process);
      } catch (const ProcessKilled&) {
        // The machine crashed or the world ends: this is how a process dies.
      } catch (...) {
        if (!host_->error) host_->error = std::current_exception();
        simulation_.stop();
      }
    }
    Host& h = *host_;
    fiber->body = nullptr;
    h.alive.erase(std::find(h.alive.begin(), h.alive.end(), fiber));
    --alive_;
    h.free.push_back(fiber);
    h.threads.release(worker);
    h.loop(worker);
  };
  fiber->blocked = true;
  fiber->queued = true;
  host.alive.push_back(fiber);
  ++alive_;
  host.ready.push_back(fiber);
}

void Processes::spawn_service(NodeId owner, ProcessBody body) {
  Host& host = *host_;
  host.services.push_back({owner, body});
  if (owner == no_node || simulation_.machine_is_up(owner)) spawn(owner, std::move(body));
}

void Processes::on_node_started(NodeId node) {
  Host& host = *host_;
  for (std::size_t i = 0; i < host.services.size(); ++i) {
    if (host.services[i].owner == node) spawn(node, host.services[i].body);
  }
}

void Processes::on_node_crashed(NodeId node) {
  Host& host = *host_;
  for (Fiber* fiber : host.alive) {
    if (fiber->owner != node || fiber->killed) continue;
    fiber->killed = true;
    if (fiber->blocked) wake(*fiber, false);
  }
}

void Processes::wake(Fiber& fiber, bool timed_out) {
  Host& host = *host_;
  if (fiber.waits_in != nullptr) {
    auto& waiting = fiber.waits_in->waiting_;
    waiting.erase(std::find(waiting.begin(), waiting.end(), &fiber));
    fiber.waits_in = nullptr;
  }
  ++fiber.wait;
  fiber.timed_out = timed_out;
  if (!fiber.queued) {  // else woken twice before it ran (killed while ready)
    fiber.queued = true;
    host.ready.push_back(&fiber);
  }
}

void Processes::block(Fiber& fiber) {
  if (fiber.killed) throw ProcessKilled{};
  fiber.blocked = true;
  host_->loop(fiber.worker);
  if (fiber.killed) throw ProcessKilled{};
}

void Processes::arm(Fiber& fiber, SimTime deadline) {
  Host& host = *host_;
  std::uint32_t slot = 0;
  if (host.free_timers.empty()) {
    slot = static_cast<std::uint32_t>(host.timers.size());
    host.timers.emplace_back();
  } else {
    slot = host.free_timers.back();
    host.free_timers.pop_back();
  }
  host.timers[slot] = {&fiber, fiber.wait};
  simulation_.schedule(std::max(deadline, simulation_.now()), target_, slot);
}

void Processes::on_event(std::uint32_t slot) {
  Host& host = *host_;
  const Host::Timer timer = host.timers[slot];
  host.free_timers.push_back(slot);
  if (timer.fiber->blocked && timer.fiber->wait == timer.wait) wake(*timer.fiber, true);
}

void Process::sleep(Duration duration) { sleep_until(now() + duration); }

void Process::sleep_until(SimTime at) {
  if (fiber_.killed) throw ProcessKilled{};
  ++fiber_.wait;
  fiber_.processes->arm(fiber_, at);
  fiber_.processes->block(fiber_);
}

SimTime Process::now() const { return fiber_.processes->simulation_.now(); }
NodeId Process::owner() const { return fiber_.owner; }
Simulation& Process::simulation() const { return fiber_.processes->simulation_; }

WaitQueue::~WaitQueue() {
  for (Fiber* fiber : waiting_) fiber->waits_in = nullptr;
}

bool WaitQueue::wait(Process& process, SimTime deadline) {
  Fiber& fiber = process.fiber_;
  Processes& processes = *fiber.processes;
  if (fiber.killed) throw ProcessKilled{};
  if (deadline <= simulation_.now()) return false;
  ++fiber.wait;
  if (deadline != time_never) processes.arm(fiber, deadline);
  fiber.waits_in = this;
  waiting_.push_back(&fiber);
  processes.block(fiber);
  return !fiber.timed_out;
}

bool WaitQueue::wake_one() {
  if (waiting_.empty()) return false;
  Fiber* const first = waiting_.front();
  first->processes->wake(*first, false);
  return true;
}

void WaitQueue::wake_all() {
  while (wake_one()) {
  }
}

}  // namespace seqlab::sim
