// From vertices in order to a block of the chain.
#pragma once

#include <span>

#include "protocols/consensus/dag/vertex.hpp"
#include "protocols/types/committee.hpp"

namespace seqlab::protocols {

/// What the block follows.
struct ChainHead {
  Height height{};
  BlockId block;
  SimTime timestamp{};
  friend bool operator==(const ChainHead&, const ChainHead&) = default;
};

/// The block that a committed leader gives: the transactions of the vertices, in their order, each transaction once.
/// Its proposer (who earns the fees) and its round are the leader's; its time is the leader's, and later than its
/// parent's. A function of head, vertices and committee alone. @pre vertices not empty, the leader's vertex last
BlockPtr make_block(const ChainHead& head, std::span<const MessagePtr> vertices, const Committee& committee);

}  // namespace seqlab::protocols
