// The second of two runs that are compared record by record, on a thread of its own.
#pragma once

#include <exception>
#include <thread>

#include "analysis/cli/progress.hpp"
#include "analysis/record/comparison.hpp"
#include "scenarios/world/run.hpp"

namespace seqlab::analysis {

class SecondRun {
 public:
  /// All three outlive it. Stops when the runs differ or the user asks.
  SecondRun(const scenarios::Scenario& scenario, const scenarios::Plan& plan, RecordComparison& comparison)
      : side_(comparison.side(1)), thread_([&scenario, &plan, &comparison, this] {
          try {
            scenarios::RunOptions options;
            options.observers.push_back({&side_, sim::all_kinds});
            options.on_progress = [&comparison](SimTime, std::uint64_t) {
              return !InterruptGuard::asked() && !comparison.differs();
            };
            result_ = scenarios::run(scenario, plan, options);
          } catch (...) {
            error_ = std::current_exception();
          }
          side_.end();
        }) {}
  ~SecondRun() {
    if (thread_.joinable()) thread_.join();
  }
  SecondRun(const SecondRun&) = delete;
  SecondRun& operator=(const SecondRun&) = delete;
  /// @throws what the run threw
  const scenarios::RunResult& join() {
    thread_.join();
    if (error_) std::rethrow_exception(error_);
    return result_;
  }

 private:
  RecordComparison::Side& side_;
  scenarios::RunResult result_;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace seqlab::analysis
