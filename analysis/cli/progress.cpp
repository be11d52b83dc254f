#include "analysis/cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>

#include "analysis/report/format.hpp"

namespace seqlab::analysis {

namespace {

/// A signal handler can reach nothing but this.
std::atomic<bool> interrupt_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void ask_to_stop(int) { interrupt_asked.store(true); }

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupt_asked.store(false);
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool InterruptGuard::asked() { return interrupt_asked.load(std::memory_order_relaxed); }

Progress::Progress(SimTime end, bool enabled, bool terminal)
    : end_(end), enabled_(enabled), terminal_(terminal), begin_(Clock::now()) {}

std::string progress_text(SimTime now, SimTime end, std::uint64_t events, double wall_seconds) {
  return fmt::format("{} of at most {} of virtual time, {} events, {:.0f} s", human_time(now),
                     human_duration(end - time_zero), human_count(events), wall_seconds);
}

void Progress::show(SimTime now, std::uint64_t events) {
  if (!enabled_) return;
  const Clock::duration since = Clock::now() - begin_;
  if (since < next_) return;
  const std::string text = progress_text(now, end_, events, std::chrono::duration<double>(since).count());
  if (terminal_) {
    next_ = since + std::chrono::milliseconds(100);
    fmt::print(stderr, "\r\033[K{}", text);
  } else {
    next_ = std::min<Clock::duration>(next_ * 2, next_ + std::chrono::minutes(1));
    fmt::print(stderr, "{}\n", text);
  }
  std::fflush(stderr);
  visible_ = true;
}

void Progress::clear() {
  if (visible_ && terminal_) {
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
  }
  visible_ = false;
}

}  // namespace seqlab::analysis
