// What a rollup block takes over from layer 1: the L1 block that it names, and forced items from there.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocols/types/transaction.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

/// A layer-1 block as the rollup's chain names it.
struct L1Ref {
  std::uint64_t height = 0;   ///< 0: none yet
  Hash128 id;
  SimTime timestamp{};        ///< of its header
  friend bool operator==(const L1Ref&, const L1Ref&) = default;
};

/// What a user counts on: that an account holds at least so much. It is what he saw in a pool when he wrote; if others
/// have taken it out when his item is executed, the item fails.
struct Condition {
  AccountId account;
  Amount least{};
  friend bool operator==(const Condition&, const Condition&) = default;
};

/// A transaction that reached the rollup through layer 1.
struct ForcedItem {
  Hash128 id;                     ///< of the L1 transaction that brought it
  std::uint64_t position = 0;     ///< in the queue of all items ever, from 0
  std::uint64_t l1_height = 0;    ///< of the L1 block that holds it
  SimTime l1_timestamp{};
  Transaction transaction;
  std::optional<Condition> condition{};
  friend bool operator==(const ForcedItem&, const ForcedItem&) = default;
};

struct External {
  L1Ref ref;
  std::uint64_t pointer = 0;      ///< items with a lower position are done with after this block
  std::vector<ForcedItem> items{};  ///< to be executed in this block, in order
  friend bool operator==(const External&, const External&) = default;
};

/// What became of an item (`forced_done`).
enum class ForcedStatus : std::uint8_t {
  executed,  ///< with its effect
  failed,    ///< tried; a bad nonce, no funds, its condition not met; done with all the same
  refused,   ///< not tried, for a reason that everybody can check; done with
  deferred,  ///< not tried; still in the queue
  removed,   ///< gone from the queue without having been tried
};

}  // namespace seqlab::protocols
