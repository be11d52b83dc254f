// Handlers of PBFT, written once over a `Rules` type. Included by pbft.cpp and by tests that plant a wrong rule.
#pragma once

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "protocols/consensus/certificates.hpp"
#include "protocols/consensus/log_encoding.hpp"
#include "protocols/consensus/pbft/pbft.hpp"
#include "protocols/consensus/tendermint/safety_record.hpp"

namespace seqlab::protocols {

namespace pbft {

inline constexpr Duration sync_timeout = 1s;
inline constexpr std::uint32_t sync_window = 8;
/// Views ahead of the own one, and sequence numbers, whose messages are kept.
inline constexpr std::int32_t views_ahead = 8;
inline constexpr std::uint64_t heights_ahead = 1;
inline constexpr std::size_t known_max = 64;
/// Bits of `Status::step`. An answer is not answered: heights grow while messages fly, so two that answer each other's
/// older height would never end, and every repetition by the network would double them.
inline constexpr std::uint8_t status_active = 1, status_answer = 2;

// Types of log records besides the statements (SafetyRecord).
inline constexpr std::uint8_t prepared_record = 0x30, view_change_record = 0x31, checkpoint_record = 0x32,
                              new_view_record = 0x33;

inline const ViewChangeMessage::Content& content_of(const MessagePtr& m) {
  return static_cast<const ViewChangeMessage&>(*m).content;
}

}  // namespace pbft

// ---- inputs ---------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicPbft<Rules>::start(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  height_ = next(view.chain.height());
  if (const BlockPtr last = view.chain.block(view.chain.height()); last != nullptr) {
    parent_ = last->id;
    parent_time_ = last->timestamp;
  }
  enter_era(view);
  // The era began where the committee became this one; older checkpoints say nothing in it.
  while (era_first_.value > 1 && view.chain.committee(previous(era_first_)).hash() == committee_.hash()) {
    era_first_ = previous(era_first_);
  }
  stable_.height = previous(era_first_);
  bool spoke = false;
  Round highest{0};
  for (const Recovered& r : log) {
    LogReader in{r.bytes};
    if (r.type == pbft::checkpoint_record) {
      Commit proof;
      if (in.get(proof).good() && proof.height >= era_first_ && proof.height > stable_.height) stable_ = proof;
    } else if (r.height >= height_ && r.type == pbft::prepared_record) {
      Commit certificate;
      if (in.get(certificate).good() && certificate.height == height_) prepared_ = certificate;
    } else if (r.height >= era_first_ && r.type == pbft::view_change_record) {
      if (r.round > highest) {
        spoke = false;
        view_height_ = r.height;
      }
      highest = std::max(highest, r.round);
    } else if (r.height >= era_first_ && r.type == pbft::new_view_record) {
      announced_ = std::max(announced_, r.round);
    } else if (r.height >= height_ && r.type >= safety_record_type) {
      const std::optional<SafetyRecord> record = decode(r.bytes);
      if (!record) continue;
      const VoteType type = record->statement == Statement::precommit ? VoteType::precommit : VoteType::prevote;
      said_.push_back({record->height, record->round, type, record->block});
      if (record->body != nullptr && record->height == height_) {
        learn(record->body);
        known(record->body->id)->validity = Validity::valid;
      }
      if (record->round >= highest) spoke = true;
      highest = std::max(highest, record->round);
      if (record->height != height_ || record->round != highest) continue;
      const Vote vote{record->height, record->round, type, self_, record->block, record->timestamp, record->signature};
      if (record->statement == Statement::proposal && record->body != nullptr) {
        out.trace(voted_record(vote));
        out.broadcast(out.make<VotingProposalMessage>(record->body, vote));
      } else {
        out.broadcast(out.make<VoteMessage>(vote));
      }
    }
  }
  trace_view(out);
  arm(Timer::stall, options_.retransmit, out);
  // Whoever has committed in that view does not ask for it any more.
  if (const Commit* const last = view.chain.commit(previous(height_)); last != nullptr && height_ > era_first_) {
    spoke = spoke || last->round >= highest;
  }
  if (highest > Round{0}) {
    // What the new view assigned is forgotten: it takes part again when somebody shows it.
    target_ = highest;
    active_ = false;
    waiting_for_new_view_ = true;
    if (!spoke) out.broadcast(view_change(view, out));
  }
  arm_view_timer(out);
  if (!log.empty() || height_.value > 1) ask_status(no_node, out);
  evaluate(view, out);
}

template <class Rules>
void BasicPbft<Rules>::on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  switch (any.message_kind()) {
    case MessageKind::prevote:
    case MessageKind::precommit: return on_vote(from, message, view, out);
    case MessageKind::proposal: return on_pre_prepare(from, message, view, out);
    case MessageKind::checkpoint: return on_checkpoint(from, message, view, out);
    case MessageKind::view_change: return on_view_change(from, message, view, out);
    case MessageKind::new_view: return on_new_view(from, message, view, out);
    case MessageKind::status: return on_status(from, message, view, out);
    case MessageKind::block_request: return on_block_request(from, message, view, out);
    case MessageKind::block_response: return on_block_response(from, message, view, out);
    default: return reject(from, any, height_, target_, Reject::not_for_me, out);
  }
}

template <class Rules>
void BasicPbft<Rules>::on_timer(std::uint64_t token, const EngineView& view, Outbox& out) {
  switch (static_cast<Timer>(token)) {
    case Timer::view:
      if (active_ && !expects_progress()) break;
      if (executing_ != nullptr) return arm_view_timer(out);
      start_view_change(next(target_), view, out);
      break;
    case Timer::pace:
      pace_over_ = true;
      break;
    case Timer::stall:
      arm(Timer::stall, options_.retransmit, out);
      answered_.clear();
      if (stall_height_ == height_ && stall_target_ == target_ && executing_ == nullptr && expects_progress()) {
        say_again(out);
        ask_for_blocks(out);
      }
      stall_height_ = height_;
      stall_target_ = target_;
      break;
    case Timer::sync:
      sync_armed_ = sync_.age();
      if (sync_armed_) arm(Timer::sync, pbft::sync_timeout, out);
      ask_for_blocks(out);
      break;
  }
  evaluate(view, out);
}

template <class Rules>
void BasicPbft<Rules>::on_payload_available(const EngineView& view, Outbox& out) {
  if (payload_available_) return;
  payload_available_ = true;
  if (!options_.create_empty_blocks && active_) arm_view_timer(out);  // P6
  evaluate(view, out);
}

// ---- P1 ... P4: normal case -----------------------------------------------------------------------------------------

template <class Rules>
void BasicPbft<Rules>::try_propose(const EngineView& view, Outbox& out) {
  if (!active_ || executing_ != nullptr || built_asked_ || !pace_over_ || !in_window(height_) ||
      primary_of(view_) != self_ || !(options_.create_empty_blocks || payload_available_)) {
    return;
  }
  if (const Slot* s = find(height_, view_); s != nullptr && s->accepted) return;
  const bool said = std::ranges::any_of(said_, [&](const Said& s) {
    return s.height == height_ && s.view == view_ && s.type == VoteType::prevote;
  });
  if (said) return;
  built_asked_ = true;
  const SimTime time = height_.value == 1 ? view.wall : std::max(view.wall, parent_time_ + Duration{1});
  out.add(effect::BuildPayload{height_, view_, parent_, view.chain.state(), {}, time, {}, committee_.hash()});
}

template <class Rules>
void BasicPbft<Rules>::on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out) {
  built_asked_ = false;
  const bool current = height == height_ && round == view_ && active_ && executing_ == nullptr;
  const Slot* const s = find(height_, view_);
  if (!current || block == nullptr || (s != nullptr && s->accepted)) return evaluate(view, out);
  if (block->transactions.empty() && !options_.create_empty_blocks) {
    payload_available_ = false;
    return;
  }
  learn(block);
  known(block->id)->validity = Validity::valid;
  Vote vote{height, round, VoteType::prevote, self_, block->id, view.wall, {}};
  vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
  persist_statement(vote, true, block, out);
  out.trace(voted_record(vote));
  out.broadcast(out.make<VotingProposalMessage>(block, vote));
  pace_over_ = false;
  arm(Timer::pace, options_.block_interval, out);
}

template <class Rules>
void BasicPbft<Rules>::on_pre_prepare(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VotingProposalMessage&>(*message);
  const Vote& v = body.vote;
  const auto refuse = [&](Reject why) { reject(from, body, v.height, v.round, why, out); };
  if (!body.fits() || v.type != VoteType::prevote) return refuse(Reject::malformed);
  if (v.height < height_) return;
  if (!body.is_sound(view.signatures)) return refuse(Reject::bad_signature);
  if (v.height.value > height_.value + pbft::heights_ahead) {
    note_ahead(v.voter, v.height, out);
    return refuse(Reject::far_future);
  }
  const bool here = body.block->committee_hash == committee_.hash();
  if (here && primary_of(v.round) != v.voter) return refuse(Reject::wrong_proposer);
  if (v.height > height_) note_ahead(v.voter, v.height, out);
  if (v.height == height_ && !here) return refuse(Reject::invalid_block);
  if (!in_window(v.height)) {
    ask_status(v.voter, out);  // others may have a later checkpoint
    return refuse(Reject::far_future);
  }
  Slot* const s = slot(v.height, v.round);
  if (s == nullptr) return refuse(v.round < target_ ? Reject::stale : Reject::far_future);
  if (!s->proposal) s->proposal = message;
  const BlockId first = static_cast<const VotingProposalMessage&>(*s->proposal).vote.block;
  if (first != v.block || (s->accepted && s->accepted != v.block)) {
    if (first != v.block && !s->reported) {
      s->reported = true;
      out.add(effect::ReportEvidence{{EvidenceKind::double_proposal, v.voter,
                                      static_cast<const VotingProposalMessage&>(*s->proposal).vote, v}});
    }
    return refuse(Reject::equivocation);
  }
  if (v.height == height_) learn(body.block);
  if (!s->assigned && !s->accepted) accept(*s, v.block);
  const std::int32_t index = index_of(v.voter);
  if (index >= 0) {
    const auto i = static_cast<std::uint32_t>(index);
    s->prepares.add(i, committee_[i].power, out.make<VoteMessage>(v), committee_.size());
  }
  evaluate(view, out);
}

template <class Rules>
void BasicPbft<Rules>::on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VoteMessage&>(*message);
  const Vote& v = body.vote;
  if (v.height < height_) return;  // late, and settled
  const auto refuse = [&](Reject why) { reject(from, body, v.height, v.round, why, out); };
  if (!v.block || v.round < Round{0}) return refuse(Reject::malformed);
  if (v.height.value > height_.value + pbft::heights_ahead) {
    note_ahead(v.voter, v.height, out);
    return refuse(Reject::far_future);
  }
  const std::int32_t index = index_of(v.voter);
  if (index < 0) return refuse(Reject::not_a_member);
  if (body.checked == Checked::not_yet) {
    const bool good = view.signatures.verify(v.voter.value, v.signed_digest(), v.signature);
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);
  Slot* const s = slot(v.height, v.round);
  if (s == nullptr) return refuse(v.round < target_ ? Reject::stale : Reject::far_future);
  const auto i = static_cast<std::uint32_t>(index);
  VoteSet& votes = v.type == VoteType::prevote ? s->prepares : s->commits;
  const auto added = votes.add(i, committee_[i].power, message, committee_.size());
  if (added == VoteSet::Added::duplicate) return;
  if (added != VoteSet::Added::fresh) report_double_vote(*votes.vote_of(i), v, out);
  if (v.height > height_) {
    if (v.type == VoteType::precommit) note_ahead(v.voter, v.height, out);
    return;
  }
  if (added != VoteSet::Added::conflict && votes.last_power() >= Rules::quorum(committee_)) evaluate(view, out);
}

template <class Rules>
void BasicPbft<Rules>::evaluate(const EngineView& view, Outbox& out) {
  if (executing_ != nullptr) return;
  if (try_commit(view, out)) return;
  try_prepare(view, out);
  try_propose(view, out);
}

/// P4. A quorum of commits counts whatever view they are of, and whatever view this is.
template <class Rules>
bool BasicPbft<Rules>::try_commit(const EngineView& /*view*/, Outbox& out) {
  for (Slot& s : slots_) {
    if (s.height != height_) continue;
    const BlockId block = s.commits.majority(Rules::quorum(committee_));
    if (!block) continue;
    const KnownBlock* const k = known(block);
    NodeId voter = no_node;
    Commit commit{.height = height_, .round = s.view, .block = block, .type = VoteType::precommit};
    s.commits.for_each_vote_for(block, [&](std::uint32_t, const MessagePtr& m) {
      const Vote& v = VoteSet::vote_in(m);
      commit.signatures.push_back({v.voter, v.timestamp, v.signature});
      if (voter == no_node && v.voter != self_) voter = v.voter;
    });
    if (k == nullptr) {
      ask_for_body(block, voter, out);
      continue;
    }
    deliver(k->block, commit, out);
    return true;
  }
  return false;
}

/// P2 and P3.
template <class Rules>
void BasicPbft<Rules>::try_prepare(const EngineView& view, Outbox& out) {
  if (!active_ || index_of(self_) < 0) return;
  Slot* const s = find(height_, view_);
  if (s == nullptr || !s->accepted) return;
  const BlockId block = s->accepted;
  KnownBlock* const k = known(block);
  if (k == nullptr) return ask_for_body(block, primary_of(view_), out);
  if (k->validity == Validity::unknown) {
    if (check_block(*k->block, view) != Reject::none) {
      k->validity = Validity::invalid;
      return;
    }
    k->validity = Validity::asked;
    out.add(effect::ValidatePayload{k->block});
    return;
  }
  if (k->validity != Validity::valid) return;
  const auto said = [&](VoteType type) {
    return std::ranges::find(said_, Said{height_, view_, type, block}) != said_.end();
  };
  if (!said(VoteType::prevote)) say_vote(VoteType::prevote, block, view, out);
  if (s->prepares.power_for(block) < Rules::quorum(committee_) || said(VoteType::precommit)) return;
  if (!may_say(height_, view_, VoteType::precommit, block)) return;
  prepared_ = Commit{.height = height_, .round = view_, .block = block, .type = VoteType::prevote};
  s->prepares.for_each_vote_for(block, [&](std::uint32_t, const MessagePtr& m) {
    const Vote& v = VoteSet::vote_in(m);
    prepared_.signatures.push_back({v.voter, v.timestamp, v.signature});
  });
  if (Rules::persist_before_send()) {
    LogWriter w{64 + prepared_.signatures.size() * sizeof(CommitSignature)};
    w.add(prepared_);
    out.persist(pbft::prepared_record, height_, view_, w.take());
  }
  say_vote(VoteType::precommit, block, view, out);
}

template <class Rules>
bool BasicPbft<Rules>::may_say(Height height, Round view, VoteType type, BlockId block) const {
  return std::ranges::none_of(said_, [&](const Said& s) {
    return s.height == height && s.view == view && s.type == type && s.block != block;
  });
}

template <class Rules>
void BasicPbft<Rules>::say_vote(VoteType type, BlockId block, const EngineView& view, Outbox& out) {
  if (!may_say(height_, view_, type, block)) return;
  Vote vote{height_, view_, type, self_, block, view.wall, {}};
  vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
  persist_statement(vote, false, known(block)->block, out);
  out.broadcast(out.make<VoteMessage>(vote));
}

template <class Rules>
void BasicPbft<Rules>::persist_statement(const Vote& vote, bool proposal, const BlockPtr& body, Outbox& out) {
  const bool written = std::ranges::any_of(
      said_, [&](const Said& s) { return s.height == vote.height && s.block == vote.block; });
  said_.push_back({vote.height, vote.round, vote.type, vote.block});
  if (!Rules::persist_before_send()) return;
  const Statement statement = proposal                           ? Statement::proposal
                              : vote.type == VoteType::precommit ? Statement::precommit
                                                                 : Statement::prevote;
  const SafetyRecord record{.statement = statement,
                            .height = vote.height,
                            .round = vote.round,
                            .block = vote.block,
                            .timestamp = vote.timestamp,
                            .signature = vote.signature,
                            .body = written && !proposal ? nullptr : body};
  out.persist(safety_record_type + static_cast<std::uint8_t>(statement), vote.height, vote.round, encode(record));
}

template <class Rules>
Reject BasicPbft<Rules>::check_block(const Block& b, const EngineView& view) const {
  if (b.parent != parent_) return Reject::unknown_parent;
  const bool later = height_.value == 1 || b.timestamp > parent_time_;
  const bool fits = b.height == height_ && later && b.state_before == view.chain.state() &&
                    b.committee_hash == committee_.hash() && b.evidence.empty() && b.last_commit == Commit{} &&
                    b.proposer == primary_of(b.round);
  return fits ? Reject::none : Reject::invalid_block;
}

template <class Rules>
void BasicPbft<Rules>::on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) {
  KnownBlock* const k = known(block->id);
  // The application may find later that a block is valid which it had refused for what it did not know.
  const bool again = valid && k != nullptr && k->validity == Validity::invalid;
  if (k == nullptr || (k->validity != Validity::asked && !again)) return;
  k->validity = valid ? Validity::valid : Validity::invalid;
  evaluate(view, out);
}

template <class Rules>
void BasicPbft<Rules>::deliver(const BlockPtr& block, const Commit& commit, Outbox& out) {
  executing_ = block;
  trace_certificate({.kind = sim::RecordKind::certified,
                     .detail = static_cast<std::uint8_t>(VoteType::precommit),
                     .node = self_,
                     .round = static_cast<std::uint32_t>(commit.round.value),
                     .height = block->height.value,
                     .a = block->id.hi,
                     .b = block->id.lo},
                    commit, out);
  out.add(effect::Deliver{block, CommitLevel::final, commit});
}

template <class Rules>
void BasicPbft<Rules>::on_executed(Height height, const ExecutionResult& result, const EngineView& view, Outbox& out) {
  if (executing_ == nullptr || height != height_) return;
  parent_ = executing_->id;
  parent_time_ = executing_->timestamp;
  executing_ = nullptr;
  height_ = next(height_);
  failures_ = 0;
  built_asked_ = false;
  payload_available_ = false;  // the host says so again
  known_.clear();
  prepared_ = {};
  std::erase_if(slots_, [&](const Slot& s) { return s.height < height_; });
  std::erase_if(said_, [&](const Said& s) { return s.height < height_; });
  std::erase_if(reported_, [&](const auto& r) { return std::get<0>(r) < height_; });
  if (view.chain.committee(height_).hash() != committee_.hash()) {
    ++era_;
    enter_era(view);
    out.trace({.kind = sim::RecordKind::epoch_entered, .node = self_, .height = height_.value, .a = era_});
  } else if (height.value % options_.checkpoint_interval == 0) {
    make_checkpoint(result.state, view, out);
  }
  out.add(effect::Forget{std::min(height_, view_height_)});
  trace_view(out);
  arm_view_timer(out);
  for (const Slot& s : slots_) {  // pre-prepares that came while this was executed
    if (s.height == height_ && s.proposal) learn(static_cast<const VotingProposalMessage&>(*s.proposal).block);
  }
  sync_.settle_below(height_);
  take_kept(view, out);
  if (executing_ != nullptr) return;
  ask_for_blocks(out);
  if (sync_.catching_up && sync_.best() <= height_) {
    sync_.catching_up = false;
    out.trace({.kind = sim::RecordKind::caught_up, .node = self_, .height = height_.value});
    if (height_ > stable_.height) ask_status(no_node, out);  // others know in which view they are
  }
  evaluate(view, out);
}

/// The committee changed: view 0 begins anew. Statements name heights, and no height belongs to two committees.
template <class Rules>
void BasicPbft<Rules>::enter_era(const EngineView& view) {
  committee_ = view.chain.committee(height_);
  era_first_ = height_;
  view_height_ = Height{~std::uint64_t{0}};
  stable_ = {};
  stable_.height = previous(height_);
  checkpoints_.clear();
  own_checkpoint_ = {};
  slots_.clear();
  known_.clear();
  view_changes_.clear();
  new_view_ = {};
  answered_.clear();
  view_ = target_ = announced_ = Round{0};
  active_ = true;
  waiting_for_new_view_ = false;
  failures_ = 0;
}

// ---- P5: checkpoints ------------------------------------------------------------------------------------------------

template <class Rules>
void BasicPbft<Rules>::make_checkpoint(Hash128 state, const EngineView& view, Outbox& out) {
  if (index_of(self_) < 0) return;
  Vote vote{previous(height_), Round{0}, VoteType::none, self_, {}, time_zero, {}};
  vote.block = FieldHash<5>{}.add(hash_domain("checkpoint")).add(parent_).add(state).finish();
  vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
  own_checkpoint_ = out.make<CheckpointMessage>(vote, Commit{});
  out.broadcast(own_checkpoint_);
}

template <class Rules>
void BasicPbft<Rules>::on_checkpoint(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const CheckpointMessage&>(*message);
  const Vote& v = body.vote;
  const auto refuse = [&](Reject why) { reject(from, body, v.height, target_, why, out); };
  if (const Commit& p = body.proof; !p.signatures.empty() && p.height > stable_.height && p.height >= era_first_) {
    const Reject why =
        check_certificate(p, VoteType::none, p.height, p.block, committee_, Rules::quorum(committee_), view.signatures);
    if (why != Reject::none) return refuse(why);
    note_ahead(from, next(p.height), out);
    take_stable(p, out);
    evaluate(view, out);
    return;
  }
  if (v.height <= stable_.height || v.height < era_first_) return;
  if (v.type != VoteType::none || !v.block || v.height.value % options_.checkpoint_interval != 0) {
    return refuse(Reject::malformed);
  }
  if (v.height.value > stable_.height.value + 4ULL * options_.window) {
    note_ahead(v.voter, next(v.height), out);
    return refuse(Reject::far_future);
  }
  const std::int32_t index = index_of(v.voter);
  if (index < 0) return refuse(Reject::not_a_member);
  if (body.checked == Checked::not_yet) {
    const bool good = view.signatures.verify(v.voter.value, v.signed_digest(), v.signature);
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);
  if (v.height > height_) note_ahead(v.voter, next(v.height), out);
  auto at = std::ranges::lower_bound(checkpoints_, v.height, {}, &CheckpointVotes::height);
  if (at == checkpoints_.end() || at->height != v.height) at = checkpoints_.insert(at, {v.height, {}});
  const auto i = static_cast<std::uint32_t>(index);
  const auto added = at->votes.add(i, committee_[i].power, out.make<VoteMessage>(v), committee_.size());
  if (added != VoteSet::Added::fresh || at->votes.last_power() < Rules::quorum(committee_)) return;
  Commit proof{.height = v.height, .round = Round{0}, .block = v.block, .type = VoteType::none};
  at->votes.for_each_vote_for(v.block, [&](std::uint32_t, const MessagePtr& m) {
    const Vote& one = VoteSet::vote_in(m);
    proof.signatures.push_back({one.voter, one.timestamp, one.signature});
  });
  take_stable(std::move(proof), out);
  evaluate(view, out);
}

template <class Rules>
void BasicPbft<Rules>::take_stable(Commit proof, Outbox& out) {
  stable_ = std::move(proof);
  answered_.clear();
  std::erase_if(checkpoints_, [&](const CheckpointVotes& c) { return c.height <= stable_.height; });
  LogWriter w{64 + stable_.signatures.size() * sizeof(CommitSignature)};
  w.add(stable_);
  // Named so that it is dropped when the next one has long been written.
  const Height kept{stable_.height.value + options_.window + 1};
  out.persist(pbft::checkpoint_record, kept, Round{0}, w.take());
}

// ---- P6 ... P9: view changes ----------------------------------------------------------------------------------------

template <class Rules>
bool BasicPbft<Rules>::expects_progress() const {
  if (options_.create_empty_blocks || payload_available_ || !active_) return true;
  return std::ranges::any_of(slots_, [&](const Slot& s) { return s.height == height_ && s.accepted; });
}

/// P6 while the view goes on, P9 while the next one is awaited.
template <class Rules>
void BasicPbft<Rules>::arm_view_timer(Outbox& out) {
  if (!active_ && !waiting_for_new_view_) {
    out.cancel_timer(static_cast<std::uint32_t>(Timer::view));
    return;
  }
  arm(Timer::view, options_.block_interval + Rules::timeout(options_, failures_), out);
}

template <class Rules>
void BasicPbft<Rules>::start_view_change(Round target, const EngineView& view, Outbox& out) {
  active_ = false;
  target_ = target;
  ++failures_;
  waiting_for_new_view_ = false;
  built_asked_ = false;
  trace_view(out);
  if (index_of(self_) >= 0) {
    persist_view(out);
    out.broadcast(view_change(view, out));
  }
  arm_view_timer(out);
  ask_for_blocks(out);
  consider_view_changes(view, out);
}

/// The view outlives the height at which it was entered: nothing is said in an earlier one, whatever is forgotten.
template <class Rules>
void BasicPbft<Rules>::persist_view(Outbox& out) {
  view_height_ = height_;
  if (Rules::persist_before_send()) out.persist(pbft::view_change_record, height_, target_, {});
}

template <class Rules>
MessagePtr BasicPbft<Rules>::view_change(const EngineView& view, Outbox& out) const {
  ViewChangeMessage::Content c;
  c.node = self_;
  c.era_first = era_first_;
  c.view = target_;
  c.executed = previous(height_);
  // The state at a checkpoint that lies ahead is not here yet.
  if (!stable_.signatures.empty() && stable_.height <= c.executed) c.checkpoint = stable_;
  const Height above = c.checkpoint.signatures.empty() ? previous(era_first_) : c.checkpoint.height;
  if (Rules::reports_prepared()) {
    const std::uint64_t oldest = height_.value > options_.window ? height_.value - options_.window : 1;
    for (Height h{std::max(next(above).value, oldest)}; h < height_; h = next(h)) {
      const Commit* const commit = view.chain.commit(h);
      if (commit != nullptr && commit->round < target_) c.prepared.push_back({*commit, nullptr});
    }
    const auto k = std::ranges::find_if(known_, [&](const KnownBlock& b) { return b.block->id == prepared_.block; });
    if (!prepared_.signatures.empty() && prepared_.round < target_) {
      c.prepared.push_back({prepared_, k != known_.end() ? k->block : nullptr});
    }
  }
  c.signature = view.signatures.sign(self_.value, c.signed_digest());
  return out.make<ViewChangeMessage>(std::move(c));
}

template <class Rules>
void BasicPbft<Rules>::on_view_change(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const ViewChangeMessage&>(*message);
  const ViewChangeMessage::Content& c = body.content;
  const auto refuse = [&](Reject why) { reject(from, body, next(c.executed), c.view, why, out); };
  if (c.executed >= height_) note_ahead(c.node, next(c.executed), out);
  if (c.era_first != era_first_) {
    if (c.executed < previous(height_)) answer_status(c.node, out);
    return refuse(c.era_first < era_first_ ? Reject::stale : Reject::far_future);
  }
  if (next(c.executed) < height_) answer_status(c.node, out);
  if (active_ && c.view <= view_) {
    if (new_view_ && c.node != self_) out.send(c.node, new_view_);
    return refuse(Reject::stale);
  }
  if (c.view < target_) return refuse(Reject::stale);
  if (index_of(c.node) < 0) return refuse(Reject::not_a_member);
  if (!body.is_sound(committee_, Rules::quorum(committee_), view.signatures)) return refuse(Reject::bad_certificate);
  const auto node_of = [](const MessagePtr& m) { return pbft::content_of(m).node; };
  const auto at = std::ranges::lower_bound(view_changes_, c.node, {}, node_of);
  if (at == view_changes_.end() || node_of(*at) != c.node) {
    view_changes_.insert(at, message);
  } else if (pbft::content_of(*at).view < c.view) {
    *at = message;
  } else {
    return;
  }
  consider_view_changes(view, out);
  evaluate(view, out);
}

template <class Rules>
void BasicPbft<Rules>::consider_view_changes(const EngineView& view, Outbox& out) {
  // P7: more than a third is beyond, so somebody honest is: the smallest of their views.
  Power beyond = 0;
  Round least{0};
  Power here = 0;
  for (const MessagePtr& m : view_changes_) {
    const ViewChangeMessage::Content& c = pbft::content_of(m);
    const Power power = committee_.power_of(c.node);
    if (c.view > target_) {
      beyond += power;
      if (least == Round{0} || c.view < least) least = c.view;
    } else if (c.view == target_) {
      here += power;
    }
  }
  if (beyond >= Rules::validity(committee_)) return start_view_change(least, view, out);
  if (active_) return;
  // Whoever is already beyond has asked for this view before; else those behind it might wait for ever.
  if (!waiting_for_new_view_ && here + beyond >= Rules::quorum(committee_)) {
    waiting_for_new_view_ = true;
    arm_view_timer(out);
  }
  if (here < Rules::quorum(committee_)) return;
  if (primary_of(target_) == self_ && announced_ < target_) make_new_view(view, out);
}

/// O, from V alone.
template <class Rules>
std::vector<Assignment> BasicPbft<Rules>::beginning_of(std::span<const MessagePtr> view_changes, Height before_era) {
  Height checkpoint = before_era;
  std::vector<PreparedClaim> claims;
  for (const MessagePtr& m : view_changes) {
    const ViewChangeMessage::Content& c = pbft::content_of(m);
    if (!c.checkpoint.signatures.empty()) checkpoint = std::max(checkpoint, c.checkpoint.height);
    for (const PreparedBlock& p : c.prepared) {
      claims.push_back({p.certificate.height, p.certificate.round, p.certificate.type, p.certificate.block});
    }
  }
  return Rules::template new_view<Rules>(checkpoint, std::move(claims));
}

/// P8.
template <class Rules>
void BasicPbft<Rules>::make_new_view(const EngineView& view, Outbox& out) {
  announced_ = target_;
  NewViewMessage::Content c;
  c.node = self_;
  c.era_first = era_first_;
  c.view = target_;
  for (const MessagePtr& m : view_changes_) {
    if (pbft::content_of(m).view == target_) c.view_changes.push_back(m);
  }
  if (Rules::persist_before_send()) out.persist(pbft::new_view_record, height_, target_, {});
  for (const Assignment& a : beginning_of(c.view_changes, previous(era_first_))) {
    if (!a.block) continue;
    BlockPtr block;
    for (const MessagePtr& m : c.view_changes) {
      for (const PreparedBlock& p : pbft::content_of(m).prepared) {
        if (p.certificate.block == a.block && p.body != nullptr) block = p.body;
      }
    }
    if (const KnownBlock* const k = known(a.block); block == nullptr && k != nullptr) block = k->block;
    Vote vote{a.height, target_, VoteType::prevote, self_, a.block, view.wall, {}};
    vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
    if (a.height >= height_) persist_statement(vote, false, block, out);
    sim::Record proposed{.kind = sim::RecordKind::proposed,
                         .node = self_,
                         .peer = self_,
                         .round = static_cast<std::uint32_t>(target_.value),
                         .height = a.height.value};
    out.trace(proposed.with_id(a.block));
    out.trace(voted_record(vote));
    c.assigned.push_back(vote);
    if (block != nullptr) c.bodies.push_back(block);
  }
  c.signature = view.signatures.sign(self_.value, c.signed_digest());
  out.broadcast(out.make<NewViewMessage>(std::move(c)));
}

/// P9.
template <class Rules>
void BasicPbft<Rules>::on_new_view(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const NewViewMessage&>(*message);
  const NewViewMessage::Content& c = body.content;
  const auto refuse = [&](Reject why) { reject(from, body, height_, c.view, why, out); };
  if (c.era_first != era_first_) return refuse(c.era_first < era_first_ ? Reject::stale : Reject::far_future);
  if (c.view < target_ || (active_ && c.view == view_) || c.view < Round{1}) return refuse(Reject::stale);
  if (primary_of(c.view) != c.node) return refuse(Reject::wrong_proposer);
  const Power quorum = Rules::quorum(committee_);
  if (body.checked == Checked::not_yet) {
    bool good = view.signatures.verify(c.node.value, c.signed_digest(), c.signature);
    for (const Vote& v : c.assigned) {
      good = good && v.voter == c.node && v.type == VoteType::prevote && v.round == c.view &&
             view.signatures.verify(v.voter.value, v.signed_digest(), v.signature);
    }
    for (const BlockPtr& b : c.bodies) good = good && b->id == b->compute_id();
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);
  Power power = 0;
  NodeId last = no_node;
  for (const MessagePtr& m : c.view_changes) {
    const ViewChangeMessage::Content& vc = pbft::content_of(m);
    const bool next_one = last == no_node || vc.node > last;
    last = vc.node;
    if (!next_one || vc.view != c.view || vc.era_first != era_first_ ||
        !static_cast<const ViewChangeMessage&>(*m).is_sound(committee_, quorum, view.signatures)) {
      return refuse(Reject::bad_certificate);
    }
    power += committee_.power_of(vc.node);
  }
  if (power < quorum) return refuse(Reject::bad_certificate);
  if (Rules::recomputes_new_view()) {
    std::vector<Assignment> claimed;
    for (const Vote& v : c.assigned) claimed.push_back({v.height, v.block});
    std::vector<Assignment> due = beginning_of(c.view_changes, previous(era_first_));
    std::erase_if(due, [](const Assignment& a) { return !a.block; });
    if (claimed != due) return refuse(Reject::invalid_block);
  }

  const bool told = c.view == target_;  // by its own view change
  view_ = target_ = c.view;
  if (!told) persist_view(out);
  active_ = true;
  waiting_for_new_view_ = false;
  new_view_ = message;
  answered_.clear();
  built_asked_ = false;
  pace_over_ = true;
  std::erase_if(view_changes_, [&](const MessagePtr& m) { return pbft::content_of(m).view <= view_; });
  for (const MessagePtr& m : c.view_changes) {
    note_ahead(pbft::content_of(m).node, next(pbft::content_of(m).executed), out);
  }
  for (const BlockPtr& b : c.bodies) {
    if (b->height == height_) learn(b);
  }
  for (const Vote& v : c.assigned) {
    Slot* const s = v.height >= height_ ? slot(v.height, v.round) : nullptr;
    if (s == nullptr) continue;
    s->assigned = true;
    s->accepted = {};
    accept(*s, v.block);
    if (const std::int32_t index = index_of(v.voter); index >= 0) {
      const auto i = static_cast<std::uint32_t>(index);
      s->prepares.add(i, committee_[i].power, out.make<VoteMessage>(v), committee_.size());
    }
  }
  trace_view(out);
  arm_view_timer(out);
  ask_for_blocks(out);
  evaluate(view, out);
}

// ---- knowing things -------------------------------------------------------------------------------------------------

template <class Rules>
auto BasicPbft<Rules>::find(Height height, Round view) -> Slot* {
  for (Slot& s : slots_) {
    if (s.height == height && s.view == view) return &s;
  }
  return nullptr;
}

/// Null if nothing is kept for it. Views before the own one stay useful for their commits.
template <class Rules>
auto BasicPbft<Rules>::slot(Height height, Round view) -> Slot* {
  if (Slot* const s = find(height, view); s != nullptr) return s;
  if (view.value > target_.value + pbft::views_ahead || view.value + pbft::views_ahead < target_.value ||
      height.value > height_.value + pbft::heights_ahead) {
    return nullptr;
  }
  const auto key = [](const Slot& s) { return std::pair{s.height, s.view}; };
  const auto at = std::ranges::lower_bound(slots_, std::pair{height, view}, {}, key);
  Slot fresh;
  fresh.height = height;
  fresh.view = view;
  return &*slots_.insert(at, std::move(fresh));
}

template <class Rules>
void BasicPbft<Rules>::accept(Slot& s, BlockId block) {
  s.accepted = block;
  // An equivocator's other vote counts for what the primary proposed.
  s.prepares.claim(block, committee_);
  s.commits.claim(block, committee_);
}

template <class Rules>
auto BasicPbft<Rules>::known(BlockId id) -> KnownBlock* {
  const auto at = std::ranges::find_if(known_, [&](const KnownBlock& k) { return k.block->id == id; });
  return at == known_.end() ? nullptr : &*at;
}

/// @pre the block is of the current height, its id that of its content
template <class Rules>
void BasicPbft<Rules>::learn(const BlockPtr& block) {
  if (known(block->id) == nullptr && known_.size() < pbft::known_max) known_.push_back({block, Validity::unknown});
}

template <class Rules>
std::int32_t BasicPbft<Rules>::index_of(NodeId node) const {
  if (node.value < committee_.size() && committee_[node.value].node == node) {
    return static_cast<std::int32_t>(node.value);
  }
  return committee_.index_of(node);
}

template <class Rules>
void BasicPbft<Rules>::report_double_vote(const Vote& first, const Vote& second, Outbox& out) {
  const std::tuple key{second.height, second.round, second.type, second.voter};
  if (first.block == second.block || std::ranges::find(reported_, key) != reported_.end()) return;
  reported_.push_back(key);
  out.add(effect::ReportEvidence{{EvidenceKind::double_vote, second.voter, first, second}});
}

// ---- catching up ----------------------------------------------------------------------------------------------------

/// `peer` works on `at`, or says so.
template <class Rules>
void BasicPbft<Rules>::note_ahead(NodeId peer, Height at, Outbox& out) {
  if (peer == self_ || at <= height_) return;
  sync_.note(peer, at);
  // The commits of this block may be under way; if they are lost, the stall timer asks.
  if (at.value > height_.value + 1) ask_for_blocks(out);
}

/// "This is where I am, what do I lack?" To everybody if `to` is no_node.
template <class Rules>
void BasicPbft<Rules>::ask_status(NodeId to, Outbox& out) const {
  MessagePtr message = status(0, out);
  if (to == no_node) {
    out.broadcast(std::move(message));
  } else if (to != self_) {
    out.send(to, std::move(message));
  }
}

template <class Rules>
void BasicPbft<Rules>::answer_status(NodeId to, Outbox& out) const {
  if (to != self_) out.send(to, status(pbft::status_answer, out));
}

template <class Rules>
MessagePtr BasicPbft<Rules>::status(std::uint8_t flags, Outbox& out) const {
  Status s;
  s.node = self_;
  s.height = height_;
  s.round = target_;
  s.step = static_cast<std::uint8_t>(flags | (active_ ? pbft::status_active : 0));
  return out.make<StatusMessage>(std::move(s));
}

/// Each peer is answered once until there is something new to say or the time has come in which he would ask again.
template <class Rules>
void BasicPbft<Rules>::on_status(NodeId from, const MessagePtr& message, const EngineView& /*view*/, Outbox& out) {
  if (from == self_) return;
  const Status& s = static_cast<const StatusMessage&>(*message).status;
  if (s.height > height_) return note_ahead(from, s.height, out);
  if ((s.step & pbft::status_answer) != 0) return;
  if (answered_.test(from.value)) return;
  answered_.set(from.value);
  if (s.height < height_) answer_status(from, out);
  if (s.height < era_first_) return;  // its committee is another one
  const bool asks_view = s.round < view_ || (s.round == view_ && (s.step & pbft::status_active) == 0);
  if (active_ && new_view_ && asks_view) out.send(from, new_view_);
  if (!stable_.signatures.empty()) {
    const Vote none{.height = stable_.height, .voter = self_};
    out.send(from, out.make<CheckpointMessage>(none, stable_));
  }
}

/// Nothing moves: whatever was said may have been lost.
template <class Rules>
void BasicPbft<Rules>::say_again(Outbox& out) {
  ask_status(no_node, out);
  if (own_checkpoint_ && static_cast<const CheckpointMessage&>(*own_checkpoint_).vote.height > stable_.height) {
    out.broadcast(own_checkpoint_);
  }
  const std::int32_t index = index_of(self_);
  if (index < 0) return;
  if (!active_) {
    for (const MessagePtr& m : view_changes_) {
      if (pbft::content_of(m).node == self_) out.broadcast(m);
    }
    if (announced_ != target_) return;
  }
  const Slot* const s = find(height_, view_);
  if (s == nullptr) return;
  if (s->proposal && static_cast<const ConsensusMessage&>(*s->proposal).author == self_) out.broadcast(s->proposal);
  const auto i = static_cast<std::uint32_t>(index);
  const bool led = s->proposal && static_cast<const ConsensusMessage&>(*s->proposal).author == self_;
  if (s->prepares.vote_of(i) != nullptr && !led) out.broadcast(s->prepares.message_of(i));
  if (s->commits.vote_of(i) != nullptr) out.broadcast(s->commits.message_of(i));
}

template <class Rules>
void BasicPbft<Rules>::on_block_request(NodeId from, const MessagePtr& message, const EngineView& view,
                                        Outbox& out) const {
  if (from == self_) return;
  const auto& request = static_cast<const BlockRequestMessage&>(*message);
  BlockPtr block;
  Commit commit;
  if (request.height.value > 0 && request.height <= view.chain.height()) {
    const Commit* const proof = view.chain.commit(request.height);
    block = proof != nullptr ? view.chain.block(request.height) : nullptr;
    if (block != nullptr && request.block && block->id != request.block) block = nullptr;
    if (block != nullptr) commit = *proof;
  } else if (request.block) {
    const auto at = std::ranges::find_if(known_, [&](const KnownBlock& k) { return k.block->id == request.block; });
    if (at != known_.end()) block = at->block;
  }
  out.send(from, out.make<BlockResponseMessage>(self_, block, std::move(commit)));
}

template <class Rules>
void BasicPbft<Rules>::on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  const auto refuse = [&](Height h, Reject why) { reject(from, body, h, target_, why, out); };
  if (body.block == nullptr) {
    if (!sync_.refused(from)) refuse(height_, Reject::not_for_me);
    return;
  }
  const Block& block = *body.block;
  if (!sync_.close(from, block.height, block.id)) return refuse(block.height, Reject::not_for_me);
  if (block.id != block.compute_id() || block.bytes != block.compute_bytes()) {
    sync_.strike(from);
    return refuse(block.height, Reject::malformed);
  }
  if (block.height < height_) return;
  if (body.commit.signatures.empty()) {
    if (block.height == height_) learn(body.block);
    return evaluate(view, out);
  }
  sync_.keep(from, message, block.height);
  take_kept(view, out);
}

template <class Rules>
void BasicPbft<Rules>::take_kept(const EngineView& view, Outbox& out) {
  if (executing_ != nullptr) return;
  const auto [from, message] = sync_.take(height_);
  if (!message) return;
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  Reject why = check_commit(body.commit, height_, body.block->id, committee_, Rules::quorum(committee_),
                            view.signatures);
  if (why == Reject::none && body.block->parent != parent_) why = Reject::unknown_parent;
  if (why != Reject::none) {
    sync_.strike(from);
    reject(from, body, height_, target_, why, out);
    return ask_for_blocks(out);
  }
  sync_.praise(from);
  deliver(body.block, body.commit, out);
}

template <class Rules>
void BasicPbft<Rules>::ask_for_body(BlockId id, NodeId peer, Outbox& out) {
  if (sync_.is_open(height_, id)) return;
  if (peer == no_node || peer == self_) {
    std::vector<NodeId> members;
    for (const Validator& v : committee_.validators()) members.push_back(v.node);
    peer = sync_.choose_among(self_, members);
  }
  open_request(peer, height_, id, out);
}

template <class Rules>
void BasicPbft<Rules>::ask_for_blocks(Outbox& out) {
  for (std::uint32_t i = 0; i < pbft::sync_window; ++i) {
    const Height h{height_.value + i};
    if (h >= sync_.best()) break;
    const bool here = i == 0 && executing_ != nullptr;
    if (here || sync_.is_open(h, {}) || sync_.is_kept(h)) continue;
    const NodeId peer = sync_.choose(self_, h);
    if (peer == no_node) break;
    if (!sync_.catching_up) {
      sync_.catching_up = true;
      out.trace({.kind = sim::RecordKind::behind, .node = self_, .height = height_.value, .a = sync_.best().value});
    }
    open_request(peer, h, {}, out);
  }
}

template <class Rules>
void BasicPbft<Rules>::open_request(NodeId peer, Height height, BlockId id, Outbox& out) {
  if (peer == no_node || peer == self_) return;
  sync_.open({.height = height, .block = id, .peer = peer});
  out.send(peer, out.make<BlockRequestMessage>(self_, height, id));
  if (sync_armed_) return;
  sync_armed_ = true;
  arm(Timer::sync, pbft::sync_timeout, out);
}

// ---- small things ---------------------------------------------------------------------------------------------------

template <class Rules>
void BasicPbft<Rules>::arm(Timer timer, Duration delay, Outbox& out) const {
  out.set_timer(static_cast<std::uint32_t>(timer), delay, static_cast<std::uint64_t>(timer));
}

template <class Rules>
void BasicPbft<Rules>::trace_view(Outbox& out) const {
  out.trace({.kind = sim::RecordKind::round_entered,
             .node = self_,
             .round = static_cast<std::uint32_t>(target_.value),
             .height = height_.value});
}

template <class Rules>
void BasicPbft<Rules>::reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why,
                              Outbox& out) const {
  out.trace({.kind = sim::RecordKind::message_rejected,
             .detail = message.kind,
             .flags = static_cast<std::uint16_t>(why),
             .node = self_,
             .peer = from,
             .round = static_cast<std::uint32_t>(round.value),
             .height = height.value});
}

namespace pbft {

inline Hash128 digest_of(const MessagePtr& m) {
  if (!m) return {};
  const auto& any = static_cast<const ConsensusMessage&>(*m);
  HashBuilder h;
  h.add(any.kind);
  switch (any.message_kind()) {
    case MessageKind::proposal: static_cast<const VotingProposalMessage&>(any).vote.hash_into(h); break;
    case MessageKind::checkpoint: static_cast<const CheckpointMessage&>(any).vote.hash_into(h); break;
    case MessageKind::view_change: h.add(content_of(m).signed_digest()).add(content_of(m).signature.handle); break;
    case MessageKind::new_view: {
      const NewViewMessage::Content& c = static_cast<const NewViewMessage&>(any).content;
      h.add(c.signed_digest()).add(c.signature.handle);
      break;
    }
    default: break;
  }
  return h.finish();
}

inline bool same(const MessagePtr& a, const MessagePtr& b) {
  return a.get() == b.get() || digest_of(a) == digest_of(b);
}

}  // namespace pbft

template <class Rules>
bool BasicPbft<Rules>::same(const BasicPbft& o) const {
  const auto id_of = [](const BlockPtr& b) { return b != nullptr ? b->id : BlockId{}; };
  const auto same_slot = [](const Slot& a, const Slot& b) {
    return a.height == b.height && a.view == b.view && a.accepted == b.accepted && a.assigned == b.assigned &&
           a.reported == b.reported && pbft::same(a.proposal, b.proposal) && a.prepares == b.prepares &&
           a.commits == b.commits;
  };
  return self_ == o.self_ && options_ == o.options_ && height_ == o.height_ && committee_ == o.committee_ &&
         era_first_ == o.era_first_ && era_ == o.era_ && parent_ == o.parent_ && parent_time_ == o.parent_time_ &&
         id_of(executing_) == id_of(o.executing_) && view_ == o.view_ && target_ == o.target_ &&
         active_ == o.active_ && failures_ == o.failures_ && waiting_for_new_view_ == o.waiting_for_new_view_ &&
         announced_ == o.announced_ && view_height_ == o.view_height_ &&
         std::ranges::equal(slots_, o.slots_, same_slot) && known_ == o.known_ && said_ == o.said_ && prepared_ ==
         o.prepared_ &&
         std::ranges::equal(view_changes_, o.view_changes_, pbft::same) && pbft::same(new_view_, o.new_view_) &&
         reported_ == o.reported_ && stable_ == o.stable_ && checkpoints_ == o.checkpoints_ &&
         pbft::same(own_checkpoint_, o.own_checkpoint_) && built_asked_ == o.built_asked_ &&
         pace_over_ == o.pace_over_ && payload_available_ == o.payload_available_ &&
         stall_height_ == o.stall_height_ && stall_target_ == o.stall_target_ && answered_ == o.answered_ &&
         sync_armed_ == o.sync_armed_ && sync_ == o.sync_;
}

template <class Rules>
void BasicPbft<Rules>::hash_into(HashBuilder& h) const {
  const auto add_commit = [&](const Commit& c) {
    h.add(c.height).add(c.round).add(c.block).add(c.signatures.size());
    for (const CommitSignature& s : c.signatures) h.add(s.voter).add(s.signature.handle);
  };
  h.add(self_).add(height_).add(committee_.hash()).add(era_first_).add(era_).add(parent_).add(ns(parent_time_));
  h.add(executing_ != nullptr ? executing_->id : BlockId{}).add(view_).add(target_).add(active_).add(failures_);
  h.add(waiting_for_new_view_).add(announced_).add(view_height_).add(slots_.size());
  for (const Slot& s : slots_) {
    h.add(s.height).add(s.view).add(s.accepted).add(s.assigned).add(s.reported).add(pbft::digest_of(s.proposal));
    s.prepares.hash_into(h);
    s.commits.hash_into(h);
  }
  h.add(known_.size());
  for (const KnownBlock& k : known_) h.add(k.block->id).add(k.validity);
  h.add(said_.size());
  for (const Said& s : said_) h.add(s.height).add(s.view).add(s.type).add(s.block);
  add_commit(prepared_);
  h.add(view_changes_.size());
  for (const MessagePtr& m : view_changes_) h.add(pbft::digest_of(m));
  h.add(pbft::digest_of(new_view_)).add(reported_.size());
  for (const auto& [height, view, type, node] : reported_) h.add(height).add(view).add(type).add(node);
  add_commit(stable_);
  h.add(checkpoints_.size());
  for (const CheckpointVotes& c : checkpoints_) {
    h.add(c.height);
    c.votes.hash_into(h);
  }
  h.add(pbft::digest_of(own_checkpoint_)).add(built_asked_).add(pace_over_).add(payload_available_);
  h.add(stall_height_).add(stall_target_).add(sync_armed_);
  answered_.hash_into(h);
  sync_.hash_into(h);
}

}  // namespace seqlab::protocols
