#include "protocols/consensus/pbft/messages.hpp"

#include <utility>

#include "protocols/consensus/certificates.hpp"

namespace seqlab::protocols {

using sim::MessageClass;

namespace {

void add(HashBuilder& h, const Commit& c) {
  h.add(c.height).add(c.round).add(c.block).add(c.type).add(c.signatures.size());
  for (const CommitSignature& s : c.signatures) h.add(s.voter).add(ns(s.timestamp)).add(s.signature.handle);
}

constexpr std::uint32_t header_bytes = 64;

}  // namespace

CheckpointMessage::CheckpointMessage(const Vote& v, Commit p)
    : ConsensusMessage(MessageKind::checkpoint, MessageClass::consensus), vote(v), proof(std::move(p)) {
  author = vote.voter;
  wire_bytes = vote_bytes + (proof.signatures.empty() ? 0 : encoded_bytes(proof));
}

void CheckpointMessage::fill(MessageFields& f) const {
  f.height = vote.height;
  f.block = vote.block;
}

Hash128 ViewChangeMessage::Content::signed_digest() const {
  HashBuilder h{"view change"};
  h.add(node).add(era_first).add(view).add(executed);
  add(h, checkpoint);
  h.add(prepared.size());
  for (const PreparedBlock& p : prepared) add(h, p.certificate);
  return h.finish();
}

ViewChangeMessage::ViewChangeMessage(Content c)
    : ConsensusMessage(MessageKind::view_change, MessageClass::consensus), content(std::move(c)) {
  author = content.node;
  wire_bytes = header_bytes + signature_bytes + encoded_bytes(content.checkpoint);
  for (const PreparedBlock& p : content.prepared) {
    wire_bytes += encoded_bytes(p.certificate) + (p.body != nullptr ? p.body->bytes : 0);
  }
}

void ViewChangeMessage::fill(MessageFields& f) const {
  f.height = next(content.executed);
  f.round = content.view;
}

sim::Record ViewChangeMessage::statement() const {
  return {.kind = sim::RecordKind::voted,
          .detail = static_cast<std::uint8_t>(VoteType::timeout),
          .node = content.node,
          .round = static_cast<std::uint32_t>(content.view.value),
          .height = next(content.executed).value};
}

std::uint64_t ViewChangeMessage::signature_count() const {
  std::uint64_t count = 1 + content.checkpoint.signatures.size();
  for (const PreparedBlock& p : content.prepared) count += p.certificate.signatures.size();
  return count;
}

bool ViewChangeMessage::is_sound(const Committee& committee, Power quorum, Signatures& signatures) const {
  if (checked != Checked::not_yet) return checked == Checked::good;
  checked = Checked::bad;
  const Content& c = content;
  if (c.view < Round{1} || c.era_first.value == 0 || next(c.executed) < c.era_first) return false;
  if (!signatures.verify(c.node.value, c.signed_digest(), c.signature)) return false;
  Height above = previous(c.era_first);
  if (!c.checkpoint.signatures.empty()) {
    if (c.checkpoint.height < c.era_first || c.checkpoint.height > c.executed) return false;
    above = c.checkpoint.height;
    if (check_certificate(c.checkpoint, VoteType::none, above, c.checkpoint.block, committee, quorum, signatures) !=
        Reject::none) {
      return false;
    }
  }
  for (const PreparedBlock& p : c.prepared) {
    const Commit& cert = p.certificate;
    const bool typed = cert.type == VoteType::prevote || cert.type == VoteType::precommit;
    if (!typed || cert.height <= above || cert.round >= c.view) return false;
    if (p.body != nullptr &&
        (p.body->id != cert.block || p.body->id != p.body->compute_id() || p.body->height != cert.height)) {
      return false;
    }
    if (check_certificate(cert, cert.type, cert.height, cert.block, committee, quorum, signatures) != Reject::none) {
      return false;
    }
    above = cert.height;
  }
  checked = Checked::good;
  return true;
}

Hash128 NewViewMessage::Content::signed_digest() const {
  HashBuilder h{"new view"};
  h.add(node).add(era_first).add(view).add(view_changes.size());
  for (const MessagePtr& m : view_changes) h.add(static_cast<const ViewChangeMessage&>(*m).content.signed_digest());
  h.add(assigned.size());
  for (const Vote& v : assigned) v.hash_into(h);
  return h.finish();
}

NewViewMessage::NewViewMessage(Content c)
    : ConsensusMessage(MessageKind::new_view, MessageClass::consensus), content(std::move(c)) {
  author = content.node;
  wire_bytes = header_bytes + signature_bytes;
  for (const MessagePtr& m : content.view_changes) wire_bytes += m->wire_bytes;
  wire_bytes += static_cast<std::uint32_t>(content.assigned.size()) * vote_bytes;
  for (const BlockPtr& b : content.bodies) wire_bytes += b->bytes;
}

void NewViewMessage::fill(MessageFields& f) const {
  f.round = content.view;
  if (content.assigned.empty()) return;
  f.height = content.assigned.back().height;
  f.block = content.assigned.back().block;
}

std::uint64_t NewViewMessage::signature_count() const {
  std::uint64_t count = 1 + content.assigned.size();
  for (const MessagePtr& m : content.view_changes) {
    count += static_cast<const ViewChangeMessage&>(*m).signature_count();
  }
  return count;
}

}  // namespace seqlab::protocols
