#include "protocols/consensus/dag/vertex.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "protocols/consensus/forge.hpp"

namespace seqlab::protocols {

using sim::MessageClass;

namespace {

constexpr std::uint32_t header_bytes = 4 + 8 + 4 + 4 + 8 + 8 + 4 + signature_bytes;
constexpr std::uint32_t ref_bytes = 4 + 4 + digest_bytes;
constexpr std::uint32_t request_bytes = 64;
constexpr std::uint32_t response_bytes = 64;

std::uint32_t saturate(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
}

Vertex sealed(Vertex v) {
  v.seal();
  return v;
}

}  // namespace

Hash128 Vertex::compute_id() const {
  HashBuilder h{"vertex"};
  h.add(epoch).add(round).add(author).add(height).add(ns(timestamp)).add(includes.size());
  for (const VertexRef& r : includes) h.add(r.round).add(r.author).add(r.id);
  h.add(payload != nullptr ? payload->id : BlockId{});
  return h.finish();
}

void Vertex::seal() {
  id = compute_id();
  parents.clear();
  parents_sum = {};
  plain = true;
  older.clear();
  parent_at.clear();
  for (std::uint32_t i = 0; i < includes.size(); ++i) {
    const VertexRef& r = includes[i];
    if (next(r.round) != round || r.author.value >= nodes_max) {
      older.push_back(i);
      continue;
    }
    if (parents.test(r.author.value)) {
      plain = false;
      continue;
    }
    parents.set(r.author.value);
    parents_sum = plus(parents_sum, r.id);
    if (parent_at.size() <= r.author.value) parent_at.resize(r.author.value + 1);
    parent_at[r.author.value] = i + 1;
  }
}

bool well_formed(const Vertex& v) {
  if (v.round.value < 0 || v.height.value == 0 || v.epoch.value == 0 || v.height < v.epoch) return false;
  for (const VertexRef& r : v.includes) {
    if (r.round >= v.round || r.round.value < 0 || r.author.value >= Vertex::nodes_max || !r.id) return false;
  }
  std::vector<VertexRef> sorted = v.includes;
  std::ranges::sort(sorted);
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return false;
  if (v.payload == nullptr) return true;
  const Block& b = *v.payload;
  return b.proposer == v.author && b.round == v.round && b.height == v.height && b.evidence.empty() &&
         b.vertices.empty() && b.last_commit == Commit{} && b.id == b.compute_id() && b.bytes == b.compute_bytes();
}

VertexMessage::VertexMessage(Vertex v)
    : ConsensusMessage(MessageKind::vertex, MessageClass::data), vertex(sealed(std::move(v))) {
  author = vertex.author;
  wire_bytes = saturate(header_bytes + std::uint64_t{ref_bytes} * vertex.includes.size() +
                        (vertex.payload != nullptr ? vertex.payload->bytes : 0));
}

void VertexMessage::fill(MessageFields& f) const {
  f.height = vertex.height;
  f.round = vertex.round;
  f.block = vertex.id;
  f.transactions = vertex.payload != nullptr ? static_cast<std::uint32_t>(vertex.payload->transactions.size()) : 0;
}

sim::Record VertexMessage::statement() const {
  sim::Record record{.kind = sim::RecordKind::proposed,
                     .peer = author,
                     .round = static_cast<std::uint32_t>(vertex.round.value),
                     .height = vertex.height.value};
  return record.with_id(vertex.id);
}

MessagePtr VertexMessage::forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                                 const Signer& signer) const {
  Vertex v = vertex;
  v.author = as;
  if (changes.height) v.height = *changes.height;
  if (changes.round) v.round = *changes.round;
  if (changes.timestamp_shift) v.timestamp += *changes.timestamp_shift;
  bool other_payload = false;
  if (v.payload != nullptr) {
    Block b = *v.payload;
    if (changes.drop_transactions) b.transactions.clear();
    b.proposer = as;
    b.height = v.height;
    b.round = v.round;
    b.bytes = b.compute_bytes();
    b.id = b.compute_id();
    if (b.transactions.empty()) {
      v.payload = nullptr;
    } else {
      v.payload = std::make_shared<const Block>(std::move(b));
      if (changes.salt != 0) v.payload = varied(*v.payload, changes.salt);
      other_payload = true;
    }
  }
  if (changes.salt != 0 && !other_payload) v.timestamp += Duration{static_cast<std::int64_t>(changes.salt % 1'000'000)};
  v.signature = signer.sign(as.value, v.compute_id());
  return MessagePtr{pool.make<VertexMessage>(std::move(v))};
}

VertexRequestMessage::VertexRequestMessage(NodeId node, Height e, std::vector<VertexRef> refs, Round floor)
    : ConsensusMessage(MessageKind::vertex_request, MessageClass::sync),
      epoch(e),
      wanted(std::move(refs)),
      above(floor) {
  author = node;
  wire_bytes = saturate(request_bytes + std::uint64_t{ref_bytes} * wanted.size());
}

void VertexRequestMessage::fill(MessageFields& f) const {
  if (wanted.empty()) return;
  f.round = wanted.front().round;
  f.block = wanted.front().id;
}

VertexResponseMessage::VertexResponseMessage(NodeId node, Height e, Height h, bool is_hello,
                                             std::vector<MessagePtr> list)
    : ConsensusMessage(MessageKind::vertex_response, MessageClass::sync),
      epoch(e),
      height(h),
      hello(is_hello),
      vertices(std::move(list)) {
  author = node;
  std::uint64_t bytes = response_bytes;
  for (const MessagePtr& m : vertices) bytes += m->wire_bytes;
  wire_bytes = saturate(bytes);
}

void VertexResponseMessage::fill(MessageFields& f) const {
  f.height = height;
  if (!vertices.empty()) f.round = vertex_of(vertices.front()).round;
}

}  // namespace seqlab::protocols
