#include "scenarios/explore/replicas.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <variant>

#include "protocols/consensus/forge.hpp"
#include "sim/base/assert.hpp"

namespace seqlab::scenarios {

using namespace protocols;  // NOLINT: this file is about nothing else
using sim::Record;
using sim::RecordKind;

namespace {

constexpr std::uint64_t never_moved = ~std::uint64_t{0};
constexpr std::uint32_t not_asked = ~std::uint32_t{0};
/// Estimate of what a replica holds besides its record, for the limit on memory: the engine's value and its containers.
constexpr std::size_t engine_bytes = 2048;

std::uint64_t key_of(std::uint32_t high, std::uint32_t low) { return std::uint64_t{high} << 32U | low; }

Hash128 hash_of(const Commit& commit) {
  HashBuilder h;
  h.add(commit.height).add(commit.round).add(commit.block).add(commit.type).add(commit.signatures.size());
  for (const CommitSignature& s : commit.signatures) h.add(s.voter).add(ns(s.timestamp)).add(s.signature.handle);
  for (const BlockPtr& b : commit.descendants) h.add(b->id);
  return h.finish();
}

}  // namespace

std::string_view name_of(Corruption corruption) {
  switch (corruption) {
    case Corruption::silent: return "silent";
    case Corruption::twins: return "twins";
    case Corruption::forging: return "forging";
  }
  return "?";
}

// ---- sets -----------------------------------------------------------------------------------------------------------

std::uint64_t ItemSets::hash_of(std::span<const ItemId> sorted) {
  std::uint64_t h = sorted.size();
  for (const ItemId item : sorted) h = spread(h * 0x9e3779b97f4a7c15ULL + item + 1);
  return h;
}

SetId ItemSets::intern(std::span<const ItemId> sorted) {
  const std::uint64_t hash = hash_of(sorted);
  const auto same = [&](SetId s) { return std::ranges::equal(items(s), sorted); };
  if (const SetId found = table_.find(hash, same); found != IndexTable::absent) return found;
  const auto set = static_cast<SetId>(sets_.size());
  sets_.push_back({pool_.size(), static_cast<std::uint32_t>(sorted.size())});
  pool_.insert(pool_.end(), sorted.begin(), sorted.end());
  table_.insert(hash, set, [&](SetId s) { return hash_of(items(s)); });
  return set;
}

SetId ItemSets::unite(SetId a, SetId b) {
  if (a == b || b == 0) return a;
  if (a == 0) return b;
  if (a > b) std::swap(a, b);
  const std::uint64_t key = key_of(a, b);
  if (const SetId found = united_.find(key); found != FlatMap::absent) return found;
  scratch_.clear();
  std::ranges::set_union(items(a), items(b), std::back_inserter(scratch_));
  const SetId set = intern(scratch_);
  united_.insert(key, set);
  return set;
}

bool ItemSets::contains(SetId set, ItemId item) const { return std::ranges::binary_search(items(set), item); }

// ---- what an engine sees --------------------------------------------------------------------------------------------

class ReplicaSpace::View final : public ChainView {
 public:
  View(const ReplicaSpace& space, const ChainPtr& chain) : space_(space), chain_(chain) {}
  Height height() const override { return Height{height_of(chain_)}; }
  BlockPtr block(Height h) const override {
    const ChainLink* link = find(h);
    return link != nullptr ? link->block : nullptr;
  }
  const Commit* commit(Height h) const override {
    const ChainLink* link = find(h);
    return link != nullptr ? &link->commit : nullptr;
  }
  const Committee& committee(Height h) const override { return space_.committee(h.value); }
  StateRoot state() const override { return chain_ == nullptr ? StateRoot{} : chain_->after; }

 private:
  const ChainLink* find(Height h) const {
    const ChainLink* link = chain_.get();
    while (link != nullptr && link->block->height > h) link = link->previous.get();
    return link != nullptr && link->block->height == h ? link : nullptr;
  }
  const ReplicaSpace& space_;
  const ChainPtr& chain_;
};

/// One input on its way through a replica, with everything that follows inside of the machine: own messages, payloads,
/// results of execution. The crash comes before the effect of this number.
struct ReplicaSpace::Handling {
  struct Received { MessagePtr message; };
  struct Built { Height height; Round round; BlockPtr block; };
  struct Validated { BlockPtr block; bool valid; };
  struct Executed { Height height; ExecutionResult result; };
  using Inner = std::variant<Received, Built, Validated, Executed>;

  Replica state;
  std::unique_ptr<Engine> engine;
  std::deque<Inner> inputs;
  std::optional<std::uint32_t> crash;
  std::uint32_t applied = 0;
  std::vector<Recovered> log;
  bool log_changed = false;
  bool off = false;
  const RecordSink* sink = nullptr;
};

const Committee& ReplicaSpace::committee(std::uint64_t height) const {
  return committees_[std::min<std::size_t>(height, committees_.size() - 1)];
}

/// Clocks agree and move with the chain alone: a millisecond a block. Timers fire in any order, so that no other time
/// would say more.
SimTime ReplicaSpace::wall(const ChainPtr& chain) const {
  return time_zero + 1s + std::chrono::milliseconds{static_cast<std::int64_t>(height_of(chain))};
}

// ---- making ---------------------------------------------------------------------------------------------------------

ReplicaSpace::ReplicaSpace(const ExploreOptions& options)
    : options_(options), signatures_(make_signatures(SignatureBackend::ideal, 1)), outbox_(pool_) {
  keeps_logs_ = options.bounds.crashes_max > 0;
  for (const Validator& v : options.committee.validators()) nodes_ = std::max(nodes_, v.node.value + 1);
  for (const auto& [height, update] : options.validator_updates) nodes_ = std::max(nodes_, update.node.value + 1);
  for (const CorruptNode& c : options.corrupt) {
    SEQLAB_ASSERT(c.node.value < nodes_, c.node.value, nodes_);
    if (c.how == Corruption::forging) forging_.push_back(c.node);
  }
  std::vector<std::uint32_t> keys;
  for (const NodeId node : forging_) keys.push_back(node.value);
  forger_ = Signer{*signatures_, keys};
  for (std::uint32_t i = 0; i < nodes_; ++i) {
    const NodeId node{i};
    const auto found = std::ranges::find(options.corrupt, node, &CorruptNode::node);
    if (found == options.corrupt.end()) {
      instances_.push_back({node});
    } else if (found->how == Corruption::twins) {
      instances_.push_back({node, 0, false});
      instances_.push_back({node, 1, false});
    }
  }
  SEQLAB_ASSERT(!instances_.empty() && instances_.size() <= 16, instances_.size());

  const std::uint64_t last = options.bounds.heights + options.promises.change_lag + 2;
  Committee now = options.committee;
  for (std::uint64_t h = 0; h <= last; ++h) {
    std::vector<ValidatorUpdate> updates;
    for (const auto& [height, update] : options.validator_updates) {
      if (height.value + options.promises.change_lag == h) updates.push_back(update);
    }
    if (!updates.empty()) now = now.with(updates);
    committees_.push_back(now);
  }

  moves_.push_back({});  // 0 means "none"
  opening_to_.assign(nodes_, 0);
  // What a forging node's honest code would say first is where its forgeries begin.
  SetId opening = 0;
  for (const NodeId node : forging_) {
    Handling h;
    h.state.instance = static_cast<std::uint32_t>(instances_.size());
    instances_.push_back({node, 0, false});  // for the time of this start
    h.engine = options_.make_engine(node, options_.committee);
    outbox_.clear();
    const View view{*this, h.state.chain};
    h.engine->start({}, EngineView{node, wall(nullptr), *signatures_, view}, outbox_);
    opening = sets_.unite(opening, finish(h).first.sent);
    instances_.pop_back();
  }
  for (std::uint32_t i = 0; i < nodes_; ++i) opening_to_[i] = part_for(opening, NodeId{i});
}

std::unique_ptr<Engine> ReplicaSpace::make_engine(std::uint32_t instance) const {
  return options_.make_engine(instances_[instance].node, options_.committee);
}

bool ReplicaSpace::is_corrupt(NodeId node) const {
  return std::ranges::find(options_.corrupt, node, &CorruptNode::node) != options_.corrupt.end();
}

ReplicaId ReplicaSpace::first(std::uint32_t instance) {
  Replica off;
  off.instance = instance;
  return intern(handle(off, {Input::Kind::restart}, std::nullopt, nullptr).first);
}

// ---- messages -------------------------------------------------------------------------------------------------------

ItemId ReplicaSpace::intern_item(const MessagePtr& body, NodeId from, NodeId to) {
  const auto& message = static_cast<const ConsensusMessage&>(*body);
  HashBuilder h;
  h.add(from).add(to);
  // A message of unknown content is like no other.
  if (!message.content_into(h)) h.add(never_moved).add(items_.size());
  const Hash128 content = h.finish();
  const auto id = static_cast<ItemId>(items_.size());
  const auto [at, fresh] = item_by_content_.try_emplace(content, id);
  if (!fresh) return at->second;
  Item item{.body = body, .from = from, .to = to, .content = content, .slot = {}, .claim = {}};
  item.corrupt = is_corrupt(message.author);
  if (const Record said = message.statement(); said.kind != RecordKind::note) {
    item.slot = FieldHash<5>{}.add(message.author).add(said.kind).add(said.detail).add(said.height).add(said.round)
                    .finish();
    item.claim = FieldHash<3>{}.add(said.flags).add(said.id()).finish();
    item.height = Height{said.height};
  }
  items_.push_back(std::move(item));
  forged_.emplace_back();
  forge_from(id);
  return id;
}

/// What forging nodes can say once they have seen this. To a vote: the same and nil. Their votes alone never reach a
/// threshold, so nothing is lost if they come after an honest one of that round. To a proposal: a new one, or the same
/// again with reference to an earlier round, in any round.
void ReplicaSpace::forge_from(ItemId base) {
  const Item seen = items_[base];
  std::vector<ItemId> made{base};
  const auto& message = static_cast<const ConsensusMessage&>(*seen.body);
  const Record said = message.statement();
  const auto add = [&](NodeId as, const ForgeChanges& changes) {
    const MessagePtr copy = forge(pool_, *seen.body, as, changes, forger_);
    if (!copy) return;
    // Its own forgeries are not forged from again.
    const auto& forged = static_cast<const ConsensusMessage&>(*copy);
    HashBuilder h;
    h.add(as).add(sim::all_nodes);
    if (!forged.content_into(h)) return;
    const Hash128 content = h.finish();
    const auto id = static_cast<ItemId>(items_.size());
    const auto [at, fresh] = item_by_content_.try_emplace(content, id);
    if (fresh) {
      const Record statement = forged.statement();
      Item item{.body = copy, .from = as, .to = sim::all_nodes, .content = content, .slot = {}, .claim = {}};
      item.corrupt = true;
      item.slot = FieldHash<5>{}.add(as).add(statement.kind).add(statement.detail).add(statement.height)
                      .add(statement.round).finish();
      item.claim = FieldHash<3>{}.add(statement.flags).add(statement.id()).finish();
      item.height = Height{statement.height};
      items_.push_back(std::move(item));
      forged_.push_back({id});
    }
    made.push_back(at->second);
  };
  if (said.kind != RecordKind::note) {
    for (const NodeId as : forging_) {
      if (said.kind == RecordKind::voted) {
        ForgeChanges vote;
        add(as, vote);
        vote.block = BlockId{};
        add(as, vote);
        continue;
      }
      for (std::int32_t r = 0; r <= options_.bounds.round_max; ++r) {
        ForgeChanges proposal;
        proposal.round = Round{r};
        for (std::int32_t valid = 0; valid < r; ++valid) {
          proposal.valid_round = Round{valid};
          add(as, proposal);
        }
        proposal.valid_round = no_round;
        for (proposal.salt = 0; proposal.salt < options_.payloads; ++proposal.salt) add(as, proposal);
      }
    }
  }
  std::ranges::sort(made);
  made.erase(std::unique(made.begin(), made.end()), made.end());
  forged_[base] = std::move(made);
}

SetId ReplicaSpace::with_forged(SetId set, ItemId item) { return sets_.unite(set, sets_.intern(forged_[item])); }

/// What of `sent` reaches the node: what was said to it or to everybody, by others.
SetId ReplicaSpace::part_for(SetId sent, NodeId node) {
  std::vector<ItemId> part;
  for (const ItemId item : sets_.items(sent)) {
    const Item& i = items_[item];
    if (i.from != node && (i.to == node || i.to == sim::all_nodes)) part.push_back(item);
  }
  return sets_.intern(part);
}

std::optional<Record> ReplicaSpace::statement_of(const Item& item) {
  const auto& message = static_cast<const ConsensusMessage&>(*item.body);
  Record said = message.statement();
  if (said.kind == RecordKind::note) return std::nullopt;
  said.node = message.author;
  return said;
}

// ---- handling -------------------------------------------------------------------------------------------------------

Replica ReplicaSpace::power_off(const Replica& before) const {
  Replica off;
  off.instance = before.instance;
  off.status = Replica::Status::down;
  off.timers_fired = before.timers_fired;
  off.crashes = static_cast<std::uint8_t>(before.crashes + 1);
  off.chain = before.chain;
  off.log = before.log;
  off.sent = before.sent;
  off.faces = before.faces;
  return off;
}

ReplicaSpace::RunResult ReplicaSpace::handle(const Replica& before, Input input, std::optional<std::uint32_t> crash,
                                             const RecordSink* sink) {
  Handling h;
  h.state = before;
  h.crash = crash;
  h.sink = sink;
  const NodeId self = instances_[before.instance].node;
  if (input.kind == Input::Kind::crash) {
    if (sink != nullptr) (*sink)({.kind = RecordKind::node_crashed, .node = self});
    return {power_off(before), 0};
  }
  outbox_.clear();
  const View chain{*this, before.chain};
  const EngineView view{self, wall(before.chain), *signatures_, chain};
  ++engine_inputs_;
  if (input.kind == Input::Kind::restart) {
    h.engine = make_engine(before.instance);
    if (sink != nullptr) {
      (*sink)({.kind = RecordKind::node_started, .detail = before.crashes > 0, .node = self, .round = before.crashes});
    }
    const std::vector<Recovered> nothing;
    h.engine->start(before.log != nullptr ? *before.log : nothing, view, outbox_);
  } else if (input.kind == Input::Kind::timer) {
    h.engine = before.engine->clone();
    const auto armed = std::ranges::find(h.state.timers, input.which, &Replica::ArmedTimer::id);
    const std::uint64_t token = armed->token;
    h.state.timers.erase(armed);
    if (options_.bounds.timers_max > 0) ++h.state.timers_fired;
    h.engine->on_timer(token, view, outbox_);
  } else {
    const Item& item = items_[input.which];
    h.engine = before.engine->clone();
    if (item.corrupt && item.slot && options_.one_face) {
      h.state.faces = sets_.unite(h.state.faces, sets_.intern({&input.which, 1}));
    }
    h.engine->on_message(item.from, item.body, view, outbox_);
  }
  return finish(h);
}

/// Applies the effects in the outbox and everything that follows from them inside the machine.
ReplicaSpace::RunResult ReplicaSpace::finish(Handling& h) {
  const Instance who = instances_[h.state.instance];
  const NodeId self = who.node;
  Replica& s = h.state;
  const auto tell = [&](Record record) {
    if (h.sink == nullptr) return;
    record.node = self;
    (*h.sink)(record);
  };
  const auto blame = [&](Flaw flaw) {
    if (who.honest && s.flaw == Flaw::none) s.flaw = flaw;
  };
  const auto say = [&](const MessagePtr& message, NodeId to) {
    const ItemId id = intern_item(message, self, to);
    const auto& body = static_cast<const ConsensusMessage&>(*message);
    const bool fresh = !sets_.contains(s.sent, id);
    if (fresh && body.author == self && items_[id].slot) {
      bool repeated = false;
      for (const ItemId other : sets_.items(s.sent)) {
        const Item& o = items_[other];
        if (o.from != self || o.slot != items_[id].slot) continue;
        repeated = true;
        if (o.claim != items_[id].claim) {
          blame(body.statement().kind == RecordKind::voted ? Flaw::two_votes : Flaw::two_proposals);
          repeated = false;
        }
      }
      if (!repeated) tell(body.statement());
    }
    if (fresh) s.sent = with_forged(s.sent, id);
  };
  const auto commit = [&](const effect::Deliver& e) {
    const Block& block = *e.block;
    const std::uint64_t height = height_of(s.chain);
    if (block.height.value <= height) return blame(Flaw::double_commit), false;
    if (block.height.value > height + 1 || (s.chain != nullptr && block.parent != s.chain->block->id)) {
      blame(Flaw::gap);
      if (block.height.value > height + 1) return false;
    }
    if (options_.promises.has_certificates) {
      std::vector<NodeId> signers;
      for (const CommitSignature& c : e.commit.signatures) signers.push_back(c.voter);
      std::ranges::sort(signers);
      signers.erase(std::unique(signers.begin(), signers.end()), signers.end());
      const Committee& members = committee(block.height.value);
      Power power = 0;
      for (const NodeId signer : signers) power += members.power_of(signer);
      if (power < members.quorum()) blame(Flaw::uncertified);
    }
    auto link = std::make_shared<ChainLink>();
    link->previous = s.chain;
    link->block = e.block;
    link->commit = e.commit;
    const StateRoot before = s.chain == nullptr ? StateRoot{} : s.chain->after;
    link->after = FieldHash<4>{}.add(before).add(block.id).finish();
    link->blocks = link->after;
    const Hash128 older = s.chain == nullptr ? Hash128{} : s.chain->content;
    link->content = FieldHash<6>{}.add(older).add(block.id).add(hash_of(e.commit)).finish();
    s.chain = std::move(link);
    return true;
  };

  const auto head = [&](const std::vector<BlockPtr>& ancestors) {
    return std::max(height_of(s.chain), ancestors.empty() ? 0 : ancestors.back()->height.value);
  };
  const auto apply = [&](Effect& effect) {
    if (auto* e = std::get_if<effect::Persist>(&effect)) {
      if (!keeps_logs_) return;
      if (!h.log_changed && s.log != nullptr) h.log = *s.log;
      h.log_changed = true;
      h.log.push_back({e->type, e->height, e->round, std::move(e->bytes)});
    } else if (auto* f = std::get_if<effect::Forget>(&effect)) {
      if (!keeps_logs_) return;
      if (!h.log_changed && s.log != nullptr) h.log = *s.log;
      h.log_changed = true;
      std::erase_if(h.log, [&](const Recovered& r) { return r.height < f->height; });
    } else if (auto* one = std::get_if<effect::Send>(&effect)) {
      if (one->to != self) say(one->message, one->to);
    } else if (auto* all = std::get_if<effect::Broadcast>(&effect)) {
      say(all->message, sim::all_nodes);
      h.inputs.emplace_back(Handling::Received{all->message});
    } else if (auto* t = std::get_if<effect::SetTimer>(&effect)) {
      std::erase_if(s.timers, [&](const Replica::ArmedTimer& a) { return a.id == t->id; });
      if (t->delay > options_.bounds.timer_delay_max) {
        ++cuts_.slow_timers;
        return;
      }
      const auto at = std::ranges::lower_bound(s.timers, t->id, {}, &Replica::ArmedTimer::id);
      s.timers.insert(at, {t->id, t->token});
    } else if (auto* c = std::get_if<effect::CancelTimer>(&effect)) {
      std::erase_if(s.timers, [&](const Replica::ArmedTimer& a) { return a.id == c->id; });
    } else if (auto* b = std::get_if<effect::BuildPayload>(&effect)) {
      const std::uint64_t last = head(b->ancestors);
      BlockPtr built;
      if (b->payload == effect::Payload::vertex || b->height.value == last + 1) {
        auto block = std::make_shared<Block>();
        block->height = b->height;
        block->round = b->round;
        block->parent = b->parent;
        block->proposer = self;
        block->timestamp = b->timestamp;
        block->state_before = b->state_before;
        block->committee_hash = b->committee_hash;
        block->evidence = std::move(b->evidence);
        block->last_commit = std::move(b->last_commit);
        if (who.twin != 0) {  // the other half orders something else
          Transaction tx;
          tx.nonce = who.twin;
          tx.bytes = transaction_bytes_min;
          tx.id = tx.compute_id();
          block->transactions.push_back(tx);
        }
        block->bytes = block->compute_bytes();
        block->id = block->compute_id();
        built = std::move(block);
      }
      h.inputs.emplace_back(Handling::Built{b->height, b->round, std::move(built)});
    } else if (auto* v = std::get_if<effect::ValidatePayload>(&effect)) {
      const Block& block = *v->block;
      const std::uint64_t last = head(v->ancestors);
      const bool vertex = v->payload == effect::Payload::vertex;
      const StateRoot state = s.chain == nullptr ? StateRoot{} : s.chain->after;
      const bool fits = (vertex || block.height.value == last + 1) &&
                        block.state_before == (v->payload == effect::Payload::next_block ? state : StateRoot{}) &&
                        block.bytes == block.compute_bytes() && block.id == block.compute_id();
      h.inputs.emplace_back(Handling::Validated{v->block, fits});
    } else if (auto* d = std::get_if<effect::Deliver>(&effect)) {
      Record committed{.kind = RecordKind::committed,
                       .detail = static_cast<std::uint8_t>(d->level),
                       .round = static_cast<std::uint32_t>(d->commit.round.value),
                       .height = d->block->height.value};
      tell(committed.with_id(d->block->id));
      Record parent{.kind = RecordKind::commit_parent, .detail = committed.detail, .height = committed.height};
      tell(parent.with_id(d->block->parent));
      if (d->level != CommitLevel::final || !commit(*d)) return;
      Record executed{.kind = RecordKind::executed, .height = committed.height};
      tell(executed.with_id(s.chain->after));
      ExecutionResult result{.state = s.chain->after, .validator_updates = {}};
      for (const auto& [height, update] : options_.validator_updates) {
        if (height == d->block->height) result.validator_updates.push_back(update);
      }
      h.inputs.emplace_back(Handling::Executed{d->block->height, std::move(result)});
      if (d->block->height.value >= options_.bounds.heights) s.status = Replica::Status::finished;
    } else if (auto* r = std::get_if<effect::Revert>(&effect)) {
      Record reverted{.kind = RecordKind::reverted,
                      .detail = static_cast<std::uint8_t>(r->level),
                      .height = r->block->height.value};
      tell(reverted.with_id(r->block->id));
    } else if (auto* p = std::get_if<effect::ReportEvidence>(&effect)) {
      const Evidence& e = p->evidence;
      tell({.kind = RecordKind::evidence,
            .detail = static_cast<std::uint8_t>(e.kind),
            .peer = e.offender,
            .round = static_cast<std::uint32_t>(e.first.round.value),
            .height = e.first.height.value});
    } else if (auto* trace = std::get_if<effect::Trace>(&effect)) {
      tell(trace->record);
    }
  };

  s.status = Replica::Status::up;
  std::vector<Effect> effects;
  for (;;) {
    effects.clear();
    effects.swap(outbox_.effects());
    for (Effect& effect : effects) {
      if (h.crash && h.applied == *h.crash) {
        h.off = true;
        break;
      }
      ++h.applied;
      apply(effect);
    }
    outbox_.effects().clear();
    if (h.off || s.status == Replica::Status::finished || h.inputs.empty()) break;
    const Handling::Inner input = std::move(h.inputs.front());
    h.inputs.pop_front();
    const View chain{*this, s.chain};
    const EngineView view{self, wall(s.chain), *signatures_, chain};
    ++engine_inputs_;
    if (const auto* m = std::get_if<Handling::Received>(&input)) {
      h.engine->on_message(self, m->message, view, outbox_);
    } else if (const auto* b = std::get_if<Handling::Built>(&input)) {
      h.engine->on_built(b->height, b->round, b->block, view, outbox_);
    } else if (const auto* v = std::get_if<Handling::Validated>(&input)) {
      h.engine->on_validated(v->block, v->valid, view, outbox_);
    } else {
      const auto& x = std::get<Handling::Executed>(input);
      h.engine->on_executed(x.height, x.result, view, outbox_);
    }
  }
  if (h.log_changed) {
    s.log = h.log.empty() ? nullptr : std::make_shared<const std::vector<Recovered>>(std::move(h.log));
  }
  if (h.off) {
    const Flaw flaw = s.flaw;
    s = power_off(s);
    s.flaw = flaw;
    tell({.kind = RecordKind::node_crashed});
  } else if (s.status == Replica::Status::finished) {
    s.engine = nullptr;
    s.log = nullptr;
    s.timers.clear();
    s.faces = s.spent = 0;
    s.timers_fired = 0;
  } else {
    s.height = h.engine->height();
    s.round = h.engine->round();
    s.engine = std::move(h.engine);
  }
  return {std::move(s), h.applied};
}

// ---- moves ----------------------------------------------------------------------------------------------------------

ReplicaId ReplicaSpace::intern(Replica&& r) {
  HashBuilder h;
  h.add(r.instance).add(r.status).add(r.flaw).add(r.timers_fired).add(r.crashes).add(r.sent).add(r.faces).add(r.spent);
  const bool finished = r.status == Replica::Status::finished;
  h.add(r.chain == nullptr ? Hash128{} : finished ? r.chain->blocks : r.chain->content);
  if (r.engine != nullptr) h.add(r.engine->state_hash());
  h.add(r.timers.size());
  for (const Replica::ArmedTimer& t : r.timers) h.add(t.id).add(t.token);
  h.add(r.log != nullptr ? r.log->size() : 0);
  if (r.log != nullptr) {
    for (const Recovered& l : *r.log) h.add(l.type).add(l.height).add(l.round).add_bytes(l.bytes);
  }
  r.digest = h.finish();
  const auto id = static_cast<ReplicaId>(replicas_.size());
  const auto [at, fresh] = replica_by_digest_.try_emplace(r.digest, id);
  if (!fresh) return at->second;
  r.sent_to.clear();
  for (std::uint32_t n = 0; n < nodes_; ++n) r.sent_to.push_back(part_for(r.sent, NodeId{n}));

  // The abstract state: where it is, what it committed, and what it said last at its height.
  FieldHash<10> abstract;
  abstract.add(r.instance).add(r.status).add(r.height).add(r.round);
  abstract.add(r.chain == nullptr ? Hash128{} : r.chain->blocks).add(r.crashes > 0);
  std::uint64_t last = 0;
  for (const ItemId item : sets_.items(r.sent)) {
    const auto& m = static_cast<const ConsensusMessage&>(*items_[item].body);
    if (m.author != instances_[r.instance].node || !items_[item].slot) continue;
    const Record said = m.statement();
    last = std::max(last, said.height << 40U | std::uint64_t{said.round} << 16U |
                              std::uint64_t{said.kind == RecordKind::voted} << 8U | std::uint64_t{said.detail} << 1U |
                              (said.id() ? 1U : 0U));
  }
  r.abstract = abstract.add(last).finish().lo;

  if (finished) ++cuts_.heights;
  replicas_.push_back(std::move(r));
  own_.push_back(not_asked);
  deliveries_.emplace_back();
  return id;
}

/// Whether the replica would react to the message at all. Leaves the changed engine in `scratch_` if so.
bool ReplicaSpace::has_effect(const Replica& before, ItemId item) {
  const Item& i = items_[item];
  outbox_.clear();
  const View chain{*this, before.chain};
  const NodeId self = instances_[before.instance].node;
  ++engine_inputs_;
  scratch_->on_message(i.from, i.body, EngineView{self, wall(before.chain), *signatures_, chain}, outbox_);
  const bool only_traces = std::ranges::all_of(outbox_.effects(), [](const Effect& e) {
    return std::holds_alternative<effect::Trace>(e);
  });
  return !only_traces || !scratch_->same_state(*before.engine);
}

std::uint32_t ReplicaSpace::deliver(ReplicaId from, ItemId item) {
  const auto place = [&] { return std::ranges::lower_bound(deliveries_[from], item, {}, &Delivery::item); };
  if (const auto known = place(); known != deliveries_[from].end() && known->item == item) return known->moves;
  const Replica& before = replicas_[from];
  std::uint32_t at = 0;
  const Item& i = items_[item];
  bool refused = sets_.contains(before.spent, item);
  if (i.corrupt && i.slot && options_.one_face && !refused) {
    for (const ItemId face : sets_.items(before.faces)) {
      if (items_[face].slot == i.slot && items_[face].claim != i.claim) {
        refused = true;
        ++cuts_.faces;
        break;
      }
    }
  }
  if (!refused) {
    if (scratch_of_ != from) {
      scratch_ = before.engine->clone();
      scratch_of_ = from;
    }
    if (has_effect(before, item)) {
      // The effects are in the outbox, the engine that made them is the scratch one.
      scratch_of_ = ~ReplicaId{0};
      Handling h;
      h.state = before;
      h.engine = std::move(scratch_);
      if (i.corrupt && i.slot && options_.one_face) {
        h.state.faces = sets_.unite(h.state.faces, sets_.intern({&item, 1}));
      }
      at = record_moves(from, {Input::Kind::deliver, item}, finish(h));
    }
  }
  deliveries_[from].insert(place(), {item, at});
  delivery_bytes_ += sizeof(Delivery);
  return at;
}

std::uint32_t ReplicaSpace::record_moves(ReplicaId from, Input input, RunResult&& result) {
  const Replica& before = replicas_[from];
  auto& [after, effects] = result;
  if (after.status == Replica::Status::up && after.round.value > options_.bounds.round_max) {
    ++cuts_.rounds;
    return 0;
  }
  const bool statement = input.kind == Input::Kind::deliver && items_[input.which].slot &&
                         items_[input.which].height == before.height;
  if (input.kind == Input::Kind::deliver && !statement && after.status == Replica::Status::up) {
    // Would a request or an early message have an effect again? Then it comes once: nothing would ever end otherwise.
    scratch_ = after.engine->clone();
    scratch_of_ = ~ReplicaId{0};
    if (has_effect(after, input.which)) after.spent = sets_.unite(after.spent, sets_.intern({&input.which, 1}));
  }
  std::vector<Move> list;
  const auto add = [&](Replica&& state, std::uint16_t crash) {
    const bool speaks = state.sent != before.sent || state.chain != before.chain || state.flaw != Flaw::none;
    const ReplicaId to = intern(std::move(state));
    if (to == from || std::ranges::any_of(list, [&](const Move& m) { return m.to == to; })) return;
    list.push_back({to, crash, speaks, false});
  };
  add(std::move(after), no_crash);
  if (input.kind != Input::Kind::crash && replicas_[from].crashes < options_.bounds.crashes_max) {
    // Failing before the first effect is failing before the input, which is a move of its own.
    for (std::uint32_t k = 1; k < effects && k < no_crash; ++k) {
      add(handle(replicas_[from], input, k, nullptr).first, static_cast<std::uint16_t>(k));
    }
  }
  if (list.empty()) return 0;
  list.back().last = true;
  const auto at = static_cast<std::uint32_t>(moves_.size());
  moves_.insert(moves_.end(), list.begin(), list.end());
  return at;
}

/// Steps that need no message.
std::size_t ReplicaSpace::own_moves(ReplicaId from) {
  if (own_[from] != not_asked) return own_[from];
  std::vector<OwnMove> list;
  const auto add = [&](Input input) {
    const std::uint32_t at = record_moves(from, input, handle(replicas_[from], input, std::nullopt, nullptr));
    if (at != 0) list.push_back({input, at});
  };
  const Replica& r = replicas_[from];
  if (r.status == Replica::Status::down) {
    add({Input::Kind::restart});
  } else if (r.status == Replica::Status::up) {
    const bool may_fire = options_.bounds.timers_max == 0 || r.timers_fired < options_.bounds.timers_max;
    if (!may_fire && !r.timers.empty()) ++cuts_.timers;
    for (std::uint32_t t = 0; may_fire && t < replicas_[from].timers.size(); ++t) {
      // A timer that the engine does not care for any more stays where it is.
      scratch_ = replicas_[from].engine->clone();
      scratch_of_ = ~ReplicaId{0};
      outbox_.clear();
      const Replica& now = replicas_[from];
      const View chain{*this, now.chain};
      ++engine_inputs_;
      scratch_->on_timer(now.timers[t].token,
                         {instances_[now.instance].node, wall(now.chain), *signatures_, chain}, outbox_);
      if (outbox_.empty() && scratch_->same_state(*now.engine)) continue;
      add({Input::Kind::timer, now.timers[t].id});
    }
    if (replicas_[from].crashes < options_.bounds.crashes_max) add({Input::Kind::crash});
  }
  list.push_back({{}, 0});
  own_[from] = static_cast<std::uint32_t>(own_list_.size());
  own_list_.insert(own_list_.end(), list.begin(), list.end());
  return own_[from];
}

const ReplicaSpace::Move* ReplicaSpace::step(ReplicaId from, Input input) {
  if (replicas_[from].flaw != Flaw::none || replicas_[from].status == Replica::Status::finished) return nullptr;
  std::uint32_t at = 0;
  if (input.kind == Input::Kind::deliver) {
    if (replicas_[from].status == Replica::Status::up) at = deliver(from, input.which);
  } else {
    for (std::size_t i = own_moves(from); own_list_[i].moves != 0; ++i) {
      if (own_list_[i].input.kind == input.kind && own_list_[i].input.which == input.which) at = own_list_[i].moves;
    }
  }
  return at == 0 || moves_[at].crash != no_crash ? nullptr : &moves_[at];
}

// ---- once more ------------------------------------------------------------------------------------------------------

void ReplicaSpace::replay(ReplicaId from, Input input, std::uint16_t crash, const RecordSink& sink) {
  const auto before = crash == no_crash ? std::nullopt : std::optional<std::uint32_t>{crash};
  handle(replicas_[from], input, before, &sink);
}

void ReplicaSpace::replay_start(std::uint32_t instance, const RecordSink& sink) {
  Replica off;
  off.instance = instance;
  handle(off, {Input::Kind::restart}, std::nullopt, &sink);
}

std::size_t ReplicaSpace::bytes() const {
  return replicas_.size() * (sizeof(Replica) + nodes_ * sizeof(SetId) + engine_bytes + 64) + sets_.bytes() +
         2 * delivery_bytes_ + moves_.capacity() * sizeof(Move) + own_list_.capacity() * sizeof(OwnMove) +
         items_.size() * (sizeof(Item) + 512);
}

}  // namespace seqlab::scenarios
