// What a new core starts from: the genesis file that a cut-over writes.
#pragma once

#include <cstdint>
#include <map>

#include "protocols/forced/forced_path.hpp"
#include "protocols/l1/block.hpp"
#include "protocols/node/ledger.hpp"
#include "protocols/ordering/sort_keys.hpp"

namespace seqlab::protocols {

struct CoreImport {
  bool open = false;             ///< the core has been started; before, its machines do nothing
  Ledger ledger{LedgerGenesis{}};
  ExternalState external;        ///< of the L1 blocks that the old core has taken over
  L1BlockPtr border;             ///< the next one, which the first block has to take over whatever its age; null: any
  std::map<AccountId, SortKey> last_keys;   ///< by contract
  std::uint64_t written = 0;     ///< lines of the old core on layer 1; block 1 comes right after them
};

}  // namespace seqlab::protocols
