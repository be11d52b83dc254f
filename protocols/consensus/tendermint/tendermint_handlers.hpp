// The handlers of BasicTendermint, for whoever instantiates it: tendermint.cpp with the paper's rules, tests with a
// wrong one. What concerns catching up is in catch_up_handlers.hpp.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "protocols/consensus/tendermint/tendermint.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::protocols {

namespace tendermint_limits {
inline constexpr std::int32_t round_max = 100'000;         ///< nobody gets there; keeps tokens and schedules bounded
inline constexpr std::size_t evidence_per_block = 64;
inline constexpr std::uint32_t early_per_sender = 6;       ///< messages of the next height
inline constexpr std::uint32_t answers_per_stall = 2;      ///< to the statuses of one peer
inline constexpr Duration timestamp_step = 1ms;            ///< BFT time: votes are at least this later than the block
}  // namespace tendermint_limits

inline Hash128 hash_of(const Committee& committee) {
  HashBuilder h;
  committee.hash_into(h);
  return h.finish();
}

// ---- start ----------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicTendermint<Rules>::start(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  const ChainView& chain = view.chain;
  const Height first{1};
  height_ = next(chain.height());
  priority_ = ProposerPriority{Rules::committee_of(chain, first)};
  for (Height h = first; h < height_; ++h) {
    priority_.advance(Rules::committee_of(chain, h), Rules::committee_of(chain, next(h)));
    const BlockPtr block = chain.block(h);
    if (block == nullptr) continue;  // pruned
    if (!block->evidence.empty()) evidence_.on_committed(*block, chain, {h, block->timestamp}, options_);
    parent_ = block->id;
    parent_time_ = block->timestamp;
    parent_state_before_ = block->state_before;
  }
  if (height_ > first) last_committee_ = Rules::committee_of(chain, chain.height());
  last_committee_hash_ = hash_of(last_committee_);
  committee_ = Rules::committee_of(chain, height_);
  committee_hash_ = hash_of(committee_);
  enter_height(view, out);
  commit_wait_over_ = true;

  std::vector<SafetyRecord> records;
  for (const Recovered& r : log) {
    if (r.type < safety_record_type) continue;
    std::optional<SafetyRecord> record = decode(r.bytes);
    if (!record) continue;
    if (record->height == height_) {
      records.push_back(*std::move(record));
    } else if (record->height > height_ && record->statement != Statement::value_seen) {
      // The chain lost blocks that the log outlived: nothing is signed again up to where it was.
      signed_ = std::max(signed_, SignedUpTo{record->height, record->round, record->statement});
    }
  }
  const bool restarted = !log.empty() || chain.height().value > 0;
  if (records.empty()) {
    start_round_if_due(view, out);
  } else {
    const RestoredState restored = Rules::restore(records);
    signed_ = std::max(signed_, SignedUpTo{height_, restored.round, restored.last});
    locked_ = restored.locked;
    valid_ = restored.valid;
    for (const SafetyRecord& r : records) {
      if (r.body == nullptr || known(r.body->id) != nullptr) continue;
      learn_block(r.body, nullptr, self_, view, out);
      if (KnownBlock* k = known(r.body->id); k != nullptr) k->persisted = true;
    }
    round_ = restored.round;
    round_state(round_);
    step_ = Step::propose;
    trace(sim::RecordKind::round_entered, round_, 0, {}, out);
    if (restored.last == Statement::none) {
      start_round(round_, view, out);
    } else {
      built_asked_ = true;
      enter_step(restored.last == Statement::proposal  ? Step::propose
                 : restored.last == Statement::prevote ? Step::prevote
                                                       : Step::precommit,
                 out);
      if (step_ == Step::propose) {
        set_timer(Timer::propose, Rules::timeout(options_.timeout_propose, options_.timeout_propose_delta, round_),
                  height_, round_, out);
      }
    }
    restore_polka(records, restored, out);
    restore_precommits(records, out);
    repeat_statements(records, restored, out);
    evaluate(view, out);
  }
  if (restarted) {
    out.broadcast(out.template make<StatusMessage>(status()));
    ask_for_missing_bodies(out);
    ask_for_missing_polkas(out);
  }
}

/// The prevotes behind the valid value may have reached nobody else: without them this replica could show nobody why it
/// holds to it.
template <class Rules>
void BasicTendermint<Rules>::restore_polka(std::span<const SafetyRecord> records, const RestoredState& restored,
                                           Outbox& out) {
  for (const SafetyRecord& r : records) {
    if (r.polka.empty() || r.valid != restored.valid) continue;
    VoteSet& prevotes = round_state(r.valid.round).prevotes;
    for (const CommitSignature& s : r.polka) {
      const std::int32_t index = index_of(s.voter);
      if (index < 0) continue;
      const auto member = static_cast<std::uint32_t>(index);
      const Vote vote{height_, r.valid.round, VoteType::prevote, s.voter, r.valid.block, s.timestamp, s.signature};
      prevotes.add(member, power_of(member), out.template make<VoteMessage>(vote), members_);
    }
  }
}

/// The precommits that ended the round before, if this is the first statement in this one.
template <class Rules>
std::vector<KeptPrecommit> BasicTendermint<Rules>::passed_round() const {
  std::vector<KeptPrecommit> out;
  if (round_ == Round{0} || (signed_.height == height_ && signed_.round == round_)) return out;
  const RoundState* const before = find_round(previous(round_));
  if (before == nullptr || before->precommits.any() < quorum_) return out;
  for (std::uint32_t i = 0; i < members_; ++i) {
    const Vote* const v = before->precommits.vote_of(i);
    if (v != nullptr) out.push_back({v->block, {v->voter, v->timestamp, v->signature}});
  }
  return out;
}

template <class Rules>
void BasicTendermint<Rules>::restore_precommits(std::span<const SafetyRecord> records, Outbox& out) {
  for (const SafetyRecord& r : records) {
    if (r.passed.empty() || r.round == Round{0}) continue;
    const Round before = previous(r.round);
    VoteSet& precommits = round_state(before).precommits;
    for (const KeptPrecommit& p : r.passed) {
      const std::int32_t index = index_of(p.by.voter);
      if (index < 0) continue;
      const auto member = static_cast<std::uint32_t>(index);
      const Vote vote{height_, before, VoteType::precommit, p.by.voter, p.block, p.by.timestamp, p.by.signature};
      precommits.add(member, power_of(member), out.template make<VoteMessage>(vote), members_);
    }
  }
}

/// What was said in the last round may not have left: the identical statements go out again. The votes of earlier
/// rounds are put back where they were, as part of a polka that others may ask for.
template <class Rules>
void BasicTendermint<Rules>::repeat_statements(std::span<const SafetyRecord> records, const RestoredState& restored,
                                               Outbox& out) {
  for (const SafetyRecord& r : records) {
    if (r.statement == Statement::none || r.statement == Statement::value_seen || self_index_ < 0) continue;
    if (r.round > restored.round || (r.round == restored.round && r.statement > restored.last)) continue;
    const bool last = r.round == restored.round;
    if (r.statement == Statement::proposal) {
      const KnownBlock* k = known(r.block);
      if (!last || k == nullptr) continue;
      out.broadcast(out.template make<ProposalMessage>(
          Proposal{height_, r.round, r.proposal_valid_round, k->block, self_, r.timestamp, r.signature}));
      continue;
    }
    const VoteType type = r.statement == Statement::prevote ? VoteType::prevote : VoteType::precommit;
    const MessagePtr vote =
        out.template make<VoteMessage>(Vote{height_, r.round, type, self_, r.block, r.timestamp, r.signature});
    if (last) {
      out.broadcast(vote);
    } else {
      RoundState& round = round_state(r.round);
      const auto index = static_cast<std::uint32_t>(self_index_);
      (type == VoteType::prevote ? round.prevotes : round.precommits).add(index, power_of(index), vote, members_);
    }
  }
}

/// Opens `height_` with `committee_` and the fields about the block before it set.
template <class Rules>
void BasicTendermint<Rules>::enter_height(const EngineView& view, Outbox& out) {
  step_ = Step::new_height;
  round_ = Round{0};
  members_ = static_cast<std::uint32_t>(committee_.size());
  quorum_ = Rules::quorum(committee_);
  validity_ = Rules::validity(committee_);
  self_index_ = committee_.index_of(self_);
  dense_ = true;
  uniform_power_ = committee_[0].power;
  for (std::uint32_t i = 0; i < members_; ++i) {
    dense_ = dense_ && committee_[i].node.value == i;
    if (committee_[i].power != uniform_power_) uniform_power_ = 0;
  }
  proposers_.clear();
  locked_ = {};
  valid_ = {};
  known_.clear();
  commit_block_ = {};
  commit_round_ = no_round;
  decided_ = nullptr;
  built_asked_ = false;
  waiting_for_payload_ = false;
  payload_available_ = false;
  empty_allowed_ = false;
  far_rounds_.clear();
  answered_.clear();
  state_before_ = view.chain.state();
  if (rounds_.empty()) {
    rounds_.emplace_back();
  } else {
    rounds_.resize(1);
    rounds_.front().clear();  // keeps its memory
  }
  current_ = 0;
  sync_.settle_below(height_);
  trace(sim::RecordKind::step_entered, round_, static_cast<std::uint8_t>(step_), {}, out);
}

// ---- dispatch -------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicTendermint<Rules>::on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  switch (any.message_kind()) {
    case MessageKind::prevote:
    case MessageKind::precommit: return on_vote(from, message, view, out);
    case MessageKind::proposal: return on_proposal(from, message, view.wall, view, out);
    case MessageKind::status: return on_status(from, message, view, out);
    case MessageKind::votes_request: return on_votes_request(from, message, out);
    case MessageKind::block_request: return on_block_request(from, message, view, out);
    case MessageKind::block_response: return on_block_response(from, message, view, out);
    case MessageKind::evidence: return on_evidence(from, message, view, out);
    default: return reject(from, any, height_, round_, Reject::not_for_me, out);
  }
}

template <class Rules>
void BasicTendermint<Rules>::on_timer(std::uint64_t token, const EngineView& view, Outbox& out) {
  const auto timer = static_cast<Timer>(token & 0xFU);
  const auto mark = static_cast<std::uint32_t>(token >> 4U & 0xFFFFFFFU);
  const Height height{token >> 32U};
  const Round round{static_cast<std::int32_t>(mark)};
  const bool now = height == height_ && round == round_;
  switch (timer) {
    case Timer::propose:  // T10
      if (now && step_ == Step::propose) say_vote(VoteType::prevote, {}, view, out);
      break;
    case Timer::prevote:  // T11
      if (now && step_ == Step::prevote) {
        ask_for_missing_bodies(out);
        say_vote(VoteType::precommit, {}, view, out);
      }
      break;
    case Timer::precommit:  // T12
      if (now && step_ != Step::commit && step_ != Step::new_height) start_round(next(round_), view, out);
      break;
    case Timer::commit:  // armed when the height before was decided
      if (height == height_ || (height == next(height_) && step_ == Step::commit)) commit_wait_over_ = true;
      if (height == height_) start_round_if_due(view, out);
      break;
    case Timer::clock:
      if (now && step_ == Step::propose) propose(view, out);
      break;
    case Timer::empty_block:
      if (now && waiting_for_payload_) {
        empty_allowed_ = true;
        stop_waiting_for_payload(view, out);
      }
      break;
    case Timer::stall:
      if (height == height_ &&
          mark == (static_cast<std::uint32_t>(round_.value) << 3U | static_cast<std::uint32_t>(step_))) {
        on_stall(view, out);
      }
      break;
    case Timer::fetch:
      fetch_armed_ = false;
      ask_for_missing_bodies(out);
      break;
    case Timer::sync:
      sync_armed_ = false;
      if (sync_.age()) arm_sync_timer(out);
      ask_for_blocks(out);
      ask_for_missing_bodies(out);
      finish_catching_up(out);
      start_round_if_due(view, out);
      break;
  }
  evaluate(view, out);
}

// ---- votes ----------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicTendermint<Rules>::on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VoteMessage&>(*message);
  const Vote& vote = body.vote;
  if (vote.height != height_) return on_vote_of_other_height(from, message, view, out);
  const std::int32_t member = index_of(vote.voter);
  if (member < 0) return reject(from, body, vote.height, vote.round, Reject::not_a_member, out);
  if (body.checked != Checked::good && !check_vote(body, view)) {
    return reject(from, body, vote.height, vote.round, Reject::bad_signature, out);
  }
  const auto index = static_cast<std::uint32_t>(member);
  RoundState* round = vote.round == round_ ? &rounds_[current_] : round_for_vote(vote, index);
  if (round == nullptr) return reject(from, body, vote.height, vote.round, Reject::far_future, out);
  VoteSet& votes = vote.type == VoteType::prevote ? round->prevotes : round->precommits;
  const Power power = power_of(index);

  const VoteSet::Added added = votes.add(index, power, message, members_);
  if (added == VoteSet::Added::duplicate) return;
  if (added != VoteSet::Added::fresh) {
    report_double_vote(*votes.vote_of(index), vote, view, out);
    if (added == VoteSet::Added::conflict) {
      return reject(from, body, vote.height, vote.round, Reject::equivocation, out);
    }
  }
  const bool counted_for_any = added == VoteSet::Added::fresh;
  const bool any_crossed = counted_for_any && votes.any() >= quorum_ && votes.any() - power < quorum_;
  const bool value_crossed = votes.last_power() >= quorum_ && votes.last_power() - power < quorum_;
  if (!any_crossed && !value_crossed && vote.round <= round_ && !waiting_for_payload_) return;  // nearly always

  if (value_crossed) on_quorum(*round, vote.type, vote.block, out);
  if (waiting_for_payload_) stop_waiting_for_payload(view, out);  // somebody has something to decide
  evaluate(view, out);
}

template <class Rules>
void BasicTendermint<Rules>::on_vote_of_other_height(NodeId from, const MessagePtr& message, const EngineView& view,
                                                     Outbox& out) {
  const Vote& vote = static_cast<const VoteMessage&>(*message).vote;
  if (vote.height > height_) {
    if (vote.height == next(height_)) keep_for_next_height(from, message, view.wall);
    return on_hint(from, vote.height, false, view, out);
  }
  if (vote.type == VoteType::precommit && next(vote.height) == height_ && vote.round == last_round_) {
    on_late_precommit(message, view, out);
  }
}

/// C9: a precommit of the height before enlarges the commit that the next proposer includes.
template <class Rules>
void BasicTendermint<Rules>::on_late_precommit(const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VoteMessage&>(*message);
  const std::int32_t index = last_committee_.index_of(body.vote.voter);
  if (index < 0 || (body.checked != Checked::good && !check_vote(body, view))) return;
  const auto i = static_cast<std::uint32_t>(index);
  const VoteSet::Added added = last_votes_.add(i, last_committee_[i].power, message, last_committee_.size());
  if (added == VoteSet::Added::conflict) report_double_vote(*last_votes_.vote_of(i), body.vote, view, out);
  if (options_.skip_timeout_commit && step_ == Step::new_height && last_votes_.any() == last_committee_.total()) {
    commit_wait_over_ = true;
    start_round_if_due(view, out);
    evaluate(view, out);
  }
}

template <class Rules>
bool BasicTendermint<Rules>::check_vote(const VoteMessage& body, const EngineView& view) const {
  if (body.checked == Checked::not_yet) {
    const Vote& v = body.vote;
    const bool good = v.round.value >= 0 && view.signatures.verify(v.voter.value, v.signed_digest(), v.signature);
    body.checked = good ? Checked::good : Checked::bad;
  }
  return body.checked == Checked::good;
}

/// A value has just reached a quorum in this round.
template <class Rules>
void BasicTendermint<Rules>::on_quorum(const RoundState& round, VoteType type, BlockId block, Outbox& out) {
  const VoteSet& votes = type == VoteType::prevote ? round.prevotes : round.precommits;
  SignerSet signers;
  votes.for_each_vote_for(block,
                          [&](std::uint32_t index, const MessagePtr&) { signers.add(committee_[index].node); });
  trace_certificate({.kind = sim::RecordKind::certified,
                     .detail = static_cast<std::uint8_t>(type),
                     .node = self_,
                     .round = static_cast<std::uint32_t>(round.round.value),
                     .height = height_.value,
                     .a = block.hi,
                     .b = block.lo},
                    signers, out);
  if (!block) return;
  if (type == VoteType::precommit && commit_round_ == no_round) {
    commit_round_ = round.round;
    commit_block_ = block;
  }
  if (known(block) == nullptr && !fetch_armed_) {  // most often it is on its way
    fetch_armed_ = true;
    set_timer(Timer::fetch, options_.block_fetch_delay, height_, round_, out);
  }
}

template <class Rules>
void BasicTendermint<Rules>::report_double_vote(const Vote& first, const Vote& second, const EngineView& /*view*/,
                                                Outbox& out) {
  const Evidence evidence = double_vote_evidence(first, second);
  if (!evidence_.add(evidence)) return;
  out.add(effect::ReportEvidence{evidence});
  out.broadcast(out.template make<EvidenceMessage>(self_, evidence));
}

/// The signatures of a commit against the votes that came here: who signed the block there and something else here?
template <class Rules>
void BasicTendermint<Rules>::compare_with_commit(const Commit& commit, const VoteSet& votes, const Committee& committee,
                                                 const EngineView& view, Outbox& out) {
  if (votes.empty() || (votes.one_value_only() && votes.power_for(commit.block) == votes.any())) return;
  for (const CommitSignature& s : commit.signatures) {
    const std::int32_t index = committee.index_of(s.voter);
    const Vote* mine = index < 0 ? nullptr : votes.vote_of(static_cast<std::uint32_t>(index));
    if (mine != nullptr && mine->block != commit.block) report_double_vote(*mine, vote_of(commit, s), view, out);
  }
}

// ---- proposals ------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicTendermint<Rules>::on_proposal(NodeId from, const MessagePtr& message, SimTime received,
                                         const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const ProposalMessage&>(*message);
  const Proposal& p = body.proposal;
  if (p.height > height_) {
    if (p.height == next(height_)) keep_for_next_height(from, message, received);
    return on_hint(from, p.height, false, view, out);
  }
  if (p.height < height_) return;
  const auto refuse = [&](Reject why) { reject(from, body, p.height, p.round, why, out); };
  if (p.round.value < 0 || p.valid_round < no_round || p.valid_round >= p.round || p.block == nullptr) {
    return refuse(Reject::malformed);  // C10
  }
  if (p.round.value > round_.value + 1 + static_cast<std::int32_t>(options_.future_rounds)) {
    return refuse(Reject::far_future);
  }
  if (proposer_of(p.round) != p.proposer) return refuse(Reject::wrong_proposer);
  if (body.checked == Checked::not_yet) {
    const bool good = view.signatures.verify(p.proposer.value, p.signed_digest(), p.signature) &&
                      p.block->is_consistent();
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);

  RoundState& round = round_state(p.round);
  if (round.proposal) {  // C10: the first one stays
    const Proposal& first = static_cast<const ProposalMessage&>(*round.proposal).proposal;
    if (first.block->id == p.block->id && first.valid_round == p.valid_round) return;
    if (!round.double_proposal) {
      round.double_proposal = true;
      const auto as_vote = [](const Proposal& q) {
        return Vote{q.height, q.round, VoteType::none, q.proposer, q.block->id, q.timestamp, q.signature};
      };
      out.add(effect::ReportEvidence{{EvidenceKind::double_proposal, p.proposer, as_vote(first), as_vote(p)}});
    }
    return refuse(Reject::equivocation);
  }
  const bool fresh = p.valid_round == no_round;
  const Block& block = *p.block;
  round.proposal = message;
  round.acceptable = block.height == p.height && p.timestamp == block.timestamp &&
                     (fresh ? block.round == p.round && block.proposer == p.proposer
                            : block.round.value >= 0 && block.round <= p.valid_round &&
                                  block.proposer == proposer_of(block.round));
  round.timely = !fresh || options_.timestamps != Timestamps::proposer ||
                 Rules::timely(p.timestamp, received, p.round, options_);
  if (!round.timely) reject(from, body, p.height, p.round, Reject::untimely, out);
  learn_block(p.block, &body, from, view, out);
  if (!fresh) {
    RoundState& polka = round_state(p.valid_round);  // may move the states: `round` is not used from here on
    const bool had = polka.prevotes.power_for(block.id) >= quorum_;
    polka.prevotes.claim(block.id, committee_);
    const bool has = polka.prevotes.power_for(block.id) >= quorum_;
    if (has && !had) on_quorum(polka, VoteType::prevote, block.id, out);
    if (!has && from != self_) ask_for_polka(p.valid_round, block.id, p.proposer, out);
  }
  if (step_ == Step::new_height && p.round == Round{0}) {
    // Whoever proposes has waited; like CometBFT, one goes along.
    start_round(Round{0}, view, out);
  }
  evaluate(view, out);
}

template <class Rules>
void BasicTendermint<Rules>::learn_block(const BlockPtr& block, const ProposalMessage* carrier, NodeId from,
                                         const EngineView& view, Outbox& out) {
  if (known(block->id) != nullptr) return;
  const bool fits = header_fits(*block, carrier, view);
  KnownBlock fresh;
  fresh.block = block;
  if (Rules::block_is_valid(fits, true)) {
    out.add(effect::ValidatePayload{block});
  } else {
    fresh.validity = Validity::invalid;
    if (carrier != nullptr) reject(from, *carrier, block->height, block->round, Reject::invalid_block, out);
  }
  known_.push_back(std::move(fresh));
  if (block->height.value > 1 && block->last_commit.round == last_round_ && fits) {
    compare_with_commit(block->last_commit, last_votes_, last_committee_, view, out);
  }
}

/// The part of valid(v) that the chain decides; the application decides about the transactions.
template <class Rules>
bool BasicTendermint<Rules>::header_fits(const Block& block, const ProposalMessage* carrier,
                                         const EngineView& view) const {
  if (block.height != height_ || block.parent != parent_ || block.state_before != state_before_ ||
      block.committee_hash != committee_hash_ || committee_.index_of(block.proposer) < 0) {
    return false;
  }
  if (height_.value == 1) {
    if (block.last_commit != Commit{}) return false;
  } else {
    // The same body reaches everybody: its many signatures are checked once, for the committee that they are of.
    const Hash128 checked_for = FieldHash<4>{}.add(last_committee_hash_).add(parent_).finish();
    if (carrier == nullptr || carrier->last_commit_checked != checked_for) {
      if (Rules::check_commit(block.last_commit, previous(height_), parent_, last_committee_,
                              Rules::quorum(last_committee_), view.signatures) != Reject::none) {
        return false;
      }
      if (carrier != nullptr) carrier->last_commit_checked = checked_for;
    }
  }
  switch (options_.timestamps) {
    case Timestamps::none: break;
    case Timestamps::proposer:
      if (height_.value > 1 && block.timestamp <= parent_time_) return false;
      break;
    case Timestamps::bft_time:
      if (block.timestamp != block_time(block.last_commit, view)) return false;
      break;
  }
  return block.evidence.empty() || check_evidence_of(block, view) == Reject::none;
}

template <class Rules>
Reject BasicTendermint<Rules>::check_evidence_of(const Block& block, const EngineView& view) const {
  if (block.evidence.size() > tendermint_limits::evidence_per_block) return Reject::malformed;
  const EvidencePool::Clock now{previous(height_), parent_time_};
  EvidencePool unique;
  for (const Evidence& e : block.evidence) {
    if (const Reject why = EvidencePool::check(e, view.chain, view.signatures); why != Reject::none) return why;
    const BlockPtr offence = view.chain.block(e.first.height);
    const SimTime time = offence != nullptr ? offence->timestamp : parent_time_;
    if (EvidencePool::expired(e, time, now, options_)) return Reject::stale;
    if (evidence_.committed(e) || !unique.add(e)) return Reject::duplicate;
  }
  return Reject::none;
}

template <class Rules>
void BasicTendermint<Rules>::on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) {
  if (block == nullptr || block->height != height_ || step_ == Step::commit) return;
  KnownBlock* k = known(block->id);
  // The application may find later that a block is valid which it had refused for what it did not know.
  const bool again = valid && k != nullptr && k->validity == Validity::invalid;
  if (k == nullptr || (k->validity != Validity::asked && !again)) return;
  k->validity = Rules::block_is_valid(true, valid) ? Validity::valid : Validity::invalid;
  evaluate(view, out);
}

// ---- rules ----------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicTendermint<Rules>::evaluate(const EngineView& view, Outbox& out) {
  while (step_ != Step::commit && evaluate_once(view, out)) {
  }
  if (step_ != Step::commit) arm_vote_timers(out);
}

/// The first rule that can fire, in a fixed order. @return whether one did
template <class Rules>
bool BasicTendermint<Rules>::evaluate_once(const EngineView& view, Outbox& out) {
  if (try_commit(view, out) || try_skip_round(view, out)) return true;
  if (step_ == Step::new_height) return false;
  return try_prevote(view, out) || try_polka(view, out) || try_nil_polka(view, out);
}

/// T8 (L49), of whatever round.
template <class Rules>
bool BasicTendermint<Rules>::try_commit(const EngineView& view, Outbox& out) {
  if (commit_round_ == no_round) return false;
  const KnownBlock* k = known(commit_block_);
  if (k == nullptr || k->validity != Validity::valid) return false;
  const BlockPtr block = k->block;
  decide(block, commit_of(*find_round(commit_round_), block->id), view, out);
  return true;
}

/// T9 (L55), or C1.
template <class Rules>
bool BasicTendermint<Rules>::try_skip_round(const EngineView& view, Outbox& out) {
  for (std::size_t i = rounds_.size(); i-- > 0 && rounds_[i].round > round_;) {
    const RoundState& ahead = rounds_[i];
    RoundPower seen{.senders = 0, .prevotes = ahead.prevotes.any(), .precommits = ahead.precommits.any()};
    const NodeId proposer =
        ahead.proposal ? static_cast<const ProposalMessage&>(*ahead.proposal).proposal.proposer : no_node;
    for (std::uint32_t m = 0; options_.round_skip == RoundSkip::validity && m < members_; ++m) {
      if (ahead.prevotes.vote_of(m) != nullptr || ahead.precommits.vote_of(m) != nullptr ||
          committee_[m].node == proposer) {
        seen.senders += committee_[m].power;
      }
    }
    if (!Rules::skip_round(options_.round_skip, seen, quorum_, validity_)) continue;
    start_round(ahead.round, view, out);
    return true;
  }
  return false;
}

/// T2 (L22) and T3 (L28).
template <class Rules>
bool BasicTendermint<Rules>::try_prevote(const EngineView& view, Outbox& out) {
  const RoundState& now = rounds_[current_];
  if (step_ != Step::propose || !now.proposal) return false;
  const Proposal& p = static_cast<const ProposalMessage&>(*now.proposal).proposal;
  const KnownBlock* k = known(p.block->id);
  const bool settled = k != nullptr && (k->validity != Validity::asked || !now.acceptable);
  const RoundState* polka = p.valid_round == no_round ? nullptr : find_round(p.valid_round);
  const PrevoteContext context{
      .round = round_,
      .valid_round = p.valid_round,
      .block = p.block->id,
      .locked = locked_,
      .valid = settled && now.acceptable && k->validity == Validity::valid,
      .timely = now.timely,
      .polka_at_valid_round = polka != nullptr && polka->prevotes.power_for(p.block->id) >= quorum_,
  };
  const PrevoteChoice choice = Rules::prevote(context);
  if (choice == PrevoteChoice::wait || !settled) return false;
  say_vote(VoteType::prevote, choice == PrevoteChoice::block ? p.block->id : BlockId{}, view, out);
  return true;
}

/// T5 (L36): lock and precommit, or only remember the valid value.
template <class Rules>
bool BasicTendermint<Rules>::try_polka(const EngineView& view, Outbox& out) {
  RoundState& now = rounds_[current_];
  if (now.polka_handled || (step_ != Step::prevote && step_ != Step::precommit)) return false;
  const BlockId block = now.prevotes.majority(quorum_);
  const KnownBlock* k = block ? known(block) : nullptr;
  if (k == nullptr || k->validity != Validity::valid) return false;
  now.polka_handled = true;
  valid_ = {round_, block};
  if (step_ == Step::prevote) {
    locked_ = Rules::lock_on_polka(locked_, round_, block);
    trace(sim::RecordKind::locked, round_, 0, block, out);
    say_vote(VoteType::precommit, block, view, out);
  } else if (self_index_ >= 0) {
    persist({.statement = Statement::value_seen, .height = height_, .round = round_, .block = block}, out);
  }
  return true;
}

/// T6 (L44).
template <class Rules>
bool BasicTendermint<Rules>::try_nil_polka(const EngineView& view, Outbox& out) {
  if (step_ != Step::prevote || rounds_[current_].prevotes.power_for({}) < quorum_) return false;
  locked_ = Rules::lock_on_nil_polka(locked_, round_);
  say_vote(VoteType::precommit, {}, view, out);
  return true;
}

/// T4 (L34) and T7 (L47), once a round.
template <class Rules>
void BasicTendermint<Rules>::arm_vote_timers(Outbox& out) {
  if (step_ == Step::new_height) return;
  RoundState& now = rounds_[current_];
  if (step_ == Step::prevote && !now.prevote_timer && now.prevotes.any() >= quorum_) {
    now.prevote_timer = true;
    set_timer(Timer::prevote, Rules::timeout(options_.timeout_prevote, options_.timeout_prevote_delta, round_),
              height_, round_, out);
  }
  if (!now.precommit_timer && now.precommits.any() >= quorum_) {
    now.precommit_timer = true;
    set_timer(Timer::precommit, Rules::timeout(options_.timeout_precommit, options_.timeout_precommit_delta, round_),
              height_, round_, out);
  }
}

// ---- moving on ------------------------------------------------------------------------------------------------------

/// T1 (L11).
template <class Rules>
void BasicTendermint<Rules>::start_round(Round round, const EngineView& view, Outbox& out) {
  round_ = round;
  round_state(round);  // sets current_
  built_asked_ = false;
  waiting_for_payload_ = false;
  std::erase_if(far_rounds_, [&](const CatchUpRounds& f) { return f.round.value <= round_.value + 1; });
  for (Answered& a : answered_) a.recent = 0;
  trace(sim::RecordKind::round_entered, round_, 0, {}, out);
  enter_step(Step::propose, out);

  waiting_for_payload_ = round_ == Round{0} && !options_.create_empty_blocks && !payload_available_ &&
                         !needs_proof_block() && evidence_.pending(1).empty();
  if (waiting_for_payload_) {
    if (options_.create_empty_blocks_interval > Duration{}) {
      set_timer(Timer::empty_block, options_.create_empty_blocks_interval, height_, round_, out);
    }
    return;
  }
  const bool mine = proposer_of(round_) == self_;
  if (!mine || options_.proposer_arms_propose_timeout) {
    set_timer(Timer::propose, Rules::timeout(options_.timeout_propose, options_.timeout_propose_delta, round_),
              height_, round_, out);
  }
  if (mine) propose(view, out);
}

template <class Rules>
void BasicTendermint<Rules>::start_round_if_due(const EngineView& view, Outbox& out) {
  if (step_ == Step::new_height && commit_wait_over_ && !is_far_behind()) start_round(Round{0}, view, out);
}

template <class Rules>
void BasicTendermint<Rules>::enter_step(Step step, Outbox& out) {
  step_ = step;
  trace(sim::RecordKind::step_entered, round_, static_cast<std::uint8_t>(step), {}, out);
  if (step == Step::propose || step == Step::prevote || step == Step::precommit) arm_stall_timer(out);
}

template <class Rules>
void BasicTendermint<Rules>::decide(const BlockPtr& block, Commit commit, const EngineView& view, Outbox& out) {
  enter_step(Step::commit, out);
  decided_ = block;
  commit_round_ = commit.round;
  commit_block_ = block->id;
  commit_wait_over_ = options_.timeout_commit <= Duration{} || sync_.power_beyond(height_, committee_) >= validity_;
  if (!commit_wait_over_) set_timer(Timer::commit, options_.timeout_commit, next(height_), Round{0}, out);
  for (const Evidence& e : block->evidence) {
    if (evidence_.add(e)) out.add(effect::ReportEvidence{e});
  }
  if (const RoundState* round = find_round(commit.round); round != nullptr) {
    compare_with_commit(commit, round->precommits, committee_, view, out);
  }
  out.add(effect::Deliver{block, CommitLevel::final, std::move(commit)});
}

template <class Rules>
void BasicTendermint<Rules>::on_executed(Height height, const ExecutionResult& /*result*/, const EngineView& view,
                                         Outbox& out) {
  if (height != height_ || step_ != Step::commit) return;
  const BlockPtr block = decided_;
  evidence_.on_committed(*block, view.chain, {height, block->timestamp}, options_);
  parent_ = block->id;
  parent_time_ = block->timestamp;
  parent_state_before_ = block->state_before;
  last_votes_.clear();
  last_round_ = commit_round_;
  for (RoundState& r : rounds_) {
    if (r.round == commit_round_) std::swap(last_votes_, r.precommits);
  }
  height_ = next(height);
  const Committee& coming = Rules::committee_of(view.chain, height_);
  priority_.advance(committee_, coming);
  last_committee_hash_ = committee_hash_;
  if (coming == committee_) {
    last_committee_ = committee_;
  } else {
    last_committee_ = std::exchange(committee_, coming);
    committee_hash_ = hash_of(committee_);
  }
  out.add(effect::Forget{height_});
  enter_height(view, out);

  if (options_.skip_timeout_commit && last_votes_.any() == last_committee_.total()) commit_wait_over_ = true;
  ask_for_blocks(out);
  finish_catching_up(out);
  if (const auto [from, message] = sync_.take(height_); message) take_synced(from, message, view, out);
  start_round_if_due(view, out);
  std::vector<EarlyMessage> early;
  early.swap(early_);
  for (const EarlyMessage& e : early) {
    const auto& any = static_cast<const ConsensusMessage&>(*e.message);
    if (any.message_kind() == MessageKind::proposal) {
      on_proposal(e.from, e.message, e.received, view, out);
    } else {
      on_vote(e.from, e.message, view, out);
    }
  }
  evaluate(view, out);
}

// ---- saying things --------------------------------------------------------------------------------------------------

template <class Rules>
bool BasicTendermint<Rules>::may_sign(Statement statement) const {
  return self_index_ >= 0 && SignedUpTo{height_, round_, statement} > signed_;
}

/// Enters the step of the vote and, as a member, signs it. A follower only keeps step.
template <class Rules>
void BasicTendermint<Rules>::say_vote(VoteType type, BlockId block, const EngineView& view, Outbox& out) {
  const bool prevote = type == VoteType::prevote;
  enter_step(prevote ? Step::prevote : Step::precommit, out);
  const Statement statement = prevote ? Statement::prevote : Statement::precommit;
  if (!may_sign(statement)) return;
  Vote vote{.height = height_, .round = round_, .type = type, .voter = self_, .block = block};
  vote.timestamp = vote_time(view);
  vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
  std::vector<KeptPrecommit> passed = passed_round();
  signed_ = {height_, round_, statement};
  persist({.statement = statement,
           .height = height_,
           .round = round_,
           .block = block,
           .timestamp = vote.timestamp,
           .signature = vote.signature,
           .passed = std::move(passed)},
          out);
  out.broadcast(out.template make<VoteMessage>(vote));
}

template <class Rules>
void BasicTendermint<Rules>::say_proposal(const BlockPtr& block, Round valid_round, const EngineView& view,
                                          Outbox& out) {
  if (!may_sign(Statement::proposal)) return;
  Proposal p{height_, round_, valid_round, block, self_, block->timestamp, {}};
  p.signature = view.signatures.sign(self_.value, p.signed_digest());
  std::vector<KeptPrecommit> passed = passed_round();
  signed_ = {height_, round_, Statement::proposal};
  SafetyRecord record{.statement = Statement::proposal,
                      .height = height_,
                      .round = round_,
                      .block = block->id,
                      .proposal_valid_round = valid_round,
                      .timestamp = p.timestamp,
                      .signature = p.signature,
                      .passed = std::move(passed)};
  if (const KnownBlock* k = known(block->id); k == nullptr || !k->persisted) record.body = block;
  persist(std::move(record), out);
  out.broadcast(out.template make<ProposalMessage>(std::move(p)));
}

/// Adds lock, valid value and, the first time that it is locked or valid, the block's body and its polka.
template <class Rules>
void BasicTendermint<Rules>::persist(SafetyRecord record, Outbox& out) {
  if (!Rules::persist_before_send(record.statement)) return;
  record.locked = locked_;
  record.valid = valid_;
  if (KnownBlock* k = valid_.block ? known(valid_.block) : nullptr; k != nullptr && !k->persisted) {
    k->persisted = true;
    record.body = k->block;
  }
  if (valid_.block && valid_.round == record.round && record.statement >= Statement::precommit) {
    rounds_[current_].prevotes.for_each_vote_for(valid_.block, [&](std::uint32_t, const MessagePtr& message) {
      const Vote& v = VoteSet::vote_in(message);
      record.polka.push_back({v.voter, v.timestamp, v.signature});
    });
  }
  out.persist(static_cast<std::uint8_t>(safety_record_type + static_cast<std::uint8_t>(record.statement)),
              record.height, record.round, encode(record));
}

/// getValue() or the valid value; again when something that it waited for has come.
template <class Rules>
void BasicTendermint<Rules>::propose(const EngineView& view, Outbox& out) {
  if (!may_sign(Statement::proposal) || built_asked_) return;
  const ProposalChoice choice = Rules::proposal_value(locked_, valid_);
  if (choice.block) {
    const KnownBlock* k = known(choice.block);
    if (k == nullptr) return ask_for_body(choice.block, out);  // lost in a crash, comes from a peer
    built_asked_ = true;
    const BlockPtr block = k->block;
    return say_proposal(block, choice.valid_round, view, out);
  }
  effect::BuildPayload build{height_,           round_,    parent_, state_before_,
                             last_commit(view), view.wall, {},      committee_hash_};
  if (options_.timestamps == Timestamps::proposer && height_.value > 1 && view.wall <= parent_time_) {
    // The block must be later than its parent: wait for the own clock to pass it.
    return set_timer(Timer::clock, parent_time_ - view.wall + Duration{1}, height_, round_, out);
  }
  if (options_.timestamps == Timestamps::bft_time) build.timestamp = block_time(build.last_commit, view);
  build.evidence = evidence_.pending(tendermint_limits::evidence_per_block);
  std::erase_if(build.evidence, [&](const Evidence& e) {
    const BlockPtr offence = view.chain.block(e.first.height);
    return EvidencePool::expired(e, offence != nullptr ? offence->timestamp : parent_time_,
                                 {previous(height_), parent_time_}, options_);
  });
  built_asked_ = true;
  out.add(std::move(build));
}

template <class Rules>
void BasicTendermint<Rules>::on_built(Height height, Round round, BlockPtr block, const EngineView& view,
                                      Outbox& out) {
  if (height != height_ || round != round_ || step_ != Step::propose || block == nullptr) return;
  const bool empty = block->transactions.empty() && block->evidence.empty();
  if (empty && !options_.create_empty_blocks && round_ == Round{0} && !empty_allowed_ && !needs_proof_block()) {
    waiting_for_payload_ = true;
    payload_available_ = false;
    built_asked_ = false;
    return;
  }
  say_proposal(block, no_round, view, out);
}

/// C11: the first block, and one after each change of the state, come without transactions as well.
template <class Rules>
bool BasicTendermint<Rules>::needs_proof_block() const {
  return height_.value == 1 || state_before_ != parent_state_before_;
}

template <class Rules>
void BasicTendermint<Rules>::on_payload_available(const EngineView& view, Outbox& out) {
  payload_available_ = true;
  if (!waiting_for_payload_) return;
  stop_waiting_for_payload(view, out);
  evaluate(view, out);
}

template <class Rules>
void BasicTendermint<Rules>::stop_waiting_for_payload(const EngineView& view, Outbox& out) {
  waiting_for_payload_ = false;
  if (step_ != Step::propose) return;
  const bool mine = proposer_of(round_) == self_;
  if (!mine || options_.proposer_arms_propose_timeout) {
    set_timer(Timer::propose, Rules::timeout(options_.timeout_propose, options_.timeout_propose_delta, round_),
              height_, round_, out);
  }
  arm_stall_timer(out);
  if (mine) propose(view, out);
}

/// Of the block before, enlarged by what came late.
template <class Rules>
Commit BasicTendermint<Rules>::last_commit(const EngineView& view) const {
  if (height_.value == 1) return {};
  if (last_votes_.power_for(parent_) >= Rules::quorum(last_committee_)) {
    Commit commit{.height = previous(height_), .round = last_round_, .block = parent_};
    commit.signatures.reserve(last_votes_.count());
    last_votes_.for_each_vote_for(parent_, [&](std::uint32_t, const MessagePtr& m) {
      const Vote& v = VoteSet::vote_in(m);
      commit.signatures.push_back(CommitSignature{v.voter, v.timestamp, v.signature});
    });
    return commit;
  }
  const Commit* stored = view.chain.commit(previous(height_));
  return stored != nullptr ? *stored : Commit{};
}

template <class Rules>
Commit BasicTendermint<Rules>::commit_of(const RoundState& round, BlockId block) const {
  Commit commit{.height = height_, .round = round.round, .block = block};
  commit.signatures.reserve(round.precommits.count());
  round.precommits.for_each_vote_for(block, [&](std::uint32_t, const MessagePtr& m) {
    const Vote& v = VoteSet::vote_in(m);
    commit.signatures.push_back(CommitSignature{v.voter, v.timestamp, v.signature});
  });
  return commit;
}

template <class Rules>
SimTime BasicTendermint<Rules>::vote_time(const EngineView& view) const {
  if (options_.timestamps != Timestamps::bft_time) return view.wall;
  const RoundState& now = rounds_[current_];
  SimTime block = time_zero;
  bool have = false;
  for (const KnownBlock& k : known_) {
    if (k.block->id == locked_.block) {
      block = k.block->timestamp;
      have = true;
    }
  }
  if (!have && now.proposal) {
    block = static_cast<const ProposalMessage&>(*now.proposal).proposal.block->timestamp;
    have = true;
  }
  if (!have || block > time_never - tendermint_limits::timestamp_step) return view.wall;
  return std::max(view.wall, block + tendermint_limits::timestamp_step);
}

/// BFT time of the block that carries `last_commit`; the first block has the genesis time.
template <class Rules>
SimTime BasicTendermint<Rules>::block_time(const Commit& last_commit, const EngineView& /*view*/) const {
  return height_.value == 1 ? time_zero : weighted_median(last_commit, last_committee_);
}

// ---- knowing things -------------------------------------------------------------------------------------------------

template <class Rules>
NodeId BasicTendermint<Rules>::proposer_of(Round round) {
  if (!leaders_.empty() && round.value >= 0) {
    const NodeId leader = leaders_[(height_.value - 1 + static_cast<std::uint64_t>(round.value)) % leaders_.size()];
    return committee_.index_of(leader) >= 0 ? leader : committee_[0].node;
  }
  if (round == Round{0}) return committee_[priority_.proposer()].node;
  if (round.value < 0 || round.value > tendermint_limits::round_max) return no_node;
  const auto wanted = static_cast<std::size_t>(round.value);
  if (proposers_.size() < wanted) {
    proposers_ = priority_.proposers_of_rounds(committee_, static_cast<std::uint32_t>(2 * wanted + 6));
  }
  return committee_[proposers_[wanted - 1]].node;
}

template <class Rules>
std::int32_t BasicTendermint<Rules>::index_of(NodeId node) const {
  if (dense_) return node.value < members_ ? static_cast<std::int32_t>(node.value) : -1;
  return committee_.index_of(node);
}

/// The state of a round, made if it is not there. May move the others.
template <class Rules>
RoundState& BasicTendermint<Rules>::round_state(Round round) {
  auto at = std::ranges::lower_bound(rounds_, round, {}, &RoundState::round);
  if (at == rounds_.end() || at->round != round) {
    at = rounds_.emplace(at);
    at->round = round;
  }
  const auto current = std::ranges::lower_bound(rounds_, round_, {}, &RoundState::round);
  current_ = static_cast<std::uint32_t>(current - rounds_.begin());
  return *at;
}

template <class Rules>
const RoundState* BasicTendermint<Rules>::find_round(Round round) const {
  const auto at = std::ranges::lower_bound(rounds_, round, {}, &RoundState::round);
  return at != rounds_.end() && at->round == round ? &*at : nullptr;
}

/// C1: rounds up to the next one, and a few beyond for each voter.
template <class Rules>
RoundState* BasicTendermint<Rules>::round_for_vote(const Vote& vote, std::uint32_t index) {
  if (vote.round.value > tendermint_limits::round_max) return nullptr;
  if (vote.round.value > round_.value + 1) {
    std::uint32_t used = 0;
    bool there = false;
    for (const CatchUpRounds& f : far_rounds_) {
      if (f.voter != index) continue;
      ++used;
      there = there || f.round == vote.round;
    }
    if (!there && used >= options_.future_rounds) return nullptr;
    if (!there) far_rounds_.push_back(CatchUpRounds{index, vote.round});
  }
  return &round_state(vote.round);
}

template <class Rules>
typename BasicTendermint<Rules>::KnownBlock* BasicTendermint<Rules>::known(BlockId id) {
  for (KnownBlock& k : known_) {
    if (k.block->id == id) return &k;
  }
  return nullptr;
}

// ---- small things ---------------------------------------------------------------------------------------------------

template <class Rules>
void BasicTendermint<Rules>::set_timer(Timer timer, Duration delay, Height height, Round round, Outbox& out) const {
  const auto kind = static_cast<std::uint32_t>(timer);
  const std::uint64_t token = height.value << 32U | static_cast<std::uint64_t>(round.value & 0xFFFFFFF) << 4U | kind;
  out.set_timer(kind, delay, token);
}

template <class Rules>
void BasicTendermint<Rules>::arm_stall_timer(Outbox& out) const {
  const Round mark{round_.value << 3 | static_cast<std::int32_t>(step_)};
  set_timer(Timer::stall, options_.gossip_stall, height_, mark, out);
}

template <class Rules>
void BasicTendermint<Rules>::trace(sim::RecordKind kind, Round round, std::uint8_t detail, BlockId id,
                                   Outbox& out) const {
  out.trace({.kind = kind,
             .detail = detail,
             .node = self_,
             .round = static_cast<std::uint32_t>(round.value),
             .height = height_.value,
             .a = id.hi,
             .b = id.lo});
}

template <class Rules>
void BasicTendermint<Rules>::reject(NodeId from, const ConsensusMessage& message, Height height, Round round,
                                    Reject why, Outbox& out) const {
  out.trace({.kind = sim::RecordKind::message_rejected,
             .detail = message.kind,
             .flags = static_cast<std::uint16_t>(why),
             .node = self_,
             .peer = from,
             .round = static_cast<std::uint32_t>(round.value),
             .height = height.value});
}

template <class Rules>
bool BasicTendermint<Rules>::same(const BasicTendermint& o) const {
  const auto same_early = [](const EarlyMessage& a, const EarlyMessage& b) {
    return a.from == b.from && a.received == b.received && same_content(a.message, b.message);
  };
  const auto id_of = [](const BlockPtr& b) { return b != nullptr ? b->id : BlockId{}; };
  return height_ == o.height_ && round_ == o.round_ && step_ == o.step_ &&
         waiting_for_payload_ == o.waiting_for_payload_ && rounds_ == o.rounds_ && self_ == o.self_ &&
         options_ == o.options_ && leaders_ == o.leaders_ && committee_ == o.committee_ && priority_ == o.priority_ &&
         locked_ == o.locked_ && valid_ == o.valid_ && known_ == o.known_ && commit_block_ == o.commit_block_ &&
         commit_round_ == o.commit_round_ && id_of(decided_) == id_of(o.decided_) && built_asked_ == o.built_asked_ &&
         payload_available_ == o.payload_available_ && empty_allowed_ == o.empty_allowed_ &&
         commit_wait_over_ == o.commit_wait_over_ && fetch_armed_ == o.fetch_armed_ && sync_armed_ == o.sync_armed_ &&
         far_rounds_ == o.far_rounds_ && std::ranges::equal(early_, o.early_, same_early) && answered_ == o.answered_ &&
         signed_ == o.signed_ && parent_ == o.parent_ && parent_time_ == o.parent_time_ &&
         parent_state_before_ == o.parent_state_before_ && state_before_ == o.state_before_ &&
         last_committee_ == o.last_committee_ && last_votes_ == o.last_votes_ && last_round_ == o.last_round_ &&
         evidence_ == o.evidence_ && sync_ == o.sync_;
}

template <class Rules>
void BasicTendermint<Rules>::hash_into(HashBuilder& h) const {
  h.add(height_).add(round_).add(step_).add(waiting_for_payload_).add(self_).add(rounds_.size());
  for (const RoundState& r : rounds_) r.hash_into(h);
  committee_.hash_into(h);
  priority_.hash_into(h);
  h.add(locked_.round).add(locked_.block).add(valid_.round).add(valid_.block).add(known_.size());
  for (const KnownBlock& k : known_) h.add(k.block->id).add(k.validity).add(k.persisted);
  h.add(commit_block_).add(commit_round_).add(decided_ != nullptr ? decided_->id : BlockId{});
  h.add(built_asked_).add(payload_available_).add(empty_allowed_).add(commit_wait_over_);
  h.add(fetch_armed_).add(sync_armed_).add(far_rounds_.size());
  for (const CatchUpRounds& f : far_rounds_) h.add(f.voter).add(f.round);
  h.add(early_.size());
  for (const EarlyMessage& e : early_) {
    h.add(e.from).add(ns(e.received));
    hash_content(e.message, h);
  }
  h.add(answered_.size());
  for (const Answered& a : answered_) h.add(a.peer).add(a.total).add(a.recent);
  h.add(signed_.height).add(signed_.round).add(signed_.statement);
  h.add(parent_).add(ns(parent_time_)).add(parent_state_before_).add(state_before_);
  last_committee_.hash_into(h);
  last_votes_.hash_into(h);
  h.add(last_round_);
  evidence_.hash_into(h);
  sync_.hash_into(h);
}

}  // namespace seqlab::protocols

#include "protocols/consensus/tendermint/catch_up_handlers.hpp"  // IWYU pragma: export
