#include "protocols/node/mempool.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "protocols/node/ledger.hpp"
#include "protocols/node/sequencer.hpp"
#include "protocols/node/transaction_index.hpp"
#include "sim/random/stream.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

Transaction offer(std::uint32_t sender, std::uint64_t nonce, std::int64_t fee = 1, std::int64_t amount = 0,
                  std::uint32_t bytes = 200) {
  Transaction tx{.id = {},
                 .sender = AccountId{sender},
                 .receiver = AccountId{0},
                 .nonce = nonce,
                 .amount = Amount{amount},
                 .fee = Amount{fee},
                 .bytes = bytes};
  tx.id = tx.compute_id();
  return tx;
}

struct Fixture {
  explicit Fixture(MempoolOptions o = {}, std::int64_t balance = 1'000'000)
      : options(o), ledger({.accounts = 100, .balance = Amount{balance}}), pool(o) {}

  AdmitError admit(const Transaction& tx) { return pool.admit(tx, ledger, evicted); }
  std::vector<Transaction> select(LeaderOrder order = LeaderOrder::arrival, BlockLimits limits = {}) const {
    return pool.select(ledger, order, limits);
  }
  void commit(const std::vector<Transaction>& block) {
    for (const Transaction& tx : block) REQUIRE(ledger.execute(tx, NodeId{1}) == TxStatus::ok);
    height = next(height);
    pool.on_committed(block, height, ledger, evicted);
  }

  MempoolOptions options;
  Ledger ledger;
  Mempool pool;
  Height height{};
  std::vector<Evicted> evicted;
};

std::vector<std::pair<std::uint32_t, std::uint64_t>> names(const std::vector<Transaction>& block) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> out;
  for (const Transaction& tx : block) out.emplace_back(tx.sender.value, tx.nonce);
  return out;
}

using Names = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

}  // namespace

TEST_CASE("each refusal of a transaction has its name, and leaves the pool as it was", "[mempool]") {
  Fixture f{{.max_transaction_bytes = 1000, .max_nonce_gap = 4}, 50};
  REQUIRE(f.ledger.execute(offer(1, 0), NodeId{0}) == TxStatus::ok);
  Transaction bent = offer(1, 1);
  bent.fee = Amount{2};
  CHECK(f.admit(bent) == AdmitError::malformed);
  CHECK(f.admit(offer(1, 1, -1)) == AdmitError::malformed);
  CHECK(f.admit(offer(1, 1, 1, 0, 1001)) == AdmitError::too_large);
  CHECK(f.admit(offer(100, 0)) == AdmitError::unknown_account);
  CHECK(f.admit(offer(1, 0, 2)) == AdmitError::old_nonce);
  CHECK(f.admit(offer(1, 1, 25, 25)) == AdmitError::insufficient_funds);
  CHECK(f.admit(offer(1, 1, INT64_MAX, INT64_MAX)) == AdmitError::insufficient_funds);
  CHECK(f.admit(offer(1, 6)) == AdmitError::nonce_gap);
  CHECK(f.pool.size() == 0);
  CHECK(f.pool.bytes() == 0);
  CHECK(f.admit(offer(1, 5)) == AdmitError::none);
  CHECK(f.admit(offer(1, 5)) == AdmitError::duplicate);
  CHECK(f.admit(offer(1, 5, 9)) == AdmitError::duplicate);  // the nonce is taken
  CHECK(f.pool.size() == 1);
  CHECK(f.pool.bytes() == 200);
}

TEST_CASE("the nonce gap is counted from the first nonce that is missing", "[mempool]") {
  Fixture f{{.max_nonce_gap = 2}};
  for (std::uint64_t nonce = 0; nonce < 50; ++nonce) CHECK(f.admit(offer(1, nonce)) == AdmitError::none);
  CHECK(f.admit(offer(1, 53)) == AdmitError::nonce_gap);
  CHECK(f.admit(offer(1, 52)) == AdmitError::none);
  CHECK(f.admit(offer(1, 53)) == AdmitError::nonce_gap);  // 50 is still missing
  CHECK(f.admit(offer(1, 50)) == AdmitError::none);
  CHECK(f.admit(offer(1, 53)) == AdmitError::none);
  CHECK(f.select().size() == 51);
}

TEST_CASE("by arrival the first come is first, and a nonce waits for the one before it", "[mempool]") {
  Fixture f;
  for (const Transaction& tx : {offer(1, 1), offer(2, 0), offer(3, 0), offer(1, 0), offer(1, 2), offer(4, 1)}) {
    REQUIRE(f.admit(tx) == AdmitError::none);
  }
  CHECK(names(f.select()) == Names{{2, 0}, {3, 0}, {1, 0}, {1, 1}, {1, 2}});
}

TEST_CASE("by fee the better pay per gas is first, nonces stay in sequence, ties go to the first come", "[mempool]") {
  Fixture f;
  Transaction cheap_gas = offer(5, 0, 50);
  cheap_gas.gas = 10'500;  // half the gas of the others: worth 100
  cheap_gas.id = cheap_gas.compute_id();
  for (const Transaction& tx :
       {offer(1, 0, 5), offer(2, 0, 80), offer(3, 0, 80), offer(1, 1, 500), offer(4, 0, 90), cheap_gas}) {
    REQUIRE(f.admit(tx) == AdmitError::none);
  }
  CHECK(names(f.select(LeaderOrder::fee)) == Names{{5, 0}, {4, 0}, {2, 0}, {3, 0}, {1, 0}, {1, 1}});
}

TEST_CASE("a block keeps within its bytes and gas, and fills up with what still fits", "[mempool]") {
  Fixture f;
  for (const Transaction& tx :
       {offer(1, 0, 1, 0, 300), offer(2, 0, 1, 0, 500), offer(2, 1, 1, 0, 150), offer(3, 0, 1, 0, 200)}) {
    REQUIRE(f.admit(tx) == AdmitError::none);
  }
  CHECK(names(f.select(LeaderOrder::arrival, {.max_bytes = 500})) == Names{{1, 0}, {3, 0}});
  CHECK(names(f.select(LeaderOrder::arrival, {.max_bytes = 0})).empty());
  CHECK(names(f.select(LeaderOrder::arrival, {.max_gas = 2 * 21'000})) == Names{{1, 0}, {2, 0}});
}

TEST_CASE("nobody gets more into a block than it can pay", "[mempool]") {
  Fixture f{{}, 100};
  for (const Transaction& tx : {offer(1, 0, 10, 40), offer(1, 1, 10, 40), offer(1, 2, 10, 40)}) {
    REQUIRE(f.admit(tx) == AdmitError::none);
  }
  CHECK(f.select().size() == 2);
}

TEST_CASE("a committed transaction leaves and is not admitted again while it is remembered", "[mempool]") {
  Fixture f{{.cache = 2}};
  const std::vector<Transaction> txs = {offer(1, 0), offer(2, 0), offer(3, 0)};
  for (const Transaction& tx : txs) REQUIRE(f.admit(tx) == AdmitError::none);
  f.commit(f.select());
  CHECK(f.pool.size() == 0);
  CHECK(f.pool.bytes() == 0);
  CHECK(f.evicted.empty());
  CHECK(f.pool.committed_at(txs[2].id) == Height{1});
  CHECK_FALSE(f.pool.waiting(txs[2].id));
  CHECK(f.admit(txs[2]) == AdmitError::duplicate);
  CHECK_FALSE(f.pool.knows(txs[0].id));  // forgotten, but its nonce is used
  CHECK(f.admit(txs[0]) == AdmitError::old_nonce);
}

TEST_CASE("a transaction that came with a block alone is remembered as well", "[mempool]") {
  Fixture f;
  f.commit({offer(1, 0)});
  CHECK(f.admit(offer(1, 0)) == AdmitError::duplicate);
}

TEST_CASE("what a block made obsolete leaves", "[mempool]") {
  Fixture f{{}, 1000};
  REQUIRE(f.admit(offer(1, 0, 5)) == AdmitError::none);        // loses its nonce to another one
  REQUIRE(f.admit(offer(1, 1, 5)) == AdmitError::none);        // goes on
  REQUIRE(f.admit(offer(2, 1, 5, 900)) == AdmitError::none);   // cannot be paid any more
  REQUIRE(f.admit(offer(2, 2, 5)) == AdmitError::none);        // and what is behind it
  f.commit({offer(1, 0, 6), offer(2, 0, 0, 500)});
  REQUIRE(f.evicted.size() == 3);
  CHECK(f.evicted[0].transaction == offer(1, 0, 5));
  CHECK(f.evicted[0].reason == EvictReason::old_nonce);
  CHECK(f.evicted[1].transaction == offer(2, 1, 5, 900));
  CHECK(f.evicted[1].reason == EvictReason::out_of_funds);
  CHECK(f.evicted[2].reason == EvictReason::out_of_funds);
  CHECK(names(f.select()) == Names{{1, 1}});
  CHECK_FALSE(f.pool.knows(offer(2, 2, 5).id));  // it may come again
}

TEST_CASE("a full pool refuses", "[mempool]") {
  SECTION("by count") {
    Fixture f{{.max_transactions = 3}};
    for (std::uint32_t i = 1; i <= 3; ++i) REQUIRE(f.admit(offer(i, 0)) == AdmitError::none);
    CHECK(f.admit(offer(4, 0, 1000)) == AdmitError::full);
    CHECK_FALSE(f.pool.knows(offer(4, 0, 1000).id));
    f.commit({offer(1, 0)});
    CHECK(f.admit(offer(4, 0, 1000)) == AdmitError::none);
  }
  SECTION("by bytes") {
    Fixture f{{.max_bytes = 1000}};
    REQUIRE(f.admit(offer(1, 0, 1, 0, 600)) == AdmitError::none);
    CHECK(f.admit(offer(2, 0, 1, 0, 401)) == AdmitError::full);
    CHECK(f.admit(offer(2, 0, 1, 0, 400)) == AdmitError::none);
  }
}

TEST_CASE("transactions behind a hole cannot keep out the one that fills it", "[mempool]") {
  SECTION("by count") {
    Fixture f{{.max_transactions = 8}};
    for (std::uint32_t i = 1; i <= 2; ++i) REQUIRE(f.admit(offer(i, 1)) == AdmitError::none);
    CHECK(f.admit(offer(3, 1)) == AdmitError::full);
    REQUIRE(f.admit(offer(1, 0)) == AdmitError::none);  // now one is stuck, two are ready
    REQUIRE(f.admit(offer(3, 1)) == AdmitError::none);
    CHECK(f.admit(offer(4, 1)) == AdmitError::full);
    f.commit(f.select());
    CHECK(f.admit(offer(4, 1)) == AdmitError::full);
    f.commit({offer(2, 0)});  // came with a block; what waited for it is ready
    CHECK(f.admit(offer(4, 1)) == AdmitError::none);
  }
  SECTION("by bytes") {
    Fixture f{{.max_bytes = 1000}};
    CHECK(f.admit(offer(1, 1, 1, 0, 251)) == AdmitError::full);
    CHECK(f.admit(offer(1, 1, 1, 0, 250)) == AdmitError::none);
    CHECK(f.admit(offer(2, 1, 1, 0, 200)) == AdmitError::full);
  }
}

TEST_CASE("a full pool that evicts lets the last transaction of whoever pays least go", "[mempool]") {
  Fixture f{{.max_transactions = 4, .evict_lowest_fee = true}};
  for (const Transaction& tx : {offer(1, 0, 3), offer(1, 1, 50), offer(2, 0, 10), offer(3, 0, 20)}) {
    REQUIRE(f.admit(tx) == AdmitError::none);
  }
  CHECK(f.admit(offer(4, 0, 10)) == AdmitError::full);  // pays no more than the least
  REQUIRE(f.admit(offer(4, 0, 15)) == AdmitError::none);
  REQUIRE(f.evicted.size() == 1);
  CHECK(f.evicted[0].transaction == offer(2, 0, 10));  // not (1, 0): another one stands on it
  CHECK(f.evicted[0].reason == EvictReason::outbid);
  CHECK(f.admit(offer(4, 1, 16)) == AdmitError::full);  // would have to throw its own predecessor out
  CHECK(f.admit(offer(2, 0, 10)) == AdmitError::full);
  CHECK(f.pool.size() == 4);
}

TEST_CASE("a pool that evicts takes a better offer for the same nonce", "[mempool]") {
  Fixture f{{.evict_lowest_fee = true}};
  REQUIRE(f.admit(offer(1, 0, 5)) == AdmitError::none);
  REQUIRE(f.admit(offer(1, 1, 5)) == AdmitError::none);
  CHECK(f.admit(offer(1, 0, 5, 1)) == AdmitError::duplicate);
  REQUIRE(f.admit(offer(1, 0, 6)) == AdmitError::none);
  REQUIRE(f.evicted.size() == 1);
  CHECK(f.evicted[0].transaction == offer(1, 0, 5));
  CHECK(f.select() == std::vector<Transaction>{offer(1, 0, 6), offer(1, 1, 5)});
}

TEST_CASE("room for one large newcomer can take several small ones", "[mempool]") {
  Fixture f{{.max_bytes = 1000, .evict_lowest_fee = true}};
  for (std::uint32_t i = 1; i <= 5; ++i) REQUIRE(f.admit(offer(i, 0, i)) == AdmitError::none);
  CHECK(f.admit(offer(9, 0, 3, 0, 600)) == AdmitError::full);  // only two pay less
  CHECK(f.pool.size() == 5);
  REQUIRE(f.admit(offer(9, 0, 4, 0, 600)) == AdmitError::none);
  CHECK(f.evicted.size() == 3);
  CHECK(f.pool.bytes() == 1000);
}

TEST_CASE("after any history the pool is within its bounds and every selection executes", "[mempool]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    sim::Stream luck{seed, "test.mempool"};
    const bool evicts = luck.below(2) == 1;
    Fixture f{{.max_transactions = 40, .max_bytes = 9000, .cache = 30, .max_nonce_gap = 5, .evict_lowest_fee = evicts},
              1200};
    std::map<TxId, Transaction> inside;
    int admitted = 0;
    for (int step = 0; step < 600; ++step) {
      if (luck.below(20) != 0) {
        const auto sender = static_cast<std::uint32_t>(luck.below(12));
        const std::uint64_t nonce = f.ledger.next_nonce(AccountId{sender}) + luck.below(8);
        const auto fee = static_cast<std::int64_t>(luck.below(6));
        const auto amount = static_cast<std::int64_t>(luck.below(30));
        const auto bytes = static_cast<std::uint32_t>(transaction_bytes_min + luck.below(400));
        const Transaction tx = offer(sender, nonce, fee, amount, bytes);
        f.evicted.clear();
        if (f.admit(tx) == AdmitError::none) {
          ++admitted;
          CHECK(inside.emplace(tx.id, tx).second);
        } else {
          CHECK(f.evicted.empty());
        }
        for (const Evicted& e : f.evicted) CHECK(inside.erase(e.transaction.id) == 1);
      } else {
        const LeaderOrder order = luck.below(2) == 0 ? LeaderOrder::arrival : LeaderOrder::fee;
        const BlockLimits limits{.max_bytes = static_cast<std::uint32_t>(luck.below(6000)),
                                 .max_gas = 21'000 * luck.below(20)};
        const std::vector<Transaction> block = f.select(order, limits);
        std::uint64_t bytes = 0;
        for (const Transaction& tx : block) bytes += tx.bytes;
        CHECK(bytes <= limits.max_bytes);
        CHECK(block.size() * 21'000 <= limits.max_gas);
        f.evicted.clear();
        f.commit(block);  // requires that each executes
        for (const Transaction& tx : block) CHECK(inside.erase(tx.id) == 1);
        for (const Evicted& e : f.evicted) CHECK(inside.erase(e.transaction.id) == 1);
      }
      std::uint64_t bytes = 0;
      for (const auto& [id, tx] : inside) {
        bytes += tx.bytes;
        REQUIRE(f.pool.waiting(id));
      }
      REQUIRE(f.pool.size() == inside.size());
      REQUIRE(f.pool.bytes() == bytes);
      REQUIRE(f.pool.size() <= 40);
      REQUIRE(f.pool.bytes() <= 9000);
    }
    CHECK(admitted > 50);
  }
}

TEST_CASE("the order of a block does not depend on what the pool went through before", "[mempool]") {
  Fixture fresh;
  Fixture used;
  for (std::uint32_t i = 0; i < 50; ++i) REQUIRE(used.admit(offer(90 + i % 5, i / 5)) == AdmitError::none);
  used.commit(used.select());
  for (const Transaction& tx : {offer(7, 0), offer(3, 1), offer(3, 0), offer(9, 0, 4)}) {
    REQUIRE(fresh.admit(tx) == AdmitError::none);
    REQUIRE(used.admit(tx) == AdmitError::none);
  }
  CHECK(fresh.select(LeaderOrder::fee) == used.select(LeaderOrder::fee));
  CHECK(fresh.select() == used.select());
}

TEST_CASE("pools that share an index answer as pools of their own do, also after one of them lost its memory",
          "[mempool]") {
  const MempoolOptions options{.max_transactions = 20, .cache = 15, .evict_lowest_fee = true};
  const auto index = std::make_shared<TransactionIndex>();
  constexpr std::size_t count = 3;
  std::vector<Fixture> apart;
  std::vector<Mempool> shared;
  for (std::size_t i = 0; i < count; ++i) {
    apart.emplace_back(options);
    shared.emplace_back(options, index);
  }
  sim::Stream luck{1, "mempool.shared"};
  std::vector<Transaction> seen;
  for (int step = 0; step < 3000; ++step) {
    const std::size_t i = luck.below(count);
    Fixture& own = apart[i];
    std::vector<Evicted> evicted;
    own.evicted.clear();
    const std::uint64_t what = luck.below(20);
    if (what == 0) {
      shared[i].clear();
      own.pool = Mempool{options};
    } else if (what < 4) {
      const std::vector<Transaction> block = own.select(LeaderOrder::fee, {.max_bytes = 1000});
      own.commit(block);
      shared[i].on_committed(block, own.height, own.ledger, evicted);
    } else {
      const auto sender = static_cast<std::uint32_t>(luck.below(5));
      const std::uint64_t nonce = own.ledger.next_nonce(AccountId{sender}) + luck.below(3);
      const std::int64_t fee = luck.between(1, 5);
      seen.push_back(offer(sender, nonce, fee));
      CHECK(shared[i].admit(seen.back(), own.ledger, evicted) == own.admit(seen.back()));
    }
    REQUIRE(evicted.size() == own.evicted.size());
    for (std::size_t k = 0; k < evicted.size(); ++k) {
      CHECK(evicted[k].transaction.id == own.evicted[k].transaction.id);
      CHECK(evicted[k].reason == own.evicted[k].reason);
    }
    REQUIRE(shared[i].size() == own.pool.size());
    REQUIRE(shared[i].bytes() == own.pool.bytes());
    for (std::size_t k = seen.size() - std::min<std::size_t>(seen.size(), 40); k < seen.size(); ++k) {
      for (std::size_t j = 0; j < count; ++j) {
        REQUIRE(shared[j].knows(seen[k].id) == apart[j].pool.knows(seen[k].id));
        REQUIRE(shared[j].waiting(seen[k].id) == apart[j].pool.waiting(seen[k].id));
        REQUIRE(shared[j].committed_at(seen[k].id) == apart[j].pool.committed_at(seen[k].id));
      }
    }
  }
  CHECK(index->size() <= count * (options.max_transactions + options.cache));
  shared.clear();
  CHECK(index->size() == 0);
}

TEST_CASE("a pool that joins an index later finds a column of its own", "[mempool]") {
  const auto index = std::make_shared<TransactionIndex>();
  Fixture f;
  Mempool first{{}, index};
  CHECK(first.admit(offer(1, 0), f.ledger, f.evicted) == AdmitError::none);
  Mempool second{{}, index};
  CHECK_FALSE(second.knows(offer(1, 0).id));
  CHECK(first.waiting(offer(1, 0).id));
  CHECK(second.admit(offer(2, 0), f.ledger, f.evicted) == AdmitError::none);
  CHECK_FALSE(first.knows(offer(2, 0).id));
  CHECK(index->size() == 2);
}
