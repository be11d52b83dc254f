#include "protocols/consensus/dag/commit_sync.hpp"

#include <algorithm>
#include <utility>

namespace seqlab::protocols {

namespace {
const BlockPtr& block_of(const MessagePtr& response) {
  return static_cast<const BlockResponseMessage&>(*response).block;
}
}  // namespace

void CommitSync::note(NodeId peer, Height height) {
  const auto at = std::ranges::lower_bound(hints_, peer, {}, &Hint::peer);
  if (at != hints_.end() && at->peer == peer) {
    at->height = std::max(at->height, height);
  } else {
    hints_.insert(at, Hint{peer, height});
  }
}

Height CommitSync::claimed(NodeId peer) const {
  const auto at = std::ranges::lower_bound(hints_, peer, {}, &Hint::peer);
  return at != hints_.end() && at->peer == peer ? at->height : Height{};
}

Power CommitSync::power_beyond(Height height, const Committee& committee) const {
  Power sum = 0;
  for (const Hint& h : hints_) {
    if (h.height > height) sum += committee.power_of(h.peer);
  }
  return sum;
}

bool CommitSync::anybody_beyond(Height height) const {
  return std::ranges::any_of(hints_, [&](const Hint& h) { return h.height > height; });
}

std::vector<std::pair<NodeId, Height>> CommitSync::ask(NodeId self, Height first, std::uint32_t window, bool again,
                                                       const Committee& committee) {
  std::vector<std::pair<NodeId, Height>> out;
  settle_below(first);
  for (std::uint32_t k = 0; k < window; ++k) {
    const Height height{first.value + k};
    auto at = std::ranges::lower_bound(wanted_, height, {}, &Wanted::height);
    const bool open = at != wanted_.end() && at->height == height;
    if (open && !again) continue;
    if (!anybody_beyond(height)) break;
    if (!open) at = wanted_.insert(at, Wanted{height, {}});
    // Who could have it, the next one after this node first, another one first at each height: enough of them, as if
    // nobody who was asked before had answered wrongly.
    std::vector<NodeId> able;
    for (const Hint& h : hints_) {
      const bool asked = std::ranges::find(at->asked, h.peer, &Asked::peer) != at->asked.end();
      if (h.height > height && h.peer != self && !asked && committee.power_of(h.peer) > 0) able.push_back(h.peer);
    }
    if (able.empty() && again) {  // everybody was asked: from the beginning
      std::erase_if(at->asked, [](const Asked& a) { return !a.response; });
      continue;
    }
    if (able.empty()) continue;
    const auto start = std::ranges::lower_bound(able, self) - able.begin() + static_cast<std::ptrdiff_t>(k);
    Power power = 0;
    for (std::size_t i = 0; i < able.size() && power < committee.validity(); ++i) {
      const NodeId peer = able[(static_cast<std::size_t>(start) + i) % able.size()];
      power += committee.power_of(peer);
      at->asked.push_back({peer, {}});
      out.emplace_back(peer, height);
    }
  }
  return out;
}

bool CommitSync::answer(NodeId peer, Height height, const MessagePtr& response) {
  const auto at = std::ranges::lower_bound(wanted_, height, {}, &Wanted::height);
  if (at == wanted_.end() || at->height != height) return false;
  const auto asked = std::ranges::find(at->asked, peer, &Asked::peer);
  if (asked == at->asked.end() || asked->response) return false;
  asked->response = response;
  return true;
}

void CommitSync::refused(NodeId peer) {
  for (const Wanted& w : wanted_) {
    const auto asked = std::ranges::find(w.asked, peer, &Asked::peer);
    if (asked == w.asked.end() || asked->response) continue;
    const auto hint = std::ranges::lower_bound(hints_, peer, {}, &Hint::peer);
    if (hint != hints_.end() && hint->peer == peer) hint->height = std::min(hint->height, w.height);
    return;
  }
}

BlockPtr CommitSync::agreed(Height height, const Committee& committee) const {
  const auto at = std::ranges::lower_bound(wanted_, height, {}, &Wanted::height);
  if (at == wanted_.end() || at->height != height) return nullptr;
  for (const Asked& candidate : at->asked) {
    if (!candidate.response) continue;
    Power power = 0;
    for (const Asked& other : at->asked) {
      const bool same = other.response && block_of(other.response)->id == block_of(candidate.response)->id;
      if (same) power += committee.power_of(other.peer);
    }
    if (power >= committee.validity()) return block_of(candidate.response);
  }
  return nullptr;
}

void CommitSync::settle_below(Height height) {
  std::erase_if(wanted_, [&](const Wanted& w) { return w.height < height; });
}

bool operator==(const CommitSync& a, const CommitSync& b) {
  const auto same_asked = [](const CommitSync::Asked& x, const CommitSync::Asked& y) {
    if (x.peer != y.peer || static_cast<bool>(x.response) != static_cast<bool>(y.response)) return false;
    return !x.response || block_of(x.response)->id == block_of(y.response)->id;
  };
  return a.catching_up == b.catching_up && a.hints_ == b.hints_ &&
         std::ranges::equal(a.wanted_, b.wanted_, [&](const CommitSync::Wanted& x, const CommitSync::Wanted& y) {
           return x.height == y.height && std::ranges::equal(x.asked, y.asked, same_asked);
         });
}

void CommitSync::hash_into(HashBuilder& h) const {
  h.add(catching_up).add(hints_.size());
  for (const Hint& hint : hints_) h.add(hint.peer).add(hint.height);
  h.add(wanted_.size());
  for (const Wanted& w : wanted_) {
    h.add(w.height).add(w.asked.size());
    for (const Asked& a : w.asked) h.add(a.peer).add(a.response ? block_of(a.response)->id : BlockId{});
  }
}

}  // namespace seqlab::protocols
