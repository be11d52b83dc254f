// The fibers of one thread: Boost.Fiber under a scheduling algorithm of our own that chooses nothing (who runs next is
// decided in processes.cpp), and a pool of worker fibers whose stacks are kept from world to world.
//
// The pool belongs to the thread because Boost.Fiber's scheduler does. Nothing of it is visible to a world: which
// worker runs a process makes no difference to what happens.
#pragma once

#include <boost/fiber/context.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace seqlab::sim::detail {

class FiberHost;

/// Where the stack of a context lies, for the address sanitizer.
struct StackBounds {
  const void* bottom = nullptr;
  std::size_t bytes = 0;
};

/// One reusable fiber. It runs `job` each time it is entered with one, then parks itself.
struct Worker {
  boost::fibers::context* context = nullptr;
  std::function<void()> job;  ///< must not throw
  StackBounds stack;
  bool quit = false;
};

class FiberHost {
 public:
  /// Reserved; only touched pages cost memory. One page more than a power of two, or all stack tops would fall into the
  /// same few sets of the address translation caches (a hand-over among 100 processes: 41 ns, with it 29).
  static constexpr std::size_t stack_bytes = (std::size_t{1} << 20U) + 4096;

  /// The host of the calling thread.
  static FiberHost& of_this_thread();
  ~FiberHost();
  FiberHost(const FiberHost&) = delete;
  FiberHost& operator=(const FiberHost&) = delete;

  /// A parked worker, new or used.
  Worker* acquire();
  /// The worker's job is over and it will park: may be given out again.
  void release(Worker* worker) { idle_.push_back(worker); }

  boost::fibers::context* main() const { return main_; }
  /// Suspends the running context and continues with `context`. @pre context is not the running one
  void switch_to(boost::fibers::context* context);
  std::size_t workers() const { return workers_.size(); }

 private:
  FiberHost();
  void run_worker(Worker& worker);
  /// Only if the address sanitizer watches, which has to be told on which stack we are: it clears what an exception
  /// leaves behind there, and reports errors that are none otherwise.
  StackBounds bounds_of(const boost::fibers::context* context) const;

  class Algorithm;
  Algorithm* algorithm_ = nullptr;  // owned by Boost.Fiber's scheduler
  boost::fibers::context* main_ = nullptr;
  StackBounds main_stack_;
  bool ending_ = false;  // the library switches by itself
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
};

}  // namespace seqlab::sim::detail
