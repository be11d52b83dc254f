// Counts what operator new and delete do in this program. Only in the programs that link allocations.cpp: there it
// replaces the global operators, so it is kept out of the other test programs.
#pragma once

#include <cstdint>

namespace seqlab::tests {

/// Since the start of the program, on all threads.
struct Allocations {
  std::uint64_t count = 0;  ///< calls of operator new
  std::uint64_t bytes = 0;  ///< that were asked for
  std::uint64_t freed = 0;  ///< calls of operator delete with something to free
};

Allocations allocations();

/// What happened since `before`.
inline Allocations since(const Allocations& before) {
  const Allocations now = allocations();
  return {now.count - before.count, now.bytes - before.bytes, now.freed - before.freed};
}

}  // namespace seqlab::tests
