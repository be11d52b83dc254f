// Whose blocks a relayer writes, and on which machine it lives: a sequencer node, or the single service that ordered
// before a migration.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/consensus/engine.hpp"

namespace seqlab::protocols {

class RelaySource {
 public:
  virtual ~RelaySource() = default;
  virtual NodeId id() const = 0;
  virtual NodeId machine() const = 0;
  /// What is final there.
  virtual const ChainView& chain() const = 0;
  /// Whether it refuses new transactions, as if its pool were full. A start opens it again.
  virtual void close_admission(bool closed) = 0;
  /// Blocks of an older core that come before its block 1, all of them written by others. Nothing while that is not
  /// known: there is nothing to write yet.
  virtual std::optional<std::uint64_t> before() const = 0;
};

}  // namespace seqlab::protocols
