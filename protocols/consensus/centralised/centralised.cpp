#include "protocols/consensus/centralised/centralised.hpp"

#include <algorithm>
#include <utility>

#include "protocols/consensus/certificates.hpp"
#include "protocols/consensus/tendermint/safety_record.hpp"
#include "protocols/consensus/tendermint/tendermint.hpp"

namespace seqlab::protocols {

namespace {

constexpr Duration sync_timeout = 1s;
constexpr std::size_t early_max = 16;
constexpr std::uint32_t sync_window = 8;

Commit commit_of(Height height, BlockId block, const CommitSignature& signature) {
  Commit c;
  c.height = height;
  c.round = Round{0};
  c.block = block;
  c.type = VoteType::vote;
  c.signatures.push_back(signature);
  return c;
}

BlockId id_of(const BlockPtr& block) { return block != nullptr ? block->id : BlockId{}; }

}  // namespace

void Centralised::start(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  height_ = next(view.chain.height());
  if (const BlockPtr last = view.chain.block(view.chain.height()); last != nullptr) {
    parent_ = last->id;
    parent_time_ = last->timestamp;
  }
  enter_height(view);
  for (const Recovered& r : log) {
    const std::optional<SafetyRecord> record = r.type < safety_record_type ? std::nullopt : decode(r.bytes);
    if (!record || record->statement != Statement::proposal) continue;
    signed_height_ = std::max(signed_height_, record->height);
    if (record->height != height_ || record->body == nullptr) continue;
    // It was signed and may be known to somebody: this is the block of this height, whatever came since.
    out.broadcast(out.make<ProposalMessage>(
        Proposal{height_, Round{0}, no_round, record->body, self_, record->timestamp, record->signature}));
  }
  if (leads()) {
    arm(Timer::block, options_.block_interval, out);
  } else {
    arm(Timer::stall, options_.follower_stall, out);
    if (!log.empty() || view.chain.height().value > 0) ask(options_.sequencer, height_, out);
  }
}

void Centralised::enter_height(const EngineView& view) {
  phase_ = Phase::waiting;
  candidate_ = nullptr;
  candidate_signature_ = {};
  asked_to_build_ = false;
  state_before_ = view.chain.state();
  const Committee& committee = view.chain.committee(height_);
  const Hash128 hash = FieldHash<2>{}.add(committee.hash()).finish();
  if (hash != committee_hash_) {
    committee_hash_ = hash;
    members_.clear();
    for (const Validator& v : committee.validators()) members_.push_back(v.node);
  }
  sync_.settle_below(height_);
}

void Centralised::on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  switch (any.message_kind()) {
    case MessageKind::proposal: return on_proposal(from, message, view, out);
    case MessageKind::block_request: return on_block_request(from, message, view, out);
    case MessageKind::block_response: return on_block_response(from, message, view, out);
    default: return reject(from, any, height_, Reject::not_for_me, out);
  }
}

void Centralised::on_timer(std::uint64_t token, const EngineView& view, Outbox& out) {
  switch (static_cast<Timer>(token)) {
    case Timer::block:
      arm(Timer::block, options_.block_interval, out);
      // One block at a time; and nothing new where a block of this height was signed before a crash.
      if (phase_ == Phase::waiting && !asked_to_build_ && signed_height_ < height_) {
        asked_to_build_ = true;
        const Commit* last = height_.value > 1 ? view.chain.commit(previous(height_)) : nullptr;
        const SimTime time = height_.value == 1 ? view.wall : std::max(view.wall, parent_time_ + Duration{1});
        out.add(effect::BuildPayload{height_, Round{0}, parent_, state_before_, last != nullptr ? *last : Commit{},
                                     time, {}, committee_hash_});
      }
      break;
    case Timer::stall:
      arm(Timer::stall, options_.follower_stall, out);
      if (phase_ != Phase::waiting || sync_.is_open(height_, {})) break;
      ask(sync_.choose_among(self_, members_), height_, out);
      break;
    case Timer::sync:
      sync_armed_ = sync_.age();
      if (sync_armed_) arm(Timer::sync, sync_timeout, out);
      ask_for_blocks(out);
      break;
  }
}

void Centralised::on_built(Height height, Round /*round*/, BlockPtr block, const EngineView& view, Outbox& out) {
  if (height != height_ || !asked_to_build_ || !leads()) return;
  asked_to_build_ = false;
  if (block == nullptr || (block->transactions.empty() && !options_.create_empty_blocks)) return;
  Proposal p{height_, Round{0}, no_round, block, self_, block->timestamp, {}};
  p.signature = view.signatures.sign(self_.value, p.signed_digest());
  signed_height_ = height_;
  const SafetyRecord record{.statement = Statement::proposal,
                            .height = height_,
                            .round = Round{0},
                            .block = block->id,
                            .timestamp = p.timestamp,
                            .signature = p.signature,
                            .body = block};
  out.persist(safety_record_type + static_cast<std::uint8_t>(Statement::proposal), height_, Round{0}, encode(record));
  out.broadcast(out.make<ProposalMessage>(std::move(p)));
}

void Centralised::on_proposal(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const ProposalMessage&>(*message);
  const Proposal& p = body.proposal;
  if (p.proposer != options_.sequencer) return reject(from, body, p.height, Reject::wrong_proposer, out);
  if (p.block == nullptr || p.round != Round{0} || p.valid_round != no_round || p.block->height != p.height ||
      p.block->timestamp != p.timestamp || p.height.value == 0) {
    return reject(from, body, p.height, Reject::malformed, out);
  }
  if (body.checked == Checked::not_yet) {
    const bool good = view.signatures.verify(p.proposer.value, p.signed_digest(), p.signature) &&
                      p.block->is_consistent();
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return reject(from, body, p.height, Reject::bad_signature, out);

  const CommitSignature signature{p.proposer, p.timestamp, p.signature};
  if (!leads()) arm(Timer::stall, options_.follower_stall, out);
  compare(p.height, p.block->id, signature, view, out);
  if (p.height > height_) {
    sync_.note(options_.sequencer, next(p.height));
    const auto at = std::ranges::lower_bound(early_, p.height, {}, [](const auto& e) { return e.first; });
    const bool held = at != early_.end() && at->first == p.height;
    if (!held && early_.size() < early_max) early_.insert(at, {p.height, message});
    // What was refused as too late has been gone on from.
    const bool again = phase_ == Phase::waiting && refused_ != nullptr && refused_->height == height_;
    if (again) return take(BlockPtr{refused_}, CommitSignature{refused_signature_}, out);
    if (phase_ == Phase::waiting || p.height > next(height_)) ask_for_blocks(out);
    return;
  }
  if (p.height < height_ || phase_ != Phase::waiting) return;
  if (const Reject why = check(*p.block, signature, view); why != Reject::none) {
    return reject(from, body, p.height, why, out);
  }
  take(p.block, signature, out);
}

Reject Centralised::check(const Block& block, const CommitSignature& s, const EngineView& view) const {
  if (s.voter != options_.sequencer || block.proposer != options_.sequencer) return Reject::wrong_proposer;
  if (!signed_by_sequencer(block.height, block.id, s, view)) return Reject::bad_signature;
  if (block.parent != parent_) return Reject::unknown_parent;
  const bool later = height_.value == 1 || block.timestamp > parent_time_;
  if (block.state_before != state_before_ || block.committee_hash != committee_hash_ || !later ||
      block.round != Round{0} || !block.evidence.empty()) {
    return Reject::invalid_block;
  }
  const Commit& last = block.last_commit;
  if (height_.value == 1) return last == Commit{} ? Reject::none : Reject::bad_certificate;
  const bool names_parent = last.height == previous(height_) && last.block == parent_ && last.type == VoteType::vote &&
                            last.signatures.size() == 1 && last.signatures[0].voter == options_.sequencer;
  if (!names_parent) return Reject::bad_certificate;
  // The signature under which this node took the parent needs no second look.
  const Commit* own = view.chain.commit(last.height);
  const bool known = own != nullptr && own->block == last.block && own->signatures == last.signatures;
  const bool proves = known || signed_by_sequencer(last.height, last.block, last.signatures[0], view);
  return proves ? Reject::none : Reject::bad_certificate;
}

bool Centralised::signed_by_sequencer(Height height, BlockId block, const CommitSignature& s,
                                      const EngineView& view) const {
  return view.signatures.verify(options_.sequencer.value,
                                Proposal::digest_of(height, Round{0}, no_round, block, s.timestamp), s.signature);
}

/// Whether the sequencer signed another block of this height than the one that was seen first. A block on a foreign
/// parent shows it as well: it carries the signature under that parent.
void Centralised::compare(Height height, BlockId block, const CommitSignature& signature, const EngineView& view,
                          Outbox& out) {
  if (height <= reported_) return;
  CommitSignature other{};
  BlockId mine;
  if (height == height_ && candidate_ != nullptr) {
    mine = candidate_->id;
    other = candidate_signature_;
  } else if (height < height_) {
    const Commit* commit = view.chain.commit(height);
    if (commit == nullptr || commit->signatures.empty()) return;
    mine = commit->block;
    other = commit->signatures[0];
  }
  if (!mine || mine == block) return;
  reported_ = height;
  const auto as_vote = [&](BlockId id, const CommitSignature& s) {
    return Vote{height, Round{0}, VoteType::vote, options_.sequencer, id, s.timestamp, s.signature};
  };
  out.add(effect::ReportEvidence{
      {EvidenceKind::double_proposal, options_.sequencer, as_vote(mine, other), as_vote(block, signature)}});
}

void Centralised::take(const BlockPtr& block, const CommitSignature& signature, Outbox& out) {
  phase_ = Phase::validating;
  candidate_ = block;
  candidate_signature_ = signature;
  out.add(effect::ValidatePayload{.block = block, .followed = sync_.best() > height_});
}

void Centralised::on_validated(const BlockPtr& block, bool valid, const EngineView& /*view*/, Outbox& out) {
  if (valid && phase_ == Phase::waiting && refused_ != nullptr && id_of(block) == id_of(refused_) &&
      refused_->height == height_) {
    phase_ = Phase::validating;
    candidate_ = std::exchange(refused_, nullptr);
    candidate_signature_ = refused_signature_;
  }
  if (phase_ != Phase::validating || id_of(block) != id_of(candidate_)) return;
  if (!valid) {
    phase_ = Phase::waiting;
    refused_ = std::exchange(candidate_, nullptr);
    refused_signature_ = candidate_signature_;
    return;
  }
  phase_ = Phase::executing;
  Commit commit = commit_of(height_, block->id, candidate_signature_);
  out.add(effect::Deliver{block, CommitLevel::soft, commit});
  trace_certificate({.kind = sim::RecordKind::certified,
                     .detail = static_cast<std::uint8_t>(VoteType::vote),
                     .node = self_,
                     .height = height_.value,
                     .a = block->id.hi,
                     .b = block->id.lo},
                    commit, out);
  out.add(effect::Deliver{block, CommitLevel::final, std::move(commit)});
}

void Centralised::on_executed(Height height, const ExecutionResult& /*result*/, const EngineView& view, Outbox& out) {
  if (height != height_ || phase_ != Phase::executing) return;
  parent_ = candidate_->id;
  parent_time_ = candidate_->timestamp;
  height_ = next(height_);
  enter_height(view);
  out.add(effect::Forget{height_});
  std::erase_if(early_, [&](const auto& e) { return e.first < height_; });
  if (const auto [from, message] = sync_.take(height_); message) {
    const auto& body = static_cast<const BlockResponseMessage&>(*message);
    const Reject why = check(*body.block, body.commit.signatures[0], view);
    if (why == Reject::none) return take(body.block, body.commit.signatures[0], out);
    sync_.strike(from);
    reject(from, body, height_, why, out);
  }
  if (!early_.empty() && early_.front().first == height_) {
    const MessagePtr message = early_.front().second;
    early_.erase(early_.begin());
    return on_proposal(options_.sequencer, message, view, out);
  }
  ask_for_blocks(out);
  if (sync_.catching_up && sync_.best() <= height_) {
    sync_.catching_up = false;
    out.trace({.kind = sim::RecordKind::caught_up, .node = self_, .height = height_.value});
  }
}

void Centralised::on_block_request(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) const {
  if (from == self_) return;
  const auto& request = static_cast<const BlockRequestMessage&>(*message);
  const bool there = request.height.value > 0 && request.height <= view.chain.height();
  const Commit* commit = there ? view.chain.commit(request.height) : nullptr;
  const BlockPtr block = commit != nullptr ? view.chain.block(request.height) : nullptr;
  out.send(from, out.make<BlockResponseMessage>(self_, block, block != nullptr ? *commit : Commit{}));
}

void Centralised::on_block_response(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  if (body.block == nullptr) {  // it has no more than this node
    if (!sync_.refused(from)) reject(from, body, height_, Reject::not_for_me, out);
    return;
  }
  const Block& block = *body.block;
  if (!sync_.close(from, block.height, block.id)) return reject(from, body, block.height, Reject::not_for_me, out);
  const auto refuse = [&](Reject why) {
    reject(from, body, block.height, why, out);
    sync_.strike(from);
    ask_for_blocks(out);
  };
  if (block.height < height_) return;
  if (body.commit.signatures.size() != 1 || block.id != block.compute_id() || block.bytes != block.compute_bytes()) {
    return refuse(Reject::malformed);
  }
  if (block.height > height_ || phase_ != Phase::waiting) {
    if (block.height > height_) sync_.keep(from, message, block.height);
    return;
  }
  const CommitSignature& signature = body.commit.signatures[0];
  if (const Reject why = check(block, signature, view); why != Reject::none) return refuse(why);
  sync_.praise(from);
  // Whoever had this one may have the next.
  sync_.note(from, Height{std::max(block.height.value + 2, sync_.best().value)});
  take(body.block, signature, out);
}

void Centralised::ask_for_blocks(Outbox& out) {
  for (std::uint32_t i = 0; i < sync_window; ++i) {
    const Height h{height_.value + i};
    if (h >= sync_.best()) break;
    const bool early = std::ranges::any_of(early_, [&](const auto& e) { return e.first == h; });
    const bool here = h == height_ && phase_ != Phase::waiting;
    if (early || here || sync_.is_open(h, {}) || sync_.is_kept(h)) continue;
    const NodeId peer = sync_.choose(self_, h);
    if (peer == no_node) break;
    if (!sync_.catching_up) {
      sync_.catching_up = true;
      out.trace({.kind = sim::RecordKind::behind, .node = self_, .height = height_.value, .a = sync_.best().value});
    }
    ask(peer, h, out);
  }
}

void Centralised::ask(NodeId peer, Height height, Outbox& out) {
  if (peer == no_node || peer == self_) return;
  sync_.open({.height = height, .block = {}, .peer = peer});
  out.send(peer, out.make<BlockRequestMessage>(self_, height, BlockId{}));
  if (!sync_armed_) arm(Timer::sync, sync_timeout, out);
  sync_armed_ = true;
}

void Centralised::arm(Timer timer, Duration delay, Outbox& out) const {
  out.set_timer(static_cast<std::uint32_t>(timer), delay, static_cast<std::uint64_t>(timer));
}

void Centralised::reject(NodeId from, const ConsensusMessage& message, Height height, Reject why, Outbox& out) const {
  out.trace({.kind = sim::RecordKind::message_rejected,
             .detail = message.kind,
             .flags = static_cast<std::uint16_t>(why),
             .node = self_,
             .peer = from,
             .height = height.value});
}

bool operator==(const Centralised& a, const Centralised& b) {
  const auto same_early = [](const auto& x, const auto& y) {
    return x.first == y.first && same_content(x.second, y.second);
  };
  return a.self_ == b.self_ && a.options_ == b.options_ && a.height_ == b.height_ && a.phase_ == b.phase_ &&
         id_of(a.candidate_) == id_of(b.candidate_) && a.candidate_signature_ == b.candidate_signature_ &&
         id_of(a.refused_) == id_of(b.refused_) && a.refused_signature_ == b.refused_signature_ &&
         a.asked_to_build_ == b.asked_to_build_ && a.sync_armed_ == b.sync_armed_ &&
         a.signed_height_ == b.signed_height_ && a.reported_ == b.reported_ &&
         std::ranges::equal(a.early_, b.early_, same_early) && a.parent_ == b.parent_ &&
         a.parent_time_ == b.parent_time_ && a.state_before_ == b.state_before_ &&
         a.committee_hash_ == b.committee_hash_ && a.members_ == b.members_ && a.sync_ == b.sync_;
}

void Centralised::hash_into(HashBuilder& h) const {
  h.add(self_).add(height_).add(phase_).add(id_of(candidate_)).add(candidate_signature_.signature.handle);
  h.add(id_of(refused_)).add(refused_signature_.signature.handle);
  h.add(asked_to_build_).add(sync_armed_).add(signed_height_).add(reported_).add(early_.size());
  for (const auto& [height, message] : early_) {
    h.add(height);
    hash_content(message, h);
  }
  h.add(parent_).add(ns(parent_time_)).add(state_before_).add(committee_hash_);
  sync_.hash_into(h);
}

}  // namespace seqlab::protocols
