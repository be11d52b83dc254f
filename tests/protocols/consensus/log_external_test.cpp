// A block in a log keeps what it takes from layer 1: else a leader that restarts proposes another block than it signed.
#include "protocols/consensus/log_encoding.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

TEST_CASE("a block comes out of the log with its part from layer 1", "[log][forced]") {
  for (const std::size_t items : {0U, 1U, 3U}) {
    Block block;
    block.height = Height{7};
    External external;
    external.ref = {900, HashBuilder{"l1"}.finish(), time_zero + 5s};
    external.pointer = 40 + items;
    for (std::size_t i = 0; i < items; ++i) {
      ForcedItem item;
      item.id = HashBuilder{"item"}.add(i).finish();
      item.position = 40 + i;
      item.l1_height = 899;
      item.l1_timestamp = time_zero + 4s;
      if (i == 1) item.condition = Condition{AccountId{7}, Amount{99}};
      item.transaction.nonce = i;
      item.transaction.id = item.transaction.compute_id();
      external.items.push_back(item);
    }
    block.external = external;
    block.bytes = block.compute_bytes();
    block.id = block.compute_id();
    LogWriter writer(64);
    writer.add(block);
    const std::vector<std::byte> bytes = writer.take();
    LogReader reader(bytes);
    Block back;
    reader.get(back);
    CHECK(reader.good());
    CHECK(reader.at_end());
    CHECK(back.external == block.external);
    CHECK(back.compute_id() == block.id);
  }
}
