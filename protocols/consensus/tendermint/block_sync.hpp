// Catching up: who says to be where, what was asked of whom. Announced heights are hints and nothing more: they choose
// whom to ask, and what comes back is checked against the committee. A peer that does not answer, or answers wrongly,
// loses its hint and is asked last from then on, so that liars cost time but never block.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "protocols/consensus/messages.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

class BlockSync {
 public:
  struct Request {
    Height height{};
    BlockId block;        ///< {} = the committed one
    NodeId peer;
    bool aged = false;    ///< one timer period has passed
    friend bool operator==(const Request&, const Request&) = default;
  };

  /// `peer` works on `height`: it has committed all below.
  void note(NodeId peer, Height height);
  /// Greatest height that anybody announced.
  Height best() const;
  /// Power of the members of `committee` that say to be beyond `height`.
  Power power_beyond(Height height, const Committee& committee) const;

  /// Whom to ask for the committed block of `height`: fewest strikes, fewest open requests, then the next after `self`.
  NodeId choose(NodeId self, Height height) const;
  /// Among `candidates` (sorted), by the same order; no_node if there are none.
  NodeId choose_among(NodeId self, std::span<const NodeId> candidates) const;

  void open(const Request& request) { requests_.push_back(request); }
  bool is_open(Height height, BlockId block) const;
  /// Closes and returns true if `peer` was asked for this.
  bool close(NodeId peer, Height height, BlockId block);
  /// The peer says that it lacks what it was asked for. @return false if it was not asked for anything
  bool refused(NodeId peer);
  void strike(NodeId peer);
  void praise(NodeId peer);
  /// One timer period passed: gives up on requests that are older. @return whether any are left or were given up
  bool age();
  bool anything_open() const { return !requests_.empty(); }
  /// Requests below `height` are settled, so are blocks kept for it.
  void settle_below(Height height);

  /// Blocks of later heights that came early; checked when their turn comes. Bounded by what was asked for.
  void keep(NodeId from, const MessagePtr& response, Height height);
  bool is_kept(Height height) const;
  /// Takes the kept response for `height`, if there is one.
  std::pair<NodeId, MessagePtr> take(Height height);

  bool catching_up = false;        ///< between the records `behind` and `caught_up`

  friend bool operator==(const BlockSync& a, const BlockSync& b);
  void hash_into(HashBuilder& h) const;

 private:
  struct Peer {
    NodeId node;
    Height height{};
    std::uint32_t strikes = 0;
    friend bool operator==(const Peer&, const Peer&) = default;
  };
  struct Kept {
    Height height{};
    NodeId from;
    MessagePtr message;
  };
  Peer& peer(NodeId node);
  std::pair<std::uint32_t, std::uint32_t> cost_of(NodeId node) const;

  std::vector<Peer> peers_;        // sorted by node
  std::vector<Request> requests_;  // in the order in which they were made
  std::vector<Kept> kept_;         // sorted by height
};

}  // namespace seqlab::protocols
