// Drives consensus engines without the simulator: a queue of messages and timers with one constant delay, full control
// over what is delivered, a crash between any two effects. Deterministic; every engine sees an honest host.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/messages.hpp"
#include "protocols/consensus/voting_proposal.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::test {

using namespace seqlab::protocols;  // NOLINT: tests talk about nothing else
using sim::Record;
using sim::RecordKind;

/// A durable chain whose application only counts transactions: the state changes when a block has some.
class HarnessChain final : public ChainView {
 public:
  /// @param change_lag  of the engine, see EnginePromises
  explicit HarnessChain(const Committee& genesis, std::vector<std::pair<Height, ValidatorUpdate>> updates = {},
                        std::uint32_t change_lag = 2)
      : updates_(std::move(updates)), committees_(change_lag + 1, genesis) {}

  Height height() const override { return Height{blocks_.size()}; }
  BlockPtr block(Height h) const override {
    return h.value >= 1 && h.value <= blocks_.size() ? blocks_[h.value - 1].first : nullptr;
  }
  const Commit* commit(Height h) const override {
    return h.value >= 1 && h.value <= blocks_.size() ? &blocks_[h.value - 1].second : nullptr;
  }
  const Committee& committee(Height h) const override { return committees_.at(h.value); }
  StateRoot state() const override { return state_; }

  ExecutionResult append(const BlockPtr& block, const Commit& commit) {
    blocks_.emplace_back(block, commit);
    for (const Transaction& tx : block->transactions) {
      state_ = FieldHash<4>{}.add(state_).add(tx.id).finish();
    }
    ExecutionResult result{.state = state_, .validator_updates = {}};
    for (const auto& [h, update] : updates_) {
      if (h == block->height) result.validator_updates.push_back(update);
    }
    committees_.push_back(committees_.back().with(result.validator_updates));
    return result;
  }

 private:
  std::vector<std::pair<Height, ValidatorUpdate>> updates_;
  std::vector<std::pair<BlockPtr, Commit>> blocks_;
  std::deque<Committee> committees_;  // by height; references stay good
  StateRoot state_{};
};

class EngineHarness {
 public:
  using Make = std::function<std::unique_ptr<Engine>(NodeId)>;
  struct Sent {
    SimTime at{};
    NodeId from;
    NodeId to;
    MessagePtr message;
  };

  EngineHarness(Committee committee, std::uint32_t nodes, Make make, Duration delay = 100ms,
                std::vector<std::pair<Height, ValidatorUpdate>> updates = {}, std::uint32_t change_lag = 2)
      : committee_(std::move(committee)), make_(std::move(make)), delay_(delay) {
    for (std::uint32_t i = 0; i < nodes; ++i) {
      nodes_.push_back(std::make_unique<Node>(HarnessChain{committee_, updates, change_lag}));
    }
  }

  // -- control
  void start(NodeId n) {
    Node& node = at(n);
    if (node.engine != nullptr) return;
    ++node.life;
    node.engine = make_(n);
    Outbox out{pool};
    node.engine->start(node.log, view(n), out);
    apply(n, out);
  }
  void start_all() {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) start(NodeId{i});
  }
  void crash(NodeId n) {
    Node& node = at(n);
    node.engine.reset();
    node.timers.clear();
    node.inputs.clear();
  }
  /// The machine of `n` fails instead of applying its `count`-th effect from now (0: the next one).
  void crash_at_effect(NodeId n, std::uint64_t count) { at(n).crash_in = count; }
  bool up(NodeId n) const { return nodes_[n.value]->engine != nullptr; }

  void run_for(Duration d) { run_until_time(now_ + d); }
  /// @return whether `done` came true within `limit`
  bool run_until(const std::function<bool()>& done, Duration limit) {
    const SimTime end = now_ + limit;
    while (!done()) {
      if (!step(end)) return done();
    }
    return true;
  }
  bool run_to_height(std::uint64_t h, Duration limit) {
    return run_until([&] { return least_height() >= h; }, limit);
  }
  /// Hands a message over at once.
  void deliver(NodeId from, NodeId to, const MessagePtr& message) {
    if (!up(to)) return;
    at(to).inputs.emplace_back(Received{from, message});
    pump(to);
  }
  void fire_timer(NodeId n, std::uint32_t id) {
    Node& node = at(n);
    const auto found = node.timers.find(id);
    if (found == node.timers.end()) return;
    const std::uint64_t token = found->second.token;
    node.timers.erase(found);
    node.inputs.emplace_back(Fired{token});
    pump(n);
  }
  void payload_available(NodeId n) {
    at(n).inputs.emplace_back(PayloadAvailable{});
    pump(n);
  }
  void answer_validation(NodeId n, const BlockPtr& block, bool valid) {
    at(n).inputs.emplace_back(Validated{block, valid});
    pump(n);
  }
  void release_held() {
    std::vector<Sent> held;
    held.swap(held_);
    for (const Sent& s : held) schedule(s.from, s.to, s.message);
  }

  /// Return true to lose a message; to keep it until release_held().
  std::function<bool(NodeId, NodeId, const MessagePtr&)> drop;
  std::function<bool(NodeId, NodeId, const MessagePtr&)> hold;
  std::function<bool(const Block&)> valid = [](const Block&) { return true; };
  bool answer_validations = true;
  bool drop_nothing_to_self = true;

  // -- what there is
  sim::MessagePool pool;
  std::unique_ptr<Signatures> signatures = make_signatures(SignatureBackend::ideal, 7);
  std::vector<Sent> sent;          ///< every copy that left a node, also lost ones
  std::vector<Record> records;     ///< traces, and `committed` for every final delivery
  std::vector<effect::ReportEvidence> evidence;
  std::vector<std::pair<NodeId, Evidence>> reports;
  std::vector<std::string> conflicts;  ///< statements of one key that contradict each other
  std::map<std::uint32_t, std::vector<Transaction>> mempool;
  std::map<std::uint32_t, Duration> clock_offset;

  template <class E>
  const E& engine(NodeId n) const {
    return static_cast<const EngineOf<E>&>(*nodes_[n.value]->engine).core();
  }
  Engine& engine(NodeId n) { return *at(n).engine; }
  HarnessChain& chain(NodeId n) { return at(n).chain; }
  const std::vector<Recovered>& log(NodeId n) { return at(n).log; }
  std::vector<Recovered>& mutable_log(NodeId n) { return at(n).log; }
  std::size_t size() const { return nodes_.size(); }
  SimTime now() const { return now_; }
  const Committee& committee() const { return committee_; }
  std::optional<Duration> timer(NodeId n, std::uint32_t id) {
    const auto found = at(n).timers.find(id);
    if (found == at(n).timers.end()) return std::nullopt;
    return found->second.due - now_;
  }
  std::uint64_t effects_applied(NodeId n) { return at(n).applied; }
  std::uint64_t least_height() const {
    std::uint64_t least = ~std::uint64_t{0};
    for (const auto& node : nodes_) {
      if (node->engine != nullptr) least = std::min(least, node->chain.height().value);
    }
    return least;
  }
  /// One block a height, whoever has it.
  bool agree() const {
    std::map<std::uint64_t, BlockId> first;
    for (const auto& node : nodes_) {
      for (std::uint64_t h = 1; h <= node->chain.height().value; ++h) {
        const BlockId id = node->chain.block(Height{h})->id;
        if (first.try_emplace(h, id).first->second != id) return false;
      }
    }
    return true;
  }
  std::size_t count(MessageKind kind) const {
    return static_cast<std::size_t>(std::ranges::count_if(sent, [&](const Sent& s) { return kind_of(s) == kind; }));
  }
  static MessageKind kind_of(const Sent& s) { return static_cast<const ConsensusMessage&>(*s.message).message_kind(); }
  std::size_t count(RecordKind kind) const {
    return static_cast<std::size_t>(std::ranges::count(records, kind, &Record::kind));
  }
  EngineView view(NodeId n) {
    const SimTime wall = now_ + clock_offset[n.value];
    return EngineView{n, wall, *signatures, at(n).chain};
  }

  // -- making messages by hand
  MessagePtr vote(NodeId voter, VoteType type, Height h, Round r, BlockId block, Duration time = {}) {
    Vote v;
    v.height = h;
    v.round = r;
    v.type = type;
    v.voter = voter;
    v.block = block;
    v.timestamp = now_ + time;
    v.signature = signatures->sign(voter.value, v.signed_digest());
    return MessagePtr{pool.make<VoteMessage>(v)};
  }
  MessagePtr proposal(NodeId proposer, Height h, Round r, const BlockPtr& block, Round valid_round = no_round) {
    Proposal p{h, r, valid_round, block, proposer, block->timestamp, {}};
    p.signature = signatures->sign(proposer.value, p.signed_digest());
    return MessagePtr{pool.make<ProposalMessage>(std::move(p))};
  }
  /// A block that fits the chain of `n`; `mark` makes it different from others.
  BlockPtr block(NodeId n, NodeId proposer, Round r, std::uint64_t mark = 0) {
    const HarnessChain& c = at(n).chain;
    const Height h = next(c.height());
    Block b;
    b.height = h;
    b.round = r;
    b.proposer = proposer;
    b.timestamp = now_;
    b.state_before = c.state();
    HashBuilder hash;
    c.committee(h).hash_into(hash);
    b.committee_hash = hash.finish();
    if (h.value > 1) {
      b.parent = c.block(c.height())->id;
      b.last_commit = *c.commit(c.height());
    }
    if (mark != 0) b.transactions.push_back(transaction(mark));
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    return std::make_shared<const Block>(std::move(b));
  }
  static Transaction transaction(std::uint64_t mark) {
    Transaction tx;
    tx.nonce = mark;
    tx.bytes = 200;
    tx.id = tx.compute_id();
    return tx;
  }
  /// Statements that `n` broadcast and that satisfy `which`, each once.
  std::vector<Vote> votes_by(NodeId n, VoteType type) const {
    std::vector<Vote> out;
    for (const Sent& s : sent) {
      if (s.from != n || (kind_of(s) != MessageKind::prevote && kind_of(s) != MessageKind::precommit)) continue;
      const Vote& v = static_cast<const VoteMessage&>(*s.message).vote;
      if (v.type == type && v.voter == n && std::ranges::find(out, v) == out.end()) out.push_back(v);
    }
    return out;
  }
  std::vector<Proposal> proposals_by(NodeId n) const {
    std::vector<Proposal> out;
    for (const Sent& s : sent) {
      if (s.from != n || kind_of(s) != MessageKind::proposal) continue;
      const Proposal& p = static_cast<const ProposalMessage&>(*s.message).proposal;
      if (p.proposer == n && std::ranges::find(out, p) == out.end()) out.push_back(p);
    }
    return out;
  }

 private:
  struct Received { NodeId from; MessagePtr message; };
  struct Fired { std::uint64_t token; };
  struct Built { Height height; Round round; BlockPtr block; };
  struct Validated { BlockPtr block; bool valid; };
  struct Executed { Height height; ExecutionResult result; };
  struct PayloadAvailable {};
  using Input = std::variant<Received, Fired, Built, Validated, Executed, PayloadAvailable>;
  struct TimerEntry {
    SimTime due{};
    std::uint64_t order = 0;
    std::uint64_t token = 0;
  };
  struct Node {
    explicit Node(HarnessChain start) : chain(std::move(start)) {}
    std::unique_ptr<Engine> engine;
    HarnessChain chain;
    std::vector<Recovered> log;
    std::map<std::uint32_t, TimerEntry> timers;
    std::deque<Input> inputs;
    std::uint64_t life = 0;
    std::uint64_t applied = 0;
    std::optional<std::uint64_t> crash_in;
    bool pumping = false;
    std::vector<std::pair<BlockPtr, CommitLevel>> reverted;
  };

  Node& at(NodeId n) { return *nodes_[n.value]; }

  void pump(NodeId n) {
    Node& node = at(n);
    if (node.pumping) return;
    node.pumping = true;
    while (node.engine != nullptr && !node.inputs.empty()) {
      const Input input = std::move(node.inputs.front());
      node.inputs.pop_front();
      Outbox out{pool};
      const EngineView v = view(n);
      Engine& e = *node.engine;
      if (const auto* r = std::get_if<Received>(&input)) {
        e.on_message(r->from, r->message, v, out);
      } else if (const auto* f = std::get_if<Fired>(&input)) {
        e.on_timer(f->token, v, out);
      } else if (const auto* b = std::get_if<Built>(&input)) {
        e.on_built(b->height, b->round, b->block, v, out);
      } else if (const auto* w = std::get_if<Validated>(&input)) {
        e.on_validated(w->block, w->valid, v, out);
      } else if (const auto* x = std::get_if<Executed>(&input)) {
        e.on_executed(x->height, x->result, v, out);
        if (node.engine != nullptr && !mempool[n.value].empty()) node.inputs.emplace_back(PayloadAvailable{});
      } else {
        e.on_payload_available(v, out);
      }
      apply(n, out);
    }
    node.pumping = false;
  }

  void apply(NodeId n, Outbox& out) {
    Node& node = at(n);
    const bool nested = std::exchange(node.pumping, true);
    for (Effect& effect : out.effects()) {
      if (node.crash_in) {
        if (*node.crash_in == 0) {
          node.crash_in.reset();
          crash(n);
          break;
        }
        --*node.crash_in;
      }
      ++node.applied;
      std::visit([&](auto& e) { apply_one(n, e); }, effect);
    }
    node.pumping = nested;
    if (!nested) pump(n);
  }

  void apply_one(NodeId n, effect::Persist& e) { at(n).log.push_back({e.type, e.height, e.round, e.bytes, e.bodies}); }
  void apply_one(NodeId n, effect::Forget& e) {
    std::erase_if(at(n).log, [&](const Recovered& r) { return r.height < e.height; });
  }
  void apply_one(NodeId n, effect::Send& e) {
    note_statement(n, e.message);
    if (e.to == n) {
      at(n).inputs.emplace_back(Received{n, e.message});
    } else {
      transmit(n, e.to, e.message);
    }
  }
  void apply_one(NodeId n, effect::Broadcast& e) {
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      if (NodeId{i} != n) transmit(n, NodeId{i}, e.message);
    }
    note_statement(n, e.message);
    at(n).inputs.emplace_back(Received{n, e.message});
  }
  void apply_one(NodeId n, effect::SetTimer& e) { at(n).timers[e.id] = {now_ + e.delay, ++order_, e.token}; }
  void apply_one(NodeId n, effect::CancelTimer& e) { at(n).timers.erase(e.id); }
  void apply_one(NodeId n, effect::Revert& e) { at(n).reverted.push_back({e.block, e.level}); }
  void apply_one(NodeId n, effect::BuildPayload& e) {
    Block b;
    b.height = e.height;
    b.round = e.round;
    b.parent = e.parent;
    b.proposer = n;
    b.timestamp = e.timestamp;
    b.state_before = e.state_before;
    b.committee_hash = e.committee_hash;
    b.transactions = mempool[n.value];
    b.evidence = e.evidence;
    b.last_commit = e.last_commit;
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    at(n).inputs.emplace_back(Built{e.height, e.round, std::make_shared<const Block>(std::move(b))});
  }
  void apply_one(NodeId n, effect::ValidatePayload& e) {
    if (answer_validations) at(n).inputs.emplace_back(Validated{e.block, valid(*e.block)});
  }
  void apply_one(NodeId n, effect::Deliver& e) {
    records.push_back({.at = now_,
                       .kind = RecordKind::committed,
                       .detail = static_cast<std::uint8_t>(e.level),
                       .node = n,
                       .round = static_cast<std::uint32_t>(e.commit.round.value),
                       .height = e.block->height.value,
                       .a = e.block->id.hi,
                       .b = e.block->id.lo});
    if (e.level != CommitLevel::final) return;
    SEQLAB_ASSERT(e.block->height == next(at(n).chain.height()));
    ExecutionResult result = at(n).chain.append(e.block, e.commit);
    std::erase_if(mempool[n.value], [&](const Transaction& tx) {
      return std::ranges::find(e.block->transactions, tx) != e.block->transactions.end();
    });
    at(n).inputs.emplace_back(Executed{e.block->height, std::move(result)});
  }
  void apply_one(NodeId n, effect::ReportEvidence& e) {
    evidence.push_back(e);
    reports.emplace_back(n, e.evidence);
  }
  void apply_one(NodeId n, effect::Trace& e) {
    e.record.at = now_;
    e.record.node = n;
    records.push_back(e.record);
  }

  void transmit(NodeId from, NodeId to, const MessagePtr& message) {
    sent.push_back({now_, from, to, message});
    if (drop && drop(from, to, message)) return;
    if (hold && hold(from, to, message)) {
      held_.push_back({now_, from, to, message});
      return;
    }
    schedule(from, to, message);
  }
  void schedule(NodeId from, NodeId to, const MessagePtr& message) {
    queue_.emplace(std::pair{now_ + delay_, ++order_}, Sent{now_, from, to, message});
  }

  void note_statement(NodeId n, const MessagePtr& message) {
    const auto& any = static_cast<const ConsensusMessage&>(*message);
    if (any.author != n) return;
    std::tuple<std::uint32_t, std::uint64_t, std::int32_t, int> key;
    Hash128 says;
    if (const auto* proposal = dynamic_cast<const ProposalMessage*>(&any); proposal != nullptr) {
      const Proposal& p = proposal->proposal;
      key = {n.value, p.height.value, p.round.value, 0};
      says = p.signed_digest();
    } else if (const auto* vote = dynamic_cast<const VoteMessage*>(&any); vote != nullptr) {
      const Vote& v = vote->vote;
      key = {n.value, v.height.value, v.round.value, static_cast<int>(v.type)};
      says = v.signed_digest();
    } else if (const auto* voting = dynamic_cast<const VotingProposalMessage*>(&any); voting != nullptr) {
      const Vote& v = voting->vote;
      key = {n.value, v.height.value, v.round.value, 0};
      says = v.signed_digest();
    } else if (any.is_statement()) {  // of chained engines: one a round, whatever its height
      const Record record = any.statement();
      key = {n.value, 0, static_cast<std::int32_t>(record.round), static_cast<int>(any.kind)};
      says = record.id();
    } else {
      return;
    }
    if (statements_.try_emplace(key, says).first->second != says) {
      conflicts.push_back(fmt::format("node {} height {} round {} kind {}", n.value, std::get<1>(key),
                                      std::get<2>(key), std::get<3>(key)));
    }
  }

  /// The next message or timer up to `end`. @return false if there is none
  bool step(SimTime end) {
    std::pair<SimTime, std::uint64_t> best{time_never, ~std::uint64_t{0}};
    NodeId owner = no_node;
    std::uint32_t timer_id = 0;
    if (!queue_.empty()) best = queue_.begin()->first;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      for (const auto& [id, t] : nodes_[i]->timers) {
        const std::pair key{t.due, t.order};
        if (key < best) {
          best = key;
          owner = NodeId{i};
          timer_id = id;
        }
      }
    }
    if (best.first > end) {
      now_ = end;
      return false;
    }
    now_ = std::max(now_, best.first);
    if (owner != no_node) {
      fire_timer(owner, timer_id);
    } else {
      const Sent s = queue_.begin()->second;
      queue_.erase(queue_.begin());
      deliver(s.from, s.to, s.message);
    }
    return true;
  }
  void run_until_time(SimTime end) {
    while (step(end)) {
    }
    now_ = end;
  }

  Committee committee_;
  Make make_;
  Duration delay_;
  std::vector<std::unique_ptr<Node>> nodes_;
  SimTime now_{};
  std::uint64_t order_ = 0;
  std::map<std::pair<SimTime, std::uint64_t>, Sent> queue_;
  std::vector<Sent> held_;
  std::map<std::tuple<std::uint32_t, std::uint64_t, std::int32_t, int>, Hash128> statements_;
};

/// `powers[i]` is the power of node i; 0 makes it no member.
inline Committee committee_of(std::vector<Power> powers) {
  std::vector<Validator> v;
  for (std::uint32_t i = 0; i < powers.size(); ++i) v.push_back({NodeId{i}, powers[i]});
  return Committee{std::move(v)};
}
inline Committee equal_committee(std::uint32_t n) { return committee_of(std::vector<Power>(n, 1)); }

}  // namespace seqlab::test
