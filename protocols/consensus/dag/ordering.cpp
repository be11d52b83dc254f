#include "protocols/consensus/dag/ordering.hpp"

#include <algorithm>
#include <memory>
#include <unordered_set>
#include <utility>

namespace seqlab::protocols {

BlockPtr make_block(const ChainHead& head, std::span<const MessagePtr> vertices, const Committee& committee) {
  const Vertex& leader = vertex_of(vertices.back());
  Block b;
  b.height = next(head.height);
  b.round = leader.round;
  b.parent = head.block;
  b.proposer = leader.author;
  b.timestamp = head.height.value == 0 ? leader.timestamp : std::max(leader.timestamp, head.timestamp + Duration{1});
  b.committee_hash = committee.hash();
  if (leader.payload != nullptr) b.external = leader.payload->external;
  b.vertices.reserve(vertices.size());
  std::size_t transactions = 0;
  for (const MessagePtr& m : vertices) {
    const Vertex& v = vertex_of(m);
    b.vertices.push_back(v.id);
    transactions += v.payload != nullptr ? v.payload->transactions.size() : 0;
  }
  std::unordered_set<TxId> seen;  // only looked up
  seen.reserve(transactions);
  b.transactions.reserve(transactions);
  for (const MessagePtr& m : vertices) {
    const Vertex& v = vertex_of(m);
    if (v.payload == nullptr) continue;
    for (const Transaction& tx : v.payload->transactions) {
      if (seen.insert(tx.id).second) b.transactions.push_back(tx);
    }
  }
  b.bytes = b.compute_bytes();
  b.id = b.compute_id();
  return std::make_shared<const Block>(std::move(b));
}

}  // namespace seqlab::protocols
