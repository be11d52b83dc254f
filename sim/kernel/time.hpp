// Virtual time: signed 64-bit nanoseconds since the start of the world. Nothing here can read a real clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace seqlab {

using Duration = std::chrono::duration<std::int64_t, std::nano>;

/// A clock without `now()`: only the kernel advances time (`Simulation::now`).
struct SimClock {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = Duration;
  using time_point = std::chrono::time_point<SimClock, Duration>;
  static constexpr bool is_steady = true;
};

using SimTime = SimClock::time_point;

inline constexpr SimTime time_zero{};
inline constexpr SimTime time_never = SimTime::max();

constexpr std::int64_t ns(Duration d) { return d.count(); }
constexpr std::int64_t ns(SimTime t) { return t.time_since_epoch().count(); }
constexpr SimTime at_ns(std::int64_t n) { return SimTime{Duration{n}}; }

using namespace std::chrono_literals;  // 800ms, 3s: the only literals in use

}  // namespace seqlab
