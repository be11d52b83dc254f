// Where records go: into the rolling digest, and to whoever asked for their kind.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/base/fixed_point.hpp"
#include "sim/base/hash.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::sim {

/// Reads records as they are emitted. Called inside the event that emitted the record, in order of subscription;
/// it may schedule events and stop the run, it may not emit from `on_record` (schedule an event instead).
class RecordObserver {
 public:
  virtual void on_record(const Record& record) = 0;

 protected:
  ~RecordObserver() = default;
};

/// Bit set of record kinds.
using KindMask = Uint128;
static_assert(record_kind_count < 128);
constexpr KindMask mask_of(RecordKind kind) { return KindMask{1} << static_cast<unsigned>(kind); }
template <class... K>
constexpr KindMask mask_of(RecordKind first, K... rest) {
  return mask_of(first) | mask_of(rest...);
}
inline constexpr KindMask all_kinds = (KindMask{1} << record_kind_count) - 1;

class RecordLog {
 public:
  enum class Mode : std::uint8_t { off, digest };  ///< off: nothing is recorded (kernel benchmarks only)

  explicit RecordLog(Mode mode);
  ~RecordLog();
  RecordLog(const RecordLog&) = delete;
  RecordLog& operator=(const RecordLog&) = delete;

  void subscribe(RecordObserver& observer, KindMask kinds);

  /// Whether anybody, the digest included, wants records of this kind.
  bool wants(RecordKind kind) const {
    return mode_ == Mode::digest || !observers_[static_cast<std::size_t>(kind)].empty();
  }

  void emit(const Record& record) {
    if (mode_ == Mode::digest) {
      buffer_[buffered_] = record;
      ++count_;
      if (++buffered_ == buffer_.size()) flush();
    }
    const auto& interested = observers_[static_cast<std::size_t>(record.kind)];
    for (RecordObserver* observer : interested) observer->on_record(record);
  }

  std::uint64_t count() const { return count_; }
  /// XXH3-128 over all records so far, in order.
  Hash128 digest();

 private:
  void flush();

  Mode mode_;
  std::uint64_t count_ = 0;
  std::size_t buffered_ = 0;
  std::array<Record, 64> buffer_;
  struct State;
  std::unique_ptr<State> state_;
  std::array<std::vector<RecordObserver*>, record_kind_count> observers_;
};

}  // namespace seqlab::sim
