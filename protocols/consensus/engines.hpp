// The list of consensus engines.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/consensus/centralised/centralised.hpp"
#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/hotstuff/options.hpp"
#include "protocols/consensus/jolteon/options.hpp"
#include "protocols/consensus/monadbft/options.hpp"
#include "protocols/consensus/mysticeti/options.hpp"
#include "protocols/consensus/pbft/options.hpp"
#include "protocols/consensus/rotating/options.hpp"
#include "protocols/consensus/streamlet/options.hpp"
#include "protocols/consensus/tendermint/options.hpp"

namespace seqlab::protocols {

/// Parameters of every engine; each reads its own part.
struct EngineParameters {
  TendermintOptions tendermint;
  CentralisedOptions centralised;
  HotStuffOptions hotstuff;
  JolteonOptions jolteon;
  MonadBftOptions monadbft;
  MysticetiOptions mysticeti;
  StreamletOptions streamlet;
  PbftOptions pbft;
  RotatingOptions rotating;
  /// Who leads, set by a plan: round r is led by leaders[r % size]; where rounds begin anew with each height, by
  /// leaders[(height - 1 + r) % size]. Empty: the engine's own election.
  std::vector<NodeId> leaders{};
  friend bool operator==(const EngineParameters&, const EngineParameters&) = default;
};

/// What an engine promises under its parameters: what checkers, verdicts and searches hold it to.
struct EnginePromises {
  /// Safe with up to F of Byzantine power. If not: safe while `sequencer` is honest (no_node: while everybody is).
  bool byzantine_tolerant = true;
  NodeId sequencer{no_node};
  /// Every final commit of a block rests on `voted` records of a quorum for that very block, and `certified` records
  /// say which. A node votes once a round, type and height.
  bool has_certificates = true;
  /// Tendermint's lock: `locked`, prevotes and precommits mean what its paper says.
  bool has_locks = false;
  /// The block that commits was proposed as it is (`proposed` has its id). DAG engines make blocks of many vertices:
  /// what they propose are those, one a round, whatever the height.
  bool commits_proposals = true;
  /// Delivers speculatively after the first certificate, and takes that back only if the block's leader signed two
  /// blocks for one round. Once more than F of honest power has voted for an honest leader's block, it stays.
  bool speculative = false;
  /// A transaction that its client brought to one node is passed on to all others at once. Where everybody proposes, it
  /// stays with that node.
  bool relays_transactions = true;
  /// Longest time from entering a round to leaving it when nothing fails, at round 0: of the liveness checker.
  Duration round_bound{};
  /// A commit needs so many live leaders one after the other in the order of nodes; 1 also where leaders are drawn.
  std::uint32_t leaders_in_a_row = 1;
  /// Whole rotations of the leader schedule that may pass without a commit in a healed core that has such a row.
  std::uint32_t rotations = 0;
  /// A healed core goes on whatever part of it had seen a change of the committee. If not: liveness is promised to runs
  /// without changes alone.
  bool live_across_changes = true;
  /// Rounds begin when a clock says so: nothing happens where there is none (scenarios/explore).
  bool clock_driven = false;
  /// How far clocks may be apart before liveness is not promised; 0: any.
  Duration clock_bound{};
  /// Executing height h changes the committee from h + change_lag on.
  std::uint32_t change_lag = 2;
  /// Least time between two blocks; 0: none.
  Duration block_interval{};
};

struct EngineEntry {
  std::string_view name;
  std::string_view text;  ///< one line for `list`
  std::unique_ptr<Engine> (*make)(NodeId self, const Committee& genesis, const EngineParameters& parameters);
  /// @param delta  longest message delay once the network is stable
  EnginePromises (*promises)(const EngineParameters& parameters, Duration delta);
  /// Sets the parameters of all other engines to their defaults: they say nothing.
  void (*keep_own)(EngineParameters& parameters);
  /// Sets its timers to the least with which it makes progress when messages take up to `delta`: what searches use, so
  /// that many rounds fit into little time. Null: there are none to set.
  void (*hurry)(EngineParameters& parameters, Duration delta) = nullptr;
};

/// All engines, by name. No registration: a plain list.
std::span<const EngineEntry> engines();
/// Null if there is no such engine.
const EngineEntry* find_engine(std::string_view name);

/// How a node gets its engine; tests put broken variants here.
using EngineFactory = std::function<std::unique_ptr<Engine>(NodeId self, const Committee& genesis)>;

}  // namespace seqlab::protocols
