#include "protocols/l1/registry.hpp"

#include <algorithm>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

Registry::Registry(const RegistryOptions& options)
    : owner_(options.owner), lag_(options.lag), writers_(options.writers) {
  SEQLAB_ASSERT(options.exists() && lag_ > 0, lag_);
  turns_.push_back({0, writers_.front()});
  std::ranges::sort(writers_);
}

RegistryReject Registry::apply(const RegistryData& change, NodeId author, std::uint64_t height) {
  if (author != owner_) return RegistryReject::not_owner;
  if (change.turn <= turn_) return RegistryReject::old_turn;
  const auto at = std::ranges::lower_bound(writers_, change.node);
  const bool here = at != writers_.end() && *at == change.node;
  const NodeId last = turns_.back().writer;
  NodeId next = last;
  switch (change.action) {
    case RegistryAction::add:
      if (here) return RegistryReject::registered;
      writers_.insert(at, change.node);
      break;
    case RegistryAction::remove:
      if (!here) return RegistryReject::unknown;
      writers_.erase(at);
      if (last == change.node) next = no_node;
      break;
    case RegistryAction::rotate:
      if (!here) return RegistryReject::unknown;
      next = change.node;
      break;
  }
  turn_ = change.turn;
  while (turns_.size() > 1 && turns_[1].from <= height) turns_.erase(turns_.begin());
  if (next != last) turns_.push_back({height + lag_, next});
  return RegistryReject::none;
}

NodeId Registry::entitled(std::uint64_t height) const {
  const auto later = std::ranges::upper_bound(turns_, height, {}, &Turn::from);
  return later == turns_.begin() ? no_node : std::prev(later)->writer;
}

}  // namespace seqlab::protocols
