// Gossip: the overlay over which a broadcast is flooded, and who has seen which message.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/base/strong.hpp"

namespace seqlab::sim {

/// An undirected, connected graph over some nodes: a seeded ring plus seeded chords, `degree` neighbours on average
/// (all others if there are not more than that). Places on the ring and ends of chords are points drawn for each node,
/// so that a node more or less changes its own surroundings only.
class Overlay {
 public:
  /// @param members  sorted, without repetition
  Overlay(std::uint64_t seed, std::vector<NodeId> members, std::uint32_t degree);

  std::span<const NodeId> members() const { return members_; }
  /// Position of `node` among the members. @pre it is one
  std::uint32_t position_of(NodeId node) const { return position_[node.value]; }
  /// Sorted.
  std::span<const NodeId> neighbours_of(NodeId node) const;
  /// Whether the members are `to` and `from`. @pre `to` is sorted (false otherwise)
  bool is_over(std::span<const NodeId> to, NodeId from) const;

 private:
  std::vector<NodeId> members_;
  std::vector<std::uint32_t> position_;  // by node
  std::vector<std::uint32_t> begin_;     // by position, into edges_
  std::vector<NodeId> edges_;
};

/// The overlays in use and the messages that are being flooded. A message is remembered exactly as long as a copy of it
/// is in flight, so memory is bounded by what is in flight and nobody handles a message twice.
class Gossip {
 public:
  Gossip(std::uint64_t seed, std::uint32_t degree) : seed_(seed), degree_(degree) {}

  /// Begins to flood the message `sequence` of `from` among `to`, or continues if copies of it are still in flight.
  /// `from` counts as having seen it.
  /// @return the flood, held until `leave` was called as often as `enter`, and once more
  std::uint32_t begin(std::uint64_t sequence, NodeId from, std::span<const NodeId> to);
  void enter(std::uint32_t flood) { ++floods_[flood].copies; }
  void leave(std::uint32_t flood);

  NodeId origin(std::uint32_t flood) const { return floods_[flood].origin; }
  std::span<const NodeId> neighbours(std::uint32_t flood, NodeId node) const {
    return floods_[flood].overlay->neighbours_of(node);
  }
  /// @return whether this is the first time
  bool see(std::uint32_t flood, NodeId node);

  std::size_t live() const { return floods_.size() - free_.size(); }

 private:
  static constexpr std::size_t overlays_max = 8;  // kept for their sets of nodes; more while they are in use
  struct Flood {
    std::uint64_t sequence = 0;
    std::shared_ptr<const Overlay> overlay;
    NodeId origin;
    std::uint32_t copies = 0;
    std::vector<std::uint64_t> seen;  // bit by position in the overlay
  };
  const std::shared_ptr<const Overlay>& overlay_over(std::span<const NodeId> to, NodeId from);

  std::uint64_t seed_;
  std::uint32_t degree_;
  std::uint64_t sequence_max_ = 0;
  std::vector<Flood> floods_;
  std::vector<std::uint32_t> free_;
  std::vector<std::shared_ptr<const Overlay>> overlays_;  // most recently used last
  std::vector<NodeId> scratch_;
};

}  // namespace seqlab::sim
