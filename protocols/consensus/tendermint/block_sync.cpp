#include "protocols/consensus/tendermint/block_sync.hpp"

#include <algorithm>
#include <tuple>

namespace seqlab::protocols {

BlockSync::Peer& BlockSync::peer(NodeId node) {
  const auto at = std::ranges::lower_bound(peers_, node, {}, &Peer::node);
  if (at != peers_.end() && at->node == node) return *at;
  return *peers_.insert(at, Peer{node, Height{}, 0});
}

void BlockSync::note(NodeId node, Height height) { peer(node).height = height; }

Height BlockSync::best() const {
  Height h{};
  for (const Peer& p : peers_) h = std::max(h, p.height);
  return h;
}

Power BlockSync::power_beyond(Height height, const Committee& committee) const {
  Power sum = 0;
  for (const Peer& p : peers_) {
    if (p.height > height) sum += committee.power_of(p.node);
  }
  return sum;
}

std::pair<std::uint32_t, std::uint32_t> BlockSync::cost_of(NodeId node) const {
  const auto at = std::ranges::lower_bound(peers_, node, {}, &Peer::node);
  const std::uint32_t strikes = at != peers_.end() && at->node == node ? at->strikes : 0;
  return {strikes, static_cast<std::uint32_t>(std::ranges::count(requests_, node, &Request::peer))};
}

NodeId BlockSync::choose(NodeId self, Height height) const {
  std::vector<NodeId> able;
  for (const Peer& p : peers_) {
    if (p.height > height) able.push_back(p.node);
  }
  return choose_among(self, able);
}

NodeId BlockSync::choose_among(NodeId self, std::span<const NodeId> candidates) const {
  NodeId best = no_node;
  std::tuple<std::uint32_t, std::uint32_t, std::uint32_t> least{};
  for (const NodeId node : candidates) {
    if (node == self) continue;
    const auto [strikes, open] = cost_of(node);
    const std::tuple cost{strikes, open, node.value - self.value};  // the distance wraps around
    if (best == no_node || cost < least) {
      best = node;
      least = cost;
    }
  }
  return best;
}

bool BlockSync::is_open(Height height, BlockId block) const {
  return std::ranges::any_of(requests_, [&](const Request& r) { return r.height == height && r.block == block; });
}

bool BlockSync::close(NodeId node, Height height, BlockId block) {
  const auto at = std::ranges::find_if(requests_, [&](const Request& r) {
    return r.peer == node && r.height == height && (!r.block || r.block == block);
  });
  if (at == requests_.end()) return false;
  requests_.erase(at);
  return true;
}

bool BlockSync::refused(NodeId node) {
  const auto at = std::ranges::find(requests_, node, &Request::peer);
  if (at == requests_.end()) return false;
  if (!at->block) peer(node).height = std::min(peer(node).height, at->height);
  requests_.erase(at);
  ++peer(node).strikes;
  return true;
}

void BlockSync::strike(NodeId node) {
  Peer& p = peer(node);
  ++p.strikes;
  p.height = Height{};
}

void BlockSync::praise(NodeId node) { peer(node).strikes = 0; }

bool BlockSync::age() {
  if (requests_.empty()) return false;
  std::vector<Request> open;
  open.swap(requests_);
  for (Request& r : open) {
    if (r.aged) {
      strike(r.peer);
    } else {
      r.aged = true;
      requests_.push_back(r);
    }
  }
  return true;
}

void BlockSync::settle_below(Height height) {
  std::erase_if(requests_, [&](const Request& r) { return r.height < height; });
  std::erase_if(kept_, [&](const Kept& k) { return k.height < height; });
}

void BlockSync::keep(NodeId from, const MessagePtr& response, Height height) {
  const auto at = std::ranges::lower_bound(kept_, height, {}, &Kept::height);
  if (at != kept_.end() && at->height == height) return;
  kept_.insert(at, Kept{height, from, response});
}

bool BlockSync::is_kept(Height height) const { return std::ranges::binary_search(kept_, height, {}, &Kept::height); }

std::pair<NodeId, MessagePtr> BlockSync::take(Height height) {
  const auto at = std::ranges::lower_bound(kept_, height, {}, &Kept::height);
  if (at == kept_.end() || at->height != height) return {no_node, MessagePtr{}};
  std::pair<NodeId, MessagePtr> taken{at->from, std::move(at->message)};
  kept_.erase(at);
  return taken;
}

bool operator==(const BlockSync& a, const BlockSync& b) {
  const auto same_kept = [](const BlockSync::Kept& x, const BlockSync::Kept& y) {
    const auto& mx = static_cast<const BlockResponseMessage&>(*x.message);
    const auto& my = static_cast<const BlockResponseMessage&>(*y.message);
    return x.height == y.height && x.from == y.from && mx.block->id == my.block->id && mx.commit == my.commit;
  };
  return a.catching_up == b.catching_up && a.peers_ == b.peers_ && a.requests_ == b.requests_ &&
         std::ranges::equal(a.kept_, b.kept_, same_kept);
}

void BlockSync::hash_into(HashBuilder& h) const {
  h.add(catching_up).add(peers_.size());
  for (const Peer& p : peers_) h.add(p.node).add(p.height).add(p.strikes);
  h.add(requests_.size());
  for (const Request& r : requests_) h.add(r.height).add(r.block).add(r.peer).add(r.aged);
  h.add(kept_.size());
  for (const Kept& k : kept_) {
    const auto& m = static_cast<const BlockResponseMessage&>(*k.message);
    h.add(k.height).add(k.from).add(m.block->id).add(m.commit.round).add(m.commit.signatures.size());
  }
}

}  // namespace seqlab::protocols
