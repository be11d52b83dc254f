// What a new core starts from: the genesis file that a cut-over writes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>

#include "protocols/forced/forced_path.hpp"
#include "protocols/l1/block.hpp"
#include "protocols/node/ledger.hpp"

namespace seqlab::protocols {

/// The three parts of a sort key as numbers that compare like the strings: L1 height; milliseconds (old core), block
/// height (new core) or 0 (L1 items); hash (old core, L1 items) or index in the block.
struct ItemKey {
  std::uint64_t l1_height = 0;
  std::uint64_t second = 0;
  std::uint64_t third = 0;
  friend auto operator<=>(const ItemKey&, const ItemKey&) = default;
};

struct CoreImport {
  bool open = false;             ///< the core has been started; before, its machines do nothing
  Ledger ledger{LedgerGenesis{}};
  ExternalState external;        ///< of the L1 blocks that the old core has taken over
  L1BlockPtr border;             ///< the next one, which the first block has to take over whatever its age; null: any
  std::map<AccountId, ItemKey> last_keys;   ///< by contract
};

}  // namespace seqlab::protocols
