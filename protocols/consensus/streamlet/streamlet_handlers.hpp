// Handlers of Streamlet, written once over a `Rules` type. Included by streamlet.cpp and by tests that plant a wrong
// rule.
#pragma once

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "protocols/consensus/certificates.hpp"
#include "protocols/consensus/log_encoding.hpp"
#include "protocols/consensus/streamlet/streamlet.hpp"
#include "protocols/consensus/tendermint/safety_record.hpp"

namespace seqlab::protocols {

namespace streamlet {

inline constexpr Duration sync_timeout = 1s;
inline constexpr std::uint32_t sync_window = 8;
/// Epochs ahead of the own one from which messages are taken: clocks differ.
inline constexpr std::int32_t epochs_ahead = 2;
/// Above it, old blocks that were never notarised are dropped, and the oldest votes.
inline constexpr std::size_t tree_max = 512;
/// The era that begins at the height that it holds: what was written before is of older ones.
inline constexpr std::uint8_t era_record = 0x38;
/// More missing blocks than this are asked for by height, with the proof that they are final.
inline constexpr std::uint64_t gap_max = 4;

}  // namespace streamlet

// ---- time -----------------------------------------------------------------------------------------------------------

/// Epoch 1 begins when the clock shows 0; before that there is none.
template <class Rules>
Round BasicStreamlet<Rules>::epoch_at(SimTime wall) const {
  const std::int64_t length = 2 * ns(options_.delta);
  const std::int64_t since = ns(wall - time_zero);
  return Round{since < 0 ? 0 : static_cast<std::int32_t>(since / length + 1)};
}

template <class Rules>
void BasicStreamlet<Rules>::arm_epoch_timer(const EngineView& view, Outbox& out) const {
  const std::int64_t length = 2 * ns(options_.delta);
  const std::int64_t since = ns(view.wall - time_zero);
  const std::int64_t into = since >= 0 ? since % length : since;
  out.set_timer(static_cast<std::uint32_t>(Timer::epoch), Duration{since >= 0 ? length - into : -into},
                static_cast<std::uint64_t>(Timer::epoch));
}

template <class Rules>
void BasicStreamlet<Rules>::enter_epoch(Round epoch, const EngineView& view, Outbox& out) {
  epoch_ = epoch;
  if (epoch < Round{1} || committee_.size() == 0) return;
  out.trace({.kind = sim::RecordKind::round_entered,
             .node = self_,
             .round = static_cast<std::uint32_t>(epoch.value),
             .height = height().value});
  keep_bounds();
  ask_for_wanted(out);
  if (leader_of(epoch) == self_) propose(view, out);
  try_vote(view, out);
}

// ---- inputs ---------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicStreamlet<Rules>::start(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  root_.height = view.chain.height();
  if (const BlockPtr last = view.chain.block(root_.height); last != nullptr) {
    root_ = {last->height, last->id, last->round, last->timestamp};
  }
  enter_era(view);
  std::optional<SafetyRecord> last;
  era_ = era_of_chain(view);
  const std::size_t era_begin = find_era(log);
  for (std::size_t i = 0; i < log.size(); ++i) {
    const Recovered& r = log[i];
    log_height_ = std::max(log_height_, r.height);
    const bool is_vote = r.type >= safety_record_type && r.type != streamlet::era_record;
    std::optional<SafetyRecord> record = is_vote ? decode(r.bytes) : std::nullopt;
    if (!record || record->body == nullptr) continue;
    const BlockPtr& body = record->body;
    if (const Round voted = Rules::restore(record->round); voted > voted_epoch_) {
      voted_epoch_ = voted;
      voted_height_ = record->height;
    }
    // Blocks of an older era above its end were abandoned, though their committee may have been the same.
    if (i < era_begin) continue;
    if (record->height > root_.height && body->committee_hash == committee_.hash()) {
      add_body(body, no_node, view, out);
      find(body->id)->validity = Validity::valid;
      // It voted on top of a notarised chain of that length.
      longest_notarised_ = std::max(longest_notarised_, previous(record->height));
    }
    last = std::move(record);
  }
  if (last && last->height > root_.height) {  // it may not have left
    const Vote vote{last->height, last->round, VoteType::vote, self_, last->block, last->timestamp, last->signature,
                    era_};
    if (last->statement == Statement::proposal) {
      out.trace(voted_record(vote));
      out.broadcast(out.make<VotingProposalMessage>(last->body, vote));
    } else {
      out.broadcast(out.make<VoteMessage>(vote));
    }
  }
  arm_epoch_timer(view, out);
  enter_epoch(epoch_at(view.wall), view, out);
}

/// Eras are named by their first height, the first one by 0.
template <class Rules>
Epoch BasicStreamlet<Rules>::era_of_chain(const EngineView& view) const {
  Height first = height();
  while (first.value > 1 && view.chain.committee(previous(first)).hash() == committee_.hash()) first = previous(first);
  return first.value > 1 ? Epoch{static_cast<std::uint32_t>(first.value)} : Epoch{};
}

/// Position in the log from which on its votes are of this era.
template <class Rules>
std::size_t BasicStreamlet<Rules>::find_era(std::span<const Recovered> log) const {
  if (era_ == Epoch{}) return 0;
  const Height first{era_.value};
  for (std::size_t i = log.size(); i-- > 0;) {
    if (log[i].type != streamlet::era_record) continue;
    Height begins{};
    if (LogReader{log[i].bytes}.get(begins).good() && begins == first) return i + 1;
  }
  // Switched off right after the block that ended the era; later, what is left of older eras goes with the record.
  return first == height() ? log.size() : 0;
}

template <class Rules>
void BasicStreamlet<Rules>::on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  switch (any.message_kind()) {
    case MessageKind::vote: return on_vote(from, message, view, out);
    case MessageKind::proposal: return on_proposal(from, message, view, out);
    case MessageKind::block_request: return on_block_request(from, message, view, out);
    case MessageKind::block_response: return on_block_response(from, message, view, out);
    default: return reject(from, any, height(), epoch_, Reject::not_for_me, out);
  }
}

template <class Rules>
void BasicStreamlet<Rules>::on_timer(std::uint64_t token, const EngineView& view, Outbox& out) {
  switch (static_cast<Timer>(token)) {
    case Timer::epoch: {
      arm_epoch_timer(view, out);
      const Round epoch = epoch_at(view.wall);  // clocks may have been set meanwhile
      if (epoch != epoch_) enter_epoch(epoch, view, out);
      break;
    }
    case Timer::sync: {
      sync_armed_ = sync_.age();
      if (sync_armed_) {
        out.set_timer(static_cast<std::uint32_t>(Timer::sync), streamlet::sync_timeout,
                      static_cast<std::uint64_t>(Timer::sync));
      }
      ask_for_blocks(out);
      ask_for_wanted(out);
      break;
    }
  }
}

// ---- S1: proposing --------------------------------------------------------------------------------------------------

template <class Rules>
void BasicStreamlet<Rules>::propose(const EngineView& view, Outbox& out) {
  if (voted_epoch_ >= epoch_ || executing_ != nullptr) return;
  // One of the longest: the latest of them.
  const Entry* tip = nullptr;
  std::vector<BlockPtr> path;
  for (auto e = tree_.rbegin(); e != tree_.rend() && tip == nullptr; ++e) {
    const bool fit = e->body != nullptr && Rules::extends(e->notarised()) && e->validity != Validity::invalid;
    if (fit && path_to(e->id, path)) tip = &*e;
  }
  if (tip == nullptr) path.clear();
  const Height parent_height = tip != nullptr ? tip->height : root_.height;
  const EpochVoteContext would{epoch_,        epoch_,             voted_epoch_,      true,
                               parent_height, longest_notarised_, longest_received()};
  if (!Rules::may_vote(would)) return;  // a longer chain is known, but not all of it has come
  building_ = epoch_;
  const SimTime after = tip != nullptr ? tip->body->timestamp : root_.time;
  const bool first = next(parent_height).value == 1;
  out.add(effect::BuildPayload{next(parent_height), epoch_, tip != nullptr ? tip->id : root_.id, StateRoot{},
                               tip != nullptr ? tip->certificate : root_certificate(view),
                               first ? view.wall : std::max(view.wall, after + Duration{1}), {}, committee_.hash(),
                               effect::Payload::branch, std::move(path)});
}

template <class Rules>
void BasicStreamlet<Rules>::on_built(Height /*height*/, Round round, BlockPtr block, const EngineView& view,
                                     Outbox& out) {
  if (round != building_ || round != epoch_ || voted_epoch_ >= epoch_ || block == nullptr) return;
  building_ = Round{0};
  std::vector<BlockPtr> path;
  if (block->committee_hash != committee_.hash() || !path_to(block->parent, path)) return;  // all has changed
  Vote vote{block->height, round, VoteType::vote, self_, block->id, view.wall, {}, era_};
  vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
  say(vote, block, true, out);
}

template <class Rules>
void BasicStreamlet<Rules>::say(Vote vote, const BlockPtr& block, bool proposal, Outbox& out) {
  voted_epoch_ = vote.round;
  voted_height_ = vote.height;
  log_height_ = std::max(log_height_, vote.height);
  if (Rules::persist_before_send()) {
    const Statement statement = proposal ? Statement::proposal : Statement::prevote;
    const SafetyRecord record{.statement = statement,
                              .height = vote.height,
                              .round = vote.round,
                              .block = vote.block,
                              .timestamp = vote.timestamp,
                              .signature = vote.signature,
                              .body = block};
    out.persist(safety_record_type + static_cast<std::uint8_t>(statement), vote.height, vote.round, encode(record));
  }
  if (proposal) {
    out.trace(voted_record(vote));
    out.broadcast(out.make<VotingProposalMessage>(block, vote));
  } else {
    out.broadcast(out.make<VoteMessage>(vote));
  }
}

// ---- S2: voting -----------------------------------------------------------------------------------------------------

template <class Rules>
void BasicStreamlet<Rules>::on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VotingProposalMessage&>(*message);
  const Vote& v = body.vote;
  const Block& b = *body.block;
  const auto refuse = [&](Reject why) { reject(from, body, v.height, v.round, why, out); };
  if (!body.fits() || v.type != VoteType::vote || b.round != v.round || v.round < Round{1}) {
    return refuse(Reject::malformed);
  }
  if (!body.is_sound(view.signatures)) return refuse(Reject::bad_signature);
  if (v.height <= root_.height) return refuse(Reject::stale);
  if (v.epoch != era_ || b.committee_hash != committee_.hash()) {
    // Whoever is in a later era has the proof of the blocks before it.
    if (v.epoch > era_ && v.epoch.value > height().value) {
      sync_.note(v.voter, Height{v.epoch.value});
      ask_for_blocks(out);
    }
    return refuse(Reject::unknown_parent);
  }
  if (leader_of(v.round) != v.voter) return refuse(Reject::wrong_proposer);
  if (v.round.value > epoch_.value + streamlet::epochs_ahead) return refuse(Reject::far_future);

  bool fresh = true;
  const auto at = std::ranges::lower_bound(proposals_, v.round, {}, &FirstProposal::epoch);
  if (at == proposals_.end() || at->epoch != v.round) {
    proposals_.insert(at, {v.round, v, false});
  } else if (at->vote.block == v.block) {
    if (const Entry* e = find(v.block); e != nullptr && e->body != nullptr) return;  // another copy
    fresh = false;
  } else if (!at->reported) {
    at->reported = true;
    reported_.emplace_back(v.round, v.voter);  // as a double vote it is the same offence
    out.add(effect::ReportEvidence{{EvidenceKind::double_proposal, v.voter, at->vote, v}});
  } else {
    return refuse(Reject::duplicate);
  }
  if (fresh && options_.echo && v.voter != self_) out.broadcast(message);
  if (const Reject why = check_parent_certificate(b, &body.last_commit_checked, view); why != Reject::none) {
    return refuse(why);
  }
  add_body(body.block, from, view, out);
  count(out.make<VoteMessage>(v), v.voter, false, view, out);  // the proposal was relayed
  try_vote(view, out);
  try_finalise(view, out);
}

template <class Rules>
void BasicStreamlet<Rules>::try_vote(const EngineView& view, Outbox& out) {
  if (epoch_ < Round{1} || voted_epoch_ >= epoch_ || index_of(self_) < 0) return;
  const auto first = std::ranges::lower_bound(proposals_, epoch_, {}, &FirstProposal::epoch);
  if (first == proposals_.end() || first->epoch != epoch_) return;
  Entry* const e = find(first->vote.block);
  if (e == nullptr || e->body == nullptr || e->validity == Validity::asked || e->validity == Validity::invalid) return;
  const Block& b = *e->body;
  const bool on_root = b.parent == root_.id && previous(b.height) == root_.height;
  const Entry* const parent = on_root ? nullptr : find(b.parent);
  if (!on_root && (parent == nullptr || parent->body == nullptr || next(parent->height) != b.height)) return;
  const EpochVoteContext context{epoch_,
                                 b.round,
                                 voted_epoch_,
                                 on_root || parent->notarised(),
                                 previous(b.height),
                                 longest_notarised_,
                                 longest_received()};
  if (!Rules::may_vote(context)) return;
  std::vector<BlockPtr> path;
  if (!path_to(b.parent, path)) return;
  const SimTime after = on_root ? root_.time : parent->body->timestamp;
  const bool in_time = b.height.value == 1 || b.timestamp > after;
  if (!in_time || b.state_before != StateRoot{} || !b.evidence.empty()) {
    e->validity = Validity::invalid;
    return;
  }
  if (e->validity == Validity::unknown) {
    e->validity = Validity::asked;
    out.add(effect::ValidatePayload{e->body, effect::Payload::branch, std::move(path)});
    return;
  }
  Vote vote{b.height, epoch_, VoteType::vote, self_, b.id, view.wall, {}, era_};
  vote.signature = view.signatures.sign(self_.value, vote.signed_digest());
  say(vote, e->body, false, out);
}

template <class Rules>
void BasicStreamlet<Rules>::on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) {
  Entry* const e = find(block->id);
  // The application may find later that a block is valid which it had refused for what it did not know.
  const bool again = valid && e != nullptr && e->validity == Validity::invalid;
  if (e == nullptr || (e->validity != Validity::asked && !again)) return;
  e->validity = valid ? Validity::valid : Validity::invalid;
  try_vote(view, out);
}

// ---- S3: notarising -------------------------------------------------------------------------------------------------

template <class Rules>
void BasicStreamlet<Rules>::on_vote(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VoteMessage&>(*message);
  const Vote& v = body.vote;
  const auto refuse = [&](Reject why) { reject(from, body, v.height, v.round, why, out); };
  if (v.height <= root_.height || v.round <= root_.epoch) return;  // late, and settled
  if (!v.block || v.type != VoteType::vote) return refuse(Reject::malformed);
  if (v.epoch != era_) return refuse(v.epoch < era_ ? Reject::stale : Reject::far_future);
  if (v.round.value > epoch_.value + streamlet::epochs_ahead) return refuse(Reject::far_future);
  if (index_of(v.voter) < 0) return refuse(Reject::not_a_member);
  if (body.checked == Checked::not_yet) {
    const bool good = view.signatures.verify(v.voter.value, v.signed_digest(), v.signature);
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return refuse(Reject::bad_signature);
  count(message, from, true, view, out);
}

template <class Rules>
void BasicStreamlet<Rules>::count(const MessagePtr& message, NodeId from, bool relay, const EngineView& view,
                                  Outbox& out) {
  const Vote& v = VoteSet::vote_in(message);
  const std::int32_t member = index_of(v.voter);
  if (member < 0) return;
  const auto index = static_cast<std::uint32_t>(member);
  const auto key_of = [](const Ballot& b) { return std::pair{b.epoch, b.height}; };
  auto at = std::ranges::lower_bound(ballots_, std::pair{v.round, v.height}, {}, key_of);
  if (at == ballots_.end() || key_of(*at) != std::pair{v.round, v.height}) {
    // One vote an epoch: a second one at another height opens nothing.
    for (const Ballot& b : ballots_) {
      if (b.epoch != v.round) continue;
      if (const Vote* other = b.votes.vote_of(index); other != nullptr) {
        reject(from, static_cast<const ConsensusMessage&>(*message), v.height, v.round, Reject::equivocation, out);
        return;
      }
    }
    at = ballots_.insert(at, Ballot{v.round, v.height, {}});
  }
  const auto added = at->votes.add(index, committee_[index].power, message, committee_.size());
  if (added == VoteSet::Added::duplicate) return;
  if (added != VoteSet::Added::fresh) {
    // Others need to see two of them, no more.
    const std::pair key{v.round, v.voter};
    if (std::ranges::find(reported_, key) != reported_.end()) return;
    reported_.push_back(key);
    out.add(effect::ReportEvidence{{EvidenceKind::double_vote, v.voter, *at->votes.vote_of(index), v}});
  }
  if (relay && options_.echo && v.voter != self_) out.broadcast(message);
  if (added == VoteSet::Added::conflict) return;
  if (at->votes.last_power() >= Rules::quorum(committee_)) notarise(*at, v.block, view, out);
}

template <class Rules>
void BasicStreamlet<Rules>::notarise(Ballot& ballot, BlockId block, const EngineView& view, Outbox& out) {
  Entry& e = entry(block, ballot.height, ballot.epoch);
  if (e.notarised()) return;
  e.certificate.height = ballot.height;
  e.certificate.round = ballot.epoch;
  e.certificate.block = block;
  e.certificate.type = VoteType::vote;
  e.certificate.epoch = era_;
  NodeId voter = no_node;
  ballot.votes.for_each_vote_for(block, [&](std::uint32_t, const MessagePtr& m) {
    const Vote& v = VoteSet::vote_in(m);
    e.certificate.signatures.push_back({v.voter, v.timestamp, v.signature});
    if (voter == no_node && v.voter != self_) voter = v.voter;
  });
  if (e.body == nullptr) return ask_for_body(e.id, e.height, voter, out);
  longest_notarised_ = std::max(longest_notarised_, e.height);
  try_vote(view, out);
  try_finalise(view, out);
}

// ---- S4: finality ---------------------------------------------------------------------------------------------------

template <class Rules>
void BasicStreamlet<Rules>::try_finalise(const EngineView& /*view*/, Outbox& out) {
  if (executing_ != nullptr) return;
  for (const Entry& x : tree_) {
    if (!x.notarised() || x.body == nullptr) continue;
    const Entry* const y = find(x.body->parent);
    if (y == nullptr || y->body == nullptr || y->epoch.value + 1 != x.epoch.value) continue;
    const bool on_root = y->body->parent == root_.id;
    const Entry* const z = on_root ? nullptr : find(y->body->parent);
    if (!on_root && z == nullptr) continue;
    if ((on_root ? root_.epoch : z->epoch).value + 1 != y->epoch.value) continue;
    const Height upto{x.height.value - 2 + Rules::final_of_three()};
    if (upto <= final_height_) continue;
    final_height_ = upto;
    final_tip_ = x.id;
  }
  std::vector<BlockPtr> path;
  if (final_height_ <= root_.height || !path_to(final_tip_, path)) return;
  const BlockPtr block = path.front();
  Commit commit = find(final_tip_)->certificate;
  commit.height = block->height;
  commit.block = block->id;
  commit.descendants.assign(path.begin() + 1, path.end());
  deliver(block, commit, out);
}

template <class Rules>
void BasicStreamlet<Rules>::deliver(const BlockPtr& block, const Commit& commit, Outbox& out) {
  executing_ = block;
  const Commit& own = commit.descendants.empty() ? commit : commit.descendants.front()->last_commit;
  if (!own.signatures.empty()) {
    trace_certificate({.kind = sim::RecordKind::certified,
                       .detail = static_cast<std::uint8_t>(VoteType::vote),
                       .node = self_,
                       .round = static_cast<std::uint32_t>(own.round.value),
                       .height = block->height.value,
                       .a = block->id.hi,
                       .b = block->id.lo},
                      own, out);
  }
  out.add(effect::Deliver{block, CommitLevel::final, commit});
}

template <class Rules>
void BasicStreamlet<Rules>::on_executed(Height height, const ExecutionResult& /*result*/, const EngineView& view,
                                        Outbox& out) {
  if (executing_ == nullptr || executing_->height != height) return;
  root_ = {height, executing_->id, executing_->round, executing_->timestamp};
  executing_ = nullptr;
  if (view.chain.committee(next(height)).hash() != committee_.hash()) {
    // The blocks above were made for the old committee: the next era begins on this one.
    era_ = Epoch{static_cast<std::uint32_t>(next(height).value)};
    enter_era(view);
    // Not forgotten before the last vote of the older era.
    log_height_ = std::max(log_height_, next(height));
    LogWriter w{sizeof(Height)};
    w.add(next(height));
    out.persist(streamlet::era_record, log_height_, epoch_, w.take());
    out.trace({.kind = sim::RecordKind::epoch_entered,
               .node = self_,
               .round = static_cast<std::uint32_t>(epoch_.value),
               .height = next(height).value,
               .a = era_.value});
  } else {
    prune();
    longest_notarised_ = std::max(longest_notarised_, height);
  }
  out.add(effect::Forget{std::min(next(height), voted_height_)});  // the last vote stays
  sync_.settle_below(next(height));
  take_kept(view, out);
  if (executing_ != nullptr) return;
  ask_for_blocks(out);
  if (sync_.catching_up && sync_.best() <= next(height)) {
    sync_.catching_up = false;
    out.trace({.kind = sim::RecordKind::caught_up, .node = self_, .height = next(height).value});
  }
  try_finalise(view, out);
  try_vote(view, out);
}

// ---- the tree -------------------------------------------------------------------------------------------------------

template <class Rules>
auto BasicStreamlet<Rules>::find(BlockId id) -> Entry* {
  const auto at = std::ranges::find(tree_, id, &Entry::id);
  return at == tree_.end() ? nullptr : &*at;
}

template <class Rules>
auto BasicStreamlet<Rules>::find(BlockId id) const -> const Entry* {
  const auto at = std::ranges::find(tree_, id, &Entry::id);
  return at == tree_.end() ? nullptr : &*at;
}

template <class Rules>
auto BasicStreamlet<Rules>::entry(BlockId id, Height height, Round epoch) -> Entry& {
  if (Entry* const known = find(id); known != nullptr) return *known;
  const auto key = [](const Entry& e) { return std::tuple{e.height, e.epoch, e.id}; };
  const auto at = std::ranges::lower_bound(tree_, std::tuple{height, epoch, id}, {}, key);
  return *tree_.insert(at, Entry{id, height, epoch, nullptr, {}, Validity::unknown});
}

template <class Rules>
bool BasicStreamlet<Rules>::path_to(BlockId block, std::vector<BlockPtr>& path) const {
  path.clear();
  BlockId id = block;
  for (Height above{~std::uint64_t{0}}; id != root_.id;) {
    const Entry* const e = find(id);
    if (e == nullptr || e->body == nullptr || e->height >= above || e->height <= root_.height) {
      path.clear();
      return false;
    }
    above = e->height;
    path.push_back(e->body);
    id = e->body->parent;
  }
  std::ranges::reverse(path);
  return path.empty() || path.front()->height == next(root_.height);
}

/// @pre the block is of this era and above the root, and its parent's certificate is good
template <class Rules>
bool BasicStreamlet<Rules>::add_body(const BlockPtr& block, NodeId from, const EngineView& /*view*/, Outbox& out) {
  Entry& e = entry(block->id, block->height, block->round);
  if (e.body != nullptr) return false;
  e.body = block;
  if (e.notarised()) longest_notarised_ = std::max(longest_notarised_, e.height);
  if (previous(block->height) == root_.height) return true;
  Entry& parent = entry(block->parent, previous(block->height), block->last_commit.round);
  if (!parent.notarised() && !block->last_commit.signatures.empty()) {
    parent.certificate = block->last_commit;
    if (parent.body != nullptr) longest_notarised_ = std::max(longest_notarised_, parent.height);
  }
  if (parent.body != nullptr || from == no_node) return true;
  if (block->height.value > root_.height.value + streamlet::gap_max) {
    // Whoever builds on it has the proofs of all but the last blocks.
    sync_.note(from, Height{block->height.value - 2});
    ask_for_blocks(out);
  }
  ask_for_body(parent.id, parent.height, from, out);
  return true;
}

template <class Rules>
Reject BasicStreamlet<Rules>::check_parent_certificate(const Block& b, Hash128* checked, const EngineView& view) {
  const Commit& c = b.last_commit;
  const Height parent = previous(b.height);
  const bool on_root = parent == root_.height;
  if (on_root && b.parent != root_.id) return Reject::unknown_parent;
  if (parent.value == 0) return c == Commit{} ? Reject::none : Reject::bad_certificate;
  if (c.signatures.empty()) return Rules::extends(false) ? Reject::none : Reject::bad_certificate;
  if (!on_root && c.epoch != era_) return Reject::bad_certificate;
  const Committee& signers = on_root ? view.chain.committee(parent) : committee_;
  if (checked != nullptr && *checked == signers.hash()) return Reject::none;
  const Reject why =
      check_certificate(c, VoteType::vote, parent, b.parent, signers, Rules::quorum(signers), view.signatures);
  if (why == Reject::none && checked != nullptr) *checked = signers.hash();
  return why;
}

/// The certificate of the last final block, as the block after it carries it.
template <class Rules>
Commit BasicStreamlet<Rules>::root_certificate(const EngineView& view) const {
  const Commit* const commit = view.chain.commit(root_.height);
  if (commit == nullptr) return {};
  if (!commit->descendants.empty()) return commit->descendants.front()->last_commit;
  return *commit;
}

/// Before this epoch, notarised or not.
template <class Rules>
Height BasicStreamlet<Rules>::longest_received() const {
  Height h = root_.height;
  for (const Entry& e : tree_) {
    if (e.body != nullptr && e.epoch < epoch_) h = std::max(h, e.height);
  }
  return h;
}

template <class Rules>
void BasicStreamlet<Rules>::prune() {
  for (auto e = tree_.begin(); e != tree_.end();) {  // lower blocks come first, so branches fall as a whole
    const bool above = e->height > root_.height;
    const bool first = e->height == next(root_.height);
    const bool lost = e->body != nullptr && (first ? e->body->parent != root_.id : find(e->body->parent) == nullptr);
    e = above && !lost ? std::next(e) : tree_.erase(e);
  }
  std::erase_if(ballots_, [&](const Ballot& b) { return b.height <= root_.height || b.epoch <= root_.epoch; });
  std::erase_if(proposals_, [&](const FirstProposal& p) { return p.epoch <= root_.epoch; });
  std::erase_if(reported_, [&](const auto& r) { return r.first <= root_.epoch; });
}

/// Without finality the tree grows: what nobody notarised goes first.
template <class Rules>
void BasicStreamlet<Rules>::keep_bounds() {
  if (tree_.size() > streamlet::tree_max) {
    const Round old{epoch_.value - static_cast<std::int32_t>(streamlet::tree_max / 4)};
    std::erase_if(tree_, [&](const Entry& e) { return !e.notarised() && e.epoch < old; });
    prune();
  }
  const auto oldest = [](const auto& all) {
    return all.begin() + static_cast<std::ptrdiff_t>(all.size() - std::min(all.size(), streamlet::tree_max));
  };
  ballots_.erase(ballots_.begin(), oldest(ballots_));
  proposals_.erase(proposals_.begin(), oldest(proposals_));
}

template <class Rules>
void BasicStreamlet<Rules>::enter_era(const EngineView& view) {
  committee_ = view.chain.committee(next(root_.height));
  tree_.clear();
  ballots_.clear();
  proposals_.clear();
  reported_.clear();
  building_ = Round{0};
  longest_notarised_ = root_.height;
  final_height_ = root_.height;
  final_tip_ = {};
}

// ---- catching up ----------------------------------------------------------------------------------------------------

/// Whether `commit` proves that the block after the root is final.
template <class Rules>
Reject BasicStreamlet<Rules>::check_final(const Block& block, const Commit& commit, const EngineView& view) const {
  if (block.parent != root_.id || block.height != height() || commit.block != block.id ||
      commit.height != block.height || commit.descendants.size() + Rules::final_of_three() < 2) {
    return Reject::malformed;
  }
  Round epochs[3] = {Round{-1}, root_.epoch, block.round};  // of the last three blocks of the chain
  const Block* before = &block;
  for (const BlockPtr& b : commit.descendants) {
    if (b == nullptr || b->parent != before->id || b->height != next(before->height) ||
        b->committee_hash != committee_.hash() || b->id != b->compute_id()) {
      return Reject::malformed;
    }
    epochs[0] = epochs[1];
    epochs[1] = epochs[2];
    epochs[2] = b->round;
    before = b.get();
  }
  if (epochs[0].value + 1 != epochs[1].value || epochs[1].value + 1 != epochs[2].value || commit.round != epochs[2]) {
    return Reject::bad_certificate;
  }
  if (commit.epoch != era_) return Reject::bad_certificate;
  Commit certificate = commit;
  certificate.height = before->height;
  certificate.block = before->id;
  return check_certificate(certificate, VoteType::vote, before->height, before->id, committee_,
                           Rules::quorum(committee_), view.signatures);
}

/// The proof that a block of the chain is final. The chain keeps certificates of blocks; what shows that they are final
/// is the first three of consecutive epochs above them, or the proof of a block that still has its own.
template <class Rules>
Commit BasicStreamlet<Rules>::final_proof(const BlockPtr& block, const EngineView& view) const {
  Commit proof;
  proof.height = block->height;
  proof.block = block->id;
  proof.type = VoteType::vote;
  const BlockPtr before = view.chain.block(previous(block->height));
  Round epochs[3] = {Round{-1}, Round{-1}, before != nullptr ? before->round : Round{0}};
  for (Height h = block->height; h <= view.chain.height(); h = next(h)) {
    const BlockPtr b = view.chain.block(h);
    const Commit* const commit = view.chain.commit(h);
    if (b == nullptr || commit == nullptr) break;
    if (h > block->height) proof.descendants.push_back(b);
    epochs[0] = epochs[1];
    epochs[1] = epochs[2];
    epochs[2] = b->round;
    const bool three = h > block->height && epochs[0].value + 1 == epochs[1].value &&
                       epochs[1].value + 1 == epochs[2].value && commit->descendants.empty();
    if (!three && commit->descendants.empty()) continue;
    proof.round = commit->round;
    proof.epoch = commit->epoch;
    proof.signatures = commit->signatures;
    for (const BlockPtr& d : commit->descendants) proof.descendants.push_back(d);
    return proof;
  }
  return {};
}

template <class Rules>
void BasicStreamlet<Rules>::on_block_request(NodeId from, const MessagePtr& message, const EngineView& view,
                                             Outbox& out) const {
  if (from == self_) return;
  const auto& request = static_cast<const BlockRequestMessage&>(*message);
  BlockPtr block;
  Commit commit;
  if (request.height.value > 0 && request.height <= view.chain.height()) {
    block = view.chain.block(request.height);
    if (block != nullptr && request.block && block->id != request.block) block = nullptr;
    if (block != nullptr) commit = final_proof(block, view);
    if (commit.signatures.empty()) block = nullptr;
  } else if (const Entry* e = request.block ? find(request.block) : nullptr; e != nullptr) {
    block = e->body;
  }
  out.send(from, out.make<BlockResponseMessage>(self_, block, std::move(commit)));
}

template <class Rules>
void BasicStreamlet<Rules>::on_block_response(NodeId from, const MessagePtr& message, const EngineView& view,
                                              Outbox& out) {
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  const auto refuse = [&](Height h, Reject why) { reject(from, body, h, epoch_, why, out); };
  if (body.block == nullptr) {
    if (!sync_.refused(from)) refuse(height(), Reject::not_for_me);
    return;
  }
  const Block& block = *body.block;
  if (!sync_.close(from, block.height, block.id)) return refuse(block.height, Reject::not_for_me);
  if (block.id != block.compute_id() || block.bytes != block.compute_bytes()) {
    sync_.strike(from);
    return refuse(block.height, Reject::malformed);
  }
  if (block.height <= root_.height) return;
  const bool proven = !body.commit.signatures.empty();
  if (proven) sync_.note(from, Height{std::max(block.height.value + 2, sync_.best().value)});
  if (const Entry* const e = find(block.id);
      e != nullptr && e->body == nullptr && block.committee_hash == committee_.hash()) {
    if (const Reject why = check_parent_certificate(block, nullptr, view); why != Reject::none) {
      sync_.strike(from);
      return refuse(block.height, why);
    }
    add_body(body.block, from, view, out);
    try_vote(view, out);
    try_finalise(view, out);
  }
  if (!proven) return;
  sync_.keep(from, message, block.height);
  take_kept(view, out);
}

template <class Rules>
void BasicStreamlet<Rules>::take_kept(const EngineView& view, Outbox& out) {
  if (executing_ != nullptr) return;
  const auto [from, message] = sync_.take(height());
  if (!message) return;
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  const Reject why = body.block->committee_hash == committee_.hash() ? check_final(*body.block, body.commit, view)
                                                                     : Reject::invalid_block;
  if (why != Reject::none) {
    sync_.strike(from);
    reject(from, body, height(), epoch_, why, out);
    return ask_for_blocks(out);
  }
  sync_.praise(from);
  deliver(body.block, body.commit, out);
}

/// Bodies of blocks that somebody built on or voted for.
template <class Rules>
void BasicStreamlet<Rules>::ask_for_wanted(Outbox& out) {
  std::uint32_t asked = 0;
  for (const Entry& e : tree_) {
    if (e.body == nullptr && asked++ < streamlet::sync_window) ask_for_body(e.id, e.height, no_node, out);
  }
}

template <class Rules>
void BasicStreamlet<Rules>::ask_for_body(BlockId id, Height height, NodeId peer, Outbox& out) {
  if (sync_.is_open(height, id)) return;
  if (peer == no_node || peer == self_) {
    std::vector<NodeId> members;
    for (const Validator& v : committee_.validators()) members.push_back(v.node);
    peer = sync_.choose_among(self_, members);
  }
  open_request(peer, height, id, out);
}

template <class Rules>
void BasicStreamlet<Rules>::ask_for_blocks(Outbox& out) {
  for (std::uint32_t i = 0; i < streamlet::sync_window; ++i) {
    const Height h{height().value + i};
    if (h >= sync_.best()) break;
    const bool here = i == 0 && executing_ != nullptr;
    if (here || sync_.is_open(h, {}) || sync_.is_kept(h)) continue;
    const NodeId peer = sync_.choose(self_, h);
    if (peer == no_node) break;
    if (!sync_.catching_up) {
      sync_.catching_up = true;
      out.trace({.kind = sim::RecordKind::behind, .node = self_, .height = height().value, .a = sync_.best().value});
    }
    open_request(peer, h, {}, out);
  }
}

template <class Rules>
void BasicStreamlet<Rules>::open_request(NodeId peer, Height height, BlockId id, Outbox& out) {
  if (peer == no_node || peer == self_) return;
  sync_.open({.height = height, .block = id, .peer = peer});
  out.send(peer, out.make<BlockRequestMessage>(self_, height, id));
  if (sync_armed_) return;
  sync_armed_ = true;
  out.set_timer(static_cast<std::uint32_t>(Timer::sync), streamlet::sync_timeout,
                static_cast<std::uint64_t>(Timer::sync));
}

// ---- small things ---------------------------------------------------------------------------------------------------

template <class Rules>
std::int32_t BasicStreamlet<Rules>::index_of(NodeId node) const {
  const std::size_t n = committee_.size();
  // Mostly the members are the nodes 0 ... n - 1.
  if (node.value < n && committee_[node.value].node == node) return static_cast<std::int32_t>(node.value);
  return committee_.index_of(node);
}

template <class Rules>
void BasicStreamlet<Rules>::reject(NodeId from, const ConsensusMessage& message, Height height, Round round, Reject why,
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
bool BasicStreamlet<Rules>::same(const BasicStreamlet& o) const {
  const auto id_of = [](const BlockPtr& b) { return b != nullptr ? b->id : BlockId{}; };
  return self_ == o.self_ && options_ == o.options_ && root_ == o.root_ && committee_ == o.committee_ &&
         epoch_ == o.epoch_ && voted_epoch_ == o.voted_epoch_ && voted_height_ == o.voted_height_ &&
         log_height_ == o.log_height_ &&
         building_ == o.building_ && longest_notarised_ == o.longest_notarised_ &&
         final_height_ == o.final_height_ && final_tip_ == o.final_tip_ &&
         id_of(executing_) == id_of(o.executing_) && tree_ == o.tree_ && ballots_ == o.ballots_ &&
         proposals_ == o.proposals_ && reported_ == o.reported_ && sync_armed_ == o.sync_armed_ && era_ == o.era_ &&
         sync_ == o.sync_;
}

template <class Rules>
void BasicStreamlet<Rules>::hash_into(HashBuilder& h) const {
  h.add(self_).add(root_.height).add(root_.id).add(committee_.hash()).add(epoch_).add(voted_epoch_).add(voted_height_);
  h.add(log_height_);
  h.add(building_).add(longest_notarised_).add(final_height_).add(final_tip_);
  h.add(executing_ != nullptr ? executing_->id : BlockId{}).add(tree_.size());
  for (const Entry& e : tree_) {
    h.add(e.id).add(e.body != nullptr).add(e.validity).add(e.certificate.signatures.size());
    for (const CommitSignature& s : e.certificate.signatures) h.add(s.voter).add(s.signature.handle);
  }
  h.add(ballots_.size());
  for (const Ballot& b : ballots_) {
    h.add(b.epoch).add(b.height);
    b.votes.hash_into(h);
  }
  h.add(proposals_.size());
  for (const FirstProposal& p : proposals_) {
    p.vote.hash_into(h);
    h.add(p.reported);
  }
  h.add(reported_.size());
  for (const auto& [epoch, node] : reported_) h.add(epoch).add(node);
  h.add(sync_armed_).add(era_);
  sync_.hash_into(h);
}

}  // namespace seqlab::protocols
