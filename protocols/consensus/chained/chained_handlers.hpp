// The handlers of BasicChained, for whoever instantiates it: engines with the paper's rules, tests with a wrong one.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "protocols/consensus/chained/chained.hpp"
#include "protocols/consensus/tendermint/evidence_pool.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::protocols {

namespace chained_limits {
inline constexpr std::int32_t vote_rounds_ahead = 10;   ///< votes and new-views for rounds farther ahead are dropped
inline constexpr std::int32_t round_jump = 100;         ///< without a certificate, where rules allow that at all
inline constexpr std::int32_t round_max = 1 << 28;      ///< nobody gets there; keeps tokens in bounds
inline constexpr Duration pause_alone = 100ms;          ///< before proposals of a member that is a quorum by itself
inline constexpr std::size_t later_max = 32;            ///< messages kept for the next epoch
}  // namespace chained_limits

template <class Rules>
const CommitRule& BasicChained<Rules>::commit_rule() {
  static constexpr CommitRule rule{Rules::commit_depth, &Rules::commits, &Rules::check_quorum_cert, &Rules::quorum,
                                   &Rules::counts};
  return rule;
}

// ---- start ----------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicChained<Rules>::start(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  const ChainView& chain = view.chain;
  chain_.start(self_, options_.chained, commit_rule(), view);
  const EpochState& epoch = chain_.epoch();
  const LeaderOptions& leader = options_.chained.leader;
  leaders_.start_epoch(epoch.committee, Round{1}, leader);
  const std::uint64_t window = std::uint64_t{leader.reputation_window} + leader.reputation_lag;
  const std::uint64_t from = chain.height().value > window ? chain.height().value - window : 1;
  for (Height h{from}; leader.election == LeaderElection::reputation && h <= chain.height(); ++h) {
    const BlockPtr block = chain.block(h);
    if (block != nullptr && chain.commit(h) != nullptr) leaders_.on_committed(*block, certificate_of(chain, h));
  }

  high_qc_ = epoch.base_qc;
  if (chain.height() >= epoch.first) high_qc_ = signed_cert(*chain.commit(chain.height()));
  safety_ = {};
  std::vector<ChainedRecord> records;
  for (const Recovered& r : log) {
    if (r.type < chained_record_type) continue;
    std::optional<ChainedRecord> record = decode_chained(r.bytes);
    if (!record) continue;
    log_height_ = std::max(log_height_, r.height);
    records.push_back(*std::move(record));
  }
  safety_ = Rules::restore(records);
  const auto raise = [&](const QuorumCertPtr& qc) {
    const bool ours = qc != nullptr && chain_.is_ours(*qc, commit_rule());
    if (ours && chain_.rank(*qc) > chain_.rank(*high_qc_)) high_qc_ = qc;
  };
  Round round = next(chain_.rank(*high_qc_));
  TimeoutCertPtr opened;
  for (const ChainedRecord& r : records) {
    if (r.epoch != epoch.number) continue;
    if (r.body != nullptr) {
      chain_.restore(r.body, high_qc_->block);
      raise(parent_cert(r.body));
    }
    raise(r.high_qc);
    if (r.tc != nullptr) {
      raise(r.tc->high_qc);
      if (opened == nullptr || r.tc->round > opened->round) opened = r.tc;
    }
    round = std::max(round, r.round);
  }
  round = std::max(round, next(chain_.rank(*high_qc_)));
  if (opened != nullptr && next(opened->round) != round) {
    round = std::max(round, next(opened->round));
    if (next(opened->round) != round) opened = nullptr;
  }
  if (safety_.locked_block == BlockId{} || records.back().epoch != epoch.number) {
    safety_.locked = chain_.rank(*epoch.base_qc);
    safety_.locked_block = epoch.base_qc->block;
    if (!records.empty() && records.back().epoch != epoch.number) safety_.timed_out = Round{0};
  }
  for (const BlockTree::Entry& e : chain_.tree().entries()) update_lock(e.block->last_commit);
  update_lock(*high_qc_);
  raise_lock_to_head(chain);
  chain_.apply_commit_rule_everywhere(commit_rule(), leaders_, out);
  chain_.apply_commit_rule(high_qc_, commit_rule(), leaders_, out);
  enter_round(round, std::move(opened), view, out);
  repeat_statements(records, out);
  if (!log.empty() || chain.height().value > 0) {
    out.broadcast(out.template make<CertificateMessage>(self_, epoch.number, high_qc_, round_tc_, chain_.committed()));
  }
  finish(view, out);
}

/// What was said in this round may not have left: the identical statements go out again.
template <class Rules>
void BasicChained<Rules>::repeat_statements(std::span<const ChainedRecord> records, Outbox& out) {
  const EpochState& epoch = chain_.epoch();
  for (const ChainedRecord& r : records) {
    if (r.epoch != epoch.number || r.round != round_) continue;
    if (r.statement == ChainedStatement::proposal) {
      const BlockPtr block = r.body != nullptr ? r.body : chain_.tree().block(r.block);
      if (block == nullptr) continue;
      out.broadcast(out.template make<ChainedProposalMessage>(
          r.epoch, Proposal{r.height, r.round, no_round, block, self_, r.timestamp, r.signature}, r.tc,
          chain_.committed()));
    } else if (r.statement == ChainedStatement::vote) {
      out.send(leader_of(next(r.round)),
               out.template make<VoteMessage>(Vote{r.height, r.round, VoteType::vote, self_, r.block, r.timestamp,
                                                   r.signature, r.epoch}));
    } else if (r.statement == ChainedStatement::timeout && r.high_qc != nullptr) {
      Timeout t{r.epoch, r.round,    self_, chain_.rank(*r.high_qc), r.high_tip_round,
                r.signature, r.high_qc, r.tc};
      const bool new_view = Rules::sends_new_view(options_);
      own_timeout_ = out.template make<TimeoutMessage>(std::move(t), chain_.committed(),
                                                       new_view ? MessageKind::new_view : MessageKind::timeout);
      if (new_view) {
        out.send(leader_of(next(r.round)), own_timeout_);
      } else {
        out.broadcast(own_timeout_);
      }
    }
  }
}

// ---- dispatch -------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicChained<Rules>::on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  switch (any.message_kind()) {
    case MessageKind::vote: return on_vote(from, message, view, out);
    case MessageKind::proposal: on_proposal(from, message, view, out); break;
    case MessageKind::timeout:
    case MessageKind::new_view: on_timeout(from, message, view, out); break;
    case MessageKind::certificate: on_certificate(from, message, view, out); break;
    case MessageKind::block_request:
      return chain_.on_block_request(from, static_cast<const BlockRequestMessage&>(any), commit_rule(), view, out);
    case MessageKind::block_response: on_block_response(from, message, view, out); break;
    default: return reject(from, any, height(), round_, Reject::not_for_me, out);
  }
  finish(view, out);
}

template <class Rules>
void BasicChained<Rules>::on_timer(std::uint64_t token, const EngineView& view, Outbox& out) {
  const Round round{static_cast<std::int32_t>(token >> 4U)};
  switch (static_cast<Timer>(token & 0xFU)) {
    case Timer::round:
      if (round != round_) return;
      arm_round_timer(out);
      give_up(view, out);
      break;
    case Timer::sync:
      chain_.on_sync_timer(out);
      go_on(view, out);
      break;
    case Timer::wait:
      if (round != round_) return;
      wait_over_ = true;
      try_propose(view, out);
      break;
  }
  finish(view, out);
}

/// Whatever waits for blocks or for the application is tried again.
template <class Rules>
void BasicChained<Rules>::go_on(const EngineView& view, Outbox& out) {
  chain_.connect(*high_qc_, out);
  try_vote(view, out);
  try_propose(view, out);
}

template <class Rules>
void BasicChained<Rules>::finish(const EngineView& view, Outbox& out) {
  if (voting_) return;  // the vote first: delivering takes the time of execution and of a disk sync
  chain_.deliver(out);
  const BranchStore::Arrived arrived = chain_.take_kept(commit_rule(), leaders_, view, out);
  if (arrived.qc == nullptr) return;
  process_qc(arrived.qc, view, out);
  chain_.deliver(out);
}

/// Messages of an earlier epoch come from peers that have to hear of commits; of a later one: this replica has to.
template <class Rules>
bool BasicChained<Rules>::in_epoch(NodeId from, const MessagePtr& message, Epoch epoch, Height committed,
                                   Outbox& out) {
  const Epoch mine = chain_.epoch().number;
  if (epoch == mine) {
    chain_.note_peer(from, committed, false, out);
    return true;
  }
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  if (epoch < mine) {
    reject(from, any, height(), round_, Reject::stale, out);
    const bool certificate = any.message_kind() == MessageKind::certificate;
    const bool answered =
        certificate && (static_cast<const CertificateMessage&>(any).answer || committed >= chain_.committed());
    if (!answered) help(from, out);
    return false;
  }
  chain_.note_peer(from, committed, true, out);
  if (epoch == next(mine)) {
    std::erase_if(later_, [&](const auto& l) { return l.first == from && l.second->kind == message->kind; });
    if (later_.size() < chained_limits::later_max) later_.emplace_back(from, message);
  } else {
    reject(from, any, height(), round_, Reject::far_future, out);
  }
  return false;
}

template <class Rules>
void BasicChained<Rules>::help(NodeId peer, Outbox& out) const {
  if (peer == self_) return;
  out.send(peer, out.template make<CertificateMessage>(self_, chain_.epoch().number, high_qc_, round_tc_,
                                                       chain_.committed(), true));
}

// ---- proposals ------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicChained<Rules>::on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const ChainedProposalMessage&>(*message);
  const Proposal& p = body.proposal;
  const auto refuse = [&](Reject why) { reject(from, body, p.height, p.round, why, out); };
  if (p.block == nullptr || p.round.value < 1 || p.round.value > chained_limits::round_max) {
    return refuse(Reject::malformed);
  }
  if (!in_epoch(from, message, body.epoch, body.committed, out)) return;
  const QuorumCertPtr justify = parent_cert(p.block);
  if (too_old(justify)) {
    refuse(Reject::stale);
    return help(from, out);
  }
  if (const Reject why = check_proposal(body, view); why != Reject::none) return refuse(why);

  process_qc(justify, view, out);  // also if the proposal itself is refused
  if (body.tc != nullptr) process_tc(body.tc, view, out);
  if (leader_of(p.round) != p.proposer) return refuse(Reject::wrong_proposer);
  if (p.round > round_ && Rules::sends_new_view(options_) &&
      p.round.value - round_.value <= chained_limits::round_jump) {
    enter_round(p.round, nullptr, view, out);
  }
  if (p.round > round_) return refuse(Reject::bad_certificate);
  if (p.height > chain_.committed()) chain_.learn(p.block, high_qc_->block);
  if (p.round < round_) return refuse(Reject::stale);

  if (proposal_) {
    const Proposal& first = static_cast<const ChainedProposalMessage&>(*proposal_).proposal;
    if (first.block->id == p.block->id) return;
    if (!double_proposal_) {
      double_proposal_ = true;
      const auto as_vote = [](const Proposal& x) {
        return Vote{x.height, x.round, VoteType::none, x.proposer, x.block->id, x.timestamp, x.signature};
      };
      out.add(effect::ReportEvidence{{EvidenceKind::double_proposal, p.proposer, as_vote(first), as_vote(p)}});
    }
    return refuse(Reject::equivocation);
  }
  if (!Rules::justified(context_of(body)) && !Rules::sends_new_view(options_)) return refuse(Reject::bad_certificate);
  if (p.timestamp > view.wall + options_.chained.timestamp_bound) return refuse(Reject::untimely);
  proposal_ = message;
  try_vote(view, out);
}

/// Everything about a proposal that the epoch's committee alone decides.
template <class Rules>
Reject BasicChained<Rules>::check_proposal(const ChainedProposalMessage& body, const EngineView& view) const {
  const Proposal& p = body.proposal;
  const Block& b = *p.block;
  const EpochState& epoch = chain_.epoch();
  if (epoch.committee.index_of(p.proposer) < 0) return Reject::not_a_member;
  if (body.checked == Checked::good) return Reject::none;
  if (body.checked == Checked::bad) return Reject::bad_signature;
  const auto check = [&]() -> Reject {
    const bool fits = p.valid_round == no_round && b.height == p.height && b.round == p.round &&
                      b.proposer == p.proposer && b.timestamp == p.timestamp && b.height >= epoch.first &&
                      b.last_commit.height == previous(b.height) && b.last_commit.block == b.parent &&
                      b.committee_hash == epoch.committee.hash() && !b.state_before && b.evidence.empty() &&
                      b.is_consistent();
    if (!fits || chain_.rank(b.last_commit) >= p.round) return Reject::malformed;
    if (!view.signatures.verify(p.proposer.value, p.signed_digest(), p.signature)) return Reject::bad_signature;
    if (const Reject why = chain_.check_qc(b.last_commit, commit_rule(), view); why != Reject::none) return why;
    return body.tc != nullptr ? check_tc(*body.tc, view) : Reject::none;
  };
  const Reject why = check();
  body.checked = why == Reject::none ? Checked::good : Checked::bad;
  return why;
}

template <class Rules>
VoteContext BasicChained<Rules>::context_of(const ChainedProposalMessage& body) const {
  const Block& block = *body.proposal.block;
  VoteContext c;
  c.round = body.proposal.round;
  c.justify_round = chain_.rank(block.last_commit);
  if (body.tc != nullptr) {
    c.tc_round = body.tc->round;
    c.tc_high_round = Rules::high_round_of(*body.tc, chain_.rank(*body.tc->high_qc));
  }
  c.extends_lock = chain_.tree().extends(block.parent, safety_.locked_block);
  return c;
}

template <class Rules>
void BasicChained<Rules>::try_vote(const EngineView& view, Outbox& out) {
  if (!proposal_ || !is_member() || safety_.voted >= round_) return;
  const auto& body = static_cast<const ChainedProposalMessage&>(*proposal_);
  const BlockPtr& block = body.proposal.block;
  BlockTree::Entry* entry = chain_.learn(block, high_qc_->block);
  if (entry == nullptr || entry->validity == BlockTree::Validity::asked ||
      entry->validity == BlockTree::Validity::invalid || !chain_.connect(block, out)) {
    return;
  }
  if (entry->validity == BlockTree::Validity::unknown) {
    const BlockPtr parent = chain_.tree().block(block->parent);
    const SimTime before = parent != nullptr ? parent->timestamp : chain_.tree().root().timestamp;
    if (block->timestamp <= before && block->height.value > 1) {
      entry->validity = BlockTree::Validity::invalid;
      return reject(body.author, body, block->height, round_, Reject::invalid_block, out);
    }
    entry->validity = BlockTree::Validity::asked;
    voting_ = true;
    out.add(effect::ValidatePayload{block, effect::Payload::branch,
                                    *chain_.tree().branch(block->parent, previous(block->height))});
    return;
  }
  if (!Rules::may_vote(safety_, context_of(body))) {
    return reject(body.author, body, block->height, round_, Reject::stale, out);  // asynchrony, no offence
  }
  safety_ = Rules::after_vote(safety_, round_);
  Vote vote{block->height, round_, VoteType::vote, self_, block->id, block->timestamp, {}, chain_.epoch().number};
  vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
  ChainedRecord record{.statement = ChainedStatement::vote,
                       .height = vote.height,
                       .round = round_,
                       .block = block->id,
                       .timestamp = vote.timestamp,
                       .signature = vote.signature,
                       .tc = body.tc,
                       .body = entry->persisted ? nullptr : block};
  entry->persisted = true;
  const NodeId to = leader_of(next(round_));
  const MessagePtr message = out.template make<VoteMessage>(vote);
  if (Rules::persist_before_send(ChainedStatement::vote)) {
    persist(std::move(record), out);
    out.send(to, message);
  } else {
    out.send(to, message);
    persist(std::move(record), out);
  }
}

template <class Rules>
void BasicChained<Rules>::on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) {
  BlockTree::Entry* entry = chain_.tree().find(block->id);
  voting_ = false;
  // The application may find later that a block is valid which it had refused for what it did not know.
  const bool again = valid && entry != nullptr && entry->validity == BlockTree::Validity::invalid;
  if (entry == nullptr || (entry->validity != BlockTree::Validity::asked && !again)) return finish(view, out);
  entry->validity = valid ? BlockTree::Validity::valid : BlockTree::Validity::invalid;
  try_vote(view, out);
  finish(view, out);
}

template <class Rules>
void BasicChained<Rules>::persist(ChainedRecord record, Outbox& out) {
  record.epoch = chain_.epoch().number;
  record.safety = safety_;
  log_height_ = std::max(log_height_, record.height);
  const auto type = static_cast<std::uint8_t>(chained_record_type + static_cast<std::uint8_t>(record.statement));
  out.persist(type, log_height_, record.round, encode(record));
}

/// @param fresh  on the certificate of the round before
template <class Rules>
Duration BasicChained<Rules>::wait_before_proposing(bool fresh) const {
  Duration wait = options_.chained.proposal_pause;
  if (!fresh) wait = std::max(wait, Rules::leader_wait(options_));
  // A member that is a quorum by itself certifies its blocks at once, and would make no end of them.
  const EpochState& epoch = chain_.epoch();
  const bool alone = power_of(static_cast<std::uint32_t>(epoch.self_index)) >= epoch.quorum;
  return alone ? std::max(wait, chained_limits::pause_alone) : wait;
}

template <class Rules>
void BasicChained<Rules>::try_propose(const EngineView& view, Outbox& out) {
  if (build_asked_ || safety_.proposed >= round_ || !is_member() || leader_of(round_) != self_) return;
  const bool fresh = chain_.rank(*high_qc_) == previous(round_);
  if (!fresh && round_tc_ == nullptr) return;
  if (const Duration wait = wait_before_proposing(fresh); !wait_over_ && wait > Duration::zero()) {
    if (!wait_armed_) {
      out.set_timer(static_cast<std::uint32_t>(Timer::wait), wait,
                    static_cast<std::uint64_t>(round_.value) << 4U | static_cast<std::uint64_t>(Timer::wait));
    }
    wait_armed_ = true;
    return;
  }
  if (!chain_.connect(*high_qc_, out)) return;
  const QuorumCertPtr parent = Rules::proposal_parent(high_qc_, chain_.tree());
  std::optional<std::vector<BlockPtr>> ancestors = chain_.tree().branch(parent->block, parent->height);
  if (!ancestors) return;
  const SimTime before = ancestors->empty() ? chain_.tree().root().timestamp : ancestors->back()->timestamp;
  const Height height = next(parent->height);
  const SimTime time = height.value > 1 ? std::max(view.wall, before + Duration{1}) : view.wall;
  build_asked_ = true;
  out.add(effect::BuildPayload{height, round_, parent->block, {}, *parent, time, {}, chain_.epoch().committee.hash(),
                               effect::Payload::branch, *std::move(ancestors)});
}

template <class Rules>
void BasicChained<Rules>::on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out) {
  if (block == nullptr || round != round_ || !build_asked_ || safety_.proposed >= round_ || !is_member() ||
      block->committee_hash != chain_.epoch().committee.hash()) {
    return;
  }
  BlockTree::Entry* entry = chain_.learn(block, block->parent);
  if (entry == nullptr) return;  // its height was committed meanwhile
  const bool fresh = chain_.rank(block->last_commit) == previous(round_);
  Proposal p{height, round_, no_round, block, self_, block->timestamp, {}};
  p.signature = view.signatures.sign(self_.value, p.signed_digest());
  safety_.proposed = round_;
  ChainedRecord record{.statement = ChainedStatement::proposal,
                       .height = height,
                       .round = round_,
                       .block = block->id,
                       .timestamp = p.timestamp,
                       .signature = p.signature,
                       .tc = fresh ? nullptr : round_tc_,
                       .body = block};
  entry->persisted = true;
  entry->validity = BlockTree::Validity::valid;
  const MessagePtr message = out.template make<ChainedProposalMessage>(
      chain_.epoch().number, std::move(p), fresh ? nullptr : round_tc_, chain_.committed());
  if (Rules::persist_before_send(ChainedStatement::proposal)) {
    persist(std::move(record), out);
    out.broadcast(message);
  } else {
    out.broadcast(message);
    persist(std::move(record), out);
  }
  finish(view, out);
}

// ---- votes ----------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicChained<Rules>::on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VoteMessage&>(*message);
  const Vote& vote = body.vote;
  const auto refuse = [&](Reject why) { reject(from, body, vote.height, vote.round, why, out); };
  const Epoch epoch = chain_.epoch().number;
  if (!Rules::counts(vote.epoch, epoch)) return refuse(vote.epoch < epoch ? Reject::stale : Reject::far_future);
  // Votes that come after the quorum are ordinary.
  if (vote.round <= chain_.rank(*high_qc_) && vote.round.value >= 1) return;
  if (vote.round.value < round_.value - 1) return refuse(Reject::stale);
  if (vote.round.value > round_.value + chained_limits::vote_rounds_ahead) return refuse(Reject::far_future);
  if (!vote.block || vote.height < chain_.epoch().first) return refuse(Reject::malformed);
  if (leader_of(next(vote.round)) != self_) return refuse(Reject::not_for_me);
  const Committee& committee = chain_.epoch().committee;
  const std::int32_t member = committee.index_of(vote.voter);
  if (member < 0) return refuse(Reject::not_a_member);
  if (body.checked == Checked::not_yet) {
    const bool good = view.signatures.verify(vote.voter.value, vote.signed_digest(), vote.signature);
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);

  const auto index = static_cast<std::uint32_t>(member);
  const Power power = power_of(index);
  VoteCollector& votes = votes_.open(vote.round);
  switch (votes.add(index, power, vote, committee.size())) {
    case Collected::duplicate: return;
    case Collected::conflict:
      out.add(effect::ReportEvidence{double_vote_evidence(votes.vote_of(index, vote.voter), vote)});
      return refuse(Reject::equivocation);
    case Collected::counted: break;
  }
  const Power sum = votes.last().power;
  const Power quorum = chain_.epoch().quorum;
  if (sum < quorum || sum - power >= quorum) return;  // nearly always
  process_qc(votes.certificate(vote.block, committee), view, out);
  finish(view, out);
}

// ---- certificates ---------------------------------------------------------------------------------------------------

template <class Rules>
bool BasicChained<Rules>::too_old(const QuorumCertPtr& qc) const {
  return qc != nullptr && qc->height < chain_.epoch().first && chain_.committed() >= chain_.epoch().first;
}

template <class Rules>
void BasicChained<Rules>::process_qc(const QuorumCertPtr& qc, const EngineView& view, Outbox& out) {
  const Round round = chain_.rank(*qc);
  if (round > chain_.rank(*high_qc_)) high_qc_ = qc;
  update_lock(*qc);
  chain_.apply_commit_rule(qc, commit_rule(), leaders_, out);
  if (round >= round_) enter_round(next(round), nullptr, view, out);
}

template <class Rules>
void BasicChained<Rules>::update_lock(const QuorumCert& qc) {
  const Certified newest{chain_.rank(qc), qc.block};
  Certified parent{safety_.locked, safety_.locked_block};
  if (const BlockPtr block = chain_.tree().block(qc.block); block != nullptr) {
    parent = {chain_.rank(block->last_commit), block->parent};
  }
  const Certified lock = Rules::lock_on(newest, parent);
  if (lock.round <= safety_.locked) return;
  safety_.locked = lock.round;
  safety_.locked_block = lock.block;
}

/// A lock below the committed head holds for everything that can still come: the head takes its place.
template <class Rules>
void BasicChained<Rules>::raise_lock_to_head(const ChainView& chain) {
  const BlockTree::Root& root = chain_.tree().root();
  if (safety_.locked_block == root.id || chain_.tree().find(safety_.locked_block) != nullptr) return;
  const BlockPtr head = chain.block(root.height);
  if (head == nullptr || head->round <= safety_.locked || root.height < chain_.epoch().first) return;
  safety_.locked = head->round;
  safety_.locked_block = head->id;
}

template <class Rules>
Reject BasicChained<Rules>::check_tc(const TimeoutCert& tc, const EngineView& view) const {
  const EpochState& epoch = chain_.epoch();
  if (tc.epoch != epoch.number || tc.high_qc == nullptr) return Reject::malformed;
  if (const Reject why = Rules::check_timeout_cert(tc, epoch.committee, epoch.quorum, view.signatures);
      why != Reject::none) {
    return why;
  }
  const Round attached = chain_.rank(*tc.high_qc);
  if (Rules::high_round_of(tc, attached) != attached || attached >= tc.round) return Reject::bad_certificate;
  return chain_.check_qc(*tc.high_qc, commit_rule(), view);
}

/// @pre checked
template <class Rules>
void BasicChained<Rules>::process_tc(const TimeoutCertPtr& tc, const EngineView& view, Outbox& out) {
  process_qc(tc->high_qc, view, out);
  if (tc->round >= round_) return enter_round(next(tc->round), tc, view, out);
  if (next(tc->round) == round_ && round_tc_ == nullptr) {
    round_tc_ = tc;
    try_propose(view, out);
  }
}

template <class Rules>
Reject BasicChained<Rules>::check_timeout(const TimeoutMessage& body, const EngineView& view) const {
  if (body.checked == Checked::good) return Reject::none;
  if (body.checked == Checked::bad) return Reject::bad_signature;
  const Timeout& t = body.timeout;
  const auto check = [&]() -> Reject {
    if (chain_.rank(*t.high_qc) != t.high_qc_round || t.high_qc_round >= t.round) return Reject::malformed;
    if (!view.signatures.verify(t.voter.value, t.signed_digest(), t.signature)) return Reject::bad_signature;
    if (const Reject why = chain_.check_qc(*t.high_qc, commit_rule(), view); why != Reject::none) return why;
    const bool follows = t.high_qc_round == previous(t.round) || Rules::sends_new_view(options_);
    if (t.last_tc == nullptr) return follows ? Reject::none : Reject::bad_certificate;
    return t.last_tc->round == previous(t.round) ? check_tc(*t.last_tc, view) : Reject::malformed;
  };
  const Reject why = check();
  body.checked = why == Reject::none ? Checked::good : Checked::bad;
  return why;
}

template <class Rules>
void BasicChained<Rules>::on_timeout(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const TimeoutMessage&>(*message);
  const Timeout& t = body.timeout;
  const auto refuse = [&](Reject why) { reject(from, body, height(), t.round, why, out); };
  if (t.high_qc == nullptr || t.round.value < 1 || t.round.value > chained_limits::round_max) {
    return refuse(Reject::malformed);
  }
  if (!in_epoch(from, message, t.epoch, body.committed, out)) return;
  const EpochState& epoch = chain_.epoch();
  const std::int32_t member = epoch.committee.index_of(t.voter);
  if (member < 0) return refuse(Reject::not_a_member);
  if (too_old(t.high_qc) || (t.last_tc != nullptr && too_old(t.last_tc->high_qc))) {
    refuse(Reject::stale);
    return help(from, out);
  }
  const bool new_view = Rules::sends_new_view(options_);
  if (new_view && leader_of(next(t.round)) != self_) return refuse(Reject::not_for_me);
  if (const Reject why = check_timeout(body, view); why != Reject::none) return refuse(why);

  process_qc(t.high_qc, view, out);
  if (t.last_tc != nullptr) process_tc(t.last_tc, view, out);
  const auto index = static_cast<std::uint32_t>(member);
  const Power power = power_of(index);
  if (t.round < round_ && !(new_view && next(t.round) == round_)) {
    // The last ones of a round come when it is over. Who says so again has not heard of that.
    if (next(t.round) == round_) {
      const Collected added = timeouts_.open(t.round).add(index, power, t, epoch.committee.size());
      if (added == Collected::counted) return;
    }
    refuse(Reject::stale);
    return help(from, out);
  }
  if (t.round.value > round_.value + (new_view ? chained_limits::vote_rounds_ahead : 0)) {
    return refuse(Reject::far_future);
  }
  TimeoutCollector& timeouts = timeouts_.open(t.round);
  if (timeouts.add(index, power, t, epoch.committee.size()) != Collected::counted) return;
  const Power sum = timeouts.power();
  if (sum >= epoch.quorum && sum - power < epoch.quorum) {
    process_tc(timeouts.certificate(epoch.number), view, out);
  } else if (!new_view && options_.chained.pacemaker.join && sum >= Rules::validity(epoch.committee) &&
             safety_.timed_out < round_) {
    give_up(view, out);
  }
}

/// A peer says how far it is. Who is behind is told.
template <class Rules>
void BasicChained<Rules>::on_certificate(NodeId from, const MessagePtr& message, const EngineView& view,
                                         Outbox& out) {
  if (from == self_) return;
  const auto& body = static_cast<const CertificateMessage&>(*message);
  if (!in_epoch(from, message, body.epoch, body.committed, out)) return;
  Round theirs{};
  if (body.qc != nullptr && !too_old(body.qc)) {
    if (body.checked == Checked::not_yet) {
      Reject why = chain_.check_qc(*body.qc, commit_rule(), view);
      if (why == Reject::none && body.tc != nullptr) {
        why = too_old(body.tc->high_qc) ? Reject::stale : check_tc(*body.tc, view);
      }
      body.checked = why == Reject::none ? Checked::good : Checked::bad;
    }
    if (body.checked == Checked::bad) return reject(from, body, height(), round_, Reject::bad_certificate, out);
    theirs = next(chain_.rank(*body.qc));
    if (body.tc != nullptr) theirs = std::max(theirs, next(body.tc->round));
    process_qc(body.qc, view, out);
    if (body.tc != nullptr) process_tc(body.tc, view, out);
  }
  if (theirs < round_ && !body.answer) help(from, out);
}

template <class Rules>
void BasicChained<Rules>::on_block_response(NodeId from, const MessagePtr& message, const EngineView& view,
                                            Outbox& out) {
  const BranchStore::Arrived arrived =
      chain_.on_block_response(from, message, high_qc_->block, commit_rule(), leaders_, view, out);
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  if (arrived.why != Reject::none) {
    return reject(from, body, body.block != nullptr ? body.block->height : height(), round_, arrived.why, out);
  }
  if (arrived.qc != nullptr) process_qc(arrived.qc, view, out);
  if (arrived.block != nullptr) {
    const QuorumCertPtr justify = parent_cert(arrived.block);
    if (!too_old(justify) && chain_.check_qc(*justify, commit_rule(), view) == Reject::none) {
      process_qc(justify, view, out);
    }
    update_lock(*high_qc_);
    chain_.apply_commit_rule_everywhere(commit_rule(), leaders_, out);
    chain_.apply_commit_rule(high_qc_, commit_rule(), leaders_, out);
  }
  if (arrived.qc != nullptr || arrived.block != nullptr) go_on(view, out);
}

// ---- rounds and epochs ----------------------------------------------------------------------------------------------

template <class Rules>
void BasicChained<Rules>::enter_round(Round round, TimeoutCertPtr tc, const EngineView& view, Outbox& out) {
  round_ = round;
  round_tc_ = std::move(tc);
  proposal_ = {};
  own_timeout_ = {};
  double_proposal_ = build_asked_ = wait_armed_ = wait_over_ = voting_ = false;
  votes_.drop_below(Round{round.value - 1});
  timeouts_.drop_below(previous(round));
  trace_round(out);
  arm_round_timer(out);
  if (Rules::sends_new_view(options_) && round_tc_ == nullptr) {
    // New-views may have come before this replica entered the round that it leads.
    TimeoutCollector* early = timeouts_.find(previous(round));
    if (early != nullptr && early->power() >= chain_.epoch().quorum) {
      round_tc_ = early->certificate(chain_.epoch().number);
    }
  }
  try_propose(view, out);
}

template <class Rules>
void BasicChained<Rules>::arm_round_timer(Outbox& out) const {
  const std::int64_t late = std::int64_t{round_.value} - chain_.committed_round().value;
  const std::int64_t since = chain_.epoch().first == next(chain_.committed())
                                 ? std::int64_t{round_.value} - chain_.epoch().first_round.value
                                 : late;
  out.set_timer(static_cast<std::uint32_t>(Timer::round), round_timeout(options_.chained.pacemaker, since),
                static_cast<std::uint64_t>(round_.value) << 4U | static_cast<std::uint64_t>(Timer::round));
}

template <class Rules>
void BasicChained<Rules>::give_up(const EngineView& view, Outbox& out) {
  const bool new_view = Rules::sends_new_view(options_);
  if (is_member() && safety_.timed_out < round_) {
    safety_ = Rules::after_timeout(safety_, round_);
    Timeout t{chain_.epoch().number, round_, self_, chain_.rank(*high_qc_), no_round, {}, high_qc_, nullptr};
    if (t.high_qc_round != previous(round_)) t.last_tc = round_tc_;
    t.signature = view.signatures.sign(self_.value, t.signed_digest());
    ChainedRecord record{.statement = ChainedStatement::timeout,
                         .height = high_qc_->height,
                         .round = round_,
                         .block = high_qc_->block,
                         .signature = t.signature,
                         .high_qc = t.high_qc,
                         .tc = t.last_tc};
    own_timeout_ = out.template make<TimeoutMessage>(std::move(t), chain_.committed(),
                                                     new_view ? MessageKind::new_view : MessageKind::timeout);
    if (Rules::persist_before_send(ChainedStatement::timeout)) persist(std::move(record), out);
  }
  if (!new_view) {
    if (own_timeout_) out.broadcast(own_timeout_);
    return;
  }
  if (own_timeout_) out.send(leader_of(next(round_)), own_timeout_);
  enter_round(next(round_), nullptr, view, out);
}

template <class Rules>
void BasicChained<Rules>::on_executed(Height height, const ExecutionResult& /*result*/, const EngineView& view,
                                      Outbox& out) {
  const BranchStore::Executed done = chain_.on_executed(height, commit_rule(), view, out);
  if (done == BranchStore::Executed::not_mine) return;
  out.add(effect::Forget{std::min(next(height), log_height_)});
  if (done == BranchStore::Executed::new_epoch) {
    enter_epoch(view, out);
  } else {
    raise_lock_to_head(view.chain);
  }
  finish(view, out);
}

template <class Rules>
void BasicChained<Rules>::enter_epoch(const EngineView& view, Outbox& out) {
  const EpochState& epoch = chain_.epoch();
  leaders_.start_epoch(epoch.committee, Round{1}, options_.chained.leader);
  high_qc_ = epoch.base_qc;
  safety_.locked = chain_.rank(*high_qc_);
  safety_.locked_block = high_qc_->block;
  safety_.timed_out = Round{0};  // timeouts name their epoch: this takes back nothing
  votes_.clear();
  timeouts_.clear();
  enter_round(epoch.first_round, nullptr, view, out);
  std::vector<std::pair<NodeId, MessagePtr>> later;
  later.swap(later_);
  for (const auto& [from, message] : later) on_message(from, message, view, out);
}

// ---- small things ---------------------------------------------------------------------------------------------------

template <class Rules>
void BasicChained<Rules>::trace_round(Outbox& out) const {
  out.trace({.kind = sim::RecordKind::round_entered,
             .node = self_,
             .round = static_cast<std::uint32_t>(round_.value),
             .height = height().value});
}

template <class Rules>
void BasicChained<Rules>::reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why,
                                 Outbox& out) const {
  out.trace({.kind = sim::RecordKind::message_rejected,
             .detail = message.kind,
             .flags = static_cast<std::uint16_t>(why),
             .node = self_,
             .peer = from,
             .round = static_cast<std::uint32_t>(round.value),
             .height = height.value});
}

template <class Rules>
bool BasicChained<Rules>::same(const BasicChained& o) const {
  const auto same_later = [](const auto& a, const auto& b) {
    return a.first == b.first && same_chained_content(a.second, b.second);
  };
  return self_ == o.self_ && options_ == o.options_ && round_ == o.round_ && safety_ == o.safety_ &&
         same_cert(high_qc_, o.high_qc_) && same_cert(round_tc_, o.round_tc_) &&
         same_chained_content(proposal_, o.proposal_) && same_chained_content(own_timeout_, o.own_timeout_) &&
         double_proposal_ == o.double_proposal_ && build_asked_ == o.build_asked_ && voting_ == o.voting_ &&
         wait_armed_ == o.wait_armed_ && wait_over_ == o.wait_over_ && log_height_ == o.log_height_ &&
         votes_ == o.votes_ && timeouts_ == o.timeouts_ && std::ranges::equal(later_, o.later_, same_later) &&
         leaders_ == o.leaders_ && chain_ == o.chain_;
}

template <class Rules>
void BasicChained<Rules>::hash_into(HashBuilder& h) const {
  h.add(self_).add(round_);
  safety_.hash_into(h);
  hash_cert(high_qc_, h);
  hash_cert(round_tc_, h);
  hash_chained_content(proposal_, h);
  hash_chained_content(own_timeout_, h);
  h.add(double_proposal_).add(build_asked_).add(voting_).add(wait_armed_).add(wait_over_).add(log_height_);
  votes_.hash_into(h);
  timeouts_.hash_into(h);
  h.add(later_.size());
  for (const auto& [from, message] : later_) {
    h.add(from);
    hash_chained_content(message, h);
  }
  leaders_.hash_into(h);
  chain_.hash_into(h);
}

}  // namespace seqlab::protocols
