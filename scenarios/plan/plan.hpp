// A plan: a seed, and what a search or a person changes in the run that the seed gives. Every change has a semantic
// address (which message of whom to whom in which round, which record of which node), so that a plan still means the
// same after the program has learned a new kind of record or another draw.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocols/consensus/forge.hpp"
#include "scenarios/spec/scenario.hpp"

namespace seqlab::scenarios {

/// Copies of messages on their way from one node to another: fields that are set must match. Counted in the order in
/// which they leave, for each intervention on its own. A message of no height or round has those of its sender.
struct MessagePoint {
  std::optional<protocols::MessageKind> message{};
  std::optional<NodeId> from{};
  std::optional<NodeId> to{};
  std::optional<std::uint64_t> height{};
  std::optional<std::uint32_t> round{};
  std::uint32_t nth = 1;    ///< the first match that counts, from 1
  std::uint32_t count = 1;  ///< how many from there on; 0 = all
  friend bool operator==(const MessagePoint&, const MessagePoint&) = default;
};

namespace act {
/// The copy is lost.
struct Drop {
  friend bool operator==(const Drop&, const Drop&) = default;
};
/// It arrives later by so much.
struct Delay {
  Duration by{};
  friend bool operator==(const Delay&, const Delay&) = default;
};
/// It arrives, and so much later once more.
struct Duplicate {
  Duration after{};
  friend bool operator==(const Duplicate&, const Duplicate&) = default;
};
/// A changed copy goes out, signed by `as`. Either the sender of the original or its receiver must be `as`, a corrupt
/// node. Has no effect if that kind of message cannot be forged.
struct Forge {
  NodeId as{no_node};
  std::vector<NodeId> to;  ///< empty: to whom the original goes
  bool keep = false;       ///< the original goes out as well
  Duration after{};        ///< how long it waits before it goes out
  protocols::ForgeChanges changes;
  friend bool operator==(const Forge&, const Forge&) = default;
};
/// The very copy, as it was signed, goes to others: `as`, a corrupt node, sends it. The sender of the original or its
/// receiver must be corrupt. A receiver that sends it to nobody and does not keep it ignores it.
struct Resend {
  NodeId as{no_node};
  std::vector<NodeId> to;
  bool keep = false;  ///< the original goes out as well, or is seen by its receiver
  Duration after{};   ///< how long it waits before it goes out
  friend bool operator==(const Resend&, const Resend&) = default;
};
}  // namespace act

struct MessageIntervention {
  MessagePoint at;
  std::variant<act::Drop, act::Delay, act::Duplicate, act::Forge, act::Resend> what;
  friend bool operator==(const MessageIntervention&, const MessageIntervention&) = default;
};

/// One machine of a node: the node itself, or its twin.
struct Machine {
  NodeId node{no_node};
  bool twin = false;
  friend auto operator<=>(const Machine&, const Machine&) = default;
};

/// Messages of a round (and height, if given) pass only within a group. Machines in no group hear and reach everybody.
/// Groups may overlap: a message passes if any group holds both ends. What does not pass is lost, or late by `hold`.
/// With `message` this holds for that kind alone: one phase of a round is split, the others are not.
struct RoundSplit {
  std::optional<std::uint64_t> height{};
  std::uint32_t round = 0;
  std::vector<std::vector<Machine>> groups;
  Duration hold{};  ///< 0: lost
  std::optional<protocols::MessageKind> message{};
  std::uint32_t rounds = 1;  ///< how many, from `round` on
  friend bool operator==(const RoundSplit&, const RoundSplit&) = default;
};

using Intervention = std::variant<MessageIntervention, RoundSplit, FaultSpec>;

struct Plan {
  std::uint64_t seed = 1;
  std::vector<NodeId> corrupt{};   ///< given to the plan, beside those that the scenario gives to scripts
  std::vector<NodeId> twins{};     ///< corrupt nodes that run twice, with one key; subset of `corrupt`
  /// Who leads: round r of a chained engine leaders[r % size]; where rounds begin anew with each height,
  /// leaders[(height - 1 + r) % size]. Empty: the engine's own election.
  std::vector<NodeId> leaders{};
  bool without_scripts = false;    ///< the scenario's adversaries keep their nodes but their scripts do not run
  std::vector<Intervention> interventions{};
  friend bool operator==(const Plan&, const Plan&) = default;
};

/// One line for people: "drop the 2nd prevote of n3 to n1 in height 4 round 1".
std::string describe(const Intervention& intervention);

/// Whom and what a plan names that the scenario does not have, or that it has no right to: a sentence each.
std::vector<std::string> problems_of(const Plan& plan, const Scenario& scenario);

}  // namespace seqlab::scenarios
