// MonadBFT (arXiv 2502.20692 and its implementation) with weighted stake: chained, final after two certificates of
// consecutive rounds, speculative after the first one, and no honest leader's block is lost when later leaders fail.
// This is the state of one replica and the handlers of its inputs; every decision is a pure function of rules.hpp.
// NOTES.md tells the protocol in prose, maps rules to functions and lists the deviations.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "protocols/consensus/chained/branch_store.hpp"
#include "protocols/consensus/chained/collectors.hpp"
#include "protocols/consensus/chained/leader_schedule.hpp"
#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/monadbft/messages.hpp"
#include "protocols/consensus/monadbft/options.hpp"
#include "protocols/consensus/monadbft/rules.hpp"
#include "protocols/consensus/monadbft/safety_record.hpp"

namespace seqlab::protocols {

template <class Rules>
class BasicMonadBft {
 public:
  using Options = MonadBftOptions;
  BasicMonadBft(NodeId self, const Options& options) : self_(self), options_(options) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out);
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out);
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out);
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out);
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out);

  Height height() const { return next(chain_.committed()); }
  Round round() const { return round_; }
  const MonadSafety& safety() const { return safety_; }
  const QuorumCertPtr& high_qc() const { return high_qc_; }
  const TipPtr& high_tip() const { return high_tip_; }
  const BranchStore& chain() const { return chain_; }
  NodeId leader_of(Round round) { return leaders_.leader(round); }

  friend bool operator==(const BasicMonadBft& a, const BasicMonadBft& b) {
    return a.options_ == b.options_ && a.digest() == b.digest();
  }
  void hash_into(HashBuilder& h) const;

 private:
  enum class Timer : std::uint8_t { round, sync = BranchStore::sync_timer, pace, forward };

  /// Timeouts and no-endorsements of the current round, a slot a member.
  struct TimeoutSlot {
    Round high_qc_round{};
    Round high_tip_round = no_round;
    Signature signature{};
    bool there = false;
  };
  struct SeenTip {
    Round round{};
    Vote statement{};       ///< of the leader, as evidence has it
    bool reported = false;
  };

  static const CommitRule& commit_rule();

  // inputs from peers
  void on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timeout(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_recovery(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_no_endorsement(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_advance(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  bool in_epoch(NodeId from, const MessagePtr& message, Epoch epoch, Height committed, Outbox& out);
  void help(NodeId peer, Outbox& out) const;

  // checking, against the epoch's committee
  Reject check_proposal(const MonadProposalMessage& body, const EngineView& view) const;
  Reject check_timeout(const MonadTimeout& t, const EngineView& view) const;
  Reject check_tip(const Tip& tip, const EngineView& view) const;
  Reject check_tc(const MonadTimeoutCert& tc, const EngineView& view) const;
  Reject check_round_cert(const RoundCert& cert, const EngineView& view) const;
  bool leads(const Tip& tip) { return leader_of(tip.block->round) == tip.block->proposer; }
  TipShape shape_of(const Tip& tip) const;
  bool too_old(const QuorumCert& qc) const;
  bool too_old(const MonadTimeoutCertPtr& tc) const;

  // certificates
  void process_qc(const QuorumCertPtr& qc, const EngineView& view, Outbox& out);
  /// @param heard_of  in somebody's timeout: then this replica gives up the round first (B2)
  void process_tc(const MonadTimeoutCertPtr& tc, bool heard_of, const EngineView& view, Outbox& out);
  MonadTimeoutCertPtr timeout_cert() const;
  void drop_old_tip();
  void note_proposal(const Vote& statement, Outbox& out);

  // moving on
  void enter_round(Round round, MonadTimeoutCertPtr tc, const EngineView& view, Outbox& out);
  void enter_epoch(const EngineView& view, Outbox& out);
  void go_on(const EngineView& view, Outbox& out);
  void finish(const EngineView& view, Outbox& out);
  void deliver(Outbox& out);
  void speculate(Outbox& out);
  void take_back(Outbox& out);
  void arm_round_timer(Outbox& out) const;

  // saying things
  void try_propose(const EngineView& view, Outbox& out);
  void build_on(const QuorumCertPtr& qc, const EngineView& view, Outbox& out);
  void propose_again(const TipPtr& tip, const EngineView& view, Outbox& out);
  void recover(const TipPtr& tip, Outbox& out);
  void try_vote(const EngineView& view, Outbox& out);
  void give_up(const EngineView& view, Outbox& out);
  void send_timeout(Outbox& out);
  void send_vote(const MessagePtr& vote, Outbox& out);
  Vote make_vote(const Block& block, const EngineView& view) const;
  /// Writes the record and lets `say` speak, in the order that the rules want.
  template <class Say>
  void persist_and(MonadRecord record, Outbox& out, Say&& say);
  void restore(std::span<const Recovered> log, const EngineView& view);
  void repeat_statements(const MonadRecord& record, const EngineView& view, Outbox& out);

  // blocks
  /// Whether the block can be voted for or proposed again; asks for its ancestors and for its validation if need be.
  bool usable(const BlockPtr& block, Outbox& out);
  bool available(BlockId block, Height height) const;

  // small things
  Power power_of(std::uint32_t index) const { return chain_.epoch().committee[index].power; }
  bool is_member() const { return chain_.epoch().self_index >= 0; }
  Duration pace() const;
  void set_timer(Timer timer, Duration delay, Outbox& out) const;
  void reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why, Outbox& out) const;
  Hash128 digest() const;

  NodeId self_;
  Options options_;
  Round round_{};
  MonadSafety safety_;
  QuorumCertPtr high_qc_;
  MonadTimeoutCertPtr last_tc_;        // of the round before, if it timed out
  TipPtr high_tip_;                    // newer than the highest QC, or null
  MessagePtr proposal_;                // the first well-formed one of the current round
  bool timely_ = false;                // when it came
  MessagePtr own_vote_;                // the last one
  MessagePtr own_timeout_;             // of the current round
  bool build_asked_ = false;           // in this round
  bool recovery_sent_ = false;
  bool pacing_ = false;                // the pause after the last vote is not over
  bool forward_armed_ = false;
  std::vector<TimeoutSlot> timeouts_;  // of the current round, by member
  Power timeout_power_ = 0;
  ExtendRank timeout_rank_;            // of the highest of:
  QuorumCertPtr timeout_qc_;
  TipPtr timeout_tip_;
  std::vector<SignerSignature> refusals_;  // no-endorsements of the current round, by node
  Power refusal_power_ = 0;
  NoEndorsementCertPtr nec_;
  BlockPtr speculative_;               // delivered so, not final yet: the child of the last final block
  std::vector<SeenTip> seen_;          // sorted by round, few
  Height log_height_{};                // of the newest record; never decreases
  Rounds<VoteCollector> votes_;
  std::vector<std::pair<NodeId, MessagePtr>> later_;  // of the next epoch, few
  LeaderSchedule leaders_;
  BranchStore chain_;
};

using MonadBft = BasicMonadBft<MonadRules>;
extern template class BasicMonadBft<MonadRules>;

}  // namespace seqlab::protocols
