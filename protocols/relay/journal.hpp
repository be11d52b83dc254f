// What a writer keeps on its machine's disk: the three states of Astria's relayer (fresh | started{last} |
// prepared{range, transaction, time}), with room for several batches that are under way.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "protocols/relay/batch.hpp"

namespace seqlab::protocols {

/// A regular value. Fresh: nothing was ever written. Started: everything up to `last` is on layer 1, deep enough.
/// Prepared: besides, these batches were or are about to be sent, in order.
struct Journal {
  static constexpr std::size_t batches_max = 4096;
  Height last{};
  std::vector<Batch> prepared{};
  friend bool operator==(const Journal&, const Journal&) = default;
};

std::vector<std::byte> encode(const Journal& journal);
/// A cell that was never written, or that says nothing sensible, is a fresh journal.
Journal decode_journal(std::span<const std::byte> bytes);

}  // namespace seqlab::protocols
