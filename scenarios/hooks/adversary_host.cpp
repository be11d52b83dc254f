#include "scenarios/hooks/adversary_host.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "scenarios/spec/diagnostics.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::scenarios {

using protocols::SequencerNode;
using sim::AttackKind;
using sim::Record;
using sim::RecordKind;

namespace {

/// The furthest that an adversary can put something off: beyond every run, and sums with any time stay in range.
constexpr Duration latest = std::chrono::hours{24 * 365};
/// A script that sets a timer without delay from a timer would keep the world at one instant for ever.
constexpr std::uint32_t timers_of_an_instant = 10'000;

/// What an adversary that sees headers sees of a record: that it happened, where and when, not its content.
Record headers_of(Record record) {
  record.a = 0;
  record.b = 0;
  return record;
}

}  // namespace

/// One script with its nodes, its grant and what it used of it.
class AdversaryHost::Instance final : public AdversaryContext {
 public:
  Instance(AdversaryHost& host, std::uint32_t number, const AdversarySpec& spec, protocols::Signatures& signatures)
      : host_(host), number_(number), spec_(spec), rng_(host.simulation_.stream("adversary", number)) {
    use_.script = spec.script;
    use_.nodes = spec.nodes;
    use_.granted = spec.power;
    std::vector<std::uint32_t> keys;
    for (const NodeId node : spec.nodes) keys.push_back(node.value);
    signer_ = protocols::Signer(signatures, std::move(keys));
    std::vector<std::uint32_t> account_keys;
    for (const std::uint32_t account : spec.power.accounts) account_keys.push_back(protocols::account_key(account));
    accounts_ = protocols::Signer(signatures, std::move(account_keys));
    nonces_.resize(spec.power.accounts.size());
    for (const NodeId node : host.all_) use_.stake_total += power_of(node);
    for (const NodeId node : spec.nodes) use_.stake += power_of(node);
    mind_ = make_adversary(spec, host.scenario_);
    hooks_ = mind_->hooks();
    kinds_send_ = mind_->message_kinds(hook_send);
    kinds_receive_ = mind_->message_kinds(hook_receive);
    kinds_link_ = mind_->message_kinds(hook_link);
  }

  bool owns(NodeId node) const { return node.value < host_.owner_.size() && host_.owner_[node.value] == this; }
  bool wants(HookBit hook) const { return (hooks_ & hook) != 0; }
  bool wants_message(HookBit hook, const sim::Message& message) const {
    const MessageKindMask kinds = hook == hook_send ? kinds_send_ : hook == hook_receive ? kinds_receive_ : kinds_link_;
    return wants(hook) && (kinds >> message.kind & 1U) != 0;
  }
  bool busy() const { return busy_; }

  // ---- what it does ----

  SimTime now() const override { return host_.simulation_.now(); }
  std::span<const NodeId> own_nodes() const override { return spec_.nodes; }
  std::span<const NodeId> all_nodes() const override { return host_.all_; }
  Power power_of(NodeId node) const override {
    const std::vector<Power>& stake = host_.scenario_.design.committee.stake;
    return node.value < stake.size() ? stake[node.value] : 0;
  }
  sim::Stream& rng() override { return rng_; }
  std::uint64_t height_of(NodeId own) const override {
    const protocols::Engine* engine = owns(own) ? host_.sequencers_[own.value]->engine() : nullptr;
    return engine != nullptr ? engine->height().value : 0;
  }
  std::int32_t round_of(NodeId own) const override {
    const protocols::Engine* engine = owns(own) ? host_.sequencers_[own.value]->engine() : nullptr;
    return engine != nullptr ? engine->round().value : -1;
  }

  bool send(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Duration delay) override {
    if (host_.stopped_ || !owns(from) || !host_.nodes_[from].up() || !message) return refuse();
    for (const NodeId receiver : to) {
      if (receiver.value >= host_.nodes_.size()) return refuse();
    }
    delay = std::clamp(delay, Duration::zero(), latest);
    if (DecisionRecorder* recorder = host_.recorder_) recorder->sent(from, to, message, delay, deferred_);
    if (deferred_) {
      Task task;
      task.what = Task::What::send;
      task.instance = number_;
      task.node = from;
      task.duration = delay;
      task.message = message;
      task.to.assign(to.begin(), to.end());
      host_.later({}, std::move(task));
      return true;
    }
    send_now(from, to, message, delay);
    return true;
  }

  void send_now(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Duration delay) {
    if (host_.stopped_ || !host_.nodes_[from].up()) return;
    use_.sent += to.size();
    attack(AttackKind::send, from, *message, to.size(), static_cast<std::uint64_t>(ns(delay)));
    host_.sequencers_[from.value]->release(to, message, delay);
  }

  MessagePtr forge(NodeId as, const MessagePtr& message, const protocols::ForgeChanges& changes) override {
    if (host_.stopped_ || !message || !owns(as)) {
      refuse();
      return {};
    }
    MessagePtr made = protocols::forge(host_.network_.pool(), *message, as, changes, signer_);
    if (made) {
      ++use_.forged;
      if (DecisionRecorder* recorder = host_.recorder_) recorder->forged(made, message, as, changes);
      attack(AttackKind::forge, as, *made, 1, 0);
    }
    return made;
  }

  void set_timer(Duration delay, std::uint64_t id) override {
    if (host_.stopped_) return;
    Task task;
    task.what = Task::What::timer;
    task.instance = number_;
    task.id = id;
    host_.later(std::clamp(delay, Duration::zero(), latest), std::move(task));
  }

  bool crash(NodeId node, Duration restart_after, sim::DiskFault disk) override {
    if (host_.stopped_ || node.value >= host_.all_.size()) return refuse();
    if (!owns(node)) {
      const bool honest_fault = disk == sim::DiskFault::unsynced_lost || disk == sim::DiskFault::torn_tail;
      if (!honest_fault || use_.crashes >= spec_.power.crashes_max) return refuse();
    }
    if (!host_.nodes_[node].up() || is_going_down(node)) return false;
    if (!owns(node)) ++use_.crashes;
    restart_after = std::min(restart_after, latest);
    record({.when = {}, .lasts = restart_after, .what = fault::Crash{{node}, disk}}, !in_record_ && deferred_crash_);
    // Inside a record the crash strikes at that very point. Inside a hook of the node's own code it waits until the
    // node is done with the input.
    if (in_record_ || !deferred_crash_) {
      crash_now(node, restart_after, disk);
      return true;
    }
    going_down_.push_back(node);
    Task task;
    task.what = Task::What::crash;
    task.instance = number_;
    task.node = node;
    task.duration = restart_after;
    task.disk = disk;
    host_.later({}, std::move(task));
    return true;
  }

  void crash_now(NodeId node, Duration restart_after, sim::DiskFault disk) {
    std::erase(going_down_, node);
    if (host_.stopped_ || !host_.nodes_[node].up()) return;
    attack(AttackKind::crash, node, 0, 0, static_cast<std::uint64_t>(disk), 0);
    host_.nodes_.crash(node, disk);
    if (!owns(node)) crashed_.push_back(node);
    if (restart_after < Duration::zero()) return;
    Task task;
    task.what = Task::What::restart;
    task.instance = number_;
    task.node = node;
    host_.later(restart_after, std::move(task));
  }

  void restart_now(NodeId node) {
    std::erase(crashed_, node);
    if (host_.nodes_[node].up()) return;
    attack(AttackKind::restart, node, 0, 0, 0, 0);
    host_.nodes_.start(node);
  }

  bool partition(std::span<const std::vector<NodeId>> groups, Duration lasts) override {
    const PowerSpec& power = spec_.power;
    if (host_.stopped_ || lasts <= Duration::zero() || use_.partitions >= power.partitions_max ||
        lasts > power.partition_max - use_.partition_time) {
      return refuse();
    }
    for (const std::vector<NodeId>& group : groups) {
      for (const NodeId node : group) {
        if (node.value >= host_.all_.size()) return refuse();
      }
    }
    ++use_.partitions;
    use_.partition_time += lasts;
    record({.when = {}, .lasts = lasts, .what = fault::Partition{{groups.begin(), groups.end()}, false}}, deferred_);
    if (!deferred_) {
      partition_now(groups, lasts);
      return true;
    }
    Task task;
    task.what = Task::What::partition;
    task.instance = number_;
    task.duration = lasts;
    task.groups.assign(groups.begin(), groups.end());
    host_.later({}, std::move(task));
    return true;
  }

  void partition_now(std::span<const std::vector<NodeId>> groups, Duration lasts) {
    if (host_.stopped_) return;
    attack(AttackKind::partition, no_node, 0, 0, groups.size(), static_cast<std::uint64_t>(ns(lasts)));
    const sim::PartitionId id = host_.network_.partition(groups);
    open_partitions_.push_back(id);
    Task task;
    task.what = Task::What::heal;
    task.instance = number_;
    task.id = id;
    host_.later(lasts, std::move(task));
  }

  void heal_now(sim::PartitionId id) {
    const auto found = std::find(open_partitions_.begin(), open_partitions_.end(), id);
    if (found == open_partitions_.end()) return;
    open_partitions_.erase(found);
    attack(AttackKind::heal, no_node, 0, 0, 0, 0);
    host_.network_.heal(id);
  }

  bool jump_clock(NodeId own, Duration step) override {
    if (host_.stopped_ || !owns(own)) return refuse();
    step = std::clamp(step, -latest, latest);
    record({.when = {}, .lasts = Duration{-1}, .what = fault::ClockJump{{own}, step}}, deferred_);
    Task task;
    task.what = Task::What::jump;
    task.instance = number_;
    task.node = own;
    task.duration = step;
    if (deferred_) {
      host_.later({}, std::move(task));
    } else {
      host_.nodes_.jump_clock(own, step);
    }
    return true;
  }

  MessagePtr pay(NodeId at, protocols::AccountId from, protocols::AccountId to, protocols::Amount amount,
                 protocols::Amount fee) override {
    const auto granted = std::ranges::find(spec_.power.accounts, from.value);
    if (host_.stopped_ || !owns(at) || granted == spec_.power.accounts.end()) {
      refuse();
      return {};
    }
    protocols::Transaction tx;
    tx.sender = from;
    tx.receiver = to;
    tx.nonce = nonces_[static_cast<std::size_t>(granted - spec_.power.accounts.begin())]++;
    tx.amount = amount;
    tx.fee = fee;
    tx.bytes = protocols::transaction_bytes_min;
    tx.id = tx.compute_id();
    tx.signature = accounts_.sign(protocols::account_key(from.value), tx.id);
    if (DecisionRecorder* recorder = host_.recorder_) recorder->untold("a payment");
    const MessagePtr message{host_.network_.pool().make<protocols::TransactionMessage>(tx)};
    Task task;
    task.what = Task::What::pay;
    task.instance = number_;
    task.node = at;
    task.message = message;
    host_.later({}, std::move(task));
    return message;
  }

  void pay_now(NodeId at, const MessagePtr& message) {
    if (host_.stopped_ || !host_.nodes_[at].up()) return;
    const auto& tx = static_cast<const protocols::TransactionMessage&>(*message).transaction;
    Record submitted{.kind = RecordKind::tx_submitted,
                     .node = at,
                     .peer = at,
                     .round = tx.sender.value,
                     .height = tx.nonce};
    emit(submitted.with_id(tx.id));
    host_.sequencers_[at.value]->inject(at, message);
  }

  std::size_t forced_items() const override { return forced_items_; }
  std::optional<bool> would_win(std::uint64_t index) const override {
    const Scenario& s = host_.scenario_;
    const Ratio odds = s.environment.workload.lottery.odds;
    if (draft_ == nullptr || !s.design.sort_keys || odds.num == 0) return std::nullopt;
    if (s.design.random_delay > Duration::zero()) {
      // A parent that is not committed yet was made after the head.
      const protocols::BlockPtr head = builder_->chain().block(builder_->chain().height());
      if (head != nullptr && head->id != draft_->parent) return std::nullopt;
      if (now() < builder_->head_since() + s.design.random_delay) return std::nullopt;
    }
    const std::uint64_t l1_height = draft_->external ? draft_->external->ref.height : 0;
    return protocols::wins(protocols::random_value(draft_->parent, {l1_height, draft_->height.value, index}), odds);
  }

  void note(std::uint64_t a, std::uint64_t b) override {
    if (host_.stopped_) return;
    emit({.kind = RecordKind::note, .node = acting_, .peer = NodeId{number_}, .a = a, .b = b});
  }

  // ---- its hooks ----

  void start() {
    if (!wants(hook_start)) return;
    const Turn turn(*this, acting_default());
    mind_->on_start(*this);
  }

  bool outgoing(NodeId self, std::span<const NodeId> to, const MessagePtr& message) {
    if (busy_ || !wants_message(hook_send, *message)) return true;
    bool passes = true;
    {
      const Turn turn(*this, self, false, true);
      passes = mind_->on_send(*this, self, to, message);
    }
    if (!passes) {
      use_.withheld += to.size();
      attack(AttackKind::drop, self, *message, to.size(), 0);
    }
    return passes;
  }

  bool incoming(NodeId self, NodeId from, const MessagePtr& message) {
    if (busy_ || !wants_message(hook_receive, *message)) return true;
    bool passes = true;
    {
      const Turn turn(*this, self, false, true);
      passes = mind_->on_receive(*this, self, from, message);
    }
    if (!passes) attack(AttackKind::receive_drop, self, *message, 1, from.value);
    return passes;
  }

  void external(NodeId self, protocols::Height height, protocols::External& external) {
    if (busy_) return;
    {
      const Turn turn(*this, self, false, true);
      mind_->on_external(*this, self, height.value, external);
    }
    forced_items_ = external.items.size();
  }

  void build(const SequencerNode& node, protocols::Block& draft) {
    if (busy_ || !wants(hook_build)) return;
    const NodeId self = node.id();
    const protocols::Height height = draft.height;
    const protocols::Round round = draft.round;
    std::vector<protocols::Transaction>& transactions = draft.transactions;
    std::vector<protocols::TxId> before;
    before.reserve(transactions.size());
    for (const protocols::Transaction& tx : transactions) before.push_back(tx.id);
    const std::vector<protocols::Transaction> kept = transactions;
    {
      const Turn turn(*this, self, false, true);
      draft_ = &draft;
      builder_ = &node;
      mind_->on_build(*this, self, height.value, round.value, transactions);
      draft_ = nullptr;
      builder_ = nullptr;
    }
    forced_items_ = 0;
    // Reordering and leaving out is in the owner's power; inventing or repeating is not.
    std::vector<protocols::TxId> sorted = before;
    std::sort(sorted.begin(), sorted.end());
    std::vector<protocols::TxId> chosen;
    for (const protocols::Transaction& tx : transactions) chosen.push_back(tx.id);
    std::vector<protocols::TxId> chosen_sorted = chosen;
    std::sort(chosen_sorted.begin(), chosen_sorted.end());
    if (!std::includes(sorted.begin(), sorted.end(), chosen_sorted.begin(), chosen_sorted.end())) {
      transactions = kept;
      refuse();
      return;
    }
    const std::size_t excluded = before.size() - chosen.size();
    if (host_.recorder_ != nullptr && chosen != before) {
      host_.recorder_->untold("a choice among the transactions of a block");
    }
    use_.excluded += excluded;
    if (excluded > 0) attack(AttackKind::exclude, self, height.value, round.value, excluded, 0);
    std::erase_if(before, [&](protocols::TxId id) {
      return !std::binary_search(chosen_sorted.begin(), chosen_sorted.end(), id);
    });
    std::uint64_t moved = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) moved += before[i] == chosen[i] ? 0 : 1;
    use_.reordered += moved > 0 ? 1U : 0U;
    if (moved > 0) attack(AttackKind::reorder, self, height.value, round.value, moved, 0);
  }

  sim::LinkVerdict link(NodeId from, NodeId to, const sim::Message& message, SimTime planned) {
    if (busy_ || !wants_message(hook_link, message)) return {};
    const bool is_own = owns(from) || owns(to);
    if (!is_own && spec_.power.sees == PowerSpec::Sight::own) return {};
    sim::LinkVerdict verdict;
    {
      const Turn turn(*this, acting_default(), true, true);
      const LinkView view(from, to, message, planned, is_own ? PowerSpec::Sight::own : spec_.power.sees);
      verdict = mind_->on_link(*this, view);
    }
    verdict.extra_delay = std::clamp(verdict.extra_delay, Duration::zero(), latest);
    if (!verdict.drop && verdict.extra_delay == Duration::zero()) return {};
    if (!is_own) return metered(verdict, to, message);
    if (verdict.drop) {
      if (owns(from)) ++use_.withheld;
      attack(owns(from) ? AttackKind::drop : AttackKind::receive_drop, owns(from) ? from : to, message, 1, 0);
    }
    return verdict;
  }

  void hear(const Record& record) {
    const PowerSpec::Sight sight = spec_.power.sees;
    if (sight == PowerSpec::Sight::own && !owns(record.node)) return;
    if ((record.kind == RecordKind::attack || record.kind == RecordKind::note) && record.peer != NodeId{number_})
      return;
    const Record shown = sight == PowerSpec::Sight::headers && !owns(record.node) ? headers_of(record) : record;
    if (busy_) {  // it caused the record itself: heard after the hook that did
      Task task;
      task.what = Task::What::records;
      task.instance = number_;
      task.record = shown;
      host_.later({}, std::move(task));
      return;
    }
    const Turn turn(*this, owns(record.node) ? record.node : acting_default(), true, false);
    in_record_ = true;
    mind_->on_record(*this, shown);
  }

  void hear_later(const Record& record) {
    if (busy_) return;
    const Turn turn(*this, owns(record.node) ? record.node : acting_default());
    mind_->on_record(*this, record);
  }

  void timer(std::uint64_t id) {
    if (busy_) return;
    if (timers_at_ != now()) {
      timers_at_ = now();
      timers_ = 0;
    }
    if (++timers_ > timers_of_an_instant) {
      throw InputError(Problem{spec_.file, 0, 0, fmt::format("environment.adversaries[{}]", number_),
                               fmt::format("the script set more than {} timers for one instant", timers_of_an_instant),
                               "give ctx:after a delay, so that time can pass"});
    }
    const Turn turn(*this, acting_default());
    mind_->on_timer(*this, id);
  }

  /// The healing phase begins.
  void give_up() {
    for (const sim::PartitionId id : open_partitions_) host_.network_.heal(id);
    open_partitions_.clear();
    for (const NodeId node : crashed_) host_.nodes_.start(node);
    crashed_.clear();
  }

  void emit(const Record& record) {
    if (!in_record_) {
      host_.simulation_.emit(record);
      return;
    }
    // Nothing may be emitted while a record is handed out.
    Task task;
    task.what = Task::What::emit;
    task.instance = number_;
    task.record = record;
    host_.later({}, std::move(task));
  }

  BudgetUse use() const {
    BudgetUse out = use_;
    out.instructions = mind_->instructions();
    return out;
  }
  const Adversary& mind() const { return *mind_; }
  PowerSpec::Sight sight() const { return spec_.power.sees; }

 private:
  /// One call of a hook. Actions are put off to an event of the same instant (`defers`), or only crashes
  /// (`defers_crash`), because code of a node or of the network is on the stack.
  class Turn {
   public:
    Turn(Instance& instance, NodeId acting, bool defers = false, bool defers_crash = false) : instance_(instance) {
      instance_.busy_ = true;
      instance_.acting_ = acting;
      instance_.deferred_ = defers;
      instance_.deferred_crash_ = defers_crash;
      ++instance_.use_.hook_calls;
    }
    ~Turn() {
      instance_.busy_ = instance_.deferred_ = instance_.deferred_crash_ = instance_.in_record_ = false;
      instance_.acting_ = no_node;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Instance& instance_;
  };

  NodeId acting_default() const { return spec_.nodes.empty() ? no_node : spec_.nodes.front(); }

  /// What the script does to machines and to the network, for the recorder.
  void record(FaultSpec fault, bool later) {
    if (host_.recorder_ != nullptr) host_.recorder_->struck(std::move(fault), in_record_, later);
  }

  bool refuse() {
    ++use_.refused;
    return false;
  }

  bool is_going_down(NodeId node) const {
    return std::find(going_down_.begin(), going_down_.end(), node) != going_down_.end();
  }

  /// What is done to a message between nodes of others.
  sim::LinkVerdict metered(sim::LinkVerdict verdict, NodeId to, const sim::Message& message) {
    const PowerSpec& power = spec_.power;
    if (verdict.drop) {
      const Duration gst = host_.scenario_.environment.network.stabilises_after;
      const bool is_free = power.drop_before_gst && now() < time_zero + gst;
      if (!is_free && drops_counted_ >= power.drops_max) {
        refuse();
        return {};
      }
      if (!is_free) ++drops_counted_;
      ++use_.dropped;
      attack(AttackKind::drop, no_node, message, 1, to.value);
      return verdict;
    }
    if (verdict.extra_delay > power.delay_max) {
      refuse();
      return {};
    }
    ++use_.delayed;
    use_.delay_max = std::max(use_.delay_max, verdict.extra_delay);
    attack(AttackKind::delay, no_node, message, static_cast<std::uint64_t>(ns(verdict.extra_delay)), to.value);
    return verdict;
  }

  void attack(AttackKind kind, NodeId node, const sim::Message& message, std::uint64_t a, std::uint64_t b) {
    const protocols::MessageFields f = protocols::fields_of(message);
    attack(kind, node, f.height.value, f.round.value, a, b);
  }
  void attack(AttackKind kind, NodeId node, std::uint64_t height, std::int32_t round, std::uint64_t a,
              std::uint64_t b) {
    emit({.kind = RecordKind::attack,
          .detail = static_cast<std::uint8_t>(kind),
          .node = node,
          .peer = NodeId{number_},
          .round = static_cast<std::uint32_t>(std::max(round, 0)),
          .height = height,
          .a = a,
          .b = b});
  }

  AdversaryHost& host_;
  std::uint32_t number_;
  const AdversarySpec& spec_;
  sim::Stream rng_;
  protocols::Signer signer_;
  protocols::Signer accounts_;         // of the granted accounts, never of nodes
  std::vector<std::uint64_t> nonces_;  // next one, by granted account
  std::size_t forced_items_ = 0;       // of the block that is being built
  const protocols::Block* draft_ = nullptr;         // while it is
  const SequencerNode* builder_ = nullptr;          // by whom
  std::unique_ptr<Adversary> mind_;
  std::uint32_t hooks_ = 0;
  MessageKindMask kinds_send_ = all_message_kinds;
  MessageKindMask kinds_receive_ = all_message_kinds;
  MessageKindMask kinds_link_ = all_message_kinds;
  BudgetUse use_;
  std::uint64_t drops_counted_ = 0;
  std::vector<NodeId> crashed_;     // honest nodes that it crashed and has not restarted
  std::vector<NodeId> going_down_;  // by an event of this instant
  std::vector<sim::PartitionId> open_partitions_;
  SimTime timers_at_{};
  std::uint32_t timers_ = 0;
  bool busy_ = false;
  bool deferred_ = false;
  bool deferred_crash_ = false;
  bool in_record_ = false;
  NodeId acting_{no_node};
};

AdversaryHost::AdversaryHost(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network,
                             protocols::Signatures& signatures, std::span<SequencerNode* const> sequencers,
                             const Scenario& scenario)
    : simulation_(simulation),
      nodes_(nodes),
      network_(network),
      scenario_(scenario),
      sequencers_(sequencers.begin(), sequencers.end()),
      owner_(sequencers.size(), nullptr) {
  for (const SequencerNode* sequencer : sequencers_) all_.push_back(sequencer->id());
  target_ = simulation_.add_target(*this);
  std::vector<Problem> problems;
  std::uint32_t number = 0;
  for (const AdversarySpec& spec : scenario.environment.adversaries) {
    instances_.push_back(std::make_unique<Instance>(*this, number, spec, signatures));
    for (const NodeId node : spec.nodes) {
      const bool exists = node.value < owner_.size();
      if (exists && owner_[node.value] == nullptr) {
        owner_[node.value] = instances_.back().get();
        sequencers_[node.value]->corrupt(*this);
        continue;
      }
      const std::string path = fmt::format("environment.adversaries[{}].nodes", number);
      const std::string name = fmt::format("n{}", node.value);
      problems.push_back(
          exists ? Problem{scenario.file, 0, 0, path, name + " belongs to another adversary", "each node has one owner"}
                 : Problem{scenario.file, 0, 0, path, "there is no node " + name,
                           fmt::format("n0 ... n{}", owner_.size() - 1)});
    }
    ++number;
  }
  if (!problems.empty()) throw InputError(std::move(problems));
}

AdversaryHost::~AdversaryHost() = default;

void AdversaryHost::start() {
  active_ = true;
  sim::KindMask kinds = 0;
  bool watches_all = false;
  for (const auto& instance : instances_) {
    const sim::KindMask wanted = instance->wants(hook_record) ? instance->mind().record_kinds() : 0;
    kinds |= wanted;
    for (std::size_t kind = 0; kind < sim::record_kind_count; ++kind) {
      if ((wanted >> kind & 1U) != 0) listeners_[kind].push_back(instance.get());
    }
    if (instance->wants(hook_link)) {
      link_watchers_.push_back(instance.get());
      watches_all = watches_all || instance->sight() != PowerSpec::Sight::own;
    }
  }
  if (recorder_ != nullptr && kinds != 0) simulation_.records().subscribe(*recorder_, kinds);
  if (kinds != 0) simulation_.records().subscribe(*this, kinds);
  if (watches_all) {
    network_.watch(*this, no_node);
  } else {
    for (const Instance* instance : link_watchers_) {
      for (const NodeId node : instance->own_nodes()) network_.watch(*this, node);
    }
  }
  for (std::uint32_t i = 0; i < instances_.size(); ++i) {
    Task task;
    task.what = Task::What::start;
    task.instance = i;
    later({}, std::move(task));
  }
}

void AdversaryHost::stop() {
  stopped_ = true;
  for (const auto& instance : instances_) instance->give_up();
}

std::vector<BudgetUse> AdversaryHost::budgets() const {
  std::vector<BudgetUse> out;
  for (const auto& instance : instances_) out.push_back(instance->use());
  return out;
}

std::string_view AdversaryHost::log(std::size_t index) const { return instances_[index]->mind().log(); }

void AdversaryHost::on_outgoing(SequencerNode& node, std::span<const NodeId> to, const MessagePtr& message) {
  if (stopped_) return;
  const NodeId self = node.id();
  const std::uint32_t incarnation = nodes_[self].incarnation();
  if (recorder_ != nullptr) recorder_->leaving(self, to, message);
  const bool passes = !active_ || owner_[self.value]->outgoing(self, to, message);
  if (recorder_ != nullptr) recorder_->left(passes);
  if (passes && nodes_[self].up() && nodes_[self].incarnation() == incarnation) node.release(to, message);
}

bool AdversaryHost::on_incoming(SequencerNode& node, NodeId from, const MessagePtr& message) {
  if (stopped_ || !active_) return true;
  if (recorder_ != nullptr) recorder_->arriving(node.id(), from, message);
  const bool shown = owner_[node.id().value]->incoming(node.id(), from, message);
  if (recorder_ != nullptr) recorder_->arrived(shown);
  return shown;
}

void AdversaryHost::on_build(SequencerNode& node, protocols::Block& draft) {
  if (!stopped_ && active_) owner_[node.id().value]->build(node, draft);
}

void AdversaryHost::on_external(SequencerNode& node, protocols::Height height, protocols::Round /*round*/,
                                protocols::External& external) {
  if (!stopped_ && active_) owner_[node.id().value]->external(node.id(), height, external);
}

sim::LinkVerdict AdversaryHost::on_link(NodeId from, NodeId to, const sim::Message& message, SimTime planned_arrival) {
  sim::LinkVerdict all;
  if (stopped_) return all;
  for (Instance* instance : link_watchers_) {
    const sim::LinkVerdict one = instance->link(from, to, message, planned_arrival);
    all.drop = one.drop;
    if (one.drop) break;
    all.extra_delay = std::min(all.extra_delay + one.extra_delay, latest);
  }
  if (recorder_ != nullptr) recorder_->met(from, to, message, all);
  return all;
}

void AdversaryHost::on_record(const Record& record) {
  if (stopped_) return;
  for (Instance* instance : listeners_[static_cast<std::size_t>(record.kind)]) instance->hear(record);
}

void AdversaryHost::later(Duration delay, Task task) {
  std::uint32_t slot = 0;
  if (free_tasks_.empty()) {
    slot = static_cast<std::uint32_t>(tasks_.size());
    tasks_.push_back(std::move(task));
  } else {
    slot = free_tasks_.back();
    free_tasks_.pop_back();
    tasks_[slot] = std::move(task);
  }
  simulation_.schedule(simulation_.now() + delay, target_, slot);
}

void AdversaryHost::on_event(std::uint32_t slot) {
  Task task = std::exchange(tasks_[slot], Task{});
  free_tasks_.push_back(slot);
  if (!stopped_) run(task);
}

void AdversaryHost::run(Task& task) {
  Instance& instance = *instances_[task.instance];
  switch (task.what) {
    case Task::What::none: break;
    case Task::What::start: instance.start(); break;
    case Task::What::timer: instance.timer(task.id); break;
    case Task::What::restart: instance.restart_now(task.node); break;
    case Task::What::heal: instance.heal_now(static_cast<sim::PartitionId>(task.id)); break;
    case Task::What::send: instance.send_now(task.node, task.to, task.message, task.duration); break;
    case Task::What::crash: instance.crash_now(task.node, task.duration, task.disk); break;
    case Task::What::partition: instance.partition_now(task.groups, task.duration); break;
    case Task::What::jump: nodes_.jump_clock(task.node, task.duration); break;
    case Task::What::note:
    case Task::What::emit: simulation_.emit(task.record); break;
    case Task::What::records: instance.hear_later(task.record); break;
    case Task::What::pay: instance.pay_now(task.node, task.message); break;
  }
}

}  // namespace seqlab::scenarios
