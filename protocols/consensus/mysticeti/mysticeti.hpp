// Mysticeti-C (arXiv 2310.14821) with weighted stake: every validator proposes in every round, vertices of an
// uncertified DAG are proposals and votes in one. This is the state of one replica and the handlers of its inputs; the
// decisions are in rules.hpp. NOTES.md tells the protocol, maps its rules to functions and lists the deviations.
//
// Life of a vertex: received -> checked -> its transactions validated -> suspended until all its ancestors are here ->
// accepted: it counts as a vote for the leader slots before it and may open a round -> ordered by a committed leader.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "protocols/consensus/dag/commit_sync.hpp"
#include "protocols/consensus/dag/ordering.hpp"
#include "protocols/consensus/dag/suspended.hpp"
#include "protocols/consensus/dag/vertex_store.hpp"
#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/mysticeti/options.hpp"
#include "protocols/consensus/mysticeti/rules.hpp"

namespace seqlab::protocols {

/// A vertex of the slot's author and round that somebody supports.
struct LeaderCandidate {
  VertexId id;
  Bits supporters;          ///< positions in the voting round
  Bits certifiers;          ///< authors of certificates in the deciding round
  Bits certificates;        ///< positions of them
  Power certified = 0;      ///< power of the certifiers
  friend bool operator==(const LeaderCandidate&, const LeaderCandidate&) = default;
};

/// One leader of one round.
struct LeaderSlot {
  enum class Status : std::uint8_t { undecided, committed, skipped };
  NodeId leader{no_node};
  Status status = Status::undecided;
  VertexId chosen;          ///< if committed
  std::vector<LeaderCandidate> candidates;
  Bits blamers;             ///< authors of vertices in the voting round that support nothing of this slot
  Power blame = 0;
  friend bool operator==(const LeaderSlot&, const LeaderSlot&) = default;
};

template <class Rules>
class BasicMysticeti {
 public:
  BasicMysticeti(NodeId self, const MysticetiOptions& options) : self_(self), options_(options) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out);
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out);
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out);
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out);
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out);

  Height height() const { return next(executed_.height); }
  Round round() const { return clock_; }
  Round own_round() const { return own_round_; }
  bool halted() const { return halted_; }
  const VertexStore& dag() const { return dag_; }
  std::size_t suspended() const { return suspended_.entries().size(); }
  /// Status of a slot that is not yet behind the committed prefix.
  const LeaderSlot* slot(Round round, std::uint32_t offset) const;
  NodeId leader(Round round, std::uint32_t offset) const;

  friend bool operator==(const BasicMysticeti& a, const BasicMysticeti& b) { return a.same(b); }
  void hash_into(HashBuilder& h) const;

 private:
  enum class Timer : std::uint8_t { leader, pace, propose, fetch, sync, stall };
  using RoundSlots = std::vector<LeaderSlot>;
  /// The next own vertex, while its transactions are chosen.
  struct Draft {
    Round round = no_round;
    std::vector<VertexRef> includes;
    SimTime timestamp{};
    Height height{};
    friend bool operator==(const Draft&, const Draft&) = default;
  };
  /// What the log holds of this replica.
  struct OwnRecord {
    Round round{};
    Height height{};
    friend bool operator==(const OwnRecord&, const OwnRecord&) = default;
  };

  /// What an epoch ended with: the vertices behind its last commit, for those who could not decide it by themselves.
  struct Tail {
    Height epoch{};
    Round leader{};                     ///< of its last block
    std::vector<MessagePtr> vertices{};  ///< ascending by round
  };

  // epochs
  void enter_epoch(Height first, const EngineView& view);
  void begin_epoch(const EngineView& view, Outbox& out);
  void keep_tail(Tail tail);
  const Tail* tail_of(Height epoch) const;
  std::vector<MessagePtr> from_tail(const Tail& tail, NodeId peer, const VertexRequestMessage& request) const;
  void restore(std::span<const Recovered> log, const EngineView& view, Outbox& out);

  // vertices
  void on_vertex(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  Reject check(const VertexMessage& body, const EngineView& view) const;
  bool acquainted(const VertexRef& ref) const;
  void report_twin(const Vertex& v, Outbox& out);
  void admit(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void accept(const MessagePtr& message, const EngineView& view, Outbox& out);
  void accept_one(const MessagePtr& message, const EngineView& view, Outbox& out);
  void react(const EngineView& view, Outbox& out);

  // rounds
  void enter_round(Round round, Outbox& out);
  bool may_propose() const;
  void try_propose(Outbox& out);
  void propose(const EngineView& view, Outbox& out);
  bool leaders_present(Round round) const;
  std::vector<VertexRef> choose_includes(Round round) const;
  std::vector<BlockPtr> open_payloads(Round round) const;

  // decisions
  RoundSlots& slots(Round round);
  LeaderCandidate& candidate(LeaderSlot& slot, VertexId id) const;
  VertexId support(VertexPosition position, NodeId leader, Round round) const;
  void count(VertexPosition position);
  Power power_of_positions(const Bits& positions, Round round) const;
  void decide(const EngineView& view, Outbox& out);
  void decide_directly(LeaderSlot& slot, Outbox& out);
  void decide_indirectly(LeaderSlot& slot, Round round);
  void output(const EngineView& view, Outbox& out);
  void advance_slot();
  void deliver_next(const EngineView& view, Outbox& out);

  // catching up
  void ask_for_vertices(const EngineView& view, Outbox& out);
  void on_vertex_request(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_vertex_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void say_hello(Outbox& out);
  void hint(NodeId from, Height height, const EngineView& view, Outbox& out);
  void ask_for_blocks(bool again, Outbox& out);
  void on_block_request(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void adopt_blocks(const EngineView& view, Outbox& out);
  void follow_block(const Block& block);
  /// Rounds up to this one no leader from `leader_round` on will order.
  Round floor_below(Round leader_round) const {
    return Round{leader_round.value - static_cast<std::int32_t>(options_.gc_depth)};
  }
  void recheck_suspended(const EngineView& view, Outbox& out);

  // small things
  void set_timer(Timer timer, Duration delay, std::uint32_t stamp, Outbox& out) const;
  void reject(NodeId from, const ConsensusMessage& message, Round round, Reject why, Outbox& out) const;
  Power power_of(NodeId author) const {
    if (uniform_power_ != 0) return members_.test(author.value) ? uniform_power_ : 0;
    return committee_.power_of(author);
  }
  Power power_of(const Bits& authors) const;
  bool same(const BasicMysticeti& other) const;

  NodeId self_;
  MysticetiOptions options_;

  // this epoch
  Height epoch_{};                     // its first height
  Committee committee_;
  Bits members_;
  Power uniform_power_ = 0;            // of each member, 0 if they differ
  Power quorum_ = 0;
  std::uint32_t leaders_ = 1;

  VertexStore dag_;
  SuspendedVertices suspended_;
  std::vector<std::pair<NodeId, MessagePtr>> validating_;  // (sender, vertex)
  std::vector<std::pair<NodeId, MessagePtr>> early_;       // of a later epoch, a few an author
  std::map<VertexRef, BlockPtr> open_payloads_;            // accepted, not ordered yet

  // rounds
  Round clock_{};
  bool leader_timed_out_ = false;
  bool pacing_ = false;                // min_round_delay has not passed
  Round proposing_ = no_round;         // the timer that ends the instant is set for this round
  Draft draft_;
  Round own_round_ = no_round;         // nothing is signed at or below it
  MessagePtr own_last_;                // in this epoch
  std::vector<MessagePtr> unsaved_;    // accepted since the last own vertex was written
  std::deque<OwnRecord> own_records_;  // in the log
  bool recovered_ = false;             // own_round_ can be relied on
  Bits answered_;                      // peers that said what they know of this replica

  // decisions
  Round slot_round_{};                 // of slots_[0]: first slot that is not behind
  std::uint32_t slot_offset_ = 0;
  std::deque<RoundSlots> slots_;
  bool dirty_ = false;                 // a threshold was crossed since the last decision
  bool halted_ = false;
  ChainHead head_;                     // last block that was made
  ChainHead executed_;                 // last block that the application has
  Round executed_round_{};             // its leader's
  std::deque<BlockPtr> pending_;       // made, not executed
  bool delivering_ = false;            // pending_.front() is with the application

  // catching up
  std::vector<Tail> tails_;            // of the last few epochs, the oldest first
  CommitSync sync_;
  bool fetch_armed_ = false;
  bool sync_armed_ = false;
  Round stall_clock_ = no_round;
};

using Mysticeti = BasicMysticeti<MysticetiRules>;
extern template class BasicMysticeti<MysticetiRules>;

}  // namespace seqlab::protocols
