// PBFT (Castro and Liskov, OSDI 1999) with weighted stake: the state of one replica and the handlers of its inputs. The
// primary of a view orders one block after the other; pre-prepare, prepare, commit. If it fails, a quorum of view
// changes tells the next primary what was prepared. Decisions are functions of rules.hpp; NOTES.md maps the paper's
// steps to functions and lists the deviations.
#pragma once

#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "protocols/consensus/dag/bits.hpp"
#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/pbft/messages.hpp"
#include "protocols/consensus/pbft/options.hpp"
#include "protocols/consensus/pbft/rules.hpp"
#include "protocols/consensus/tendermint/block_sync.hpp"
#include "protocols/consensus/tendermint/vote_set.hpp"
#include "protocols/consensus/voting_proposal.hpp"

namespace seqlab::protocols {

template <class Rules>
class BasicPbft {
 public:
  BasicPbft(NodeId self, const PbftOptions& options) : self_(self), options_(options) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out);
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out);
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out);
  void on_payload_available(const EngineView& view, Outbox& out);
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out);
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out);

  Height height() const { return height_; }
  Round round() const { return target_; }
  Height stable() const { return stable_.height; }
  bool active() const { return active_; }

  friend bool operator==(const BasicPbft& a, const BasicPbft& b) { return a.same(b); }
  void hash_into(HashBuilder& h) const;

 private:
  enum class Timer : std::uint8_t { view, pace, stall, sync };
  enum class Validity : std::uint8_t { unknown, asked, valid, invalid };

  /// One (sequence number, view).
  struct Slot {
    Height height{};
    Round view{};
    MessagePtr proposal;     ///< the first pre-prepare of the view's primary
    BlockId accepted;        ///< what may be prepared here: of the pre-prepare or the new view
    bool assigned = false;   ///< by the new view
    bool reported = false;   ///< a second pre-prepare was
    VoteSet prepares;
    VoteSet commits;
  };
  struct KnownBlock {
    BlockPtr block;
    Validity validity = Validity::unknown;
    friend bool operator==(const KnownBlock& a, const KnownBlock& b) {
      return a.block->id == b.block->id && a.validity == b.validity;
    }
  };
  /// What was said of the current sequence number; nothing else is said in its place.
  struct Said {
    Height height{};
    Round view{};
    VoteType type{};
    BlockId block;
    friend bool operator==(const Said&, const Said&) = default;
  };
  struct CheckpointVotes {
    Height height{};
    VoteSet votes;
    friend bool operator==(const CheckpointVotes&, const CheckpointVotes&) = default;
  };

  NodeId primary_of(Round view) const {
    const auto& fixed = options_.fixed_leaders;
    if (!fixed.empty()) return fixed[static_cast<std::size_t>(view.value) % fixed.size()];
    return Rules::primary(view, committee_);
  }

  // inputs from peers
  void on_pre_prepare(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_checkpoint(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_view_change(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_new_view(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_status(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_block_request(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) const;
  void on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);

  // normal case
  void evaluate(const EngineView& view, Outbox& out);
  bool try_commit(const EngineView& view, Outbox& out);
  void try_prepare(const EngineView& view, Outbox& out);
  void try_propose(const EngineView& view, Outbox& out);
  void say_vote(VoteType type, BlockId block, const EngineView& view, Outbox& out);
  bool may_say(Height height, Round view, VoteType type, BlockId block) const;
  void persist_statement(const Vote& vote, bool proposal, const BlockPtr& body, Outbox& out);
  void deliver(const BlockPtr& block, const Commit& commit, Outbox& out);
  Reject check_block(const Block& block, const EngineView& view) const;
  bool in_window(Height height) const { return height.value <= stable_.height.value + options_.window; }

  // checkpoints
  void make_checkpoint(Hash128 state, const EngineView& view, Outbox& out);
  void take_stable(Commit proof, Outbox& out);

  // view changes
  void start_view_change(Round target, const EngineView& view, Outbox& out);
  void persist_view(Outbox& out);
  MessagePtr view_change(const EngineView& view, Outbox& out) const;
  void consider_view_changes(const EngineView& view, Outbox& out);
  void make_new_view(const EngineView& view, Outbox& out);
  static std::vector<Assignment> beginning_of(std::span<const MessagePtr> view_changes, Height before_era);
  void arm_view_timer(Outbox& out);
  bool expects_progress() const;

  // knowing things
  Slot* find(Height height, Round view);
  Slot* slot(Height height, Round view);
  void accept(Slot& slot, BlockId block);
  KnownBlock* known(BlockId id);
  void learn(const BlockPtr& block);
  std::int32_t index_of(NodeId node) const;
  void report_double_vote(const Vote& first, const Vote& second, Outbox& out);
  void enter_era(const EngineView& view);

  // catching up
  void note_ahead(NodeId peer, Height at, Outbox& out);
  void ask_for_blocks(Outbox& out);
  void ask_for_body(BlockId id, NodeId peer, Outbox& out);
  void open_request(NodeId peer, Height height, BlockId id, Outbox& out);
  void take_kept(const EngineView& view, Outbox& out);
  void ask_status(NodeId to, Outbox& out) const;
  void answer_status(NodeId to, Outbox& out) const;
  MessagePtr status(std::uint8_t flags, Outbox& out) const;
  void say_again(Outbox& out);

  void arm(Timer timer, Duration delay, Outbox& out) const;
  void trace_view(Outbox& out) const;
  void reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why, Outbox& out) const;
  bool same(const BasicPbft& other) const;

  NodeId self_;
  PbftOptions options_;
  Height height_{};                 // the sequence number that is being decided
  Committee committee_;
  Height era_first_{};              // since when the committee is this one
  std::uint64_t era_ = 0;
  BlockId parent_;
  SimTime parent_time_{};
  BlockPtr executing_;

  Round view_{0};                   // last one that began here
  Round target_{0};                 // == view_, or the one that is asked for
  bool active_ = true;              // view_ goes on: target_ == view_
  std::uint32_t failures_ = 0;      // view changes since the last progress
  bool waiting_for_new_view_ = false;  // a quorum asks for target_: its primary has until the timer
  Height view_height_{~std::uint64_t{0}};  // where the view was written; the greatest if it is view 0
  Round announced_{0};              // highest view for which this node made a NEW-VIEW

  std::vector<Slot> slots_;         // sorted by height, view
  std::vector<KnownBlock> known_;
  std::vector<Said> said_;
  Commit prepared_;                 // the prepared certificate of the highest view for height_, if any
  std::vector<MessagePtr> view_changes_;  // the latest of each node, by node
  MessagePtr new_view_;             // that began view_
  std::vector<std::tuple<Height, Round, VoteType, NodeId>> reported_;

  Commit stable_;                   // proof of the last stable checkpoint; without signatures: the block before the era
  std::vector<CheckpointVotes> checkpoints_;  // sorted by height
  MessagePtr own_checkpoint_;       // the latest

  bool built_asked_ = false;
  bool pace_over_ = true;
  bool payload_available_ = false;
  Height stall_height_{};           // where it was at the last stall timer
  Round stall_target_{0};
  Bits answered_;                   // peers whose status was answered since the stall timer, or since there is news
  bool sync_armed_ = false;
  BlockSync sync_;
};

using Pbft = BasicPbft<PbftRules>;
extern template class BasicPbft<PbftRules>;

}  // namespace seqlab::protocols
