#include "sim/kernel/fiber_host.hpp"

#include <boost/context/stack_context.hpp>
#include <boost/fiber/algo/algorithm.hpp>
#include <boost/fiber/fiber.hpp>
#include <boost/fiber/operations.hpp>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <new>
#include <stdexcept>

#if defined(__SANITIZE_ADDRESS__)
#define SEQLAB_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEQLAB_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(SEQLAB_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace seqlab::sim::detail {

namespace {

using boost::fibers::context;

/// 1 MiB of address space with a guard page whose protection is checked: past vm.max_map_count `mprotect` fails, and a
/// stack without its guard page would corrupt silently. Stack tops are shifted by cache lines against each other, so
/// that a thousand parked fibers do not compete for the same cache sets.
class GuardedStacks {
 public:
  GuardedStacks(std::size_t number, StackBounds& made) : colour_((number % 32) * 64 * 3), made_(&made) {}

  boost::context::stack_context allocate() const {
    void* const memory = mmap(nullptr, FiberHost::stack_bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    if (mprotect(memory, page, PROT_NONE) != 0) {
      munmap(memory, FiberHost::stack_bytes);
      throw std::runtime_error(
          "no guard page for another fiber stack: more memory mappings than vm.max_map_count allows");
    }
    boost::context::stack_context stack;
    stack.size = FiberHost::stack_bytes - colour_;
    stack.sp = static_cast<std::byte*>(memory) + stack.size;
    *made_ = {static_cast<std::byte*>(memory) + page, stack.size - page};
    return stack;
  }

  void deallocate(boost::context::stack_context& stack) const noexcept {
    std::byte* const memory = static_cast<std::byte*>(stack.sp) - stack.size;
#if defined(SEQLAB_ADDRESS_SANITIZER)
    __asan_unpoison_memory_region(memory, FiberHost::stack_bytes);  // the next mapping there may be another thread's
#endif
    munmap(memory, FiberHost::stack_bytes);
  }

 private:
  std::size_t colour_;
  StackBounds* made_;
};

}  // namespace

/// Only for the edges of a fiber's life, because the hand-over between running fibers needs no choice (`switch_to`):
/// new fibers are posted here, and when one ends the library's dispatcher, which collects it, and then the main context
/// go on.
class FiberHost::Algorithm final : public boost::fibers::algo::algorithm {
 public:
  explicit Algorithm(FiberHost& host) : host_(host) {}
  void awakened(context* ready) noexcept override { ready_.push_back(ready); }
  context* pick_next() noexcept override {
    if (ready_.empty()) return host_.main_;
    context* const first = ready_.front();
    ready_.pop_front();
    return first;
  }
  bool has_ready_fibers() const noexcept override { return !ready_.empty(); }
  void suspend_until(std::chrono::steady_clock::time_point const&) noexcept override {}
  void notify() noexcept override {}

  /// The fiber that was just posted.
  context* take_last() {
    context* const last = ready_.back();
    ready_.pop_back();
    return last;
  }

 private:
  FiberHost& host_;
  std::deque<context*> ready_;
};

FiberHost& FiberHost::of_this_thread() {
  // Boost.Fiber keeps one scheduler a thread and so must we; see the header for why no world can tell.
  thread_local FiberHost host;
  return host;
}

FiberHost::FiberHost() {
  main_ = context::active();  // makes the thread's scheduler first, so that it outlives this object
  auto algorithm = boost::fibers::algo::algorithm::ptr_t{new Algorithm{*this}};
  algorithm_ = static_cast<Algorithm*>(algorithm.get());
  main_->get_scheduler()->set_algo(std::move(algorithm));
}

FiberHost::~FiberHost() {
  ending_ = true;
  for (const auto& worker : workers_) {
    worker->quit = true;
    switch_to(worker->context);
  }
}

void FiberHost::switch_to(context* target) {
  // What `suspend` does through the algorithm's `pick_next`, without the detour.
#if defined(SEQLAB_ADDRESS_SANITIZER)
  if (ending_) return target->resume();
  const StackBounds to = bounds_of(target);
  void* frames = nullptr;
  __sanitizer_start_switch_fiber(&frames, to.bottom, to.bytes);
  target->resume();
  if (!ending_) __sanitizer_finish_switch_fiber(frames, nullptr, nullptr);
#else
  target->resume();
#endif
}

#if defined(SEQLAB_ADDRESS_SANITIZER)
StackBounds FiberHost::bounds_of(const context* context) const {
  for (const auto& worker : workers_) {
    if (worker->context == context) return worker->stack;
  }
  return main_stack_;
}
#endif

Worker* FiberHost::acquire() {
  if (!idle_.empty()) {
    Worker* const worker = idle_.back();
    idle_.pop_back();
    return worker;
  }
  workers_.push_back(std::make_unique<Worker>());
  Worker& worker = *workers_.back();
  boost::fibers::fiber fiber(boost::fibers::launch::post, std::allocator_arg,
                             GuardedStacks(workers_.size(), worker.stack), [this, &worker] { run_worker(worker); });
  worker.context = algorithm_->take_last();
  fiber.detach();
  return &worker;
}

void FiberHost::run_worker(Worker& worker) {
#if defined(SEQLAB_ADDRESS_SANITIZER)
  if (!ending_) {
    StackBounds from;
    __sanitizer_finish_switch_fiber(nullptr, &from.bottom, &from.bytes);
    if (main_stack_.bottom == nullptr) main_stack_ = from;  // before the first worker there is nobody else
  }
#endif
  while (!worker.quit) {
    // A job ends by parking inside the loop of its world (see processes.cpp) and comes back with the next job set.
    const std::function<void()> job = std::exchange(worker.job, nullptr);
    if (job) job();
    if (!worker.quit && !worker.job) switch_to(main_);
  }
}

}  // namespace seqlab::sim::detail
