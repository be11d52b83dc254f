// Warp's order of interactions as those see it who read them without the chain: every ordered item has a sort key, the
// keys rise as texts do, and each item names the key of the one before it of the same contract.
//
// Source: Warp's documentation of sequencer ordering; warp-contracts/sequencer, x/sequencer/proposal. Deviations: an
// item from layer 1 has its place in its L1 block as third field instead of a hash, so that keys rise in the order of
// execution; the contract is the receiver of the transaction; hashes are the model's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocols/types/block.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::protocols {

struct SortKey {
  std::uint64_t l1_height = 0;   ///< last L1 height of the chain; of an L1 item that of its own block
  std::uint64_t second = 0;      ///< height of the rollup block (a centralised sequencer: milliseconds); L1 items: 0
  std::uint64_t third = 0;       ///< index among the items of its block
  friend auto operator<=>(const SortKey&, const SortKey&) = default;
  /// "000000000100,0000000000200,00000003". Texts compare as keys do while the fields have at most 12, 13, 8 digits.
  std::string text() const;
};

/// An ordered item and where it stands.
struct KeyedItem {
  AccountId contract{};
  SortKey key;
  std::optional<SortKey> previous;  ///< of the same contract
  bool from_l1 = false;
  friend bool operator==(const KeyedItem&, const KeyedItem&) = default;
};

/// The last key of every contract: part of the replicated state. A regular value. Contracts are users' accounts, which
/// are numbered from 0: a key is found by its place.
class SortKeys {
 public:
  SortKeys() = default;
  /// As another core left them.
  explicit SortKeys(const std::map<AccountId, SortKey>& last);

  /// Gives keys to what a block ordered. @param l1_height  the chain's last L1 height, this block's included
  /// @param forced    items from L1 that were executed, in order
  /// @param included  transactions of the block that were executed
  std::vector<KeyedItem> order(Height height, std::uint64_t l1_height, const std::vector<ForcedItem>& forced,
                               const std::vector<const Transaction*>& included);
  KeyedItem add(AccountId contract, const SortKey& key, bool from_l1);
  /// Of all contracts that have one.
  std::map<AccountId, SortKey> last() const;
  friend bool operator==(const SortKeys&, const SortKeys&) = default;

 private:
  struct Last {
    SortKey key;
    bool known = false;
    friend bool operator==(const Last&, const Last&) = default;
  };
  std::vector<Last> last_;                 ///< by contract, up to the highest one that has a key
  std::map<AccountId, SortKey> far_last_;  ///< of numbers that no user has
};

/// The value that an interaction may draw its luck from: of the block before and the key. Who proposes knows the former
/// before he chooses the latter, and can look for a place that suits him.
Hash128 random_value(const BlockId& previous, const SortKey& key);
/// Whether an interaction with that value wins a lottery. @pre 0 <= odds <= 1
bool wins(const Hash128& value, sim::Ratio odds);

}  // namespace seqlab::protocols
