#include "scenarios/workload/forced_users.hpp"

#include <algorithm>

#include "protocols/forced/delayed_inbox.hpp"
#include "protocols/l1/data.hpp"
#include "scenarios/workload/arrivals.hpp"
#include "sim/base/fixed_point.hpp"
#include "sim/kernel/processes.hpp"

namespace seqlab::scenarios {

using protocols::ForcedStatus;
using protocols::L1BlockPtr;
using protocols::L1Transaction;
using protocols::L1TransactionPtr;
using protocols::L1TxKind;
using protocols::L1View;
using protocols::Transaction;
using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint64_t call_units = 120'000;                 // gas of a call that forces
constexpr int polls_until_lost = 40'000;                      // then what was written counts as lost

}  // namespace

class ForcedUsers::User final : public sim::NodeHandler {
 public:
  User(sim::Simulation& simulation, sim::Nodes& nodes, protocols::L1& l1, protocols::Signatures& signatures,
       const Scenario& scenario, protocols::SequencerNode& near, std::uint32_t number)
      : simulation_(simulation),
        nodes_(nodes),
        l1_(l1),
        signatures_(signatures),
        scenario_(scenario),
        options_(scenario.environment.workload.forced),
        near_(near),
        number_(number),
        account_(forced_account(scenario.environment.workload, number)),
        id_(nodes.add(*this).id()),
        arrivals_(simulation.stream("forced.arrivals", number)) {}

  void start() {
    nodes_.start(id_);
    simulation_.processes().spawn_service(id_, [this](sim::Process& process) { live(process); });
  }

  void on_start(bool) override {}
  void on_timer(std::uint64_t) override {}
  void on_crash() override {}
  void on_message(NodeId, const sim::MessagePtr&) override {}

  void on_posted(const Record& record) {
    for (Item& item : items_) {
      if (item.id != record.id()) continue;
      item.position = record.round;
      item.posted = true;
    }
  }
  void on_done(const Record& record) {
    const bool old_core = migrates(scenario_) && record.node.value == scenario_.design.committee.count;
    if (record.node != near_.id() && !old_core) return;
    const auto status = static_cast<ForcedStatus>(record.detail);
    for (Item& item : items_) {
      if (item.id != record.id() || item.done || status == ForcedStatus::deferred) continue;
      item.done = true;
      if (status == ForcedStatus::executed) ++executed_;
    }
  }

 private:
  struct Item {
    Hash128 id;
    std::uint64_t position = 0;
    bool posted = false;
    bool done = false;
  };

  const L1View& view() const { return l1_.view(near_.id()); }

  void live(sim::Process& process) {
    if (options_.rate_per_1000s <= 0) return;
    const Duration poll = std::max(l1_.profile().interval / 4, Duration{1'000'000'000});
    while (true) {
      const std::int64_t each = options_.burst + std::int64_t{options_.ahead};
      elapsed_ += poisson_gap(arrivals_, options_.users * each, options_.rate_per_1000s);
      const Duration at = options_.start_after + elapsed_;
      if (options_.stop_after >= Duration::zero() && at >= options_.stop_after) return;
      if (SimTime{at} > process.now()) process.sleep_until(SimTime{at});
      items_.clear();
      const std::uint64_t next = executed_;
      for (std::uint32_t i = 0; i < options_.burst; ++i) write(next + options_.ahead + i);
      for (std::uint32_t i = 0; i < options_.ahead; ++i) write(next + i);
      for (int polls = 0; polls < polls_until_lost && !all_done(); ++polls) {
        process.sleep(poll);
        if (options_.calls && scenario_.design.forced.policy == "delayed_inbox") call();
      }
      watch_call();
    }
  }

  bool all_done() const {
    return std::ranges::all_of(items_, [](const Item& item) { return item.done; });
  }

  void offer(L1Transaction& tx, std::uint64_t units) const {
    constexpr auto lane = static_cast<std::size_t>(protocols::L1Lane::ordinary);
    tx.units[lane] = units;
    tx.price_max[lane] = mul_div_ceil(l1_.estimate(protocols::L1Lane::ordinary), options_.price_percent, 100);
  }

  void write(std::uint64_t nonce) {
    const WorkloadSpec& w = scenario_.environment.workload;
    auto data = std::make_shared<protocols::ForcedData>();
    Transaction& tx = data->transaction;
    tx.sender = account_;
    tx.receiver = protocols::AccountId{account_.value % w.accounts};
    tx.nonce = nonce;
    tx.amount = protocols::Amount{1};
    tx.fee = protocols::Amount{1};
    tx.bytes = std::max(options_.bytes, protocols::transaction_bytes_min);
    tx.id = tx.compute_id();
    tx.signature = signatures_.sign(protocols::account_key(tx.sender.value), tx.id);
    auto on_l1 = std::make_shared<L1Transaction>();
    on_l1->id = HashBuilder{"forced"}.add(number_).add(written_++).add(tx.id).finish();
    on_l1->kind = L1TxKind::forced;
    on_l1->bytes = tx.bytes;
    if (options_.counts_on) {
      const protocols::AccountId account{*options_.counts_on};
      data->condition = protocols::Condition{account, near_.ledger().balance(account)};
    }
    offer(*on_l1, options_.units);
    on_l1->data = std::move(data);
    Record sent{.kind = RecordKind::forced_sent, .node = id_, .round = account_.value, .height = nonce};
    items_.push_back({.id = on_l1->id});
    simulation_.emit(sent.with_id(on_l1->id));
    l1_.submit(std::move(on_l1));
  }

  /// Asks L1 for the last of his items that are late, once each, and tells what came of the call before.
  void call() {
    watch_call();
    if (call_ || !nodes_[near_.id()].up()) return;
    const L1View& l1 = view();
    const protocols::ExternalState& known = near_.external();
    for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
      if (!item->posted || item->done || item->position < known.pointer) continue;
      const std::optional<std::uint64_t> height = height_of(item->id, l1);
      if (!height) continue;
      const protocols::DelayedInboxOptions& rules = scenario_.design.forced.delayed_inbox;
      if (!protocols::may_force(protocols::delay_buffer_of(known), *height, l1.block(*height)->timestamp,
                                l1.height() + 1, simulation_.now() + l1_.profile().interval, rules)) {
        continue;
      }
      auto data = std::make_shared<protocols::ForceCallData>();
      data->upto = item->position + 1;
      upto_ = data->upto;
      late_from_ = *height;
      auto tx = std::make_shared<L1Transaction>();
      tx->id = HashBuilder{"force call"}.add(number_).add(written_++).add(data->upto).finish();
      tx->kind = L1TxKind::force_call;
      tx->bytes = 36;
      offer(*tx, call_units);
      tx->data = std::move(data);
      call_ = tx->id;
      called_at_ = l1.height();
      l1_.submit(std::move(tx));
      return;
    }
  }

  void watch_call() {
    if (!call_) return;
    const L1View& l1 = view();
    for (std::uint64_t h = std::max(called_at_, l1.first()); h <= l1.height(); ++h) {
      const L1BlockPtr block = l1.block(h);
      const bool here = std::ranges::any_of(block->transactions,
                                            [&](const L1TransactionPtr& tx) { return tx->id == *call_; });
      if (!here) continue;
      const L1BlockPtr posted = l1.block(late_from_);
      const protocols::ExternalState& known = near_.external();
      const bool worked = known.pointer < upto_ && posted != nullptr &&
                          protocols::may_force(protocols::delay_buffer_of(known), late_from_, posted->timestamp, h,
                                               block->timestamp, scenario_.design.forced.delayed_inbox);
      simulation_.emit({.kind = RecordKind::force_called,
                        .flags = static_cast<std::uint16_t>(worked ? 1 : 0),
                        .round = static_cast<std::uint32_t>(upto_),
                        .height = h});
      call_.reset();
      return;
    }
  }

  static std::optional<std::uint64_t> height_of(const Hash128& id, const L1View& l1) {
    for (std::uint64_t h = l1.height() + 1; h > l1.first(); --h) {
      for (const L1TransactionPtr& tx : l1.block(h - 1)->transactions) {
        if (tx->id == id) return h - 1;
      }
    }
    return std::nullopt;
  }

  sim::Simulation& simulation_;
  sim::Nodes& nodes_;
  protocols::L1& l1_;
  protocols::Signatures& signatures_;
  const Scenario& scenario_;
  const ForcedWorkload& options_;
  protocols::SequencerNode& near_;
  std::uint32_t number_;
  protocols::AccountId account_;
  NodeId id_;
  sim::Stream arrivals_;
  Duration elapsed_{};
  std::uint64_t written_ = 0;
  std::uint64_t executed_ = 0;    ///< items: the next nonce of the account
  std::vector<Item> items_;       ///< of the burst at hand
  std::optional<Hash128> call_;   ///< on its way
  std::uint64_t upto_ = 0, late_from_ = 0, called_at_ = 0;
};

ForcedUsers::ForcedUsers(sim::Simulation& simulation, sim::Nodes& nodes, protocols::L1& l1,
                         protocols::Signatures& signatures, const Scenario& scenario,
                         std::span<protocols::SequencerNode* const> sequencers) {
  static_cast<void>(simulation.processes());  // services know of the starts that happen while there are processes
  for (std::uint32_t i = 0; i < scenario.environment.workload.forced.users; ++i) {
    users_.push_back(std::make_unique<User>(simulation, nodes, l1, signatures, scenario,
                                            *sequencers[i % sequencers.size()], i));
  }
}

ForcedUsers::~ForcedUsers() = default;

void ForcedUsers::on_record(const Record& record) {
  for (const auto& user : users_) {
    if (record.kind == RecordKind::forced_posted) {
      user->on_posted(record);
    } else {
      user->on_done(record);
    }
  }
}

void ForcedUsers::start() {
  for (const auto& user : users_) user->start();
}

}  // namespace seqlab::scenarios
