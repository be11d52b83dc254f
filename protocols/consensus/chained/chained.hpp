// A replica of a chained engine of the HotStuff family: one block a round, votes for it go to the next leader, whose
// proposal carries their certificate. This is the state and the handlers of its inputs; what an engine decides in its
// own way (votes, locks, commits, the pacemaker's manner) are functions of its `Rules` (rules.hpp). The chain itself,
// commits, epochs and everything fetched are BranchStore's (branch_store.hpp). NOTES.md of the engines map the rules.
//
// Life of a round: entered by the certificate of the round before (QC or TC) -> the leader builds on its highest QC and
// proposes -> replicas process certificates first, then decide about their vote -> votes to the next leader -> QC. Or
// the timer expires: give up (no vote any more), say so with the highest QC, and again each time the timer expires.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/consensus/chained/branch_store.hpp"
#include "protocols/consensus/chained/collectors.hpp"
#include "protocols/consensus/chained/leader_schedule.hpp"
#include "protocols/consensus/chained/messages.hpp"
#include "protocols/consensus/chained/rules.hpp"
#include "protocols/consensus/chained/safety_record.hpp"
#include "protocols/consensus/engine.hpp"

namespace seqlab::protocols {

template <class Rules>
class BasicChained {
 public:
  using Options = typename Rules::Options;  ///< has a member `chained` of type ChainedOptions

  BasicChained(NodeId self, const Options& options) : self_(self), options_(options) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out);
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out);
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out);
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out);
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out);

  Height height() const { return next(chain_.committed()); }
  Round round() const { return round_; }
  const SafetyState& safety() const { return safety_; }
  const QuorumCertPtr& high_qc() const { return high_qc_; }
  const BranchStore& chain() const { return chain_; }
  NodeId leader_of(Round round) { return leaders_.leader(round); }

  friend bool operator==(const BasicChained& a, const BasicChained& b) { return a.same(b); }
  void hash_into(HashBuilder& h) const;

 private:
  enum class Timer : std::uint8_t { round, sync = BranchStore::sync_timer, wait };

  static const CommitRule& commit_rule();

  // inputs from peers
  void on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timeout(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_certificate(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  /// @return true if the message is of this epoch
  bool in_epoch(NodeId from, const MessagePtr& message, Epoch epoch, Height committed, Outbox& out);
  void help(NodeId peer, Outbox& out) const;

  // certificates
  Reject check_proposal(const ChainedProposalMessage& body, const EngineView& view) const;
  Reject check_timeout(const TimeoutMessage& body, const EngineView& view) const;
  Reject check_tc(const TimeoutCert& tc, const EngineView& view) const;
  /// The certificate is of the block below the epoch, and this replica no longer knows which that is.
  bool too_old(const QuorumCertPtr& qc) const;
  void process_qc(const QuorumCertPtr& qc, const EngineView& view, Outbox& out);
  void process_tc(const TimeoutCertPtr& tc, const EngineView& view, Outbox& out);
  void update_lock(const QuorumCert& qc);
  void take_arrived(NodeId from, const ConsensusMessage& message, const BranchStore::Arrived& arrived,
                    const EngineView& view, Outbox& out);

  // moving on
  void enter_round(Round round, TimeoutCertPtr tc, const EngineView& view, Outbox& out);
  void enter_epoch(const EngineView& view, Outbox& out);
  void go_on(const EngineView& view, Outbox& out);
  void finish(const EngineView& view, Outbox& out);
  void arm_round_timer(Outbox& out) const;
  void raise_lock_to_head(const ChainView& chain);

  // saying things
  Duration wait_before_proposing(bool fresh) const;
  void try_propose(const EngineView& view, Outbox& out);
  void try_vote(const EngineView& view, Outbox& out);
  void give_up(const EngineView& view, Outbox& out);
  void persist(ChainedRecord record, Outbox& out);
  void repeat_statements(std::span<const ChainedRecord> records, Outbox& out);

  // small things
  VoteContext context_of(const ChainedProposalMessage& body) const;
  Power power_of(std::uint32_t index) const { return chain_.epoch().committee[index].power; }
  bool is_member() const { return chain_.epoch().self_index >= 0; }
  void trace_round(Outbox& out) const;
  void reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why, Outbox& out) const;
  bool same(const BasicChained& other) const;

  NodeId self_;
  Options options_;
  Round round_{};
  SafetyState safety_;
  QuorumCertPtr high_qc_;
  TimeoutCertPtr round_tc_;             // of the round before, if that opened the current one
  MessagePtr proposal_;                 // the first one of the current round's leader
  MessagePtr own_timeout_;              // of the current round
  bool double_proposal_ = false;        // a second proposal of this round was reported
  bool build_asked_ = false;            // in this round
  bool voting_ = false;                 // the application judges this round's block
  bool wait_armed_ = false;             // the leader waits before it proposes
  bool wait_over_ = false;
  Height log_height_{};                 // of the newest record; never decreases, so the newest is the last forgotten
  Rounds<VoteCollector> votes_;
  Rounds<TimeoutCollector> timeouts_;
  std::vector<std::pair<NodeId, MessagePtr>> later_;  // proposals and timeouts of the next epoch, few
  LeaderSchedule leaders_;
  BranchStore chain_;
};

}  // namespace seqlab::protocols
