#include "analysis/record/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/record/describe.hpp"

namespace seqlab::analysis {

std::string describe(const Difference& difference, std::uint32_t sequencer_count) {
  const auto side = [sequencer_count](const std::optional<sim::Record>& record) {
    return record ? describe(*record, sequencer_count) : std::string{"(no record: the run had ended)"};
  };
  const sim::Record& known = difference.first ? *difference.first : *difference.second;
  return fmt::format("record {} differs, at {:.9f} s\n  first run:  {}\n  second run: {}", difference.index,
                     static_cast<double>(ns(known.at)) / 1e9, side(difference.first), side(difference.second));
}

RecordComparison::RecordComparison(std::size_t batch) : batch_size_(batch) {
  for (int i = 0; i < 2; ++i) {
    sides_[i].comparison_ = this;
    sides_[i].number_ = i;
    sides_[i].batch_.reserve(batch_size_);
  }
}

bool RecordComparison::differs() const {
  const std::lock_guard lock(mutex_);
  return difference_.has_value();
}

std::optional<Difference> RecordComparison::difference() const {
  const std::lock_guard lock(mutex_);
  return difference_;
}

std::uint64_t RecordComparison::compared() const {
  const std::lock_guard lock(mutex_);
  return compared_;
}

void RecordComparison::Side::on_record(const sim::Record& record) {
  batch_.push_back(record);
  if (batch_.size() == comparison_->batch_size_) comparison_->exchange(*this, false);
}

void RecordComparison::Side::end() {
  if (!ended_) comparison_->exchange(*this, true);
}

/// Both batches are on the table. A short one is the last of its run.
void RecordComparison::compare() {
  const std::vector<sim::Record>& a = sides_[0].batch_;
  const std::vector<sim::Record>& b = sides_[1].batch_;
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const auto equal = static_cast<std::uint64_t>(in_a - a.begin());
  if (in_a != a.end() || in_b != b.end()) {
    Difference found;
    found.index = compared_ + equal;
    if (in_a != a.end()) found.first = *in_a;
    if (in_b != b.end()) found.second = *in_b;
    difference_ = found;
  }
  compared_ += equal;
}

void RecordComparison::exchange(Side& side, bool last) {
  std::unique_lock lock(mutex_);
  Side& other = sides_[1 - side.number_];
  if (last) side.ended_ = true;
  if (!difference_) {
    if (waiting_[other.number_] || other.ended_) {
      // The other's batch is there; if it has ended long ago, its batch is empty and stays so.
      compare();
      other.batch_.clear();
      waiting_[other.number_] = false;
      ++round_;
      changed_.notify_all();
    } else {
      waiting_[side.number_] = true;
      const std::uint64_t round = round_;
      changed_.wait(lock, [&] { return round_ != round; });
    }
  }
  side.batch_.clear();
}

}  // namespace seqlab::analysis
