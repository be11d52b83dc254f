#include "sim/trace/record_log.hpp"

#include <new>

#define XXH_INLINE_ALL  // as in hash.cpp
#include <xxhash.h>

namespace seqlab::sim {

struct RecordLog::State {
  State() : xxh(XXH3_createState()) {
    if (xxh == nullptr) throw std::bad_alloc();
    XXH3_128bits_reset(xxh);
  }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  XXH3_state_t* xxh;
};

RecordLog::RecordLog(Mode mode) : mode_(mode), state_(std::make_unique<State>()) {}
RecordLog::~RecordLog() = default;

void RecordLog::subscribe(RecordObserver& observer, KindMask kinds) {
  for (std::size_t kind = 0; kind < record_kind_count; ++kind) {
    if ((kinds >> kind & 1U) != 0) observers_[kind].push_back(&observer);
  }
}

void RecordLog::flush() {
  XXH3_128bits_update(state_->xxh, buffer_.data(), buffered_ * sizeof(Record));
  buffered_ = 0;
}

Hash128 RecordLog::digest() {
  flush();
  const XXH128_hash_t h = XXH3_128bits_digest(state_->xxh);
  return {h.high64, h.low64};
}

}  // namespace seqlab::sim
