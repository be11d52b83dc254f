// Full nodes that rebuild the rollup from layer 1: batches in pieces and out of order, reorganisations, windows,
// commitments, proofs.
#include "protocols/derivation/derivation.hpp"

#include <algorithm>
#include <vector>

#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;
using What = Derived::What;

namespace {

/// A layer-1 branch made by hand, and a rollup chain to put on it.
struct Hand {
  explicit Hand(DerivationOptions options = {}, std::size_t blocks = 12)
      : derivation(std::move(options), ledger, 100), view(l1_block(100, {}, {}), 512) {
    services.authentic = [](const Transaction&) { return true; };
    services.local_block = [this](std::uint64_t h) -> std::optional<BlockId> {
      if (h == 0 || h > local) return std::nullopt;
      return chain[h - 1]->id;
    };
    BlockId parent{};
    for (std::size_t i = 1; i <= blocks; ++i) {
      auto block = std::make_shared<Block>();
      block->height = Height{i};
      block->parent = parent;
      Transaction tx;
      tx.sender = AccountId{0};
      tx.receiver = AccountId{1};
      tx.nonce = i - 1;
      tx.amount = Amount{5};
      tx.bytes = transaction_bytes_min;
      tx.id = tx.compute_id();
      block->transactions.push_back(tx);
      block->bytes = block->compute_bytes();
      block->id = block->compute_id();
      parent = block->id;
      chain.push_back(std::move(block));
    }
    local = blocks;
  }

  L1BlockPtr l1_block(std::uint64_t height, Hash128 parent, std::vector<L1TransactionPtr> txs, int branch = 0) {
    auto block = std::make_shared<L1Block>();
    block->height = height;
    block->parent = parent;
    block->timestamp = time_zero + 12s * static_cast<std::int64_t>(height);
    block->transactions = std::move(txs);
    block->id = HashBuilder{"hand"}.add(height).add(branch).finish();
    made.push_back(block);
    return block;
  }
  L1TransactionPtr wrap(L1TxKind kind, std::shared_ptr<const L1Data> data, NodeId author = NodeId{0}) {
    auto tx = std::make_shared<L1Transaction>();
    tx->id = HashBuilder{"tx"}.add(++number).finish();
    tx->author = author;
    tx->kind = kind;
    tx->data = std::move(data);
    return tx;
  }
  L1TransactionPtr batch(std::size_t from, std::size_t to, std::uint32_t frame = 0, std::uint32_t frames = 1,
                         NodeId author = NodeId{0}) {
    auto data = std::make_shared<BatchData>();
    data->channel = HashBuilder{"channel"}.add(from).add(to).finish();
    data->frame = frame;
    data->frames = frames;
    for (std::size_t h = from; h <= to; ++h) data->blocks.push_back(chain[h - 1]);
    return wrap(L1TxKind::batch, data, author);
  }
  L1TransactionPtr commitment(std::uint32_t index, std::size_t from, std::size_t to, bool wrong = false) {
    auto data = std::make_shared<CommitmentData>();
    data->index = index;
    data->last = Height{to};
    std::vector<BlockId> ids;
    for (std::size_t h = from; h <= to; ++h) ids.push_back(chain[h - 1]->id);
    if (wrong) ids.back() = {};
    data->root = commitment_root(ids);
    return wrap(L1TxKind::commitment, data);
  }
  L1TransactionPtr proof(std::uint32_t first, std::uint32_t last, bool valid = true) {
    auto data = std::make_shared<ProofData>();
    data->first = first;
    data->last = last;
    data->state = HashBuilder{"state"}.add(last).finish();
    data->valid = valid;
    return wrap(L1TxKind::proof, data);
  }
  /// The next L1 block of the view; @return how far the derived head went back
  std::uint64_t mine(std::vector<L1TransactionPtr> txs = {}) {
    return see(l1_block(view.height() + 1, view.tip()->id, std::move(txs)));
  }
  std::uint64_t see(const L1BlockPtr& block) {
    view.receive(block, [this](const Hash128& id) -> L1BlockPtr {
      const auto at = std::ranges::find_if(made, [&](const L1BlockPtr& b) { return b->id == id; });
      return at == made.end() ? nullptr : *at;
    });
    return derivation.advance(view, view.height(), services, news);
  }
  std::vector<std::uint64_t> heights(What what) const {
    std::vector<std::uint64_t> out;
    for (const Derived& d : news) {
      if (d.what == what) out.push_back(d.height);
    }
    return out;
  }
  std::uint64_t head() const { return derivation.heads().derived; }

  LedgerGenesis ledger{.accounts = 4, .balance = Amount{1000}};
  Derivation derivation;
  std::vector<L1BlockPtr> made;
  L1View view;
  DerivationServices services;
  std::vector<BlockPtr> chain;
  std::uint64_t local = 0;
  std::uint64_t number = 0;
  std::vector<Derived> news;
};

using Heights = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("batches give back the chain and its states, whatever order they come in", "[derivation]") {
  Hand hand;
  hand.mine({hand.batch(4, 6)});                       // too early: kept
  CHECK(hand.head() == 0);
  hand.mine({hand.batch(1, 3), hand.batch(2, 5)});     // what overlaps is not derived twice
  CHECK(hand.heights(What::block) == Heights{1, 2, 3, 4, 5, 6});
  Ledger expected{hand.ledger};
  for (std::size_t i = 0; i < 6; ++i) {
    expected.execute(hand.chain[i]->transactions[0], hand.chain[i]->proposer);
    CHECK(hand.news[i].id == hand.chain[i]->id);
    CHECK(hand.news[i].state == expected.root());
  }
}

TEST_CASE("a channel counts when its last frame is there, and not after its time", "[derivation]") {
  DerivationOptions options;
  options.channel_timeout = 5;
  Hand hand{options};
  hand.mine({hand.batch(1, 3, 2, 3)});
  hand.mine({hand.batch(1, 3, 0, 3), hand.batch(1, 3, 0, 3)});  // twice the same one is one
  CHECK(hand.head() == 0);
  hand.mine({hand.batch(1, 3, 1, 3)});
  CHECK(hand.head() == 3);
  hand.mine({hand.batch(4, 6, 0, 2)});
  for (int i = 0; i < 6; ++i) hand.mine();
  hand.mine({hand.batch(4, 6, 1, 2)});
  CHECK(hand.head() == 3);
  hand.mine({hand.batch(4, 6, 0, 2)});                  // together with the late one
  CHECK(hand.head() == 6);
}

TEST_CASE("who may not write is not read, and damaged batches do no harm", "[derivation]") {
  DerivationOptions options;
  options.writers = {NodeId{0}, NodeId{2}};
  Hand hand{options};
  hand.mine({hand.batch(1, 3, 0, 1, NodeId{1})});
  CHECK(hand.head() == 0);
  auto broken = std::make_shared<BatchData>();
  broken->frames = 0;
  auto high = std::make_shared<BatchData>();
  high->frame = 7;
  high->frames = 2;
  hand.mine({hand.wrap(L1TxKind::batch, broken), hand.wrap(L1TxKind::batch, high),
             hand.wrap(L1TxKind::batch, nullptr), hand.batch(1, 2, 0, 1, NodeId{2})});
  CHECK(hand.head() == 2);
}

TEST_CASE("a block that does not follow the derived tip is passed over", "[derivation]") {
  Hand hand;
  auto stranger = std::make_shared<Block>(*hand.chain[1]);
  stranger->parent = HashBuilder{"elsewhere"}.finish();
  stranger->id = stranger->compute_id();
  auto data = std::make_shared<BatchData>();
  data->channel = HashBuilder{"x"}.finish();
  data->blocks = {stranger};
  hand.mine({hand.batch(1, 1), hand.wrap(L1TxKind::batch, data), hand.batch(2, 2)});
  CHECK(hand.head() == 2);
  CHECK(hand.derivation.heads().derived_id == hand.chain[1]->id);
}

TEST_CASE("the derivation goes back with layer 1, exactly as far, and on again", "[derivation]") {
  Hand hand;
  hand.mine({hand.batch(1, 2)});   // 101
  const L1BlockPtr fork = hand.view.tip();
  hand.mine({hand.batch(3, 4)});   // 102
  hand.mine({hand.batch(5, 6)});   // 103
  CHECK(hand.head() == 6);
  const L1BlockPtr a = hand.l1_block(102, fork->id, {}, 1);
  const L1BlockPtr b = hand.l1_block(103, a->id, {hand.batch(3, 3)}, 1);
  const L1BlockPtr c = hand.l1_block(104, b->id, {}, 1);
  hand.news.clear();
  CHECK(hand.see(c) == 4);         // blocks 3 to 6 went, 1 and 2 did not
  CHECK(hand.heights(What::block) == Heights{3});
  CHECK(hand.head() == 3);
  hand.mine({hand.batch(4, 6)});
  CHECK(hand.head() == 6);

  // The same chain read in one go gives the same: a derivation is a function of the blocks alone.
  Derivation fresh{DerivationOptions{}, hand.ledger, 100};
  std::vector<Derived> all;
  fresh.advance(hand.view, hand.view.height(), hand.services, all);
  CHECK(fresh.heads() == hand.derivation.heads());
  CHECK(all.back().state == hand.news.back().state);
}

TEST_CASE("what is final is released, and going back stops there", "[derivation]") {
  Hand hand;
  hand.mine({hand.batch(1, 2)});
  hand.mine({hand.batch(3, 4)});
  const L1BlockPtr fork = hand.view.tip();
  hand.mine({hand.batch(5, 6)});
  hand.derivation.finalise(hand.view, 102, hand.services);
  CHECK(hand.derivation.heads_at(101) == std::nullopt);
  CHECK(hand.derivation.heads_at(102)->derived == 4);
  CHECK(hand.derivation.heads_at(103)->derived == 6);
  const L1BlockPtr a = hand.l1_block(103, fork->id, {}, 1);
  const L1BlockPtr b = hand.l1_block(104, a->id, {hand.batch(5, 5)}, 1);
  CHECK(hand.see(b) == 2);
  CHECK(hand.head() == 5);
}

TEST_CASE("a window that runs out gives empty blocks with the forced items, and later batches come too late",
          "[derivation]") {
  DerivationOptions options;
  options.window = 10;
  Hand hand{options};
  auto forced = std::make_shared<ForcedData>();
  forced->transaction = hand.chain[0]->transactions[0];
  hand.mine({hand.wrap(L1TxKind::forced, forced)});     // in 101
  for (int i = 0; i < 9; ++i) hand.mine();              // 110
  CHECK(hand.head() == 0);
  hand.mine();                                          // 111: L1 block 101 had its time
  REQUIRE(hand.head() == 1);
  CHECK(hand.news.back().empty);
  Ledger expected{hand.ledger};
  expected.execute(forced->transaction, no_node);
  CHECK(hand.news.back().state == expected.root());
  hand.mine({hand.batch(1, 3)});
  CHECK(hand.derivation.heads().derived_id != hand.chain[2]->id);
}

TEST_CASE("commitments count in order of their index, the first of an index, when the blocks are here",
          "[derivation]") {
  DerivationOptions options;
  options.kind = DerivationOptions::Kind::proofs;
  Hand hand{options};
  hand.local = 4;
  hand.mine({hand.commitment(2, 4, 6)});               // a gap before it
  CHECK(hand.head() == 0);
  hand.mine({hand.commitment(1, 1, 3), hand.commitment(1, 1, 2)});
  CHECK(hand.head() == 3);                             // and 2 waits for blocks 5 and 6
  hand.local = 12;
  hand.mine();
  CHECK(hand.head() == 6);
  hand.mine({hand.commitment(3, 7, 9), hand.commitment(2, 4, 5)});
  CHECK(hand.head() == 9);
  CHECK(hand.heights(What::commitment) == Heights{3, 6, 9});
}

TEST_CASE("a root that does not match the blocks halts the node", "[derivation]") {
  DerivationOptions options;
  options.kind = DerivationOptions::Kind::proofs;
  Hand hand{options};
  hand.mine({hand.commitment(1, 1, 3, true)});
  CHECK(hand.derivation.heads().halted);
  CHECK(hand.heights(What::halt) == Heights{3});
  hand.mine({hand.commitment(1, 1, 3)});
  CHECK(hand.head() == 0);
}

TEST_CASE("proofs wait for commitments and for each other, leave no gap, may overlap, and invalid ones are skipped",
          "[derivation]") {
  DerivationOptions options;
  options.kind = DerivationOptions::Kind::proofs;
  Hand hand{options};
  hand.mine({hand.proof(1, 1), hand.commitment(1, 1, 3), hand.commitment(2, 4, 6), hand.commitment(3, 7, 9)});
  CHECK(hand.derivation.heads().proven == 3);
  hand.mine({hand.proof(3, 3)});                       // a gap
  CHECK(hand.derivation.heads().proven == 3);
  hand.mine({hand.proof(2, 2, false)});
  CHECK(hand.derivation.heads().proven == 3);
  hand.mine({hand.proof(1, 2)});                       // overlaps, and closes it
  CHECK(hand.derivation.heads().proven == 9);
  CHECK(hand.heights(What::proof) == Heights{3, 6, 9});
}
