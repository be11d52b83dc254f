// What one run says about a design, from records alone: how long users waited, how long nothing was ordered, what
// layer 1 was paid.
//
// A transaction is `ordered` where its user sees it: when the node that the client asked first has it final, or the
// client was told so. `soft`: when that node had the block that ordered it at a level below final; engines without such
// a level say nothing before the order is final. `settled`: when a reader of layer 1 calls its block settled (`head`),
// or, where nobody reads layer 1 back, when the DA writer has it deep enough (`da_confirmed`).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "protocols/types/transaction.hpp"
#include "sim/kernel/time.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::analysis {

/// A value of one run. `at_least`: the run ended before it was known; the truth is this or more.
struct Sample {
  double value = 0;
  bool at_least = false;
  friend bool operator==(const Sample&, const Sample&) = default;
};

/// A waiting time in ns; `over`: it was over when the run ended.
struct Wait {
  std::int64_t ns = 0;
  bool over = true;
};

/// Least wait such that at least `ppm` millionths are no longer, in milliseconds; nothing without waits. It is known if
/// every wait that was not over had already lasted as long.
std::optional<Sample> wait_quantile(std::vector<Wait> waits, std::uint32_t ppm);
/// The longest wait, in milliseconds.
std::optional<Sample> wait_max(const std::vector<Wait>& waits);

/// Observer of the time before the healing phase.
class Measurement final : public sim::RecordObserver {
 public:
  explicit Measurement(std::uint32_t node_count) : corrupt_(node_count), reached_(node_count) {}
  static sim::KindMask kinds();
  void on_record(const sim::Record& record) override;
  /// The run ended, at the latest when healing began. Before any of the functions below.
  void finish(SimTime end);

  /// Times of the transactions submitted in [from, to), or of those of one account.
  std::vector<Wait> soft(SimTime from, SimTime to) const;
  std::vector<Wait> ordered(SimTime from, SimTime to) const;
  /// Nothing if the design does not settle.
  std::optional<std::vector<Wait>> settled(SimTime from, SimTime to) const;
  /// Until any honest node had them in its final order.
  std::vector<Wait> ordered_anywhere(SimTime from, SimTime to, std::uint32_t account) const;
  /// From a user's item on layer 1 to what became of it at the first honest node.
  std::vector<Wait> forced() const;

  /// Transactions a second that came to have a final place in [from, to): those after the first ordering in it, over
  /// the time from there to the last one, so that it does not matter where blocks begin. Nothing with fewer than two.
  std::optional<double> ordered_rate(SimTime from, SimTime to) const;
  /// Longest time from `from` on without a transaction that came to have a final place; nothing without transactions.
  std::optional<Sample> outage(SimTime from) const;
  /// Signer of the first proposal at or after a time.
  std::optional<NodeId> proposer_after(SimTime at) const;
  /// The nodes that proposed most, at most `count`, in the order of their numbers.
  std::vector<NodeId> busiest_proposers(std::size_t count) const;
  /// What the rollup paid to layer 1, in base units of the chain, for each transaction that is written there; where no
  /// `da_block` says what is, for each that was ordered. Nothing if nothing was paid or written.
  std::optional<double> l1_cost() const;

 private:
  struct Tx {
    SimTime submitted{};
    NodeId near{};  ///< the node that the client asked first
    std::uint32_t account = 0;
    std::optional<SimTime> soft{}, ordered{}, settled{}, anywhere{};
  };
  struct Reached {                                              ///< by one node
    std::map<std::uint64_t, std::pair<Hash128, SimTime>> soft;  ///< height -> block below final, since when
    std::optional<SimTime> soft_of_last;  ///< when the block that it made final last was first below final
  };
  struct Proposal {
    SimTime at{};
    NodeId node{};
  };
  struct Item {
    SimTime sent{};
    std::optional<SimTime> done{};
  };

  bool is_honest(NodeId node) const { return node.value < corrupt_.size() && !corrupt_[node.value]; }
  Tx* find(const Hash128& id);
  void on_committed(const sim::Record& r);
  void on_included(const sim::Record& r);
  void settle_up_to(std::uint64_t height, SimTime at);
  std::vector<Wait> waits(SimTime from, SimTime to, std::optional<SimTime> Tx::*until) const;

  std::vector<bool> corrupt_;
  std::vector<Reached> reached_;
  std::vector<Tx> transactions_;  // in the order of submission
  std::unordered_map<protocols::TxId, std::size_t> numbers_;
  std::map<std::uint64_t, std::vector<std::size_t>> unsettled_;  // height -> transactions
  std::map<std::uint64_t, SimTime> confirmed_;                   // height -> when a DA writer had it deep enough
  std::vector<SimTime> orderings_;                               // of transactions, in order
  std::vector<Proposal> proposals_;
  std::vector<Item> items_;  // forced
  std::unordered_map<Hash128, std::size_t> item_numbers_;
  std::map<std::uint64_t, std::uint64_t> included_;  // height -> transactions with a final place
  std::uint64_t written_ = 0;                        // highest block on layer 1
  bool writes_ = false, heads_ = false;
  std::int64_t paid_ = 0;
  SimTime end_{};
  bool over_ = false;
};

}  // namespace seqlab::analysis
