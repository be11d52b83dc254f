#include "protocols/types/committee.hpp"

#include <algorithm>

#include "sim/base/assert.hpp"

namespace seqlab::protocols {

Committee::Committee(std::vector<Validator> validators) : validators_(std::move(validators)) {
  std::ranges::stable_sort(validators_, {}, &Validator::node);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < validators_.size(); ++i) {
    if (i + 1 < validators_.size() && validators_[i + 1].node == validators_[i].node) continue;  // a later entry wins
    SEQLAB_ASSERT(validators_[i].power >= 0, validators_[i].node.value, validators_[i].power);
    if (validators_[i].power == 0) continue;
    total_ += validators_[i].power;
    SEQLAB_ASSERT(validators_[i].power < Power{1} << 60 && total_ < Power{1} << 60, total_);
    validators_[kept++] = validators_[i];
  }
  validators_.resize(kept);
  validators_.shrink_to_fit();
  hash_ = hash_of(validators_);
}

Hash128 Committee::hash_of(std::span<const Validator> validators) {
  HashBuilder h{"committee"};
  h.add(validators.size());
  for (const Validator& v : validators) h.add(v.node).add(v.power);
  return h.finish();
}

std::int32_t Committee::index_of(NodeId node) const {
  // Most committees are the nodes 0 ... n-1, whose position is their number.
  if (node.value < validators_.size() && validators_[node.value].node == node) {
    return static_cast<std::int32_t>(node.value);
  }
  const auto found = std::ranges::lower_bound(validators_, node, {}, &Validator::node);
  if (found == validators_.end() || found->node != node) return -1;
  return static_cast<std::int32_t>(found - validators_.begin());
}

Power Committee::power_of(NodeId node) const {
  const std::int32_t index = index_of(node);
  return index < 0 ? 0 : validators_[static_cast<std::size_t>(index)].power;
}

Committee Committee::with(std::span<const ValidatorUpdate> updates) const {
  std::vector<Validator> changed = validators_;
  changed.insert(changed.end(), updates.begin(), updates.end());
  return Committee{std::move(changed)};
}

void Committee::hash_into(HashBuilder& h) const {
  h.add(hash_);
}

}  // namespace seqlab::protocols
