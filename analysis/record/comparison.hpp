// Compares the records of two runs while both are going on, in lock step and bounded memory: the first difference is
// named with both sides.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

struct Difference {
  std::uint64_t index = 0;             ///< of the record, from 0
  std::optional<sim::Record> first;    ///< none: that run had ended
  std::optional<sim::Record> second;
};

/// "record 4711 differs:" and both sides decoded.
std::string describe(const Difference& difference, std::uint32_t sequencer_count);

class RecordComparison {
 public:
  /// One side of the comparison, to be subscribed to all kinds of one run. Each run has its own thread; a side that is
  /// ahead by `batch` records waits for the other.
  class Side final : public sim::RecordObserver {
   public:
    void on_record(const sim::Record& record) override;
    /// No more records come. Must be called, also when the run failed: the other side waits for it.
    void end();

   private:
    friend class RecordComparison;
    RecordComparison* comparison_ = nullptr;
    int number_ = 0;
    bool ended_ = false;
    std::vector<sim::Record> batch_;
  };

  explicit RecordComparison(std::size_t batch = 4096);
  Side& side(int number) { return sides_[number]; }

  /// A difference was found: both runs may stop.
  bool differs() const;
  /// The first difference, if any. @pre both sides have ended
  std::optional<Difference> difference() const;
  /// Records found equal. @pre both sides have ended
  std::uint64_t compared() const;

 private:
  void exchange(Side& side, bool last);
  void compare();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t batch_size_;
  Side sides_[2];
  bool waiting_[2] = {false, false};   ///< has a batch on the table
  std::uint64_t round_ = 0;
  std::uint64_t compared_ = 0;
  std::optional<Difference> difference_;
};

}  // namespace seqlab::analysis
