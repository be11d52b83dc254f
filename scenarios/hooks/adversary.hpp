// The only places where an adversary may act. Four kinds of hooks: what a corrupt node sends and signs, what the
// network does to a message, what an actor decides, what happens at a time or on a record. Every call goes through the
// AdversaryHost, which enforces the granted power and meters what was used.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/consensus/forge.hpp"
#include "protocols/node/sequencer.hpp"
#include "scenarios/spec/scenario.hpp"
#include "scenarios/world/run.hpp"
#include "sim/net/network.hpp"

namespace seqlab::scenarios {

using protocols::MessagePtr;

/// What a script may do. Every method checks the grant: an action beyond it has no effect, is counted as `refused` and
/// returns false. Nodes are given as ids; the script sees names ("n3").
class AdversaryContext {
 public:
  virtual ~AdversaryContext() = default;
  virtual SimTime now() const = 0;
  virtual std::span<const NodeId> own_nodes() const = 0;
  virtual std::span<const NodeId> all_nodes() const = 0;  ///< sequencer nodes
  virtual Power power_of(NodeId node) const = 0;
  virtual sim::Stream& rng() = 0;
  virtual std::uint64_t height_of(NodeId own) const = 0;
  virtual std::int32_t round_of(NodeId own) const = 0;

  /// Sends as `from` (an own node), now or later. Delaying one's own messages needs no grant.
  virtual bool send(NodeId from, std::span<const NodeId> to, const MessagePtr& message, Duration delay) = 0;
  /// A changed copy of `message`, signed by `as` (an own node). Null if `as` is not owned.
  virtual MessagePtr forge(NodeId as, const MessagePtr& message, const protocols::ForgeChanges& changes) = 0;
  /// Calls `on_timer(id)` after `delay`.
  virtual void set_timer(Duration delay, std::uint64_t id) = 0;
  virtual bool crash(NodeId node, Duration restart_after, sim::DiskFault disk) = 0;  ///< restart_after < 0: stays down
  virtual bool partition(std::span<const std::vector<NodeId>> groups, Duration lasts) = 0;
  virtual bool jump_clock(NodeId own, Duration step) = 0;
  virtual void note(std::uint64_t a, std::uint64_t b) = 0;
  /// A payment from a granted account, given to the pool of `at` (an own node) and to nobody else. Null if it is not
  /// granted.
  virtual MessagePtr pay(NodeId at, protocols::AccountId from, protocols::AccountId to, protocols::Amount amount,
                         protocols::Amount fee) = 0;
  /// In `on_build`: how many items from layer 1 the block holds.
  virtual std::size_t forced_items() const = 0;
  /// In `on_build`: whether a transaction at that place of the block, from 0, would win the lottery. Nothing where
  /// there is none, and while nobody can have computed the random values yet.
  virtual std::optional<bool> would_win(std::uint64_t index) const = 0;
};

enum HookBit : std::uint32_t {
  hook_start = 1,
  hook_send = 2,
  hook_receive = 4,
  hook_build = 8,
  hook_link = 16,
  hook_timer = 32,
  hook_record = 64
};

/// Bit set of message kinds.
using MessageKindMask = std::uint32_t;
inline constexpr MessageKindMask all_message_kinds = ~MessageKindMask{0};
constexpr MessageKindMask mask_of(protocols::MessageKind kind) {
  return MessageKindMask{1} << static_cast<unsigned>(kind);
}

/// A message on a link, as far as the grant lets the adversary see it. Ends, kind and size always show; what else does
/// is decided here and not by whoever looks.
class LinkView {
 public:
  LinkView(NodeId from, NodeId to, const sim::Message& message, SimTime planned, PowerSpec::Sight sight)
      : from_(from), to_(to), message_(message), planned_(planned), sight_(sight) {}

  NodeId from() const { return from_; }
  NodeId to() const { return to_; }
  SimTime planned_arrival() const { return planned_; }
  protocols::MessageKind kind() const { return static_cast<protocols::MessageKind>(message_.kind); }
  PowerSpec::Sight sight() const { return sight_; }
  /// With sight of headers: kind, height, round, bytes, and nothing of the content.
  protocols::MessageFields fields() const;
  /// The message itself, null unless it is fully visible.
  const sim::Message* message() const { return sight_ == PowerSpec::Sight::headers ? nullptr : &message_; }

 private:
  NodeId from_;
  NodeId to_;
  const sim::Message& message_;
  SimTime planned_;
  PowerSpec::Sight sight_;  // `own`: one of its own nodes is an end, everything shows
};

/// One script instance. Hooks that are not in `hooks()` are never called, and no hook is called while another one of
/// the same instance runs.
class Adversary {
 public:
  virtual ~Adversary() = default;
  virtual std::uint32_t hooks() const = 0;
  /// Kinds of messages that `hook` (send, receive or link) wants; the others pass without a call.
  virtual MessageKindMask message_kinds(HookBit /*hook*/) const { return all_message_kinds; }
  /// Kinds of records that `on_record` wants.
  virtual sim::KindMask record_kinds() const { return 0; }

  virtual void on_start(AdversaryContext&) {}
  /// The own node `self` is about to send. @return true: let it go as it is; false: it was kept back or sent
  /// otherwise
  virtual bool on_send(AdversaryContext&, NodeId /*self*/, std::span<const NodeId> /*to*/, const MessagePtr&) {
    return true;
  }
  /// @return false to hide the message from the own node `self`
  virtual bool on_receive(AdversaryContext&, NodeId /*self*/, NodeId /*from*/, const MessagePtr&) { return true; }
  /// The own node builds a block: reorder or remove.
  virtual void on_build(AdversaryContext&, NodeId /*self*/, std::uint64_t /*height*/, std::int32_t /*round*/,
                        std::vector<protocols::Transaction>&) {}
  /// The own node says what its block takes from layer 1: anything may become of it.
  virtual void on_external(AdversaryContext&, NodeId /*self*/, std::uint64_t /*height*/, protocols::External&) {}
  /// A message in flight to, from or (if the grant shows them) between others' nodes.
  virtual sim::LinkVerdict on_link(AdversaryContext&, const LinkView&) { return {}; }
  virtual void on_timer(AdversaryContext&, std::uint64_t /*id*/) {}
  /// Something happened that the grant shows. What the hook does is done by an event of the same instant, except
  /// `crash`, which happens at once: a crash can strike at the exact point of the record.
  virtual void on_record(AdversaryContext&, const sim::Record&) {}
  /// Lua instructions used so far, 0 for native ones.
  virtual std::uint64_t instructions() const { return 0; }
  /// What the script printed.
  virtual std::string_view log() const { return {}; }
};

/// Makes an adversary from its spec: a Lua script, or the C++ one that `script: native:NAME` names.
/// @throws InputError for a script that does not load, parameters that it does not have, an unknown NAME
std::unique_ptr<Adversary> make_adversary(const AdversarySpec& spec, const Scenario& scenario);

}  // namespace seqlab::scenarios
