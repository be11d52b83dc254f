#include "protocols/node/sequencer.hpp"

#include <cstring>
#include <set>

#include "tests/protocols/node/node_world.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::testing;

namespace {

using Texts = std::vector<std::string>;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

std::string text_of(const Recovered& r) {
  return std::string(reinterpret_cast<const char*>(r.bytes.data()), r.bytes.size());
}

Texts recovered_texts(const Script& script) {
  Texts out;
  for (const Recovered& r : script.recovered) out.push_back(text_of(r));
  return out;
}

}  // namespace

TEST_CASE("effects apply in order, and an own broadcast comes back after those behind it", "[node]") {
  World world{{.nodes = 2}};
  Texts order;
  world.watcher = [&](const Record& r) {
    if (r.node == NodeId{0} && r.kind != RecordKind::message_sent) order.emplace_back(name_of(r.kind));
  };
  world.script(0).on_start = [&](const EngineView&, Outbox& out) {
    out.broadcast(world.vote(0));
    out.persist(1, Height{1}, Round{0}, bytes_of("a"));
    out.trace({.kind = RecordKind::step_entered});
  };
  world.start();
  CHECK(order == Texts{"node_started", "voted", "persisted", "step_entered"});
  CHECK(world.script(0).inputs == Texts{"start", "prevote from n0"});
  world.run(1s);
  CHECK(world.script(1).inputs == Texts{"start", "prevote from n0"});
}

TEST_CASE("messages to oneself are handled one after the other, never inside each other", "[node]") {
  World world{{.nodes = 1}};
  int depth = 0;
  int rounds = 0;
  world.script(0).on_start = [&](const EngineView&, Outbox& out) { out.broadcast(world.vote(0)); };
  world.script(0).on_message = [&](NodeId, const MessagePtr&, const EngineView&, Outbox& out) {
    CHECK(++depth == 1);
    if (++rounds < 5) {
      out.send(NodeId{0}, world.vote(0, Round{rounds}));
      out.broadcast(world.vote(0, Round{rounds + 100}));
    }
    --depth;
  };
  world.start();
  CHECK(rounds > 5);
  CHECK(world.simulation.now() == time_zero);
}

TEST_CASE("what stands behind a persist waits for the disk, and inputs meanwhile queue behind it", "[node]") {
  World world{{.nodes = 2, .sync_time = 4ms}};
  std::vector<std::pair<std::string, std::int64_t>> events;
  world.watcher = [&](const Record& r) {
    if (r.node != NodeId{0}) return;
    if (r.kind == RecordKind::persisted || r.kind == RecordKind::voted) {
      events.emplace_back(std::string{name_of(r.kind)} + std::to_string(r.round), ns(r.at) / 1'000'000);
    }
  };
  world.script(0).on_start = [&](const EngineView&, Outbox& out) {
    out.persist(1, Height{1}, Round{1}, {});
    out.broadcast(world.vote(0, Round{1}));
    out.persist(1, Height{1}, Round{2}, {});
    out.set_timer(0, 1ms, 7);
    out.broadcast(world.vote(0, Round{2}));
  };
  world.script(0).on_message = [&](NodeId from, const MessagePtr&, const EngineView&, Outbox& out) {
    if (from == NodeId{1}) out.broadcast(world.vote(0, Round{3}));
  };
  world.start();
  world.act(1, [&](const EngineView&, Outbox& out) { out.send(NodeId{0}, world.vote(1)); });
  world.run(5ms);
  CHECK(world.script(0).inputs == Texts{"start", "prevote from n0"});
  world.network.send(NodeId{1}, NodeId{0}, world.vote(1, Round{8}));
  world.run(1s);
  using Events = std::vector<std::pair<std::string, std::int64_t>>;
  CHECK(events == Events{{"persisted1", 4}, {"voted1", 4}, {"persisted2", 8}, {"voted2", 8}, {"voted3", 10}});
  CHECK(world.of(RecordKind::persisted, 0)[1].a == 1);
}

TEST_CASE("an input that comes while the disk works is handled, and its effects keep their place", "[node]") {
  World world{{.nodes = 2, .sync_time = 30ms}};
  world.script(0).on_start = [&](const EngineView&, Outbox& out) {
    out.persist(1, Height{1}, Round{1}, {});
    out.broadcast(world.vote(0, Round{1}));
  };
  world.script(0).on_message = [&](NodeId from, const MessagePtr&, const EngineView&, Outbox& out) {
    if (from == NodeId{1}) out.broadcast(world.vote(0, Round{2}));
  };
  world.start();
  world.network.send(NodeId{1}, NodeId{0}, world.vote(1));
  world.run(20ms);
  CHECK(world.script(0).inputs == Texts{"start", "prevote from n1"});
  CHECK(world.count(RecordKind::voted) == 0);
  world.run(1s);
  const auto voted = world.of(RecordKind::voted, 0);
  REQUIRE(voted.size() == 2);
  CHECK(voted[0].round == 1);
  CHECK(voted[1].round == 2);
}

TEST_CASE("timers fire on the machine's clock, re-arming replaces, cancelling silences", "[node]") {
  World world{{.nodes = 1}};
  world.script(0).on_start = [&](const EngineView&, Outbox& out) {
    out.set_timer(1, 10ms, 100);
    out.set_timer(2, 20ms, 200);
    out.set_timer(3, 30ms, 300);
    out.set_timer(1, 40ms, 101);
    out.cancel_timer(2);
    out.cancel_timer(9);
  };
  world.script(0).on_timer = [&](std::uint64_t token, const EngineView& view, Outbox& out) {
    CHECK(view.wall == world.simulation.now());
    if (token == 300) out.set_timer(3, 5ms, 301);
  };
  world.start();
  world.run(1s);
  CHECK(world.script(0).inputs == Texts{"start", "timer 300", "timer 301", "timer 101"});
}

TEST_CASE("timers of a life before a crash stay silent", "[node]") {
  World world{{.nodes = 1}};
  world.script(0).on_start = [&](const EngineView&, Outbox& out) {
    out.set_timer(1, 10ms, world.script(0).starts == 1 ? 1 : 2);
  };
  world.start();
  world.run(5ms);
  world.nodes.crash(NodeId{0});
  CHECK(world.node(0).engine() == nullptr);
  world.nodes.start(NodeId{0});
  CHECK(world.node(0).engine() != nullptr);
  world.run(1s);
  CHECK(world.script(0).inputs == Texts{"start", "start", "timer 2"});
}

TEST_CASE("forgotten heights are gone from the log, the others come back in order", "[node]") {
  World world{{.nodes = 1}};
  world.script(0).on_start = [&](const EngineView&, Outbox& out) {
    if (world.script(0).starts > 1) return;
    out.persist(3, Height{1}, Round{0}, bytes_of("one"));
    out.persist(4, Height{1}, Round{5}, bytes_of("one again"));
    out.persist(5, Height{2}, Round{6}, bytes_of("two"));
    out.add(effect::Forget{Height{2}});
    out.persist(6, Height{3}, Round{7}, bytes_of("three"));
    out.add(effect::Forget{Height{1}});
  };
  world.start();
  world.nodes.crash(NodeId{0});
  world.nodes.start(NodeId{0});
  CHECK(recovered_texts(world.script(0)) == Texts{"two", "three"});
  CHECK(world.script(0).recovered[0].type == 5);
  CHECK(world.script(0).recovered[0].height == Height{2});
  CHECK(world.script(0).recovered[0].round == Round{6});
  world.act(0, [&](const EngineView&, Outbox& out) { out.add(effect::Forget{Height{3}}); });
  world.nodes.crash(NodeId{0});
  world.nodes.start(NodeId{0});
  CHECK(recovered_texts(world.script(0)) == Texts{"three"});
}

// The life of one node: it persists, votes, commits a block with a transaction, persists and votes again. The power
// goes at the k-th record of the node, for every k, and then once more at the j-th record after that.
TEST_CASE("a crash between any two effects leaves nothing half done", "[node][crash]") {
  for (const Duration sync_time : {Duration{0ms}, Duration{3ms}}) {
    const auto live = [&](int crash_at, int crash_again_at, sim::DiskFault fault) {
      World world{{.nodes = 2, .sync_time = sync_time}};
      const BlockPtr block = world.block_on(0, {world.transaction(1, 0), world.transaction(2, 0)});
      world.script(0).on_start = [&](const EngineView& view, Outbox& out) {
        // What an engine does after a restart: go on after what is on the disk.
        const std::size_t done = world.script(0).recovered.size();
        if (done < 1) {
          out.persist(1, Height{1}, Round{0}, bytes_of("a"));
        }
        if (done < 2) {
          out.broadcast(world.vote(0, Round{0}));
          if (view.chain.height() == Height{0}) {
            out.add(effect::Deliver{block, CommitLevel::final, World::commit_for(*block)});
          }
          out.persist(2, Height{1}, Round{1}, bytes_of("b"));
        }
        out.broadcast(world.vote(0, Round{1}));
      };
      int seen = 0;
      int crashes = 0;
      world.watcher = [&](const Record& r) {
        if (r.node != NodeId{0} || r.kind == RecordKind::node_crashed || r.kind == RecordKind::disk_lost) return;
        ++seen;
        const int at = crashes == 0 ? crash_at : crash_again_at;
        if (seen != at || crashes == 2) return;
        ++crashes;
        seen = 0;
        world.nodes.crash(NodeId{0}, fault);
        world.simulation.call_at(world.simulation.now() + 20ms, [&world] { world.nodes.start(NodeId{0}); });
      };
      world.start();
      world.run(1s);

      // No vote of a round left before what it rests on was durable.
      std::set<std::uint32_t> durable;
      bool up = false;
      for (const Record& r : world.records) {
        if (r.node != NodeId{0}) continue;
        if (r.kind == RecordKind::node_started) up = true;
        // What is recorded while the machine is off is its end itself, and what it said as it went: a message that was
        // leaving at that very record has left.
        if (!up) CHECK((r.kind == RecordKind::disk_lost || r.kind == RecordKind::voted));
        if (r.kind == RecordKind::node_crashed) up = false;
        if (r.kind == RecordKind::persisted) durable.insert(r.round);
        if (r.kind == RecordKind::voted) CHECK(durable.contains(r.round));
      }
      // In the end all has happened, and the commit was announced once, whole and in order.
      CHECK(world.node(0).chain().height() == Height{1});
      CHECK(world.node(0).ledger().balance(AccountId{1}) == Amount{1'000'000 - 6});
      std::vector<RecordKind> told;
      for (const Record& r : world.records) {
        if (r.node == NodeId{0} && (r.kind == RecordKind::committed || r.kind == RecordKind::commit_parent ||
                                    r.kind == RecordKind::tx_included || r.kind == RecordKind::executed)) {
          told.push_back(r.kind);
        }
      }
      using enum RecordKind;
      CHECK(told == std::vector<RecordKind>{committed, commit_parent, tx_included, tx_included, executed});
      CHECK(world.of(executed, 0)[0].id() == world.node(0).chain().state());
      CHECK(world.of(node_started, 0).size() == 1U + static_cast<unsigned>(crashes));
      return crashes;
    };
    for (const sim::DiskFault fault : {sim::DiskFault::unsynced_lost, sim::DiskFault::torn_tail}) {
      int points = 0;
      for (int k = 2; live(k, 0, fault) == 1; ++k) {
        ++points;
        for (int j = 2; j < 12; ++j) live(k, j, fault);
      }
      CHECK(points >= 14);  // every record of the story was such a moment
    }
  }
}

TEST_CASE("a crash at any time of a slow disk's work loses what was not synced and nothing else", "[node][crash]") {
  for (const sim::DiskFault fault : {sim::DiskFault::unsynced_lost, sim::DiskFault::torn_tail}) {
    for (int at = 0; at < 14; ++at) {
      World world{{.nodes = 1, .sync_time = 4ms}};
      const BlockPtr block = world.block_on(0, {world.transaction(1, 0)});
      world.script(0).on_start = [&](const EngineView&, Outbox& out) {
        if (world.script(0).starts > 1) return;
        out.persist(1, Height{1}, Round{0}, bytes_of("a"));
        out.add(effect::Deliver{block, CommitLevel::final, World::commit_for(*block)});
        out.persist(1, Height{2}, Round{0}, bytes_of("b"));
      };
      world.start();
      world.run(Duration{at * 1'000'000});
      world.nodes.crash(NodeId{0}, fault);
      const std::size_t durable = world.of(RecordKind::persisted, 0).size();
      const bool committed_before = !world.of(RecordKind::committed, 0).empty();
      world.nodes.start(NodeId{0});
      const std::size_t found = world.script(0).recovered.size();
      CHECK(found >= durable);
      CHECK(found <= durable + (fault == sim::DiskFault::torn_tail ? 1U : 0U));
      // A torn write of the height may have reached the disk; then the block is there with all that belongs to it.
      const bool committed = world.node(0).chain().height() == Height{1};
      if (committed_before) CHECK(committed);
      CHECK(world.of(RecordKind::committed, 0).size() == (committed ? 1U : 0U));
      CHECK(world.of(RecordKind::executed, 0).size() == (committed ? 1U : 0U));
      CHECK(world.node(0).ledger().next_nonce(AccountId{1}) == (committed ? 1U : 0U));
    }
  }
}

TEST_CASE("a wiped disk means beginning at genesis, one that fell back where it is", "[node][crash]") {
  World world{{.nodes = 1}};
  world.start();
  std::vector<BlockPtr> blocks;
  std::vector<StateRoot> states = {world.node(0).chain().state()};
  for (std::uint64_t h = 0; h < 4; ++h) {
    blocks.push_back(world.block_on(0, {world.transaction(1, h)}));
    world.deliver(0, blocks.back());
    states.push_back(world.node(0).chain().state());
    if (h == 1) world.machine(0).disk.checkpoint();
  }
  const auto restart = [&](sim::DiskFault fault) {
    world.nodes.crash(NodeId{0}, fault);
    world.nodes.start(NodeId{0});
  };
  restart(sim::DiskFault::unsynced_lost);
  CHECK(world.node(0).chain().height() == Height{4});
  restart(sim::DiskFault::rolled_back);
  CHECK(world.node(0).chain().height() == Height{2});
  CHECK(world.node(0).chain().state() == states[2]);
  CHECK(world.node(0).chain().block(Height{2}) == blocks[1]);
  CHECK(world.node(0).chain().block(Height{3}) == nullptr);
  CHECK(world.node(0).ledger().next_nonce(AccountId{1}) == 2);
  world.deliver(0, blocks[2]);
  CHECK(world.node(0).chain().state() == states[3]);
  restart(sim::DiskFault::wiped);
  CHECK(world.node(0).chain().height() == Height{0});
  CHECK(world.node(0).chain().state() == states[0]);
  for (const BlockPtr& block : blocks) world.deliver(0, block);
  CHECK(world.node(0).chain().state() == states[4]);
}

TEST_CASE("with pruned blocks a disk that fell back means beginning at genesis", "[node][crash]") {
  World world{{.nodes = 1, .keep_blocks = 2}};
  world.start();
  for (std::uint64_t h = 0; h < 5; ++h) {
    world.deliver(0, world.block_on(0, {}));
    if (h == 3) world.machine(0).disk.checkpoint();
  }
  CHECK(world.node(0).chain().block(Height{3}) == nullptr);
  CHECK(world.node(0).chain().block(Height{4}) != nullptr);
  world.nodes.crash(NodeId{0}, sim::DiskFault::rolled_back);
  world.nodes.start(NodeId{0});
  CHECK(world.node(0).chain().height() == Height{0});
  world.deliver(0, world.block_on(0, {}));
  world.nodes.crash(NodeId{0});
  world.nodes.start(NodeId{0});
  CHECK(world.node(0).chain().height() == Height{1});
}

TEST_CASE("a block is built from the mempool with what the engine asked for, and is valid", "[node]") {
  World world{{.nodes = 2}};
  BlockPtr built;
  world.script(0).on_built = [&](BlockPtr block, const EngineView&, Outbox&) { built = std::move(block); };
  world.start();
  for (std::uint64_t n = 0; n < 3; ++n) world.submit(0, world.transaction(1, n));
  world.run(100ms);
  const auto ask = [&](Height height, StateRoot state) {
    built = nullptr;
    world.act(0, [&](const EngineView&, Outbox& out) {
      out.add(effect::BuildPayload{height, Round{3}, {}, state, {}, at_ns(77), {}, Hash128{8, 9}});
    });
  };
  ask(Height{1}, world.node(0).chain().state());
  REQUIRE(built != nullptr);
  CHECK(built->height == Height{1});
  CHECK(built->round == Round{3});
  CHECK(built->proposer == NodeId{0});
  CHECK(built->timestamp == at_ns(77));
  CHECK(built->committee_hash == Hash128{8, 9});
  CHECK(built->transactions.size() == 3);
  CHECK(built->id == built->compute_id());
  CHECK(built->bytes == built->compute_bytes());
  world.act(1, [&](const EngineView&, Outbox& out) { out.add(effect::ValidatePayload{built}); });
  CHECK(world.script(1).inputs.back() == "valid");

  ask(Height{2}, world.node(0).chain().state());
  CHECK(world.script(0).inputs.back() == "built nothing");
  ask(Height{1}, {1, 1});
  CHECK(world.script(0).inputs.back() == "built nothing");
}

TEST_CASE("a block that breaks a rule is invalid", "[node]") {
  World world{{.nodes = 1, .limits = {.max_bytes = 2000, .max_gas = 100'000}}};
  world.start();
  const auto verdict = [&](std::shared_ptr<Block> block) {
    world.act(0, [&](const EngineView&, Outbox& out) { out.add(effect::ValidatePayload{block}); });
    return world.script(0).inputs.back();
  };
  const auto with = [&](std::vector<Transaction> transactions) { return world.block_on(0, std::move(transactions)); };
  const Transaction good = world.transaction(1, 0);
  CHECK(verdict(with({})) == "valid");
  CHECK(verdict(with({good})) == "valid");
  CHECK(verdict(with({good, world.transaction(1, 1), world.transaction(2, 0)})) == "valid");
  CHECK(verdict(with({world.transaction(1, 1), good})) == "invalid");   // nonces out of sequence
  CHECK(verdict(with({good, good})) == "invalid");                      // twice the same
  CHECK(verdict(with({world.transaction(1, 0, 2'000'000)})) == "invalid");
  Transaction forged = good;
  forged.signature.handle ^= 1;
  CHECK(verdict(with({forged})) == "invalid");
  Transaction stolen = good;
  stolen.receiver = AccountId{7};  // content changed under the old id and signature
  CHECK(verdict(with({stolen})) == "invalid");
  Transaction by_other = good;
  by_other.signature = world.transaction(2, 0).signature;
  CHECK(verdict(with({by_other})) == "invalid");
  Transaction heavy = good;
  heavy.gas = 100'001;
  CHECK(verdict(with({world.sign(heavy)})) == "invalid");
  Transaction endless = good;
  endless.gas = ~Gas{0};
  CHECK(verdict(with({world.transaction(2, 0), world.sign(endless)})) == "invalid");
  std::vector<Transaction> many;
  for (std::uint32_t i = 0; i < 10; ++i) many.push_back(world.transaction(i, 0, 1, 0));
  CHECK(verdict(with(many)) == "invalid");  // bytes
  auto later = with({});
  later->height = Height{2};
  CHECK(verdict(World::seal(later)) == "invalid");
  auto elsewhere = with({});
  elsewhere->state_before = {1, 1};
  CHECK(verdict(World::seal(elsewhere)) == "invalid");
  auto renamed = with({good});
  renamed->id = {1, 2};
  CHECK(verdict(renamed) == "invalid");
  auto shrunk = with({good});
  shrunk->bytes -= 1;
  shrunk->id = shrunk->compute_id();
  CHECK(verdict(shrunk) == "invalid");
  // None of it left a trace.
  CHECK(world.node(0).ledger().balance(AccountId{1}) == Amount{1'000'000});
  CHECK(verdict(with({good})) == "valid");
}

TEST_CASE("a committed block is executed, remembered and announced", "[node]") {
  World world{{.nodes = 2, .updates = {{Height{1}, {NodeId{1}, 5}}, {Height{2}, {NodeId{0}, 9}}}}};
  ExecutionResult result;
  world.script(1).on_executed = [&](Height, const ExecutionResult& r, const EngineView&, Outbox&) { result = r; };
  world.start();
  const BlockPtr block = world.block_on(1, {world.transaction(1, 0, 5, 2), world.transaction(1, 1, 7, 0)});
  world.deliver(1, block);
  const ChainView& chain = world.node(1).chain();
  CHECK(chain.height() == Height{1});
  CHECK(chain.block(Height{1}) == block);
  CHECK(*chain.commit(Height{1}) == World::commit_for(*block));
  CHECK(chain.commit(Height{2}) == nullptr);
  CHECK(result.state == chain.state());
  CHECK(result.validator_updates == std::vector<ValidatorUpdate>{{NodeId{1}, 5}});
  CHECK(chain.committee(Height{2}).power_of(NodeId{1}) == 1);
  CHECK(chain.committee(Height{3}).power_of(NodeId{1}) == 5);
  CHECK(world.node(1).ledger().balance(AccountId{1}) == Amount{1'000'000 - 14});
  CHECK(world.node(1).ledger().balance(validator_account(NodeId{0})) == Amount{2});
  CHECK(world.script(1).inputs.back() == "executed 1");

  const auto included = world.of(RecordKind::tx_included, 1);
  REQUIRE(included.size() == 2);
  CHECK(included[1].id() == block->transactions[1].id);
  CHECK(included[1].round == 1);
  CHECK(included[1].height == 1);
  CHECK(world.of(RecordKind::commit_parent, 1)[0].id() == block->parent);
  // The proposer tells whose money moved; others do not repeat it.
  CHECK(world.count(RecordKind::balance_moved) == 0);
  world.deliver(0, block);
  std::int64_t sum = 0;
  for (const Record& r : world.of(RecordKind::balance_moved, 0)) sum += static_cast<std::int64_t>(r.b);
  CHECK(world.count(RecordKind::balance_moved) == 6);
  CHECK(sum == 0);
}

TEST_CASE("a block that a corrupt majority pushed through gets the same result everywhere", "[node]") {
  World world{{.nodes = 2}};
  world.start();
  Transaction forged = world.transaction(3, 0);
  forged.signature.handle ^= 4;
  Transaction negative = world.transaction(4, 0);
  negative.amount = Amount{-50};
  const BlockPtr block = world.block_on(0, {world.transaction(1, 1), world.transaction(1, 0), forged,
                                            world.sign(negative), world.transaction(2, 0, 2'000'000)});
  world.deliver(0, block);
  world.deliver(1, block);
  std::vector<TxStatus> statuses;
  for (const Record& r : world.of(RecordKind::tx_included, 0)) statuses.push_back(static_cast<TxStatus>(r.detail));
  CHECK(statuses == std::vector<TxStatus>{TxStatus::bad_nonce, TxStatus::ok, TxStatus::bad_signature,
                                          TxStatus::bad_signature, TxStatus::insufficient_funds});
  CHECK(world.node(0).chain().state() == world.node(1).chain().state());
  CHECK(world.node(0).ledger().total() == Amount{1'000'000 * std::int64_t{account_count}});
}

TEST_CASE("a soft commit is announced and told to clients, and changes nothing", "[node]") {
  World world{{.nodes = 1}};
  world.start();
  const Transaction tx = world.transaction(1, 0);
  world.submit(0, tx);
  world.run(50ms);
  const BlockPtr block = world.block_on(0, {tx});
  world.act(0, [&](const EngineView&, Outbox& out) {
    out.add(effect::Deliver{block, CommitLevel::soft, World::commit_for(*block)});
  });
  CHECK(world.node(0).chain().height() == Height{0});
  REQUIRE(world.of(RecordKind::committed, 0).size() == 1);
  CHECK(world.of(RecordKind::committed, 0)[0].detail == static_cast<std::uint8_t>(CommitLevel::soft));
  world.deliver(0, block);
  world.run(50ms);
  using Outcome = TransactionResultMessage::Outcome;
  CHECK(world.listener.outcomes() == std::vector<Outcome>{Outcome::soft, Outcome::committed});
}

TEST_CASE("a transaction spreads from its first node, which alone tells the client", "[node][transactions]") {
  using Outcome = TransactionResultMessage::Outcome;
  World world{{.nodes = 4}};
  world.start();
  const Transaction tx = world.transaction(1, 0);
  world.submit(2, tx);
  world.run(100ms);
  CHECK(world.count(RecordKind::tx_admitted) == 4);
  CHECK(world.network.counters().sent == 1 + 3);
  for (std::uint32_t i = 0; i < 4; ++i) {
    CHECK(world.node(i).mempool().size() == 1);
    CHECK(world.script(i).inputs == Texts{"start", "payload available"});
  }
  const BlockPtr block = world.block_on(0, {tx});
  for (std::uint32_t i = 0; i < 4; ++i) world.deliver(i, block);
  world.run(100ms);
  REQUIRE(world.listener.outcomes() == std::vector<Outcome>{Outcome::committed});
  CHECK(world.listener.messages[0].first == NodeId{2});
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(world.node(i).mempool().size() == 0);

  // Asked again, any node says that it is committed.
  world.submit(3, tx);
  world.run(100ms);
  REQUIRE(world.listener.messages.size() == 2);
  const auto& again = static_cast<const TransactionResultMessage&>(*world.listener.messages[1].second);
  CHECK(again.outcome == Outcome::committed);
  CHECK(again.height == Height{1});
  CHECK(again.tx == tx.id);
}

TEST_CASE("a client that asks another node gets its answer from that one too", "[node][transactions]") {
  World world{{.nodes = 3}};
  world.start();
  const Transaction tx = world.transaction(1, 0);
  world.submit(0, tx);
  world.run(100ms);
  world.nodes.crash(NodeId{0});
  world.submit(1, tx);  // it waits there already
  world.run(100ms);
  CHECK(world.listener.messages.empty());
  const BlockPtr block = world.block_on(1, {tx});
  for (std::uint32_t i = 1; i < 3; ++i) world.deliver(i, block);
  world.run(100ms);
  REQUIRE(world.listener.messages.size() == 1);
  CHECK(world.listener.messages[0].first == NodeId{1});
}

TEST_CASE("a refused transaction has its reason on record, and its client is told", "[node][transactions]") {
  World world{{.nodes = 2, .mempool = {.max_transactions = 4}}};
  world.start();
  const auto refused = [&](const Transaction& tx) {
    const std::size_t told = world.listener.messages.size();
    const std::size_t before = world.of(RecordKind::tx_refused, 0).size();
    world.submit(0, tx);
    world.run(100ms);
    REQUIRE(world.of(RecordKind::tx_refused, 0).size() == before + 1);
    REQUIRE(world.listener.messages.size() == told + 1);
    const auto& result = static_cast<const TransactionResultMessage&>(*world.listener.messages.back().second);
    CHECK(result.outcome == TransactionResultMessage::Outcome::refused);
    CHECK(result.detail == world.of(RecordKind::tx_refused, 0).back().detail);
    return static_cast<AdmitError>(result.detail);
  };
  Transaction forged = world.transaction(1, 0);
  forged.signature.handle += 1;
  CHECK(refused(forged) == AdmitError::bad_signature);
  Transaction bent = world.transaction(1, 0);
  bent.amount = Amount{6};
  CHECK(refused(bent) == AdmitError::malformed);
  CHECK(refused(world.transaction(1, 100)) == AdmitError::nonce_gap);
  CHECK(refused(world.transaction(1, 0, 2'000'000)) == AdmitError::insufficient_funds);
  for (std::uint32_t i = 1; i <= 4; ++i) world.submit(0, world.transaction(i, 0));
  world.run(100ms);
  CHECK(refused(world.transaction(5, 0)) == AdmitError::full);
  CHECK(world.of(RecordKind::tx_refused, 1).empty());  // what is refused is not passed on
}

TEST_CASE("a transaction that is pushed out is reported to its client", "[node][transactions]") {
  World world{{.nodes = 1, .mempool = {.max_transactions = 1, .evict_lowest_fee = true}}};
  world.start();
  world.submit(0, world.transaction(1, 0, 5, 1));
  world.run(100ms);
  world.submit(0, world.transaction(2, 0, 5, 2));
  world.run(100ms);
  REQUIRE(world.of(RecordKind::tx_evicted, 0).size() == 1);
  CHECK(world.of(RecordKind::tx_evicted, 0)[0].id() == world.transaction(1, 0, 5, 1).id);
  using Outcome = TransactionResultMessage::Outcome;
  CHECK(world.listener.outcomes() == std::vector<Outcome>{Outcome::refused});
}

TEST_CASE("the mempool is lost in a crash and the chain is not", "[node][crash]") {
  World world{{.nodes = 1}};
  world.start();
  world.submit(0, world.transaction(1, 0));
  world.run(100ms);
  world.deliver(0, world.block_on(0, {world.transaction(2, 0)}));
  world.nodes.crash(NodeId{0});
  world.nodes.start(NodeId{0});
  CHECK(world.node(0).mempool().size() == 0);
  CHECK(world.node(0).ledger().next_nonce(AccountId{2}) == 1);
  world.submit(0, world.transaction(1, 0));
  world.submit(0, world.transaction(2, 0));
  world.run(100ms);
  CHECK(world.node(0).mempool().size() == 1);
  CHECK(world.of(RecordKind::tx_refused, 0).back().detail == static_cast<std::uint8_t>(AdmitError::old_nonce));
}

TEST_CASE("an engine hears of transactions when there are some after there were none, and after each block", "[node]") {
  World world{{.nodes = 1}};
  world.start();
  world.submit(0, world.transaction(1, 0));
  world.submit(0, world.transaction(1, 1));
  world.run(100ms);
  CHECK(world.script(0).inputs == Texts{"start", "payload available"});
  world.deliver(0, world.block_on(0, {world.transaction(1, 0)}));
  CHECK(world.script(0).inputs == Texts{"start", "payload available", "executed 1", "payload available"});
  world.deliver(0, world.block_on(0, {world.transaction(1, 1)}));
  CHECK(world.script(0).inputs.back() == "executed 2");
}

TEST_CASE("statements are recorded when they leave, once", "[node]") {
  World world{{.nodes = 3}};
  world.start();
  const MessagePtr vote = world.vote(0, Round{4}, {1, 2});
  world.act(0, [&](const EngineView&, Outbox& out) {
    out.broadcast(vote);
    out.send(NodeId{1}, vote);                              // again, to somebody who lacks it
    out.send(NodeId{1}, world.vote(2, Round{4}, {1, 2}));   // somebody else's
    out.send(NodeId{2}, world.vote(0, Round{5}, {1, 2}));   // a new one to one node alone
  });
  const auto voted = world.of(RecordKind::voted, 0);
  REQUIRE(voted.size() == 2);
  CHECK(voted[0].round == 4);
  CHECK(voted[0].height == 1);
  CHECK(voted[0].detail == static_cast<std::uint8_t>(VoteType::prevote));
  CHECK(voted[0].id() == BlockId{1, 2});
  CHECK(voted[1].round == 5);
  CHECK(world.count(RecordKind::voted) == 2);

  const BlockPtr block = world.block_on(0, {});
  Proposal proposal{Height{1}, Round{2}, Round{1}, block, NodeId{0}, {}, {}};
  world.act(0, [&](const EngineView&, Outbox& out) { out.broadcast(out.make<ProposalMessage>(proposal)); });
  REQUIRE(world.of(RecordKind::proposed, 0).size() == 1);
  CHECK(world.of(RecordKind::proposed, 0)[0].flags == 2);
  CHECK(world.of(RecordKind::proposed, 0)[0].peer == NodeId{0});
  CHECK(world.of(RecordKind::proposed, 0)[0].id() == block->id);
}

TEST_CASE("evidence and traces become records of this node", "[node]") {
  World world{{.nodes = 2}};
  world.start();
  const Vote first = static_cast<const VoteMessage&>(*world.vote(1, Round{3}, {1, 1})).vote;
  const Vote second = static_cast<const VoteMessage&>(*world.vote(1, Round{3}, {2, 2})).vote;
  world.act(0, [&](const EngineView&, Outbox& out) {
    out.add(effect::ReportEvidence{{EvidenceKind::double_vote, NodeId{1}, first, second}});
    out.trace({.kind = RecordKind::round_entered, .node = NodeId{77}, .round = 3, .height = 1});
  });
  REQUIRE(world.of(RecordKind::evidence, 0).size() == 1);
  CHECK(world.of(RecordKind::evidence, 0)[0].peer == NodeId{1});
  CHECK(world.of(RecordKind::evidence, 0)[0].round == 3);
  CHECK(world.of(RecordKind::round_entered, 0).size() == 1);
}

// ---- CPU ----

TEST_CASE("work that costs nothing makes no events", "[node][cpu]") {
  World world{{.nodes = 1}};
  world.start();
  const std::uint64_t before = world.simulation.events();
  world.deliver(0, world.block_on(0, {world.transaction(1, 0)}));
  world.act(0, [&](const EngineView&, Outbox& out) {
    out.persist(1, Height{1}, Round{0}, {});
    out.broadcast(world.vote(0));
    out.add(effect::ValidatePayload{world.block_on(0, {})});
  });
  world.run(1s);
  CHECK(world.simulation.events() == before);
}

TEST_CASE("a message is handled when its signatures are verified, one after the other", "[node][cpu]") {
  World world{{.nodes = 2, .costs = {.verify_signature = 2ms}}};
  std::vector<std::int64_t> at;
  world.script(0).on_message = [&](NodeId, const MessagePtr&, const EngineView&, Outbox&) {
    at.push_back(ns(world.simulation.now()) / 1'000'000);
  };
  world.start();
  for (int i = 0; i < 3; ++i) world.network.send(NodeId{1}, NodeId{0}, world.vote(1, Round{i}));
  world.run(100ms);
  CHECK(at == std::vector<std::int64_t>{12, 14, 16});
  // A status carries none.
  at.clear();
  world.network.send(NodeId{1}, NodeId{0}, MessagePtr{world.network.pool().make<StatusMessage>(Status{})});
  world.run(100ms);
  CHECK(at == std::vector<std::int64_t>{16 + 10});
}

TEST_CASE("signing and executing hold up what comes behind them", "[node][cpu]") {
  World world{{.nodes = 2, .costs = {.sign = 3ms, .execute_transaction = 5ms, .execute_block = 7ms}}};
  std::vector<std::pair<std::string, std::int64_t>> events;
  world.watcher = [&](const Record& r) {
    if (r.node == NodeId{0} && (r.kind == RecordKind::voted || r.kind == RecordKind::committed)) {
      events.emplace_back(name_of(r.kind), ns(r.at) / 1'000'000);
    }
  };
  const BlockPtr block = world.block_on(0, {world.transaction(1, 0), world.transaction(2, 0)});
  world.script(0).on_start = [&](const EngineView&, Outbox& out) {
    out.broadcast(world.vote(0));
    out.add(effect::Deliver{block, CommitLevel::final, World::commit_for(*block)});
    out.broadcast(world.vote(0, Round{1}));
    out.send(NodeId{1}, world.vote(1, Round{1}));  // another's signature costs nothing to pass on
  };
  world.start();
  world.run(100ms);
  using Events = std::vector<std::pair<std::string, std::int64_t>>;
  CHECK(events == Events{{"voted", 3}, {"committed", 3 + 17}, {"voted", 3 + 17 + 3}});
}

TEST_CASE("work on the CPU dies with the machine", "[node][cpu][crash]") {
  World world{{.nodes = 2, .costs = {.verify_signature = 20ms, .sign = 20ms}}};
  world.script(0).on_start = [&](const EngineView&, Outbox& out) {
    if (world.script(0).starts == 1) out.broadcast(world.vote(0));
  };
  world.start();
  world.network.send(NodeId{1}, NodeId{0}, world.vote(1));
  world.run(15ms);
  world.nodes.crash(NodeId{0});
  world.nodes.start(NodeId{0});
  world.run(1s);
  CHECK(world.count(RecordKind::voted) == 0);
  CHECK(world.script(0).inputs == Texts{"start", "start"});
}

// ---- adversaries ----

namespace {
struct Puppeteer final : NodeAdversary {
  std::function<void(SequencerNode&, std::span<const NodeId>, const MessagePtr&)> outgoing;
  std::function<bool(NodeId, const MessagePtr&)> incoming;
  std::function<void(std::vector<Transaction>&)> build;
  void on_outgoing(SequencerNode& node, std::span<const NodeId> to, const MessagePtr& m) override {
    if (outgoing) outgoing(node, to, m);
  }
  bool on_incoming(SequencerNode&, NodeId from, const MessagePtr& m) override { return !incoming || incoming(from, m); }
  void on_build(SequencerNode&, Block& draft) override {
    std::vector<Transaction>& candidates = draft.transactions;
    if (build) build(candidates);
  }
};
}  // namespace

TEST_CASE("nothing leaves a corrupt node but what its owner releases", "[node][adversary]") {
  World world{{.nodes = 3}};
  Puppeteer puppeteer;
  std::vector<std::vector<NodeId>> receivers;
  puppeteer.outgoing = [&](SequencerNode& node, std::span<const NodeId> to, const MessagePtr& m) {
    receivers.emplace_back(to.begin(), to.end());
    if (receivers.size() == 2) {
      const NodeId one[] = {NodeId{1}};
      node.release(one, m, 30ms);
      node.inject(NodeId{2}, world.vote(2, Round{50}));
    }
  };
  world.node(0).corrupt(puppeteer);
  CHECK(world.node(0).is_corrupt());
  world.start();
  world.act(0, [&](const EngineView&, Outbox& out) { out.broadcast(world.vote(0)); });
  CHECK(world.count(RecordKind::voted) == 0);
  CHECK(world.network.counters().sent == 0);
  world.act(0, [&](const EngineView&, Outbox& out) { out.send(NodeId{1}, world.vote(0, Round{1})); });
  CHECK(receivers == std::vector<std::vector<NodeId>>{{NodeId{1}, NodeId{2}}, {NodeId{1}}});
  CHECK(world.count(RecordKind::voted) == 1);
  // The node's own code goes on: it hears itself, and what was put into its ear.
  CHECK(std::ranges::count(world.script(0).inputs, "prevote from n2") == 1);
  world.run(39ms);
  CHECK(world.script(1).inputs == Texts{"start"});
  world.run(2ms);
  CHECK(world.script(1).inputs == Texts{"start", "prevote from n0"});
}

TEST_CASE("a corrupt node does not see what its owner hides", "[node][adversary]") {
  World world{{.nodes = 2}};
  Puppeteer puppeteer;
  puppeteer.incoming = [](NodeId, const MessagePtr& m) {
    return static_cast<const VoteMessage&>(*m).vote.round != Round{1};
  };
  world.node(0).corrupt(puppeteer);
  world.start();
  for (int i = 0; i < 3; ++i) world.network.send(NodeId{1}, NodeId{0}, world.vote(1, Round{i}));
  world.run(100ms);
  CHECK(world.script(0).inputs == Texts{"start", "prevote from n1", "prevote from n1"});
}

TEST_CASE("the owner of a proposer chooses order and content, and cannot make its block invalid", "[node][adversary]") {
  World world{{.nodes = 2}};
  Puppeteer puppeteer;
  world.node(0).corrupt(puppeteer);
  world.start();
  BlockPtr built;
  world.script(0).on_built = [&](BlockPtr block, const EngineView&, Outbox&) { built = std::move(block); };
  for (std::uint64_t n = 0; n < 3; ++n) world.submit(0, world.transaction(1, n));
  world.submit(0, world.transaction(2, 0));
  world.run(100ms);
  const auto build = [&](std::function<void(std::vector<Transaction>&)> how) {
    puppeteer.build = std::move(how);
    world.act(0, [&](const EngineView& view, Outbox& out) {
      out.add(effect::BuildPayload{Height{1}, Round{0}, {}, view.chain.state(), {}, {}, {}, {}});
    });
    REQUIRE(built != nullptr);
    world.act(1, [&](const EngineView&, Outbox& out) { out.add(effect::ValidatePayload{built}); });
    CHECK(world.script(1).inputs.back() == "valid");
    return built->transactions;
  };
  CHECK(build([](std::vector<Transaction>& c) { CHECK(c.size() == 4); }).size() == 4);
  const auto censored = build([](std::vector<Transaction>& c) {
    std::erase_if(c, [](const Transaction& tx) { return tx.sender == AccountId{1}; });
  });
  CHECK(censored == std::vector<Transaction>{world.transaction(2, 0)});
  const auto turned = build([](std::vector<Transaction>& c) { std::ranges::reverse(c); });
  CHECK(turned == std::vector<Transaction>{world.transaction(2, 0), world.transaction(1, 0)});
  const auto invented = build([&](std::vector<Transaction>& c) {
    Transaction tx = world.transaction(3, 0);
    tx.signature.handle += 1;
    c.push_back(tx);
    c.push_back(c.front());
  });
  CHECK(invented.size() == 4);
}
