#include "protocols/types/signature_list.hpp"

#include <algorithm>

namespace seqlab::protocols {

Hash128& SignerSet::other(NodeId first) {
  const auto at = std::ranges::lower_bound(windows_, first, {}, &Window::first);
  if (at != windows_.end() && at->first == first) return at->nodes;
  return windows_.insert(at, Window{first, {}})->nodes;
}

void SignatureList::find_signers() const {
  SignerSet signers;
  for (const CommitSignature& s : body_->list) signers.add(s.voter);
  body_->signers = std::move(signers);
  body_->signers_known = true;
}

bool operator==(const SignatureList& a, const SignatureList& b) {
  return a.body_ == b.body_ || std::ranges::equal(a.list(), b.list());
}

}  // namespace seqlab::protocols
