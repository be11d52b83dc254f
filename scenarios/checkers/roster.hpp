// Who is who in a run, as the records tell it: committees by height, who is corrupt, who is up, who lost its memory,
// how far everybody has come. Every checker keeps its own, so that none depends on another or on an engine's view.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include "protocols/types/ids.hpp"
#include "sim/trace/record_log.hpp"

namespace seqlab::scenarios {

using protocols::Power;
using sim::Record;
using sim::RecordKind;

/// Set of nodes. The first 128 need no allocation.
class NodeSet {
 public:
  bool contains(NodeId node) const {
    const std::size_t word = node.value / 64;
    if (word < low_.size()) return ((low_[word] >> (node.value % 64)) & 1U) != 0;
    return word - low_.size() < high_.size() && ((high_[word - low_.size()] >> (node.value % 64)) & 1U) != 0;
  }
  void insert(NodeId node) {
    const std::size_t word = node.value / 64;
    const std::uint64_t bit = std::uint64_t{1} << (node.value % 64);
    if (word < low_.size()) {
      low_[word] |= bit;
      return;
    }
    if (high_.size() <= word - low_.size()) high_.resize(word - low_.size() + 1);
    high_[word - low_.size()] |= bit;
  }
  void erase(NodeId node) {
    if (contains(node)) {
      const std::size_t word = node.value / 64;
      (word < low_.size() ? low_[word] : high_[word - low_.size()]) &= ~(std::uint64_t{1} << (node.value % 64));
    }
  }
  /// Members below `node_count`, in order.
  std::vector<NodeId> list(std::uint32_t node_count) const;

  /// Nodes 64 * index ... 64 * index + 63, the first as the lowest bit.
  std::uint64_t word(std::size_t index) const {
    if (index < low_.size()) return low_[index];
    return index - low_.size() < high_.size() ? high_[index - low_.size()] : 0;
  }
  void insert_word(std::size_t index, std::uint64_t nodes) {
    if (index < low_.size()) {
      low_[index] |= nodes;
    } else if (nodes != 0) {
      if (high_.size() <= index - low_.size()) high_.resize(index - low_.size() + 1);
      high_[index - low_.size()] |= nodes;
    }
  }
  /// Words beyond this one are 0.
  std::size_t words() const { return low_.size() + high_.size(); }
  bool empty() const {
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < words(); ++i) any |= word(i);
    return any == 0;
  }
  friend bool operator==(const NodeSet& a, const NodeSet& b) {
    for (std::size_t i = 0; i < std::max(a.words(), b.words()); ++i) {
      if (a.word(i) != b.word(i)) return false;
    }
    return true;
  }
  /// Those of `a` that are not in `b`.
  friend NodeSet operator-(const NodeSet& a, const NodeSet& b) {
    NodeSet out;
    for (std::size_t i = 0; i < a.words(); ++i) out.insert_word(i, a.word(i) & ~b.word(i));
    return out;
  }
  friend NodeSet operator&(const NodeSet& a, const NodeSet& b) {
    NodeSet out;
    for (std::size_t i = 0; i < a.words(); ++i) out.insert_word(i, a.word(i) & b.word(i));
    return out;
  }
  /// Calls f(node) for each member, in order.
  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < words(); ++i) {
      for (std::uint64_t rest = word(i); rest != 0; rest &= rest - 1) {
        f(NodeId{static_cast<std::uint32_t>(64 * i) + static_cast<std::uint32_t>(std::countr_zero(rest))});
      }
    }
  }

 private:
  std::array<std::uint64_t, 2> low_{};
  std::vector<std::uint64_t> high_;
};

/// Voting powers by height, from `validator` records. Heights before the first record have the first committee.
class Powers {
 public:
  explicit Powers(std::uint32_t node_count) : node_count_(node_count) {}
  void observe(const Record& record);

  Power of(NodeId node, std::uint64_t height) const;
  /// All of them together.
  Power of(const NodeSet& nodes, std::uint64_t height) const;
  Power total(std::uint64_t height) const;
  /// Least power that is more than two thirds of the total (2 * total div 3 + 1).
  Power quorum(std::uint64_t height) const { return 2 * total(height) / 3 + 1; }
  /// Greatest power whose corruption is tolerated ((total - 1) div 3, 0 for an empty committee).
  Power max_faulty(std::uint64_t height) const;
  /// Members with positive power.
  std::uint32_t members(std::uint64_t height) const;
  /// Whether any height has another committee than the first.
  bool changes() const { return epochs_.size() > 1; }

 private:
  struct Epoch {
    std::uint64_t from = 0;
    Power total = 0;
    std::vector<Power> power;  // by node
  };
  const Epoch* epoch(std::uint64_t height) const;
  std::uint32_t node_count_;
  std::vector<Epoch> epochs_;  // by `from`
};

class Roster {
 public:
  explicit Roster(std::uint32_t node_count);

  /// Kinds that `observe` reads; every checker that has a roster subscribes to them.
  static constexpr sim::KindMask kinds() {
    return sim::mask_of(RecordKind::validator, RecordKind::corrupt, RecordKind::node_started, RecordKind::node_crashed,
                        RecordKind::disk_lost, RecordKind::committed);
  }
  void observe(const Record& record) {
    if (record.kind == RecordKind::committed) {
      on_committed(record);
    } else if ((kinds() >> static_cast<unsigned>(record.kind) & 1U) != 0) {
      on_rare(record);
    }
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(nodes_.size()); }
  /// A sequencer node; clients and "nobody" are not known here.
  bool knows(NodeId node) const { return node.value < nodes_.size(); }
  /// Runs the honest code. False for clients.
  bool honest(NodeId node) const { return knows(node) && !nodes_[node.value].corrupt; }
  bool corrupt(NodeId node) const { return knows(node) && nodes_[node.value].corrupt; }
  const NodeSet& corrupt() const { return corrupt_; }
  /// Its disk was wiped or rolled back: it runs the honest code, but what it signed before is forgotten.
  bool forgetful(NodeId node) const { return knows(node) && nodes_[node.value].forgetful; }
  /// Honest and with its memory: whoever can promise never to contradict itself.
  bool reliable(NodeId node) const { return honest(node) && !nodes_[node.value].forgetful; }
  bool up(NodeId node) const { return knows(node) && nodes_[node.value].up; }

  /// Last height that the honest `node` committed as final, 0 if none (or it lost its disk).
  std::uint64_t height(NodeId node) const { return knows(node) ? nodes_[node.value].height : 0; }
  /// Highest of them.
  std::uint64_t height_max() const { return height_max_; }
  /// Every honest node has finished the heights up to this one, but for nodes that are down and more than `patience`
  /// heights behind. What is only about finished heights may be dropped. Never decreases.
  std::uint64_t floor() const { return floor_; }
  /// As `floor`, without patience running out: no honest node that keeps its memory will commit at or below it again.
  std::uint64_t floor_of_all() const;

  const Powers& powers() const { return powers_; }

  /// Heights for which the votes of a node that is down are kept.
  static constexpr std::uint64_t patience = 1024;

 private:
  struct State {
    std::uint64_t height = 0;
    bool corrupt = false;
    bool forgetful = false;
    bool up = true;  // until it crashes: worlds that are written by hand need no node_started
  };
  /// Every checker sees every commit of every node: the usual one, which moves nobody but its node, costs no call.
  void on_committed(const Record& record) {
    if (!knows(record.node) || static_cast<sim::CommitLevel>(record.detail) != sim::CommitLevel::final) return;
    State& node = nodes_[record.node.value];
    if (node.corrupt || record.height <= node.height) return;
    const std::uint64_t before = std::exchange(node.height, record.height);
    const bool advance = record.height > height_max_;
    if (advance) height_max_ = record.height;
    if (before == lowest_ && at_lowest_ > 1) {
      --at_lowest_;
    } else if (before == lowest_ || (advance && height_max_ > lowest_ + patience)) {
      refresh_floor();  // the last one left, or patience with somebody who is down may have run out
    }
  }
  void on_rare(const Record& record);
  void refresh_floor();

  std::vector<State> nodes_;
  NodeSet corrupt_;
  Powers powers_;
  std::uint64_t height_max_ = 0;
  std::uint64_t floor_ = 0;
  std::uint64_t lowest_ = 0;      // least height of the nodes that hold the floor back
  std::uint32_t at_lowest_ = 0;   // how many of them are there
};

/// Values by height, for the heights that are still open. Heights far above the honest ones (a corrupt node may name
/// any number) have no slot.
template <class T>
class HeightWindow {
 public:
  /// Slot of `height`, made if need be; null if the height is finished or absurd. Valid until the next `open`.
  T* open(std::uint64_t height, const Roster& roster) { return open(height, roster.floor(), roster.height_max()); }
  T* open(std::uint64_t height, std::uint64_t floor, std::uint64_t height_max) {
    drop(floor);
    if (height <= base_ || height > height_max + ahead) return nullptr;
    const std::size_t index = first_ + (height - base_ - 1);
    if (index >= slots_.size()) slots_.resize(index + 1);
    return &slots_[index];
  }
  /// Slot of `height` if it was made and not dropped.
  T* find(std::uint64_t height) {
    if (height <= base_ || height - base_ > slots_.size() - first_) return nullptr;
    return &slots_[first_ + (height - base_ - 1)];
  }
  const T* find(std::uint64_t height) const {
    if (height <= base_ || height - base_ > slots_.size() - first_) return nullptr;
    return &slots_[first_ + (height - base_ - 1)];
  }
  /// Forgets heights up to `floor`.
  void drop(std::uint64_t floor) {
    while (base_ < floor) {
      if (first_ == slots_.size()) {
        slots_.clear();
        first_ = 0;
        base_ = floor;
        return;
      }
      slots_[first_] = T{};
      ++first_;
      ++base_;
    }
    if (first_ >= 16 && first_ * 2 >= slots_.size()) {
      slots_.erase(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
  }
  std::uint64_t base() const { return base_; }
  /// Heights with a slot are base() + 1 ... base() + size().
  std::size_t size() const { return slots_.size() - first_; }

  /// Chained engines vote on whole branches before anything commits: a three-chain with four nodes, one of them down,
  /// goes on for as long as that lasts.
  static constexpr std::uint64_t ahead = 4096;

 private:
  std::uint64_t base_ = 0;
  std::size_t first_ = 0;  // slots before it are dropped
  std::vector<T> slots_;
};

}  // namespace seqlab::scenarios
