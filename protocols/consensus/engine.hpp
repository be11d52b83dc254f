// A consensus engine: a deterministic state machine, inputs in, ordered effects out. Its state is a regular value
// (copyable, comparable, hashable); it performs no I/O, reads no clock and draws nothing. The same object runs in the
// simulator, in an explorer and in a replayer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "protocols/consensus/outbox.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// Blocks that this node has committed, with their commits. Durable.
class ChainView {
 public:
  virtual Height height() const = 0;                       ///< of the last committed block, 0 if none
  virtual BlockPtr block(Height h) const = 0;              ///< null if not there (yet, or pruned)
  virtual const Commit* commit(Height h) const = 0;        ///< null likewise
  virtual const Committee& committee(Height h) const = 0;  ///< known up to height() + the engine's change_lag
  virtual StateRoot state() const = 0;                     ///< after the last committed block

 protected:
  ~ChainView() = default;
};

/// What an engine may look at while it handles an input. Pure services and values only.
struct EngineView {
  NodeId self;
  SimTime wall{};            ///< this node's clock at the input; for timestamps, never for safety rules
  Signatures& signatures;    ///< verify anything, sign with `self` only
  const ChainView& chain;
};

/// A durable log record as it was found at start.
struct Recovered {
  std::uint8_t type;
  Height height;
  Round round;
  std::vector<std::byte> bytes;
  std::vector<MessagePtr> bodies{};
};

/// Why an engine ignored a message: ordinary, counted and traced as `message_rejected`.
enum class Reject : std::uint16_t {
  none, stale, far_future, not_a_member, bad_signature, wrong_proposer, malformed, duplicate, equivocation,
  unknown_parent, invalid_block, untimely, not_for_me, bad_certificate
};
std::string_view name_of(Reject reason);

class Engine {
 public:
  virtual ~Engine() = default;

  /// Power on. `log`: what was persisted and not forgotten, oldest first (empty the first time).
  virtual void start(std::span<const Recovered> log, const EngineView& view, Outbox& out) = 0;
  /// `from` is the authenticated sender of this copy; the author is inside the message.
  virtual void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) = 0;
  virtual void on_timer(std::uint64_t token, const EngineView& view, Outbox& out) = 0;
  /// `block` null: nothing to propose. May come when the round is long over.
  virtual void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out) = 0;
  /// The mempool has transactions: after it was empty, and again after each `on_executed` that leaves some. Only
  /// engines that make no empty blocks care.
  virtual void on_payload_available(const EngineView& view, Outbox& out);
  virtual void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) = 0;
  virtual void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out) = 0;

  /// Regular value. `same_state` is exact equality, `state_hash` agrees with it.
  virtual std::unique_ptr<Engine> clone() const = 0;
  virtual bool same_state(const Engine& other) const = 0;
  virtual Hash128 state_hash() const = 0;

  virtual Height height() const = 0;  ///< being decided
  virtual Round round() const = 0;
};

/// Gives a regular value type its Engine interface. `Core` has the six inputs as members, is copyable and comparable,
/// and has `hash_into(HashBuilder&) const`, `height()` and `round()`; `on_payload_available` if it cares.
template <class Core>
class EngineOf final : public Engine {
 public:
  explicit EngineOf(Core core) : core_(std::move(core)) {}
  void start(std::span<const Recovered> log, const EngineView& v, Outbox& o) override { core_.start(log, v, o); }
  void on_message(NodeId from, const MessagePtr& m, const EngineView& v, Outbox& o) override {
    core_.on_message(from, m, v, o);
  }
  void on_timer(std::uint64_t token, const EngineView& v, Outbox& o) override { core_.on_timer(token, v, o); }
  void on_built(Height h, Round r, BlockPtr b, const EngineView& v, Outbox& o) override {
    core_.on_built(h, r, std::move(b), v, o);
  }
  void on_payload_available(const EngineView& v, Outbox& o) override {
    if constexpr (requires { core_.on_payload_available(v, o); }) core_.on_payload_available(v, o);
  }
  void on_validated(const BlockPtr& b, bool valid, const EngineView& v, Outbox& o) override {
    core_.on_validated(b, valid, v, o);
  }
  void on_executed(Height h, const ExecutionResult& r, const EngineView& v, Outbox& o) override {
    core_.on_executed(h, r, v, o);
  }
  std::unique_ptr<Engine> clone() const override { return std::make_unique<EngineOf>(core_); }
  bool same_state(const Engine& other) const override {
    const auto* same = dynamic_cast<const EngineOf*>(&other);
    return same != nullptr && same->core_ == core_;
  }
  Hash128 state_hash() const override {
    HashBuilder h;
    core_.hash_into(h);
    return h.finish();
  }
  Height height() const override { return core_.height(); }
  Round round() const override { return core_.round(); }
  const Core& core() const { return core_; }

 private:
  Core core_;
};

}  // namespace seqlab::protocols
