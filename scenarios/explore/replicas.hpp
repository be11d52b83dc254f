// The states of single nodes (replicas) and how inputs lead from one to another. Each distinct state, message and set
// of messages is kept once and has a number; each (state, input) is handled by the engine once. The search works with
// numbers alone.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "scenarios/explore/explore.hpp"
#include "scenarios/explore/flat_map.hpp"

namespace seqlab::scenarios {

using ItemId = std::uint32_t;     ///< a message, as it was said to somebody
using SetId = std::uint32_t;      ///< a set of items; 0 is empty
using ReplicaId = std::uint32_t;  ///< a state of one replica

/// Sorted sets of numbers, each kept once.
class ItemSets {
 public:
  ItemSets() { intern({}); }
  std::span<const ItemId> items(SetId set) const {
    return {pool_.data() + sets_[set].first, sets_[set].count};
  }
  /// @pre sorted, distinct
  SetId intern(std::span<const ItemId> sorted);
  SetId unite(SetId a, SetId b);
  bool contains(SetId set, ItemId item) const;
  std::size_t bytes() const {
    return pool_.capacity() * sizeof(ItemId) + sets_.capacity() * sizeof(Entry) + table_.bytes() + united_.bytes();
  }

 private:
  struct Entry {
    std::size_t first;
    std::uint32_t count;
  };
  static std::uint64_t hash_of(std::span<const ItemId> sorted);
  std::vector<ItemId> pool_;
  std::vector<Entry> sets_;
  IndexTable table_;
  FlatMap united_;
  std::vector<ItemId> scratch_;
};

struct Item {
  protocols::MessagePtr body;
  NodeId from;
  NodeId to;             ///< sim::all_nodes: to everybody but the sender
  Hash128 content;
  Hash128 slot;          ///< what its author may say once only; {}: no such thing
  Hash128 claim;         ///< what it says there
  protocols::Height height{};  ///< of a statement
  bool corrupt = false;  ///< its author is corrupt
};

/// A committed block on top of another. The application: the state root is a hash of all ids so far.
struct ChainLink {
  std::shared_ptr<const ChainLink> previous;
  protocols::BlockPtr block;
  protocols::Commit commit;
  protocols::StateRoot after;
  Hash128 blocks;   ///< digest of the blocks so far
  Hash128 content;  ///< and of their commits
};
using ChainPtr = std::shared_ptr<const ChainLink>;
inline std::uint64_t height_of(const ChainPtr& chain) { return chain == nullptr ? 0 : chain->block->height.value; }

/// What a replica did that no honest one does, as far as it shows in itself.
enum class Flaw : std::uint8_t { none, two_votes, two_proposals, double_commit, gap, uncertified };

struct Replica {
  enum class Status : std::uint8_t { up, down, finished };
  struct ArmedTimer {
    std::uint32_t id;
    std::uint64_t token;
    friend bool operator==(const ArmedTimer&, const ArmedTimer&) = default;
  };
  std::uint32_t instance = 0;
  Status status = Status::down;
  Flaw flaw = Flaw::none;
  std::uint8_t timers_fired = 0;  ///< counted if there is a bound
  std::uint8_t crashes = 0;
  std::shared_ptr<const protocols::Engine> engine;  ///< null unless up
  ChainPtr chain;
  std::shared_ptr<const std::vector<protocols::Recovered>> log;  ///< kept if there may be crashes
  std::vector<ArmedTimer> timers;  ///< sorted by id
  SetId sent = 0;    ///< all that it ever said, and what forging nodes made of it
  SetId faces = 0;   ///< statements of corrupt nodes that it took
  SetId spent = 0;   ///< messages that would have an effect each time that they come; they come once a life
  protocols::Height height{};
  protocols::Round round{};
  Hash128 digest;
  std::uint64_t abstract = 0;
  std::vector<SetId> sent_to;  ///< by node: the part of `sent` that reaches it
};

struct Input {
  enum class Kind : std::uint8_t { deliver, timer, crash, restart };
  Kind kind{};
  std::uint32_t which = 0;  ///< item, or id of the timer
};

/// Gets the records of what is replayed.
using RecordSink = std::function<void(sim::Record)>;

class ReplicaSpace {
 public:
  /// A step of one replica.
  struct Move {
    ReplicaId to;
    std::uint16_t crash;  ///< the machine fails before this effect; no_crash
    bool speaks;          ///< others may notice: it said something new, or committed, or went wrong
    bool last;            ///< of the list
  };
  static constexpr std::uint16_t no_crash = 0xffff;
  struct OwnMove {
    Input input;
    std::uint32_t moves;  ///< where its moves begin
  };
  /// Who takes part: nodes, some twice, none that only forges or is silent.
  struct Instance {
    NodeId node;
    std::uint32_t twin = 0;
    bool honest = true;
  };

  explicit ReplicaSpace(const ExploreOptions& options);

  const std::vector<Instance>& instances() const { return instances_; }
  /// After power on.
  ReplicaId first(std::uint32_t instance);
  /// What forging nodes can say before anybody spoke.
  SetId opening_for(NodeId node) const { return opening_to_[node.value]; }

  const Replica& replica(ReplicaId id) const { return replicas_[id]; }
  const Item& item(ItemId id) const { return items_[id]; }
  ItemSets& sets() { return sets_; }

  /// Calls f(input, move) for each step of the replica when `available` is what others said to it.
  template <class F>
  void for_each_move(ReplicaId from, SetId available, F&& f) {
    if (replicas_[from].flaw != Flaw::none || replicas_[from].status == Replica::Status::finished) return;
    if (replicas_[from].status == Replica::Status::up) {
      // Both lists are sorted. Either may grow while this goes on; what comes in before `k` only makes it step again.
      const std::size_t count = sets_.items(available).size();
      std::size_t k = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const ItemId item = sets_.items(available)[i];
        const std::vector<Delivery>& known = deliveries_[from];
        while (k < known.size() && known[k].item < item) ++k;
        const bool there = k < known.size() && known[k].item == item;
        const std::uint32_t at = there ? known[k].moves : deliver(from, item);
        if (at != 0) call({Input::Kind::deliver, item}, at, f);
      }
    }
    const std::size_t own = own_moves(from);
    for (std::size_t i = own; own_list_[i].moves != 0; ++i) {
      const OwnMove move = own_list_[i];
      call(move.input, move.moves, f);
    }
  }

  /// The step without a crash; null if the input has no effect there. Valid until the next call of anything here.
  const Move* step(ReplicaId from, Input input);

  /// Handles the input once more and tells what happens.
  void replay(ReplicaId from, Input input, std::uint16_t crash, const RecordSink& sink);
  void replay_start(std::uint32_t instance, const RecordSink& sink);
  /// Votes and proposals of a corrupt author, as their sender's record.
  static std::optional<sim::Record> statement_of(const Item& item);

  std::uint64_t engine_inputs() const { return engine_inputs_; }
  std::size_t replicas() const { return replicas_.size(); }
  std::size_t messages() const { return items_.size(); }
  const ExploreCuts& cuts() const { return cuts_; }
  std::size_t bytes() const;

 private:
  struct Handling;
  class View;
  using RunResult = std::pair<Replica, std::uint32_t>;  // and the number of effects

  template <class F>
  void call(Input input, std::uint32_t at, F& f) {
    for (;; ++at) {
      const Move move = moves_[at];
      f(input, move);
      if (move.last) return;
    }
  }

  std::uint32_t deliver(ReplicaId from, ItemId item);
  std::size_t own_moves(ReplicaId from);
  /// Moves of an input that is known to have an effect. 0 if a bound forbids it.
  std::uint32_t record_moves(ReplicaId from, Input input, RunResult&& result);
  bool has_effect(const Replica& before, ItemId item);
  RunResult handle(const Replica& before, Input input, std::optional<std::uint32_t> crash, const RecordSink* sink);
  RunResult finish(Handling& handling);
  Replica power_off(const Replica& before) const;
  std::unique_ptr<protocols::Engine> make_engine(std::uint32_t instance) const;
  ReplicaId intern(Replica&& replica);
  ItemId intern_item(const protocols::MessagePtr& body, NodeId from, NodeId to);
  void forge_from(ItemId base);
  SetId with_forged(SetId set, ItemId item);
  SetId part_for(SetId sent, NodeId node);
  bool is_corrupt(NodeId node) const;
  const protocols::Committee& committee(std::uint64_t height) const;
  SimTime wall(const ChainPtr& chain) const;

  const ExploreOptions& options_;
  sim::MessagePool pool_;  // outlives all that follows
  std::unique_ptr<protocols::Signatures> signatures_;
  std::vector<NodeId> forging_;
  protocols::Signer forger_;
  std::vector<Instance> instances_;
  std::uint32_t nodes_ = 0;
  std::vector<protocols::Committee> committees_;  // by height
  bool keeps_logs_ = false;

  std::vector<Item> items_;
  std::unordered_map<Hash128, ItemId> item_by_content_;
  std::vector<std::vector<ItemId>> forged_;  // from an item, itself included; sorted
  ItemSets sets_;
  std::vector<SetId> opening_to_;

  std::deque<Replica> replicas_;
  std::unordered_map<Hash128, ReplicaId> replica_by_digest_;
  std::vector<Move> moves_;
  /// What a message leads to; moves = 0: nothing.
  struct Delivery {
    ItemId item;
    std::uint32_t moves;
  };
  std::deque<std::vector<Delivery>> deliveries_;  // by replica, sorted by item
  std::size_t delivery_bytes_ = 0;
  std::vector<OwnMove> own_list_;    // each list ends with moves = 0
  std::vector<std::uint32_t> own_;   // by replica: where its list begins
  protocols::Outbox outbox_;
  std::unique_ptr<protocols::Engine> scratch_;  // equal to the engine of scratch_of_
  ReplicaId scratch_of_ = ~ReplicaId{0};
  ExploreCuts cuts_;
  std::uint64_t engine_inputs_ = 0;
};

}  // namespace seqlab::scenarios
