#include <set>

#include "scenarios/workload/clients.hpp"
#include "tests/protocols/node/node_world.hpp"
#include "tests/support/catch.hpp"

using namespace seqlab;
using namespace seqlab::testing;
using scenarios::Clients;
using scenarios::WorkloadSpec;

namespace {

/// A chain that node 0 makes, a block every 50 ms; the others follow.
struct Chain {
  explicit Chain(const Options& options, const WorkloadSpec& spec)
      : workload(spec),
        world(options),
        clients(world.simulation, world.nodes, world.network, *world.signatures, workload, world.context.peers) {
    for (std::uint32_t i = 0; i < options.nodes; ++i) follow(world.script(i));
    lead(world.script(0));
  }
  ~Chain() { world.simulation.end_processes(); }

  void start() {
    world.start();
    clients.start();
  }

  void lead(Script& script) {
    script.on_start = [](const EngineView&, Outbox& out) { out.set_timer(1, 50ms, 0); };
    script.on_timer = [](std::uint64_t, const EngineView& view, Outbox& out) {
      const ChainView& chain = view.chain;
      const BlockId parent = chain.height() == Height{0} ? BlockId{} : chain.block(chain.height())->id;
      out.add(effect::BuildPayload{next(chain.height()), Round{0}, parent, chain.state(), {}, view.wall, {}, {}});
      out.set_timer(1, 50ms, 0);
    };
    script.on_built = [](BlockPtr block, const EngineView& view, Outbox& out) {
      if (block == nullptr) return;
      Proposal p{block->height, Round{0}, no_round, block, view.self, block->timestamp, {}};
      p.signature = view.signatures.sign(view.self.value, p.signed_digest());
      out.broadcast(out.make<ProposalMessage>(p));
    };
  }
  static void follow(Script& script) {
    script.on_message = [](NodeId, const MessagePtr& m, const EngineView& view, Outbox& out) {
      const Proposal& p = static_cast<const ProposalMessage&>(*m).proposal;
      if (!view.signatures.verify(p.proposer.value, p.signed_digest(), p.signature)) return;
      out.add(effect::ValidatePayload{p.block});
    };
    script.on_validated = [](const BlockPtr& block, bool valid, const EngineView&, Outbox& out) {
      if (valid) out.add(effect::Deliver{block, CommitLevel::final, World::commit_for(*block)});
    };
  }

  std::vector<Record> all(RecordKind kind) const {
    std::vector<Record> out;
    for (const Record& r : world.records) {
      if (r.kind == kind) out.push_back(r);
    }
    return out;
  }

  WorkloadSpec workload;
  World world;
  Clients clients;
};

WorkloadSpec steady(std::int64_t per_second, std::uint32_t clients) {
  WorkloadSpec w;
  w.arrivals = WorkloadSpec::Arrivals::constant;
  w.clients = clients;
  w.rate_per_1000s = per_second * 1000;
  w.accounts = account_count;
  w.stop_after = 2s;
  w.retry_after = 500ms;
  return w;
}

}  // namespace

TEST_CASE("every transaction is confirmed once, and all nodes agree on what it did", "[workload]") {
  Chain chain{{.nodes = 4}, steady(40, 3)};
  chain.start();
  chain.world.run(4s);
  const auto submitted = chain.all(RecordKind::tx_submitted);
  CHECK(submitted.size() == 79);
  CHECK(chain.clients.in_flight() == 0);
  CHECK(chain.all(RecordKind::tx_retried).empty());
  std::map<Hash128, SimTime> first;
  for (const Record& r : submitted) CHECK(first.emplace(r.id(), r.at).second);
  std::set<Hash128> confirmed;
  for (const Record& r : chain.all(RecordKind::tx_confirmed)) {
    CHECK(confirmed.insert(r.id()).second);
    CHECK(r.elapsed() == ns(r.at - first.at(r.id())));
    CHECK(r.elapsed() >= 20'000'000);
    CHECK(r.elapsed() <= 110'000'000);
  }
  CHECK(confirmed.size() == submitted.size());
  for (std::uint32_t i = 0; i < 4; ++i) {
    CHECK(chain.world.node(i).chain().state() == chain.world.node(0).chain().state());
    CHECK(chain.world.node(i).ledger().total() == Amount{1'000'000 * std::int64_t{account_count}});
    CHECK(chain.world.node(i).mempool().size() == 0);
    CHECK(chain.world.of(RecordKind::tx_included, i).size() == 79);
  }
}

TEST_CASE("ideal and real signatures give the same records", "[workload][crypto]") {
  const auto digest = [](SignatureBackend backend, std::uint64_t seed) {
    Chain chain{{.nodes = 3, .backend = backend, .seed = seed}, steady(20, 2)};
    chain.start();
    chain.world.simulation.call_at(at_ns(1'000'000'000), [&] {
      Transaction forged = chain.world.transaction(9, 0);
      forged.signature.handle ^= 1;
      chain.world.submit(1, forged);
    });
    chain.world.run(3s);
    CHECK(chain.all(RecordKind::tx_refused).size() == 1);
    CHECK(chain.all(RecordKind::tx_confirmed).size() == 39);
    return chain.world.simulation.records().digest();
  };
  CHECK(digest(SignatureBackend::ideal, 5) == digest(SignatureBackend::real, 5));
  CHECK(digest(SignatureBackend::ideal, 5) == digest(SignatureBackend::ideal, 5));
  CHECK(digest(SignatureBackend::ideal, 5) != digest(SignatureBackend::ideal, 6));
}

TEST_CASE("constant arrivals of all clients together are even", "[workload]") {
  Chain chain{{.nodes = 1}, steady(8, 3)};
  chain.start();
  chain.world.run(3s);
  const auto submitted = chain.all(RecordKind::tx_submitted);
  REQUIRE(submitted.size() == 15);
  for (std::size_t i = 0; i < submitted.size(); ++i) {
    CHECK(ns(submitted[i].at) == static_cast<std::int64_t>(i + 1) * 125'000'000);
    CHECK(submitted[i].node.value == 2 + i % 3);
  }
}

TEST_CASE("Poisson arrivals have the right mean, and one more draw elsewhere does not move them", "[workload]") {
  WorkloadSpec w = steady(100, 4);
  w.arrivals = WorkloadSpec::Arrivals::poisson;
  w.stop_after = 100s;
  w.retry_after = 1000s;
  const auto arrivals = [&w](std::uint32_t node, bool powered) {
    Chain chain{{.nodes = 1}, w};
    if (powered) chain.world.start();
    chain.clients.start();
    chain.world.run(101s);
    std::vector<std::pair<std::int64_t, Hash128>> out;
    for (const Record& r : chain.all(RecordKind::tx_submitted)) {
      if (r.node == NodeId{node}) out.emplace_back(ns(r.at), r.id());
    }
    return out;
  };
  const auto one = arrivals(2, false);
  CHECK(one.size() > 2300);  // 2500 expected, standard deviation 50
  CHECK(one.size() < 2700);
  std::int64_t squares = 0;
  for (std::size_t i = 1; i < one.size(); ++i) {
    const std::int64_t gap_us = (one[i].first - one[i - 1].first) / 1000;
    squares += gap_us * gap_us;
  }
  const std::int64_t mean_us = one.back().first / 1000 / static_cast<std::int64_t>(one.size());
  const std::int64_t mean_square = squares / static_cast<std::int64_t>(one.size() - 1);
  // Exponential: the mean square is twice the squared mean.
  CHECK(mean_square > 17 * mean_us * mean_us / 10);
  CHECK(mean_square < 23 * mean_us * mean_us / 10);
  w.clients = 5;
  w.rate_per_1000s = 125'000;
  w.stop_after = 3s;
  const auto with_more = arrivals(2, false);
  REQUIRE(with_more.size() > 20);
  for (std::size_t i = 0; i < with_more.size(); ++i) CHECK(with_more[i].first == one[i].first);
  CHECK(arrivals(2, true) == with_more);  // whatever becomes of them
}

TEST_CASE("a trace is followed to the letter", "[workload]") {
  WorkloadSpec w = steady(0, 2);
  w.arrivals = WorkloadSpec::Arrivals::trace;
  w.start_after = 100ms;
  w.trace = {{5ms, 3, 300, 7}, {5ms, 4, 200, 0}, {900ms, 3, 10, 2}, {1s, 13, 250, 1}};
  Chain chain{{.nodes = 1}, w};
  std::vector<Transaction> seen;
  chain.start();
  chain.world.run(2s);
  for (Height h{1}; h <= chain.world.node(0).chain().height(); ++h) {
    for (const Transaction& tx : chain.world.node(0).chain().block(h)->transactions) seen.push_back(tx);
  }
  std::ranges::stable_sort(seen, {}, &Transaction::nonce);
  REQUIRE(seen.size() == 4);
  const auto find = [&](std::uint32_t account, std::uint64_t nonce) {
    return *std::ranges::find_if(
        seen, [&](const Transaction& tx) { return tx.sender.value == account && tx.nonce == nonce; });
  };
  CHECK(find(3, 0).fee == Amount{7});
  CHECK(find(3, 0).bytes == 300);
  CHECK(find(4, 0).fee == Amount{0});
  CHECK(find(3, 1).bytes == transaction_bytes_min);
  CHECK(find(3, 2).fee == Amount{1});  // account 13 of 10
  const auto submitted = chain.all(RecordKind::tx_submitted);
  CHECK(ns(submitted[0].at) == 105'000'000);
  CHECK(ns(submitted[3].at) == 1'100'000'000);
}

TEST_CASE("a client whose node is down turns to the next one", "[workload]") {
  WorkloadSpec w = steady(10, 2);
  Chain chain{{.nodes = 3}, w};
  chain.start();
  chain.world.simulation.call_at(at_ns(600'000'000), [&] { chain.world.nodes.crash(NodeId{1}); });
  chain.world.run(6s);
  // Client 1 first asks node 1, which is down for most of the time.
  CHECK(chain.clients.in_flight() == 0);
  CHECK(chain.all(RecordKind::tx_confirmed).size() == chain.all(RecordKind::tx_submitted).size());
  const auto retried = chain.all(RecordKind::tx_retried);
  CHECK(retried.size() >= 6);
  for (const Record& r : retried) {
    CHECK(r.node == NodeId{5});
    CHECK(r.peer == NodeId{2});
    CHECK(r.round == 1);
  }
}

TEST_CASE("a client gives up in the end, and the hole that is left is filled", "[workload]") {
  WorkloadSpec w = steady(10, 1);
  w.retries_max = 2;
  w.retry_after = 200ms;
  w.accounts = 2;
  w.stop_after = 6s;
  Chain chain{{.nodes = 2}, w};
  chain.clients.start();  // the nodes are off
  chain.world.run(1950ms);
  const std::size_t given_up = chain.all(RecordKind::tx_submitted).size() - chain.clients.in_flight();
  CHECK(given_up >= 12);
  CHECK(chain.clients.in_flight() <= 7);
  CHECK(chain.all(RecordKind::tx_confirmed).empty());
  chain.world.start();
  chain.world.run(8s);
  CHECK(chain.clients.in_flight() == 0);
  // After a while every new transaction is confirmed again: no nonce is missing any more.
  std::set<Hash128> confirmed;
  for (const Record& r : chain.all(RecordKind::tx_confirmed)) confirmed.insert(r.id());
  int late = 0;
  for (const Record& r : chain.all(RecordKind::tx_submitted)) {
    if (r.at < at_ns(5'000'000'000)) continue;
    ++late;
    CHECK(confirmed.contains(r.id()));
  }
  CHECK(late == 10);
}

TEST_CASE("what nobody asked for leaves a client cold", "[workload]") {
  Chain chain{{.nodes = 1}, steady(10, 1)};
  chain.start();
  auto& pool = chain.world.network.pool();
  using Outcome = TransactionResultMessage::Outcome;
  const NodeId client{2};
  const auto say = [&](const TxId& tx, Outcome outcome, std::uint8_t detail) {
    const MessagePtr message{pool.make<TransactionResultMessage>(NodeId{0}, tx, outcome, Height{1}, detail)};
    chain.world.network.send(NodeId{0}, client, message);
  };
  chain.world.network.send(NodeId{0}, client, chain.world.vote(0));
  say({1, 2}, Outcome::committed, 0);
  say({1, 2}, Outcome::refused, 255);
  chain.world.run(105ms);
  const auto submitted = chain.all(RecordKind::tx_submitted);
  REQUIRE(submitted.size() == 1);
  say(submitted[0].id(), Outcome::refused, 255);     // no such reason
  say(submitted[0].id(), Outcome::committed, 200);   // no such status
  say(submitted[0].id(), static_cast<Outcome>(99), 0);
  chain.world.run(30ms);
  CHECK(chain.clients.in_flight() == 1);
  chain.world.run(4s);
  CHECK(chain.all(RecordKind::tx_confirmed).size() == chain.all(RecordKind::tx_submitted).size());
}

TEST_CASE("a client's machine that was off goes on with what it had submitted", "[workload]") {
  Chain chain{{.nodes = 2}, steady(10, 1)};
  chain.start();
  chain.world.simulation.call_at(at_ns(310'000'000), [&] { chain.world.nodes.crash(NodeId{3}); });
  chain.world.simulation.call_at(at_ns(1'200'000'000), [&] { chain.world.nodes.start(NodeId{3}); });
  chain.world.run(5s);
  CHECK(chain.all(RecordKind::tx_submitted).size() == 11);  // what came while it was off is lost
  CHECK(chain.clients.in_flight() == 0);
  CHECK(chain.all(RecordKind::tx_confirmed).size() == 11);
}
