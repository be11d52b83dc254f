// The handlers of BasicMysticeti. Included where an instance is made: mysticeti.cpp, and tests that plant wrong rules.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "protocols/consensus/mysticeti/mysticeti.hpp"

namespace seqlab::protocols {

namespace mysticeti_limits {
inline constexpr std::size_t suspended_per_author = 64;
/// Vertices of one author for one round that are taken although no other vertex refers to them.
inline constexpr std::uint32_t versions_unasked = 2;
inline constexpr std::size_t early_per_author = 2;    ///< vertices of a later epoch
inline constexpr std::size_t wanted_max = 64;         ///< references in a request
inline constexpr std::size_t answer_max = 256;        ///< vertices in an answer
inline constexpr std::size_t tails_max = 4;           ///< epochs left behind whose last vertices are kept
/// So many heights behind a third of the power, a node asks for blocks.
inline constexpr std::uint64_t lag_max = 10;
/// Rounds between the last leader of an epoch and the first round of the next one: nobody has signed a round there, as
/// nobody proposes so far ahead of what he has executed. (MonadBFT leaves 5,000.)
inline constexpr std::int32_t epoch_gap = 10'000;
/// The pace of a validator that is a quorum alone: nothing else would hold it back.
inline constexpr Duration alone_delay = 100ms;
/// `effect::Persist::type` of an own vertex with what it refers to.
inline constexpr std::uint8_t vertex_record = 0x20;
}  // namespace mysticeti_limits

// ---- epochs ---------------------------------------------------------------------------------------------------------

/// A fresh DAG for the committee of the next height.
template <class Rules>
void BasicMysticeti<Rules>::enter_epoch(Height first, const EngineView& view) {
  epoch_ = first;
  committee_ = view.chain.committee(first);
  members_.clear();
  uniform_power_ = committee_.size() == 0 ? 0 : committee_[0].power;
  for (const Validator& v : committee_.validators()) {
    members_.set(v.node.value);
    if (v.power != uniform_power_) uniform_power_ = 0;
  }
  quorum_ = Rules::quorum(committee_);
  const auto size = static_cast<std::uint32_t>(committee_.size());
  leaders_ = std::clamp(options_.leaders, 1U, std::max(1U, size));
  const BlockPtr last = view.chain.block(previous(first));
  const Round genesis = last != nullptr ? Round{last->round.value + mysticeti_limits::epoch_gap} : Round{0};
  dag_.reset(committee_, genesis);
  suspended_.clear();
  validating_.clear();
  open_payloads_.clear();
  clock_ = genesis;
  leader_timed_out_ = false;
  proposing_ = no_round;
  draft_ = {};
  own_last_ = {};
  unsaved_.clear();
  slot_round_ = next(genesis);
  slot_offset_ = 0;
  slots_.clear();
  dirty_ = false;
  pending_.clear();
  delivering_ = false;
  head_ = executed_;
  executed_round_ = genesis;
}

template <class Rules>
void BasicMysticeti<Rules>::start(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  const Height height = view.chain.height();
  if (const BlockPtr last = view.chain.block(height); last != nullptr) {
    executed_ = {height, last->id, last->timestamp};
  }
  Height first = next(height);
  const Hash128 committee = view.chain.committee(first).hash();
  while (first.value > 1 && view.chain.block(previous(first)) != nullptr &&
         view.chain.committee(previous(first)).hash() == committee) {
    --first.value;
  }
  enter_epoch(first, view);
  std::vector<BlockPtr> ordered;  // of this epoch, as far as their vertices may still come up
  for (Height h = height; h >= first && h.value > 0; --h.value) {
    const BlockPtr block = view.chain.block(h);
    if (block == nullptr) break;
    const BlockPtr& newest = ordered.empty() ? block : ordered.front();
    if (block->round.value <= newest->round.value - static_cast<std::int32_t>(options_.gc_depth)) break;
    ordered.push_back(block);
  }
  for (std::size_t i = ordered.size(); i-- > 0;) follow_block(*ordered[i]);
  if (!ordered.empty()) {
    executed_round_ = ordered.front()->round;
    dag_.collect(floor_below(executed_round_));
  }
  restore(log, view, out);
  recovered_ = !options_.recover_own_round || !log.empty() || power_of(self_) >= quorum_;
  answered_.set(self_.value);

  if (clock_ == dag_.genesis()) {
    enter_round(next(clock_), out);
  } else {
    enter_round(clock_, out);
  }
  stall_clock_ = clock_;
  set_timer(Timer::stall, options_.leader_timeout + options_.sync_timeout, 0, out);
  if (own_last_) out.broadcast(own_last_);
  if (!recovered_ || !log.empty() || height.value > 0) say_hello(out);
  if (!recovered_) set_timer(Timer::sync, options_.sync_timeout, 0, out);
  decide(view, out);
  try_propose(out);
}

/// Own vertices and all that they refer to, as they were written: ancestors first.
template <class Rules>
void BasicMysticeti<Rules>::restore(std::span<const Recovered> log, const EngineView& view, Outbox& out) {
  Tail tail;  // of the epoch before this one
  for (const Recovered& r : log) {
    if (r.type != mysticeti_limits::vertex_record) continue;
    own_round_ = std::max(own_round_, r.round);
    own_records_.push_back({r.round, r.height});
    for (const MessagePtr& m : r.bodies) {
      const Vertex& v = vertex_of(m);
      if (v.epoch < epoch_ && v.epoch >= tail.epoch) {
        if (v.epoch > tail.epoch) tail = {v.epoch, {}, {}};
        tail.vertices.push_back(m);
      }
      if (v.epoch != epoch_ || v.round <= dag_.floor() || dag_.contains(v.ref()) || !dag_.complete(v)) continue;
      accept_one(m, view, out);
      if (v.author == self_) own_last_ = m;
    }
  }
  unsaved_.clear();
  if (const BlockPtr last = view.chain.block(previous(epoch_)); last != nullptr && !tail.vertices.empty()) {
    std::ranges::stable_sort(tail.vertices, {}, [](const MessagePtr& m) { return vertex_of(m).round; });
    tail.leader = last->round;
    keep_tail(std::move(tail));
  }
}

// ---- inputs ---------------------------------------------------------------------------------------------------------

template <class Rules>
void BasicMysticeti<Rules>::on_message(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& any = static_cast<const ConsensusMessage&>(*message);
  switch (any.message_kind()) {
    case MessageKind::vertex: return on_vertex(from, message, view, out);
    case MessageKind::vertex_request: return on_vertex_request(from, message, view, out);
    case MessageKind::vertex_response: return on_vertex_response(from, message, view, out);
    case MessageKind::block_request: return on_block_request(from, message, view, out);
    case MessageKind::block_response: return on_block_response(from, message, view, out);
    default: return reject(from, any, clock_, Reject::not_for_me, out);
  }
}

template <class Rules>
void BasicMysticeti<Rules>::on_timer(std::uint64_t token, const EngineView& view, Outbox& out) {
  const auto stamp = static_cast<std::uint32_t>(token);
  switch (static_cast<Timer>(token >> 32U)) {
    case Timer::leader:
      if (stamp != static_cast<std::uint32_t>(clock_.value)) return;
      leader_timed_out_ = true;
      return try_propose(out);
    case Timer::pace:
      pacing_ = false;
      return try_propose(out);
    case Timer::propose:
      if (stamp != static_cast<std::uint32_t>(clock_.value) || proposing_ != clock_) return;
      proposing_ = no_round;
      if (may_propose()) propose(view, out);
      return;
    case Timer::fetch:
      fetch_armed_ = false;
      return ask_for_vertices(view, out);
    case Timer::sync:
      sync_armed_ = false;
      if (!recovered_) {
        say_hello(out);
        set_timer(Timer::sync, options_.sync_timeout, 0, out);
        sync_armed_ = true;
      }
      if (sync_.asking()) ask_for_blocks(true, out);
      return;
    case Timer::stall:
      set_timer(Timer::stall, options_.leader_timeout + options_.sync_timeout, 0, out);
      if (std::exchange(stall_clock_, clock_) != clock_) return;
      // What was lost is said again, and who lacks what it refers to will ask for it.
      if (own_last_) out.broadcast(own_last_);
      say_hello(out);
      ask_for_blocks(true, out);
      return;
  }
}

template <class Rules>
void BasicMysticeti<Rules>::on_vertex(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const auto& body = static_cast<const VertexMessage&>(*message);
  const Vertex& v = body.vertex;
  if (halted_) return;
  if (v.epoch != epoch_) {
    if (v.epoch < epoch_) return reject(from, body, v.round, Reject::stale, out);
    const auto same = [&](const auto& e) { return vertex_of(e.second).author == v.author; };
    if (static_cast<std::size_t>(std::ranges::count_if(early_, same)) < mysticeti_limits::early_per_author) {
      early_.emplace_back(from, message);
    }
    hint(from, std::max(v.epoch, v.height), view, out);
    return;
  }
  if (v.round <= dag_.floor()) return reject(from, body, v.round, Reject::stale, out);
  if (acquainted(v.ref())) return;  // it came before, by another way
  if (const Reject why = check(body, view); why != Reject::none) return reject(from, body, v.round, why, out);
  if (v.height > next(height())) hint(v.author, v.height, view, out);

  if (dag_.first_of(v.round, v.author) != nullptr) {
    report_twin(v, out);
    if (dag_.versions(v.round, v.author) >= mysticeti_limits::versions_unasked && !suspended_.is_wanted(v.ref())) {
      return reject(from, body, v.round, Reject::equivocation, out);
    }
  }
  if (v.payload != nullptr && v.author != self_) {
    validating_.emplace_back(from, message);
    out.add(effect::ValidatePayload{v.payload, effect::Payload::vertex, {}});
    return;
  }
  admit(from, message, view, out);
}

/// Whether it is here already, at whatever stage.
template <class Rules>
bool BasicMysticeti<Rules>::acquainted(const VertexRef& ref) const {
  if (dag_.contains(ref) || (!suspended_.empty() && suspended_.contains(ref))) return true;
  return std::ranges::any_of(validating_, [&](const auto& e) { return vertex_of(e.second).id == ref.id; });
}

/// M1, but for the ancestors.
template <class Rules>
Reject BasicMysticeti<Rules>::check(const VertexMessage& body, const EngineView& view) const {
  const Vertex& v = body.vertex;
  if (!members_.test(v.author.value)) return Reject::not_a_member;
  if (body.checked == Checked::not_yet) {
    const bool good = well_formed(v) && view.signatures.verify(v.author.value, v.id, v.signature);
    body.checked = good ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return Reject::bad_signature;
  if (v.round <= dag_.genesis()) return Reject::malformed;
  if (v.round == next(dag_.genesis())) return v.includes.empty() ? Reject::none : Reject::malformed;
  if (!v.parents.within(members_)) return Reject::not_a_member;
  for (const std::uint32_t i : v.older) {
    if (!members_.test(v.includes[i].author.value)) return Reject::not_a_member;
    if (v.includes[i].round <= dag_.genesis()) return Reject::malformed;
  }
  return Rules::enough_parents(power_of(v.parents), quorum_) ? Reject::none : Reject::bad_certificate;
}

/// A second vertex for one round, in the form in which everybody writes it: the lower id first.
template <class Rules>
void BasicMysticeti<Rules>::report_twin(const Vertex& v, Outbox& out) {
  DagRound& in = *dag_.round(v.round);
  if (in.equivocators.test(v.author.value)) return;
  in.equivocators.set(v.author.value);
  const auto as_vote = [](const Vertex& x) {
    return Vote{x.height, x.round, VoteType::none, x.author, x.id, x.timestamp, x.signature};
  };
  Vote first = as_vote(dag_.first_of(v.round, v.author)->vertex());
  Vote second = as_vote(v);
  if (second.block < first.block) std::swap(first, second);
  out.add(effect::ReportEvidence{{EvidenceKind::double_proposal, v.author, first, second}});
}

template <class Rules>
void BasicMysticeti<Rules>::on_validated(const BlockPtr& block, bool valid, const EngineView& view, Outbox& out) {
  const auto at = std::ranges::find_if(
      validating_, [&](const auto& e) { return block != nullptr && vertex_of(e.second).payload->id == block->id; });
  if (at == validating_.end()) return;
  const auto [from, message] = std::move(*at);
  validating_.erase(at);
  const auto& body = static_cast<const VertexMessage&>(*message);
  if (!valid) return reject(from, body, body.vertex.round, Reject::invalid_block, out);
  if (body.vertex.round > dag_.floor() && !acquainted(body.vertex.ref())) admit(from, message, view, out);
}

template <class Rules>
void BasicMysticeti<Rules>::admit(NodeId from, const MessagePtr& message, const EngineView& view, Outbox& out) {
  const Vertex& v = vertex_of(message);
  if (dag_.complete(v)) {
    accept(message, view, out);
    return react(view, out);
  }
  if (!suspended_.add(message, from, dag_.missing(v), mysticeti_limits::suspended_per_author)) {
    return reject(from, static_cast<const ConsensusMessage&>(*message), v.round, Reject::far_future, out);
  }
  if (fetch_armed_) return;
  fetch_armed_ = true;
  set_timer(Timer::fetch, options_.fetch_delay, 0, out);
}

/// Accepts the vertex and whatever waited for it.
template <class Rules>
void BasicMysticeti<Rules>::accept(const MessagePtr& message, const EngineView& view, Outbox& out) {
  accept_one(message, view, out);
  if (suspended_.empty()) return;
  std::vector<SuspendedVertices::Entry> ready;
  suspended_.resolve(vertex_of(message).ref(), ready);
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const MessagePtr next_one = ready[i].message;
    if (!dag_.contains(vertex_of(next_one).ref())) accept_one(next_one, view, out);
    suspended_.resolve(vertex_of(next_one).ref(), ready);
  }
}

template <class Rules>
void BasicMysticeti<Rules>::accept_one(const MessagePtr& message, const EngineView& /*view*/, Outbox& out) {
  const Vertex& v = vertex_of(message);
  if (dag_.first_of(v.round, v.author) != nullptr) report_twin(v, out);
  const VertexPosition position = dag_.add(message, power_of(v.author));
  if (v.author == self_) {
    if (v.round >= own_round_ || !own_last_) own_last_ = message;
    own_round_ = std::max(own_round_, v.round);
  } else if (power_of(self_) > 0) {
    unsaved_.push_back(message);
  }
  if (v.payload != nullptr && !dag_.is_settled(position)) open_payloads_.emplace(v.ref(), v.payload);
  count(position);
  if (v.round > clock_) enter_round(v.round, out);
  while (Rules::advances(dag_.power(clock_), quorum_, committee_)) enter_round(next(clock_), out);
}

template <class Rules>
void BasicMysticeti<Rules>::react(const EngineView& view, Outbox& out) {
  if (dirty_) decide(view, out);
  try_propose(out);
}

// ---- rounds ---------------------------------------------------------------------------------------------------------

/// M2.
template <class Rules>
void BasicMysticeti<Rules>::enter_round(Round round, Outbox& out) {
  clock_ = round;
  leader_timed_out_ = false;
  out.trace({.kind = sim::RecordKind::round_entered,
             .node = self_,
             .round = static_cast<std::uint32_t>(clock_.value),
             .height = height().value});
  if (power_of(self_) > 0) {
    set_timer(Timer::leader, options_.leader_timeout, static_cast<std::uint32_t>(clock_.value), out);
  }
}

/// M3.
template <class Rules>
bool BasicMysticeti<Rules>::may_propose() const {
  if (halted_ || !recovered_ || pacing_ || draft_.round == clock_ || !Rules::may_sign(clock_, own_round_)) return false;
  if (!members_.test(self_.value)) return false;
  if (clock_.value >= executed_round_.value + mysticeti_limits::epoch_gap) return false;
  const Round before = previous(clock_);
  if (before == dag_.genesis()) return true;
  if (!Rules::advances(dag_.power(before), quorum_, committee_)) return false;  // after blocks were adopted
  return leader_timed_out_ || leaders_present(before);
}

/// Whatever reaches this replica at the very same instant belongs into the vertex as well: it is made when the instant
/// is over.
template <class Rules>
void BasicMysticeti<Rules>::try_propose(Outbox& out) {
  if (proposing_ == clock_ || !may_propose()) return;
  proposing_ = clock_;
  set_timer(Timer::propose, Duration::zero(), static_cast<std::uint32_t>(clock_.value), out);
}

template <class Rules>
void BasicMysticeti<Rules>::propose(const EngineView& view, Outbox& out) {
  draft_ = {.round = clock_, .includes = choose_includes(clock_), .timestamp = view.wall, .height = height()};
  out.add(effect::BuildPayload{.height = draft_.height,
                               .round = draft_.round,
                               .parent = {},
                               .state_before = {},
                               .last_commit = {},
                               .timestamp = draft_.timestamp,
                               .evidence = {},
                               .committee_hash = committee_.hash(),
                               .payload = effect::Payload::vertex,
                               .ancestors = open_payloads(clock_)});
}

template <class Rules>
bool BasicMysticeti<Rules>::leaders_present(Round round) const {
  for (std::uint32_t offset = 0; offset < leaders_; ++offset) {
    if (dag_.first_of(round, leader(round, offset)) == nullptr) return false;
  }
  return true;
}

/// The own last vertex, all of the round before, and what nobody has referred to so far.
template <class Rules>
std::vector<VertexRef> BasicMysticeti<Rules>::choose_includes(Round round) const {
  std::vector<VertexRef> out;
  const Round before = previous(round);
  const bool continues = own_last_ && dag_.contains(vertex_of(own_last_).ref());
  if (continues) out.push_back(vertex_of(own_last_).ref());
  const auto include = [&](const StoredVertex& s) {
    if (!continues || s.vertex().id != out.front().id) out.push_back(s.vertex().ref());
  };
  if (const DagRound* in = dag_.round(before); in != nullptr) {
    for (const StoredVertex& s : in->slots) {
      if (s.message) include(s);
    }
  }
  for (Round r = next(dag_.floor()); r < before; ++r) {
    const DagRound* in = dag_.round(r);
    if (in == nullptr || (in->slots.size() == dag_.width() && in->present.within(in->covered))) continue;
    for (std::uint32_t i = 0; i < in->slots.size(); ++i) {
      if (in->slots[i].message && !in->covered.test(i)) include(in->slots[i]);
    }
  }
  return out;
}

/// What is ordered but not executed, then what the next vertex leads to and is not ordered.
template <class Rules>
std::vector<BlockPtr> BasicMysticeti<Rules>::open_payloads(Round round) const {
  std::vector<BlockPtr> out;
  for (const BlockPtr& b : pending_) {
    if (!b->transactions.empty() || b->external) out.push_back(b);
  }
  for (const auto& [ref, payload] : open_payloads_) {
    if (ref.round < round) out.push_back(payload);
  }
  return out;
}

template <class Rules>
void BasicMysticeti<Rules>::on_built(Height /*height*/, Round round, BlockPtr block, const EngineView& view,
                                     Outbox& out) {
  if (draft_.round != round) return;
  Draft draft = std::exchange(draft_, Draft{});
  if (round != clock_ || !Rules::may_sign(round, own_round_)) return try_propose(out);  // its time is over
  Vertex v;
  v.epoch = epoch_;
  v.round = round;
  v.author = self_;
  v.height = draft.height;
  v.timestamp = draft.timestamp;
  v.includes = std::move(draft.includes);
  if (block != nullptr && (!block->transactions.empty() || block->external)) v.payload = std::move(block);
  v.signature = view.signatures.sign(self_.value, v.compute_id());
  own_round_ = round;
  const Height height = v.height;
  own_last_ = out.make<VertexMessage>(std::move(v));
  static_cast<const VertexMessage&>(*own_last_).checked = Checked::good;
  if (Rules::writes_before_sending()) {
    unsaved_.push_back(own_last_);
    own_records_.push_back({round, height});
    out.persist(mysticeti_limits::vertex_record, height, round, {}, std::move(unsaved_));
  }
  unsaved_.clear();
  out.broadcast(own_last_);
  const bool alone = power_of(self_) >= quorum_;
  const Duration least = alone ? mysticeti_limits::alone_delay : Duration::zero();
  const Duration pace = std::max(options_.min_round_delay, least);
  if (pace > Duration::zero()) {
    pacing_ = true;
    set_timer(Timer::pace, pace, 0, out);
  }
}

// ---- decisions ------------------------------------------------------------------------------------------------------

/// M4.
template <class Rules>
NodeId BasicMysticeti<Rules>::leader(Round round, std::uint32_t offset) const {
  if (committee_.size() == 0) return no_node;
  return committee_[(static_cast<std::size_t>(round.value) + offset) % committee_.size()].node;
}

template <class Rules>
const LeaderSlot* BasicMysticeti<Rules>::slot(Round round, std::uint32_t offset) const {
  const std::int64_t at = std::int64_t{round.value} - slot_round_.value;
  if (at < 0 || at >= static_cast<std::int64_t>(slots_.size()) || offset >= leaders_) return nullptr;
  return &slots_[static_cast<std::size_t>(at)][offset];
}

/// @pre round >= slot_round_
template <class Rules>
typename BasicMysticeti<Rules>::RoundSlots& BasicMysticeti<Rules>::slots(Round round) {
  const auto at = static_cast<std::size_t>(round.value - slot_round_.value);
  while (slots_.size() <= at) {
    const Round r{slot_round_.value + static_cast<std::int32_t>(slots_.size())};
    slots_.emplace_back(leaders_);
    for (std::uint32_t offset = 0; offset < leaders_; ++offset) slots_.back()[offset].leader = leader(r, offset);
  }
  return slots_[at];
}

template <class Rules>
LeaderCandidate& BasicMysticeti<Rules>::candidate(LeaderSlot& slot, VertexId id) const {
  const auto at = std::ranges::lower_bound(slot.candidates, id, {}, &LeaderCandidate::id);
  if (at != slot.candidates.end() && at->id == id) return *at;
  LeaderCandidate fresh;
  fresh.id = id;
  return *slot.candidates.insert(at, std::move(fresh));
}

/// M5: the first vertex of (leader, round) met in a depth-first walk of the references, in their order. {} = none.
template <class Rules>
VertexId BasicMysticeti<Rules>::support(VertexPosition position, NodeId leader, Round round) const {
  const Vertex& v = dag_.at(position).vertex();
  if (next(round) == v.round) {
    const VertexRef* ref = Rules::supported(v, leader, dag_);
    return ref != nullptr ? ref->id : VertexId{};
  }
  std::set<VertexPosition> visited;
  std::vector<std::pair<VertexPosition, std::size_t>> path{{position, 0}};
  while (!path.empty()) {
    auto& [here, at] = path.back();
    const Vertex& current = dag_.at(here).vertex();
    if (at == current.includes.size()) {
      path.pop_back();
      continue;
    }
    const VertexRef& ref = current.includes[at++];
    if (ref.round == round && ref.author == leader) return ref.id;
    if (ref.round <= round) continue;
    const VertexPosition next_one = dag_.find(ref);
    if (next_one.round != no_round && visited.insert(next_one).second) path.emplace_back(next_one, 0);
  }
  return {};
}

/// What an accepted vertex says about the slots before it: in their voting round a vote or a blame, in their deciding
/// round perhaps a certificate.
template <class Rules>
void BasicMysticeti<Rules>::count(VertexPosition position) {
  const NodeId author = dag_.at(position).vertex().author;
  const auto wave = static_cast<std::int32_t>(options_.wave_length);
  if (const Round voted{position.round.value - (wave - 2)}; voted >= slot_round_) {
    for (LeaderSlot& slot : slots(voted)) {
      if (const VertexId id = support(position, slot.leader, voted)) {
        candidate(slot, id).supporters.set(position.index);
      } else if (!slot.blamers.test(author.value)) {
        slot.blamers.set(author.value);
        slot.blame += power_of(author);
        const bool open = slot.status == LeaderSlot::Status::undecided;
        dirty_ = dirty_ || (open && Rules::skips(slot.blame, quorum_, committee_));
      }
    }
  }
  if (const Round decided{position.round.value - (wave - 1)}; decided >= slot_round_) {
    for (LeaderSlot& slot : slots(decided)) {
      for (LeaderCandidate& c : slot.candidates) {
        const Bits voters = dag_.parents(position) & c.supporters;
        const Power power = power_of_positions(voters, previous(position.round));
        if (!Rules::is_certificate(power, quorum_, committee_)) continue;
        c.certificates.set(position.index);
        if (c.certifiers.test(author.value)) continue;
        c.certifiers.set(author.value);
        c.certified += power_of(author);
        const bool open = slot.status == LeaderSlot::Status::undecided;
        dirty_ = dirty_ || (open && Rules::commits(c.certified, quorum_, committee_));
      }
    }
  }
}

template <class Rules>
Power BasicMysticeti<Rules>::power_of(const Bits& authors) const {
  if (uniform_power_ != 0) return uniform_power_ * static_cast<Power>(authors.count());
  Power sum = 0;
  authors.for_each([&](std::uint32_t i) { sum += committee_.power_of(NodeId{i}); });
  return sum;
}

/// Of distinct authors.
template <class Rules>
Power BasicMysticeti<Rules>::power_of_positions(const Bits& positions, Round round) const {
  const DagRound& in = *dag_.round(round);
  if (in.slots.size() == dag_.width()) return power_of(positions);
  Bits authors;
  positions.for_each([&](std::uint32_t i) { authors.set(in.slots[i].vertex().author.value); });
  return power_of(authors);
}

/// M9. From the last slot to the first: what decides a slot indirectly is behind it.
template <class Rules>
void BasicMysticeti<Rules>::decide(const EngineView& view, Outbox& out) {
  dirty_ = false;
  for (std::size_t i = slots_.size(); i-- > 0 && !halted_;) {
    for (std::uint32_t offset = leaders_; offset-- > (i == 0 ? slot_offset_ : 0);) {
      LeaderSlot& slot = slots_[i][offset];
      if (slot.status != LeaderSlot::Status::undecided) continue;
      decide_directly(slot, out);
      if (slot.status == LeaderSlot::Status::undecided && !halted_) {
        decide_indirectly(slot, Round{slot_round_.value + static_cast<std::int32_t>(i)});
      }
    }
  }
  if (!halted_) output(view, out);
}

/// M6, M7, M10.
template <class Rules>
void BasicMysticeti<Rules>::decide_directly(LeaderSlot& slot, Outbox& /*out*/) {
  const LeaderCandidate* chosen = nullptr;
  for (const LeaderCandidate& c : slot.candidates) {
    if (!Rules::commits(c.certified, quorum_, committee_)) continue;
    if (chosen != nullptr && Rules::halts_on_two_certified()) {
      halted_ = true;
      return;
    }
    if (chosen == nullptr) chosen = &c;
  }
  if (chosen != nullptr) {
    slot.status = LeaderSlot::Status::committed;
    slot.chosen = chosen->id;
  } else if (Rules::skips(slot.blame, quorum_, committee_)) {
    slot.status = LeaderSlot::Status::skipped;
  }
}

/// M8.
template <class Rules>
void BasicMysticeti<Rules>::decide_indirectly(LeaderSlot& slot, Round round) {
  const auto wave = static_cast<std::int32_t>(options_.wave_length);
  const std::size_t first = static_cast<std::size_t>(round.value - slot_round_.value + wave);
  const LeaderSlot* anchor = nullptr;
  Round anchor_round{};
  for (std::size_t i = first; i < slots_.size() && anchor == nullptr; ++i) {
    for (const LeaderSlot& s : slots_[i]) {
      if (s.status == LeaderSlot::Status::undecided) return;
      if (s.status == LeaderSlot::Status::skipped) continue;
      anchor = &s;
      anchor_round = Round{slot_round_.value + static_cast<std::int32_t>(i)};
      break;
    }
  }
  if (anchor == nullptr) return;
  const VertexPosition at = dag_.find({anchor_round, anchor->leader, anchor->chosen});
  if (at.round == no_round) return;
  const Bits seen = dag_.ancestors(at, Round{round.value + wave - 1});
  const LeaderCandidate* chosen = nullptr;
  for (const LeaderCandidate& c : slot.candidates) {
    if ((seen & c.certificates).empty()) continue;
    if (chosen != nullptr && Rules::halts_on_two_certified()) {
      halted_ = true;
      return;
    }
    if (chosen == nullptr) chosen = &c;
  }
  slot.status = chosen != nullptr ? LeaderSlot::Status::committed : LeaderSlot::Status::skipped;
  if (chosen != nullptr) slot.chosen = chosen->id;
}

/// The decided slots up to the first undecided one: each leader's history becomes a block.
template <class Rules>
void BasicMysticeti<Rules>::output(const EngineView& view, Outbox& out) {
  while (!slots_.empty()) {
    const LeaderSlot& slot = slots_.front()[slot_offset_];
    if (slot.status == LeaderSlot::Status::undecided) break;
    if (slot.status == LeaderSlot::Status::committed) {
      const VertexPosition at = dag_.find({slot_round_, slot.leader, slot.chosen});
      if (at.round == no_round) break;
      const Round floor = Rules::order_floor(slot_round_, options_.gc_depth, dag_.floor());
      std::vector<MessagePtr> ordered;
      for (const VertexPosition p : dag_.unsettled_history(at, floor)) {
        ordered.push_back(dag_.at(p).message);
        dag_.settle(p);
        if (vertex_of(ordered.back()).payload != nullptr) open_payloads_.erase(vertex_of(ordered.back()).ref());
      }
      const BlockPtr block = make_block(head_, ordered, committee_);
      head_ = {block->height, block->id, block->timestamp};
      pending_.push_back(block);
    }
    advance_slot();
  }
  deliver_next(view, out);
}

template <class Rules>
void BasicMysticeti<Rules>::advance_slot() {
  if (++slot_offset_ < leaders_) return;
  slot_offset_ = 0;
  ++slot_round_;
  slots_.pop_front();
}

template <class Rules>
void BasicMysticeti<Rules>::deliver_next(const EngineView& /*view*/, Outbox& out) {
  if (delivering_ || pending_.empty()) return;
  delivering_ = true;
  const BlockPtr& block = pending_.front();
  Commit commit;
  commit.height = block->height;
  commit.round = block->round;
  commit.block = block->id;
  commit.type = VoteType::vote;
  out.add(effect::Deliver{block, CommitLevel::final, std::move(commit)});
}

template <class Rules>
void BasicMysticeti<Rules>::on_executed(Height height, const ExecutionResult& /*result*/, const EngineView& view,
                                        Outbox& out) {
  if (!delivering_ || pending_.front()->height != height) return;
  const BlockPtr block = pending_.front();
  pending_.pop_front();
  delivering_ = false;
  executed_ = {block->height, block->id, block->timestamp};
  executed_round_ = block->round;
  sync_.settle_below(next(height));
  if (view.chain.committee(next(height)).hash() != committee_.hash()) {
    begin_epoch(view, out);
  } else {
    const Round floor = floor_below(block->round);
    dag_.collect(floor);
    while (!open_payloads_.empty() && open_payloads_.begin()->first.round <= floor) {
      open_payloads_.erase(open_payloads_.begin());  // nobody will order it any more: the mempool still has it
    }
    if (!suspended_.empty()) {
      std::vector<SuspendedVertices::Entry> ready;
      suspended_.collect(floor, ready);
      for (const SuspendedVertices::Entry& e : ready) {
        const Vertex& v = vertex_of(e.message);
        if (v.round > dag_.floor() && !dag_.contains(v.ref())) accept(e.message, view, out);
      }
    }
    while (own_records_.size() > 1 && own_records_.front().round <= dag_.floor()) own_records_.pop_front();
    if (!own_records_.empty()) out.add(effect::Forget{own_records_.front().height});
  }
  if (sync_.catching_up && sync_.power_beyond(next(height), committee_) < committee_.validity()) {
    sync_.catching_up = false;
    out.trace({.kind = sim::RecordKind::caught_up, .node = self_, .height = next(height).value});
  }
  deliver_next(view, out);
  adopt_blocks(view, out);
  if (sync_.asking() || sync_.catching_up) ask_for_blocks(false, out);
  react(view, out);
}

/// The block just executed has changed the committee: what was built on it is void, the next epoch starts on it.
template <class Rules>
void BasicMysticeti<Rules>::begin_epoch(const EngineView& view, Outbox& out) {
  Tail tail{epoch_, executed_round_, {}};
  for (Round r = next(dag_.floor()); r <= dag_.top(); ++r) {
    const DagRound* in = dag_.round(r);
    if (in == nullptr) continue;
    for (const StoredVertex& s : in->slots) {
      if (s.message) tail.vertices.push_back(s.message);
    }
  }
  if (Rules::writes_before_sending() && !unsaved_.empty()) {
    // With what is written already this is the tail: it outlives a crash as long as somebody may need it.
    own_records_.push_back({std::max(own_round_, Round{0}), executed_.height});
    out.persist(mysticeti_limits::vertex_record, executed_.height, own_records_.back().round, {}, std::move(unsaved_));
  }
  keep_tail(std::move(tail));
  enter_epoch(next(executed_.height), view);
  out.trace({.kind = sim::RecordKind::epoch_entered,
             .node = self_,
             .round = static_cast<std::uint32_t>(next(clock_).value),
             .height = epoch_.value,
             .a = epoch_.value});
  enter_round(next(clock_), out);
  std::vector<std::pair<NodeId, MessagePtr>> early;
  early.swap(early_);
  for (const auto& [from, message] : early) {
    if (vertex_of(message).epoch >= epoch_) on_vertex(from, message, view, out);
  }
}

template <class Rules>
void BasicMysticeti<Rules>::keep_tail(Tail tail) {
  if (tails_.size() == mysticeti_limits::tails_max) tails_.erase(tails_.begin());
  tails_.push_back(std::move(tail));
}

// ---- catching up ----------------------------------------------------------------------------------------------------

template <class Rules>
auto BasicMysticeti<Rules>::tail_of(Height epoch) const -> const Tail* {
  const auto at = std::ranges::find(tails_, epoch, &Tail::epoch);
  return at == tails_.end() ? nullptr : &*at;
}

/// For a peer that is still in that epoch. Whoever has left it makes no vertices there any more, and without those the
/// others may lack a quorum for ever: they get what decided the last commit, and decide it as well. Asked where it is
/// (nothing wanted): its own last vertex, and all from the last leader or from where the peer stands, if that is
/// earlier; otherwise what is wanted with as many ancestors as fit.
template <class Rules>
std::vector<MessagePtr> BasicMysticeti<Rules>::from_tail(const Tail& tail, NodeId peer,
                                                         const VertexRequestMessage& request) const {
  std::vector<MessagePtr> out;
  if (request.wanted.empty()) {
    const auto last = std::ranges::find_if(tail.vertices.rbegin(), tail.vertices.rend(),
                                           [&](const MessagePtr& m) { return vertex_of(m).author == peer; });
    if (last != tail.vertices.rend()) out.push_back(*last);
    const std::size_t most = std::max(mysticeti_limits::answer_max, std::size_t{4} * dag_.width());
    for (const MessagePtr& m : tail.vertices) {
      const Round round = vertex_of(m).round;
      if ((round >= tail.leader || next(round) >= request.above) && out.size() < most) out.push_back(m);
    }
    return out;
  }
  const auto wanted = std::span{request.wanted}.first(std::min(request.wanted.size(), mysticeti_limits::wanted_max));
  Round newest{};
  for (const VertexRef& ref : wanted) newest = std::max(newest, ref.round);
  std::size_t others = mysticeti_limits::answer_max - wanted.size();
  for (const MessagePtr& m : tail.vertices) {
    const Vertex& v = vertex_of(m);
    const bool asked = std::ranges::find(wanted, v.ref()) != wanted.end();
    const bool ancestor = !asked && v.round > request.above && v.round < newest && others > 0;
    if (ancestor) --others;
    if (asked || ancestor) out.push_back(m);
  }
  return out;
}

/// What suspended vertices wait for: first from who sent them, then from one member after the other.
template <class Rules>
void BasicMysticeti<Rules>::ask_for_vertices(const EngineView& /*view*/, Outbox& out) {
  if (suspended_.empty()) return;
  fetch_armed_ = true;
  const Duration tick = std::max(options_.fetch_delay, Duration{1ms});
  set_timer(Timer::fetch, tick, 0, out);
  if (sync_.catching_up) return;  // blocks come first: most of this will be settled then
  const auto period = static_cast<std::uint32_t>(std::clamp<std::int64_t>(options_.sync_timeout / tick, 1, 1'000'000));
  std::map<NodeId, std::vector<VertexRef>> requests;
  for (const SuspendedVertices::Request& r : suspended_.due(period, mysticeti_limits::wanted_max)) {
    NodeId peer = r.holder;
    if (r.attempt > 0 || peer == self_) {
      const auto start = static_cast<std::size_t>(std::max(0, committee_.index_of(r.holder)));
      peer = committee_[(start + r.attempt) % committee_.size()].node;
      if (peer == self_) peer = committee_[(start + r.attempt + 1) % committee_.size()].node;
    }
    if (peer != self_) requests[peer].push_back(r.ref);
  }
  for (auto& [peer, refs] : requests) {
    const Round above = previous(previous(clock_));
    out.send(peer, out.make<VertexRequestMessage>(self_, epoch_, std::move(refs), above));
  }
}

template <class Rules>
void BasicMysticeti<Rules>::on_vertex_request(NodeId from, const MessagePtr& message, const EngineView& /*view*/,
                                              Outbox& out) {
  if (from == self_) return;
  const auto& request = static_cast<const VertexRequestMessage&>(*message);
  std::vector<MessagePtr> answer;
  const bool hello = request.wanted.empty();
  if (const Tail* const tail = request.epoch < epoch_ ? tail_of(request.epoch) : nullptr; tail != nullptr) {
    answer = from_tail(*tail, from, request);
    if (hello && own_last_) answer.push_back(own_last_);
  } else if (hello) {
    for (Round r = dag_.top(); r > dag_.floor(); --r.value) {
      const StoredVertex* last = dag_.first_of(r, from);
      if (last == nullptr) continue;
      answer.push_back(last->message);
      break;
    }
    if (own_last_) answer.push_back(own_last_);
  } else if (request.epoch == epoch_) {
    std::set<VertexPosition> chosen;
    std::vector<VertexPosition> open;
    const auto choose = [&](VertexPosition p) {
      if (dag_.round(p.round) != nullptr && chosen.insert(p).second) open.push_back(p);
    };
    for (std::size_t i = 0; i < request.wanted.size() && i < mysticeti_limits::wanted_max; ++i) {
      if (const VertexPosition p = dag_.find(request.wanted[i]); p.round != no_round) choose(p);
    }
    while (!open.empty()) {
      const VertexPosition p = open.back();
      open.pop_back();
      if (previous(p.round) > request.above) {
        dag_.parents(p).for_each([&](std::uint32_t i) { choose({previous(p.round), i}); });
      }
      dag_.for_each_older(p, [&](VertexPosition o) {
        if (o.round > request.above) choose(o);
      });
    }
    for (const VertexPosition p : chosen) {  // the oldest first: they can be used at once
      if (answer.size() >= mysticeti_limits::answer_max) break;
      answer.push_back(dag_.at(p).message);
    }
  }
  out.send(from, out.make<VertexResponseMessage>(self_, epoch_, height(), hello, std::move(answer)));
}

template <class Rules>
void BasicMysticeti<Rules>::on_vertex_response(NodeId from, const MessagePtr& message, const EngineView& view,
                                               Outbox& out) {
  if (from == self_) return;
  const auto& response = static_cast<const VertexResponseMessage&>(*message);
  hint(from, response.height, view, out);
  if (response.hello && !recovered_ && members_.test(from.value)) {
    answered_.set(from.value);
    for (const MessagePtr& m : response.vertices) {
      const auto& body = static_cast<const VertexMessage&>(*m);
      const Vertex& v = body.vertex;
      const bool mine = v.author == self_ && view.signatures.verify(self_.value, v.id, v.signature);
      if (mine) own_round_ = std::max(own_round_, body.vertex.round);
    }
    recovered_ = power_of(answered_ & members_) >= quorum_;
  }
  for (const MessagePtr& m : response.vertices) on_vertex(from, m, view, out);
  if (response.vertices.empty() && response.height > height()) ask_for_blocks(false, out);
  try_propose(out);
}

template <class Rules>
void BasicMysticeti<Rules>::say_hello(Outbox& out) {
  out.broadcast(out.make<VertexRequestMessage>(self_, epoch_, std::vector<VertexRef>{}, clock_));
}

/// `from` works on `height`.
template <class Rules>
void BasicMysticeti<Rules>::hint(NodeId from, Height height, const EngineView& /*view*/, Outbox& out) {
  sync_.note(from, height);
  const Height here = next(head_.height);
  const Height far{here.value + mysticeti_limits::lag_max};
  if (height <= here || sync_.catching_up) return;
  const auto later = [&](const auto& e) { return vertex_of(e.second).epoch > epoch_; };
  const bool later_epoch = std::ranges::any_of(early_, later);
  if (sync_.power_beyond(later_epoch ? here : far, committee_) < committee_.validity()) return;
  sync_.catching_up = true;
  out.trace({.kind = sim::RecordKind::behind, .node = self_, .height = this->height().value, .a = height.value});
  ask_for_blocks(false, out);
}

template <class Rules>
void BasicMysticeti<Rules>::ask_for_blocks(bool again, Outbox& out) {
  for (const auto& [peer, height] : sync_.ask(self_, next(head_.height), options_.sync_window, again, committee_)) {
    out.send(peer, out.make<BlockRequestMessage>(self_, height, BlockId{}));
  }
  if (!sync_.asking() || sync_armed_) return;
  sync_armed_ = true;
  set_timer(Timer::sync, options_.sync_timeout, 0, out);
}

template <class Rules>
void BasicMysticeti<Rules>::on_block_request(NodeId from, const MessagePtr& message, const EngineView& view,
                                             Outbox& out) {
  if (from == self_) return;
  const auto& request = static_cast<const BlockRequestMessage&>(*message);
  BlockPtr block = view.chain.block(request.height);
  if (block != nullptr && request.block && block->id != request.block) block = nullptr;
  out.send(from, out.make<BlockResponseMessage>(self_, std::move(block), Commit{}));
}

template <class Rules>
void BasicMysticeti<Rules>::on_block_response(NodeId from, const MessagePtr& message, const EngineView& view,
                                              Outbox& out) {
  const auto& body = static_cast<const BlockResponseMessage&>(*message);
  if (body.block == nullptr) return sync_.refused(from);
  if (body.checked == Checked::not_yet) {
    const Block& b = *body.block;
    body.checked = b.id == b.compute_id() && b.bytes == b.compute_bytes() ? Checked::good : Checked::bad;
  }
  if (body.checked == Checked::bad) return reject(from, body, body.block->round, Reject::malformed, out);
  if (!sync_.answer(from, body.block->height, message)) return;
  adopt_blocks(view, out);
}

/// The next block, if enough peers gave the same one and nothing of this node's own making is under way.
template <class Rules>
void BasicMysticeti<Rules>::adopt_blocks(const EngineView& view, Outbox& out) {
  if (halted_ || delivering_ || !pending_.empty()) return;
  const BlockPtr block = sync_.agreed(next(head_.height), committee_);
  if (block == nullptr || block->parent != head_.block || block->committee_hash != committee_.hash()) return;
  follow_block(*block);
  head_ = {block->height, block->id, block->timestamp};
  pending_.push_back(block);
  deliver_next(view, out);
  recheck_suspended(view, out);
}

/// The slots up to the block's leader are behind, its vertices settled.
template <class Rules>
void BasicMysticeti<Rules>::follow_block(const Block& block) {
  dag_.settle(block.round, block.vertices);
  std::erase_if(open_payloads_, [&](const auto& e) {
    return std::ranges::find(block.vertices, e.first.id) != block.vertices.end();
  });
  if (block.round < slot_round_) return;
  while (slot_round_ < block.round) {
    if (!slots_.empty()) slots_.pop_front();
    ++slot_round_;
    slot_offset_ = 0;
  }
  const RoundSlots& round = slots(block.round);
  while (slot_offset_ + 1 < leaders_ && round[slot_offset_].leader != block.proposer) ++slot_offset_;
  advance_slot();
  dirty_ = true;
}

/// Blocks have settled what some of them waited for.
template <class Rules>
void BasicMysticeti<Rules>::recheck_suspended(const EngineView& view, Outbox& out) {
  for (const SuspendedVertices::Entry& e : suspended_.take_all()) {
    const Vertex& v = vertex_of(e.message);
    if (v.round > dag_.floor() && !acquainted(v.ref())) admit(e.from, e.message, view, out);
  }
}

// ---- small things ---------------------------------------------------------------------------------------------------

template <class Rules>
void BasicMysticeti<Rules>::set_timer(Timer timer, Duration delay, std::uint32_t stamp, Outbox& out) const {
  const auto id = static_cast<std::uint32_t>(timer);
  out.set_timer(id, delay, std::uint64_t{id} << 32U | stamp);
}

template <class Rules>
void BasicMysticeti<Rules>::reject(NodeId from, const ConsensusMessage& message, Round round, Reject why,
                                   Outbox& out) const {
  out.trace({.kind = sim::RecordKind::message_rejected,
             .detail = message.kind,
             .flags = static_cast<std::uint16_t>(why),
             .node = self_,
             .peer = from,
             .round = static_cast<std::uint32_t>(round.value),
             .height = height().value});
}

namespace mysticeti_value {
inline bool same_messages(const std::vector<MessagePtr>& a, const std::vector<MessagePtr>& b) {
  return std::ranges::equal(a, b, {}, [](const MessagePtr& m) { return vertex_of(m).id; },
                            [](const MessagePtr& m) { return vertex_of(m).id; });
}
inline bool same_received(const std::vector<std::pair<NodeId, MessagePtr>>& a,
                          const std::vector<std::pair<NodeId, MessagePtr>>& b) {
  const auto key = [](const auto& e) { return std::pair{e.first, vertex_of(e.second).id}; };
  return std::ranges::equal(a, b, {}, key, key);
}
inline VertexId id_of(const MessagePtr& m) { return m ? vertex_of(m).id : VertexId{}; }
}  // namespace mysticeti_value

template <class Rules>
bool BasicMysticeti<Rules>::same(const BasicMysticeti& o) const {
  using namespace mysticeti_value;
  const auto block_id = [](const BlockPtr& b) { return b->id; };
  const auto key = [](const auto& e) { return e.first; };
  const auto same_tails = [](const Tail& a, const Tail& b) {
    return a.epoch == b.epoch && a.leader == b.leader && same_messages(a.vertices, b.vertices);
  };
  return self_ == o.self_ && options_ == o.options_ && epoch_ == o.epoch_ && committee_ == o.committee_ &&
         dag_ == o.dag_ && suspended_ == o.suspended_ && same_received(validating_, o.validating_) &&
         same_received(early_, o.early_) && std::ranges::equal(open_payloads_, o.open_payloads_, {}, key, key) &&
         clock_ == o.clock_ && leader_timed_out_ == o.leader_timed_out_ && pacing_ == o.pacing_ &&
         proposing_ == o.proposing_ && draft_ == o.draft_ && own_round_ == o.own_round_ &&
         id_of(own_last_) == id_of(o.own_last_) &&
         same_messages(unsaved_, o.unsaved_) && own_records_ == o.own_records_ && recovered_ == o.recovered_ &&
         answered_ == o.answered_ && slot_round_ == o.slot_round_ && slot_offset_ == o.slot_offset_ &&
         slots_ == o.slots_ && dirty_ == o.dirty_ && halted_ == o.halted_ && head_ == o.head_ &&
         executed_ == o.executed_ && executed_round_ == o.executed_round_ &&
         std::ranges::equal(pending_, o.pending_, {}, block_id, block_id) && delivering_ == o.delivering_ &&
         std::ranges::equal(tails_, o.tails_, same_tails) && sync_ == o.sync_ && fetch_armed_ == o.fetch_armed_ &&
         sync_armed_ == o.sync_armed_ && stall_clock_ == o.stall_clock_;
}

template <class Rules>
void BasicMysticeti<Rules>::hash_into(HashBuilder& h) const {
  using mysticeti_value::id_of;
  h.add(self_).add(epoch_);
  committee_.hash_into(h);
  dag_.hash_into(h);
  suspended_.hash_into(h);
  h.add(validating_.size());
  for (const auto& [from, message] : validating_) h.add(from).add(id_of(message));
  h.add(early_.size());
  for (const auto& [from, message] : early_) h.add(from).add(id_of(message));
  h.add(open_payloads_.size());
  for (const auto& [ref, block] : open_payloads_) h.add(ref.round).add(ref.author).add(ref.id);
  h.add(clock_).add(leader_timed_out_).add(pacing_).add(proposing_);
  h.add(draft_.round).add(ns(draft_.timestamp)).add(draft_.height).add(draft_.includes.size());
  for (const VertexRef& ref : draft_.includes) h.add(ref.id);
  h.add(own_round_).add(id_of(own_last_)).add(unsaved_.size());
  for (const MessagePtr& message : unsaved_) h.add(id_of(message));
  h.add(own_records_.size()).add(recovered_);
  for (const OwnRecord& record : own_records_) h.add(record.round).add(record.height);
  answered_.hash_into(h);
  h.add(slot_round_).add(slot_offset_).add(slots_.size());
  for (const RoundSlots& round : slots_) {
    for (const LeaderSlot& s : round) {
      h.add(s.leader).add(s.status).add(s.chosen).add(s.blame).add(s.candidates.size());
      s.blamers.hash_into(h);
      for (const LeaderCandidate& c : s.candidates) {
        h.add(c.id).add(c.certified);
        c.supporters.hash_into(h);
        c.certifiers.hash_into(h);
        c.certificates.hash_into(h);
      }
    }
  }
  h.add(dirty_).add(halted_).add(head_.height).add(head_.block).add(executed_.height).add(executed_round_);
  h.add(pending_.size()).add(delivering_);
  for (const BlockPtr& block : pending_) h.add(block->id);
  h.add(tails_.size());
  for (const Tail& tail : tails_) {
    h.add(tail.epoch).add(tail.leader).add(tail.vertices.size());
    for (const MessagePtr& message : tail.vertices) h.add(id_of(message));
  }
  sync_.hash_into(h);
  h.add(fetch_armed_).add(sync_armed_).add(stall_clock_);
}

}  // namespace seqlab::protocols
