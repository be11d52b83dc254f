#include "sim/net/gossip.hpp"

#include <algorithm>
#include <utility>

#include "sim/random/stream.hpp"

namespace seqlab::sim {

namespace {

std::uint64_t point_of(std::uint64_t key, NodeId node, std::uint64_t lane) {
  const auto words = philox(key, node.value, lane);
  return static_cast<std::uint64_t>(words[0]) << 32U | words[1];
}

/// Draws of a node for its chords: some hit neighbours that it has already.
constexpr std::uint32_t draws_max = 64;

using Edge = std::pair<std::uint32_t, std::uint32_t>;  // positions

}  // namespace

Overlay::Overlay(std::uint64_t seed, std::vector<NodeId> members, std::uint32_t degree) : members_(std::move(members)) {
  const auto size = static_cast<std::uint32_t>(members_.size());
  if (size == 0) return;
  position_.assign(members_.back().value + std::size_t{1}, 0);
  for (std::uint32_t i = 0; i < size; ++i) position_[members_[i].value] = i;

  std::vector<Edge> edges;
  const auto join = [&](std::uint32_t a, std::uint32_t b) {
    if (a == b) return;
    edges.emplace_back(a, b);
    edges.emplace_back(b, a);
  };
  if (size - 1 <= degree) {
    for (std::uint32_t a = 0; a < size; ++a) {
      for (std::uint32_t b = a + 1; b < size; ++b) join(a, b);
    }
  } else {
    const std::uint64_t key = stream_key(seed, purpose_key("net.gossip"), 0);
    std::vector<std::pair<std::uint64_t, std::uint32_t>> ring(size);  // point, position
    for (std::uint32_t i = 0; i < size; ++i) ring[i] = {point_of(key, members_[i], 0), i};
    std::sort(ring.begin(), ring.end());
    for (std::uint32_t i = 0; i < size; ++i) join(ring[i].second, ring[(i + 1) % size].second);
    // A chord adds one neighbour at both of its ends; with an odd degree half of the nodes draw one more.
    const std::uint32_t ends = degree > 2 ? degree - 2 : 0;
    std::vector<std::uint32_t> taken;
    for (std::uint32_t i = 0; i < size; ++i) {
      const auto [point, position] = ring[i];
      taken.assign({position, ring[(i + 1) % size].second, ring[(i + size - 1) % size].second});
      std::uint32_t chords = ends / 2 + (ends % 2 != 0 && (point & 1U) != 0 ? 1 : 0);
      for (std::uint32_t draw = 1; chords > 0 && draw <= draws_max; ++draw) {
        const std::pair<std::uint64_t, std::uint32_t> end{point_of(key, members_[position], draw), 0};
        const auto at = std::lower_bound(ring.begin(), ring.end(), end);
        const std::uint32_t other = (at == ring.end() ? ring.front() : *at).second;
        if (std::find(taken.begin(), taken.end(), other) != taken.end()) continue;
        taken.push_back(other);
        join(position, other);
        --chords;
      }
    }
  }
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());

  begin_.assign(size + std::size_t{1}, 0);
  edges_.reserve(edges.size());
  for (const auto& [a, b] : edges) {
    ++begin_[a + 1];
    edges_.push_back(members_[b]);
  }
  for (std::uint32_t i = 0; i < size; ++i) begin_[i + 1] += begin_[i];
}

std::span<const NodeId> Overlay::neighbours_of(NodeId node) const {
  const std::uint32_t position = position_of(node);
  return std::span{edges_}.subspan(begin_[position], begin_[position + 1] - begin_[position]);
}

bool Overlay::is_over(std::span<const NodeId> to, NodeId from) const {
  std::size_t next = 0;
  bool found = false;
  for (const NodeId member : members_) {
    if (member == from) {
      found = true;
      if (next < to.size() && to[next] == from) ++next;
    } else if (next < to.size() && to[next] == member) {
      ++next;
    } else {
      return false;
    }
  }
  return found && next == to.size();
}

const std::shared_ptr<const Overlay>& Gossip::overlay_over(std::span<const NodeId> to, NodeId from) {
  const auto find = [&](std::span<const NodeId> nodes) {
    for (std::size_t i = overlays_.size(); i-- > 0;) {
      if (!overlays_[i]->is_over(nodes, from)) continue;
      const auto at = overlays_.begin() + static_cast<std::ptrdiff_t>(i);
      std::rotate(at, at + 1, overlays_.end());
      return true;
    }
    return false;
  };
  if (find(to)) return overlays_.back();
  scratch_.assign(to.begin(), to.end());
  scratch_.push_back(from);
  std::sort(scratch_.begin(), scratch_.end());
  scratch_.erase(std::unique(scratch_.begin(), scratch_.end()), scratch_.end());
  if (find(scratch_)) return overlays_.back();
  if (overlays_.size() >= overlays_max) overlays_.erase(overlays_.begin());
  overlays_.push_back(std::make_shared<const Overlay>(seed_, scratch_, degree_));
  return overlays_.back();
}

std::uint32_t Gossip::begin(std::uint64_t sequence, NodeId from, std::span<const NodeId> to) {
  const std::shared_ptr<const Overlay>& overlay = overlay_over(to, from);
  if (sequence <= sequence_max_) {
    // Perhaps sent again: whoever has seen it lately will not handle it twice.
    for (std::uint32_t i = 0; i < floods_.size(); ++i) {
      if (floods_[i].copies == 0 || floods_[i].sequence != sequence || floods_[i].overlay != overlay) continue;
      ++floods_[i].copies;
      see(i, from);
      return i;
    }
  }
  sequence_max_ = std::max(sequence_max_, sequence);

  std::uint32_t number = 0;
  if (free_.empty()) {
    number = static_cast<std::uint32_t>(floods_.size());
    floods_.emplace_back();
    free_.reserve(floods_.capacity());
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Flood& flood = floods_[number];
  flood.sequence = sequence;
  flood.overlay = overlay;
  flood.origin = from;
  flood.copies = 1;
  flood.seen.assign((overlay->members().size() + 63) / 64, 0);
  see(number, from);
  return number;
}

void Gossip::leave(std::uint32_t number) {
  Flood& flood = floods_[number];
  if (--flood.copies > 0) return;
  flood.overlay.reset();
  free_.push_back(number);
}

bool Gossip::see(std::uint32_t flood, NodeId node) {
  const std::uint32_t position = floods_[flood].overlay->position_of(node);
  std::uint64_t& word = floods_[flood].seen[position / 64];
  const std::uint64_t bit = std::uint64_t{1} << (position % 64);
  const bool first = (word & bit) == 0;
  word |= bit;
  return first;
}

}  // namespace seqlab::sim
