// A single sequencer that rotates: the operator of an epoch orders one block a slot, every node confirms it softly
// after one hop, and a quorum of acknowledgements makes it final. At the end of its epoch it says so and the next
// operator begins, in a hand-over window and on the tail that a quorum knows. If the operator falls silent, backups
// take over. Safe against crashes and any delay, not against lies. NOTES.md tells the rest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/rotating/messages.hpp"
#include "protocols/consensus/rotating/options.hpp"
#include "protocols/consensus/rotating/rules.hpp"
#include "protocols/consensus/tendermint/block_sync.hpp"
#include "protocols/consensus/tendermint/vote_set.hpp"
#include "protocols/consensus/voting_proposal.hpp"

namespace seqlab::protocols {

template <class Rules>
class BasicRotating {
 public:
  BasicRotating(NodeId self, const RotatingOptions& options) : self_(self), options_(options) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out);
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out);
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out);
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out);
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out);

  Height height() const { return height_; }
  Round round() const { return Round{std::max(promised_.value, 0)}; }

  friend bool operator==(const BasicRotating& a, const BasicRotating& b) { return a.same(b); }
  void hash_into(HashBuilder& h) const;

 private:
  enum class Timer : std::uint8_t { slot, sync };
  enum class Duty : std::uint8_t { none, asking, ordering };

  /// Acknowledgements of one term at the open height.
  struct Acks {
    Round term{};
    VoteSet votes;
    friend bool operator==(const Acks&, const Acks&) = default;
  };
  /// A proposal that is with the application.
  struct Pending {
    BlockPtr block;
    Round term = no_round;
  };

  std::int64_t slot_at(SimTime wall) const;
  std::int64_t epoch_of(std::int64_t slot) const;
  bool in_window(std::int64_t slot) const;
  bool may_order(Round term, std::int64_t slot) const;
  NodeId operator_of(Round term) const {
    const auto& fixed = options_.fixed_leaders;
    const Term t = Term::of(term);
    if (!fixed.empty()) return fixed[static_cast<std::size_t>(t.epoch + t.rank) % fixed.size()];
    return Rules::operator_of(t, committee_);
  }

  void on_slot(const EngineView& view, Outbox& out);
  void consider_duty(const EngineView& view, Outbox& out);
  void begin(Round term, const EngineView& view, Outbox& out);
  void ask_for_promises(const EngineView& view, Outbox& out);
  void order(const EngineView& view, Outbox& out);
  void propose(const BlockPtr& block, const EngineView& view, Outbox& out);

  void on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_ack(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_handover(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_request(const HandoverMessage::Content& c, const EngineView& view, Outbox& out);
  void on_promise(const HandoverMessage::Content& c, const EngineView& view, Outbox& out);
  void on_block_request(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) const;
  void on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);

  Reject check(const Block& block, Round term, const EngineView& view) const;
  void acknowledge(const BlockPtr& block, Round term, bool proposal, const EngineView& view, Outbox& out);
  void confirm_softly(const BlockPtr& block, Round term, Outbox& out);
  Acks& acks(Round term);
  void count(const MessagePtr& ack, const EngineView& view, Outbox& out);
  void try_commit(Outbox& out);
  void deliver(const BlockPtr& block, const Commit& commit, Outbox& out);
  void promise(Round term, Outbox& out);
  MessagePtr handover(HandoverMessage::Content content, const EngineView& view, Outbox& out) const;

  void note_ahead(NodeId peer, Height at, Outbox& out);
  void ask_for_blocks(Outbox& out);
  void open_request(NodeId peer, Height height, BlockId id, Outbox& out);
  void take_kept(const EngineView& view, Outbox& out);
  std::vector<NodeId> members() const;

  void trace_term(Outbox& out) const;
  void reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why, Outbox& out) const;
  bool same(const BasicRotating& other) const;

  NodeId self_;
  RotatingOptions options_;
  Height height_{};                  // open
  Committee committee_;
  BlockId parent_;
  SimTime parent_time_{};
  BlockPtr executing_;

  Round promised_ = no_round;        // no earlier term is acknowledged
  Height promise_height_{};          // where that was written
  Acknowledged accepted_;            // at the open height
  BlockPtr soft_;                    // confirmed softly at the open height
  Pending pending_;
  Pending refused_;  ///< the last one that the application refused; it may think better of it
  std::vector<Acks> acks_;           // sorted by term
  MessagePtr early_;                 // a proposal of the next height
  std::vector<std::pair<Round, Vote>> seen_;  // first proposal of each term at the open height
  std::vector<Round> reported_;

  Duty duty_ = Duty::none;
  Round term_ = no_round;            // of the duty
  std::vector<NodeId> promises_;     // sorted
  Acknowledged best_;                // that the promises told of
  bool asked_to_build_ = false;
  Round ended_ = no_round;           // greatest term that its operator has ended
  std::int64_t slot_ = -1;
  SimTime active_at_{};              // by the clock here: the last block or promise
  Height tick_height_{};             // open at the last slot

  bool sync_armed_ = false;
  std::uint64_t era_ = 0;
  BlockSync sync_;
};

using Rotating = BasicRotating<RotatingRules>;
extern template class BasicRotating<RotatingRules>;

}  // namespace seqlab::protocols
