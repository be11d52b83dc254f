// Tendermint (arXiv 1807.04938) with weighted stake and CometBFT's deviations behind options. This is the state of one
// replica and the handlers of its inputs; every decision is a pure function of rules.hpp. NOTES.md tells the protocol
// in prose, maps the paper's lines to functions and lists the deviations.
//
// Life of a height: new_height (waiting for timeout_commit) -> rounds of propose, prevote, precommit -> commit (the
// block is with the application) -> next height. After every input that can matter `evaluate` runs the rules to a
// fixpoint. A vote that crosses no threshold ends in a few loads and adds: it is the hot path of a run.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/tendermint/block_sync.hpp"
#include "protocols/consensus/tendermint/evidence_pool.hpp"
#include "protocols/consensus/tendermint/options.hpp"
#include "protocols/consensus/tendermint/proposer_priority.hpp"
#include "protocols/consensus/tendermint/rules.hpp"
#include "protocols/consensus/tendermint/safety_record.hpp"
#include "protocols/consensus/tendermint/vote_set.hpp"

namespace seqlab::protocols {

/// `detail` of the record `step_entered`, `step` of a Status.
enum class TendermintStep : std::uint8_t { new_height, propose, prevote, precommit, commit };

/// Votes and proposals as values: by what they say, not by where they are.
bool same_content(const MessagePtr& a, const MessagePtr& b);
void hash_content(const MessagePtr& message, HashBuilder& h);

/// Everything about one round of the current height.
struct RoundState {
  Round round{};
  VoteSet prevotes;
  VoteSet precommits;
  MessagePtr proposal;             ///< the first one of the round's proposer
  bool acceptable = false;         ///< the proposal fits its block (times, rounds, proposer)
  bool timely = false;             ///< when it came
  bool polka_handled = false;      ///< T5 has fired
  bool prevote_timer = false;      ///< T4 has fired
  bool precommit_timer = false;    ///< T7 has fired
  bool double_proposal = false;    ///< a second proposal was reported

  void clear();
  friend bool operator==(const RoundState& a, const RoundState& b);
  void hash_into(HashBuilder& h) const;
};

template <class Rules>
class BasicTendermint {
 public:
  using Step = TendermintStep;

  /// @param leaders  see EngineParameters::leaders
  BasicTendermint(NodeId self, const TendermintOptions& options, std::vector<NodeId> leaders = {})
      : self_(self), options_(options), leaders_(std::move(leaders)) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out);
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out);
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out);
  void on_payload_available(const EngineView& view, Outbox& out);
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out);
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out);

  Height height() const { return height_; }
  Round round() const { return round_; }
  Step step() const { return step_; }
  const LockedValue& locked() const { return locked_; }
  const LockedValue& valid() const { return valid_; }
  NodeId proposer_of(Round round);  ///< of the current height; no_node if the round is absurdly far

  friend bool operator==(const BasicTendermint& a, const BasicTendermint& b) { return a.same(b); }
  void hash_into(HashBuilder& h) const;

 private:
  enum class Timer : std::uint8_t { propose, prevote, precommit, commit, stall, fetch, sync, clock, empty_block };
  enum class Validity : std::uint8_t { asked, valid, invalid };

  struct KnownBlock {
    BlockPtr block;
    Validity validity = Validity::asked;
    bool persisted = false;
    friend bool operator==(const KnownBlock& a, const KnownBlock& b) {
      return a.block->id == b.block->id && a.validity == b.validity && a.persisted == b.persisted;
    }
  };
  struct EarlyMessage {
    NodeId from;
    MessagePtr message;
    SimTime received{};
  };
  /// The last statement that was signed; nothing at or below it is signed again.
  struct SignedUpTo {
    Height height{};
    Round round = no_round;
    Statement statement = Statement::none;
    friend auto operator<=>(const SignedUpTo&, const SignedUpTo&) = default;
  };
  /// Answers given to the statuses of one peer in this height.
  struct Answered {
    NodeId peer;
    std::uint32_t total = 0;
    std::uint32_t recent = 0;  ///< since the own last step or stall
    friend bool operator==(const Answered&, const Answered&) = default;
  };
  struct CatchUpRounds {
    std::uint32_t voter = 0;  ///< index in the committee
    Round round{};
    friend bool operator==(const CatchUpRounds&, const CatchUpRounds&) = default;
  };

  std::vector<KeptPrecommit> passed_round() const;
  void restore_precommits(std::span<const SafetyRecord> records, Outbox& out);
  void restore_polka(std::span<const SafetyRecord> records, const RestoredState& restored, Outbox& out);
  void repeat_statements(std::span<const SafetyRecord> records, const RestoredState& restored, Outbox& out);

  // inputs from peers
  void on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_vote_of_other_height(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_late_precommit(const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_proposal(NodeId from, const MessagePtr& message, SimTime received, const EngineView& view, Outbox& out);
  void on_status(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_votes_request(NodeId from, const MessagePtr& message, Outbox& out);
  void on_block_request(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_evidence(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);

  // rules to a fixpoint
  void evaluate(const EngineView& view, Outbox& out);
  bool evaluate_once(const EngineView& view, Outbox& out);
  bool try_commit(const EngineView& view, Outbox& out);
  bool try_skip_round(const EngineView& view, Outbox& out);
  bool try_prevote(const EngineView& view, Outbox& out);
  bool try_polka(const EngineView& view, Outbox& out);
  bool try_nil_polka(const EngineView& view, Outbox& out);
  void arm_vote_timers(Outbox& out);

  // moving on
  void enter_height(const EngineView& view, Outbox& out);
  void start_round(Round round, const EngineView& view, Outbox& out);
  void start_round_if_due(const EngineView& view, Outbox& out);
  void enter_step(Step step, Outbox& out);
  void decide(const BlockPtr& block, Commit commit, const EngineView& view, Outbox& out);
  bool is_far_behind() const;

  // saying things
  bool may_sign(Statement statement) const;
  void say_vote(VoteType type, BlockId block, const EngineView& view, Outbox& out);
  void say_proposal(const BlockPtr& block, Round valid_round, const EngineView& view, Outbox& out);
  void persist(SafetyRecord record, Outbox& out);
  void propose(const EngineView& view, Outbox& out);
  bool needs_proof_block() const;
  void stop_waiting_for_payload(const EngineView& view, Outbox& out);
  Commit last_commit(const EngineView& view) const;
  Commit commit_of(const RoundState& round, BlockId block) const;
  SimTime vote_time(const EngineView& view) const;
  SimTime block_time(const Commit& last_commit, const EngineView& view) const;

  // knowing things
  RoundState& round_state(Round round);
  const RoundState* find_round(Round round) const;
  RoundState* round_for_vote(const Vote& vote, std::uint32_t index);
  std::int32_t index_of(NodeId node) const;
  Power power_of(std::uint32_t index) const { return uniform_power_ != 0 ? uniform_power_ : committee_[index].power; }
  KnownBlock* known(BlockId id);
  void learn_block(const BlockPtr& block, const ProposalMessage* carrier, NodeId from, const EngineView& view,
                   Outbox& out);
  bool header_fits(const Block& block, const ProposalMessage* carrier, const EngineView& view) const;
  Reject check_evidence_of(const Block& block, const EngineView& view) const;
  bool check_vote(const VoteMessage& body, const EngineView& view) const;
  void on_quorum(const RoundState& round, VoteType type, BlockId block, Outbox& out);
  void report_double_vote(const Vote& first, const Vote& second, const EngineView& view, Outbox& out);
  void compare_with_commit(const Commit& commit, const VoteSet& votes, const Committee& committee,
                           const EngineView& view, Outbox& out);

  // catching up
  void keep_for_next_height(NodeId from, const MessagePtr& message, SimTime received);
  void on_hint(NodeId from, Height height, bool stated, const EngineView& view, Outbox& out);
  void ask_for_blocks(Outbox& out);
  void ask_for_missing_bodies(Outbox& out);
  void ask_for_body(BlockId id, Outbox& out);
  void ask_for_polka(Round round, BlockId block, NodeId peer, Outbox& out);
  void ask_for_missing_polkas(Outbox& out);
  void take_synced(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void finish_catching_up(Outbox& out);
  void arm_sync_timer(Outbox& out);
  Status status() const;
  Answered& answered(NodeId peer);
  void send_votes(NodeId to, const VoteSet& votes, std::span<const std::uint64_t> have, std::uint32_t sweep,
                  Outbox& out) const;
  void on_stall(const EngineView& view, Outbox& out);

  // small things
  void set_timer(Timer timer, Duration delay, Height height, Round round, Outbox& out) const;
  void arm_stall_timer(Outbox& out) const;
  void trace(sim::RecordKind kind, Round round, std::uint8_t detail, BlockId id, Outbox& out) const;
  void reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why, Outbox& out) const;
  bool same(const BasicTendermint& other) const;

  // what every vote looks at
  Height height_{};
  Round round_{};
  Step step_ = Step::new_height;
  bool waiting_for_payload_ = false;
  bool dense_ = false;               // members are the nodes 0 ... n-1
  std::uint32_t members_ = 0;
  std::uint32_t current_ = 0;        // rounds_[current_].round == round_
  Power uniform_power_ = 0;          // of each member, 0 if they differ
  Power quorum_ = 0;
  std::vector<RoundState> rounds_;   // sorted by round, never empty while a height is open
  Power validity_ = 0;

  NodeId self_;
  std::int32_t self_index_ = -1;
  TendermintOptions options_;
  std::vector<NodeId> leaders_;

  // this height
  Committee committee_;
  Hash128 committee_hash_;
  ProposerPriority priority_;
  std::vector<std::uint32_t> proposers_;  // of rounds 1, 2, ... as far as anybody asked
  LockedValue locked_;
  LockedValue valid_;
  std::vector<KnownBlock> known_;
  BlockId commit_block_;             // has a quorum of precommits in commit_round_
  Round commit_round_ = no_round;
  BlockPtr decided_;                 // while with the application
  bool built_asked_ = false;         // in this round
  bool payload_available_ = false;
  bool empty_allowed_ = false;
  bool commit_wait_over_ = false;
  bool fetch_armed_ = false;
  bool sync_armed_ = false;
  std::vector<CatchUpRounds> far_rounds_;
  std::vector<EarlyMessage> early_;  // of the next height
  std::vector<Answered> answered_;   // sorted by peer
  SignedUpTo signed_;

  // the height before
  BlockId parent_;
  SimTime parent_time_{};
  StateRoot parent_state_before_;
  StateRoot state_before_;
  Committee last_committee_;
  Hash128 last_committee_hash_;
  VoteSet last_votes_;               // precommits of the round that decided
  Round last_round_ = no_round;

  EvidencePool evidence_;
  BlockSync sync_;
};

using Tendermint = BasicTendermint<PaperRules>;
extern template class BasicTendermint<PaperRules>;

}  // namespace seqlab::protocols
