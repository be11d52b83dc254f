// The vertices that a node has accepted, by round. Everything that a vertex here refers to is here as well, or was
// settled: put in order by a committed block, or so old that no block will order it any more.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <utility>
#include <vector>

#include "protocols/consensus/dag/vertex.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// Where a vertex is: in its round, the first vertex of each author at the author's number, further ones of
/// equivocators behind.
struct VertexPosition {
  Round round = no_round;
  std::uint32_t index = 0;
  friend auto operator<=>(const VertexPosition&, const VertexPosition&) = default;
};

/// What a vertex refers to.
struct VertexLinks {
  Bits parents;                       ///< positions in the round before
  std::vector<VertexPosition> older;  ///< further back
};

/// Small: a node has thousands of them, and all nodes share the messages.
struct StoredVertex {
  MessagePtr message;  ///< null: nothing at this position
  /// 0: everything that the message refers to is here, as the first vertex of its author in its round; otherwise 1 +
  /// position in the round's links.
  std::uint32_t links = 0;
  const Vertex& vertex() const { return vertex_of(message); }
};

struct DagRound {
  Bits present;         ///< authors with a vertex
  Bits covered;         ///< positions that a vertex of a later round refers to
  Bits settled;         ///< positions that a committed block has ordered
  Hash128 sum;          ///< of the ids of the first vertex of each author
  Power power = 0;      ///< of the authors
  Bits equivocators;    ///< authors of more than one, as far as reported
  std::vector<StoredVertex> slots;
  std::vector<VertexLinks> links;  ///< of the vertices for which those in the message do not do

  /// @pre there is a vertex at `index`
  const Bits& parents(std::uint32_t index) const {
    const StoredVertex& s = slots[index];
    return s.links == 0 ? s.vertex().parents : links[s.links - 1].parents;
  }
  /// Calls `f(position)` for what it refers to further back than the round before.
  template <class F>
  void for_each_older(std::uint32_t index, F f) const {
    const StoredVertex& s = slots[index];
    if (s.links != 0) {
      for (const VertexPosition p : links[s.links - 1].older) f(p);
      return;
    }
    const Vertex& v = s.vertex();
    for (const std::uint32_t i : v.older) f(VertexPosition{v.includes[i].round, v.includes[i].author.value});
  }
};

class VertexStore {
 public:
  /// Empty again. Vertices of the first round, `genesis` + 1, have no references.
  void reset(const Committee& committee, Round genesis);
  Round genesis() const { return genesis_; }
  /// Positions from here on belong to equivocators.
  std::uint32_t width() const { return width_; }
  /// References to this round and earlier ones are not looked at any more.
  Round floor() const { return floor_; }
  /// Highest round with a vertex, `genesis` if there is none.
  Round top() const { return Round{base_.value + static_cast<std::int32_t>(rounds_.size() - first_) - 1}; }

  /// Null if nothing of that round is here.
  const DagRound* round(Round r) const {
    const std::int64_t at = std::int64_t{r.value} - base_.value;
    if (at < 0 || at >= static_cast<std::int64_t>(rounds_.size() - first_)) return nullptr;
    return &rounds_[first_ + static_cast<std::size_t>(at)];
  }
  DagRound* round(Round r) { return const_cast<DagRound*>(std::as_const(*this).round(r)); }
  const StoredVertex& at(VertexPosition p) const { return round(p.round)->slots[p.index]; }
  /// Positions in the round before that it refers to, and further back.
  const Bits& parents(VertexPosition p) const { return round(p.round)->parents(p.index); }
  template <class F>
  void for_each_older(VertexPosition p, F f) const {
    round(p.round)->for_each_older(p.index, f);
  }
  /// The first vertex of `author` in that round, or null.
  const StoredVertex* first_of(Round r, NodeId author) const;
  /// Position of that very vertex; round no_round if it is not here.
  VertexPosition find(const VertexRef& ref) const;
  bool contains(const VertexRef& ref) const { return find(ref).round != no_round; }
  /// Power of the authors of that round.
  Power power(Round r) const;
  std::uint32_t versions(Round r, NodeId author) const;  ///< vertices of one author in one round

  /// Whether nothing is missing that the vertex refers to.
  bool complete(const Vertex& v) const;
  /// What is missing, each once, sorted.
  std::vector<VertexRef> missing(const Vertex& v) const;
  /// @pre complete, not yet contained, author's power positive, round above floor()
  VertexPosition add(const MessagePtr& message, Power power);

  /// Positions of what `from` leads to (itself included) in rounds above `floor`, without what is settled; sorted by
  /// round, then author, then id.
  std::vector<VertexPosition> unsettled_history(VertexPosition from, Round floor) const;
  /// Positions in round `target` that `from` leads to.
  Bits ancestors(VertexPosition from, Round target) const;
  void settle(VertexPosition p) { round(p.round)->settled.set(p.index); }
  bool is_settled(VertexPosition p) const { return round(p.round)->settled.test(p.index); }
  /// A block that was committed elsewhere orders these: settled, whether they are here or not.
  void settle(Round leader_round, std::span<const VertexId> ids);
  /// Forgets rounds up to `floor`.
  void collect(Round floor);

  friend bool operator==(const VertexStore& a, const VertexStore& b);
  void hash_into(HashBuilder& h) const;

 private:
  DagRound& open(Round r);
  std::span<const DagRound> open_rounds() const { return std::span{rounds_}.subspan(first_); }
  std::span<DagRound> open_rounds() { return std::span{rounds_}.subspan(first_); }
  bool is_settled_elsewhere(VertexId id) const;
  bool has(const VertexRef& ref) const;
  bool parents_here(const Vertex& v) const;
  bool link_firsts(const Vertex& v);
  bool none_differs(const Vertex& v, const DagRound& before) const;

  std::uint32_t width_ = 0;          // positions from here on belong to equivocators
  Round genesis_{};
  Round floor_{};
  Round base_{};                     // rounds_[first_]
  std::size_t first_ = 0;            // those before it are collected
  std::vector<DagRound> rounds_;
  std::vector<DagRound> spare_;      // for the next round, so that nothing is allocated; no part of the value
  /// Settled by blocks that came as blocks: (round of the leader, ids, sorted).
  std::deque<std::pair<Round, std::vector<VertexId>>> elsewhere_;
};

}  // namespace seqlab::protocols
