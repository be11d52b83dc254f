// What a long run shows while it goes on: one line, redrawn on a terminal, repeated at growing intervals elsewhere.
// Nothing for runs below a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "sim/kernel/time.hpp"

namespace seqlab::analysis {

class Progress {
 public:
  /// `end`: the latest virtual time that the run may reach.
  Progress(SimTime end, bool enabled, bool terminal);
  void show(SimTime now, std::uint64_t events);
  /// Removes the line.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  SimTime end_;
  bool enabled_;
  bool terminal_;
  Clock::time_point begin_;
  Clock::duration next_ = std::chrono::seconds(1);  ///< since begin_
  bool visible_ = false;
};

/// "12.4 s of at most 180 s virtual, 1,234,567 events, 2.0 s".
std::string progress_text(SimTime now, SimTime end, std::uint64_t events, double wall_seconds);

/// While it lives, SIGINT and SIGTERM ask the run to stop instead of ending the process; a second one, half a second or
/// more after the first, ends it.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  static bool asked();
};

}  // namespace seqlab::analysis
