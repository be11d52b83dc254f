// The chain as one replica of a chained engine sees it: the committed head, the tree of blocks above it, what has been
// decided and waits to be executed, the epoch, and everything that fetches what is missing. Safety and rounds are the
// engine's; this knows certificates only as proofs of commits.
//
// How an engine uses it (BasicChained does, MonadBFT composes it in its own way):
//   start          from the durable chain; then `restore` the bodies found in the log
//   learn          a block of a proposal, its certificate checked by the engine: goes into the tree
//   check_qc       a certificate against the committee of the epoch (or of the epoch's base)
//   apply_commit_rule(qc)   decides what `qc` commits, by the engine's `CommitRule`, or asks for missing blocks
//   deliver        at the end of every input: hands the next decided block to the application, one at a time
//   on_executed    moves the head; says whether the epoch ended
//   on_block_request, on_block_response, on_sync_timer, note_peer    fetching
//
// Epochs: one fixed committee each. An epoch ends when a block commits whose execution changes the committee; that
// block is the base of the next one, its uncommitted descendants are abandoned. The epoch's first round is `base.round
// + epoch_round_gap`, the same for all; the base counts as certified in the round before it (`rank`), so the first
// leader proposes without a TC. Rounds never go back, and a replica never votes twice in a round, across epochs. Votes
// and certificates name their epoch; those of another one do not count, but for the certificate of the base.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "protocols/consensus/chained/block_tree.hpp"
#include "protocols/consensus/chained/certificates.hpp"
#include "protocols/consensus/chained/leader_schedule.hpp"
#include "protocols/consensus/chained/messages.hpp"
#include "protocols/consensus/chained/options.hpp"
#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/tendermint/block_sync.hpp"

namespace seqlab::protocols {

/// Rounds between the base of an epoch and the epoch's first round: more than pass while the base is being committed.
inline constexpr std::int32_t epoch_round_gap = 64;

/// What an engine's commits and certificates rest on. Static functions: the same for all replicas of an engine.
struct CommitRule {
  /// Blocks between the committed one and the one that the certificate certifies: 1 for a two-chain, 2 for a
  /// three-chain.
  std::uint32_t depth = 1;
  /// `rounds`: of the certificate, of the one that the certified block carries, and so on; depth + 1 of them.
  bool (*commits)(std::span<const Round> rounds) = nullptr;
  Reject (*check_quorum_cert)(const QuorumCert&, const Committee&, Power quorum, Signatures&) = nullptr;
  Power (*quorum)(const Committee&) = nullptr;
  /// Whether votes and certificates of an epoch count in the `current` one (ChainedRules::counts).
  bool (*counts)(Epoch signed_in, Epoch current) = nullptr;
};

struct EpochState {
  Epoch number{};
  Height first{1};            ///< height of its first block
  Round first_round{1};       ///< meaningful while the base is the committed head
  Committee committee;
  Power quorum = 0;
  Power validity = 0;
  std::int32_t self_index = -1;
  QuorumCertPtr base_qc;      ///< certifies the base; the empty Commit at height 0
  friend bool operator==(const EpochState& a, const EpochState& b) {
    return a.number == b.number && a.first == b.first && a.first_round == b.first_round &&
           a.committee == b.committee && a.quorum == b.quorum && a.self_index == b.self_index &&
           same_cert(a.base_qc, b.base_qc);
  }
};

/// The certificate of a committed block. @pre it is there
const QuorumCert& certificate_of(const ChainView& chain, Height height);
/// The shortest proof that `height` is committed: its certificate and those of as many descendants as the rule takes.
/// Descendants come from the chain, and beyond its end (or that of an epoch) from the commits. Empty if it is gone.
Commit commit_proof(const ChainView& chain, Height height, const CommitRule& rule);

class BranchStore {
 public:
  static constexpr std::uint32_t sync_timer = 1;  ///< id and token of the timer that it arms

  void start(NodeId self, const ChainedOptions& options, const CommitRule& rule, const EngineView& view);

  // -- what is here
  const EpochState& epoch() const { return epoch_; }
  BlockTree& tree() { return tree_; }
  const BlockTree& tree() const { return tree_; }
  Height committed() const { return tree_.root().height; }  ///< delivered and executed
  Height decided() const { return std::max(tree_.root().height, decision_.target); }
  Round committed_round() const { return committed_round_; }  ///< of the last decided block
  /// Round of a certificate as this epoch counts it: that of the base is the one before the epoch's first.
  Round rank(const QuorumCert& qc) const {
    return qc.height < epoch_.first ? previous(epoch_.first_round) : qc.round;
  }
  bool is_base(const QuorumCert& qc) const {
    return qc.height < epoch_.first && qc.height == epoch_.base_qc->height && qc.block == epoch_.base_qc->block &&
           qc.epoch == epoch_.base_qc->epoch;
  }
  /// Whether the certificate is for a block of this epoch, or for the one below it.
  bool is_ours(const QuorumCert& qc, const CommitRule& rule) const {
    return qc.height >= epoch_.first ? rule.counts(qc.epoch, epoch_.number) : is_base(qc);
  }

  /// Epoch, signatures and committee; for the base also whether it is the base. The committee alone does not tell: a
  /// branch that was abandoned with the last epoch has certificates too, and their signers may well be a quorum of this
  /// one. @pre the message is of this epoch
  Reject check_qc(const QuorumCert& qc, const CommitRule& rule, const EngineView& view) const;

  // -- blocks
  /// Puts a block into the tree. `keep`: the branch that is never dropped (the high QC's block).
  BlockTree::Entry* learn(const BlockPtr& block, BlockId keep) { return tree_.insert(block, keep); }
  /// The block of a restarted replica's log.
  void restore(const BlockPtr& block, BlockId keep);
  /// Whether all ancestors of the certified block are here; asks for the first that is not.
  bool connect(const QuorumCert& qc, Outbox& out);
  bool connect(const BlockPtr& block, Outbox& out);

  /// Asks one of `holders` (or anybody, if none is left to ask) for a block, unless that is under way. For blocks that
  /// a quorum named otherwise than by certifying them or a descendant.
  void ask_for(Height height, BlockId block, std::vector<NodeId> holders, Outbox& out);

  // -- commits
  /// The decided block that is to be delivered next, null if there is none or one is being executed.
  BlockPtr next_decided() const;
  /// @return whether something new was decided
  bool apply_commit_rule(const QuorumCertPtr& qc, const CommitRule& rule, LeaderSchedule& leaders, Outbox& out);
  /// After missing blocks came: the rule for every certificate in the tree.
  bool apply_commit_rule_everywhere(const CommitRule& rule, LeaderSchedule& leaders, Outbox& out);
  /// Gives the next decided block to the application, unless it is still busy.
  void deliver(Outbox& out);
  enum class Executed : std::uint8_t { not_mine, advanced, new_epoch };
  Executed on_executed(Height height, const CommitRule& rule, const EngineView& view, Outbox& out);

  // -- fetching
  /// `peer` says that it has committed up to `committed`. One block more than here is ordinary, unless it is `beyond`
  /// this replica's epoch.
  void note_peer(NodeId peer, Height committed, bool beyond, Outbox& out);
  void on_block_request(NodeId from, const BlockRequestMessage& request, const CommitRule& rule,
                        const EngineView& view, Outbox& out) const;
  struct Arrived {
    Reject why = Reject::none;
    BlockPtr block{};      ///< one that was asked for by its id, now in the tree; its own certificate is unchecked
    QuorumCertPtr qc{};    ///< a commit's certificate, checked: blocks are in the tree, the decision is made
  };
  Arrived on_block_response(NodeId from, const MessagePtr& message, BlockId keep, const CommitRule& rule,
                            LeaderSchedule& leaders, const EngineView& view, Outbox& out);
  /// A committed block that came early and whose turn it is.
  Arrived take_kept(const CommitRule& rule, LeaderSchedule& leaders, const EngineView& view, Outbox& out);
  void on_sync_timer(Outbox& out);
  void ask_for_blocks(Outbox& out);

  friend bool operator==(const BranchStore& a, const BranchStore& b);
  void hash_into(HashBuilder& h) const;

 private:
  struct Decision {
    Height target{};            ///< everything up to here on the way to `qc`'s block is final
    QuorumCertPtr qc{};
  };
  void enter_epoch_of(Height first, const CommitRule& rule, const EngineView& view);
  void fetch(const BlockTree::Missing& missing, const QuorumCert* named_by, Outbox& out);
  Arrived take_committed(NodeId from, const BlockResponseMessage& body, const CommitRule& rule,
                         LeaderSchedule& leaders, const EngineView& view, Outbox& out);
  bool decide(const BlockPtr& target, const QuorumCertPtr& qc, LeaderSchedule& leaders);
  void finish_catching_up(Outbox& out);
  void arm_sync_timer(Outbox& out);

  NodeId self_;
  Duration sync_timeout_{};
  std::uint32_t sync_window_ = 1;
  EpochState epoch_;
  BlockTree tree_;
  Decision decision_;
  Round committed_round_{};
  BlockPtr executing_;          // with the application
  bool sync_armed_ = false;
  BlockSync sync_;
};

}  // namespace seqlab::protocols
