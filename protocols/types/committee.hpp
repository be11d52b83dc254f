// Validators, their voting power, and exact quorum arithmetic (integers only; powers sum to less than 2^60).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "protocols/types/ids.hpp"

namespace seqlab::protocols {

struct Validator {
  NodeId node;
  Power power = 0;
  friend auto operator<=>(const Validator&, const Validator&) = default;
};

/// Change of one member's power: 0 removes, a new node joins.
using ValidatorUpdate = Validator;

/// The validators of one height: sorted by node, all powers positive. Index = position in that order.
class Committee {
 public:
  Committee() = default;
  /// Sorts; later entries of one node win; power 0 removes. @pre powers >= 0, sum < 2^60
  explicit Committee(std::vector<Validator> validators);

  std::size_t size() const { return validators_.size(); }
  std::span<const Validator> validators() const { return validators_; }
  const Validator& operator[](std::size_t index) const { return validators_[index]; }
  /// Position of the node, or -1 if it is no member.
  std::int32_t index_of(NodeId node) const;
  Power power_of(NodeId node) const;

  Power total() const { return total_; }
  /// Q: the least power that is more than two thirds.
  Power quorum() const { return 2 * total_ / 3 + 1; }
  /// V: the least power that must include an honest member, F + 1 with F = (total - 1) / 3.
  Power validity() const { return (total_ - 1) / 3 + 1; }
  /// F: the greatest Byzantine power that is tolerated.
  Power max_faulty() const { return (total_ - 1) / 3; }
  bool is_quorum(Power p) const { return p >= quorum(); }

  /// A copy with the changes applied.
  Committee with(std::span<const ValidatorUpdate> updates) const;

  friend bool operator==(const Committee&, const Committee&) = default;
  void hash_into(HashBuilder& h) const;
  /// Digest of members and powers: what `Block::committee_hash` holds.
  Hash128 hash() const { return hash_; }

 private:
  std::vector<Validator> validators_;
  Power total_ = 0;
  Hash128 hash_ = hash_of({});  // kept: every block of a height names it
  static Hash128 hash_of(std::span<const Validator> validators);
};

}  // namespace seqlab::protocols
