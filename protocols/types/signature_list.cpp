#include "protocols/types/signature_list.hpp"

#include <algorithm>
#include <cstring>

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

void SignatureList::encode() const {
  constexpr std::size_t one = sizeof(NodeId) + sizeof(std::int64_t) + sizeof(Signature::handle);
  body_->log_bytes.resize(body_->list.size() * one);
  std::byte* to = body_->log_bytes.data();
  for (const CommitSignature& s : body_->list) {
    const std::int64_t timestamp = ns(s.timestamp);
    std::memcpy(to, &s.voter.value, sizeof(NodeId));
    std::memcpy(to + sizeof(NodeId), &timestamp, sizeof timestamp);
    std::memcpy(to + sizeof(NodeId) + sizeof timestamp, &s.signature.handle, sizeof s.signature.handle);
    to += one;
  }
}

bool operator==(const SignatureList& a, const SignatureList& b) {
  return a.body_ == b.body_ || std::ranges::equal(a.list(), b.list());
}

}  // namespace seqlab::protocols
