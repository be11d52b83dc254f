// A small world for tests of the sequencer node: machines, a network with constant delay, and engines that do what a
// test tells them.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocols/node/sequencer.hpp"
#include "sim/net/latency/latency_models.hpp"

namespace seqlab::testing {

using namespace protocols;
using sim::Record;
using sim::RecordKind;

/// What a scripted engine does. Lives outside of the machine: it sees what every life of the engine saw.
struct Script {
  std::vector<std::string> inputs;         ///< what came in, as short text
  std::vector<Recovered> recovered;        ///< log of the last start
  int starts = 0;
  std::function<void(const EngineView&, Outbox&)> on_start;
  std::function<void(NodeId, const MessagePtr&, const EngineView&, Outbox&)> on_message;
  std::function<void(std::uint64_t, const EngineView&, Outbox&)> on_timer;
  std::function<void(BlockPtr, const EngineView&, Outbox&)> on_built;
  std::function<void(const BlockPtr&, bool, const EngineView&, Outbox&)> on_validated;
  std::function<void(Height, const ExecutionResult&, const EngineView&, Outbox&)> on_executed;
};

class ScriptedEngine final : public Engine {
 public:
  explicit ScriptedEngine(Script& script) : script_(script) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out) override {
    script_.inputs.emplace_back("start");
    script_.recovered.assign(log.begin(), log.end());
    ++script_.starts;
    if (script_.on_start) script_.on_start(view, out);
  }
  void on_message(NodeId from, const MessagePtr& m, const EngineView& view, Outbox& out) override {
    const auto kind = static_cast<const ConsensusMessage&>(*m).message_kind();
    script_.inputs.push_back(std::string{name_of(kind)} + " from n" + std::to_string(from.value));
    if (script_.on_message) script_.on_message(from, m, view, out);
  }
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out) override {
    script_.inputs.push_back("timer " + std::to_string(token));
    if (script_.on_timer) script_.on_timer(token, view, out);
  }
  void on_built(Height, Round, BlockPtr block, const EngineView& view, Outbox& out) override {
    script_.inputs.emplace_back(block == nullptr ? "built nothing" : "built");
    if (script_.on_built) script_.on_built(std::move(block), view, out);
  }
  void on_payload_available(const EngineView&, Outbox&) override { script_.inputs.emplace_back("payload available"); }
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) override {
    script_.inputs.emplace_back(valid ? "valid" : "invalid");
    if (script_.on_validated) script_.on_validated(block, valid, view, out);
  }
  void on_executed(Height h, const ExecutionResult& result, const EngineView& view, Outbox& out) override {
    script_.inputs.push_back("executed " + std::to_string(h.value));
    if (script_.on_executed) script_.on_executed(h, result, view, out);
  }
  std::unique_ptr<Engine> clone() const override { return std::make_unique<ScriptedEngine>(script_); }
  bool same_state(const Engine&) const override { return true; }
  Hash128 state_hash() const override { return {}; }
  Height height() const override { return Height{1}; }
  Round round() const override { return Round{0}; }

 private:
  Script& script_;
};

struct Options {
  std::uint32_t nodes = 1;
  SignatureBackend backend = SignatureBackend::ideal;
  NodeCosts costs{};
  Duration sync_time{};
  MempoolOptions mempool{};
  BlockLimits limits{};
  std::uint64_t keep_blocks = 0;
  std::int64_t balance = 1'000'000;
  std::vector<std::pair<Height, ValidatorUpdate>> updates{};
  std::uint64_t seed = 5;
};

/// Endpoint that keeps what it gets.
struct Listener final : sim::NodeHandler {
  std::vector<std::pair<NodeId, MessagePtr>> messages;
  void on_start(bool) override {}
  void on_message(NodeId from, const MessagePtr& m) override { messages.emplace_back(from, m); }
  void on_timer(std::uint64_t) override {}
  void on_crash() override {}
  std::vector<TransactionResultMessage::Outcome> outcomes() const {
    std::vector<TransactionResultMessage::Outcome> out;
    for (const auto& [from, m] : messages) out.push_back(static_cast<const TransactionResultMessage&>(*m).outcome);
    return out;
  }
};

constexpr Duration link_delay = 10ms;
constexpr std::uint32_t account_count = 10;

class World final : public sim::RecordObserver {
 public:
  explicit World(const Options& options)
      : simulation({.seed = options.seed}),
        nodes(simulation),
        network(simulation, nodes, network_options()),
        signatures(make_signatures(options.backend, options.seed)),
        context{.simulation = simulation,
                .nodes = nodes,
                .network = network,
                .signatures = *signatures,
                .genesis = committee(options.nodes),
                .peers = {},
                .limits = options.limits,
                .leader_order = LeaderOrder::arrival,
                .mempool = options.mempool,
                .costs = options.costs,
                .ledger = {.accounts = account_count, .balance = Amount{options.balance}},
                .dissemination = sim::Dissemination::direct,
                .validator_updates = options.updates,
                .keep_blocks = options.keep_blocks},
        scripts(options.nodes) {
    simulation.records().subscribe(*this, sim::all_kinds);
    for (std::uint32_t i = 0; i < options.nodes; ++i) {
      context.peers.push_back(NodeId{i});
      sequencers.push_back(std::make_unique<SequencerNode>(
          context,
          [this](NodeId self, const Committee&) { return std::make_unique<ScriptedEngine>(scripts[self.value]); }));
      machine(i).disk.sync_time = options.sync_time;
    }
    client = nodes.add(listener).id();
    nodes.start(client);
  }
  ~World() { simulation.end_processes(); }

  static sim::NetworkOptions network_options() {
    sim::NetworkOptions o;
    o.latency = sim::make_constant_latency(link_delay);
    return o;
  }
  static Committee committee(std::uint32_t n) {
    std::vector<Validator> validators;
    for (std::uint32_t i = 0; i < n; ++i) validators.push_back({NodeId{i}, 1});
    return Committee{validators};
  }

  sim::Node& machine(std::uint32_t i) { return nodes[NodeId{i}]; }
  SequencerNode& node(std::uint32_t i) { return *sequencers[i]; }
  Script& script(std::uint32_t i) { return scripts[i]; }
  void start() {
    for (std::uint32_t i = 0; i < sequencers.size(); ++i) nodes.start(NodeId{i});
  }
  void run(Duration duration) { simulation.run(simulation.now() + duration); }

  MessagePtr vote(std::uint32_t by, Round round = Round{0}, BlockId block = {}) {
    Vote v{.height = Height{1}, .round = round, .type = VoteType::prevote, .voter = NodeId{by}, .block = block,
           .timestamp = {}, .signature = {}};
    v.signature = signatures->sign(by, v.signed_digest());
    return MessagePtr{network.pool().make<VoteMessage>(v)};
  }
  Transaction transaction(std::uint32_t from, std::uint64_t nonce, std::int64_t amount = 5, std::int64_t fee = 1) {
    Transaction tx{.id = {},
                   .sender = AccountId{from},
                   .receiver = AccountId{(from + 1) % account_count},
                   .nonce = nonce,
                   .amount = Amount{amount},
                   .fee = Amount{fee},
                   .bytes = 200,
                   .client = client};
    return sign(tx);
  }
  Transaction sign(Transaction tx) {
    tx.id = tx.compute_id();
    tx.signature = signatures->sign(account_key(tx.sender.value), tx.id);
    return tx;
  }
  /// From the client's endpoint.
  void submit(std::uint32_t to, const Transaction& tx) {
    network.send(client, NodeId{to}, MessagePtr{network.pool().make<TransactionMessage>(tx)});
  }
  /// The block after what `i` has committed, with these transactions.
  std::shared_ptr<Block> block_on(std::uint32_t i, std::vector<Transaction> transactions) {
    const ChainView& chain = node(i).chain();
    auto block = std::make_shared<Block>();
    block->height = next(chain.height());
    block->round = Round{0};
    block->parent = chain.height() == Height{0} ? BlockId{} : chain.block(chain.height())->id;
    block->proposer = NodeId{0};
    block->state_before = chain.state();
    block->committee_hash = chain.committee(block->height).hash();
    block->transactions = std::move(transactions);
    return seal(block);
  }
  static std::shared_ptr<Block> seal(std::shared_ptr<Block> block) {
    block->bytes = block->compute_bytes();
    block->id = block->compute_id();
    return block;
  }
  static Commit commit_for(const Block& block) {
    return {block.height, block.round, block.id, VoteType::precommit, {{NodeId{0}, {}, {1}}}};
  }
  /// Has the engine of node `i` do something now.
  void act(std::uint32_t i, std::function<void(const EngineView&, Outbox&)> action) {
    auto previous = std::move(script(i).on_message);
    script(i).on_message = [&, once = true](NodeId from, const MessagePtr& m, const EngineView& v, Outbox& o) mutable {
      if (std::exchange(once, false)) return action(v, o);
      if (previous) previous(from, m, v, o);
    };
    const auto position = static_cast<std::ptrdiff_t>(script(i).inputs.size());
    node(i).on_message(NodeId{i}, vote(i, Round{99}));
    script(i).on_message = std::move(previous);
    script(i).inputs.erase(script(i).inputs.begin() + position);  // the nudge itself
  }
  void deliver(std::uint32_t i, const BlockPtr& block) {
    act(i, [&](const EngineView&, Outbox& out) {
      out.add(effect::Deliver{block, CommitLevel::final, commit_for(*block)});
    });
  }

  void on_record(const Record& record) override {
    records.push_back(record);
    if (watcher) watcher(record);
  }
  std::vector<Record> of(RecordKind kind, std::uint32_t node) const {
    std::vector<Record> out;
    for (const Record& r : records) {
      if (r.kind == kind && r.node == NodeId{node}) out.push_back(r);
    }
    return out;
  }
  std::size_t count(RecordKind kind) const {
    return static_cast<std::size_t>(std::ranges::count(records, kind, &Record::kind));
  }

  std::vector<Record> records;
  std::function<void(const Record&)> watcher;
  sim::Simulation simulation;
  sim::Nodes nodes;
  sim::Network network;
  std::unique_ptr<Signatures> signatures;
  SequencerContext context;
  std::vector<Script> scripts;
  std::vector<std::unique_ptr<SequencerNode>> sequencers;
  Listener listener;
  NodeId client{};
};

}  // namespace seqlab::testing
