#include "protocols/consensus/chained/branch_store.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "protocols/consensus/certificates.hpp"

namespace seqlab::protocols {

namespace {

/// Missing blocks this far above the head are fetched as committed ones, by height, rather than one by one from above.
constexpr std::uint64_t by_height_distance = 8;

}  // namespace

const QuorumCert& certificate_of(const ChainView& chain, Height height) {
  const Commit& commit = *chain.commit(height);
  return commit.descendants.empty() ? commit : commit.descendants.front()->last_commit;
}

Commit commit_proof(const ChainView& chain, Height height, const CommitRule& rule) {
  Commit proof;
  BlockPtr at = chain.block(height);
  if (at == nullptr || chain.commit(height) == nullptr) return proof;
  proof.height = height;
  proof.block = at->id;
  proof.type = VoteType::vote;
  std::vector<Round> rounds;  // of certificates, oldest first
  const auto proves = [&](const QuorumCert& cert) {
    rounds.push_back(cert.round);
    proof.epoch = cert.epoch;
    proof.round = cert.round;
    proof.signatures = cert.signatures;
    if (rounds.size() < rule.depth + 1) return false;
    const std::vector<Round> newest(rounds.rbegin(), rounds.rbegin() + rule.depth + 1);
    return rule.commits(newest);
  };
  for (Height h = height; h <= chain.height(); ++h) {
    const Commit& commit = *chain.commit(h);
    for (const BlockPtr& d : commit.descendants) {
      if (proves(d->last_commit)) return proof;
      proof.descendants.push_back(d);
    }
    if (!commit.descendants.empty()) {
      proves(commit);
      return proof;
    }
    if (proves(commit) || h == chain.height()) return proof;
    proof.descendants.push_back(chain.block(next(h)));
  }
  return proof;
}

void BranchStore::start(NodeId self, const ChainedOptions& options, const CommitRule& rule, const EngineView& view) {
  self_ = self;
  sync_timeout_ = options.sync_timeout;
  sync_window_ = std::max(1U, options.sync_window);
  const ChainView& chain = view.chain;
  BlockTree::Root root;
  committed_round_ = Round{0};
  if (const BlockPtr head = chain.block(chain.height()); head != nullptr) {
    root = {head->height, head->id, head->timestamp};
    committed_round_ = head->round;
  }
  tree_.reset(root);
  decision_ = {root.height, nullptr};
  executing_ = nullptr;
  Height first{1};
  epoch_.number = Epoch{0};
  for (Height h{1}; h <= chain.height(); ++h) {
    if (chain.committee(h).hash() == chain.committee(next(h)).hash()) continue;
    ++epoch_.number;
    first = next(h);
  }
  const Commit* commit = root.height.value > 0 ? chain.commit(root.height) : nullptr;
  // Committees of the earliest heights may be forgotten; the head's certificate names its epoch.
  if (commit != nullptr) {
    epoch_.number = std::max(epoch_.number, first > root.height ? next(commit->epoch) : commit->epoch);
  }
  enter_epoch_of(first, rule, view);
  if (commit == nullptr || first > root.height) return;
  for (const BlockPtr& d : commit->descendants) tree_.insert(d, commit->descendants.back()->id);
}

void BranchStore::enter_epoch_of(Height first, const CommitRule& rule, const EngineView& view) {
  const ChainView& chain = view.chain;
  epoch_.first = first;
  epoch_.committee = chain.committee(first);
  epoch_.quorum = rule.quorum(epoch_.committee);
  epoch_.validity = epoch_.committee.validity();
  epoch_.self_index = epoch_.committee.index_of(self_);
  // Of an epoch that has committed something nobody asks for these two.
  const bool at_base = first == next(chain.height());
  const bool after_head = at_base && chain.height().value > 0;
  epoch_.base_qc =
      std::make_shared<const QuorumCert>(after_head ? certificate_of(chain, chain.height()) : QuorumCert{});
  epoch_.first_round = Round{1};
  if (after_head && epoch_.number.value > 0) {
    epoch_.first_round = Round{chain.block(chain.height())->round.value + epoch_round_gap};
  }
}

Reject BranchStore::check_qc(const QuorumCert& qc, const CommitRule& rule, const EngineView& view) const {
  if (!is_ours(qc, rule)) return Reject::bad_certificate;
  if (qc.height >= epoch_.first) return rule.check_quorum_cert(qc, epoch_.committee, epoch_.quorum, view.signatures);
  if (qc.height.value == 0) return qc == QuorumCert{} ? Reject::none : Reject::bad_certificate;
  const Committee& before = view.chain.committee(qc.height);
  return rule.check_quorum_cert(qc, before, rule.quorum(before), view.signatures);
}

// ---- blocks ---------------------------------------------------------------------------------------------------------

void BranchStore::restore(const BlockPtr& block, BlockId keep) {
  if (block->committee_hash != epoch_.committee.hash()) return;  // of an epoch that was abandoned
  if (BlockTree::Entry* e = tree_.insert(block, keep); e != nullptr) e->persisted = true;
}

bool BranchStore::connect(const QuorumCert& qc, Outbox& out) {
  BlockTree::Missing missing;
  const BlockTree::Link link = tree_.link(qc.block, qc.height, &missing);
  if (link == BlockTree::Link::missing) fetch(missing, &qc, out);
  return link == BlockTree::Link::connected;
}

bool BranchStore::connect(const BlockPtr& block, Outbox& out) {
  BlockTree::Missing missing;
  const BlockTree::Link link = tree_.link(block->parent, previous(block->height), &missing);
  if (link == BlockTree::Link::missing) fetch(missing, &block->last_commit, out);
  return link == BlockTree::Link::connected;
}

// ---- commits --------------------------------------------------------------------------------------------------------

bool BranchStore::apply_commit_rule(const QuorumCertPtr& qc, const CommitRule& rule, LeaderSchedule& leaders,
                                   Outbox& out) {
  if (qc->height.value <= decided().value + rule.depth || qc->height < epoch_.first) return false;
  constexpr std::uint32_t most = 4;
  std::array<Round, most> rounds{qc->round};
  BlockPtr at = tree_.block(qc->block);
  for (std::uint32_t i = 1; i <= rule.depth; ++i) {
    if (at == nullptr) {
      connect(*qc, out);
      return false;
    }
    rounds[i] = at->last_commit.round;
    if (at->height <= epoch_.first) return false;  // its parent is the base
    at = tree_.block(at->parent);
  }
  if (at == nullptr) {
    connect(*qc, out);
    return false;
  }
  if (!rule.commits(std::span{rounds.data(), rule.depth + 1})) return false;
  if (!connect(*qc, out)) return false;
  return decide(at, qc, leaders);
}

bool BranchStore::apply_commit_rule_everywhere(const CommitRule& rule, LeaderSchedule& leaders, Outbox& out) {
  bool any = false;
  std::vector<QuorumCertPtr> certs;
  for (const BlockTree::Entry& e : tree_.entries()) certs.push_back(parent_cert(e.block));
  for (const QuorumCertPtr& qc : certs) any = apply_commit_rule(qc, rule, leaders, out) || any;
  return any;
}

bool BranchStore::decide(const BlockPtr& target, const QuorumCertPtr& qc, LeaderSchedule& leaders) {
  if (target->height <= decided()) return false;
  const std::optional<std::vector<BlockPtr>> branch = tree_.branch(qc->block, qc->height);
  if (!branch) return false;
  for (std::size_t i = 0; i + 1 < branch->size(); ++i) {
    const Block& b = *(*branch)[i];
    if (b.height > decided() && b.height <= target->height) leaders.on_committed(b, (*branch)[i + 1]->last_commit);
  }
  committed_round_ = std::max(committed_round_, target->round);
  decision_ = {target->height, qc};
  return true;
}

BlockPtr BranchStore::next_decided() const {
  if (executing_ != nullptr || decision_.target <= committed()) return nullptr;
  const std::optional<std::vector<BlockPtr>> branch = tree_.branch(decision_.qc->block, decision_.qc->height);
  return branch && !branch->empty() ? branch->front() : nullptr;
}

void BranchStore::deliver(Outbox& out) {
  if (executing_ != nullptr || decision_.target <= committed()) return;
  const std::optional<std::vector<BlockPtr>> branch = tree_.branch(decision_.qc->block, decision_.qc->height);
  if (!branch || branch->empty()) return;
  const BlockPtr& block = branch->front();
  const QuorumCert& own = branch->size() > 1 ? (*branch)[1]->last_commit : *decision_.qc;
  trace_certificate({.kind = sim::RecordKind::certified,
                     .detail = static_cast<std::uint8_t>(VoteType::vote),
                     .node = self_,
                     .round = static_cast<std::uint32_t>(own.round.value),
                     .height = block->height.value,
                     .a = block->id.hi,
                     .b = block->id.lo},
                    own, out);

  Commit commit;
  commit.height = block->height;
  commit.round = decision_.qc->round;
  commit.block = block->id;
  commit.type = VoteType::vote;
  commit.signatures = decision_.qc->signatures;
  commit.epoch = decision_.qc->epoch;
  commit.descendants.assign(branch->begin() + 1, branch->end());
  executing_ = block;
  out.add(effect::Deliver{block, CommitLevel::final, std::move(commit)});
}

BranchStore::Executed BranchStore::on_executed(Height height, const CommitRule& rule, const EngineView& view,
                                             Outbox& out) {
  if (executing_ == nullptr || executing_->height != height) return Executed::not_mine;
  const BlockPtr done = std::exchange(executing_, nullptr);
  tree_.advance_root(*done);
  sync_.settle_below(next(height));
  const bool ended = view.chain.committee(next(height)).hash() != epoch_.committee.hash();
  if (ended) {
    ++epoch_.number;
    enter_epoch_of(next(height), rule, view);
    tree_.reset(tree_.root());
    decision_ = {height, nullptr};
    committed_round_ = done->round;
    out.trace({.kind = sim::RecordKind::epoch_entered,
               .node = self_,
               .round = static_cast<std::uint32_t>(epoch_.first_round.value),
               .height = epoch_.first.value,
               .a = epoch_.number.value});
  }
  finish_catching_up(out);
  return ended ? Executed::new_epoch : Executed::advanced;
}

// ---- fetching -------------------------------------------------------------------------------------------------------

void BranchStore::note_peer(NodeId peer, Height committed, bool beyond, Outbox& out) {
  if (peer == self_ || committed <= (beyond ? decided() : next(decided()))) return;
  sync_.note(peer, next(committed));
  ask_for_blocks(out);
}

void BranchStore::fetch(const BlockTree::Missing& missing, const QuorumCert* named_by, Outbox& out) {
  if (missing.height.value > committed().value + by_height_distance && sync_.best() > next(decided())) {
    return ask_for_blocks(out);
  }
  const QuorumCert& cert = missing.child != nullptr ? missing.child->last_commit : *named_by;
  std::vector<NodeId> holders;
  for (const CommitSignature& s : cert.signatures) holders.push_back(s.voter);
  ask_for(missing.height, missing.block, std::move(holders), out);
}

void BranchStore::ask_for(Height height, BlockId block, std::vector<NodeId> holders, Outbox& out) {
  if (sync_.is_open(height, block)) return;
  NodeId peer = sync_.choose_among(self_, holders);
  if (peer == no_node) {
    for (const Validator& v : epoch_.committee.validators()) holders.push_back(v.node);
    peer = sync_.choose_among(self_, holders);
  }
  if (peer == no_node) return;
  sync_.open({.height = height, .block = block, .peer = peer});
  out.send(peer, out.make<BlockRequestMessage>(self_, height, block));
  arm_sync_timer(out);
}

void BranchStore::ask_for_blocks(Outbox& out) {
  const Height best = sync_.best();
  const Height base = decided();
  for (std::uint32_t i = 1; i <= sync_window_; ++i) {
    const Height h{base.value + i};
    if (h >= best) break;
    if (sync_.is_open(h, {}) || sync_.is_kept(h)) continue;
    const NodeId peer = sync_.choose(self_, h);
    if (peer == no_node) break;
    if (!sync_.catching_up) {
      sync_.catching_up = true;
      out.trace({.kind = sim::RecordKind::behind, .node = self_, .height = next(committed()).value, .a = best.value});
    }
    sync_.open({.height = h, .block = {}, .peer = peer});
    out.send(peer, out.make<BlockRequestMessage>(self_, h, BlockId{}));
    arm_sync_timer(out);
  }
}

void BranchStore::finish_catching_up(Outbox& out) {
  if (!sync_.catching_up || sync_.best() > next(committed())) return;
  sync_.catching_up = false;
  out.trace({.kind = sim::RecordKind::caught_up, .node = self_, .height = next(committed()).value});
}

void BranchStore::arm_sync_timer(Outbox& out) {
  if (sync_armed_) return;
  sync_armed_ = true;
  out.set_timer(sync_timer, sync_timeout_, sync_timer);
}

void BranchStore::on_sync_timer(Outbox& out) {
  sync_armed_ = false;
  if (sync_.age()) arm_sync_timer(out);
  ask_for_blocks(out);
  finish_catching_up(out);
}

void BranchStore::on_block_request(NodeId from, const BlockRequestMessage& request, const CommitRule& rule,
                                   const EngineView& view, Outbox& out) const {
  if (from == self_) return;
  BlockPtr block;
  Commit commit;
  if (request.height.value > 0 && request.height <= view.chain.height()) {
    block = view.chain.block(request.height);
    if (block != nullptr && request.block && block->id != request.block) block = nullptr;
    if (block != nullptr) commit = commit_proof(view.chain, request.height, rule);
  } else if (request.block) {
    block = tree_.block(request.block);
  }
  out.send(from, out.make<BlockResponseMessage>(self_, std::move(block), std::move(commit)));
}

BranchStore::Arrived BranchStore::on_block_response(NodeId from, const MessagePtr& message, BlockId keep,
                                                  const CommitRule& rule, LeaderSchedule& leaders,
                                                  const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  const BlockPtr& block = body.block;
  if (block == nullptr) {
    if (!sync_.refused(from)) return {Reject::not_for_me};
    ask_for_blocks(out);
    finish_catching_up(out);
    arm_sync_timer(out);  // then the next peer is asked
    return {};
  }
  const bool by_id = sync_.is_open(block->height, block->id);
  if (!sync_.close(from, block->height, block->id)) return {Reject::not_for_me};
  if (block->height <= decided()) return {};  // settled meanwhile
  if (body.checked == Checked::not_yet) {
    const bool good = block->is_consistent();
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) {
    sync_.strike(from);
    ask_for_blocks(out);
    return {Reject::malformed};
  }
  if (!body.commit.signatures.empty()) {
    if (block->height == next(committed())) return take_committed(from, body, rule, leaders, view, out);
    sync_.keep(from, message, block->height);
    if (!by_id) return {};
  }
  if (!by_id || block->committee_hash != epoch_.committee.hash() || block->height < epoch_.first) {
    return {Reject::bad_certificate};
  }
  // A quorum certified this very id, or it is the parent of a block of which that is true: it is what it should be.
  if (tree_.insert(block, keep) == nullptr) return {};
  return {Reject::none, block, nullptr};
}

BranchStore::Arrived BranchStore::take_kept(const CommitRule& rule, LeaderSchedule& leaders, const EngineView& view,
                                            Outbox& out) {
  if (executing_ != nullptr || decision_.target > committed()) return {};
  const auto [from, message] = sync_.take(next(committed()));
  if (!message) {
    ask_for_blocks(out);
    return {};
  }
  return take_committed(from, static_cast<const BlockResponseMessage&>(*message), rule, leaders, view, out);
}

/// The block after the head with its proof: signatures of this epoch's committee under a descendant, as the commit rule
/// wants it.
BranchStore::Arrived BranchStore::take_committed(NodeId from, const BlockResponseMessage& body,
                                               const CommitRule& rule, LeaderSchedule& leaders, const EngineView& view,
                                               Outbox& out) {
  const BlockPtr& block = body.block;
  const Commit& commit = body.commit;
  const auto check = [&]() -> Reject {
    if (block->parent != tree_.root().id) return Reject::unknown_parent;
    if (block->committee_hash != epoch_.committee.hash() || block->state_before) return Reject::invalid_block;
    if (!rule.counts(commit.epoch, epoch_.number)) return Reject::bad_certificate;
    if (const Reject why = check_descendants(*block, commit); why != Reject::none) return why;
    if (commit.descendants.size() < rule.depth) return Reject::bad_certificate;
    std::vector<Round> rounds{commit.round};
    for (std::uint32_t i = 0; i < rule.depth; ++i) {
      rounds.push_back(commit.descendants[commit.descendants.size() - 1 - i]->last_commit.round);
    }
    return rule.commits(rounds) ? Reject::none : Reject::bad_certificate;
  };
  Reject why = check();
  QuorumCertPtr qc;
  if (why == Reject::none) {
    qc = signed_cert(commit);
    why = rule.check_quorum_cert(*qc, epoch_.committee, epoch_.quorum, view.signatures);
  }
  if (why != Reject::none) {
    sync_.strike(from);
    ask_for_blocks(out);
    return {why};
  }
  sync_.praise(from);
  // The newest first: a full tree drops the oldest, unless the certified block leads to it.
  for (auto d = commit.descendants.rbegin(); d != commit.descendants.rend(); ++d) tree_.insert(*d, qc->block);
  tree_.insert(block, qc->block);
  const std::size_t target = commit.descendants.size() - rule.depth;  // of block and descendants in one row
  decide(target == 0 ? block : commit.descendants[target - 1], qc, leaders);
  return {Reject::none, nullptr, qc};
}

bool operator==(const BranchStore& a, const BranchStore& b) {
  const auto id = [](const BlockPtr& p) { return p != nullptr ? p->id : BlockId{}; };
  return a.self_ == b.self_ && a.epoch_ == b.epoch_ && a.tree_ == b.tree_ &&
         a.decision_.target == b.decision_.target && same_cert(a.decision_.qc, b.decision_.qc) &&
         a.committed_round_ == b.committed_round_ && id(a.executing_) == id(b.executing_) &&
         a.sync_armed_ == b.sync_armed_ && a.sync_ == b.sync_;
}

void BranchStore::hash_into(HashBuilder& h) const {
  h.add(epoch_.number).add(epoch_.first).add(epoch_.first_round).add(epoch_.committee.hash());
  hash_cert(epoch_.base_qc, h);
  tree_.hash_into(h);
  h.add(decision_.target);
  hash_cert(decision_.qc, h);
  h.add(committed_round_).add(executing_ != nullptr ? executing_->id : BlockId{}).add(sync_armed_);
  sync_.hash_into(h);
}

}  // namespace seqlab::protocols
