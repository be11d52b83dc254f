#include "analysis/search/probe.hpp"

#include <algorithm>
#include <array>

#include "protocols/l1/profile.hpp"
#include "protocols/relay/batch.hpp"
#include "scenarios/world/environment.hpp"

namespace seqlab::analysis {

namespace {

using protocols::MessageKind;
using sim::Record;
using sim::RecordKind;

constexpr auto points =
    sim::mask_of(RecordKind::persisted, RecordKind::voted, RecordKind::proposed, RecordKind::locked,
                 RecordKind::certified, RecordKind::committed, RecordKind::executed, RecordKind::round_entered,
                 RecordKind::step_entered, RecordKind::behind, RecordKind::caught_up, RecordKind::l1_sent,
                 RecordKind::da_turn, RecordKind::da_prepared, RecordKind::da_sent, RecordKind::da_posted,
                 RecordKind::da_confirmed, RecordKind::da_receipt, RecordKind::da_unposted, RecordKind::l1_seen,
                 RecordKind::forced_done, RecordKind::commitment, RecordKind::proof, RecordKind::head,
                 RecordKind::core_stopped, RecordKind::core_exported, RecordKind::core_started,
                 RecordKind::core_rolled_back, RecordKind::tx_accepted);

/// What happens around consensus, now and then.
constexpr auto happenings =
    sim::mask_of(RecordKind::l1_reorged, RecordKind::forced_posted, RecordKind::forced_done, RecordKind::da_turn,
                 RecordKind::da_prepared, RecordKind::da_sent, RecordKind::da_posted, RecordKind::da_unposted,
                 RecordKind::da_confirmed, RecordKind::da_service, RecordKind::da_settled, RecordKind::commitment,
                 RecordKind::proof, RecordKind::head, RecordKind::core_stopped, RecordKind::core_exported,
                 RecordKind::core_started, RecordKind::core_rolled_back, RecordKind::registry_set,
                 RecordKind::escrow_locked, RecordKind::escrow_settled, RecordKind::escrow_released,
                 RecordKind::bridge_minted, RecordKind::bridge_burnt);
constexpr std::size_t moments_max = 512;  // of a kind

class Diary final : public sim::RecordObserver {
 public:
  static sim::KindMask kinds() { return happenings | sim::mask_of(RecordKind::healing_started); }
  void on_record(const Record& record) override {
    if (record.kind == RecordKind::healing_started) over_ = true;
    if (over_) return;
    std::vector<Duration>& when = when_[static_cast<std::size_t>(record.kind)];
    if (when.size() < moments_max) when.push_back(record.at - time_zero);
  }
  std::vector<std::vector<Duration>> take() {
    std::vector<std::vector<Duration>> out;
    for (std::vector<Duration>& when : when_) {
      if (!when.empty()) out.push_back(std::move(when));
    }
    return out;
  }

 private:
  std::array<std::vector<Duration>, sim::record_kind_count> when_;
  bool over_ = false;
};

/// The deepest reorganisation that leaves alone whatever is taken for settled: what is named, what a writer is done
/// with, what a reader calls settled.
std::uint32_t l1_depth_of(const scenarios::Scenario& s) {
  const protocols::ForcedOptions& forced = s.design.forced;
  std::uint32_t depth = 8;
  const auto at_most = [&](std::uint32_t n) { depth = std::min(depth, std::max<std::uint32_t>(n, 1)); };
  if (forced.policy == "arweave_sync") at_most(forced.arweave_sync.depth);
  if (forced.policy == "deposits") at_most(forced.deposits.confirmations);
  if (forced.policy == "delayed_inbox") at_most(forced.delayed_inbox.queue.lag);
  if (forced.policy == "due_queue") at_most(forced.due_queue.queue.lag);
  if (forced.policy == "citrea_queue") at_most(forced.citrea_queue.depth - 1);
  if (s.design.relay.policy != "none" && s.design.relay.confirmations != 0) at_most(s.design.relay.confirmations - 1);
  if (s.design.settlement.settled_depth != 0) at_most(s.design.settlement.settled_depth);
  const protocols::L1Profile chain = scenarios::l1_profile_of(s);
  if (chain.finality == protocols::L1Profile::Finality::depth) at_most(chain.finality_depth - 1);
  return depth;
}

constexpr bool is_of_cores(RecordKind kind) {
  return kind == RecordKind::core_stopped || kind == RecordKind::core_exported || kind == RecordKind::core_started ||
         kind == RecordKind::core_rolled_back;
}

class Counter final : public sim::RecordObserver {
 public:
  explicit Counter(std::uint32_t count) : count_(count) {}
  static sim::KindMask kinds() { return points | sim::mask_of(RecordKind::message_sent, RecordKind::healing_started); }

  void on_record(const Record& record) override {
    if (record.kind == RecordKind::healing_started) {
      if (end_ == SimTime{}) end_ = record.at;
      return;
    }
    // What cores do is a point whoever says it.
    if (record.node.value >= count_ && !is_of_cores(record.kind)) return;
    if (record.kind == RecordKind::message_sent) {
      if (record.detail < sent_.size()) ++sent_[record.detail];
      return;
    }
    ++records_[static_cast<std::size_t>(record.kind)];
    if (record.kind == RecordKind::round_entered) {
      rounds_ = std::max(rounds_, record.round);
      round_first_ = std::min(round_first_, record.round);
      if (record.height > 1 && record.round == round_first_) restarts_ = true;
      if (record.node == NodeId{0}) ++entered_;
      if (end_ == SimTime{}) last_ = record.at;
    }
  }

  std::array<std::uint64_t, static_cast<std::size_t>(MessageKind::count)> sent_{};
  std::array<std::uint64_t, sim::record_kind_count> records_{};
  std::uint32_t rounds_ = 0;
  std::uint32_t round_first_ = ~std::uint32_t{0};
  bool restarts_ = false;
  std::uint64_t entered_ = 0;
  SimTime last_{};
  SimTime end_{};

 private:
  std::uint32_t count_;
};

/// Who proposed, until the healing phase.
class Proposers final : public sim::RecordObserver {
 public:
  static sim::KindMask kinds() { return sim::mask_of(RecordKind::proposed, RecordKind::healing_started); }
  void on_record(const Record& record) override {
    if (record.kind == RecordKind::healing_started) over_ = true;
    if (!over_ && record.kind == RecordKind::proposed) nodes_.push_back(record.node);
  }
  bool all_are(NodeId node) const {
    return !nodes_.empty() && std::ranges::all_of(nodes_, [node](NodeId n) { return n == node; });
  }

 private:
  std::vector<NodeId> nodes_;
  bool over_ = false;
};

bool obeys(const Target& target) {
  const std::uint32_t count = target.scenario->design.committee.count;
  const auto leads_always = [&](NodeId leader) {
    Proposers proposers;
    scenarios::RunOptions options;
    options.observers.emplace_back(&proposers, Proposers::kinds());
    if (target.make_engine) options.make_engine = target.make_engine;
    if (target.make_forced) options.make_forced = target.make_forced;
    options.relay_rules = target.relay_rules.get();
    scenarios::run(*target.scenario, {.seed = 4, .leaders = {leader}}, options);
    return proposers.all_are(leader);
  };
  return leads_always(NodeId{count - 1}) && (count == 1 || leads_always(NodeId{0}));
}

}  // namespace

Probe probe(const Target& target) {
  if (target.seen != nullptr) return *target.seen;
  Probe out;
  Counter counter{target.scenario->design.committee.count};
  scenarios::RunOptions options;
  options.observers.emplace_back(&counter, Counter::kinds());
  if (target.make_engine) options.make_engine = target.make_engine;
  if (target.make_forced) options.make_forced = target.make_forced;
  options.relay_rules = target.relay_rules.get();

  scenarios::Scenario scenario = *target.scenario;
  if (const protocols::L1Profile* l1 = protocols::find_l1_profile(scenario.design.l1)) {
    out.l1_interval = std::max(l1->interval, Duration{1});
    if (scenario.environment.l1.interval > Duration{}) out.l1_interval = scenario.environment.l1.interval;
  }
  out.migrates = scenarios::migrates(scenario);
  Diary diary;
  const bool layered = scenario.design.l1 != "none" || out.migrates;
  if (layered) options.observers.emplace_back(&diary, Diary::kinds());
  const scenarios::RunResult plain = scenarios::run(scenario, {.seed = 1}, options);
  if (layered) options.observers.pop_back();
  out.moments = diary.take();
  out.length = (counter.end_ == SimTime{} ? plain.end : counter.end_) - time_zero;
  if (scenario.design.l1 != "none") out.l1_depth = l1_depth_of(scenario);
  out.heights = plain.commits_safety;
  if (counter.entered_ > 0) out.round_time = (counter.last_ - time_zero) / static_cast<std::int64_t>(counter.entered_);
  if (counter.entered_ == 0 && out.heights > 0) out.round_time = out.length / static_cast<std::int64_t>(out.heights);
  out.round_time = std::max(out.round_time, Duration{1us});
  out.rounds_plain = counter.rounds_;
  out.rounds_restart = counter.restarts_;
  for (const MessageKind kind : {MessageKind::prevote, MessageKind::precommit, MessageKind::vote}) {
    if (counter.sent_[static_cast<std::size_t>(kind)] > 0) out.votes.push_back(kind);
  }

  scenarios::FaultSpec crash;
  crash.when.at = 3 * out.round_time;
  crash.lasts = 20 * out.round_time;
  crash.what = scenarios::fault::Crash{{NodeId{scenario.design.committee.count - 1}}, sim::DiskFault::unsynced_lost};
  scenarios::run(scenario, {.seed = 2, .interventions = {crash}}, options);
  scenario.environment.network.loss = {1, 6};
  scenarios::run(scenario, {.seed = 3}, options);

  for (std::size_t i = 0; i < counter.sent_.size(); ++i) {
    const auto kind = static_cast<MessageKind>(i);
    if (counter.sent_[i] == 0 || kind == MessageKind::transaction || kind == MessageKind::transaction_result) continue;
    out.kinds.push_back(kind);
    switch (kind) {
      case MessageKind::proposal:
      case MessageKind::prevote:
      case MessageKind::precommit:
      case MessageKind::vote:
      case MessageKind::timeout:
      case MessageKind::new_view:
      case MessageKind::vertex:
      case MessageKind::view_change:
      case MessageKind::no_endorsement: out.statements.push_back(kind); break;
      default: break;
    }
  }
  for (std::size_t i = 0; i < counter.records_.size(); ++i) {
    if (counter.records_[i] > 0) out.points.push_back(static_cast<RecordKind>(i));
  }
  out.rounds = counter.rounds_;
  out.round_first = counter.rounds_ < counter.round_first_ ? 0 : counter.round_first_;
  out.leaders_obey = obeys(target);
  if (scenario.design.relay.policy != "none") {
    out.relayers = scenario.design.relay.nodes;
    const protocols::L1Profile chain = scenarios::l1_profile_of(scenario);
    out.l1_interval = chain.interval;
    out.has_bundler = protocols::BatchFormat{chain, scenario.design.relay.format}.bundled();
  }
  return out;
}

}  // namespace seqlab::analysis
