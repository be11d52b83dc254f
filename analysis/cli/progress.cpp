#include "analysis/cli/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>

#include "analysis/report/format.hpp"

namespace seqlab::analysis {

namespace {

/// A signal handler can reach nothing but these.
std::atomic<bool> interrupt_asked{false};
std::atomic<std::int64_t> interrupt_asked_ms{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);

/// What comes so soon after the first signal is the same wish: `timeout` and CI runners signal a process and then its
/// whole group.
constexpr std::int64_t same_wish_ms = 500;

extern "C" void ask_to_stop(int signal) {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  const std::int64_t now_ms = std::int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
  if (!interrupt_asked.exchange(true)) {
    interrupt_asked_ms.store(now_ms);
  } else if (now_ms - interrupt_asked_ms.load() >= same_wish_ms) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupt_asked.store(false);
  interrupt_asked_ms.store(0);
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
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
