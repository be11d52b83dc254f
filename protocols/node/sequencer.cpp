// How an input becomes effects. The engine handles an input and leaves its effects in an outbox; the node appends them
// to one queue and applies them strictly in order. An effect that takes time (a disk sync, a signature, an execution)
// holds up what stands behind it; inputs are still handled meanwhile, and their effects join the queue. What an effect
// leads to inside the node (own broadcasts, payloads built and validated, results of execution) waits in a queue of
// inputs until the effects in front are done: nothing here calls the engine from within an engine's effect.
//
// Every record and every message can be the moment at which the machine is switched off, by whoever watches records.
// The power-off ends a life (`life_`); each step that let others act compares and, if its life is over, touches nothing
// more.
//
// What a crash leaves: the engine's log as far as it was synced; the chain and the ledger up to the height in the chain
// cell of the disk, which is written with each block; nothing else. (Blocks and ledger live in this object, the cell
// decides how much of them the machine finds again.)
#include "protocols/node/sequencer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <iterator>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "protocols/migration/core_import.hpp"
#include "protocols/node/chain_store.hpp"
#include "sim/base/assert.hpp"
#include "sim/base/ring.hpp"

namespace seqlab::protocols {

using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint32_t chain_cell = 0;

/// Effects in order. The usual case, all of an outbox into an empty queue, moves nothing and allocates nothing.
class EffectQueue {
 public:
  bool empty() const { return head_ == effects_.size(); }
  Effect& front() { return effects_[head_]; }
  void pop() {
    if (++head_ == effects_.size()) clear();
  }
  void clear() {
    effects_.clear();
    head_ = 0;
  }
  /// Appends all of `more`, which is left empty.
  void take(std::vector<Effect>& more) {
    if (more.empty()) return;
    if (empty()) {
      effects_.swap(more);
      return;
    }
    effects_.erase(effects_.begin(), effects_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
    effects_.insert(effects_.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    more.clear();
  }

 private:
  std::vector<Effect> effects_;
  std::size_t head_ = 0;
};

/// What a timer of the machine means; the upper byte of its token.
enum class Timer : std::uint8_t {
  engine,  ///< slot: index in `timers_`
  effect,  ///< the effect in front has waited long enough
  input,   ///< slot: an input whose work on the CPU is done
};
constexpr std::uint64_t timer_token(Timer timer, std::uint32_t slot, std::uint32_t generation) {
  return static_cast<std::uint64_t>(timer) << 56U | static_cast<std::uint64_t>(slot) << 32U | generation;
}

struct Received {
  NodeId from;
  MessagePtr message;
};
struct Built {
  Height height;
  Round round;
  BlockPtr block;
};
struct Validated {
  BlockPtr block;
  bool valid;
};
struct Executed {
  Height height;
  ExecutionResult result;
};
struct PayloadAvailable {};
using Input = std::variant<Received, Built, Validated, Executed, PayloadAvailable>;

const ConsensusMessage& consensus(const MessagePtr& message) {
  return static_cast<const ConsensusMessage&>(*message);
}

Duration times(Duration cost, std::uint64_t count) { return cost * static_cast<std::int64_t>(count); }

/// What a client is told when its transaction left the pool.
AdmitError refusal_for(EvictReason reason) {
  switch (reason) {
    case EvictReason::outbid: return AdmitError::full;
    case EvictReason::old_nonce: return AdmitError::old_nonce;
    case EvictReason::out_of_funds: return AdmitError::insufficient_funds;
  }
  return AdmitError::full;
}

}  // namespace

struct SequencerNode::State final : L1Watcher {
  State(SequencerNode& owner, const SequencerContext& shared, EngineFactory factory)
      : self(owner),
        context(shared),
        make_engine(std::move(factory)),
        has_costs(shared.costs != NodeCosts{}),
        ledger(shared.ledger),
        chain(shared.genesis, ledger.root(), shared.keep_blocks, shared.change_lag),
        external(shared.external_genesis),
        sort_keys(),
        mempool(shared.mempool, shared.transactions),
        outbox(shared.network.pool()) {
    if (context.l1 != nullptr) context.l1->watch(*this);
  }

  // ---- life ----
  void start();
  void crash();
  std::vector<Recovered> read_log();
  Height durable() const;   ///< of the chain cell
  void recover_chain();
  void begin_anew();

  // ---- inputs ----
  void arrive(NodeId from, const MessagePtr& message);
  void receive(NodeId from, const MessagePtr& message);
  void timer(std::uint64_t token);
  void handle(Input&& input);
  void handle_message(NodeId from, const MessagePtr& message);
  void collect() { effects.take(outbox.effects()); }
  EngineView view() { return {id, machine->wall(), context.signatures, chain}; }

  // ---- effects ----
  enum class Step : std::uint8_t { done, wait, dead };
  void run();
  Step apply(Effect& effect);
  Step apply_one(effect::Persist& e);
  Step apply_one(effect::Forget& e);
  Step apply_one(effect::Send& e);
  Step apply_one(effect::Broadcast& e);
  Step apply_one(effect::SetTimer& e);
  Step apply_one(effect::CancelTimer& e);
  Step apply_one(effect::BuildPayload& e);
  Step apply_one(effect::ValidatePayload& e);
  Step apply_one(effect::Deliver& e);
  Step apply_one(effect::Revert& e);
  Step apply_one(effect::ReportEvidence& e);
  Step apply_one(effect::Trace& e);
  /// Comes back to the effect in front, with `stage` one higher, after `delay` of real time.
  Step wait(Duration delay);
  /// As `wait`, for work on the CPU. `done` if it takes no time.
  Step compute(Duration cost);
  /// Hands an input to the queue when `cost` of CPU time has been spent.
  void input_after(Duration cost, Input input);

  // ---- messages ----
  bool transmit(std::span<const NodeId> to, const MessagePtr& message, bool to_all);
  bool emit_statement(const ConsensusMessage& message);
  bool wire(std::span<const NodeId> to, const MessagePtr& message, bool to_all, Duration delay);
  NodeId who(NodeId machine_of_sender) const;
  std::span<const NodeId> others();

  // ---- payload ----
  BlockPtr build(effect::BuildPayload& e);
  /// @param forgives  whether what a proposer may not have seen of layer 1 is excused
  bool is_valid(const effect::ValidatePayload& e, bool forgives = false);
  bool follows(Height height, effect::Payload payload, const std::vector<BlockPtr>& ancestors) const;
  bool is_committed(const Block& block) const {
    const BlockPtr here = block.height <= chain.height() ? chain.block(block.height) : nullptr;
    return here != nullptr && here->id == block.id;
  }
  /// Executes those that are not committed. @return what the chain knows of layer 1 after them
  ExternalState execute_ancestors(const std::vector<BlockPtr>& ancestors, effect::Payload of);
  /// What a block takes from layer 1 after `before`: what it says, or the part of it that follows where the engine made
  /// the block of what many had said.
  External taken(const ExternalState& before, const Block& block) const {
    return block.vertices.empty() ? *block.external : context.forced->follow(before, *block.external);
  }
  bool items_lead() const { return context.forced == nullptr || context.forced->items_lead(); }
  /// What would become of items if they were the first thing of the block; nothing where no order can change it.
  void try_first(const External& external, NodeId proposer);
  /// Tries forced items. @param statuses  receives one an item
  void execute_forced(const External& external, NodeId proposer, std::vector<ForcedStatus>& statuses);
  static BlockFrame frame_of(const Block& block, const BlockLimits& left) {
    return {block.height, block.timestamp, left.max_bytes, left.max_gas};
  }
  bool authentic(const Transaction& tx) {
    return tx.well_formed() && context.signatures.verify(account_key(tx.sender.value), tx.id, tx.signature);
  }
  void keep_executable(Block& block, const std::vector<BlockPtr>& ancestors, effect::Payload payload,
                       const BlockLimits& limits);

  /// What was refused for the node's view of layer 1 is looked at again when the view goes on.
  void on_l1_head(NodeId node, const L1View& own, std::uint64_t given_up) override;

  // ---- commits ----
  std::vector<ValidatorUpdate> append(const BlockPtr& block, Commit commit);
  bool announce();
  template <class Say>
  bool say_of_bridge(const Transaction& tx, Say& say) const;
  bool report_to_clients(const Block& block, TransactionResultMessage::Outcome outcome);

  // ---- transactions ----
  void on_transaction(NodeId from, const MessagePtr& message);
  /// Who cannot propose himself passes on in any case.
  bool relays_transactions() const {
    return context.relays_transactions || chain.committee(next(chain.height())).power_of(id) == 0;
  }
  bool report_evicted(const std::vector<Evicted>& evicted);
  bool tell(NodeId client, const TxId& tx, TransactionResultMessage::Outcome outcome, Height height,
            std::uint8_t detail);

  /// Emits, in the name of this node, and says whether this life goes on. By reference: a record that was just filled
  /// in field by field is slow to copy as a whole.
  bool emit(Record&& record) { return emit(record); }
  bool emit(Record& record) {
    const std::uint64_t life = life_;
    record.node = id;
    context.simulation.emit(record);
    return life == life_;
  }

  SequencerNode& self;
  const SequencerContext& context;
  EngineFactory make_engine;
  sim::Node* machine = nullptr;
  NodeId id{no_node};
  NodeAdversary* adversary = nullptr;
  bool has_costs;

  // On disk. The chain cell says how much of it a start finds.
  Ledger ledger;
  ChainStore chain;
  ExternalState external;
  SortKeys sort_keys;
  BlockPtr saving;  ///< written but not yet synced
  Commit saving_commit;
  struct LogBodies {
    std::uint64_t position;
    std::vector<MessagePtr> messages;
  };
  std::deque<LogBodies> log_bodies;  ///< by position; those of the records that the disk still has count

  // How much of the last block's commit has been announced as records. Not the machine's memory but ours: a crash in
  // the middle leaves a committed block, and the rest of its records come at the next start.
  std::vector<TxStatus> statuses;
  External external_taken;
  std::vector<ForcedStatus> forced_statuses;
  std::vector<ForcedStatus> forced_first;  ///< as the first thing of their block; empty: nothing can make a difference
  std::vector<KeyedItem> keyed;
  std::size_t announced = 0;
  SimTime head_since{};
  bool announcing = false;

  // In memory: gone with the power.
  bool admission_closed = false;
  std::unique_ptr<Engine> engine;
  Mempool mempool;
  Outbox outbox;
  EffectQueue effects;
  Ring<Input> inputs;
  /// Blocks that were refused for the node's own view of layer 1, and how often the view has gone on since.
  struct Refused {
    effect::ValidatePayload asked;
    std::uint32_t heads = 0;
  };
  std::vector<Refused> refused;
  ExternalReject refusal = ExternalReject::none;  ///< of the block validated last
  int stage = 0;           ///< of the effect in front
  bool waiting = false;    ///< the effect in front waits for `effect_generation`
  bool running = false;
  std::uint32_t effect_generation = 0;
  std::uint64_t persist_position = 0;
  Ring<std::pair<std::uint64_t, Height>> log_heights;
  struct EngineTimer {
    std::uint32_t timer_id;
    std::uint32_t generation;
    bool armed;
    sim::TimerHandle handle;
    std::uint64_t token;
  };
  std::vector<EngineTimer> timers;
  struct Pending {
    std::uint32_t generation = 0;
    Input input;
  };
  std::vector<Pending> pending;  ///< inputs whose work on the CPU is not done
  std::vector<std::uint32_t> free_pending;
  std::uint32_t next_generation = 0;
  std::vector<std::uint64_t> verified;  ///< sequence numbers of messages whose verification was charged, by low bits
  std::unordered_map<TxId, NodeId> first_hand;  ///< transactions that came from their client, who wants to know
  std::array<Hash128, 16> said{};  ///< the last statements that left: repeating one is no new record
  std::size_t said_next = 0;

  std::uint64_t life_ = 0;  ///< counts power-offs
  std::vector<NodeId> others_;
};

// ---- life -----------------------------------------------------------------------------------------------------------

void SequencerNode::State::start() {
  if (engine != nullptr || (context.import_from != nullptr && !context.import_from->open)) return;  // not our time yet
  const std::uint64_t life = life_;
  mempool.clear();
  recover_chain();
  if (announcing && !announce()) return;
  const std::vector<Recovered> log = read_log();
  engine = make_engine(id, context.genesis);
  running = true;
  engine->start(log, view(), outbox);
  running = false;
  collect();
  if (life == life_) run();
}

void SequencerNode::State::crash() {
  ++life_;
  engine.reset();
  outbox.clear();
  effects.clear();
  inputs.clear();
  stage = 0;
  waiting = false;
  running = false;
  ++effect_generation;
  log_heights.clear();
  timers.clear();
  pending.clear();
  free_pending.clear();
  verified.clear();
  first_hand.clear();
  refused.clear();
  admission_closed = false;
  said.fill({});
}

std::vector<Recovered> SequencerNode::State::read_log() {
  std::vector<Recovered> log;
  std::deque<LogBodies> kept;
  for (sim::Disk::Entry& entry : machine->disk.read_log()) {
    constexpr std::size_t head = 1 + 8 + 4;
    SEQLAB_ASSERT(entry.bytes.size() >= head, entry.bytes.size());  // the disk cuts off what is damaged
    Recovered r;
    std::memcpy(&r.type, entry.bytes.data(), 1);
    std::memcpy(&r.height.value, entry.bytes.data() + 1, 8);
    std::memcpy(&r.round.value, entry.bytes.data() + 9, 4);
    r.bytes.assign(entry.bytes.begin() + head, entry.bytes.end());
    if (const auto at = std::ranges::find(log_bodies, entry.position, &LogBodies::position); at != log_bodies.end()) {
      r.bodies = at->messages;
      kept.push_back(std::move(*at));
    }
    log_heights.push_back({entry.position, r.height});
    log.push_back(std::move(r));
  }
  log_bodies = std::move(kept);  // what the disk has lost is lost with its bodies
  return log;
}

Height SequencerNode::State::durable() const {
  Height out{0};
  const std::vector<std::byte> cell = machine->disk.read_cell(chain_cell);
  if (cell.size() == sizeof out.value) std::memcpy(&out.value, cell.data(), sizeof out.value);
  return out;
}

void SequencerNode::State::recover_chain() {
  const Height durable = this->durable();

  // The power went while the block was written, and it reached the disk after all.
  const BlockPtr written = std::exchange(saving, nullptr);
  if (written != nullptr && written->height == durable && durable == next(chain.height())) {
    append(written, std::move(saving_commit));
  }
  if (durable == chain.height()) {
    if (durable == Height{0} && context.import_from != nullptr) begin_anew();
    return;
  }

  // The disk fell back. What it still has is executed again from genesis; without the first blocks there is no way to
  // do that, and the node begins anew like one whose disk is empty.
  announcing = false;
  std::vector<std::pair<BlockPtr, Commit>> kept;
  if (durable < chain.height() && chain.first() == Height{1}) {
    for (Height h{1}; h <= durable; ++h) kept.emplace_back(chain.block(h), *chain.commit(h));
  }
  begin_anew();
  for (auto& [block, commit] : kept) append(block, std::move(commit));
  announcing = false;
}

/// The chain is empty, and the state is the one that it begins with.
void SequencerNode::State::begin_anew() {
  const CoreImport* from = context.import_from;
  ledger = from != nullptr ? from->ledger : Ledger{context.ledger};
  external = from != nullptr ? from->external : context.external_genesis;
  sort_keys = from != nullptr ? SortKeys{from->last_keys} : SortKeys{};
  chain.clear(ledger.root());
}

// ---- inputs ---------------------------------------------------------------------------------------------------------

/// A message reached the machine.
void SequencerNode::State::arrive(NodeId from, const MessagePtr& message) {
  if (adversary != nullptr) {
    const std::uint64_t life = life_;
    const bool shown = adversary->on_incoming(self, from, message);
    if (!shown || life != life_) return;
  }
  receive(from, message);
}

void SequencerNode::State::receive(NodeId from, const MessagePtr& message) {
  if (engine == nullptr) return;
  if (has_costs) {
    Duration cost = times(context.costs.verify_signature, consensus(message).signature_count());
    if (cost != Duration::zero()) {
      if (verified.empty()) verified.resize(64);
      std::uint64_t& seen = verified[message->sequence % verified.size()];
      if (message->sequence != 0 && seen == message->sequence) cost = {};  // another copy of what was checked
      seen = message->sequence;
      return input_after(cost, Received{from, message});
    }
  }
  if (running) {
    inputs.push_back(Received{from, message});
    return;
  }
  running = true;
  const std::uint64_t life = life_;
  handle_message(from, message);
  if (life != life_) return;
  running = false;
  run();
}

void SequencerNode::State::handle_message(NodeId from, const MessagePtr& message) {
  const MessageKind kind = consensus(message).message_kind();
  if (kind == MessageKind::transaction) return on_transaction(from, message);
  if (kind == MessageKind::transaction_result) return;  // for clients
  engine->on_message(from, message, view(), outbox);
  collect();
}

void SequencerNode::State::timer(std::uint64_t token) {
  const auto kind = static_cast<Timer>(token >> 56U);
  const auto slot = static_cast<std::uint32_t>(token >> 32U & 0xffffffU);
  const auto generation = static_cast<std::uint32_t>(token);
  if (engine == nullptr) return;
  switch (kind) {
    case Timer::engine: {
      EngineTimer& t = timers[slot];
      if (!t.armed || t.generation != generation) return;
      t.armed = false;
      running = true;
      engine->on_timer(t.token, view(), outbox);
      running = false;
      collect();
      break;
    }
    case Timer::effect:
      if (!waiting || effect_generation != generation) return;
      waiting = false;
      ++stage;
      break;
    case Timer::input:
      if (pending[slot].generation != generation) return;
      inputs.push_back(std::move(pending[slot].input));
      pending[slot].input = Received{};
      free_pending.push_back(slot);
      break;
  }
  run();
}

void SequencerNode::State::handle(Input&& input) {
  if (auto* received = std::get_if<Received>(&input)) {
    handle_message(received->from, received->message);
  } else if (auto* built = std::get_if<Built>(&input)) {
    engine->on_built(built->height, built->round, std::move(built->block), view(), outbox);
    collect();
  } else if (auto* validated = std::get_if<Validated>(&input)) {
    engine->on_validated(validated->block, validated->valid, view(), outbox);
    collect();
  } else if (auto* executed = std::get_if<Executed>(&input)) {
    engine->on_executed(executed->height, executed->result, view(), outbox);
    collect();
    if (mempool.size() != 0) inputs.push_back(PayloadAvailable{});
  } else {
    engine->on_payload_available(view(), outbox);
    collect();
  }
}

// ---- effects --------------------------------------------------------------------------------------------------------

/// Applies effects and handles inputs until there is neither, or the effect in front waits and no input is left.
void SequencerNode::State::run() {
  if (running) return;
  running = true;
  const std::uint64_t life = life_;
  while (true) {
    while (!waiting && !effects.empty()) {
      const Step step = apply(effects.front());
      if (life != life_) return;
      if (step == Step::wait) break;
      stage = 0;
      effects.pop();
    }
    if (inputs.empty()) break;
    handle(inputs.pop_front());
    if (life != life_) return;
  }
  running = false;
}

SequencerNode::State::Step SequencerNode::State::apply(Effect& effect) {
  return std::visit([this](auto& e) { return apply_one(e); }, effect);
}

SequencerNode::State::Step SequencerNode::State::wait(Duration delay) {
  waiting = true;
  ++effect_generation;
  machine->set_real_timer(delay, timer_token(Timer::effect, 0, effect_generation));
  return Step::wait;
}

SequencerNode::State::Step SequencerNode::State::compute(Duration cost) {
  if (!has_costs) return Step::done;
  const SimTime now = context.simulation.now();
  const SimTime done = machine->cpu.run(now, cost);
  return done == now ? Step::done : wait(done - now);
}

void SequencerNode::State::input_after(Duration cost, Input input) {
  const SimTime now = context.simulation.now();
  const SimTime done = has_costs ? machine->cpu.run(now, cost) : now;
  if (done == now) {
    inputs.push_back(std::move(input));
    return run();
  }
  if (free_pending.empty()) {
    free_pending.push_back(static_cast<std::uint32_t>(pending.size()));
    pending.emplace_back();
  }
  const std::uint32_t slot = free_pending.back();
  free_pending.pop_back();
  pending[slot].generation = ++next_generation;
  pending[slot].input = std::move(input);
  machine->set_real_timer(done - now, timer_token(Timer::input, slot, next_generation));
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::Persist& e) {
  if (stage == 0) {
    std::array<std::byte, 1 + 8 + 4> head;
    std::memcpy(head.data(), &e.type, 1);
    std::memcpy(head.data() + 1, &e.height.value, 8);
    std::memcpy(head.data() + 9, &e.round.value, 4);
    persist_position = machine->disk.append(head, e.bytes);
    log_heights.push_back({persist_position, e.height});
    if (!e.bodies.empty()) log_bodies.push_back({persist_position, std::move(e.bodies)});
    if (machine->disk.sync_time > Duration::zero()) return wait(machine->disk.sync_time);
  }
  machine->disk.mark_synced(persist_position);
  const bool alive = emit({.kind = RecordKind::persisted,
                           .detail = e.type,
                           .round = static_cast<std::uint32_t>(e.round.value),
                           .height = e.height.value,
                           .a = persist_position});
  return alive ? Step::done : Step::dead;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::Forget& e) {
  while (!log_heights.empty() && log_heights.front().second < e.height) {
    const std::uint64_t position = log_heights.front().first;
    log_heights.pop_front();
    while (!log_bodies.empty() && log_bodies.front().position <= position) log_bodies.pop_front();
    if (log_heights.empty() || log_heights.front().second >= e.height) machine->disk.truncate_before(position + 1);
  }
  return Step::done;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::Send& e) {
  if (has_costs && stage == 0) {
    const ConsensusMessage& said_now = consensus(e.message);
    const bool signs = said_now.author == id && said_now.is_statement();
    if (signs && compute(context.costs.sign) == Step::wait) return Step::wait;
  }
  const NodeId to = e.to;
  const MessagePtr message = e.message;
  if (to == id) {
    // Said as well: a leader that collects votes counts its own.
    if (adversary == nullptr && !emit_statement(consensus(message))) return Step::dead;
    inputs.push_back(Received{id, message});
    return Step::done;
  }
  return transmit({&to, 1}, message, false) ? Step::done : Step::dead;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::Broadcast& e) {
  if (has_costs && stage == 0) {
    const ConsensusMessage& said_now = consensus(e.message);
    const bool signs = said_now.author == id && said_now.is_statement();
    if (signs && compute(context.costs.sign) == Step::wait) return Step::wait;
  }
  const MessagePtr message = e.message;
  if (!transmit(context.peers, message, true)) return Step::dead;
  inputs.push_back(Received{id, message});
  return Step::done;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::SetTimer& e) {
  std::size_t slot = 0;
  while (slot < timers.size() && timers[slot].timer_id != e.id) ++slot;
  if (slot == timers.size()) timers.push_back({e.id, 0, false, 0, 0});
  EngineTimer& t = timers[slot];
  if (t.armed) machine->cancel_timer(t.handle);
  t.armed = true;
  t.generation = ++next_generation;
  t.token = e.token;
  t.handle = machine->set_timer(e.delay, timer_token(Timer::engine, static_cast<std::uint32_t>(slot), t.generation));
  return Step::done;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::CancelTimer& e) {
  for (EngineTimer& t : timers) {
    if (t.timer_id != e.id || !t.armed) continue;
    machine->cancel_timer(t.handle);
    t.armed = false;
  }
  return Step::done;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::BuildPayload& e) {
  const std::uint64_t life = life_;
  const Height height = e.height;
  const Round round = e.round;
  BlockPtr block = build(e);
  if (life != life_) return Step::dead;
  inputs.push_back(Built{height, round, std::move(block)});
  return Step::done;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::ValidatePayload& e) {
  const bool valid = is_valid(e);
  if (refusal != ExternalReject::none && e.payload != effect::Payload::vertex) {
    constexpr std::size_t refused_max = 32;
    if (refused.size() == refused_max) refused.erase(refused.begin());
    refused.push_back({e, 0});
  }
  std::uint64_t unseen = 0;  // a transaction that waits here was verified when it came
  if (has_costs) {
    for (const Transaction& tx : e.block->transactions) unseen += mempool.waiting(tx.id) ? 0U : 1U;
  }
  input_after(times(context.costs.verify_signature, unseen), Validated{std::move(e.block), valid});
  return Step::done;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::Deliver& e) {
  const BlockPtr block = e.block;
  if (e.level != CommitLevel::final) {
    Record committed{.kind = RecordKind::committed,
                     .detail = static_cast<std::uint8_t>(e.level),
                     .round = static_cast<std::uint32_t>(e.commit.round.value),
                     .height = block->height.value};
    if (!emit(committed.with_id(block->id))) return Step::dead;
    Record parent{.kind = RecordKind::commit_parent,
                  .detail = static_cast<std::uint8_t>(e.level),
                  .height = block->height.value};
    if (!emit(parent.with_id(block->parent))) return Step::dead;
    return report_to_clients(*block, TransactionResultMessage::Outcome::soft) ? Step::done : Step::dead;
  }

  SEQLAB_ASSERT(block->height == next(chain.height()), block->height.value, chain.height().value, id.value);
  if (stage == 0) {
    const Duration cost =
        context.costs.execute_block + times(context.costs.execute_transaction, block->transactions.size());
    if (compute(cost) == Step::wait) return Step::wait;
    stage = 1;
  }
  if (stage == 1) {
    saving = block;
    saving_commit = std::move(e.commit);
    const std::uint64_t height = block->height.value;
    machine->disk.put_cell(chain_cell, std::as_bytes(std::span{&height, 1}));
    if (machine->disk.sync_time > Duration::zero()) return wait(machine->disk.sync_time);
    stage = 2;
  }
  machine->disk.mark_cell_synced(chain_cell);
  saving = nullptr;
  ExecutionResult result;
  result.validator_updates = append(block, std::move(saving_commit));
  result.state = chain.state();

  std::vector<Evicted> evicted;
  const auto failed = [](TxStatus status) { return status != TxStatus::ok; };
  if (forced_statuses.empty() && std::ranges::none_of(statuses, failed)) {
    mempool.on_committed(block->transactions, block->height, ledger, evicted);
  } else {
    std::vector<Transaction> done;
    for (std::size_t i = 0; i < forced_statuses.size(); ++i) {
      if (forced_statuses[i] == ForcedStatus::executed) done.push_back(external_taken.items[i].transaction);
    }
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      if (!failed(statuses[i])) done.push_back(block->transactions[i]);
    }
    mempool.on_committed(done, block->height, ledger, evicted);
  }
  if (!announce()) return Step::dead;
  if (!report_to_clients(*block, TransactionResultMessage::Outcome::committed)) return Step::dead;
  if (!report_evicted(evicted)) return Step::dead;
  inputs.push_back(Executed{block->height, std::move(result)});
  return Step::done;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::Revert& e) {
  Record reverted{.kind = RecordKind::reverted,
                  .detail = static_cast<std::uint8_t>(e.level),
                  .height = e.block->height.value};
  return emit(reverted.with_id(e.block->id)) ? Step::done : Step::dead;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::ReportEvidence& e) {
  const bool alive = emit({.kind = RecordKind::evidence,
                           .detail = static_cast<std::uint8_t>(e.evidence.kind),
                           .peer = e.evidence.offender,
                           .round = static_cast<std::uint32_t>(e.evidence.first.round.value),
                           .height = e.evidence.first.height.value});
  return alive ? Step::done : Step::dead;
}

SequencerNode::State::Step SequencerNode::State::apply_one(effect::Trace& e) {
  return emit(e.record) ? Step::done : Step::dead;
}

// ---- messages -------------------------------------------------------------------------------------------------------

/// Lets a message go to the network, or to whoever owns the node. @return whether this life goes on
bool SequencerNode::State::transmit(std::span<const NodeId> to, const MessagePtr& message, bool to_all) {
  const std::uint64_t life = life_;
  if (adversary != nullptr) {
    adversary->on_outgoing(self, to_all ? others() : to, message);
    return life == life_;
  }
  wire(to, message, to_all, {});
  // It has left, even if the machine was switched off at that very record.
  emit_statement(consensus(message));
  return life == life_;
}

/// Puts the message on the network, to the machines of its receivers. @return whether there is any
bool SequencerNode::State::wire(std::span<const NodeId> to, const MessagePtr& message, bool to_all, Duration delay) {
  const NodeId from = machine->id();
  const std::uint64_t life = life_;
  if (context.twins.empty()) {
    if (to_all) {
      context.network.broadcast(from, to, message, context.dissemination);
      return true;
    }
    for (const NodeId receiver : to) {
      context.network.send(from, receiver, message, delay);
      if (life != life_) break;
    }
    return !to.empty();
  }
  std::vector<NodeId> machines;
  for (const NodeId receiver : to) {
    if (receiver != id) machines.push_back(receiver);
  }
  for (const SequencerContext::Twin& twin : context.twins) {
    if (twin.node != id && std::ranges::find(to, twin.node) != to.end()) machines.push_back(twin.machine);
  }
  if (to_all) {
    context.network.broadcast(from, machines, message);
    return true;
  }
  for (const NodeId receiver : machines) {
    context.network.send(from, receiver, message, delay);
    if (life != life_) break;
  }
  return !machines.empty();
}

/// Whose message it is that a machine sent.
NodeId SequencerNode::State::who(NodeId machine_of_sender) const {
  for (const SequencerContext::Twin& twin : context.twins) {
    if (twin.machine == machine_of_sender) return twin.node;
  }
  return machine_of_sender;
}

/// Records a proposal or a vote of this node that has just left, unless it is one of the last that did.
bool SequencerNode::State::emit_statement(const ConsensusMessage& message) {
  if (message.author != id) return true;
  Record record = message.statement();
  if (record.kind == RecordKind::note) return true;
  const Hash128 statement = FieldHash<7>{}
                                .add(record.kind)
                                .add(record.detail)
                                .add(record.flags)
                                .add(record.round)
                                .add(record.height)
                                .add(record.id())
                                .finish();
  if (std::ranges::find(said, statement) != said.end()) return true;
  said[said_next++ % said.size()] = statement;
  return emit(record);
}

std::span<const NodeId> SequencerNode::State::others() {
  if (others_.empty()) {
    for (const NodeId peer : context.peers) {
      if (peer != id) others_.push_back(peer);
    }
  }
  return others_;
}

// ---- payload --------------------------------------------------------------------------------------------------------

BlockPtr SequencerNode::State::build(effect::BuildPayload& e) {
  if (!follows(e.height, e.payload, e.ancestors)) return nullptr;
  if (e.payload == effect::Payload::next_block && e.state_before != chain.state()) return nullptr;
  auto block = std::make_shared<Block>();
  block->height = e.height;
  block->round = e.round;
  block->parent = e.parent;
  block->proposer = id;
  block->timestamp = e.timestamp;
  block->state_before = e.state_before;
  block->committee_hash = e.committee_hash;
  block->evidence = std::move(e.evidence);
  block->last_commit = std::move(e.last_commit);

  BlockLimits left = context.limits;
  const std::uint32_t overhead = block->compute_bytes();
  left.max_bytes = left.max_bytes > overhead ? left.max_bytes - overhead : 0;
  const bool owned = adversary != nullptr;
  {
    // The owner of a corrupt node sees everything that waits and says what goes first; the rules stay as they are.
    constexpr BlockLimits everything{std::numeric_limits<std::uint32_t>::max(), std::numeric_limits<Gas>::max()};
    std::optional<Ledger::Trial> trial;
    bool users = true;
    if (!e.ancestors.empty() || context.forced != nullptr) {
      trial.emplace(ledger);
      const ExternalState before = execute_ancestors(e.ancestors, e.payload);
      if (context.forced != nullptr) {
        const BlockFrame frame = frame_of(*block, left);
        block->external = context.forced->build(before, context.l1->view(id), frame);
        if (owned) {
          const std::uint64_t life = life_;
          adversary->on_external(self, e.height, e.round, *block->external);
          if (life != life_) return nullptr;
        }
        users = context.forced->admits_users(before, frame, *block->external);
        const std::uint32_t with_external = block->compute_bytes();
        left.max_bytes = context.limits.max_bytes > with_external ? context.limits.max_bytes - with_external : 0;
        for (const ForcedItem& item : block->external->items) {
          left.max_gas -= std::min(left.max_gas, item.transaction.gas);
        }
        if (e.payload != effect::Payload::vertex && items_lead()) {
          execute_forced(*block->external, id, forced_statuses);
        }
      }
    }
    if (users) block->transactions = mempool.select(ledger, context.leader_order, owned ? everything : left);
  }
  if (owned) {
    const std::uint64_t life = life_;
    adversary->on_build(self, *block);
    if (life != life_) return nullptr;
    keep_executable(*block, e.ancestors, e.payload, left);
  }
  block->bytes = block->compute_bytes();
  block->id = block->compute_id();
  return block;
}

/// Whether a block of that height can follow the committed chain and the ancestors.
bool SequencerNode::State::follows(Height height, effect::Payload payload,
                                   const std::vector<BlockPtr>& ancestors) const {
  if (payload == effect::Payload::vertex) return true;
  const Height last = ancestors.empty() ? chain.height() : std::max(chain.height(), ancestors.back()->height);
  return height == next(last);
}

/// @pre a trial runs
ExternalState SequencerNode::State::execute_ancestors(const std::vector<BlockPtr>& ancestors, effect::Payload of) {
  ExternalState state = external;
  std::vector<ForcedStatus> tried;
  for (const BlockPtr& ancestor : ancestors) {
    // What was committed meanwhile has been executed; a vertex fails on what others have ordered already, and takes
    // nothing from layer 1 by itself.
    if (is_committed(*ancestor)) continue;
    const bool ordered = of != effect::Payload::vertex || !ancestor->vertices.empty();
    const auto users = [&] {
      for (const Transaction& tx : ancestor->transactions) ledger.execute(tx, ancestor->proposer);
    };
    const bool external_part = ancestor->external && context.forced != nullptr && ordered;
    if (!external_part || !items_lead()) users();
    if (!external_part) continue;
    const External part = taken(state, *ancestor);
    execute_forced(part, ancestor->proposer, tried);
    context.forced->apply(state, part, ancestor->timestamp, tried);
    if (items_lead()) users();
  }
  return state;
}

void SequencerNode::State::execute_forced(const External& from, NodeId proposer, std::vector<ForcedStatus>& tried) {
  tried.clear();
  for (const ForcedItem& item : from.items) {
    const TxStatus status =
        authentic(item.transaction) ? ledger.execute(item, proposer) : TxStatus::bad_signature;
    tried.push_back(context.forced->status_of(item, status, from.ref));
  }
}

void SequencerNode::State::try_first(const External& from, NodeId proposer) {
  forced_first.clear();
  const auto conditional = [](const ForcedItem& item) { return item.condition.has_value(); };
  if (items_lead() && std::ranges::none_of(from.items, conditional)) return;
  const Ledger::Trial trial{ledger};
  execute_forced(from, proposer, forced_first);
}

void SequencerNode::State::keep_executable(Block& block, const std::vector<BlockPtr>& ancestors,
                                           effect::Payload payload, const BlockLimits& limits) {
  const Ledger::Trial trial{ledger};
  execute_ancestors(ancestors, payload);
  if (block.external && items_lead()) execute_forced(*block.external, id, forced_statuses);
  std::uint64_t bytes = 0;
  Gas gas = 0;
  std::erase_if(block.transactions, [&](const Transaction& tx) {
    const bool fits = tx.bytes <= limits.max_bytes - bytes && tx.gas <= limits.max_gas - gas;
    if (!fits || !authentic(tx) || ledger.execute(tx, block.proposer) != TxStatus::ok) return true;
    bytes += tx.bytes;
    gas += tx.gas;
    return false;
  });
}

/// Whether the block may follow the committed chain and its ancestors: a function of them alone.
/// Parent, committee, last commit, timestamps and evidence are the engine's business.
bool SequencerNode::State::is_valid(const effect::ValidatePayload& e, bool forgives) {
  const Block& block = *e.block;
  refusal = ExternalReject::none;
  if (!follows(block.height, e.payload, e.ancestors)) return false;
  const StateRoot expected = e.payload == effect::Payload::next_block ? chain.state() : StateRoot{};
  if (block.state_before != expected) return false;
  if (!block.is_consistent() || block.bytes > context.limits.max_bytes) return false;
  const bool executes = e.payload != effect::Payload::vertex;
  const Ledger::Trial trial{ledger};
  const ExternalState before = executes ? execute_ancestors(e.ancestors, e.payload) : external;
  if (block.external.has_value() != (context.forced != nullptr)) return false;
  Gas gas = 0;
  if (block.external) {
    const BlockFrame frame = frame_of(block, context.limits);
    const L1View& own = context.l1->view(id);
    refusal = executes ? context.forced->check(before, own, frame, *block.external)
                       : context.forced->check_claim(before, own, frame, *block.external);
    // That its proposer had not seen what this node has is no reason for ever: some engines propose a block again
    // until all vote for it.
    const bool late = refusal == ExternalReject::missing_block || refusal == ExternalReject::out_of_time;
    if (refusal != ExternalReject::none && !(late && (forgives || e.followed))) return false;
    if (!block.transactions.empty() && !context.forced->admits_users(before, frame, *block.external)) return false;
    for (const ForcedItem& item : block.external->items) gas += item.transaction.gas;
    if (executes && items_lead()) execute_forced(*block.external, block.proposer, forced_statuses);
  }
  if (!block.is_authentic(context.signatures)) return false;
  for (const Transaction& tx : block.transactions) {
    if (tx.bytes > context.mempool.max_transaction_bytes || tx.gas > context.limits.max_gas - gas) return false;
    gas += tx.gas;
    if (executes && ledger.execute(tx, block.proposer) != TxStatus::ok) return false;
  }
  return true;
}

void SequencerNode::State::on_l1_head(NodeId node, const L1View& /*own*/, std::uint64_t /*given_up*/) {
  if (node != id || engine == nullptr || refused.empty()) return;
  constexpr std::uint32_t heads_until_forgiven = 3;
  std::erase_if(refused, [&](const Refused& r) { return r.asked.block->height <= chain.height(); });
  std::erase_if(refused, [&](Refused& r) {
    ++r.heads;
    if (!is_valid(r.asked, r.heads >= heads_until_forgiven)) return false;
    inputs.push_back(Validated{r.asked.block, true});
    return true;
  });
  run();
}

// ---- commits --------------------------------------------------------------------------------------------------------

/// Executes the block and makes it the head of the chain, in silence. @return changes of voting power that it ordered
std::vector<ValidatorUpdate> SequencerNode::State::append(const BlockPtr& block, Commit commit) {
  statuses.clear();
  forced_statuses.clear();
  forced_first.clear();
  // A valid block executes without failures. One that a corrupt majority pushed through may hold anything; then each
  // honest node still gets the same result.
  const bool all_authentic = block->is_authentic(context.signatures);
  const auto users = [&] {
    for (const Transaction& tx : block->transactions) {
      const bool good = all_authentic || authentic(tx);
      statuses.push_back(good ? ledger.execute(tx, block->proposer) : TxStatus::bad_signature);
    }
  };
  const bool external_part = block->external && context.forced != nullptr;
  if (external_part) {
    external_taken = taken(external, *block);
    try_first(external_taken, block->proposer);
  }
  if (!items_lead()) users();
  if (external_part) {
    execute_forced(external_taken, block->proposer, forced_statuses);
    context.forced->apply(external, external_taken, block->timestamp, forced_statuses);
  }
  if (items_lead()) users();
  if (context.sort_keys) {
    std::vector<ForcedItem> forced;
    for (std::size_t i = 0; i < forced_statuses.size(); ++i) {
      if (forced_statuses[i] == ForcedStatus::executed) forced.push_back(external_taken.items[i]);
    }
    std::vector<const Transaction*> included;
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      if (statuses[i] == TxStatus::ok) included.push_back(&block->transactions[i]);
    }
    keyed = sort_keys.order(block->height, external.last.height, forced, included);
  }
  std::vector<ValidatorUpdate> updates;
  for (const auto& [height, update] : context.validator_updates) {
    if (height == block->height) updates.push_back(update);
  }
  chain.append(block, std::move(commit), ledger.root(), updates);
  head_since = context.simulation.now();
  announcing = true;
  announced = 0;
  return updates;
}

/// Tells, with `say`, what an executed transaction has minted or burnt.
template <class Say>
bool SequencerNode::State::say_of_bridge(const Transaction& tx, Say& say) const {
  if (!context.bridge || (tx.sender != *context.bridge && tx.receiver != *context.bridge)) return true;
  const bool mints = tx.sender == *context.bridge;
  Record record{.kind = mints ? RecordKind::bridge_minted : RecordKind::bridge_burnt,
                .round = mints ? tx.receiver.value : tx.sender.value,
                .a = static_cast<std::uint64_t>(tx.amount.value),
                .b = tx.nonce};
  return say(record);
}

/// Emits the records of the last committed block, from where a crash may have stopped.
/// @return whether this life goes on
bool SequencerNode::State::announce() {
  const BlockPtr block = chain.block(chain.height());
  const std::uint64_t height = block->height.value;
  std::size_t index = 0;
  const auto say = [&](Record& record) {
    if (index++ < announced) return true;
    ++announced;
    record.height = height;
    return emit(record);
  };
  const sim::RecordLog& records = context.simulation.records();

  Record committed{.kind = RecordKind::committed, .detail = static_cast<std::uint8_t>(CommitLevel::final)};
  committed.round = static_cast<std::uint32_t>(chain.commit(block->height)->round.value);
  if (!say(committed.with_id(block->id))) return false;
  Record parent{.kind = RecordKind::commit_parent, .detail = static_cast<std::uint8_t>(CommitLevel::final)};
  if (!say(parent.with_id(block->parent))) return false;

  if (block->external && context.forced != nullptr) {
    const L1Ref& ref = external_taken.ref;
    Record named{.kind = RecordKind::l1_ref, .round = static_cast<std::uint32_t>(ref.height)};
    if (!say(named.with_id(ref.id))) return false;
    for (std::size_t i = 0; i < forced_statuses.size(); ++i) {
      const ForcedItem& item = external_taken.items[i];
      Record done{.kind = RecordKind::forced_done,
                  .detail = static_cast<std::uint8_t>(forced_statuses[i]),
                  .round = static_cast<std::uint32_t>(item.position)};
      if (!say(done.with_id(item.id))) return false;
      const bool executed = forced_statuses[i] == ForcedStatus::executed;
      if (executed && !say_of_bridge(item.transaction, say)) return false;
      if (forced_first.empty()) continue;
      Record first{.kind = RecordKind::forced_first,
                   .detail = static_cast<std::uint8_t>(forced_first[i]),
                   .round = static_cast<std::uint32_t>(item.position)};
      if (!say(first.with_id(item.id))) return false;
    }
  }

  const auto& transactions = block->transactions;
  if (records.wants(RecordKind::tx_included)) {
    for (std::uint32_t i = 0; i < transactions.size(); ++i) {
      Record included{.kind = RecordKind::tx_included, .detail = static_cast<std::uint8_t>(statuses[i]), .round = i};
      if (!say(included.with_id(transactions[i].id))) return false;
    }
  }
  if (context.bridge) {
    for (std::size_t i = 0; i < transactions.size(); ++i) {
      if (statuses[i] == TxStatus::ok && !say_of_bridge(transactions[i], say)) return false;
    }
  }
  for (const KeyedItem& item : keyed) {
    Record key{.kind = RecordKind::keyed,
               .detail = static_cast<std::uint8_t>(item.from_l1 ? 1 : 0),
               .peer = NodeId{item.contract.value},
               .round = static_cast<std::uint32_t>(item.key.third),
               .a = item.key.l1_height,
               .b = item.key.third};
    if (!say(key)) return false;
    Record linked{.kind = RecordKind::key_linked};
    if (item.previous) {
      linked.flags = 1;
      linked.round = static_cast<std::uint32_t>(item.previous->third);
      linked.a = item.previous->l1_height;
      linked.b = item.previous->second;
    }
    if (!say(linked)) return false;
  }
  // Money moves once, not once a node: the proposer tells it.
  if (block->proposer == id && records.wants(RecordKind::balance_moved)) {
    const auto move = [&](AccountId account, std::int64_t change, MoveCause cause) {
      Record moved{.kind = RecordKind::balance_moved,
                   .detail = static_cast<std::uint8_t>(cause),
                   .a = account.value,
                   .b = static_cast<std::uint64_t>(change)};
      return change == 0 || say(moved);
    };
    for (std::size_t i = 0; i < transactions.size(); ++i) {
      const Transaction& tx = transactions[i];
      if (statuses[i] != TxStatus::ok) continue;
      if (!move(tx.sender, -tx.amount.value, MoveCause::transfer)) return false;
      if (!move(tx.receiver, tx.amount.value, MoveCause::transfer)) return false;
      if (!move(tx.sender, -tx.fee.value, MoveCause::fee)) return false;
      if (!move(validator_account(block->proposer), tx.fee.value, MoveCause::fee)) return false;
    }
  }
  Record executed{.kind = RecordKind::executed};
  if (!say(executed.with_id(chain.state()))) return false;
  announcing = false;
  return true;
}

bool SequencerNode::State::report_to_clients(const Block& block, TransactionResultMessage::Outcome outcome) {
  if (first_hand.empty()) return true;
  const bool final = outcome == TransactionResultMessage::Outcome::committed;
  for (std::size_t i = 0; i < block.transactions.size(); ++i) {
    const Transaction& tx = block.transactions[i];
    const auto at = first_hand.find(tx.id);
    if (at == first_hand.end()) continue;
    // One that failed and may still find its turn is not done with.
    if (final && statuses[i] != TxStatus::ok && mempool.waiting(tx.id)) continue;
    const NodeId client = at->second;
    if (final) first_hand.erase(at);
    if (!tell(client, tx.id, outcome, block.height, final ? static_cast<std::uint8_t>(statuses[i]) : 0)) return false;
  }
  return true;
}

// ---- transactions ---------------------------------------------------------------------------------------------------

bool SequencerNode::State::tell(NodeId client, const TxId& tx, TransactionResultMessage::Outcome outcome, Height height,
                                std::uint8_t detail) {
  const MessagePtr message = outbox.make<TransactionResultMessage>(id, tx, outcome, height, detail);
  return transmit({&client, 1}, message, false);
}

void SequencerNode::State::on_transaction(NodeId from, const MessagePtr& message) {
  using Outcome = TransactionResultMessage::Outcome;
  const auto& brought = static_cast<const TransactionMessage&>(*message);
  const Transaction& tx = brought.transaction;
  // Its client brings it to one node, which passes it on to all others: once, and again when the client asks again.
  const bool own = from == tx.client;
  if (mempool.knows(tx.id)) {
    if (!own) return;
    if (const std::optional<Height> height = mempool.committed_at(tx.id)) {
      tell(from, tx.id, Outcome::committed, *height, static_cast<std::uint8_t>(TxStatus::ok));
      return;
    }
    first_hand[tx.id] = from;
    if (relays_transactions()) transmit(context.peers, message, true);
    return;
  }

  std::vector<Evicted> evicted;
  AdmitError error = admission_closed ? AdmitError::full : brought.flaw(context.signatures);
  if (error == AdmitError::none) error = mempool.admit_unknown(tx, ledger, evicted);
  if (error != AdmitError::none) {
    Record refused{.kind = RecordKind::tx_refused, .detail = static_cast<std::uint8_t>(error)};
    if (!emit(refused.with_id(tx.id))) return;
    if (own) tell(from, tx.id, Outcome::refused, chain.height(), static_cast<std::uint8_t>(error));
    return;
  }
  if (own) first_hand[tx.id] = from;
  if (mempool.size() == 1) inputs.push_back(PayloadAvailable{});
  Record admitted{.kind = RecordKind::tx_admitted};
  if (!emit(admitted.with_id(tx.id))) return;
  if (!report_evicted(evicted)) return;
  if (own && relays_transactions()) transmit(context.peers, message, true);
}

bool SequencerNode::State::report_evicted(const std::vector<Evicted>& evicted) {
  for (const Evicted& e : evicted) {
    const TxId& tx = e.transaction.id;
    Record record{.kind = RecordKind::tx_evicted, .detail = static_cast<std::uint8_t>(e.reason)};
    if (!emit(record.with_id(tx))) return false;
    const auto at = first_hand.find(tx);
    if (at == first_hand.end()) continue;
    const NodeId client = at->second;
    first_hand.erase(at);
    const auto error = static_cast<std::uint8_t>(refusal_for(e.reason));
    if (!tell(client, tx, TransactionResultMessage::Outcome::refused, chain.height(), error)) return false;
  }
  return true;
}

// ---- the node as others see it --------------------------------------------------------------------------------------

SequencerNode::SequencerNode(const SequencerContext& context, EngineFactory make_engine, NodeId twin_of)
    : context_(context), state_(std::make_unique<State>(*this, context, std::move(make_engine))) {
  state_->machine = &context.nodes.add(*this);
  state_->id = twin_of == no_node ? state_->machine->id() : twin_of;
}

SequencerNode::~SequencerNode() = default;

NodeId SequencerNode::id() const { return state_->id; }
NodeId SequencerNode::machine() const { return state_->machine->id(); }
const Engine* SequencerNode::engine() const { return state_->engine.get(); }
const ChainView& SequencerNode::chain() const { return state_->chain; }
SimTime SequencerNode::head_since() const { return state_->head_since; }
const Mempool& SequencerNode::mempool() const { return state_->mempool; }
const Ledger& SequencerNode::ledger() const { return state_->ledger; }
const ExternalState& SequencerNode::external() const { return state_->external; }
const SortKeys& SequencerNode::sort_keys() const { return state_->sort_keys; }

bool SequencerNode::keeps_chain() const { return state_->durable() >= state_->chain.height(); }

void SequencerNode::close_admission(bool closed) { state_->admission_closed = closed; }

void SequencerNode::corrupt(NodeAdversary& adversary) { state_->adversary = &adversary; }
bool SequencerNode::is_corrupt() const { return state_->adversary != nullptr; }

void SequencerNode::release(std::span<const NodeId> to, const MessagePtr& message, Duration delay) {
  State& s = *state_;
  if (!s.machine->up()) return;
  const bool to_all = delay == Duration::zero() && std::ranges::equal(to, s.others());
  const bool left = to_all ? s.wire(context_.peers, message, true, delay) : s.wire(to, message, false, delay);
  // What is put on no wire is not said: a record of it would be taken for one of the message sent before it.
  if (left) s.emit_statement(consensus(message));
}

void SequencerNode::inject(NodeId from, const MessagePtr& message) { state_->receive(from, message); }

void SequencerNode::on_start(bool) {
  // Whoever watches for the start may have switched the machine off again already.
  if (state_->machine->up()) state_->start();
}
void SequencerNode::on_message(NodeId from, const MessagePtr& message) {
  state_->arrive(context_.twins.empty() ? from : state_->who(from), message);
}
void SequencerNode::on_timer(std::uint64_t token) { state_->timer(token); }
void SequencerNode::on_crash() { state_->crash(); }

}  // namespace seqlab::protocols
