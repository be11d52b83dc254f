// The signatures of a certificate. A certificate is made once and then held by every node that has seen it: copies of a
// list share its memory, and what can be said of all signatures together is worked out once for all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "protocols/crypto/signatures.hpp"
#include "protocols/types/ids.hpp"
#include "sim/kernel/time.hpp"

namespace seqlab::protocols {

struct CommitSignature {
  NodeId voter;
  SimTime timestamp{};
  Signature signature;
  friend bool operator==(const CommitSignature&, const CommitSignature&) = default;
};

/// Who signed a certificate, the way its records name them: as bit sets of 128 nodes each. The order in which signers
/// are added makes no difference.
class SignerSet {
 public:
  static constexpr std::uint32_t window_nodes = 128;
  struct Window {
    NodeId first;  ///< a multiple of `window_nodes`
    Hash128 nodes;  ///< bit i of `hi` is node first + i, bit i of `lo` is node first + 64 + i
  };
  void add(NodeId signer) {
    const NodeId first{signer.value / window_nodes * window_nodes};
    Hash128& nodes = windows_.empty() || windows_.back().first != first ? other(first) : windows_.back().nodes;
    (signer.value % window_nodes < 64 ? nodes.hi : nodes.lo) |= std::uint64_t{1} << (signer.value % 64);
  }
  /// Those that have a signer, in order.
  const std::vector<Window>& windows() const { return windows_; }

 private:
  Hash128& other(NodeId first);
  std::vector<Window> windows_;
};

/// Like a vector of signatures whose elements cannot be written; whoever wants to takes the list apart with `edit`.
class SignatureList {
 public:
  SignatureList() = default;
  SignatureList(std::initializer_list<CommitSignature> list) {
    if (list.size() != 0) edit() = list;
  }

  std::span<const CommitSignature> list() const {
    return body_ != nullptr ? std::span<const CommitSignature>{body_->list} : std::span<const CommitSignature>{};
  }
  std::size_t size() const { return body_ != nullptr ? body_->list.size() : 0; }
  bool empty() const { return size() == 0; }
  auto begin() const { return list().begin(); }
  auto end() const { return list().end(); }
  const CommitSignature& operator[](std::size_t i) const { return body_->list[i]; }

  void push_back(const CommitSignature& s) { edit().push_back(s); }
  void reserve(std::size_t size) { edit().reserve(size); }
  void clear() { body_ = nullptr; }
  /// An own copy of the list. Valid until this object is next used otherwise.
  std::vector<CommitSignature>& edit() {
    if (body_ == nullptr) {
      body_ = std::make_shared<Body>();
    } else if (body_.use_count() != 1) {
      body_ = std::make_shared<Body>(body_->list);
    } else {
      body_->signers_known = false;
      body_->log_bytes.clear();
    }
    return body_->list;
  }

  /// @pre not empty
  const SignerSet& signers() const {
    if (!body_->signers_known) find_signers();
    return body_->signers;
  }
  /// The signatures one after the other as logs keep them: voter, timestamp, signature. Empty if the list is.
  std::span<const std::byte> log_bytes() const {
    if (empty()) return {};
    if (body_->log_bytes.empty()) encode();
    return body_->log_bytes;
  }
  friend bool operator==(const SignatureList& a, const SignatureList& b);

 private:
  struct Body {
    Body() = default;
    explicit Body(std::vector<CommitSignature> l) : list(std::move(l)) {}
    std::vector<CommitSignature> list;
    // Found when first asked for: no part of the value.
    bool signers_known = false;
    SignerSet signers;
    std::vector<std::byte> log_bytes;  // likewise; empty: not yet
  };
  void find_signers() const;
  void encode() const;
  std::shared_ptr<Body> body_;  // null: empty
};

}  // namespace seqlab::protocols
