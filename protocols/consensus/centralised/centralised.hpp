// Today's single sequencer: one node orders, everybody else follows its signed blocks. A soft confirmation after one
// hop is all that it offers; the baseline of every comparison.
//
// Every `block_interval` the sequencer builds a block on its chain, signs it (a Proposal of round 0), makes it durable
// and broadcasts it. Followers check signer, parent and state, let the application validate it, and deliver it twice:
// `soft`, which is what the promise is worth, and at once `final`, because nobody but the sequencer can take it back
// and execution needs an order. The signature is the commit: type `vote`, one signer. A follower that sees a gap or
// hears nothing for `follower_stall` asks for blocks, from the sequencer first and from other followers then; a block
// counts for the sequencer's signature alone. The sequencer restarts from its chain and, if it had signed the next
// block already, sends that very block again. Two signed blocks of one height are evidence (double_proposal).
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "protocols/consensus/engine.hpp"
#include "protocols/consensus/tendermint/block_sync.hpp"
#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct CentralisedOptions {
  NodeId sequencer{0};
  Duration block_interval = 2s;
  bool create_empty_blocks = true;
  Duration follower_stall = 4s;  ///< a follower that heard nothing for so long asks for what it missed
  friend bool operator==(const CentralisedOptions&, const CentralisedOptions&) = default;
};

class Centralised {
 public:
  Centralised(NodeId self, const CentralisedOptions& options) : self_(self), options_(options) {}

  void start(std::span<const Recovered> log, const EngineView& view, Outbox& out);
  void on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_timer(std::uint64_t token, const EngineView& view, Outbox& out);
  void on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out);
  void on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out);
  void on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out);

  Height height() const { return height_; }
  Round round() const { return Round{0}; }

  friend bool operator==(const Centralised& a, const Centralised& b);
  void hash_into(HashBuilder& h) const;

 private:
  enum class Timer : std::uint8_t { block, stall, sync };
  enum class Phase : std::uint8_t { waiting, validating, executing };

  void enter_height(const EngineView& view);
  void on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  void on_block_request(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) const;
  void on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out);
  /// @return none if the sequencer signed this block of the current height and it fits the chain
  Reject check(const Block& block, const CommitSignature& signature, const EngineView& view) const;
  bool signed_by_sequencer(Height height, BlockId block, const CommitSignature& s, const EngineView& view) const;
  void take(const BlockPtr& block, const CommitSignature& signature, Outbox& out);
  void compare(Height height, BlockId block, const CommitSignature& signature, const EngineView& view, Outbox& out);
  void ask_for_blocks(Outbox& out);
  void ask(NodeId peer, Height height, Outbox& out);
  void arm(Timer timer, Duration delay, Outbox& out) const;
  void reject(NodeId from, const ConsensusMessage& message, Height height, Reject why, Outbox& out) const;
  bool leads() const { return self_ == options_.sequencer; }

  NodeId self_;
  CentralisedOptions options_;
  Height height_{};                  // of the next block
  Phase phase_ = Phase::waiting;
  BlockPtr candidate_;               // checked, with the application
  CommitSignature candidate_signature_{};
  BlockPtr refused_;                 // by the application, which may think better of it
  CommitSignature refused_signature_{};
  bool asked_to_build_ = false;
  bool sync_armed_ = false;
  Height signed_height_{};           // highest block that this sequencer signed
  Height reported_{};                // double signing was reported up to here
  std::vector<std::pair<Height, MessagePtr>> early_;  // proposals of later heights, sorted, few
  BlockId parent_;
  SimTime parent_time_{};
  StateRoot state_before_;
  Hash128 committee_hash_;
  std::vector<NodeId> members_;
  BlockSync sync_;
};

}  // namespace seqlab::protocols
