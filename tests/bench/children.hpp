// A measurement in a process of its own: the peak of one says nothing about another, and its threads are nobody else's.
#pragma once

#include <functional>

namespace seqlab::bench {

/// What a child found out. `value` is its own business.
struct Outcome {
  double value = 0;
  double seconds = 0;
  double peak_bytes = 0;
  double count = 0;
};

/// Runs `work` in a child. Time and peak are the whole child's; all zero if it failed.
Outcome in_child(const std::function<void(Outcome&)>& work);

}  // namespace seqlab::bench
