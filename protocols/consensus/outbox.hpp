// What an engine wants done, in order. Effects after a `Persist` wait until it is durable; the host can crash the node
// between any two effects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "protocols/consensus/messages.hpp"
#include "protocols/types/block.hpp"
#include "sim/kernel/time.hpp"
#include "sim/net/message.hpp"
#include "sim/trace/record.hpp"

namespace seqlab::protocols {

using sim::CommitLevel;

namespace effect {
/// Appends a record to the node's log and syncs it. `type` is the engine's own numbering. `bodies` are written with it:
/// messages never change, so the log keeps them as they are instead of an encoding.
struct Persist {
  std::uint8_t type;
  Height height;
  Round round;
  std::vector<std::byte> bytes;
  std::vector<MessagePtr> bodies{};
};
/// Earlier log records are no longer needed: everything below `height` is finished.
struct Forget { Height height; };
struct Send { NodeId to; MessagePtr message; };
/// To the whole committee of the engine, itself included (delivered to itself after the current action).
struct Broadcast { MessagePtr message; };
/// Re-arming an id replaces it. `token` comes back in `on_timer`; stale ones must be recognisable by the engine.
struct SetTimer { std::uint32_t id; Duration delay; std::uint64_t token; };
struct CancelTimer { std::uint32_t id; };
/// What a payload follows.
enum class Payload : std::uint8_t {
  next_block,  ///< of the block after the last committed one, which names the state it starts from
  branch,      ///< of a block on top of `ancestors`, not yet committed; names no state (ordered first, executed later)
  vertex       ///< of a vertex of a DAG: ordered later, with others, in a block that the engine makes
};
/// Answered by `Engine::on_built` with the same height and round. The block carries every field given here, `evidence`
/// ahead of the transactions; it may have no transactions. `next_block` and `branch` are answered by null if the
/// height is not the one after the last committed block and the ancestors. A `vertex` takes any height.
struct BuildPayload {
  Height height;
  Round round;
  BlockId parent;
  StateRoot state_before;
  Commit last_commit;
  SimTime timestamp;
  std::vector<Evidence> evidence;
  Hash128 committee_hash;
  Payload payload = Payload::next_block;
  /// Ordered or proposed but not committed, oldest first: what they spend is spent, what they contain is not repeated.
  /// Blocks that have been committed meanwhile count as committed.
  std::vector<BlockPtr> ancestors{};
};
/// Answered by `Engine::on_validated`: whether limits hold, signatures are good and every transaction executes after
/// the committed chain and `ancestors` (a `vertex`: is well formed). A function of these alone.
struct ValidatePayload {
  BlockPtr block;
  Payload payload = Payload::next_block;
  std::vector<BlockPtr> ancestors{};
  bool followed = false;   ///< others have gone on from it: that it came too late for this node's view is no objection
};
/// Commit callback: exactly once a level, in height order, gap free. `final` is answered by `Engine::on_executed`.
struct Deliver { BlockPtr block; CommitLevel level; Commit commit; };
/// Takes back a delivery below `final`: that block, at that level. Its descendants went before it.
struct Revert { BlockPtr block; CommitLevel level; };
struct ReportEvidence { Evidence evidence; };
/// A record for the trace; the host fills in node and time.
struct Trace { sim::Record record; };
}  // namespace effect

using Effect = std::variant<effect::Persist, effect::Forget, effect::Send, effect::Broadcast, effect::SetTimer,
                            effect::CancelTimer, effect::BuildPayload, effect::ValidatePayload, effect::Deliver,
                            effect::Revert, effect::ReportEvidence, effect::Trace>;

class Outbox {
 public:
  explicit Outbox(sim::MessagePool& pool) : pool_(pool) {}

  void persist(std::uint8_t type, Height h, Round r, std::vector<std::byte> bytes,
               std::vector<MessagePtr> bodies = {}) {
    effects_.emplace_back(effect::Persist{type, h, r, std::move(bytes), std::move(bodies)});
  }
  template <class M, class... Args>
  MessagePtr make(Args&&... args) {
    return MessagePtr{pool_.make<M>(std::forward<Args>(args)...)};
  }
  void send(NodeId to, MessagePtr m) { effects_.emplace_back(effect::Send{to, std::move(m)}); }
  void broadcast(MessagePtr m) { effects_.emplace_back(effect::Broadcast{std::move(m)}); }
  void set_timer(std::uint32_t id, Duration delay, std::uint64_t token) {
    effects_.emplace_back(effect::SetTimer{id, delay, token});
  }
  void cancel_timer(std::uint32_t id) { effects_.emplace_back(effect::CancelTimer{id}); }
  void trace(const sim::Record& r) { effects_.emplace_back(effect::Trace{r}); }
  void add(Effect e) { effects_.push_back(std::move(e)); }

  std::vector<Effect>& effects() { return effects_; }
  bool empty() const { return effects_.empty(); }
  void clear() { effects_.clear(); }
  sim::MessagePool& pool() { return pool_; }

 private:
  sim::MessagePool& pool_;
  std::vector<Effect> effects_;
};

}  // namespace seqlab::protocols
