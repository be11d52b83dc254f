// How a rollup reads layer 1: the rules of each policy on L1 chains made by hand, and the published numbers.
#include <functional>
#include <memory>

#include "protocols/forced/arweave_sync.hpp"
#include "protocols/forced/citrea_queue.hpp"
#include "protocols/forced/delayed_inbox.hpp"
#include "protocols/forced/deposits.hpp"
#include "protocols/forced/due_queue.hpp"
#include "protocols/forced/forced_paths.hpp"
#include "protocols/l1/data.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::protocols;

namespace {

constexpr std::uint64_t first_height = 100;
SimTime l1_time(std::uint64_t height) { return time_zero + 12s * static_cast<std::int64_t>(height); }

/// An L1 that grows block by block; an item every time that `items` says so.
struct Chain {
  Chain() { view = std::make_unique<L1View>(make(first_height, {}, 0), 10'000); }
  static L1BlockPtr make(std::uint64_t height, Hash128 parent, std::uint32_t items, std::uint64_t calls_upto = 0) {
    auto block = std::make_shared<L1Block>();
    block->height = height;
    block->parent = parent;
    block->timestamp = block->mined = l1_time(height);
    for (std::uint32_t i = 0; i < items; ++i) {
      auto tx = std::make_shared<L1Transaction>();
      tx->id = HashBuilder{"item"}.add(height).add(i).finish();
      tx->kind = L1TxKind::forced;
      auto data = std::make_shared<ForcedData>();
      data->transaction.nonce = i;
      data->transaction.id = data->transaction.compute_id();
      tx->data = data;
      block->transactions.push_back(tx);
    }
    if (calls_upto != 0) {
      auto tx = std::make_shared<L1Transaction>();
      tx->id = HashBuilder{"call"}.add(height).finish();
      tx->kind = L1TxKind::force_call;
      auto data = std::make_shared<ForceCallData>();
      data->upto = calls_upto;
      tx->data = data;
      block->transactions.push_back(tx);
    }
    block->id = HashBuilder{"block"}.add(height).add(parent).add(items).finish();
    return block;
  }
  Chain& grow(std::uint64_t blocks, std::uint32_t items = 0, std::uint64_t call = 0) {
    for (std::uint64_t i = 0; i < blocks; ++i) {
      const L1BlockPtr next = make(view->height() + 1, view->tip()->id, items, call);
      view->receive(next, [&](const Hash128&) { return view->tip(); });
    }
    return *this;
  }
  std::unique_ptr<L1View> view;
};

BlockFrame at(SimTime time, std::uint64_t height = 2) { return {.height = Height{height}, .timestamp = time}; }

/// One more block by an honest proposer, all of whose items go well. @return what it held
External extend(const ForcedPath& path, ExternalState& state, const L1View& view, SimTime time = {}) {
  const External out = path.build(state, view, at(time));
  CHECK(path.check(state, view, at(time), out) == ExternalReject::none);
  path.apply(state, out, time, std::vector<ForcedStatus>(out.items.size(), ForcedStatus::executed));
  return out;
}

}  // namespace

TEST_CASE("the delay buffer charges what the message before waited", "[forced]") {
  const DelayedInboxOptions o{};  // threshold 150, at most 14400, 500 basis points
  CHECK(DelayBuffer{14'400, 1000, 450}.charged(1600, o) == 14'100);
  CHECK(DelayBuffer{14'400, 1000, 450}.charged(1100, o) == 14'300);   // not more than has passed
  CHECK(DelayBuffer{14'100, 2000, 100}.charged(3000, o) == 14'150);
  CHECK(DelayBuffer{300, 1000, 5000}.charged(6000, o) == 150);        // the threshold is the least
  CHECK(DelayBuffer{14'400, 1000, 20}.charged(1600, o) == 14'400);
}

TEST_CASE("sustained censorship shortens the forced delay to half an hour", "[forced]") {
  const DelayedInboxOptions o{};
  DelayBuffer buffer{14'400, 0, 0};
  std::uint32_t below = 0;
  std::uint32_t least = 0;
  for (std::uint32_t message = 1; message <= 30; ++message) {
    const std::uint64_t posted = 600ULL * message;
    buffer.consume(posted, posted + 5760, o);
    if (message == 2) CHECK(buffer.buffer == 13'800);
    if (message == 3) CHECK(buffer.buffer == 13'200);
    if (below == 0 && buffer.buffer < 5760) below = message;
    if (least == 0 && buffer.buffer == 150) least = message;
  }
  CHECK(below == 16);
  CHECK(least == 25);
  const SimTime late = time_zero + 48h;
  CHECK(may_force(buffer, 20'000, time_zero, 20'151, late, o));
  CHECK_FALSE(may_force(buffer, 20'000, time_zero, 20'150, late, o));
  // A full buffer asks for both forms of the whole delay.
  CHECK(may_force({14'400, 0, 0}, 100, time_zero, 5861, time_zero + 25h, o));
  CHECK_FALSE(may_force({14'400, 0, 0}, 100, time_zero, 5861, time_zero + 23h, o));
  CHECK_FALSE(may_force({14'400, 0, 0}, 100, time_zero, 5860, time_zero + 25h, o));
}

TEST_CASE("deposits: the gas market more than doubles a full block", "[forced]") {
  const DepositGasMarket market;
  std::int64_t fee = market.floor;
  CHECK(market.next(fee, market.limit) == 2'125'000'000);
  std::int64_t spent_gwei = 0;
  for (int i = 0; i < 10; ++i) {
    spent_gwei += fee / 1'000'000'000 * static_cast<std::int64_t>(market.limit);
    fee = market.next(fee, market.limit);
  }
  CHECK(spent_gwei / 1'000'000'000 >= 31);  // ether for ten full blocks
  CHECK(spent_gwei / 1'000'000'000 <= 34);
  const std::int64_t top = fee;
  fee = market.next(fee, 0);
  CHECK(fee == top - top / 8);
  for (int i = 0; i < 200; ++i) fee = market.next(fee, 0);
  CHECK(fee == market.floor);
  CHECK(market.next(fee, 2'000'000) == fee);  // the target moves nothing
}

TEST_CASE("deposits: the first block of an epoch holds what its origin holds", "[forced]") {
  Chain l1;
  l1.grow(10, 0);
  const DepositsOptions o{.confirmations = 2};
  const Deposits path(o);
  ExternalState state = path.genesis(*l1.view);
  CHECK(state.last.height == 108);
  l1.grow(1, 3).grow(2);
  const SimTime now = l1_time(115);
  const External first = extend(path, state, *l1.view, now);   // 109
  CHECK(first.items.empty());
  extend(path, state, *l1.view, now);                          // 110
  const External with = extend(path, state, *l1.view, now);    // 111
  REQUIRE(with.items.size() == 3);
  CHECK(with.items[2].position == 2);
  const External same = extend(path, state, *l1.view, now);
  CHECK(same.ref == with.ref);
  CHECK(same.items.empty());

  ExternalState before = path.genesis(*l1.view);
  before.last.height = 110;
  before.last = {110, l1.view->block(110)->id, l1_time(110)};
  External bad = with;
  bad.items.pop_back();
  bad.pointer = 2;
  CHECK(path.check(before, *l1.view, at(now), bad) == ExternalReject::wrong_items);
  std::swap((bad = with).items[0], bad.items[1]);
  CHECK(path.check(before, *l1.view, at(now), bad) == ExternalReject::wrong_items);
  bad = with;
  bad.ref = {112, l1.view->block(112)->id, l1_time(112)};
  CHECK(path.check(before, *l1.view, at(now), bad) == ExternalReject::wrong_height);
  bad = with;
  bad.ref.id = {};
  CHECK(path.check(before, *l1.view, at(now), bad) == ExternalReject::wrong_block);
  CHECK(path.check(before, *l1.view, at(l1_time(111) - 1s), with) == ExternalReject::out_of_time);
  Chain behind;
  behind.grow(10);
  CHECK(path.check(before, *behind.view, at(now), with) == ExternalReject::unknown_block);
}

TEST_CASE("deposits: no transactions of users beyond the drift", "[forced]") {
  const DepositsOptions o{};
  const Deposits path(o);
  ExternalState state;
  state.timestamp = time_zero + 100s;
  const External named{.ref = {5, {}, time_zero + 10s}};
  CHECK(path.admits_users(state, at(time_zero + 1810s), named));
  CHECK_FALSE(path.admits_users(state, at(time_zero + 1811s), named));
  state.timestamp = time_zero + 3000s;  // the next block may always be made
  CHECK(path.admits_users(state, at(time_zero + 3002s), named));
  CHECK_FALSE(path.admits_users(state, at(time_zero + 3003s), named));
  CHECK_FALSE(window_closed(100, 3700, o));
  CHECK(window_closed(100, 3701, o));
}

TEST_CASE("delayed inbox: a prefix, and what is due of it", "[forced]") {
  Chain l1;
  l1.grow(4);
  DelayedInboxOptions o;
  o.queue = {.lag = 1, .drift = 20, .cap = 3, .at_deadline = true};
  o.delay_blocks = 10;
  o.buffer = false;
  const DelayedInbox path(o);
  ExternalState state = path.genesis(*l1.view);  // names 103
  l1.grow(1, 2).grow(1, 3).grow(8);              // items at 105 (2) and 106 (3); tip 114
  CHECK(extend(path, state, *l1.view).items.empty());  // names 113
  External early = path.build(state, *l1.view, at({}));
  early.items = queue_at(state, *l1.view, 113);
  REQUIRE(early.items.size() == 5);
  early.items.resize(1);
  early.pointer = 1;
  CHECK(path.check(state, *l1.view, at({}), early) == ExternalReject::none);  // sooner is allowed
  std::swap(early.items[0], early.items.emplace_back(queue_at(state, *l1.view, 113)[1]));
  early.items.resize(1);
  CHECK(path.check(state, *l1.view, at({}), early) == ExternalReject::wrong_items);  // not the prefix

  l1.grow(2);  // a block names 115: those of 105 are due
  External none = path.build(state, *l1.view, at({}));
  CHECK(none.items.size() == 2);
  none.items.resize(1);
  none.pointer = 1;
  CHECK(path.check(state, *l1.view, at({}), none) == ExternalReject::overdue);
  extend(path, state, *l1.view);
  CHECK(state.pointer == 2);
  l1.grow(5, 4);
  CHECK(extend(path, state, *l1.view).items.size() == 3);  // up to the cap
  CHECK(state.pointer == 5);
  // A proposer who does not let the reference go on.
  External stalled{.ref = state.last, .pointer = state.pointer};
  l1.grow(30);
  CHECK(path.check(state, *l1.view, at({}), stalled) == ExternalReject::out_of_time);
}

TEST_CASE("delayed inbox: a call on L1 takes what has waited too long, cap or no cap", "[forced]") {
  Chain l1;
  l1.grow(4);
  DelayedInboxOptions o;
  o.queue = {.lag = 0, .drift = 100, .cap = 1, .at_deadline = true};
  o.delay_blocks = 10;
  o.delay = 120s;
  o.buffer = false;
  const DelayedInbox path(o);
  const ExternalState state = path.genesis(*l1.view);
  l1.grow(1, 4);            // at 105
  l1.grow(10, 0);           // 115
  Chain in_time = std::move(l1);
  in_time.grow(1, 0, 3);    // the call is in 116: 105 + 10 < 116
  CHECK(path.build(state, *in_time.view, at({})).items.size() == 3);
  Chain early;
  early.grow(4).grow(1, 4).grow(9).grow(1, 0, 3);  // in 115: a block too early
  CHECK(path.build(state, *early.view, at({})).items.size() == 1);
}

TEST_CASE("due queue: at least what is due, and prices by what waits", "[forced]") {
  const DueQueueOptions o{};
  CHECK(due_queue_fee(0, o) == 1'000'000);
  CHECK(due_queue_fee(50, o) == 2'000'000);
  CHECK(due_queue_fee(25, o) == 1'500'000);
  CHECK_FALSE(is_permissionless(100, 100 + 160 * 48, o));
  CHECK(is_permissionless(100, 101 + 160 * 48, o));
  Chain l1;
  l1.grow(4);
  const DueQueue path(o);
  ExternalState state = path.genesis(*l1.view);
  l1.grow(1, 25).grow(49);  // names 152 = 105 + 47
  External nothing{.ref = {152, l1.view->block(152)->id, l1_time(152)}, .pointer = 0};
  CHECK(path.check(state, *l1.view, at({}), nothing) == ExternalReject::none);
  l1.grow(1);
  nothing.ref = {153, l1.view->block(153)->id, l1_time(153)};
  CHECK(path.check(state, *l1.view, at({}), nothing) == ExternalReject::overdue);
  CHECK(extend(path, state, *l1.view).items.size() == 10);
  CHECK(extend(path, state, *l1.view).items.size() == 10);
  CHECK(extend(path, state, *l1.view).items.size() == 5);
  CHECK(extend(path, state, *l1.view).items.empty());
}

TEST_CASE("citrea queue: what fails is gone by one rule, and tried until its cut-off by the other", "[forced]") {
  using OnFailure = CitreaQueueOptions::OnFailure;
  Chain l1;
  l1.grow(10);
  CitreaQueueOptions o{.depth = 3, .limit = 2, .cut_off = 8};
  o.on_failure = OnFailure::drop;
  const CitreaQueue drops(o);
  o.on_failure = OnFailure::retry;
  const CitreaQueue retries(o);
  ExternalState state = retries.genesis(*l1.view);
  CHECK(state.last.height == 108);
  l1.grow(1, 3).grow(2);
  External block = retries.build(state, *l1.view, at({}));
  REQUIRE(block.items.size() == 2);
  const ForcedItem& item = block.items[0];
  CHECK(drops.status_of(item, TxStatus::bad_nonce, block.ref) == ForcedStatus::removed);
  CHECK(retries.status_of(item, TxStatus::bad_nonce, block.ref) == ForcedStatus::deferred);
  CHECK(retries.status_of(item, TxStatus::ok, block.ref) == ForcedStatus::executed);
  CHECK(retries.status_of(item, TxStatus::bad_signature, block.ref) == ForcedStatus::refused);
  CHECK(retries.status_of(item, TxStatus::bad_nonce, {item.l1_height + 7, {}, {}}) == ForcedStatus::deferred);
  CHECK(retries.status_of(item, TxStatus::bad_nonce, {item.l1_height + 8, {}, {}}) == ForcedStatus::refused);
  const std::vector<ForcedStatus> statuses{ForcedStatus::deferred, ForcedStatus::executed};
  retries.apply(state, block, {}, statuses);
  REQUIRE(state.waiting.size() == 1);
  block = retries.build(state, *l1.view, at({}));
  REQUIRE(block.items.size() == 2);  // the one again, and the third
  CHECK(block.items[0] == state.waiting[0]);
  CHECK(retries.check(state, *l1.view, at({}), block) == ExternalReject::none);
  External without = block;
  without.items.erase(without.items.begin());
  CHECK(retries.check(state, *l1.view, at({}), without) == ExternalReject::wrong_items);
  l1.grow(1);
  External hasty = block;
  hasty.ref = {112, l1.view->block(112)->id, l1_time(112)};
  CHECK(retries.check(state, *l1.view, at({}), hasty) == ExternalReject::none);
  hasty.ref = {113, l1.view->block(113)->id, l1_time(113)};
  CHECK(retries.check(state, *l1.view, at({}), hasty) == ExternalReject::immature);
}

TEST_CASE("every policy: a state goes on by blocks alone, and a claim that does not follow adds nothing", "[forced]") {
  ForcedOptions o;
  o.arweave_sync = {.depth = 2, .age = 0s};
  o.deposits.confirmations = 2;
  o.delayed_inbox.delay_blocks = 20;
  o.due_queue.due_blocks = 20;
  o.citrea_queue.depth = 3;
  for (const ForcedPathEntry& entry : forced_paths()) {
    CAPTURE(entry.name);
    const std::unique_ptr<ForcedPath> path = entry.make(o);
    Chain l1;
    l1.grow(10);
    ExternalState state = path->genesis(*l1.view);
    std::uint64_t items = 0;
    std::vector<External> said;
    for (std::uint32_t i = 0; i < 120; ++i) {
      l1.grow(1, i % 7 == 0 ? 1 + i % 3 : 0);
      const SimTime now = l1_time(l1.view->height() + 1);
      const External claim = path->build(state, *l1.view, at(now));
      CHECK(path->check_claim(state, *l1.view, at(now), claim) == ExternalReject::none);
      CHECK(path->follow(state, claim) == claim);
      for (const External& old : said) {  // a vertex that comes late
        const External late = path->follow(state, old);
        CHECK(late.pointer == state.pointer);
        CHECK(late.items.size() == state.waiting.size());
        CHECK(late.ref == state.last);
      }
      External skipping = claim;
      skipping.pointer += 5;
      CHECK(path->follow(state, skipping).items.empty());
      said.push_back(extend(*path, state, *l1.view, now));
      items += said.back().items.size();
      if (said.size() > 4) said.erase(said.begin());
    }
    CHECK(items == state.pointer);
    CHECK(state.pointer > 25);  // of 34 on L1: the last ones are not deep enough
  }
}
