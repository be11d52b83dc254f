#include "scenarios/workload/clients.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "protocols/consensus/messages.hpp"
#include "protocols/migration/gateway.hpp"
#include "scenarios/workload/arrivals.hpp"
#include "sim/base/assert.hpp"
#include "sim/base/fixed_point.hpp"
#include "sim/base/ring.hpp"
#include "sim/kernel/processes.hpp"

namespace seqlab::scenarios {

using protocols::AccountId;
using protocols::AdmitError;
using protocols::Amount;
using protocols::Transaction;
using protocols::TransactionMessage;
using protocols::TransactionResultMessage;
using protocols::TxId;
using protocols::TxStatus;
using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::int64_t amount_max = 1000;
constexpr Duration forever = Duration{std::int64_t{1} << 61U};

/// Refusals after which the same transaction can never execute. The others may pass: it is sent again in time.
bool is_hopeless(AdmitError error) {
  switch (error) {
    case AdmitError::old_nonce:
    case AdmitError::bad_signature:
    case AdmitError::too_large:
    case AdmitError::insufficient_funds:
    case AdmitError::malformed:
    case AdmitError::unknown_account: return true;
    default: return false;
  }
}

}  // namespace

class Clients::Client final : public sim::NodeHandler {
 public:
  Client(const Shared& shared, std::uint32_t number)
      : shared_(shared),
        number_(number),
        id_(shared.nodes.add(*this).id()),
        arrivals_(shared.simulation.stream("client.arrivals", number)),
        contents_(shared.simulation.stream("client.transactions", number)),
        submitted_(shared.simulation) {
    const WorkloadSpec& w = shared.workload;
    // Accounts number, number + clients, ...
    if (has_two_cores()) {
      sim::Stream luck = shared.simulation.stream("client.upgraded", number);
      core_ = protocols::old_core;
      upgraded_ = luck.below(100) < shared.cores.upgraded_percent;
    }
    if (number < w.accounts) accounts_.resize((w.accounts - number + w.clients - 1) / w.clients);
    for (std::uint32_t own = 0; own < accounts_.size(); ++own) {
      if (std::ranges::find(shared.taken, number + own * w.clients) == shared.taken.end()) usable_.push_back(own);
    }
  }

  void start() {
    shared_.nodes.start(id_);
    if (usable_.empty() || shared_.workload.arrivals == WorkloadSpec::Arrivals::none) return;
    sim::Processes& processes = shared_.simulation.processes();
    processes.spawn_service(id_, [this](sim::Process& process) { submit_arrivals(process); });
    processes.spawn_service(id_, [this](sim::Process& process) { watch_deadlines(process); });
  }

  std::size_t in_flight() const { return flights_.size(); }

  void on_start(bool) override {}
  void on_timer(std::uint64_t) override {}
  void on_crash() override {}  // what a client submitted is on its disk

  void on_message(NodeId from, const sim::MessagePtr& message) override {
    const auto& any = static_cast<const protocols::ConsensusMessage&>(*message);
    if (any.message_kind() != protocols::MessageKind::transaction_result) return;
    const auto& result = static_cast<const TransactionResultMessage&>(any);
    const auto at = flights_.find(result.tx);
    if (at == flights_.end()) return;
    using Outcome = TransactionResultMessage::Outcome;
    if (has_two_cores() && result.outcome == Outcome::refused && is_about_cores(result.detail)) {
      return sent_away(from, result, at->second);
    }
    if (result.outcome == Outcome::committed && static_cast<TxStatus>(result.detail) == TxStatus::ok) {
      const TxId confirmed_id = result.tx;
      Record confirmed{.kind = RecordKind::tx_confirmed, .node = id_, .peer = from, .height = result.height.value};
      confirmed.with_id(result.tx).with_elapsed(now() - at->second.submitted);
      flights_.erase(at);
      shared_.simulation.emit(confirmed);
      if (has_two_cores()) {
        if (core_of(from) == protocols::new_core) meet_new_core();
        core_ = core_of(from);   // whoever answers is there: also the old one, after a cut-over that failed
        Record accepted{.kind = RecordKind::tx_accepted, .detail = core_of(from), .node = id_, .peer = from};
        shared_.simulation.emit(accepted.with_id(confirmed_id));
      }
    } else if (result.outcome == Outcome::refused && is_hopeless(static_cast<AdmitError>(result.detail))) {
      // An old nonce is used up, by this transaction or by one that took its place; any other is free again.
      const bool used = static_cast<AdmitError>(result.detail) == AdmitError::old_nonce;
      const Transaction transaction = at->second.transaction;
      flights_.erase(at);
      if (!used) give_back(transaction);
    }
  }

 private:
  struct Account {
    std::uint64_t next_nonce = 0;
    std::vector<std::uint64_t> holes;  // given back, smallest last
  };
  struct Flight {
    Transaction transaction;
    SimTime submitted;
    std::uint32_t attempt = 0;
    std::uint8_t core = protocols::new_core;   // where it goes, or went last
  };
  struct Deadline {
    SimTime at;
    TxId tx;
    std::uint32_t attempt = 0;
  };
  struct Arrival {
    SimTime at;
    const WorkloadSpec::Arrival* traced = nullptr;  // null: the content is drawn
  };

  SimTime now() const { return shared_.simulation.now(); }

  // ---- two cores ----

  bool has_two_cores() const { return shared_.cores.service != no_node; }
  static bool is_about_cores(std::uint8_t detail) {
    return detail == static_cast<std::uint8_t>(protocols::CoreRefusal::stopped) ||
           detail == static_cast<std::uint8_t>(protocols::CoreRefusal::moved);
  }
  std::uint8_t core_of(NodeId node) const {
    return (node == shared_.cores.service) == shared_.cores.service_first ? protocols::old_core : protocols::new_core;
  }

  /// The old core takes nothing more. One who can goes to the new one, at once if that is where he was sent.
  void sent_away(NodeId from, const TransactionResultMessage& result, Flight& flight) {
    if (flight.core == protocols::new_core) return;  // an answer to what has been sent elsewhere since
    if (!upgraded_) {
      const Transaction transaction = flight.transaction;
      flights_.erase(transaction.id);
      return give_back(transaction);
    }
    meet_new_core();
    flight.core = protocols::new_core;
    if (result.detail == static_cast<std::uint8_t>(protocols::CoreRefusal::stopped)) return;  // at its deadline
    const TxId id = result.tx;
    Record redirected{.kind = RecordKind::tx_redirected, .detail = protocols::new_core, .node = id_, .peer = from};
    shared_.simulation.emit(redirected.with_id(id));
    if (flights_.contains(id)) send_again(id);
  }

  /// The SDK asks for the next nonce of each account, where the old ones do not count.
  void meet_new_core() {
    core_ = protocols::new_core;
    if (std::exchange(has_met_new_core_, true) || !shared_.cores.nonces_restart) return;
    for (Account& account : accounts_) account = {};
  }

  // ---- the two stories ----

  void submit_arrivals(sim::Process& process) {
    while (const std::optional<Arrival> arrival = next_arrival()) {
      if (arrival->at < process.now()) continue;  // it came while the machine was off
      process.sleep_until(arrival->at);
      submit(make_transaction(arrival->traced));
    }
  }

  void watch_deadlines(sim::Process& process) {
    for (;;) {
      while (!deadlines_.empty() && is_over(deadlines_.front())) deadlines_.pop_front();
      if (deadlines_.empty()) {
        submitted_.wait(process);
      } else if (deadlines_.front().at > process.now()) {
        process.sleep_until(deadlines_.front().at);
      } else {
        send_again(deadlines_.pop_front().tx, true);
      }
    }
  }

  // ---- arrivals ----

  /// Nothing when the workload has come to its end.
  std::optional<Arrival> next_arrival() {
    const WorkloadSpec& w = shared_.workload;
    Arrival arrival;
    Duration at{};
    switch (w.arrivals) {
      case WorkloadSpec::Arrivals::none: return std::nullopt;
      case WorkloadSpec::Arrivals::poisson: {
        if (w.rate_per_1000s <= 0) return std::nullopt;
        elapsed_ += poisson_gap(arrivals_, shared_.active, w.rate_per_1000s);
        at = w.start_after + elapsed_;
        break;
      }
      case WorkloadSpec::Arrivals::constant: {
        if (w.rate_per_1000s <= 0) return std::nullopt;
        // All clients together are one even sequence, and rounding does not add up.
        const auto position = static_cast<std::int64_t>(count_++ * shared_.active + number_ + 1);
        at = w.start_after + Duration{mul_div_floor(thousand_seconds, position, w.rate_per_1000s)};
        break;
      }
      case WorkloadSpec::Arrivals::trace: {
        while (count_ < w.trace.size() && w.trace[count_].account % w.accounts % w.clients != number_) ++count_;
        if (count_ == w.trace.size()) return std::nullopt;
        arrival.traced = &w.trace[count_++];
        at = w.start_after + arrival.traced->at;
        break;
      }
    }
    if (at > forever || (w.stop_after >= Duration::zero() && at >= w.stop_after)) return std::nullopt;
    arrival.at = SimTime{at};
    return arrival;
  }

  Transaction make_transaction(const WorkloadSpec::Arrival* traced) {
    const WorkloadSpec& w = shared_.workload;
    Transaction tx;
    tx.client = id_;
    if (traced != nullptr) {
      tx.sender = AccountId{traced->account % w.accounts};
      tx.fee = Amount{std::max<std::int64_t>(traced->fee, 0)};
      tx.bytes = traced->bytes;
    } else {
      const std::uint32_t own = usable_[contents_.below(usable_.size())];
      tx.sender = AccountId{number_ + own * w.clients};
      tx.fee = Amount{contents_.between(w.fee_min, w.fee_max)};
      tx.bytes = w.transaction_bytes;
    }
    tx.bytes = std::max(tx.bytes, protocols::transaction_bytes_min);
    tx.receiver = AccountId{static_cast<std::uint32_t>(contents_.below(w.accounts))};
    tx.amount = Amount{contents_.between(1, amount_max)};
    Account& account = account_of(tx.sender);
    if (account.holes.empty()) {
      tx.nonce = account.next_nonce++;
    } else {
      tx.nonce = account.holes.back();
      account.holes.pop_back();
    }
    tx.id = tx.compute_id();
    tx.signature = shared_.signatures.sign(protocols::account_key(tx.sender.value), tx.id);
    return tx;
  }

  // ---- sending ----

  NodeId node_for(const Flight& flight) const {
    const bool to_service = has_two_cores() && flight.core == core_of(shared_.cores.service);
    return to_service ? shared_.cores.service : node_for(flight.attempt);
  }
  NodeId node_for(std::uint32_t attempt) const {
    return shared_.sequencers[(number_ + std::size_t{attempt}) % shared_.sequencers.size()];
  }

  void submit(const Transaction& tx) {
    // A hole can be filled with what was there before. Then it is the old transaction that goes on.
    const auto [flight, fresh] = flights_.try_emplace(tx.id, Flight{tx, now(), 0, core_});
    if (!fresh) return;
    Record submitted{.kind = RecordKind::tx_submitted, .node = id_, .peer = node_for(flight->second)};
    submitted.round = tx.sender.value;
    submitted.height = tx.nonce;
    shared_.simulation.emit(submitted.with_id(tx.id));
    send(flight->second);
    submitted_.wake_one();
  }

  void send(const Flight& flight) {
    deadlines_.push_back({now() + shared_.workload.retry_after, flight.transaction.id, flight.attempt});
    const sim::MessagePtr message{shared_.network.pool().make<TransactionMessage>(flight.transaction)};
    shared_.network.send(id_, node_for(flight), message);
  }

  void send_again(const TxId& id, bool no_answer = false) {
    Flight& flight = flights_.at(id);
    if (flight.attempt >= shared_.workload.retries_max) {
      const Transaction transaction = flight.transaction;
      flights_.erase(id);
      return give_back(transaction);
    }
    ++flight.attempt;
    // No answer says nothing about the core: one who can tries both in turn.
    if (no_answer && upgraded_) {
      flight.core = flight.core == protocols::old_core ? protocols::new_core : protocols::old_core;
    }
    Record retried{.kind = RecordKind::tx_retried, .node = id_, .peer = node_for(flight)};
    retried.round = flight.attempt;
    shared_.simulation.emit(retried.with_id(id));
    send(flight);
  }

  bool is_over(const Deadline& deadline) const {
    const auto at = flights_.find(deadline.tx);
    return at == flights_.end() || at->second.attempt != deadline.attempt;
  }

  Account& account_of(AccountId id) { return accounts_[id.value / shared_.workload.clients]; }

  /// The nonce of a transaction that will not execute.
  void give_back(const Transaction& tx) {
    auto& holes = account_of(tx.sender).holes;
    holes.insert(std::ranges::lower_bound(holes, tx.nonce, std::greater<>{}), tx.nonce);
  }

  const Shared& shared_;
  std::uint32_t number_;
  NodeId id_;
  sim::Stream arrivals_;
  sim::Stream contents_;
  std::vector<Account> accounts_;
  std::vector<std::uint32_t> usable_;  // places in accounts_ that nobody else owns
  bool upgraded_ = false;     // knows that there may be two cores
  bool has_met_new_core_ = false;
  std::uint8_t core_ = protocols::new_core;   // where new transactions go
  Duration elapsed_{};        // Poisson: of the last arrival
  std::uint64_t count_ = 0;   // constant: arrivals so far; trace: position
  std::unordered_map<TxId, Flight> flights_;
  Ring<Deadline> deadlines_;  // in order of time, because all wait equally long
  sim::WaitQueue submitted_;
};

Clients::Clients(sim::Simulation& simulation, sim::Nodes& nodes, sim::Network& network,
                 protocols::Signatures& signatures, const WorkloadSpec& workload, std::span<const NodeId> sequencers,
                 const ClientCores& cores, std::vector<std::uint32_t> taken)
    : shared_{simulation, nodes, network, signatures, workload, {sequencers.begin(), sequencers.end()}, cores,
              std::move(taken), 0} {
  SEQLAB_ASSERT(!sequencers.empty() && (workload.clients == 0 || workload.accounts > 0), workload.clients);
  shared_.active = std::min(workload.clients, workload.accounts);
  // Services know of the starts that happen while there are processes: from now on there are.
  if (workload.clients != 0) static_cast<void>(simulation.processes());
  for (std::uint32_t k = 0; k < workload.clients; ++k) clients_.push_back(std::make_unique<Client>(shared_, k));
}

Clients::~Clients() = default;

void Clients::start() {
  for (const auto& client : clients_) client->start();
}

std::size_t Clients::in_flight() const {
  std::size_t sum = 0;
  for (const auto& client : clients_) sum += client->in_flight();
  return sum;
}

}  // namespace seqlab::scenarios
