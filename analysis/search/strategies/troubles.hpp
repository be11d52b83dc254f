// Single interventions, drawn: what strategies put into their plans. Addresses come from what was seen in a probe, so
// that no strategy knows an engine.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/search/probe.hpp"
#include "sim/random/stream.hpp"

namespace seqlab::analysis {

/// One of them. @pre there is one
template <class T>
const T& pick(const std::vector<T>& items, sim::Stream& luck) {
  return items[luck.below(items.size())];
}

/// A subset that is neither empty nor all, if there are two at least; of one, that one.
std::vector<NodeId> some_nodes(const std::vector<NodeId>& all, sim::Stream& luck);

class Troubles {
 public:
  explicit Troubles(Probe seen) : seen_(std::move(seen)) {}
  const Probe& seen() const { return seen_; }
  /// The design has parts around consensus.
  bool layered() const { return !seen_.moments.empty(); }

  static NodeId node(std::uint32_t count, sim::Stream& luck) {
    return NodeId{static_cast<std::uint32_t>(luck.below(count))};
  }
  /// Up to so many rounds, in eighths; at least a microsecond.
  Duration time(std::uint64_t rounds, sim::Stream& luck) const;
  /// A round that the run is likely to have; engines that never begin anew get the later ones as well.
  std::uint32_t round(sim::Stream& luck) const;
  std::uint64_t height(sim::Stream& luck) const;

  /// When a fault strikes that strikes at a time: early; in long runs also at any time, or near something that happens.
  Duration when(sim::Stream& luck) const;
  /// How long it lasts.
  Duration lasting(std::uint64_t rounds, sim::Stream& luck) const;

  scenarios::MessagePoint copy(std::uint32_t count, sim::Stream& luck) const;
  /// What a corrupt node says instead, or besides. The kind of message decides which changes have a meaning.
  protocols::ForgeChanges change(protocols::MessageKind kind, sim::Stream& luck) const;
  scenarios::MessageIntervention drop(std::uint32_t count, sim::Stream& luck) const;
  scenarios::MessageIntervention delay(std::uint32_t count, sim::Stream& luck) const;
  scenarios::MessageIntervention repeat(std::uint32_t count, sim::Stream& luck) const;
  /// @pre statements were seen
  scenarios::MessageIntervention lie(NodeId liar, std::uint32_t count, sim::Stream& luck) const;
  /// What others said to a corrupt node it says again to some, later.
  scenarios::MessageIntervention pass_on(NodeId liar, std::uint32_t count, sim::Stream& luck) const;
  scenarios::FaultSpec partition(std::uint32_t count, sim::Stream& luck) const;
  scenarios::FaultSpec pause(std::uint32_t count, sim::Stream& luck) const;
  /// A disk is lost for good only if its node is corrupt.
  scenarios::FaultSpec crash(std::uint32_t count, const scenarios::Plan& plan, sim::Stream& luck) const;
  /// Views of layer 1 that lag or see nothing for a while, reorganisations as deep as the design bears, blocks that do
  /// not come, prices that rise, miners who leave our transactions out.
  /// @pre there is a layer 1
  scenarios::FaultSpec layer_1(std::uint32_t count, sim::Stream& luck) const;
  /// Of layer 1, of the way there, or of a relayer. @pre somebody writes there
  scenarios::FaultSpec writing(sim::Stream& luck) const;
  /// Splits one round, or one phase of it, in two.
  scenarios::RoundSplit split(std::uint32_t count, const scenarios::Plan& plan, sim::Stream& luck) const;
  /// Any of them that the plan has a right to.
  scenarios::Intervention any(std::uint32_t count, const scenarios::Plan& plan, sim::Stream& luck) const;

  /// Whether there are leaders who propose.
  bool proposes() const;
  /// What a corrupt node does in one round or in all: it proposes one thing to some and another or nothing to others,
  /// votes for what it made up, and gives rounds up with less than it knows. @pre statements were seen
  void add_habit(NodeId liar, std::uint32_t count, scenarios::Plan& plan, sim::Stream& luck) const;
  /// Trouble in several rounds in a row, in the same way or in one that repeats itself: a few nodes, often the leader,
  /// are cut off while the others go on. Chooses the leaders as well, where they obey.
  void add_series(const scenarios::Scenario& scenario, scenarios::Plan& plan, sim::Stream& luck) const;

  /// Either of the next two. @pre proposals were seen
  void add_partial_knowledge(const scenarios::Scenario& scenario, scenarios::Plan& plan, sim::Stream& luck) const;
  /// A quorum's word comes to one honest node alone, which is then away. Meanwhile a corrupt leader says something
  /// else, most often on what was certified before, and is silent from then on.
  /// @pre somebody is corrupt, proposals were seen
  void add_betrayal(const scenarios::Scenario& scenario, scenarios::Plan& plan, sim::Stream& luck) const;
  /// Leaders of a few rounds in a row of whose blocks only a part is known: others hear of one and do not have it, or
  /// nobody hears of it until its leader is back, or its certificate is one node's secret. @pre proposals were seen
  void add_whispers(const scenarios::Scenario& scenario, scenarios::Plan& plan, sim::Stream& luck) const;

  /// So many leaders, drawn, the corrupt ones more often than others; then all nodes that are not corrupt in their
  /// order, often enough that the engine finds as many of them in a row as it needs: no schedule that leaves somebody
  /// out promises progress. @pre the engine obeys
  static std::vector<NodeId> leaders(std::uint64_t drawn, const scenarios::Scenario& scenario,
                                     const scenarios::Plan& plan, sim::Stream& luck);
  static void add_fair_leaders(const scenarios::Scenario& scenario, scenarios::Plan& plan);

  /// Nodes with at most F of the power together, drawn; nobody where scripts own nodes or the engine bears no liars.
  static std::vector<NodeId> corruptible(const scenarios::Scenario& scenario, sim::Stream& luck);

 private:
  /// How messages of a round are kept from or by one node.
  struct Cut {
    enum Shape : std::uint8_t { alone, star, mute, deaf, halves };
    Shape shape = alone;
    bool leader = false;  ///< the round's leader is the one, if it is known
    std::optional<protocols::MessageKind> message{};
    Duration hold{};
    std::uint32_t rounds = 1;
  };
  void add_secrets(const std::vector<NodeId>& cast, std::uint32_t first, std::optional<std::uint64_t> at_height,
                   std::uint64_t shift, std::uint32_t count, scenarios::Plan& plan, sim::Stream& luck) const;
  Cut cut(sim::Stream& luck) const;
  void add_cut(const Cut& what, NodeId who, std::optional<std::uint64_t> at_height, std::uint32_t round,
               std::uint32_t count, scenarios::Plan& plan, sim::Stream& luck) const;
  /// Of the committee, or the core that orders before it.
  NodeId machine(std::uint32_t count, sim::Stream& luck) const {
    return node(seen_.migrates ? count + 1 : count, luck);
  }
  /// Up to so many quarters of the time between two blocks of layer 1.
  Duration step_of_l1(sim::Stream& luck, std::uint64_t quarters) const;
  /// Nobody hears what the node says in these rounds.
  void add_silence(NodeId who, std::optional<std::uint64_t> at_height, std::uint32_t first, std::uint32_t rounds,
                   std::uint32_t count, scenarios::Plan& plan) const;
  /// Votes have one phase: a round's certificate goes into the proposal of a later one.
  bool chained() const;
  static std::vector<NodeId> others(NodeId but, std::uint32_t count);

  Probe seen_;
};

}  // namespace seqlab::analysis
