#include "protocols/consensus/dag/vertex_store.hpp"

#include <algorithm>
#include <tuple>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

void VertexStore::reset(const Committee& committee, Round genesis) {
  const auto members = committee.validators();
  width_ = members.empty() ? 0 : members.back().node.value + 1;
  genesis_ = floor_ = genesis;
  base_ = next(genesis);
  rounds_.clear();
  first_ = 0;
  spare_.clear();
  elsewhere_.clear();
}

DagRound& VertexStore::open(Round r) {
  SEQLAB_ASSERT(r >= base_, r.value, base_.value);
  while (top() < r) {
    if (spare_.empty()) {
      rounds_.emplace_back();
    } else {
      rounds_.push_back(std::move(spare_.back()));
      spare_.pop_back();
    }
    rounds_.back().slots.resize(width_);
  }
  return *round(r);
}

const StoredVertex* VertexStore::first_of(Round r, NodeId author) const {
  const DagRound* in = round(r);
  if (in == nullptr || author.value >= width_ || !in->present.test(author.value)) return nullptr;
  return &in->slots[author.value];
}

VertexPosition VertexStore::find(const VertexRef& ref) const {
  const DagRound* in = round(ref.round);
  if (in == nullptr || ref.author.value >= width_ || !in->present.test(ref.author.value)) return {};
  if (in->slots[ref.author.value].vertex().id == ref.id) return {ref.round, ref.author.value};
  for (std::uint32_t i = width_; i < in->slots.size(); ++i) {
    if (in->slots[i].vertex().id == ref.id) return {ref.round, i};
  }
  return {};
}

Power VertexStore::power(Round r) const {
  const DagRound* in = round(r);
  return in == nullptr ? 0 : in->power;
}

std::uint32_t VertexStore::versions(Round r, NodeId author) const {
  const DagRound* in = round(r);
  if (in == nullptr || author.value >= width_ || !in->present.test(author.value)) return 0;
  std::uint32_t count = 1;
  for (std::uint32_t i = width_; i < in->slots.size(); ++i) count += in->slots[i].vertex().author == author ? 1U : 0U;
  return count;
}

bool VertexStore::is_settled_elsewhere(VertexId id) const {
  return std::ranges::any_of(elsewhere_, [&](const auto& e) { return std::ranges::binary_search(e.second, id); });
}

bool VertexStore::has(const VertexRef& ref) const {
  return ref.round <= floor_ || contains(ref) || is_settled_elsewhere(ref.id);
}

/// Whether all references to the round before are to the first vertices of their authors, which are here: the usual
/// case, by one sum instead of one comparison each.
bool VertexStore::parents_here(const Vertex& v) const {
  const DagRound* in = round(previous(v.round));
  if (in == nullptr || !v.plain || !v.parents.within(in->present)) return false;
  Hash128 sum = in->sum;
  in->present.for_each_without(v.parents, [&](std::uint32_t a) { sum = minus(sum, in->slots[a].vertex().id); });
  return sum == v.parents_sum;
}

/// Whether of the authors that `v` refers to in the round before, those who are here are so with the vertices that it
/// means: likewise by sums, of what both have.
bool VertexStore::none_differs(const Vertex& v, const DagRound& before) const {
  if (!v.plain) return false;
  Hash128 meant = v.parents_sum;
  v.parents.for_each_without(before.present,
                             [&](std::uint32_t a) { meant = minus(meant, v.parent_of(NodeId{a})->id); });
  Hash128 here = before.sum;
  before.present.for_each_without(v.parents, [&](std::uint32_t a) { here = minus(here, before.slots[a].vertex().id); });
  return meant == here;
}

bool VertexStore::complete(const Vertex& v) const {
  for (const std::uint32_t i : v.older) {
    if (!has(v.includes[i])) return false;
  }
  if (previous(v.round) <= floor_) return true;
  // Of an author of whom nothing is here, nothing is missing only if a block has settled it.
  const DagRound* before = round(previous(v.round));
  if (before != nullptr && elsewhere_.empty() && !v.parents.within(before->present)) return false;
  if (parents_here(v)) return true;
  return std::ranges::all_of(v.includes, [&](const VertexRef& r) { return has(r); });
}

std::vector<VertexRef> VertexStore::missing(const Vertex& v) const {
  std::vector<VertexRef> out;
  const auto look = [&](const VertexRef& r) {
    if (!has(r)) out.push_back(r);
  };
  if (const DagRound* in = round(previous(v.round)); in != nullptr && none_differs(v, *in)) {
    for (const std::uint32_t i : v.older) look(v.includes[i]);
    (v.parents - in->present).for_each([&](std::uint32_t a) { look(*v.parent_of(NodeId{a})); });
  } else {
    std::ranges::for_each(v.includes, look);
  }
  std::ranges::sort(out);
  return out;
}

VertexPosition VertexStore::add(const MessagePtr& message, Power power) {
  const Vertex& v = vertex_of(message);
  // Nothing is missing. Where no author has two vertices and no block has settled what is not here, those that are here
  // are those that it means.
  const DagRound* before = round(previous(v.round));
  const bool sole = before != nullptr && before->slots.size() == width_ && elsewhere_.empty() &&
                    previous(v.round) > floor_ && v.plain && v.parents.within(before->present);
  const bool usual = sole || parents_here(v);
  DagRound& in = open(v.round);
  VertexPosition position{v.round, v.author.value};
  if (in.present.test(v.author.value)) {
    position.index = static_cast<std::uint32_t>(in.slots.size());
    in.slots.emplace_back();
  } else {
    in.present.set(v.author.value);
    in.sum = plus(in.sum, v.id);
    in.power += power;
  }
  if (!usual || !link_firsts(v)) {
    VertexLinks links;
    for (const VertexRef& r : v.includes) {
      const VertexPosition p = find(r);
      if (p.round == no_round) continue;  // settled
      round(p.round)->covered.set(p.index);
      if (next(p.round) == v.round) {
        links.parents.set(p.index);
      } else {
        links.older.push_back(p);
      }
    }
    in.links.push_back(std::move(links));
    in.slots[position.index].links = static_cast<std::uint32_t>(in.links.size());
  }
  in.slots[position.index].message = message;
  if (is_settled_elsewhere(v.id)) in.settled.set(position.index);
  return position;
}

/// Covers what `v` refers to, as far as that is here. @pre its parents are the first vertices of their authors
/// @return whether everything further back is so, too
bool VertexStore::link_firsts(const Vertex& v) {
  round(previous(v.round))->covered |= v.parents;
  bool all = true;
  for (const std::uint32_t i : v.older) {
    const VertexRef& r = v.includes[i];
    const VertexPosition p = find(r);
    if (p.round != no_round) round(p.round)->covered.set(p.index);
    all = all && p == VertexPosition{r.round, r.author.value};
  }
  return all;
}

std::vector<VertexPosition> VertexStore::unsettled_history(VertexPosition from, Round floor) const {
  std::vector<VertexPosition> found;
  std::vector<Bits> wanted(1);  // wanted[k]: of round from.round - k
  wanted[0].set(from.index);
  const auto want = [&](VertexPosition p) {
    if (p.round <= floor || round(p.round) == nullptr) return;
    const auto back = static_cast<std::size_t>(from.round.value - p.round.value);
    if (wanted.size() <= back) wanted.resize(back + 1);
    wanted[back].set(p.index);
  };
  for (std::size_t back = 0; back < wanted.size(); ++back) {
    const Round r{from.round.value - static_cast<std::int32_t>(back)};
    const DagRound* in = round(r);
    if (in == nullptr || r <= floor) break;
    const Bits fresh = wanted[back] - in->settled;
    const std::size_t begin = found.size();
    fresh.for_each([&](std::uint32_t i) {
      found.push_back({r, i});
      const Bits& parents = in->parents(i);
      if (previous(r) > floor && !parents.empty()) {
        if (wanted.size() <= back + 1) wanted.resize(back + 2);
        wanted[back + 1] |= parents;
      }
      in->for_each_older(i, want);
    });
    // The positions are in order of authors but for the further vertices of equivocators.
    const auto here = std::span{found}.subspan(begin);
    if (in->slots.size() > width_) {
      std::ranges::sort(here, {}, [&](VertexPosition p) { return in->slots[p.index].vertex().ref(); });
    }
    std::ranges::reverse(here);
  }
  std::ranges::reverse(found);
  return found;
}

Bits VertexStore::ancestors(VertexPosition from, Round target) const {
  std::vector<Bits> reached(static_cast<std::size_t>(std::max(1, from.round.value - target.value + 1)));
  reached[0].set(from.index);
  for (std::size_t back = 0; back + 1 < reached.size(); ++back) {
    const DagRound* in = round(Round{from.round.value - static_cast<std::int32_t>(back)});
    if (in == nullptr) break;
    reached[back].for_each([&](std::uint32_t i) {
      reached[back + 1] |= in->parents(i);
      in->for_each_older(i, [&](VertexPosition p) {
        if (p.round >= target) reached[static_cast<std::size_t>(from.round.value - p.round.value)].set(p.index);
      });
    });
  }
  return from.round < target ? Bits{} : reached.back();
}

void VertexStore::settle(Round leader_round, std::span<const VertexId> ids) {
  std::vector<VertexId> sorted{ids.begin(), ids.end()};
  std::ranges::sort(sorted);
  for (DagRound& in : open_rounds()) {
    for (std::uint32_t i = 0; i < in.slots.size(); ++i) {
      if (in.slots[i].message && std::ranges::binary_search(sorted, in.slots[i].vertex().id)) in.settled.set(i);
    }
  }
  elsewhere_.emplace_back(leader_round, std::move(sorted));
}

void VertexStore::collect(Round floor) {
  if (floor <= floor_) return;
  floor_ = floor;
  while (!elsewhere_.empty() && elsewhere_.front().first <= floor) elsewhere_.pop_front();
  while (first_ < rounds_.size() && base_ <= floor) {
    DagRound old = std::move(rounds_[first_]);
    ++first_;
    ++base_;
    if (spare_.size() >= 2) continue;
    old.present.clear();
    old.covered.clear();
    old.settled.clear();
    old.equivocators.clear();
    old.sum = {};
    old.power = 0;
    old.slots.resize(width_);
    for (StoredVertex& s : old.slots) {
      s.message = {};
      s.links = 0;
    }
    old.links.clear();
    spare_.push_back(std::move(old));
  }
  if (first_ == rounds_.size()) base_ = std::max(base_, next(floor));
  if (first_ >= 16 && 2 * first_ >= rounds_.size()) {
    rounds_.erase(rounds_.begin(), rounds_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

bool operator==(const VertexStore& a, const VertexStore& b) {
  const auto same_slot = [](const StoredVertex& x, const StoredVertex& y) {
    if (!x.message || !y.message) return !x.message && !y.message;
    return x.vertex().id == y.vertex().id;
  };
  const auto same_round = [&](const DagRound& x, const DagRound& y) {
    return x.present == y.present && x.covered == y.covered && x.settled == y.settled &&
           x.equivocators == y.equivocators && std::ranges::equal(x.slots, y.slots, same_slot);
  };
  return a.width_ == b.width_ && a.genesis_ == b.genesis_ && a.floor_ == b.floor_ && a.base_ == b.base_ &&
         a.elsewhere_ == b.elsewhere_ && std::ranges::equal(a.open_rounds(), b.open_rounds(), same_round);
}

void VertexStore::hash_into(HashBuilder& h) const {
  h.add(width_).add(genesis_).add(floor_).add(base_).add(rounds_.size() - first_);
  for (const DagRound& in : open_rounds()) {
    for (const StoredVertex& s : in.slots) h.add(s.message ? s.vertex().id : VertexId{});
    in.covered.hash_into(h);
    in.settled.hash_into(h);
    in.equivocators.hash_into(h);
  }
  h.add(elsewhere_.size());
  for (const auto& [round, ids] : elsewhere_) {
    h.add(round).add(ids.size());
    for (const VertexId& id : ids) h.add(id);
  }
}

}  // namespace seqlab::protocols
