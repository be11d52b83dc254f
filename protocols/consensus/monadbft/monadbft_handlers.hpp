// The handlers of BasicMonadBft, for whoever instantiates it: monadbft.cpp with the honest rules, tests with a wrong
// one.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "protocols/consensus/monadbft/monadbft.hpp"
#include "protocols/consensus/tendermint/evidence_pool.hpp"

namespace seqlab::protocols {

namespace monad_limits {
inline constexpr std::int32_t vote_rounds_ahead = 10;  ///< votes for rounds farther ahead are dropped
inline constexpr std::int32_t round_max = 1 << 28;     ///< nobody gets there; keeps tokens in bounds
inline constexpr Duration pause_alone = 100ms;         ///< between votes of a member that is a quorum by itself
inline constexpr std::size_t later_max = 32;           ///< messages kept for the next epoch
inline constexpr std::size_t seen_max = 32;            ///< rounds whose proposal is remembered, for evidence
}  // namespace monad_limits

template <class Rules>
const CommitRule& BasicMonadBft<Rules>::commit_rule() {
  static constexpr CommitRule rule{Rules::commit_depth, &Rules::commits, &Rules::check_quorum_cert, &Rules::quorum,
                                   &Rules::counts};
  return rule;
}

// ---- start ----------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicMonadBft<Rules>::start(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  const ChainView& chain = view.chain;
  ChainedOptions chained;
  chained.sync_timeout = options_.sync_timeout;
  chained.sync_window = options_.sync_window;
  chain_.start(self_, chained, commit_rule(), view);
  const EpochState& epoch = chain_.epoch();
  leaders_.start_epoch(epoch.committee, Round{1}, options_.leader);
  const std::uint64_t window = std::uint64_t{options_.leader.reputation_window} + options_.leader.reputation_lag;
  const std::uint64_t from = chain.height().value > window ? chain.height().value - window : 1;
  for (Height h{from}; options_.leader.election == LeaderElection::reputation && h <= chain.height(); ++h) {
    const BlockPtr block = chain.block(h);
    if (block != nullptr && chain.commit(h) != nullptr) leaders_.on_committed(*block, certificate_of(chain, h));
  }
  high_qc_ = epoch.base_qc;
  if (chain.height() >= epoch.first) high_qc_ = signed_cert(*chain.commit(chain.height()));

  std::vector<MonadRecord> records;
  for (const Recovered& r : log) {
    if (r.type < monad_record_type) continue;
    std::optional<MonadRecord> record = decode_monad(r.bytes);
    if (!record) continue;
    log_height_ = std::max(log_height_, r.height);
    records.push_back(*std::move(record));
  }
  MonadRecord last;
  if (!records.empty()) last = Rules::restore(records);
  safety_ = last.safety;
  const bool same_epoch = !records.empty() && last.epoch == epoch.number;
  if (!same_epoch) safety_.timed_out = Round{0};
  Round round = next(chain_.rank(*high_qc_));
  if (same_epoch) {
    const auto raise = [&](const QuorumCertPtr& qc) {
      const bool ours = qc != nullptr && chain_.is_ours(*qc, commit_rule());
      if (ours && chain_.rank(*qc) > chain_.rank(*high_qc_)) high_qc_ = qc;
    };
    raise(last.high_qc);
    for (const MonadRecord& r : records) {
      if (r.epoch != epoch.number) continue;
      if (r.body != nullptr) chain_.restore(r.body, high_qc_->block);
      // The body of a block that was the tip once is there and nowhere else.
      if (r.high_tip != nullptr) chain_.restore(r.high_tip->block, high_qc_->block);
    }
    high_tip_ = last.high_tip;
    round = std::max(last.round, next(chain_.rank(*high_qc_)));
    if (last.last_tc != nullptr && next(last.last_tc->round) == round) last_tc_ = last.last_tc;
    drop_old_tip();
  }
  chain_.apply_commit_rule_everywhere(commit_rule(), leaders_, out);
  chain_.apply_commit_rule(high_qc_, commit_rule(), leaders_, out);
  enter_round(round, last_tc_, view, out);
  if (same_epoch && last.round == round_) repeat_statements(last, view, out);
  if (!log.empty() || chain.height().value > 0) {
    out.broadcast(out.template make<AdvanceRoundMessage>(self_, epoch.number, RoundCert{high_qc_, last_tc_},
                                                         chain_.committed()));
  }
  finish(view, out);
}

/// What was said in this round may not have left: the identical statements go out again.
template <class Rules>
void BasicMonadBft<Rules>::repeat_statements(const MonadRecord& record, const EngineView& /*view*/, Outbox& out) {
  if (record.vote.type == VoteType::vote) {
    own_vote_ = out.template make<VoteMessage>(record.vote);
    if (record.vote.round == round_) send_vote(own_vote_, out);
  }
  if (record.safety.timed_out != round_) return;
  MonadTimeout t{record.epoch, round_, self_, record.high_qc_round, record.high_tip_round, record.timeout_signature,
                 nullptr, nullptr, {}};
  if (record.high_tip_round != no_round) {
    t.high_tip = record.high_tip;
  } else {
    t.high_qc = record.high_qc;
  }
  if (t.high_qc_round != previous(round_)) {
    if (record.last_tc != nullptr) {
      t.last.tc = record.last_tc;
    } else {
      t.last.qc = record.high_qc;
    }
  }
  own_timeout_ = out.template make<MonadTimeoutMessage>(std::move(t), chain_.committed());
  send_timeout(out);
}

// ---- dispatch -------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicMonadBft<Rules>::on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  switch (any.message_kind()) {
    case MessageKind::vote: return on_vote(from, message, view, out);
    case MessageKind::proposal: on_proposal(from, message, view, out); break;
    case MessageKind::timeout: on_timeout(from, message, view, out); break;
    case MessageKind::recovery: on_recovery(from, message, view, out); break;
    case MessageKind::no_endorsement: on_no_endorsement(from, message, view, out); break;
    case MessageKind::certificate: on_advance(from, message, view, out); break;
    case MessageKind::block_request:
      return chain_.on_block_request(from, static_cast<const BlockRequestMessage&>(any), commit_rule(), view, out);
    case MessageKind::block_response: on_block_response(from, message, view, out); break;
    default: return reject(from, any, height(), round_, Reject::not_for_me, out);
  }
  finish(view, out);
}

template <class Rules>
void BasicMonadBft<Rules>::on_timer(std::uint64_t token, const EngineView& view, Outbox& out) {
  const Round round{static_cast<std::int32_t>(token >> 4U)};
  switch (static_cast<Timer>(token & 0xFU)) {
    case Timer::round:
      if (round != round_) return;
      arm_round_timer(out);
      give_up(view, out);
      go_on(view, out);
      break;
    case Timer::sync:
      chain_.on_sync_timer(out);
      go_on(view, out);
      break;
    case Timer::pace:
      pacing_ = false;
      try_vote(view, out);
      break;
    case Timer::forward:
      if (round != round_ || proposal_ || chain_.rank(*high_qc_) != previous(round_)) return;
      out.send(leader_of(round_), out.template make<AdvanceRoundMessage>(self_, chain_.epoch().number,
                                                                         RoundCert{high_qc_, nullptr},
                                                                         chain_.committed()));
      break;
  }
  finish(view, out);
}

/// Whatever waits for blocks or for the application is tried again.
template <class Rules>
void BasicMonadBft<Rules>::go_on(const EngineView& view, Outbox& out) {
  chain_.connect(*high_qc_, out);
  try_vote(view, out);
  try_propose(view, out);
}

template <class Rules>
void BasicMonadBft<Rules>::finish(const EngineView& view, Outbox& out) {
  deliver(out);
  const BranchStore::Arrived arrived = chain_.take_kept(commit_rule(), leaders_, view, out);
  if (arrived.qc != nullptr) {
    process_qc(arrived.qc, view, out);
    deliver(out);
  }
  speculate(out);
}

template <class Rules>
void BasicMonadBft<Rules>::deliver(Outbox& out) {
  if (const BlockPtr next_final = chain_.next_decided(); speculative_ != nullptr && next_final != nullptr &&
                                                         next_final->height == speculative_->height &&
                                                         next_final->id != speculative_->id) {
    take_back(out);
  }
  chain_.deliver(out);
}

template <class Rules>
void BasicMonadBft<Rules>::take_back(Outbox& out) {
  out.add(effect::Revert{speculative_, CommitLevel::speculative});
  speculative_ = nullptr;
}

/// B13. Only the child of the last final and executed block: what comes after a block that may yet end the epoch is not
/// promised to anybody.
template <class Rules>
void BasicMonadBft<Rules>::speculate(Outbox& out) {
  if (chain_.decided() > chain_.committed() || high_qc_->height <= chain_.committed()) return;
  if (speculative_ != nullptr && speculative_->id == high_qc_->block) return;
  const std::optional<std::vector<BlockPtr>> branch = chain_.tree().branch(high_qc_->block, high_qc_->height);
  if (!branch || branch->empty()) return;
  const BlockPtr& block = branch->front();
  if (speculative_ != nullptr) {
    if (speculative_->id == block->id) return;
    take_back(out);
  }
  const QuorumCert& cert = branch->size() > 1 ? (*branch)[1]->last_commit : *high_qc_;
  if (!Rules::speculates(cert.round, block->round)) return;
  speculative_ = block;
  Commit commit{cert.height, cert.round, cert.block, VoteType::vote, cert.signatures, {}, cert.epoch};
  out.add(effect::Deliver{block, CommitLevel::speculative, std::move(commit)});
}

/// Messages of an earlier epoch come from peers that have to hear of commits; of a later one: this replica has to.
template <class Rules>
bool BasicMonadBft<Rules>::in_epoch(NodeId from, const MessagePtr& message, Epoch epoch, Height committed,
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
        certificate && (static_cast<const AdvanceRoundMessage&>(any).answer || committed >= chain_.committed());
    if (!answered) help(from, out);
    return false;
  }
  chain_.note_peer(from, committed, true, out);
  if (epoch == next(mine)) {
    std::erase_if(later_, [&](const auto& l) { return l.first == from && l.second->kind == message->kind; });
    if (later_.size() < monad_limits::later_max) later_.emplace_back(from, message);
  } else {
    reject(from, any, height(), round_, Reject::far_future, out);
  }
  return false;
}

template <class Rules>
void BasicMonadBft<Rules>::help(NodeId peer, Outbox& out) const {
  if (peer == self_) return;
  out.send(peer, out.template make<AdvanceRoundMessage>(self_, chain_.epoch().number, RoundCert{high_qc_, last_tc_},
                                                        chain_.committed(), true));
}

// ---- proposals ------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicMonadBft<Rules>::on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const MonadProposalMessage&>(*message);
  const Proposal& p = body.proposal;
  const auto refuse = [&](Reject why) { reject(from, body, p.height, p.round, why, out); };
  if (p.block == nullptr || body.tip == nullptr || body.tip->block == nullptr || p.round.value < 1 ||
      p.round.value > monad_limits::round_max) {
    return refuse(Reject::malformed);
  }
  if (!in_epoch(from, message, body.epoch, body.committed, out)) return;
  const QuorumCertPtr justify = parent_cert(p.block);
  if (too_old(*justify)) {
    refuse(Reject::stale);
    return help(from, out);
  }
  if (const Reject why = check_proposal(body, view); why != Reject::none) return refuse(why);

  process_qc(justify, view, out);  // also if the proposal itself is refused
  if (body.last_tc != nullptr) process_tc(body.last_tc, false, view, out);
  if (leader_of(p.round) != p.proposer || !leads(*body.tip)) return refuse(Reject::wrong_proposer);
  if (p.round > round_) return refuse(Reject::bad_certificate);
  if (p.height > chain_.committed()) {
    chain_.learn(p.block, high_qc_->block);
    chain_.apply_commit_rule_everywhere(commit_rule(), leaders_, out);
    chain_.apply_commit_rule(high_qc_, commit_rule(), leaders_, out);
  }
  note_proposal({p.height, p.round, VoteType::none, p.proposer, p.block->id, p.timestamp, p.signature}, out);
  if (p.round < round_) return refuse(Reject::stale);
  if (proposal_) {
    const Proposal& first = static_cast<const MonadProposalMessage&>(*proposal_).proposal;
    return first.block->id == p.block->id ? void() : refuse(Reject::equivocation);
  }
  ProposalShape shape{.round = p.round, .block = p.block->id, .tip = shape_of(*body.tip)};
  if (const MonadTimeoutCertPtr& tc = body.last_tc; tc != nullptr) {
    shape.has_tc = true;
    shape.tc_round = tc->round;
    shape.tc_tip = tc->high_tip != nullptr ? tc->high_tip->block->id : BlockId{};
    shape.tc_qc_round = chain_.rank(tc->high_tip != nullptr ? tc->high_tip->block->last_commit : *tc->high_qc);
  }
  if (const Reject why = Rules::well_formed(shape); why != Reject::none) return refuse(why);
  const bool fresh = p.round == p.block->round;
  const Duration off = p.block->timestamp - view.wall;
  const Duration most = options_.timestamp_tolerance();
  timely_ = fresh ? off <= most && -off <= most : off < Duration::zero();  // B12
  if (!timely_) refuse(Reject::untimely);
  proposal_ = message;
  try_vote(view, out);
}

/// Everything about a proposal that the epoch's committee alone decides.
template <class Rules>
Reject BasicMonadBft<Rules>::check_proposal(const MonadProposalMessage& body, const EngineView& view) const {
  if (body.checked == Checked::good) return Reject::none;
  if (body.checked == Checked::bad) return Reject::bad_signature;
  const Proposal& p = body.proposal;
  const Block& b = *p.block;
  const auto check = [&]() -> Reject {
    if (chain_.epoch().committee.index_of(p.proposer) < 0) return Reject::not_a_member;
    const bool fresh = p.round == b.round;
    const bool fits = body.tip->block->id == b.id && b.height == p.height && b.timestamp == p.timestamp &&
                      p.valid_round == (fresh ? no_round : b.round) && (!fresh || p.proposer == b.proposer) &&
                      b.is_consistent();
    if (!fits) return Reject::malformed;
    if (!view.signatures.verify(p.proposer.value, p.signed_digest(), p.signature)) return Reject::bad_signature;
    if (const Reject why = check_tip(*body.tip, view); why != Reject::none) return why;
    return body.last_tc != nullptr ? check_tc(*body.last_tc, view) : Reject::none;
  };
  const Reject why = check();
  body.checked = why == Reject::none ? Checked::good : Checked::bad;
  return why;
}

template <class Rules>
TipShape BasicMonadBft<Rules>::shape_of(const Tip& tip) const {
  TipShape s{.block_round = tip.block->round, .qc_round = chain_.rank(tip.block->last_commit)};
  if (tip.nec != nullptr) {
    s.has_nec = true;
    s.nec_round = tip.nec->round;
    s.nec_tip_qc_round = tip.nec->tip_qc_round;
  }
  if (tip.no_tip != nullptr) {
    s.has_no_tip = true;
    s.no_tip_round = tip.no_tip->round;
    s.no_tip_names_qc = tip.no_tip->high_qc != nullptr;
    if (s.no_tip_names_qc) s.no_tip_qc_round = chain_.rank(*tip.no_tip->high_qc);
  }
  return s;
}

template <class Rules>
Reject BasicMonadBft<Rules>::check_tip(const Tip& tip, const EngineView& view) const {
  const EpochState& epoch = chain_.epoch();
  if (tip.block == nullptr) return Reject::malformed;
  const Block& b = *tip.block;
  const bool fits = b.height >= epoch.first && b.last_commit.height == previous(b.height) &&
                    b.last_commit.block == b.parent && b.committee_hash == epoch.committee.hash() &&
                    !b.state_before && b.evidence.empty() && b.round.value >= 1 && b.id == b.compute_id();
  if (!fits || too_old(b.last_commit)) return Reject::malformed;
  if (epoch.committee.index_of(b.proposer) < 0) return Reject::not_a_member;
  if (!view.signatures.verify(b.proposer.value, fresh_digest(b), tip.signature)) return Reject::bad_signature;
  if (const Reject why = chain_.check_qc(b.last_commit, commit_rule(), view); why != Reject::none) return why;
  if (tip.nec != nullptr) {
    if (tip.nec->epoch != epoch.number) return Reject::malformed;
    const Reject why = check_no_endorsement_cert(*tip.nec, epoch.committee, epoch.quorum, view.signatures);
    if (why != Reject::none) return why;
  }
  if (tip.no_tip != nullptr) {
    if (tip.no_tip->high_qc == nullptr) return Reject::malformed;  // ends the nesting
    if (const Reject why = check_tc(*tip.no_tip, view); why != Reject::none) return why;
  }
  return Rules::well_formed_tip(shape_of(tip));
}

template <class Rules>
Reject BasicMonadBft<Rules>::check_tc(const MonadTimeoutCert& tc, const EngineView& view) const {
  const EpochState& epoch = chain_.epoch();
  if (tc.epoch != epoch.number || (tc.high_qc == nullptr) == (tc.high_tip == nullptr)) return Reject::malformed;
  if (tc.round.value > monad_limits::round_max) return Reject::malformed;
  const Reject groups = Rules::check_timeout_groups(tc, epoch.committee, epoch.quorum);
  if (groups != Reject::none) return groups;
  if (const Reject why = check_timeout_signatures(tc, view.signatures); why != Reject::none) return why;
  const ExtendRank highest = highest_rank(tc);
  if (tc.high_qc != nullptr) {
    if (too_old(*tc.high_qc) || rank_of(chain_.rank(*tc.high_qc), no_round) != highest) return Reject::bad_certificate;
    return chain_.check_qc(*tc.high_qc, commit_rule(), view);
  }
  if (tc.high_tip->block == nullptr) return Reject::malformed;
  if (const Reject why = check_tip(*tc.high_tip, view); why != Reject::none) return why;
  const Block& b = *tc.high_tip->block;
  return rank_of(chain_.rank(b.last_commit), b.round) == highest ? Reject::none : Reject::bad_certificate;
}

template <class Rules>
Reject BasicMonadBft<Rules>::check_round_cert(const RoundCert& cert, const EngineView& view) const {
  if (cert.qc != nullptr) {
    if (const Reject why = chain_.check_qc(*cert.qc, commit_rule(), view); why != Reject::none) return why;
  }
  return cert.tc != nullptr ? check_tc(*cert.tc, view) : Reject::none;
}

/// Two proposals of one round under one name.
template <class Rules>
void BasicMonadBft<Rules>::note_proposal(const Vote& statement, Outbox& out) {
  auto at = std::ranges::lower_bound(seen_, statement.round, {}, &SeenTip::round);
  if (at == seen_.end() || at->round != statement.round) {
    at = seen_.insert(at, SeenTip{statement.round, statement, false});
    if (seen_.size() > monad_limits::seen_max) seen_.erase(seen_.begin());
    return;
  }
  if (at->reported || at->statement.block == statement.block || at->statement.voter != statement.voter) return;
  at->reported = true;
  out.add(effect::ReportEvidence{{EvidenceKind::double_proposal, statement.voter, at->statement, statement}});
}

template <class Rules>
bool BasicMonadBft<Rules>::available(BlockId block, Height height) const {
  const BlockTree::Entry* entry = chain_.tree().find(block);
  return entry != nullptr && entry->validity != BlockTree::Validity::invalid &&
         chain_.tree().link(block, height) == BlockTree::Link::connected;
}

template <class Rules>
bool BasicMonadBft<Rules>::usable(const BlockPtr& block, Outbox& out) {
  BlockTree::Entry* entry = chain_.tree().find(block->id);
  if (entry == nullptr || entry->validity == BlockTree::Validity::asked ||
      entry->validity == BlockTree::Validity::invalid || !chain_.connect(block, out)) {
    return false;
  }
  if (entry->validity == BlockTree::Validity::valid) return true;
  const BlockPtr parent = chain_.tree().block(block->parent);
  const SimTime before = parent != nullptr ? parent->timestamp : chain_.tree().root().timestamp;
  if ((block->timestamp <= before && block->height.value > 1) || block->bytes != block->compute_bytes()) {
    entry->validity = BlockTree::Validity::invalid;
    return false;
  }
  entry->validity = BlockTree::Validity::asked;
  out.add(effect::ValidatePayload{block, effect::Payload::branch,
                                  *chain_.tree().branch(block->parent, previous(block->height))});
  return false;
}

template <class Rules>
void BasicMonadBft<Rules>::on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) {
  BlockTree::Entry* entry = chain_.tree().find(block->id);
  // The application may find later that a block is valid which it had refused for what it did not know.
  const bool again = valid && entry != nullptr && entry->validity == BlockTree::Validity::invalid;
  if (entry == nullptr || (entry->validity != BlockTree::Validity::asked && !again)) return;
  entry->validity = valid ? BlockTree::Validity::valid : BlockTree::Validity::invalid;
  try_vote(view, out);
  try_propose(view, out);
  finish(view, out);
}

// ---- voting ---------------------------------------------------------------------------------------------------------

template <class Rules>
Vote BasicMonadBft<Rules>::make_vote(const Block& block, const EngineView& view) const {
  Vote vote{block.height, round_, VoteType::vote, self_, block.id, block.timestamp, {}, chain_.epoch().number};
  vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
  return vote;
}

template <class Rules>
void BasicMonadBft<Rules>::try_vote(const EngineView& view, Outbox& out) {
  if (!proposal_ || !timely_ || !is_member() || safety_.voted >= round_) return;
  const auto& body = static_cast<const MonadProposalMessage&>(*proposal_);
  const BlockPtr& block = body.proposal.block;
  if (chain_.learn(block, high_qc_->block) == nullptr || !usable(block, out) || pacing_) return;
  const MonadTimeoutCertPtr& tc = body.last_tc;
  const BlockId tc_tip = tc != nullptr && tc->high_tip != nullptr ? tc->high_tip->block->id : BlockId{};
  if (!Rules::may_vote(safety_, round_, tc_tip)) return;

  safety_.voted = round_;
  high_tip_ = body.tip;
  drop_old_tip();
  own_vote_ = out.template make<VoteMessage>(make_vote(*block, view));
  BlockTree::Entry* entry = chain_.tree().find(block->id);
  MonadRecord record{.statement = MonadStatement::vote};
  if (!entry->persisted && (high_tip_ == nullptr || high_tip_->block->id != block->id)) record.body = block;
  entry->persisted = true;
  persist_and(std::move(record), out, [&] { send_vote(own_vote_, out); });
  if (const Duration pause = pace(); pause > Duration::zero()) {
    pacing_ = true;
    set_timer(Timer::pace, pause, out);
  }
}

/// B5: to the leader of the round, for the backup QC, and to the next one.
template <class Rules>
void BasicMonadBft<Rules>::send_vote(const MessagePtr& vote, Outbox& out) {
  const NodeId first = leader_of(next(round_));
  const NodeId second = leader_of(round_);
  out.send(first, vote);
  if (second != first) out.send(second, vote);
}

template <class Rules>
void BasicMonadBft<Rules>::drop_old_tip() {
  if (high_tip_ != nullptr && !Rules::keeps_tip(high_tip_->block->round, chain_.rank(*high_qc_))) high_tip_ = nullptr;
}

template <class Rules>
template <class Say>
void BasicMonadBft<Rules>::persist_and(MonadRecord record, Outbox& out, Say&& say) {
  record.epoch = chain_.epoch().number;
  record.round = round_;
  record.safety = safety_;
  record.high_tip = high_tip_;
  record.high_qc = high_qc_;
  record.last_tc = last_tc_;
  if (own_vote_) record.vote = static_cast<const VoteMessage&>(*own_vote_).vote;
  Height height = high_tip_ != nullptr ? high_tip_->block->height : high_qc_->height;
  if (record.body != nullptr) height = std::max(height, record.body->height);
  log_height_ = std::max(log_height_, height);
  const auto type = static_cast<std::uint8_t>(monad_record_type + static_cast<std::uint8_t>(record.statement));
  const bool first = Rules::persist_before_send(record.statement);
  if (!first) say();
  out.persist(type, log_height_, round_, encode(record));
  if (first) say();
}

template <class Rules>
void BasicMonadBft<Rules>::on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VoteMessage&>(*message);
  const Vote& vote = body.vote;
  const auto refuse = [&](Reject why) { reject(from, body, vote.height, vote.round, why, out); };
  const Epoch epoch = chain_.epoch().number;
  if (!Rules::counts(vote.epoch, epoch)) return refuse(vote.epoch < epoch ? Reject::stale : Reject::far_future);
  // Votes that come after the quorum are ordinary.
  if (vote.round <= chain_.rank(*high_qc_) && vote.round.value >= 1) return;
  if (vote.round.value < round_.value - 1) return refuse(Reject::stale);
  if (vote.round.value > round_.value + monad_limits::vote_rounds_ahead) return refuse(Reject::far_future);
  if (!vote.block || vote.height < chain_.epoch().first) return refuse(Reject::malformed);
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
  const QuorumCertPtr qc = votes.certificate(vote.block, committee);
  if (leader_of(vote.round) == self_) {  // B6: the backup QC
    out.broadcast(out.template make<AdvanceRoundMessage>(self_, chain_.epoch().number, RoundCert{qc, nullptr},
                                                         chain_.committed()));
  }
  process_qc(qc, view, out);
  finish(view, out);
}

// ---- certificates ---------------------------------------------------------------------------------------------------

/// The certificate is of the block below the epoch, and this replica no longer knows which that is.
template <class Rules>
bool BasicMonadBft<Rules>::too_old(const QuorumCert& qc) const {
  return qc.height < chain_.epoch().first && chain_.committed() >= chain_.epoch().first;
}
template <class Rules>
bool BasicMonadBft<Rules>::too_old(const MonadTimeoutCertPtr& tc) const {
  if (tc == nullptr) return false;
  if (tc->high_qc != nullptr) return too_old(*tc->high_qc);
  return tc->high_tip != nullptr && tc->high_tip->block != nullptr && too_old(tc->high_tip->block->last_commit);
}

/// B1. @pre checked
template <class Rules>
void BasicMonadBft<Rules>::process_qc(const QuorumCertPtr& qc, const EngineView& view, Outbox& out) {
  const Round round = chain_.rank(*qc);
  if (round > chain_.rank(*high_qc_)) {
    high_qc_ = qc;
    drop_old_tip();
  }
  chain_.apply_commit_rule(qc, commit_rule(), leaders_, out);
  if (round >= round_) {
    enter_round(next(round), nullptr, view, out);
  } else if (next(round) == round_) {
    try_propose(view, out);
  }
}

/// @pre checked
template <class Rules>
void BasicMonadBft<Rules>::process_tc(const MonadTimeoutCertPtr& tc, bool heard_of, const EngineView& view,
                                      Outbox& out) {
  if (tc->high_qc != nullptr) {
    process_qc(tc->high_qc, view, out);
  } else {
    const Block& b = *tc->high_tip->block;
    if (leads(*tc->high_tip)) {
      note_proposal({b.height, b.round, VoteType::none, b.proposer, b.id, b.timestamp, tc->high_tip->signature}, out);
    }
    process_qc(parent_cert(tc->high_tip->block), view, out);
  }
  if (tc->round >= round_) {
    if (heard_of && tc->round == round_) give_up(view, out);
    return enter_round(next(tc->round), tc, view, out);
  }
  if (next(tc->round) == round_ && last_tc_ == nullptr) {
    last_tc_ = tc;
    try_propose(view, out);
  }
}

template <class Rules>
MonadTimeoutCertPtr BasicMonadBft<Rules>::timeout_cert() const {
  auto cert = std::make_shared<MonadTimeoutCert>();
  cert->epoch = chain_.epoch().number;
  cert->round = round_;
  cert->high_qc = timeout_qc_;
  cert->high_tip = timeout_tip_;
  for (std::uint32_t i = 0; i < timeouts_.size(); ++i) {
    const TimeoutSlot& s = timeouts_[i];
    if (!s.there) continue;
    const auto key = std::pair{s.high_tip_round, s.high_qc_round};
    const auto of = [](const TimeoutGroup& g) { return std::pair{g.high_tip_round, g.high_qc_round}; };
    auto at = std::ranges::lower_bound(cert->groups, key, {}, of);
    if (at == cert->groups.end() || of(*at) != key) {
      at = cert->groups.insert(at, TimeoutGroup{s.high_qc_round, s.high_tip_round, {}});
    }
    at->signers.push_back({chain_.epoch().committee[i].node, s.signature});
  }
  return cert;
}

// ---- giving a round up ----------------------------------------------------------------------------------------------

/// B7.
template <class Rules>
void BasicMonadBft<Rules>::give_up(const EngineView& view, Outbox& out) {
  if (!is_member()) return;
  if (safety_.timed_out >= round_) {
    if (own_timeout_) send_timeout(out);
    return;
  }
  safety_.voted = std::max(safety_.voted, round_);
  safety_.timed_out = round_;
  MonadTimeout t{chain_.epoch().number, round_, self_, {}, no_round, {}, nullptr, nullptr, {}};
  if (high_tip_ != nullptr) {
    t.high_tip = high_tip_;
    t.high_tip_round = high_tip_->block->round;
  } else {
    t.high_qc = high_qc_;
  }
  t.high_qc_round = chain_.rank(t.extended_qc());
  if (t.high_qc_round != previous(round_)) {
    if (last_tc_ != nullptr) {
      t.last.tc = last_tc_;
    } else {
      t.last.qc = high_qc_;
    }
  }
  t.signature = view.signatures.sign(self_.value, t.signed_digest());
  const bool voted = own_vote_ && static_cast<const VoteMessage&>(*own_vote_).vote.round == round_;
  if (!voted && high_tip_ != nullptr && Rules::votes_for_tip(safety_, round_, high_tip_->block->round)) {
    own_vote_ = out.template make<VoteMessage>(make_vote(*high_tip_->block, view));
  }
  MonadRecord record{.statement = MonadStatement::timeout,
                     .high_qc_round = t.high_qc_round,
                     .high_tip_round = t.high_tip_round,
                     .timeout_signature = t.signature};
  own_timeout_ = out.template make<MonadTimeoutMessage>(std::move(t), chain_.committed());
  persist_and(std::move(record), out, [&] { send_timeout(out); });
}

/// The vote for the tip goes ahead as a message of its own, to everybody: a quorum of them makes a QC before the
/// timeouts make a TC.
template <class Rules>
void BasicMonadBft<Rules>::send_timeout(Outbox& out) {
  if (own_vote_ && static_cast<const VoteMessage&>(*own_vote_).vote.round == round_) out.broadcast(own_vote_);
  out.broadcast(own_timeout_);
}

template <class Rules>
Reject BasicMonadBft<Rules>::check_timeout(const MonadTimeout& t, const EngineView& view) const {
  if (!view.signatures.verify(t.voter.value, t.signed_digest(), t.signature)) return Reject::bad_signature;
  if (t.high_tip != nullptr) {
    if (const Reject why = check_tip(*t.high_tip, view); why != Reject::none) return why;
    if (t.high_tip->block->round != t.high_tip_round || t.high_tip_round > t.round) return Reject::malformed;
  } else {
    if (t.high_tip_round != no_round || t.high_qc_round >= t.round) return Reject::malformed;
    if (const Reject why = chain_.check_qc(*t.high_qc, commit_rule(), view); why != Reject::none) return why;
  }
  if (chain_.rank(t.extended_qc()) != t.high_qc_round) return Reject::malformed;
  if (t.high_qc_round == previous(t.round)) {
    return t.last.qc == nullptr && t.last.tc == nullptr ? Reject::none : Reject::malformed;
  }
  if (t.last.tc != nullptr) {
    return t.last.tc->round == previous(t.round) ? check_tc(*t.last.tc, view) : Reject::bad_certificate;
  }
  if (t.last.qc == nullptr || chain_.rank(*t.last.qc) != previous(t.round)) return Reject::bad_certificate;
  return chain_.check_qc(*t.last.qc, commit_rule(), view);
}

template <class Rules>
void BasicMonadBft<Rules>::on_timeout(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const MonadTimeoutMessage&>(*message);
  const MonadTimeout& t = body.timeout;
  const auto refuse = [&](Reject why) { reject(from, body, height(), t.round, why, out); };
  const bool whole = (t.high_qc == nullptr) != (t.high_tip == nullptr) &&
                     (t.high_tip == nullptr || t.high_tip->block != nullptr) &&
                     (t.last.qc == nullptr || t.last.tc == nullptr);
  if (!whole || t.round.value < 1 || t.round.value > monad_limits::round_max) return refuse(Reject::malformed);
  if (!in_epoch(from, message, t.epoch, body.committed, out)) return;
  const EpochState& epoch = chain_.epoch();
  const std::int32_t member = epoch.committee.index_of(t.voter);
  if (member < 0) return refuse(Reject::not_a_member);
  if (too_old(t.extended_qc()) || (t.last.qc != nullptr && too_old(*t.last.qc)) || too_old(t.last.tc)) {
    refuse(Reject::stale);
    return help(from, out);
  }
  if (body.checked == Checked::not_yet) {
    body.checked = check_timeout(t, view) == Reject::none ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);

  if (t.high_tip != nullptr) {
    const Block& b = *t.high_tip->block;
    process_qc(parent_cert(t.high_tip->block), view, out);
    if (!leads(*t.high_tip)) return refuse(Reject::wrong_proposer);
    note_proposal({b.height, b.round, VoteType::none, b.proposer, b.id, b.timestamp, t.high_tip->signature}, out);
  } else {
    process_qc(t.high_qc, view, out);
  }
  if (t.last.qc != nullptr) process_qc(t.last.qc, view, out);
  if (t.last.tc != nullptr) process_tc(t.last.tc, true, view, out);
  if (t.round < round_) {
    refuse(Reject::stale);
    return help(from, out);
  }
  if (t.round > round_) return refuse(Reject::far_future);

  const auto index = static_cast<std::uint32_t>(member);
  const Power power = power_of(index);
  if (timeouts_.size() < epoch.committee.size()) timeouts_.resize(epoch.committee.size());
  TimeoutSlot& slot = timeouts_[index];
  if (slot.there) return;  // the first one counts
  slot = {t.high_qc_round, t.high_tip_round, t.signature, true};
  timeout_power_ += power;
  const ExtendRank rank = rank_of(t.high_qc_round, t.high_tip_round);
  if ((timeout_qc_ == nullptr && timeout_tip_ == nullptr) || rank > timeout_rank_) {
    timeout_rank_ = rank;
    timeout_qc_ = t.high_qc;
    timeout_tip_ = t.high_tip;
  }
  if (safety_.timed_out < round_ && timeout_power_ >= Rules::join(epoch.committee)) give_up(view, out);
  if (timeout_power_ < epoch.quorum || timeout_power_ - power >= epoch.quorum) return;
  const MonadTimeoutCertPtr tc = timeout_cert();  // B8
  process_tc(tc, false, view, out);
  if (const NodeId leader = leader_of(round_); leader != self_ && next(tc->round) == round_) help(leader, out);
}

// ---- certificates on their own --------------------------------------------------------------------------------------

template <class Rules>
void BasicMonadBft<Rules>::on_advance(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  if (from == self_) return;
  const auto& body = static_cast<const AdvanceRoundMessage&>(*message);
  if (!in_epoch(from, message, body.epoch, body.committed, out)) return;
  const RoundCert& cert = body.cert;
  Round theirs{};
  if ((cert.qc == nullptr || !too_old(*cert.qc)) && !too_old(cert.tc)) {
    if (body.checked == Checked::not_yet) {
      body.checked = check_round_cert(cert, view) == Reject::none ? Checked::good : Checked::bad;
    }
    if (body.checked == Checked::bad) return reject(from, body, height(), round_, Reject::bad_certificate, out);
    const Round before = round_;
    if (cert.qc != nullptr) {
      theirs = next(chain_.rank(*cert.qc));
      process_qc(cert.qc, view, out);
    }
    if (cert.tc != nullptr) {
      theirs = std::max(theirs, next(cert.tc->round));
      process_tc(cert.tc, false, view, out);
    }
    // B6: the next leader may not have been told. It will propose at once if it was.
    if (round_ > before && !forward_armed_ && last_tc_ == nullptr && leader_of(round_) != self_) {
      forward_armed_ = true;
      set_timer(Timer::forward, options_.delta, out);
    }
  }
  if (theirs < round_ && theirs.value != round_.value - 1 && !body.answer) help(from, out);
}

template <class Rules>
void BasicMonadBft<Rules>::on_block_response(NodeId from, const MessagePtr& message, const EngineView& view,
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
    if (!too_old(*justify) && chain_.check_qc(*justify, commit_rule(), view) == Reject::none) {
      process_qc(justify, view, out);
    }
    chain_.apply_commit_rule_everywhere(commit_rule(), leaders_, out);
    chain_.apply_commit_rule(high_qc_, commit_rule(), leaders_, out);
  }
  if (arrived.qc != nullptr || arrived.block != nullptr) go_on(view, out);
}

// ---- proposing ------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicMonadBft<Rules>::try_propose(const EngineView& view, Outbox& out) {
  if (build_asked_ || !is_member() || leader_of(round_) != self_ || !Rules::may_propose(safety_, round_)) return;
  if (chain_.rank(*high_qc_) == previous(round_)) return build_on(high_qc_, view, out);
  if (last_tc_ == nullptr) return;
  const TipPtr& tip = last_tc_->high_tip;
  const bool tip_usable = tip != nullptr && tip->block->timestamp < view.wall && usable(tip->block, out);
  switch (Rules::leader_move(tip != nullptr, tip_usable, nec_ != nullptr)) {  // B9
    case LeaderMove::fresh:
      return build_on(tip != nullptr ? parent_cert(tip->block) : last_tc_->high_qc, view, out);
    case LeaderMove::propose_again: return propose_again(tip, view, out);
    case LeaderMove::recover: return recover(tip, out);
  }
}

template <class Rules>
void BasicMonadBft<Rules>::build_on(const QuorumCertPtr& qc, const EngineView& view, Outbox& out) {
  if (!chain_.connect(*qc, out)) return;
  std::optional<std::vector<BlockPtr>> ancestors = chain_.tree().branch(qc->block, qc->height);
  if (!ancestors) return;
  const SimTime before = ancestors->empty() ? chain_.tree().root().timestamp : ancestors->back()->timestamp;
  const Height height = next(qc->height);
  const SimTime time = height.value > 1 ? std::max(view.wall, before + Duration{1}) : view.wall;
  build_asked_ = true;
  out.add(effect::BuildPayload{height, round_, qc->block, {}, *qc, time, {}, chain_.epoch().committee.hash(),
                               effect::Payload::branch, *std::move(ancestors)});
}

template <class Rules>
void BasicMonadBft<Rules>::on_built(Height height, Round round, BlockPtr block, const EngineView& view, Outbox& out) {
  if (block == nullptr || round != round_ || !build_asked_ || !is_member() ||
      !Rules::may_propose(safety_, round_) || block->committee_hash != chain_.epoch().committee.hash()) {
    return;
  }
  BlockTree::Entry* entry = chain_.learn(block, block->parent);
  if (entry == nullptr) return;  // its height was committed meanwhile
  entry->persisted = true;
  entry->validity = BlockTree::Validity::valid;
  const bool follows = chain_.rank(block->last_commit) == previous(round_);
  Proposal p{height, round_, no_round, block, self_, block->timestamp, {}};
  p.signature = view.signatures.sign(self_.value, p.signed_digest());
  auto tip = std::make_shared<Tip>();
  tip->block = block;
  tip->signature = p.signature;
  if (!follows) {
    const bool named_tip = last_tc_ != nullptr && last_tc_->high_tip != nullptr;
    if (named_tip) {
      tip->nec = nec_;
    } else {
      tip->no_tip = last_tc_;
    }
  }
  safety_.proposed = round_;
  const MessagePtr message = out.template make<MonadProposalMessage>(
      chain_.epoch().number, std::move(p), std::move(tip), follows ? nullptr : last_tc_, chain_.committed());
  MonadRecord record{.statement = MonadStatement::proposal, .body = block};
  persist_and(std::move(record), out, [&] { out.broadcast(message); });
  finish(view, out);
}

template <class Rules>
void BasicMonadBft<Rules>::propose_again(const TipPtr& tip, const EngineView& view, Outbox& out) {
  const BlockPtr& block = tip->block;
  Proposal p{block->height, round_, block->round, block, self_, block->timestamp, {}};
  p.signature = view.signatures.sign(self_.value, p.signed_digest());
  safety_.proposed = round_;
  const MessagePtr message = out.template make<MonadProposalMessage>(chain_.epoch().number, std::move(p), tip, last_tc_,
                                                                     chain_.committed());
  persist_and(MonadRecord{.statement = MonadStatement::proposal}, out, [&] { out.broadcast(message); });
}

template <class Rules>
void BasicMonadBft<Rules>::recover(const TipPtr& tip, Outbox& out) {
  if (chain_.tree().find(tip->block->id) == nullptr) {
    const ExtendRank highest = highest_rank(*last_tc_);
    std::vector<NodeId> holders;
    for (const TimeoutGroup& g : last_tc_->groups) {
      if (rank_of(g.high_qc_round, g.high_tip_round) != highest) continue;
      for (const SignerSignature& s : g.signers) holders.push_back(s.voter);
    }
    chain_.ask_for(tip->block->height, tip->block->id, std::move(holders), out);
  }
  if (recovery_sent_ || available(tip->block->id, tip->block->height)) return;
  recovery_sent_ = true;
  out.broadcast(out.template make<RoundRecoveryMessage>(self_, chain_.epoch().number, round_, last_tc_,
                                                        chain_.committed()));
}

// ---- no endorsement -------------------------------------------------------------------------------------------------

/// B10.
template <class Rules>
void BasicMonadBft<Rules>::on_recovery(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const RoundRecoveryMessage&>(*message);
  const auto refuse = [&](Reject why) { reject(from, body, height(), body.round, why, out); };
  const MonadTimeoutCertPtr& tc = body.tc;
  if (tc == nullptr || tc->high_tip == nullptr || tc->high_tip->block == nullptr || next(tc->round) != body.round ||
      from != body.author) {
    return refuse(Reject::malformed);
  }
  if (!in_epoch(from, message, body.epoch, body.committed, out)) return;
  if (too_old(tc)) return refuse(Reject::stale);
  if (body.checked == Checked::not_yet) {
    body.checked = check_tc(*tc, view) == Reject::none ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_certificate);
  process_tc(tc, false, view, out);
  if (leader_of(body.round) != from) return refuse(Reject::wrong_proposer);
  if (body.round != round_) return refuse(Reject::stale);
  const BlockPtr& tip = tc->high_tip->block;
  const RecoveryContext context{.round = round_,
                                .tip = tip->id,
                                .own_tip = high_tip_ != nullptr ? high_tip_->block->id : BlockId{},
                                .has_block = available(tip->id, tip->height)};
  if (!is_member() || !Rules::sends_no_endorsement(safety_, context)) return;
  safety_.refused = round_;
  safety_.refused_tip = tip->id;
  NoEndorsement ne{chain_.epoch().number, round_, chain_.rank(tip->last_commit), self_, {}};
  ne.signature = view.signatures.sign(self_.value, ne.signed_digest());
  const MessagePtr answer = out.template make<NoEndorsementMessage>(ne, chain_.committed());
  persist_and(MonadRecord{.statement = MonadStatement::no_endorsement}, out, [&] { out.send(from, answer); });
}

/// B11.
template <class Rules>
void BasicMonadBft<Rules>::on_no_endorsement(NodeId from, const MessagePtr& message, const EngineView& view,
                                             Outbox& out) {
  const auto& body = static_cast<const NoEndorsementMessage&>(*message);
  const NoEndorsement& ne = body.no_endorsement;
  const auto refuse = [&](Reject why) { reject(from, body, height(), ne.round, why, out); };
  if (!in_epoch(from, message, ne.epoch, body.committed, out)) return;
  if (leader_of(round_) != self_) return refuse(Reject::not_for_me);
  if (ne.round != round_ || last_tc_ == nullptr || last_tc_->high_tip == nullptr) return refuse(Reject::stale);
  if (ne.tip_qc_round != chain_.rank(last_tc_->high_tip->block->last_commit)) return refuse(Reject::malformed);
  const EpochState& epoch = chain_.epoch();
  const Power power = epoch.committee.power_of(ne.voter);
  if (power == 0) return refuse(Reject::not_a_member);
  if (body.checked == Checked::not_yet) {
    const bool good = view.signatures.verify(ne.voter.value, ne.signed_digest(), ne.signature);
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);
  const auto at = std::ranges::lower_bound(refusals_, ne.voter, {}, &SignerSignature::voter);
  if (at != refusals_.end() && at->voter == ne.voter) return;
  refusals_.insert(at, {ne.voter, ne.signature});
  refusal_power_ += power;
  if (refusal_power_ < epoch.quorum || refusal_power_ - power >= epoch.quorum) return;
  nec_ = std::make_shared<const NoEndorsementCert>(
      NoEndorsementCert{ne.epoch, ne.round, ne.tip_qc_round, refusals_});
  try_propose(view, out);
}

// ---- rounds and epochs ----------------------------------------------------------------------------------------------

template <class Rules>
void BasicMonadBft<Rules>::enter_round(Round round, MonadTimeoutCertPtr tc, const EngineView& view, Outbox& out) {
  round_ = round;
  last_tc_ = std::move(tc);
  proposal_ = {};
  own_timeout_ = {};
  build_asked_ = recovery_sent_ = forward_armed_ = false;
  if (last_tc_ != nullptr) pacing_ = false;  // B5: after a timeout votes do not wait
  timeouts_.clear();
  timeout_power_ = 0;
  timeout_rank_ = {};
  timeout_qc_ = nullptr;
  timeout_tip_ = nullptr;
  refusals_.clear();
  refusal_power_ = 0;
  nec_ = nullptr;
  votes_.drop_below(previous(round));
  drop_old_tip();
  out.trace({.kind = sim::RecordKind::round_entered,
             .node = self_,
             .round = static_cast<std::uint32_t>(round_.value),
             .height = height().value});
  arm_round_timer(out);
  try_propose(view, out);
}

template <class Rules>
void BasicMonadBft<Rules>::arm_round_timer(Outbox& out) const {
  PacemakerOptions timer;
  timer.timeout = options_.round_timer();
  timer.growth_percent = options_.growth_percent;
  timer.growth_steps_max = options_.growth_steps_max;
  const bool at_base = chain_.epoch().first == next(chain_.committed());
  const std::int32_t since = at_base ? chain_.epoch().first_round.value : chain_.committed_round().value;
  set_timer(Timer::round, round_timeout(timer, std::int64_t{round_.value} - since), out);
}

template <class Rules>
void BasicMonadBft<Rules>::on_executed(Height height, const ExecutionResult& /*result*/, const EngineView& view,
                                       Outbox& out) {
  const BranchStore::Executed done = chain_.on_executed(height, commit_rule(), view, out);
  if (done == BranchStore::Executed::not_mine) return;
  if (speculative_ != nullptr && speculative_->height <= height) speculative_ = nullptr;
  out.add(effect::Forget{std::min(next(height), log_height_)});
  if (done == BranchStore::Executed::new_epoch) enter_epoch(view, out);
  finish(view, out);
}

template <class Rules>
void BasicMonadBft<Rules>::enter_epoch(const EngineView& view, Outbox& out) {
  const EpochState& epoch = chain_.epoch();
  leaders_.start_epoch(epoch.committee, Round{1}, options_.leader);
  high_qc_ = epoch.base_qc;
  high_tip_ = nullptr;
  safety_.timed_out = Round{0};  // timeouts name their epoch: this takes back nothing
  votes_.clear();
  seen_.clear();
  pacing_ = false;
  enter_round(epoch.first_round, nullptr, view, out);
  std::vector<std::pair<NodeId, MessagePtr>> later;
  later.swap(later_);
  for (const auto& [from, message] : later) on_message(from, message, view, out);
}

// ---- small things ---------------------------------------------------------------------------------------------------

template <class Rules>
Duration BasicMonadBft<Rules>::pace() const {
  // A member that is a quorum by itself certifies its blocks at once, and would make no end of them.
  const EpochState& epoch = chain_.epoch();
  const bool alone = power_of(static_cast<std::uint32_t>(epoch.self_index)) >= epoch.quorum;
  return alone ? std::max(options_.vote_pace, monad_limits::pause_alone) : options_.vote_pace;
}

template <class Rules>
void BasicMonadBft<Rules>::set_timer(Timer timer, Duration delay, Outbox& out) const {
  out.set_timer(static_cast<std::uint32_t>(timer), delay,
                static_cast<std::uint64_t>(round_.value) << 4U | static_cast<std::uint64_t>(timer));
}

template <class Rules>
void BasicMonadBft<Rules>::reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why,
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
Hash128 BasicMonadBft<Rules>::digest() const {
  HashBuilder h;
  hash_into(h);
  return h.finish();
}

template <class Rules>
void BasicMonadBft<Rules>::hash_into(HashBuilder& h) const {
  h.add(self_).add(round_);
  safety_.hash_into(h);
  hash_cert(high_qc_, h);
  hash_cert(last_tc_, h);
  hash_cert(high_tip_, h);
  hash_monad_content(proposal_, h);
  hash_monad_content(own_vote_, h);
  hash_monad_content(own_timeout_, h);
  h.add(timely_).add(build_asked_).add(recovery_sent_).add(pacing_).add(forward_armed_);
  h.add(timeouts_.size()).add(timeout_power_);
  for (const TimeoutSlot& s : timeouts_) {
    h.add(s.there).add(s.high_qc_round).add(s.high_tip_round).add(s.signature.handle);
  }
  hash_cert(timeout_qc_, h);
  hash_cert(timeout_tip_, h);
  h.add(refusals_.size());
  for (const SignerSignature& s : refusals_) h.add(s.voter).add(s.signature.handle);
  hash_cert(nec_, h);
  h.add(speculative_ != nullptr ? speculative_->id : BlockId{}).add(seen_.size());
  for (const SeenTip& s : seen_) {
    s.statement.hash_into(h);
    h.add(s.reported);
  }
  h.add(log_height_);
  votes_.hash_into(h);
  h.add(later_.size());
  for (const auto& [from, message] : later_) {
    h.add(from);
    hash_monad_content(message, h);
  }
  leaders_.hash_into(h);
  chain_.hash_into(h);
}

}  // namespace seqlab::protocols
