#include "protocols/node/ledger.hpp"

#include <algorithm>
#include <limits>

#include "sim/random/stream.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

Transaction transfer(std::uint32_t from, std::uint32_t to, std::uint64_t nonce, std::int64_t amount, std::int64_t fee) {
  return {.id = {},
          .sender = AccountId{from},
          .receiver = AccountId{to},
          .nonce = nonce,
          .amount = Amount{amount},
          .fee = Amount{fee},
          .bytes = 200};
}

constexpr NodeId proposer{5};

}  // namespace

TEST_CASE("a transfer moves the amount to the receiver and the fee to the proposer", "[ledger]") {
  Ledger ledger{{.accounts = 3, .balance = Amount{100}}};
  CHECK(ledger.execute(transfer(0, 1, 0, 30, 2), proposer) == TxStatus::ok);
  CHECK(ledger.balance(AccountId{0}) == Amount{68});
  CHECK(ledger.balance(AccountId{1}) == Amount{130});
  CHECK(ledger.balance(validator_account(proposer)) == Amount{2});
  CHECK(ledger.next_nonce(AccountId{0}) == 1);
  CHECK(ledger.next_nonce(AccountId{1}) == 0);
  CHECK(ledger.total() == Amount{300});
}

TEST_CASE("a transfer to oneself costs the fee alone", "[ledger]") {
  Ledger ledger{{.accounts = 1, .balance = Amount{100}}};
  CHECK(ledger.execute(transfer(0, 0, 0, 90, 10), proposer) == TxStatus::ok);
  CHECK(ledger.balance(AccountId{0}) == Amount{90});
  CHECK(ledger.total() == Amount{100});
}

TEST_CASE("what fails changes nothing, whatever the fields hold", "[ledger]") {
  constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t min = std::numeric_limits<std::int64_t>::min();
  Ledger ledger{{.accounts = 2, .balance = Amount{100}}};
  REQUIRE(ledger.execute(transfer(0, 1, 0, 10, 0), proposer) == TxStatus::ok);
  const StateRoot before = ledger.root();
  const auto refused = [&](const Transaction& tx, TxStatus status) {
    CHECK(ledger.execute(tx, proposer) == status);
    CHECK(ledger.root() == before);
    CHECK(ledger.total() == Amount{200});
  };
  refused(transfer(0, 1, 0, 1, 0), TxStatus::bad_nonce);
  refused(transfer(0, 1, 2, 1, 0), TxStatus::bad_nonce);
  refused(transfer(0, 1, std::numeric_limits<std::uint64_t>::max(), 1, 0), TxStatus::bad_nonce);
  refused(transfer(0, 1, 1, 91, 0), TxStatus::insufficient_funds);
  refused(transfer(0, 1, 1, 90, 1), TxStatus::insufficient_funds);
  refused(transfer(0, 1, 1, max, max), TxStatus::insufficient_funds);
  refused(transfer(0, 1, 1, max, 1), TxStatus::insufficient_funds);
  refused(transfer(0, 1, 1, -1, 5), TxStatus::insufficient_funds);
  refused(transfer(0, 1, 1, 5, -1), TxStatus::insufficient_funds);
  refused(transfer(0, 1, 1, min, min), TxStatus::insufficient_funds);
  refused(transfer(0, 1, 1, min, max), TxStatus::insufficient_funds);
  refused(transfer(2, 1, 0, 0, 0), TxStatus::unknown_account);
  refused(transfer(0, 2, 1, 1, 0), TxStatus::unknown_account);
  refused(transfer(0, validator_account(proposer).value, 1, 1, 0), TxStatus::unknown_account);
  refused(transfer(validator_account(proposer).value, 0, 0, 0, 0), TxStatus::unknown_account);
  refused(transfer(0x80000000U, 0xffffffffU, 0, 0, 0), TxStatus::unknown_account);
}

TEST_CASE("equal states have equal roots whatever the path", "[ledger]") {
  const LedgerGenesis genesis{.accounts = 4, .balance = Amount{100}};
  const std::vector<Transaction> one = {transfer(0, 1, 0, 10, 1), transfer(2, 3, 0, 5, 2), transfer(0, 2, 1, 7, 0)};
  const std::vector<Transaction> two = {one[1], one[0], one[2]};
  const auto root_of = [&](const std::vector<Transaction>& txs, bool ask_between) {
    Ledger ledger{genesis};
    for (const Transaction& tx : txs) {
      CHECK(ledger.execute(tx, proposer) == TxStatus::ok);
      if (ask_between) static_cast<void>(ledger.root());
    }
    return ledger.root();
  };
  CHECK(root_of(one, false) == root_of(two, false));
  CHECK(root_of(one, false) == root_of(two, true));
  CHECK(root_of(one, false) != Ledger{genesis}.root());
  CHECK(Ledger{genesis}.root() != Ledger{{.accounts = 5, .balance = Amount{100}}}.root());
  CHECK(Ledger{genesis}.root() != Ledger{{.accounts = 4, .balance = Amount{101}}}.root());
}

TEST_CASE("the root tells apart who has what, and who has signed how much", "[ledger]") {
  const auto root_after = [](const Transaction& tx, NodeId by) {
    Ledger ledger{{.accounts = 3, .balance = Amount{100}}};
    REQUIRE(ledger.execute(tx, by) == TxStatus::ok);
    return ledger.root();
  };
  const StateRoot root = root_after(transfer(0, 1, 0, 10, 1), proposer);
  CHECK(root_after(transfer(0, 2, 0, 10, 1), proposer) != root);
  CHECK(root_after(transfer(0, 1, 0, 11, 1), proposer) != root);
  CHECK(root_after(transfer(0, 1, 0, 10, 1), NodeId{6}) != root);
  CHECK(root_after(transfer(0, 0, 0, 0, 0), proposer) != Ledger{{.accounts = 3, .balance = Amount{100}}}.root());
}

TEST_CASE("a trial leaves no trace", "[ledger]") {
  Ledger ledger{{.accounts = 3, .balance = Amount{100}}};
  REQUIRE(ledger.execute(transfer(0, 1, 0, 10, 1), proposer) == TxStatus::ok);
  Ledger untouched = ledger;
  {
    const Ledger::Trial trial{ledger};
    CHECK(ledger.execute(transfer(0, 1, 1, 10, 1), NodeId{9}) == TxStatus::ok);
    CHECK(ledger.execute(transfer(1, 0, 0, 110, 10), proposer) == TxStatus::ok);
    CHECK(ledger.balance(AccountId{1}) == Amount{0});
  }
  CHECK(ledger.balance(AccountId{1}) == Amount{110});
  CHECK(ledger.balance(validator_account(NodeId{9})) == Amount{0});
  CHECK(ledger.next_nonce(AccountId{0}) == 1);
  CHECK(ledger.root() == untouched.root());
  CHECK(ledger.execute(transfer(0, 2, 1, 1, 1), proposer) == TxStatus::ok);
  CHECK(untouched.execute(transfer(0, 2, 1, 1, 1), proposer) == TxStatus::ok);
  CHECK(ledger.root() == untouched.root());
}

TEST_CASE("random transactions, hostile ones among them, never move the sum or make a balance negative", "[ledger]") {
  constexpr std::int64_t extremes[] = {std::numeric_limits<std::int64_t>::min(), -1, 0, 1,
                                       std::numeric_limits<std::int64_t>::max()};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    sim::Stream luck{seed, "test.ledger"};
    const LedgerGenesis genesis{.accounts = 8, .balance = Amount{1000}};
    Ledger ledger{genesis};
    Ledger by_blocks{genesis};  // the same through trials and seldom asked for its root
    int executed = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto from = static_cast<std::uint32_t>(luck.below(9));
      const auto to = static_cast<std::uint32_t>(luck.below(9));
      const std::uint64_t nonce = ledger.next_nonce(AccountId{from}) + (luck.below(10) == 0 ? luck.below(3) : 0);
      const bool hostile = luck.below(5) == 0;
      const std::int64_t amount = hostile ? extremes[luck.below(5)] : luck.between(0, 400);
      const std::int64_t fee = hostile ? extremes[luck.below(5)] : luck.between(0, 20);
      const NodeId by{static_cast<std::uint32_t>(luck.below(3))};
      const Transaction tx = transfer(from, to, nonce, amount, fee);
      if (luck.below(4) == 0) {
        const Ledger::Trial trial{by_blocks};
        static_cast<void>(by_blocks.execute(tx, by));
      }
      const TxStatus status = ledger.execute(tx, by);
      CHECK(by_blocks.execute(tx, by) == status);
      executed += status == TxStatus::ok ? 1 : 0;
      static_cast<void>(ledger.root());
      REQUIRE(ledger.total() == Amount{8000});
      for (std::uint32_t a = 0; a < 8; ++a) REQUIRE(ledger.balance(AccountId{a}).value >= 0);
      if (i % 500 == 499) REQUIRE(ledger.root() == by_blocks.root());
    }
    CHECK(executed > 500);
  }
}
