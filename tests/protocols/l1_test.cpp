// Layer-1 chains: pace, finality, prices, pool, forks, and what single nodes see of them.
#include "protocols/l1/l1.hpp"

#include <algorithm>
#include <vector>

#include "protocols/l1/data.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;
using sim::Record;
using sim::RecordKind;

namespace {

class Kept final : public sim::RecordObserver {
 public:
  void on_record(const Record& record) override { records.push_back(record); }
  std::vector<Record> of(RecordKind kind) const {
    std::vector<Record> some;
    std::ranges::copy_if(records, std::back_inserter(some), [&](const Record& r) { return r.kind == kind; });
    return some;
  }
  std::vector<Record> records;
};

struct Chain {
  explicit Chain(std::string_view name, std::uint64_t seed = 1, std::uint32_t observers = 3)
      : simulation({.seed = seed}), profile(*find_l1_profile(name)), l1(simulation, profile, observers) {
    simulation.records().subscribe(kept, sim::all_kinds);
  }
  void run(Duration d) {
    if (!started) l1.start();
    started = true;
    simulation.run(simulation.now() + d);
  }
  sim::Simulation simulation;
  L1Profile profile;
  L1 l1;
  Kept kept;
  bool started = false;
};

L1TransactionPtr transaction(std::uint64_t number, L1Price price, std::uint64_t units = 1000) {
  auto tx = std::make_shared<L1Transaction>();
  tx->id = HashBuilder{"test"}.add(number).finish();
  tx->author = NodeId{0};
  tx->units[0] = units;
  tx->price_max[0] = price;
  tx->bytes = static_cast<std::uint32_t>(units);
  return tx;
}
std::shared_ptr<L1Transaction> with_nonce(std::uint64_t number, std::uint64_t nonce, L1Price price) {
  auto tx = std::make_shared<L1Transaction>(*transaction(number, price));
  tx->has_nonce = true;
  tx->nonce = nonce;
  return tx;
}

/// Minutes from a random block until it is `depth` deep, at a quantile in percent.
std::int64_t wait_minutes_tenths(Chain& chain, std::uint64_t depth, std::size_t percent) {
  std::vector<Record> mined = chain.kept.of(RecordKind::l1_mined);
  std::erase_if(mined, [](const Record& r) { return r.flags != 0; });
  std::vector<std::int64_t> waits;
  for (std::size_t i = 0; i + depth < mined.size(); ++i) waits.push_back(ns(mined[i + depth].at - mined[i].at));
  std::ranges::sort(waits);
  return waits[waits.size() * percent / 100] / 6'000'000'000;
}

}  // namespace

TEST_CASE("waits for depth are those of the published tables", "[l1]") {
  SECTION("Arweave, 10 deep: 20.8 min in the middle, 33.8 at 95 %, 40.4 at 99 %") {
    Chain chain("arweave", 3);
    chain.run(129s * 40'000);
    const auto mined = chain.kept.of(RecordKind::l1_mined).size();
    CHECK(mined > 39'000);
    CHECK(mined < 41'800);  // rivals among them
    CHECK(std::abs(wait_minutes_tenths(chain, 10, 50) - 208) <= 4);
    CHECK(std::abs(wait_minutes_tenths(chain, 10, 95) - 338) <= 8);
    CHECK(std::abs(wait_minutes_tenths(chain, 10, 99) - 404) <= 16);
  }
  SECTION("Bitcoin, 6 deep: 56.7 min, 105.1, 131.1") {
    Chain chain("bitcoin", 4);
    chain.run(600s * 40'000);
    CHECK(std::abs(wait_minutes_tenths(chain, 6, 50) - 567) <= 12);
    CHECK(std::abs(wait_minutes_tenths(chain, 6, 95) - 1051) <= 30);
    CHECK(std::abs(wait_minutes_tenths(chain, 6, 99) - 1311) <= 60);
  }
}

TEST_CASE("an Ethereum block is final 64 to 96 slots after its own", "[l1]") {
  Chain chain("ethereum", 5);
  chain.run(12s * 32 * 100);
  std::vector<std::pair<std::uint64_t, SimTime>> mined;
  std::int64_t least = INT64_MAX;
  std::int64_t most = 0;
  std::uint64_t done = 0;
  for (const Record& r : chain.kept.records) {
    if (r.kind == RecordKind::l1_mined && r.flags == 0) mined.emplace_back(r.height, r.at);
    if (r.kind != RecordKind::l1_final) continue;
    for (const auto& [height, at] : mined) {
      if (height <= done || height > r.height) continue;
      least = std::min(least, (r.at - at) / 12s);
      most = std::max(most, (r.at - at) / 12s);
    }
    done = r.height;
  }
  CHECK(least >= 64);
  CHECK(most <= 96);
  CHECK(done > 0);
}

TEST_CASE("empty slots are rare and come in clusters", "[l1]") {
  Chain chain("ethereum", 6);
  chain.run(12s * 100'000);
  std::vector<Record> mined = chain.kept.of(RecordKind::l1_mined);
  std::erase_if(mined, [](const Record& r) { return r.flags != 0; });
  const double missed = 1.0 - static_cast<double>(mined.size()) / 100'000.0;
  CHECK(missed > 0.0025);
  CHECK(missed < 0.0050);  // 0.3 % after a full slot, a fifth of those again
}

TEST_CASE("the blob price is EIP-4844's", "[l1][fees]") {
  // Vectors of the reference implementations.
  const std::vector<std::array<std::uint64_t, 4>> vectors{
      {1, 0, 1, 1},    {38493, 0, 1000, 38493}, {0, 1234, 2345, 0}, {1, 2, 1, 6},  {1, 4, 2, 6},
      {1, 3, 1, 16},   {1, 6, 2, 18},           {1, 4, 1, 49},      {1, 8, 2, 50}, {10, 8, 2, 542},
      {11, 8, 2, 596}, {1, 5, 1, 136},          {1, 5, 2, 11},      {2, 5, 2, 23}, {1, 50000000, 2225652, 5709098764}};
  for (const auto& [factor, numerator, denominator, expected] : vectors) {
    CHECK(fake_exponential(factor, numerator, denominator) == expected);
  }
  CHECK(fake_exponential(1, 1'000'000'000, 1'000) == std::uint64_t{1} << 62U);  // bounded, not wrapped
}

TEST_CASE("a full block raises the base fee by an eighth, an empty one lowers it by as much", "[l1][fees]") {
  FeeMarketOptions options{.kind = FeeMarketOptions::Kind::base_fee, .level = 8'000'000, .floor = 1};
  options.target = 15'000'000;
  options.limit = 30'000'000;
  FeeMarket full{options, 1};
  full.advance(1, 30'000'000, 100);
  CHECK(full.price(2, 100) == 9'000'000);
  FeeMarket empty{options, 1};
  empty.advance(1, 0, 0);  // nobody wants anything
  CHECK(empty.price(2, 100) - 7'000'000 <= 1);  // demand never falls below the floor
}

TEST_CASE("who offers too little waits, who offers more replaces him, and gaps hold up what follows", "[l1]") {
  Chain chain("ethereum", 7);
  const L1Price enough = 1'000'000'000;
  CHECK(chain.l1.submit(with_nonce(1, 1, enough)));   // nonce 0 is missing
  chain.run(60s);
  CHECK(chain.l1.receipt(NodeId{0}, with_nonce(1, 1, enough)->id).state == L1Receipt::State::waiting);
  CHECK(chain.l1.next_nonce(NodeId{0}) == 2);
  CHECK(chain.l1.submit(with_nonce(2, 0, 1)));        // nobody takes that
  chain.run(60s);
  CHECK(chain.l1.receipt(NodeId{0}, with_nonce(2, 0, 1)->id).state == L1Receipt::State::waiting);
  CHECK_FALSE(chain.l1.submit(with_nonce(3, 0, 1)));  // not a tenth more
  CHECK(chain.l1.submit(with_nonce(4, 0, enough)));
  chain.run(60s);
  CHECK(chain.l1.receipt(NodeId{0}, with_nonce(2, 0, 1)->id).state == L1Receipt::State::unknown);
  CHECK(chain.l1.receipt(NodeId{0}, with_nonce(4, 0, enough)->id).state == L1Receipt::State::included);
  CHECK(chain.l1.receipt(NodeId{0}, with_nonce(1, 1, enough)->id).state == L1Receipt::State::included);
  CHECK_FALSE(chain.l1.submit(with_nonce(5, 0, enough * 9)));  // used up
  CHECK(chain.kept.of(RecordKind::l1_paid).size() == 2);
}

TEST_CASE("a reveal comes after its commit, and what is too large is refused", "[l1]") {
  Chain chain("bitcoin", 8);
  const L1Price enough = 1'000'000'000;
  auto reveal = std::make_shared<L1Transaction>(*transaction(2, enough * 2));
  reveal->after = transaction(1, enough)->id;
  CHECK(chain.l1.submit(reveal));
  chain.run(2h);
  CHECK(chain.l1.receipt(NodeId{0}, reveal->id).state == L1Receipt::State::waiting);
  CHECK(chain.l1.submit(transaction(1, enough)));
  chain.run(2h);
  const L1Receipt first = chain.l1.receipt(NodeId{0}, reveal->after);
  const L1Receipt second = chain.l1.receipt(NodeId{0}, reveal->id);
  REQUIRE(first.state == L1Receipt::State::included);
  REQUIRE(second.state == L1Receipt::State::included);
  CHECK(first.height == second.height);  // in one block, the commit first although it pays less
  CHECK_FALSE(chain.l1.submit(transaction(3, enough, 100'001)));
}

TEST_CASE("a reorganisation takes transactions back, views follow it, and they come in again", "[l1]") {
  Chain chain("ethereum", 9);
  chain.run(600s);
  REQUIRE(chain.l1.submit(transaction(1, 1'000'000'000)));
  chain.run(40s);
  const L1Receipt before = chain.l1.receipt(NodeId{1}, transaction(1, 1)->id);
  REQUIRE(before.state == L1Receipt::State::included);
  const Hash128 block = chain.l1.chain().block(before.height)->id;
  const std::uint64_t height = chain.l1.chain().height();
  chain.l1.reorganise(static_cast<std::uint32_t>(height - before.height + 1));
  CHECK(chain.l1.chain().height() == height + 1);
  CHECK(chain.kept.of(RecordKind::l1_excluded).size() == 1);
  CHECK(chain.l1.view(NodeId{1}).block(before.height)->id == block);  // has not heard of it yet
  chain.run(60s);
  CHECK(chain.l1.view(NodeId{1}).block(before.height)->id != block);
  const L1Receipt after = chain.l1.receipt(NodeId{1}, transaction(1, 1)->id);
  CHECK(after.state == L1Receipt::State::included);
  CHECK(after.height > before.height);
  const std::vector<Record> paid = chain.kept.of(RecordKind::l1_paid);
  REQUIRE(paid.size() == 3);
  CHECK(static_cast<std::int64_t>(paid[0].a) > 0);
  CHECK(paid[1].a == -paid[0].a);  // its first place is gone, and it pays the price of the second one only
  CHECK(paid[1].b == -paid[0].b);
  CHECK(static_cast<std::int64_t>(paid[2].a) > 0);
  CHECK(paid[2].b == paid[0].b);
  // What a vote made final stays.
  chain.run(12s * 100);
  const std::uint64_t final_height = chain.l1.chain().final_height();
  chain.l1.reorganise(10'000);
  CHECK(chain.l1.chain().final_height() == final_height);
  CHECK(chain.kept.of(RecordKind::l1_reorged).back().round <= height + 200 - final_height);
}

TEST_CASE("a hidden view stands still and catches up, a forged one lacks the forced items", "[l1]") {
  Chain chain("ethereum", 10);
  chain.run(120s);
  const std::uint64_t height = chain.l1.view(NodeId{1}).height();
  chain.l1.delay_view(NodeId{1}, {}, true);
  chain.l1.lie_to(NodeId{2}, true);
  auto forced = std::make_shared<L1Transaction>(*transaction(1, 1'000'000'000));
  forced->kind = L1TxKind::forced;
  forced->data = std::make_shared<ForcedData>();
  REQUIRE(chain.l1.submit(forced));
  chain.run(60s);
  CHECK(chain.l1.view(NodeId{1}).height() == height);
  const L1Receipt seen = chain.l1.receipt(NodeId{0}, forced->id);
  REQUIRE(seen.state == L1Receipt::State::included);
  CHECK(chain.l1.receipt(NodeId{2}, forced->id).state == L1Receipt::State::waiting);
  CHECK(chain.l1.view(NodeId{2}).height() == chain.l1.view(NodeId{0}).height());
  CHECK(chain.l1.view(NodeId{2}).tip()->id != chain.l1.view(NodeId{0}).tip()->id);
  chain.l1.delay_view(NodeId{1}, {}, false);
  chain.l1.lie_to(NodeId{2}, false);
  chain.run(60s);
  CHECK(chain.l1.view(NodeId{1}).tip()->id == chain.l1.view(NodeId{0}).tip()->id);
  CHECK(chain.l1.view(NodeId{2}).tip()->id == chain.l1.view(NodeId{0}).tip()->id);
}

TEST_CASE("the rollup's traffic moves nobody else's luck", "[l1]") {
  Chain quiet("bitcoin", 11);
  Chain busy("bitcoin", 11);
  for (std::uint64_t i = 0; i < 50; ++i) busy.l1.submit(transaction(i, 1'000'000'000, 10'000));
  quiet.run(48h);
  busy.run(48h);
  const auto times = [](const Chain& chain) {
    std::vector<SimTime> out;
    for (const Record& r : chain.kept.of(RecordKind::l1_mined)) out.push_back(r.at);
    return out;
  };
  CHECK(times(quiet) == times(busy));
}

TEST_CASE("memory stays flat: old blocks and their transactions go", "[l1]") {
  Chain chain("bitcoin", 12);
  chain.run(600s * 5'000);
  CHECK(chain.l1.chain().height() - chain.l1.chain().first() == 511);
  CHECK(chain.l1.view(NodeId{0}).height() - chain.l1.view(NodeId{0}).first() == 511);
  const Record first = chain.kept.of(RecordKind::l1_mined).front();
  CHECK(chain.l1.find(first.id()) == nullptr);
}

TEST_CASE("an author's sequence survives rivals that win: nothing is lost, nothing overtakes", "[l1]") {
  Chain chain("ethereum", 13);
  chain.profile.fork = {1, 3};
  chain.profile.fork_deeper = {1, 3};
  for (std::uint64_t nonce = 0; nonce < 300; ++nonce) {
    CHECK(chain.l1.submit(with_nonce(nonce, nonce, 1'000'000'000)));
    chain.run(12s);
  }
  chain.run(300s);
  CHECK(chain.kept.of(RecordKind::l1_reorged).size() > 20);
  std::uint64_t next = 0;
  for (std::uint64_t h = chain.l1.chain().first(); h <= chain.l1.chain().height(); ++h) {
    for (const L1TransactionPtr& tx : chain.l1.chain().block(h)->transactions) CHECK(tx->nonce == next++);
  }
  CHECK(next == 300);
}
