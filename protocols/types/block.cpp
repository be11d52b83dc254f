#include "protocols/types/block.hpp"

#include <algorithm>
#include <limits>

namespace seqlab::protocols {

namespace {

void hash_commit(const Commit& commit, HashBuilder& h) {
  h.add(commit.height).add(commit.round).add(commit.block).add(commit.type).add(commit.signatures.size());
  for (const CommitSignature& s : commit.signatures) h.add(s.voter).add(ns(s.timestamp)).add(s.signature.handle);
  if (commit.epoch != Epoch{}) h.add(hash_domain("epoch")).add(commit.epoch);
}

/// Sizes that a hostile block claims may not wrap around.
std::uint32_t saturate(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
}

std::uint64_t commit_size(const Commit& commit) {
  const std::uint64_t epoch = commit.epoch != Epoch{} ? epoch_bytes : 0;
  return commit_bytes + epoch + std::uint64_t{commit_signature_bytes} * commit.signatures.size();
}

}  // namespace

Hash128 Vote::signed_digest() const {
  FieldHash<8> h;
  h.add(hash_domain("vote")).add(height).add(round).add(type).add(block).add(ns(timestamp));
  if (epoch != Epoch{}) h.add(epoch);
  return h.finish();
}

void Vote::hash_into(HashBuilder& h) const {
  h.add(height).add(round).add(type).add(voter).add(block).add(ns(timestamp)).add(signature.handle);
  if (epoch != Epoch{}) h.add(hash_domain("epoch")).add(epoch);
}

Hash128 Evidence::id() const {
  // The same offence has one id, whichever of the two statements its witness saw first.
  const Hash128 a = first.signed_digest();
  const Hash128 b = second.signed_digest();
  return FieldHash<7>{}
      .add(hash_domain("evidence"))
      .add(kind)
      .add(offender)
      .add(std::min(a, b))
      .add(std::max(a, b))
      .finish();
}

BlockId Block::compute_id() const {
  // Signatures are part of the content: one id never stands for a valid and an invalid block. (A transaction's id
  // leaves its signature out.) Handles are the same with both back ends, so ids are as well.
  HashBuilder h{"block"};
  h.add(height).add(round).add(parent).add(proposer).add(ns(timestamp)).add(state_before).add(committee_hash);
  h.add(transactions.size());
  for (const Transaction& tx : transactions) h.add(tx.id).add(tx.signature.handle);
  h.add(evidence.size());
  for (const Evidence& e : evidence) {
    h.add(e.kind).add(e.offender);
    e.first.hash_into(h);
    e.second.hash_into(h);
  }
  hash_commit(last_commit, h);
  if (!vertices.empty()) {  // other blocks keep the ids that they always had
    h.add(vertices.size());
    for (const Hash128& vertex : vertices) h.add(vertex);
  }
  if (external) {
    h.add(hash_domain("external"));
    h.add(external->ref.height).add(external->ref.id).add(ns(external->ref.timestamp)).add(external->pointer);
    h.add(external->items.size());
    for (const ForcedItem& item : external->items) {
      h.add(item.id).add(item.position).add(item.l1_height).add(ns(item.l1_timestamp)).add(item.transaction.id);
      if (item.condition) {
        h.add(hash_domain("condition")).add(item.condition->account).add(item.condition->least);
      }
    }
  }
  h.add(bytes);
  return h.finish();
}

bool Block::is_consistent() const {
  if (consistency.value == Consistency::unknown) {
    consistency.value = bytes == compute_bytes() && id == compute_id() ? Consistency::yes : Consistency::no;
  }
  return consistency.value == Consistency::yes;
}

bool Block::is_authentic(Signatures& signatures) const {
  if (authenticity.value == Consistency::unknown) {
    const bool all = std::ranges::all_of(transactions, [&](const Transaction& tx) {
      return tx.well_formed() && signatures.verify(account_key(tx.sender.value), tx.id, tx.signature);
    });
    authenticity.value = all ? Consistency::yes : Consistency::no;
  }
  return authenticity.value == Consistency::yes;
}

std::uint32_t Block::compute_bytes() const {
  std::uint64_t sum = block_header_bytes + commit_size(last_commit);
  for (const Transaction& tx : transactions) sum += std::max(tx.bytes, transaction_bytes_min);
  sum += std::uint64_t{evidence_bytes} * evidence.size() + std::uint64_t{digest_bytes} * vertices.size();
  if (external) sum += external_bytes + std::uint64_t{forced_item_bytes} * external->items.size();
  return saturate(sum);
}

std::uint32_t encoded_bytes(const Commit& commit) {
  std::uint64_t sum = commit_size(commit);
  // A descendant proves by its header, the root of its content and the certificate that it carries.
  for (const BlockPtr& d : commit.descendants) sum += block_header_bytes + digest_bytes + commit_size(d->last_commit);
  return saturate(sum);
}

}  // namespace seqlab::protocols
