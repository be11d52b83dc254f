#include "tests/bench/children.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace seqlab::bench {

namespace {

double cpu_seconds(const rusage& usage) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Outcome in_child(const std::function<void(Outcome&)>& work) {
  std::fflush(nullptr);
  std::array<int, 2> ends{};
  Outcome outcome;
  if (pipe(ends.data()) != 0) return outcome;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    work(outcome);
    const ssize_t written = write(ends[1], &outcome, sizeof outcome);
    _exit(written == static_cast<ssize_t>(sizeof outcome) ? 0 : 1);
  }
  close(ends[1]);
  const ssize_t got = read(ends[0], &outcome, sizeof outcome);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (got != static_cast<ssize_t>(sizeof outcome) || status != 0) return Outcome{};
  outcome.seconds = cpu_seconds(usage);
  outcome.peak_bytes = static_cast<double>(usage.ru_maxrss) * 1024;
  return outcome;
}

}  // namespace seqlab::bench
