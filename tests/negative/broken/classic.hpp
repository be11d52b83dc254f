// Streamlet, PBFT and the rotating sequencer with one wrong decision each, and worlds of them.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "protocols/consensus/engines.hpp"
#include "protocols/consensus/pbft/pbft_handlers.hpp"
#include "protocols/consensus/rotating/rotating_handlers.hpp"
#include "protocols/consensus/streamlet/streamlet_handlers.hpp"

namespace seqlab::tests::broken {

using namespace seqlab::protocols;

/// The newest of three consecutive blocks is taken for final.
struct FinalisesTheThird : StreamletRules {
  static std::size_t final_of_three() { return 2; }
};

/// The longest chain that came in, notarised or not.
struct LongestReceived : StreamletRules {
  static bool extends(bool) { return true; }
  static bool may_vote(const EpochVoteContext& c) {
    return c.proposal_epoch == c.epoch && c.proposal_epoch > c.voted_epoch && c.parent_height >= c.longest_received;
  }
};

/// Z37: the voted epoch is not written down.
struct VotedEpochNotDurable : StreamletRules {
  static bool persist_before_send() { return false; }
};

/// A view change tells of the checkpoint alone.
struct PreparedDropped : PbftRules {
  static bool reports_prepared() { return false; }
};

/// A backup believes the new primary.
struct NewViewBelieved : PbftRules {
  static bool recomputes_new_view() { return false; }
};

/// The new primary that is believed: it begins with nothing.
struct NewViewForgets : NewViewBelieved {
  template <class Rules>
  static std::vector<Assignment> new_view(Height, std::vector<PreparedClaim>) {
    return {};
  }
};
/// The same one among replicas that compute for themselves.
struct NewViewForgetsAlone : PbftRules {
  static bool recomputes_new_view() { return false; }
  template <class Rules>
  static std::vector<Assignment> new_view(Height, std::vector<PreparedClaim>) {
    return {};
  }
};

/// After Z28: what was prepared first outranks what was prepared in a later view.
struct OldestViewWins : PbftRules {
  static const PreparedClaim& choose(std::span<const PreparedClaim> claims) {
    return *std::ranges::min_element(claims, {}, &PreparedClaim::view);
  }
};

/// The next operator begins on what it has, at once.
struct TailNotSynced : RotatingRules {
  static bool syncs_tail() { return false; }
};

/// A backup orders in the operator's own term.
struct TwoSigners : TailNotSynced {
  static Term backup_term(std::int64_t epoch, std::uint32_t) { return {epoch, 0}; }
  static bool may_sign(NodeId, NodeId) { return true; }
};

// As the list of engines makes them, but with these decisions.

template <class Rules>
std::unique_ptr<Engine> make_streamlet(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  using Core = BasicStreamlet<Rules>;
  StreamletOptions o = p.streamlet;
  o.fixed_leaders = p.leaders;
  return std::make_unique<EngineOf<Core>>(Core{self, o});
}
template <class Rules>
std::unique_ptr<Engine> make_pbft(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  using Core = BasicPbft<Rules>;
  PbftOptions o = p.pbft;
  o.fixed_leaders = p.leaders;
  return std::make_unique<EngineOf<Core>>(Core{self, o});
}
template <class Rules>
std::unique_ptr<Engine> make_rotating(NodeId self, const Committee& /*genesis*/, const EngineParameters& p) {
  using Core = BasicRotating<Rules>;
  RotatingOptions o = p.rotating;
  o.fixed_leaders = p.leaders;
  return std::make_unique<EngineOf<Core>>(Core{self, o});
}

}  // namespace seqlab::tests::broken
