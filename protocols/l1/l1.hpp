// A layer-1 chain in a world: miners, their pool of transactions, blocks and forks, and what each node sees of it.
//
// The chain has no machines of its own: nobody here attacks its consensus, but its forks, delays, prices, censors and
// reorganisations are what the rollup above it has to live with. Its luck is addressed by the height of a block and
// the node that sees it, so that two designs under one seed meet the same blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "protocols/l1/profile.hpp"
#include "protocols/l1/view.hpp"
#include "sim/kernel/simulation.hpp"

namespace seqlab::protocols {

class Contracts;

/// Told about what a node's view does. Called right after the record of it.
class L1Watcher {
 public:
  /// The node's view has a new tip; `given_up` blocks of the old branch went.
  virtual void on_l1_head(NodeId node, const L1View& view, std::uint64_t given_up) = 0;

 protected:
  ~L1Watcher() = default;
};

/// What an author can find out about a transaction of his, from his own view.
struct L1Receipt {
  enum class State : std::uint8_t { unknown, waiting, included } state = State::unknown;
  std::uint64_t height = 0;   ///< included: where
  std::uint64_t depth = 0;    ///< included: blocks on top of it
  std::uint64_t nonce = 0;    ///< waiting
  L1Price price = 0;          ///< waiting: what it offers
};

class L1 final : public sim::EventTarget {
 public:
  /// @param observers  nodes 0 ... observers-1 have a view
  /// @param profile    outlives the chain
  /// @param keep       blocks kept for late readers; beyond the deepest reorganisation and the longest window in use
  /// @param contracts  of the rollup; outlive the chain. Null: there are none
  L1(sim::Simulation& simulation, const L1Profile& profile, std::uint32_t observers, std::uint32_t keep = 512,
     const Contracts* contracts = nullptr);
  ~L1();

  void start();
  const L1Profile& profile() const { return profile_; }
  void watch(L1Watcher& watcher) { watchers_.push_back(&watcher); }

  // ---- for authors ----
  /// Sends to the miners; it reaches them a little later. A transaction with the nonce of one that waits replaces it
  /// if it offers enough more. Emits l1_sent. @return whether the chain's limits allow it at all
  bool submit(L1TransactionPtr transaction);
  /// As the author's own view has it.
  L1Receipt receipt(NodeId author, const Hash128& transaction) const;
  /// What a place in one of the next blocks costs a unit, as a fee estimator says.
  L1Price estimate(L1Lane lane) const { return markets_[static_cast<std::size_t>(lane)].estimate(); }
  /// The nonce that the author's next transaction needs, with those that wait.
  std::uint64_t next_nonce(NodeId author) const;

  // ---- for readers ----
  const L1View& view(NodeId node) const { return views_[node.value].view; }
  /// The branch that most work stands on: what an all-knowing observer sees.
  const L1View& chain() const { return truth_; }
  L1BlockPtr find(const Hash128& block) const;

  // ---- for whoever makes trouble ----
  /// The last `depth` blocks lose against a branch that is one block longer. Their transactions wait again, those for
  /// which `drop` holds are gone for good.
  void reorganise(std::uint32_t depth, const std::function<bool(const L1Transaction&)>& drop = nullptr);
  /// The node's view gets blocks so much later; `hide`: nothing at all until it is set back.
  void delay_view(NodeId node, Duration extra, bool hide);
  /// The node is shown blocks with another id and without forced items in place of the real ones.
  void lie_to(NodeId node, bool on);
  /// No blocks are made.
  void halt(bool on);
  /// Demand of the others as a part of what it would be, 100 = that.
  void set_demand(std::uint32_t percent) { demand_percent_ = percent; }
  /// Transactions for which it holds are left out by this part of the miners.
  void censor(Ratio miners, std::function<bool(const L1Transaction&)> what);

  void on_event(std::uint32_t arg) override;

 private:
  struct Observer {
    L1View view;
    Duration extra{};
    bool hidden = false;
    bool lied_to = false;
    L1BlockPtr missed{};                        ///< the last block that a hidden view did not get
    std::map<Hash128, L1BlockPtr> forgeries{};  ///< shown to it, by the real block's id; few, and only while lied to
  };
  struct Waiting {
    L1TransactionPtr transaction;
    SimTime since{};          ///< the miners have it from then on
    std::uint64_t order = 0;  ///< of arrival
  };
  struct Delivery {
    L1BlockPtr block;
    NodeId node;
  };

  void schedule_next();
  void mine();
  /// @param branch  tells blocks of one height apart. @param fill  with what waits; without, the block is empty
  L1BlockPtr make_block(const L1BlockPtr& parent, std::uint64_t branch, bool fill) const;
  /// The block becomes the tip of the true chain; what it leaves behind is taken back.
  void extend(const L1BlockPtr& block, const std::function<bool(const L1Transaction&)>& drop = nullptr);
  /// Known from now on, and on its way to all views.
  void announce(const L1BlockPtr& block, bool canonical);
  std::vector<L1TransactionPtr> select(const L1BlockPtr& parent) const;
  void show(NodeId node, const L1BlockPtr& block);
  L1BlockPtr forged(NodeId node, const L1BlockPtr& block);
  void say_paid(const L1Transaction& tx, const L1Block& block, std::int64_t sign);
  void say_events(const L1Block& block, const Hash128& transaction, bool taken_back);
  void take_back(const L1Block& block, const std::function<bool(const L1Transaction&)>& drop);
  void finalise();
  Duration interval(std::uint64_t number) const;
  std::uint32_t draw(std::uint64_t what, std::uint64_t number, std::uint64_t entity) const;

  sim::Simulation& simulation_;
  const L1Profile& profile_;
  const Contracts* contracts_;
  std::uint32_t target_ = 0;
  std::uint64_t key_ = 0;
  bool halted_ = false;
  bool due_ = false;               ///< a block fell due while halted
  std::uint32_t demand_percent_ = 100;
  Ratio censors_;
  std::function<bool(const L1Transaction&)> censored_;

  L1View truth_;
  std::deque<L1BlockPtr> known_;   ///< recent blocks of all branches, by height
  std::unordered_map<Hash128, L1BlockPtr> by_id_;
  std::uint32_t keep_;
  std::uint64_t slot_ = 0;         ///< slots so far, full or empty; blocks of a race
  std::uint64_t final_ = 0;
  SimTime next_{};                 ///< when the next slot is, or the next block of the race
  bool missed_ = false;            ///< the last slot was empty
  L1BlockPtr rival_;               ///< a branch that may still win
  FeeMarket markets_[l1_lane_count];

  std::vector<Waiting> pool_;      ///< in order of arrival
  std::uint64_t arrivals_ = 0;
  std::unordered_map<Hash128, std::uint64_t> included_;   ///< transactions of the kept blocks of the true chain
  std::unordered_map<std::uint32_t, std::uint64_t> nonces_;  ///< by author: the next one that a block can take
  std::uint64_t forced_ = 0;       ///< forced items on the true chain: the position of the next one

  std::vector<Observer> views_;
  std::vector<L1Watcher*> watchers_;
  std::vector<Delivery> in_flight_;
  std::vector<std::uint32_t> free_slots_;
};

}  // namespace seqlab::protocols
