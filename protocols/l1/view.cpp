#include "protocols/l1/view.hpp"

#include <algorithm>
#include <vector>

namespace seqlab::protocols {

L1BlockPtr L1View::block(std::uint64_t height) const {
  if (height < first() || height > this->height()) return nullptr;
  return chain_[height - first()];
}

std::int64_t L1View::receive(const L1BlockPtr& block, const std::function<L1BlockPtr(const Hash128&)>& find) {
  if (block->height <= height()) return -1;
  std::vector<L1BlockPtr> branch;  // newest first, down to the first block that is not ours
  L1BlockPtr at = block;
  while (at != nullptr) {
    const L1BlockPtr ours = this->block(at->height);
    if (ours != nullptr && ours->id == at->id) break;
    if (at->height < first()) return -1;  // it parts from ours where nothing is kept: nobody switches that far back
    branch.push_back(at);
    at = find(at->parent);
  }
  if (at == nullptr) return -1;  // a parent that nobody has
  std::int64_t given_up = 0;
  while (chain_.back()->height > at->height) {
    chain_.pop_back();
    ++given_up;
  }
  for (auto b = branch.rbegin(); b != branch.rend(); ++b) chain_.push_back(*b);
  while (chain_.size() > keep_) chain_.pop_front();
  return given_up;
}

}  // namespace seqlab::protocols
