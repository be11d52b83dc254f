// Streamlet (Chan and Shi, AFT 2020) with weighted stake. Time is cut into epochs of 2 Delta by the local clock; the
// leader of an epoch proposes on top of a longest notarised chain, everybody votes for the first proposal of the epoch
// if it extends one of the longest notarised chains that it has seen, a quorum of votes notarises, and three adjacent
// blocks of consecutive epochs make the middle one final. NOTES.md tells the rest.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/streamlet/options.hpp"
#include "protocols/consensus/streamlet/rules.hpp"
#include "protocols/consensus/tendermint/block_sync.hpp"
#include "protocols/consensus/tendermint/vote_set.hpp"
#include "protocols/consensus/voting_proposal.hpp"

namespace seqlab::protocols {

template <class Rules>
class BasicStreamlet {
 public:
  BasicStreamlet(NodeId self, const StreamletOptions& options) : self_(self), options_(options) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out);
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out);
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out);
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out);
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out);

  Height height() const { return next(root_.height); }
  Round round() const { return epoch_; }

  friend bool operator==(const BasicStreamlet& a, const BasicStreamlet& b) { return a.same(b); }
  void hash_into(HashBuilder& h) const;

 private:
  enum class Timer : std::uint8_t { epoch, sync };
  enum class Validity : std::uint8_t { unknown, asked, valid, invalid };

  /// A block above the last final one, or what is known of it before its body came.
  struct Entry {
    BlockId id;
    Height height{};
    Round epoch{};
    BlockPtr body;           ///< null: wanted
    Commit certificate;      ///< without signatures: not notarised
    Validity validity = Validity::unknown;
    bool notarised() const { return !certificate.signatures.empty(); }
    friend bool operator==(const Entry& a, const Entry& b) {
      return a.id == b.id && (a.body == nullptr) == (b.body == nullptr) && a.certificate == b.certificate &&
             a.validity == b.validity;
    }
  };
  /// The votes of one epoch for blocks of one height.
  struct Ballot {
    Round epoch{};
    Height height{};
    VoteSet votes;
    friend bool operator==(const Ballot&, const Ballot&) = default;
  };
  /// The first proposal of an epoch.
  struct FirstProposal {
    Round epoch{};
    Vote vote;
    bool reported = false;   ///< a second one was
    friend bool operator==(const FirstProposal&, const FirstProposal&) = default;
  };
  /// The last final block.
  struct Root {
    Height height{};
    BlockId id;
    Round epoch{0};
    SimTime time{};
    friend bool operator==(const Root&, const Root&) = default;
  };

  // time
  Round epoch_at(SimTime wall) const;
  NodeId leader_of(Round epoch) const {
    const auto& fixed = options_.fixed_leaders;
    if (!fixed.empty()) return fixed[static_cast<std::size_t>(epoch.value) % fixed.size()];
    return Rules::leader(options_.leaders, epoch, committee_);
  }
  void arm_epoch_timer(const EngineView& view, Outbox& out) const;
  void enter_epoch(Round epoch, const EngineView& view, Outbox& out);

  // inputs from peers
  void on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_block_request(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) const;
  void on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);

  // S1 ... S4
  void propose(const EngineView& view, Outbox& out);
  void try_vote(const EngineView& view, Outbox& out);
  void count(const MessagePtr& vote, NodeId from, bool relay, const EngineView& view, Outbox& out);
  void notarise(Ballot& ballot, BlockId block, const EngineView& view, Outbox& out);
  void take_certificate(const Commit& certificate, NodeId from, Outbox& out);
  void try_finalise(const EngineView& view, Outbox& out);
  void deliver(const BlockPtr& block, const Commit& commit, Outbox& out);
  void say(Vote vote, const BlockPtr& block, bool proposal, Outbox& out);

  // the tree
  Entry* find(BlockId id);
  const Entry* find(BlockId id) const;
  Entry& entry(BlockId id, Height height, Round epoch);
  /// Blocks between the last final one and `block`, oldest first. @return false if one is missing
  bool path_to(BlockId block, std::vector<BlockPtr>& path) const;
  bool add_body(const BlockPtr& block, NodeId from, const EngineView& view, Outbox& out);
  Reject check_parent_certificate(const Block& block, Hash128* checked, const EngineView& view);
  Commit root_certificate(const EngineView& view) const;
  Height longest_received() const;
  void prune();
  void keep_bounds();
  Epoch era_of_chain(const EngineView& view) const;
  std::size_t find_era(std::span<const Recovered> log) const;
  void enter_era(const EngineView& view);

  // catching up
  Commit final_proof(const BlockPtr& block, const EngineView& view) const;
  Reject check_final(const Block& block, const Commit& commit, const EngineView& view) const;
  void ask_for_wanted(Outbox& out);
  void ask_for_body(BlockId id, Height height, NodeId peer, Outbox& out);
  void ask_for_blocks(Outbox& out);
  void open_request(NodeId peer, Height height, BlockId id, Outbox& out);
  void take_kept(const EngineView& view, Outbox& out);

  void reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why, Outbox& out) const;
  std::int32_t index_of(NodeId node) const;
  bool same(const BasicStreamlet& other) const;

  NodeId self_;
  StreamletOptions options_;
  Root root_;
  Committee committee_;                // of all heights above the root until the era ends
  Round epoch_{0};
  Round voted_epoch_{0};
  Height voted_height_{};              // of that vote
  Height log_height_{};             // of the newest record, at least
  Round building_{0};                  // epoch for which a payload was asked
  Height longest_notarised_{};         // never less than the root's
  Height final_height_{};              // by S4, with all before it
  BlockId final_tip_;                  // the third block that shows it
  BlockPtr executing_;                 // with the application
  std::vector<Entry> tree_;            // sorted by height, epoch, id
  std::vector<Ballot> ballots_;        // sorted by epoch, height
  std::vector<FirstProposal> proposals_;  // sorted by epoch
  std::vector<std::pair<Round, NodeId>> reported_;  // double votes
  bool sync_armed_ = false;
  Epoch era_{};                        // its first height; 0: the first one
  BlockSync sync_;
};

using Streamlet = BasicStreamlet<StreamletRules>;
extern template class BasicStreamlet<StreamletRules>;

}  // namespace seqlab::protocols
