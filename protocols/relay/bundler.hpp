// A bundler: a service outside of the rollup that takes data items, answers with a signed receipt and posts them on
// Arweave later, in bundles with those of others. What it promises is not yet a fact.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>

#include "protocols/l1/l1.hpp"
#include "protocols/relay/options.hpp"

namespace seqlab::protocols {

class Bundler {
 public:
  enum class Answer : std::uint8_t {
    accepted,
    known,  ///< it has the item already
    down,
  };
  /// Everything passed in outlives it.
  Bundler(sim::Simulation& simulation, L1& l1, const BundlerOptions& options);

  /// @param item        one transaction of kind `batch`
  /// @param on_receipt  called when the receipt is there, unless this is not `accepted`
  Answer upload(const L1TransactionPtr& item, std::function<void()> on_receipt);
  bool up() const { return !down_; }

  // ---- for whoever makes trouble ----
  /// Emits da_service when it changes. @pre not called while a record is read
  void set_down(bool down);
  /// So many hundredths of what it takes from now on is never posted.
  void set_loss(std::uint32_t percent) { loss_percent_ = percent; }
  void set_delay(Duration delay) { delay_ = delay; }
  void set_twice(bool on) { twice_ = on; }

 private:
  void post(const L1TransactionPtr& item, Duration after, bool copy);

  sim::Simulation& simulation_;
  L1& l1_;
  const BundlerOptions& options_;
  sim::Stream luck_;
  bool down_ = false;
  bool twice_ = false;
  std::uint32_t loss_percent_ = 0;
  Duration delay_{};
  std::set<Hash128> known_;
  std::deque<Hash128> order_;  ///< of `known_`, oldest first
};

}  // namespace seqlab::protocols
