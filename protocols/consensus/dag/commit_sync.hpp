// Committed blocks from peers, for engines whose commits carry no certificate: a block counts when members with more
// than a third of the power gave the same one for its height, of whom one at least is honest.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/consensus/messages.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

class CommitSync {
 public:
  /// `peer` works on `height`: a hint about whom to ask, nothing more.
  void note(NodeId peer, Height height);
  Height claimed(NodeId peer) const;
  /// Power of the members that say to work on a height above `height`.
  Power power_beyond(Height height, const Committee& committee) const;
  /// Whether anybody says so.
  bool anybody_beyond(Height height) const;

  /// Whom to ask for the blocks of `first` and up to `window` - 1 heights more. `again`: also others than those who
  /// were asked before, for heights that are still open.
  /// @return (peer, height) in the order of heights
  std::vector<std::pair<NodeId, Height>> ask(NodeId self, Height first, std::uint32_t window, bool again,
                                             const Committee& committee);
  /// An answer that was asked for. @return false if it was not, or came before
  bool answer(NodeId peer, Height height, const MessagePtr& response);
  /// `peer` has no block of the height that it was asked for.
  void refused(NodeId peer);
  /// The block of `height` that enough members gave; null if there is none (yet).
  BlockPtr agreed(Height height, const Committee& committee) const;
  /// Heights below `height` are settled.
  void settle_below(Height height);
  bool asking() const { return !wanted_.empty(); }

  bool catching_up = false;  ///< between the records `behind` and `caught_up`

  friend bool operator==(const CommitSync& a, const CommitSync& b);
  void hash_into(HashBuilder& h) const;

 private:
  struct Hint {
    NodeId peer;
    Height height{};
    friend bool operator==(const Hint&, const Hint&) = default;
  };
  struct Asked {
    NodeId peer;
    MessagePtr response;  // null: no answer yet
  };
  struct Wanted {
    Height height{};
    std::vector<Asked> asked;
  };
  std::vector<Hint> hints_;     // sorted by peer
  std::vector<Wanted> wanted_;  // sorted by height
};

}  // namespace seqlab::protocols
