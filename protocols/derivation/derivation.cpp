#include "protocols/derivation/derivation.hpp"

#include <algorithm>
#include <utility>

#include "protocols/forced/forced_paths.hpp"
#include "protocols/l1/contracts.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::protocols {

namespace {

constexpr std::size_t pending_max = 10'000;  ///< what strangers can make a node keep

bool counts(const std::vector<NodeId>& allowed, NodeId author) {
  return allowed.empty() || std::ranges::binary_search(allowed, author);
}

}  // namespace

Hash128 commitment_root(const std::vector<BlockId>& ids) {
  HashBuilder h{"commitment root"};
  h.add(ids.size());
  for (const BlockId& id : ids) h.add(id);
  return h.finish();
}

StateRoot Replica::execute(const Block& block, const DerivationServices& services, std::vector<Burn>* burns) {
  const auto executed = [&](const Transaction& tx, TxStatus status) {
    if (burns == nullptr || status != TxStatus::ok || tx.receiver != services.bridge) return;
    burns->push_back({.height = block.height, .account = tx.sender, .nonce = tx.nonce, .amount = tx.amount});
  };
  const auto users = [&] {
    for (const Transaction& tx : block.transactions) {
      if (services.authentic(tx)) executed(tx, ledger_.execute(tx, block.proposer));
    }
  };
  const bool items_lead = services.forced == nullptr || services.forced->items_lead();
  if (!items_lead) users();
  if (block.external) {
    // Without a policy only blocks made by the rule of a window hold items, and theirs are as they are.
    const bool claims = services.forced != nullptr && !block.vertices.empty();
    const External part = claims ? services.forced->follow(external_, *block.external) : *block.external;
    std::vector<ForcedStatus> statuses;
    for (const ForcedItem& item : part.items) {
      const TxStatus status = services.authentic(item.transaction) ? ledger_.execute(item, block.proposer)
                                                                   : TxStatus::bad_signature;
      executed(item.transaction, status);
      if (services.forced != nullptr) statuses.push_back(services.forced->status_of(item, status, part.ref));
    }
    if (services.forced != nullptr) services.forced->apply(external_, part, block.timestamp, statuses);
  }
  if (items_lead) users();
  return ledger_.root();
}

Derivation::Derivation(DerivationOptions options, const LedgerGenesis& ledger, std::uint64_t l1_start,
                       ExternalState external)
    : options_(std::move(options)),
      start_(l1_start),
      base_(ledger, external),
      base_height_(l1_start),
      now_(ledger, external) {
  base_.origin = now_.origin = l1_start;
}

std::uint64_t Derivation::advance(const L1View& view, std::uint64_t until, const DerivationServices& services,
                                  std::vector<Derived>& out) {
  const std::uint64_t before = now_.heads.derived;
  std::size_t agree = steps_.size();
  while (agree > 0) {
    const L1BlockPtr block = view.block(steps_[agree - 1].height);
    if (block != nullptr && block->id == steps_[agree - 1].id) break;
    --agree;
  }
  std::uint64_t back = 0;
  if (agree < steps_.size()) {
    // Read again from what is final: the blocks in between are known, and what they say is said already.
    const Heads then = agree == 0 ? base_.heads : steps_[agree - 1].after;
    back = before - std::min(before, then.derived);
    now_ = base_;
    std::vector<Derived> old;
    for (std::size_t i = 0; i < agree; ++i) {
      const L1BlockPtr block = view.block(steps_[i].height);
      read(now_, *block, services, old);
    }
    steps_.erase(steps_.begin() + static_cast<std::ptrdiff_t>(agree), steps_.end());
  }
  for (std::uint64_t h = l1_height() + 1; h <= std::min(until, view.height()); ++h) {
    const L1BlockPtr block = view.block(h);
    if (block == nullptr) break;  // no longer kept: this node was away for too long
    read(now_, *block, services, out);
    steps_.push_back({h, block->id, now_.heads});
  }
  return back;
}

void Derivation::finalise(const L1View& view, std::uint64_t l1_height, const DerivationServices& services) {
  std::vector<Derived> old;
  while (!steps_.empty() && steps_.front().height <= l1_height) {
    const L1BlockPtr block = view.block(steps_.front().height);
    if (block == nullptr || block->id != steps_.front().id) return;  // the next `advance` goes back first
    old.clear();
    if (steps_.size() == 1) {
      base_ = now_;
    } else {
      read(base_, *block, services, old);
    }
    base_height_ = steps_.front().height;
    start_ = base_height_;
    steps_.pop_front();
  }
}

std::optional<Derivation::Heads> Derivation::heads_at(std::uint64_t l1_height) const {
  if (l1_height < base_height_) return std::nullopt;
  if (l1_height == base_height_) return base_.heads;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    if (step->height <= l1_height) return step->after;
  }
  return base_.heads;
}

// ---- one L1 block --------------------------------------------------------------------------------------------------

void Derivation::read(State& state, const L1Block& block, const DerivationServices& services,
                      std::vector<Derived>& out) const {
  if (state.heads.halted) return;
  for (const L1TransactionPtr& tx : block.transactions) {
    if (tx->kind == L1TxKind::batch && options_.kind == DerivationOptions::Kind::batches) {
      const auto* batch = dynamic_cast<const BatchData*>(tx->data.get());
      if (batch == nullptr || !counts(options_.writers, tx->author)) continue;
      if (services.registry != nullptr) {
        const bool entitled = services.registry->counts(*block.contracts->registry, tx->author, block.height);
        out.push_back({.what = Derived::What::batch,
                       .height = block.height,
                       .id = block.id,
                       .empty = !entitled,
                       .author = tx->author});
        if (!entitled) continue;
      }
      on_batch(state, block, *batch);
      take_early(state, services, out);
    } else if (tx->kind == L1TxKind::commitment && options_.kind == DerivationOptions::Kind::proofs) {
      const auto* commitment = dynamic_cast<const CommitmentData*>(tx->data.get());
      if (commitment == nullptr || !counts(options_.writers, tx->author)) continue;
      if (commitment->index < state.next_index) continue;          // the first one of an index counts
      if (state.pending.size() < pending_max) {
        state.pending.try_emplace(commitment->index, Commitment{commitment->last.value, commitment->root});
      }
    } else if (tx->kind == L1TxKind::proof && options_.kind == DerivationOptions::Kind::proofs) {
      const auto* proof = dynamic_cast<const ProofData*>(tx->data.get());
      if (proof == nullptr || !counts(options_.provers, tx->author) || !proof->valid) continue;
      if (state.pending_proofs.size() < pending_max) state.pending_proofs.push_back(*proof);
    }
  }
  std::erase_if(state.channels, [&](const auto& entry) {
    return entry.second.first_seen + options_.channel_timeout < block.height;
  });
  if (options_.kind == DerivationOptions::Kind::proofs) settle_pending(state, services, out);
  if (options_.window != 0) fill_window(state, block, services, out);
}

void Derivation::on_batch(State& state, const L1Block& block, const BatchData& batch) const {
  if (batch.frames == 0 || batch.frame >= batch.frames || state.channels.size() >= pending_max) return;
  Channel& channel = state.channels[batch.channel];
  if (channel.frames.empty()) {
    channel.first_seen = block.height;
    channel.frames.resize(std::min<std::size_t>(batch.frames, pending_max));
    channel.blocks = batch.blocks;
  }
  if (batch.frame >= channel.frames.size()) return;
  channel.frames[batch.frame] = true;
  if (!std::ranges::all_of(channel.frames, [](bool there) { return there; })) return;
  for (const BlockPtr& b : channel.blocks) {
    if (b->height.value > state.heads.derived && state.early.size() < pending_max) {
      state.early.try_emplace(b->height.value, b);
    }
  }
  state.channels.erase(batch.channel);
}

void Derivation::take_early(State& state, const DerivationServices& services, std::vector<Derived>& out) const {
  while (!state.early.empty()) {
    const auto first = state.early.begin();
    if (first->first > state.heads.derived + 1) return;
    const BlockPtr block = first->second;
    state.early.erase(first);
    // One that does not follow is worth nothing: of another branch, or a copy of what is here.
    const bool follows = block->height.value == state.heads.derived + 1 &&
                         (state.heads.derived == 0 || block->parent == state.heads.derived_id);
    if (follows) derive(state, *block, false, services, out);
  }
}

void Derivation::derive(State& state, const Block& block, bool empty, const DerivationServices& services,
                        std::vector<Derived>& out) const {
  const StateRoot after = state.replica.execute(block, services);
  if (block.external) {
    std::erase_if(state.queue, [&](const ForcedItem& item) { return item.position < block.external->pointer; });
    state.origin = std::max(state.origin, block.external->ref.height);
  }
  state.heads.derived = block.height.value;
  state.heads.derived_id = block.id;
  out.push_back({.what = Derived::What::block,
                 .height = block.height.value,
                 .id = block.id,
                 .state = after,
                 .empty = empty});
}

/// Optimism's rule: an L1 block that stays without rollup blocks for a whole window gets them by rule.
void Derivation::fill_window(State& state, const L1Block& block, const DerivationServices& services,
                             std::vector<Derived>& out) const {
  for (ForcedItem& item : forced_items(block, state.positions)) {
    ++state.positions;
    state.queue.push_back(std::move(item));
  }
  state.later.push_back({block.height, block.id, block.timestamp});
  while (!state.later.empty() && state.later.front().height <= state.origin)
    state.later.pop_front();  // the block itself lies after it
  while (state.origin + options_.window < block.height) {
    Block made;
    made.height = Height{state.heads.derived + 1};
    made.parent = state.heads.derived_id;
    External external;
    external.ref = state.later.front();
    state.later.pop_front();
    made.timestamp = external.ref.timestamp;
    for (const ForcedItem& item : state.queue) {
      if (item.l1_height > external.ref.height) break;
      external.items.push_back(item);
    }
    external.pointer =
        external.items.empty() ? state.replica.external().pointer : external.items.back().position + 1;
    made.external = std::move(external);
    made.bytes = made.compute_bytes();
    made.id = made.compute_id();
    derive(state, made, true, services, out);
  }
}

// ---- commitments and proofs -----------------------------------------------------------------------------------------

void Derivation::settle_pending(State& state, const DerivationServices& services, std::vector<Derived>& out) const {
  while (!state.pending.empty() && !state.heads.halted) {
    const auto first = state.pending.begin();
    if (first->first != state.next_index) break;
    if (!try_commitment(state, first->first, first->second, services, out)) break;
    state.pending.erase(first);
  }
  // A proof can wait for commitments, and one proof for another.
  for (bool progress = true; progress && !state.heads.halted;) {
    progress = false;
    for (auto proof = state.pending_proofs.begin(); proof != state.pending_proofs.end(); ++proof) {
      if (!try_proof(state, *proof, out)) continue;
      state.pending_proofs.erase(proof);
      progress = true;
      break;
    }
  }
}

/// @return false to keep it pending
bool Derivation::try_commitment(State& state, std::uint32_t index, const Commitment& commitment,
                                const DerivationServices& services, std::vector<Derived>& out) const {
  if (commitment.last <= state.heads.derived) return true;  // not advancing: ignored
  std::vector<BlockId> ids;
  for (std::uint64_t h = state.heads.derived + 1; h <= commitment.last; ++h) {
    const std::optional<BlockId> id = services.local_block(h);
    if (!id) return false;  // not synced that far
    ids.push_back(*id);
  }
  if (commitment_root(ids) != commitment.root) {
    state.heads.halted = true;
    out.push_back({.what = Derived::What::halt, .height = commitment.last, .index = index, .id = commitment.root});
    return true;
  }
  state.heads.derived = commitment.last;
  state.heads.derived_id = ids.back();
  state.commitments.emplace(index, commitment);
  state.next_index = index + 1;
  out.push_back({.what = Derived::What::commitment, .height = commitment.last, .index = index, .id = commitment.root});
  return true;
}

bool Derivation::try_proof(State& state, const ProofData& proof, std::vector<Derived>& out) const {
  const auto last = state.commitments.find(proof.last);
  if (last == state.commitments.end()) return false;
  if (last->second.last <= state.heads.proven) return true;  // proven already: done with
  // It must begin at or before the first commitment that is not proven: no gap. Overlapping ones chain.
  const auto first = std::ranges::find_if(
      state.commitments, [&](const auto& entry) { return entry.second.last > state.heads.proven; });
  if (first == state.commitments.end() || proof.first > first->first) return false;
  state.heads.proven = last->second.last;
  state.heads.proven_state = proof.state;
  out.push_back({.what = Derived::What::proof,
                 .height = state.heads.proven,
                 .index = proof.first,
                 .state = proof.state});
  std::erase_if(state.commitments, [&](const auto& entry) { return entry.second.last < state.heads.proven; });
  return true;
}

}  // namespace seqlab::protocols
