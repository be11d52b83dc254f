// What the validators of a DAG engine say: vertices, each with its author's transactions and with references to the
// vertices that he has seen. What a vertex refers to it vouches for: whoever accepts it has all of its ancestors.
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/consensus/dag/bits.hpp"
#include "protocols/consensus/messages.hpp"

namespace seqlab::protocols {

using VertexId = Hash128;

struct VertexRef {
  Round round = no_round;
  NodeId author{no_node};
  VertexId id;
  friend auto operator<=>(const VertexRef&, const VertexRef&) = default;
};

/// Immutable once `seal`ed. An honest author signs one a round.
struct Vertex {
  Height epoch{};                   ///< first height that its committee decides
  Round round{};
  NodeId author{no_node};
  Height height{};                  ///< that its author was deciding: tells the others how far he is
  SimTime timestamp{};              ///< clock of its author
  std::vector<VertexRef> includes;  ///< of earlier rounds, in the author's order, his own last one first
  BlockPtr payload;                 ///< null: no transactions
  Signature signature{};

  // Of the above; set by `seal`.
  VertexId id;
  Bits parents;          ///< authors of the references to the round before
  Hash128 parents_sum;   ///< sum of the ids of the first such reference to each of them
  bool plain = true;     ///< not two of them to one author
  std::vector<std::uint32_t> older;      ///< positions in `includes` of references to rounds before that
  /// By author: 1 + position in `includes` of the first reference to a vertex of his in the round before, 0 = none.
  std::vector<std::uint32_t> parent_at;

  VertexRef ref() const { return {round, author, id}; }
  /// The first reference to a vertex of the round before by `a`; null if there is none.
  const VertexRef* parent_of(NodeId a) const {
    const std::uint32_t at = a.value < parent_at.size() ? parent_at[a.value] : 0;
    return at == 0 ? nullptr : &includes[at - 1];
  }
  /// Computes `id` and what is derived. @pre authors in `includes` are below `nodes_max`
  void seal();
  Hash128 compute_id() const;
  /// Signs with the author's key, after `seal`: `id` is what is signed.
  static constexpr std::uint32_t nodes_max = 1U << 16U;
};

/// Lane-wise sum: a fingerprint of a set of ids that can be had from that of a larger set by taking some out.
inline Hash128 plus(Hash128 a, Hash128 b) { return {a.hi + b.hi, a.lo + b.lo}; }
inline Hash128 minus(Hash128 a, Hash128 b) { return {a.hi - b.hi, a.lo - b.lo}; }

/// `checked` covers the signature and everything that the vertex says about itself (see `well_formed`).
class VertexMessage final : public ConsensusMessage {
 public:
  explicit VertexMessage(Vertex v);
  void fill(MessageFields& fields) const override;
  sim::Record statement() const override;
  std::uint64_t signature_count() const override { return 1; }
  MessagePtr forged(sim::MessagePool& pool, NodeId as, const ForgeChanges& changes,
                    const Signer& signer) const override;
  const Vertex vertex;
};

inline const Vertex& vertex_of(const MessagePtr& message) { return static_cast<const VertexMessage&>(*message).vertex; }

/// Whether the vertex is consistent in itself: references to earlier rounds and none twice, a payload of its author,
/// round and height whose id and size are those of its content. Says nothing about signature, committee or ancestors.
bool well_formed(const Vertex& vertex);

/// "Send me these vertices." Without references: "I have just started: send me the last vertex of mine that you know,
/// and your own last one".
class VertexRequestMessage final : public ConsensusMessage {
 public:
  VertexRequestMessage(NodeId node, Height epoch, std::vector<VertexRef> wanted, Round above);
  void fill(MessageFields& fields) const override;
  const Height epoch;
  const std::vector<VertexRef> wanted;
  const Round above;  ///< ancestors of later rounds than this are welcome as well
};

class VertexResponseMessage final : public ConsensusMessage {
 public:
  /// @param height  that the sender is deciding
  /// @param hello   answers a request without references
  VertexResponseMessage(NodeId node, Height epoch, Height height, bool hello, std::vector<MessagePtr> vertices);
  void fill(MessageFields& fields) const override;
  std::uint64_t signature_count() const override { return vertices.size(); }
  const Height epoch;
  const Height height;
  const bool hello;
  const std::vector<MessagePtr> vertices;  ///< ancestors first
};

}  // namespace seqlab::protocols
