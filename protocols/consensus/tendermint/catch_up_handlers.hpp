// Catching up, within a round and over many heights: the part of BasicTendermint that makes up for lost messages. In
// the good case nothing of this is sent. Included by tendermint_handlers.hpp.
#pragma once

#include <algorithm>
#include <utility>

#include "protocols/consensus/tendermint/tendermint_handlers.hpp"

namespace seqlab::protocols {

namespace catch_up {
inline bool bit(std::span<const std::uint64_t> bits, std::size_t i) {
  return i / 64 < bits.size() && (bits[i / 64] >> (i % 64) & 1U) != 0;
}
/// Whether `theirs` has a bit that `mine` lacks.
inline bool exceeds(std::span<const std::uint64_t> theirs, const VoteSet& mine) {
  for (std::size_t i = 0; i < theirs.size() * 64; ++i) {
    if (bit(theirs, i) && (i >= mine.slots() || mine.vote_of(static_cast<std::uint32_t>(i)) == nullptr)) return true;
  }
  return false;
}
}  // namespace catch_up

/// Nothing has moved for `gossip_stall`: say where one is, ask for what is missing.
template <class Rules>
void BasicTendermint<Rules>::on_stall(const EngineView& /*view*/, Outbox& out) {
  for (Answered& a : answered_) a.recent = 0;
  arm_stall_timer(out);
  const bool idle = waiting_for_payload_ && rounds_.size() == 1 && rounds_[0].prevotes.empty() && !rounds_[0].proposal;
  if (idle && sync_.best() <= height_) return;  // nothing to decide, nobody is ahead
  out.broadcast(out.template make<StatusMessage>(status()));
  ask_for_blocks(out);
  ask_for_missing_bodies(out);
  ask_for_missing_polkas(out);
}

/// The polkas that the current proposal and the own valid value refer to, from whoever has a part of them.
template <class Rules>
void BasicTendermint<Rules>::ask_for_missing_polkas(Outbox& out) {
  const auto lacks = [&](Round round, BlockId block) {
    const RoundState* r = find_round(round);
    return r == nullptr || r->prevotes.power_for(block) < quorum_;
  };
  if (valid_.block && lacks(valid_.round, valid_.block)) ask_for_polka(valid_.round, valid_.block, no_node, out);
  const RoundState& now = rounds_[current_];
  if (step_ != Step::propose || !now.proposal) return;
  const Proposal& p = static_cast<const ProposalMessage&>(*now.proposal).proposal;
  const bool same = p.valid_round == valid_.round && p.block->id == valid_.block;
  if (p.valid_round != no_round && !same && lacks(p.valid_round, p.block->id)) {
    ask_for_polka(p.valid_round, p.block->id, no_node, out);
  }
}

template <class Rules>
Status BasicTendermint<Rules>::status() const {
  Status s{.node = self_, .height = height_, .round = round_, .step = static_cast<std::uint8_t>(step_)};
  for (const RoundState& r : rounds_) {
    if (r.proposal) s.proposal_round = r.round;
  }
  const RoundState& now = rounds_[current_];
  s.prevotes = now.prevotes.bitmap();
  s.precommits = now.precommits.bitmap();
  return s;
}

/// A stuck peer gets what it lacks. Everybody hears it, so each answers with a part of the votes, another part the next
/// time; together all is sent several times over.
template <class Rules>
void BasicTendermint<Rules>::on_status(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const StatusMessage&>(*message);
  const Status& s = body.status;
  if (from == self_) return;
  if (s.node != from || s.round.value < 0 || s.height.value == 0) {
    return reject(from, body, s.height, s.round, Reject::malformed, out);
  }
  if (s.height > height_) return on_hint(from, s.height, true, view, out);
  Answered& a = answered(from);
  if (a.recent >= tendermint_limits::answers_per_stall) return;
  ++a.recent;
  const std::uint32_t sweep = a.total++;
  if (s.height < height_) {
    out.send(from, out.template make<StatusMessage>(status()));  // it asks for the blocks that it wants
    return;
  }
  const RoundState* theirs = find_round(s.round);
  if (theirs != nullptr) {
    if (theirs->proposal && s.proposal_round < s.round) {
      // A block is large: one in `turns` sends it, others the next time.
      const std::uint32_t turns = std::clamp(members_ / 4, 1U, 8U);
      const NodeId proposer = static_cast<const ProposalMessage&>(*theirs->proposal).proposal.proposer;
      if (proposer == self_ || (self_.value + from.value + sweep) % turns == 0) out.send(from, theirs->proposal);
    }
    send_votes(from, theirs->prevotes, s.prevotes, sweep, out);
    send_votes(from, theirs->precommits, s.precommits, sweep, out);
  }
  if (s.round < round_) {
    send_votes(from, rounds_[current_].prevotes, {}, sweep, out);
    send_votes(from, rounds_[current_].precommits, {}, sweep, out);
  }
  const RoundState& now = rounds_[current_];
  const bool lacks = s.round > round_ ||
                     (s.round == round_ && ((s.proposal_round == s.round && !now.proposal) ||
                                            catch_up::exceeds(s.prevotes, now.prevotes) ||
                                            catch_up::exceeds(s.precommits, now.precommits)));
  if (lacks && step_ != Step::commit) out.send(from, out.template make<StatusMessage>(status()));
}

template <class Rules>
typename BasicTendermint<Rules>::Answered& BasicTendermint<Rules>::answered(NodeId peer) {
  const auto at = std::ranges::lower_bound(answered_, peer, {}, &Answered::peer);
  if (at != answered_.end() && at->peer == peer) return *at;
  return *answered_.insert(at, Answered{peer, 0, 0});
}

/// This node's part of the votes that are not in `have`; always its own. Where it knows two votes of one validator it
/// sends both: the peer may need the other one.
template <class Rules>
void BasicTendermint<Rules>::send_votes(NodeId to, const VoteSet& votes, std::span<const std::uint64_t> have,
                                        std::uint32_t sweep, Outbox& out) const {
  if (votes.empty()) return;
  const std::uint32_t part = std::max(16U, (members_ + 7) / 8);
  const std::uint64_t first = (static_cast<std::uint64_t>(self_index_ < 0 ? 0 : self_index_) +
                               static_cast<std::uint64_t>(sweep) * part) % members_;
  const auto mine = [&](std::uint32_t i) {
    return static_cast<std::int32_t>(i) == self_index_ || (i + members_ - first) % members_ < part;
  };
  for (std::uint32_t i = 0; i < votes.slots(); ++i) {
    if (votes.vote_of(i) != nullptr && !catch_up::bit(have, i) && mine(i)) out.send(to, votes.message_of(i));
  }
  for (const auto& [i, second] : votes.seconds()) {
    if (!mine(i)) continue;
    if (catch_up::bit(have, i)) out.send(to, votes.message_of(i));
    out.send(to, second);
  }
}

/// @param peer  whom to ask; no_node: everybody
template <class Rules>
void BasicTendermint<Rules>::ask_for_polka(Round round, BlockId block, NodeId peer, Outbox& out) {
  VotesRequest request{.node = self_, .height = height_, .round = round, .block = block};
  if (const RoundState* r = find_round(round); r != nullptr) {
    // Only the votes for this block count as held: of an equivocator the other one is wanted.
    request.have.resize((r->prevotes.slots() + 63) / 64);
    r->prevotes.for_each_vote_for(block, [&](std::uint32_t i, const MessagePtr&) {
      request.have[i / 64] |= std::uint64_t{1} << (i % 64);
    });
  }
  const MessagePtr message = out.template make<VotesRequestMessage>(std::move(request));
  if (peer == no_node) {
    out.broadcast(message);
  } else {
    out.send(peer, message);
  }
}

/// The proposer that refers to a polka sends all of it, one in some others as well; everybody sends a part.
template <class Rules>
void BasicTendermint<Rules>::on_votes_request(NodeId from, const MessagePtr& message, Outbox& out) {
  const auto& body = static_cast<const VotesRequestMessage&>(*message);
  const VotesRequest& r = body.request;
  if (from == self_ || r.height != height_) return;
  if (r.node != from || r.type != VoteType::prevote || !r.block) {
    return reject(from, body, r.height, r.round, Reject::malformed, out);
  }
  const RoundState* round = find_round(r.round);
  if (round == nullptr) return;
  Answered& a = answered(from);
  if (a.recent >= tendermint_limits::answers_per_stall) return;
  ++a.recent;
  const std::uint32_t sweep = a.total++;
  const std::uint32_t turns = std::clamp(members_ / 4, 1U, 8U);
  const bool all = proposer_of(round_) == self_ || (self_.value + from.value + sweep) % turns == 0;
  const std::uint32_t part = std::max(16U, (members_ + 7) / 8);
  const auto first = static_cast<std::uint32_t>(std::max(self_index_, 0));
  const VoteSet& votes = round->prevotes;
  const auto wanted = [&](std::uint32_t i) {
    const bool mine = all || static_cast<std::int32_t>(i) == self_index_ ||
                      (i + members_ - (first + sweep * part) % members_) % members_ < part;
    return mine && !catch_up::bit(r.have, i);
  };
  for (std::uint32_t i = 0; i < votes.slots(); ++i) {
    if (const Vote* v = votes.vote_of(i); v != nullptr && v->block == r.block && wanted(i)) {
      out.send(from, votes.message_of(i));
    }
  }
  for (const auto& [i, second] : votes.seconds()) {
    if (VoteSet::vote_in(second).block == r.block && wanted(i)) out.send(from, second);
  }
}

// ---- heights --------------------------------------------------------------------------------------------------------

template <class Rules>
bool BasicTendermint<Rules>::is_far_behind() const {
  return sync_.power_beyond(height_, committee_) >= validity_;
}

/// Others may be a moment ahead: what they say about the next height is kept until this node gets there.
template <class Rules>
void BasicTendermint<Rules>::keep_for_next_height(NodeId from, const MessagePtr& message, SimTime received) {
  std::uint32_t held = 0;
  for (const EarlyMessage& e : early_) {
    if (e.from == from) ++held;
  }
  if (held < tendermint_limits::early_per_sender) early_.push_back(EarlyMessage{from, message, received});
}

/// `from` works on a later height. @param stated  it said so on purpose, in a status
template <class Rules>
void BasicTendermint<Rules>::on_hint(NodeId from, Height height, bool stated, const EngineView& view, Outbox& out) {
  sync_.note(from, height);
  const Height here = step_ == Step::commit ? next(height_) : height_;
  if (stated ? height > here : height > next(here)) ask_for_blocks(out);
  start_round_if_due(view, out);
}

/// Keeps a few requests for committed blocks under way while anybody claims to have them.
template <class Rules>
void BasicTendermint<Rules>::ask_for_blocks(Outbox& out) {
  const Height best = sync_.best();
  const Height first = step_ == Step::commit ? next(height_) : height_;
  for (std::uint32_t i = 0; i < std::max(1U, options_.sync_window); ++i) {
    const Height h{first.value + i};
    if (h >= best) break;
    if (sync_.is_open(h, {}) || sync_.is_kept(h)) continue;
    const NodeId peer = sync_.choose(self_, h);
    if (peer == no_node) break;
    if (!sync_.catching_up) {
      sync_.catching_up = true;
      out.trace({.kind = sim::RecordKind::behind, .node = self_, .height = height_.value, .a = best.value});
    }
    sync_.open({.height = h, .block = {}, .peer = peer});
    out.send(peer, out.template make<BlockRequestMessage>(self_, h, BlockId{}));
    arm_sync_timer(out);
  }
}

template <class Rules>
void BasicTendermint<Rules>::finish_catching_up(Outbox& out) {
  if (!sync_.catching_up || sync_.best() > height_ || step_ == Step::commit) return;
  sync_.catching_up = false;
  out.trace({.kind = sim::RecordKind::caught_up, .node = self_, .height = height_.value});
}

template <class Rules>
void BasicTendermint<Rules>::arm_sync_timer(Outbox& out) {
  if (sync_armed_) return;
  sync_armed_ = true;
  set_timer(Timer::sync, options_.sync_timeout, height_, Round{0}, out);
}

/// C4, C7: blocks that a quorum names, or that were locked before a crash, and whose content is not here.
template <class Rules>
void BasicTendermint<Rules>::ask_for_missing_bodies(Outbox& out) {
  if (step_ == Step::commit) return;
  if (commit_round_ != no_round) ask_for_body(commit_block_, out);
  if (valid_.block) ask_for_body(valid_.block, out);
  if (const BlockId polka = rounds_[current_].prevotes.majority(quorum_); polka) ask_for_body(polka, out);
}

template <class Rules>
void BasicTendermint<Rules>::ask_for_body(BlockId id, Outbox& out) {
  if (known(id) != nullptr || sync_.is_open(height_, id)) return;
  std::vector<NodeId> voters;
  for (const RoundState& r : rounds_) {
    for (const VoteSet* votes : {&r.prevotes, &r.precommits}) {
      votes->for_each_vote_for(id, [&](std::uint32_t i, const MessagePtr&) { voters.push_back(committee_[i].node); });
    }
  }
  std::ranges::sort(voters);
  voters.erase(std::unique(voters.begin(), voters.end()), voters.end());
  NodeId peer = sync_.choose_among(self_, voters);
  if (peer == no_node) {
    for (const Validator& v : committee_.validators()) voters.push_back(v.node);
    peer = sync_.choose_among(self_, voters);
  }
  if (peer == no_node) return;
  sync_.open({.height = height_, .block = id, .peer = peer});
  out.send(peer, out.template make<BlockRequestMessage>(self_, height_, id));
  arm_sync_timer(out);
}

template <class Rules>
void BasicTendermint<Rules>::on_block_request(NodeId from, const MessagePtr& message, const EngineView& view,
                                              Outbox& out) {
  if (from == self_) return;
  const auto& request = static_cast<const BlockRequestMessage&>(*message);
  BlockPtr block;
  Commit commit;
  if (request.height.value > 0 && request.height <= view.chain.height()) {
    const Commit* stored = view.chain.commit(request.height);
    block = stored != nullptr ? view.chain.block(request.height) : nullptr;
    if (block != nullptr && request.block && block->id != request.block) block = nullptr;
    if (block != nullptr) commit = *stored;
  } else if (request.height == height_ && request.block) {
    if (const KnownBlock* k = known(request.block); k != nullptr) block = k->block;
  }
  out.send(from, out.template make<BlockResponseMessage>(self_, std::move(block), std::move(commit)));
}

template <class Rules>
void BasicTendermint<Rules>::on_block_response(NodeId from, const MessagePtr& message, const EngineView& view,
                                               Outbox& out) {
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  const BlockPtr& block = body.block;
  if (block == nullptr) {
    if (!sync_.refused(from)) return reject(from, body, height_, round_, Reject::not_for_me, out);
    ask_for_blocks(out);
    ask_for_missing_bodies(out);
    finish_catching_up(out);
    return start_round_if_due(view, out);
  }
  const auto refuse = [&](Reject why) {
    reject(from, body, block->height, body.commit.round, why, out);
    sync_.strike(from);
    ask_for_blocks(out);
    ask_for_missing_bodies(out);
    finish_catching_up(out);
    start_round_if_due(view, out);
  };
  if (!sync_.close(from, block->height, block->id)) {
    return reject(from, body, block->height, body.commit.round, Reject::not_for_me, out);
  }
  if (block->height < height_ || (block->height == height_ && step_ == Step::commit)) return;  // settled meanwhile
  if (body.checked == Checked::not_yet) {
    const bool good = block->id == block->compute_id() && block->bytes == block->compute_bytes();
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::malformed);
  if (body.commit.signatures.empty()) {  // one that was asked for by its id, undecided there
    if (block->height != height_) return refuse(Reject::bad_certificate);
    learn_block(block, nullptr, from, view, out);
    if (step_ == Step::propose && proposer_of(round_) == self_) propose(view, out);
  } else if (block->height > height_) {
    sync_.keep(from, message, block->height);
  } else {
    take_synced(from, message, view, out);
  }
  evaluate(view, out);
}

/// A committed block of the current height from a peer: believed for its commit alone.
template <class Rules>
void BasicTendermint<Rules>::take_synced(NodeId from, const MessagePtr& message, const EngineView& view,
                                         Outbox& out) {
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  const Block& block = *body.block;
  Reject why = Reject::none;
  if (block.parent != parent_) {
    why = Reject::unknown_parent;
  } else if (block.state_before != state_before_ || block.committee_hash != committee_hash_) {
    why = Reject::invalid_block;
  } else {
    why = Rules::check_commit(body.commit, height_, block.id, committee_, quorum_, view.signatures);
  }
  if (why != Reject::none) {
    reject(from, body, block.height, body.commit.round, why, out);
    sync_.strike(from);
    ask_for_blocks(out);
    return finish_catching_up(out);
  }
  sync_.praise(from);
  trace_certificate({.kind = sim::RecordKind::certified,
                     .detail = static_cast<std::uint8_t>(VoteType::precommit),
                     .node = self_,
                     .round = static_cast<std::uint32_t>(body.commit.round.value),
                     .height = height_.value,
                     .a = block.id.hi,
                     .b = block.id.lo},
                    body.commit, out);
  decide(body.block, body.commit, view, out);
}

template <class Rules>
void BasicTendermint<Rules>::on_evidence(NodeId from, const MessagePtr& message, const EngineView& view,
                                         Outbox& out) {
  if (from == self_) return;
  const auto& body = static_cast<const EvidenceMessage&>(*message);
  const Evidence& e = body.evidence;
  if (evidence_.knows(e)) return;
  const EvidencePool::Clock now{previous(height_), parent_time_};
  Reject why = EvidencePool::check(e, view.chain, view.signatures);
  if (why == Reject::none) {
    const BlockPtr offence = view.chain.block(e.first.height);
    if (EvidencePool::expired(e, offence != nullptr ? offence->timestamp : parent_time_, now, options_)) {
      why = Reject::stale;
    }
  }
  if (why != Reject::none) return reject(from, body, e.first.height, e.first.round, why, out);
  evidence_.add(e);
  out.add(effect::ReportEvidence{e});
  if (waiting_for_payload_) {  // a proof is worth a block
    stop_waiting_for_payload(view, out);
    evaluate(view, out);
  }
}

}  // namespace seqlab::protocols
