#include "scenarios/workload/bridge_users.hpp"

#include <algorithm>

#include "protocols/consensus/messages.hpp"
#include "protocols/l1/contracts.hpp"
#include "scenarios/workload/arrivals.hpp"
#include "sim/base/fixed_point.hpp"
#include "sim/kernel/processes.hpp"

namespace seqlab::scenarios {

using protocols::AccountId;
using protocols::Amount;
using protocols::EscrowData;
using protocols::EscrowReject;
using protocols::L1Receipt;
using protocols::L1Transaction;
using protocols::L1TxKind;
using protocols::Transaction;
using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint32_t call_bytes = 200;
constexpr std::uint64_t never_burnt = 1'000'000;              ///< added to a nonce: of a burn that does not exist

}  // namespace

class BridgeUsers::User final : public sim::NodeHandler {
 public:
  User(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network, protocols::L1& l1,
       protocols::Signatures& signatures, const Scenario& scenario,
       std::span<protocols::SequencerNode* const> sequencers, std::uint32_t number)
      : simulation_(simulation),
        nodes_(nodes),
        network_(network),
        l1_(l1),
        signatures_(signatures),
        options_(scenario.environment.workload.bridge),
        retry_after_(scenario.environment.workload.retry_after),
        sequencers_(sequencers.begin(), sequencers.end()),
        near_(*sequencers[number % sequencers.size()]),
        number_(number),
        account_(bridge_user_account(scenario.environment.workload, number)),
        bridge_(bridge_account(scenario.environment.workload)),
        id_(nodes.add(*this).id()),
        arrivals_(simulation.stream("bridge.arrivals", number)) {}

  void start() {
    nodes_.start(id_);
    simulation_.processes().spawn_service(id_, [this](sim::Process& process) { live(process); });
  }

  void on_start(bool) override {}
  void on_timer(std::uint64_t) override {}
  void on_crash() override {}
  void on_message(NodeId, const sim::MessagePtr&) override {}  // he sees at the near node what became of it

  void on_record(const Record& record) {
    if (record.round != account_.value) return;
    if (record.kind == RecordKind::escrow_released) {
      if (record.b == burn_) released_ = record.flags == 0;
    } else if (record.node == near_.id()) {
      if (record.kind == RecordKind::bridge_minted) ++minted_;
      if (record.kind == RecordKind::bridge_burnt && record.b == burn_) burnt_ = true;
    }
  }

 private:
  void live(sim::Process& process) {
    const Duration poll = std::max(l1_.profile().interval / 4, Duration{1'000'000'000});
    while (true) {
      elapsed_ += poisson_gap(arrivals_, options_.users, options_.rate_per_1000s);
      const Duration at = options_.start_after + elapsed_;
      if (options_.stop_after >= Duration::zero() && at >= options_.stop_after) return;
      if (SimTime{at} > process.now()) process.sleep_until(SimTime{at});
      if (!deposit(process, poll) || !options_.withdraws) continue;
      burn(process);
      claim(process, poll);
    }
  }

  /// @return whether it is minted; else layer 1 has lost it
  bool deposit(sim::Process& process, Duration poll) {
    const std::uint64_t before = minted_;
    const Hash128 id = call(EscrowData::What::deposit, 0);
    Record sent{.kind = RecordKind::forced_sent, .node = id_, .round = account_.value, .height = before};
    simulation_.emit(sent.with_id(id));
    while (minted_ == before) {
      process.sleep(poll);
      if (minted_ == before && is_lost(id)) return false;
    }
    return true;
  }

  void burn(sim::Process& process) {
    burn_ = near_.ledger().next_nonce(account_);
    burnt_ = released_ = false;
    Transaction tx;
    tx.sender = account_;
    tx.receiver = bridge_;
    tx.nonce = burn_;
    tx.amount = Amount{options_.amount};
    tx.fee = Amount{1};
    tx.bytes = protocols::transaction_bytes_min;
    tx.client = id_;
    tx.id = tx.compute_id();
    tx.signature = signatures_.sign(protocols::account_key(tx.sender.value), tx.id);
    for (std::size_t attempt = 0; !burnt_; ++attempt) {
      const NodeId to = sequencers_[(number_ + attempt) % sequencers_.size()]->id();
      Record said{.kind = attempt == 0 ? RecordKind::tx_submitted : RecordKind::tx_retried, .node = id_, .peer = to};
      said.round = attempt == 0 ? account_.value : static_cast<std::uint32_t>(attempt);
      said.height = attempt == 0 ? tx.nonce : 0;
      simulation_.emit(said.with_id(tx.id));
      const sim::MessagePtr message{network_.pool().make<protocols::TransactionMessage>(tx)};
      network_.send(id_, to, message);
      process.sleep(retry_after_);
    }
  }

  /// Asks for the release once it would be granted, and again if that comes to nothing.
  void claim(sim::Process& process, Duration poll) {
    if (options_.greedy) {
      call(EscrowData::What::release, burn_);
      call(EscrowData::What::release, burn_ + never_burnt);
    }
    EscrowData wish;
    wish.what = EscrowData::What::release;
    wish.account = account_;
    wish.amount = Amount{options_.amount};
    wish.nonce = burn_;
    Hash128 sent;
    bool hasty = options_.greedy;
    while (!released_) {
      const protocols::L1Block& tip = *l1_.view(near_.id()).tip();
      const EscrowReject answer = tip.contracts->escrow->check(wish, tip.height + 1);
      const bool granted = answer == EscrowReject::none;
      if (hasty && answer == EscrowReject::early) {
        hasty = false;
        call(EscrowData::What::release, burn_);
      }
      const bool waits = sent && l1_.receipt(near_.id(), sent).state == L1Receipt::State::waiting;
      if (granted && !waits) sent = call(EscrowData::What::release, burn_);
      process.sleep(poll);
    }
    if (options_.greedy) call(EscrowData::What::release, burn_);
  }

  bool is_lost(const Hash128& id) const {
    return l1_.receipt(near_.id(), id).state == L1Receipt::State::unknown;
  }

  Hash128 call(EscrowData::What what, std::uint64_t nonce) {
    auto data = std::make_shared<EscrowData>();
    data->what = what;
    data->account = account_;
    data->amount = Amount{options_.amount};
    data->nonce = nonce;
    auto tx = std::make_shared<L1Transaction>();
    tx->id = HashBuilder{"bridge"}.add(number_).add(written_++).finish();
    tx->kind = L1TxKind::escrow;
    tx->bytes = call_bytes;
    constexpr auto lane = static_cast<std::size_t>(protocols::L1Lane::ordinary);
    tx->units[lane] = options_.units;
    tx->price_max[lane] = mul_div_ceil(l1_.estimate(protocols::L1Lane::ordinary), options_.price_percent, 100);
    tx->data = std::move(data);
    const Hash128 id = tx->id;
    l1_.submit(std::move(tx));
    return id;
  }

  sim::Simulation& simulation_;
  sim::Nodes& nodes_;
  sim::Network& network_;
  protocols::L1& l1_;
  protocols::Signatures& signatures_;
  const BridgeWorkload& options_;
  Duration retry_after_;
  std::vector<protocols::SequencerNode*> sequencers_;
  protocols::SequencerNode& near_;
  std::uint32_t number_;
  AccountId account_, bridge_;
  NodeId id_;
  sim::Stream arrivals_;
  Duration elapsed_{};
  std::uint64_t written_ = 0;
  std::uint64_t minted_ = 0;       ///< deposits of his, at the near node
  std::uint64_t burn_ = 0;         ///< nonce of the burn at hand
  bool burnt_ = false, released_ = false;
};

BridgeUsers::BridgeUsers(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network, protocols::L1& l1,
                         protocols::Signatures& signatures, const Scenario& scenario,
                         std::span<protocols::SequencerNode* const> sequencers) {
  static_cast<void>(simulation.processes());  // services know of the starts that happen while there are processes
  for (std::uint32_t i = 0; i < scenario.environment.workload.bridge.users; ++i) {
    users_.push_back(
        std::make_unique<User>(simulation, nodes, network, l1, signatures, scenario, sequencers, i));
  }
}

BridgeUsers::~BridgeUsers() = default;

void BridgeUsers::on_record(const Record& record) {
  for (const auto& user : users_) user->on_record(record);
}

void BridgeUsers::start() {
  for (const auto& user : users_) user->start();
}

}  // namespace seqlab::scenarios
