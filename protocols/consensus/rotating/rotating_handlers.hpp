// Handlers of the rotating sequencer, written once over a `Rules` type. Included by rotating.cpp and by tests that
// plant a wrong rule.
#pragma once

#include <algorithm>
#include <optional>
#include <utility>

#include "protocols/consensus/certificates.hpp"
#include "protocols/consensus/rotating/rotating.hpp"
#include "protocols/consensus/tendermint/safety_record.hpp"

namespace seqlab::protocols {

namespace rotating {

inline constexpr Duration sync_timeout = 1s;
inline constexpr std::uint32_t sync_window = 8;
inline constexpr std::size_t terms_max = 32;
inline constexpr std::uint8_t promise_record = 0x40;

}  // namespace rotating

// ---- time -----------------------------------------------------------------------------------------------------------

template <class Rules>
std::int64_t BasicRotating<Rules>::slot_at(SimTime wall) const {
  const std::int64_t since = ns(wall - time_zero);
  return since < 0 ? -1 : since / ns(options_.slot);
}

template <class Rules>
std::int64_t BasicRotating<Rules>::epoch_of(std::int64_t slot) const {
  return slot / static_cast<std::int64_t>(options_.epoch_slots);
}

/// R2. One operator alone hands nothing over.
template <class Rules>
bool BasicRotating<Rules>::in_window(std::int64_t slot) const {
  const auto length = static_cast<std::int64_t>(options_.epoch_slots);
  return committee_.size() > 1 && slot % length >= length - static_cast<std::int64_t>(options_.handover_slots);
}

/// R2, R9: whether a block of that slot may come from that term.
template <class Rules>
bool BasicRotating<Rules>::may_order(Round term, std::int64_t slot) const {
  const Term t = Term::of(term);
  if (slot < 0) return false;
  if (in_window(slot)) return t.epoch == epoch_of(slot) + 1 || (t.epoch == epoch_of(slot) && t.rank > 0);
  return t.epoch == epoch_of(slot);
}

// ---- inputs ---------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicRotating<Rules>::start(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  height_ = next(view.chain.height());
  if (const BlockPtr last = view.chain.block(view.chain.height()); last != nullptr) {
    parent_ = last->id;
    parent_time_ = last->timestamp;
  }
  committee_ = view.chain.committee(height_);
  promise_height_ = height_;
  for (const Recovered& r : log) {
    if (r.round >= promised_) {
      promised_ = r.round;
      promise_height_ = r.height;
    }
    if (r.type < safety_record_type || r.type == rotating::promise_record || r.height != height_) continue;
    const std::optional<SafetyRecord> record = decode(r.bytes);
    if (!record || record->body == nullptr || record->round < accepted_.term) continue;
    accepted_ = {record->round, record->body};
    const Vote ack{record->height, record->round, VoteType::vote, self_, record->block, record->timestamp,
                   record->signature};
    if (record->statement == Statement::proposal) {
      out.trace(voted_record(ack));
      out.broadcast(out.make<VotingProposalMessage>(record->body, ack));
    } else {
      out.broadcast(out.make<VoteMessage>(ack));
    }
  }
  if (accepted_.block != nullptr) soft_ = accepted_.block;  // its confirmation may have left
  active_at_ = view.wall;
  tick_height_ = height_;
  trace_term(out);
  if (!log.empty() || height_.value > 1) {
    const std::vector<NodeId> all = members();
    open_request(sync_.choose_among(self_, all), height_, {}, out);
  }
  on_slot(view, out);
}

template <class Rules>
void BasicRotating<Rules>::on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  switch (any.message_kind()) {
    case MessageKind::vote: return on_ack(from, message, view, out);
    case MessageKind::proposal: return on_proposal(from, message, view, out);
    case MessageKind::handover: return on_handover(from, message, view, out);
    case MessageKind::block_request: return on_block_request(from, message, view, out);
    case MessageKind::block_response: return on_block_response(from, message, view, out);
    default: return reject(from, any, height_, round(), Reject::not_for_me, out);
  }
}

template <class Rules>
void BasicRotating<Rules>::on_timer(std::uint64_t token, const EngineView& view, Outbox& out) {
  switch (static_cast<Timer>(token)) {
    case Timer::slot:
      on_slot(view, out);
      break;
    case Timer::sync:
      sync_armed_ = sync_.age();
      if (sync_armed_) {
        out.set_timer(static_cast<std::uint32_t>(Timer::sync), rotating::sync_timeout,
                      static_cast<std::uint64_t>(Timer::sync));
      }
      ask_for_blocks(out);
      break;
  }
}

// ---- the operator's duty --------------------------------------------------------------------------------------------

template <class Rules>
void BasicRotating<Rules>::on_slot(const EngineView& view, Outbox& out) {
  const std::int64_t length = ns(options_.slot);
  const std::int64_t since = ns(view.wall - time_zero);
  out.set_timer(static_cast<std::uint32_t>(Timer::slot), Duration{since >= 0 ? length - since % length : -since},
                static_cast<std::uint64_t>(Timer::slot));
  slot_ = slot_at(view.wall);
  if (slot_ < 0 || committee_.size() == 0) return;

  if (tick_height_ == height_ && executing_ == nullptr) {
    // Nothing came of the last slot: what was said may have been lost, or others are ahead.
    for (const Acks& a : acks_) {
      const std::int32_t index = committee_.index_of(self_);
      if (index < 0 || a.term != accepted_.term) continue;
      if (a.votes.vote_of(static_cast<std::uint32_t>(index)) == nullptr) continue;
      const MessagePtr& ack = a.votes.message_of(static_cast<std::uint32_t>(index));
      const Vote& v = VoteSet::vote_in(ack);
      if (operator_of(v.round) == self_) {
        out.broadcast(out.make<VotingProposalMessage>(accepted_.block, v));
      } else {
        out.broadcast(ack);
      }
    }
    const std::vector<NodeId> all = members();
    if (!sync_.is_open(height_, {})) open_request(sync_.choose_among(self_, all), height_, {}, out);
  }
  tick_height_ = height_;
  consider_duty(view, out);
  order(view, out);
}

template <class Rules>
void BasicRotating<Rules>::consider_duty(const EngineView& view, Outbox& out) {
  if (committee_.index_of(self_) < 0 || slot_ < 0) return;
  const std::int64_t epoch = epoch_of(slot_);
  const bool window = in_window(slot_);
  if (duty_ != Duty::none && !may_order(term_, slot_)) {
    // R2: the window of the next operator has begun, or its epoch.
    if (duty_ == Duty::ordering) {
      out.broadcast(handover({.what = HandoverMessage::What::end, .node = self_, .term = term_, .height = height_},
                             view, out));
    }
    duty_ = Duty::none;
  }
  if (duty_ == Duty::asking) return ask_for_promises(view, out);
  if (duty_ == Duty::ordering) return;

  const Round due = Term{window ? epoch + 1 : epoch, 0}.round();
  if (operator_of(due) == self_) {
    // R3: the incumbent has ended, or had time enough to say so.
    const auto length = static_cast<std::int64_t>(options_.epoch_slots);
    const std::int64_t opened = (epoch + 1) * length - static_cast<std::int64_t>(options_.handover_slots);
    const bool waited = view.wall >= time_zero + opened * options_.slot + options_.buffer;
    const bool marked = ended_.value >= 0 && Term::of(ended_).epoch == epoch;
    if ((!window || marked || waited) && due >= promised_) begin(due, view, out);
    return;
  }
  // R12: backups in the order of the committee, each after as many times of silence.
  const auto size = std::min<std::int64_t>(static_cast<std::int64_t>(committee_.size()), Term::ranks);
  std::int64_t rank = 1;
  while (rank < size && operator_of(Term{epoch, static_cast<std::uint32_t>(rank)}.round()) != self_) ++rank;
  if (options_.inactive_slots == 0 || rank == size) return;
  const Duration silence = rank * static_cast<std::int64_t>(options_.inactive_slots) * options_.slot;
  const Round backup = Rules::backup_term(epoch, static_cast<std::uint32_t>(rank)).round();
  if (window || view.wall - active_at_ < silence || backup < promised_) return;
  if (Rules::may_sign(self_, operator_of(backup))) begin(backup, view, out);
}

template <class Rules>
void BasicRotating<Rules>::begin(Round term, const EngineView& view, Outbox& out) {
  duty_ = Duty::asking;
  term_ = term;
  promises_.clear();
  best_ = {};
  if (!Rules::syncs_tail()) {
    duty_ = Duty::ordering;
    return;
  }
  ask_for_promises(view, out);
}

template <class Rules>
void BasicRotating<Rules>::ask_for_promises(const EngineView& view, Outbox& out) {
  out.broadcast(handover({.what = HandoverMessage::What::request, .node = self_, .term = term_, .height = height_},
                         view, out));
}

template <class Rules>
void BasicRotating<Rules>::order(const EngineView& view, Outbox& out) {
  if (duty_ != Duty::ordering || executing_ != nullptr || asked_to_build_ || term_ < promised_) return;
  if (accepted_.term == term_ && accepted_.block != nullptr) return;  // waits for its acknowledgements
  if (!may_order(term_, slot_)) return;
  if (Rules::outranks(best_, accepted_) && best_.block->height == height_) {
    // Whoever told of it may lie, or be on another branch.
    if (check(*best_.block, term_, view) == Reject::none) propose(best_.block, view, out);
    return;
  }
  if (Rules::syncs_tail() && accepted_.block != nullptr) return propose(accepted_.block, view, out);
  asked_to_build_ = true;
  const SimTime time = height_.value == 1 ? view.wall : std::max(view.wall, parent_time_ + Duration{1});
  const Commit* const last = height_.value > 1 ? view.chain.commit(previous(height_)) : nullptr;
  out.add(effect::BuildPayload{height_, term_, parent_, view.chain.state(), last != nullptr ? *last : Commit{}, time,
                               {}, committee_.hash()});
}

template <class Rules>
void BasicRotating<Rules>::on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out) {
  asked_to_build_ = false;
  if (block == nullptr || height != height_ || round != term_ || duty_ != Duty::ordering || executing_ != nullptr ||
      term_ < promised_) {
    return;
  }
  if (block->transactions.empty() && !options_.create_empty_blocks) return;
  if (check(*block, term_, view) == Reject::none) propose(block, view, out);
}

template <class Rules>
void BasicRotating<Rules>::propose(const BlockPtr& block, const EngineView& view, Outbox& out) {
  if (!Rules::may_acknowledge(term_, block->id, promised_, accepted_)) return;
  acknowledge(block, term_, true, view, out);
}

// ---- hand-over ------------------------------------------------------------------------------------------------------

template <class Rules>
MessagePtr BasicRotating<Rules>::handover(HandoverMessage::Content c, const EngineView& view, Outbox& out) const {
  c.signature = view.signatures.sign(self_.value, c.signed_digest());
  return out.make<HandoverMessage>(std::move(c));
}

template <class Rules>
void BasicRotating<Rules>::on_handover(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const HandoverMessage&>(*message);
  const HandoverMessage::Content& c = body.content;
  const auto refuse = [&](Reject why) { reject(from, body, c.height, c.term, why, out); };
  if (c.term < Round{0} || c.height.value == 0) return refuse(Reject::malformed);
  if (!body.is_sound(view.signatures)) return refuse(Reject::bad_signature);
  note_ahead(c.node, c.height, out);
  if (committee_.index_of(c.node) < 0) return refuse(Reject::not_a_member);
  switch (c.what) {
    case HandoverMessage::What::end:
      if (!Rules::may_sign(c.node, operator_of(c.term))) return refuse(Reject::wrong_proposer);
      ended_ = std::max(ended_, c.term);
      consider_duty(view, out);
      break;
    case HandoverMessage::What::request:
      if (!Rules::may_sign(c.node, operator_of(c.term))) return refuse(Reject::wrong_proposer);
      if (c.term < promised_) return refuse(Reject::stale);
      // Nobody may take the future away from those whose turn it will be.
      if (slot_ < 0 || Term::of(c.term).epoch > epoch_of(slot_) + 1) return refuse(Reject::far_future);
      on_request(c, view, out);
      break;
    case HandoverMessage::What::promise:
      on_promise(c, view, out);
      break;
  }
}

template <class Rules>
void BasicRotating<Rules>::promise(Round term, Outbox& out) {
  if (term <= promised_) return;
  promised_ = term;
  promise_height_ = height_;
  if (duty_ != Duty::none && term > term_) duty_ = Duty::none;
  if (Rules::persist_before_send()) out.persist(rotating::promise_record, height_, term, {});
  trace_term(out);
}

template <class Rules>
void BasicRotating<Rules>::on_request(const HandoverMessage::Content& c, const EngineView& view, Outbox& out) {
  if (c.term > promised_) active_at_ = view.wall;
  promise(c.term, out);
  const bool acknowledged = accepted_.block != nullptr;
  out.send(c.node, handover({.what = HandoverMessage::What::promise,
                             .node = self_,
                             .term = c.term,
                             .height = height_,
                             .acknowledged = acknowledged ? accepted_.term : no_round,
                             .block = accepted_.block},
                            view, out));
}

/// The tail is what a quorum knows: nothing can have become final that none of them acknowledged.
template <class Rules>
void BasicRotating<Rules>::on_promise(const HandoverMessage::Content& c, const EngineView& view, Outbox& out) {
  if (duty_ != Duty::asking || c.term != term_ || c.height > height_ || executing_ != nullptr) return;
  const auto at = std::ranges::lower_bound(promises_, c.node);
  if (at != promises_.end() && *at == c.node) return;
  promises_.insert(at, c.node);
  const Acknowledged told{c.acknowledged, c.block};
  if (c.height == height_ && Rules::outranks(told, best_)) best_ = told;
  Power power = 0;
  for (const NodeId node : promises_) power += committee_.power_of(node);
  if (power < Rules::quorum(committee_)) return;
  duty_ = Duty::ordering;
  order(view, out);
}

// ---- blocks ---------------------------------------------------------------------------------------------------------

template <class Rules>
Reject BasicRotating<Rules>::check(const Block& b, Round term, const EngineView& view) const {
  if (b.parent != parent_) return Reject::unknown_parent;
  const bool later = height_.value == 1 || b.timestamp > parent_time_;
  if (!later || b.height != height_ || b.state_before != view.chain.state() || b.committee_hash != committee_.hash() ||
      !b.evidence.empty() || !Rules::may_sign(b.proposer, operator_of(b.round))) {
    return Reject::invalid_block;
  }
  // R9: not from the future, and of a slot in which its term may order. A block of an earlier term was judged then.
  if (b.timestamp > view.wall + options_.slot) return Reject::untimely;
  if (b.round == term && !may_order(term, slot_at(b.timestamp))) return Reject::untimely;
  const Commit& last = b.last_commit;
  if (height_.value == 1) return last == Commit{} ? Reject::none : Reject::bad_certificate;
  const Committee& signers = view.chain.committee(previous(height_));
  return check_certificate(last, VoteType::vote, previous(height_), parent_, signers, Rules::quorum(signers),
                           view.signatures);
}

template <class Rules>
void BasicRotating<Rules>::on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VotingProposalMessage&>(*message);
  const Vote& v = body.vote;
  const auto refuse = [&](Reject why) { reject(from, body, v.height, v.round, why, out); };
  if (!body.fits() || v.type != VoteType::vote) return refuse(Reject::malformed);
  if (v.height < height_) return;
  if (!body.is_sound(view.signatures)) return refuse(Reject::bad_signature);
  if (v.height > height_) {
    if (v.height == next(height_)) early_ = message;
    return note_ahead(v.voter, v.height, out);
  }
  if (!Rules::may_sign(v.voter, operator_of(v.round))) return refuse(Reject::wrong_proposer);
  if (v.round < promised_) return refuse(Reject::stale);
  if (slot_ < 0 || Term::of(v.round).epoch > epoch_of(slot_) + 1) return refuse(Reject::far_future);
  const auto first = std::ranges::find(seen_, v.round, [](const auto& s) { return s.first; });
  if (first == seen_.end()) {
    if (seen_.size() < rotating::terms_max) seen_.emplace_back(v.round, v);
  } else if (first->second.block != v.block) {
    if (std::ranges::find(reported_, v.round) == reported_.end()) {
      reported_.push_back(v.round);
      out.add(effect::ReportEvidence{{EvidenceKind::double_proposal, v.voter, first->second, v}});
    }
    return refuse(Reject::equivocation);
  }
  active_at_ = view.wall;
  if (executing_ != nullptr) return;
  count(out.make<VoteMessage>(v), view, out);
  if (executing_ != nullptr) return;
  if (!Rules::may_acknowledge(v.round, v.block, promised_, accepted_)) return;
  if (accepted_.term == v.round) return;  // said already
  if (const Reject why = check(*body.block, v.round, view); why != Reject::none) return refuse(why);
  if (pending_.block != nullptr && pending_.term >= v.round) return;
  pending_ = {body.block, v.round};
  out.add(effect::ValidatePayload{body.block});
}

template <class Rules>
void BasicRotating<Rules>::on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) {
  if (pending_.block == nullptr || pending_.block->id != block->id) {
    if (!valid || refused_.block == nullptr || refused_.block->id != block->id || refused_.term < promised_) return;
    pending_ = std::exchange(refused_, {});
  }
  const Pending p = std::exchange(pending_, {});
  if (!valid) refused_ = p;
  if (!valid || executing_ != nullptr || p.block->height != height_ ||
      !Rules::may_acknowledge(p.term, block->id, promised_, accepted_) || committee_.index_of(self_) < 0) {
    if (valid && p.block->height == height_ && committee_.index_of(self_) < 0) {
      accepted_ = {p.term, p.block};  // a follower acknowledges nothing
      confirm_softly(p.block, p.term, out);
      try_commit(out);
    }
    return;
  }
  acknowledge(p.block, p.term, false, view, out);
}

template <class Rules>
void BasicRotating<Rules>::acknowledge(const BlockPtr& block, Round term, bool proposal, const EngineView& view,
                                       Outbox& out) {
  accepted_ = {term, block};
  if (term > promised_) {
    promised_ = term;
    if (duty_ != Duty::none && term > term_) duty_ = Duty::none;
    trace_term(out);
  }
  promise_height_ = height_;
  Vote ack{height_, term, VoteType::vote, self_, block->id, view.wall, {}};
  ack.signature = view.signatures.sign(self_.value, ack.signed_digest());
  if (Rules::persist_before_send()) {
    const Statement statement = proposal ? Statement::proposal : Statement::prevote;
    const SafetyRecord record{.statement = statement,
                              .height = height_,
                              .round = term,
                              .block = block->id,
                              .timestamp = ack.timestamp,
                              .signature = ack.signature,
                              .body = block};
    out.persist(safety_record_type + static_cast<std::uint8_t>(statement), height_, term, encode(record));
  }
  confirm_softly(block, term, out);
  if (proposal) {
    out.trace(voted_record(ack));
    out.broadcast(out.make<VotingProposalMessage>(block, ack));
  } else {
    out.broadcast(out.make<VoteMessage>(ack));
  }
}

/// One hop from the operator. A later term may take it back.
template <class Rules>
void BasicRotating<Rules>::confirm_softly(const BlockPtr& block, Round term, Outbox& out) {
  if (soft_ != nullptr && soft_->id == block->id) return;
  if (soft_ != nullptr) out.add(effect::Revert{soft_, CommitLevel::soft});
  soft_ = block;
  Commit promise;
  promise.height = block->height;
  promise.round = term;
  promise.block = block->id;
  promise.type = VoteType::vote;
  out.add(effect::Deliver{block, CommitLevel::soft, std::move(promise)});
}

template <class Rules>
auto BasicRotating<Rules>::acks(Round term) -> Acks& {
  const auto at = std::ranges::lower_bound(acks_, term, {}, &Acks::term);
  if (at != acks_.end() && at->term == term) return *at;
  return *acks_.insert(at, Acks{term, {}});
}

template <class Rules>
void BasicRotating<Rules>::on_ack(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VoteMessage&>(*message);
  const Vote& v = body.vote;
  if (v.height < height_) return;  // late, and settled
  const auto refuse = [&](Reject why) { reject(from, body, v.height, v.round, why, out); };
  if (v.type != VoteType::vote || !v.block || v.round < Round{0}) return refuse(Reject::malformed);
  if (v.height > height_) return note_ahead(v.voter, v.height, out);
  if (committee_.index_of(v.voter) < 0) return refuse(Reject::not_a_member);
  if (slot_ < 0 || Term::of(v.round).epoch > epoch_of(slot_) + 1) return refuse(Reject::far_future);
  if (body.checked == Checked::not_yet) {
    const bool good = view.signatures.verify(v.voter.value, v.signed_digest(), v.signature);
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);
  count(message, view, out);
}

template <class Rules>
void BasicRotating<Rules>::count(const MessagePtr& ack, const EngineView& /*view*/, Outbox& out) {
  const Vote& v = VoteSet::vote_in(ack);
  const std::int32_t member = committee_.index_of(v.voter);
  if (member < 0 || executing_ != nullptr) return;
  if (acks_.size() >= rotating::terms_max) acks_.erase(acks_.begin());
  const auto index = static_cast<std::uint32_t>(member);
  VoteSet& votes = acks(v.round).votes;
  const auto added = votes.add(index, committee_[index].power, ack, committee_.size());
  if (added == VoteSet::Added::conflict && std::ranges::find(reported_, v.round) == reported_.end()) {
    reported_.push_back(v.round);
    out.add(effect::ReportEvidence{{EvidenceKind::double_vote, v.voter, *votes.vote_of(index), v}});
  }
  if (added == VoteSet::Added::fresh && votes.last_power() >= Rules::quorum(committee_)) try_commit(out);
}

template <class Rules>
void BasicRotating<Rules>::try_commit(Outbox& out) {
  if (executing_ != nullptr) return;
  for (const Acks& a : acks_) {
    const BlockId block = a.votes.majority(Rules::quorum(committee_));
    if (!block) continue;
    NodeId voter = no_node;
    Commit commit;
    commit.height = height_;
    commit.round = a.term;
    commit.block = block;
    commit.type = VoteType::vote;
    a.votes.for_each_vote_for(block, [&](std::uint32_t, const MessagePtr& m) {
      const Vote& v = VoteSet::vote_in(m);
      commit.signatures.push_back({v.voter, v.timestamp, v.signature});
      if (voter == no_node && v.voter != self_) voter = v.voter;
    });
    if (accepted_.block != nullptr && accepted_.block->id == block) return deliver(accepted_.block, commit, out);
    if (soft_ != nullptr && soft_->id == block) return deliver(soft_, commit, out);
    // With the proof of it, from somebody who saw the acknowledgements as well.
    if (voter != no_node && pending_.block == nullptr && !sync_.is_open(height_, {})) {
      open_request(voter, height_, {}, out);
    }
  }
}

template <class Rules>
void BasicRotating<Rules>::deliver(const BlockPtr& block, const Commit& commit, Outbox& out) {
  confirm_softly(block, commit.round, out);
  executing_ = block;
  trace_certificate({.kind = sim::RecordKind::certified,
                     .detail = static_cast<std::uint8_t>(VoteType::vote),
                     .node = self_,
                     .round = static_cast<std::uint32_t>(commit.round.value),
                     .height = block->height.value,
                     .a = block->id.hi,
                     .b = block->id.lo},
                    commit, out);
  out.add(effect::Deliver{block, CommitLevel::final, commit});
}

template <class Rules>
void BasicRotating<Rules>::on_executed(Height height, const ExecutionResult& /*result*/, const EngineView& view,
                                       Outbox& out) {
  if (executing_ == nullptr || height != height_) return;
  parent_ = executing_->id;
  parent_time_ = executing_->timestamp;
  executing_ = nullptr;
  height_ = next(height_);
  accepted_ = {};
  best_ = {};
  soft_ = nullptr;
  pending_ = {};
  refused_ = {};
  acks_.clear();
  seen_.clear();
  reported_.clear();
  asked_to_build_ = false;
  active_at_ = view.wall;
  if (view.chain.committee(height_).hash() != committee_.hash()) {
    // Another committee has another schedule, and owes its own promises. No statement about this height exists yet.
    ++era_;
    committee_ = view.chain.committee(height_);
    duty_ = Duty::none;
    ended_ = no_round;
    out.trace({.kind = sim::RecordKind::epoch_entered, .node = self_, .height = height_.value, .a = era_});
  }
  out.add(effect::Forget{std::min(height_, promise_height_)});
  trace_term(out);
  sync_.settle_below(height_);
  take_kept(view, out);
  if (executing_ != nullptr) return;
  ask_for_blocks(out);
  if (sync_.catching_up && sync_.best() <= height_) {
    sync_.catching_up = false;
    out.trace({.kind = sim::RecordKind::caught_up, .node = self_, .height = height_.value});
  }
  if (const MessagePtr early = std::exchange(early_, {}); early) {
    on_proposal(static_cast<const ConsensusMessage&>(*early).author, early, view, out);
  }
}

// ---- catching up ----------------------------------------------------------------------------------------------------

template <class Rules>
void BasicRotating<Rules>::note_ahead(NodeId peer, Height at, Outbox& out) {
  if (peer == self_ || at <= height_) return;
  sync_.note(peer, at);
  if (executing_ == nullptr) ask_for_blocks(out);
}

template <class Rules>
std::vector<NodeId> BasicRotating<Rules>::members() const {
  std::vector<NodeId> all;
  for (const Validator& v : committee_.validators()) all.push_back(v.node);
  return all;
}

template <class Rules>
void BasicRotating<Rules>::on_block_request(NodeId from, const MessagePtr& message, const EngineView& view,
                                            Outbox& out) const {
  if (from == self_) return;
  const auto& request = static_cast<const BlockRequestMessage&>(*message);
  const bool there = request.height.value > 0 && request.height <= view.chain.height();
  const Commit* const commit = there ? view.chain.commit(request.height) : nullptr;
  const BlockPtr block = commit != nullptr ? view.chain.block(request.height) : nullptr;
  out.send(from, out.make<BlockResponseMessage>(self_, block, block != nullptr ? *commit : Commit{}));
}

template <class Rules>
void BasicRotating<Rules>::on_block_response(NodeId from, const MessagePtr& message, const EngineView& view,
                                             Outbox& out) {
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  const auto refuse = [&](Height h, Reject why) { reject(from, body, h, round(), why, out); };
  if (body.block == nullptr) {  // it has no more than this node
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
  // Whoever had this one may have the next.
  sync_.note(from, Height{std::max(block.height.value + 2, sync_.best().value)});
  sync_.keep(from, message, block.height);
  take_kept(view, out);
}

template <class Rules>
void BasicRotating<Rules>::take_kept(const EngineView& view, Outbox& out) {
  if (executing_ != nullptr) return;
  const auto [from, message] = sync_.take(height_);
  if (!message) return;
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  Reject why = check_certificate(body.commit, VoteType::vote, height_, body.block->id, committee_,
                                 Rules::quorum(committee_), view.signatures);
  if (why == Reject::none && body.block->parent != parent_) why = Reject::unknown_parent;
  if (why != Reject::none) {
    sync_.strike(from);
    reject(from, body, height_, round(), why, out);
    return ask_for_blocks(out);
  }
  sync_.praise(from);
  deliver(body.block, body.commit, out);
}

template <class Rules>
void BasicRotating<Rules>::ask_for_blocks(Outbox& out) {
  for (std::uint32_t i = 0; i < rotating::sync_window; ++i) {
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
void BasicRotating<Rules>::open_request(NodeId peer, Height height, BlockId id, Outbox& out) {
  if (peer == no_node || peer == self_) return;
  sync_.open({.height = height, .block = id, .peer = peer});
  out.send(peer, out.make<BlockRequestMessage>(self_, height, id));
  if (sync_armed_) return;
  sync_armed_ = true;
  out.set_timer(static_cast<std::uint32_t>(Timer::sync), rotating::sync_timeout,
                static_cast<std::uint64_t>(Timer::sync));
}

// ---- small things ---------------------------------------------------------------------------------------------------

template <class Rules>
void BasicRotating<Rules>::trace_term(Outbox& out) const {
  out.trace({.kind = sim::RecordKind::round_entered,
             .node = self_,
             .round = static_cast<std::uint32_t>(round().value),
             .height = height_.value});
}

template <class Rules>
void BasicRotating<Rules>::reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why,
                                  Outbox& out) const {
  out.trace({.kind = sim::RecordKind::message_rejected,
             .detail = message.kind,
             .flags = static_cast<std::uint16_t>(why),
             .node = self_,
             .peer = from,
             .round = static_cast<std::uint32_t>(round.value),
             .height = height.value});
}

namespace rotating {

inline BlockId id_of(const BlockPtr& b) { return b != nullptr ? b->id : BlockId{}; }
inline Hash128 early_id(const MessagePtr& m) {
  if (!m) return {};
  HashBuilder h;
  static_cast<const VotingProposalMessage&>(*m).vote.hash_into(h);
  return h.finish();
}

}  // namespace rotating

template <class Rules>
bool BasicRotating<Rules>::same(const BasicRotating& o) const {
  using rotating::id_of;
  return self_ == o.self_ && options_ == o.options_ && height_ == o.height_ && committee_ == o.committee_ &&
         parent_ == o.parent_ && parent_time_ == o.parent_time_ && id_of(executing_) == id_of(o.executing_) &&
         promised_ == o.promised_ && promise_height_ == o.promise_height_ && accepted_.term == o.accepted_.term &&
         id_of(accepted_.block) == id_of(o.accepted_.block) && id_of(soft_) == id_of(o.soft_) &&
         id_of(pending_.block) == id_of(o.pending_.block) && pending_.term == o.pending_.term &&
         id_of(refused_.block) == id_of(o.refused_.block) && refused_.term == o.refused_.term && acks_ == o.acks_ &&
         rotating::early_id(early_) == rotating::early_id(o.early_) && seen_ == o.seen_ && reported_ == o.reported_ &&
         duty_ == o.duty_ && term_ == o.term_ && promises_ == o.promises_ && best_.term == o.best_.term &&
         id_of(best_.block) == id_of(o.best_.block) && asked_to_build_ == o.asked_to_build_ && ended_ == o.ended_ &&
         slot_ == o.slot_ && active_at_ == o.active_at_ && tick_height_ == o.tick_height_ &&
         sync_armed_ == o.sync_armed_ && era_ == o.era_ && sync_ == o.sync_;
}

template <class Rules>
void BasicRotating<Rules>::hash_into(HashBuilder& h) const {
  using rotating::id_of;
  h.add(self_).add(height_).add(committee_.hash()).add(parent_).add(ns(parent_time_)).add(id_of(executing_));
  h.add(promised_).add(promise_height_).add(accepted_.term).add(id_of(accepted_.block)).add(id_of(soft_));
  h.add(id_of(pending_.block)).add(pending_.term).add(id_of(refused_.block)).add(refused_.term).add(acks_.size());
  for (const Acks& a : acks_) {
    h.add(a.term);
    a.votes.hash_into(h);
  }
  h.add(rotating::early_id(early_)).add(seen_.size());
  for (const auto& [term, vote] : seen_) {
    h.add(term);
    vote.hash_into(h);
  }
  h.add(reported_.size());
  for (const Round r : reported_) h.add(r);
  h.add(duty_).add(term_).add(promises_.size());
  for (const NodeId node : promises_) h.add(node);
  h.add(best_.term).add(id_of(best_.block)).add(asked_to_build_).add(ended_).add(slot_).add(ns(active_at_));
  h.add(tick_height_).add(sync_armed_).add(era_);
  sync_.hash_into(h);
}

}  // namespace seqlab::protocols
